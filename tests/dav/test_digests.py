"""Digests: what a client claims is checked while the body arrives; what it wants is told."""

import base64
import hashlib
import os
import zlib
from pathlib import Path

import pytest

from davserver.dav import digests
from tests.dav_client import DavClient
from tests.running import ThreadServer

BODY = b"hello digests"
PATCH_TYPE = "application/x-sabredav-partialupdate"


def b64(algorithm: str, body: bytes = BODY) -> str:
    return base64.b64encode(hashlib.new(algorithm, body).digest()).decode()


def sum_of(algorithm: str, body: bytes = BODY) -> str:
    return hashlib.new(algorithm, body).hexdigest()


def claims(body: bytes) -> list[tuple[str, str]]:
    """Every way to claim that a body is ``body``."""
    return [
        ("Content-Digest", f"sha-256=:{b64('sha256', body)}:"),
        ("Content-Digest", f"sha-512=:{b64('sha512', body)}:, unixsum=:AAA=:"),
        ("Repr-Digest", f"sha-256=:{b64('sha256', body)}:"),
        ("Repr-Digest", f"sha-512=:{b64('sha512', body)}:;q=1"),
        ("Digest", f"sha-256={b64('sha256', body)}"),
        ("Digest", f"SHA-256={b64('sha256', body)},unixsum=30637"),
        ("Digest", f"SHA={b64('sha1', body)}, md5={b64('md5', body)}"),
        ("Content-MD5", b64("md5", body)),
        ("OC-Checksum", f"SHA1:{sum_of('sha1', body)}"),
        ("OC-Checksum", f"sha256:{sum_of('sha256', body).upper()}"),
        ("OC-Checksum", f"MD5:{sum_of('md5', body)} ADLER32:{zlib.adler32(body):x}"),
    ]


@pytest.mark.parametrize("number", range(len(claims(b""))))
def test_a_body_that_is_not_what_was_claimed_is_not_stored(
    client: DavClient, server: ThreadServer, root: Path, number: int
) -> None:
    header, true = claims(BODY)[number]
    _, wrong = claims(b"another body")[number]
    for body in (BODY, iter([BODY[:5], BODY[5:]])):
        answer = client.request("PUT", "/a.txt", data=body, headers={header: wrong})
        assert answer.status_code == 400
        assert header in answer.text
    assert not (root / "a.txt").exists()
    assert os.listdir(root / ".davserver" / "spool") == []
    answer = client.request("PUT", "/a.txt", data=BODY, headers={header: true})
    assert answer.status_code == 201
    answer = client.request("PUT", "/a.txt", data=b"second", headers={header: true})
    assert answer.status_code == 400
    assert client.get("/a.txt").content == BODY
    assert len(server.app.share.files.versions("/a.txt")) == 1


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Content-Digest", "sha-256=abc"),
        ("Content-Digest", "sha-256=:a:"),
        ("Content-Digest", "sha-256"),
        ("Repr-Digest", "SHA-256=:AAAA:"),
        ("Digest", "sha-256"),
        ("Digest", "sha-256=???"),
        ("Content-MD5", "no base64!"),
        ("OC-Checksum", "SHA1"),
        ("OC-Checksum", "SHA1:xyz"),
    ],
)
def test_a_digest_that_cannot_be_read_is_400(
    client: DavClient, root: Path, header: str, value: str
) -> None:
    answer = client.request("PUT", "/a.txt", data=BODY, headers={header: value})
    assert answer.status_code == 400
    assert not (root / "a.txt").exists()


def test_a_digest_of_a_kind_that_nobody_has_here_is_not_looked_at(client: DavClient) -> None:
    for header, value in [
        ("Content-Digest", "sha-3=:AAAA:"),
        ("Digest", "id-sha-256=AAAA"),
        ("OC-Checksum", "CRC32:00"),
    ]:
        answer = client.request("PUT", "/a.txt", data=BODY, headers={header: value})
        assert answer.status_code in (201, 204)


def test_a_digest_of_a_part_and_one_of_the_whole_are_told_apart(client: DavClient) -> None:
    client.put("/a.txt", b"0123456789")
    part, whole = f"sha-256=:{b64('sha256', b'XY')}:", f"sha-256=:{b64('sha256', b'01XY456789')}:"
    place = {"content_range": "bytes 2-3/10"}
    for wrong in ({"content_digest": whole}, {"repr_digest": part}):
        assert client.put("/a.txt", b"XY", **place, **wrong).status_code == 400
    assert client.get("/a.txt").content == b"0123456789"
    right = {"content_digest": part, "repr_digest": whole}
    assert client.put("/a.txt", b"XY", **place, **right).status_code == 204


def test_a_digest_of_a_patch_is_about_the_patch(client: DavClient) -> None:
    client.put("/a.txt", b"0123456789")
    headers = {"Content-Type": PATCH_TYPE, "X-Update-Range": "append"}
    for header in ("Content-Digest", "Repr-Digest"):
        for claimed, status in ((b"other", 400), (b"XY", 204)):
            digest = {header: f"sha-256=:{b64('sha256', claimed)}:"}
            answer = client.request("PATCH", "/a.txt", data=b"XY", headers=headers | digest)
            assert answer.status_code == status
    assert client.get("/a.txt").content == b"0123456789XYXY"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_reader_who_wants_a_digest_gets_it(client: DavClient, method: str) -> None:
    client.put("/a.txt", BODY)
    for want, told in [
        ("sha-256=5", f"sha-256=:{b64('sha256')}:"),
        ("sha-512=9, sha-256=1", f"sha-512=:{b64('sha512')}:"),
        ("sha-512=0, sha-256=1, sha-1024=9", f"sha-256=:{b64('sha256')}:"),
    ]:
        answer = client.request(method, "/a.txt", headers={"Want-Repr-Digest": want})
        assert answer.headers["Repr-Digest"] == told
        assert answer.headers["OC-Checksum"] == f"SHA256:{sum_of('sha256')}"
        assert answer.content == (BODY if method == "GET" else b"")
    for want in ("", "sha-256=0", "md5=3", "nonsense"):
        answer = client.request(method, "/a.txt", headers={"Want-Repr-Digest": want})
        assert "Repr-Digest" not in answer.headers
        assert "OC-Checksum" not in answer.headers


def test_a_digest_with_a_range_is_that_of_the_whole(client: DavClient) -> None:
    client.put("/a.txt", BODY)
    answer = client.get("/a.txt", want_repr_digest="sha-256=1", range="bytes=0-4")
    assert (answer.status_code, answer.content) == (206, b"hello")
    assert answer.headers["Repr-Digest"] == f"sha-256=:{b64('sha256')}:"


def test_a_file_from_outside_is_read_for_its_digest_if_it_is_not_too_large(
    client: DavClient, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.put("/a.txt", b"known")
    (root / "a.txt").write_bytes(BODY)
    answer = client.get("/a.txt", want_repr_digest="sha-256=1")
    assert answer.content == BODY
    assert answer.headers["Repr-Digest"] == f"sha-256=:{b64('sha256')}:"
    assert "OC-Checksum" not in answer.headers
    monkeypatch.setattr(digests, "MAX_COMPUTED", len(BODY) - 1)
    answer = client.get("/a.txt", want_repr_digest="sha-256=1")
    assert (answer.content, "Repr-Digest" in answer.headers) == (BODY, False)
    client.put("/a.txt", BODY)
    answer = client.get("/a.txt", want_repr_digest="sha-512=9, sha-256=1")
    assert answer.headers["Repr-Digest"] == f"sha-256=:{b64('sha256')}:"


def test_a_restored_version_has_its_digest_too(client: DavClient, server: ThreadServer) -> None:
    client.put("/a.txt", BODY)
    client.put("/a.txt", b"later")
    client.copy("/a.txt", "/b.txt")
    answer = client.request("HEAD", "/b.txt", headers={"Want-Repr-Digest": "sha-256=1"})
    assert answer.headers["OC-Checksum"] == f"SHA256:{sum_of('sha256', b'later')}"


def test_many_claims_cost_one_hash_each_kind() -> None:
    made = []

    def counted() -> digests.Hash:
        made.append(1)
        return hashlib.sha256()

    claim = digests.Claim("OC-Checksum", counted, hashlib.sha256(BODY).digest())
    assert b"".join(digests.verified([BODY], [claim] * 1000)) == BODY
    assert len(made) == 1

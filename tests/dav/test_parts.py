"""Writing a part of a file: PUT with Content-Range, and PATCH."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests import raw
from tests.clock import wait_until
from tests.dav_client import DavClient, token_of
from tests.running import ThreadServer

CONTENT = b"0123456789"
TYPE = "application/x-sabredav-partialupdate"


@pytest.fixture
def writer(client: DavClient) -> DavClient:
    client.put("/a.txt", CONTENT)
    return client


def patch(client: DavClient, body: object, where: str, **headers: str) -> requests.Response:
    fields = {"Content-Type": TYPE, "X-Update-Range": where}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    return client.request("PATCH", "/a.txt", data=body, headers=fields)


def numbers(server: ThreadServer) -> list[int]:
    return [version.number for version in server.app.share.files.versions("/a.txt")]


@pytest.mark.parametrize(
    ("content_range", "body", "expected"),
    [
        ("bytes 2-3/10", b"XY", b"01XY456789"),
        ("bytes 2-3/*", b"XY", b"01XY456789"),
        ("bytes 0-9/10", b"abcdefghij", b"abcdefghij"),
        ("bytes 10-12/13", b"XYZ", b"0123456789XYZ"),
        ("bytes 8-11/*", b"WXYZ", b"01234567WXYZ"),
        ("bytes 8-11/20", b"WXYZ", b"01234567WXYZ"),
    ],
)
def test_a_put_with_content_range_writes_that_part(
    writer: DavClient, server: ThreadServer, content_range: str, body: bytes, expected: bytes
) -> None:
    """rclone and copyparty make the part the whole file."""
    answer = writer.put("/a.txt", body, content_range=content_range)
    assert answer.status_code == 204
    got = writer.get("/a.txt")
    assert (got.content, got.headers["ETag"]) == (expected, answer.headers["ETag"])
    assert numbers(server) == [1, 2]
    kept, _ = server.app.share.files.open_version("/a.txt", 1)
    with kept:
        assert kept.read() == CONTENT


@pytest.mark.parametrize(
    ("content_range", "body", "status"),
    [
        ("bytes 2-3/10", b"XYZ", 400),
        ("bytes 2-3/10", b"X", 400),
        ("bytes 2-3/10", b"", 400),
        ("bytes 2-3", b"XY", 400),
        ("bytes 3-2/10", b"", 400),
        ("bytes */10", b"", 400),
        ("items 2-3/10", b"XY", 400),
        ("", b"XY", 400),
        ("bytes 11-12/13", b"XY", 416),
        ("bytes 2-3/9", b"XY", 409),
    ],
)
def test_a_part_that_does_not_fit_changes_nothing(
    writer: DavClient, server: ThreadServer, content_range: str, body: bytes, status: int
) -> None:
    answer = writer.put("/a.txt", body, content_range=content_range)
    assert answer.status_code == status
    if status == 416:
        assert answer.headers["Content-Range"] == "bytes */10"
    if body:
        # A chunked body has no length that could be looked at before.
        chunked = writer.put("/a.txt", iter([body]), content_range=content_range)
        assert chunked.status_code == status
    assert writer.get("/a.txt").content == CONTENT
    assert numbers(server) == [1]
    assert os.listdir(server.root / ".davserver" / "spool") == []


def test_an_upload_in_parts_makes_the_file(client: DavClient) -> None:
    assert client.put("/new", b"01234", content_range="bytes 0-4/10").status_code == 201
    assert client.put("/new", b"56789", content_range="bytes 5-9/10").status_code == 204
    assert client.get("/new").content == CONTENT
    assert client.put("/none", b"X", content_range="bytes 1-1/2").status_code == 416
    assert client.get("/none").status_code == 404


@pytest.mark.parametrize(
    ("where", "body", "expected"),
    [
        ("bytes=4-6", b"XYZ", b"0123XYZ789"),
        ("bytes=4-", b"XY", b"0123XY6789"),
        ("bytes=8-", b"XYZ", b"01234567XYZ"),
        ("bytes=-2", b"XY", b"01234567XY"),
        ("bytes=-2", b"XYZ", b"01234567XYZ"),
        ("bytes=10-", b"X", b"0123456789X"),
        ("append", b"XYZ", b"0123456789XYZ"),
    ],
)
def test_a_patch_writes_a_part(
    writer: DavClient, server: ThreadServer, where: str, body: bytes, expected: bytes
) -> None:
    answer = patch(writer, body, where)
    assert answer.status_code == 204
    got = writer.get("/a.txt")
    assert (got.content, got.headers["ETag"]) == (expected, answer.headers["ETag"])
    assert patch(writer, iter([b"!"]), "append").status_code == 204
    assert writer.get("/a.txt").content == expected + b"!"
    assert numbers(server) == [1, 2, 3]


@pytest.mark.parametrize(
    ("where", "body", "status"),
    [
        ("bytes=4-6", b"XY", 400),
        ("bytes=6-4", b"XY", 400),
        ("bytes=", b"XY", 400),
        ("somewhere", b"XY", 400),
        ("", b"XY", 400),
        ("append", b"", 400),
        ("bytes=11-", b"XY", 416),
        ("bytes=-11", b"XY", 416),
    ],
)
def test_a_patch_that_does_not_fit_changes_nothing(
    writer: DavClient, server: ThreadServer, where: str, body: bytes, status: int
) -> None:
    assert patch(writer, body, where).status_code == status
    assert writer.get("/a.txt").content == CONTENT
    assert numbers(server) == [1]


def test_a_patch_needs_its_type_and_a_file(writer: DavClient) -> None:
    answer = patch(writer, b"X", "append", Content_Type="application/octet-stream")
    assert answer.status_code == 415
    assert answer.headers["Accept-Patch"] == TYPE
    headers = {"Content-Type": TYPE, "X-Update-Range": "append"}
    assert writer.request("PATCH", "/none", data=b"X", headers=headers).status_code == 404
    writer.mkcol("/docs")
    assert writer.request("PATCH", "/docs", data=b"X", headers=headers).status_code == 405
    assert writer.request("PATCH", "/docs/", data=b"X", headers=headers).status_code == 409


def test_options_tell_of_patch(client: DavClient) -> None:
    headers = client.request("OPTIONS", "/").headers
    assert "PATCH" in headers["Allow"].split(", ")
    assert "sabredav-partialupdate" in headers["DAV"].split(", ")
    assert headers["Accept-Patch"] == TYPE


def test_who_may_only_read_writes_no_part(serve: Callable[..., ThreadServer], root: Path) -> None:
    (root / "a.txt").write_bytes(CONTENT)
    stranger = DavClient(serve(anonymous="read").url)
    assert stranger.get("/a.txt").status_code == 200
    assert patch(stranger, b"X", "append").status_code == 401
    assert stranger.put("/a.txt", b"X", content_range="bytes 0-0/10").status_code == 401
    assert (root / "a.txt").read_bytes() == CONTENT


def test_a_lock_protects_every_part(writer: DavClient) -> None:
    token = token_of(writer.lock("/a.txt"))
    assert patch(writer, b"X", "append").status_code == 423
    assert writer.put("/a.txt", b"X", content_range="bytes 0-0/*").status_code == 423
    assert patch(writer, b"X", "append", If=f"({token})").status_code == 204


@pytest.mark.parametrize("how", ["PATCH", "PUT"])
@pytest.mark.parametrize("conditional", [True, False])
def test_two_writers_at_once_never_make_a_mixture(
    writer: DavClient, server: ThreadServer, how: str, conditional: bool
) -> None:
    """The part was made for the old state: over another one it is refused."""
    tag = writer.get("/a.txt").headers["ETag"]
    fields = [f"If-Match: {tag}"] if conditional else []
    if how == "PATCH":
        fields += [f"Content-Type: {TYPE}", "X-Update-Range: bytes=4-5"]
    else:
        fields += ["Content-Range: bytes 4-5/10"]
    with raw.connected(server.url) as slow:
        slow.sendall(raw.head(how, "/a.txt", "Content-Length: 2", *fields) + b"X")
        wait_until(lambda: os.listdir(server.root / ".davserver" / "spool"), "no body arrived")
        assert writer.put("/a.txt", b"other").status_code == 204
        slow.sendall(b"Y")
        assert raw.status(slow.recv(4096)) == (412 if conditional else 409)
    assert writer.get("/a.txt").content == b"other"
    assert numbers(server) == [1, 2]


def test_a_file_that_appears_while_its_first_part_arrives_stays(
    client: DavClient, server: ThreadServer
) -> None:
    with raw.connected(server.url) as slow:
        head = raw.head("PUT", "/a.txt", "Content-Length: 2", "Content-Range: bytes 0-1/2")
        slow.sendall(head + b"X")
        wait_until(lambda: os.listdir(server.root / ".davserver" / "spool"), "no body arrived")
        assert client.put("/a.txt", b"other").status_code == 201
        slow.sendall(b"Y")
        assert raw.status(slow.recv(4096)) == 409
    assert client.get("/a.txt").content == b"other"


def test_a_part_that_breaks_off_changes_nothing(writer: DavClient, server: ThreadServer) -> None:
    request = raw.head("PUT", "/a.txt", "Content-Length: 5", "Content-Range: bytes 0-4/10") + b"XX"
    assert raw.status(raw.send(server.url, request, then_stop=True)) == 400
    assert writer.get("/a.txt").content == CONTENT


def test_a_file_does_not_grow_over_the_limit_part_by_part(
    serve: Callable[..., ThreadServer], root: Path
) -> None:
    client = serve(max_upload_mib=1).client()
    assert client.put("/a.txt", b"x" * ((1 << 20) - 1)).status_code == 201
    assert patch(client, b"xx", "append").status_code == 413
    assert patch(client, iter([b"x", b"x"]), "append").status_code == 413
    assert client.put("/a.txt", b"xx", content_range="bytes 1048575-1048576/*").status_code == 413
    assert patch(client, b"x", "append").status_code == 204
    assert (root / "a.txt").stat().st_size == 1 << 20


def test_a_part_of_a_large_file_is_written_in_its_place(client: DavClient, root: Path) -> None:
    content = os.urandom(3_000_000)
    client.put("/a.txt", content)
    part = os.urandom(700_000)
    assert patch(client, part, "bytes=1000000-1699999").status_code == 204
    assert (root / "a.txt").read_bytes() == content[:1_000_000] + part + content[1_700_000:]


def test_many_who_append_at_once_lose_nothing_and_mix_nothing(
    server: ThreadServer, client: DavClient
) -> None:
    """Each is told whether its line is there; who was refused sends it again."""
    client.put("/a.txt", b"")
    lines = [f"line {number}\n".encode() * 50 for number in range(12)]

    def append(line: bytes) -> None:
        own = server.client()
        for _ in range(200):
            status = patch(own, line, "append").status_code
            if status == 204:
                return
            assert status == 409
        raise AssertionError("never had a chance")

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(append, lines))
    content = client.get("/a.txt").content
    assert len(content) == sum(map(len, lines))
    assert all(line in content for line in lines)

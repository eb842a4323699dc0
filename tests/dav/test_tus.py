"""tus 1.0 over a socket: an upload in pieces is whole, or can be gone on with."""

import base64
import hashlib
import io
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tusclient.client import TusClient as Tuspy

from davserver import paths
from davserver.dav.tus import parse_metadata, target
from davserver.errors import BadRequest, NameNotAllowed, NameTooLong
from davserver.providers.uploads import MAX_OPEN_EACH
from tests import raw
from tests.clock import later, wait_until
from tests.dav.tus_client import OCTETS, VERSION, TusClient, metadata
from tests.dav_client import DavClient, token_of
from tests.running import ADMIN, PASSWORD, ThreadServer

CONTENT = os.urandom(300_000)


@pytest.fixture
def tus(client: DavClient) -> TusClient:
    return TusClient(client)


def uploads_folder(root: Path) -> list[str]:
    return os.listdir(root / ".davserver" / "uploads")


def test_the_server_tells_what_it_can_to_everybody(server: ThreadServer) -> None:
    answer = DavClient(server.url).request("OPTIONS", "/-/upload/")
    assert answer.status_code == 204
    assert answer.headers["Tus-Version"] == "1.0.0"
    extensions = set(answer.headers["Tus-Extension"].split(","))
    assert extensions == {
        "creation",
        "creation-with-upload",
        "checksum",
        "expiration",
        "termination",
    }
    assert "sha1" in answer.headers["Tus-Checksum-Algorithm"].split(",")


def test_pieces_become_the_file_with_the_last_byte(tus: TusClient, root: Path) -> None:
    created = tus.create(len(CONTENT), filename="a.bin")
    assert created.status_code == 201
    assert created.headers["Tus-Resumable"] == "1.0.0"
    assert tus.offset() == 0
    assert tus.patch(0, CONTENT[:100_000]).headers["Upload-Offset"] == "100000"
    assert tus.offset() == 100_000
    assert not (root / "a.bin").exists()
    last = tus.patch(100_000, CONTENT[100_000:])
    assert (last.status_code, last.headers["Upload-Offset"]) == (204, str(len(CONTENT)))
    assert (root / "a.bin").read_bytes() == CONTENT
    assert last.headers["ETag"] == tus.client.get("/a.bin").headers["ETag"]
    assert tus.offset() == len(CONTENT)
    assert uploads_folder(root) == []


def test_the_hash_of_pieces_is_that_of_the_file(tus: TusClient, server: ThreadServer) -> None:
    tus.create(len(CONTENT), CONTENT[:1000], filename="a.bin")
    tus.patch(1000, CONTENT[1000:])
    [version] = server.app.share.files.versions("/a.bin")
    assert version.sha256 == hashlib.sha256(CONTENT).hexdigest()


def test_an_upload_over_a_file_is_its_next_version(tus: TusClient, server: ThreadServer) -> None:
    tus.client.mkcol("/docs")
    tus.client.put("/docs/ä b.txt", b"old")
    tus.create(3, b"new", path="/docs/ä b.txt", mtime="1700000000.5")
    entry = server.app.share.files.entry("/docs/ä b.txt")
    assert entry.modified_ns == 1_700_000_000_500_000_000
    assert [v.number for v in server.app.share.files.versions("/docs/ä b.txt")] == [1, 2]
    tus.create(2, b"no", folder="/docs", filename="ä b.txt")
    assert len(server.app.share.files.versions("/docs/ä b.txt")) == 3


def test_the_body_of_the_creation_counts(tus: TusClient, root: Path) -> None:
    created = tus.create(10, b"01234", filename="a.txt")
    assert created.headers["Upload-Offset"] == "5"
    tus.patch(5, b"56789")
    assert (root / "a.txt").read_bytes() == b"0123456789"
    assert tus.create(0, filename="empty.txt").status_code == 201
    assert (root / "empty.txt").read_bytes() == b""


@pytest.mark.parametrize("offset", [0, 4, 6, 99])
def test_a_wrong_offset_is_409_and_tells_the_right_one(tus: TusClient, offset: int) -> None:
    tus.create(10, b"01234", filename="a.txt")
    refused = tus.patch(offset, b"x")
    assert (refused.status_code, refused.headers["Tus-Resumable"]) == (409, "1.0.0")
    assert refused.headers["Upload-Offset"] == "5"
    assert tus.offset() == 5


def test_a_body_that_breaks_off_keeps_what_arrived(
    tus: TusClient, server: ThreadServer, root: Path
) -> None:
    tus.create(len(CONTENT), filename="a.bin")
    fields = [f"{name}: {value}" for name, value in {**VERSION, **OCTETS}.items()]
    head = raw.head(
        "PATCH", tus.address, *fields, "Upload-Offset: 0", f"Content-Length: {len(CONTENT)}"
    )
    assert raw.status(raw.send(server.url, head + CONTENT[:70_000], then_stop=True)) == 400
    assert tus.offset() == 70_000
    tus.patch(70_000, CONTENT[70_000:])
    assert (root / "a.bin").read_bytes() == CONTENT


def test_two_requests_for_one_upload_never_mix(
    tus: TusClient, server: ThreadServer, root: Path
) -> None:
    tus.create(len(CONTENT), filename="a.bin")
    fields = [f"{name}: {value}" for name, value in {**VERSION, **OCTETS}.items()]
    head = raw.head(
        "PATCH", tus.address, *fields, "Upload-Offset: 0", f"Content-Length: {len(CONTENT)}"
    )
    with raw.connected(server.url) as slow:
        slow.sendall(head + CONTENT[:1000])
        wait_until(lambda: uploads_folder(root), "the body never began to arrive")
        refused = tus.patch(0, b"something else")
        assert (refused.status_code, refused.headers["Retry-After"]) == (423, "1")
        assert tus.delete().status_code == 423
        slow.sendall(CONTENT[1000:])
        assert slow.recv(1000).startswith(b"HTTP/1.1 204")
    assert (root / "a.bin").read_bytes() == CONTENT


def test_a_part_with_another_checksum_is_dropped(tus: TusClient, root: Path) -> None:
    tus.create(10, b"01234", filename="a.txt")

    def checksum(of: bytes, algorithm: str = "sha1") -> str:
        return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, of).digest()).decode()}"

    assert tus.patch(5, b"xxxxx", Upload_Checksum=checksum(b"56789")).status_code == 460
    assert tus.offset() == 5
    assert tus.patch(5, b"56789", Upload_Checksum="crc99 AAAA").status_code == 400
    assert tus.patch(5, b"56789", Upload_Checksum="sha1 !").status_code == 400
    right = tus.patch(5, b"56789", Upload_Checksum=checksum(b"56789", "sha256"))
    assert right.status_code == 204
    assert (root / "a.txt").read_bytes() == b"0123456789"


def test_a_part_that_breaks_off_before_its_checksum_is_dropped(
    tus: TusClient, server: ThreadServer
) -> None:
    tus.create(10, b"01234", filename="a.txt")
    fields = [f"{name}: {value}" for name, value in {**VERSION, **OCTETS}.items()]
    head = raw.head(
        "PATCH",
        tus.address,
        *fields,
        "Upload-Offset: 5",
        "Upload-Checksum: sha1 AAAA",
        "Content-Length: 5",
    )
    raw.send(server.url, head + b"567", then_stop=True)
    assert tus.offset() == 5


def test_more_than_was_announced_is_refused(tus: TusClient, root: Path) -> None:
    tus.create(10, b"01234", filename="a.txt")
    assert tus.patch(5, b"567890").status_code == 413
    assert tus.patch(5, iter([b"567", b"890"])).status_code == 413
    stands_at = tus.offset()
    tus.patch(stands_at, b"0123456789"[stands_at:])
    assert (root / "a.txt").read_bytes() == b"0123456789"


def test_an_upload_is_given_up_with_its_bytes(tus: TusClient, root: Path) -> None:
    tus.create(10, b"01234", filename="a.txt")
    assert len(uploads_folder(root)) == 1
    assert tus.delete().status_code == 204
    assert uploads_folder(root) == []
    assert tus.head().status_code == 404
    assert tus.patch(5, b"56789").status_code == 404


def test_an_upload_expires_after_its_last_request(
    tus: TusClient, server: ThreadServer, root: Path
) -> None:
    created = tus.create(10, b"01234", filename="a.txt")
    assert created.headers["Upload-Expires"].endswith("GMT")
    with later(20 * 3600):
        tus.patch(5, b"5")
        server.app.housekeeping.run_once()
    with later(40 * 3600):
        assert tus.offset() == 6
    with later(45 * 3600):
        assert tus.head().status_code == 404
        server.app.housekeeping.run_once()
        assert uploads_folder(root) == []


def test_an_upload_survives_a_restart_and_the_sweeper(
    serve: Callable[..., ThreadServer], root: Path
) -> None:
    first = serve()
    tus = TusClient(first.client())
    tus.create(10, b"01234", filename="a.txt")
    first.app.housekeeping.run_once()
    tus.client = serve().client()
    assert tus.offset() == 5
    tus.patch(5, b"56789")
    assert (root / "a.txt").read_bytes() == b"0123456789"


def test_several_processes_serve_the_pieces_of_one_upload(
    serve: Callable[..., ThreadServer], root: Path
) -> None:
    tus = TusClient(serve().client())
    tus.create(len(CONTENT), filename="a.bin")
    others = [serve().client(), tus.client]
    for number, at in enumerate(range(0, len(CONTENT), 50_000)):
        tus.client = others[number % 2]
        assert tus.patch(at, CONTENT[at : at + 50_000]).status_code == 204
    assert (root / "a.bin").read_bytes() == CONTENT


def test_the_upload_of_another_is_not_there(
    tus: TusClient, server: ThreadServer, add_user: Callable[[str, str], None]
) -> None:
    add_user("ann", "secret words")
    tus.create(10, b"01234", filename="a.txt")
    tus.client = server.client("ann", "secret words")
    assert tus.head().status_code == 404
    assert tus.patch(5, b"56789").status_code == 404
    assert tus.delete().status_code == 404


def test_who_may_only_read_makes_no_upload(serve: Callable[..., ThreadServer]) -> None:
    server = serve(anonymous="read")
    assert TusClient(DavClient(server.url)).create(1, filename="a.txt").status_code == 401


def test_a_condition_holds_when_the_last_byte_arrives(tus: TusClient, root: Path) -> None:
    etag = tus.client.put("/a.txt", b"old").headers["ETag"]
    assert tus.create(3, filename="a.txt", if_none_match="*").status_code == 412
    assert tus.create(3, filename="a.txt", if_match='"other"').status_code == 412
    assert tus.create(3, filename="a.txt", headers={"If-Match": '"other"'}).status_code == 412
    tus.create(3, b"n", filename="a.txt", if_match=etag)
    tus.client.put("/a.txt", b"by another")
    assert tus.patch(1, b"ew").status_code == 412
    assert (root / "a.txt").read_bytes() == b"by another"
    assert tus.head().status_code == 412


def test_a_lock_taken_meanwhile_stops_it_until_it_is_released(tus: TusClient, root: Path) -> None:
    tus.create(3, b"n", filename="a.txt")
    token = token_of(tus.client.lock("/a.txt"))
    assert tus.patch(1, b"ew").status_code == 423
    assert tus.head().status_code == 423, "a client would believe that it is stored"
    assert tus.patch(3, b"", If=f"</a.txt> ({token[:-1]}x>)").status_code == 412
    tus.client.unlock("/a.txt", token)
    assert tus.offset() == 3
    assert (root / "a.txt").read_bytes() == b"new"


def test_many_may_ask_for_the_end_at_once(tus: TusClient, server: ThreadServer) -> None:
    tus.create(3, b"n", filename="a.txt")
    token = token_of(tus.client.lock("/a.txt"))
    tus.patch(1, b"ew")
    tus.client.unlock("/a.txt", token)

    def ask(_: int) -> int:
        other = TusClient(server.client())
        other.address = tus.address
        return other.head().status_code

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(ask, range(8))) <= {200, 423}
    assert tus.offset() == 3
    assert len(server.app.share.files.versions("/a.txt")) == 1


def test_the_token_of_a_lock_opens_it(tus: TusClient, root: Path) -> None:
    token = token_of(tus.client.lock("/a.txt"))
    assert tus.create(3, filename="a.txt").status_code == 423
    tus.create(3, b"n", headers={"If": f"({token})"}, filename="a.txt")
    assert tus.patch(1, b"ew", If=f"({token})").status_code == 204
    assert (root / "a.txt").read_bytes() == b"new"


@pytest.mark.parametrize(
    ("pairs", "status"),
    [
        ({}, 400),
        ({"filename": "a/b"}, 400),
        ({"path": "/"}, 400),
        ({"path": "/docs/"}, 400),
        ({"path": "/../a"}, 400),
        ({"path": "/.davserver/catalog.sqlite3"}, 403),
        ({"path": "/-/upload/x"}, 403),
        ({"path": "/.trash/x"}, 403),
        ({"path": "/none/a.txt"}, 409),
        ({"filename": "a\nb"}, 403),
        ({"filename": "a" * 256}, 414),
        ({"filename": "a", "mtime": "yesterday"}, 400),
    ],
)
def test_a_target_that_put_would_refuse_is_refused(
    tus: TusClient, pairs: dict[str, str], status: int
) -> None:
    assert tus.create(1, **pairs).status_code == status


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"Tus-Resumable": "0.2.2"}, 412),
        ({"Upload-Length": "-1"}, 400),
        ({"Upload-Length": ""}, 400),
        ({"Upload-Metadata": "filename ?"}, 400),
        ({"Upload-Metadata": "filename YQ==,filename YQ=="}, 400),
        ({"X-HTTP-Method-Override": "PUT"}, 400),
    ],
)
def test_a_creation_that_is_not_tus_is_refused(
    tus: TusClient, fields: dict[str, str], status: int
) -> None:
    answer = tus.create(1, headers=fields, filename="a.txt")
    assert answer.status_code == status
    if status == 412:
        assert answer.headers["Tus-Version"] == "1.0.0"


def test_a_part_of_another_type_is_415(tus: TusClient) -> None:
    tus.create(1, filename="a.txt")
    assert tus.patch(0, b"x", Content_Type="text/plain").status_code == 415


def test_the_method_can_come_in_a_header(tus: TusClient, root: Path) -> None:
    tus.create(1, filename="a.txt")
    fields = {**VERSION, **OCTETS, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert tus.client.request("POST", tus.address, data=b"x", headers=fields).status_code == 204
    assert (root / "a.txt").read_bytes() == b"x"


def test_size_and_number_have_limits(serve: Callable[..., ThreadServer]) -> None:
    server = serve(max_upload_mib=1)
    tus = TusClient(server.client())
    options = tus.client.request("OPTIONS", "/-/upload/")
    assert options.headers["Tus-Max-Size"] == str(1 << 20)
    assert tus.create((1 << 20) + 1, filename="a.bin").status_code == 413
    for _ in range(MAX_OPEN_EACH):
        assert tus.create(10, filename="a.bin").status_code == 201
    assert tus.create(10, filename="a.bin").status_code == 403
    tus.create(10, filename="a.bin")
    long = tus.create(10, headers={"Upload-Metadata": metadata(filename="a" * 9000)})
    assert long.status_code == 400


def test_the_metadata_is_told_as_it_was_given(tus: TusClient) -> None:
    tus.create(10, filename="ä.txt", type="text/plain")
    head = tus.head().headers
    assert head["Upload-Metadata"] == metadata(filename="ä.txt", type="text/plain")
    assert (head["Upload-Length"], head["Cache-Control"]) == ("10", "no-store")


def test_a_form_of_another_site_makes_no_upload(server: ThreadServer) -> None:
    fields = {**VERSION, "Upload-Length": "1", "Sec-Fetch-Site": "cross-site"}
    fields["Upload-Metadata"] = metadata(filename="a.txt")
    assert server.client().request("POST", "/-/upload/", headers=fields).status_code == 403


@given(st.text(max_size=200) | st.from_regex(r"(path|filename|folder) [A-Za-z0-9+/=]{0,40}"))
def test_any_metadata_names_a_file_or_is_refused(header: str) -> None:
    try:
        path = target(parse_metadata(header))
    except (BadRequest, NameNotAllowed, NameTooLong):
        return
    assert paths.decoded(paths.href(path)) == path
    assert not paths.is_ours(path)


@given(st.dictionaries(st.from_regex(r"[a-z-]{1,10}", fullmatch=True), st.text(max_size=50)))
def test_metadata_is_read_as_it_was_written(pairs: dict[str, str]) -> None:
    written = ",".join(
        f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items()
    )
    assert parse_metadata(written) == pairs


@pytest.mark.parametrize("checksums", [False, True])
def test_tuspy_uploads_and_resumes(server: ThreadServer, root: Path, checksums: bool) -> None:
    """The Python client of the protocol's authors."""
    secret = base64.b64encode(f"{ADMIN}:{PASSWORD}".encode()).decode()
    tuspy = Tuspy(f"{server.url}/-/upload/", headers={"Authorization": f"Basic {secret}"})
    options = {"chunk_size": 64_000, "metadata": {"filename": "ünï.bin"}}
    first = tuspy.uploader(file_stream=io.BytesIO(CONTENT), upload_checksum=checksums, **options)
    first.upload_chunk()
    again = tuspy.uploader(
        file_stream=io.BytesIO(CONTENT), url=first.url, upload_checksum=checksums, **options
    )
    assert again.offset == 64_000
    again.upload()
    assert (root / "ünï.bin").read_bytes() == CONTENT

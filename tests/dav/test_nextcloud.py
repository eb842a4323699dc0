"""Nextcloud's addresses and its chunked upload, over a socket."""

import hashlib
import os
import random
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from davserver.providers import exclusion, uploads
from tests.clock import later
from tests.dav_client import DavClient, named, token_of
from tests.running import ADMIN, ThreadServer

PARTS = [random.Random(number).randbytes(50_000) for number in range(12)]
WHOLE = b"".join(PARTS)


class Chunked:
    """An upload in parts, below one of the roots that clients use."""

    def __init__(self, client: DavClient, root: str = "/remote.php/dav", name: str = "one") -> None:
        self.client = client
        self.files = f"{root}/files/{ADMIN}"
        self.address = f"{root}/uploads/{ADMIN}/{name}"

    def begin(self) -> requests.Response:
        return self.client.mkcol(self.address)

    def put(self, part: object, body: bytes) -> requests.Response:
        return self.client.put(f"{self.address}/{part}", body)

    def join(self, path: str = "/a.bin", **headers: str) -> requests.Response:
        headers.setdefault("oc_total_length", str(len(WHOLE)))
        return self.client.move(f"{self.address}/.file", self.files + path, **headers)

    def send(self, path: str = "/a.bin", **headers: str) -> requests.Response:
        self.begin()
        for number, part in enumerate(PARTS, start=1):
            assert self.put(number, part).status_code == 201
        return self.join(path, **headers)


@pytest.fixture
def chunked(client: DavClient) -> Chunked:
    return Chunked(client)


@pytest.mark.parametrize("base", ["/remote.php/dav/files/admin", "/-/dav/files/admin"])
def test_the_tree_is_the_same_there(client: DavClient, root: Path, base: str) -> None:
    assert client.mkcol(f"{base}/docs").status_code == 201
    assert client.put(f"{base}/docs/ä&b.txt", b"x").status_code == 201
    assert (root / "docs" / "ä&b.txt").read_bytes() == b"x"
    assert client.hrefs(f"{base}/docs/") == [f"{base}/docs/", f"{base}/docs/%C3%A4%26b.txt"]
    assert client.move(f"{base}/docs/ä&b.txt", f"{base}/c.txt").status_code == 201
    assert client.copy(f"{base}/c.txt", f"{base}/docs/d.txt").status_code == 201
    assert client.get("/docs/d.txt").content == b"x"
    token = token_of(client.lock(f"{base}/c.txt"))
    assert client.put("/c.txt", b"y").status_code == 423
    tagged = f"<{client.url(f'{base}/c.txt')}> ({token})"
    assert client.put(f"{base}/c.txt", b"y", **{"if": tagged}).status_code == 204


def test_nobody_finds_the_tree_under_another_name(
    server: ThreadServer, add_user: Callable[[str, str], None]
) -> None:
    add_user("ann@example.org", "secret words")
    ann = server.client("ann@example.org", "secret words")
    assert ann.propfind("/remote.php/dav/files/ann@example.org/").status_code == 207
    encoded = f"{server.url}/remote.php/dav/files/ann%40example.org/a.txt"
    assert ann.session.put(encoded, b"x").status_code == 201
    moved = ann.session.request("MOVE", encoded, headers={"Destination": encoded[:-5] + "b.txt"})
    assert moved.status_code == 201
    assert ann.propfind("/remote.php/dav/files/admin/").status_code == 404
    assert ann.mkcol("/remote.php/dav/uploads/admin/one").status_code == 404
    assert ann.propfind("/remote.php/dav/other/ann@example.org/").status_code == 404
    assert DavClient(server.url).propfind("/remote.php/dav/files/admin/").status_code == 401


def test_the_hidden_names_are_not_there_either(client: DavClient) -> None:
    base = "/remote.php/dav/files/admin"
    assert client.get(f"{base}/.davserver/catalog.sqlite3").status_code == 404
    client.put("/a.txt", b"x")
    assert client.move(f"{base}/a.txt", f"{base}/.davserver/x").status_code == 403


@pytest.mark.parametrize("base", ["/remote.php/dav", "/-/dav"])
def test_parts_become_the_file_in_the_order_of_their_numbers(
    client: DavClient, root: Path, base: str
) -> None:
    chunked = Chunked(client, base)
    joined = chunked.send(x_oc_mtime="1700000000")
    assert joined.status_code == 201
    assert joined.headers["X-OC-MTime"] == "accepted"
    assert (root / "a.bin").read_bytes() == WHOLE
    assert (root / "a.bin").stat().st_mtime == 1_700_000_000
    assert joined.headers["ETag"] == client.get("/a.bin").headers["ETag"]
    assert os.listdir(root / ".davserver" / "uploads") == []


def test_parts_may_be_called_by_their_bytes_and_come_together(
    chunked: Chunked, server: ThreadServer, root: Path
) -> None:
    """As rclone names them; in any order, at the same time."""
    chunked.begin()

    def put(number: int) -> int:
        at = 50_000 * number
        name = f"{at:015d}-{at + 50_000:015d}"
        one = Chunked(server.client())
        return one.put(name, PARTS[number]).status_code

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(put, reversed(range(12)))) == {201}
    assert chunked.join().status_code == 201
    assert (root / "a.bin").read_bytes() == WHOLE


def test_a_file_that_is_there_gets_a_version(chunked: Chunked, server: ThreadServer) -> None:
    chunked.client.put("/a.bin", b"old")
    assert chunked.send(overwrite="F").status_code == 412
    assert chunked.join().status_code == 204
    assert [v.number for v in server.app.share.files.versions("/a.bin")] == [1, 2]


def test_asking_again_for_what_is_done_changes_nothing(
    chunked: Chunked, server: ThreadServer
) -> None:
    first = chunked.send()
    again = chunked.join()
    assert (again.status_code, again.headers["ETag"]) == (204, first.headers["ETag"])
    assert len(server.app.share.files.versions("/a.bin")) == 1
    assert chunked.put(1, b"late").status_code == 410
    assert chunked.send("/b.bin").status_code == 201, "the name of an ended upload is free again"


def test_missing_parts_make_no_file(chunked: Chunked, root: Path) -> None:
    chunked.begin()
    for number, part in enumerate(PARTS[:-1]):
        chunked.put(number, part)
    assert chunked.join().status_code == 409
    assert not (root / "a.bin").exists()
    chunked.put(11, PARTS[-1])
    assert chunked.join().status_code == 201


@pytest.mark.parametrize(
    "checksum",
    [
        f"SHA1:{hashlib.sha1(WHOLE).hexdigest()}",
        f"SHA256:{hashlib.sha256(WHOLE).hexdigest()}",
        f"SHA3-256:{hashlib.sha3_256(WHOLE).hexdigest()}",
        f"MD5:{hashlib.md5(WHOLE).hexdigest().upper()}",
        f"Adler32:{zlib.adler32(WHOLE):08x}",
    ],
)
def test_the_checksum_of_the_whole_is_verified(chunked: Chunked, root: Path, checksum: str) -> None:
    wrong = checksum[:-4] + ("0000" if checksum[-4:] != "0000" else "1111")
    assert chunked.send(oc_checksum=wrong).status_code == 400
    assert not (root / "a.bin").exists()
    assert chunked.join(oc_checksum=checksum).status_code == 201


def test_a_part_that_breaks_off_is_not_there_and_one_sent_again_counts(
    chunked: Chunked, root: Path
) -> None:
    chunked.begin()
    assert chunked.put(1, b"wrong").status_code == 201
    assert chunked.put(1, PARTS[0]).status_code == 204
    for number, part in enumerate(PARTS[1:], start=2):
        chunked.put(number, part)
    assert chunked.join().status_code == 201
    assert (root / "a.bin").read_bytes() == WHOLE


def test_the_hash_of_a_file_is_told(chunked: Chunked) -> None:
    """rclone asks for it after an upload, and to compare."""
    chunked.send()

    def ask(**headers: str) -> requests.Response:
        return chunked.client.request("PATCH", chunked.files + "/a.bin", headers=named(headers))

    answer = ask(x_recalculate_hash="sha1")
    assert answer.status_code == 204
    assert answer.headers["OC-Checksum"] == f"SHA1:{hashlib.sha1(WHOLE).hexdigest()}"
    assert ask(x_recalculate_hash="crc").status_code == 400


def test_the_parts_that_arrived_are_told(chunked: Chunked) -> None:
    chunked.begin()
    for number in (10, 9):
        chunked.put(number, b"x" * number)
    hrefs = chunked.client.hrefs(chunked.address + "/")
    assert hrefs == [
        "/remote.php/dav/uploads/admin/one/",
        "/remote.php/dav/uploads/admin/one/9",
        "/remote.php/dav/uploads/admin/one/10",
    ]
    size = chunked.client.property(f"{chunked.address}/10", "D:resourcetype")
    assert size is not None
    assert chunked.client.propfind(f"{chunked.address}/11").status_code == 404


def test_it_works_below_a_path(serve: Callable[..., ThreadServer], root: Path) -> None:
    """The site's own path may hold a folder called files."""
    server = serve(public_url="http://127.0.0.1/files")
    server.url += "/files"
    chunked = Chunked(server.client())
    assert chunked.send().status_code == 201
    assert (root / "a.bin").read_bytes() == WHOLE
    chunked.begin()
    hrefs = chunked.client.hrefs(chunked.address + "/")
    assert hrefs == ["/files/remote.php/dav/uploads/admin/one/"]
    found = chunked.client.hrefs(chunked.files + "/")
    assert found == [
        "/files/remote.php/dav/files/admin/",
        "/files/remote.php/dav/files/admin/a.bin",
    ]


def test_locks_conditions_and_names_hold_at_the_end(chunked: Chunked) -> None:
    client = chunked.client
    etag = client.put("/a.bin", b"old").headers["ETag"]
    token = token_of(client.lock("/a.bin"))
    there = client.url(chunked.files + "/a.bin")
    assert chunked.send().status_code == 423
    assert chunked.join(**{"if": f'<{there}> (["{etag[1:-1]}x"] {token})'}).status_code == 412
    assert chunked.join("/.davserver/x").status_code == 403
    assert chunked.join("/.versions/x").status_code == 403
    assert chunked.join("/none/a.bin").status_code == 409
    assert chunked.join(**{"if": f"<{there}> ([{etag}] {token})"}).status_code == 204


def test_an_upload_is_given_up(chunked: Chunked, root: Path) -> None:
    chunked.begin()
    assert chunked.begin().status_code == 409
    chunked.put(1, b"x")
    assert chunked.client.delete(chunked.address).status_code == 204
    assert os.listdir(root / ".davserver" / "uploads") == []
    assert chunked.put(1, b"x").status_code == 404
    assert chunked.client.delete(chunked.address).status_code == 404


def test_an_upload_is_begun_once_whoever_is_faster(server: ThreadServer) -> None:
    with ThreadPoolExecutor(4) as pool:
        begun = list(pool.map(lambda _: Chunked(server.client()).begin().status_code, range(8)))
    assert sorted(begun) == [201] + [409] * 7


def test_a_name_is_used_again_though_all_share_a_lock(
    chunked: Chunked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names are told apart by 256 stripes: two that fall together must not wait for each other."""
    monkeypatch.setattr(exclusion, "_STRIPES", 1)
    for _ in range(2):
        assert chunked.send().status_code in (201, 204)


def test_an_upload_expires(chunked: Chunked, server: ThreadServer, root: Path) -> None:
    chunked.begin()
    chunked.put(1, b"x")
    with later(25 * 3600):
        assert chunked.put(2, b"x").status_code == 404
        server.app.housekeeping.run_once()
        assert os.listdir(root / ".davserver" / "uploads") == []
        assert chunked.begin().status_code == 201


def test_number_and_size_of_parts_have_limits(
    serve: Callable[..., ThreadServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    chunked = Chunked(serve(max_upload_mib=1).client())
    chunked.begin()
    assert chunked.put(1, b"x" * 600_000).status_code == 201
    assert chunked.put(2, b"x" * 600_000).status_code == 413
    assert chunked.put(1, b"x" * 700_000).status_code == 204
    monkeypatch.setattr(uploads, "MAX_PARTS", 2)
    assert chunked.put(2, b"x").status_code == 201
    assert chunked.put(3, b"x").status_code == 403
    assert chunked.put(2, b"y").status_code == 204


@pytest.mark.parametrize(
    ("method", "below", "status"),
    [
        ("MKCOL", "/one/1", 403),
        ("MKCOL", "/" + "a" * 129, 403),
        ("MKCOL", "/a%20b", 403),
        ("PUT", "/one/a.txt", 403),
        ("PUT", "/one/.file", 403),
        ("PUT", "/two/1", 404),
        ("MOVE", "/one/1", 403),
        ("GET", "/one", 405),
        ("DELETE", "/one/1", 405),
    ],
)
def test_what_is_no_chunked_upload_is_refused(
    chunked: Chunked, method: str, below: str, status: int
) -> None:
    chunked.begin()
    url = f"{chunked.client.base}/remote.php/dav/uploads/admin{below}"
    headers = {"Destination": chunked.client.url(chunked.files + "/a.bin")}
    assert chunked.client.session.request(method, url, headers=headers).status_code == status

"""What litmus 0.18 asks beyond the 0.13 that distributions carry, put to two worker processes."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

from tests.dav_client import DavClient, token_of
from tests.running import ProcessServer

FOUR_GIB = 1 << 32
PEOPLE = 20
ROUNDS = 15


@pytest.fixture
def client(davserver: ProcessServer) -> DavClient:
    return davserver.client()


@pytest.fixture
def folder(davserver: ProcessServer, request: pytest.FixtureRequest) -> Path:
    """A folder on the disk with the test's name."""
    made = davserver.root / request.node.name.partition("[")[0]
    made.mkdir(exist_ok=True)
    return made


def at(folder: Path, name: str) -> str:
    return f"/{folder.name}/{name}"


def test_a_copy_at_depth_0_has_no_members(client: DavClient, folder: Path) -> None:
    (folder / "source").mkdir()
    (folder / "source" / "foo").write_bytes(b"x")
    made = client.copy(at(folder, "source/"), at(folder, "copy/"), depth="0")
    assert made.status_code == 201
    assert client.delete(at(folder, "copy/foo")).status_code == 404
    assert os.listdir(folder / "copy") == []
    assert client.delete(at(folder, "copy/")).status_code == 204


def test_a_put_without_a_parent_is_409(client: DavClient, folder: Path) -> None:
    assert client.put(at(folder, "missing/a.txt"), b"x").status_code == 409
    assert os.listdir(folder) == []


def test_the_time_of_change_is_the_one_of_get(client: DavClient, folder: Path) -> None:
    client.put(at(folder, "a.txt"), b"x")
    told = client.property(at(folder, "a.txt"), "D:getlastmodified")
    assert told is not None
    assert told.text == client.get(at(folder, "a.txt")).headers["Last-Modified"]


def test_a_property_is_deleted_twice(client: DavClient, folder: Path) -> None:
    """RFC 4918, 14.23: removing a property that is not there is no error."""
    client.put(at(folder, "a.txt"), b"x")
    client.proppatch(at(folder, "a.txt"), "<D:set><D:prop><x:p>1</x:p></D:prop></D:set>")
    assert client.property(at(folder, "a.txt"), "x:p") is not None
    for _ in range(2):
        answer = client.proppatch(
            at(folder, "a.txt"), "<D:remove><D:prop><x:p/></D:prop></D:remove>"
        )
        assert answer.status_code == 207
        assert "HTTP/1.1 200 OK" in answer.text
        assert client.property(at(folder, "a.txt"), "x:p") is None


@pytest.mark.parametrize("method", ["COPY", "MOVE"])
def test_a_destination_is_a_path_alone(client: DavClient, folder: Path, method: str) -> None:
    (folder / f"{method}.txt").write_bytes(b"x")
    target = at(folder, f"{method} there.txt")
    answer = client.request(
        method, at(folder, f"{method}.txt"), headers={"Destination": quote(target)}
    )
    assert answer.status_code == 201
    assert (folder / f"{method} there.txt").read_bytes() == b"x"


@pytest.mark.parametrize("same", [True, False], ids=["one file", "a file each"])
def test_many_people_lock_and_unlock_at_once(
    davserver: ProcessServer, folder: Path, same: bool
) -> None:
    """Each LOCK is granted or 423; nobody ever holds a file that somebody else holds too."""
    (folder / "shared.txt").write_bytes(b"x")
    holding = threading.Semaphore(1)
    granted: list[int] = []
    wrong: list[str] = []

    def person(number: int) -> None:
        client = davserver.client()
        path = at(folder, "shared.txt" if same else f"{number}.txt")
        for _ in range(ROUNDS):
            locked = client.lock(path)
            if locked.status_code == 423 and same:
                continue
            if locked.status_code not in (200, 201):
                wrong.append(f"LOCK {locked.status_code}")
                continue
            if same and not holding.acquire(blocking=False):
                wrong.append("two hold the lock")
            granted.append(number)
            token = token_of(locked)
            put = client.put(path, b"mine", If=f"({token})")
            if put.status_code not in (201, 204):
                wrong.append(f"PUT {put.status_code}")
            if same:
                holding.release()
            unlocked = client.unlock(path, token)
            if unlocked.status_code != 204:
                wrong.append(f"UNLOCK {unlocked.status_code}")

    threads = [threading.Thread(target=person, args=(number,)) for number in range(PEOPLE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(granted) == PEOPLE * ROUNDS if not same else granted
    assert (
        "lockdiscovery></D:lockdiscovery"
        in davserver.client().propfind(at(folder, "shared.txt"), "D:lockdiscovery").text
    )


PROTECTED = [".davserver", ".davserver/catalog.sqlite3", ".davserver/new", "-", "-/fresh"]
METHODS: dict[str, Callable[[DavClient, str, str], requests.Response]] = {
    "PUT": lambda client, path, other: client.put(path, b"x"),
    "GET": lambda client, path, other: client.get(path),
    "HEAD": lambda client, path, other: client.request("HEAD", path),
    "MKCOL": lambda client, path, other: client.mkcol(path),
    "DELETE": lambda client, path, other: client.delete(path),
    "LOCK": lambda client, path, other: client.lock(path),
    "PROPFIND": lambda client, path, other: client.propfind(path, depth="1"),
    "PROPPATCH": lambda client, path, other: client.proppatch(
        path, "<D:set><D:prop><x:p>1</x:p></D:prop></D:set>"
    ),
    "MOVE to": lambda client, path, other: client.move(other, path),
    "MOVE from": lambda client, path, other: client.move(path, other + " stolen"),
    "COPY to": lambda client, path, other: client.copy(other, path),
    "COPY from": lambda client, path, other: client.copy(path, other + " stolen"),
}


@pytest.mark.parametrize("path", PROTECTED)
@pytest.mark.parametrize("method", METHODS)
def test_what_is_ours_is_out_of_reach(
    davserver: ProcessServer, client: DavClient, folder: Path, method: str, path: str
) -> None:
    (folder / "a.txt").write_bytes(b"x")
    hidden = davserver.root / ".davserver"
    before = sorted(os.listdir(hidden))
    answer = METHODS[method](client, f"/{path}", at(folder, "a.txt"))
    assert answer.status_code in (403, 404, 405), answer.status_code
    assert sorted(os.listdir(hidden)) == before
    assert os.listdir(folder) == ["a.txt"]
    assert not (davserver.root / "-").exists()


class TestAFileOverFourGibibytes:
    @pytest.fixture
    def large(self, folder: Path) -> Path:
        file = folder / "large.bin"
        with open(file, "wb") as sparse:
            sparse.truncate(FOUR_GIB + 100)
            sparse.seek(FOUR_GIB)
            sparse.write(b"beyond")
        return file

    def test_its_length_is_told_by_head_and_propfind(
        self, client: DavClient, folder: Path, large: Path
    ) -> None:
        head = client.request("HEAD", at(folder, large.name))
        assert int(head.headers["Content-Length"]) == FOUR_GIB + 100
        told = client.property(at(folder, large.name), "D:getcontentlength")
        assert told is not None
        assert told.text == str(FOUR_GIB + 100)

    def test_it_is_read_beyond_four_gibibytes(
        self, client: DavClient, folder: Path, large: Path
    ) -> None:
        asked = f"bytes={FOUR_GIB}-{FOUR_GIB + 5}"
        part = client.get(at(folder, large.name), range=asked)
        assert (part.status_code, part.content) == (206, b"beyond")
        assert part.headers["Content-Range"] == (
            f"bytes {FOUR_GIB}-{FOUR_GIB + 5}/{FOUR_GIB + 100}"
        )
        assert client.get(at(folder, large.name), range="bytes=-100").content[:6] == b"beyond"

    def test_a_part_beyond_the_end_of_a_file_is_refused(
        self, client: DavClient, folder: Path
    ) -> None:
        """It would leave a hole of four gibibytes that nobody sent."""
        (folder / "small.bin").write_bytes(b"0123456789")
        field = f"bytes {FOUR_GIB}-{FOUR_GIB + 1}/*"
        answer = client.put(at(folder, "small.bin"), b"XY", content_range=field)
        assert 400 <= answer.status_code < 500
        assert (folder / "small.bin").read_bytes() == b"0123456789"

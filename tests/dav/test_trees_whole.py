"""COPY, MOVE, DELETE and MKCOL are done whole or not at all, and touch nothing else."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from davserver.errors import StorageFull
from davserver.providers.filesystem import DiskFiles
from tests import raw
from tests.dav_client import DavClient, token_of
from tests.running import ProcessServer, ThreadServer

RED = "<D:set><D:prop><x:c>red</x:c></D:prop></D:set>"


@pytest.fixture
def no_room(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From now on, the disk is full after the second file of a copy."""

    def fill() -> None:
        copy_file, left = DiskFiles._copy_file, iter(range(2))

        def limited(self: DiskFiles, source: str, target: str) -> None:
            if next(left, None) is None:
                raise StorageFull
            copy_file(self, source, target)

        monkeypatch.setattr(DiskFiles, "_copy_file", limited)

    return fill


def a_tree(client: DavClient, folder: str) -> None:
    client.mkcol(folder)
    for number in range(5):
        client.put(f"{folder}/{number}.txt", b"x")


def test_a_copy_that_fails_half_way_leaves_nothing(
    client: DavClient, root: Path, no_room: Callable[[], None]
) -> None:
    a_tree(client, "/docs")
    no_room()
    answer = client.copy("/docs", "/copy")
    assert answer.status_code == 507
    assert "sufficient-disk-space" in answer.text
    assert not (root / "copy").exists()
    assert client.hrefs("/") == ["/", "/docs/"]


def test_a_destination_is_not_replaced_before_the_copy_is_safe(
    client: DavClient, root: Path, no_room: Callable[[], None]
) -> None:
    a_tree(client, "/docs")
    client.mkcol("/target")
    client.put("/target/precious.txt", b"p")
    client.proppatch("/target", RED)
    no_room()
    assert client.copy("/docs", "/target").status_code == 507
    assert [file.name for file in (root / "target").iterdir()] == ["precious.txt"]
    assert client.property("/target", "x:c") is not None
    assert client.hrefs("/.trash") == ["/.trash/"]


@pytest.mark.parametrize("method", ["COPY", "MOVE"])
def test_a_source_that_is_missing_leaves_the_destination_alone(
    client: DavClient, method: str
) -> None:
    client.put("/precious.txt", b"p")
    headers = {"Destination": client.url("/precious.txt")}
    assert client.request(method, "/none.txt", headers=headers).status_code == 404
    assert client.get("/precious.txt").content == b"p"


@pytest.mark.parametrize("method", ["COPY", "MOVE"])
def test_created_is_201_and_replaced_is_204(client: DavClient, method: str) -> None:
    for source, made, replaced in [("/f.txt", "/g.txt", "/h.txt"), ("/f", "/g", "/h")]:
        for path in (source, f"{source}2", replaced):
            client.put(path, b"x") if "." in path else client.mkcol(path)
        for path, target, status in [(source, made, 201), (f"{source}2", replaced, 204)]:
            headers = {"Destination": client.url(target)}
            assert client.request(method, path, headers=headers).status_code == status


def test_a_copy_or_move_into_a_missing_folder_is_refused(client: DavClient) -> None:
    client.put("/a.txt", b"x")
    client.put("/file", b"x")
    for target in ("/none/a.txt", "/file/a.txt"):
        assert client.copy("/a.txt", target).status_code == 409
        assert client.move("/a.txt", target).status_code == 409
    assert client.get("/a.txt").content == b"x"


def test_properties_follow_a_move_whatever_the_folders_are_called(client: DavClient) -> None:
    """Stock WsgiDAV replaces every "/a" in the path, and loses them."""
    for path in ("/a", "/a/x", "/a/x/a"):
        client.mkcol(path)
    client.put("/a/x/a/f", b"x")
    client.proppatch("/a/x/a/f", RED)
    assert client.move("/a", "/b").status_code == 201
    assert client.property("/b/x/a/f", "x:c") is not None


def test_what_is_overwritten_does_not_leave_its_properties(client: DavClient) -> None:
    for name in ("/plain", "/red"):
        client.mkcol(name)
        client.put(f"{name}.txt", b"x")
    for path in ("/red", "/red.txt"):
        client.proppatch(path, RED)
    assert client.copy("/plain", "/red").status_code == 204
    assert client.copy("/plain.txt", "/red.txt").status_code == 204
    assert client.property("/red", "x:c") is None
    assert client.property("/red.txt", "x:c") is None


def test_what_is_deleted_does_not_leave_its_properties_to_a_namesake(client: DavClient) -> None:
    for _ in range(2):
        client.mkcol("/docs")
        client.put("/docs/a.txt", b"x")
        assert client.property("/docs", "x:c") is None
        assert client.property("/docs/a.txt", "x:c") is None
        client.proppatch("/docs", RED)
        client.proppatch("/docs/a.txt", RED)
        assert client.delete("/docs").status_code == 204


def test_what_others_removed_does_not_leave_its_properties_to_a_namesake(
    client: DavClient, root: Path
) -> None:
    client.mkcol("/docs")
    client.proppatch("/docs", RED)
    (root / "docs").rmdir()
    client.mkcol("/docs")
    assert client.property("/docs", "x:c") is None


def test_a_locked_member_refuses_the_whole_wherever_it_is(client: DavClient, root: Path) -> None:
    for folder in ("/docs", "/docs/deep", "/target", "/target/deep"):
        client.mkcol(folder)
    for path in ("/docs/deep/a.txt", "/docs/b.txt", "/target/deep/a.txt", "/target/b.txt"):
        client.put(path, b"x")
    token = token_of(client.lock("/target/deep/a.txt"))
    for answer in (client.move("/docs", "/target"), client.copy("/docs", "/target")):
        assert answer.status_code == 207
        assert "<D:href>/target/deep/a.txt</D:href>" in answer.text
        assert "423 Locked" in answer.text
        assert "lock-token-submitted" in answer.text
    assert client.delete("/target/deep/a.txt").status_code == 423
    assert (root / "docs" / "b.txt").exists()
    assert (root / "target" / "deep" / "a.txt").exists()
    submitted = {"if": f"<{client.url('/target/deep/a.txt')}> ({token})"}
    assert client.move("/docs", "/target", **submitted).status_code == 204


def test_a_lock_never_slips_into_a_delete(root: Path) -> None:
    """Two processes: whoever is told that the lock is taken finds the file there."""
    server = ProcessServer(root, "--workers", "2")
    one, other = server.client(), server.client()
    try:
        with ThreadPoolExecutor(2) as pool:
            for number in range(15):
                folder = f"/docs{number}"
                one.mkcol(folder)
                one.put(f"{folder}/a.txt", b"x")
                locked = pool.submit(one.lock, f"{folder}/a.txt")
                deleted = pool.submit(other.delete, folder)
                told = (locked.result().status_code, deleted.result().status_code)
                assert told in {(200, 207), (409, 204), (404, 204)}, told
                assert (root / folder[1:] / "a.txt").exists() == (told[0] == 200)
    finally:
        server.stop()


def test_a_tree_that_is_deeper_than_calls_go_is_copied_moved_deleted_and_purged(
    client: DavClient, server: ThreadServer, root: Path
) -> None:
    """Another program made it: no address is that long, and none is needed."""
    folder = os.open(root, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("deep", dir_fd=folder)
        below = os.open("deep", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
    os.close(folder)
    assert client.copy("/deep", "/copy").status_code == 201
    assert client.move("/deep", "/moved").status_code == 201
    assert client.copy("/copy", "/moved").status_code == 204
    assert client.delete("/moved").status_code == 204
    assert client.delete("/copy").status_code == 204
    assert server.app.share.trash.purge_older_than(2**40) == 3
    assert os.listdir(root) == [".davserver"]
    assert os.listdir(root / ".davserver" / "trash") == []


NAMES = ["a%3Fb", "a%2Fb", "%", "😀 🎉", "a\\b", "a:b*c|d", "ünï", "&<>'\""]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_survives_copy_move_delete_and_restore(
    client: DavClient, root: Path, name: str
) -> None:
    client.put("/a", b"precious")
    client.put(f"/{name}.1", b"x")
    assert client.copy(f"/{name}.1", f"/{name}.2").status_code == 201
    assert client.move(f"/{name}.2", f"/{name}.3").status_code == 201
    assert client.delete(f"/{name}.3").status_code == 204
    assert (root / f"{name}.1").exists()
    assert not (root / f"{name}.3").exists()
    assert (root / "a").read_bytes() == b"precious"


def test_an_encoded_slash_is_no_name(server: ThreadServer, root: Path) -> None:
    """Not in the address, and not in the Destination: nothing is made, nothing is reached."""
    server.client().put("/a.txt", b"x")
    empty = ("Content-Length: 0", "Connection: close")
    for request in (
        raw.head("PUT", "/x%2Fy.txt", *empty),
        raw.head("MKCOL", "/x%2fy", *empty),
        raw.head("COPY", "/a.txt", "Destination: /x%2Fy.txt", *empty),
        raw.head("MOVE", "/a.txt", "Destination: http://test/..%2Fy.txt", *empty),
        raw.head("DELETE", "/%2Fa.txt", *empty),
    ):
        assert raw.status(raw.send(server.url, request)) == 400, request
    assert sorted(file.name for file in root.iterdir()) == [".davserver", "a.txt"]


def test_a_fragment_is_no_part_of_an_address(server: ThreadServer, root: Path) -> None:
    server.client().put("/a.txt", b"x")
    fields = ("Destination: /b#c.txt", "Content-Length: 0", "Connection: close")
    assert raw.status(raw.send(server.url, raw.head("MOVE", "/a.txt", *fields))) == 400
    assert (root / "a.txt").exists()


def test_a_path_is_destination_enough_without_a_host(server: ThreadServer) -> None:
    """HTTP/1.0 has no Host."""
    server.client().put("/a.txt", b"x")
    fields = ("Destination: /b.txt", "Content-Length: 0", "Connection: close")
    request = raw.head("COPY", "/a.txt", *fields).replace(b"Host: test\r\n", b"")
    answer = raw.send(server.url, request.replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert raw.status(answer) == 201

"""Earlier states and the trash as folders that any client can open and copy from."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.dav_client import DavClient, token_of
from tests.running import ADMIN, PASSWORD, ThreadServer


def names(client: DavClient, path: str) -> list[str]:
    """What is in a folder, by name."""
    return sorted(unquote(href).rstrip("/").rpartition("/")[2] for href in client.hrefs(path)[1:])


def test_views_are_hidden_from_the_root(client: DavClient) -> None:
    client.put("/a.txt", b"one")
    client.put("/a.txt", b"two")
    assert client.hrefs("/") == ["/", "/a.txt"]
    assert ".trash" not in client.get("/", accept="text/html").text.replace("/-/trash", "")
    assert ".versions" not in client.get("/", accept="text/html").text


def test_every_state_of_a_file_is_a_file_to_be_read(client: DavClient) -> None:
    client.mkcol("/docs")
    client.put("/docs/a.txt", b"one")
    client.put("/docs/a.txt", b"two")
    client.put("/docs/single.txt", b"never changed")
    assert names(client, "/.versions/") == ["docs"]
    assert names(client, "/.versions/docs/") == ["a.txt"]
    first, second = names(client, "/.versions/docs/a.txt/")
    assert first.startswith("1, ")
    assert first.endswith(f" UTC, {ADMIN}.txt")
    answer = client.get(f"/.versions/docs/a.txt/{first}")
    assert answer.content == b"one"
    assert answer.headers["ETag"]
    assert client.get(f"/.versions/docs/a.txt/{second}").content == b"two"
    assert client.request("HEAD", f"/.versions/docs/a.txt/{first}").headers["Content-Length"] == "3"
    assert client.get("/.versions/docs/a.txt/7, never.txt").status_code == 404
    assert client.propfind("/.versions/none").status_code == 404


def test_a_copy_of_a_state_restores_it_with_the_files_properties(
    client: DavClient, root: Path
) -> None:
    client.put("/a.txt", b"one")
    client.put("/a.txt", b"two")
    client.proppatch("/a.txt", "<D:set><D:prop><x:c>red</x:c></D:prop></D:set>")
    first = names(client, "/.versions/a.txt")[0]
    assert client.copy(f"/.versions/a.txt/{first}", "/old.txt").status_code == 201
    assert (root / "old.txt").read_bytes() == b"one"
    assert client.property("/old.txt", "x:c") is not None
    assert client.copy(f"/.versions/a.txt/{first}", "/a.txt").status_code == 204
    assert client.get("/a.txt").content == b"one"
    assert client.property("/a.txt", "x:c") is not None
    assert len(names(client, "/.versions/a.txt")) == 3
    assert client.copy("/.versions/a.txt", "/all").status_code == 201
    assert len(list((root / "all").iterdir())) == 3


def test_what_was_deleted_can_be_read_where_it_lies(client: DavClient) -> None:
    client.mkcol("/docs")
    client.mkcol("/docs/deep")
    client.put("/docs/deep/a.txt", b"x")
    client.delete("/docs")
    [label] = names(client, "/.trash")
    assert label.startswith("docs (20")
    assert client.get(f"/.trash/{label}/deep/a.txt").content == b"x"
    assert names(client, f"/.trash/{label}") == ["deep"]
    assert client.get("/.trash/docs (2020-01-01 00.00.00.000 UTC)/deep/a.txt").status_code == 404
    assert client.get("/.trash/docs/deep/a.txt").status_code == 404


def test_a_copy_out_of_the_trash_leaves_it_there(client: DavClient, root: Path) -> None:
    client.mkcol("/docs")
    client.put("/docs/a.txt", b"x")
    client.proppatch("/docs/a.txt", "<D:set><D:prop><x:c>red</x:c></D:prop></D:set>")
    client.delete("/docs")
    [label] = names(client, "/.trash")
    assert client.copy(f"/.trash/{label}", "/again").status_code == 201
    assert client.copy(f"/.trash/{label}/a.txt", "/single.txt").status_code == 201
    assert (root / "again" / "a.txt").read_bytes() == b"x"
    assert client.property("/again/a.txt", "x:c") is not None
    assert client.property("/single.txt", "x:c") is not None
    assert names(client, "/.trash") == [label]


def test_a_move_out_of_the_trash_restores_the_thing_itself(
    client: DavClient, server: ThreadServer
) -> None:
    client.put("/a.txt", b"one")
    client.put("/a.txt", b"two")
    client.proppatch("/a.txt", "<D:set><D:prop><x:c>red</x:c></D:prop></D:set>")
    files = server.app.share.files
    identity = files.identify("/a.txt")
    client.delete("/a.txt")
    [label] = names(client, "/.trash")
    assert label.endswith(").txt")
    assert client.move(f"/.trash/{label}", "/b.txt").status_code == 201
    assert files.identify("/b.txt") == identity
    assert [version.number for version in files.versions("/b.txt")] == [1, 2]
    assert client.property("/b.txt", "x:c") is not None
    assert names(client, "/.trash") == []


def test_one_member_of_a_deleted_folder_is_moved_out(client: DavClient, root: Path) -> None:
    client.mkcol("/docs")
    client.put("/docs/a.txt", b"a")
    client.put("/docs/b.txt", b"b")
    client.delete("/docs")
    [label] = names(client, "/.trash")
    assert client.move(f"/.trash/{label}/a.txt", "/a.txt").status_code == 201
    assert (root / "a.txt").read_bytes() == b"a"
    assert names(client, f"/.trash/{label}") == ["b.txt"]


def test_a_move_out_of_the_trash_obeys_overwrite_and_locks(client: DavClient) -> None:
    client.put("/a.txt", b"old")
    client.delete("/a.txt")
    client.put("/a.txt", b"new")
    [label] = names(client, "/.trash")
    assert client.move(f"/.trash/{label}", "/a.txt", overwrite="F").status_code == 412
    client.lock("/a.txt")
    assert client.move(f"/.trash/{label}", "/a.txt").status_code == 423
    assert client.get("/a.txt").content == b"new"
    assert names(client, "/.trash") == [label]


@pytest.mark.parametrize("view", ["/.trash", "/.versions"])
def test_every_write_into_a_view_is_refused(client: DavClient, root: Path, view: str) -> None:
    client.put("/a.txt", b"one")
    client.put("/a.txt", b"two")
    client.put("/gone.txt", b"x")
    client.delete("/gone.txt")
    inside = f"{view}/{names(client, view)[0]}"
    for path in (view, inside, f"{view}/new.txt"):
        assert client.put(path, b"x").status_code == 403
        assert client.mkcol(path).status_code == 403
        assert client.delete(path).status_code == 403
        assert client.lock(path).status_code == 403
        assert client.proppatch(path, "<D:set><D:prop><x:c/></D:prop></D:set>").status_code == 403
        assert client.copy("/a.txt", path).status_code == 403
        assert client.move("/a.txt", path).status_code == 403
        assert client.request("PATCH", path).status_code in (403, 405)
    assert client.move("/.versions/a.txt", "/b.txt").status_code == 403
    assert client.move("/.trash", "/b.txt").status_code == 403
    assert client.get("/a.txt").content == b"two"
    assert not (root / view[1:]).exists()


def test_a_view_says_that_nothing_in_it_can_be_locked(client: DavClient) -> None:
    client.put("/a.txt", b"one")
    client.put("/a.txt", b"two")
    first = names(client, "/.versions/a.txt")[0]
    supported = client.property(f"/.versions/a.txt/{first}", "D:supportedlock")
    assert supported is not None
    assert len(supported) == 0


def test_a_view_says_that_nobody_writes_or_synchronises_in_it(client: DavClient) -> None:
    assert "<D:write/>" in client.propfind("/", "D:current-user-privilege-set").text
    told = client.propfind("/.trash", "D:current-user-privilege-set").text
    assert "<D:read/>" in told
    assert "<D:write" not in told
    assert client.property("/.trash", "D:sync-token") is None
    assert client.property("/.trash", "D:supported-report-set") is None


def test_a_state_is_a_condition_like_that_of_a_file(client: DavClient) -> None:
    client.put("/a.txt", b"one")
    client.put("/a.txt", b"two")
    state = f"/.versions/a.txt/{names(client, '/.versions/a.txt')[0]}"
    etag = client.get(state).headers["ETag"]
    assert client.copy(state, "/b.txt", **{"if": f"([{etag}])"}).status_code == 201
    assert client.copy(state, "/c.txt", **{"if": '(["stale"])'}).status_code == 412


def test_the_server_before_this_one_is_not_sent_for_what_lies_in_a_view(
    serve: Callable[..., ThreadServer],
) -> None:
    client = serve(send_files="x-accel-redirect").client()
    client.put("/a.txt", b"one")
    client.delete("/a.txt")
    [label] = names(client, "/.trash")
    assert client.get(f"/.trash/{label}").content == b"one"


def test_a_view_is_listed_to_any_depth_where_the_settings_allow_it(
    serve: Callable[..., ThreadServer],
) -> None:
    client = serve(propfind_infinity=100).client()
    client.mkcol("/docs")
    client.put("/docs/a.txt", b"x")
    client.delete("/docs")
    found = client.hrefs("/.trash", depth="infinity")
    assert len(found) == 3
    assert found[2].endswith("UTC)/a.txt")


def test_a_view_is_read_by_those_who_may_read(server: ThreadServer) -> None:
    assert DavClient(server.url).propfind("/.trash").status_code == 401
    assert DavClient(server.url, ADMIN, PASSWORD).propfind("/.trash").status_code == 207


def test_real_files_with_the_name_of_a_view_are_not_reached(client: DavClient, root: Path) -> None:
    (root / ".trash").mkdir()
    (root / ".trash" / "secret.txt").write_bytes(b"x")
    assert names(client, "/") == []
    assert client.get("/.trash/secret.txt").status_code == 404
    assert names(client, "/.trash") == []
    client.mkcol("/docs")
    assert client.put("/docs/.trash", b"deeper it is a name like others").status_code == 201


def test_the_same_name_deleted_twice_is_there_twice(client: DavClient) -> None:
    for content in (b"one", b"two"):
        client.put("/a.txt", content)
        client.delete("/a.txt")
    older, newer = names(client, "/.trash")
    assert client.get(f"/.trash/{older}").content == b"one"
    assert client.get(f"/.trash/{newer}").content == b"two"


@pytest.mark.parametrize("name", ["a b;c#d%e?.txt", "ü文件😀", "noextension", ".hidden", "x" * 255])
def test_any_name_can_be_deleted_and_taken_back(client: DavClient, name: str) -> None:
    client.put(f"/{name}", b"x")
    client.delete(f"/{name}")
    [label] = names(client, "/.trash")
    assert len(label.encode()) <= 255
    assert client.move(f"/.trash/{label}", f"/{name}").status_code == 201
    assert client.get(f"/{name}").content == b"x"


def test_a_person_sees_the_views_as_pages(client: DavClient) -> None:
    client.put("/a.txt", b"one")
    client.put("/a.txt", b"two")
    page = client.get("/.versions/a.txt/", accept="text/html")
    assert page.status_code == 200
    assert f"UTC, {ADMIN}.txt" in page.text
    assert "data-do" not in page.text, "a view offers to change what is in it"


def test_a_locked_file_in_a_deleted_folder_has_lost_its_lock_when_it_comes_back(
    client: DavClient,
) -> None:
    client.put("/a.txt", b"x")
    token = token_of(client.lock("/a.txt"))
    assert client.delete("/a.txt", **{"if": f"({token})"}).status_code == 204
    [label] = names(client, "/.trash")
    assert client.move(f"/.trash/{label}", "/a.txt").status_code == 201
    assert client.put("/a.txt", b"free").status_code == 204

"""Times of change and creation, as clients set and read them."""

import os
from pathlib import Path

import pytest

from tests.clock import later
from tests.dav.test_properties import WHOLE, found
from tests.dav_client import DavClient, token_of
from tests.running import ThreadServer

WINDOWS = "urn:schemas-microsoft-com:"
OLD = "Wed, 21 Oct 2015 07:28:00 GMT"
OLD_SECONDS = 1445412480


def set_times(client: DavClient, path: str, elements: str, **headers: str) -> bool:
    body = f'<D:set><D:prop xmlns:Z="{WINDOWS}">{elements}</D:prop></D:set>'
    answer = client.proppatch(path, body, **headers)
    return answer.status_code == 207 and "HTTP/1.1 200 OK" in answer.text


def windows(client: DavClient, path: str, name: str) -> str | None:
    body = WHOLE.format(f'<D:prop><Z:Win32{name} xmlns:Z="{WINDOWS}"/></D:prop>')
    element = found(client.propfind(path, body=body).content)[path].get(f"{{{WINDOWS}}}Win32{name}")
    return None if element is None else element.text


def text(client: DavClient, path: str, name: str) -> str | None:
    element = client.property(path, name)
    return None if element is None else element.text


@pytest.mark.parametrize(
    "element",
    [
        f"<Z:Win32LastModifiedTime>{OLD}</Z:Win32LastModifiedTime>",
        f"<D:getlastmodified>{OLD}</D:getlastmodified>",
        f"<D:lastmodified>{OLD}</D:lastmodified>",
        f"<D:lastmodified>{OLD_SECONDS}</D:lastmodified>",
        "<Z:Win32LastModifiedTime>Wed, 21 Oct 2015 09:28:00 +0200</Z:Win32LastModifiedTime>",
    ],
)
def test_a_time_of_change_is_applied_to_the_file(
    client: DavClient, root: Path, element: str
) -> None:
    before = client.put("/a.txt", b"x").headers["ETag"]
    assert set_times(client, "/a.txt", element)
    assert os.stat(root / "a.txt").st_mtime_ns == OLD_SECONDS * 10**9
    answer = client.get("/a.txt")
    assert answer.headers["Last-Modified"] == OLD
    assert answer.headers["ETag"] != before
    assert text(client, "/a.txt", "D:getlastmodified") == OLD
    assert text(client, "/a.txt", "D:lastmodified") == OLD
    assert windows(client, "/a.txt", "LastModifiedTime") == OLD


def test_a_time_of_change_makes_no_version_and_keeps_who_wrote(
    client: DavClient, server: ThreadServer
) -> None:
    client.put("/a.txt", b"one")
    client.put("/a.txt", b"two")
    before = server.app.share.files.versions("/a.txt")
    assert set_times(client, "/a.txt", f"<D:getlastmodified>{OLD}</D:getlastmodified>")
    first, second = server.app.share.files.versions("/a.txt")
    assert first == before[0]
    assert (second.number, second.author, second.sha256) == (2, "admin", before[1].sha256)
    assert second.is_current
    client.put("/a.txt", b"three")
    contents = []
    for number in (1, 2, 3):
        content, _ = server.app.share.files.open_version("/a.txt", number)
        with content:
            contents.append(content.read())
    assert contents == [b"one", b"two", b"three"]


def test_the_time_that_a_file_has_already_changes_nothing(client: DavClient) -> None:
    tag = client.put("/a.txt", b"x").headers["ETag"]
    now = client.get("/a.txt").headers["Last-Modified"]
    assert set_times(client, "/a.txt", f"<D:getlastmodified>{now}</D:getlastmodified>")
    assert client.get("/a.txt").headers["ETag"] == tag


def test_a_folder_has_a_time_too(client: DavClient) -> None:
    client.mkcol("/docs")
    element = f"<Z:Win32LastModifiedTime>{OLD}</Z:Win32LastModifiedTime>"
    assert set_times(client, "/docs", element)
    assert text(client, "/docs", "D:getlastmodified") == OLD


def test_all_that_windows_sets_is_answered_back(client: DavClient) -> None:
    """Explorer does this after each file that it copies, with the token of its lock."""
    token = token_of(client.lock("/a.txt"))
    created = "Mon, 01 Jan 2001 00:00:00 GMT"
    condition = {"if": f"({token})"}
    client.put("/a.txt", b"x", **condition)
    assert set_times(
        client,
        "/a.txt",
        f"<Z:Win32CreationTime>{created}</Z:Win32CreationTime>"
        f"<Z:Win32LastAccessTime>{OLD}</Z:Win32LastAccessTime>"
        f"<Z:Win32LastModifiedTime>{OLD}</Z:Win32LastModifiedTime>"
        "<Z:Win32FileAttributes>00000020</Z:Win32FileAttributes>",
        **condition,
    )
    assert windows(client, "/a.txt", "CreationTime") == created
    assert windows(client, "/a.txt", "LastModifiedTime") == OLD
    assert windows(client, "/a.txt", "LastAccessTime") == OLD
    assert windows(client, "/a.txt", "FileAttributes") == "00000020"
    assert text(client, "/a.txt", "D:creationdate") == "2001-01-01T00:00:00Z"
    every = found(client.propfind("/a.txt").content)["/a.txt"]
    assert f"{{{WINDOWS}}}Win32FileAttributes" in every
    assert f"{{{WINDOWS}}}Win32LastModifiedTime" not in every
    assert client.unlock("/a.txt", token).status_code == 204


@pytest.mark.parametrize("value", ["yesterday", "", "-5", "99999999999999"])
def test_a_time_that_is_none_changes_nothing_at_all(
    client: DavClient, root: Path, value: str
) -> None:
    client.put("/a.txt", b"x")
    before = os.stat(root / "a.txt").st_mtime_ns
    elements = f"<x:p>1</x:p><D:getlastmodified>{value}</D:getlastmodified>"
    answer = client.proppatch("/a.txt", f"<D:set><D:prop>{elements}</D:prop></D:set>")
    assert "409 Conflict" in answer.text
    assert "424 Failed Dependency" in answer.text
    assert client.property("/a.txt", "x:p") is None
    assert os.stat(root / "a.txt").st_mtime_ns == before
    removed = client.proppatch(
        "/a.txt", "<D:remove><D:prop><D:getlastmodified/></D:prop></D:remove>"
    )
    assert "cannot-modify-protected-property" in removed.text


def test_a_locked_file_keeps_its_time(client: DavClient, root: Path) -> None:
    client.put("/a.txt", b"x")
    client.lock("/a.txt")
    before = os.stat(root / "a.txt").st_mtime_ns
    assert not set_times(client, "/a.txt", f"<D:getlastmodified>{OLD}</D:getlastmodified>")
    assert os.stat(root / "a.txt").st_mtime_ns == before


class TestCreation:
    def test_it_is_kept_through_overwrites(self, client: DavClient) -> None:
        client.put("/a.txt", b"x")
        born = text(client, "/a.txt", "D:creationdate")
        with later(3600):
            client.put("/a.txt", b"y")
            client.put("/a.txt", b"z", x_oc_mtime=str(OLD_SECONDS))
            assert text(client, "/a.txt", "D:creationdate") == born

    def test_it_is_kept_when_a_program_saves_beside_and_moves_over(self, client: DavClient) -> None:
        client.put("/a.txt", b"x")
        born = text(client, "/a.txt", "D:creationdate")
        with later(3600):
            client.put("/a.tmp", b"y")
            assert client.move("/a.tmp", "/a.txt").status_code == 204
            assert text(client, "/a.txt", "D:creationdate") == born

    def test_it_is_new_for_a_file_that_another_program_removed_before(
        self, client: DavClient, root: Path
    ) -> None:
        client.put("/a.txt", b"x")
        born = text(client, "/a.txt", "D:creationdate")
        (root / "a.txt").unlink()
        with later(3600):
            client.put("/a.txt", b"y")
            assert text(client, "/a.txt", "D:creationdate") != born

    @pytest.mark.parametrize("touch", ["lock", "put", "proppatch"])
    def test_a_file_from_outside_is_as_old_as_its_time_says(
        self, client: DavClient, root: Path, touch: str
    ) -> None:
        (root / "a.txt").write_bytes(b"x")
        os.utime(root / "a.txt", (OLD_SECONDS, OLD_SECONDS))
        if touch == "lock":
            client.lock("/a.txt")
        elif touch == "put":
            client.put("/a.txt", b"y")
        else:
            client.proppatch("/a.txt", "<D:set><D:prop><x:p>1</x:p></D:prop></D:set>")
        assert text(client, "/a.txt", "D:creationdate") == "2015-10-21T07:28:00Z"


def test_nothing_is_left_to_say_about_a_change_that_was_wanted_minimal(client: DavClient) -> None:
    """RFC 8144, 2.2."""
    client.put("/a.txt", b"x")
    set_p = "<D:set><D:prop><x:p>1</x:p></D:prop></D:set>"
    answer = client.proppatch("/a.txt", set_p, prefer="return=minimal")
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Preference-Applied"] == "return=minimal"
    assert client.property("/a.txt", "x:p") is not None
    protected = "<D:set><D:prop><x:p>2</x:p><D:getetag>1</D:getetag></D:prop></D:set>"
    refused = client.proppatch("/a.txt", protected, prefer="return=minimal")
    assert (refused.status_code, "403 Forbidden" in refused.text) == (207, True)

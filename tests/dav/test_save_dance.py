"""Programs that save by renaming: the document stays the same document, with its past."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import func, select

from davserver.providers.tables import departures
from tests.clock import later
from tests.dav_client import DavClient, token_of
from tests.running import ThreadServer

OLD, NEW = b"the old content", b"the new content"
COLOR = "<D:set><D:prop><x:color>red</x:color></D:prop></D:set>"


@dataclass
class Document:
    """A document with a past, and what a program does to it."""

    client: DavClient
    server: ThreadServer
    path: str

    def begin(self) -> None:
        self.client.mkcol("/docs")
        self.client.put(self.path, b"the first content")
        self.client.put(self.path, OLD)
        self.client.proppatch(self.path, COLOR)
        self.identity = self.server.app.share.files.identify(self.path)

    def check(self) -> None:
        """The same document, with every earlier content as a version."""
        files = self.server.app.share.files
        assert self.client.get(self.path).content == NEW
        assert files.identify(self.path) == self.identity
        versions = files.versions(self.path)
        contents = []
        for version in versions:
            content, _ = files.open_version(self.path, version.number)
            with content:
                contents.append(content.read())
        assert contents == [b"the first content", OLD, NEW]
        assert [version.author for version in versions] == ["admin"] * 3
        color = self.client.property(self.path, "x:color")
        assert color is not None
        assert color.text == "red"
        page = self.client.get(f"/-/versions{self.path}", accept="text/html").text
        assert page.count('name="restore"') == 2

    def beside(self, name: str) -> str:
        return f"/docs/{name}"


def word(document: Document) -> None:
    client, beside = document.client, document.beside
    assert client.put(beside("~WRD0001.tmp"), NEW).status_code == 201
    assert client.move(document.path, beside("~WRL0002.tmp"), overwrite="F").status_code == 201
    assert client.move(beside("~WRD0001.tmp"), document.path, overwrite="F").status_code == 201
    assert client.delete(beside("~WRL0002.tmp")).status_code == 204


def excel(document: Document) -> None:
    client, beside = document.client, document.beside
    client.put(beside("5A3B7C00"), b"")
    client.put(beside("5A3B7C00"), NEW)
    assert client.move(document.path, beside("1F2E3D4C.tmp")).status_code == 201
    assert client.move(beside("5A3B7C00"), document.path).status_code == 201
    assert client.delete(beside("1F2E3D4C.tmp")).status_code == 204


def vim(document: Document) -> None:
    client, backup = document.client, document.path + "~"
    assert client.move(document.path, backup).status_code == 201
    assert client.put(document.path, NEW).status_code == 201
    assert client.delete(backup).status_code == 204


def vim_on_davfs2(document: Document) -> None:
    client, backup = document.client, document.path + "~"
    assert client.move(document.path, backup).status_code == 201
    locked = client.lock(document.path)
    assert locked.status_code == 201
    token = token_of(locked)
    assert client.put(document.path, NEW, **{"if": f"({token})"}).status_code == 204
    assert client.unlock(document.path, token).status_code == 204
    assert client.delete(backup).status_code == 204


def emacs(document: Document) -> None:
    client = document.client
    client.move(document.path, document.path + "~")
    client.put(document.path, b"")
    client.put(document.path, NEW)
    assert client.get(document.path + "~").content == OLD


def libreoffice(document: Document) -> None:
    client, backup = document.client, document.beside("a.bak")
    client.move(document.path, backup)
    client.put(document.path, NEW)
    assert client.get(backup).content == OLD


def macos(document: Document) -> None:
    client = document.client
    folder = document.path + ".sb-8a2b3c"
    client.mkcol(folder)
    client.put(f"{folder}/a", NEW)
    assert client.move(document.path, f"{folder}/old.docx").status_code == 201
    assert client.move(f"{folder}/a", document.path).status_code == 201
    assert client.delete(folder).status_code == 204


def gnome(document: Document) -> None:
    client, beside = document.client, document.beside
    client.put(beside(".goutputstream-X1"), NEW)
    assert client.move(beside(".goutputstream-X1"), document.path).status_code == 204
    # RFC 4918, 9.9.1: what is moved brings its properties, and had none.
    client.proppatch(document.path, COLOR)


DANCES = [word, excel, vim, vim_on_davfs2, emacs, libreoffice, macos, gnome]


@pytest.fixture
def document(client: DavClient, server: ThreadServer) -> Document:
    document = Document(client, server, "/docs/a.docx")
    document.begin()
    return document


@pytest.mark.parametrize("dance", DANCES)
def test_a_document_keeps_its_identity_and_its_past(
    document: Document, dance: Callable[[Document], None]
) -> None:
    dance(document)
    document.check()


@pytest.mark.parametrize("dance", [word, excel, vim])
def test_it_does_so_every_time_and_leaves_no_trash(
    document: Document, root: Path, dance: Callable[[Document], None]
) -> None:
    for _ in range(3):
        dance(document)
    files = document.server.app.share.files
    assert files.identify(document.path) == document.identity
    assert len(files.versions(document.path)) == 5
    assert os.listdir(root / "docs") == ["a.docx"]
    assert os.listdir(root / ".davserver" / "trash") == []


def test_a_temporary_file_that_was_written_often_is_no_hindrance(
    document: Document, root: Path
) -> None:
    client, files = document.client, document.server.app.share.files
    client.put(document.beside("~WRD0001.tmp"), b"half")
    client.put(document.beside("~WRD0001.tmp"), b"and another half")
    client.put(document.beside("~WRD0001.tmp"), NEW)
    client.move(document.path, document.beside("~WRL0002.tmp"))
    client.move(document.beside("~WRD0001.tmp"), document.path)
    document.check()
    left = files.versions(document.beside("~WRL0002.tmp"))
    content, _ = files.open_version(document.beside("~WRL0002.tmp"), left[0].number)
    with content:
        assert content.read() == b"half", "what was written is lost"
    client.delete(document.beside("~WRL0002.tmp"))
    assert len(os.listdir(root / ".davserver" / "trash")) == 1


def test_the_lock_of_who_saves_stays(document: Document) -> None:
    client, aside = document.client, document.beside("~WRL0002.tmp")
    token = token_of(client.lock(document.path, owner="ann"))
    client.put(document.beside("~WRD0001.tmp"), NEW)
    mine = {"if": f"<{client.url(document.path)}> ({token})"}
    assert client.move(document.path, aside, **mine).status_code == 201
    discovery = client.property(aside, "D:lockdiscovery")
    assert discovery is not None
    assert len(discovery) == 0, "the lock moved along (RFC 4918, 7.6)"
    assert client.move(document.beside("~WRD0001.tmp"), document.path).status_code == 201
    document.check()
    assert client.put(document.path, b"by another").status_code == 423
    assert client.put(document.path, b"by the holder", **mine).status_code == 204
    assert client.unlock(document.path, token).status_code == 204


def test_what_lay_aside_and_was_changed_goes_to_the_trash(document: Document, root: Path) -> None:
    client, backup = document.client, document.path + "~"
    client.move(document.path, backup)
    client.put(document.path, NEW)
    client.put(backup, b"changed")
    assert client.delete(backup).status_code == 204
    [deleted] = (root / ".davserver" / "trash").iterdir()
    assert deleted.read_bytes() == b"changed"
    document.check()


def test_a_person_who_renames_takes_the_past_along(document: Document) -> None:
    client, files = document.client, document.server.app.share.files
    client.mkcol("/archive")
    for renamed in ("/docs/a 2025.docx", "/archive/a.docx"):
        client.move(document.path, renamed)
        client.put(document.path, NEW)
        assert files.identify(renamed) == document.identity
        assert len(files.versions(document.path)) == 1
        client.move(renamed, document.path)


def test_a_file_that_comes_back_is_only_renamed(document: Document) -> None:
    client, backup = document.client, document.path + "~"
    client.move(document.path, backup)
    client.move(backup, document.path)
    files = document.server.app.share.files
    assert files.identify(document.path) == document.identity
    assert len(files.versions(document.path)) == 2


def test_after_a_while_a_new_file_is_a_new_file(document: Document) -> None:
    client, backup = document.client, document.path + "~"
    client.move(document.path, backup)
    with later(31):
        client.put(document.path, NEW)
        files = document.server.app.share.files
        assert files.identify(backup) == document.identity
        assert len(files.versions(document.path)) == 1
        document.server.app.housekeeping.run_once()
        with document.server.app.share.catalog.reading() as connection:
            assert connection.scalar(select(func.count()).select_from(departures)) == 0


def test_another_persons_file_is_another_file(
    document: Document, add_user: Callable[[str, str], None]
) -> None:
    add_user("ann", "secret words")
    ann = document.server.client("ann", "secret words")
    document.client.move(document.path, document.path + "~")
    ann.put(document.path, NEW)
    files = document.server.app.share.files
    assert files.identify(document.path + "~") == document.identity
    assert len(files.versions(document.path)) == 1


def test_a_deleted_file_stays_in_the_trash_with_its_past(document: Document, root: Path) -> None:
    client, backup = document.client, document.path + "~"
    client.move(document.path, backup)
    client.delete(backup)
    client.put(document.path, NEW)
    assert len(document.server.app.share.files.versions(document.path)) == 1
    assert len(os.listdir(root / ".davserver" / "trash")) == 1


def test_what_was_never_written_through_us_gets_its_past_then(
    client: DavClient, server: ThreadServer, root: Path
) -> None:
    (root / "a.txt").write_bytes(OLD)
    client.move("/a.txt", "/a.txt~")
    client.put("/a.txt", NEW)
    files = server.app.share.files
    content, _ = files.open_version("/a.txt", 1)
    with content:
        assert content.read() == OLD
    assert [version.number for version in files.versions("/a.txt")] == [1, 2]

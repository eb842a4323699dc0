"""Files that systems keep beside people's own: served, and otherwise left out of everything."""

import os
from pathlib import Path

import pytest

from tests.dav_client import DavClient, token_of
from tests.running import ThreadServer

NOISE = ["._a.docx", ".DS_Store", "~$a.docx", "Thumbs.db", ".~lock.a.odt#", "desktop.ini"]


@pytest.mark.parametrize("name", NOISE)
class TestNoise:
    def test_it_is_kept_and_told_to_clients(self, client: DavClient, root: Path, name: str) -> None:
        assert client.put(f"/{name}", b"one").status_code == 201
        assert client.put(f"/{name}", b"two").status_code == 204
        assert client.get(f"/{name}").content == b"two"
        assert (root / name).read_bytes() == b"two"
        assert len(client.hrefs("/")) == 2

    def test_it_has_no_versions(self, client: DavClient, root: Path, name: str) -> None:
        for content in (b"one", b"two"):
            client.put(f"/{name}", content)
        client.put("/a.tmp", b"three")
        client.move("/a.tmp", f"/{name}")
        kept = (root / ".davserver" / "versions").rglob("*")
        assert [file for file in kept if file.is_file()] == []

    def test_it_does_not_go_to_the_trash(
        self, client: DavClient, server: ThreadServer, root: Path, name: str
    ) -> None:
        client.put(f"/{name}", b"one")
        assert client.delete(f"/{name}").status_code == 204
        assert client.get(f"/{name}").status_code == 404
        assert os.listdir(root / ".davserver" / "trash") == []

    def test_it_is_not_shown_in_the_browser(self, client: DavClient, name: str) -> None:
        client.put(f"/{name}", b"one")
        client.put("/shown.txt", b"one")
        page = client.get("/", accept="text/html").text
        assert '<tr data-name="shown.txt"' in page
        assert page.count("<tr data-name=") == 1


def test_a_lock_on_it_holds_and_ends_with_it(client: DavClient) -> None:
    client.put("/~$a.docx", b"ann")
    token = token_of(client.lock("/~$a.docx"))
    assert client.delete("/~$a.docx").status_code == 423
    assert client.delete("/~$a.docx", **{"if": f"({token})"}).status_code == 204
    assert client.put("/~$a.docx", b"bob").status_code == 201
    assert client.property("/~$a.docx", "D:lockdiscovery") is not None
    assert client.put("/~$a.docx", b"bob").status_code == 204


def test_a_document_that_was_given_such_a_name_keeps_its_versions(
    client: DavClient, root: Path
) -> None:
    client.put("/a.docx", b"one")
    client.put("/a.docx", b"two")
    client.move("/a.docx", "/~$a.docx")
    client.delete("/~$a.docx")
    assert len(os.listdir(root / ".davserver" / "trash")) == 1


def test_a_folder_takes_it_along_to_the_trash(client: DavClient, root: Path) -> None:
    client.mkcol("/docs")
    client.put("/docs/.DS_Store", b"x")
    client.put("/docs/a.txt", b"x")
    client.delete("/docs")
    [deleted] = (root / ".davserver" / "trash").iterdir()
    assert sorted(os.listdir(deleted)) == [".DS_Store", "a.txt"]

"""Nothing outside the folder, and nothing of our own in it, is reached by any spelling."""

import base64
from pathlib import Path

import pytest

from davserver.model import Role
from tests import raw
from tests.accounts.link_making import address_of, make_link
from tests.dav_client import DavClient
from tests.running import ThreadServer

OUTSIDE = b"not of this folder"
UPWARDS = [
    "/../outside.txt",
    "/a/../../outside.txt",
    "/%2e%2e/outside.txt",
    "/%2E%2E%2Foutside.txt",
    "/..%2foutside.txt",
    "/..%5coutside.txt",
    "/..\\outside.txt",
    "/%252e%252e/outside.txt",
    "/%c0%ae%c0%ae/outside.txt",
    "/%c0%ae%c0%ae%c0%afoutside.txt",
    "/..;/outside.txt",
    "/.%00./outside.txt",
    "/a/%2e%2e/%2e%2e/outside.txt",
    "//../outside.txt",
    "/./../outside.txt",
    "/link/outside.txt",
    "/file-link",
]
OURS = [
    "/.davserver/catalog.sqlite3",
    "/.DAVSERVER/catalog.sqlite3",
    "/%2edavserver/catalog.sqlite3",
    "/.davserver/",
    "//.davserver/catalog.sqlite3",
    "/./.davserver/catalog.sqlite3",
    "/a/../.davserver/catalog.sqlite3",
    "/.dav%E2%80%8Bserver/catalog.sqlite3",
    "/%EF%BC%8Edavserver/catalog.sqlite3",
    "/.davserver%2Fcatalog.sqlite3",
    "/.davserver%00/catalog.sqlite3",
]
METHODS = ["GET", "HEAD", "PROPFIND", "DELETE", "PUT", "MKCOL", "LOCK", "PROPPATCH"]


@pytest.fixture
def server(server: ThreadServer, root: Path) -> ThreadServer:
    (root.parent / "outside.txt").write_bytes(OUTSIDE)
    (root / "a").mkdir()
    (root / "a" / "inner.txt").write_bytes(b"inner")
    (root / "link").symlink_to(root.parent)
    (root / "file-link").symlink_to(root.parent / "outside.txt")
    return server


def _is_untouched(root: Path) -> bool:
    catalog = (root / ".davserver" / "catalog.sqlite3").read_bytes()
    outside = (root.parent / "outside.txt").read_bytes()
    return outside == OUTSIDE and catalog.startswith(b"SQLite format")


@pytest.mark.parametrize("method", METHODS)
def test_no_method_reaches_it(server: ThreadServer, root: Path, method: str) -> None:
    for target in [*UPWARDS, *OURS]:
        head = raw.head(method, target, "Content-Length: 0", "Connection: close", "Depth: 0")
        answer = raw.send(server.url, head)
        assert OUTSIDE not in answer, target
        assert b"SQLite format" not in answer, target
        assert _is_untouched(root), target
        if method not in {"PUT", "MKCOL", "LOCK"}:
            assert raw.status(answer) >= 400, target


@pytest.mark.parametrize("method", ["COPY", "MOVE"])
def test_nothing_is_carried_there(server: ThreadServer, root: Path, method: str) -> None:
    for target in [*UPWARDS, *OURS]:
        (root / "a" / "inner.txt").write_bytes(b"inner")
        where = f"Destination: {server.url}{target}"
        raw.send(server.url, raw.head(method, "/a/inner.txt", where, "Connection: close"))
        assert _is_untouched(root), target
        assert not (root.parent / "inner.txt").exists(), target


@pytest.mark.parametrize("route", ["edit", "view", "text", "versions", "share"])
def test_no_page_shows_it(server: ThreadServer, route: str) -> None:
    for target in [*UPWARDS, *OURS]:
        head = raw.head("GET", f"/-/{route}{target}", "Accept: text/html", "Connection: close")
        answer = raw.send(server.url, head)
        assert raw.status(answer) >= 400, target
        assert OUTSIDE not in answer, target


@pytest.mark.parametrize("named", ["../outside.txt", "a/../../outside.txt", ".davserver/x", "/-/x"])
def test_no_upload_in_several_requests_ends_there(
    server: ThreadServer, client: DavClient, root: Path, named: str
) -> None:
    metadata = f"path {base64.b64encode(named.encode()).decode()}"
    fields = {"Tus-Resumable": "1.0.0", "Upload-Length": "1", "Upload-Metadata": metadata}
    assert client.request("POST", "/-/upload/", headers=fields).status_code >= 400
    assert _is_untouched(root)


def test_a_link_leads_nowhere_but_to_what_is_shared(server: ThreadServer, root: Path) -> None:
    (root / "secret.txt").write_bytes(OUTSIDE)
    address = address_of(server, make_link(server, "/a", Role.EDITOR))
    shared = address.removeprefix(server.url).rstrip("/")
    for target in [*UPWARDS, *OURS, "/../secret.txt", "/%2e%2e/secret.txt"]:
        head = f"GET {shared}{target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
        answer = raw.send(server.url, head.encode("latin-1"))
        assert OUTSIDE not in answer, target
        assert raw.status(answer) >= 400, target

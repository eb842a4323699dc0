"""ShareProvider in a stock WsgiDAV application, named by its class as WsgiDAV's users do."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from wsgidav.wsgidav_app import WsgiDAVApp

from davserver.model import Scope, Writer
from davserver.providers.provider import FileResource, ShareProvider


class StockClient:
    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(
        self, method: str, path: str, body: bytes = b"", length: int | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        answer: dict[str, Any] = {}

        def start(status: str, fields: list[tuple[str, str]], _: object = None) -> None:
            answer.update(status=int(status[:3]), headers=dict(fields))

        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "SCRIPT_NAME": "",
            "QUERY_STRING": "",
            "HTTP_HOST": "testserver",
            "SERVER_NAME": "testserver",
            "SERVER_PORT": "80",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
        }
        if body or length:
            environ["CONTENT_LENGTH"] = str(len(body) if length is None else length)
        content = b"".join(self.app(environ, start))
        return answer["status"], answer["headers"], content


@pytest.fixture
def app(root: Path) -> Iterator[WsgiDAVApp]:
    kwargs = {"root": str(root)}
    app = WsgiDAVApp(
        {
            "provider_mapping": {
                "/": {"class": "davserver.providers.provider.ShareProvider", "kwargs": kwargs}
            },
            "http_authenticator": {"domain_controller": None},
            "simple_dc": {"user_mapping": {"*": True}},
            "property_manager": True,
            "logging": {"enable": False},
            "verbose": 0,
        }
    )
    yield app
    app.provider_map["/"].share.close()


@pytest.fixture
def stock(app: WsgiDAVApp) -> StockClient:
    return StockClient(app)


def test_a_file_is_written_read_and_versioned(stock: StockClient, app: WsgiDAVApp) -> None:
    assert stock("PUT", "/a.txt", b"one")[0] == 201
    assert stock("PUT", "/a.txt", b"two")[0] == 204
    status, headers, body = stock("GET", "/a.txt")
    assert (status, body) == (200, b"two")
    assert headers["ETag"]
    provider: ShareProvider = app.provider_map["/"]
    assert [v.number for v in provider.share.files.versions("/a.txt")] == [1, 2]


def test_a_body_that_breaks_off_changes_nothing(stock: StockClient, root: Path) -> None:
    stock("PUT", "/a.txt", b"old and whole")
    assert stock("PUT", "/a.txt", b"new", length=1000)[0] == 400
    assert (root / "a.txt").read_bytes() == b"old and whole"
    assert stock("PUT", "/b.txt", b"new", length=1000)[0] == 400
    assert not (root / "b.txt").exists()


def test_folders_are_made_listed_moved_copied_and_deleted(stock: StockClient, root: Path) -> None:
    assert stock("MKCOL", "/docs")[0] == 201
    stock("PUT", "/docs/a.txt", b"x")
    assert stock("COPY", "/docs", destination="http://testserver/copy")[0] in (201, 204)
    assert stock("MOVE", "/docs", destination="http://testserver/moved")[0] in (201, 204)
    status, _, body = stock("PROPFIND", "/", depth="1")
    assert status == 207
    assert b"/moved/" in body
    assert b"/copy/" in body
    assert b".davserver" not in body
    assert stock("DELETE", "/moved")[0] == 204
    assert not (root / "moved").exists()
    assert len(os.listdir(root / ".davserver" / "trash")) == 1


def test_the_hidden_folder_is_not_there(stock: StockClient) -> None:
    assert stock("GET", "/.davserver/catalog.sqlite3")[0] == 404
    assert stock("PUT", "/.davserver/x", b"x")[0] in (403, 404, 409)
    assert stock("DELETE", "/.davserver")[0] == 404


def test_locking_an_unmapped_name_makes_the_file(stock: StockClient, root: Path) -> None:
    body = (
        b'<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>'
        b"<D:locktype><D:write/></D:locktype></D:lockinfo>"
    )
    assert stock("LOCK", "/new.txt", body)[0] == 201
    assert (root / "new.txt").read_bytes() == b""


def test_a_time_that_is_sent_along_is_kept(stock: StockClient, app: WsgiDAVApp) -> None:
    stock("PUT", "/a.txt", b"one")
    provider: ShareProvider = app.provider_map["/"]
    file = provider.get_resource_inst("/a.txt", {"wsgidav.provider": provider})
    assert isinstance(file, FileResource)
    assert file.set_last_modified("/a.txt", "1445412480", dry_run=False)
    assert provider.share.files.entry("/a.txt").modified_ns == 1445412480 * 10**9
    assert len(provider.share.files.versions("/a.txt")) == 1


def test_our_own_locks_hold_there_too(stock: StockClient, app: WsgiDAVApp) -> None:
    stock("PUT", "/a.txt", b"one")
    provider: ShareProvider = app.provider_map["/"]
    provider.share.locks.acquire(
        "/a.txt", Writer("ann"), owner_xml="", scope=Scope.EXCLUSIVE, deep=False, seconds=60
    )
    assert stock("PUT", "/a.txt", b"two")[0] == 423
    assert stock("DELETE", "/a.txt")[0] == 423
    assert stock("GET", "/a.txt")[2] == b"one"


def test_a_document_saved_by_renaming_keeps_its_past(
    stock: StockClient, app: WsgiDAVApp, root: Path
) -> None:
    provider: ShareProvider = app.provider_map["/"]
    stock("PUT", "/a.docx", b"old")
    identity = provider.share.files.identify("/a.docx")
    stock("PUT", "/~WRD1.tmp", b"new")
    assert stock("MOVE", "/a.docx", destination="http://testserver/~WRL2.tmp")[0] in (201, 204)
    assert stock("MOVE", "/~WRD1.tmp", destination="http://testserver/a.docx")[0] in (201, 204)
    assert stock("DELETE", "/~WRL2.tmp")[0] == 204
    assert provider.share.files.identify("/a.docx") == identity
    assert [v.number for v in provider.share.files.versions("/a.docx")] == [1, 2]
    assert os.listdir(root / ".davserver" / "trash") == []


def test_noise_is_kept_without_versions_or_trash(stock: StockClient, root: Path) -> None:
    for content in (b"one", b"two"):
        stock("PUT", "/._a.docx", content)
    assert stock("GET", "/._a.docx")[2] == b"two"
    assert [file for file in (root / ".davserver" / "versions").rglob("*") if file.is_file()] == []
    assert stock("DELETE", "/._a.docx")[0] == 204
    assert os.listdir(root / ".davserver" / "trash") == []

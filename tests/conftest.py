"""Fixtures that everybody needs, and the rule about tests that need a program of the system."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import delete

from davserver.accounts import passwords
from davserver.providers.catalog import FILE_NAME, Catalog
from davserver.providers.share import Share, open_share
from davserver.providers.tables import instance
from davserver.providers.users import User, Users
from tests.accounts.browsing import Browser
from tests.dav_client import DavClient
from tests.documentserver import SECRET, DocumentServerDouble
from tests.running import ThreadServer

# With NO_SKIPS in the environment, as in CI, a skipped test is a failed one.
_NO_SKIPS = bool(os.environ.get("NO_SKIPS"))
_migrate = Catalog.migrate
_made: list[bytes] = []


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "program(name): needs a program of the system")
    config.addinivalue_line("markers", "clients: runs real clients against a real server")
    config.addinivalue_line("markers", "browser: drives Chromium")
    config.addinivalue_line("markers", "crash: kills servers")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("program"):
        for name in marker.args:
            if shutil.which(name) is None:
                pytest.skip(f"{name} is not installed; as root, `make tools` installs it")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    if _NO_SKIPS and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be: {call.excinfo and call.excinfo.value}"
    return report


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in list(os.environ):
        if variable.startswith("DAVSERVER_"):
            monkeypatch.delenv(variable)


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes of full cost would take most of the tests' time; test_passwords.py has real ones."""
    monkeypatch.setattr(
        passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    )


@pytest.fixture(autouse=True)
def _ready_made_catalogs(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new catalog begins as a copy of one: making each table anew would take half the time.

    What was migrated is looked at as ever, and each gets a name of its own (test_catalog.py).
    """

    def from_copy(catalog: Catalog) -> None:
        file = Path(str(catalog._engine.url.database))
        if not file.exists():
            file.write_bytes(_empty_catalog(tmp_path_factory))
        _migrate(catalog)

    monkeypatch.setattr(Catalog, "migrate", from_copy)


def _empty_catalog(folders: pytest.TempPathFactory) -> bytes:
    """A catalog with all tables, and without the name of an installation."""
    if not _made:
        state = folders.mktemp("catalog")
        catalog = Catalog(state)
        _migrate(catalog)
        with catalog.writing() as connection:
            connection.execute(delete(instance).where(instance.c.name == "id"))
        catalog.close()
        _made.append((state / FILE_NAME).read_bytes())
    return _made[0]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
def share(root: Path) -> Iterator[Share]:
    opened = open_share(root, root / ".davserver", connections=4)
    opened.prepare()
    yield opened
    opened.close()


@pytest.fixture
def serve(root: Path) -> Iterator[Callable[..., ThreadServer]]:
    """Starts a server on ``root`` with the settings that are named."""
    servers = []

    def start(**options: Any) -> ThreadServer:
        server = ThreadServer(root, **options)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def server(serve: Callable[..., ThreadServer]) -> ThreadServer:
    return serve()


@pytest.fixture
def client(server: ThreadServer) -> DavClient:
    return server.client()


@pytest.fixture
def add_user(server: ThreadServer) -> Callable[[str, str], None]:
    """Adds a user who may sign in."""

    def add(name: str, password: str) -> None:
        users = Users(server.app.share.catalog)
        assert users.add(User(name, passwords.hashed(password), is_administrator=False))

    return add


@pytest.fixture
def document_server() -> Iterator[DocumentServerDouble]:
    double = DocumentServerDouble()
    yield double
    double.stop()


@pytest.fixture
def office(
    serve: Callable[..., ThreadServer], document_server: DocumentServerDouble
) -> ThreadServer:
    """A server with a Document Server."""
    return serve(document_server=document_server.url, jwt_secret=SECRET)


@pytest.fixture
def browser(server: ThreadServer) -> Browser:
    """The administrator's, signed in."""
    one = Browser(server)
    one.sign_in()
    return one

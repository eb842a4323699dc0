"""The tables of docs/security.md, every cell of them asked of a server."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import requests

from davserver.accounts import passwords
from davserver.accounts.app_passwords import DevicePasswords
from davserver.accounts.links import LINKS
from davserver.editor.config import permissions
from davserver.editor.formats import FORMATS
from davserver.model import LINK_ROLES, Grant, Role, Writer
from davserver.providers.app_passwords import AppPasswords
from davserver.providers.groups import Groups
from davserver.providers.users import User, Users
from davserver.tokens import server_secret
from tests.accounts.link_making import guest, make_link
from tests.dav_client import DavClient
from tests.running import ThreadServer

_DOCUMENT = Path(__file__).parents[2] / "docs" / "security.md"
_PAGE = {"Accept": "text/html"}
_SEARCH = (
    '<D:searchrequest xmlns:D="DAV:"><D:basicsearch><D:select><D:prop><D:displayname/></D:prop>'
    "</D:select><D:from><D:scope><D:href>{}</D:href></D:scope></D:from></D:basicsearch>"
    "</D:searchrequest>"
)
_SYNC = (
    '<D:sync-collection xmlns:D="DAV:"><D:sync-token/><D:sync-level>1</D:sync-level>'
    "<D:prop><D:getetag/></D:prop></D:sync-collection>"
)
_SET = (
    '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x xmlns="urn:x">1</x></D:prop></D:set>'
    "</D:propertyupdate>"
)


def _tables() -> list[dict[str, dict[str, str]]]:
    """Each table of the document: row to column to cell."""
    found = []
    for block in re.findall(r"(?:^\|.*\n)+", _DOCUMENT.read_text(), re.M):
        head, _, *rows = [
            [cell.strip() for cell in line.strip("|\n").split("|")] for line in block.splitlines()
        ]
        found.append({row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows})
    return found


REQUESTS, PERMISSIONS, BY_LINK = _tables()[:3]
CELLS = [
    pytest.param(request, role, status, id=f"{request}-{role}")
    for request, cells in REQUESTS.items()
    for role, status in cells.items()
]


LINK_CELLS = [
    pytest.param(request, role.value, BY_LINK.get(request, cells)[role.value])
    for request, cells in REQUESTS.items()
    for role in LINK_ROLES
]


READING = {
    request
    for request in REQUESTS
    if request.partition(" ")[0]
    in {"GET", "HEAD", "PROPFIND", "REPORT", "SEARCH", "page", "old", "view"}
}


class Scene:
    """A folder in which ``ann`` has a role: two states of a file, and a folder with another."""

    def __init__(self, server: ThreadServer) -> None:
        self.share = server.app.share
        self.state = server.settings.state
        self.above = f"/{uuid4().hex[:8]}"
        self.folder = f"{self.above}/folder"
        for path in (self.above, self.folder, f"{self.folder}/sub"):
            self.share.trees.make_folder(path, Writer("admin"))
        for path in ("file.docx", "file.docx", "sub/inner.txt"):
            with self.share.files.spool() as spool:
                spool.write(uuid4().bytes)
                self.share.files.commit(f"{self.folder}/{path}", spool, Writer("admin"))

    def app_password(self, scope: str, *, read_only: bool = False) -> str:
        rows = AppPasswords(self.share.catalog)
        if len(known := rows.of("ann")) > 1:  # a test needs two, and a user has so many at most
            for one in known:
                rows.revoke("ann", one.name)
        devices = DevicePasswords(rows, server_secret(self.state))
        return devices.make("ann", uuid4().hex[:8], scope, read_only=read_only)

    def give(self, subject: str, role: Role, path: str = "") -> None:
        self.share.access.give(Grant(path or self.folder, subject, role), by="admin")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreadServer]:
    root = tmp_path_factory.mktemp("matrix") / "root"
    root.mkdir()
    (root / "open").mkdir()
    (root / "open" / "other.docx").write_bytes(b"other")
    started = ThreadServer(root, default_role="none")
    users = Users(started.app.share.catalog)
    for name in ("ann", "bob"):
        users.add(User(name, passwords.hashed("correct horse"), is_administrator=False))
    groups = Groups(started.app.share.catalog)
    groups.add("staff")
    groups.join("staff", "ann")
    started.app.share.access.give(Grant("/open", "user:ann", Role.MANAGER), by="admin")
    yield started
    started.stop()


@pytest.fixture
def scene(server: ThreadServer) -> Scene:
    return Scene(server)


@pytest.fixture
def ann(server: ThreadServer) -> DavClient:
    return server.client("ann")


def ask(client: DavClient, request: str, folder: str, other: str = "/open") -> requests.Response:
    """Send what a row of the table is about; ``other`` is a folder for what it carries away."""
    file, new = f"{folder}/file.docx", f"{folder}/new.docx"
    elsewhere = f"{other}/{uuid4().hex}.docx"
    scope = f"{urlsplit(client.base).path}{folder}/"
    form = {"csrf": _csrf(client), "folder": folder, "kind": "docx", "restore": "1"}
    named = {"csrf": form["csrf"], "describe": "1", "name": "as sent"}

    def page(path: str) -> requests.Response:
        return client.request("GET", path, headers=_PAGE)

    send: dict[str, Callable[[], requests.Response]] = {
        "GET file": lambda: client.get(file),
        "HEAD file": lambda: client.request("HEAD", file),
        "PROPFIND file": lambda: client.propfind(file),
        "PROPFIND folder": lambda: client.propfind(folder, depth="1"),
        "REPORT folder": lambda: client.request("REPORT", folder, data=_SYNC),
        "SEARCH folder": lambda: client.request("SEARCH", folder, data=_SEARCH.format(scope)),
        "PUT new": lambda: client.put(new, b"x"),
        "PUT file": lambda: client.put(file, b"x"),
        "PATCH file": lambda: client.request(
            "PATCH",
            file,
            data=b"x",
            headers={
                "X-Update-Range": "append",
                "Content-Type": "application/x-sabredav-partialupdate",
            },
        ),
        "PROPPATCH file": lambda: client.request("PROPPATCH", file, data=_SET),
        "LOCK file": lambda: client.lock(file),
        "LOCK new": lambda: client.lock(new),
        "MKCOL new": lambda: client.mkcol(f"{folder}/made"),
        "COPY file": lambda: client.copy(file, elsewhere),
        "COPY here": lambda: client.copy(f"{other}/other.docx", new),
        "MOVE file": lambda: client.move(file, elsewhere),
        "DELETE file": lambda: client.delete(file),
        "DELETE folder": lambda: client.delete(f"{folder}/sub"),
        "page of folder": lambda: page(f"{folder}/"),
        "page /-/view": lambda: page(f"/-/view{file}"),
        "page /-/edit": lambda: page(f"/-/edit{file}"),
        "page /-/versions": lambda: page(f"/-/versions{file}"),
        "old version": lambda: client.session.get(
            client.url(f"/-/versions{file}") + "?download=1",
            headers=_PAGE,
            timeout=30,
            allow_redirects=False,
        ),
        "view of a version": lambda: client.session.get(
            client.url(f"/-/view{file}") + "?version=1",
            headers=_PAGE,
            timeout=30,
            allow_redirects=False,
        ),
        "name a version": lambda: client.request("POST", f"/-/versions{file}", data=named),
        "restore version": lambda: client.request("POST", f"/-/versions{file}", data=form),
        "new document": lambda: client.request("POST", "/-/new", data=form),
    }
    return send[request]()


def _csrf(client: DavClient) -> str:
    anywhere = "/" if LINKS in client.base else "/-/trash"
    page = client.request("GET", anywhere, headers=_PAGE)
    found = re.search(r'data-csrf="([0-9a-f]+)"', page.text)
    return found[1] if found else ""


@pytest.mark.parametrize(("request_", "role", "status"), CELLS)
@pytest.mark.parametrize("to", ["user", "group", "everyone", "above"])
def test_a_role_permits_what_the_table_says(
    scene: Scene, ann: DavClient, to: str, request_: str, role: str, status: str
) -> None:
    subject = {"everyone": "everyone", "group": "group:staff"}.get(to, "user:ann")
    scene.give(subject, Role(role), scene.above if to == "above" else "")
    if (to, role) == ("above", "uploader") and status in {"207", "200"}:
        # An uploader sees the folder that was given, and no folder in it.
        status = "403"
    assert ask(ann, request_, scene.folder).status_code == int(status)


@pytest.mark.parametrize(("request_", "role", "status"), CELLS)
def test_an_app_password_of_a_folder_permits_the_same_there_and_nothing_elsewhere(
    scene: Scene, server: ThreadServer, request_: str, role: str, status: str
) -> None:
    scene.give("user:ann", Role(role))
    here = server.client("ann", scene.app_password(scene.folder))
    other = server.client("ann", scene.app_password("/open"))
    assert ask(other, request_, scene.folder).status_code == 404
    if "COPY" not in request_ and "MOVE" not in request_:  # these need a folder outside
        assert ask(here, request_, scene.folder).status_code == int(status)


@pytest.mark.parametrize(("request_", "role", "status"), CELLS)
def test_an_app_password_for_reading_permits_what_a_viewer_may_at_most(
    scene: Scene, server: ThreadServer, request_: str, role: str, status: str
) -> None:
    scene.give("user:ann", Role(role))
    reader = server.client("ann", scene.app_password("/", read_only=True))
    if request_ not in READING:
        status = "403"
    elif role == "uploader":
        status = "404"
    assert ask(reader, request_, scene.folder).status_code == int(status)


@pytest.mark.parametrize(("request_", "role", "status"), CELLS)
def test_what_one_was_given_is_nothing_to_another(
    scene: Scene, server: ThreadServer, request_: str, role: str, status: str
) -> None:
    scene.give("user:ann", Role(role))
    assert ask(server.client("bob"), request_, scene.folder).status_code == 404


@pytest.mark.parametrize(("request_", "role", "status"), LINK_CELLS)
@pytest.mark.parametrize("sharer", ["admin", "ann"])
def test_a_link_permits_what_its_role_does(
    scene: Scene, server: ThreadServer, sharer: str, request_: str, role: str, status: str
) -> None:
    scene.give("user:ann", Role.MANAGER)
    scene.share.trees.copy(
        f"{scene.folder}/file.docx",
        f"{scene.folder}/other.docx",
        Writer("admin"),
        overwrite=False,
    )
    link = make_link(server, scene.folder, Role(role), made_by=sharer)
    assert ask(guest(server, link), request_, "", other="").status_code == int(status)


@pytest.mark.parametrize("request_", REQUESTS)
def test_who_does_not_sign_in_is_asked_to(
    scene: Scene, server: ThreadServer, request_: str
) -> None:
    scene.give("everyone", Role.MANAGER)
    told = ask(server.client("", ""), request_, scene.folder)
    assert told.status_code in {401, 303}
    assert "/-/login" in told.headers.get("Location", "") or told.status_code == 401


@pytest.mark.parametrize("role", [role.value for role in Role])
@pytest.mark.parametrize("name", PERMISSIONS)
def test_the_editor_permits_what_the_table_says(name: str, role: str) -> None:
    """docx can do everything but forms, pdf those."""
    known = FORMATS["pdf" if name == "fillForms" else "docx"]
    told = permissions(known, Role(role).rights, saves=True)
    assert told[name] is (PERMISSIONS[name][role] == "yes")


def test_the_tables_have_every_role() -> None:
    roles = {role.value for role in Role}
    for table in (REQUESTS, PERMISSIONS):
        assert all(cells.keys() == roles for cells in table.values())

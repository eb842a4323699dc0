"""Rights over the drive: what is closed is neither seen, nor carried away, nor told of."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import pytest
from click.testing import CliRunner, Result

from davserver.accounts import passwords
from davserver.cli import main
from davserver.model import EVERYONE, Grant, Right, Rights, Role
from davserver.providers.share import Share
from davserver.providers.users import User, Users
from tests.dav_client import DavClient
from tests.running import ProcessServer, ThreadServer

Give = Callable[..., None]


@pytest.fixture
def give(server: ThreadServer) -> Give:
    def give_(path: str, subject: str, role: Role, without: Rights = frozenset()) -> None:
        server.app.share.access.give(Grant(path, subject, role, without), by="admin")

    return give_


@pytest.fixture
def ann(server: ThreadServer, add_user: Callable[[str, str], None]) -> DavClient:
    add_user("ann", "correct horse")
    return server.client("ann")


@pytest.fixture
def plans(client: DavClient, give: Give) -> None:
    """/plans is open to all, /plans/secret to the administrator alone."""
    for folder in ("/plans", "/plans/secret", "/plans/open"):
        assert client.mkcol(folder).status_code == 201
    for file in ("/plans/a.txt", "/plans/secret/b.txt", "/plans/open/c.txt"):
        assert client.put(file, b"content").status_code == 201
    give("/plans/secret", EVERYONE, Role.NONE)


@pytest.mark.usefixtures("plans")
class TestAClosedFolder:
    def test_is_not_listed(self, ann: DavClient, client: DavClient) -> None:
        assert "secret" not in ann.propfind("/plans", depth="1").text
        assert "secret" in client.propfind("/plans", depth="1").text
        assert "secret" not in ann.request("GET", "/plans/", headers={"Accept": "text/html"}).text

    def test_is_not_found_by_a_search(self, ann: DavClient) -> None:
        body = (
            '<D:searchrequest xmlns:D="DAV:"><D:basicsearch><D:select><D:prop><D:displayname/>'
            "</D:prop></D:select><D:from><D:scope><D:href>/</D:href></D:scope></D:from>"
            "</D:basicsearch></D:searchrequest>"
        )
        found = ann.request("SEARCH", "/", data=body).text
        assert "/plans/a.txt" in found
        assert "secret" not in found

    def test_is_not_told_of_by_a_sync(self, ann: DavClient, client: DavClient) -> None:
        body = (
            '<D:sync-collection xmlns:D="DAV:"><D:sync-token>{}</D:sync-token>'
            "<D:sync-level>infinite</D:sync-level><D:prop><D:getetag/></D:prop></D:sync-collection>"
        )
        first = ann.request("REPORT", "/", data=body.format("")).text
        assert "secret" not in first
        token = first.partition("<D:sync-token>")[2].partition("<")[0]
        client.put("/plans/secret/new.txt", b"x")
        client.delete("/plans/secret/b.txt")
        client.put("/plans/new.txt", b"x")
        second = ann.request("REPORT", "/", data=body.format(token)).text
        assert "/plans/new.txt" in second
        assert "secret" not in second

    def test_is_not_in_the_view_of_versions(self, ann: DavClient, client: DavClient) -> None:
        client.put("/plans/secret/b.txt", b"second")
        assert "secret" not in ann.propfind("/.versions/plans", depth="1").text
        assert ann.propfind("/.versions/plans/secret/b.txt", depth="1").status_code == 404

    def test_is_not_seen_in_the_trash(self, ann: DavClient, client: DavClient) -> None:
        client.delete("/plans/secret/b.txt")
        client.delete("/plans/secret")
        client.delete("/plans/a.txt")
        told = ann.propfind("/.trash", depth="1").text
        assert "a%20(" in told
        assert "secret" not in told
        assert "/b%20(" not in told
        page = ann.request("GET", "/-/trash", headers={"Accept": "text/html"}).text
        assert "a.txt" in page
        assert "secret" not in page

    @pytest.mark.parametrize("method", ["DELETE", "MOVE", "COPY"])
    def test_keeps_the_folder_above_in_its_place(
        self, ann: DavClient, client: DavClient, method: str
    ) -> None:
        told = ann.request(method, "/plans", headers={"Destination": ann.url("/taken")})
        assert told.status_code == 207
        assert "403 Forbidden" in told.text
        assert client.get("/plans/secret/b.txt").content == b"content"
        assert client.propfind("/taken").status_code == 404
        assert ann.delete("/plans/open").status_code == 204

    def test_is_not_written_into_through_another_name(self, ann: DavClient) -> None:
        assert ann.copy("/plans/a.txt", "/plans/secret/b.txt").status_code == 404
        assert ann.move("/plans/a.txt", "/plans/secret/new.txt").status_code == 404

    def test_tells_nothing_through_conditions(self, ann: DavClient, client: DavClient) -> None:
        etag = client.get("/plans/secret/b.txt").headers["ETag"]
        tagged = f"<{ann.url('/plans/secret/b.txt')}> ([{etag}])"
        assert ann.put("/plans/a.txt", b"x", If=tagged).status_code == 412

    def test_follows_when_it_is_moved(self, ann: DavClient, client: DavClient) -> None:
        assert client.move("/plans/secret", "/elsewhere").status_code == 201
        assert ann.get("/elsewhere/b.txt").status_code == 404
        assert client.move("/plans", "/other").status_code == 201
        assert client.move("/elsewhere", "/other/again").status_code == 201
        assert ann.get("/other/again/b.txt").status_code == 404
        assert ann.get("/other/a.txt").status_code == 200

    def test_is_closed_again_when_it_comes_back_from_the_trash(
        self, ann: DavClient, client: DavClient
    ) -> None:
        client.delete("/plans/secret")
        [href] = [unquote(one) for one in client.hrefs("/.trash") if "secret" in one]
        assert client.move(href, "/plans/back").status_code == 201
        assert ann.get("/plans/back/b.txt").status_code == 404

    def test_takes_no_upload_in_several_requests(self, ann: DavClient) -> None:
        path = "cGxhbnMvc2VjcmV0L24udHh0"  # plans/secret/n.txt
        fields = {"Tus-Resumable": "1.0.0", "Upload-Length": "1", "Upload-Metadata": f"path {path}"}
        assert ann.request("POST", "/-/upload/", headers=fields).status_code == 404


class TestWithoutDownload:
    @pytest.fixture(autouse=True)
    def _no_download(self, client: DavClient, give: Give) -> None:
        client.mkcol("/read")
        client.put("/read/a.docx", b"first")
        client.put("/read/a.docx", b"second")
        client.put("/read/a.txt", b"text")
        give("/read", "user:ann", Role.EDITOR, frozenset({Right.DOWNLOAD}))

    def test_no_byte_leaves_by_the_drive(self, ann: DavClient) -> None:
        assert ann.propfind("/read/a.docx").status_code == 207
        assert ann.get("/read/a.docx").status_code == 403
        assert ann.get("/read/a.docx", Range="bytes=0-1").status_code == 403
        assert ann.copy("/read/a.docx", "/mine.docx").status_code == 403
        assert ann.move("/read/a.docx", "/mine.docx").status_code == 403
        states = map(unquote, ann.hrefs("/.versions/read/a.docx"))
        state = next(one for one in states if "/1, " in one)
        assert ann.get(state).status_code == 403
        assert ann.copy(state, "/mine.docx").status_code == 403

    def test_the_editor_opens_it_and_our_own_page_does_not(self, ann: DavClient) -> None:
        page = {"Accept": "text/html"}
        assert ann.request("GET", "/-/view/read/a.docx", headers=page).status_code == 200
        assert ann.request("GET", "/-/text/read/a.txt", headers=page).status_code == 403
        listing = ann.request("GET", "/read/", headers=page).text
        assert "download>" not in listing
        assert "/-/text/" not in listing

    def test_it_can_still_be_written(self, ann: DavClient) -> None:
        assert ann.put("/read/a.docx", b"third").status_code == 204


def test_each_path_tells_the_privileges_on_it(
    client: DavClient, ann: DavClient, give: Give
) -> None:
    for folder in ("/a", "/a/view", "/a/drop"):
        client.mkcol(folder)
    give("/a/view", "user:ann", Role.VIEWER)
    give("/a/drop", "user:ann", Role.UPLOADER)
    told = ann.propfind("/a", "D:current-user-privilege-set", depth="1")
    sets = {
        response.partition("</D:href>")[0]: response
        for response in told.text.split("<D:response><D:href>")[1:]
    }
    assert "<D:write/>" in sets["/a/"]
    assert "<D:read/>" in sets["/a/view/"]
    assert "bind" not in sets["/a/view/"]
    assert "<D:bind/>" in sets["/a/drop/"]
    assert "<D:read/>" not in sets["/a/drop/"]


def test_strangers_read_what_everyone_may_and_are_asked_for_a_name_elsewhere(
    serve: Callable[..., ThreadServer],
) -> None:
    server = serve(anonymous="read")
    server.client().mkcol("/private")
    server.client().put("/a.txt", b"x")
    server.app.share.access.give(Grant("/private", EVERYONE, Role.NONE), by="admin")
    stranger = server.client("")
    assert stranger.get("/a.txt").status_code == 200
    assert stranger.propfind("/private").status_code == 401
    assert stranger.put("/a.txt", b"y").status_code == 401
    page = stranger.request("GET", "/private/", headers={"Accept": "text/html"})
    assert page.status_code == 303
    assert "/-/login" in page.headers["Location"]


class TestTheCommand:
    @pytest.fixture
    def run(self, root: Path, share: Share) -> Callable[..., Result]:
        (root / "plans").mkdir()
        Users(share.catalog).add(User("ann", passwords.hashed("correct horse"), False))

        def run_(*words: str) -> Result:
            return CliRunner().invoke(main, [*words, "--root", str(root)])

        return run_

    def test_a_role_is_given_explained_and_taken(self, run: Callable[..., Result]) -> None:
        given = run("access", "give", "user:ann", "viewer", "/plans", "--without", "print")
        assert given.output == "/plans\tuser:ann\tviewer\twithout print\n"
        assert run("access", "list").output == given.output
        told = run("why", "ann", "/plans/a.txt").output
        assert "ann may see, read, download, copy." in told
        assert "on /plans" in told
        assert run("access", "take", "user:ann", "/plans").exit_code == 0
        assert "default_role" in run("why", "ann", "/plans/a.txt").output
        assert run("access", "take", "user:ann", "/plans").exit_code == 1

    def test_what_cannot_be_given_is_refused(self, run: Callable[..., Result]) -> None:
        assert run("access", "give", "ann", "viewer", "/plans").exit_code == 2
        assert run("access", "give", "user:ann", "king", "/plans").exit_code == 2
        assert run("access", "give", "user:ann", "viewer", "/nowhere").exit_code == 1
        assert "no user bob" in run("why", "bob", "/").output


def test_a_change_counts_at_once_in_every_process(root: Path) -> None:
    (root / "plans").mkdir()
    (root / "plans" / "a.txt").write_bytes(b"x")
    server = ProcessServer(root, "--workers", "2", "--anonymous", "read")
    try:
        clients = [server.client("") for _ in range(6)]  # by and by both processes answer
        for role, status in [("none", 401), ("viewer", 200)] * 3:
            told = CliRunner().invoke(
                main, ["access", "give", EVERYONE, role, "/plans", "--root", str(root)]
            )
            assert told.exit_code == 0
            assert {one.get("/plans/a.txt").status_code for one in clients} == {status}
    finally:
        server.stop()

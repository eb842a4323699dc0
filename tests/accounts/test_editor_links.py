"""Editor links: one file in the editor for a page of another site, without a cookie."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from davserver.accounts import editor_links
from davserver.cli import main
from davserver.errors import SettingsWrong
from davserver.model import EVERYONE, Grant, Role
from davserver.providers.app_passwords import AppPasswords
from davserver.providers.users import Users
from davserver.setting_sources import read_settings
from tests.clock import later
from tests.dav_client import DavClient
from tests.editor.conftest import desk, desk_with  # noqa: F401
from tests.editor.desk import Desk
from tests.editor.opening import words

WIKI = "https://wiki.example.org"


def ask(who: DavClient, body: Any, **headers: str) -> requests.Response:
    sent = {"Content-Type": "application/json", **headers}
    return who.request("POST", editor_links.EDITOR_LINK, data=json.dumps(body), headers=sent)


def link(who: DavClient, path: str = "/a.docx", mode: str = "edit") -> str:
    answer = ask(who, {"path": path, "mode": mode})
    assert answer.status_code == 200, answer.text
    assert answer.json()["seconds"] == editor_links.OPEN_SECONDS
    address: str = answer.json()["url"]
    return address


def visit(address: str, **headers: str) -> requests.Response:
    """As a browser that never was here, which keeps no cookie."""
    sent = {"Accept": "text/html", **headers}
    return requests.get(address, headers=sent, timeout=20, allow_redirects=False)


def opened(address: str) -> str:
    """The address of the page that a link leads to."""
    answer = visit(address)
    assert answer.status_code == 303, answer.text
    return requests.compat.urljoin(address, answer.headers["Location"])  # type: ignore[no-any-return]


def config_at(page: str) -> Any:
    answer = visit(page)
    assert answer.status_code == 200, answer.text
    island = answer.text.partition('id="editor-config">')[2].partition("</script>")[0]
    return json.loads(island)


@pytest.fixture
def file(desk: Desk) -> Desk:  # noqa: F811
    desk.edit().close()
    return desk


@pytest.fixture
def bob(file: Desk) -> DavClient:
    return file.person("bob")


class TestOneFile:
    """What a link opens, and what it does not."""

    def test_the_editor_offers_nothing_that_needs_more_than_the_document(
        self, file: Desk, bob: DavClient
    ) -> None:
        page = visit(opened(link(bob))).text
        assert 'data-can=""' in page
        config = config_at(opened(link(bob)))
        assert not {"owner", "favorite"} & set(config["document"]["info"])
        assert "recent" not in config["editorConfig"]

    def test_the_document_is_edited_and_saved_without_a_cookie(
        self, file: Desk, bob: DavClient
    ) -> None:
        page = opened(link(bob))
        config = config_at(page)
        assert config["editorConfig"]["mode"] == "edit"
        assert config["editorConfig"]["user"]["id"] == "bob"
        file.double.open(config)
        key = config["document"]["key"]
        file.double.type(key, "from the wiki", "bob")
        assert file.double.leave(key, "bob").is_accepted
        assert words(file.root / "a.docx")[-1] == "from the wiki"
        assert file.versions()[-1].author == "bob"

    def test_it_is_the_session_of_everybody_else(self, file: Desk, bob: DavClient) -> None:
        editor = file.edit()
        assert config_at(opened(link(bob)))["document"]["key"] == editor.key

    def test_reading_alone_saves_nothing(self, file: Desk, bob: DavClient) -> None:
        config = config_at(opened(link(bob, mode="view")))
        assert config["editorConfig"]["mode"] == "view"
        assert config["document"]["permissions"]["edit"] is False
        assert file.locks("a.docx") == []

    def test_a_page_of_another_site_leads_there_and_changes_nothing(
        self, file: Desk, bob: DavClient
    ) -> None:
        foreign = {"Sec-Fetch-Site": "cross-site"}
        address = link(bob)
        assert visit(address, **foreign).status_code == 303
        page = opened(address)
        assert visit(page, **foreign).status_code == 200
        alive = page.partition("/-/edit/")[0] + "/-/alive/x"
        assert requests.post(alive, headers=foreign, timeout=20).status_code == 403

    def test_what_the_page_needs_is_there_and_nothing_else(
        self, file: Desk, bob: DavClient
    ) -> None:
        (file.root / "b.docx").write_bytes(b"")
        page = opened(link(bob))
        base = page.partition("/-/edit/")[0]
        key = config_at(page)["document"]["key"]
        assert visit(f"{base}/-/api/editor-config?path=/a.docx").status_code == 200
        assert visit(f"{base}/-/api/editing?path=/a.docx").status_code == 200
        assert requests.post(f"{base}/-/alive/{key}", timeout=20).status_code == 204
        assert visit(f"{base}/").status_code == 200
        for rest in (
            *("a.docx", "b.docx", "-/edit/b.docx", "-/edit/", "-/versions/a.docx", "-/trash"),
            *("-/api/editor-config?path=/b.docx", "-/api/editing?path=/b.docx", "-/view/a.docx"),
            *("-/account", "-/admin", "-/share/a.docx", "-/api/sessions", "-/login", "-/s/x/"),
            *("-/api/editor-config?path=/.trash/a.docx", "../a.docx", "-/edit/%2e%2e/a.docx"),
        ):
            answer = visit(f"{base}/{rest}")
            assert answer.status_code in {400, 403, 404}, rest
        for method in ("PUT", "DELETE", "PROPFIND", "MOVE", "LOCK"):
            answer = requests.request(method, f"{base}/a.docx", timeout=20)
            assert answer.status_code == 404, method
        for rest in ("take-over", "end-session", "editor-link"):
            assert requests.post(f"{base}/-/api/{rest}", timeout=20).status_code == 404

    def test_it_follows_the_file(self, file: Desk, bob: DavClient) -> None:
        address = link(bob)
        file.ann.mkcol("/d")
        file.ann.move("/a.docx", "/d/b.docx")
        assert config_at(opened(address))["document"]["title"] == "b.docx"

    def test_nobody_is_told_of_the_folder_above(self, file: Desk, bob: DavClient) -> None:
        file.ann.mkcol("/secret")
        file.ann.move("/a.docx", "/secret/a.docx")
        assert "secret" not in visit(opened(link(bob, "/secret/a.docx"))).text


class TestItsEnd:
    """A link is good for minutes, and its user's rights are those of now."""

    def test_an_address_opens_for_minutes_and_an_open_page_goes_on(self, bob: DavClient) -> None:
        address = link(bob)
        page = opened(address)
        with later(editor_links.OPEN_SECONDS + 1):
            assert visit(address).status_code == 404
            assert visit(page).status_code == 200
        with later(editor_links.PAGE_SECONDS + 60):
            assert visit(page).status_code == 404

    def test_rights_that_are_taken_away_count_at_once(self, file: Desk, bob: DavClient) -> None:
        page = opened(link(bob))
        file.share.access.give(Grant("/a.docx", EVERYONE, Role.VIEWER), by="admin")
        assert config_at(page)["editorConfig"]["mode"] == "view"
        file.share.access.give(Grant("/a.docx", EVERYONE, Role.NONE), by="admin")
        assert visit(page).status_code == 404

    def test_it_ends_with_its_user_and_with_the_file(self, file: Desk, bob: DavClient) -> None:
        page, address = opened(link(bob)), link(bob)
        file.ann.delete("/a.docx")
        assert visit(page).status_code == 404
        assert visit(address).status_code == 404
        (file.root / "a.docx").write_bytes(b"")
        other = opened(link(bob))
        Users(file.share.catalog).remove("bob")
        with later(10):
            assert visit(other).status_code == 404

    @pytest.mark.parametrize("token", ["", "x", "a.b.c", "%00"])
    def test_what_is_no_token_leads_nowhere(self, file: Desk, token: str) -> None:
        assert visit(f"{file.office.url}/-/e/{token}/").status_code in {400, 404}

    def test_tokens_of_other_purposes_lead_nowhere(self, file: Desk, bob: DavClient) -> None:
        config = config_at(opened(link(bob)))
        for address in (config["document"]["url"], config["editorConfig"]["callbackUrl"]):
            token = address.rpartition("/")[2]
            assert visit(f"{file.office.url}/-/e/{token}/").status_code == 404

    def test_the_address_that_was_made_is_no_page(self, file: Desk, bob: DavClient) -> None:
        address = link(bob)
        assert visit(address + "-/edit/a.docx").status_code == 404
        assert requests.post(address, timeout=20).status_code == 404


class TestWhoMakesOne:
    """A program with a password; never a page of another site."""

    def app_password(self, file: Desk, *more: str) -> DavClient:
        options = ["--root", str(file.root), "--folder", "/d", *more]
        made = CliRunner().invoke(main, ["user", "app-password", "add", "admin", "wiki", *options])
        assert made.exit_code == 0, made.output
        return file.office.client("admin", made.output.split()[-1])

    def test_an_app_password_bounds_it(self, file: Desk) -> None:
        file.ann.mkcol("/d")
        file.ann.copy("/a.docx", "/d/b.docx")
        wiki = self.app_password(file)
        assert ask(wiki, {"path": "/a.docx"}).status_code in {403, 404}
        assert config_at(opened(link(wiki, "/d/b.docx")))["editorConfig"]["mode"] == "edit"

    def test_it_ends_with_the_app_password(self, file: Desk) -> None:
        file.ann.mkcol("/d")
        file.ann.copy("/a.docx", "/d/b.docx")
        wiki = self.app_password(file)
        address, page = link(wiki, "/d/b.docx"), opened(link(wiki, "/d/b.docx"))
        config = config_at(page)
        key, base = config["document"]["key"], page.partition("/-/edit/")[0]
        file.double.open(config)
        file.double.type(key, "typed before", "admin")
        assert AppPasswords(file.share.catalog).revoke("admin", "wiki")
        assert visit(page).status_code == visit(address).status_code == 404
        assert requests.post(f"{base}/-/alive/{key}", timeout=20).status_code == 404
        assert visit(f"{base}/-/api/editing?path=/b.docx&key={key}").status_code == 404
        assert visit(f"{base}/-/api/editor-config?path=/b.docx").status_code == 404
        # Another one of that name, and maybe number, is not the same.
        self.app_password(file)
        assert visit(page).status_code == 404
        assert file.double.leave(key, "admin").is_accepted
        assert words(file.root / "d" / "b.docx")[-1] == "typed before"

    def test_it_ends_where_the_app_password_does_not_reach_the_file_any_more(
        self, file: Desk
    ) -> None:
        file.ann.mkcol("/d")
        file.ann.copy("/a.docx", "/d/b.docx")
        page = opened(link(self.app_password(file), "/d/b.docx"))
        file.ann.move("/d/b.docx", "/b.docx")
        assert visit(page).status_code == 404

    def test_other_links_and_sign_ins_go_on(self, file: Desk, bob: DavClient) -> None:
        file.ann.mkcol("/d")
        self.app_password(file)
        page = opened(link(bob))
        AppPasswords(file.share.catalog).revoke("admin", "wiki")
        assert visit(page).status_code == 200

    def test_what_a_removed_user_typed_is_kept(self, file: Desk, bob: DavClient) -> None:
        page = opened(link(bob))
        config = config_at(page)
        key, base = config["document"]["key"], page.partition("/-/edit/")[0]
        file.double.open(config)
        file.double.type(key, "typed before", "bob")
        Users(file.share.catalog).remove("bob")
        with later(10):
            assert requests.post(f"{base}/-/alive/{key}", timeout=20).status_code == 404
            assert file.double.leave(key, "bob").is_accepted
        [beside] = [name for name in file.names() if "not permitted, bob" in name]
        assert words(file.root / beside)[-1] == "typed before"

    def test_one_for_reading_alone_makes_none(self, file: Desk) -> None:
        file.ann.mkcol("/d")
        file.ann.copy("/a.docx", "/d/b.docx")
        reader = self.app_password(file, "--read-only")
        assert ask(reader, {"path": "/d/b.docx", "mode": "view"}).status_code == 403

    def test_it_is_for_those_who_may_read_the_file(self, file: Desk, bob: DavClient) -> None:
        file.share.access.give(Grant("/a.docx", EVERYONE, Role.NONE), by="admin")
        assert ask(bob, {"path": "/a.docx"}).status_code == 404

    def test_nobody_without_a_name_makes_one(
        self,
        desk_with: Callable[..., Desk],  # noqa: F811
    ) -> None:
        desk = desk_with(anonymous="read")  # noqa: F811
        (desk.root / "a.docx").write_bytes(b"")
        stranger = DavClient(desk.office.url)
        assert ask(stranger, {"path": "/a.docx"}).status_code in {401, 403}

    @pytest.mark.parametrize(
        "headers",
        [
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Origin": "https://evil.example"},
            {"Content-Type": "text/plain"},
            {"Content-Type": "application/x-www-form-urlencoded"},
        ],
    )
    def test_a_foreign_page_cannot(self, bob: DavClient, headers: dict[str, str]) -> None:
        assert ask(bob, {"path": "/a.docx"}, **headers).status_code == 403

    def test_no_preflight_is_answered_with_a_yes(self, file: Desk) -> None:
        told = requests.options(
            file.office.url + editor_links.EDITOR_LINK,
            headers={"Origin": WIKI, "Access-Control-Request-Method": "POST"},
            timeout=20,
        )
        assert not [name for name in told.headers if name.lower().startswith("access-control")]

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ({}, 400),
            ([], 400),
            ({"path": "a.docx"}, 400),
            ({"path": 5}, 400),
            ({"path": "/a.docx", "mode": "own"}, 400),
            ({"path": "/../a.docx"}, 400),
            ({"path": "/"}, 400),
            ({"path": "/none.docx"}, 404),
        ],
    )
    def test_what_asks_for_nothing_gets_words(self, bob: DavClient, body: Any, status: int) -> None:
        assert ask(bob, body).status_code == status

    def test_it_is_written_down_without_its_address(self, file: Desk, bob: DavClient) -> None:
        address = link(bob)
        page = opened(address)
        visit(page)
        log = (file.root / ".davserver" / "audit" / "audit.jsonl").read_text()
        assert '"editor link made"' in log
        for secret in (address, page):
            assert secret.partition("/-/e/")[2].partition("/")[0] not in log


class TestFrames:
    """``embedders``: who may show it in a frame."""

    def policy(self, answer: requests.Response) -> str:
        found = [
            part.strip()
            for part in answer.headers["Content-Security-Policy"].split(";")
            if part.strip().startswith("frame-ancestors")
        ]
        assert len(found) == 1
        return found[0]

    def test_the_named_origins_may_and_no_others(
        self,
        desk_with: Callable[..., Desk],  # noqa: F811
    ) -> None:
        desk = desk_with(embedders=(WIKI,))  # noqa: F811
        desk.edit().close()
        page = opened(link(desk.ann))
        assert self.policy(visit(page)) == f"frame-ancestors 'self' {WIKI}"
        assert self.policy(visit(page.partition("/-/edit/")[0] + "/")).endswith(WIKI)
        for address in ("/", "/-/edit/a.docx", "/-/account"):
            answer = desk.ann.request("GET", address, headers={"Accept": "text/html"})
            assert self.policy(answer) == "frame-ancestors 'self'", address

    def test_without_the_setting_nobody_may(self, file: Desk) -> None:
        assert self.policy(visit(opened(link(file.ann)))) == "frame-ancestors 'self'"

    def test_the_script_for_others_is_the_only_one_that_is_theirs(self, file: Desk) -> None:
        script = requests.get(f"{file.office.url}/-/assets/embed.js", timeout=20)
        assert script.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert "immutable" not in script.headers["Cache-Control"]
        other = requests.get(f"{file.office.url}/-/assets/page.js", timeout=20)
        assert other.headers["Cross-Origin-Resource-Policy"] == "same-origin"

    @pytest.mark.parametrize(
        "origin",
        [
            "*",
            "https://*",
            "wiki.example.org",
            "https://wiki.example.org/",
            "https://wiki.example.org/page",
            "https://wiki.example.org; script-src *",
            "https://wiki.example.org 'unsafe-inline'",
            "https://a@wiki.example.org",
            "javascript:x",
        ],
    )
    def test_what_is_no_origin_is_no_setting(self, root: Path, origin: str) -> None:
        with pytest.raises(SettingsWrong, match="embedders"):
            read_settings(root=root, embedders=[origin])

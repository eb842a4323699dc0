"""App passwords: for one device each, over a socket."""

import re
from collections.abc import Callable

import pytest

from davserver.providers.app_passwords import MAX_EACH, AppPasswords
from davserver.providers.catalog import FILE_NAME
from davserver.providers.users import Users
from tests.accounts.browsing import Browser, secret
from tests.clock import later
from tests.dav_client import DavClient
from tests.features.test_command import run
from tests.running import ADMIN, PASSWORD, ThreadServer

Make = Callable[..., str]


@pytest.fixture
def make(browser: Browser) -> Make:
    """Makes one on the account page."""

    def press(name: str = "laptop", scope: str = "/", **more: str) -> str:
        page = browser.do("app-password", name=name, scope=scope, **more)
        assert page.status_code == 200, page.text
        return secret(page)

    return press


def test_a_device_signs_in_with_its_own(server: ThreadServer, make: Make) -> None:
    made = make()
    device = server.client(password=made)
    assert device.put("/a.txt", b"x").status_code == 201
    assert device.propfind("/").status_code == 207
    assert server.app.share.files.versions("/a.txt")[0].author == ADMIN


def test_it_has_148_bits_and_is_nowhere_to_be_read(
    server: ThreadServer, browser: Browser, make: Make
) -> None:
    made = make()
    assert re.fullmatch("([a-z2-9]{6}-){4}[a-z2-9]{6}", made)
    assert made not in browser.get("/-/account").text
    state = server.root / ".davserver"
    assert not any(made.encode() in file.read_bytes() for file in state.glob(FILE_NAME + "*"))


def test_one_of_another_user_is_refused(
    server: ThreadServer, make: Make, add_user: Callable[[str, str], None]
) -> None:
    add_user("bob", "bob's password")
    assert server.client("bob", make()).propfind("/").status_code == 401


def test_it_is_gone_at_once_when_it_is_revoked(
    server: ThreadServer, browser: Browser, make: Make
) -> None:
    device = server.client(password=make("phone"))
    kept = server.client(password=make("laptop"))
    assert device.propfind("/").status_code == 207
    browser.do("revoke", name="phone")
    assert device.propfind("/").status_code == 401
    assert kept.propfind("/").status_code == 207


def test_it_goes_with_its_user(server: ThreadServer, add_user: Callable[[str, str], None]) -> None:
    add_user("bob", "bob's password")
    bob = Browser(server)
    bob.sign_in("bob", "bob's password")
    device = server.client("bob", secret(bob.do("app-password", name="x", scope="/")))
    assert device.propfind("/").status_code == 207
    Users(server.app.share.catalog).remove("bob")
    assert device.propfind("/").status_code == 401


def test_a_changed_password_leaves_devices_alone(
    server: ThreadServer, browser: Browser, make: Make
) -> None:
    device = server.client(password=make())
    browser.do("password", current=PASSWORD, new="a new password", again="a new password")
    assert device.propfind("/").status_code == 207


class TestScope:
    @pytest.fixture(autouse=True)
    def _folders(self, client: DavClient) -> None:
        for path in ("/docs", "/docs/deep", "/other"):
            client.mkcol(path)
        client.put("/docs/a.txt", b"a")
        client.put("/other/b.txt", b"b")

    def test_nothing_outside_the_folder_exists(self, server: ThreadServer, make: Make) -> None:
        device = server.client(password=make(scope="/docs"))
        assert device.get("/docs/a.txt").content == b"a"
        assert device.put("/docs/deep/new.txt", b"x").status_code == 201
        assert device.get("/other/b.txt").status_code == 404
        assert device.put("/other/b.txt", b"x").status_code in {403, 404}
        assert device.move("/docs/a.txt", "/other/a.txt").status_code in {403, 404}
        assert server.client().get("/other/b.txt").content == b"b"

    def test_it_follows_the_folder_when_that_is_renamed(
        self, server: ThreadServer, client: DavClient, make: Make
    ) -> None:
        device = server.client(password=make(scope="/docs"))
        client.move("/docs", "/papers")
        client.mkcol("/docs")
        client.put("/docs/secret.txt", b"s")
        assert device.get("/papers/a.txt").content == b"a"
        assert device.get("/docs/secret.txt").status_code == 404

    def test_it_opens_nothing_when_the_folder_is_in_the_trash(
        self, server: ThreadServer, client: DavClient, make: Make
    ) -> None:
        device = server.client(password=make(scope="/docs"))
        client.delete("/docs")
        client.mkcol("/docs")
        client.put("/docs/a.txt", b"another")
        assert device.get("/docs/a.txt").status_code == 404

    def test_the_administration_is_outside_of_every_folder(
        self, server: ThreadServer, make: Make
    ) -> None:
        assert server.client(password=make("1")).get("/-/metrics").status_code == 200
        assert server.client(password=make("2", "/docs")).get("/-/metrics").status_code == 403
        readonly = server.client(password=make("3", read_only="yes"))
        assert readonly.get("/-/metrics").status_code == 403

    def test_a_read_only_one_changes_nothing(self, server: ThreadServer, make: Make) -> None:
        device = server.client(password=make(read_only="yes"))
        assert device.get("/docs/a.txt").content == b"a"
        for method in ("PUT", "DELETE", "MKCOL", "PROPPATCH", "LOCK"):
            assert device.request(method, "/docs/a.txt").status_code == 403, method
        assert server.client().get("/docs/a.txt").content == b"a"

    @pytest.mark.parametrize(
        ("scope", "status"), [("/nothing", 404), ("/docs/a.txt", 400), ("/.davserver", 404)]
    )
    def test_it_is_for_a_folder_that_is_there(
        self, browser: Browser, scope: str, status: int
    ) -> None:
        answer = browser.do("app-password", name="x", scope=scope)
        assert answer.status_code in {status, 403}
        assert 'class="secret"' not in answer.text


def test_a_device_is_no_browser(server: ThreadServer, make: Make) -> None:
    """It cannot sign in to the pages, nor make another one for itself with more rights."""
    made = make(read_only="yes")
    assert Browser(server).sign_in(password=made).status_code == 401
    device = server.client(password=made)
    for accept in ("text/html", "*/*"):
        answer = device.get("/-/account", accept=accept)
        assert answer.status_code == 403
        assert 'name="csrf"' not in answer.text


def test_names_are_one_for_each_and_bounded(browser: Browser, make: Make) -> None:
    make("laptop")
    twice = browser.do("app-password", name="laptop", scope="/")
    assert (twice.status_code, "called laptop already" in twice.text) == (409, True)
    for name in ("", "  ", "x" * 65, "a\x07b"):
        assert browser.do("app-password", name=name, scope="/").status_code == 400


def test_there_are_only_so_many_for_one_user(server: ThreadServer, browser: Browser) -> None:
    rows = AppPasswords(server.app.share.catalog)
    for number in range(MAX_EACH):
        rows.add(ADMIN, f"device {number}", f"{number:064}", "/", read_only=False)
    assert browser.do("app-password", name="one more", scope="/").status_code == 403


def test_the_last_use_is_shown(server: ThreadServer, browser: Browser, make: Make) -> None:
    device = server.client(password=make())
    assert "not used yet" in browser.get("/-/account").text
    device.propfind("/")
    assert "not used yet" not in browser.get("/-/account").text


def test_a_browser_that_was_left_open_makes_none(browser: Browser) -> None:
    with later(3600):
        page = browser.get("/-/account")
        assert "Make an app password" not in page.text
        refused = browser.do("app-password", name="x", scope="/")
        assert refused.status_code == 403
        assert "Sign in again" in refused.text


class TestAppPasswordsOnly:
    @pytest.fixture
    def server(self, serve: Callable[..., ThreadServer]) -> ThreadServer:
        return serve(basic_account_password=False)

    def test_the_account_password_is_for_the_page(self, server: ThreadServer, make: Make) -> None:
        refused = server.client().propfind("/")
        assert refused.status_code == 401
        assert "app password" in refused.text
        assert server.client(password=make()).propfind("/").status_code == 207

    def test_right_and_wrong_passwords_and_names_are_told_the_same(
        self, server: ThreadServer
    ) -> None:
        answers = [
            server.client(name, password).propfind("/").text
            for name, password in [(ADMIN, PASSWORD), (ADMIN, "wrong"), ("nobody", "wrong")]
        ]
        assert len(set(answers)) == 1


class TestCommand:
    def test_they_are_made_listed_and_revoked(self, server: ThreadServer) -> None:
        server.client().mkcol("/docs")
        words = ("user", "app-password")
        root = ("--root", server.root)
        made = run(*words, "add", ADMIN, "nas", "--folder", "/docs", "--read-only", *root)
        assert made.exit_code == 0, made.output
        device = server.client(password=made.output.strip())
        assert device.propfind("/docs").status_code == 207
        assert device.put("/docs/x", b"x").status_code == 403
        listed = run(*words, "list", ADMIN, *root).output
        assert re.fullmatch(r"nas\t/docs\tread only\tused \d{4}-.*\n", listed)
        assert run(*words, "revoke", ADMIN, "nas", *root).exit_code == 0
        assert device.propfind("/docs").status_code == 401

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (("add", "nobody", "x"), "There is no user nobody"),
            (("list", "nobody"), "There is no user nobody"),
            (("revoke", ADMIN, "x"), "has no app password called x"),
            (("add", ADMIN, "x", "--folder", "/none"), "nothing at /none"),
            (("add", ADMIN, "x" * 65), "1 to 64 characters"),
        ],
    )
    def test_what_cannot_be_done_is_said(
        self, server: ThreadServer, words: tuple[str, ...], message: str
    ) -> None:
        answer = run("user", "app-password", *words, "--root", server.root)
        assert answer.exit_code == 1
        assert message in answer.output

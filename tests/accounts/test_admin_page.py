"""The administration page: users and groups, by forms."""

import re
from collections.abc import Callable

import pytest

from davserver.providers.groups import Groups
from davserver.providers.users import Users
from tests.accounts.browsing import Browser
from tests.clock import later
from tests.dav_client import DavClient
from tests.running import ADMIN, ThreadServer

Do = Callable[..., str]


@pytest.fixture
def browser(server: ThreadServer) -> Browser:
    one = Browser(server)
    one.sign_in()
    return one


@pytest.fixture
def do(browser: Browser) -> Do:
    """Presses a button; the page that comes."""

    def press(what: str, status: int = 200, **fields: str) -> str:
        page = browser.post("/-/admin", do=what, **fields)
        assert page.status_code == status, page.text
        return page.text

    return press


@pytest.fixture
def users(server: ThreadServer) -> Users:
    return Users(server.app.share.catalog)


def secret_in(page: str) -> str:
    found = re.search(r'<code class="secret">([^<]+)</code>', page)
    assert found, page
    return found[1]


def test_a_user_who_is_added_signs_in_with_the_password_shown_once(
    server: ThreadServer, browser: Browser, do: Do
) -> None:
    made = secret_in(do("add", name="ann"))
    assert server.client("ann", made).propfind("/").status_code == 207
    assert made not in browser.get("/-/admin").text
    assert "There is a user ann already." in do("add", 400, name="ann")
    assert "A name has" in do("add", 400, name="a:b")


def test_a_new_password_ends_the_old_one(server: ThreadServer, do: Do) -> None:
    old = secret_in(do("add", name="ann"))
    new = secret_in(do("password:ann"))
    assert server.client("ann", new).propfind("/").status_code == 207
    assert server.client("ann", old).propfind("/").status_code == 401


def test_a_removed_user_is_out_at_once(server: ThreadServer, do: Do) -> None:
    made = secret_in(do("add", name="ann"))
    ann = server.client("ann", made)
    assert ann.propfind("/").status_code == 207
    do("remove:ann")
    assert ann.propfind("/").status_code == 401
    assert "There is no user ann." in do("remove:ann", 404)


def test_signing_somebody_out_ends_their_browsers(
    server: ThreadServer, do: Do, add_user: Callable[[str, str], None]
) -> None:
    add_user("ann", "correct horse")
    ann = Browser(server)
    ann.sign_in("ann")
    assert ann.is_in
    assert "signed out of 1 browser." in do("sign-out:ann")
    assert not ann.is_in


def test_the_last_administrator_stays_one(do: Do, users: Users) -> None:
    assert "is the last administrator" in do(f"demote:{ADMIN}", 403)
    assert "is the last administrator" in do(f"remove:{ADMIN}", 403)
    do("add", name="ann")
    do("promote:ann")
    do(f"demote:{ADMIN}")
    assert [user.name for user in users.all() if user.is_administrator] == ["ann"]


def test_groups_are_made_filled_and_removed(server: ThreadServer, do: Do) -> None:
    groups = Groups(server.app.share.catalog)
    do("add", name="ann")
    do("group-add", name="staff")
    do("join", name="ann", group="staff")
    assert [(one.name, one.members) for one in groups.all()] == [("staff", ("ann",))]
    do("leave:ann:staff")
    assert [one.members for one in groups.all()] == [()]
    assert "is not in" in do("leave:ann:staff", 404)
    do("group-remove:staff")
    assert groups.all() == []


def test_nobody_else_gets_in(
    server: ThreadServer, client: DavClient, add_user: Callable[[str, str], None], users: Users
) -> None:
    add_user("ann", "correct horse")
    ann = Browser(server)
    ann.sign_in("ann")
    assert ann.get("/-/admin").status_code == 403
    assert "Administration" not in ann.get("/").text
    assert ann.session.post(f"{server.url}/-/admin", data={"do": "promote:ann"}).status_code == 403
    # A program's password must not make users, an administrator's neither.
    assert client.get("/-/admin").status_code == 403
    assert not any(user.is_administrator for user in users.all() if user.name == "ann")


def test_a_browser_that_was_left_open_changes_nothing(browser: Browser, users: Users) -> None:
    with later(20 * 60):
        page = browser.get("/-/admin")
        assert "Sign in again" in page.text
        assert "Add a user" not in page.text
        told = browser.post("/-/admin", do="add", name="ann")
        assert told.status_code == 403
    assert users.find("ann") is None


def test_what_is_done_is_in_the_audit_log(browser: Browser, do: Do) -> None:
    do("add", name="ann")
    assert "admin page: add ann" in browser.get("/-/admin/audit?event=administration").text


def test_a_form_from_elsewhere_is_refused(browser: Browser, users: Users) -> None:
    told = browser.session.post(f"{browser.url}/-/admin", data={"do": "add", "name": "ann"})
    assert told.status_code == 403
    assert users.find("ann") is None

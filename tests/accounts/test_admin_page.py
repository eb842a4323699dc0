"""The administration page: users and groups, by forms."""

import json
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest

from davserver.errors import LastAdministrator
from davserver.model import Role
from davserver.providers.groups import Groups
from davserver.providers.users import User, Users
from tests.accounts.browsing import Browser
from tests.clock import later
from tests.dav_client import DavClient
from tests.running import ADMIN, ThreadServer

Do = Callable[..., str]


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


def audit_lines(server: ThreadServer, event: str) -> list[dict[str, Any]]:
    files = sorted((server.root / ".davserver" / "audit").glob("*.jsonl"))
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return [line for line in lines if line["event"] == event]


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
    assert "There is a user ann already." in do("add", 409, name="ann")
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
    assert "signed out everywhere: 1 browser, 0 app passwords." in do("sign-out:ann")
    assert not ann.is_in


def test_signing_somebody_out_everywhere_takes_their_devices_too(
    server: ThreadServer, do: Do, add_user: Callable[[str, str], None]
) -> None:
    add_user("ann", "correct horse")
    ann = Browser(server)
    ann.sign_in("ann")
    made = secret_in(ann.post("/-/account", do="app-password", name="phone", scope="/").text)
    assert server.client("ann", made).propfind("/").status_code == 207
    assert "1 browser, 1 app password." in do("sign-out:ann")
    assert server.client("ann", made).propfind("/").status_code == 401


def test_nobody_removes_themselves(do: Do, users: Users) -> None:
    do("add", name="ann")
    do("promote:ann")
    assert "You cannot remove yourself" in do(f"remove:{ADMIN}", 403)
    assert users.find(ADMIN) is not None


def test_two_administrators_who_demote_each_other_at_once_leave_one(users: Users) -> None:
    users.add(User("ann", "", is_administrator=True))
    refused: list[str] = []
    together = threading.Barrier(2)

    def demote(name: str) -> None:
        together.wait()
        try:
            users.set_administrator(name, is_administrator=False)
        except LastAdministrator:
            refused.append(name)

    threads = [threading.Thread(target=demote, args=(name,)) for name in (ADMIN, "ann")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert [user.name for user in users.all() if user.is_administrator] == refused


def test_a_group_can_have_a_folder_of_its_own(
    server: ThreadServer, do: Do, add_user: Callable[[str, str], None]
) -> None:
    add_user("ann", "correct horse")
    do("group-add", name="staff", folder="/Groups/staff")
    do("join", name="ann", group="staff")
    assert (server.root / "Groups" / "staff").is_dir()
    [grant] = server.app.share.access.on("/Groups/staff")
    assert (grant.subject, grant.role) == ("group:staff", Role.EDITOR)


def test_quotas_are_set_shown_and_taken_away(server: ThreadServer, do: Do) -> None:
    (server.root / "docs: all").mkdir()
    quotas = server.app.share.quotas
    assert "2.0 MB" in do("quota", name="/docs: all", size="2M")
    do("quota", name=ADMIN, size="1G")
    assert {(one.subject, one.limit) for one in quotas.all()} == {
        ("/docs: all", 2_000_000),
        (ADMIN, 1_000_000_000),
    }
    assert "is no size" in do("quota", 400, name=ADMIN, size="much")
    assert "There is no user bob." in do("quota", 404, name="bob", size="1G")
    do("quota-clear", name="/docs: all")
    do("quota-clear", name=ADMIN)
    assert quotas.all() == []
    do("quota-clear", 404, name=ADMIN)


def test_it_tells_when_somebody_was_last_there(browser: Browser, do: Do) -> None:
    do("add", name="ann")
    page = browser.get("/-/admin").text
    assert "last seen" in page.split(f"<b>{ADMIN}</b>")[1].split("</li>")[0]
    assert "not signed in" in page.split("<b>ann</b>")[1].split("</li>")[0]


def test_the_last_administrator_stays_one(do: Do, users: Users) -> None:
    assert "is the last administrator" in do(f"demote:{ADMIN}", 403)
    do("add", name="ann")
    do("promote:ann")
    do(f"demote:{ADMIN}")
    assert [user.name for user in users.all() if user.is_administrator] == ["ann"]
    with pytest.raises(LastAdministrator):
        users.remove("ann")


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


def test_what_is_done_is_in_the_audit_log(server: ThreadServer, browser: Browser, do: Do) -> None:
    do("add", name="ann")
    do("group-add", name="staff", folder="/staff")
    do("join", name="ann", group="staff")
    do("leave:bob:staff", 404)
    told = browser.get("/-/admin/audit?event=administration").text
    assert "admin page: add ann" in told
    assert "admin page: group-add staff /staff" in told
    assert "admin page: join ann staff" in told
    assert "admin page: leave bob staff" in told
    lines = audit_lines(server, "administration")
    assert [line["outcome"] for line in lines if "bob" in line["command"]] == ["failed"]


def test_what_is_done_to_an_account_is_in_the_audit_log_with_what_it_is_about(
    server: ThreadServer, browser: Browser
) -> None:
    (server.root / "docs").mkdir()
    browser.post("/-/account", do="app-password", name="phone", scope="/docs", read_only="yes")
    browser.post("/-/account", do="app-password", name="phone", scope="/docs")
    commands = [(one["command"], one["outcome"]) for one in audit_lines(server, "administration")]
    assert ("account: app-password phone /docs (reading only)", "done") in commands
    assert ("account: app-password phone /docs", "failed") in commands


def test_a_form_from_elsewhere_is_refused(browser: Browser, users: Users) -> None:
    told = browser.session.post(f"{browser.url}/-/admin", data={"do": "add", "name": "ann"})
    assert told.status_code == 403
    assert users.find("ann") is None

"""Where somebody is signed in: listed, ended, bounded."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import requests

from davserver.accounts import passwords
from davserver.accounts.agents import name_of_agent
from davserver.accounts.sign_in import SignIn
from davserver.model import Principal
from davserver.providers.catalog import FILE_NAME
from davserver.providers.sign_ins import MAX_EACH, NOTED_EVERY, SignIns
from davserver.providers.users import Users
from davserver.web import Request
from tests.accounts.browsing import FIREFOX, Browser, hidden, session_cookie
from tests.clock import later
from tests.running import ADMIN, PASSWORD, ThreadServer

HOUR = 3600
DAY = 24 * HOUR


@pytest.fixture
def sign_ins(server: ThreadServer) -> SignIns:
    return SignIns(server.app.share.catalog)


@pytest.fixture
def here(server: ThreadServer) -> Browser:
    browser = Browser(server)
    browser.sign_in()
    return browser


@pytest.fixture
def there(server: ThreadServer) -> Browser:
    browser = Browser(server, "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Safari/604.1")
    browser.sign_in()
    return browser


def test_every_sign_in_gets_a_new_id_and_ends_the_old_one(server: ThreadServer) -> None:
    """Nobody can give somebody a cookie and share what they then sign in to."""
    victim, attacker = Browser(server), Browser(server)
    attacker.sign_in()
    planted = attacker.cookie
    victim.take(planted)
    victim.sign_in()
    assert victim.cookie != planted
    assert not attacker.is_in


def test_the_catalog_does_not_hold_what_the_cookie_holds(
    server: ThreadServer, here: Browser
) -> None:
    server.app.share.catalog.close()
    content = (server.root / ".davserver" / FILE_NAME).read_bytes()
    log = server.root / ".davserver" / f"{FILE_NAME}-wal"
    content += log.read_bytes() if log.exists() else b""
    assert b"Firefox on Linux" in content
    assert here.cookie.encode() not in content


def test_signing_out_ends_the_sign_in_and_not_only_the_cookie(here: Browser) -> None:
    kept = here.cookie
    token = hidden(here.get("/"), "csrf")
    here.session.post(here.url + "/-/logout", data={"csrf": token})
    here.take(kept)
    assert not here.is_in


def test_a_changed_password_ends_every_sign_in_at_once(
    server: ThreadServer, here: Browser, there: Browser
) -> None:
    """Not within two seconds: the server's process has them in no cache."""
    assert here.is_in
    Users(server.app.share.catalog).set_password_hash(ADMIN, passwords.hashed("another one"))
    assert not here.is_in
    assert not there.is_in


def test_a_command_in_another_process_counts_at_once_too(
    server: ThreadServer, here: Browser
) -> None:
    assert here.is_in
    command = [sys.executable, "-m", "davserver", "user", "passwd", ADMIN, "--password-stdin"]
    subprocess.run(
        [*command, "--root", str(server.root)],
        input=b"a new password\n",
        check=True,
        capture_output=True,
    )
    assert not here.is_in


def test_a_better_hash_of_the_same_password_ends_none(server: ThreadServer, here: Browser) -> None:
    users = Users(server.app.share.catalog)
    old = users.find(ADMIN)
    assert old
    users.renew_password_hash(ADMIN, old.password_hash, passwords.hashed(PASSWORD))
    assert here.is_in


def test_a_removed_user_is_signed_out_at_once(
    server: ThreadServer, add_user: Callable[[str, str], None]
) -> None:
    add_user("bob", "bob's password")
    bob = Browser(server)
    bob.sign_in("bob", "bob's password")
    assert bob.is_in
    Users(server.app.share.catalog).remove("bob")
    assert not bob.is_in


def test_a_sign_in_lasts_for_hours_or_until_the_browser_ends(
    server: ThreadServer, here: Browser
) -> None:
    cookie = session_cookie(here.sign_in())
    assert "Max-Age" not in cookie
    with later(11 * HOUR):
        assert here.is_in
    with later(13 * HOUR):
        assert not here.is_in


def test_a_remembered_one_lasts_for_days_and_no_longer(server: ThreadServer, here: Browser) -> None:
    assert f"Max-Age={30 * DAY}" in session_cookie(here.sign_in(remember="yes"))
    cookie = here.cookie
    with later(29 * DAY):
        here.take(cookie)
        assert here.is_in
    with later(31 * DAY):
        here.take(cookie)
        assert not here.is_in


def test_where_nobody_is_remembered_nobody_is(serve: Callable[..., ThreadServer]) -> None:
    browser = Browser(serve(remember_days=0))
    assert "Stay signed in" not in browser.get("/-/login").text
    assert "Max-Age" not in session_cookie(browser.sign_in(remember="yes"))


def test_the_account_page_lists_where_one_is_signed_in(here: Browser, there: Browser) -> None:
    page = here.get("/-/account").text
    assert "Firefox on Linux" in page
    assert "Safari on iPhone" in page
    assert page.count("this browser") == 1


def test_one_is_signed_out_from_another(here: Browser, there: Browser, sign_ins: SignIns) -> None:
    other = next(one for one in sign_ins.of(ADMIN) if "iPhone" in one.agent)
    assert here.do("end", id=other.id).headers["Location"] == "/-/account?done=ended"
    assert here.is_in
    assert not there.is_in


def test_nobody_signs_out_somebody_else(
    server: ThreadServer, here: Browser, add_user: Callable[[str, str], None], sign_ins: SignIns
) -> None:
    add_user("bob", "bob's password")
    bob = Browser(server)
    bob.sign_in("bob", "bob's password")
    bob.do("end", id=sign_ins.of(ADMIN)[0].id)
    assert here.is_in


def test_everywhere_else_is_signed_out(here: Browser, there: Browser) -> None:
    here.do("end-others")
    assert here.is_in
    assert not there.is_in


def test_an_id_for_the_page_signs_nobody_in(
    server: ThreadServer, here: Browser, sign_ins: SignIns
) -> None:
    """Pages show the hash; the cookie is what is hashed."""
    thief = Browser(server)
    thief.take(sign_ins.of(ADMIN)[0].id)
    assert not thief.is_in


def test_a_request_comes_by_the_cookie_only_as_the_user_of_the_cookie(
    here: Browser, sign_ins: SignIns
) -> None:
    """Where something else says who it is, the cookie may be somebody else's."""
    nothing: Any = None
    door = SignIn(nothing, nothing, sign_ins, nothing, nothing, nothing, 1, 1, nothing)
    request = Request({"REQUEST_METHOD": "GET", "HTTP_COOKIE": f"davserver-session={here.cookie}"})
    request.principal = Principal(ADMIN)
    assert door.current(request)
    request.principal = Principal("bob")
    assert door.current(request) is None


def test_the_last_use_is_noted_from_time_to_time(sign_ins: SignIns, here: Browser) -> None:
    first = sign_ins.of(ADMIN)[0].last_used
    assert here.is_in
    assert sign_ins.of(ADMIN)[0].last_used == first
    with later(NOTED_EVERY + 60):
        assert here.is_in
        assert sign_ins.of(ADMIN)[0].last_used > first


def test_there_are_only_so_many_for_one_user(sign_ins: SignIns) -> None:
    made = [
        sign_ins.begin(ADMIN, HOUR, "192.0.2.1", "x", remembered=False) for _ in range(MAX_EACH + 1)
    ]
    assert len(sign_ins.of(ADMIN)) == MAX_EACH
    assert sign_ins.find(made[-1])
    assert not sign_ins.find(made[0])


def test_what_ended_is_removed(server: ThreadServer, sign_ins: SignIns) -> None:
    sign_ins.begin(ADMIN, HOUR, "192.0.2.1", "x", remembered=False)
    with later(2 * HOUR):
        server.app.housekeeping.run_once()
    with sqlite3.connect(server.root / ".davserver" / FILE_NAME) as connection:
        assert connection.execute("SELECT count(*) FROM sign_ins").fetchone() == (0,)
    connection.close()


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (FIREFOX, "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/140 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/140 Mobile Safari/537", "Chrome on Android"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("x" * 500, "x" * 60),
        ("\x00\x1b[31m", "[31m"),
        ("", "Unknown"),
    ],
)
def test_a_browser_has_a_name_for_people(agent: str, name: str) -> None:
    assert name_of_agent(agent) == name


@pytest.mark.parametrize(
    ("public", "prefix"),
    [("https://files.example.org", "__Host-"), ("https://example.org/files", "__Secure-")],
)
def test_under_tls_only_the_cookie_with_the_prefix_counts(
    serve: Callable[..., ThreadServer], public: str, prefix: str
) -> None:
    """One without could have been planted by a neighbour, or over plain http."""
    server = serve(public_url=public)

    def ask(method: str, path: str, cookie: str = "", **more: Any) -> requests.Response:
        headers = {"Accept": "text/html", "Cookie": cookie}
        url = server.url + path
        return requests.request(method, url, headers=headers, allow_redirects=False, **more)

    form = ask("GET", "/-/login")
    nonce = form.headers["Set-Cookie"].partition(";")[0]
    data = {"name": ADMIN, "password": PASSWORD, "csrf": hidden(form, "csrf")}
    made = session_cookie(ask("POST", "/-/login", nonce, data=data))
    assert made.startswith(f"{prefix}davserver-session=")
    assert made.endswith("; HttpOnly; SameSite=Lax; Secure")
    cookie = made.partition(";")[0]
    assert ask("GET", "/", cookie).status_code == 200
    assert ask("GET", "/", cookie.removeprefix(prefix)).status_code == 303

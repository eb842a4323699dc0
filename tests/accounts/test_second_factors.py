"""Codes of an app and recovery codes: asked for, counted once, slowed down."""

import html
import re
import time
from collections.abc import Callable

import pyotp
import pytest
import requests

from davserver.accounts.code_generators import CodeGenerators
from davserver.accounts.throttle import FREE_FAILURES
from davserver.providers.catalog import FILE_NAME
from davserver.providers.second_factors import SecondFactors
from tests.accounts.browsing import Browser, hidden, secret, session_cookie
from tests.clock import later
from tests.features.test_command import run
from tests.running import ADMIN, PASSWORD, ThreadServer


def in_picture(page: requests.Response) -> str:
    """The secret that the page shows to be typed."""
    found = re.search(r"or type <code>([A-Z2-7 ]+)</code>", page.text)
    assert found, page.text
    return found[1].replace(" ", "")


class Phone:
    """An authenticator app with the codes of one account."""

    def __init__(self, secret: str) -> None:
        self._totp = pyotp.TOTP(secret)

    def code(self, steps: int = 0) -> str:
        return self._totp.at(int(time.time()) + 30 * steps)

    def wrong(self) -> str:
        near = {self.code(steps) for steps in (-2, -1, 0, 1, 2)}
        return next(code for code in ("000000", "111111", "222222", "3" * 6) if code not in near)


def enrol(browser: Browser) -> tuple[Phone, list[str]]:
    """The phone, and the recovery codes that came with it. Uses up the code of the step before."""
    page = browser.do("code")
    phone = Phone(in_picture(page))
    sealed = html.unescape(hidden(page, "sealed"))
    done = browser.do("code-confirm", sealed=sealed, code=phone.code(-1))
    assert done.status_code == 200, done.text
    return phone, re.findall(r"<li><code>([^<]+)</code></li>", done.text)


@pytest.fixture
def enrolled(browser: Browser) -> tuple[Phone, list[str]]:
    return enrol(browser)


@pytest.fixture
def phone(enrolled: tuple[Phone, list[str]]) -> Phone:
    return enrolled[0]


def second(browser: Browser, code: str, **fields: str) -> requests.Response:
    """Sign in with the password, then with ``code``."""
    asked = browser.sign_in(**fields)
    assert "One more step" in asked.text
    return answer(browser, asked, code)


def answer(browser: Browser, asked: requests.Response, code: str) -> requests.Response:
    names = ("csrf", "step", "next", "remember")
    fields = {name: html.unescape(hidden(asked, name)) for name in names}
    return browser.session.post(
        f"{browser.url}/-/login", data={**fields, "code": code}, allow_redirects=False
    )


def test_the_picture_and_the_words_hold_the_same_secret(browser: Browser) -> None:
    page = browser.do("code")
    assert "data:image/svg+xml" in page.text
    assert len(in_picture(page)) == 32


def test_the_password_alone_signs_nobody_in(server: ThreadServer, phone: Phone) -> None:
    other = Browser(server)
    asked = other.sign_in()
    assert asked.status_code == 200
    assert "davserver-session" not in asked.headers.get("Set-Cookie", "")
    assert not other.is_in
    assert answer(other, asked, phone.code()).status_code == 303
    assert other.is_in


def test_one_goes_on_to_where_one_wanted_and_is_remembered(
    server: ThreadServer, phone: Phone
) -> None:
    done = second(Browser(server), phone.code(), next="/docs/a%20b/", remember="yes")
    assert done.headers["Location"] == "/docs/a%20b/"
    assert "Max-Age" in session_cookie(done)


def test_a_wrong_code_does_not_put_it_in_use(server: ThreadServer, browser: Browser) -> None:
    page = browser.do("code")
    phone, sealed = Phone(in_picture(page)), html.unescape(hidden(page, "sealed"))
    again = browser.do("code-confirm", sealed=sealed, code=phone.wrong())
    assert again.status_code == 400
    assert in_picture(again) == in_picture(page), "the app has it already"
    assert Browser(server).sign_in().status_code == 303


def test_a_picture_is_good_for_its_user_and_a_while(
    server: ThreadServer, browser: Browser, add_user: Callable[[str, str], None]
) -> None:
    add_user("bob", "bob's password")
    bob = Browser(server)
    bob.sign_in("bob", "bob's password")
    page = browser.do("code")
    phone, sealed = Phone(in_picture(page)), html.unescape(hidden(page, "sealed"))
    assert bob.do("code-confirm", sealed=sealed, code=phone.code()).status_code == 400
    with later(3600):
        late = browser.do("code-confirm", sealed=sealed, code=phone.code())
        assert (late.status_code, "too long" in late.text) == (400, True)
    assert browser.do("code-confirm", sealed="x", code="000000").status_code == 400


def test_a_code_never_counts_twice(server: ThreadServer, phone: Phone) -> None:
    code = phone.code()
    assert second(Browser(server), code).status_code == 303
    assert second(Browser(server), code).status_code == 401
    # That of the moment before is older than one that was used.
    assert second(Browser(server), phone.code(-1)).status_code == 401


def test_the_code_of_the_enrolment_is_used_up(server: ThreadServer, browser: Browser) -> None:
    page = browser.do("code")
    phone, sealed = Phone(in_picture(page)), html.unescape(hidden(page, "sealed"))
    code = phone.code()
    browser.do("code-confirm", sealed=sealed, code=code)
    assert second(Browser(server), code).status_code == 401


def test_wrong_codes_slow_down_from_everywhere_together(server: ThreadServer, phone: Phone) -> None:
    for _ in range(FREE_FAILURES):
        assert second(Browser(server), phone.wrong()).status_code == 401
    early = second(Browser(server), phone.code())
    assert early.status_code == 429
    assert "Try again in" in early.text
    with later(60):
        assert second(Browser(server), phone.code()).status_code == 303


def test_a_recovery_code_counts_once(
    server: ThreadServer, enrolled: tuple[Phone, list[str]]
) -> None:
    _, codes = enrolled
    assert len(codes) == len(set(codes)) == 10
    assert second(Browser(server), codes[0]).status_code == 303
    assert second(Browser(server), codes[0]).status_code == 401
    typed = codes[1].replace("-", " ").upper()
    assert second(Browser(server), typed).status_code == 303


def test_new_recovery_codes_replace_the_old_ones(
    server: ThreadServer, browser: Browser, enrolled: tuple[Phone, list[str]]
) -> None:
    page = browser.do("recovery")
    fresh = re.findall(r"<li><code>([^<]+)</code></li>", page.text)
    assert second(Browser(server), enrolled[1][0]).status_code == 401
    assert second(Browser(server), fresh[0]).status_code == 303


def test_nothing_of_it_can_be_read_in_the_catalog_or_on_the_page(
    server: ThreadServer, browser: Browser
) -> None:
    page = browser.do("code")
    shown = in_picture(page)
    sealed = html.unescape(hidden(page, "sealed"))
    done = browser.do("code-confirm", sealed=sealed, code=Phone(shown).code())
    codes = re.findall(r"<li><code>([^<]+)</code></li>", done.text)
    files = (server.root / ".davserver").glob(FILE_NAME + "*")
    content = b"".join(file.read_bytes() for file in files) + browser.get("/-/account").content
    for one in (shown, *codes):
        assert one.encode() not in content
        assert one.replace("-", "").encode() not in content


def test_programs_need_an_app_password(
    server: ThreadServer, browser: Browser, phone: Phone
) -> None:
    """Else the second factor could be left out by whoever speaks WebDAV."""
    refused = server.client().propfind("/")
    assert refused.status_code == 401
    assert "app password" in refused.text
    made = secret(browser.do("app-password", name="x", scope="/"))
    assert server.client(password=made).propfind("/").status_code == 207


def test_a_wrong_password_is_told_the_same_with_and_without_a_second_factor(
    server: ThreadServer, phone: Phone, add_user: Callable[[str, str], None]
) -> None:
    add_user("bob", "bob's password")
    names = (ADMIN, "bob", "nobody")
    pages = [Browser(server).sign_in(name, "wrong") for name in names]
    assert {page.status_code for page in pages} == {401}
    assert all("The name or the password is wrong." in page.text for page in pages)
    answers = [server.client(name, "wrong").propfind("/") for name in names]
    assert len({(one.status_code, one.text) for one in answers}) == 1


class TestTheStepBetween:
    def test_it_is_bound_to_the_browser(self, server: ThreadServer, phone: Phone) -> None:
        asked = Browser(server).sign_in()
        thief = Browser(server)
        step = html.unescape(hidden(asked, "step"))
        assert thief.post("/-/login", step=step, code=phone.code()).status_code == 401
        assert not thief.is_in

    def test_it_ends(self, server: ThreadServer, phone: Phone) -> None:
        browser = Browser(server)
        asked = browser.sign_in()
        with later(600):
            assert answer(browser, asked, phone.code()).status_code == 401
            assert not browser.is_in

    def test_it_ends_with_the_password(
        self, server: ThreadServer, browser: Browser, phone: Phone
    ) -> None:
        other = Browser(server)
        asked = other.sign_in()
        browser.do("password", current=PASSWORD, new="a new password", again="a new password")
        with later(3):
            assert answer(other, asked, phone.code()).status_code == 401
            assert not other.is_in

    @pytest.mark.parametrize("step", ["", "x", "a.b.c"])
    def test_what_we_did_not_make_is_none(self, server: ThreadServer, step: str) -> None:
        refused = Browser(server).post("/-/login", step=step, code="000000")
        assert refused.status_code == 401


def test_without_the_factor_the_password_is_enough_again(
    server: ThreadServer, browser: Browser, phone: Phone
) -> None:
    browser.do("code-remove")
    assert Browser(server).sign_in().status_code == 303
    assert server.client().propfind("/").status_code == 207
    assert SecondFactors(server.app.share.catalog).recovery_codes_left(ADMIN) == 0


def test_a_browser_that_was_left_open_changes_nothing(browser: Browser, phone: Phone) -> None:
    with later(3600):
        for what in ("code", "code-remove", "recovery", "passkey", "passkey-remove"):
            assert browser.do(what).status_code == 403
        assert "Sign in again" in browser.get("/-/account").text


def test_an_administrator_helps_who_lost_the_phone(server: ThreadServer, phone: Phone) -> None:
    words = ("user", "second-factor", "remove")
    assert run(*words, ADMIN, "--root", server.root).exit_code == 0
    assert Browser(server).sign_in().status_code == 303
    assert "has no second factor" in run(*words, ADMIN, "--root", server.root).output
    assert "There is no user" in run(*words, "nobody", "--root", server.root).output


def test_a_generator_that_was_sealed_with_a_lost_secret_counts_no_longer(
    server: ThreadServer, phone: Phone
) -> None:
    rows = SecondFactors(server.app.share.catalog)
    rows.set_generator(ADMIN, CodeGenerators(rows, b"another")._box.seal("A" * 32), 0)
    assert second(Browser(server), phone.code()).status_code == 401


class TestPassword:
    def test_it_is_changed_and_every_other_browser_is_signed_out(
        self, server: ThreadServer, browser: Browser
    ) -> None:
        other = Browser(server)
        other.sign_in()
        before = browser.cookie
        done = browser.do(
            "password", current=PASSWORD, new="a new password", again="a new password"
        )
        assert done.headers["Location"] == "/-/account?done=password"
        assert browser.is_in
        assert browser.cookie != before
        assert not other.is_in
        assert Browser(server).sign_in(password="a new password").status_code == 303

    @pytest.mark.parametrize(
        ("current", "new", "again", "status"),
        [
            ("wrong", "a new password", "a new password", 403),
            (PASSWORD, "short", "short", 400),
            (PASSWORD, "a new password", "another one", 400),
        ],
    )
    def test_it_stays_as_it_is(
        self, browser: Browser, current: str, new: str, again: str, status: int
    ) -> None:
        answer = browser.do("password", current=current, new=new, again=again)
        assert answer.status_code == status
        assert 'role="alert"' in answer.text

    def test_whoever_sits_at_an_open_browser_cannot_guess_it(self, browser: Browser) -> None:
        for _ in range(FREE_FAILURES):
            browser.do("password", current="wrong", new="x" * 8, again="x" * 8)
        early = browser.do("password", current="another wrong one", new="x" * 8, again="x" * 8)
        assert early.status_code == 429


def test_a_form_that_does_not_say_what_to_do_is_refused(browser: Browser) -> None:
    for what in ("", "nonsense"):
        assert browser.do(what).status_code == 400


def test_nobody_sees_the_account_page_without_signing_in(server: ThreadServer) -> None:
    answer = Browser(server).get("/-/account")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/-/login?next=/-/account")

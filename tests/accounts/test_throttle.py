"""Guessing slows down, and nobody is kept out by what others do."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
import requests

from davserver.accounts import passwords
from davserver.accounts.credentials import Credentials
from davserver.accounts.throttle import (
    FREE_FAILURES,
    LONGEST_WAIT,
    MAX_REFUSED,
    OF_NAME,
    OF_NETWORK,
    Attempt,
    Throttle,
)
from davserver.errors import SignInNeeded, TooManyAttempts
from davserver.providers import failures as table
from davserver.providers.failures import Failures
from davserver.providers.share import Share
from davserver.providers.users import User, Users
from davserver.tokens import Tokens
from tests.accounts.test_gate import PAGE, sign_in
from tests.clock import later
from tests.dav_client import DavClient
from tests.running import ADMIN, PASSWORD, ThreadServer

OFFICE = "192.0.2.1"


@pytest.fixture
def failures(share: Share) -> Failures:
    return Failures(share.catalog)


@pytest.fixture
def throttle(failures: Failures) -> Throttle:
    return Throttle(failures)


@pytest.fixture
def credentials(share: Share, throttle: Throttle) -> Credentials:
    users = Users(share.catalog)
    for name in ("ann", "bob"):
        users.add(User(name, passwords.hashed(f"{name}'s password"), is_administrator=False))
    return Credentials(users, throttle)


def spray(throttle: Throttle, times: int, address: str = OFFICE) -> None:
    """One guess for each of many names."""
    for number in range(times):
        throttle.failed(Attempt(f"nobody{number}", address))


def from_everywhere(throttle: Throttle, times: int, name: str = "ann") -> None:
    """One guess for one name from each of many networks."""
    for number in range(times):
        throttle.failed(Attempt(name, f"198.51.{number // 250}.{number % 250}"))


def test_one_password_for_everybody_is_noticed(throttle: Throttle) -> None:
    spray(throttle, OF_NETWORK.failures - 1)
    throttle.check(Attempt("ann", OFFICE))
    spray(throttle, 1)
    with pytest.raises(TooManyAttempts) as refused:
        throttle.check(Attempt("ann", OFFICE))
    assert 0 < refused.value.seconds <= OF_NETWORK.seconds
    throttle.check(Attempt("ann", "192.0.2.2"))
    with later(OF_NETWORK.seconds + 1):
        throttle.check(Attempt("ann", OFFICE))
        spray(throttle, 2)
        with pytest.raises(TooManyAttempts):
            throttle.check(Attempt("bob", OFFICE))


def test_one_name_from_everywhere_is_noticed(throttle: Throttle) -> None:
    from_everywhere(throttle, OF_NAME.failures)
    with pytest.raises(TooManyAttempts) as refused:
        throttle.check(Attempt("ann", OFFICE))
    assert 0 < refused.value.seconds <= OF_NAME.seconds
    throttle.check(Attempt("bob", OFFICE))


def test_failures_wear_off(throttle: Throttle) -> None:
    spray(throttle, 30)
    with later(31 * OF_NETWORK.seconds):
        spray(throttle, OF_NETWORK.failures - 1)
        throttle.check(Attempt("ann", OFFICE))


def test_a_wait_has_an_end_however_many_failures(throttle: Throttle, failures: Failures) -> None:
    for _ in range(40):
        throttle.failed(Attempt("ann", OFFICE))
    with pytest.raises(TooManyAttempts) as refused:
        throttle.check(Attempt("ann", OFFICE))
    assert refused.value.seconds <= LONGEST_WAIT


@pytest.mark.parametrize("others", [spray, from_everywhere])
def test_who_signed_in_from_here_lately_is_not_kept_out_by_others(
    credentials: Credentials, throttle: Throttle, share: Share, others: Callable[..., None]
) -> None:
    credentials.check("ann", "ann's password", OFFICE)
    others(throttle, 500)
    after_a_restart = Credentials(Users(share.catalog), throttle)
    after_a_restart.check("ann", "ann's password", OFFICE)
    with pytest.raises(SignInNeeded):
        after_a_restart.check("ann", "wrong", OFFICE)
    with later(25 * 3600):
        others(throttle, 500)
        much_later = Credentials(Users(share.catalog), throttle)
        with pytest.raises(TooManyAttempts):
            much_later.check("ann", "ann's password", OFFICE)


def test_what_was_verified_waits_for_nobody_even_when_it_has_to_be_hashed_again(
    credentials: Credentials, throttle: Throttle
) -> None:
    credentials.check("ann", "ann's password", OFFICE)
    for _ in range(FREE_FAILURES + 3):
        throttle.failed(Attempt("ann", OFFICE))
    with later(301):
        credentials.check("ann", "ann's password", OFFICE)
    for _ in range(FREE_FAILURES + 3):
        throttle.failed(Attempt("ann", OFFICE))
    with pytest.raises(TooManyAttempts):
        credentials.check("ann", "not verified", OFFICE)


def test_what_was_verified_is_no_answer_to_guesses(
    credentials: Credentials, throttle: Throttle
) -> None:
    """Who is told to wait and guesses on must not find the password by the one that passes."""
    credentials.check("ann", "ann's password", OFFICE)
    for address in (OFFICE, "203.0.113.5"):
        for _ in range(FREE_FAILURES + 10):
            throttle.failed(Attempt("ann", address))
    with pytest.raises(TooManyAttempts):
        credentials.check("ann", "ann's password", "203.0.113.5")
    for number in range(MAX_REFUSED):
        credentials.check("ann", "ann's password", OFFICE)
        with pytest.raises(TooManyAttempts):
            credentials.check("ann", f"guess {number}", OFFICE)
    with pytest.raises(TooManyAttempts):
        credentials.check("ann", "ann's password", OFFICE)
    credentials.check("ann", "ann's password", OFFICE, device="her own browser")
    with later(LONGEST_WAIT + 1):
        credentials.check("ann", "ann's password", OFFICE)


@pytest.mark.parametrize("others", [spray, from_everywhere])
def test_a_flood_is_over_soon_after_its_end(
    throttle: Throttle, others: Callable[..., None]
) -> None:
    others(throttle, 400)
    with pytest.raises(TooManyAttempts):
        throttle.check(Attempt("ann", OFFICE))
    with later(max(OF_NETWORK.seconds, OF_NAME.seconds) + 1):
        throttle.check(Attempt("ann", OFFICE))


def test_a_success_is_no_licence_for_others(credentials: Credentials, throttle: Throttle) -> None:
    """Who has a name of his own in the office guesses no faster at others."""
    credentials.check("bob", "bob's password", OFFICE)
    spray(throttle, OF_NETWORK.failures)
    credentials.check("bob", "bob's password", OFFICE)
    with pytest.raises(TooManyAttempts):
        credentials.check("ann", "a guess", OFFICE)


def test_guesses_at_once_are_counted_one_after_the_other(
    credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = []
    real = passwords.matches
    monkeypatch.setattr(passwords, "matches", lambda *a: hashed.append(1) or real(*a))

    def guess(number: int) -> None:
        with pytest.raises((SignInNeeded, TooManyAttempts)):
            credentials.check("ann", f"guess {number}", OFFICE)

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(hashed) == FREE_FAILURES


def test_the_table_has_a_bound(
    throttle: Throttle, failures: Failures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "MAX_ROWS", 100)
    for number in range(500):
        throttle.failed(Attempt(f"made-up-{number}", f"198.51.{number // 250}.{number % 250}"))
    keys = [
        key
        for number in range(500)
        for attempt in [Attempt(f"made-up-{number}", f"198.51.{number // 250}.{number % 250}")]
        for key in (attempt.key, *attempt.wide)
    ]
    assert len(failures.of(*keys)) <= 100


def test_old_failures_are_forgotten(throttle: Throttle, failures: Failures) -> None:
    attempt = Attempt("ann", OFFICE)
    throttle.failed(attempt)
    with later(3600):
        failures.forget_older_than(1800)
        assert failures.of(attempt.key, *attempt.wide) == {}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8::1", "2001:db8::ffff:2"),
        ("192.0.2.1", "::ffff:192.0.2.1"),
    ],
)
def test_addresses_of_one_owner_count_together(throttle: Throttle, one: str, other: str) -> None:
    for _ in range(FREE_FAILURES):
        throttle.failed(Attempt("ann", one))
    with pytest.raises(TooManyAttempts):
        throttle.check(Attempt("ann", other))


def test_an_unknown_name_costs_a_hash_and_a_count_like_a_known_one(
    credentials: Credentials, monkeypatch: pytest.MonkeyPatch, failures: Failures
) -> None:
    """Neither the clock nor the answers tell which names there are."""
    credentials.check(
        "bob", "bob's password", "192.0.2.99"
    )  # makes the hash of nobody no part of it
    hashed: list[str] = []
    real = passwords.matches

    def counted(password_hash: str, password: str) -> bool:
        hashed.append(password_hash.rpartition("$")[0].rpartition("$")[0])
        return real(password_hash, password)

    monkeypatch.setattr(passwords, "matches", counted)
    told: dict[str, list[str]] = {}
    costs: dict[str, list[str]] = {}
    for name in ("ann", "nobody"):
        hashed.clear()
        for _ in range(FREE_FAILURES + 2):
            with pytest.raises((SignInNeeded, TooManyAttempts)) as refused:
                credentials.check(name, "wrong", f"198.51.100.{len(name)}")
            told.setdefault(name, []).append(str(refused.value))
        costs[name] = [*hashed]
    assert told["ann"] == told["nobody"]
    assert costs["ann"] == costs["nobody"]
    assert len(costs["ann"]) == FREE_FAILURES


class TestBrowsers:
    @pytest.fixture
    def browser(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.headers.update(PAGE)
        return session

    def flood(self, server: ThreadServer, name: str = ADMIN) -> None:
        throttle = Throttle(Failures(server.app.share.catalog))
        for _ in range(FREE_FAILURES + 5):
            throttle.failed(Attempt(name, "127.0.0.1"))
        spray(throttle, 200, "127.0.0.1")
        from_everywhere(throttle, 200, name)

    def test_a_new_browser_waits_and_is_told_how_long(
        self, server: ThreadServer, browser: requests.Session
    ) -> None:
        self.flood(server)
        refused = sign_in(browser, server.url)
        assert refused.status_code == 429
        assert 0 < int(refused.headers["Retry-After"]) <= LONGEST_WAIT
        drive = DavClient(server.url, ADMIN, PASSWORD).propfind("/")
        assert drive.status_code == 429
        assert "Retry-After" in drive.headers

    def test_one_that_signed_in_before_is_not_kept_out(
        self, server: ThreadServer, browser: requests.Session
    ) -> None:
        sign_in(browser, server.url)
        del browser.cookies["davserver-session"]
        self.flood(server)
        assert sign_in(browser, server.url).status_code == 303

    def test_its_cookie_is_good_for_one_name_and_a_few_guesses(
        self, server: ThreadServer, browser: requests.Session, add_user: Any
    ) -> None:
        add_user("bob", "bob's password")
        sign_in(browser, server.url)
        del browser.cookies["davserver-session"]
        self.flood(server, "bob")
        bob = {"name": "bob", "password": "bob's password"}
        assert sign_in(browser, server.url, **bob).status_code == 429
        for _ in range(FREE_FAILURES):
            assert sign_in(browser, server.url, password="wrong").status_code == 401
        assert sign_in(browser, server.url, password="another").status_code == 429
        assert sign_in(browser, server.url).status_code == 303, "what was verified waits for nobody"

    def test_a_made_up_cookie_is_none(
        self, server: ThreadServer, browser: requests.Session
    ) -> None:
        self.flood(server)
        forged = Tokens(b"x" * 32, "device").issue({"sub": ADMIN, "jti": "a"}, 60)
        for value in (forged, "a.b.c", ""):
            browser.cookies.set("davserver-device", value)
            assert sign_in(browser, server.url).status_code == 429

    def test_the_cookie_lets_nobody_in(
        self, server: ThreadServer, browser: requests.Session
    ) -> None:
        sign_in(browser, server.url)
        token = browser.cookies["davserver-device"]
        for name in ("davserver-session", "davserver-device"):
            answer = DavClient(server.url).get("/", cookie=f"{name}={token}")
            assert answer.status_code == 401

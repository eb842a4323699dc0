"""Names and passwords checked."""

import pytest

from davserver.accounts import passwords
from davserver.accounts.administrator import ensure_administrator
from davserver.accounts.credentials import Credentials
from davserver.accounts.throttle import FREE_FAILURES
from davserver.errors import SignInNeeded, TooManyAttempts
from davserver.providers.share import Share
from davserver.providers.users import User, Users
from tests.accounts.checking import credentials_of
from tests.clock import later

HOME, ELSEWHERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture
def users(share: Share) -> Users:
    table = Users(share.catalog)
    table.add(User("ann", passwords.hashed("ann's password"), is_administrator=False))
    return table


@pytest.fixture
def credentials(users: Users) -> Credentials:
    return credentials_of(users)


def test_the_right_password_is_the_person(credentials: Credentials) -> None:
    principal = credentials.check("ann", "ann's password", HOME)
    assert (principal.name, principal.is_administrator) == ("ann", False)


@pytest.mark.parametrize(
    ("name", "password"),
    [("ann", "wrong"), ("nobody", "ann's password"), ("", ""), ("ann", ""), ("ann\0", "x")],
)
def test_everything_else_is_not(credentials: Credentials, name: str, password: str) -> None:
    with pytest.raises(SignInNeeded):
        credentials.check(name, password, HOME)


def test_a_verified_password_costs_no_hash_again(
    credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials.check("ann", "ann's password", HOME)

    def never(*_: object) -> bool:
        raise AssertionError("hashed again")

    monkeypatch.setattr(passwords, "matches", never)
    credentials.check("ann", "ann's password", HOME)


def test_a_changed_password_counts_soon(credentials: Credentials, users: Users) -> None:
    credentials.check("ann", "ann's password", HOME)
    users.set_password_hash("ann", passwords.hashed("another password"))
    with later(3):
        with pytest.raises(SignInNeeded):
            credentials.check("ann", "ann's password", HOME)
        credentials.check("ann", "another password", HOME)


def test_a_removed_user_is_out_soon(credentials: Credentials, users: Users) -> None:
    credentials.check("ann", "ann's password", HOME)
    users.remove("ann")
    with later(3), pytest.raises(SignInNeeded):
        credentials.check("ann", "ann's password", HOME)


def fail(credentials: Credentials, times: int, address: str = HOME) -> None:
    for _ in range(times):
        with pytest.raises(SignInNeeded):
            credentials.check("ann", "wrong", address)


def test_failures_slow_down_and_the_wait_grows(credentials: Credentials) -> None:
    fail(credentials, FREE_FAILURES)
    with pytest.raises(TooManyAttempts) as refused:
        credentials.check("ann", "ann's password", HOME)
    assert refused.value.headers()[0][0] == "Retry-After"
    with later(1.5):
        fail(credentials, 1)
        with pytest.raises(TooManyAttempts):
            credentials.check("ann", "ann's password", HOME)
    with later(10):
        credentials.check("ann", "ann's password", HOME)
        fail(credentials, FREE_FAILURES - 1)


def test_another_address_is_not_slowed_down(credentials: Credentials) -> None:
    fail(credentials, FREE_FAILURES)
    credentials.check("ann", "ann's password", ELSEWHERE)


def test_who_is_verified_is_not_locked_out_by_others(credentials: Credentials) -> None:
    credentials.check("ann", "ann's password", HOME)
    fail(credentials, FREE_FAILURES)
    credentials.check("ann", "ann's password", HOME)


def test_a_network_of_ipv6_counts_as_one(credentials: Credentials) -> None:
    for number in range(FREE_FAILURES):
        fail(credentials, 1, f"2001:db8::{number}")
    with pytest.raises(TooManyAttempts):
        credentials.check("ann", "ann's password", "2001:db8::99")


def test_failures_count_in_every_process(users: Users) -> None:
    fail(credentials_of(users), FREE_FAILURES)
    with pytest.raises(TooManyAttempts):
        credentials_of(users).check("ann", "ann's password", HOME)


class TestAdministrator:
    def test_the_first_start_makes_one_with_a_one_time_password(self, share: Share) -> None:
        users = Users(share.catalog)
        made = ensure_administrator(users, "admin", None)
        assert made is not None
        principal = credentials_of(users).check("admin", made, HOME)
        assert principal.is_administrator
        assert ensure_administrator(users, "admin", None) is None

    def test_a_set_password_counts_now_and_when_it_changes(self, share: Share) -> None:
        users = Users(share.catalog)
        assert ensure_administrator(users, "admin", "first password") is None
        assert ensure_administrator(users, "admin", "second password") is None
        credentials_of(users).check("admin", "second password", HOME)

    def test_a_renamed_administrator_does_not_come_back(self, share: Share) -> None:
        """Somebody removed "admin" because another administrator is there."""
        users = Users(share.catalog)
        users.add(User("ann", passwords.hashed("x" * 8), is_administrator=True))
        assert ensure_administrator(users, "admin", None) is None
        assert users.find("admin") is None

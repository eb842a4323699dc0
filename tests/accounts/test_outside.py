"""Names that sources from outside prove: who is asked, how often, and what is made of it."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from davserver.accounts import passwords
from davserver.accounts.homes import Homes
from davserver.accounts.throttle import FREE_FAILURES
from davserver.errors import Forbidden, SettingsWrong, SignInNeeded, TooManyAttempts, Unavailable
from davserver.model import Outside
from davserver.providers.share import Share
from davserver.providers.users import User, Users
from davserver.setting_sources import read_settings
from tests.accounts.checking import credentials_of
from tests.clock import later
from tests.running import ThreadServer

HOME = "192.0.2.1"


class Told:
    """A source that knows what a test tells it, and counts how often it is asked."""

    def __init__(self, name: str, **people: str) -> None:
        self.name = name
        self.people = people
        self.called: dict[str, str] = {}
        self.asked: list[str] = []
        self.is_away = False

    def verify(self, name: str, password: str) -> Outside | None:
        self.asked.append(name)
        if self.is_away:
            raise Unavailable("away")
        if self.people.get(name) != password:
            return None
        return Outside(self.called.get(name, name))

    def look_up(self, name: str) -> Outside | None:
        return Outside(name) if name in self.people else None


@pytest.fixture
def users(share: Share) -> Users:
    table = Users(share.catalog)
    table.add(User("own", passwords.hashed("own password"), is_administrator=False))
    return table


def test_sources_are_asked_in_their_order(users: Users) -> None:
    first, second = Told("one", ann="x", bob="x"), Told("two", ann="y", zoe="y")
    credentials = credentials_of(users, [first, second])
    assert credentials.check("ann", "x", HOME).name == "ann"
    assert second.asked == []
    assert credentials.check("zoe", "y", HOME).name == "zoe"
    assert [user.source for user in users.all()] == ["one", "", "two"]


def test_a_name_that_came_from_one_source_is_asked_of_no_other(users: Users) -> None:
    first, second = Told("one"), Told("two", ann="y")
    credentials = credentials_of(users, [first, second])
    credentials.check("ann", "y", HOME)
    first.people["ann"] = "x"
    with later(400), pytest.raises(SignInNeeded):
        credentials.check("ann", "x", HOME)
    assert first.asked == ["ann"]


def test_our_own_users_are_asked_of_nobody(users: Users) -> None:
    source = Told("one", own="theirs")
    credentials = credentials_of(users, [source])
    credentials.check("own", "own password", HOME)
    with pytest.raises(SignInNeeded):
        credentials.check("own", "theirs", HOME)
    assert source.asked == []


def test_a_password_is_asked_for_once_in_five_minutes(users: Users) -> None:
    source = Told("one", ann="x")
    credentials = credentials_of(users, [source])
    for _ in range(3):
        credentials.check("ann", "x", HOME)
    assert source.asked == ["ann"]
    del source.people["ann"]
    credentials.check("ann", "x", HOME)
    with later(301), pytest.raises(SignInNeeded):
        credentials.check("ann", "x", HOME)


def test_a_source_may_call_people_otherwise(users: Users) -> None:
    source = Told("one", **{"ann@example.org": "x", "ann": "x"})
    source.called["ann@example.org"] = "ann"
    credentials = credentials_of(users, [source])
    for _ in range(2):
        assert credentials.check("ann@example.org", "x", HOME).name == "ann"
    assert source.asked == ["ann@example.org"]


@pytest.mark.parametrize("told", ["own", "a/b", "..", ""])
def test_a_source_cannot_call_people_anything(users: Users, told: str) -> None:
    source = Told("one", ann="x")
    source.called["ann"] = told
    with pytest.raises(SignInNeeded):
        credentials_of(users, [source]).check("ann", "x", HOME)
    assert [user.name for user in users.all()] == ["own"]


@pytest.mark.parametrize(
    ("name", "password"),
    [("ann", ""), ("ann", "x\0"), ("ann", "x" * 1025), ("a\0", "x"), ("", "x")],
)
def test_what_could_mean_something_else_elsewhere_is_not_passed_on(
    users: Users, name: str, password: str
) -> None:
    source = Told("one", ann=password)
    with pytest.raises(SignInNeeded):
        credentials_of(users, [source]).check(name, password, HOME)
    assert source.asked == []


def test_failures_slow_down_before_a_source_is_asked(users: Users) -> None:
    source = Told("one", ann="x")
    credentials = credentials_of(users, [source])
    for _ in range(FREE_FAILURES):
        with pytest.raises(SignInNeeded):
            credentials.check("ann", "wrong", HOME)
    with pytest.raises(TooManyAttempts):
        credentials.check("ann", "x", HOME)
    assert len(source.asked) == FREE_FAILURES


def test_a_source_that_is_away_hides_no_other_and_is_no_failure(users: Users) -> None:
    away, there = Told("one", ann="x"), Told("two", bob="y")
    away.is_away = True
    credentials = credentials_of(users, [away, there])
    assert credentials.check("bob", "y", HOME).name == "bob"
    for _ in range(FREE_FAILURES + 1):
        with pytest.raises(Unavailable):
            credentials.check("ann", "x", HOME)
    away.is_away = False
    assert credentials.check("ann", "x", HOME).name == "ann"


def test_an_unknown_name_costs_a_hash_as_a_known_one_does(
    users: Users, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = []
    matches = passwords.matches
    monkeypatch.setattr(passwords, "matches", lambda *a: hashed.append(1) or matches(*a))
    with pytest.raises(SignInNeeded):
        credentials_of(users, [Told("one")]).check("nobody", "x", HOME)
    assert len(hashed) == 1


def test_somebody_vouched_for_is_looked_up_once_in_a_while(
    users: Users, monkeypatch: pytest.MonkeyPatch
) -> None:
    admitted = []
    admit = Users.admit
    monkeypatch.setattr(Users, "admit", lambda *a: admitted.append(1) or admit(*a))
    credentials = credentials_of(users)
    for _ in range(3):
        assert credentials.vouched("proxy", Outside("ann")).name == "ann"
    assert len(admitted) == 1
    assert credentials.vouched("proxy", Outside("ann", is_administrator=True)).is_administrator
    with pytest.raises(Forbidden):
        credentials.vouched("proxy", Outside("own"))


def test_what_is_said_of_somebody_counts_at_once_however_often_it_changes(users: Users) -> None:
    credentials = credentials_of(users)
    for is_administrator in (True, False, True, False):
        told = Outside("ann", is_administrator=is_administrator)
        assert credentials.vouched("proxy", told).is_administrator is is_administrator


class TestHomes:
    def test_a_first_sign_in_makes_a_home_of_ones_own(
        self, serve: Callable[..., ThreadServer], root: Path
    ) -> None:
        server = serve(home_folders="/People/Homes")
        for name in ("ann", "bob"):
            hashed = passwords.hashed("password")
            Users(server.app.share.catalog).add(User(name, hashed, is_administrator=False))
        ann, bob = server.client("ann", "password"), server.client("bob", "password")
        assert ann.propfind("/People/Homes/ann").status_code == 207
        assert not (root / "People/Homes/bob").exists()
        assert bob.propfind("/People/Homes/bob").status_code == 207
        assert ann.put("/People/Homes/ann/a.txt", b"x").status_code == 201
        assert bob.get("/People/Homes/ann/a.txt").status_code == 404
        assert bob.put("/People/Homes/ann/b.txt", b"x").status_code == 404

    def test_without_the_setting_there_are_none(self, server: ThreadServer, root: Path) -> None:
        assert server.client().propfind("/").status_code == 207
        assert [path.name for path in root.iterdir()] == [".davserver"]

    def test_that_one_cannot_be_made_keeps_nobody_out(
        self, serve: Callable[..., ThreadServer], root: Path
    ) -> None:
        (root / "Users").write_text("a file")
        assert serve(home_folders="/Users").client().propfind("/").status_code == 207
        assert (root / "Users").read_text() == "a file"

    def test_many_sign_ins_at_once_make_one(self, share: Share, root: Path) -> None:
        homes = Homes(share.trees, "/Users")
        threads = [threading.Thread(target=homes.prepare, args=("ann",)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [path.name for path in (root / "Users").iterdir()] == ["ann"]


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ("htpasswd", "begins with"),
        ("ldap catalog", "begins with"),
        ("catalog pam pam", "once"),
        ("catalog kerberos", "user-sources"),
        ("catalog htpasswd", "htpasswd_file"),
    ],
)
def test_sources_that_cannot_be_meant_are_said(sources: str, message: str) -> None:
    with pytest.raises(SettingsWrong, match=message):
        read_settings(user_sources=sources)

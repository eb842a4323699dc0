"""Who leaves the source that they came from is signed out; who stays has groups and rank anew."""

from pathlib import Path

import pytest

from davserver.accounts.people import People
from davserver.accounts.roll_call import EVERY_SECONDS, MOST_AT_ONCE, RollCall
from davserver.accounts.sources.htpasswd import Htpasswd
from davserver.errors import Unavailable
from davserver.model import Outside
from davserver.providers.app_passwords import AppPasswords
from davserver.providers.groups import Groups
from davserver.providers.share import Share
from davserver.providers.sign_ins import SignIns
from davserver.providers.users import User, Users
from tests.clock import later


class Told:
    """A source that knows the people that a test tells it."""

    name = "ldap"

    def __init__(self, *people: Outside) -> None:
        self.people = {one.name: one for one in people}
        self.asked: list[str] = []
        self.is_away = False

    def verify(self, name: str, password: str) -> Outside | None:
        raise AssertionError("nobody typed a password")

    def look_up(self, name: str) -> Outside | None:
        self.asked.append(name)
        if self.is_away:
            raise Unavailable("away")
        return self.people.get(name)


class House:
    def __init__(self, share: Share, *people: Outside) -> None:
        self.share = share
        self.users = Users(share.catalog)
        self.sign_ins = SignIns(share.catalog)
        self.app_passwords = AppPasswords(share.catalog)
        self.source = Told(*people)
        self.call = RollCall(self.users, People(share), [self.source])
        for one in people:
            self.users.admit("ldap", one)

    def sign_in(self, name: str) -> None:
        self.sign_ins.begin(name, 10**6, "192.0.2.1", "Firefox", remembered=True)

    def is_in(self, name: str) -> bool:
        return bool(self.sign_ins.of(name) or self.app_passwords.of(name))


@pytest.fixture
def house(share: Share) -> House:
    made = House(share, Outside("ann"), Outside("bob"))
    made.sign_in("ann")
    made.sign_in("bob")
    made.app_passwords.add("bob", "phone", "digest", "/", read_only=False)
    return made


def test_who_has_left_is_signed_out_everywhere(house: House) -> None:
    del house.source.people["bob"]
    house.call()
    assert not house.is_in("bob")
    assert house.is_in("ann")


def test_nobody_is_put_out_because_the_source_is_silent(house: House) -> None:
    house.source.people.clear()
    house.source.is_away = True
    house.call()
    assert house.is_in("ann")
    assert house.is_in("bob")
    assert len(house.source.asked) == 1, "a source that is silent is not asked about everybody"


def test_groups_and_rank_are_those_of_today(house: House, share: Share) -> None:
    Groups(share.catalog).add("staff")
    house.source.people["ann"] = Outside("ann", frozenset({"staff"}), True)
    house.call()
    ann = house.users.find("ann")
    assert ann is not None
    assert ann.groups == {"staff"}
    assert ann.is_administrator


def test_it_asks_once_in_a_while_and_only_about_who_is_there(house: House) -> None:
    house.sign_ins.end_others("ann", "")
    house.call()
    house.call()
    assert house.source.asked == ["bob"]
    with later(EVERY_SECONDS + 1):
        house.call()
    assert house.source.asked == ["bob", "bob"]


def test_a_crowd_is_asked_about_in_turns(share: Share) -> None:
    names = [f"user{number:03}" for number in range(MOST_AT_ONCE + 5)]
    house = House(share, *map(Outside, names))
    for name in names:
        house.sign_in(name)
    house.call()
    assert house.source.asked == names[:MOST_AT_ONCE]
    with later(EVERY_SECONDS + 1):
        house.call()
    assert house.source.asked == names
    with later(2 * EVERY_SECONDS + 2):
        house.call()
    assert house.source.asked[len(names) :] == names[:MOST_AT_ONCE]


def test_our_own_users_are_asked_of_nobody(house: House) -> None:
    house.users.add(User("own", "", is_administrator=False))
    house.sign_in("own")
    house.call()
    assert "own" not in house.source.asked


def test_a_name_that_is_taken_out_of_the_file_has_left(tmp_path: Path) -> None:
    file = tmp_path / "htpasswd"
    file.write_text("ann:$apr1$x$y\n")
    source = Htpasswd(file)
    assert source.look_up("ann") == Outside("ann")
    file.write_text("anna:$apr1$x$y\n")
    assert source.look_up("ann") is None
    file.unlink()
    with pytest.raises(Unavailable):
        source.look_up("anna")

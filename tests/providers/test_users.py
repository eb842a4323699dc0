"""Users, their groups, and who answers for a name."""

import pytest

from davserver.model import Outside
from davserver.providers.groups import Groups
from davserver.providers.share import Share
from davserver.providers.users import User, Users


@pytest.fixture
def users(share: Share) -> Users:
    return Users(share.catalog)


@pytest.fixture
def groups(share: Share) -> Groups:
    table = Groups(share.catalog)
    for name in ("staff", "guests"):
        table.add(name)
    return table


def outside(name: str = "ann", *groups: str, **more: object) -> Outside:
    return Outside(name, frozenset(groups), **more)  # type: ignore[arg-type]


def test_somebody_from_outside_becomes_a_user_at_the_first_sign_in(users: Users) -> None:
    admitted = users.admit("ldap", outside(is_administrator=True))
    assert admitted == users.find("ann") == User("ann", "", True, frozenset(), "ldap")


def test_a_name_of_our_own_is_nobody_elses(users: Users) -> None:
    own = User("ann", "hash", is_administrator=False)
    users.add(own)
    assert users.admit("ldap", outside(is_administrator=True)) is None
    assert users.find("ann") == own


def test_a_name_belongs_to_the_source_that_it_came_from(users: Users) -> None:
    users.admit("ldap", outside())
    assert users.admit("oidc", outside()) is None
    assert not users.add(User("ann", "hash", is_administrator=False))


def test_a_name_that_a_source_gave_to_another_person_is_not_theirs(users: Users) -> None:
    assert users.admit("oidc", outside(subject="1"))
    assert users.admit("oidc", outside(subject="2")) is None
    assert users.admit("oidc", outside(subject="1"))


def test_groups_are_those_that_the_source_tells_and_the_catalog_has(
    users: Users, groups: Groups
) -> None:
    first = users.admit("ldap", outside("ann", "staff", "unknown"))
    assert first
    assert first.groups == {"staff"}
    second = users.admit("ldap", outside("ann", "guests"))
    assert second
    assert second.groups == {"guests"}
    assert [group.members for group in groups.all()] == [("ann",), ()]


def test_an_administrators_word_on_groups_stays(users: Users, groups: Groups) -> None:
    users.admit("ldap", outside("ann", "staff"))
    assert groups.join("staff", "ann")
    assert groups.join("guests", "ann")
    again = users.admit("ldap", outside("ann"))
    assert again
    assert again.groups == {"staff", "guests"}


@pytest.mark.parametrize(("says", "then"), [(False, False), (None, True), (True, True)])
def test_rank_is_what_the_source_says_if_it_says_anything(
    users: Users, says: bool | None, then: bool
) -> None:
    users.admit("ldap", outside(is_administrator=True))
    admitted = users.admit("ldap", outside(is_administrator=says))
    assert admitted
    assert admitted.is_administrator is then

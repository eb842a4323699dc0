"""The decision about rights, as a function."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davserver import paths, rights
from davserver.model import (
    ALL_RIGHTS,
    EVERYONE,
    NO_RIGHTS,
    Grant,
    Principal,
    Right,
    Rights,
    Role,
)
from davserver.rights import Grants, Rules, decide, holders

ANN = Principal("ann", frozenset({"staff", "board"}))
BOB = Principal("bob")
CLOSED = Rules(Role.NONE)
SEEN = frozenset({Right.SEE})


def may(
    principal: Principal, path: str, *grants: tuple[str, str, Role], rules: Rules = CLOSED
) -> Rights:
    table = Grants(Grant(*grant) for grant in grants)
    return decide(principal, paths.lineage(path), table, rules).rights


def test_where_nothing_is_set_the_default_counts() -> None:
    assert may(BOB, "/a/b", rules=Rules(Role.EDITOR)) == Role.EDITOR.rights
    assert may(BOB, "/a/b") == NO_RIGHTS


def test_the_nearest_grant_counts() -> None:
    given_ = ("/a", "user:ann", Role.EDITOR), ("/a/b", "user:ann", Role.VIEWER)
    assert may(ANN, "/a/c", *given_) == Role.EDITOR.rights
    assert may(ANN, "/a/b/c", *given_) == Role.VIEWER.rights


def test_a_folder_can_be_closed_below_an_open_one() -> None:
    given_ = ("/", EVERYONE, Role.EDITOR), ("/a", EVERYONE, Role.NONE)
    assert may(BOB, "/b", *given_) == Role.EDITOR.rights
    assert may(BOB, "/a/x", *given_) == NO_RIGHTS


def test_ones_own_grant_counts_before_those_of_groups_and_of_everyone() -> None:
    everyone, staff = ("/a", EVERYONE, Role.VIEWER), ("/a", "group:staff", Role.EDITOR)
    own = ("/a", "user:ann", Role.COMMENTER)
    assert may(ANN, "/a", everyone) == Role.VIEWER.rights
    assert may(ANN, "/a", everyone, staff) == Role.EDITOR.rights
    assert may(ANN, "/a", everyone, staff, own) == Role.COMMENTER.rights


def test_the_grants_of_several_groups_add_up() -> None:
    both = ("/a", "group:staff", Role.COMMENTER), ("/a", "group:board", Role.FORM_FILLER)
    assert may(ANN, "/a", *both) == Role.COMMENTER.rights | Role.FORM_FILLER.rights


def test_what_is_left_out_of_a_role_is_missing() -> None:
    table = Grants([Grant("/a", "user:ann", Role.EDITOR, frozenset({Right.DOWNLOAD}))])
    found = decide(ANN, paths.lineage("/a/x"), table, CLOSED)
    assert found.rights == Role.EDITOR.rights - {Right.DOWNLOAD}
    assert found.at == "/a"


def test_an_administrator_may_do_everything() -> None:
    root = Principal("root", is_administrator=True)
    assert may(root, "/a", ("/a", EVERYONE, Role.NONE)) == ALL_RIGHTS


def test_the_way_to_something_open_is_seen_and_nothing_else() -> None:
    deep = ("/a/b/c", "user:ann", Role.VIEWER)
    assert may(ANN, "/", deep) == may(ANN, "/a", deep) == may(ANN, "/a/b", deep) == SEEN
    assert may(ANN, "/a/x", deep) == NO_RIGHTS
    assert may(BOB, "/a", deep) == NO_RIGHTS


def test_names_that_begin_alike_are_not_below_each_other() -> None:
    assert may(ANN, "/ab", ("/a", "user:ann", Role.EDITOR)) == NO_RIGHTS
    assert may(ANN, "/a", ("/ab/c", "user:ann", Role.EDITOR)) == NO_RIGHTS
    assert may(ANN, "/a", ("/a-b/c", "user:ann", Role.EDITOR)) == NO_RIGHTS


def test_an_uploader_sees_the_folder_and_not_what_is_in_it() -> None:
    drop = ("/drop", EVERYONE, Role.UPLOADER)
    assert may(BOB, "/drop", drop) == {Right.SEE, Right.CREATE}
    assert may(BOB, "/drop/x", drop) == {Right.CREATE}


class TestHomes:
    RULES = Rules(Role.EDITOR, "/Users")

    def test_a_home_is_its_users_alone(self) -> None:
        assert may(ANN, "/Users/ann/x", rules=self.RULES) == ALL_RIGHTS
        assert may(BOB, "/Users/ann/x", rules=self.RULES) == NO_RIGHTS
        assert may(BOB, "/Users/ann", rules=self.RULES) == NO_RIGHTS

    def test_the_folder_of_homes_shows_ones_own(self) -> None:
        assert may(BOB, "/Users", rules=self.RULES) == SEEN
        assert may(Principal(""), "/Users", rules=self.RULES) == NO_RIGHTS

    def test_something_in_a_home_can_be_shared(self) -> None:
        shared = ("/Users/ann/plan", "user:bob", Role.VIEWER)
        assert may(BOB, "/Users/ann/plan/x", shared, rules=self.RULES) == Role.VIEWER.rights
        assert may(BOB, "/Users/ann", shared, rules=self.RULES) == SEEN
        assert may(ANN, "/Users/ann/plan/x", shared, rules=self.RULES) == ALL_RIGHTS

    def test_elsewhere_the_default_counts(self) -> None:
        assert may(BOB, "/other", rules=self.RULES) == Role.EDITOR.rights

    def test_who_may_delete_all_may_not_delete_the_homes(self) -> None:
        lacking = rights.lacking_below(
            BOB, "/", frozenset({Right.DELETE}), Grants(), Rules(Role.EDITOR, "/Users")
        )
        assert list(lacking) == ["/Users"]


class TestBounds:
    def test_outside_its_scope_nothing_exists_but_the_way_to_it(self) -> None:
        phone = Principal("ann", scope="/photos/new")
        open_ = ("/", EVERYONE, Role.EDITOR)
        assert may(phone, "/photos/new/x", open_) == Role.EDITOR.rights
        assert may(phone, "/photos", open_) == SEEN
        assert may(phone, "/other", open_) == NO_RIGHTS
        assert may(phone, "/photos/newer", open_) == NO_RIGHTS

    def test_a_ceiling_is_never_passed_not_even_by_an_administrator(self) -> None:
        reader = Principal("root", is_administrator=True, ceiling=Role.VIEWER.rights)
        assert may(reader, "/a") == Role.VIEWER.rights

    def test_a_guest_has_what_the_sharer_has_at_most(self) -> None:
        guest = Principal("", scope="/a", ceiling=Role.EDITOR.rights, link="l", sharer=ANN)
        assert may(guest, "/a/x", ("/a", "user:ann", Role.MANAGER)) == Role.EDITOR.rights
        assert may(guest, "/a/x", ("/a", "user:ann", Role.VIEWER)) == Role.VIEWER.rights
        assert may(guest, "/a/x") == NO_RIGHTS
        assert may(guest, "/b", ("/", "user:ann", Role.MANAGER)) == NO_RIGHTS

    def test_a_guest_who_may_only_upload_sees_nothing_in_the_folder(self) -> None:
        guest = Principal("", scope="/a", ceiling=Role.UPLOADER.rights, link="l", sharer=ANN)
        given_ = ("/a", "user:ann", Role.MANAGER)
        assert may(guest, "/a", given_) == {Right.SEE, Right.CREATE}
        assert may(guest, "/a/x", given_) == {Right.CREATE}


_NAMES = st.sampled_from(["a", "b", "ann", "bob", "Users"])
_PATHS = st.lists(_NAMES, max_size=4).map(lambda names: "/" + "/".join(names))
_SUBJECTS = st.sampled_from([EVERYONE, "user:ann", "user:bob", "group:staff", "group:board"])
_GRANTS = st.lists(st.builds(Grant, _PATHS, _SUBJECTS, st.sampled_from(Role)), max_size=8)
_RULES = st.builds(Rules, st.sampled_from(Role), st.sampled_from(["", "/Users"]))


@given(_GRANTS, _RULES, _PATHS, st.sampled_from([ANN, BOB, Principal("")]))
def test_whoever_sees_something_sees_the_way_to_it(
    grants: list[Grant], rules: Rules, path: str, who: Principal
) -> None:
    table = Grants(grants)
    # An uploader and a role without rights close the view into a folder on purpose.
    if any(grant.role in {Role.UPLOADER, Role.NONE} for grant in grants) or rules.default in {
        Role.UPLOADER,
        Role.NONE,
    }:
        return
    if Right.SEE in decide(who, paths.lineage(path), table, rules).rights:
        for folder in paths.ancestors(path):
            assert Right.SEE in decide(who, paths.lineage(folder), table, rules).rights


@given(_GRANTS, _RULES, _PATHS, _PATHS)
def test_what_lacks_something_below_is_told_where_it_begins(
    grants: list[Grant], rules: Rules, top: str, path: str
) -> None:
    """If nothing is told, the whole tree has the rights."""
    table = Grants(grants)
    needed = frozenset({Right.DELETE})
    if not needed <= decide(BOB, paths.lineage(top), table, rules).rights:
        return
    if list(rights.lacking_below(BOB, top, needed, table, rules)):
        return
    if paths.is_within(path, top):
        assert needed <= decide(BOB, paths.lineage(path), table, rules).rights


@given(_GRANTS, _RULES, _PATHS, _PATHS, st.sampled_from([ANN, BOB, Principal("")]))
def test_where_all_is_uniform_every_path_has_the_same_rights(
    grants: list[Grant], rules: Rules, one: str, other: str, who: Principal
) -> None:
    table = Grants(grants)
    if rights.is_uniform(who, table, rules):
        first = decide(who, paths.lineage(one), table, rules).rights
        assert first == decide(who, paths.lineage(other), table, rules).rights
        assert Right.SEE in first


@pytest.mark.parametrize("subject", ["ann", "user:", "user:a/b", "nobody:x", "", "group:a:b"])
def test_what_is_no_subject_is_refused(subject: str) -> None:
    with pytest.raises(ValueError, match="not a subject"):
        Grant("/", subject, Role.VIEWER)


_PEOPLE = st.builds(
    Principal, st.sampled_from(["ann", "bob"]), st.sampled_from([ANN.groups, BOB.groups])
)


@given(st.lists(_PEOPLE, max_size=6), _GRANTS, _RULES, _PATHS)
def test_who_of_many_has_a_right_is_what_each_is_told(
    people: list[Principal], grants: list[Grant], rules: Rules, path: str
) -> None:
    table, levels = Grants(grants), paths.lineage(path)
    for needed in (Right.READ, Right.SHARE):
        each = [one for one in people if needed in decide(one, levels, table, rules).rights]
        assert list(holders(people, levels, needed, table, rules)) == each

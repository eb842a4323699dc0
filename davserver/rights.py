"""Who may do what: the one decision. Pure; docs/security.md tells it in words.

The grant nearest to a path decides: that on the path itself, else that on the folder above, up to
the root. Of several on one folder, those for the user count; if there are none, those for the
user's groups, together; else that for everyone. Where no grant says anything, the default role
does.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from davserver import paths
from davserver.model import (
    ALL_RIGHTS,
    EVERYONE,
    NO_RIGHTS,
    Grant,
    Principal,
    Right,
    Rights,
    Role,
    is_user_name,
    of_group,
    of_user,
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What counts where no grant does: the default role, and the folder that holds the homes.

    Each folder in ``homes`` belongs to the user of its name alone; empty: there are none. Files
    called ``policy_file`` hold grants; only who may share a folder reads and writes that in it.
    """

    default: Role = Role.EDITOR
    homes: str = ""
    policy_file: str = ""


class Granted(Protocol):
    """All grants of a share at one moment."""

    def at(self, path: str) -> list[Grant]:
        """Those set on ``path`` itself."""

    def known_below(self, path: str) -> Iterator[Grant]:
        """Those set below ``path``, as far as they are at hand."""

    def below(self, path: str) -> Iterator[Grant]:
        """All set below ``path``, however long that takes."""

    def __bool__(self) -> bool:
        """Whether there may be any."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The rights, the grants that decided and where they are set; no grant: the default did."""

    rights: Rights
    grants: tuple[Grant, ...] = ()

    @property
    def at(self) -> str:
        """The path that the grants are set on; empty for none."""
        return self.grants[0].path if self.grants else ""


class Grants:
    """Grants at hand, by path."""

    def __init__(self, grants: Iterable[Grant] = ()) -> None:
        found: dict[str, list[Grant]] = {}
        for grant in grants:
            found.setdefault(grant.path, []).append(grant)
        self._at: Mapping[str, list[Grant]] = found

    def __bool__(self) -> bool:
        return bool(self._at)

    def at(self, path: str) -> list[Grant]:
        """Those set on ``path`` itself."""
        return self._at.get(path, [])

    def known_below(self, path: str) -> Iterator[Grant]:
        """Those set anywhere below ``path``."""
        return self.below(path)

    def below(self, path: str) -> Iterator[Grant]:
        """The same."""
        stem = _key("" if path == paths.ROOT else path)
        for key, inner in self._sorted[bisect_left(self._sorted, (stem, "")) :]:
            if not key.startswith(stem):
                return
            if inner != path:
                yield from self._at[inner]

    @cached_property
    def _sorted(self) -> list[tuple[str, str]]:
        # With a slash at the end, so that all that lies in a folder follows it.
        return sorted((_key("" if path == paths.ROOT else path), path) for path in self._at)


def decide(
    principal: Principal, levels: tuple[str, ...], grants: Granted, rules: Rules
) -> Decision:
    """What ``principal`` may do with the first of ``levels``; the others are what it lies in."""
    path = levels[0]
    if not paths.is_within(path, principal.scope):
        leads_in = paths.is_within(principal.scope, path)
        return Decision(frozenset({Right.SEE}) if leads_in else NO_RIGHTS)
    who = principal.sharer or principal
    found: tuple[Grant, ...] = ()
    if who.is_administrator:
        rights = ALL_RIGHTS
    else:
        found = _nearest(who, levels, grants, rules)
        rights = _together(found) if found else rules.default.rights
    rights &= principal.ceiling
    if rules.policy_file and paths.name(path) == rules.policy_file and Right.SHARE not in rights:
        return Decision(NO_RIGHTS, found)
    is_given = not principal.link and bool(found) and found[0].path == path
    is_top = path == principal.scope or is_given
    if principal.link and path == principal.scope:
        # What was shared stays where it is.
        rights -= {Right.DELETE}
    # Whoever may do anything with a folder sees the folder, if not what is in it.
    if (rights and is_top) or (
        Right.SEE in principal.ceiling and _leads_somewhere(who, path, grants, rules)
    ):
        rights |= {Right.SEE}
    return Decision(rights, found)


def holders(
    principals: Iterable[Principal],
    levels: tuple[str, ...],
    needed: Right,
    grants: Granted,
    rules: Rules,
) -> Iterator[Principal]:
    """Those of ``principals``, users who signed in, who have the right on the first of ``levels``.

    It is decided once for all whom no grant there tells apart. Not for Right.SEE, which depends on
    what lies below.
    """
    here = Grants(grant for level in levels for grant in grants.at(level))
    implied = (grant for level in levels for grant in _implied(level, rules))
    named = {grant.subject for level in levels for grant in here.at(level)}
    named |= {grant.subject for grant in implied}
    known: dict[tuple[object, ...], bool] = {}
    for one in principals:
        own = one.name if of_user(one.name) in named else ""
        standing = (one.is_administrator, one.groups, one.scope, one.ceiling, own)
        if standing not in known:
            known[standing] = needed in decide(one, levels, here, rules).rights
        if known[standing]:
            yield one


def is_uniform(principal: Principal, grants: Granted, rules: Rules) -> bool:
    """Whether the principal has the same rights, and sees what is there, everywhere."""
    who = principal.sharer or principal
    if principal.link or principal.scope != paths.ROOT or Right.READ not in principal.ceiling:
        return False
    if who.is_administrator:
        return True
    return not grants and not rules.homes and Right.READ in rules.default.rights


def lacking_below(
    principal: Principal, path: str, needed: Rights, grants: Granted, rules: Rules
) -> Iterator[str]:
    """The paths below ``path`` where the principal lacks one of ``needed``.

    Told are those on which something is set: what lies deeper has the same rights.
    """
    places = {grant.path for grant in grants.below(path)}
    if rules.homes and rules.homes != path and paths.is_within(rules.homes, path):
        places.add(rules.homes)
    for place in sorted(places):
        if not needed <= decide(principal, paths.lineage(place), grants, rules).rights:
            yield place


def _nearest(
    who: Principal, levels: tuple[str, ...], grants: Granted, rules: Rules
) -> tuple[Grant, ...]:
    for level in levels:
        here = [*grants.at(level), *_implied(level, rules)]
        if not here:
            continue
        for subjects in (
            {of_user(who.name)} if who.name else set(),
            {of_group(group) for group in who.groups},
            {EVERYONE},
        ):
            found = tuple(grant for grant in here if grant.subject in subjects)
            if found:
                return found
    return ()


def _implied(level: str, rules: Rules) -> Iterator[Grant]:
    """A home is its user's; nobody else sees it, nor who has one. Our own folder is nobody's."""
    if level == f"/{paths.HIDDEN}" or (level == rules.homes and rules.homes):
        yield Grant(level, EVERYONE, Role.NONE)
    elif rules.homes and level != paths.ROOT and paths.parent(level) == rules.homes:
        name = paths.name(level)
        if is_user_name(name):
            yield Grant(level, of_user(name), Role.MANAGER)


def _together(grants: Iterable[Grant]) -> Rights:
    return frozenset().union(*(grant.rights for grant in grants))


def _leads_somewhere(who: Principal, path: str, grants: Granted, rules: Rules) -> bool:
    """Whether something below ``path`` is open to ``who``: then the way to it is to be seen."""
    if rules.homes and who.name and paths.is_within(paths.join(rules.homes, who.name), path):
        return True
    subjects = who.subjects
    return any(
        grant.role is not Role.NONE and grant.subject in subjects
        for grant in grants.known_below(path)
    )


def _key(path: str) -> str:
    return path + "/"

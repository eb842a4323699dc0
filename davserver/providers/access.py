"""Grants in the catalog, and what they add up to: every room asks here who may do what."""

import hashlib
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from sqlalchemy import Row, Select, delete, func, insert, select

from davserver import paths, rights
from davserver.errors import (
    DavserverError,
    Forbidden,
    MembersRefused,
    NotFound,
    SignInNeeded,
    printable,
)
from davserver.model import Entry, Grant, Principal, Right, Rights, Role
from davserver.providers import identities
from davserver.providers.catalog import Catalog
from davserver.providers.policies import PolicyFiles
from davserver.providers.stores import FileStore, Place
from davserver.providers.tables import grants, resources
from davserver.rights import Decision, Granted, Grants, Rules
from davserver.words import say

MAX_ON_ONE = 200
"""Grants on one file or folder."""

_ALL: Select[Any] = select(
    resources.c.path, grants.c.subject, grants.c.role, grants.c.without
).join(resources)
_WORDS = {
    Right.SEE: say("You may not see this."),
    Right.READ: say("You may not read this."),
    Right.DOWNLOAD: say("You may not download this."),
    Right.EDIT: say("You may not change this."),
    Right.CREATE: say("You may not add something here."),
    Right.DELETE: say("You may not delete this or move it away."),
    Right.SHARE: say("You may not share this."),
}


class Access:
    """The grants of one root. Safe for threads; no process has an old view of them."""

    def __init__(self, store: FileStore, catalog: Catalog, rules: Rules) -> None:
        self._store = store
        self._catalog = catalog
        self._rules = rules
        self._lock = threading.Lock()
        self._seen = -1
        self._generation = ""
        self._grants = Grants()
        self._policies = PolicyFiles(store, rules.policy_file)

    def rights(self, principal: Principal, path: str) -> Rights:
        """What ``principal`` may do with ``path``, be there something or not."""
        return self.why(principal, paths.lineage(path)).rights

    def why(self, principal: Principal, levels: tuple[str, ...]) -> Decision:
        """What ``principal`` may do with the first of ``levels`` (``Place.levels``), and why."""
        return rights.decide(principal, levels, self._now(), self._rules)

    def holders(
        self, principals: Iterable[Principal], path: str, needed: Right
    ) -> Iterator[Principal]:
        """Those of ``principals``, users who signed in, who have the right on ``path``.

        However many they are; not for Right.SEE.
        """
        levels = paths.lineage(path)
        return rights.holders(principals, levels, needed, self._now(), self._rules)

    def check(self, principal: Principal, path: str, *needed: Right) -> None:
        """Raise unless ``principal`` has all these rights on ``path``.

        NotFound where not even that something is there may be known, SignInNeeded for somebody
        who might have the right under a name, else Forbidden.
        """
        self.check_levels(principal, paths.lineage(path), *needed)

    def check_levels(self, principal: Principal, levels: tuple[str, ...], *needed: Right) -> None:
        """The same for the first of ``levels``."""
        has = self.why(principal, levels).rights
        for right in needed:
            if right not in has:
                raise _refusal(principal, levels[0], has, right)

    def check_tree(self, principal: Principal, path: str, *needed: Right) -> None:
        """The same for ``path`` and all that is below. Raises MembersRefused for the latter."""
        self.check(principal, path, *needed)
        wanted = frozenset(needed)
        lacking = rights.lacking_below(principal, path, wanted, self._now(), self._rules)
        refused = {one: _refused_member(one) for one in lacking if self._store.find(one)}
        if refused:
            raise MembersRefused(refused)

    def is_uniform(self, principal: Principal) -> bool:
        """Whether the same counts for ``principal`` everywhere, and nothing is out of sight."""
        return rights.is_uniform(principal, self._now(), self._rules)

    def seen_by(self, principal: Principal, place: Place) -> Place:
        """``place`` as ``principal`` sees it."""
        return place if self.is_uniform(principal) else _Seen(self, principal, place)

    def shown(self, principal: Principal, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Those of the folder's own entries that ``principal`` may see, by the grants of now."""
        now, rules = self._now(), self._rules
        if rights.is_uniform(principal, now, rules):
            return iter(entries)
        return (
            one
            for one in entries
            if Right.SEE in rights.decide(principal, paths.lineage(one.path), now, rules).rights
        )

    def generation(self, principal: Principal) -> str:
        """A text that is another one once the rights of ``principal`` may have changed.

        Empty if nothing tells that: policy files count, and have to be read each time.
        """
        if self._policies.name and not self.is_uniform(principal):
            return ""
        return self._catalog.count_of("grants")

    def sight(self, principal: Principal) -> str:
        """Hex digits that are others once ``principal`` may see other things than before.

        Policy files are not looked at for that: they change without our knowledge.
        """
        if self.is_uniform(principal):
            return "0"
        who = principal.sharer or principal
        standing = (who.is_administrator, sorted(who.groups), principal.scope)
        told = (self._catalog.count_of("grants"), sorted(principal.ceiling), standing)
        return hashlib.sha256(repr(told).encode()).hexdigest()[:12]

    def on(self, path: str) -> list[Grant]:
        """The grants that the catalog has on ``path`` itself."""
        return sorted(self._stored().at(path), key=lambda grant: grant.subject)

    def all(self) -> list[Grant]:
        """Every grant in the catalog, by path."""
        now = self._stored()
        return [*now.at(paths.ROOT), *now.below(paths.ROOT)]

    def give(self, grant: Grant, by: str) -> None:
        """Set what a subject has on a path, instead of what it had. Raises NotFound, Forbidden."""
        entry = self._store.find(grant.path)
        if entry is None:
            raise NotFound(grant.path)
        with self._catalog.writing() as connection:
            resource_id = identities.identify(connection, grant.path, entry.modified_ns)
            here = grants.c.resource_id == resource_id
            connection.execute(delete(grants).where(here, grants.c.subject == grant.subject))
            count = connection.scalar(select(func.count()).select_from(grants).where(here)) or 0
            if count >= MAX_ON_ONE:
                raise Forbidden(
                    say(
                        "At most {max_on_one} can have a role on one folder; use a group.",
                        max_on_one=MAX_ON_ONE,
                    )
                )
            connection.execute(
                insert(grants).values(
                    resource_id=resource_id,
                    subject=grant.subject,
                    role=grant.role.value,
                    without=" ".join(sorted(grant.without)),
                    given_by=by,
                    given=time.time(),
                )
            )

    def take(self, path: str, subject: str) -> bool:
        """Take away what a subject has on a path; tell whether it had anything."""
        with self._catalog.writing() as connection:
            resource_id = identities.find(connection, path)
            this = (grants.c.resource_id == resource_id) & (grants.c.subject == subject)
            return connection.execute(delete(grants).where(this)).rowcount > 0

    def given_by(self, name: str) -> list[Grant]:
        """The grants that a user gave, by path."""
        with self._catalog.reading() as connection:
            rows = connection.execute(_ALL.where(grants.c.given_by == name))
            found = [_grant(row) for row in rows]
        there = (one for one in found if not paths.is_ours(one.path))
        return sorted(there, key=lambda one: (one.path, one.subject))

    def rights_after(
        self, principal: Principal, path: str, subject: str, grant: Grant | None
    ) -> Rights:
        """What ``principal`` may do with ``path`` once ``subject`` has ``grant`` there instead."""
        others = [one for one in self.all() if (one.path, one.subject) != (path, subject)]
        after = Grants([*others, *([grant] if grant else [])])
        return rights.decide(
            principal, paths.lineage(path), self._and_policies(after), self._rules
        ).rights

    def _now(self) -> Granted:
        """The grants as they are at this moment."""
        return self._and_policies(self._stored())

    def _and_policies(self, stored: Grants) -> Granted:
        return _WithPolicies(stored, self._policies) if self._policies.name else stored

    def _stored(self) -> Grants:
        # Asked before the grants are read: what changes in between is read next time.
        changes = self._catalog.changes()
        if changes != self._seen:
            with self._lock:
                generation = self._catalog.count_of("grants")
                if generation != self._generation:
                    self._grants = self._read()
                    self._generation = generation
                self._seen = changes
        return self._grants

    def _read(self) -> Grants:
        with self._catalog.reading() as connection:
            return Grants(_grant(row) for row in connection.execute(_ALL))


class _WithPolicies:
    """The grants of the catalog, and those of the policy files."""

    def __init__(self, stored: Grants, policies: PolicyFiles) -> None:
        self._stored = stored
        self._policies = policies

    def at(self, path: str) -> list[Grant]:
        """Those set on ``path`` itself."""
        return [*self._stored.at(path), *self._policies.at(path)]

    def known_below(self, path: str) -> Iterator[Grant]:
        """Those set below ``path`` in the catalog."""
        return self._stored.below(path)

    def below(self, path: str) -> Iterator[Grant]:
        """All set below ``path``."""
        yield from self._stored.below(path)
        yield from self._policies.below(path)

    def __bool__(self) -> bool:
        return True


class _Seen:
    """A place in which what somebody may not see is not there."""

    def __init__(self, access: Access, principal: Principal, place: Place) -> None:
        self._access = access
        self._principal = principal
        self._place = place

    def find(self, path: str) -> Entry | None:
        """What is at ``path``; None if nothing is, or nothing to be seen."""
        found = self._place.find(path)
        return found if found and self._shows(path) else None

    def entry(self, path: str) -> Entry:
        """What is at ``path``. Raises NotFound."""
        found = self.find(path)
        if found is None:
            raise NotFound(path)
        return found

    def children(self, path: str) -> Iterator[Entry]:
        """The members that are to be seen, unordered. Raises NotFound."""
        return (one for one in self._place.children(path) if self._shows(one.path))

    def open(self, path: str) -> tuple[BinaryIO, Entry]:
        """A file's bytes and the state they have. The caller closes. Raises NotFound."""
        return self._place.open(path)

    def copy_members(self, source: str, destination: str) -> None:
        """Copy everything below ``source``: who may was asked of the whole before."""
        self._place.copy_members(source, destination)

    def origin(self, path: str) -> str:
        """The path under which the catalog knows what a reader finds at ``path``."""
        return self._place.origin(path)

    def levels(self, path: str) -> tuple[str, ...]:
        """The paths whose grants count for ``path``, nearest first."""
        return self._place.levels(path)

    def _shows(self, path: str) -> bool:
        return Right.SEE in self._access.why(self._principal, self._place.levels(path)).rights


def _grant(row: Row[Any]) -> Grant:
    return Grant(
        paths.path_of_key(row.path),
        row.subject,
        Role(row.role),
        frozenset(map(Right, row.without.split())),
    )


def _refusal(principal: Principal, path: str, has: Rights, right: Right) -> DavserverError:
    if principal.is_anonymous and not principal.link:
        return SignInNeeded(say("Sign in first."))
    if has.isdisjoint({Right.SEE, Right.CREATE}):
        return NotFound(path)
    words = _WORDS.get(right) or say("You may not do this: {right}.", right=right.value)
    return Forbidden(words, "need-privileges")


def _refused_member(path: str) -> DavserverError:
    return Forbidden(
        say("You may not do this with {path}.", path=printable(path)), "need-privileges"
    )

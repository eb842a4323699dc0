"""Users and failed sign-ins in the catalog. Stores hashes; knows no password."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from davserver.model import Outside, of_user
from davserver.providers.catalog import Catalog
from davserver.providers.tables import (
    grants,
    groups,
    links,
    memberships,
    sign_in_failures,
    sign_ins,
    users,
)

_FIND = select(users).where(users.c.name == bindparam("name"))
_GROUPS = select(memberships.c.group_name).where(memberships.c.user_name == bindparam("name"))


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may sign in. ``password_hash`` is argon2id in its encoded form.

    Who comes from outside has no hash, but a ``source`` like "ldap", which answers for the name,
    and maybe a ``subject``, which the source calls them by.
    """

    name: str
    password_hash: str
    is_administrator: bool
    groups: frozenset[str] = frozenset()
    source: str = ""
    subject: str = ""


class Users:
    """The table of users."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def find(self, name: str) -> User | None:
        """The user called ``name``."""
        with self._catalog.reading() as connection:
            return _found(connection, name)

    def all(self) -> list[User]:
        """Every user, by name."""
        with self._catalog.reading() as connection:
            rows = connection.execute(select(users).order_by(users.c.name)).all()
            return [_user(row, _groups(connection, row.name)) for row in rows]

    def add(self, user: User) -> bool:
        """Add a user of our own; False if the name is taken. Groups come by ``Groups.join``."""
        with self._catalog.writing() as connection:
            taken = select(func.count()).select_from(users).where(users.c.name == user.name)
            if connection.scalar(taken):
                return False
            _insert(connection, user)
            return True

    def admit(self, source: str, outside: Outside) -> User | None:
        """The user that ``source`` answers for, with groups and rank as it says now.

        The first time, this makes the user. None if the name belongs to somebody else: to a user of
        our own, to another source, or to another subject of this one. Only groups that are in the
        catalog count, and who was put into one by an administrator stays in it.
        """
        with self._catalog.writing() as connection:
            user = _found(connection, outside.name)
            if user is None:
                rank = bool(outside.is_administrator)
                user = User(outside.name, "", rank, source=source, subject=outside.subject)
                _insert(connection, user)
            elif (user.source, user.subject) != (source, outside.subject):
                return None
            elif outside.is_administrator not in {None, user.is_administrator}:
                connection.execute(
                    update(users)
                    .where(users.c.name == user.name)
                    .values(is_administrator=outside.is_administrator)
                )
            _set_memberships(connection, user.name, source, outside.groups)
            return _found(connection, user.name)

    def set_password_hash(self, name: str, password_hash: str) -> bool:
        """Change a user's hash, which signs them out everywhere; False if there is no such user."""
        with self._catalog.writing() as connection:
            connection.execute(delete(sign_ins).where(sign_ins.c.user == name))
            changed = connection.execute(
                update(users).where(users.c.name == name).values(password_hash=password_hash)
            )
            return changed.rowcount > 0

    def renew_password_hash(self, name: str, old: str, new: str) -> None:
        """Replace the hash by a better one of the same password: nobody is signed out.

        A password that was changed meanwhile stays.
        """
        with self._catalog.writing() as connection:
            this = (users.c.name == name) & (users.c.password_hash == old)
            connection.execute(update(users).where(this).values(password_hash=new))

    def remove(self, name: str) -> bool:
        """Remove a user, with memberships, grants and links; False if there is none. Files stay."""
        with self._catalog.writing() as connection:
            connection.execute(delete(grants).where(grants.c.subject == of_user(name)))
            connection.execute(delete(links).where(links.c.made_by == name))
            return connection.execute(delete(users).where(users.c.name == name)).rowcount > 0

    def failures(self, key: str) -> tuple[int, float]:
        """How often sign-in failed for ``key``, and when last (seconds since 1970)."""
        with self._catalog.reading() as connection:
            row = connection.execute(
                select(sign_in_failures).where(sign_in_failures.c.key == key)
            ).first()
            return (row.failures, row.last) if row else (0, 0.0)

    def note_failure(self, key: str) -> None:
        """Count a failed sign-in."""
        this = sign_in_failures.c.key == key
        with self._catalog.writing() as connection:
            counted = connection.execute(
                update(sign_in_failures)
                .where(this)
                .values(failures=sign_in_failures.c.failures + 1, last=time.time())
            )
            if not counted.rowcount:
                connection.execute(
                    insert(sign_in_failures).values(key=key, failures=1, last=time.time())
                )

    def try_again(self, key: str, wait_after: Callable[[int], float]) -> float:
        """Count a try as failed until it is forgotten; or seconds to wait, if it comes too early.

        Counted before the try, so that tries at the same time are tries one after another.
        ``wait_after`` tells the wait after so many failures.
        """
        now = time.time()
        this = sign_in_failures.c.key == key
        with self._catalog.writing() as connection:
            row = connection.execute(select(sign_in_failures).where(this)).first()
            wait = row.last + wait_after(row.failures) - now if row else 0.0
            if wait > 0:
                return wait
            count = 1 + (row.failures if row else 0)
            connection.execute(delete(sign_in_failures).where(this))
            connection.execute(insert(sign_in_failures).values(key=key, failures=count, last=now))
            return 0.0

    def forget_failures(self, key: str) -> None:
        """Forget the failures of ``key``: somebody proved who they are."""
        with self._catalog.writing() as connection:
            connection.execute(delete(sign_in_failures).where(sign_in_failures.c.key == key))

    def forget_failures_older_than(self, seconds: float) -> None:
        """Forget failures of so long ago."""
        before = time.time() - seconds
        with self._catalog.writing() as connection:
            connection.execute(delete(sign_in_failures).where(sign_in_failures.c.last < before))


def _found(connection: Connection, name: str) -> User | None:
    row = connection.execute(_FIND, {"name": name}).first()
    return _user(row, _groups(connection, name)) if row else None


def _groups(connection: Connection, name: str) -> frozenset[str]:
    return frozenset(connection.scalars(_GROUPS, {"name": name}))


def _user(row: Row[Any], its_groups: frozenset[str]) -> User:
    return User(
        row.name, row.password_hash, row.is_administrator, its_groups, row.source, row.subject
    )


def _insert(connection: Connection, user: User) -> None:
    connection.execute(
        insert(users).values(
            name=user.name,
            password_hash=user.password_hash,
            is_administrator=user.is_administrator,
            created=time.time(),
            source=user.source,
            subject=user.subject,
        )
    )


def _set_memberships(connection: Connection, name: str, source: str, told: frozenset[str]) -> None:
    """Make those memberships of a user that ``source`` answers for the ones that it told."""
    known = frozenset(connection.scalars(select(groups.c.name)))
    wanted, present = told & known, _groups(connection, name)
    connection.execute(
        delete(memberships).where(
            memberships.c.user_name == name,
            memberships.c.source == source,
            memberships.c.group_name.not_in(wanted),
        )
    )
    for group in sorted(wanted - present):
        connection.execute(
            insert(memberships).values(group_name=group, user_name=name, source=source)
        )

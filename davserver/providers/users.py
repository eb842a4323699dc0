"""Users in the catalog. Stores hashes; knows no password."""

import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from davserver.errors import LastAdministrator
from davserver.model import Outside, of_user
from davserver.providers.catalog import Catalog
from davserver.providers.tables import (
    grants,
    groups,
    links,
    memberships,
    sign_ins,
    users,
)

_FIND = select(users).where(users.c.name == bindparam("name"))
_GROUPS = select(memberships.c.group_name).where(memberships.c.user_name == bindparam("name"))
_MEMBERSHIPS = select(memberships.c.user_name, memberships.c.group_name)


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may sign in. ``password_hash`` is argon2id in its encoded form.

    Who comes from outside has no hash, but a ``source`` like "ldap", which answers for the name,
    and maybe a ``subject``, which the source calls them by. ``email`` is where they get mail; it
    may be empty.
    """

    name: str
    password_hash: str
    is_administrator: bool
    groups: frozenset[str] = frozenset()
    source: str = ""
    subject: str = ""
    email: str = ""


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
            belong: dict[str, set[str]] = {}
            for row in connection.execute(_MEMBERSHIPS):
                belong.setdefault(row.user_name, set()).add(row.group_name)
            rows = connection.execute(select(users).order_by(users.c.name)).all()
            return [_user(row, frozenset(belong.get(row.name, ()))) for row in rows]

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

    def set_administrator(self, name: str, *, is_administrator: bool) -> bool:
        """Say whether a user is an administrator; False if there is no such user.

        Raises LastAdministrator.
        """
        this = update(users).where(users.c.name == name)
        with self._catalog.writing() as connection:
            if not is_administrator:
                _check_not_last(connection, name)
            changed = connection.execute(this.values(is_administrator=is_administrator))
            return changed.rowcount > 0

    def set_email(self, name: str, email: str) -> bool:
        """Say where a user gets mail, nowhere if it is empty; False if there is no such user."""
        this = update(users).where(users.c.name == name)
        with self._catalog.writing() as connection:
            return connection.execute(this.values(email=email)).rowcount > 0

    def remove(self, name: str) -> bool:
        """Remove a user, with memberships, grants and links; False if there is none. Files stay.

        Raises LastAdministrator.
        """
        with self._catalog.writing() as connection:
            _check_not_last(connection, name)
            connection.execute(delete(grants).where(grants.c.subject == of_user(name)))
            connection.execute(delete(links).where(links.c.made_by == name))
            return connection.execute(delete(users).where(users.c.name == name)).rowcount > 0


def _check_not_last(connection: Connection, name: str) -> None:
    """In the transaction that changes it: two at once must not remove each other."""
    administrators = select(users.c.name).where(users.c.is_administrator)
    if set(connection.scalars(administrators)) == {name}:
        raise LastAdministrator(name)


def _found(connection: Connection, name: str) -> User | None:
    row = connection.execute(_FIND, {"name": name}).first()
    return _user(row, _groups(connection, name)) if row else None


def _groups(connection: Connection, name: str) -> frozenset[str]:
    return frozenset(connection.scalars(_GROUPS, {"name": name}))


def _user(row: Row[Any], its_groups: frozenset[str]) -> User:
    return User(
        row.name,
        row.password_hash,
        row.is_administrator,
        its_groups,
        row.source,
        row.subject,
        row.email,
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
            email=user.email,
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

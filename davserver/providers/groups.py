"""Groups of users in the catalog."""

import time
from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update

from davserver.errors import NoSuchAccount
from davserver.model import of_group
from davserver.providers.catalog import Catalog
from davserver.providers.tables import grants, groups, memberships, users
from davserver.words import say


@dataclass(frozen=True, slots=True)
class Group:
    """People who are given rights together."""

    name: str
    members: tuple[str, ...] = ()


class Groups:
    """The table of groups, and who is in them."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def find(self, name: str) -> Group | None:
        """The group called ``name``."""
        return next((group for group in self.all() if group.name == name), None)

    def all(self) -> list[Group]:
        """Every group with its members, by name."""
        with self._catalog.reading() as connection:
            names = connection.scalars(select(groups.c.name).order_by(groups.c.name)).all()
            rows = connection.execute(select(memberships).order_by(memberships.c.user_name)).all()
        members: dict[str, list[str]] = {name: [] for name in names}
        for row in rows:
            members[row.group_name].append(row.user_name)
        return [Group(name, tuple(members[name])) for name in names]

    def add(self, name: str) -> bool:
        """Add a group; False if there is one of that name."""
        with self._catalog.writing() as connection:
            if connection.scalar(select(groups.c.name).where(groups.c.name == name)):
                return False
            connection.execute(insert(groups).values(name=name, created=time.time()))
            return True

    def remove(self, name: str) -> bool:
        """Remove a group with its grants; False if there is none. Its members stay users."""
        with self._catalog.writing() as connection:
            connection.execute(delete(grants).where(grants.c.subject == of_group(name)))
            return connection.execute(delete(groups).where(groups.c.name == name)).rowcount > 0

    def join(self, name: str, user: str) -> bool:
        """Put a user into a group until they leave it, whatever a source from outside says.

        False if an administrator did so before. Raises NoSuchAccount for an unknown user or group.
        """
        this = (memberships.c.group_name == name) & (memberships.c.user_name == user)
        with self._catalog.writing() as connection:
            if not connection.scalar(select(groups.c.name).where(groups.c.name == name)):
                raise NoSuchAccount(say("There is no group {name}.", name=name))
            if not connection.scalar(select(users.c.name).where(users.c.name == user)):
                raise NoSuchAccount(say("There is no user {user}.", user=user))
            source = connection.scalar(select(memberships.c.source).where(this))
            if source is None:
                connection.execute(
                    insert(memberships).values(group_name=name, user_name=user, source="")
                )
            elif source:
                connection.execute(update(memberships).where(this).values(source=""))
            return source != ""

    def leave(self, name: str, user: str) -> bool:
        """Take a user out of a group; False if they are not in it."""
        this = (memberships.c.group_name == name) & (memberships.c.user_name == user)
        with self._catalog.writing() as connection:
            return connection.execute(delete(memberships).where(this)).rowcount > 0

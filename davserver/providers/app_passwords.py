"""App passwords: one for each device of a user. Stores keyed hashes; knows no password."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, insert, select, update

from davserver import paths
from davserver.errors import Conflict, Forbidden
from davserver.providers import identities
from davserver.providers.catalog import Catalog
from davserver.providers.remembered import Remembered
from davserver.providers.sign_ins import NOTED_EVERY
from davserver.providers.tables import app_passwords, resources

MAX_EACH = 50
"""App passwords of one user."""
MAX_NAME = 64

_COLUMNS = select(app_passwords, resources.c.path).outerjoin(resources)
_FIND = _COLUMNS.where(app_passwords.c.digest == bindparam("key"))


@dataclass(frozen=True, slots=True)
class AppPassword:
    """What a device of ``user`` signs in with; it reaches nothing outside the folder ``scope``.

    ``scope`` is where that folder is now. ``last_used`` is None before the first use.
    """

    number: int
    user: str
    name: str
    scope: str
    read_only: bool
    created: datetime
    last_used: datetime | None


class AppPasswords:
    """The table of app passwords."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._remembered: Remembered[AppPassword | None] = Remembered(catalog)

    def add(self, user: str, name: str, digest: str, scope: str, *, read_only: bool) -> None:
        """Add one for the folder ``scope``, which it follows when the folder moves.

        Raises Conflict where ``user`` has one of this name, Forbidden where they have enough.
        """
        with self._catalog.writing() as connection:
            of_user = app_passwords.c.user == user
            names = set(connection.scalars(select(app_passwords.c.name).where(of_user)))
            if name in names:
                raise Conflict(f"There is an app password called {name} already.")
            if len(names) >= MAX_EACH:
                raise Forbidden(f"One user has at most {MAX_EACH} app passwords; revoke one first.")
            is_all = scope == paths.ROOT
            connection.execute(
                insert(app_passwords).values(
                    user=user,
                    name=name,
                    digest=digest,
                    resource_id=None if is_all else identities.identify(connection, scope),
                    read_only=read_only,
                    created=time.time(),
                    last_used=None,
                )
            )

    def find(self, digest: str) -> AppPassword | None:
        """The one with this hash; notes that it is used."""
        found = self._remembered.get(digest, self._read)
        if found is None:
            return None
        now = time.time()
        if found.last_used is None or found.last_used.timestamp() < now - NOTED_EVERY:
            with self._catalog.writing() as connection:
                this = app_passwords.c.number == found.number
                connection.execute(update(app_passwords).where(this).values(last_used=now))
        return found

    def of(self, user: str) -> list[AppPassword]:
        """Those of ``user``, by name."""
        with self._catalog.reading() as connection:
            rows = connection.execute(
                _COLUMNS.where(app_passwords.c.user == user).order_by(
                    func.lower(app_passwords.c.name)
                )
            )
            return [_app_password(row) for row in rows]

    def revoke(self, user: str, name: str) -> bool:
        """Take one away, at once; False if there is none of this name."""
        with self._catalog.writing() as connection:
            this = (app_passwords.c.user == user) & (app_passwords.c.name == name)
            return connection.execute(delete(app_passwords).where(this)).rowcount > 0

    def _read(self, digest: str) -> AppPassword | None:
        with self._catalog.reading() as connection:
            row = connection.execute(_FIND, {"key": digest}).first()
            return _app_password(row) if row else None


def _app_password(row: Row[Any]) -> AppPassword:
    used = None if row.last_used is None else datetime.fromtimestamp(row.last_used, UTC)
    return AppPassword(
        row.number,
        row.user,
        row.name,
        paths.path_of_key(row.path) if row.resource_id else paths.ROOT,
        row.read_only,
        datetime.fromtimestamp(row.created, UTC),
        used,
    )

"""App passwords: one for each device of a user. Stores keyed hashes; knows no password."""

import time
from collections.abc import Mapping
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
from davserver.providers.tables import app_passwords, digest_nonces, resources
from davserver.words import say

MAX_EACH = 50
"""App passwords of one user."""
MAX_NAME = 64

_COLUMNS = select(app_passwords, resources.c.path).outerjoin(resources)
_HA1 = {"SHA-256": app_passwords.c.ha1_sha256, "MD5": app_passwords.c.ha1_md5}
_WINDOW = 60
"""How far a count may be behind the highest one: a client's connections overtake each other."""
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

    @property
    def identity(self) -> str:
        """Tells it from every other one that there ever was: numbers are used again."""
        return f"{self.number}-{self.created.timestamp():.6f}"


class AppPasswords:
    """The table of app passwords."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._remembered: Remembered[AppPassword | None] = Remembered(catalog)

    def add(
        self,
        user: str,
        name: str,
        digest: str,
        scope: str,
        *,
        read_only: bool,
        ha1: Mapping[str, str] | None = None,
    ) -> None:
        """Add one for the folder ``scope``, which it follows when the folder moves.

        ``ha1`` is what Digest checks against, by algorithm, if it shall be good for that. Raises
        Conflict where ``user`` has one of this name, Forbidden where they have enough.
        """
        with self._catalog.writing() as connection:
            of_user = app_passwords.c.user == user
            names = set(connection.scalars(select(app_passwords.c.name).where(of_user)))
            if name in names:
                raise Conflict(say("There is an app password called {name} already.", name=name))
            if len(names) >= MAX_EACH:
                raise Forbidden(
                    say(
                        "One user has at most {max_each} app passwords; revoke one first.",
                        max_each=MAX_EACH,
                    )
                )
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
                    ha1_sha256=(ha1 or {}).get("SHA-256", ""),
                    ha1_md5=(ha1 or {}).get("MD5", ""),
                )
            )

    def find(self, digest: str) -> AppPassword | None:
        """The one with this hash; notes that it is used."""
        found = self._remembered.get(digest, self._read)
        if found is not None:
            self.note_use(found)
        return found

    def called(self, identity: str) -> AppPassword | None:
        """The one with this identity; None once it is revoked. That is no use of it."""
        return self._remembered.get(identity, self._read_called)

    def note_use(self, found: AppPassword) -> None:
        """Note that one is used, if that was not done a short while ago."""
        now = time.time()
        if found.last_used is None or found.last_used.timestamp() < now - NOTED_EVERY:
            with self._catalog.writing() as connection:
                this = app_passwords.c.number == found.number
                connection.execute(update(app_passwords).where(this).values(last_used=now))

    def digests(self, user: str, algorithm: str) -> list[tuple[str, AppPassword]]:
        """HA1 by an algorithm (RFC 7616, 3.4.2), of each of ``user``'s that is good for Digest."""
        column = _HA1[algorithm]
        with self._catalog.reading() as connection:
            those = (app_passwords.c.user == user) & (column != "")
            rows = connection.execute(_COLUMNS.where(those))
            return [(row._mapping[column], _app_password(row)) for row in rows]

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

    def revoke_all(self, user: str) -> int:
        """Take all of ``user``'s away; how many there were."""
        with self._catalog.writing() as connection:
            return connection.execute(
                delete(app_passwords).where(app_passwords.c.user == user)
            ).rowcount

    def last_used(self) -> dict[str, datetime | None]:
        """When a device of each user that has a password was last there; None if none was."""
        latest = select(app_passwords.c.user, func.max(app_passwords.c.last_used))
        with self._catalog.reading() as connection:
            rows = connection.execute(latest.group_by(app_passwords.c.user))
            return {
                user: None if moment is None else datetime.fromtimestamp(moment, UTC)
                for user, moment in rows
            }

    def _read_called(self, identity: str) -> AppPassword | None:
        number = int(identity.partition("-")[0])
        with self._catalog.reading() as connection:
            row = connection.execute(_COLUMNS.where(app_passwords.c.number == number)).first()
        found = _app_password(row) if row else None
        return found if found and found.identity == identity else None

    def _read(self, digest: str) -> AppPassword | None:
        with self._catalog.reading() as connection:
            row = connection.execute(_FIND, {"key": digest}).first()
            return _app_password(row) if row else None


class DigestNonces:
    """The table of Digest's nonces in use: no count of one is used twice, in any process."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def use(self, digest: str, count: int, expires: float) -> bool:
        """Use a count of a nonce up; False if it was used before, or is far behind the others."""
        this = digest_nonces.c.digest == digest
        with self._catalog.writing() as connection:
            row = connection.execute(select(digest_nonces).where(this)).first()
            if row is None:
                values = {"digest": digest, "highest": count, "seen": 1, "expires": expires}
                connection.execute(insert(digest_nonces).values(values))
                return True
            ahead = count - row.highest
            if ahead > 0:
                seen = (row.seen << ahead | 1) % (1 << _WINDOW) if ahead < _WINDOW else 1
            elif ahead <= -_WINDOW or row.seen >> -ahead & 1:
                return False
            else:
                seen = row.seen | 1 << -ahead
            highest = max(count, row.highest)
            connection.execute(update(digest_nonces).where(this).values(highest=highest, seen=seen))
            return True

    def purge(self) -> None:
        """Forget nonces whose time is over: those are refused without it."""
        with self._catalog.writing() as connection:
            over = digest_nonces.c.expires <= time.time()
            connection.execute(delete(digest_nonces).where(over))


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

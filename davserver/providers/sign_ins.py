"""Browsers that are signed in. Stores a hash of what the cookie holds; knows no cookie."""

import hashlib
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from davserver.providers.catalog import Catalog
from davserver.providers.remembered import Remembered
from davserver.providers.tables import sign_ins

MAX_EACH = 50
"""Browsers that one user is signed in with; one more ends the one that was used longest ago."""
NOTED_EVERY = 300
"""Seconds between two notes of the last use: a note is a write, and every request is a use."""

_FIND = select(sign_ins).where(sign_ins.c.id == bindparam("key"))


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A browser that is signed in until ``expires``. ``agent`` is its name for people.

    ``id`` names it on pages and is the hash of what its cookie holds, which nobody knows here.
    """

    id: str
    user: str
    created: datetime
    last_used: datetime
    expires: datetime
    address: str
    agent: str
    remembered: bool


class SignIns:
    """The table of browsers that are signed in."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._remembered: Remembered[SignedIn | None] = Remembered(catalog)

    def begin(self, user: str, seconds: int, address: str, agent: str, *, remembered: bool) -> str:
        """Sign ``user`` in for so long; what the cookie has to hold: 256 random bits."""
        secret = secrets.token_urlsafe(32)
        now = time.time()
        with self._catalog.writing() as connection:
            connection.execute(
                insert(sign_ins).values(
                    id=_id(secret),
                    user=user,
                    created=now,
                    last_used=now,
                    expires=now + seconds,
                    address=address,
                    agent=agent,
                    remembered=remembered,
                )
            )
            _end_all_but(connection, user, MAX_EACH)
        return secret

    def find(self, secret: str) -> SignedIn | None:
        """The sign-in whose cookie holds ``secret``, if it has not ended; notes that it is used."""
        found = self._remembered.get(_id(secret), self._read)
        now = time.time()
        if found is None or found.expires.timestamp() <= now:
            return None
        if found.last_used.timestamp() < now - NOTED_EVERY:
            with self._catalog.writing() as connection:
                this = sign_ins.c.id == found.id
                connection.execute(update(sign_ins).where(this).values(last_used=now))
        return found

    def of(self, user: str) -> list[SignedIn]:
        """Where ``user`` is signed in, the latest use first."""
        with self._catalog.reading() as connection:
            rows = connection.execute(
                select(sign_ins)
                .where(sign_ins.c.user == user, sign_ins.c.expires > time.time())
                .order_by(sign_ins.c.last_used.desc())
            )
            return [_signed_in(row) for row in rows]

    def end(self, user: str, identity: str) -> bool:
        """End one of ``user``; False if it had ended."""
        with self._catalog.writing() as connection:
            this = (sign_ins.c.user == user) & (sign_ins.c.id == identity)
            return connection.execute(delete(sign_ins).where(this)).rowcount > 0

    def end_others(self, user: str, identity: str) -> int:
        """End all of ``user`` but one; how many ended."""
        with self._catalog.writing() as connection:
            those = (sign_ins.c.user == user) & (sign_ins.c.id != identity)
            return connection.execute(delete(sign_ins).where(those)).rowcount

    def last_used(self) -> dict[str, datetime]:
        """When each user who is signed in somewhere was last there."""
        latest = select(sign_ins.c.user, func.max(sign_ins.c.last_used)).group_by(sign_ins.c.user)
        with self._catalog.reading() as connection:
            rows = connection.execute(latest)
            return {user: datetime.fromtimestamp(moment, UTC) for user, moment in rows}

    def purge(self) -> None:
        """Remove those that ended by time."""
        with self._catalog.writing() as connection:
            connection.execute(delete(sign_ins).where(sign_ins.c.expires <= time.time()))

    def _read(self, identity: str) -> SignedIn | None:
        with self._catalog.reading() as connection:
            row = connection.execute(_FIND, {"key": identity}).first()
            return _signed_in(row) if row else None


def _id(secret: str) -> str:
    # No salt and no cost: nobody guesses 256 random bits, and the row is found by the hash.
    return hashlib.sha256(secret.encode()).hexdigest()


def _signed_in(row: Row[Any]) -> SignedIn:
    created, last_used, expires = (
        datetime.fromtimestamp(moment, UTC) for moment in (row.created, row.last_used, row.expires)
    )
    return SignedIn(
        row.id, row.user, created, last_used, expires, row.address, row.agent, row.remembered
    )


def _end_all_but(connection: Connection, user: str, count: int) -> None:
    newest = (
        select(sign_ins.c.id)
        .where(sign_ins.c.user == user)
        .order_by(sign_ins.c.last_used.desc(), sign_ins.c.created.desc())
        .limit(count)
    )
    those = (sign_ins.c.user == user) & sign_ins.c.id.not_in(newest)
    connection.execute(delete(sign_ins).where(those))

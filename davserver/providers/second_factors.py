"""Second factors of users: a code generator, passkeys, recovery codes. Stores nothing readable.

The generator's secret comes encrypted, of recovery codes there are hashes, of passkeys the public
part.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, union_all, update

from davserver.errors import Conflict, Forbidden
from davserver.providers.catalog import Catalog
from davserver.providers.remembered import Remembered
from davserver.providers.tables import code_generators, passkeys, recovery_codes, spent_challenges
from davserver.words import say

MAX_PASSKEYS = 20
"""Passkeys of one user."""
MAX_NAME = 64

_ANY = union_all(
    select(code_generators.c.user).where(code_generators.c.user == bindparam("name")),
    select(passkeys.c.user).where(passkeys.c.user == bindparam("name")),
)


@dataclass(frozen=True, slots=True)
class CodeGenerator:
    """An app that shows codes. ``secret`` is encrypted; ``last_step`` is that of the last code."""

    secret: str
    created: datetime
    last_step: int


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey: ``id`` and ``public_key`` in base64url, uses as its ``sign_count`` tells them."""

    id: str
    user: str
    name: str
    public_key: str
    sign_count: int
    created: datetime
    last_used: datetime | None


class SecondFactors:
    """The tables of second factors."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._remembered: Remembered[bool] = Remembered(catalog)

    def has_any(self, user: str) -> bool:
        """Whether ``user``'s password alone is not enough."""
        return self._remembered.get(user, self._read_any)

    def generator(self, user: str) -> CodeGenerator | None:
        """The generator of ``user``."""
        with self._catalog.reading() as connection:
            row = connection.execute(
                select(code_generators).where(code_generators.c.user == user)
            ).first()
            if row is None:
                return None
            return CodeGenerator(row.secret, _moment(row.created), row.last_step)

    def set_generator(self, user: str, secret: str, step: int) -> None:
        """Make this the generator of ``user``; the code of ``step`` is used up."""
        with self._catalog.writing() as connection:
            connection.execute(delete(code_generators).where(code_generators.c.user == user))
            connection.execute(
                insert(code_generators).values(
                    user=user, secret=secret, created=time.time(), last_step=step
                )
            )

    def use_step(self, user: str, step: int) -> bool:
        """Use up the code of ``step`` and all before; False if that was done before."""
        with self._catalog.writing() as connection:
            this = (code_generators.c.user == user) & (code_generators.c.last_step < step)
            used = connection.execute(update(code_generators).where(this).values(last_step=step))
            return used.rowcount > 0

    def remove_generator(self, user: str) -> bool:
        """Remove it, and the recovery codes with the last factor; False if there is none."""
        with self._catalog.writing() as connection:
            this = code_generators.c.user == user
            removed = connection.execute(delete(code_generators).where(this)).rowcount > 0
            _tidy(connection, user)
            return removed

    def passkeys(self, user: str) -> list[Passkey]:
        """The passkeys of ``user``, the oldest first."""
        with self._catalog.reading() as connection:
            rows = connection.execute(
                select(passkeys).where(passkeys.c.user == user).order_by(passkeys.c.created)
            )
            return [_passkey(row) for row in rows]

    def passkey(self, identity: str) -> Passkey | None:
        """The passkey with this id, whoever has it."""
        with self._catalog.reading() as connection:
            row = connection.execute(select(passkeys).where(passkeys.c.id == identity)).first()
            return _passkey(row) if row else None

    def add_passkey(
        self, user: str, identity: str, name: str, public_key: str, sign_count: int
    ) -> None:
        """Add one. Raises Conflict if it is there, Forbidden where ``user`` has enough."""
        with self._catalog.writing() as connection:
            those = select(func.count()).select_from(passkeys)
            if connection.scalar(those.where(passkeys.c.id == identity)):
                raise Conflict(say("This passkey is there already."))
            if (connection.scalar(those.where(passkeys.c.user == user)) or 0) >= MAX_PASSKEYS:
                raise Forbidden(
                    say(
                        "One user has at most {max_passkeys} passkeys; remove one first.",
                        max_passkeys=MAX_PASSKEYS,
                    )
                )
            connection.execute(
                insert(passkeys).values(
                    id=identity,
                    user=user,
                    name=name,
                    public_key=public_key,
                    sign_count=sign_count,
                    created=time.time(),
                )
            )

    def use_passkey(self, used: Passkey, sign_count: int) -> bool:
        """Note a use; False if another one came between: then one of them was a copy."""
        with self._catalog.writing() as connection:
            this = (passkeys.c.id == used.id) & (passkeys.c.sign_count == used.sign_count)
            noted = connection.execute(
                update(passkeys).where(this).values(sign_count=sign_count, last_used=time.time())
            )
            return noted.rowcount > 0

    def remove_passkey(self, user: str, identity: str) -> bool:
        """Remove one, and the recovery codes with the last factor; False if there is none."""
        with self._catalog.writing() as connection:
            this = (passkeys.c.user == user) & (passkeys.c.id == identity)
            removed = connection.execute(delete(passkeys).where(this)).rowcount > 0
            _tidy(connection, user)
            return removed

    def remove_all(self, user: str) -> bool:
        """Remove everything that ``user`` has; False if there was nothing."""
        with self._catalog.writing() as connection:
            return any(
                [
                    connection.execute(delete(table).where(table.c.user == user)).rowcount
                    for table in (code_generators, passkeys, recovery_codes)
                ]
            )

    def set_recovery_codes(self, user: str, digests: list[str]) -> None:
        """Make these the recovery codes of ``user``."""
        with self._catalog.writing() as connection:
            connection.execute(delete(recovery_codes).where(recovery_codes.c.user == user))
            connection.execute(
                insert(recovery_codes), [{"digest": digest, "user": user} for digest in digests]
            )

    def recovery_codes_left(self, user: str) -> int:
        """How many recovery codes ``user`` has not used."""
        with self._catalog.reading() as connection:
            count = select(func.count()).select_from(recovery_codes)
            return connection.scalar(count.where(recovery_codes.c.user == user)) or 0

    def use_recovery_code(self, user: str, digest: str) -> bool:
        """Use one up; False if it is none of ``user``'s."""
        with self._catalog.writing() as connection:
            this = (recovery_codes.c.user == user) & (recovery_codes.c.digest == digest)
            return connection.execute(delete(recovery_codes).where(this)).rowcount > 0

    def spend_challenge(self, digest: str, expires: float) -> bool:
        """Use up a challenge that is good until ``expires``; False if that was done before."""
        with self._catalog.writing() as connection:
            this = select(spent_challenges).where(spent_challenges.c.digest == digest)
            if connection.execute(this).first():
                return False
            connection.execute(insert(spent_challenges).values(digest=digest, expires=expires))
            return True

    def purge(self) -> None:
        """Forget challenges whose time is over: those are refused without it."""
        with self._catalog.writing() as connection:
            over = spent_challenges.c.expires <= time.time()
            connection.execute(delete(spent_challenges).where(over))

    def _read_any(self, user: str) -> bool:
        with self._catalog.reading() as connection:
            return _has_any(connection, user)


def _has_any(connection: Connection, user: str) -> bool:
    return connection.execute(_ANY, {"name": user}).first() is not None


def _tidy(connection: Connection, user: str) -> None:
    """Recovery codes stand for a lost factor: without any factor there is nothing to stand for."""
    if not _has_any(connection, user):
        connection.execute(delete(recovery_codes).where(recovery_codes.c.user == user))


def _passkey(row: Row[Any]) -> Passkey:
    return Passkey(
        row.id,
        row.user,
        row.name,
        row.public_key,
        row.sign_count,
        _moment(row.created),
        None if row.last_used is None else _moment(row.last_used),
    )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)

"""What users are told: that somebody mentioned them in a document. Kept until it is old."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Row, delete, func, insert, select, update

from davserver import paths
from davserver.providers.catalog import Catalog
from davserver.providers.tables import notices, resources, users

KEPT_SECONDS = 90 * 24 * 3600
MAX_EACH = 500
"""So many are kept for one user; the oldest go."""
WAYS = ("mail", "hook")
"""How a notice is sent besides being shown. The columns have these names."""


class Outcome(StrEnum):
    """What became of sending a notice by one way."""

    NONE = ""  # it is not sent that way
    DUE = "due"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Notice:
    """``sender`` mentioned ``user`` in the document at ``path`` (empty if that is in the trash).

    ``anchor`` is the place in it as the editor gave it, ``email`` the address of the user.
    """

    number: int
    user: str
    email: str
    sender: str
    path: str
    message: str
    anchor: str
    made: datetime
    is_read: bool

    @property
    def query(self) -> str:
        """What follows the document's address to lead to the place; it may be empty."""
        return f"?{urlencode({'anchor': self.anchor})}" if self.anchor else ""


class Notices:
    """The notices of all users."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def add(
        self,
        receivers: Iterable[str],
        sender: str,
        resource_id: str,
        message: str,
        anchor: str,
        ways: Iterable[str] = (),
    ) -> None:
        """One for each of ``receivers``, to be sent by ``ways`` too, by mail to who has an address.

        Who gets an address later gets no old mail.
        """
        sent = dict.fromkeys(WAYS, Outcome.NONE) | dict.fromkeys(ways, Outcome.DUE)
        with self._catalog.writing() as connection:
            for user in receivers:
                address = select(users.c.email).where(users.c.name == user)
                mail = sent["mail"] if connection.scalar(address) else Outcome.NONE
                connection.execute(
                    insert(notices).values(
                        user=user,
                        resource_id=resource_id,
                        sender=sender,
                        message=message,
                        anchor=anchor,
                        made=time.time(),
                        is_read=False,
                        mail=mail.value,
                        hook=sent["hook"].value,
                    )
                )
                newest = (
                    select(notices.c.id)
                    .where(notices.c.user == user)
                    .order_by(notices.c.id.desc())
                    .limit(MAX_EACH)
                )
                connection.execute(
                    delete(notices).where(notices.c.user == user, notices.c.id.not_in(newest))
                )

    def sent_since(self, sender: str, seconds: float) -> int:
        """How many a user caused in this time."""
        since = time.time() - seconds
        count = select(func.count()).where(notices.c.sender == sender, notices.c.made > since)
        with self._catalog.reading() as connection:
            return connection.scalar(count.select_from(notices)) or 0

    def of(self, user: str) -> list[Notice]:
        """Those of a user, the newest first."""
        with self._catalog.reading() as connection:
            mine = _ALL.where(notices.c.user == user).order_by(notices.c.id.desc())
            return [_notice(row) for row in connection.execute(mine)]

    def unread(self, user: str) -> int:
        """How many a user has not read."""
        count = select(func.count()).where(notices.c.user == user, ~notices.c.is_read)
        with self._catalog.reading() as connection:
            return connection.scalar(count.select_from(notices)) or 0

    def read(self, user: str, number: int | None = None) -> None:
        """A user has read one, or all of theirs."""
        this = notices.c.user == user
        if number is not None:
            this &= notices.c.id == number
        with self._catalog.writing() as connection:
            connection.execute(update(notices).where(this).values(is_read=True))

    def due(self, way: str, limit: int) -> list[Notice]:
        """Those that are still to be sent by ``way``, the oldest first."""
        waiting = (
            _ALL.where(notices.c[way] == Outcome.DUE.value).order_by(notices.c.id).limit(limit)
        )
        with self._catalog.reading() as connection:
            return [_notice(row) for row in connection.execute(waiting)]

    def tell(self, way: str, number: int, outcome: Outcome) -> None:
        """Write down what became of sending one by ``way``."""
        this = update(notices).where(notices.c.id == number)
        with self._catalog.writing() as connection:
            connection.execute(this.values({way: outcome.value}))

    def give_up(self, way: str, seconds: float) -> None:
        """What could not be sent for so long by ``way`` is not tried any more."""
        old = (notices.c[way] == Outcome.DUE.value) & (notices.c.made < time.time() - seconds)
        with self._catalog.writing() as connection:
            connection.execute(update(notices).where(old).values({way: Outcome.FAILED.value}))

    def purge(self) -> None:
        """Forget what is too old."""
        with self._catalog.writing() as connection:
            before = time.time() - KEPT_SECONDS
            connection.execute(delete(notices).where(notices.c.made < before))


_ALL = (
    select(notices, resources.c.path, users.c.email)
    .join(resources, resources.c.id == notices.c.resource_id)
    .join(users, users.c.name == notices.c.user)
)


def _notice(row: Row[Any]) -> Notice:
    path = paths.path_of_key(row.path)
    return Notice(
        row.id,
        row.user,
        row.email,
        row.sender,
        "" if paths.is_ours(path) else path,
        row.message,
        row.anchor,
        datetime.fromtimestamp(row.made, UTC),
        row.is_read,
    )

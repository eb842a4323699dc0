"""What users are told: that somebody mentioned them in a document. Kept until it is old."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update

from davserver import paths
from davserver.providers.catalog import Catalog
from davserver.providers.tables import notices, resources, users

KEPT_SECONDS = 90 * 24 * 3600
MAX_EACH = 500
"""So many are kept for one user; the oldest go."""
MAX_TRIES = 5
WAYS = ("mail", "hook")
"""How a notice is sent besides being shown. The columns have these names."""

DUE, SENT, FAILED, NONE = "due", "sent", "failed", ""


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
    tries: int


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
        """One for each of ``receivers``, to be sent by ``ways`` too."""
        sent = dict.fromkeys(WAYS, NONE) | dict.fromkeys(ways, DUE)
        with self._catalog.writing() as connection:
            for user in receivers:
                connection.execute(
                    insert(notices).values(
                        user=user,
                        resource_id=resource_id,
                        sender=sender,
                        message=message,
                        anchor=anchor,
                        made=time.time(),
                        is_read=False,
                        tries=0,
                        **sent,
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
        waiting = _ALL.where(notices.c[way] == DUE).order_by(notices.c.id).limit(limit)
        with self._catalog.reading() as connection:
            return [_notice(row) for row in connection.execute(waiting)]

    def tell(self, way: str, number: int, *, was_sent: bool) -> None:
        """A notice was sent by ``way``, or that failed; after ``MAX_TRIES`` for good."""
        this = notices.c.id == number
        with self._catalog.writing() as connection:
            if was_sent:
                connection.execute(update(notices).where(this).values({way: SENT}))
                return
            connection.execute(update(notices).where(this).values(tries=notices.c.tries + 1))
            given_up = this & (notices.c.tries >= MAX_TRIES)
            connection.execute(update(notices).where(given_up).values({way: FAILED}))

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
        row.tries,
    )

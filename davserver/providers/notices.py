"""What users are told: mentions, saves that need them, the Document Server. Kept until old."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from davserver import paths
from davserver.providers.catalog import Catalog
from davserver.providers.tables import notices, resources, users

KEPT_SECONDS = 90 * 24 * 3600
MAX_EACH = 500
"""So many are kept for one user; the oldest go."""
MAX_SENDER = 64
WAYS = ("mail", "hook")
"""How a notice is sent besides being shown. The columns have these names."""


class Outcome(StrEnum):
    """What became of sending a notice by one way."""

    NONE = ""  # it is not sent that way
    DUE = "due"
    SENT = "sent"
    FAILED = "failed"


class Kind(StrEnum):
    """What a notice is about."""

    MENTION = "mention"
    BESIDE = "beside"  # a save was put beside its file
    LATE = "late"  # a save was fetched that did not arrive when it was sent
    OVER_QUOTA = "over quota"
    SERVER_DOWN = "server down"
    SERVER_UP = "server up"


@dataclass(frozen=True, slots=True)
class News:
    """What is to be told to ``receivers``, and by which ``ways`` besides being shown.

    ``sender`` caused it; ``resource_id`` is the document that it is about, if it is about one.
    ``details`` are what the words of its kind are made of.
    """

    kind: Kind
    receivers: tuple[str, ...]
    sender: str = ""
    resource_id: str | None = None
    message: str = ""
    anchor: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    ways: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """One piece of news for one ``user``, who has the address ``email``.

    ``path`` is the document's, empty if it is in the trash or there is none; ``anchor`` the place
    in it as the editor gave it.
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
    kind: Kind = Kind.MENTION
    details: Mapping[str, str] = field(default_factory=dict)

    @property
    def query(self) -> str:
        """What follows the document's address to lead to the place; it may be empty."""
        return f"?{urlencode({'anchor': self.anchor})}" if self.anchor else ""


class Notices:
    """The notices of all users."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def add(self, news: News) -> None:
        """As the function ``add``, in a transaction of its own."""
        with self._catalog.writing() as connection:
            add(connection, news)

    def sent_since(self, sender: str, seconds: float) -> int:
        """How many mentions a user caused in this time."""
        since = time.time() - seconds
        theirs = (notices.c.sender == sender) & (notices.c.kind == Kind.MENTION.value)
        count = select(func.count()).where(theirs, notices.c.made > since)
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
    .join(users, users.c.name == notices.c.user)
    .outerjoin(resources, resources.c.id == notices.c.resource_id)
)


def add(connection: Connection, news: News) -> None:
    """A notice for each receiver that there is, to be sent by mail to who has an address.

    Who gets an address later gets no old mail.
    """
    sent = dict.fromkeys(WAYS, Outcome.NONE) | dict.fromkeys(news.ways, Outcome.DUE)
    known = select(users.c.name, users.c.email).where(users.c.name.in_(news.receivers))
    addresses = {row.name: row.email for row in connection.execute(known)}
    for user in news.receivers:
        if user not in addresses:
            continue
        mail = sent["mail"] if addresses[user] else Outcome.NONE
        connection.execute(
            insert(notices).values(
                kind=news.kind.value,
                user=user,
                resource_id=news.resource_id,
                sender=news.sender[:MAX_SENDER],
                message=news.message,
                anchor=news.anchor,
                details=json.dumps(dict(news.details)),
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


def _notice(row: Row[Any]) -> Notice:
    path = paths.path_of_key(row.path) if row.path else ""
    return Notice(
        row.id,
        row.user,
        row.email,
        row.sender,
        "" if not path or paths.is_ours(path) else path,
        row.message,
        row.anchor,
        datetime.fromtimestamp(row.made, UTC),
        row.is_read,
        Kind(row.kind),
        json.loads(row.details),
    )

"""Saves that the Document Server delivered: what came, how often, and where it was put."""

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, func, insert, select, update

from davserver import paths
from davserver.providers import notices
from davserver.providers.catalog import Catalog
from davserver.providers.notices import News
from davserver.providers.tables import callbacks, resources

STORED = "stored"


class Reason(StrEnum):
    """Why a save is not put over the file; the word stands in the new name."""

    CHANGED = "conflict"
    LOCKED = "conflict, locked"
    VANISHED = "recovered"
    BROKEN = "recovered, incomplete"
    UNSOUND = "recovered, unreadable"
    CONVERTED = "edited"
    FORM = "filled"
    UNSENT = "filled, not sent off"
    NOT_PERMITTED = "not permitted"
    ENDED = "session ended"


@dataclass(frozen=True, slots=True)
class Save:
    """One save; ``deliveries`` counts how often it was begun to be taken.

    ``user`` is the id of whoever changed last, ``author`` their name, ``last_change`` when that
    was, as the server says it; ``writers`` are the ids of those who changed something. ``outcome``
    is empty until the bytes are durable at ``path``. With a ``reason`` they lie beside the file
    that they were ``meant`` for. ``came_as`` is the hash of what came where the bytes are a
    conversion of it, ``over_quota`` the subject of the quota that they were stored over.
    """

    number: int
    key: str
    status: int
    digest: str
    deliveries: int
    outcome: str
    path: str
    sha256: str
    user: str
    author: str
    last_change: str
    reason: str
    received: datetime
    meant: str
    writers: tuple[str, ...]
    came_as: str
    over_quota: str

    @property
    def is_stored(self) -> bool:
        """Whether the bytes are ours."""
        return self.outcome == STORED


@dataclass(frozen=True, slots=True)
class Apart:
    """A save that lies at ``path``, beside the file that it was ``meant`` for."""

    number: int
    path: str
    meant: str
    reason: str
    author: str
    when: datetime


class Saves:
    """The journal of saves of one root."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def note(
        self,
        key: str,
        status: int,
        digest: str,
        *,
        user: str = "",
        author: str = "",
        last_change: str = "",
        writers: Iterable[str] = (),
        to_tell: bool = False,
    ) -> Save:
        """Write down that a save came, again if it did before: ``digest`` tells one from others.

        With ``to_tell``, people are to be told of it once it is stored.
        """
        same = (callbacks.c.key == key) & (callbacks.c.status == status)
        this = select(callbacks).where(same, callbacks.c.digest == digest)
        with self._catalog.writing() as connection:
            known = connection.execute(this).first()
            if known is None:
                values = {
                    "key": key,
                    "status": status,
                    "digest": digest,
                    "received": time.time(),
                    "outcome": "",
                    "detail": "",
                    "user": user,
                    "author": author,
                    "last_change": last_change,
                    "writers": json.dumps(list(writers)),
                    "to_tell": to_tell,
                }
                added = insert(callbacks).values(values).returning(callbacks)
                return _save(connection.execute(added).one())
            again = update(callbacks).where(callbacks.c.id == known.id)
            counted = again.values(deliveries=callbacks.c.deliveries + 1).returning(callbacks)
            return _save(connection.execute(counted).one())

    def conclude(self, number: int, path: str, sha256: str) -> None:
        """The bytes of a save are at ``path``, where no commit of its own books that."""
        self._set(number, outcome=STORED, detail=paths.key(path), sha256=sha256)

    def was_there(self, number: int, path: str, sha256: str) -> None:
        """The same of bytes that an earlier save had brought: that is no news to anybody."""
        self._set(number, outcome=STORED, detail=paths.key(path), sha256=sha256, to_tell=False)

    def set_apart(self, number: int, reason: str, meant: str, *, to_tell: bool = True) -> None:
        """Say why a save is going to be put beside the file ``meant``."""
        self._set(number, reason=reason, meant=paths.key(meant), to_tell=to_tell)

    def converts(self, number: int, came_as: str) -> None:
        """Say that a save is going to be stored as a conversion of what came."""
        self._set(number, came_as=came_as)

    def to_be_told(self, limit: int) -> list[Save]:
        """Stored saves of which people are still to be told, the oldest first."""
        waiting = callbacks.c.to_tell & (callbacks.c.outcome == STORED)
        these = select(callbacks).where(waiting).order_by(callbacks.c.id).limit(limit)
        with self._catalog.reading() as connection:
            return [_save(row) for row in connection.execute(these)]

    def tell(self, number: int, news: Iterable[News]) -> bool:
        """Tell people of a save, all at once and once; False if another process did before."""
        with self._catalog.writing() as connection:
            this = (callbacks.c.id == number) & callbacks.c.to_tell
            told = connection.execute(update(callbacks).where(this).values(to_tell=False)).rowcount
            for one in news if told else ():
                notices.add(connection, one)
            return told > 0

    def of_key(self, key: str) -> list[Save]:
        """All saves of one session, in the order in which they first came."""
        of_key = select(callbacks).where(callbacks.c.key == key).order_by(callbacks.c.id)
        with self._catalog.reading() as connection:
            return [_save(row) for row in connection.execute(of_key)]

    def stored(self, key: str) -> int:
        """How many saves of a session are durable, over the file or beside it."""
        stored = (callbacks.c.key == key) & (callbacks.c.outcome == STORED)
        with self._catalog.reading() as connection:
            return connection.scalar(select(func.count()).where(stored)) or 0

    def apart_in(self, folder: str) -> list[Apart]:
        """Saves that lie in ``folder`` beside their files, until somebody says that it is known."""
        statement = (
            select(callbacks)
            .join(resources, resources.c.path == callbacks.c.detail)
            .where(
                callbacks.c.reason > "",
                callbacks.c.outcome == STORED,
                callbacks.c.is_known.is_(False),
                callbacks.c.detail != callbacks.c.meant,
                resources.c.parent == paths.key(folder),
            )
            .order_by(callbacks.c.id)
        )
        with self._catalog.reading() as connection:
            return [_apart(row) for row in connection.execute(statement)]

    def find_apart(self, number: int) -> Apart | None:
        """The save that lies beside its file under this number."""
        is_apart = (callbacks.c.reason > "") & (callbacks.c.outcome == STORED)
        statement = select(callbacks).where(callbacks.c.id == number, is_apart)
        with self._catalog.reading() as connection:
            row = connection.execute(statement).first()
        return None if row is None else _apart(row)

    def make_known(self, number: int) -> None:
        """Somebody has seen where a save lies: nobody is told any more."""
        self._set(number, is_known=True)

    def _set(self, number: int, **values: Any) -> None:
        with self._catalog.writing() as connection:
            this = update(callbacks).where(callbacks.c.id == number)
            connection.execute(this.values(values))


def _save(row: Row[Any]) -> Save:
    return Save(
        number=row.id,
        key=row.key,
        status=row.status,
        digest=row.digest,
        deliveries=row.deliveries,
        outcome=row.outcome,
        path=paths.path_of_key(row.detail) if row.detail else "",
        sha256=row.sha256,
        user=row.user,
        author=row.author,
        last_change=row.last_change,
        reason=row.reason,
        received=datetime.fromtimestamp(row.received, UTC),
        meant=paths.path_of_key(row.meant) if row.meant else "",
        writers=tuple(json.loads(row.writers)),
        came_as=row.came_as,
        over_quota=row.over_quota,
    )


def _apart(row: Row[Any]) -> Apart:
    return Apart(
        number=row.id,
        path=paths.path_of_key(row.detail),
        meant=paths.path_of_key(row.meant),
        reason=row.reason,
        author=row.author,
        when=datetime.fromtimestamp(row.received, UTC),
    )

"""What happened in each editing session, for whoever looks for a fault: bounded, without secrets.

It is no journal: nothing is decided by it, and where it cannot be written, work goes on.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import structlog
from sqlalchemy import Connection, delete, func, insert, select

from davserver.errors import DavserverError
from davserver.providers.catalog import Catalog
from davserver.providers.tables import timeline

MOST_OF_ONE = 500
"""The newest of a session are kept; a few more until they are counted."""
MOST = 200_000
_COUNTED_EACH = 20
_MAX_WORDS = 200

_log = structlog.get_logger("davserver.editor")
_insert = insert(timeline)


class What(StrEnum):
    """What a moment is about: a page of ours, or the Document Server."""

    OPENED = "opened"
    FETCHED = "fetched"
    REPORTED = "reported"
    COMMANDED = "commanded"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened; ``who`` may be empty, ``words`` are for people."""

    when: datetime
    what: What
    who: str
    words: str


class Timeline:
    """All sessions' moments."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def note(self, key: str, what: What, words: str, who: str = "") -> None:
        """Write down that something happened in the session ``key`` just now."""
        try:
            with self._catalog.writing() as connection:
                add(connection, key, what, words, who)
        except DavserverError as fault:
            _log.warning("cannot note what happened", key=key, what=words, fault=str(fault))

    def commanded(self, key: str, words: str) -> None:
        """The Document Server was told something about the session."""
        self.note(key, What.COMMANDED, words)

    def of_key(self, key: str) -> list[Moment]:
        """The moments of a session, the first one first."""
        of_key = select(timeline).where(timeline.c.key == key).order_by(timeline.c.id.desc())
        with self._catalog.reading() as connection:
            rows = list(connection.execute(of_key.limit(MOST_OF_ONE)))
        return [
            Moment(datetime.fromtimestamp(row.noted, UTC), What(row.what), row.who, row.words)
            for row in reversed(rows)
        ]

    def count(self, what: What, words: str, since: float, until: float) -> int:
        """How many moments of all sessions between two times begin with ``words``."""
        these = (timeline.c.what == what.value) & timeline.c.noted.between(since, until)
        begun = timeline.c.words.startswith(words, autoescape=True)
        with self._catalog.reading() as connection:
            counted = select(func.count()).select_from(timeline).where(these, begun)
            return connection.scalar(counted) or 0


def add(connection: Connection, key: str, what: What, words: str, who: str = "") -> None:
    """Add a moment in a transaction; now and then, let the oldest of its session go."""
    values = {
        "key": key,
        "noted": time.time(),
        "what": what.value,
        "who": who[:_MAX_WORDS],
        "words": words[:_MAX_WORDS],
    }
    [number] = connection.execute(_insert, values).inserted_primary_key or (0,)
    if number % _COUNTED_EACH == 0:
        of_key = select(timeline.c.id).where(timeline.c.key == key)
        beyond = of_key.order_by(timeline.c.id.desc()).offset(MOST_OF_ONE).limit(1)
        oldest = connection.scalar(beyond)
        if oldest is not None:
            mine = (timeline.c.key == key) & (timeline.c.id <= oldest)
            connection.execute(delete(timeline).where(mine))


def purge(connection: Connection, before: float) -> None:
    """Forget what was noted ``before``, and all but the newest ``MOST``."""
    newest = connection.scalar(select(func.max(timeline.c.id))) or 0
    old = (timeline.c.noted < before) | (timeline.c.id <= newest - MOST)
    connection.execute(delete(timeline).where(old))

"""Tells administrators that a Document Server is down, and that it answers again: each once.

Whoever looks first tells, in one transaction: there may be several processes.
"""

import time
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from davserver.providers import notices
from davserver.providers.catalog import Catalog
from davserver.providers.notices import Kind, News
from davserver.providers.tables import document_servers, users

STEADY_SECONDS = 55
"""So long a server must have been down, or up again: two looks, which are a minute apart."""


class Outages:
    """``ways`` are those by which notices are sent out besides being shown."""

    def __init__(self, catalog: Catalog, ways: Collection[str]) -> None:
        self._catalog = catalog
        self._ways = tuple(ways)

    def tell(self) -> int:
        """Tell what has changed for longer than a moment; of how many servers that was."""
        server = document_servers.c
        before = time.time() - STEADY_SECONDS
        news = (server.is_up == server.is_told) & (server.since <= before)
        with self._catalog.reading() as connection:
            if connection.execute(select(server.address).where(news)).first() is None:
                return 0
        with self._catalog.writing() as connection:
            changed = update(document_servers).where(news).values(is_told=~server.is_told)
            rows = connection.execute(changed.returning(document_servers)).all()
            for row in rows:
                self._add(connection, row)
            return len(rows)

    def _add(self, connection: Connection, row: Row[Any]) -> None:
        administrators = select(users.c.name).where(users.c.is_administrator)
        since = datetime.fromtimestamp(row.since, UTC).isoformat(timespec="seconds")
        details = {"server": row.address, "cause": row.words, "since": since}
        kind = Kind.SERVER_UP if row.is_up else Kind.SERVER_DOWN
        receivers = tuple(connection.scalars(administrators.order_by(users.c.name)))
        notices.add(connection, News(kind, receivers, details=details, ways=self._ways))

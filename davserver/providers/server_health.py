"""How the Document Servers are, and what they say of themselves: asked by one process for all."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Case, Row, case, delete, select
from sqlalchemy.dialects.sqlite import insert

from davserver.providers.catalog import Catalog
from davserver.providers.remembered import Remembered
from davserver.providers.tables import document_servers


@dataclass(frozen=True, slots=True)
class Health:
    """How a server was when it was last asked, and when it was last well.

    ``words`` say what is wrong; ``told`` is what ``GET /meta/config`` answered, empty before 9.3.
    """

    is_up: bool
    checked: datetime
    last_ok: datetime | None
    words: str
    version: str
    seconds: float
    told: Mapping[str, Any]


class ServerHealth:
    """The rows, by the address that browsers use."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._remembered: Remembered[dict[str, Health]] = Remembered(catalog)

    def all(self) -> dict[str, Health]:
        """Every server that was ever asked."""
        return self._remembered.get("", lambda _: self._read())

    def note(self, address: str, words: str, seconds: float, version: str = "") -> None:
        """A server was asked: it is well unless ``words`` say what is wrong."""
        now = time.time()
        values = {"checked": now, "is_up": not words, "words": words, "seconds": seconds}
        if not words:
            values["last_ok"] = now
        if version:
            values["version"] = version
        self._put(address, values, {"since": _since(is_up=not words, now=now)})

    def learn(self, address: str, told: Mapping[str, Any]) -> None:
        """What a server says of itself."""
        self._put(address, {"told": json.dumps(told)})

    def forget_others(self, addresses: list[str]) -> None:
        """Drop the rows of servers that are configured no more."""
        with self._catalog.writing() as connection:
            others = document_servers.c.address.not_in(addresses)
            connection.execute(delete(document_servers).where(others))

    def _put(
        self, address: str, values: dict[str, Any], changes: Mapping[str, Any] | None = None
    ) -> None:
        """Write ``values`` down; ``changes`` are made of what was known before, if anything was."""
        fresh = {"checked": 0.0, "is_up": True, "words": "", "version": "", "seconds": 0.0}
        row = {**fresh, "told": "{}", "since": time.time(), **values, "address": address}
        added = insert(document_servers).values(row)
        set_ = {**values, **(changes or {})}
        with self._catalog.writing() as connection:
            connection.execute(added.on_conflict_do_update(index_elements=["address"], set_=set_))

    def _read(self) -> dict[str, Health]:
        with self._catalog.reading() as connection:
            return {
                row.address: _health(row) for row in connection.execute(select(document_servers))
            }


def _since(*, is_up: bool, now: float) -> Case[float]:
    """When a server became what it is: now, unless it was so before."""
    same = document_servers.c.is_up.is_(is_up)
    return case((same, document_servers.c.since), else_=now)


def _health(row: Row[Any]) -> Health:
    return Health(
        is_up=row.is_up,
        checked=datetime.fromtimestamp(row.checked, UTC),
        last_ok=datetime.fromtimestamp(row.last_ok, UTC) if row.last_ok else None,
        words=row.words,
        version=row.version,
        seconds=row.seconds,
        told=json.loads(row.told),
    )

"""What test downloads of the doctor looked like when they arrived, in whatever process."""

import json
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from davserver.providers.catalog import Catalog
from davserver.providers.tables import probes

KEPT_SECONDS = 3600


class Probes:
    """One row for each test."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def note(self, probe: str, seen: Mapping[str, Any]) -> None:
        """A download of the test called ``probe`` arrived; of several, the last counts."""
        now = time.time()
        values = {"received": now, "seen": json.dumps(seen)}
        added = insert(probes).values(id=probe, **values)
        with self._catalog.writing() as connection:
            connection.execute(delete(probes).where(probes.c.received < now - KEPT_SECONDS))
            connection.execute(added.on_conflict_do_update(index_elements=["id"], set_=values))

    def find(self, probe: str) -> Mapping[str, Any] | None:
        """What was seen; None if nothing arrived."""
        with self._catalog.reading() as connection:
            seen = connection.scalar(select(probes.c.seen).where(probes.c.id == probe))
            return json.loads(seen) if seen else None

"""Removes earlier versions that nothing keeps: never the present state, never one with a name, and
never what a running editing session began with, nor what was there before the editor first saved in
a format that holds less than it can do.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from typing import Any

from sqlalchemy import Row, delete, select

from davserver import paths
from davserver.media import LOSSY
from davserver.model import Origin, SessionState
from davserver.providers import highlights, history, identities
from davserver.providers.catalog import Catalog
from davserver.providers.stores import FileStore
from davserver.providers.tables import resources, sessions, versions
from davserver.retention import Earlier, Policy, to_prune

EVERY_SECONDS = 3600
"""So often the housekeeping prunes: it reads a row for each version."""

_AT_ONCE = 200
"""Versions removed in one transaction: others wait for it."""


class Retention:
    """Prunes the versions of one root."""

    def __init__(self, store: FileStore, catalog: Catalog) -> None:
        self._store = store
        self._catalog = catalog
        self._due = 0.0

    def when_due(self, policy: Policy) -> None:
        """For the housekeeping: prune, once in ``EVERY_SECONDS``."""
        if policy.keeps_all or time.monotonic() < self._due:
            return
        self._due = time.monotonic() + EVERY_SECONDS
        self.prune(policy)

    def prune(
        self, policy: Policy, top: str = paths.ROOT, *, dry_run: bool = False
    ) -> list[Earlier]:
        """Remove the versions of files within ``top`` that ``policy`` does not keep; which.

        With ``dry_run``, only tell.
        """
        pruned = sorted(
            to_prune(self._earlier(top), policy, time.time()),
            key=lambda one: (one.path, one.number),
        )
        if not dry_run:
            for start in range(0, len(pruned), _AT_ONCE):
                self._remove(pruned[start : start + _AT_ONCE])
        return pruned

    def _earlier(self, top: str) -> Iterator[Earlier]:
        """The versions whose bytes are kept, file by file, oldest first."""
        unended = select(sessions.c.resource_id, sessions.c.etag).where(
            sessions.c.state == SessionState.OPEN.value
        )
        statement = (
            select(versions, resources.c.path)
            .join(resources)
            .where(identities.within(top))
            .order_by(versions.c.resource_id, versions.c.number)
        )
        with self._catalog.reading() as connection:
            begun = {(row.resource_id, row.etag) for row in connection.execute(unended)}
            rows = connection.execute(statement).all()
        for resource_id, group in groupby(rows, lambda row: row.resource_id):
            states = list(group)
            precious = _before_loss(states)
            # The newest is what the file has, or what is left of it: no number is used twice.
            for row, following in pairwise(states):
                is_from_outside = row.origin == Origin.OUTSIDE
                if row.kept:
                    yield Earlier(
                        paths.path_of_key(row.path),
                        resource_id,
                        row.number,
                        row.size,
                        row.modified_ns / 1e9 if is_from_outside else row.created,
                        following.created,
                        stays=bool(row.name)
                        or row.number == precious
                        or (resource_id, row.etag) in begun,
                    )

    def _remove(self, pruned: Iterable[Earlier]) -> None:
        with self._catalog.writing() as connection:
            for one in pruned:
                this = (versions.c.resource_id == one.resource_id) & (
                    versions.c.number == one.number
                )
                # It may have got a name meanwhile.
                unnamed = versions.c.kept & (versions.c.name == "")
                if not connection.execute(delete(versions).where(this, unnamed)).rowcount:
                    continue
                highlights.forget(connection, self._store, one.resource_id, one.number)
                # Before the row's end is durable: a crash leaves a row without bytes, and the next
                # time removes it.
                self._store.drop_version(history.name_of(one.resource_id, one.number))


def _before_loss(states: Sequence[Row[Any]]) -> int | None:
    """The state before the editor first saved in a format that holds less than it can do."""
    if paths.extension(paths.path_of_key(states[0].path)) not in LOSSY:
        return None
    return next(
        (before.number for before, after in pairwise(states) if after.origin == Origin.EDITOR), None
    )

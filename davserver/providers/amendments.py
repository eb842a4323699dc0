"""Amendments: what clients say about a resource beside its content: dead properties and times.

A change of time makes no version. The file's state gets another ETag by it, and the catalog's row
of that state, and the editing sessions that began with it, follow.
"""

from collections.abc import Mapping
from dataclasses import replace

from davserver.errors import NotFound
from davserver.model import ChangeKind, Entry, Writer
from davserver.providers import changes as changed
from davserver.providers import identities, locks, properties
from davserver.providers.catalog import Catalog
from davserver.providers.journal import Journal, Touch
from davserver.providers.stores import Condition, FileStore, anything

_SECOND = 1_000_000_000


class Amendments:
    """The properties and times of one root, for rooms that hold no transaction."""

    def __init__(self, store: FileStore, catalog: Catalog, journal: Journal) -> None:
        self._store = store
        self._catalog = catalog
        self._journal = journal

    def change(
        self,
        path: str,
        writer: Writer,
        changes: Mapping[str, str | None],
        condition: Condition = anything,
        *,
        modified_ns: int | None = None,
        created: float | None = None,
    ) -> Entry:
        """Set each name to its element, or remove it where that is None; set the times given.

        All or nothing, after a crash too. A time of change that differs by less than a second is
        the one there is already: protocols tell no more. Raises FileLocked, NotFound, QuotaExceeded
        beyond ``properties.MAX_BYTES_EACH``.
        """
        with self._store.exclusive(path):
            found = self._store.find(path)
            condition(found)
            if found is None:
                raise NotFound(path)
            if modified_ns is not None and modified_ns // _SECOND == found.modified_ns // _SECOND:
                modified_ns = None
            with self._catalog.writing() as connection:
                locks.require(connection, path, writer)
                resource_id = identities.identify(connection, path, found.modified_ns)
                properties.check_size(properties.of(connection, path), changes)
                if modified_ns is None:
                    properties.change(connection, resource_id, changes)
                    identities.set_born(connection, resource_id, created)
                    is_folder = found.is_folder
                    changed.record(connection, ChangeKind.CHANGED, path, is_folder=is_folder)
                    return found
                intent = Touch(
                    path, resource_id, found.etag, found.size, modified_ns, created, dict(changes)
                )
                row = self._journal.begin(connection, intent)
            try:
                before, entry = self._store.touch(path, modified_ns)
                # Another program may have put another file there since our look: then it is that
                # one whose time was set, and no state that we know.
                intent = replace(intent, former=before.etag)
                with self._catalog.writing() as connection:
                    self._journal.finish_touch(connection, row, intent, entry)
            except BaseException:
                self._journal.resolve(row, intent)
                raise
            return entry

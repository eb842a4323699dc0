"""The trash: what was deleted, with its identity, properties and versions; restored or removed."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import Row, Select, select

from davserver import paths
from davserver.errors import NotFound, PreconditionFailed, StillEdited, Unavailable
from davserver.model import Trashed, Writer
from davserver.providers import identities, session_rows
from davserver.providers.catalog import Catalog
from davserver.providers.filesystem import TRASH
from davserver.providers.stores import FileStore, as_stored
from davserver.providers.tables import resources, trash
from davserver.providers.trees import Trees
from davserver.words import say

_ATTEMPTS = 1000
_AWAITED_SECONDS = 24 * 3600
"""How long after its last sign of life a session may still save: the Document Server keeps what
nobody took, and it is fetched when both are there again."""
_NEWEST_FIRST = (
    select(trash, resources.c.path.label("guard_path"))
    .outerjoin(resources, resources.c.id == trash.c.guard)
    .order_by(trash.c.deleted.desc(), trash.c.id)
)


class Trash:
    """The trash of one root."""

    def __init__(self, store: FileStore, catalog: Catalog, trees: Trees) -> None:
        self._store = store
        self._catalog = catalog
        self._trees = trees

    def all(self) -> Iterator[Trashed]:
        """Everything, what was deleted last first."""
        return self._read(_NEWEST_FIRST)

    def deleted_at(self, moment: datetime) -> Iterator[Trashed]:
        """What was deleted within that millisecond."""
        start = moment.timestamp()
        return self._read(_NEWEST_FIRST.where(trash.c.deleted.between(start - 1e-5, start + 2e-3)))

    def one(self, identity: str) -> Trashed:
        """What lies there under this id. Raises NotFound."""
        for found in self._read(_NEWEST_FIRST.where(trash.c.id == identity)):
            return found
        raise NotFound(f"{identity} in the trash")

    def restore(self, identity: str, writer: Writer) -> str:
        """Put something back where it was; tell where it is now.

        A folder that is missing on the way is made again. Where the place is taken, the nearest
        free name is. Raises NotFound, FileLocked.
        """
        wanted = self.one(identity)
        folder = self._folder_for(wanted.path, writer)
        for attempt in range(_ATTEMPTS):
            name = wanted.name
            if attempt:
                words = " (restored)" if attempt == 1 else f" (restored {attempt})"
                name = paths.with_words(name, words, is_folder=wanted.entry.is_folder)
            path = as_stored(self._store, paths.join(folder, name))
            try:
                self._trees.take_out(wanted.entry.path, path, writer, overwrite=False)
            except PreconditionFailed:
                continue
            return path
        raise Unavailable(say("There is no free name left to restore to."))

    def purge(self, identity: str) -> None:
        """Remove something for good, with its versions. Raises NotFound, StillEdited."""
        wanted = self.one(identity)
        if self._is_awaited(wanted.entry.path):
            raise StillEdited(wanted.name)
        self._trees.purge(wanted.entry.path)

    def purge_older_than(self, moment: float) -> int:
        """Remove for good what was deleted before ``moment``, in seconds since 1970; how many.

        What is still open in an editor stays for the next time.
        """
        with self._catalog.reading() as connection:
            old = connection.scalars(select(trash.c.id).where(trash.c.deleted < moment)).all()
        places = [paths.join(TRASH, identity) for identity in old]
        over = [place for place in places if not self._is_awaited(place)]
        for place in over:
            self._trees.purge(place)
        return len(over)

    def _is_awaited(self, place: str) -> bool:
        """Whether the save of a session may still come, which is found by its rows."""
        awaited = session_rows.awaited_since(time.time() - _AWAITED_SECONDS)
        with self._catalog.reading() as connection:
            return bool(session_rows.select_all(connection, awaited & identities.within(place)))

    def _folder_for(self, path: str, writer: Writer) -> str:
        """The folder that ``path`` was in, made again; the nearest above where a file stands."""
        folder = paths.ROOT
        for ancestor in [*paths.ancestors(path)][-2::-1]:
            here = as_stored(self._store, paths.join(folder, paths.name(ancestor)))
            found = self._store.find(here)
            if found is None:
                self._trees.make_folder(here, writer)
            elif not found.is_folder:
                break
            folder = here
        return folder

    def _read(self, statement: Select[tuple[object, ...]]) -> Iterator[Trashed]:
        with self._catalog.reading() as connection:
            rows = connection.execute(statement).all()
        return (found for row in rows if (found := self._trashed(row)) is not None)

    def _trashed(self, row: Row[tuple[object, ...]]) -> Trashed | None:
        """None where only rows of the catalog were put aside, of a file that others removed."""
        entry = self._store.find(paths.join(TRASH, row.id))
        if entry is None:
            return None
        deleted = datetime.fromtimestamp(row.deleted, UTC)
        guard = paths.path_of_key(row.guard_path or "") if row.guard else None
        was = paths.path_of_key(row.path)
        return Trashed(row.id, was, deleted, row.deleted_by, entry, guard)

"""Folders and names: make, move, copy, delete; all or nothing, however much lies below.

Nothing is overwritten or unlinked: what a move displaces and what is deleted goes to the trash,
with its identity and its history, in one rename.
"""

from uuid import uuid4

from sqlalchemy import Connection, delete, select

from davserver import paths
from davserver.errors import (
    Conflict,
    Forbidden,
    MethodNotAllowed,
    PreconditionFailed,
)
from davserver.model import Entry, Writer
from davserver.providers import departures, history, identities, locks
from davserver.providers.catalog import Catalog
from davserver.providers.files import Sealed, VersionedFiles, fill
from davserver.providers.filesystem import TRASH
from davserver.providers.journal import Journal, Move
from davserver.providers.stores import Condition, FileStore, anything, check_new
from davserver.providers.tables import resources, trash, versions

_TAKEN = "Something is at the destination already."


class Trees:
    """Changes of the tree of one root."""

    def __init__(
        self, store: FileStore, catalog: Catalog, journal: Journal, files: VersionedFiles
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._journal = journal
        self._files = files

    def make_folder(self, path: str, writer: Writer, condition: Condition = anything) -> Entry:
        """Make a folder. Raises MethodNotAllowed if something is there, ParentMissing."""
        with self._store.exclusive(path):
            found = self._store.find(path)
            condition(found)
            if found is not None:
                raise MethodNotAllowed("Something with this name is already there.", "PROPFIND")
            check_new(self._store, path)
            with self._catalog.writing() as connection:
                locks.require(connection, path, writer, membership=True)
                self._store.make_folder(path)
            self._store.settle(path)
            return self._files.entry(path)

    def delete(self, path: str, writer: Writer, condition: Condition = anything) -> None:
        """Move a file or folder to the trash. Raises FileLocked, MembersRefused, NotFound.

        A file of which nothing would be missed is removed for good.
        """
        if path == paths.ROOT:
            raise Forbidden("The served folder itself cannot be deleted.")
        with self._store.exclusive_tree():
            entry = self._files.entry(path)
            condition(entry)
            with self._catalog.writing() as connection:
                locks.require_tree(connection, path, writer)
                spare = self._is_spare(connection, entry)
                if spare:
                    # The identity first: a crash before the next step leaves a file without one.
                    identities.forget(connection, identities.identify(connection, path))
            if spare:
                self._store.remove_tree(path)
                self._store.settle(path)
                return
            with self._catalog.writing() as connection:
                intent = Move(path, _new_trash_path(), by=writer.credited)
                row = self._journal.begin(connection, intent)
            self._carry_out(row, intent)

    def move(
        self,
        source: str,
        destination: str,
        writer: Writer,
        *,
        overwrite: bool,
        condition: Condition = anything,
    ) -> bool:
        """Move ``source`` to ``destination``; tell whether nothing was there before.

        A file that is moved over another becomes its next version, so that a program which saves by
        "write beside, rename over" does not cut off the history; so does one that comes where
        another was moved aside for it (``departures``). Raises PreconditionFailed if something is
        there and ``overwrite`` is false.
        """
        _check_apart(source, destination)
        with self._store.exclusive_tree():
            moving = self._files.entry(source)
            condition(moving)
            there = self._check_destination(destination, overwrite=overwrite)
            saves = self._files.former(destination, writer) not in (None, source)
            over_file = there is not None and not there.is_folder
            if not moving.is_folder and (saves or over_file):
                with self._catalog.writing() as connection:
                    locks.require_tree(connection, source, writer)
                    heir_of = identities.identify(connection, source)
                    has_history = self._has_history(connection, heir_of)
                if saves or not has_history:
                    absorbs = not has_history
                    sealed = Sealed(source, moving, "", heir_of=heir_of, absorbs=absorbs)
                    self._files.publish(destination, sealed, writer, anything)
                    self._store.settle(source)
                    return there is None
            with self._catalog.writing() as connection:
                locks.require_tree(connection, source, writer)
                locks.require_tree(connection, destination, writer)
                displaced = self._displaced(connection, destination, there)
                intent = Move(source, destination, displaced, by=writer.credited)
                row = self._journal.begin(connection, intent)
            self._carry_out(row, intent)
            return there is None

    def copy(
        self,
        source: str,
        destination: str,
        writer: Writer,
        *,
        overwrite: bool,
        deep: bool = True,
        condition: Condition = anything,
    ) -> bool:
        """Copy ``source`` to ``destination``; tell whether nothing was there before.

        A folder is built aside and appears whole; without ``deep`` it comes without members (RFC
        4918, 9.8.3).
        """
        _check_apart(source, destination)
        copying = self._files.entry(source)
        condition(copying)
        there = self._check_destination(destination, overwrite=overwrite)
        with self._catalog.reading() as connection:
            # Looked at before the work, and again after it: nobody copies for an hour to hear of a
            # lock.
            locks.require_tree(connection, destination, writer)
        if copying.is_folder:
            with self._store.stage_folder() as stage:
                if deep:
                    self._store.copy_members(source, stage)
                return self._place(stage, source, destination, writer, overwrite=overwrite)
        content, entry = self._store.open(source)
        with content, self._store.spool() as spool:
            fill(spool, content)
            if there is not None and there.is_folder:
                spool.seal(entry.modified_ns)
                return self._place(spool.path, source, destination, writer, overwrite=overwrite)

            def permitted(present: Entry | None) -> None:
                if present is not None and not overwrite:
                    raise PreconditionFailed(_TAKEN)

            written = self._files.commit(
                destination,
                spool,
                writer,
                condition=permitted,
                modified_ns=entry.modified_ns,
                heir_of=self._files.identify(source),
            )
            return written.created

    def purge_trash(self, older_than: float) -> int:
        """Remove for good what was deleted before that time (seconds since 1970); tell how many."""
        with self._catalog.reading() as connection:
            expired = connection.scalars(
                select(trash.c.id).where(trash.c.deleted < older_than)
            ).all()
        for identity in expired:
            path = paths.join(TRASH, identity)
            with self._catalog.reading() as connection:
                kept = connection.execute(
                    select(versions.c.resource_id, versions.c.number)
                    .join(resources)
                    .where(identities.within(path))
                ).all()
            for resource_id, number in kept:
                self._store.drop_version(history.name_of(resource_id, number))
            self._store.remove_tree(path)
            # The rows last: a crash before leaves them, and the next purge comes back to the rest.
            with self._catalog.writing() as connection:
                connection.execute(delete(resources).where(identities.within(path)))
                connection.execute(delete(trash).where(trash.c.id == identity))
        return len(expired)

    def _place(
        self, stage: str, source: str, destination: str, writer: Writer, *, overwrite: bool
    ) -> bool:
        """Let a copy that was built at ``stage`` appear; tell whether nothing was there before."""
        with self._store.exclusive_tree():
            there = self._check_destination(destination, overwrite=overwrite)
            with self._catalog.writing() as connection:
                locks.require_tree(connection, destination, writer)
                displaced = self._displaced(connection, destination, there)
                intent = Move(stage, destination, displaced, copy_of=source, by=writer.credited)
                row = self._journal.begin(connection, intent)
            self._carry_out(row, intent)
        return there is None

    def _check_destination(self, path: str, *, overwrite: bool) -> Entry | None:
        found = self._store.find(path)
        if found is not None and not overwrite:
            raise PreconditionFailed(_TAKEN)
        if found is None:
            check_new(self._store, path)
        return found

    def _is_spare(self, connection: Connection, entry: Entry) -> bool:
        """Whether nobody would look for this file in the trash."""
        resource_id = identities.find(connection, entry.path)
        if entry.is_folder or (resource_id and self._has_history(connection, resource_id)):
            return False
        return paths.is_noise(entry.path) or departures.is_version(
            connection, entry.path, entry.etag
        )

    def _has_history(self, connection: Connection, resource_id: str) -> bool:
        kept = select(versions.c.number).where(
            versions.c.resource_id == resource_id, versions.c.kept
        )
        return connection.scalar(kept.limit(1)) is not None

    def _displaced(self, connection: Connection, path: str, there: Entry | None) -> str:
        """Where what is at ``path`` shall go; empty if nothing is and no row remembers anything."""
        remembered = select(resources.c.id).where(identities.within(path)).limit(1)
        if there is None and connection.scalar(remembered) is None:
            return ""
        return _new_trash_path()

    def _carry_out(self, row: int, intent: Move) -> None:
        try:
            if intent.displaced and self._store.find(intent.destination) is not None:
                self._store.publish(intent.destination, intent.displaced, replace=False)
            self._store.publish(intent.source, intent.destination, replace=False)
            self._store.settle(intent.source, intent.destination)
            with self._catalog.writing() as connection:
                self._journal.finish_move(connection, row, intent)
        except BaseException:
            self._journal.resolve(row, intent)
            raise


def _new_trash_path() -> str:
    return paths.join(TRASH, uuid4().hex)


def _check_apart(source: str, destination: str) -> None:
    """RFC 4918, 9.8.5 and 9.9.4: 403 where source and destination are the same."""
    if paths.ROOT in (source, destination):
        raise Forbidden("The served folder itself cannot be moved, copied or replaced.")
    if source == destination:
        raise Forbidden("Source and destination are the same.")
    if paths.is_within(destination, source):
        raise Forbidden("A folder cannot be put into itself.")
    if paths.is_within(source, destination):
        raise Conflict("The destination holds the source; it cannot be replaced by it.")

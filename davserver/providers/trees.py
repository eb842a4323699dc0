"""Folders and names: make, move, copy, delete; all or nothing, however much lies below.

Nothing is overwritten or unlinked: what a move displaces and what is deleted goes to the trash,
with its identity and its history, in one rename.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from uuid import uuid4

from sqlalchemy import Connection, delete, select

from davserver import paths
from davserver.errors import (
    Conflict,
    Forbidden,
    MethodNotAllowed,
    NotFound,
    PreconditionFailed,
    printable,
)
from davserver.model import Entry, Writer
from davserver.providers import departures, history, identities, locks
from davserver.providers.catalog import Catalog
from davserver.providers.files import Sealed, VersionedFiles, fill
from davserver.providers.filesystem import TRASH
from davserver.providers.journal import Journal, Move
from davserver.providers.properties import check_size
from davserver.providers.stores import (
    Condition,
    FileStore,
    Place,
    anything,
    check_new,
    check_parent,
)
from davserver.providers.tables import resources, trash, versions
from davserver.words import say

_TAKEN = say("Something is at the destination already.")


class Trees:
    """Changes of the tree of one root."""

    def __init__(
        self, store: FileStore, catalog: Catalog, journal: Journal, files: VersionedFiles
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._journal = journal
        self._files = files

    def make_folder(
        self,
        path: str,
        writer: Writer,
        condition: Condition = anything,
        *,
        properties: Mapping[str, str | None] | None = None,
        modified_ns: int | None = None,
        created: float | None = None,
    ) -> Entry:
        """Make a folder, with its properties and times or not at all.

        Raises MethodNotAllowed if something is there, before any condition counts (RFC 9110,
        13.2.1), ParentMissing, FileLocked, QuotaExceeded.
        """
        given = dict(properties or {})
        check_size({}, given)
        with self._store.exclusive(path), self._store.stage_folder() as stage:
            if self._store.find(path) is not None:
                raise MethodNotAllowed(
                    say("Something with this name is already there."), "PROPFIND"
                )
            condition(None)
            check_new(self._store, path)
            if modified_ns is not None:
                self._store.touch(stage, modified_ns)
            with self._catalog.writing() as connection:
                locks.require(connection, path, writer, membership=True)
                intent = Move(
                    stage,
                    path,
                    self._displaced(connection, path, None),
                    by=writer.credited,
                    properties=given,
                    created=created,
                )
                row = self._journal.begin(connection, intent)
            self._carry_out(row, intent)
            return self._files.entry(path)

    def make_folders(self, path: str, writer: Writer) -> None:
        """See to it that there is a folder at ``path``: make it and those above where missing.

        Raises Conflict if a file is in the way, and what ``make_folder`` raises.
        """
        for here in [path, *paths.ancestors(path)][::-1]:
            if self._store.find(here) is None:
                # Another process may be faster.
                with suppress(MethodNotAllowed):
                    self.make_folder(here, writer)
            if not self._files.entry(here).is_folder:
                raise Conflict(say("{here} is a file.", here=printable(here)))

    def delete(self, path: str, writer: Writer, condition: Condition = anything) -> None:
        """Move a file or folder to the trash. Raises FileLocked, MembersRefused, NotFound.

        A file of which nothing would be missed does not stay there.
        """
        if path == paths.ROOT:
            raise Forbidden(say("The served folder itself cannot be deleted."))
        with self._whole_tree():
            entry = self._files.entry(path)
            condition(entry)
            with self._catalog.writing() as connection:
                locks.require_tree(connection, path, writer)
                is_spare = self._is_spare(connection, entry)
                intent = Move(path, _new_trash_path(), by=writer.credited)
                row = self._journal.begin(connection, intent)
            self._carry_out(row, intent)
        if is_spare:
            self.purge(intent.destination)

    def purge(self, path: str) -> None:
        """Remove for good what lies at ``path`` in the trash, with its versions."""
        with self._store.exclusive(path):
            with self._catalog.reading() as connection:
                kept = connection.execute(
                    select(versions.c.resource_id, versions.c.number)
                    .join(resources)
                    .where(identities.within(path))
                ).all()
            for resource_id, number in kept:
                self._store.drop_version(history.changes_of(resource_id, number))
                self._store.drop_version(history.name_of(resource_id, number))
            self._store.remove_tree(path)
            # The rows last: a crash before leaves them, and the next purge comes back to the rest.
            with self._catalog.writing() as connection:
                connection.execute(delete(resources).where(identities.within(path)))
                connection.execute(delete(trash).where(trash.c.id == paths.name(path)))

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
        paths.check_new_name(destination)
        with self._whole_tree():
            moving = self._files.entry(source)
            condition(moving)
            with self._catalog.reading() as connection:
                # Locks are granted under the whole tree alone: none comes in between.
                locks.require_tree(connection, source, writer)
            return self._bring(moving, destination, writer, overwrite=overwrite)

    def take_out(
        self,
        source: str,
        destination: str,
        writer: Writer,
        *,
        overwrite: bool,
        condition: Condition = anything,
    ) -> bool:
        """Move ``source``, a path in the trash, to ``destination``; tell as ``move`` does.

        The name may be one that is not given to anything new: other programs may have given it.
        """
        _check_apart(source, destination)
        with self._whole_tree():
            moving = self._store.find(source)
            if moving is None:
                raise NotFound(paths.name(source))
            condition(moving)
            return self._bring(moving, destination, writer, overwrite=overwrite)

    def copy(
        self,
        source: str,
        destination: str,
        writer: Writer,
        *,
        overwrite: bool,
        deep: bool = True,
        condition: Condition = anything,
        place: Place | None = None,
    ) -> bool:
        """Copy ``source`` to ``destination``; tell whether nothing was there before.

        A folder is built aside and appears whole; without ``deep`` it comes without members (RFC
        4918, 9.8.3). ``place`` is where the source is read, if not in the folder itself.
        """
        place = place or self._files
        _check_apart(source, destination)
        paths.check_new_name(destination)
        copying = place.entry(source)
        condition(copying)
        origin = place.origin(source)
        there = self._check_destination(destination, overwrite=overwrite)
        with self._catalog.reading() as connection:
            # Looked at before the work, and again after it: nobody copies for an hour to hear of a
            # lock.
            locks.require_tree(connection, destination, writer)
            heir_of = identities.find(connection, origin) or ""
        if copying.is_folder:
            with self._store.stage_folder() as stage:
                if deep:
                    place.copy_members(source, stage)
                return self._place(stage, origin, destination, writer, overwrite=overwrite)
        content, entry = place.open(source)
        with content, self._store.spool() as spool:
            fill(spool, content)
            if there is not None and there.is_folder:
                spool.seal(entry.modified_ns)
                return self._place(spool.path, origin, destination, writer, overwrite=overwrite)

            def permitted(present: Entry | None) -> None:
                if present is not None and not overwrite:
                    raise PreconditionFailed(_TAKEN)

            written = self._files.commit(
                destination,
                spool,
                writer,
                condition=permitted,
                modified_ns=entry.modified_ns,
                heir_of=heir_of,
            )
            return written.created

    @contextmanager
    def _whole_tree(self) -> Iterator[None]:
        """Hold everything, with nothing in it that a dead process left half done."""
        with self._store.exclusive_tree():
            self._journal.mend()
            yield

    def _bring(self, moving: Entry, destination: str, writer: Writer, *, overwrite: bool) -> bool:
        """Move what the writer may take away; the tree is held."""
        source = moving.path
        there = self._check_destination(destination, overwrite=overwrite)
        over_file = there is not None and not there.is_folder
        saves = not moving.is_folder and self._is_save(source, destination, writer)
        if saves or (over_file and not moving.is_folder):
            with self._catalog.writing() as connection:
                heir_of = identities.identify(connection, source, moving.modified_ns)
                has_history = self._has_history(connection, heir_of)
            if saves or not has_history:
                sealed = Sealed(source, moving, "", heir_of=heir_of, absorbs=not has_history)
                self._files.publish(destination, sealed, writer, anything)
                self._store.settle(source)
                return there is None
        with self._catalog.writing() as connection:
            locks.require_tree(connection, destination, writer)
            displaced = self._displaced(connection, destination, there)
            intent = Move(source, destination, displaced, by=writer.credited)
            row = self._journal.begin(connection, intent)
        self._carry_out(row, intent)
        return there is None

    def _place(
        self, stage: str, source: str, destination: str, writer: Writer, *, overwrite: bool
    ) -> bool:
        """Let a copy that was built at ``stage`` appear; tell whether nothing was there before."""
        with self._whole_tree():
            there = self._check_destination(destination, overwrite=overwrite)
            with self._catalog.writing() as connection:
                locks.require_tree(connection, destination, writer)
                displaced = self._displaced(connection, destination, there)
                intent = Move(
                    stage,
                    destination,
                    displaced,
                    copy_of=source,
                    by=writer.credited,
                    owner=writer.owner,
                )
                row = self._journal.begin(connection, intent)
            self._carry_out(row, intent)
        return there is None

    def _check_destination(self, path: str, *, overwrite: bool) -> Entry | None:
        found = self._store.find(path)
        if found is not None and not overwrite:
            raise PreconditionFailed(_TAKEN)
        if found is None:
            check_parent(self._store, path)
        return found

    def _is_save(self, source: str, destination: str, writer: Writer) -> bool:
        """Whether a file comes where the writer moved another aside for it (``departures``).

        What comes out of the trash does not: it keeps its own past.
        """
        former = None if paths.is_ours(source) else self._files.former(destination, writer)
        return former not in {None, source}

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
        raise Forbidden(say("The served folder itself cannot be moved, copied or replaced."))
    if source == destination:
        raise Forbidden(say("Source and destination are the same."))
    if paths.is_within(destination, source):
        raise Forbidden(say("A folder cannot be put into itself."))
    if paths.is_within(source, destination):
        raise Conflict(say("The destination holds the source; it cannot be replaced by it."))

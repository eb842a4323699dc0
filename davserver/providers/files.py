"""VersionedFiles: reading, and the one way to write a document, whoever writes. Knows no HTTP.

A write is spooled beside the target, sealed, and committed: the old content is kept as a version,
the new one takes its place in one step, the catalog books it. The journal makes this whole again
after a crash.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from sqlalchemy import Connection

from davserver import paths
from davserver.errors import (
    Conflict,
    Gone,
    MethodNotAllowed,
    NoSuchVersion,
    NotFound,
    QuotaExceeded,
    StorageFull,
)
from davserver.model import Entry, Origin, Version, Writer
from davserver.providers import departures, history, identities, locks
from davserver.providers.catalog import Catalog
from davserver.providers.history import State
from davserver.providers.journal import Commit, Journal
from davserver.providers.quotas import Quotas
from davserver.providers.stores import Condition, FileStore, Spool, anything, as_stored, check_new
from davserver.words import say

_ATTEMPTS = 5
_BLOCK = 1 << 18


def absent(entry: Entry | None) -> None:
    """The condition that nothing is there."""
    if entry is not None:
        raise Conflict(say("Something with this name is already there."))


@dataclass(frozen=True, slots=True)
class Written:
    """What a write led to."""

    entry: Entry
    created: bool


@dataclass(frozen=True, slots=True)
class Sealed:
    """Bytes ready to be published from ``source``: their state as a version will show it."""

    source: str
    state: Entry
    sha256: str
    document_key: str = ""
    callback_id: int = 0
    heir_of: str = ""
    absorbs: bool = False
    upload_id: str = ""


class VersionedFiles:
    """The files of one root with their history and locks."""

    def __init__(
        self,
        store: FileStore,
        catalog: Catalog,
        journal: Journal,
        quotas: Quotas,
        saved: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._journal = journal
        self._quotas = quotas
        self._saved = saved

    def find(self, path: str) -> Entry | None:
        """What is at ``path``, None if nothing; never what is ours."""
        return None if paths.is_ours(path) else self._store.find(path)

    def entry(self, path: str) -> Entry:
        """What is at ``path``. Raises NotFound."""
        found = self.find(path)
        if found is None:
            raise NotFound(path)
        return found

    def children(self, path: str) -> Iterator[Entry]:
        """The members of a folder, unordered. Raises NotFound."""
        if paths.is_ours(path):
            raise NotFound(path)
        return self._store.children(path)

    def open(self, path: str) -> tuple[BinaryIO, Entry]:
        """A file's bytes and the state they have. The caller closes. Raises NotFound."""
        if paths.is_ours(path):
            raise NotFound(path)
        return self._store.open(path)

    def copy_members(self, source: str, destination: str) -> None:
        """Copy everything below the folder ``source`` to where only the store reaches."""
        self._store.copy_members(source, destination)

    def origin(self, path: str) -> str:
        """The path under which the catalog knows what a reader finds at ``path``."""
        return path

    def levels(self, path: str) -> tuple[str, ...]:
        """The paths whose grants count for ``path``, nearest first."""
        return paths.lineage(path)

    def as_stored(self, path: str) -> str:
        """The path of what a client means, in whatever Unicode normal form it says it."""
        return as_stored(self._store, path)

    def spool(self) -> Spool:
        """A place for bytes that are on their way; use it in a ``with`` block."""
        return self._store.spool()

    def open_spool(self, spool: Spool) -> tuple[BinaryIO, int]:
        """What was spooled, to be read even after it was given up. The caller closes."""
        content, entry = self._store.open(spool.path)
        return content, entry.size

    def commit(
        self,
        path: str,
        spool: Spool,
        writer: Writer,
        *,
        condition: Condition = anything,
        modified_ns: int | None = None,
        document_key: str = "",
        callback_id: int = 0,
        heir_of: str = "",
        upload_id: str = "",
    ) -> Written:
        """Make the spooled bytes the content of ``path``; the replaced bytes stay as a version.

        Atomic: a reader sees the old or the new file, never a mixture, and so does one after a
        crash. ``document_key`` and ``callback_id`` say which save of an editor this is; the
        callback is booked in the same transaction, and so is the end of the upload ``upload_id``.
        ``heir_of`` is the resource whose properties the file gets.

        Raises FileLocked, ParentMissing, MethodNotAllowed for a folder, QuotaExceeded, StorageFull,
        and what ``condition`` raises.
        """
        sealed = Sealed(
            spool.path,
            spool.seal(modified_ns),
            spool.sha256,
            document_key,
            callback_id,
            heir_of,
            upload_id=upload_id,
        )
        with self._store.exclusive(path, self.former(path, writer) or path):
            return self.publish(path, sealed, writer, condition)

    def former(self, path: str, writer: Writer) -> str | None:
        """Where the writer moved the file aside that was at ``path``, if one comes there now.

        See ``departures``: the identity of that file is what the next one at ``path`` gets. An
        empty file there may be what a lock on the free name made.
        """
        found = self._store.find(path)
        if found is not None and (found.is_folder or found.size):
            return None
        with self._catalog.reading() as connection:
            return departures.former(connection, path, writer.credited)

    def publish(self, path: str, sealed: Sealed, writer: Writer, condition: Condition) -> Written:
        """The inner part of ``commit``, for callers that hold ``path`` or the tree exclusively."""
        for _ in range(_ATTEMPTS):
            old = self._writable(path)
            condition(old)
            with self._catalog.writing() as connection:
                locks.require(connection, path, writer, membership=old is None)
                before = self._state_before(connection, path, writer, old)
                intent = self._intend(connection, path, sealed, writer, before)
                row = self._journal.begin(connection, intent)
            try:
                if self._carry_out(intent, before, replace=old is not None):
                    entry = self.entry(path)
                    with self._catalog.writing() as connection:
                        self._journal.finish_commit(connection, row, intent, entry)
                    self._saved(writer.origin.value)
                    return Written(entry, created=old is None)
            except BaseException:
                self._journal.resolve(row, intent)
                raise
            # Another program changed the file between our look and our hold on it: look again.
            with self._catalog.writing() as connection:
                self._journal.withdraw(connection, row)
        raise Conflict(say("Another program keeps changing this file; try again later."))

    def check_writable(self, path: str, writer: Writer, size: int | None = None) -> int | None:
        """Raise what ``commit`` would raise now, before the bytes are sent for nothing.

        ``size`` is what is going to be written, None if nobody knows. Returns the size that the
        file may have by its quotas, None if there are none. Raises QuotaExceeded, StorageFull.
        """
        old = self._writable(path)
        with self._catalog.reading() as connection:
            locks.require(connection, path, writer, membership=old is None)
            resource_id = identities.find(connection, path) if old is not None else None
        owner, present = (writer.owner, 0) if old is None else ("", old.size)
        most = self._quotas.most(path, resource_id, owner, present)
        if size is not None:
            if most is not None and size > most:
                raise QuotaExceeded(
                    say(
                        "The quotas here leave {most} bytes; this has {size}.", most=most, size=size
                    )
                )
            if size > self._store.space()[1]:
                raise StorageFull
        return most

    def versions(self, path: str) -> list[Version]:
        """The states of a file, oldest first; the last is the one it has. Raises NotFound."""
        entry = self.entry(path)
        if entry.is_folder:
            raise Conflict(say("A folder has no versions of its own."))
        with self._catalog.reading() as connection:
            resource_id = identities.find(connection, path)
            found = history.known(connection, resource_id, entry) if resource_id else []
        if not found or not found[-1].is_current:
            # Not written through us, or changed since: what lies there is the newest state all the
            # same.
            number = found[-1].number + 1 if found else 1
            state = (number, entry.size, "", entry.etag, entry.modified_ns, entry.modified, "")
            found.append(Version(*state, Origin.OUTSIDE, is_current=True))
        return found

    def describe_version(self, path: str, number: int, name: str, note: str) -> None:
        """Set what people say about one state of a file. Raises NotFound."""
        with self._store.exclusive(path):
            wanted = next((one for one in self.versions(path) if one.number == number), None)
            if wanted is None:
                raise NoSuchVersion(path, number)
            with self._catalog.writing() as connection:
                resource_id = identities.identify(connection, path, wanted.modified_ns)
                if not history.describe(connection, resource_id, number, name, note):
                    # What another program wrote: until now, nothing had to be known about it.
                    told = (number, wanted.size, "", wanted.etag, wanted.modified_ns)
                    state = State(*told, "", wanted.origin)
                    history.record(connection, resource_id, state, kept=False)
                    history.describe(connection, resource_id, number, name, note)

    def with_earlier(self, folder: str) -> set[str]:
        """The paths directly in ``folder`` of which an earlier state is kept."""
        with self._catalog.reading() as connection:
            return history.kept_in(connection, folder)

    def open_version(self, path: str, number: int) -> tuple[BinaryIO, Version]:
        """The bytes of one state of a file. The caller closes. Raises NotFound."""
        for version in self.versions(path):
            if version.number == number:
                if version.is_current:
                    return self._store.open(path)[0], version
                with self._catalog.reading() as connection:
                    resource_id = identities.find(connection, path) or ""
                return self._store.open_version(history.name_of(resource_id, number)), version
        raise NoSuchVersion(path, number)

    def open_state(self, resource_id: str, etag: str) -> tuple[BinaryIO, int, str]:
        """The bytes that a resource had when its ETag was ``etag``, their number, and its path.

        Raises Gone when another program has written over them.
        """
        with self._catalog.reading() as connection:
            path = identities.path_of(connection, resource_id)
            known = history.with_etag(connection, resource_id, etag)
        entry = self._store.find(path) if path else None
        if path and entry is not None and not entry.is_folder and entry.etag == etag:
            content, opened = self._store.open(path)
            if opened.etag == etag:
                return content, opened.size, path
            content.close()
        name = history.name_of(resource_id, known.number) if known else ""
        kept = self._store.kept(name) if name else None
        if path is None or kept is None:
            raise Gone(say("The content that this link named is no longer there."))
        return self._store.open_version(name), kept.size, path

    def restore(self, path: str, number: int, writer: Writer) -> Written:
        """Make an earlier state the content again; the present one stays as a version.

        The bytes are copied: a version must never share them with a file that other programs can
        write.
        """
        content, _ = self.open_version(path, number)
        with content, self.spool() as spool:
            fill(spool, content)
            return self.commit(path, spool, writer)

    def identify(self, path: str) -> str:
        """The id of what is at ``path``, which stays the same through renames. Raises NotFound."""
        with self._store.exclusive(path):
            entry = self.entry(path)
            with self._catalog.writing() as connection:
                return identities.identify(connection, path, entry.modified_ns)

    def path_of(self, resource_id: str) -> str | None:
        """Where a resource is now; None if it is unknown or in the trash."""
        with self._catalog.reading() as connection:
            path = identities.path_of(connection, resource_id)
        return None if path is None or paths.is_ours(path) else path

    def last_path_of(self, resource_id: str) -> str:
        """Where a resource is, or was before it went to the trash. Raises NotFound."""
        with self._catalog.reading() as connection:
            path = identities.path_of(connection, resource_id)
            was = identities.path_before_trash(connection, path) if path else None
        if was is None:
            raise NotFound(f"resource {resource_id}")
        return was

    def owner_of(self, resource_id: str) -> str:
        """The user who created a file through us; empty if nobody is known to have."""
        with self._catalog.reading() as connection:
            return identities.owner_of(connection, resource_id)

    def beginning_of(self, resource_id: str) -> tuple[datetime | None, str]:
        """When a file came to be, and who made it: whose it is, else the author of version 1.

        None and empty where nobody knows.
        """
        with self._catalog.reading() as connection:
            created, owner = identities.beginning(connection, resource_id)
            return created, owner or history.first_author(connection, resource_id)

    def saved_state(self, resource_id: str, etag: str) -> State:
        """What is known about the state with ``etag``; only that, if no write of ours made it."""
        with self._catalog.reading() as connection:
            found = history.with_etag(connection, resource_id, etag)
        return found or State(0, 0, "", etag, 0, "", Origin.OUTSIDE)

    def sha256(self, entry: Entry) -> str:
        """Hash of a file's state, hexadecimal; empty if no write of ours made that state."""
        with self._catalog.reading() as connection:
            resource_id = identities.find(connection, entry.path)
            known = history.with_etag(connection, resource_id, entry.etag) if resource_id else None
        return known.sha256 if known else ""

    def _writable(self, path: str) -> Entry | None:
        old = self.find(path)
        if old is None:
            check_new(self._store, path)
        elif old.is_folder:
            raise MethodNotAllowed(
                say("A folder cannot be written like a file."), "PROPFIND, MKCOL, DELETE"
            )
        return old

    def _intend(
        self, connection: Connection, path: str, sealed: Sealed, writer: Writer, old: Entry | None
    ) -> Commit:
        resource_id = identities.identify(
            connection,
            old.path if old else path,
            (old or sealed.state).modified_ns,
            owner=writer.owner if old is None else None,
        )
        number = history.highest(connection, resource_id) + 1
        while self._store.kept(history.name_of(resource_id, number)):
            number += 1
        replaces = None
        if old is not None:
            known = self._number_of(connection, resource_id, old) or number
            replaces = State(known, old.size, "", old.etag, old.modified_ns, "", Origin.OUTSIDE)
            number += known == number
        state = sealed.state
        becomes = State(
            number,
            state.size,
            sealed.sha256,
            state.etag,
            state.modified_ns,
            writer.credited,
            writer.origin,
            sealed.document_key,
        )
        return Commit(
            path,
            sealed.source,
            resource_id,
            becomes,
            replaces,
            sealed.callback_id,
            sealed.heir_of,
            sealed.absorbs,
            sealed.upload_id,
            old.path if old is not None and old.path != path else "",
        )

    def _state_before(
        self, connection: Connection, path: str, writer: Writer, old: Entry | None
    ) -> Entry | None:
        """What the write replaces: the file there, or the one that was moved aside for it."""
        if old is not None and old.size:
            return old
        aside = departures.former(connection, path, writer.credited)
        entry = self._store.find(aside) if aside else None
        return old if entry is None or entry.is_folder else entry

    def _number_of(self, connection: Connection, resource_id: str, entry: Entry) -> int | None:
        """The number under which the state of the file is known and can still be kept."""
        known = history.with_etag(connection, resource_id, entry.etag)
        if known is None:
            return None
        kept = self._store.kept(history.name_of(resource_id, known.number))
        return known.number if kept is None or kept.etag == entry.etag else None

    def _carry_out(self, intent: Commit, old: Entry | None, *, replace: bool) -> bool:
        """The steps on the disk; False if the old file was not the one that was looked at."""
        if old is not None and old.size and not paths.is_noise(intent.path):
            name = history.name_of(
                intent.resource_id, intent.replaces.number if intent.replaces else 0
            )
            kept = self._store.keep(old.path, name)
            if kept.etag != old.etag:
                self._store.drop_version(name)
                return False
        self._store.publish(intent.source, intent.path, replace=replace)
        self._store.settle(intent.path)
        return True


def fill(spool: Spool, content: BinaryIO) -> None:
    """Write all of ``content`` into ``spool``."""
    while block := content.read(_BLOCK):
        spool.write(block)

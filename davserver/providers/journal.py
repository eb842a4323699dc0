"""The intent journal: what is about to happen to files, so that every crash can be repaired.

A row is written before the first step on the disk and removed, in one transaction with the
bookkeeping, after the last. Whoever works on a row holds the file or the tree exclusively; so under
``exclusive_tree`` every row left belongs to a process that is dead.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from davserver import paths
from davserver.errors import DavserverError
from davserver.model import ChangeKind, Entry, Origin
from davserver.providers import changes, departures, history, identities, properties
from davserver.providers.catalog import Catalog
from davserver.providers.filesystem import TRASH
from davserver.providers.history import State
from davserver.providers.quotas import Charges, Quotas
from davserver.providers.stores import FileStore
from davserver.providers.tables import (
    callbacks,
    journal,
    locks,
    resources,
    sessions,
    trash,
    uploads,
)

_BEGIN = insert(journal).returning(journal.c.id)
_ALL = select(journal).order_by(journal.c.id)
_REMOVE = delete(journal).where(journal.c.id == bindparam("row"))


@dataclass(frozen=True, slots=True)
class Commit:
    """The sealed bytes at ``source`` become the content of ``path``.

    ``replaces`` is the state there until now. ``heir_of`` is the resource whose properties the file
    takes over; with ``absorbs`` that resource ceases to be: it was moved here. ``upload_id`` is the
    upload that ends with it. ``aside`` is where the state that it replaces lies, if that was moved
    away a moment ago.
    """

    path: str
    source: str
    resource_id: str
    becomes: State
    replaces: State | None
    callback_id: int = 0
    heir_of: str = ""
    absorbs: bool = False
    upload_id: str = ""
    aside: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """What lies at ``source`` appears at ``destination``; what lay there goes to ``displaced``.

    A deletion is a move to the trash, a restoration one out of it. A new folder is a move from
    where it was built, with ``properties`` and, if it is told, the time ``created``. A copied one
    is too, ``copy_of`` the original and ``owner`` the user who made it. ``by`` is the name that the
    trash shows.
    """

    source: str
    destination: str
    displaced: str = ""
    copy_of: str = ""
    by: str = ""
    owner: str = ""
    properties: dict[str, str | None] = field(default_factory=dict)
    created: float | None = None


@dataclass(frozen=True, slots=True)
class Touch:
    """The time of change of ``path`` becomes ``modified_ns``, and ``changes`` its properties.

    ``former`` and ``size`` tell the state that it has before. ``created`` is the time of creation,
    where that is set too.
    """

    path: str
    resource_id: str
    former: str
    size: int
    modified_ns: int
    created: float | None
    changes: dict[str, str | None]


Intent = Commit | Move | Touch


class Journal:
    """Begins, finishes and repairs intents."""

    def __init__(self, store: FileStore, catalog: Catalog, quotas: Quotas) -> None:
        self._store = store
        self._catalog = catalog
        self._quotas = quotas

    def begin(self, connection: Connection, intent: Intent) -> int:
        """Write an intent down; the caller commits before the first step on the disk.

        The bytes that it needs are booked with it. Raises QuotaExceeded.
        """
        values = {
            "operation": type(intent).__name__,
            "intent": json.dumps(asdict(intent)),
            "charges": json.dumps(self._charges(connection, intent)),
            "started": time.time(),
        }
        return int(connection.execute(_BEGIN, values).scalar_one())

    def withdraw(self, connection: Connection, row: int) -> None:
        """Remove an intent that came to nothing, and give back what was booked for it."""
        text = connection.scalar(select(journal.c.charges).where(journal.c.id == row))
        charges = {int(number): more for number, more in json.loads(text or "{}").items()}
        self._quotas.give_back(connection, charges)
        self._remove(connection, row)

    def _charges(self, connection: Connection, intent: Intent) -> Charges:
        """What an intent costs, booked."""
        if isinstance(intent, Touch):
            return {}
        if isinstance(intent, Move):
            return self._quotas.charge_move(
                connection,
                source=intent.source,
                destination=intent.destination,
                displaced=bool(intent.displaced),
                owner=intent.owner,
                is_copy=bool(intent.copy_of),
            )
        exceeds: list[str] | None = [] if intent.becomes.origin == Origin.EDITOR else None
        charges: Charges = {}
        for path, resource_id, more in _needs(intent):
            booked = self._quotas.charge(connection, path, resource_id, more, exceeds)
            for number, added in booked.items():
                charges[number] = charges.get(number, 0) + added
        if exceeds and intent.callback_id:
            over = {"over_quota": exceeds[0], "to_tell": True}
            this = update(callbacks).where(callbacks.c.id == intent.callback_id)
            connection.execute(this.values(over))
        return charges

    def _remove(self, connection: Connection, row: int) -> None:
        connection.execute(_REMOVE, {"row": row})

    def finish_commit(self, connection: Connection, row: int, intent: Commit, entry: Entry) -> None:
        """Book a commit whose bytes are in place as ``entry``."""
        resource_id = intent.resource_id
        if intent.aside:
            departures.come_back(connection, intent.path, intent.aside)
        if not paths.is_noise(intent.path):
            if intent.replaces is not None and intent.replaces.size:
                history.record(connection, resource_id, intent.replaces, kept=True)
            history.reconcile(connection, resource_id, None, self._store.kept)
            becomes = replace(intent.becomes, etag=entry.etag)
            history.record(connection, resource_id, becomes, kept=False)
        self._book_heir(connection, intent)
        is_new = intent.replaces is None or intent.aside
        kind = ChangeKind.CREATED if is_new else ChangeKind.CHANGED
        self._book_names(connection, kind, intent.path, intent.source)
        if intent.callback_id:
            connection.execute(
                update(callbacks)
                .where(callbacks.c.id == intent.callback_id)
                .values(
                    outcome="stored",
                    detail=paths.key(intent.path),
                    sha256=intent.becomes.sha256,
                )
            )
        if intent.upload_id:
            connection.execute(
                update(uploads).where(uploads.c.id == intent.upload_id).values(etag=entry.etag)
            )
        self._remove(connection, row)

    def finish_move(self, connection: Connection, row: int, intent: Move) -> None:
        """Book a move whose files are in place."""
        source, destination = intent.source, intent.destination
        if intent.displaced:
            self._drop_locks(connection, destination)
            identities.move(connection, destination, intent.displaced)
            self._book_trash(connection, intent.displaced, destination, intent.by)
            for gone in self._vanished(intent.displaced, destination):
                was = paths.moved(gone.path, intent.displaced, destination)
                changes.record(connection, ChangeKind.DELETED, was, is_folder=gone.is_folder)
        if intent.copy_of:
            properties.copy_tree(connection, intent.copy_of, destination)
            if self._quotas.owns_copies(connection, intent.owner):
                self._quotas.take_possession(connection, destination, intent.owner)
        else:
            self._note_departure(connection, intent)
            self._drop_locks(connection, source)
            identities.move(connection, source, destination)
        if intent.properties or intent.created is not None:
            resource_id = identities.identify(connection, destination)
            properties.change(connection, resource_id, intent.properties)
            identities.set_born(connection, resource_id, intent.created)
        if paths.is_ours(destination):
            self._book_trash(connection, destination, source, intent.by)
            is_folder = self._is_folder(destination)
            changes.record(connection, ChangeKind.DELETED, source, is_folder=is_folder)
        else:
            self._book_names(connection, ChangeKind.CREATED, destination, source)
        self._remove(connection, row)

    def finish_touch(self, connection: Connection, row: int, intent: Touch, entry: Entry) -> None:
        """Book a change of time that ``entry`` has. To editing sessions the content is the same."""
        resource_id = intent.resource_id
        properties.change(connection, resource_id, intent.changes)
        identities.set_born(connection, resource_id, intent.created)
        if entry.etag != intent.former:
            history.retime(connection, resource_id, intent.former, entry)
            connection.execute(
                update(sessions)
                .where(sessions.c.resource_id == resource_id, sessions.c.etag == intent.former)
                .values(etag=entry.etag)
            )
        kind = ChangeKind.CHANGED
        changes.record(connection, kind, intent.path, is_folder=entry.is_folder)
        self._remove(connection, row)

    def mentions(self, upload_id: str) -> bool:
        """Whether somebody began to make this upload a file, and did not come to the end."""
        of_upload = journal.c.intent.contains(f'"{upload_id}"', autoescape=True)
        with self._catalog.reading() as connection:
            return connection.scalar(select(journal.c.id).where(of_upload).limit(1)) is not None

    def repair(self) -> int:
        """Finish or take back what dead processes began; tell how many intents there were."""
        with self._store.exclusive_tree():
            return self.mend()

    def mend(self) -> int:
        """The inner part of ``repair``, for callers that hold the tree exclusively.

        They come upon nothing half done: a process may have died since the last repair.
        """
        with self._catalog.reading() as connection:
            rows = connection.execute(_ALL).all()
        for row in rows:
            intent = _intent(row.operation, json.loads(row.intent))
            self._store.clear_remains(TRASH, *map(paths.parent, _names(intent)))
            self.resolve(row.id, intent)
        return len(rows)

    def resolve(self, row: int, intent: Intent) -> None:
        """Finish an intent if what it wants of the disk came about, else take it back."""
        if isinstance(intent, Commit):
            self._resolve_commit(row, intent)
        elif isinstance(intent, Move):
            self._resolve_move(row, intent)
        else:
            self._resolve_touch(row, intent)

    def _resolve_commit(self, row: int, intent: Commit) -> None:
        source, entry = self._store.find(intent.source), self._store.find(intent.path)
        if entry is not None and self._published(intent, source, entry):
            if source is not None and _alike(source, entry):
                self._store.remove_tree(intent.source)
            with self._catalog.writing() as connection:
                self.finish_commit(connection, row, intent, entry)
            return
        if intent.replaces is not None:
            self._store.drop_version(history.name_of(intent.resource_id, intent.replaces.number))
        with self._catalog.writing() as connection:
            self.withdraw(connection, row)

    def _published(self, intent: Commit, source: Entry | None, entry: Entry) -> bool:
        """Whether ``entry`` is what the intent wanted, not an old file that looks like it.

        Old and new look alike when a client sends the same size and time of change again. Then the
        inode decides: before the last step, the file there is the one that was kept.
        """
        if not _alike(entry, intent.becomes):
            return False
        if source is None or source.etag == entry.etag or intent.replaces is None:
            return True
        kept = self._store.kept(history.name_of(intent.resource_id, intent.replaces.number))
        return kept is not None and kept.etag != entry.etag

    def _resolve_move(self, row: int, intent: Move) -> None:
        """Once the old destination is out of the way, forward is tried before back."""
        find = self._store.find
        source, there = find(intent.source), find(intent.destination)
        aside = find(intent.displaced) if intent.displaced else None
        if aside is not None and there is not None and self._same(aside, there):
            # A file is published by a link and an unlink, a tree on another disk by a copy; the
            # crash came before the second step.
            self._store.retire(intent.destination)
            there = None
        if aside is not None and there is None and source is not None:
            try:
                self._store.publish(intent.source, intent.destination, replace=False)
            except DavserverError:
                # Another disk, and no room on it: what was there before comes back.
                self._store.publish(intent.displaced, intent.destination, replace=False)
                aside = None
            else:
                source, there = None, source
        twice = source is not None and there is not None and self._same(source, there)
        arrived = there is not None and (source is None or aside is not None or twice)
        if twice:
            try:
                self._store.retire(intent.source)
            except DavserverError:
                # The source cannot be taken away: it stays, and the copy of it goes.
                self._store.remove_tree(intent.destination)
                if aside is not None:
                    self._store.publish(intent.displaced, intent.destination, replace=False)
                arrived = False
        with self._catalog.writing() as connection:
            if arrived:
                self.finish_move(connection, row, intent)
            else:
                self.withdraw(connection, row)

    def _resolve_touch(self, row: int, intent: Touch) -> None:
        entry = self._store.find(intent.path)
        wanted = (intent.size, intent.modified_ns)
        with self._catalog.writing() as connection:
            if entry is not None and (entry.size, entry.modified_ns) == wanted:
                self.finish_touch(connection, row, intent, entry)
            else:
                self.withdraw(connection, row)

    def _same(self, one: Entry, other: Entry) -> bool:
        """Whether two trees hold the same, as they do in the middle of a move between disks."""
        pairs = [(one, other)]
        while pairs:
            ours, theirs = pairs.pop()
            if not (ours.is_folder and theirs.is_folder):
                if not _alike(ours, theirs):
                    return False
                continue
            in_ours = {member.name: member for member in self._store.children(ours.path)}
            in_theirs = {member.name: member for member in self._store.children(theirs.path)}
            if in_ours.keys() != in_theirs.keys():
                return False
            pairs += [(member, in_theirs[name]) for name, member in in_ours.items()]
        return True

    def _vanished(self, old: str, new: str) -> Iterator[Entry]:
        """What is below ``old`` and not below ``new``, which has displaced it."""
        folders = [old]
        while folders:
            folder = folders.pop()
            if not (self._is_folder(folder) and self._is_folder(paths.moved(folder, old, new))):
                continue
            for member in self._store.children(folder):
                if self._store.find(paths.moved(member.path, old, new)) is None:
                    yield member
                else:
                    folders.append(member.path)

    def _is_folder(self, path: str) -> bool:
        found = self._store.find(path)
        return found is not None and found.is_folder

    def _book_heir(self, connection: Connection, intent: Commit) -> None:
        """Give the file the properties that it gets, and end the resource that it was before."""
        if not intent.aside:
            inherits = intent.heir_of not in {"", intent.resource_id}
            if intent.replaces is None or inherits:
                properties.remove_all(connection, intent.resource_id)
            if inherits:
                properties.copy(connection, intent.heir_of, intent.resource_id)
        if intent.absorbs:
            identities.forget(connection, intent.heir_of)
        elif intent.aside and intent.heir_of:
            # What was written before under the temporary name stays with what was left behind.
            identities.move(connection, intent.source, intent.aside)

    def _note_departure(self, connection: Connection, intent: Move) -> None:
        """Remember a file that left its name the way that programs do when they save."""
        if paths.is_ours(intent.destination) or paths.is_ours(intent.source):
            return
        if not departures.is_aside(intent.source, intent.destination):
            return
        arrived = self._store.find(intent.destination)
        if arrived is not None and not arrived.is_folder:
            departures.note(connection, intent.source, intent.by, arrived.modified_ns)

    def _book_names(self, connection: Connection, kind: ChangeKind, path: str, source: str) -> None:
        """Write down what became of ``path``, and of ``source`` where that was a name too."""
        if not paths.is_ours(source):
            is_folder = self._is_folder(path)
            changes.record(connection, ChangeKind.MOVED, path, source, is_folder=is_folder)
            return
        changes.record(connection, kind, path)
        if paths.parent(source) == TRASH:
            connection.execute(delete(trash).where(trash.c.id == paths.name(source)))

    def _drop_locks(self, connection: Connection, path: str) -> None:
        """Locks stay behind when a resource moves (RFC 4918, 7.6), but for an editing session's."""
        ids = select(resources.c.id).where(identities.within(path))
        connection.execute(
            delete(locks).where(locks.c.resource_id.in_(ids), locks.c.document_key == "")
        )

    def _book_trash(self, connection: Connection, kept_at: str, path: str, by: str) -> None:
        identity = paths.name(kept_at)
        connection.execute(
            insert(trash).values(
                id=identity,
                path=paths.key(path),
                guard=identities.guard(connection, path),
                deleted=time.time(),
                deleted_by=by,
            )
        )


def _intent(operation: str, fields: dict[str, Any]) -> Intent:
    if operation == Move.__name__:
        return Move(**fields)
    if operation == Touch.__name__:
        return Touch(**fields)
    replaces = fields.pop("replaces")
    becomes = State(**fields.pop("becomes"))
    return Commit(becomes=becomes, replaces=State(**replaces) if replaces else None, **fields)


def _names(intent: Intent) -> tuple[str, ...]:
    """Every path that the steps of an intent are about."""
    if isinstance(intent, Touch):
        return (intent.path,)
    return intent.source, intent.path if isinstance(intent, Commit) else intent.destination


def _needs(intent: Commit) -> Iterator[tuple[str, str, int]]:
    """What a commit books on quotas: a path, the resource whose owner pays, and the bytes.

    At the root, which no folder holds, it is the owner's quota alone.
    """
    size = intent.becomes.size
    before = intent.replaces.size if intent.replaces else 0
    was_moved = not paths.is_ours(intent.source)
    if was_moved:
        yield intent.source, intent.heir_of, -size
    if intent.aside:
        # The old bytes stay where they are, but whose they were owns the new ones instead.
        yield paths.ROOT, intent.resource_id, -before
        if was_moved and not intent.absorbs:
            yield paths.ROOT, intent.heir_of, before
        before = 0
    yield intent.path, intent.resource_id, size - before


def _alike(one: Entry, other: Entry | State) -> bool:
    """Whether two files are the same state: our times of change are unique to the nanosecond."""
    if isinstance(other, Entry) and (one.is_folder or other.is_folder):
        return False
    return (one.size, one.modified_ns) == (other.size, other.modified_ns)

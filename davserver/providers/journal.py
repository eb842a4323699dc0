"""The intent journal: what is about to happen to files, so that every crash can be repaired.

A row is written before the first step on the disk and removed, in one transaction with the
bookkeeping, after the last. Whoever works on a row holds the file or the tree exclusively; so under
``exclusive_tree`` every row left belongs to a process that is dead.
"""

import json
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from davserver import paths
from davserver.model import Entry
from davserver.providers import departures, history, identities, properties
from davserver.providers.catalog import Catalog
from davserver.providers.history import State
from davserver.providers.stores import FileStore
from davserver.providers.tables import callbacks, journal, locks, resources, trash, uploads

_BEGIN = insert(journal).returning(journal.c.id)
_WITHDRAW = delete(journal).where(journal.c.id == bindparam("row"))


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

    A deletion is a move to the trash. A copied folder is a move from where it was built,
    ``copy_of`` the original. ``by`` is the name that the trash shows.
    """

    source: str
    destination: str
    displaced: str = ""
    copy_of: str = ""
    by: str = ""


class Journal:
    """Begins, finishes and repairs intents."""

    def __init__(self, store: FileStore, catalog: Catalog) -> None:
        self._store = store
        self._catalog = catalog

    def begin(self, connection: Connection, intent: Commit | Move) -> int:
        """Write an intent down; the caller commits before the first step on the disk."""
        values = {
            "operation": type(intent).__name__,
            "intent": json.dumps(asdict(intent)),
            "started": time.time(),
        }
        return int(connection.execute(_BEGIN, values).scalar_one())

    def withdraw(self, connection: Connection, row: int) -> None:
        """Remove an intent of which nothing is left to do."""
        connection.execute(_WITHDRAW, {"row": row})

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
        if not intent.aside and (intent.replaces is None or intent.heir_of):
            properties.remove_all(connection, resource_id)
        if intent.heir_of and not intent.aside:
            properties.copy(connection, intent.heir_of, resource_id)
        if intent.absorbs:
            identities.forget(connection, intent.heir_of)
        elif intent.aside and intent.heir_of:
            # What was written before under the temporary name stays with what was left behind.
            identities.move(connection, intent.source, intent.aside)
        if intent.callback_id:
            connection.execute(
                update(callbacks)
                .where(callbacks.c.id == intent.callback_id)
                .values(outcome="stored", detail=intent.path)
            )
        if intent.upload_id:
            connection.execute(
                update(uploads).where(uploads.c.id == intent.upload_id).values(etag=entry.etag)
            )
        self.withdraw(connection, row)

    def finish_move(self, connection: Connection, row: int, intent: Move) -> None:
        """Book a move whose files are in place."""
        if intent.displaced:
            self._drop_locks(connection, intent.destination)
            identities.move(connection, intent.destination, intent.displaced)
            self._book_trash(connection, intent.displaced, intent.destination, intent.by)
        if intent.copy_of:
            properties.copy_tree(connection, intent.copy_of, intent.destination)
        else:
            if self._goes_aside(intent):
                departures.note(connection, intent.source, intent.destination, intent.by)
            self._drop_locks(connection, intent.source)
            identities.move(connection, intent.source, intent.destination)
            if paths.is_ours(intent.destination):
                self._book_trash(connection, intent.destination, intent.source, intent.by)
        self.withdraw(connection, row)

    def mentions(self, upload_id: str) -> bool:
        """Whether somebody began to make this upload a file, and did not come to the end."""
        of_upload = journal.c.intent.contains(f'"{upload_id}"', autoescape=True)
        with self._catalog.reading() as connection:
            return connection.scalar(select(journal.c.id).where(of_upload).limit(1)) is not None

    def repair(self) -> int:
        """Finish or take back what dead processes began; tell how many intents there were."""
        with self._store.exclusive_tree():
            with self._catalog.reading() as connection:
                rows = connection.execute(select(journal).order_by(journal.c.id)).all()
            for row in rows:
                self.resolve(row.id, _intent(row.operation, json.loads(row.intent)))
        return len(rows)

    def resolve(self, row: int, intent: Commit | Move) -> None:
        """Finish an intent if its file arrived, else take it back."""
        if isinstance(intent, Commit):
            self._resolve_commit(row, intent)
        else:
            self._resolve_move(row, intent)

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
        """Once the old destination is out of the way, only forward leaves no name empty."""
        find = self._store.find
        source, there = find(intent.source), find(intent.destination)
        aside = find(intent.displaced) if intent.displaced else None
        if aside is not None and there is not None and _alike(aside, there):
            # A file is published by a link and an unlink; the crash came between the two.
            self._store.remove_tree(intent.destination)
            there = None
        if aside is not None and there is None and source is not None:
            self._store.publish(intent.source, intent.destination, replace=False)
            source, there = None, source
        arrived = there is not None and (
            source is None or aside is not None or _alike(source, there)
        )
        if arrived and source is not None and there is not None and _alike(source, there):
            self._store.remove_tree(intent.source)
        with self._catalog.writing() as connection:
            if arrived:
                self.finish_move(connection, row, intent)
            else:
                self.withdraw(connection, row)

    def _goes_aside(self, intent: Move) -> bool:
        if paths.is_ours(intent.destination) or paths.is_ours(intent.source):
            return False
        if not departures.is_aside(intent.source, intent.destination):
            return False
        arrived = self._store.find(intent.destination)
        return arrived is not None and not arrived.is_folder

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
                id=identity, path=paths.key(path), deleted=time.time(), deleted_by=by
            )
        )


def _intent(operation: str, fields: dict[str, Any]) -> Commit | Move:
    if operation == Move.__name__:
        return Move(**fields)
    replaces = fields.pop("replaces")
    becomes = State(**fields.pop("becomes"))
    return Commit(becomes=becomes, replaces=State(**replaces) if replaces else None, **fields)


def _alike(one: Entry, other: Entry | State) -> bool:
    """Whether two files are the same state: our times of change are unique to the nanosecond."""
    if isinstance(other, Entry) and (one.is_folder or other.is_folder):
        return False
    return (one.size, one.modified_ns) == (other.size, other.modified_ns)

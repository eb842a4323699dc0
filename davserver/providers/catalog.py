"""The catalog's engine and transactions: SQLite now, PostgreSQL by its URL later.

Every room reads and writes through ``reading`` and ``writing``; a writing transaction is serial
from its first statement, in every process.
"""

import contextlib
import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, create_engine, event, insert, select
from sqlalchemy.exc import OperationalError

from davserver.errors import StorageFull, Unavailable
from davserver.providers.filesystem import SyncPolicy
from davserver.providers.tables import instance
from davserver.words import say

FILE_NAME = "catalog.sqlite3"
QUEUE_NAME = "catalog.queue"
_BUSY_SECONDS = 30


class Catalog:
    """The database in the folder ``state``. Safe for threads; each process opens its own."""

    def __init__(self, state: Path, sync: SyncPolicy = "on-close", pool_size: int = 25) -> None:
        self._engine = create_engine(
            f"sqlite:///{state / FILE_NAME}",
            connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
            pool_size=pool_size,
            max_overflow=pool_size,
        )
        # SQLite itself lets writers sleep and try again, ever longer; here they queue.
        self._turn = threading.Lock()
        self._queue = os.open(state / QUEUE_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # With "on-close" a power cut may cost the last seconds of bookkeeping, never a document:
        # the catalog stays consistent, and VersionedFiles adopts kept bytes that it has no row for.
        synchronous = "FULL" if sync == "always" else "NORMAL"
        self._file = state / FILE_NAME
        self._watching: sqlite3.Connection | None = None
        self._watch = threading.Lock()

        @event.listens_for(self._engine, "connect")
        def prepare(connection: sqlite3.Connection, _: Any) -> None:
            # None: the driver leaves transactions to us; its own begin would come too late
            # (deferred).
            connection.isolation_level = None
            for pragma in ("journal_mode=WAL", f"synchronous={synchronous}", "foreign_keys=ON"):
                connection.execute(f"PRAGMA {pragma}")

        @event.listens_for(self._engine, "begin")
        def begin(connection: Connection) -> None:
            how = "IMMEDIATE" if connection.get_execution_options().get("writing") else "DEFERRED"
            connection.exec_driver_sql(f"BEGIN {how}")

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one moment of the catalog."""
        with _facts(), self._engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that no other writer overlaps; an exception takes everything back.

        Raises Unavailable when the catalog stays busy, StorageFull when the disk is.
        """
        with (
            _facts(),
            self._alone(),
            self._engine.connect().execution_options(writing=True) as connection,
            connection.begin(),
        ):
            yield connection

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Be the only writer, among the threads of this process and among all processes."""
        with self._turn:
            fcntl.flock(self._queue, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._queue, fcntl.LOCK_UN)

    def changes(self) -> int:
        """A number that is another one after every transaction, whichever process made it.

        It costs microseconds: SQLite counts for each connection what others committed, and this
        one writes nothing (PRAGMA data_version).
        """
        return int(self._ask("PRAGMA data_version"))

    def count_of(self, name: str) -> str:
        """What ``instance`` holds under ``name``: for counts that are looked at all the time."""
        return str(self._ask("SELECT value FROM instance WHERE name = ?", name))

    def _ask(self, question: str, *values: str) -> Any:
        """The first value of the answer, over a connection kept for such questions."""
        with self._watch:
            if self._watching is None:
                self._watching = sqlite3.connect(
                    self._file,
                    timeout=_BUSY_SECONDS,
                    isolation_level=None,
                    check_same_thread=False,
                )
            try:
                row = self._watching.execute(question, values).fetchone()
            except sqlite3.OperationalError as fault:
                raise _unavailable() from fault
            return row[0] if row else ""

    def migrate(self) -> None:
        """Bring the tables to the newest form (docs/architecture.md, Catalog)."""
        # Imported here because only a start needs Alembic, and it takes longer to import than to
        # run.
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", "davserver.providers:migrations")
        with self.writing() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            if connection.scalar(select(instance.c.value).where(instance.c.name == "id")) is None:
                connection.execute(insert(instance).values(name="id", value=uuid4().hex))

    def instance_id(self) -> str:
        """The name of this installation, in every document key, so that no two share one."""
        with self.reading() as connection:
            return str(connection.scalar(select(instance.c.value).where(instance.c.name == "id")))

    def close(self) -> None:
        """Let go of all connections."""
        with self._watch:
            if self._watching is not None:
                self._watching.close()
                self._watching = None
        self._engine.dispose()
        if self._queue >= 0:
            os.close(self._queue)
            self._queue = -1


@contextlib.contextmanager
def _facts() -> Iterator[None]:
    try:
        yield
    except OperationalError as fault:
        if "full" in str(fault.orig):
            raise StorageFull from fault
        raise _unavailable() from fault


def _unavailable() -> Unavailable:
    return Unavailable(say("The catalog is busy; try again in a moment."))

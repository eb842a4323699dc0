"""The catalog: tables, transactions, several processes."""

import contextlib
import os
import sqlite3
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, select

from davserver.errors import Unavailable
from davserver.providers import catalog as catalog_module
from davserver.providers.catalog import FILE_NAME, Catalog
from davserver.providers.share import Share
from davserver.providers.tables import instance, metadata


def test_the_migrations_make_the_tables_that_the_code_uses(share: Share) -> None:
    with share.catalog.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_migrating_again_changes_nothing(share: Share) -> None:
    before = share.catalog.instance_id()
    share.catalog.migrate()
    assert share.catalog.instance_id() == before


def test_a_transaction_that_fails_leaves_nothing(share: Share) -> None:
    def fail() -> None:
        with share.catalog.writing() as connection:
            connection.execute(insert(instance).values(name="x", value="y"))
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError):
        fail()
    with share.catalog.reading() as connection:
        assert connection.scalar(select(instance.c.value).where(instance.c.name == "x")) is None


def test_writers_wait_for_each_other(share: Share) -> None:
    """A count that everybody reads and then writes is right in the end."""

    def add_one() -> None:
        for _ in range(20):
            with share.catalog.writing() as connection:
                row = connection.scalar(select(instance.c.value).where(instance.c.name == "count"))
                connection.execute(
                    instance.update()
                    .where(instance.c.name == "count")
                    .values(value=str(int(row or 0) + 1))
                )

    with share.catalog.writing() as connection:
        connection.execute(insert(instance).values(name="count", value="0"))
    threads = [threading.Thread(target=add_one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with share.catalog.reading() as connection:
        assert connection.scalar(select(instance.c.value).where(instance.c.name == "count")) == "80"


def test_a_catalog_that_stays_busy_is_a_passing_fault(
    share: Share, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog_module, "_BUSY_SECONDS", 0.1)
    impatient = Catalog(root / ".davserver")
    other = sqlite3.connect(root / ".davserver" / FILE_NAME, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable), impatient.writing():
            pass
    finally:
        other.close()
        impatient.close()


@pytest.mark.parametrize(("sync", "expected"), [("always", 2), ("on-close", 1), ("off", 1)])
def test_the_sync_policy_reaches_the_catalog(root: Path, sync: str, expected: int) -> None:
    state = root / ".davserver"
    state.mkdir()
    opened = Catalog(state, sync)  # type: ignore[arg-type]
    try:
        with opened.reading() as connection:
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == expected
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    finally:
        opened.close()


def test_only_its_owner_reads_the_state(share: Share, root: Path) -> None:
    assert os.stat(root / ".davserver").st_mode & 0o077 == 0


def test_changes_are_seen_of_every_process_and_of_nothing_else(share: Share, root: Path) -> None:
    """Another process is another connection to SQLite; test_remembered.py has real ones."""
    ours, theirs = share.catalog, Catalog(root / ".davserver")
    seen = ours.changes()
    for number, catalog in enumerate((ours, theirs, ours)):
        with catalog.writing() as connection:
            connection.execute(insert(instance).values(name=f"x{number}", value=""))
            assert ours.changes() == seen, "it is not committed yet"
        assert ours.changes() != seen
        seen = ours.changes()
    with contextlib.suppress(RuntimeError), theirs.writing() as connection:
        connection.execute(insert(instance).values(name="y", value=""))
        raise RuntimeError("on purpose")
    theirs.instance_id()
    assert ours.changes() == seen
    theirs.close()

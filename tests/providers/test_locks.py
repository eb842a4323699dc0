"""Locks: who may hold what together, and who is held off."""

import sqlite3
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event, insert

from davserver.errors import Conflict, FileLocked, Forbidden, MembersRefused, ParentMissing
from davserver.model import Lock, Scope, Writer
from davserver.providers import locks as locks_module
from davserver.providers.annotations import Annotations, Wanted, of_folder
from davserver.providers.share import Share
from davserver.providers.tables import locks as locks_table
from davserver.providers.tables import resources
from tests.clock import later
from tests.providers.test_files import ANN, BOB, put

EXCLUSIVE, SHARED = Scope.EXCLUSIVE, Scope.SHARED


def listed(share: Share, path: str) -> Annotations:
    """What a listing of a folder is told."""
    return of_folder(share.catalog, path, Wanted())


def take(
    share: Share, path: str, writer: Writer = ANN, scope: Scope = EXCLUSIVE, **options: Any
) -> Lock:
    given = {"owner_xml": "", "deep": False, "seconds": 60, **options}
    return share.locks.acquire(path, writer, scope=scope, **given)[0]


@pytest.mark.parametrize(
    ("held", "wanted", "works"),
    [
        (EXCLUSIVE, EXCLUSIVE, False),
        (EXCLUSIVE, SHARED, False),
        (SHARED, EXCLUSIVE, False),
        (SHARED, SHARED, True),
    ],
)
def test_what_two_people_may_hold_together(
    share: Share, held: Scope, wanted: Scope, works: bool
) -> None:
    """RFC 4918, 6.2, the table of compatibility."""
    put(share, "/a.txt", b"x")
    take(share, "/a.txt", ANN, held)
    if works:
        take(share, "/a.txt", BOB, wanted)
    else:
        with pytest.raises(FileLocked):
            take(share, "/a.txt", BOB, wanted)


def test_an_expired_lock_is_no_lock(share: Share) -> None:
    put(share, "/a.txt", b"x")
    take(share, "/a.txt", seconds=60)
    with later(61):
        assert share.locks.on("/a.txt") == []
        put(share, "/a.txt", b"y", BOB)
        take(share, "/a.txt", BOB)
        assert share.locks.purge() == 1


def test_a_refreshed_lock_lives_on(share: Share) -> None:
    put(share, "/a.txt", b"x")
    lock = take(share, "/a.txt", seconds=60)
    with later(50):
        share.locks.refresh("/a.txt", Writer("ann", frozenset({lock.token})), 60)
    with later(100):
        assert [found.token for found in share.locks.on("/a.txt")] == [lock.token]


def test_a_deep_lock_covers_everything_below(share: Share) -> None:
    share.trees.make_folder("/docs", ANN)
    share.trees.make_folder("/docs/deep", ANN)
    lock = take(share, "/docs", deep=True)
    with pytest.raises(FileLocked):
        put(share, "/docs/deep/a.txt", b"x", BOB)
    put(share, "/docs/deep/a.txt", b"x", Writer("ann", frozenset({lock.token})))
    with pytest.raises(FileLocked):
        take(share, "/docs/deep/a.txt", BOB)


def test_a_deep_lock_is_refused_for_a_locked_member(share: Share) -> None:
    share.trees.make_folder("/docs", ANN)
    put(share, "/docs/a.txt", b"x")
    take(share, "/docs/a.txt", BOB)
    with pytest.raises(MembersRefused) as refused:
        take(share, "/docs", ANN, deep=True)
    assert list(refused.value.members) == ["/docs/a.txt"]


def test_a_neighbour_with_a_longer_name_is_not_below(share: Share) -> None:
    for folder in ("/docs", "/docs2", "/docs-old"):
        share.trees.make_folder(folder, ANN)
        put(share, f"{folder}/a.txt", b"x")
    take(share, "/docs2/a.txt", BOB)
    take(share, "/docs-old/a.txt", BOB)
    take(share, "/docs", ANN, deep=True)
    put(share, "/docs2/b.txt", b"free", BOB)


def test_locking_nothing_makes_an_empty_file(share: Share) -> None:
    """RFC 4918, 7.3 and 9.10.4."""
    lock, created = share.locks.acquire(
        "/new.txt", ANN, owner_xml="", scope=EXCLUSIVE, deep=True, seconds=60
    )
    assert created
    assert not lock.deep
    assert share.files.entry("/new.txt").size == 0
    with pytest.raises(ParentMissing):
        take(share, "/none/new.txt")


def test_a_refused_lock_on_nothing_leaves_nothing(share: Share) -> None:
    """Stock WsgiDAV leaves the empty file that it made before it refused."""
    share.trees.make_folder("/docs", ANN)
    take(share, "/docs", ANN, deep=True)
    with pytest.raises(FileLocked):
        take(share, "/docs/new.txt", BOB)
    assert share.files.find("/docs/new.txt") is None


def test_only_the_holder_releases(share: Share) -> None:
    put(share, "/a.txt", b"x")
    lock = take(share, "/a.txt")
    with pytest.raises(Forbidden):
        share.locks.release("/a.txt", lock.token, "bob")
    with pytest.raises(Conflict):
        share.locks.release("/other.txt", lock.token, "ann")
    share.locks.release("/a.txt", lock.token, "ann")
    assert share.locks.on("/a.txt") == []


def test_nobody_holds_locks_without_end(share: Share, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks_module, "MAX_LOCKS_EACH", 2)
    for number in range(3):
        put(share, f"/{number}.txt", b"x")
    take(share, "/0.txt")
    take(share, "/1.txt")
    with pytest.raises(Forbidden):
        take(share, "/2.txt")
    take(share, "/2.txt", BOB)


def test_a_listing_knows_own_and_inherited_locks(share: Share) -> None:
    share.trees.make_folder("/docs", ANN)
    put(share, "/docs/a.txt", b"x")
    put(share, "/docs/b.txt", b"x")
    own = take(share, "/docs/a.txt", ANN, SHARED)
    deep = take(share, "/docs", BOB, SHARED, deep=True)
    about = listed(share, "/docs")
    assert [lock.token for lock in about.locks_on("/docs")] == [deep.token]
    assert {lock.token for lock in about.locks_on("/docs/a.txt")} == {own.token, deep.token}
    assert [lock.token for lock in about.locks_on("/docs/b.txt")] == [deep.token]


def test_an_administrator_breaks_locks_by_path_or_token(share: Share) -> None:
    share.trees.make_folder("/docs", ANN)
    put(share, "/docs/a.txt", b"x")
    deep = take(share, "/docs", ANN, SHARED, deep=True)
    own = [take(share, "/docs/a.txt", writer, SHARED) for writer in (ANN, BOB)]
    assert {lock.token for lock in share.locks.within("/docs/a.txt")} == {
        lock.token for lock in own
    }
    assert len(share.locks.within("/")) == 3
    assert {lock.token for lock in share.locks.break_up("/docs/a.txt")} == {
        lock.token for lock in own
    }
    with pytest.raises(Conflict, match="on /docs"):
        share.locks.break_up("/docs/a.txt")
    assert share.locks.break_up(deep.token) == [deep]
    for nothing in ("/docs", deep.token):
        with pytest.raises(Conflict, match="No lock"):
            share.locks.break_up(nothing)
    put(share, "/docs/a.txt", b"y", BOB)


class TestTenThousandLocks:
    """What a request costs, in steps of the database's machine, whatever others hold."""

    @pytest.fixture
    def crowded(self, share: Share) -> Share:
        share.trees.make_folder("/docs", ANN)
        for name in ("a", "b", "c"):
            put(share, f"/docs/{name}.txt", b"x")
        share.trees.make_folder("/crowd", ANN)
        return share

    def crowd(self, share: Share, number: int) -> None:
        with share.catalog.writing() as connection:
            connection.execute(
                insert(resources),
                [
                    {"id": f"r{n}", "path": f"/crowd/{n}", "parent": "/crowd", "created": 0.0}
                    for n in range(number)
                ],
            )
            connection.execute(
                insert(locks_table),
                [
                    {
                        "token": f"urn:x:{n}",
                        "resource_id": f"r{n}",
                        "principal": f"user {n % 20}",
                        "owner_xml": "",
                        "scope": "exclusive",
                        "deep": False,
                        "expires": time.time() + 3600,
                        "document_key": "",
                    }
                    for n in range(number)
                ],
            )

    def steps(self, share: Share, work: Callable[[], object]) -> int:
        """Steps of SQLite's machine, in tens; no step is a moment of anybody's processor."""
        count = 0

        def step() -> int:
            nonlocal count
            count += 1
            return 0

        def watch(connection: sqlite3.Connection, *_: object) -> None:
            connection.set_progress_handler(step, 10)

        event.listen(share.catalog._engine, "checkout", watch)
        try:
            work()
        finally:
            event.remove(share.catalog._engine, "checkout", watch)
        return count

    @pytest.mark.parametrize("action", ["lock", "deep lock", "put", "listing", "refresh", "move"])
    def test_cost_no_more_than_twice_as_much(self, crowded: Share, action: str) -> None:
        held = take(crowded, "/docs/a.txt", ANN)
        mine = Writer("ann", frozenset({held.token}))

        def lock() -> None:
            crowded.locks.release("/docs/b.txt", take(crowded, "/docs/b.txt", ANN).token, ANN.name)

        def deep_lock() -> None:
            folder = take(crowded, "/docs", ANN, SHARED, deep=True)
            crowded.locks.release("/docs", folder.token, ANN.name)

        def move() -> None:
            crowded.trees.move("/docs/c.txt", "/docs/d.txt", ANN, overwrite=False)
            crowded.trees.move("/docs/d.txt", "/docs/c.txt", ANN, overwrite=False)

        work: dict[str, Callable[[], object]] = {
            "lock": lock,
            "deep lock": deep_lock,
            "put": lambda: put(crowded, "/docs/a.txt", b"y", mine),
            "listing": lambda: listed(crowded, "/docs"),
            "refresh": lambda: crowded.locks.refresh("/docs/a.txt", mine, 60),
            "move": move,
        }
        if action == "deep lock":
            crowded.locks.release("/docs/a.txt", held.token, ANN.name)
        work[action]()
        alone = self.steps(crowded, work[action])
        self.crowd(crowded, 10_000)
        crowd = self.steps(crowded, work[action])
        assert 0 < crowd <= 2 * alone + 20

    def test_no_statement_about_locks_reads_all_of_them(self, crowded: Share) -> None:
        self.crowd(crowded, 100)
        statements: dict[str, object] = {}

        def note(_: object, __: object, statement: str, values: object, *___: object) -> None:
            if " locks" in statement and not statement.startswith("INSERT"):
                statements[statement] = values

        engine = crowded.catalog._engine
        event.listen(engine, "before_cursor_execute", note)
        lock = take(crowded, "/docs", ANN, SHARED, deep=True)
        mine = Writer("ann", frozenset({lock.token}))
        put(crowded, "/docs/a.txt", b"y", mine)
        crowded.locks.refresh("/docs/a.txt", mine, 60)
        listed(crowded, "/docs")
        crowded.trees.move("/docs/a.txt", "/docs/d.txt", mine, overwrite=False)
        crowded.locks.release("/docs", lock.token, ANN.name)
        event.remove(engine, "before_cursor_execute", note)
        assert len(statements) >= 6
        with crowded.catalog.reading() as connection:
            for statement, values in statements.items():
                explain = "EXPLAIN QUERY PLAN " + statement
                plan = [str(row[3]) for row in connection.exec_driver_sql(explain, values)]
                for step in plan:
                    assert not step.startswith(("SCAN locks", "SCAN resources")), statement
                    assert "ix_locks_expires" not in step, statement

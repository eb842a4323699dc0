"""The journal of changes: in order, whoever makes them, forgotten in time."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import update

from davserver.model import Writer
from davserver.providers import changes as changes_module
from davserver.providers.share import Share, open_share
from davserver.providers.tables import changes
from tests.providers.test_files import ANN, put
from tests.providers.test_trees import lock, set_property


def told(share: Share, folder: str = "/", since: int = 0) -> list[tuple[str, str, str]]:
    found = share.changes.since(since, folder)
    return [(change.kind.value, change.path, change.source) for change in found]


def test_every_change_made_through_us_is_told_in_order(share: Share) -> None:
    share.trees.make_folder("/docs", ANN)
    put(share, "/docs/a.txt", b"one")
    put(share, "/docs/a.txt", b"two")
    set_property(share, "/docs/a.txt", "red")
    share.trees.move("/docs", "/papers", ANN, overwrite=False)
    share.trees.copy("/papers", "/copy", ANN, overwrite=False)
    lock(share, "/new.txt")
    share.trees.delete("/copy", ANN)
    [trashed] = share.trash.all()
    share.trash.restore(trashed.id, ANN)
    assert told(share) == [
        ("created", "/docs", ""),
        ("created", "/docs/a.txt", ""),
        ("changed", "/docs/a.txt", ""),
        ("changed", "/docs/a.txt", ""),
        ("moved", "/papers", "/docs"),
        ("created", "/copy", ""),
        ("created", "/new.txt", ""),
        ("deleted", "/copy", ""),
        ("created", "/copy", ""),
    ]
    assert share.changes.latest() == 9


def test_a_file_moved_over_another_has_moved(share: Share) -> None:
    put(share, "/report.txt", b"one")
    put(share, "/report.tmp", b"two")
    before = share.changes.latest()
    share.trees.move("/report.tmp", "/report.txt", ANN, overwrite=True)
    assert told(share, since=before) == [("moved", "/report.txt", "/report.tmp")]


def test_what_vanishes_when_a_folder_is_replaced_is_told(share: Share) -> None:
    for name in ("/a", "/a/same", "/b", "/b/same", "/b/gone"):
        share.trees.make_folder(name, ANN)
    put(share, "/b/same/gone.txt", b"x")
    before = share.changes.latest()
    share.trees.move("/a", "/b", ANN, overwrite=True)
    found = told(share, since=before)
    assert sorted(found[:-1]) == [("deleted", "/b/gone", ""), ("deleted", "/b/same/gone.txt", "")]
    assert found[-1] == ("moved", "/b", "/a")


def test_a_folder_is_told_of_what_is_below_it_alone(share: Share) -> None:
    for name in ("/docs", "/docs-too"):
        share.trees.make_folder(name, ANN)
        put(share, f"{name}/a.txt", b"x")
    share.trees.move("/docs/a.txt", "/a.txt", ANN, overwrite=False)
    assert told(share, "/docs") == [
        ("created", "/docs/a.txt", ""),
        ("moved", "/a.txt", "/docs/a.txt"),
    ]


def test_a_change_that_failed_is_not_told(share: Share, monkeypatch: pytest.MonkeyPatch) -> None:
    put(share, "/a.txt", b"x")

    def broken(*_: object, **__: object) -> None:
        raise OSError("on purpose")

    with monkeypatch.context() as patched:
        patched.setattr(type(share.store), "publish", broken)
        with pytest.raises(OSError, match="on purpose"):
            share.trees.delete("/a.txt", ANN)
    assert told(share) == [("created", "/a.txt", "")]


def test_many_writers_lose_no_change_and_share_no_number(share: Share, root: Path) -> None:
    second = open_share(root, root / ".davserver")
    try:

        def write(which: Share, name: str) -> None:
            for number in range(10):
                put(which, f"/{name}-{number}.txt", b"x", Writer(name))

        threads = [
            threading.Thread(target=write, args=(which, name))
            for which, name in [(share, "a"), (second, "b"), (share, "c"), (second, "d")]
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        second.close()
    numbers = [change.number for change in share.changes.since(0, "/")]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == 40


def test_old_and_surplus_changes_are_forgotten_but_not_the_newest(
    share: Share, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        put(share, f"/{number}.txt", b"x")
    monkeypatch.setattr(changes_module, "MAX_KEPT", 4)
    assert share.changes.prune() == 2
    assert not share.changes.reach_back_to(1)
    assert share.changes.reach_back_to(2)
    assert not share.changes.reach_back_to(7)
    with share.catalog.writing() as connection:
        connection.execute(update(changes).values(made=0))
    assert share.changes.prune() == 3
    assert share.changes.latest() == 6
    assert share.changes.reach_back_to(5)
    put(share, "/7.txt", b"x")
    assert share.changes.latest() == 7

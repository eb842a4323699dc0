"""The trash: what was deleted comes back as it was, or goes for good."""

import os
import time
from pathlib import Path

import pytest

from davserver.errors import FileLocked, NotFound
from davserver.model import Trashed
from davserver.providers.share import Share
from tests.providers.test_files import ANN, BOB, numbers, put
from tests.providers.test_trees import get_property, lock, set_property, trashed


def only(share: Share) -> Trashed:
    [found] = share.trash.all()
    return found


def test_the_trash_tells_what_when_by_whom_and_from_where(share: Share) -> None:
    share.trees.make_folder("/docs", ANN)
    put(share, "/docs/a.txt", b"x")
    before = time.time()
    share.trees.delete("/docs/a.txt", BOB)
    found = only(share)
    assert (found.name, found.path, found.deleted_by) == ("a.txt", "/docs/a.txt", "bob")
    assert before - 1 < found.deleted.timestamp() < time.time() + 1
    assert (found.entry.size, found.entry.is_folder) == (1, False)


def test_what_is_restored_has_its_identity_versions_and_properties(share: Share) -> None:
    put(share, "/a.txt", b"one")
    put(share, "/a.txt", b"two")
    set_property(share, "/a.txt", "red")
    identity = share.files.identify("/a.txt")
    share.trees.delete("/a.txt", ANN)
    assert share.trash.restore(only(share).id, ANN) == "/a.txt"
    assert share.files.identify("/a.txt") == identity
    assert numbers(share, "/a.txt") == [1, 2]
    assert "red" in (get_property(share, "/a.txt") or "")
    assert list(share.trash.all()) == []


def test_a_folder_is_restored_with_all_that_was_in_it(share: Share, root: Path) -> None:
    share.trees.make_folder("/docs", ANN)
    share.trees.make_folder("/docs/deep", ANN)
    put(share, "/docs/deep/a.txt", b"one")
    put(share, "/docs/deep/a.txt", b"two")
    share.trees.delete("/docs", ANN)
    share.trash.restore(only(share).id, ANN)
    assert (root / "docs" / "deep" / "a.txt").read_bytes() == b"two"
    assert numbers(share, "/docs/deep/a.txt") == [1, 2]


def test_a_place_that_is_taken_again_is_left_alone(share: Share, root: Path) -> None:
    for content in (b"one", b"two", b"three"):
        put(share, "/a.txt", content)
        share.trees.delete("/a.txt", ANN)
    put(share, "/a.txt", b"now")
    oldest_last = [one.id for one in share.trash.all()]
    restored = [share.trash.restore(identity, ANN) for identity in reversed(oldest_last)]
    assert restored == ["/a (restored).txt", "/a (restored 2).txt", "/a (restored 3).txt"]
    assert (root / "a.txt").read_bytes() == b"now"
    assert (root / "a (restored).txt").read_bytes() == b"one"


def test_a_missing_parent_folder_is_made_again(share: Share, root: Path) -> None:
    share.trees.make_folder("/docs", ANN)
    share.trees.make_folder("/docs/deep", ANN)
    put(share, "/docs/deep/a.txt", b"x")
    share.trees.delete("/docs/deep/a.txt", ANN)
    share.trees.delete("/docs", ANN)
    [_, file] = share.trash.all()
    assert share.trash.restore(file.id, ANN) == "/docs/deep/a.txt"
    assert (root / "docs" / "deep" / "a.txt").read_bytes() == b"x"


def test_where_a_file_stands_in_the_way_the_folder_above_takes_it(share: Share) -> None:
    share.trees.make_folder("/docs", ANN)
    put(share, "/docs/a.txt", b"x")
    share.trees.delete("/docs/a.txt", ANN)
    share.trees.delete("/docs", ANN)
    put(share, "/docs", b"a file now")
    [_, file] = share.trash.all()
    assert share.trash.restore(file.id, ANN) == "/a.txt"


def test_a_locked_folder_takes_nothing_back(share: Share) -> None:
    share.trees.make_folder("/docs", ANN)
    put(share, "/docs/a.txt", b"x")
    share.trees.delete("/docs/a.txt", ANN)
    lock(share, "/docs", deep=True)
    with pytest.raises(FileLocked):
        share.trash.restore(only(share).id, BOB)
    assert only(share).path == "/docs/a.txt"


def test_purging_removes_the_bytes_the_versions_and_the_rows(share: Share, root: Path) -> None:
    put(share, "/a.txt", b"one")
    put(share, "/a.txt", b"two")
    put(share, "/b.txt", b"stays")
    share.trees.delete("/a.txt", ANN)
    share.trees.delete("/b.txt", ANN)
    [kept, gone] = share.trash.all()
    share.trash.purge(gone.id)
    assert [one.id for one in share.trash.all()] == [kept.id] == trashed(root)
    assert [p for p in (root / ".davserver" / "versions").rglob("*") if p.is_file()] == []
    with pytest.raises(NotFound):
        share.trash.purge(gone.id)
    with pytest.raises(NotFound):
        share.trash.restore(gone.id, ANN)


def test_rows_without_a_file_are_not_shown(share: Share, root: Path) -> None:
    """Others removed the file and a new one took its name: only old rows were put aside."""
    put(share, "/gone.txt", b"one")
    (root / "gone.txt").unlink()
    put(share, "/a.txt", b"x")
    share.trees.move("/a.txt", "/gone.txt", ANN, overwrite=False)
    assert list(share.trash.all()) == []
    assert os.listdir(root / ".davserver" / "trash") == []


@pytest.mark.parametrize("name", ["caf\udce9.txt", "line\nbreak", "x" * 255, "ü" * 127])
def test_any_name_that_a_disk_can_hold_comes_back(share: Share, root: Path, name: str) -> None:
    (root / name).write_bytes(b"by another program")
    share.trees.delete(f"/{name}", ANN)
    assert share.trash.restore(only(share).id, ANN) == f"/{name}"
    assert (root / name).read_bytes() == b"by another program"
    share.trees.delete(f"/{name}", ANN)
    (root / name).touch()
    restored = share.trash.restore(only(share).id, ANN)
    assert restored != f"/{name}"
    assert (root / restored[1:]).read_bytes() == b"by another program"

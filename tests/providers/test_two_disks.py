"""A folder on another file system below the served one: everything is whole there too."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from davserver.errors import StorageFull
from davserver.providers.filesystem import DiskFiles
from davserver.providers.share import Share
from tests.disks import two_disks
from tests.providers.test_files import ANN, numbers, put, read_version
from tests.providers.test_trees import get_property, set_property


@pytest.fixture(autouse=True)
def disk(share: Share, root: Path) -> Iterator[Path]:
    share.trees.make_folder("/disk", ANN)
    share.trees.make_folder("/docs", ANN)
    share.trees.make_folder("/docs/deep", ANN)
    put(share, "/docs/deep/a.txt", b"one")
    put(share, "/docs/deep/a.txt", b"two")
    set_property(share, "/docs/deep/a.txt", "red")
    with two_disks("/root/disk/"):
        yield root / "disk"


def leftovers(root: Path) -> list[str]:
    spools = os.listdir(root / ".davserver" / "spool")
    return spools + [str(file) for file in root.rglob(".davserver-*")]


def test_the_disks_are_two(root: Path) -> None:
    (root / "x").touch()
    with pytest.raises(OSError, match="cross-device"):
        os.rename(root / "x", root / "disk" / "x")


def test_files_are_written_there_with_their_versions(share: Share, disk: Path, root: Path) -> None:
    assert put(share, "/disk/a.txt", b"one").created
    put(share, "/disk/a.txt", b"two")
    assert (disk / "a.txt").read_bytes() == b"two"
    assert read_version(share, "/disk/a.txt", 1) == b"one"
    assert leftovers(root) == []


def test_a_folder_moves_there_with_all_that_belongs_to_it(
    share: Share, disk: Path, root: Path
) -> None:
    changed = (root / "docs" / "deep" / "a.txt").stat().st_mtime_ns
    share.trees.move("/docs", "/disk/docs", ANN, overwrite=False)
    assert (disk / "docs" / "deep" / "a.txt").read_bytes() == b"two"
    assert (disk / "docs" / "deep" / "a.txt").stat().st_mtime_ns == changed
    assert not (root / "docs").exists()
    assert numbers(share, "/disk/docs/deep/a.txt")[0] == 1
    assert "red" in (get_property(share, "/disk/docs/deep/a.txt") or "")
    assert leftovers(root) == []
    share.trees.move("/disk/docs", "/back", ANN, overwrite=False)
    assert (root / "back" / "deep" / "a.txt").read_bytes() == b"two"
    assert os.listdir(disk) == []


def test_a_folder_there_is_deleted_to_the_trash_and_restored(
    share: Share, disk: Path, root: Path
) -> None:
    share.trees.move("/docs", "/disk/docs", ANN, overwrite=False)
    share.trees.delete("/disk/docs", ANN)
    assert os.listdir(disk) == []
    [trashed] = share.trash.all()
    share.trash.restore(trashed.id, ANN)
    assert (disk / "docs" / "deep" / "a.txt").read_bytes() == b"two"
    assert leftovers(root) == []


def test_a_folder_moved_over_another_there_displaces_it_whole(
    share: Share, disk: Path, root: Path
) -> None:
    share.trees.make_folder("/disk/docs", ANN)
    put(share, "/disk/docs/precious.txt", b"p")
    share.trees.move("/docs", "/disk/docs", ANN, overwrite=True)
    assert os.listdir(disk / "docs") == ["deep"]
    assert [*(root / ".davserver" / "trash").rglob("precious.txt")]
    assert leftovers(root) == []


@pytest.mark.parametrize("over", [False, True], ids=["to a new name", "over another"])
def test_a_move_for_which_there_is_no_room_changes_nothing(
    share: Share, disk: Path, root: Path, monkeypatch: pytest.MonkeyPatch, over: bool
) -> None:
    if over:
        share.trees.make_folder("/disk/docs", ANN)
        put(share, "/disk/docs/precious.txt", b"p")
    copy_file = DiskFiles._copy_file

    def full(self: DiskFiles, source: str, target: str) -> None:
        if target.startswith("/disk/") and not source.endswith("precious.txt"):
            raise StorageFull
        copy_file(self, source, target)

    with monkeypatch.context() as patched:
        patched.setattr(DiskFiles, "_copy_file", full)
        with pytest.raises(StorageFull):
            share.trees.move("/docs", "/disk/docs", ANN, overwrite=True)
    assert (root / "docs" / "deep" / "a.txt").read_bytes() == b"two"
    assert numbers(share, "/docs/deep/a.txt") == [1, 2]
    assert os.listdir(disk) == (["docs"] if over else [])
    if over:
        assert (disk / "docs" / "precious.txt").read_bytes() == b"p"
        assert numbers(share, "/disk/docs/precious.txt")[0] == 1
        assert list(share.trash.all()) == []
    assert share.repair() == 0, "an intent was left behind"
    assert leftovers(root) == []


def test_a_copy_appears_there_whole(share: Share, disk: Path, root: Path) -> None:
    share.trees.copy("/docs", "/disk/docs", ANN, overwrite=False)
    share.trees.copy("/docs/deep/a.txt", "/disk/b.txt", ANN, overwrite=False)
    assert (disk / "docs" / "deep" / "a.txt").read_bytes() == b"two"
    assert (disk / "b.txt").read_bytes() == b"two"
    assert "red" in (get_property(share, "/disk/docs/deep/a.txt") or "")
    assert leftovers(root) == []

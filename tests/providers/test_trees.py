"""Trees: folders and names, all or nothing."""

import os
import time
from pathlib import Path

import pytest

from davserver.errors import (
    Conflict,
    FileLocked,
    Forbidden,
    MembersRefused,
    MethodNotAllowed,
    NameNotAllowed,
    NotFound,
    ParentMissing,
    PreconditionFailed,
    StorageFull,
)
from davserver.model import Scope, Writer
from davserver.providers import identities, properties
from davserver.providers.share import Share
from tests.providers.test_files import ANN, BOB, numbers, put, read_version


def lock(share: Share, path: str, writer: Writer = ANN, *, deep: bool = False) -> str:
    taken, _ = share.locks.acquire(
        path, writer, owner_xml="", scope=Scope.EXCLUSIVE, deep=deep, seconds=60
    )
    return taken.token


def set_property(share: Share, path: str, value: str) -> None:
    share.properties.change(path, ANN, {"{urn:x}color": f'<color xmlns="urn:x">{value}</color>'})


def get_property(share: Share, path: str) -> str | None:
    with share.catalog.reading() as connection:
        return properties.of(connection, path).get("{urn:x}color")


def trashed(root: Path) -> list[str]:
    return os.listdir(root / ".davserver" / "trash")


def test_a_folder_is_made_once(share: Share, root: Path) -> None:
    share.trees.make_folder("/docs", ANN)
    assert (root / "docs").is_dir()
    with pytest.raises(MethodNotAllowed):
        share.trees.make_folder("/docs", ANN)
    with pytest.raises(ParentMissing):
        share.trees.make_folder("/none/docs", ANN)
    for name in ("/.davserver", "/.DavServer", "/-", "/.dav\u200bserver"):
        with pytest.raises((NameNotAllowed, MethodNotAllowed)):
            share.trees.make_folder(name, ANN)


def test_what_is_deleted_lies_in_the_trash_with_its_history(share: Share, root: Path) -> None:
    put(share, "/a.txt", b"one")
    put(share, "/a.txt", b"two")
    identity = share.files.identify("/a.txt")
    share.trees.delete("/a.txt", ANN)
    assert share.files.find("/a.txt") is None
    [name] = trashed(root)
    assert (root / ".davserver" / "trash" / name).read_bytes() == b"two"
    assert share.files.path_of(identity) is None
    assert share.files.last_path_of(identity) == "/a.txt"


def test_a_member_of_a_deleted_folder_remembers_where_it_was(share: Share) -> None:
    share.trees.make_folder("/docs", ANN)
    put(share, "/docs/a.txt", b"x")
    identity = share.files.identify("/docs/a.txt")
    share.trees.delete("/docs", ANN)
    assert share.files.last_path_of(identity) == "/docs/a.txt"


def test_the_root_and_the_absent_cannot_be_deleted(share: Share) -> None:
    with pytest.raises(Forbidden):
        share.trees.delete("/", ANN)
    with pytest.raises(NotFound):
        share.trees.delete("/none", ANN)


def test_a_file_born_again_has_no_old_properties_but_its_history(share: Share, root: Path) -> None:
    put(share, "/a.txt", b"one")
    set_property(share, "/a.txt", "red")
    (root / "a.txt").unlink()  # by another program
    put(share, "/a.txt", b"two")
    assert get_property(share, "/a.txt") is None
    assert numbers(share, "/a.txt")[-1] > 1


def test_trash_is_emptied_after_its_time_with_all_that_belongs_to_it(
    share: Share, root: Path
) -> None:
    put(share, "/a.txt", b"one")
    put(share, "/a.txt", b"two")
    share.trees.delete("/a.txt", ANN)
    assert share.trash.purge_older_than(time.time() - 60) == 0
    assert len(trashed(root)) == 1
    assert share.trash.purge_older_than(time.time() + 1) == 1
    assert trashed(root) == []
    assert [p for p in (root / ".davserver" / "versions").rglob("*") if p.is_file()] == []


def test_deleting_a_folder_with_a_locked_member_changes_nothing(share: Share, root: Path) -> None:
    """However deep it lies: stock WsgiDAV answers 207 here and deletes it all the same."""
    share.trees.make_folder("/docs", ANN)
    share.trees.make_folder("/docs/deep", ANN)
    put(share, "/docs/deep/locked.txt", b"x")
    put(share, "/docs/other.txt", b"y")
    token = lock(share, "/docs/deep/locked.txt")
    with pytest.raises(MembersRefused) as refused:
        share.trees.delete("/docs", BOB)
    assert list(refused.value.members) == ["/docs/deep/locked.txt"]
    assert (root / "docs" / "other.txt").exists()
    share.trees.delete("/docs", Writer("ann", frozenset({token})))
    assert not (root / "docs").exists()


def test_a_lock_on_a_folder_protects_its_names(share: Share) -> None:
    share.trees.make_folder("/docs", ANN)
    put(share, "/docs/a.txt", b"x")
    lock(share, "/docs")
    with pytest.raises(FileLocked):
        put(share, "/docs/new.txt", b"x", BOB)
    with pytest.raises(FileLocked):
        share.trees.delete("/docs/a.txt", BOB)
    with pytest.raises(FileLocked):
        share.trees.make_folder("/docs/deep", BOB)
    put(share, "/docs/a.txt", b"content is not a name", BOB)


def test_a_move_takes_identity_properties_and_versions_along(share: Share) -> None:
    share.trees.make_folder("/a", ANN)
    share.trees.make_folder("/a/x", ANN)
    share.trees.make_folder("/a/x/a", ANN)
    put(share, "/a/x/a/f.txt", b"one")
    put(share, "/a/x/a/f.txt", b"two")
    set_property(share, "/a/x/a/f.txt", "red")
    assert share.trees.move("/a", "/b", ANN, overwrite=False)
    assert numbers(share, "/b/x/a/f.txt") == [1, 2]
    assert "red" in (get_property(share, "/b/x/a/f.txt") or "")


def test_a_lock_stays_behind_when_its_file_moves(share: Share) -> None:
    put(share, "/a.txt", b"x")
    token = lock(share, "/a.txt")
    share.trees.move("/a.txt", "/b.txt", Writer("ann", frozenset({token})), overwrite=False)
    assert share.locks.on("/b.txt") == []
    put(share, "/a.txt", b"the old address is free", BOB)


def test_a_move_onto_something_needs_leave(share: Share, root: Path) -> None:
    put(share, "/a.txt", b"a")
    put(share, "/b.txt", b"b")
    with pytest.raises(PreconditionFailed):
        share.trees.move("/a.txt", "/b.txt", ANN, overwrite=False)
    assert (root / "a.txt").read_bytes() == b"a"


def test_a_file_moved_over_another_is_its_next_version(share: Share, root: Path) -> None:
    """Programs save by writing beside and renaming over; that must not cut off the history."""
    put(share, "/report.txt", b"one")
    set_property(share, "/report.txt", "red")
    identity = share.files.identify("/report.txt")
    put(share, "/report.tmp", b"two")
    set_property(share, "/report.tmp", "blue")
    assert not share.trees.move("/report.tmp", "/report.txt", ANN, overwrite=True)
    assert share.files.identify("/report.txt") == identity
    assert read_version(share, "/report.txt", 1) == b"one"
    assert (root / "report.txt").read_bytes() == b"two"
    assert "blue" in (get_property(share, "/report.txt") or "")
    assert not (root / "report.tmp").exists()


def test_two_files_with_histories_keep_both(share: Share, root: Path) -> None:
    for name in ("/a.txt", "/b.txt"):
        put(share, name, b"one " + name.encode())
        put(share, name, b"two " + name.encode())
    moved = share.files.identify("/a.txt")
    share.trees.move("/a.txt", "/b.txt", ANN, overwrite=True)
    assert share.files.identify("/b.txt") == moved
    assert read_version(share, "/b.txt", 1) == b"one /a.txt"
    [name] = trashed(root)
    assert (root / ".davserver" / "trash" / name).read_bytes() == b"two /b.txt"


def test_a_folder_moved_over_another_displaces_it_whole(share: Share, root: Path) -> None:
    for folder in ("/a", "/b"):
        share.trees.make_folder(folder, ANN)
        put(share, f"{folder}/in{folder[1:]}.txt", b"x")
    assert not share.trees.move("/a", "/b", ANN, overwrite=True)
    assert os.listdir(root / "b") == ["ina.txt"]
    [name] = trashed(root)
    assert os.listdir(root / ".davserver" / "trash" / name) == ["inb.txt"]


def test_a_move_into_a_vanished_files_name_does_not_inherit_its_rows(
    share: Share, root: Path
) -> None:
    put(share, "/gone.txt", b"one")
    put(share, "/gone.txt", b"two")
    (root / "gone.txt").unlink()
    put(share, "/a.txt", b"x")
    identity = share.files.identify("/a.txt")
    share.trees.move("/a.txt", "/gone.txt", ANN, overwrite=False)
    assert share.files.identify("/gone.txt") == identity
    assert numbers(share, "/gone.txt") == [1]


def test_moves_that_make_no_sense_are_refused(share: Share) -> None:
    share.trees.make_folder("/a", ANN)
    share.trees.make_folder("/a/b", ANN)
    with pytest.raises(Forbidden):
        share.trees.move("/a", "/a", ANN, overwrite=True)
    with pytest.raises(Forbidden):
        share.trees.move("/a", "/a/b/c", ANN, overwrite=True)
    with pytest.raises(Conflict):
        share.trees.move("/a/b", "/a", ANN, overwrite=True)
    with pytest.raises(Forbidden):
        share.trees.move("/", "/a/root", ANN, overwrite=True)
    with pytest.raises(ParentMissing):
        share.trees.move("/a", "/none/a", ANN, overwrite=True)


def test_a_copy_has_bytes_and_properties_and_a_life_of_its_own(share: Share, root: Path) -> None:
    put(share, "/a.txt", b"one")
    set_property(share, "/a.txt", "red")
    assert share.trees.copy("/a.txt", "/b.txt", ANN, overwrite=False)
    put(share, "/a.txt", b"two")
    assert (root / "b.txt").read_bytes() == b"one"
    assert "red" in (get_property(share, "/b.txt") or "")
    assert share.files.identify("/a.txt") != share.files.identify("/b.txt")


def test_a_copy_over_a_file_is_its_next_version(share: Share) -> None:
    put(share, "/a.txt", b"new")
    put(share, "/b.txt", b"old")
    set_property(share, "/b.txt", "blue")
    assert not share.trees.copy("/a.txt", "/b.txt", ANN, overwrite=True)
    assert read_version(share, "/b.txt", 1) == b"old"
    assert get_property(share, "/b.txt") is None, "the properties of what was overwritten stayed"


def test_a_folder_is_copied_deep_or_shallow(share: Share, root: Path) -> None:
    share.trees.make_folder("/a", ANN)
    put(share, "/a/f.txt", b"x")
    set_property(share, "/a/f.txt", "red")
    share.trees.copy("/a", "/deep", ANN, overwrite=False)
    share.trees.copy("/a", "/shallow", ANN, overwrite=False, deep=False)
    assert os.listdir(root / "deep") == ["f.txt"]
    assert os.listdir(root / "shallow") == []
    assert "red" in (get_property(share, "/deep/f.txt") or "")


def test_a_copy_replaces_a_folder_by_a_file_and_back(share: Share, root: Path) -> None:
    share.trees.make_folder("/folder", ANN)
    put(share, "/folder/f.txt", b"x")
    put(share, "/file.txt", b"y")
    share.trees.copy("/file.txt", "/folder", ANN, overwrite=True)
    assert (root / "folder").read_bytes() == b"y"
    share.trees.make_folder("/other", ANN)
    share.trees.copy("/other", "/file.txt", ANN, overwrite=True)
    assert (root / "file.txt").is_dir()


def test_a_copy_that_fails_leaves_the_destination_as_it_was(
    share: Share, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    share.trees.make_folder("/a", ANN)
    put(share, "/a/f.txt", b"x")
    share.trees.make_folder("/b", ANN)
    put(share, "/b/precious.txt", b"p")

    def full(*_: object) -> None:
        raise StorageFull

    monkeypatch.setattr(type(share.store), "copy_members", full)
    with pytest.raises(StorageFull):
        share.trees.copy("/a", "/b", ANN, overwrite=True)
    assert os.listdir(root / "b") == ["precious.txt"]
    assert os.listdir(root / ".davserver" / "spool") == []


def test_a_failed_step_of_a_move_is_taken_back(
    share: Share, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    share.trees.make_folder("/a", ANN)
    put(share, "/a/f.txt", b"x")

    def full(*_: object, **__: object) -> None:
        raise StorageFull

    with monkeypatch.context() as broken:
        broken.setattr(type(share.store), "publish", full)
        with pytest.raises(StorageFull):
            share.trees.move("/a", "/b", ANN, overwrite=False)
    assert (root / "a" / "f.txt").exists()
    assert share.journal.repair() == 0, "an intent was left behind"
    with share.catalog.reading() as connection:
        assert identities.find(connection, "/b/f.txt") is None

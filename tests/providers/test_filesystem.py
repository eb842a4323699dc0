"""DiskFiles: what is special about a real folder."""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from davserver.errors import Forbidden, NotFound, StorageFull
from davserver.providers.filesystem import DiskFiles


@pytest.fixture
def store(root: Path) -> Iterator[DiskFiles]:
    opened = DiskFiles(root, root / ".davserver")
    yield opened
    opened.close()


def write(store: DiskFiles, path: str, content: bytes, *, replace: bool = False) -> None:
    with store.spool() as spool:
        spool.write(content)
        spool.seal()
        store.publish(spool.path, path, replace=replace)


def test_the_hidden_folder_is_not_listed_and_not_for_others(store: DiskFiles, root: Path) -> None:
    assert list(store.children("/")) == []
    assert stat.S_IMODE((root / ".davserver").stat().st_mode) == 0o700


def test_a_link_out_of_the_folder_leads_nowhere(
    store: DiskFiles, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (root / "out.txt").symlink_to(tmp_path / "secret.txt")
    (root / "outside").symlink_to(tmp_path)
    assert store.find("/out.txt") is None
    assert store.find("/outside/secret.txt") is None
    for path in ("/out.txt", "/outside/secret.txt"):
        with pytest.raises(NotFound):
            store.open(path)
    with pytest.raises(NotFound):
        list(store.children("/outside"))
    assert list(store.children("/")) == []


def test_writing_through_a_linked_folder_is_refused(
    store: DiskFiles, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (root / "outside").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NotFound):
        write(store, "/outside/new.txt", b"x")
    assert os.listdir(tmp_path / "elsewhere") == []


def test_copying_a_folder_copies_no_links(store: DiskFiles, root: Path, tmp_path: Path) -> None:
    (root / "docs").mkdir()
    (root / "docs" / "out").symlink_to(tmp_path)
    store.make_folder("/copy")
    store.copy_members("/docs", "/copy")
    assert os.listdir(root / "copy") == []


def test_a_pipe_is_not_served_and_does_not_block(store: DiskFiles, root: Path) -> None:
    os.mkfifo(root / "pipe")
    assert store.find("/pipe") is None
    with pytest.raises(NotFound):
        store.open("/pipe")


def test_names_of_any_bytes_are_found(store: DiskFiles, root: Path) -> None:
    (root / os.fsdecode(b"caf\xe9.txt")).write_bytes(b"latin")
    (root / "tab\there").write_bytes(b"control")
    names = {entry.name for entry in store.children("/")}
    assert names == {"caf\udce9.txt", "tab\there"}
    assert store.find("/caf\udce9.txt") is not None


def test_a_replaced_file_keeps_its_mode(store: DiskFiles, root: Path) -> None:
    write(store, "/script.sh", b"#!/bin/sh")
    (root / "script.sh").chmod(0o750)
    write(store, "/script.sh", b"#!/bin/bash", replace=True)
    assert stat.S_IMODE((root / "script.sh").stat().st_mode) == 0o750


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give files away")
def test_a_replaced_file_keeps_its_owner(store: DiskFiles, root: Path) -> None:
    write(store, "/a.txt", b"x")
    os.chown(root / "a.txt", 1234, 1234)
    write(store, "/a.txt", b"y", replace=True)
    assert (root / "a.txt").stat().st_uid == 1234


def test_versions_are_hard_links(store: DiskFiles, root: Path) -> None:
    write(store, "/a.txt", b"x")
    store.keep("/a.txt", "ab/cd/1")
    kept = root / ".davserver" / "versions" / "ab" / "cd" / "1"
    assert kept.stat().st_ino == (root / "a.txt").stat().st_ino


def test_where_links_are_impossible_versions_are_copies(
    store: DiskFiles, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(store, "/a.txt", b"x")
    write(store, "/b.txt", b"y")

    def no_links(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", no_links)
    state = store.keep("/a.txt", "ab/cd/1")
    kept = root / ".davserver" / "versions" / "ab" / "cd" / "1"
    assert kept.read_bytes() == b"x"
    assert kept.stat().st_ino != (root / "a.txt").stat().st_ino
    there = store.find("/a.txt")
    assert there is not None
    assert state.etag == there.etag
    write(store, "/new.txt", b"published without links")
    assert (root / "new.txt").read_bytes() == b"published without links"


def test_files_are_carried_to_another_file_system(
    store: DiskFiles, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mounted folder inside the root: rename and link fail with EXDEV between the two."""
    (root / "mounted").mkdir()
    real_rename, real_link = os.rename, os.link

    def across(source: str, target: str, **place: int) -> bool:
        where = os.readlink(f"/proc/self/fd/{place['dst_dir_fd']}")
        whence = os.readlink(f"/proc/self/fd/{place['src_dir_fd']}")
        return where.endswith("/mounted") != whence.endswith("/mounted")

    def rename(source: str, target: str, **place: int) -> None:
        if across(source, target, **place):
            raise OSError(errno.EXDEV, "another device")
        real_rename(source, target, **place)

    def link(source: str, target: str, **place: int) -> None:
        if "dst_dir_fd" in place and across(
            source, target, **{k: v for k, v in place.items() if k.endswith("fd")}
        ):
            raise OSError(errno.EXDEV, "another device")
        real_link(source, target, **place)

    monkeypatch.setattr(os, "rename", rename)
    monkeypatch.setattr(os, "link", link)
    write(store, "/mounted/a.txt", b"one")
    write(store, "/mounted/a.txt", b"two", replace=True)
    assert (root / "mounted" / "a.txt").read_bytes() == b"two"
    (root / "folder").mkdir()
    (root / "folder" / "b.txt").write_bytes(b"three")
    store.publish("/folder", "/mounted/folder", replace=False)
    assert (root / "mounted" / "folder" / "b.txt").read_bytes() == b"three"
    assert not (root / "folder").exists()
    assert [entry.name for entry in store.children("/mounted")] != []
    assert not [name for name in os.listdir(root / "mounted") if name.startswith(".")]


def test_a_full_disk_is_told_as_a_full_disk(
    store: DiskFiles, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with store.spool() as spool:
        monkeypatch.setattr(os, "write", full)
        with pytest.raises(StorageFull):
            spool.write(b"x")
    assert os.listdir(root / ".davserver" / "spool") == []


def test_a_read_only_disk_is_forbidden_not_a_fault(
    store: DiskFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "mkdir", read_only)
    with pytest.raises(Forbidden) as refused:
        store.make_folder("/docs")
    assert "/" not in str(refused.value), "a path of the server leaked"

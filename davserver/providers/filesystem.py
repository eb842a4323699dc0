"""FileStore on a local folder. Knows paths and bytes; knows no HTTP, no users, no catalog.

Every path is walked from a descriptor of the root, folder by folder, without following symbolic
links, so that no name and no race can lead outside. Links, devices and pipes are not served.
"""

import errno
import fcntl
import hashlib
import os
import re
import shutil
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, Literal, cast
from uuid import uuid4

from davserver import paths
from davserver.errors import (
    Conflict,
    DavserverError,
    Forbidden,
    Gone,
    NameTooLong,
    NotFound,
    StorageFull,
    Unavailable,
    UploadBusy,
)
from davserver.model import Entry
from davserver.providers.background import Background
from davserver.providers.exclusion import Exclusion
from davserver.providers.stores import below
from davserver.words import say

SyncPolicy = Literal["always", "on-close", "off"]

SPOOL = f"/{paths.HIDDEN}/spool"
TRASH = f"/{paths.HIDDEN}/trash"
UPLOADS = f"/{paths.HIDDEN}/uploads"

# O_PATH walks through a folder that may be entered but not read; systems without it read.
_WALK = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: opening a pipe that somebody left in the folder must not wait for a writer.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_RESUME = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
_NOTHING_THERE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG}
_NO_LINKS = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS}
_COPY_BLOCK = 1 << 20
# From here on a second thread is worth its beginning: it hashes while this one receives and writes.
_LARGE_BYTES = 1 << 20
_SYNC_EVERY = 1 << 25
# What is on its way from one file system to another; listings leave it out.
_CARRIED = f"{paths.HIDDEN}-"
_IS_CARRIED = re.compile(re.escape(_CARRIED) + "[0-9a-f]{32}")

_State = tuple[str, int, int, int, int]
"""Of a member of a folder: its name, mode, inode, size, and time of change in nanoseconds."""


class DiskFiles:
    """Files below ``root``; what is on its way and the trash in its hidden folder.

    Kept versions lie in ``state``.
    """

    def __init__(self, root: Path, state: Path, sync: SyncPolicy = "on-close") -> None:
        self._sync = sync
        self._versions = state / "versions"
        hidden = (root / paths.HIDDEN, *(root / name[1:] for name in (SPOOL, TRASH, UPLOADS)))
        for folder in (*hidden, state, self._versions):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._exclusion = Exclusion(state / "exclusion")
        self._root = os.open(root, _WALK)

    def close(self) -> None:
        """Let go of the root."""
        os.close(self._root)

    def find(self, path: str) -> Entry | None:
        """What is at ``path``; None if nothing is, or something that is not served."""
        try:
            with self._parent(path) as (folder, name):
                return _entry(path, os.stat(name, dir_fd=folder, follow_symlinks=False))
        except OSError as fault:
            if fault.errno in _NOTHING_THERE:
                return None
            raise _fact(fault, path) from fault

    def children(self, path: str) -> Iterator[Entry]:
        """The members of a folder, unordered; only files and folders."""
        return self.members(path, self.states(path))

    def states(self, path: str) -> Iterator[_State]:
        """What the disk tells of the members of a folder, those included that are not served."""
        with _facts(path), self._parent(path) as (folder, name):
            listed = os.open(name, _LIST, dir_fd=folder)
        with _closing(listed), os.scandir(listed) as members:
            for member in members:
                try:
                    found = member.stat(follow_symlinks=False)
                except FileNotFoundError:  # removed since the folder was read
                    continue
                yield member.name, found.st_mode, found.st_ino, found.st_size, found.st_mtime_ns

    def members(self, path: str, states: Iterable[_State]) -> Iterator[Entry]:
        """The entries of the members that are served."""
        at_root = path == paths.ROOT
        prefix = paths.join(path, "")
        for name, mode, inode, size, modified_ns in states:
            if (name.startswith(_CARRIED) and _IS_CARRIED.fullmatch(name)) or (
                at_root and paths.is_ours("/" + name)
            ):
                continue
            found = _entry_of(prefix + name, mode, inode, size, modified_ns)
            if found is not None:
                yield found

    def open(self, path: str) -> tuple[BinaryIO, Entry]:
        """A file's bytes and the state they have, both of one moment."""
        with _facts(path), self._parent(path) as (folder, name):
            descriptor = os.open(name, _READ, dir_fd=folder)
        entry = _entry(path, os.fstat(descriptor))
        if entry is None or entry.is_folder:
            os.close(descriptor)
            raise NotFound(path)
        return cast(BinaryIO, os.fdopen(descriptor, "rb", buffering=0)), entry

    def spool(self) -> "DiskSpool":
        """A new empty spool."""
        while True:
            name = uuid4().hex
            path = paths.join(SPOOL, name)
            with _facts(path), self._parent(path) as (folder, _):
                descriptor = os.open(name, _CREATE, 0o666, dir_fd=folder)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            # The sweeper may have come between the two calls and taken the file for a dead one.
            if os.fstat(descriptor).st_nlink:
                return DiskSpool(self, path, descriptor, durable=self._sync != "off")
            os.close(descriptor)

    def resume(self, path: str, size: int) -> "DiskSpool":
        """The lasting spool at ``path``, of which ``size`` bytes count; made if that is 0."""
        how = _RESUME if size else _RESUME | os.O_CREAT
        with _facts(path), self._parent(path) as (folder, name):
            descriptor = os.open(name, how, 0o666, dir_fd=folder)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise UploadBusy from None
        return DiskSpool(self, path, descriptor, durable=self._sync != "off", lasting=True)

    @contextmanager
    def stage_folder(self) -> Iterator[str]:
        """A new empty folder beside the spools; removed at the end if it was not published."""
        path = paths.join(SPOOL, uuid4().hex)
        self.make_folder(path)
        with _facts(path), self._parent(path) as (folder, name):
            descriptor = os.open(name, _LIST, dir_fd=folder)
        with _closing(descriptor):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            try:
                yield path
            finally:
                self.remove_tree(path)

    def make_folder(self, path: str) -> None:
        """Make one folder."""
        with _facts(path), self._parent(path) as (folder, name):
            os.mkdir(name, dir_fd=folder)

    def copy_members(self, source: str, destination: str) -> None:
        """Copy everything below ``source`` into ``destination``, times and modes included."""
        for member in below(self.children, source):
            target = paths.moved(member.path, source, destination)
            if member.is_folder:
                self.make_folder(target)
            else:
                self._copy_file(member.path, target)

    def keep(self, path: str, version: str) -> Entry:
        """Keep the bytes now at ``path`` as ``version``: a hard link, else a copy."""
        target = self._versions / version
        with _facts(path):
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                with self._parent(path) as (folder, name):
                    os.link(name, target, src_dir_fd=folder, follow_symlinks=False)
            except FileExistsError:
                # Linked before a power cut that took the catalog's row: the same file is as good as
                # new.
                found, there = self.kept(version), self.find(path)
                if found is None or there is None or found.etag != there.etag:
                    raise
                kept = there
            except OSError as fault:
                if fault.errno not in _NO_LINKS:
                    raise
                kept = self._keep_copy(path, target)
            else:
                found = self.kept(version)
                if found is None or found.is_folder:
                    raise NotFound(path)
                kept = found
            if self._sync == "always":
                _sync_folder(target.parent)
        return kept

    def open_version(self, version: str) -> BinaryIO:
        """The bytes of a kept version."""
        try:
            return cast(BinaryIO, open(self._versions / version, "rb", buffering=0))
        except FileNotFoundError:
            raise NotFound(f"version {version}") from None

    def kept(self, version: str) -> Entry | None:
        """The state that is kept as ``version``; None if nothing is."""
        try:
            return _entry(version, os.stat(self._versions / version))
        except FileNotFoundError:
            return None

    def drop_version(self, version: str) -> None:
        """Forget a kept version, if it is there."""
        file = self._versions / version
        file.unlink(missing_ok=True)
        with suppress(OSError):  # the last version of a file takes its folder along
            file.parent.rmdir()

    def publish(self, source: str, path: str, *, replace: bool) -> None:
        """Let what lies at ``source`` appear at ``path``, in one step."""
        with (
            _facts(path),
            self._parent(source) as (source_folder, source_name),
            self._parent(path) as (folder, name),
        ):
            place = {"src_dir_fd": source_folder, "dst_dir_fd": folder}
            try:
                if replace:
                    self._take_over_rights(source, path)
                    os.rename(source_name, name, **place)
                else:
                    self._publish_new(source_name, name, place)
            except OSError as fault:
                if fault.errno != errno.EXDEV:
                    raise
                self._carry(source, path, replace=replace)

    def touch(self, path: str, modified_ns: int) -> tuple[Entry, Entry]:
        """Set the time of change; tell the states before and after."""
        with _facts(path), self._parent(path) as (folder, name):
            descriptor = os.open(name, _READ, dir_fd=folder)
            with _closing(descriptor):
                before = _entry(path, os.fstat(descriptor))
                if before is None:
                    raise NotFound(path)
                os.utime(descriptor, ns=(modified_ns, modified_ns))
                if self._sync != "off":
                    os.fsync(descriptor)
                return before, cast(Entry, _entry(path, os.fstat(descriptor)))

    def settle(self, *names: str) -> None:
        """Make the names in the folders that hold ``names`` durable."""
        if self._sync == "off":
            return
        for folder in {paths.parent(path) for path in names}:
            with _facts(folder), self._parent(folder) as (above, name):
                descriptor = os.open(name, _LIST, dir_fd=above)
            with _closing(descriptor):
                os.fsync(descriptor)

    def remove_tree(self, path: str) -> None:
        """Remove ``path`` and everything below it, for good; nothing there is fine."""
        with _facts(path), self._parent(path) as (folder, name):
            try:
                if not stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                    os.unlink(name, dir_fd=folder)
                    return
            except FileNotFoundError:
                return
        waiting, emptied = [path], []
        while waiting:
            emptied.append(waiting.pop())
            waiting += self._remove_files(emptied[-1])
        for folder_path in reversed(emptied):
            with _facts(folder_path), self._parent(folder_path) as (folder, name):
                os.rmdir(name, dir_fd=folder)

    def retire(self, path: str) -> None:
        """Remove ``path`` for good, so that its name is gone in one step, before its members."""
        gone = paths.join(paths.parent(path), _CARRIED + uuid4().hex)
        with _facts(path), self._parent(path) as (folder, name):
            try:
                os.rename(name, paths.name(gone), src_dir_fd=folder, dst_dir_fd=folder)
            except OSError as fault:
                # An overlay refuses to rename the folders of its lower layer, even in their place.
                if fault.errno != errno.EXDEV:
                    raise
                gone = path
        self.remove_tree(gone)

    def clear_remains(self, *folders: str) -> None:
        """Remove copies that never got their name, and sources that had lost theirs."""
        for folder in set(folders):
            with suppress(NotFound), _facts(folder), self._parent(folder) as (above, name):
                listed = os.open(name, _LIST, dir_fd=above)
                with _closing(listed):
                    left = [name for name in os.listdir(listed) if _IS_CARRIED.fullmatch(name)]
                for name in left:
                    self.remove_tree(paths.join(folder, name))

    def space(self) -> tuple[int, int]:
        """Bytes in use and bytes left on the disk of the root, for the server's own user."""
        disk = os.statvfs(self._root)
        used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
        return used, disk.f_bavail * disk.f_frsize

    @contextmanager
    def exclusive(self, *names: str) -> Iterator[None]:
        """Let nobody else, in any process, hold one of ``names`` or the whole tree meanwhile."""
        with self._exclusion.names(*names):
            yield

    @contextmanager
    def exclusive_tree(self) -> Iterator[None]:
        """Let nobody else, in any process, hold anything meanwhile."""
        with self._exclusion.tree():
            yield

    def spools(self) -> int:
        """How many spools there are."""
        with _facts(SPOOL), self._parent(SPOOL) as (folder, name):
            listed = os.open(name, _LIST, dir_fd=folder)
        with _closing(listed):
            return len(os.listdir(listed))

    def sweep(self) -> int:
        """Remove spools whose process is gone: nobody holds the lock on them any more."""
        with _facts(SPOOL), self._parent(SPOOL) as (folder, name):
            listed = os.open(name, _LIST, dir_fd=folder)
        with _closing(listed):
            return sum(self._sweep_one(listed, name) for name in os.listdir(listed))

    def _remove_files(self, path: str) -> list[str]:
        """Remove what is no folder from a folder; the folders that are left in it."""
        with _facts(path), self._parent(path) as (above, name):
            listed = os.open(name, _LIST, dir_fd=above)
            with _closing(listed), os.scandir(listed) as members:
                folders = []
                for member in [*members]:
                    if member.is_dir(follow_symlinks=False):
                        folders.append(paths.join(path, member.name))
                    else:
                        os.unlink(member.name, dir_fd=listed)
        return folders

    def _sweep_one(self, folder: int, name: str) -> bool:
        try:
            descriptor = os.open(name, _READ, dir_fd=folder)
        except FileNotFoundError:
            return False
        with _closing(descriptor):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            self.remove_tree(paths.join(SPOOL, name))
            return True

    @contextmanager
    def _parent(self, path: str) -> Iterator[tuple[int, str]]:
        """A descriptor of the folder that holds ``path``, and the name in it ("." for the root)."""
        *folders, last = path[1:].split("/")
        folder = self._root
        try:
            for name in folders:
                below = os.open(name, _WALK, dir_fd=folder)
                if folder != self._root:
                    os.close(folder)
                folder = below
            yield folder, last or "."
        finally:
            if folder != self._root:
                os.close(folder)

    def _publish_new(self, source_name: str, name: str, place: dict[str, int]) -> None:
        """Publish without replacing: a link fails if something is there, came it this instant."""
        try:
            os.link(source_name, name, **place, follow_symlinks=False)
        except IsADirectoryError:
            pass
        except OSError as fault:
            if fault.errno not in _NO_LINKS or fault.errno == errno.EXDEV:
                raise
        else:
            os.unlink(source_name, dir_fd=place["src_dir_fd"])
            return
        # Folders cannot be linked. Our own writers are excluded here; only another program could
        # come between the two calls, and rename refuses a folder that is not empty.
        with suppress(FileNotFoundError):
            os.stat(name, dir_fd=place["dst_dir_fd"], follow_symlinks=False)
            raise FileExistsError(errno.EEXIST, "exists")
        os.rename(source_name, name, **place)

    def _take_over_rights(self, source: str, path: str) -> None:
        """Give ``source`` the mode and, where permitted, the owner of the file that it replaces."""
        with self._parent(path) as (folder, name):
            try:
                old = os.stat(name, dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:  # another program removed it a moment ago
                return
        with self._parent(source) as (folder, name):
            new = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
                with suppress(PermissionError):
                    os.chown(name, old.st_uid, old.st_gid, dir_fd=folder, follow_symlinks=False)
            if stat.S_IMODE(old.st_mode) != stat.S_IMODE(new.st_mode):
                descriptor = os.open(name, _READ, dir_fd=folder)
                with _closing(descriptor):
                    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))

    def _carry(self, source: str, path: str, *, replace: bool) -> None:
        """Publish across file systems: copy beside the target, then rename there."""
        with self._parent(source) as (folder, name):
            if (
                os.stat(name, dir_fd=folder, follow_symlinks=False).st_dev
                != os.fstat(folder).st_dev
            ):
                raise Forbidden(say("Another file system is mounted there; it cannot be moved."))
        beside = paths.join(paths.parent(path), _CARRIED + uuid4().hex)
        try:
            entry = self.find(source)
            if entry is None:
                raise NotFound(source)
            if entry.is_folder:
                self.make_folder(beside)
                self.copy_members(source, beside)
            else:
                self._copy_file(source, beside)
            self.publish(beside, path, replace=replace)
        finally:
            self.remove_tree(beside)
        self.retire(source)

    def _copy_file(self, source: str, target: str) -> None:
        reading, entry = self.open(source)
        with reading, _facts(target), self._parent(target) as (folder, name):
            mode = stat.S_IMODE(os.fstat(reading.fileno()).st_mode)
            descriptor = os.open(name, _CREATE, 0o600, dir_fd=folder)
            with os.fdopen(descriptor, "wb", buffering=0) as writing:
                _copy(
                    reading,
                    cast(BinaryIO, writing),
                    mode,
                    entry.modified_ns,
                    sync=self._sync != "off",
                )

    def _keep_copy(self, path: str, target: Path) -> Entry:
        if target.exists():
            raise FileExistsError(errno.EEXIST, "exists")
        reading, entry = self.open(path)
        unfinished = target.with_name(f"{target.name}.{uuid4().hex}")
        try:
            with reading, open(unfinished, "xb", buffering=0) as writing:
                _copy(
                    reading,
                    cast(BinaryIO, writing),
                    0o600,
                    entry.modified_ns,
                    sync=self._sync != "off",
                )
            os.rename(unfinished, target)
        finally:
            unfinished.unlink(missing_ok=True)
        return entry


class DiskSpool:
    """A file of bytes on their way, counted and hashed while it is written.

    A ``lasting`` one stays where it is when it is given up, and may be resumed.
    """

    def __init__(
        self,
        store: DiskFiles,
        path: str,
        descriptor: int,
        *,
        durable: bool,
        lasting: bool = False,
    ) -> None:
        self.path = path
        self.size = 0
        self._store = store
        self._descriptor = descriptor
        self._durable = durable
        self._lasting = lasting
        self._hash = hashlib.sha256()
        self._hashed = 0
        self._background = Background()

    def write(self, data: bytes) -> None:
        """Append ``data``."""
        view = memoryview(data)
        with _facts(self.path):
            self._work_beside(data)
            while view:
                written = os.write(self._descriptor, view)
                self.size += written
                view = view[written:]
        self._hashed += len(data)

    def read(self, offset: int, size: int) -> bytes:
        """Up to ``size`` of the bytes written, from ``offset`` on."""
        with _facts(self.path):
            return os.pread(self._descriptor, size, offset)

    def rewind(self, size: int) -> None:
        """Go on after the first ``size`` bytes; what was written behind them is dropped."""
        with _facts(self.path):
            self._background.finish()
            if os.fstat(self._descriptor).st_size < size:
                raise Gone(say("The part of the upload that was stored is no longer there."))
            os.ftruncate(self._descriptor, size)
            os.lseek(self._descriptor, size, os.SEEK_SET)
        self.size = size
        self._hash, self._hashed = hashlib.sha256(), 0

    def settle(self) -> None:
        """Make what was written durable."""
        if self._durable:
            with _facts(self.path):
                os.fsync(self._descriptor)

    def _work_beside(self, data: bytes) -> None:
        """Hash; and of a large file, have what was written on the disk before its end comes."""
        if self.size < _LARGE_BYTES:
            self._hash.update(data)
            return
        self._background.do(partial(self._hash.update, data))
        if self._durable and self.size // _SYNC_EVERY < (self.size + len(data)) // _SYNC_EVERY:
            self._background.do(partial(os.fdatasync, self._descriptor))

    def seal(self, modified_ns: int | None = None) -> Entry:
        """Finish: set the time of change, make the bytes durable, tell the state they have.

        The time is set to the nanosecond, because the kernel's own clock stands still for
        milliseconds and two states of a file must never look alike.
        """
        with _facts(self.path):
            self._background.finish()
            changed = time.time_ns() if modified_ns is None else modified_ns
            os.utime(self._descriptor, ns=(changed, changed))
            if self._durable:
                os.fsync(self._descriptor)
            return cast(Entry, _entry(self.path, os.fstat(self._descriptor)))

    @property
    def sha256(self) -> str:
        """Hash of all bytes written, hexadecimal; read anew where another process wrote some."""
        with _facts(self.path):
            self._background.finish()
            if self._hashed != self.size:
                self._hash, self._hashed = hashlib.sha256(), 0
                while block := os.pread(self._descriptor, _COPY_BLOCK, self._hashed):
                    self._hash.update(block)
                    self._hashed += len(block)
        return self._hash.hexdigest()

    def discard(self) -> None:
        """Give the bytes up, unless they were published or the spool is a lasting one."""
        if self._descriptor >= 0:
            with suppress(OSError):
                self._background.finish()
            if not self._lasting:
                self._store.remove_tree(self.path)
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> "DiskSpool":
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()


def _entry(path: str, found: os.stat_result) -> Entry | None:
    return _entry_of(path, found.st_mode, found.st_ino, found.st_size, found.st_mtime_ns)


def _entry_of(path: str, mode: int, inode: int, size: int, modified_ns: int) -> Entry | None:
    if stat.S_ISREG(mode):
        return Entry(path, False, size, modified_ns, f'"{inode:x}-{size:x}-{modified_ns:x}"')
    if stat.S_ISDIR(mode):
        return Entry(path, True, 0, modified_ns, "")
    return None


def _copy(reading: BinaryIO, writing: BinaryIO, mode: int, modified_ns: int, *, sync: bool) -> None:
    shutil.copyfileobj(reading, writing, _COPY_BLOCK)
    os.fchmod(writing.fileno(), mode)
    os.utime(writing.fileno(), ns=(modified_ns, modified_ns))
    if sync:
        os.fsync(writing.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, _LIST)
    with _closing(descriptor):
        os.fsync(descriptor)


@contextmanager
def _closing(descriptor: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _facts(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        raise _fact(fault, path) from fault


def _fact(fault: OSError, path: str) -> DavserverError:
    """The one place where an error of the system becomes one of ours; paths stay inside."""
    if fault.errno in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
        return NotFound(path)
    if fault.errno in {errno.EEXIST, errno.ENOTEMPTY, errno.EISDIR}:
        return Conflict(say("Something else is already there."))
    if fault.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return Forbidden(
            say("The server itself may not do this in the folder: check its rights there.")
        )
    if fault.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return StorageFull()
    if fault.errno == errno.ENAMETOOLONG:
        return NameTooLong(say("The disk does not take a name this long."))
    return Unavailable(
        say("The disk answers: {reason}.", reason=os.strerror(fault.errno or errno.EIO))
    )

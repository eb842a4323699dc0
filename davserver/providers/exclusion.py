"""Mutual exclusion between the threads and processes of one machine, by flock(2) on files.

The kernel frees the locks of a killed process, so nothing here can be left behind. Whoever changes
one file holds the tree shared and the file's name exclusively; whoever moves folders, grants locks
or repairs the journal holds the whole tree.
"""

import fcntl
import os
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

_STRIPES = 256


class Exclusion:
    """Exclusive names within one folder of lock files."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = os.fspath(folder)

    @contextmanager
    def names(self, *names: str) -> Iterator[None]:
        """Hold ``names``: nobody else holds one of them, or the tree, meanwhile."""
        # Two names may share a stripe; a fixed order keeps two holders from waiting for each other.
        stripes = sorted(
            {zlib.crc32(name.encode("utf-8", "surrogateescape")) % _STRIPES for name in names}
        )
        with ExitStack() as held:
            held.enter_context(self._locked("tree", fcntl.LOCK_SH))
            for stripe in stripes:
                held.enter_context(self._locked(f"name-{stripe}", fcntl.LOCK_EX))
            yield

    def is_free(self, name: str) -> bool:
        """Whether nobody holds ``name`` now; the answer of a moment, for those who wait."""
        file = f"name-{zlib.crc32(name.encode('utf-8', 'surrogateescape')) % _STRIPES}"
        with self.if_free(file) as free:
            return free

    @contextmanager
    def tree(self) -> Iterator[None]:
        """Hold everything."""
        with self._locked("tree", fcntl.LOCK_EX):
            yield

    @contextmanager
    def if_free(self, task: str) -> Iterator[bool]:
        """Hold ``task`` if no other process does, without waiting; tell whether it is held."""
        descriptor = os.open(f"{self._folder}/{task}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(descriptor)

    @contextmanager
    def _locked(self, name: str, how: int) -> Iterator[None]:
        descriptor = os.open(f"{self._folder}/{name}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, how)
            yield
        finally:
            os.close(descriptor)

"""What the cellar needs of a place that holds bytes: ``filesystem.DiskFiles`` is one.

Stores know paths and bytes; they know no HTTP, no users, no catalog. They raise facts of ``errors``
and never let a driver's exception through.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, Protocol

from davserver import paths
from davserver.errors import ParentMissing
from davserver.model import Entry

Condition = Callable[[Entry | None], None]
"""Asked about what is at the path while nobody can change it; raises to refuse the write."""

State = Any
"""What a store tells of one member of a folder: equal to another only if the entry is, too."""


def anything(_: Entry | None) -> None:
    """The condition that always holds."""


class Spool(Protocol):
    """Bytes on their way into a file: visible to nobody, on the target's file system."""

    size: int

    def write(self, data: bytes) -> None:
        """Append ``data``. Raises StorageFull."""

    def read(self, offset: int, size: int) -> bytes:
        """Up to ``size`` of the bytes written, from ``offset`` on."""

    def rewind(self, size: int) -> None:
        """Go on after the first ``size`` bytes. Raises Gone if there are fewer."""

    def settle(self) -> None:
        """Make what was written durable."""

    def seal(self, modified_ns: int | None = None) -> Entry:
        """Finish: set the time of change (None: now), make the bytes durable, tell their state."""

    @property
    def sha256(self) -> str:
        """Hash of all bytes written, hexadecimal."""

    @property
    def path(self) -> str:
        """Where the bytes lie, as a path that only the store takes."""

    def discard(self) -> None:
        """Give the bytes up, unless they were published or the spool is a lasting one."""

    def __enter__(self) -> "Spool":
        """Discarded at the end of the block."""

    def __exit__(self, *_: object) -> None:
        """See ``discard``."""


class FileStore(Protocol):
    """Files, folders, kept versions and trash of one root."""

    def find(self, path: str) -> Entry | None:
        """What is at ``path``; None if nothing is, or something that is not served, like a link."""

    def children(self, path: str) -> Iterator[Entry]:
        """The members of a folder, unordered; only files and folders. Raises NotFound."""

    def states(self, path: str) -> Iterator[State]:
        """What ``children`` makes its entries of, to be compared. Raises NotFound."""

    def members(self, path: str, states: Iterable[State]) -> Iterator[Entry]:
        """The entries that ``children`` makes of these states of a folder's members."""

    def open(self, path: str) -> tuple[BinaryIO, Entry]:
        """A file's bytes and the state they have. The caller closes. Raises NotFound."""

    def spool(self) -> Spool:
        """A new empty spool."""

    def resume(self, path: str, size: int) -> Spool:
        """The lasting spool at ``path``, made if ``size``, what is known of it, is 0.

        It stays when its block ends, for another process to resume. ``rewind`` it before writing.
        Raises UploadBusy while somebody else holds it, NotFound.
        """

    def stage_folder(self) -> AbstractContextManager[str]:
        """A new empty folder beside the spools; removed at the end if it was not published."""

    def make_folder(self, path: str) -> None:
        """Make one folder. Raises ParentMissing, and Conflict if something is there."""

    def copy_members(self, source: str, destination: str) -> None:
        """Copy everything below the folder ``source`` into the folder ``destination``."""

    def keep(self, path: str, version: str) -> Entry:
        """Keep the bytes now at ``path`` as ``version``; tell the state that was kept."""

    def open_version(self, version: str) -> BinaryIO:
        """The bytes of a kept version. The caller closes. Raises NotFound."""

    def kept(self, version: str) -> Entry | None:
        """The state that is kept as ``version``; None if nothing is."""

    def drop_version(self, version: str) -> None:
        """Forget a kept version, if it is there."""

    def publish(self, source: str, path: str, *, replace: bool) -> None:
        """Let what lies at ``source`` appear at ``path``, in one step.

        With ``replace`` it takes the place of the file there; without, raises Conflict if anything
        is.
        """

    def touch(self, path: str, modified_ns: int) -> tuple[Entry, Entry]:
        """Set the time of change; tell the states before and after. Raises NotFound."""

    def settle(self, *paths: str) -> None:
        """Make the names in the folders that hold ``paths`` durable."""

    def remove_tree(self, path: str) -> None:
        """Remove ``path`` and everything below it, for good."""

    def retire(self, path: str) -> None:
        """Remove ``path`` for good, so that its name is gone in one step; raises if it cannot."""

    def clear_remains(self, *folders: str) -> None:
        """Remove what a dead process left unfinished in these folders, where nobody sees it."""

    def space(self) -> tuple[int, int]:
        """Bytes in use and bytes left where the files are."""

    def exclusive(self, *names: str) -> AbstractContextManager[None]:
        """Let nobody else, in any process, hold one of ``names`` or the whole tree meanwhile."""

    def exclusive_tree(self) -> AbstractContextManager[None]:
        """Let nobody else, in any process, hold anything meanwhile."""

    def sweep(self) -> int:
        """Remove spools whose process is gone; tell how many."""


class Place(Protocol):
    """Something to read by path."""

    def find(self, path: str) -> Entry | None:
        """What is at ``path``; None if nothing is."""

    def entry(self, path: str) -> Entry:
        """What is at ``path``. Raises NotFound."""

    def children(self, path: str) -> Iterator[Entry]:
        """The members of a folder, unordered. Raises NotFound."""

    def open(self, path: str) -> tuple[BinaryIO, Entry]:
        """A file's bytes and the state they have. The caller closes. Raises NotFound."""

    def copy_members(self, source: str, destination: str) -> None:
        """Copy everything below the folder ``source`` to where only the store reaches."""

    def origin(self, path: str) -> str:
        """The path under which the catalog knows what a reader finds at ``path``."""

    def levels(self, path: str) -> tuple[str, ...]:
        """The paths whose grants count for ``path``, nearest first (``rights``)."""


def below(children: Callable[[str], Iterator[Entry]], folder: str) -> Iterator[Entry]:
    """Everything below ``folder``, a folder before its members; ``children`` lists one folder."""
    # Trees can be deeper than calls: no step here takes one call, or one descriptor, a level.
    folders = [folder]
    while folders:
        for member in children(folders.pop()):
            yield member
            if member.is_folder:
                folders.append(member.path)


def as_stored(store: FileStore, path: str) -> str:
    """The path under which what a client calls ``path`` is stored.

    Names are kept as they were sent. One that is not there is looked for in the other Unicode
    normal form, because systems differ in the one that they send for the same name: so it is found,
    and what is written under it reaches the one that is there.
    """
    if path.isascii() or store.find(path) is not None:
        return path
    stored = paths.ROOT
    for name in path[1:].split("/"):
        here = paths.join(stored, name)
        others = [paths.join(stored, form) for form in paths.in_other_forms(name)]
        if others and store.find(here) is None:
            here = next((other for other in others if store.find(other)), here)
        stored = here
    return stored


def check_new(store: FileStore, path: str) -> None:
    """Raise unless something new may come to be at ``path``: ParentMissing, NameNotAllowed."""
    paths.check_new_name(path)
    check_parent(store, path)


def check_parent(store: FileStore, path: str) -> None:
    """Raise ParentMissing unless there is a folder that can hold ``path``."""
    folder = store.find(paths.parent(path))
    if folder is None or not folder.is_folder:
        raise ParentMissing(path)

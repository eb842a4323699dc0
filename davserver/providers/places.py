"""What can be found at a path: in the folder itself, among earlier states, or in the trash.

Readers take a Place and need not know which. The folder is one (``VersionedFiles``); the views are
the others: folders that are not on the disk, which nobody writes into.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import BinaryIO

from davserver import paths
from davserver.errors import Forbidden, NotFound
from davserver.model import Entry, Trashed, Version
from davserver.providers.files import VersionedFiles, fill
from davserver.providers.filesystem import TRASH
from davserver.providers.stores import FileStore, Place, below
from davserver.providers.trash import Trash
from davserver.words import say


class TrashView:
    """``/.trash/<name as deleted, time>/...``: what was deleted, newest or not, as it was."""

    def __init__(self, store: FileStore, trash: Trash) -> None:
        self._store = store
        self._trash = trash

    def find(self, path: str) -> Entry | None:
        """What is at ``path``; None if nothing is."""
        if path == paths.TRASH_VIEW:
            return _virtual(path, 0)
        try:
            found = self._store.find(self.origin(path))
        except NotFound:
            return None
        return replace(found, path=path) if found else None

    def entry(self, path: str) -> Entry:
        """What is at ``path``. Raises NotFound."""
        return _found(self, path)

    def children(self, path: str) -> Iterator[Entry]:
        """The members of a folder, unordered. Raises NotFound."""
        if path == paths.TRASH_VIEW:
            return (
                replace(one.entry, path=paths.join(path, label(one))) for one in self._trash.all()
            )
        origin = self.origin(path)
        return (
            replace(member, path=paths.moved(member.path, origin, path))
            for member in self._store.children(origin)
        )

    def open(self, path: str) -> tuple[BinaryIO, Entry]:
        """A file's bytes and the state they have. The caller closes. Raises NotFound."""
        content, found = self._store.open(self.origin(path))
        return content, replace(found, path=path)

    def copy_members(self, source: str, destination: str) -> None:
        """Copy everything below the folder ``source`` to where only the store reaches."""
        self._store.copy_members(self.origin(source), destination)

    def origin(self, path: str) -> str:
        """Where it lies on the disk. Raises NotFound, Forbidden for the trash itself."""
        if path == paths.TRASH_VIEW:
            raise Forbidden(say("Take things out of the trash one by one."))
        one, rest = self._trashed(path)
        return one.entry.path + rest

    def levels(self, path: str) -> tuple[str, ...]:
        """Those of what was deleted, and then those of where it was. Raises NotFound."""
        if path == paths.TRASH_VIEW:
            return (paths.ROOT,)
        one, rest = self._trashed(path)
        return levels_of(one, one.entry.path + rest)

    def _trashed(self, path: str) -> tuple[Trashed, str]:
        """What was deleted, and the rest of the path below that. Raises NotFound."""
        top, slash, rest = path[len(paths.TRASH_VIEW) + 1 :].partition("/")
        moment = _moment(top)
        for one in self._trash.deleted_at(moment) if moment else ():
            if label(one) == top:
                return one, slash + rest
        raise NotFound(path)


class VersionsView:
    """``/.versions/<path of file>/<number>, <time>, <author>.<ext>``: the states of every file."""

    def __init__(self, store: FileStore, files: VersionedFiles) -> None:
        self._store = store
        self._files = files

    def find(self, path: str) -> Entry | None:
        """What is at ``path``; None if nothing is."""
        found = self._files.find(_beneath(path))
        if found is not None:
            return _virtual(path, found.modified_ns)
        version = self._version(path)
        return _state(path, version) if version else None

    def entry(self, path: str) -> Entry:
        """What is at ``path``. Raises NotFound."""
        return _found(self, path)

    def children(self, path: str) -> Iterator[Entry]:
        """Folders, files of which an earlier state is kept, or the states of one file."""
        of = self._files.entry(_beneath(path))
        if not of.is_folder:
            for version in self._files.versions(of.path):
                yield _state(paths.join(path, version_name(of.path, version)), version)
            return
        earlier = self._files.with_earlier(of.path)
        for member in self._files.children(of.path):
            if member.is_folder or member.path in earlier:
                yield _virtual(paths.join(path, member.name), member.modified_ns)

    def open(self, path: str) -> tuple[BinaryIO, Entry]:
        """A file's bytes and the state they have. The caller closes. Raises NotFound."""
        version = self._version(path)
        if version is None:
            raise NotFound(path)
        content, version = self._files.open_version(self.origin(path), version.number)
        return content, _state(path, version)

    def copy_members(self, source: str, destination: str) -> None:
        """Copy everything below the folder ``source`` to where only the store reaches."""
        _copy_members(self, self._store, source, destination)

    def origin(self, path: str) -> str:
        """The file that it is a state of; a folder here has nothing in the catalog."""
        of = _beneath(path)
        return path if self._files.find(of) else paths.parent(of)

    def levels(self, path: str) -> tuple[str, ...]:
        """Those of the file or folder itself; a state lies below the file."""
        return paths.lineage(_beneath(path))

    def _version(self, path: str) -> Version | None:
        """The version that the last name of ``path`` is that of."""
        name = paths.name(path)
        of = self._files.find(paths.parent(_beneath(path)))
        if of is None or of.is_folder or not name.partition(",")[0].isdigit():
            return None
        versions = self._files.versions(of.path)
        return next((one for one in versions if version_name(of.path, one) == name), None)


class Places:
    """Tells which place a path belongs to."""

    def __init__(self, files: VersionedFiles, versions: VersionsView, trash: TrashView) -> None:
        self._files = files
        self._views: dict[str, Place] = {paths.VERSIONS_VIEW: versions, paths.TRASH_VIEW: trash}

    def at(self, path: str) -> Place:
        """The view that ``path`` lies in, or the folder."""
        return self._views.get(paths.view_of(path), self._files)

    def as_stored(self, path: str) -> str:
        """The path of what a client means, in whatever Unicode normal form it says it."""
        return self._files.as_stored(path)


def levels_of(one: Trashed, path: str = "") -> tuple[str, ...]:
    """The paths whose grants count for something in the trash, or for ``path`` in it."""
    top = one.entry.path
    inside = [level for level in paths.lineage(path or top) if paths.is_within(level, top)]
    # Where it was may be another folder by now, with other grants.
    outside = paths.ancestors(one.path) if one.guard is None else paths.lineage(one.guard or TRASH)
    return (*inside, *outside)


def label(one: Trashed) -> str:
    """The name in the view: "report (2026-11-25 01.25.28.123 UTC).docx"."""
    when = f" ({one.deleted:%Y-%m-%d %H.%M.%S}.{one.deleted.microsecond // 1000:03} UTC)"
    return paths.with_words(one.name, when, is_folder=one.entry.is_folder)


def version_name(path: str, version: Version) -> str:
    """The name in the view: "3, 2026-11-25 01.25.28 UTC, Ann.docx"."""
    who = "".join(char for char in version.author if char.isalnum() or char in " ._-").strip()[:40]
    words = [str(version.number), f"{version.saved:%Y-%m-%d %H.%M.%S} UTC", *([who] if who else [])]
    ending = paths.extension(path)
    return ", ".join(words) + (f".{ending}" if ending else "")


def _moment(name: str) -> datetime | None:
    """The time in a label; None if ``name`` cannot be one."""
    text = name[name.rfind(" (") + 2 :].partition(" UTC)")[0]
    try:
        return datetime.strptime(text + "000+0000", "%Y-%m-%d %H.%M.%S.%f%z")
    except ValueError:
        return None


def _beneath(path: str) -> str:
    return path[len(paths.VERSIONS_VIEW) :] or paths.ROOT


def _virtual(path: str, modified_ns: int) -> Entry:
    return Entry(path, True, 0, modified_ns, "")


def _state(path: str, version: Version) -> Entry:
    return Entry(path, False, version.size, version.modified_ns, version.etag)


def _found(place: Place, path: str) -> Entry:
    found = place.find(path)
    if found is None:
        raise NotFound(path)
    return found


def _copy_members(place: Place, store: FileStore, source: str, destination: str) -> None:
    for member in below(place.children, source):
        target = paths.moved(member.path, source, destination)
        if member.is_folder:
            store.make_folder(target)
            continue
        content, entry = place.open(member.path)
        with content, store.spool() as spool:
            fill(spool, content)
            spool.seal(entry.modified_ns)
            store.publish(spool.path, target, replace=False)

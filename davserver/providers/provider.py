"""A share as a WsgiDAV provider, for our own application and for a stock one.

In a stock WsgiDAV application, name the class in ``provider_mapping``::

    "/": {"class": "davserver.providers.provider.ShareProvider", "kwargs": {"root": "/srv/files"}}

Writing is atomic and versioned there too. Locks and dead properties are then WsgiDAV's own, kept
where its configuration says; locks of editing sessions are respected all the same.
"""

import contextlib
from collections.abc import Iterable, Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, BinaryIO

from wsgidav.dav_error import DAVError
from wsgidav.dav_provider import DAVCollection, DAVNonCollection, DAVProvider

from davserver import media, paths
from davserver.errors import BodyTooShort, DavserverError, MembersRefused, NotFound
from davserver.model import Entry, Writer
from davserver.providers.filesystem import SyncPolicy
from davserver.providers.share import Share, open_share
from davserver.providers.stores import Spool

Environ = dict[str, Any]


class ShareProvider(DAVProvider):
    """The resources of one share; without ``share``, that of the folder ``root``."""

    def __init__(
        self,
        root: str = "",
        *,
        state: str = "",
        sync: SyncPolicy = "on-close",
        share: Share | None = None,
    ) -> None:
        super().__init__()
        if share is None:
            folder = Path(root).resolve(strict=True)
            share = open_share(folder, Path(state) if state else folder / paths.HIDDEN, sync)
            share.prepare()
        self.share = share

    def get_resource_inst(
        self, path: str, environ: Environ
    ) -> "FolderResource | FileResource | None":
        """The resource at a decoded path; None if nothing is there, or nothing that is served."""
        with _dav_errors():
            path = "/" + path.strip("/")
            if paths.is_ours(path):
                return None
            entry = self.share.files.find(path)
        if entry is None:
            return None
        return (FolderResource if entry.is_folder else FileResource)(entry, environ)


class _Shared:
    """What files and folders have in common; mixed into WsgiDAV's classes."""

    provider: ShareProvider
    environ: Environ
    entry: Entry

    @property
    def writer(self) -> Writer:
        """Who writes, as WsgiDAV's authenticator says."""
        return Writer(self.environ.get("wsgidav.user_name") or "")

    def get_last_modified(self) -> float:
        """Seconds since 1970."""
        return self.entry.modified_ns / 1e9

    def get_creation_date(self) -> float:
        """The time of change, which is the best that every disk tells."""
        return self.get_last_modified()

    def handle_delete(self) -> bool:
        """Delete the whole resource to the trash."""
        with _dav_errors():
            self.provider.share.trees.delete(self.entry.path, self.writer)
        return True

    def handle_copy(self, dest_path: str, *, depth_infinity: bool) -> bool:
        """Copy all or nothing; WsgiDAV has asked about Overwrite before."""
        with _dav_errors():
            self.provider.share.trees.copy(
                self.entry.path, _path(dest_path), self.writer, overwrite=True, deep=depth_infinity
            )
        return True

    def handle_move(self, dest_path: str) -> bool:
        """Move all or nothing; WsgiDAV has asked about Overwrite before."""
        with _dav_errors():
            self.provider.share.trees.move(
                self.entry.path, _path(dest_path), self.writer, overwrite=True
            )
        return True


class FolderResource(_Shared, DAVCollection):
    """A folder."""

    def __init__(self, entry: Entry, environ: Environ) -> None:
        super().__init__(entry.path, environ)
        self.entry = entry

    def get_member_names(self) -> list[str]:
        """The names of the members."""
        with _dav_errors():
            return [entry.name for entry in self.provider.share.files.children(self.entry.path)]

    def get_member_list(self) -> list["FolderResource | FileResource"]:
        """The members, from one reading of the folder."""
        with _dav_errors():
            return [
                (FolderResource if entry.is_folder else FileResource)(entry, self.environ)
                for entry in self.provider.share.files.children(self.entry.path)
            ]

    def create_collection(self, name: str) -> None:
        """Make a folder."""
        with _dav_errors():
            path = paths.join(self.entry.path, name)
            self.provider.share.trees.make_folder(path, self.writer)

    def create_empty_resource(self, name: str) -> "FileResource":
        """A file that is about to be.

        WsgiDAV announces a new file before its body arrives (RequestServer.do_PUT). Storing nothing
        until end_write means that an aborted upload leaves no empty file behind. LOCK wants the
        file at once.
        """
        path = paths.join(self.entry.path, name)
        file = FileResource(Entry(path, False, 0, 0, ""), self.environ)
        if self.environ["REQUEST_METHOD"] == "LOCK":
            file.begin_write()
            file.end_write(with_errors=False)
        return file


class FileResource(_Shared, DAVNonCollection):
    """A file."""

    def __init__(self, entry: Entry, environ: Environ) -> None:
        super().__init__(entry.path, environ)
        self.entry = entry
        self._incoming: _Incoming | None = None

    def get_content_length(self) -> int:
        """Bytes."""
        return self.entry.size

    def get_content_type(self) -> str:
        """By the name."""
        return media.content_type(self.entry.path)

    def get_etag(self) -> str:
        """The strong tag without its quotes, as WsgiDAV wants it."""
        return self.entry.etag.strip('"')

    def support_etag(self) -> bool:
        """Yes."""
        return True

    def support_ranges(self) -> bool:
        """Yes."""
        return True

    def get_content(self) -> BinaryIO:
        """The bytes, and from now on the state that they have."""
        with _dav_errors():
            content, self.entry = self.provider.share.files.open(self.entry.path)
        return content

    def begin_write(self, *, content_type: str | None = None) -> "_Incoming":
        """Where WsgiDAV writes the body to; nothing is visible before ``end_write``."""
        with _dav_errors():
            self._incoming = _Incoming(self.provider.share.files.spool())
        return self._incoming

    def end_write(self, *, with_errors: bool) -> None:
        """Commit what was written, or give it up."""
        incoming, self._incoming = self._incoming, None
        if incoming is None:
            return
        with _dav_errors(), incoming.spool:
            if not with_errors:
                self._check_length(incoming.spool.size)
                written = self.provider.share.files.commit(
                    self.entry.path, incoming.spool, self.writer
                )
                self.entry = written.entry

    def set_last_modified(self, dest_path: str, time_stamp: str, *, dry_run: bool) -> bool:
        """Set the time of change: an HTTP date, or seconds."""
        seconds = (
            float(time_stamp)
            if str(time_stamp).isdigit()
            else parsedate_to_datetime(time_stamp).timestamp()
        )
        if not dry_run:
            with _dav_errors():
                self.entry = self.provider.share.properties.change(
                    self.entry.path, self.writer, {}, modified_ns=int(seconds * 1e9)
                )
        return True

    def _check_length(self, size: int) -> None:
        """WsgiDAV takes an early end of the body for its end; the announced length tells."""
        announced = self.environ.get("CONTENT_LENGTH", "")
        if self.environ["REQUEST_METHOD"] == "PUT" and announced and int(announced) != size:
            raise BodyTooShort(size, int(announced))


class _Incoming:
    """What WsgiDAV takes for an open file; closing it decides nothing."""

    def __init__(self, spool: Spool) -> None:
        self.spool = spool

    def write(self, data: bytes) -> None:
        """Append ``data``."""
        with _dav_errors():
            self.spool.write(data)

    def writelines(self, blocks: Iterable[bytes]) -> None:
        """Append every block."""
        for block in blocks:
            self.write(block)

    def close(self) -> None:
        """Nothing: ``end_write`` follows."""


def _path(dest_path: str) -> str:
    path = "/" + dest_path.strip("/")
    if paths.is_ours(path):
        raise NotFound(path)
    return path


@contextlib.contextmanager
def _dav_errors() -> Iterator[None]:
    """Facts become WsgiDAV's errors here and nowhere else."""
    try:
        yield
    except MembersRefused as fault:
        raise DAVError(423, str(fault)) from fault
    except DavserverError as fault:
        raise DAVError(fault.status, str(fault)) from fault

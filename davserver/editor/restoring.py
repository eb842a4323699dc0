"""Restoring what a file was: a version of it, or a state inside of one."""

from davserver import paths
from davserver.audit import Event
from davserver.editor.servers import Servers
from davserver.editor.soundness import fault_of
from davserver.errors import Conflict, UnsupportedMediaType
from davserver.model import Origin
from davserver.providers.files import VersionedFiles
from davserver.web import Request


class Restoring:
    """Makes an earlier state the content again; what is there before stays as a version.

    ``servers`` are None without a Document Server.
    """

    def __init__(self, files: VersionedFiles, servers: Servers | None) -> None:
        self._files = files
        self._servers = servers

    def version(self, request: Request, path: str, number: int) -> None:
        """Restore a version of the file at ``path``. Raises NotFound, FileLocked."""
        writer = request.principal.writer(Origin.RESTORE)
        self._files.restore(path, number, writer)
        request.note(Event.VERSION_RESTORED, path=path, version=number)

    def inside(self, request: Request, path: str, number: int, url: str, filetype: str) -> None:
        """Restore the state inside of version ``number`` that the Document Server has at ``url``.

        Raises Forbidden for an address elsewhere, UnsupportedMediaType for another format than the
        file has, Conflict for what is no whole document, Unavailable, FileLocked.
        """
        if self._servers is None or filetype != paths.extension(path):
            raise UnsupportedMediaType(
                f"This state is {filetype or 'of no format'}, which cannot be put over "
                f"{paths.name(path)}. Restore the whole version."
            )
        with self._files.spool() as spool:
            self._servers.with_address(url).fetch(url, spool)
            fault = fault_of(spool, filetype)
            if fault:
                raise Conflict(f"The Document Server sent no whole document. {fault}")
            self._files.commit(path, spool, request.principal.writer(Origin.RESTORE))
        request.note(Event.VERSION_RESTORED, path=path, version=number, inside=True)

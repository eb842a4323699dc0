"""Restoring what a file was: a version of it, or a state inside of one.

People who edit the file meanwhile lose nothing: what they typed is stored as a version first. Their
session ends, and their pages go on with what was restored.
"""

from contextlib import suppress

from davserver import paths
from davserver.audit import Event
from davserver.editor.server.servers import Servers
from davserver.editor.server.soundness import fault_of
from davserver.editor.sessions.ending import Ending
from davserver.errors import Conflict, NoSuchVersion, UnsupportedMediaType
from davserver.model import Origin, SessionState, Writer, called
from davserver.providers.files import VersionedFiles
from davserver.providers.sessions import LOCK_PRINCIPAL, EditSessions
from davserver.web import Request
from davserver.words import say


class Restoring:
    """Makes an earlier state the content again; what is there before stays as a version.

    ``servers`` and ``ending`` are None without a Document Server.
    """

    def __init__(
        self,
        files: VersionedFiles,
        sessions: EditSessions,
        servers: Servers | None,
        ending: Ending | None,
    ) -> None:
        self._files = files
        self._sessions = sessions
        self._servers = servers
        self._ending = ending

    def version(self, request: Request, path: str, number: int) -> None:
        """Restore a version of the file at ``path``. Raises NotFound, FileLocked."""
        if all(one.number != number for one in self._files.versions(path)):
            raise NoSuchVersion(path, number)
        self._make_way(request, path)
        self._files.restore(path, number, request.principal.writer(Origin.RESTORE))
        request.note(Event.VERSION_RESTORED, path=path, version=number)

    def inside(self, request: Request, path: str, number: int, url: str, filetype: str) -> None:
        """Restore the state inside of version ``number`` that the Document Server has at ``url``.

        Raises Forbidden for an address elsewhere, UnsupportedMediaType for another format than the
        file has, Conflict for what is no whole document, Unavailable, FileLocked.
        """
        if self._servers is None or filetype != paths.extension(path):
            raise UnsupportedMediaType(
                say(
                    "This state is {format}, which cannot be put over {path}. Restore the whole "
                    "version.",
                    format=filetype or say("of no format"),
                    path=paths.name(path),
                )
            )
        with self._files.spool() as spool:
            self._servers.with_address(url).fetch(url, spool)
            fault = fault_of(spool, filetype)
            if fault:
                raise Conflict(
                    say("The Document Server sent no whole document. {reason}", reason=str(fault))
                )
            self._make_way(request, path)
            self._files.commit(path, spool, request.principal.writer(Origin.RESTORE))
        request.note(Event.VERSION_RESTORED, path=path, version=number, inside=True)

    def _make_way(self, request: Request, path: str) -> None:
        """End the session of the file, if there is one; what was typed in it becomes a version.

        What comes from it after that never goes over what is restored. Raises FileLocked, and then
        the session goes on.
        """
        session = self._sessions.of_file(path)
        if session is None:
            return
        holder = Writer(LOCK_PRINCIPAL + session.key.value, frozenset({session.lock_token}))
        self._files.check_writable(path, holder)
        if self._ending is None:
            self._sessions.end(session.key, SessionState.ENDED)
        else:
            with suppress(Conflict):  # it has ended by itself meanwhile
                self._ending.end(path)
        editors = ", ".join(map(called, session.editors))
        request.note(Event.SESSION_ENDED, path=path, editors=editors)

"""POST /-/api/rename: the open document gets another name, and everybody goes on writing."""

from dataclasses import replace
from json import dumps

import structlog

from davserver import paths
from davserver.audit import Event
from davserver.editor.config import title
from davserver.editor.inside.names import safe_name
from davserver.editor.inside.whereabouts import Whereabouts
from davserver.editor.opening import Opening
from davserver.errors import BadGateway, Conflict, PreconditionFailed, Unavailable, printable
from davserver.model import Origin, Principal, Right, Writer
from davserver.providers.access import Access
from davserver.providers.files import VersionedFiles
from davserver.providers.locks import Locks
from davserver.providers.trees import Trees
from davserver.web import Request, Response, json
from davserver.words import say

_log = structlog.get_logger("davserver.editor")


class Renaming:
    """``path`` is the document, ``title`` its new name without extension.

    The rights are those of a MOVE over WebDAV. The session's lock does not stand in the way: it
    goes along, and so do session and versions.
    """

    def __init__(
        self,
        files: VersionedFiles,
        trees: Trees,
        held: Locks,
        access: Access,
        opening: Opening,
        whereabouts: Whereabouts,
    ) -> None:
        self._files = files
        self._trees = trees
        self._locks = held
        self._access = access
        self._opening = opening
        self._whereabouts = whereabouts

    def __call__(self, request: Request) -> Response:
        """Where the document is now, as ``Whereabouts`` tells it."""
        who = request.principal
        path = self._files.as_stored(request.resource(request.form.get("path", "")))
        self._access.check(who, path, Right.READ, Right.DOWNLOAD, Right.DELETE)
        if self._files.entry(path).is_folder:
            raise Conflict(say("This is a folder."))
        name = safe_name(request.form.get("title", ""), paths.extension(path))
        destination = paths.join(paths.parent(path), name)
        if destination != path:
            self._access.check(who, destination, Right.CREATE)
            self._move(who, path, destination)
            request.note(Event.MOVED, path=path, target=destination)
            self._tell_others(destination)
        return json(dumps(self._whereabouts.of(request, destination)))

    def _move(self, who: Principal, path: str, destination: str) -> None:
        try:
            self._trees.move(path, destination, self._writer(who, path), overwrite=False)
        except PreconditionFailed:
            name = printable(paths.name(destination))
            raise Conflict(say("There is already something called {name}.", name=name)) from None

    def _writer(self, who: Principal, path: str) -> Writer:
        """Who renames; with the lock of the editing session, if one holds it."""
        writer = who.writer(Origin.BROWSER)
        for lock in self._locks.on(path):
            if lock.document_key:
                token = frozenset({lock.token})
                return replace(writer, name=lock.principal, tokens=token, author=who.shown)
        return writer

    def _tell_others(self, path: str) -> None:
        """Let those who have the document open see its new title (Docs API, "meta")."""
        office = self._opening.office
        session = office.sessions.of_members(paths.parent(path)).get(path) if office else None
        if office is None or session is None:
            return
        try:
            key = session.key.value
            told = {"title": title(paths.name(path))}
            office.servers.of(session).command("meta", key=key, meta=told)
        except (Unavailable, BadGateway) as fault:
            # They see it when they open it the next time.
            _log.warning("the new title was not told", path=path, fault=str(fault))

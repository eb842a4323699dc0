"""What is being edited, as JSON for pages and programs; and the acts of those who may end it.

GET /-/api/sessions, GET /-/api/editing?path=, POST /-/api/take-over, POST /-/api/end-session.
The last two take a form of ours, or JSON from a program that signs in with each request.
"""

from json import dumps, loads
from typing import Any

from davserver.audit import Event
from davserver.editor.opening import Opening
from davserver.editor.saving.forced_saves import Outcome
from davserver.editor.sessions.ending import Ending
from davserver.errors import BadRequest, Forbidden, NoDocumentServer
from davserver.model import EditSession, Lock, Origin, Right, SessionState, called
from davserver.providers import locks
from davserver.providers.access import Access
from davserver.providers.files import VersionedFiles
from davserver.providers.locks import Locks
from davserver.providers.sessions import EditSessions
from davserver.web import Request, Response, json
from davserver.words import say

_MAX_BODY = 16 << 10


class LiveEditing:
    """Handlers. ``ending`` is None without a Document Server."""

    def __init__(
        self,
        files: VersionedFiles,
        held: Locks,
        access: Access,
        sessions: EditSessions,
        opening: Opening,
        ending: Ending | None,
    ) -> None:
        self._files = files
        self._locks = held
        self._access = access
        self._sessions = sessions
        self._opening = opening
        self._ending = ending

    def sessions(self, request: Request) -> Response:
        """GET /-/api/sessions: all of them, of the files that the person may read."""
        readable = [
            self._told(request, one)
            for one in sorted(self._sessions.live(), key=lambda one: one.path)
            if Right.READ in self._access.rights(request.principal, one.path)
        ]
        return json(dumps({"sessions": readable}))

    def editing(self, request: Request) -> Response:
        """GET /-/api/editing?path=/a.docx&key=...: how it stands with one file, for an open page.

        ``key`` is the one that the page has. ``ended`` tells that somebody ended its session,
        ``changed_by`` who wrote the file meanwhile without it, and ``restored`` that this was by
        restoring a version.
        """
        session = self._sessions.find(request.query.get("key", ""))
        path = self._path(request, request.query.get("path", ""))
        if session is not None:
            path = session.path  # it may have been moved meanwhile
        self._access.check(request.principal, path, Right.READ)
        entry = self._files.entry(path)
        foreign = self._foreign(path)
        told: dict[str, Any] = {
            "holder": request.language.said(locks.holder(foreign[0])) if foreign else "",
            "may_edit": self._opening.may_save(request, path),
            "may_take_over": bool(foreign) and self._may_take(request, foreign),
        }
        if session is not None:
            told["ended"] = session.state is SessionState.ENDED
            # Who reads alone by a link is not told who writes.
            if told["may_edit"] and not self._sessions.is_of(session, entry):
                last = self._files.versions(path)[-1]
                told["restored"] = last.origin is Origin.RESTORE
                who = called(last.author) or say("Another program")
                told["changed_by"] = request.language.said(who)
        return json(dumps(told))

    def take_over(self, request: Request) -> Response:
        """POST, path: remove the locks of other programs that keep a file from being edited."""
        path = self._path(request, _asked(request))
        self._access.check(request.principal, path, Right.READ)
        foreign = self._foreign(path)
        if not self._may_take(request, foreign):
            raise Forbidden(say("Only who may share this may take it from others."))
        for lock in foreign:
            self._locks.break_up(lock.token)
            request.note(Event.LOCK_BROKEN, path=lock.root, holder=locks.holder(lock))
        return json(dumps({"removed": len(foreign)}))

    def end(self, request: Request) -> Response:
        """POST, path: end a session; those who are in it look on from then on."""
        path = self._path(request, _asked(request))
        self._access.check(request.principal, path, Right.SHARE)
        if self._ending is None:
            raise NoDocumentServer
        session, outcome = self._ending.end(path)
        editors = ", ".join(map(called, session.editors))
        request.note(Event.SESSION_ENDED, path=path, editors=editors)
        return json(dumps({"saved": outcome is not Outcome.LATE}))

    def _told(self, request: Request, session: EditSession) -> dict[str, Any]:
        return {
            "path": request.addresses.target(session.path),
            "editors": [
                request.language.said(called(name) or say("a guest")) for name in session.editors
            ],
            "since": session.opened.isoformat(timespec="seconds"),
            "lease_until": session.lease_until.isoformat(timespec="seconds"),
        }

    def _path(self, request: Request, target: str) -> str:
        if not target.startswith("/"):
            raise BadRequest("Say which file: path=/folder/name.docx.")
        return self._files.as_stored(request.resource(target))

    def _foreign(self, path: str) -> list[Lock]:
        """The locks on ``path`` that are no editing session's."""
        return [lock for lock in self._locks.on(path) if not lock.document_key]

    def _may_take(self, request: Request, foreign: list[Lock]) -> bool:
        """Whether the person may share all that the locks are on, which can be folders above."""
        who = request.principal
        return not who.is_anonymous and all(
            Right.SHARE in self._access.rights(who, lock.root) for lock in foreign
        )


def _asked(request: Request) -> str:
    """The path that is named. Raises BadRequest."""
    if request.media_type != "application/json":
        return request.form.get("path", "")
    try:
        asked = loads(request.body(_MAX_BODY))
    except (ValueError, RecursionError):
        raise BadRequest("The body is JSON.") from None
    return str(asked.get("path", "")) if isinstance(asked, dict) else ""

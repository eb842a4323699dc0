"""POST /-/callback/<token>: the Document Server reports what became of a document.

Source: Docs API, "Callback handler"; what it does with each answer was read in its code and
recorded. It tries again after 429 and 5xx alone, so a passing fault of ours must be 503: with any
other failure it gives up, and the edits end in its "forgotten" folder. 200 {"error": 0} means that
the bytes are durable.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import structlog

from davserver import paths
from davserver.audit import Event
from davserver.editor.beside import Reason, place_beside
from davserver.editor.client import DocumentServer
from davserver.editor.middleware import CALLBACK
from davserver.editor.standing import A_GUEST, MADE_UP, Standing
from davserver.editor.tokens import NotFromServer, ServerTokens
from davserver.errors import BadRequest, Conflict, DavserverError, FileLocked, Unavailable
from davserver.model import EditSession, Entry, Origin, SessionState, Writer, called
from davserver.providers.files import VersionedFiles
from davserver.providers.sessions import LOCK_PRINCIPAL, EditSessions
from davserver.providers.stores import Spool
from davserver.tokens import Tokens
from davserver.web import NOSNIFF, Request, Response

# "status" of a callback.
EDITING = 1
MUST_SAVE = 2
CORRUPTED = 3
CLOSED = 4
MUST_SAVE_FORCED = 6
CORRUPTED_FORCED = 7
TO_SAVE = frozenset({MUST_SAVE, CORRUPTED, MUST_SAVE_FORCED, CORRUPTED_FORCED})
FINAL = frozenset({MUST_SAVE, CORRUPTED})
BROKEN = frozenset({CORRUPTED, CORRUPTED_FORCED})
# "forcesavetype": a form was submitted, and what comes is the filled copy.
FORM_SUBMITTED = 3

LEASE_SECONDS = 15 * 60
"""Longer than the server waits for a browser that vanished: 300 s, then up to 120 s."""

MAX_BODY_BYTES = 16 << 20
MAX_SECONDS = 30 * 24 * 3600
"""Life of a callback address: as long as the server's longest session."""

_log = structlog.get_logger("davserver.editor")


class _ChangedMeanwhile(Conflict):
    """The file is not what the session began with, nor what it saved since."""


class Callback:
    """One report at a time for each key, each report once."""

    def __init__(
        self,
        files: VersionedFiles,
        sessions: EditSessions,
        server: DocumentServer,
        links: Tokens,
        server_tokens: ServerTokens,
        standing: Standing,
        reported: Callable[[object, str], None],
    ) -> None:
        self._files = files
        self._sessions = sessions
        self._server = server
        self._links = links
        self._server_tokens = server_tokens
        self._standing = standing
        self._reported = reported

    def __call__(self, request: Request) -> Response:
        claims = self._links.read(request.below(CALLBACK)[1:])
        header = request.header(self._server_tokens.header)
        report = self._server_tokens.callback(_body(request), header)
        if report.get("key") != claims["key"]:
            raise NotFromServer("The callback is about another document than its address.")
        session = self._sessions.find(claims["key"])
        if session is None:
            raise NotFromServer("No editing session has this key.")
        status = report.get("status")
        try:
            with self._sessions.one_at_a_time(session.key):
                taken = self._take(request, session, report)
        except DavserverError:
            self._reported(status, "failed")
            raise
        self._reported(status, "taken" if taken else "refused")
        # With an answer of 0 the server would drop the changes; they are all that is left.
        return _answer(0 if taken else 1)

    def _take(self, request: Request, session: EditSession, report: dict[str, Any]) -> bool:
        """Do what the report asks for; False if it tells of edits and does not bring them."""
        status = report.get("status")
        if status == EDITING:
            people = _people(report)
            self._sessions.renew(session.key.value, LEASE_SECONDS, people, reopen=True)
        elif status == CLOSED:
            self._sessions.end(session.key, SessionState.CLOSED)
        elif status in TO_SAVE:
            if not self._save(request, session, report):
                self._sessions.end(session.key, SessionState.CLOSED)
                return False
            if status in FINAL:
                self._sessions.end(session.key, SessionState.RETIRED)
            else:
                self._sessions.renew(session.key.value, LEASE_SECONDS)
        else:
            _log.warning("callback with unknown status", status=status, key=session.key.value)
        return True

    def _save(self, request: Request, session: EditSession, report: dict[str, Any]) -> bool:
        """Store what the report brings, once; False if it brings nothing."""
        status, url = report["status"], report.get("url")
        if not url:
            _log.error("the Document Server lost edits", key=session.key.value, path=session.path)
            return False
        if status == MUST_SAVE and report.get("notmodified") is True:
            # Everything was stored by the last forced save; only the key is used up now.
            return True
        row, outcome = self._sessions.note_callback(session.key.value, status, _digest(report))
        if outcome:
            return True
        try:
            with self._files.spool() as spool:
                self._server.fetch(url, spool)
                path = self._store(session, report, spool, row)
        except DavserverError as fault:
            if fault.status >= 500:
                raise Unavailable(str(fault)) from fault
            raise
        request.note(Event.EDIT_SAVED, path=path, user=_author(report))
        return True

    def _store(self, session: EditSession, report: dict[str, Any], spool: Spool, row: int) -> str:
        """Put the bytes over the file if it is still the session's, else beside it; where."""
        author = _author(report)
        path = self._files.path_of(session.resource_id)
        reason = self._reason_to_go_beside(path, report)
        if path is not None and reason is None:
            if self._is_stored(session, path, spool):
                self._sessions.conclude_callback(row, "stored", path)
                return path
            try:
                self._commit(session, path, spool, author, row)
            except DavserverError as fault:
                if fault.status >= 500:
                    raise
                reason = self._why_not_over(path, fault)
            else:
                _log.info("saved", path=path, author=author, status=report["status"])
                return path
        near = path or self._files.last_path_of(session.resource_id)
        extension = str(report.get("filetype") or paths.extension(near))
        placed = place_beside(
            self._files, spool, near, extension, reason or Reason.VANISHED, author, row
        )
        _log.warning("saved beside", path=near, beside=placed, reason=str(reason), author=author)
        return placed

    def _reason_to_go_beside(self, path: str | None, report: dict[str, Any]) -> Reason | None:
        if report["status"] in BROKEN:
            return Reason.BROKEN
        if report.get("forcesavetype") == FORM_SUBMITTED:
            return Reason.FORM
        if path is None:
            return Reason.VANISHED
        # The one whose change was the last (Docs API, "users").
        users = report.get("users") or ()
        if users and not self._standing.may_save(str(users[0]), path):
            return Reason.NOT_PERMITTED
        filetype = str(report.get("filetype") or "").lower()
        # What could not be saved in its own format comes as another: a docx is not to be put over a
        # .doc.
        return Reason.CONVERTED if filetype and filetype != paths.extension(path) else None

    def _why_not_over(self, path: str, fault: DavserverError) -> Reason:
        if isinstance(fault, FileLocked):
            return Reason.LOCKED
        return Reason.VANISHED if self._files.find(path) is None else Reason.CHANGED

    def _is_stored(self, session: EditSession, path: str, spool: Spool) -> bool:
        """Whether the file has just these bytes from this session: our answer to them was lost."""
        entry = self._files.find(path)
        if entry is None:
            return False
        saved = self._files.saved_state(session.resource_id, entry.etag)
        return (saved.document_key, saved.sha256) == (session.key.value, spool.sha256)

    def _commit(self, session: EditSession, path: str, spool: Spool, author: str, row: int) -> None:
        def still_ours(entry: Entry | None) -> None:
            if entry is None or entry.is_folder:
                raise _ChangedMeanwhile
            saved = self._files.saved_state(session.resource_id, entry.etag)
            if entry.etag != session.etag and saved.document_key != session.key.value:
                raise _ChangedMeanwhile

        writer = Writer(
            LOCK_PRINCIPAL + session.key.value,
            frozenset({session.lock_token}),
            author,
            Origin.EDITOR,
        )
        self._files.commit(
            path,
            spool,
            writer,
            condition=still_ours,
            document_key=session.key.value,
            callback_id=row,
        )


def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(request.body(MAX_BODY_BYTES))
    except ValueError:
        raise BadRequest("A callback's body is JSON.") from None
    if not isinstance(body, dict):
        raise BadRequest("A callback's body is a JSON object.")
    return body


def _digest(report: dict[str, Any]) -> str:
    """Tells deliveries of one save from those of another.

    A retry has a new signature in the URL's query but the same path, which is random for each save,
    though from 10,000 only: the time of the last change tells the rest.
    """
    which = (urlsplit(str(report["url"])).path, report.get("lastsave"), report.get("userdata"))
    return hashlib.sha256(json.dumps(which).encode()).hexdigest()


def _people(report: dict[str, Any]) -> list[str]:
    """Who edits now; guests have made-up ids and are counted as one name."""
    users = [str(user) for user in report.get("users") or ()]
    return sorted({A_GUEST if user.startswith(MADE_UP) else user for user in users})


def _author(report: dict[str, Any]) -> str:
    """Who saved: the user whose change was the last, by the name in the history for a guest."""
    users = report.get("users") or ()
    history = report.get("history")
    changes = (history.get("changes") or ()) if isinstance(history, dict) else ()
    for change in reversed(changes):
        user = change.get("user") if isinstance(change, dict) else None
        if isinstance(user, dict) and (not users or user.get("id") in users):
            return str(user.get("name") or called(str(user.get("id") or "")))
    return called(str(users[0])) if users else ""


def _answer(error: int) -> Response:
    body = json.dumps({"error": error}).encode()
    return Response(200, body, [("Content-Type", "application/json"), NOSNIFF])

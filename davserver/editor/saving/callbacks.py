"""POST /-/callback/<token>: the Document Server reports what became of a document.

Source: Docs API, "Callback handler"; what it does with each answer was read in its code and
recorded. It tries again after 429 and 5xx alone, so a passing fault of ours must be 503: with any
other failure it gives up, and the edits end in its "forgotten" folder. 200 {"error": 0} means that
the bytes are durable.
"""

import json
from collections.abc import Callable
from typing import Any

import structlog

from davserver import paths
from davserver.audit import Event
from davserver.editor.middleware import CALLBACK
from davserver.editor.saving import reports
from davserver.editor.saving.standing import people
from davserver.editor.saving.storing import Delivery, Storing
from davserver.editor.saving.submissions import MAX_DATA_BYTES, FormResults, Submission, parsed
from davserver.editor.server.servers import Servers
from davserver.editor.server.soundness import fault_of
from davserver.editor.server.tokens import NotFromServer
from davserver.editor.versions.highlighting import Highlighting
from davserver.errors import BadRequest, DavserverError, Unavailable
from davserver.model import DocumentKey, EditSession, SessionState, called
from davserver.providers.saves import Reason, Save
from davserver.providers.sessions import EditSessions
from davserver.providers.stores import Spool
from davserver.providers.timeline import Timeline, What
from davserver.tokens import Tokens
from davserver.web import NOSNIFF, Request, Response
from davserver.words import say

LEASE_SECONDS = 15 * 60
"""Longer than the server waits for a browser that vanished: 300 s, then up to 120 s."""

UNSOUND_DELIVERIES = 3
"""So often a document that is not whole is asked for; the server sends it four times."""

MAX_BODY_BYTES = 16 << 20
MAX_SECONDS = 30 * 24 * 3600
"""Life of a callback address: as long as the server's longest session."""

_log = structlog.get_logger("davserver.editor")


class Callback:
    """One report at a time for each key, each report once."""

    def __init__(
        self,
        storing: Storing,
        highlighting: Highlighting,
        forms: FormResults,
        sessions: EditSessions,
        servers: Servers,
        links: Tokens,
        reported: Callable[[object, str], None],
        timeline: Timeline,
    ) -> None:
        self._storing = storing
        self._highlighting = highlighting
        self._forms = forms
        self._sessions = sessions
        self._servers = servers
        self._links = links
        self._reported = reported
        self._timeline = timeline

    def __call__(self, request: Request) -> Response:
        claims = self._links.read(request.below(CALLBACK)[1:])
        tokens = self._servers.of(self._sessions.find(claims["key"])).tokens
        report = tokens.callback(_body(request), request.header(tokens.header))
        if report.get("key") != claims["key"]:
            raise NotFromServer("The callback is about another document than its address.")
        key = DocumentKey(claims["key"])
        try:
            with self._sessions.one_at_a_time(key):
                session = self._sessions.find(key.value)
                if session is None:
                    raise NotFromServer("No editing session has this key.")
                taken = self._take(request, session, report)
        except DavserverError as fault:
            self._tell(key, report, "failed", f"answered {fault.status}")
            raise
        self._tell(key, report, "taken" if taken else "refused", f"answered {0 if taken else 1}")
        # With an answer of 0 the server would drop the changes; they are all that is left.
        return _answer(0 if taken else 1)

    def _tell(self, key: DocumentKey, report: dict[str, Any], outcome: str, answer: str) -> None:
        """Count a report, and note it in the timeline of its session."""
        status = report.get("status")
        self._reported(status, outcome)
        who = (
            ", ".join(map(called, people(report)))
            if status == reports.EDITING
            else reports.author(report)
        )
        meaning = reports.MEANINGS.get(status, "unknown") if isinstance(status, int) else "none"
        words = f"status {str(status)[:8]}, {meaning}: {answer}"
        self._timeline.note(key.value, What.REPORTED, words, who)

    def _take(self, request: Request, session: EditSession, report: dict[str, Any]) -> bool:
        """Do what the report asks for; False if it tells of edits and does not bring them."""
        status = report.get("status")
        if status == reports.EDITING:
            there = people(report)
            self._sessions.renew(session.key.value, LEASE_SECONDS, there, reopen=True)
        elif status == reports.CLOSED:
            self._sessions.end(session.key, SessionState.CLOSED)
        elif status in reports.FINAL:
            return self._take_last(request, session, report)
        elif status in reports.TO_SAVE:
            if not self._save(request, session, report):
                return False
            self._sessions.renew(session.key.value, LEASE_SECONDS)
        else:
            _log.warning("callback with unknown status", status=status, key=session.key.value)
        return True

    def _take_last(self, request: Request, session: EditSession, report: dict[str, Any]) -> bool:
        """Store the save that ends a session; until it is ours, the session keeps its lock.

        The server sends it again, or keeps it for whoever opens the same key, or for ``rescue``.
        """
        taken = False
        try:
            taken = self._save(request, session, report)
        finally:
            if not taken:
                self._sessions.suspend(session.key, LEASE_SECONDS)
        if taken:
            self._sessions.end(session.key, SessionState.RETIRED)
        return taken

    def _save(self, request: Request, session: EditSession, report: dict[str, Any]) -> bool:
        """Store what the report brings, once; False if it brings nothing."""
        status, url = report["status"], str(report.get("url") or "")
        if status == reports.MUST_SAVE and report.get("notmodified") is True:
            # Everything was stored by the last forced save; only the key is used up now.
            self._highlighting.keep(session, report)
            return True
        users = tuple(map(str, report.get("users") or ()))
        save = self._storing.saves.note(
            session.key.value,
            status,
            reports.digest(report),
            # The one whose change was the last (Docs API, "users").
            user=users[0] if users else "",
            author=reports.author(report),
            last_change=str(report.get("lastsave") or ""),
            writers=reports.writers(report),
        )
        if not url:
            _log.error("the Document Server lost edits", key=session.key.value, path=session.path)
            return False
        if save.is_stored:
            self._highlighting.keep(session, report, save.number)
            return save.reason != Reason.UNSOUND
        if self._is_outdated(session, save):
            return True
        try:
            with self._storing.files.spool() as spool:
                self._servers.of(session).fetch(url, spool)
                return self._store(request, session, report, spool, save)
        except DavserverError as fault:
            if fault.status >= 500:
                raise Unavailable(str(fault)) from fault
            raise

    def _is_outdated(self, session: EditSession, save: Save) -> bool:
        """Whether a forced save arrives after the last one, which holds all that is in it."""
        is_late = save.status not in reports.FINAL and session.state is SessionState.RETIRED
        if not is_late or not save.last_change:
            return False
        stored = [one for one in self._storing.saves.of_key(save.key) if one.is_stored]
        return any(
            one.status in reports.FINAL and one.last_change >= save.last_change for one in stored
        )

    def _store(
        self,
        request: Request,
        session: EditSession,
        report: dict[str, Any],
        spool: Spool,
        save: Save,
    ) -> bool:
        """Put the bytes where they belong; False if they are no whole document.

        Those are asked for again. When they are the same at the third time, they are put beside,
        and the server keeps what it has: it may be sound, and the way from there to us not.
        """
        delivery = _delivery(report, save)
        fault = "" if delivery.beside is Reason.BROKEN else fault_of(spool, delivery.filetype)
        if not fault:
            if report.get("forcesavetype") == reports.FORM_SUBMITTED:
                path = self._take_form(session, report, save, spool)
            else:
                path = self._storing.put(session, delivery, spool)
                self._highlighting.keep(session, report, save.number)
            request.note(Event.EDIT_SAVED, path=path, user=delivery.author)
            return True
        if save.status not in reports.FINAL or save.deliveries < UNSOUND_DELIVERIES:
            raise Unavailable(
                say("What the Document Server delivered is not whole: {reason}", reason=str(fault))
            )
        near = self._storing.files.last_path_of(session.resource_id)
        self._storing.put_beside(near, delivery, spool, Reason.UNSOUND)
        return False

    def _take_form(
        self, session: EditSession, report: dict[str, Any], save: Save, spool: Spool
    ) -> str:
        """Store a submitted form with its data, never over the form; where the copy is."""
        fields = []
        if report.get("formsdataurl"):
            with self._storing.files.spool() as data:
                self._servers.of(session).fetch(str(report["formsdataurl"]), data)
                try:
                    fields = parsed(data.read(0, MAX_DATA_BYTES + 1))
                except ValueError as fault:
                    # The copy has all of it, and nobody can do better by sending it again.
                    _log.error("a form's data cannot be read", key=save.key, fault=str(fault))
        form = self._storing.files.last_path_of(session.resource_id)
        filetype = str(report.get("filetype") or paths.extension(form)).lower()
        by = reports.who_pressed(report) or save.user
        return self._forms.take(Submission(save, form, filetype, fields, by), spool)


def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(request.body(MAX_BODY_BYTES))
    except ValueError:
        raise BadRequest("A callback's body is JSON.") from None
    if not isinstance(body, dict):
        raise BadRequest("A callback's body is a JSON object.")
    return body


def _delivery(report: dict[str, Any], save: Save) -> Delivery:
    beside = Reason.BROKEN if save.status in reports.BROKEN else None
    filetype = str(report.get("filetype") or "").lower()
    users = (save.user,) if save.user else ()
    url = str(report.get("url") or "")
    return Delivery(
        save.number, filetype, save.author, users, beside, url, save.writers, save.last_change
    )


def _answer(error: int) -> Response:
    body = json.dumps({"error": error}).encode()
    return Response(200, body, [("Content-Type", "application/json"), NOSNIFF])

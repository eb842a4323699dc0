"""The administrator's pages about the editor: the servers, an examination, a session's history."""

from collections.abc import Iterator
from dataclasses import dataclass

from davserver.audit import Event
from davserver.doctor import office, site
from davserver.doctor.finding import Finding, Verdict
from davserver.doctor.people import people
from davserver.editor.saving.forced_saves import Outcome
from davserver.editor.server.client import DocumentServer
from davserver.editor.server.servers import Servers
from davserver.editor.sessions.ending import Ending
from davserver.errors import (
    Conflict,
    DavserverError,
    Forbidden,
    NoDocumentServer,
    NotFound,
    Unavailable,
)
from davserver.model import EditSession, called
from davserver.pages import Pages
from davserver.providers.exclusion import Exclusion
from davserver.providers.saves import Saves
from davserver.providers.server_health import Health
from davserver.providers.sessions import EditSessions
from davserver.providers.share import Share
from davserver.providers.timeline import Timeline
from davserver.settings import Settings
from davserver.web import Request, Response, redirect
from davserver.words import say

EDITOR = "/-/admin/editor"
DOCTOR = "/-/admin/doctor"
SESSION = "/-/session/"
LICENCE_SECONDS = 3
_TASK = "doctor"
_FIRST = {Verdict.FAULT: 0, Verdict.ADVICE: 1, Verdict.GOOD: 2}


@dataclass(frozen=True, slots=True)
class Shown:
    """A Document Server as the page shows it; ``connections`` is words, empty if unknown."""

    address: str
    internal: str
    health: Health | None
    connections: str
    sessions: int


class EditorPage:
    """GET /-/admin/editor: how each Document Server is, and what is being edited there."""

    def __init__(self, pages: Pages, servers: Servers | None, sessions: EditSessions) -> None:
        self._pages = pages
        self._servers = servers
        self._sessions = sessions

    def __call__(self, request: Request) -> Response:
        _check(request)
        live = self._sessions.live()
        return self._pages.render(
            request,
            "admin_editor.html",
            servers=[self._shown(server, live) for server in self._servers or ()],
            sessions=[(session, [*map(called, session.editors)]) for session in live],
        )

    def _shown(self, server: DocumentServer, live: list[EditSession]) -> Shown:
        assert self._servers is not None  # noqa: S101
        health = self._servers.health(server)
        there = [one for one in live if self._servers.of(one) is server]
        people_there = sum(len(one.editors) for one in there)
        connections = ""
        if health is not None and health.is_up:
            connections = _connections(server, people_there)
        internal = server.internal if server.internal != server.public else ""
        return Shown(server.public, internal, health, connections, len(there))


class DoctorPage:
    """GET /-/admin/doctor: the button. POST: an examination, one at a time."""

    def __init__(
        self, pages: Pages, settings: Settings, share: Share, exclusion: Exclusion
    ) -> None:
        self._pages = pages
        self._settings = settings
        self._share = share
        self._exclusion = exclusion

    def __call__(self, request: Request) -> Response:
        _check(request)
        findings: list[Finding] | None = None
        if request.method == "POST":
            with self._exclusion.if_free(_TASK) as held:
                if not held:
                    raise Unavailable(say("An examination is under way. Try again in a moment."))
                findings = sorted(self._examine(request), key=lambda one: _FIRST[one.verdict])
        counts = {
            verdict.value: sum(one.verdict is verdict for one in findings or ())
            for verdict in Verdict
        }
        return self._pages.render(request, "admin_doctor.html", findings=findings, counts=counts)

    def _examine(self, request: Request) -> Iterator[Finding]:
        """All but what the server itself looks after, as the site is reached by this browser."""
        yield site.folder(self._settings.root)
        yield from site.hidden_names(self._settings.root)
        yield from people(self._settings)
        page = request.origin + request.site
        us = self._settings.internal_url or page
        yield from office(self._settings, self._share, us=us, page=page)


class SessionPage:
    """GET /-/session/<key>: what is known of one editing session, without any secret. POST: end it.

    ``ending`` is None without a Document Server.
    """

    def __init__(
        self,
        pages: Pages,
        sessions: EditSessions,
        saves: Saves,
        timeline: Timeline,
        ending: Ending | None,
    ) -> None:
        self._pages = pages
        self._sessions = sessions
        self._saves = saves
        self._ending = ending
        self._timeline = timeline

    def __call__(self, request: Request) -> Response:
        _check(request)
        key = request.below(SESSION)[1:]
        session = self._sessions.find(key)
        if session is None:
            raise NotFound(f"session {key}")
        if request.method == "POST":
            outcome = self._end(request, session)
            return redirect(f"{request.url(SESSION)}{key}?ended={outcome}")
        return self._pages.render(
            request,
            "admin_session.html",
            session=session,
            editors=[*map(called, session.editors)],
            saves=self._saves.of_key(key),
            can_be_ended=self._ending is not None and self._is_live(session),
            ended=request.query.get("ended", ""),
            moments=self._timeline.of_key(key),
        )

    def _is_live(self, session: EditSession) -> bool:
        live = self._sessions.of_file(session.path)
        return live is not None and live.key == session.key

    def _end(self, request: Request, session: EditSession) -> Outcome:
        if self._ending is None:
            raise NoDocumentServer
        if not self._is_live(session):
            raise Conflict(say("This session is over."))
        ended, outcome = self._ending.end(session.path)
        editors = ", ".join(map(called, ended.editors))
        request.note(Event.SESSION_ENDED, path=ended.path, editors=editors)
        return outcome


def gauges(servers: Servers | None) -> dict[str, tuple[str, float]]:
    """For ``metrics``: whether each server answered when it was last asked, and how fast."""
    known = [(one.public, servers.health(one)) for one in servers] if servers else []
    asked = [(address, health) for address, health in known if health is not None]
    told: dict[str, tuple[str, float]] = {}
    for address, health in asked:
        words = "Whether the Document Server answered when it was last asked"
        told[f'document_server_up{{server="{address}"}}'] = (words, int(health.is_up))
    for address, health in asked:
        words = "How long its answer took"
        told[f'document_server_seconds{{server="{address}"}}'] = (words, health.seconds)
    return told


def _check(request: Request) -> None:
    if not request.principal.is_administrator:
        raise Forbidden(say("Only an administrator may look after the editor."))


def _connections(server: DocumentServer, people_there: int) -> str:
    """How many may edit there, by its licence (Docs API, command "license")."""
    try:
        answer = server.command("license", within=LICENCE_SECONDS)
    except DavserverError:
        return ""
    licence, quota = answer.get("license"), answer.get("quota")
    if not isinstance(licence, dict):
        return ""
    users = quota.get("users") if isinstance(quota, dict) else None
    if licence.get("users_count") and isinstance(users, list):
        return say("{used} of {limit} users", used=len(users), limit=licence["users_count"])
    if licence.get("connections"):
        return say(
            "{used} of {limit} connections",
            used=people_there,
            limit=licence["connections"],
        )
    return say("without a limit")

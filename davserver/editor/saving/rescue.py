"""Rescue: fetches the documents that the Document Server kept because nobody took their last save.

It keeps one ("forgotten") when all its tries to report a last save have failed, and gives it to
whoever opens the same key again. So a key in which somebody is, or is about to be, is left alone:
their own save brings everything. Source: Docs API, "Command service"; what the server does with
such documents was read in its code (DocsCoServer.js, canvasservice.js).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import structlog

from davserver import paths
from davserver.audit import Event
from davserver.editor.saving.callbacks import UNSOUND_DELIVERIES
from davserver.editor.saving.reports import CORRUPTED, FINAL
from davserver.editor.saving.standing import A_GUEST, MADE_UP
from davserver.editor.saving.storing import Delivery, Storing
from davserver.editor.server.client import DocumentServer
from davserver.editor.server.soundness import fault_of
from davserver.errors import BadGateway, DavserverError, Unavailable
from davserver.model import EditSession, called
from davserver.providers.saves import Reason, Save
from davserver.providers.sessions import EditSessions
from davserver.providers.stores import Spool

FORGOTTEN = 0
"""The status that the journal of saves has for what was fetched here: no callback has it."""

EVERY_SECONDS = 5 * 60
STUCK_SECONDS = 60 * 60
"""How long a document that cannot be taken is left alone."""

_log = structlog.get_logger("davserver.editor")


@dataclass(frozen=True, slots=True)
class Rescued:
    """A save that is in the folder now, at ``path``, and whose it is."""

    path: str
    author: str


class Rescue:
    """Runs from time to time, in one process. ``noted`` writes into the audit log."""

    def __init__(
        self,
        storing: Storing,
        sessions: EditSessions,
        server: DocumentServer,
        reported: Callable[[object, str], None],
        noted: Callable[..., None],
    ) -> None:
        self._storing = storing
        self._sessions = sessions
        self._server = server
        self._reported = reported
        self._noted = noted
        self._due = 0.0
        self._later: dict[str, float] = {}

    def when_due(self) -> None:
        """Run at start, every five minutes, and as soon as the server answers that did not.

        Raises Unavailable and BadGateway, and then is due again at the next call.
        """
        now = time.monotonic()
        if now < self._due:
            return
        self.run()
        self._due = now + EVERY_SECONDS

    def run(self) -> list[Rescued]:
        """Take every forgotten document that is ours to take. Raises Unavailable, BadGateway."""
        keys = self._server.forgotten()
        self._later = {key: until for key, until in self._later.items() if key in keys}
        found = []
        for key in keys:
            if self._later.get(key, 0) > time.monotonic():
                continue
            try:
                rescued = self._rescue(key)
            except DavserverError as fault:
                self._reported(FORGOTTEN, "failed")
                _log.warning("cannot rescue", key=key, fault=str(fault))
                if fault.status < 500:
                    self._put_off(key)
                continue
            if rescued:
                found.append(rescued)
        return found

    def _rescue(self, key: str) -> Rescued | None:
        session = self._sessions.find(key)
        if session is None:
            # Of another installation that uses the same server, or older than our memory.
            _log.warning("a forgotten document of an unknown session", key=key)
            self._later[key] = float("inf")
            return None
        # Its lease runs on for a while if we were off when the last one left.
        if session.is_live and self._server.is_edited(key):
            return None
        with self._sessions.one_at_a_time(session.key):
            found = self._sessions.find(key)
            if found is None or (found.is_live and found != session):
                return None
            url = self._server.address_of_forgotten(key)
            return self._take(found, url) if url else None

    def _take(self, session: EditSession, url: str) -> Rescued | None:
        """Store, then let the key go, then have the server drop it: each once, in this order."""
        key = session.key.value
        earlier = self._storing.saves.of_key(key)
        filetype = paths.extension(urlsplit(url).path)
        with self._storing.files.spool() as spool:
            self._server.fetch(url, spool)
            arrived = _Arrived(session, earlier, filetype, spool, url)
            if arrived.fault:
                return self._take_unsound(arrived)
            rescued = None if arrived.is_stored else self._store(arrived)
        # Whoever joined meanwhile opened the copy there: their own save makes the server drop it.
        if self._sessions.retire_unused(session.key):
            self._server.delete_forgotten(key)
        return rescued

    def _store(self, arrived: "_Arrived") -> Rescued:
        save = self._note(arrived)
        path = self._storing.put(arrived.session, arrived.delivery(save), arrived.spool)
        return self._tell(path, save)

    def _take_unsound(self, arrived: "_Arrived") -> Rescued | None:
        """Ask again, and put beside what keeps coming. It also stays where it is.

        It may be sound there, and the way from there to us not.
        """
        _log.warning("a forgotten document is not whole", fault=arrived.fault)
        if arrived.was_stored:
            self._put_off(arrived.session.key.value)
            return None
        save = self._note(arrived)
        if save.deliveries < UNSOUND_DELIVERIES:
            return None
        near = self._storing.files.last_path_of(arrived.session.resource_id)
        delivery = arrived.delivery(save)
        path = self._storing.put_beside(near, delivery, arrived.spool, Reason.UNSOUND)
        self._put_off(arrived.session.key.value)
        return self._tell(path, save)

    def _note(self, arrived: "_Arrived") -> Save:
        key, digest = arrived.session.key.value, arrived.spool.sha256
        return self._storing.saves.note(
            key, FORGOTTEN, digest, author=arrived.author, writers=arrived.writers, to_tell=True
        )

    def _tell(self, path: str, save: Save) -> Rescued:
        self._reported(FORGOTTEN, "taken")
        self._noted(Event.EDIT_SAVED, path=path, user=save.author, client="Document Server")
        _log.warning("rescued", path=path, author=save.author, key=save.key)
        return Rescued(path, save.author)

    def _put_off(self, key: str) -> None:
        self._later[key] = time.monotonic() + STUCK_SECONDS


class Rescues:
    """One for each Document Server; one that does not answer does not keep the others waiting."""

    def __init__(self, each: Sequence[Rescue]) -> None:
        self.each = tuple(each)

    def when_due(self) -> None:
        """As for one. Raises Unavailable and BadGateway after all had their turn."""
        self._let(lambda rescue: rescue.when_due())

    def run(self) -> list[Rescued]:
        """As for one. Raises Unavailable and BadGateway where none of the servers answers."""
        found: list[Rescued] = []
        faults = self._let(lambda rescue: found.extend(rescue.run()), most=len(self.each) - 1)
        for fault in faults:
            _log.warning("cannot ask for forgotten documents", fault=str(fault))
        return found

    def _let(self, act: Callable[[Rescue], object], most: int = 0) -> list[DavserverError]:
        """Let each act; its faults, if there are not more than ``most``, else the first raised."""
        faults: list[DavserverError] = []
        for rescue in self.each:
            try:
                act(rescue)
            except (Unavailable, BadGateway) as fault:
                faults.append(fault)
        if len(faults) > most:
            raise faults[0]
        return faults


class _Arrived:
    """A forgotten document as it was fetched, with what is known about its session's saves."""

    def __init__(
        self,
        session: EditSession,
        earlier: list[Save],
        filetype: str,
        spool: Spool,
        url: str,
    ) -> None:
        self.session = session
        self._url = url
        self.spool = spool
        self._filetype = filetype
        self._stored = [save for save in earlier if save.is_stored]
        self._reported = next((save for save in reversed(earlier) if save.status in FINAL), None)

    @property
    def is_stored(self) -> bool:
        """Whether it is what was stored last: an answer was lost, or we died before the end.

        What was converted into the file's own format is stored as other bytes than came.
        """
        last = self._stored[-1:]
        sha256 = self.spool.sha256
        return any(sha256 in (one.sha256, one.digest, one.came_as) for one in last)

    @property
    def was_stored(self) -> bool:
        """Whether these bytes were ever stored."""
        return any(save.sha256 == self.spool.sha256 for save in self._stored)

    @property
    def fault(self) -> str:
        """Why it is no whole document, if the server has not said so itself."""
        return "" if self._is_corrupted else fault_of(self.spool, self._filetype)

    @property
    def author(self) -> str:
        """Who saved, as far as anybody knows: those who were in when they were last heard of."""
        if self._reported is not None:
            return self._reported.author
        return ", ".join(map(called, self.session.editors))

    @property
    def writers(self) -> tuple[str, ...]:
        """The ids of those who wrote it, as far as the report that failed told."""
        return self._reported.writers if self._reported is not None else ()

    def delivery(self, save: Save) -> Delivery:
        """The document, to be stored as ``save``."""
        if self._reported is not None and self._reported.user:
            users: tuple[str, ...] = (self._reported.user,)
        else:
            users = tuple(MADE_UP if name == A_GUEST else name for name in self.session.editors)
        beside = Reason.BROKEN if self._is_corrupted else None
        when = self._reported.last_change if self._reported is not None else ""
        return Delivery(
            save.number, self._filetype, self.author, users, beside, self._url, self.writers, when
        )

    @property
    def _is_corrupted(self) -> bool:
        return self._reported is not None and self._reported.status == CORRUPTED

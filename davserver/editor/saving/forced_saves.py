"""Saves on our demand while people go on editing (Docs API, Command service, "forcesave").

The command only begins one: the bytes come by a callback with status 6, to whatever process.
"""

import threading
import time
from collections.abc import Collection
from enum import StrEnum

import structlog

from davserver.editor.server.client import NOTHING_NEW, OK, UNKNOWN_KEY
from davserver.editor.server.servers import Servers
from davserver.editor.sessions.waiting import comes_true
from davserver.errors import BadGateway, Conflict, NotFound, Unavailable
from davserver.model import EditSession
from davserver.providers.saves import Saves
from davserver.providers.sessions import EditSessions
from davserver.words import say

FRESH_SECONDS = 4
"""So long somebody waits who reads a file that is being edited."""
COMMAND_SECONDS = 3
READERS = 4
"""So many may wait at a time, in each process: the others get what there is."""
ROUND_SECONDS = 30

_log = structlog.get_logger("davserver.editor")


class Outcome(StrEnum):
    """How a demand ended; these words stand in the answer's header too."""

    UNEDITED = "unedited"
    SAVED = "saved"
    UNCHANGED = "unchanged"
    LATE = "late"


class ForcedSaves:
    """Demands saves of sessions, and waits for them."""

    def __init__(self, sessions: EditSessions, saves: Saves, servers: Servers) -> None:
        self._sessions = sessions
        self._saves = saves
        self._servers = servers
        self._readers = threading.BoundedSemaphore(READERS)
        self._demanded: dict[str, float] = {}

    def save(self, session: EditSession, seconds: float) -> Outcome:
        """Have what was typed stored, and wait for that until ``seconds`` are over."""
        return self.flush([session], seconds)[0]

    def flush(self, sessions: Collection[EditSession], seconds: float) -> list[Outcome]:
        """The same for each of ``sessions``, all at once."""
        deadline = time.monotonic() + seconds
        begun = [(session, self._saves.stored(session.key.value)) for session in sessions]
        answers = [self._answer(session, deadline) for session in sessions]
        return [
            self._outcome(session, before, answer, deadline)
            for (session, before), answer in zip(begun, answers, strict=True)
        ]

    def fresh(self, path: str) -> Outcome:
        """Have the file at ``path`` hold what its editors typed, as far as that is quickly done."""
        try:
            session = self._sessions.of_file(path)
        except (NotFound, Conflict):
            return Outcome.UNEDITED  # whoever reads is told
        if session is None or not session.is_live:
            return Outcome.UNEDITED
        if not self._readers.acquire(blocking=False):
            return Outcome.LATE
        try:
            return self.save(session, FRESH_SECONDS)
        finally:
            self._readers.release()

    def save_overdue(self, minutes: int) -> int:
        """Demand a save of each session that has not saved for so long; how many began one.

        Where nothing was typed, the server is asked again after as long.
        """
        now = time.monotonic()
        unsaved = self._sessions.unsaved_for(minutes * 60)
        keys = {session.key.value for session in unsaved}
        lately = now - minutes * 60
        self._demanded = {
            key: when for key, when in self._demanded.items() if key in keys and when > lately
        }
        overdue = [session for session in unsaved if session.key.value not in self._demanded]
        begun = 0
        for session, is_begun in self._servers.ask_each(overdue, self._demand, ROUND_SECONDS):
            begun += is_begun
            self._demanded[session.key.value] = now
        return begun

    def _demand(self, session: EditSession) -> bool:
        """Whether a save has begun; not if there is nothing new. Raises Unavailable."""
        answer = self._servers.of(session).command(
            "forcesave", within=COMMAND_SECONDS, key=session.key.value, userdata="davserver"
        )
        error = answer.get("error")
        if error not in {OK, UNKNOWN_KEY, NOTHING_NEW}:
            raise Unavailable(
                say("The Document Server refused to save: error {error}.", error=error)
            )
        return bool(error == OK)

    def _answer(self, session: EditSession, deadline: float) -> bool | None:
        """What ``_demand`` says; None if the server says nothing, or time is over."""
        if time.monotonic() > deadline:
            return None
        try:
            return self._demand(session)
        except (Unavailable, BadGateway) as fault:
            _log.warning("cannot demand a save", path=session.path, fault=str(fault))
            return None

    def _outcome(
        self, session: EditSession, before: int, is_coming: bool | None, deadline: float
    ) -> Outcome:
        if is_coming is None:
            return Outcome.LATE
        key = session.key.value

        def is_stored() -> bool:
            found = self._sessions.find(key)
            return self._saves.stored(key) > before or found is None or not found.is_live

        def is_at_rest() -> bool:
            # Nothing new; but somebody else's save may be on its way.
            return not self._sessions.is_reported(session.key)

        if is_coming:
            return Outcome.SAVED if comes_true(is_stored, deadline) else Outcome.LATE
        return Outcome.UNCHANGED if comes_true(is_at_rest, deadline) else Outcome.LATE

"""Joining the session of a file, at a time when that is safe.

While a session's last save is on its way, its key leads nowhere any more and the file has old text:
whoever opens the file then waits for the save. Source: Docs API, "How it works", Co-editing, and
the Document Server's code (``auth``, ``createSaveTimer``).
"""

import threading
import time
from collections.abc import Callable

from davserver.editor.saving.reports import FINAL
from davserver.editor.sessions.presence import Presence
from davserver.editor.sessions.waiting import comes_true
from davserver.errors import Conflict, NotFound, Unavailable
from davserver.model import OVER, EditSession, Entry, SessionState
from davserver.providers.saves import Saves
from davserver.providers.sessions import EditSessions
from davserver.words import say

WAIT_SECONDS = 15
WAITING = 8
"""So many may wait at a time, in each process: the others are told to come again."""


class StillSaving(Unavailable):
    """A document cannot be opened before its last save is stored."""

    def __init__(self) -> None:
        super().__init__(say("The document is being saved. Try again in a moment."))


class Joining:
    """Joins sessions."""

    def __init__(self, sessions: EditSessions, saves: Saves, presence: Presence) -> None:
        self.presence = presence
        self._sessions = sessions
        self._saves = saves
        self._waiting = threading.BoundedSemaphore(WAITING)

    def join(
        self, entry: Entry, editor: str, seconds: int, server: str, filler: str = ""
    ) -> EditSession:
        """``EditSessions.join``, after a last save that is on its way. Raises StillSaving too."""
        if not filler:
            self._settle(entry)
        return self._sessions.join(entry.path, editor, seconds, server, filler)

    def wait_for_end(self, key: str) -> None:
        """Wait for the end of the session of ``key``, which the Document Server refused to open.

        It does so from the moment when it begins the last save. Raises StillSaving.
        """

        def is_over() -> bool:
            session = self._sessions.find(key)
            if session is None or session.state in OVER:
                return True
            is_open = session.state is SessionState.OPEN
            return not is_open and not self._sessions.is_reported(session.key)

        self._wait_until(is_over)

    def _settle(self, entry: Entry) -> None:
        try:
            session = self._sessions.of_file(entry.path)
        except (NotFound, Conflict):
            return  # whoever joins is told
        if session is None or session.state is not SessionState.OPEN:
            return  # with what is on its way to be rescued, the server goes on under the same key
        key = session.key

        def is_at_rest() -> bool:
            # Looked at in this order: what is stored is over only once the key is retired.
            is_reported = self._sessions.is_reported(key)
            newest = self._saves.of_key(key.value)[-1:] if is_reported else []
            return not any(one.status in FINAL for one in newest)

        self._wait_until(is_at_rest)
        # It saved since it began. Where the Document Server knows nothing of it any more, it would
        # fetch what the session began with: old text.
        if session.etag != entry.etag and self.presence.is_unknown(session):
            self._sessions.end(key, SessionState.RETIRED)

    def _wait_until(self, condition: Callable[[], bool]) -> None:
        if condition():
            return
        if not self._waiting.acquire(blocking=False):
            raise StillSaving
        try:
            if not comes_true(condition, time.monotonic() + WAIT_SECONDS):
                raise StillSaving
        finally:
            self._waiting.release()

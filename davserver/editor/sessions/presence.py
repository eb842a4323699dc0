"""Who is in the editing sessions, by the Document Server's own account (Docs API, "info").

Pages and messages keep a session's lease. A page can be closed without a word, and a message be
lost, so before a lease ends the Document Server is asked.
"""

import structlog

from davserver.editor.saving.callbacks import LEASE_SECONDS
from davserver.editor.saving.standing import people
from davserver.editor.server.client import OK, UNKNOWN_KEY
from davserver.editor.server.servers import Servers
from davserver.errors import BadGateway, Unavailable
from davserver.model import EditSession, SessionState
from davserver.providers.sessions import EditSessions

NEAR_SECONDS = 8 * 60
"""Asked for so long before a lease ends: longer than the server needs to miss a browser, 420 s."""
LAPSED_SECONDS = 3600
"""And for so long after: nobody kept house while we were down."""
ROUND_SECONDS = 30

_log = structlog.get_logger("davserver.editor")


class Presence:
    """Asks about sessions, and renews those with people in them."""

    def __init__(self, sessions: EditSessions, servers: Servers) -> None:
        self._sessions = sessions
        self._servers = servers

    def reconcile(self) -> int:
        """Ask about the leases that are about to end; how many were renewed.

        Where the server does not answer, nothing is changed: a lease ends by itself.
        """
        renewed = 0
        lapsing = self._sessions.lapsing(NEAR_SECONDS, LAPSED_SECONDS)
        for session, answer in self._servers.ask_each(lapsing, self._info, ROUND_SECONDS):
            if answer.get("error") == OK and answer.get("users"):
                names = people(answer)
                self._sessions.renew(session.key.value, LEASE_SECONDS, names)
                renewed += 1
            elif answer.get("error") == UNKNOWN_KEY and not session.is_live:
                self._sessions.end(session.key, SessionState.CLOSED)
        return renewed

    def is_unknown(self, session: EditSession) -> bool:
        """Whether the server says that it has nothing under the session's key."""
        key = session.key.value
        try:
            answer = self._info(session)
            return answer.get("error") == UNKNOWN_KEY and key not in self._forgotten(session)
        except (Unavailable, BadGateway) as fault:
            _log.warning("cannot ask for a session", path=session.path, fault=str(fault))
            return False

    def _forgotten(self, session: EditSession) -> list[str]:
        """The keys of last saves that nobody took: who opens such a key gets that document."""
        return self._servers.of(session).forgotten()

    def _info(self, session: EditSession) -> dict[str, object]:
        return self._servers.of(session).command("info", key=session.key.value)

"""Ending what keeps a file from being edited: a session, or another program's lock.

It is for those who may share the file: a manager of it, and administrators.
"""

import structlog

from davserver.editor.saving.forced_saves import ForcedSaves, Outcome
from davserver.editor.server.servers import Servers
from davserver.errors import BadGateway, Conflict, Unavailable
from davserver.model import EditSession, SessionState
from davserver.providers.sessions import EditSessions
from davserver.words import say

FLUSH_SECONDS = 10

_log = structlog.get_logger("davserver.editor")


class Ending:
    """Ends sessions: what was typed is stored, those who edit look on, the file is free."""

    def __init__(self, sessions: EditSessions, servers: Servers, saves: ForcedSaves) -> None:
        self._sessions = sessions
        self._servers = servers
        self._saves = saves

    def end(self, path: str) -> tuple[EditSession, Outcome]:
        """End the session of the file at ``path``; how its last save went.

        What it sends after that is put beside the file. Raises Conflict where there is none.
        """
        session = self._sessions.of_file(path)
        if session is None:
            raise Conflict(say("Nobody edits this file."))
        outcome = self._saves.save(session, FLUSH_SECONDS)
        # Before the server is told: the save that follows must find it ended.
        self._sessions.end(session.key, SessionState.ENDED)
        try:
            self._servers.of(session).command("drop", key=session.key.value)
        except (Unavailable, BadGateway) as fault:
            _log.warning("cannot drop", path=session.path, fault=str(fault))
        _log.info("session ended", path=session.path, users=session.editors)
        return session, outcome

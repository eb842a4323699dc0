"""Keeps what a report tells of the changes in a save, with the version that the save became.

A save never fails because of it. Source: Docs API, "Callback handler": history, changesurl.
"""

import json
from typing import Any

import structlog

from davserver.editor.server.servers import Servers
from davserver.errors import DavserverError
from davserver.model import EditSession
from davserver.providers.files import VersionedFiles
from davserver.providers.highlights import Highlights
from davserver.providers.saves import Saves
from davserver.providers.stores import Spool

MAX_CONTENT_BYTES = 32 << 20
MAX_CONTENT_SECONDS = 20
"""The Document Server waits for our answer meanwhile, and so does whoever opens the file."""
MAX_LIST_BYTES = 1 << 20
MAX_SERVER_VERSION = 40

_ZIP_MAGIC = b"PK"

_log = structlog.get_logger("davserver.editor")


class Highlighting:
    """Fetches and keeps changes."""

    def __init__(
        self, highlights: Highlights, saves: Saves, files: VersionedFiles, servers: Servers
    ) -> None:
        self._highlights = highlights
        self._saves = saves
        self._files = files
        self._servers = servers

    def keep(self, session: EditSession, report: dict[str, Any], number: int | None = None) -> None:
        """Keep what ``report`` tells of the changes until the save of this number in the journal,
        or until the session's newest.

        Whatever goes wrong is logged, and nothing else: the save is stored already.
        """
        try:
            self._keep(session, report, number)
        except DavserverError as fault:
            _log.warning("changes are not kept", path=session.path, fault=str(fault))
        except Exception:
            # Told of a failure, the Document Server would hold the save for lost.
            _log.exception("changes are not kept", path=session.path)

    def _keep(self, session: EditSession, report: dict[str, Any], number: int | None) -> None:
        server_version, changes = changes_in(report)
        saves = self._saves.of_key(session.key.value) if changes else []
        stored = [one for one in saves if one.is_stored and number in (None, one.number)]
        # Saved in the file's own format, the bytes are other ones than came.
        sha256 = stored[-1].sha256 if stored else ""
        if not sha256 or not self._highlights.wants(session, sha256):
            return
        with self._files.spool() as spool:
            content = spool if self._fetch(session, report, spool) else None
            self._highlights.keep(session, sha256, server_version, changes, content)

    def _fetch(self, session: EditSession, report: dict[str, Any], spool: Spool) -> bool:
        """Whether what the editor shows changes by is in ``spool`` now."""
        url = str(report.get("changesurl") or "")
        if not url:
            return False
        try:
            self._servers.of(session).fetch(url, spool, MAX_CONTENT_SECONDS, MAX_CONTENT_BYTES)
        except DavserverError as fault:
            # Who changed something is worth to be kept without it.
            _log.warning("cannot fetch changes", path=session.path, fault=str(fault))
            return False
        return spool.read(0, len(_ZIP_MAGIC)) == _ZIP_MAGIC


def changes_in(report: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """The server's version and the list of changes that a report tells; no changes where the list
    is not as documented, or too long. Pure.
    """
    history = report.get("history")
    if not isinstance(history, dict):
        return "", []
    changes = history.get("changes")
    if not isinstance(changes, list) or not all(
        isinstance(change, dict) and isinstance(change.get("user"), dict) for change in changes
    ):
        return "", []
    if len(json.dumps(changes)) > MAX_LIST_BYTES:
        return "", []
    return str(history.get("serverVersion") or "")[:MAX_SERVER_VERSION], changes

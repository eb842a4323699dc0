"""GET /-/download/<token>: the Document Server fetches what a session begins with, and versions.

Its token names a resource ("rid") and what of it: the state with an "etag", or the "changes" that
made the version of this number. Or it means a blank document of a language, for a form.
"""

from collections.abc import Mapping
from typing import Any

from davserver.audit import Event
from davserver.content import asked_range, file_response, safe_headers
from davserver.editor.creating.blank import BlankDocuments
from davserver.editor.middleware import BLANK, DOWNLOAD
from davserver.editor.server.servers import Servers
from davserver.errors import DavserverError
from davserver.providers.files import VersionedFiles
from davserver.providers.highlights import Highlights
from davserver.providers.sessions import EditSessions
from davserver.providers.timeline import Timeline, What
from davserver.tokens import Tokens
from davserver.web import Request, Response

SECONDS = 12 * 3600
"""A session that lost its cache fetches again, hours later."""
CHANGES = "/changes.zip"
"""What changes are called when they are sent."""


class Download:
    """Two proofs are needed: our token in the address, and the server's own over that address."""

    def __init__(
        self,
        files: VersionedFiles,
        highlights: Highlights,
        links: Tokens,
        servers: Servers,
        blank: BlankDocuments,
        timeline: Timeline,
        sessions: EditSessions,
    ) -> None:
        self._files = files
        self._highlights = highlights
        self._links = links
        self._servers = servers
        self._blank = blank
        self._timeline = timeline
        self._sessions = sessions

    def __call__(self, request: Request) -> Response:
        claims = self._links.read(request.below(DOWNLOAD)[1:])
        self._servers.check_download(request, claims.get("ds", ""))
        if BLANK in claims:
            language, paper = claims[BLANK]
            blank = self._blank.make("docx", language, paper)
            return Response(200, blank, safe_headers("/blank.docx", save=True))
        if "changes" in claims:
            content, size = self._highlights.open(claims["rid"], claims["changes"])
            headers = safe_headers(CHANGES, save=True)
            return file_response(content, size, headers, asked_range(request))
        if "key" in claims:
            self._sessions.take(claims["key"], claims.get("ds", ""))
        try:
            content, size, path = self._files.open_state(claims["rid"], claims["etag"])
        except DavserverError as fault:
            self._note(claims, f"the document: {fault.status}")
            raise
        self._note(claims, f"the document: {size} bytes")
        request.note(Event.READ, path=path, etag=claims["etag"])
        headers = safe_headers(path, save=True)
        return file_response(content, size, headers, asked_range(request))

    def _note(self, claims: Mapping[str, Any], words: str) -> None:
        """For the timeline of the session, if it is for one."""
        if "key" in claims:
            self._timeline.note(claims["key"], What.FETCHED, words)

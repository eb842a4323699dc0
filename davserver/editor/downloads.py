"""GET /-/download/<token>: the Document Server fetches what a session begins with."""

from davserver.audit import Event
from davserver.content import asked_range, file_response, safe_headers
from davserver.editor.middleware import DOWNLOAD
from davserver.editor.tokens import ServerTokens
from davserver.providers.files import VersionedFiles
from davserver.tokens import Tokens
from davserver.web import Request, Response

SECONDS = 12 * 3600
"""A session that lost its cache fetches again, hours later."""


class Download:
    """Two proofs are needed: our token in the address, and the server's own over that address."""

    def __init__(self, files: VersionedFiles, links: Tokens, server_tokens: ServerTokens) -> None:
        self._files = files
        self._links = links
        self._server_tokens = server_tokens

    def __call__(self, request: Request) -> Response:
        claims = self._links.read(request.below(DOWNLOAD)[1:])
        self._server_tokens.check_download(
            request.header(self._server_tokens.header), request.target
        )
        content, size, path = self._files.open_state(claims["rid"], claims["etag"])
        request.note(Event.READ, path=path, etag=claims["etag"])
        headers = safe_headers(path, save=True)
        return file_response(content, size, headers, asked_range(request))

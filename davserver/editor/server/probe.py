"""GET /-/empty/<token>: a small document that the doctor lets the Document Server convert.

It is given to whoever brings our own token, for it holds nothing. What matters is how the request
arrived: whether the Document Server's own token came along, and whether it is valid.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from davserver.editor.creating.blank import BlankDocuments
from davserver.editor.middleware import PROBE
from davserver.editor.server.servers import Servers
from davserver.editor.server.tokens import NotFromServer
from davserver.providers.probes import Probes
from davserver.tokens import Tokens
from davserver.web import NOSNIFF, Request, Response

PROBE_SECONDS = 600
PROBE_PURPOSE = "doctor"
MISSING, VALID, REFUSED = "missing", "valid", "refused"

_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_WORDS = ["davserver", "The Document Server reached davserver."]


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a test download arrived.

    ``token`` is missing, valid or refused, for the reason in ``words``; ``skew`` by how many
    seconds the Document Server's clock is ahead of ours, as its token tells.
    """

    token: str
    words: str
    skew: int

    @classmethod
    def of(cls, seen: Mapping[str, Any]) -> "Arrival":
        """What ``providers.probes`` kept of it."""
        return cls(str(seen["token"]), str(seen["words"]), int(seen["skew"]))


class Probe:
    """The handler."""

    def __init__(
        self, servers: Servers, links: Tokens, probes: Probes, blank: BlankDocuments
    ) -> None:
        self._servers = servers
        self._links = links
        self._probes = probes
        self._blank = blank

    def __call__(self, request: Request) -> Response:
        claims = self._links.read(request.below(PROBE)[1:])
        arrival = self._arrival(request, claims["ds"])
        self._probes.note(claims["id"], asdict(arrival))
        content = self._blank.make("docx", "en-US", lines=_WORDS)
        headers = [("Content-Type", _DOCX), ("Cache-Control", "no-store"), NOSNIFF]
        return Response(200, content, headers)

    def _arrival(self, request: Request, address: str) -> Arrival:
        tokens = self._servers.called(address).tokens
        header = request.header(tokens.header)
        if not header:
            return Arrival(MISSING, "", 0)
        made = tokens.when_made(header)
        skew = round(made - time.time()) if made else 0
        try:
            tokens.check_download(header, request.target)
        except NotFromServer as fault:
            return Arrival(REFUSED, str(fault), skew)
        return Arrival(VALID, "", skew)

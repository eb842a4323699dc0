"""GET /-/empty/<token>: a small document that the doctor lets the Document Server convert.

It is given to whoever brings our own token, for it holds nothing. What matters is how the request
arrived: whether the Document Server's own token came along, and whether it is valid. Whoever
examines tells that: settings are tried before the server has them, so the handler knows none.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from davserver.editor.creating.blank import BlankDocuments
from davserver.editor.middleware import PROBE
from davserver.editor.server.tokens import NotFromServer, ServerTokens
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
    def of(cls, seen: Mapping[str, Any], tokens: ServerTokens) -> "Arrival":
        """What ``providers.probes`` kept of it, looked at with the secret of a server."""
        header = str(seen["header"])
        if not header:
            return cls(MISSING, "", 0)
        made = tokens.when_made(header)
        skew = round(made - float(seen["at"])) if made else 0
        try:
            tokens.check_download(header, str(seen["target"]))
        except NotFromServer as fault:
            return cls(REFUSED, str(fault), skew)
        return cls(VALID, "", skew)


class Probe:
    """The handler. The claim ``header`` of our token names the header with the server's own."""

    def __init__(self, links: Tokens, probes: Probes, blank: BlankDocuments) -> None:
        self._links = links
        self._probes = probes
        self._blank = blank

    def __call__(self, request: Request) -> Response:
        claims = self._links.read(request.below(PROBE)[1:])
        header = request.header(claims["header"])
        seen = {"header": header, "target": request.target, "at": time.time()}
        self._probes.note(claims["id"], seen)
        content = self._blank.make("docx", "en-US", lines=_WORDS)
        headers = [("Content-Type", _DOCX), ("Cache-Control", "no-store"), NOSNIFF]
        return Response(200, content, headers)

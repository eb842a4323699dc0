"""Has the Document Server convert: asks until there is an end, and fetches what comes of it."""

import secrets
import time
from contextlib import AbstractContextManager
from typing import Any

from davserver.editor.conversion.conversions import (
    Source,
    Wanted,
    conversion_key,
    endings,
    parameters,
)
from davserver.editor.conversion.refusals import UNFINISHED, UNKNOWN, refusal
from davserver.editor.conversion.turns import Turns
from davserver.editor.server.client import DocumentServer
from davserver.editor.server.servers import Servers
from davserver.editor.server.soundness import fault_of
from davserver.errors import BadGateway, Forbidden
from davserver.model import link_of
from davserver.providers.stores import Spool
from davserver.words import say

SECONDS = 50
"""How long a person waits: many a proxy gives up after 60. What is not done by then goes on at the
Document Server, and who asks again gets it."""
FETCH_SECONDS = 60
"""To fetch a result there are so many in any case."""
_ASK_AGAIN_SECONDS = (0.2, 0.3, 0.5, 0.8, 1.0)
"""Between questions; the last one counts for all that follow."""

# Faults that may have passed: for some of them the server keeps its answer, and gives it to the
# same key without trying (convertByCmd, FileStatus.Err).
_MAY_HAVE_PASSED = frozenset({-1, -2, -3, -4, -6})


class Converter:
    """Conversions of this installation, each when its turn comes."""

    def __init__(self, servers: Servers, turns: Turns, instance_id: str) -> None:
        self._servers = servers
        self._turns = turns
        self._instance_id = instance_id

    def convert(
        self,
        source: Source,
        wanted: Wanted,
        spool: Spool,
        who: str | None,
        seconds: float = SECONDS,
        server: DocumentServer | None = None,
    ) -> str:
        """Write what comes of ``source`` into ``spool``; its extension.

        ``who`` asks (``Principal.actor``), None for davserver itself; ``server`` is the one that
        has to do it, if it is not all the same. Raises NotConverted, TooManyConversions,
        Unavailable, BadGateway, and what ``DocumentServer.fetch`` raises.
        """
        deadline = time.monotonic() + seconds
        asked = parameters(source, wanted)
        # One for the whole conversation: it is the one that knows of the conversion.
        server = server or self._servers.for_new()
        with self._turn(who, deadline):
            answer = self._outcome(server, source, asked, deadline)
            extension = _extension(answer, wanted)
            left = max(deadline - time.monotonic(), FETCH_SECONDS)
            server.fetch(_address(server, answer), spool, left)
        fault = fault_of(spool, extension)
        if fault:
            raise BadGateway(
                say(
                    "What the Document Server made of the file is not whole: {reason}",
                    reason=str(fault),
                )
            )
        return extension

    def _turn(self, who: str | None, deadline: float) -> AbstractContextManager[None]:
        if who is None:
            return self._turns.any(deadline)
        # All guests of a link are counted together, for they are quickly made.
        link = link_of(who)
        return self._turns.of(f"link:{link}" if link else who, deadline)

    def _outcome(
        self, server: DocumentServer, source: Source, asked: dict[str, Any], deadline: float
    ) -> dict[str, Any]:
        """The answer of the end. A fault that is told at once may be one of long ago: ask anew."""
        key = conversion_key(self._instance_id, source, asked)
        answer = server.convert({**asked, "key": key})
        if _code(answer) in _MAY_HAVE_PASSED:
            key = conversion_key(self._instance_id, source, asked, secrets.token_hex(8))
            answer = server.convert({**asked, "key": key})
        pauses = iter(_ASK_AGAIN_SECONDS)
        while not _code(answer) and answer.get("endConvert") is not True:
            pause = next(pauses, _ASK_AGAIN_SECONDS[-1])
            if time.monotonic() + pause > deadline:
                raise refusal(UNFINISHED)
            time.sleep(pause)
            answer = server.convert({**asked, "key": key})
        if _code(answer):
            raise refusal(_code(answer), had_password="password" in asked)
        return answer


def _extension(answer: dict[str, Any], wanted: Wanted) -> str:
    """The extension of the result, which is what was asked for. Raises BadGateway."""
    extension = str(answer.get("fileType") or "").lower().lstrip(".")
    if extension not in endings(wanted.target):
        raise BadGateway(
            say(
                "The Document Server was asked for {target} and made something else.",
                target=wanted.target,
            )
        )
    return extension


def _code(answer: dict[str, Any]) -> int:
    """The error of an answer, 0 if there is none."""
    error = answer.get("error")
    if error in (None, 0, "0", ""):
        return 0
    try:
        return int(str(error))
    except ValueError:
        return UNKNOWN


def _address(server: DocumentServer, answer: dict[str, Any]) -> str:
    """Where the result is, which is with the server itself. Raises BadGateway."""
    url = str(answer.get("fileUrl") or "")
    try:
        server.reachable(url)
    except Forbidden:
        raise BadGateway(
            say(
                "The Document Server offers its result at an address that is not its own. Whoever "
                "runs it compares document_server and document_server_internal with what it calls "
                "itself."
            )
        ) from None
    return url

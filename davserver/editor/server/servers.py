"""The Document Servers in the order in which they are wanted: which of them is used for what.

A new session goes to the first that answers, and stays there: the server holds what was typed. What
was found out about them lies in the catalog, so that every process knows it.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import structlog

from davserver.editor.server.client import DocumentServer
from davserver.editor.server.tokens import NotFromServer
from davserver.errors import BadGateway, Forbidden, Unavailable
from davserver.model import EditSession
from davserver.providers.server_health import Health, ServerHealth
from davserver.web import Request
from davserver.words import say

LEARN_SECONDS = 600
"""So often a server is asked what it says of itself."""
AGAIN_SECONDS = 5
"""After a failure a server is looked at again, but not more often than this."""

Answer = TypeVar("Answer")

_log = structlog.get_logger("davserver.editor")


@dataclass(frozen=True, slots=True)
class Trouble:
    """No Document Server answers: why the first does not, and when it last did."""

    words: str
    last_ok: datetime | None


class Servers:
    """At least one Document Server."""

    def __init__(self, servers: Sequence[DocumentServer], health: ServerHealth) -> None:
        self.first = servers[0]
        self._servers = tuple(servers)
        self._health = health
        self._learnt = dict.fromkeys((server.public for server in servers), -math.inf)
        for server in servers:
            server.when_unreachable = partial(self._look_again, server)

    def __iter__(self) -> Iterator[DocumentServer]:
        self._take_over()
        return iter(self._servers)

    def for_new(self) -> DocumentServer:
        """The first that answers, for a session that begins now; the first of all if none does."""
        self._take_over()
        return next(filter(self.is_up, self._servers), self.first)

    def is_up(self, server: DocumentServer) -> bool:
        """Whether a server answered when it was last asked, or was never asked."""
        health = self.health(server)
        return health is None or health.is_up

    def of(self, session: EditSession | None) -> DocumentServer:
        """The one that a session is on; the first if it is on none that is still configured."""
        return self.called(session.server if session else "")

    def called(self, address: str) -> DocumentServer:
        """The one with this public address; the first if there is none."""
        self._take_over()
        named = (server for server in self._servers if server.public == address)
        return next(named, self.first)

    def with_address(self, url: str) -> DocumentServer:
        """The one that ``url`` belongs to. Raises Forbidden if it belongs to none."""
        for server in self:
            try:
                server.reachable(url)
            except Forbidden:
                continue
            return server
        raise Forbidden(say("The address of a document is not a configured Document Server's."))

    def ask_each(
        self,
        sessions: Iterable[EditSession],
        ask: Callable[[EditSession], Answer],
        seconds: float,
    ) -> Iterator[tuple[EditSession, Answer]]:
        """What ``ask`` says of one session after the other, until ``seconds`` are over.

        A server that raises Unavailable or BadGateway is not asked again.
        """
        silent: set[str] = set()
        deadline = time.monotonic() + seconds
        for session in sessions:
            if time.monotonic() > deadline:
                return
            if session.server in silent:
                continue
            try:
                answer = ask(session)
            except (Unavailable, BadGateway) as fault:
                _log.warning("cannot ask for a session", path=session.path, fault=str(fault))
                silent.add(session.server)
            else:
                yield session, answer

    def check_download(self, request: Request, address: str) -> None:
        """Raise NotFromServer unless the request is signed for just its address.

        By the server with this public address, if one is named, else by any of them.
        """
        asked = [self.called(address)] if address else list(self)
        for number, server in enumerate(asked, 1):
            try:
                server.tokens.check_download(request.header(server.tokens.header), request.target)
            except NotFromServer:
                if number == len(asked):
                    raise
            else:
                return

    def health(self, server: DocumentServer) -> Health | None:
        """How a server was when it was last asked; None if it never was."""
        return self._health.all().get(server.public)

    def trouble(self) -> Trouble | None:
        """What is wrong if none answers. Nothing is switched off by that."""
        health = self._health.all()
        found = [health.get(server.public) for server in self._servers]
        if any(health is None or health.is_up for health in found) or found[0] is None:
            return None
        return Trouble(
            found[0].words, max((h.last_ok for h in found if h and h.last_ok), default=None)
        )

    def check(self) -> None:
        """Ask each of them how it is: a task of the housekeeping."""
        self._health.forget_others([server.public for server in self._servers])
        for server in self._servers:
            self.look_at(server)

    def look_at(self, server: DocumentServer) -> None:
        """Ask one how it is, and write that down."""
        before, began, version = self.health(server), time.monotonic(), ""
        try:
            words = "" if server.is_healthy() else "its /healthcheck does not answer true"
            if not words and began - self._learnt[server.public] > LEARN_SECONDS:
                version = str(server.command("version").get("version") or "")
                self._health.learn(server.public, server.told())
                self._learnt[server.public] = began
        except (Unavailable, BadGateway, Forbidden) as fault:
            words = str(fault)
        self._health.note(server.public, words, time.monotonic() - began, version)
        if words and (before is None or before.is_up):
            _log.error("Document Server does not answer", server=server.public, fault=words)
        if not words and before is not None and not before.is_up:
            _log.warning("Document Server answers again", server=server.public)

    def _look_again(self, server: DocumentServer) -> None:
        """A request to it failed: is it down?"""
        before = self.health(server)
        age = (datetime.now(UTC) - before.checked).total_seconds() if before else math.inf
        if age > AGAIN_SECONDS:
            self.look_at(server)

    def _take_over(self) -> dict[str, Health]:
        """Let each server have what any process learnt from it; how each is."""
        health = self._health.all()
        for server in self._servers:
            if server.public in health:
                server.learn(health[server.public].told, health[server.public].version)
        return health

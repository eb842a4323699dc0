"""Sends notices out of the house: a task of the housekeeping, so that nobody waits for it."""

import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

import structlog

from davserver.errors import Unavailable, Unprocessable
from davserver.providers.notices import Notice, Notices, Outcome
from davserver.tidings import place_of

MAX_A_ROUND = 100
ROUND_SECONDS = 25
"""So long the housekeeping is kept at most by one way, and a message that is under way."""
REST_SECONDS = 300
"""After a failure that is not about one message."""
GIVE_UP_SECONDS = 24 * 3600

_log = structlog.get_logger("davserver.notices")


class Sending(Protocol):
    """Sends one after the other."""

    def send(self, notice: Notice, url: str) -> None:
        """Send one; ``url`` leads to its place. Raises Unavailable, Unprocessable if never."""
        ...


class Way(Protocol):
    """How notices get out: by mail, or to a program."""

    def open(self) -> AbstractContextManager[Sending]:
        """Get ready to send some. Raises Unavailable."""
        ...


class Deliveries:
    """``site`` is the public address; ``ways`` are by their names in ``Notices``."""

    def __init__(self, notices: Notices, site: str, ways: Mapping[str, Way]) -> None:
        self._notices = notices
        self._site = site
        self._ways = ways
        self._rests: dict[str, float] = {}

    def run(self) -> None:
        """Send what is due. What fails for a reason that passes is tried again, for a day."""
        self._notices.purge()
        for name, way in self._ways.items():
            self._notices.give_up(name, GIVE_UP_SECONDS)
            due = self._notices.due(name, MAX_A_ROUND)
            if not due or time.monotonic() < self._rests.get(name, 0.0):
                continue
            try:
                self._send(name, way, due)
            except Unavailable as fault:
                _log.warning("notices are not sent", way=name, fault=str(fault))
                self._rests[name] = time.monotonic() + REST_SECONDS

    def _send(self, name: str, way: Way, due: Iterable[Notice]) -> None:
        deadline = time.monotonic() + ROUND_SECONDS
        with way.open() as sending:
            for notice in due:
                if time.monotonic() > deadline:
                    return
                try:
                    sending.send(notice, self._site + place_of(notice))
                except Unprocessable as fault:
                    _log.warning(
                        "a notice is refused", way=name, user=notice.user, fault=str(fault)
                    )
                    self._notices.tell(name, notice.number, Outcome.FAILED)
                else:
                    self._notices.tell(name, notice.number, Outcome.SENT)

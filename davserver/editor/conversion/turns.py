"""Turns at the Document Server's conversions: so many at once, so many for each person."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from davserver.editor.conversion.refusals import TooManyConversions
from davserver.errors import Unavailable
from davserver.providers.exclusion import Exclusion
from davserver.words import say

_MINUTE = 60.0
_LOOK_AGAIN_SECONDS = 0.1
_REMEMBERED = 1024


class Turns:
    """At most ``at_once`` conversions run, in all processes together.

    ``inside`` are the requests of this process that may run or wait: their threads are busy, and
    the Document Server needs some of the others to fetch from us what it shall convert.
    ``per_minute`` are those of one person, 0 for any number.
    """

    def __init__(self, exclusion: Exclusion, at_once: int, inside: int, per_minute: int) -> None:
        self._exclusion = exclusion
        self._at_once = at_once
        self._room = inside
        self._never = inside < 1
        self._per_minute = per_minute
        self._lock = threading.Lock()
        self._begun: dict[str, deque[float]] = {}

    @contextmanager
    def of(self, who: str, deadline: float) -> Iterator[None]:
        """A turn for ``who``, to be had before ``deadline`` (``time.monotonic``).

        Raises TooManyConversions, and Unavailable where too many wait already or none ends in time.
        """
        if self._never:
            raise Unavailable(say("Nothing is converted with a single thread: raise `threads`."))
        with self._lock:
            if self._room < 1:
                raise Unavailable(say("Too many conversions are under way. Try again in a moment."))
            self._count(who)
            self._room -= 1
        try:
            with self.any(deadline):
                yield
        finally:
            with self._lock:
                self._room += 1

    @contextmanager
    def any(self, deadline: float) -> Iterator[None]:
        """A turn for nobody: what the server itself has to convert. Raises Unavailable."""
        with ExitStack() as held:
            while not self._take(held):
                if time.monotonic() > deadline:
                    raise Unavailable(
                        say("Too many conversions are under way. Try again in a moment.")
                    )
                time.sleep(_LOOK_AGAIN_SECONDS)
            yield

    def _take(self, held: ExitStack) -> bool:
        for number in range(self._at_once):
            with ExitStack() as trying:
                if trying.enter_context(self._exclusion.if_free(f"conversion-{number}")):
                    held.enter_context(trying.pop_all())
                    return True
        return False

    def _count(self, who: str) -> None:
        """Book a conversion for ``who``, with ``_lock`` held. Raises TooManyConversions."""
        if not self._per_minute:
            return
        now = time.monotonic()
        if len(self._begun) > _REMEMBERED:
            recent = {one: times for one, times in self._begun.items() if times[-1] > now - _MINUTE}
            self._begun = recent
        times = self._begun.setdefault(who, deque())
        while times and times[0] <= now - _MINUTE:
            times.popleft()
        if len(times) >= self._per_minute:
            raise TooManyConversions(int(times[0] + _MINUTE - now) + 1)
        times.append(now)

"""Work beside a thread that must not wait for it: hashing and syncing what it goes on to write."""

import queue
import threading
from collections.abc import Callable

BEHIND_AT_MOST = 8
"""Pieces of work that may wait; then whoever gives more waits."""

_Work = Callable[[], object]


class Background:
    """One thread, begun with the first piece of work, that does them in their order."""

    def __init__(self) -> None:
        self._works: queue.Queue[_Work | None] = queue.Queue(BEHIND_AT_MOST)
        self._thread: threading.Thread | None = None
        self._fault: Exception | None = None

    def do(self, work: _Work) -> None:
        """Have it done soon. Raises what an earlier piece of work raised."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="background", daemon=True)
            self._thread.start()
        if self._fault is not None:
            self.finish()
        self._works.put(work)

    def finish(self) -> None:
        """Wait until all is done, and end. Raises what one of them raised."""
        if self._thread is not None:
            self._works.put(None)
            self._thread.join()
            self._thread = None
        fault, self._fault = self._fault, None
        if fault is not None:
            raise fault

    def _run(self) -> None:
        while (work := self._works.get()) is not None:
            if self._fault is None:
                try:
                    work()
                except Exception as fault:
                    self._fault = fault

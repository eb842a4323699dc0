"""The threads of one process: so many that work, and more while some wait for slow clients."""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cheroot.workers.threadpool import ThreadPool

WAITING_AT_MOST = 400
"""Threads that may wait for clients beside those that work."""


class Threads(ThreadPool):
    """cheroot's pool, grown while its threads wait for clients and shrunk when they are idle."""

    # cheroot's own, which carries no types.
    _queue: "queue.Queue[Any]"
    _threads: list[threading.Thread]
    _spawn_worker: Any
    _clear_dead_threads: Any

    def __init__(self, server: Any, working: int, queued_at_most: int) -> None:
        super().__init__(server, min=working, max=working + WAITING_AT_MOST)
        self._queued_at_most = queued_at_most
        self._count = threading.Lock()
        self._idle = 0
        self._waiting = 0
        self.get = self._next

    def put(self, conn: Any) -> None:
        """Hand a connection to a thread. Raises queue.Full, at once."""
        if self._queue.qsize() >= self._queued_at_most:
            raise queue.Full
        self._queue.put(conn)
        self._grow_if_needed()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """The thread in this block waits for a client, and another one may work for it."""
        with self._count:
            self._waiting += 1
        try:
            self._grow_if_needed()
            yield
        finally:
            with self._count:
                self._waiting -= 1

    def is_needed(self) -> bool:
        """Whether somebody waits for a thread."""
        return not self._queue.empty()

    def tidy(self) -> None:
        """Let a thread go that is more than those that work and has nothing to do."""
        if self._idle > self.min:
            self.shrink(1)

    def grow(self, amount: int) -> None:
        """Begin more threads, without waiting for them."""
        room = max(self.max - len(self._threads), 0)
        self._threads.extend(self._spawn_worker() for _ in range(min(amount, room)))

    def _next(self) -> Any:
        with self._count:
            self._idle += 1
        try:
            return self._queue.get()
        finally:
            with self._count:
                self._idle -= 1

    def _grow_if_needed(self) -> None:
        with self._count:
            threads = len(self._threads)
            works = threads - self._idle - self._waiting
            if self._queue.empty() or self._idle or works >= self.min:
                return
            self._clear_dead_threads()
            self.grow(1)

    @staticmethod
    def _force_close(conn: Any) -> None:
        if conn is not None:
            conn.abort()

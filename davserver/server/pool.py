"""The threads of one process: one leads, the others stand by.

The leader waits for connections and answers them itself, one after another. While one thread runs,
nobody contends for the interpreter, whose lock would change hands at every system call: with eight
busy clients that costs more than the answers do. So a second thread runs only when it has to: the
leader gives the lead away before it waits for a slow client, and loses it to the next thread when
an answer takes longer than a blink.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cheroot.workers.threadpool import (  # type: ignore[attr-defined]
    _SHUTDOWNREQUEST,
    ThreadPool,
)

WAITING_AT_MOST = 400
"""Threads that may wait for clients beside those that work."""

BLINK_SECONDS = 0.005
"""How long an answer may keep the lead."""


class Threads(ThreadPool):
    """cheroot's pool. Its threads take connections by ``get``; who leads waits for them there."""

    # cheroot's own, which carries no types.
    _threads: list[threading.Thread]
    _spawn_worker: Any

    def __init__(self, server: Any, working: int) -> None:
        super().__init__(server, min=working, max=working + WAITING_AT_MOST)
        self._state = threading.Lock()
        self._lead = threading.Lock()
        self._leader = 0
        self._answers_since = 0.0
        self._standing_by = 0
        self._waiting = 0
        self._stopping = threading.Event()
        self.get = self._next

    def start(self) -> None:
        """Begin the threads."""
        super().start()
        threading.Thread(target=self._watch, name="lead", daemon=True).start()

    def stop(self, timeout: int = 5) -> None:
        """End the threads; what is not done in ``timeout`` seconds is aborted."""
        self._stopping.set()
        super().stop(timeout)

    def grow(self, amount: int) -> None:
        """Begin more threads, without waiting for them."""
        room = max(self.max - len(self._threads), 0)
        self._threads.extend(self._spawn_worker() for _ in range(min(amount, room)))

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """The thread in this block waits for a client; another one leads and works for it."""
        with self._state:
            self._waiting += 1
            if self._leader == threading.get_ident():
                self._give_lead_away()
        try:
            yield
        finally:
            with self._state:
                self._waiting -= 1

    def _next(self) -> Any:
        """The next connection for this thread, which leads until it loses the lead."""
        if not self._take_lead():
            return _SHUTDOWNREQUEST
        conn = self.server.next_ready()
        if conn is None:
            with self._state:
                self._give_lead_away()
            return _SHUTDOWNREQUEST
        self._answers_since = time.monotonic()
        return conn

    def _take_lead(self) -> bool:
        """Lead, or stand by until one may; False for a thread that is one too many."""
        me = threading.get_ident()
        with self._state:
            if self._leader == me:
                self._answers_since = 0.0
                return True
            if self._standing_by and len(self._threads) - self._waiting > self.min:
                self._threads.remove(threading.current_thread())
                return False
            self._standing_by += 1
        self._lead.acquire()
        with self._state:
            self._standing_by -= 1
            self._leader = me
        return True

    def _give_lead_away(self) -> None:
        """With ``_state`` held, and somebody leading."""
        self._leader = 0
        self._answers_since = 0.0
        works = len(self._threads) - self._waiting
        if not self._standing_by and works < self.min and not self._stopping.is_set():
            self.grow(1)
        self._lead.release()

    def _watch(self) -> None:
        """Take the lead away from a thread whose answer takes long."""
        while not self._stopping.wait(BLINK_SECONDS):
            with self._state:
                since = self._answers_since
                if self._leader and since and time.monotonic() - since > BLINK_SECONDS:
                    self._give_lead_away()

    @staticmethod
    def _force_close(conn: Any) -> None:
        if conn is not None:
            conn.abort()

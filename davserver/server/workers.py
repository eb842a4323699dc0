"""Serving in this process, or in several that share one socket and are replaced when they die."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Protocol

import structlog

from davserver.server.http import STOP_SECONDS, BoundedServer

_GRACE_SECONDS = 5
_QUICK_DEATH_SECONDS = 1.0

_log = structlog.get_logger("davserver.server")


class Application(Protocol):
    """A WSGI application with a beginning and an end."""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any: ...

    def start(self) -> None:
        """Called in the serving process before the first request."""

    def close(self) -> None:
        """Called after the last."""


def serve(
    build: Callable[[], Application], listener: socket.socket, *, workers: int, threads: int
) -> None:
    """Serve until SIGTERM or SIGINT; ``build`` makes the application of each process."""
    if workers == 1:
        _serve_here(build, listener, threads)
    else:
        _Supervisor(build, listener, workers, threads).run()


def _serve_here(
    build: Callable[[], Application],
    listener: socket.socket,
    threads: int,
    parent: int | None = None,
) -> None:
    application = build()
    server = BoundedServer(listener, application, threads)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        # Not here: the handler runs in the thread whose loop has to end first.
        threading.Thread(target=server.stop, name="stop").start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    if parent is not None:
        threading.Thread(target=_stop_without, args=(parent, server), daemon=True).start()
    application.start()
    try:
        server.safe_start()
    finally:
        application.close()


def _stop_without(parent: int, server: BoundedServer) -> None:
    """Stop a worker whose supervisor was killed: nobody would ever stop it."""
    while os.getppid() == parent:
        time.sleep(1)
    server.stop()


class _Supervisor:
    """Keeps ``workers`` processes alive."""

    def __init__(
        self,
        build: Callable[[], Application],
        listener: socket.socket,
        workers: int,
        threads: int,
    ) -> None:
        self._build = build
        self._listener = listener
        self._workers = workers
        self._threads = threads
        self._children: dict[int, float] = {}
        self._stopping = False

    def run(self) -> None:
        """Start the workers, replace those that die, end when told to."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        for _ in range(self._workers):
            self._start_one()
        while self._children:
            try:
                pid, status = os.wait()
            except ChildProcessError:
                break
            started = self._children.pop(pid, None)
            if started is None or self._stopping:
                continue
            _log.error("a worker died and is replaced", pid=pid, status=status)
            if time.monotonic() - started < _QUICK_DEATH_SECONDS:
                time.sleep(_QUICK_DEATH_SECONDS)
            self._start_one()

    def _start_one(self) -> None:
        parent = os.getpid()
        pid = os.fork()
        if pid:
            self._children[pid] = time.monotonic()
            return
        code = 1
        try:
            _serve_here(self._build, self._listener, self._threads, parent)
            code = 0
        except Exception:
            _log.exception("a worker could not serve")
        finally:
            os._exit(code)

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping = True
        for pid in self._children:
            os.kill(pid, signal.SIGTERM)
        signal.signal(signal.SIGALRM, self._kill)
        signal.alarm(STOP_SECONDS + _GRACE_SECONDS)

    def _kill(self, _signal: int, _frame: FrameType | None) -> None:
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)

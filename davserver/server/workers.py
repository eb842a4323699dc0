"""Worker processes on the same sockets: replaced when they die, and all of them on SIGHUP.

The supervisor itself serves nothing. On SIGHUP, or when a worker wishes it, it asks for the
settings anew, starts workers with them, and lets the old ones finish once the new ones are ready:
nobody notices.
"""

import contextlib
import math
import os
import resource
import selectors
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import structlog

from davserver.server.http import BoundedServer
from davserver.server.listening import notify
from davserver.server.redirect import HttpsRedirect
from davserver.server.tls import server_context

_GRACE_SECONDS = 5
_QUICK_DEATH_SECONDS = 1.0
_REDIRECT_THREADS = 2
_REPORT = struct.Struct("ii")  # who, and what
_READY, _RENEW = 0, 1
_STOPS = (signal.SIGTERM, signal.SIGINT)

_log = structlog.get_logger("davserver.server")


class Application(Protocol):
    """A WSGI application with a beginning and an end."""

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]: ...

    def start(self) -> None:
        """Called in the serving process before the first request."""

    def close(self) -> None:
        """Called after the last."""


@dataclass(frozen=True, slots=True)
class Serving:
    """How a generation of workers serves; ``build`` makes the application of each.

    It gets a function by which the application wishes that the settings be read anew.
    ``stop_seconds`` is what requests get to finish when a worker ends.
    """

    build: Callable[[Callable[[], None]], Application]
    workers: int = 1
    threads: int = 20
    certificate: Path | None = None
    key: Path | None = None
    expects_proxy: bool = False
    stop_seconds: int = 10


@dataclass(frozen=True, slots=True)
class Listeners:
    """Bound sockets: that of the application, and one that leads to it by https."""

    main: socket.socket
    redirect: socket.socket | None = None


def serve(listeners: Listeners, serving: Serving, reload: Callable[[], Serving]) -> None:
    """Serve until SIGTERM or SIGINT; ``reload`` tells at SIGHUP how to go on."""
    if serving.certificate:
        # What is wrong with the files is told before anything serves.
        server_context(serving.certificate, serving.key)
    _allow_many_connections()
    _Supervisor(listeners, serving, reload).run()


def _allow_many_connections() -> None:
    """Each connection takes a descriptor; the usual limit of 1,024 is less than we serve."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@dataclass(slots=True)
class _Child:
    generation: int
    started: float
    stop_seconds: int
    is_ready: bool = False
    kill_at: float = math.inf
    """Not for ever: it has been told to end, and when that is given up."""


class _Supervisor:
    """Keeps the workers alive. Signals and reports arrive in one loop."""

    def __init__(
        self, listeners: Listeners, serving: Serving, reload: Callable[[], Serving]
    ) -> None:
        self._listeners = listeners
        self._serving = serving
        self._reload = reload
        self._children: dict[int, _Child] = {}
        self._generation = 0
        self._start_at: list[float] = []
        self._stops = False
        self._says_so = False
        self._reloads = False
        self._was_ready = False
        self._reports, self._report = os.pipe()
        self._wakes, self._wake = os.pipe()

    def run(self) -> None:
        """Start the workers, replace those that die, end when told to."""
        os.set_blocking(self._wake, False)
        signal.set_wakeup_fd(self._wake)
        for number in _STOPS:
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_reload)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._start_at = [0.0] * self._serving.workers
        with selectors.DefaultSelector() as selector:
            selector.register(self._reports, selectors.EVENT_READ)
            selector.register(self._wakes, selectors.EVENT_READ)
            while self._act():
                for key, _ in selector.select(self._pause()):
                    self._hear(key.fd)

    def _act(self) -> bool:
        """Everything that is due; False once nothing is left to wait for."""
        self._reap()
        self._kill_overdue()
        if self._stops:
            if not self._says_so:
                notify("STOPPING=1")
                self._says_so = True
            self._end(self._children)
            return bool(self._children)
        if self._reloads:
            self._reloads = False
            self._begin_generation()
        now = time.monotonic()
        due = [at for at in self._start_at if at <= now]
        self._start_at = [at for at in self._start_at if at > now]
        for _ in due:
            self._start_one()
        return True

    def _pause(self) -> float | None:
        ends = (one.kill_at for one in self._children.values())
        due = min([*self._start_at, *ends], default=math.inf)
        return None if due == math.inf else max(0.0, due - time.monotonic())

    def _hear(self, descriptor: int) -> None:
        if descriptor == self._wakes:
            os.read(self._wakes, 4096)  # a signal; its handler has run
            return
        pid, what = _REPORT.unpack(os.read(self._reports, _REPORT.size))
        if pid not in self._children:
            return
        if what == _RENEW:
            self._reloads = True
            return
        self._children[pid].is_ready = True
        self._retire_old()

    def _begin_generation(self) -> None:
        """New settings, new workers; the old ones stay until those are ready."""
        notify("RELOADING=1")
        try:
            serving = self._reload()
            if serving.certificate:
                server_context(serving.certificate, serving.key)
        except Exception as fault:
            _log.error("the settings stay as they were", fault=str(fault))
            notify("READY=1")
            return
        self._serving = serving
        self._generation += 1
        self._start_at = [0.0] * serving.workers

    def _retire_old(self) -> None:
        mine = [one for one in self._children.values() if one.generation == self._generation]
        if len(mine) < self._serving.workers or not all(one.is_ready for one in mine):
            return
        notify("READY=1")
        if self._was_ready and self._generation:
            _log.info("settings are read anew", workers=len(mine))
        self._was_ready = True
        self._end(pid for pid, one in self._children.items() if one.generation != self._generation)

    def _reap(self) -> None:
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            child = self._children.pop(pid, None)
            if child is None or self._stops or child.generation != self._generation:
                continue
            _log.error("a worker died and is replaced", pid=pid, status=status)
            # One that dies at once would be started in a circle.
            lived = time.monotonic() - child.started
            pause = _QUICK_DEATH_SECONDS if lived < _QUICK_DEATH_SECONDS else 0.0
            self._start_at.append(time.monotonic() + pause)

    def _end(self, pids: Iterable[int]) -> None:
        """Tell them to end, each once."""
        for pid in pids:
            child = self._children[pid]
            if child.kill_at == math.inf:
                child.kill_at = time.monotonic() + child.stop_seconds + _GRACE_SECONDS
                os.kill(pid, signal.SIGTERM)

    def _kill_overdue(self) -> None:
        now = time.monotonic()
        for pid, child in self._children.items():
            if child.kill_at <= now:
                os.kill(pid, signal.SIGKILL)

    def _start_one(self) -> None:
        parent = os.getpid()
        # The worker waits for a stop with sigwait, so it never sees one any other way.
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
        pid = os.fork()
        if pid:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
            patience = self._serving.stop_seconds
            self._children[pid] = _Child(self._generation, time.monotonic(), patience)
            return
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _Worker(self._listeners, self._serving, parent, self._report).run()
            code = 0
        except Exception:
            _log.exception("a worker could not serve")
        finally:
            os._exit(code)

    def _on_stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stops = True

    def _on_reload(self, _signal: int, _frame: FrameType | None) -> None:
        self._reloads = True


class _Worker:
    """One process that serves."""

    def __init__(self, listeners: Listeners, serving: Serving, parent: int, report: int) -> None:
        self._parent = parent
        self._report = report
        self._application = serving.build(self._renew)
        tls = server_context(serving.certificate, serving.key) if serving.certificate else None
        main = BoundedServer(
            listeners.main,
            self._application,
            serving.threads,
            tls=tls,
            expects_proxy=serving.expects_proxy,
            stop_seconds=serving.stop_seconds,
        )
        self._servers = [main]
        if listeners.redirect:
            redirect = HttpsRedirect(listeners.main.getsockname()[1])
            self._servers.append(
                BoundedServer(listeners.redirect, redirect, _REDIRECT_THREADS, stop_seconds=1)
            )

    def run(self) -> None:
        """Serve until SIGTERM, SIGINT, or the supervisor's death; both signals are blocked."""
        for server in self._servers:
            server.prepare()
        self._application.start()
        for task in (self._await_stop, self._watch_parent):
            threading.Thread(target=task, daemon=True).start()
        os.write(self._report, _REPORT.pack(os.getpid(), _READY))
        try:
            self._servers[0].serve()
        finally:
            self._stop_servers()
            self._application.close()

    def _renew(self) -> None:
        # Less than PIPE_BUF: whole, whoever else writes (pipe(7)).
        os.write(self._report, _REPORT.pack(os.getpid(), _RENEW))

    def _await_stop(self) -> None:
        # A handler would run in the main thread, which may have gone to wait for a lock since it
        # last looked for signals: then nothing would wake it.
        signal.sigwait(_STOPS)
        self._stop_servers()

    def _stop_servers(self) -> None:
        # The main one last: with it, the process ends.
        for server in reversed(self._servers):
            server.stop()

    def _watch_parent(self) -> None:
        """Stop when the supervisor was killed: nobody would ever stop this worker."""
        while os.getppid() == self._parent:
            time.sleep(1)
        with contextlib.suppress(OSError):
            os.kill(os.getpid(), signal.SIGTERM)

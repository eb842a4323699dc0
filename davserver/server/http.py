"""cheroot's server with our own connections: strict, bounded, quick. Knows no room.

cheroot keeps the selector that waits for idle connections, and the threads. What it would do and
this does not is listed in docs/operate.md: take lengths and chunks of any spelling, a trailer for a
request, headers and unwanted bodies of any size; shake hands in the thread that accepts; give
threads to clients that say nothing.
"""

import logging
import selectors
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import structlog
from cheroot.connections import ConnectionManager
from cheroot.server import HTTPServer

from davserver.server.connection import Connection
from davserver.server.pool import Threads

IDLE_CONNECTIONS = 4000
IDLE_SECONDS = 60
STOP_SECONDS = 10

STOP_GRACE_SECONDS = 0.2

LOOK_SECONDS = 0.5
"""How often the selector is left to see what has expired."""

_NO_DESCRIPTORS_SECONDS = 0.1

_log = structlog.get_logger("davserver.server")

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Connections(ConnectionManager):
    """Connections that no thread works on: new, idle, or with a head that is not complete.

    Only the leading thread looks for what is ready; any thread puts back what it has answered.
    """

    server: "BoundedServer"
    _selector: Any
    _num_connections: int

    def __init__(self, server: "BoundedServer") -> None:
        super().__init__(server)
        self._ready: deque[Connection] = deque()
        self._looks = threading.Lock()
        self._expired_at = 0.0

    def put(self, conn: Connection) -> None:
        """Wait for the connection's next bytes, unless they are here."""
        conn.last_used = time.time()
        if conn.has_input():
            self._ready.append(conn)
        elif self._num_connections >= IDLE_CONNECTIONS:
            conn.close()
        else:
            self._selector.register(conn.socket.fileno(), selectors.EVENT_READ, data=conn)

    def next_ready(self) -> Connection | None:
        """A connection that has something to say; None once the server stops."""
        with self._looks:
            while not self._stop_requested:
                if self._ready:
                    return self._ready.popleft()
                found = self._selector.select(LOOK_SECONDS)
                now = time.monotonic()
                for descriptor, conn in found:
                    if conn is self.server:
                        self._accept()
                    else:
                        self._selector.unregister(descriptor)
                        conn.arrived = now
                        self._ready.append(conn)
                self._expire_some()
            return None

    def stop(self) -> None:
        """Accept nothing more; let nobody look any more; returns when nobody does.

        What was accepted a moment ago and is about to ask still gets its answer.
        """
        self._selector.unregister(self.server.socket)
        time.sleep(STOP_GRACE_SECONDS)
        self._stop_requested = True
        with self._looks:
            while self._ready:
                self._ready.popleft().close()

    def _accept(self) -> None:
        try:
            # One at a time: sibling processes are awake too and take theirs.
            accepted, address = self.server.socket.accept()
        except BlockingIOError:  # a sibling was faster
            return
        except OSError as fault:
            _log.warning("cannot accept", fault=str(fault))
            # Out of descriptors: the connection stays in the queue, and would be tried in a circle.
            time.sleep(_NO_DESCRIPTORS_SECONDS)
            return
        self.put(Connection(self.server, accepted, address))

    def _expire_some(self) -> None:
        """Close what has been idle, or incomplete, for too long."""
        now = time.time()
        if now - self._expired_at < LOOK_SECONDS:
            return
        self._expired_at = now
        waiting = [(fd, conn) for fd, conn in self._selector.connections if conn != self.server]
        for descriptor, conn in waiting:
            if conn.is_expired(now):
                self._selector.unregister(descriptor)
                conn.expire()


class BoundedServer(HTTPServer):
    """Serves ``app`` on a socket that is bound and may be shared with other processes.

    With ``tls``, its connections are encrypted; with ``expects_proxy``, each begins with the PROXY
    protocol.
    """

    _connections: Any

    def __init__(
        self,
        listener: socket.socket,
        app: App,
        threads: int,
        *,
        tls: ssl.SSLContext | None = None,
        expects_proxy: bool = False,
        stop_seconds: int = STOP_SECONDS,
    ) -> None:
        address = listener.getsockname()
        super().__init__(address[:2] if isinstance(address, tuple) else str(address), None)
        self.app = app
        self.tls = tls
        self.expects_proxy = expects_proxy
        self.requests = Threads(self, threads)
        self._stopped = threading.Event()
        self.timeout = IDLE_SECONDS
        self.shutdown_timeout = stop_seconds
        self._listener = listener
        host, port = (*address, "")[:2] if isinstance(address, tuple) else (str(address), "")
        self.base_environ = {
            "SCRIPT_NAME": "",
            "SERVER_NAME": str(host),
            "SERVER_PORT": str(port),
            "SERVER_SOFTWARE": "davserver",
            "wsgi.version": (1, 0),
            "wsgi.errors": _Errors(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }

    def prepare(self) -> None:
        """Get ready to serve on the socket that is bound already.

        Accepting never blocks: a sibling may have been faster.
        """
        self._interrupt = None
        self.socket = self._listener.dup()
        self.socket.setblocking(False)
        self._connections = Connections(self)
        self.ready = True
        self._start_time = time.time()
        self.requests.start()

    def serve(self) -> None:
        """Wait until ``stop``; the threads do the rest."""
        self._stopped.wait()
        if self.interrupt:
            raise self.interrupt

    def next_ready(self) -> Connection | None:
        """For the leading thread: see Connections."""
        found: Connection | None = self._connections.next_ready()
        return found

    def stop(self) -> None:
        """Accept nothing more, let requests finish for a while, give up the rest."""
        # cheroot would touch its own address to wake a blocking accept; ours does not block.
        self.bind_addr = "stopped"
        super().stop()
        self._stopped.set()

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        """cheroot's messages go into our log; it words its warnings as information."""
        _log.log(max(level, logging.DEBUG), "http server", message=str(msg), exc_info=traceback)


class _Errors:
    """``wsgi.errors``: what applications write there goes into our log."""

    def write(self, text: str) -> None:
        """Log a line."""
        if text.strip():
            _log.error("application", message=text.strip())

    def writelines(self, lines: Iterable[str]) -> None:
        """Log each line."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Nothing is held back."""

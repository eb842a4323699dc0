"""cheroot's server with our own connections: strict, bounded, quick. Knows no room.

cheroot keeps the selector that waits for idle connections, and the threads. What it would do and
this does not is listed in docs/operate.md: take lengths and chunks of any spelling, a trailer for a
request, headers and unwanted bodies of any size; shake hands in the thread that accepts; give
threads to clients that say nothing.
"""

import logging
import queue
import selectors
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

import structlog
from cheroot.connections import ConnectionManager
from cheroot.server import HTTPServer

from davserver.server.connection import Connection
from davserver.server.pool import Threads

BACKLOG = 512
"""Connections that wait for a thread."""
IDLE_CONNECTIONS = 4000
IDLE_SECONDS = 60
STOP_SECONDS = 10

_NO_DESCRIPTORS_SECONDS = 0.1

_log = structlog.get_logger("davserver.server")

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Connections(ConnectionManager):
    """Connections without a request: new ones, idle ones, those whose head is not complete."""

    server: "BoundedServer"
    _selector: Any
    _num_connections: int

    def put(self, conn: Connection) -> None:
        """Wait for the connection's next bytes, unless they are here."""
        conn.last_used = time.time()
        if conn.has_input():
            self.server.process_conn(conn)
        elif self._num_connections >= IDLE_CONNECTIONS:
            conn.close()
        else:
            self._selector.register(conn.socket.fileno(), selectors.EVENT_READ, data=conn)

    def _from_server_socket(self, server_socket: socket.socket) -> None:
        """Accept. A new connection waits for its first bytes here: a silent one costs no thread."""
        try:
            # One at a time: sibling processes are awake too and take theirs.
            accepted, address = server_socket.accept()
        except BlockingIOError:  # a sibling was faster
            return
        except OSError as fault:
            _log.warning("cannot accept", fault=str(fault))
            # Out of descriptors: the connection stays in the queue, and would be tried in a circle.
            time.sleep(_NO_DESCRIPTORS_SECONDS)
            return
        self.put(Connection(self.server, accepted, address))

    def _expire(self, threshold: float) -> None:
        """Close what has been idle, or incomplete, for too long; let surplus threads go."""
        now = time.time()
        waiting = [(fd, conn) for fd, conn in self._selector.connections if conn != self.server]
        for descriptor, conn in waiting:
            if conn.is_expired(now):
                self._selector.unregister(descriptor)
                conn.expire()
        self.server.requests.tidy()


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
        self.requests = Threads(self, threads, BACKLOG)
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
        self.requests.start()
        self.ready = True
        self._start_time = time.time()

    def process_conn(self, conn: Connection) -> None:
        """Hand a connection to a thread; where too many wait already, say so."""
        try:
            self.requests.put(conn)
        except queue.Full:
            conn.refuse(HTTPStatus.SERVICE_UNAVAILABLE, "The server is busy; try again soon.")

    def stop(self) -> None:
        """Accept nothing more, let requests finish for a while, give up the rest."""
        # cheroot would touch its own address to wake a blocking accept; ours does not block.
        self.bind_addr = "stopped"
        super().stop()

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

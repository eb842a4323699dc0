"""cheroot's WSGI server with bounds, on its extension points. Knows no room.

What stock cheroot would do and this does not: take headers of any size, read the rest of an
unwanted body into memory, take the end of a chunked body for a request and block a thread on it,
copy every block through a buffer in Python, give a thread to a connection that says nothing, and
wait in accept() for one that another process took.
"""

import contextlib
import itertools
import logging
import socket
import time
from collections.abc import Iterator
from typing import Any

import structlog
from cheroot.server import HTTPConnection, HTTPRequest
from cheroot.wsgi import Server

MAX_HEADER_BYTES = 1 << 16
MAX_TRAILERS = 32
BACKLOG = 512
IDLE_CONNECTIONS = 1000
SOCKET_SECONDS = 60
STOP_SECONDS = 10

# An unwanted body up to here is read away, so that the connection lives on; a longer one ends it.
_DISCARD_BYTES = 1 << 16
_LINGER_SECONDS = 2.0
_LINGER_BYTES = 1 << 26
_BLOCK = 1 << 16

_log = structlog.get_logger("davserver.server")


class BoundedRequest(HTTPRequest):
    """One request and its response."""

    def respond(self) -> None:
        """Answer; then read what ends a chunked body, or it would be taken for the next request."""
        super().respond()
        self.conn.wfile.flush()
        if self.chunked_read and not self.close_connection:
            lines = itertools.islice(self.rfile.read_trailer_lines(), MAX_TRAILERS + 1)
            self.close_connection = sum(1 for _ in lines) > MAX_TRAILERS

    def send_headers(self) -> None:
        """Send the head; where much of the body is unread, the connection ends with this answer."""
        unread = getattr(self.rfile, "remaining", 0)
        if unread > _DISCARD_BYTES or (self.chunked_read and not self.rfile.closed):
            self.close_connection = True
            self.conn.lingers = True
        with self.conn.wfile.held():
            super().send_headers()


class SocketWriter:
    """Sends what is written at once; a response's head together with the beginning of its body."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._head = b""
        self._holds = False

    def write(self, data: bytes) -> None:
        """Send ``data`` after what is held, or hold it."""
        if self._holds:
            self._head += data
        elif self._head:
            data, self._head = self._head + data, b""
            self._socket.sendall(data)
        else:
            self._socket.sendall(data)

    def flush(self) -> None:
        """Send what is held."""
        if self._head:
            self.write(b"")

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold what is written in this block until more follows."""
        self._holds = True
        try:
            yield
        finally:
            self._holds = False


class BoundedConnection(HTTPConnection):
    """One connection."""

    RequestHandlerClass = BoundedRequest
    lingers = False

    def __init__(self, server: Any, sock: socket.socket, *args: Any) -> None:
        super().__init__(server, sock, *args)
        self.wfile = SocketWriter(sock)

    def close(self) -> None:
        """Close, but let a client that is still sending read its answer first (RFC 9112, 9.6)."""
        if self.lingers:
            with contextlib.suppress(OSError):
                self._read_away()
        super().close()

    def _read_away(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)
        self.socket.settimeout(_LINGER_SECONDS)
        deadline, left = time.monotonic() + _LINGER_SECONDS, _LINGER_BYTES
        while left > 0 and time.monotonic() < deadline:
            received = len(self.socket.recv(_BLOCK))
            if not received:
                return
            left -= received


class BoundedServer(Server):
    """Serves ``app`` on a socket that is bound and may be shared with other processes."""

    ConnectionClass = BoundedConnection
    max_request_header_size = MAX_HEADER_BYTES
    keep_alive_conn_limit = IDLE_CONNECTIONS
    _connections: Any  # cheroot makes it in prepare()

    def __init__(self, listener: socket.socket, app: Any, threads: int) -> None:
        self._listener = listener
        super().__init__(
            listener.getsockname()[:2],
            app,
            numthreads=threads,
            server_name="davserver",
            request_queue_size=BACKLOG,
            timeout=SOCKET_SECONDS,
            shutdown_timeout=STOP_SECONDS,
            accepted_queue_size=BACKLOG,
        )

    def bind(self, family: int, type: int, proto: int = 0) -> socket.socket:
        """Take the bound socket instead of binding one."""
        taken = self.socket = self._listener.dup()
        return taken

    def process_conn(self, conn: BoundedConnection) -> None:
        """Give a connection to a thread once it has something to say.

        A new one waits with those that are kept alive: else a few that stay silent hold every
        thread.
        """
        if conn.last_used is None:
            self._connections.put(conn)
        else:
            super().process_conn(conn)

    def prepare(self) -> None:
        """Get ready to serve. Accepting never blocks: a sibling may have been faster."""
        super().prepare()
        self.socket.setblocking(False)

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        """cheroot's messages go into our log; it words its warnings as information."""
        _log.log(max(level, logging.DEBUG), "http server", message=str(msg), exc_info=traceback)


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket bound to ``host`` and ``port`` (0: any free one). Raises OSError."""
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
    listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    # Accepted connections inherit it: a small answer does not wait for the client's
    # acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener

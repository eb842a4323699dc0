"""A client's socket that is never waited for without an end. Knows bytes and time; knows no HTTP.

The socket does not block: what is there is taken at once, and only a client that is slow costs a
wait, which the pool of threads hears of.
"""

import contextlib
import os
import select
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import TypeVar

SILENT_SECONDS = 60
"""How long a client may neither send what was announced nor take what it asked for."""

BLOCK = 1 << 18
"""Bytes that one system call takes."""

_HEAD_BLOCK = 1 << 14
_SLICE_SECONDS = 0.5  # how soon a wait hears of an abort
_LINGER_SECONDS = 2.0
_LINGER_BYTES = 1 << 26
_NO_LINGER = struct.pack("ii", 1, 0)
# Bounded, so that a stop is noticed between two parts.
_SENDFILE_BYTES = 1 << 26
_AT_ONCE_BYTES = 1 << 18  # a socket takes as much without its client's help

_T = TypeVar("_T")
Waiting = Callable[[], AbstractContextManager[None]]
"""Tells the pool that a thread waits for a client meanwhile."""


class Aborted(ConnectionError):
    """The server stops and gives this connection up."""


class Wire:
    """One connection. ``unread`` are bytes that came in and nobody has taken yet."""

    def __init__(self, sock: socket.socket, waiting: Waiting) -> None:
        sock.setblocking(False)
        self.socket = sock
        self.unread = b""
        self.aborted = False
        self._waiting = waiting
        self._is_sending = False

    @property
    def is_encrypted(self) -> bool:
        """Whether TLS runs on it."""
        return isinstance(self.socket, ssl.SSLSocket)

    def start_tls(self, context: ssl.SSLContext, seconds: float) -> None:
        """Shake hands within ``seconds``. Raises TimeoutError, ssl.SSLError."""
        encrypted = context.wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False
        )
        self.socket = encrypted
        deadline = time.monotonic() + seconds
        self._retry(encrypted.do_handshake, select.POLLIN, deadline)

    def has_input(self) -> bool:
        """Whether bytes are here already, in our hands or in those of TLS."""
        if self.unread:
            return True
        return isinstance(self.socket, ssl.SSLSocket) and self.socket.pending() > 0

    def receive_now(self, size: int = _HEAD_BLOCK) -> bytes | None:
        """What has arrived; b"" at the client's end, None if there is nothing at present."""
        try:
            return self.socket.recv(size)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None

    def receive(self, size: int = BLOCK, deadline: float = 0) -> bytes:
        """At least a byte, up to ``size``; b"" at the client's end. Raises TimeoutError."""
        if self.unread:
            taken, self.unread = self.unread[:size], self.unread[size:]
            return taken
        return self._retry(partial(self.socket.recv, min(size, BLOCK)), select.POLLIN, deadline)

    def send(self, data: bytes, *, more: bool = False) -> None:
        """Send all of it; with ``more``, wait for what follows before a packet is made of it."""
        flags = socket.MSG_MORE if more and not self.is_encrypted else 0
        view = memoryview(data)
        while view:
            sent = self._retry(partial(self.socket.send, view, flags), select.POLLOUT)
            view = view[sent:]

    def send_file(self, descriptor: int, offset: int, count: int) -> int:
        """Send a part of a file from the kernel's hands; how much, less where the file ended."""
        out = self.socket.fileno()
        if count <= _AT_ONCE_BYTES:
            send = partial(self._retry, event=select.POLLOUT)
            return _sent_in_parts(send, out, descriptor, offset, count)
        # One call for all of it: waking up each time the client has taken some would cost more than
        # the sending. The kernel waits, as long as the client takes something now and then.
        with self._waiting(), self._blocking():
            return _sent_in_parts(self._now, out, descriptor, offset, count)

    def _now(self, action: Callable[[], _T]) -> _T:
        if self.aborted:
            raise Aborted("the server stops")
        try:
            return action()
        except BlockingIOError:
            raise TimeoutError("the client takes nothing") from None

    @contextlib.contextmanager
    def _blocking(self) -> Iterator[None]:
        whole, part = divmod(SILENT_SECONDS, 1)
        silence = struct.pack("ll", int(whole), int(part * 1_000_000))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, silence)
        os.set_blocking(self.socket.fileno(), True)
        self._is_sending = True
        try:
            yield
        finally:
            self._is_sending = False
            os.set_blocking(self.socket.fileno(), False)

    def abort(self) -> None:
        """From another thread: end every wait on this connection, and reset it when it closes."""
        self.aborted = True
        with contextlib.suppress(OSError), self.plain() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            other.shutdown(socket.SHUT_RDWR if self._is_sending else socket.SHUT_RD)

    def close(self, *, linger: bool = False) -> None:
        """Close; with ``linger`` a client that still sends reads its answer first.

        Closed at once, the unread bytes would make the kernel reset the connection, and the answer
        be lost (RFC 9112, 9.6).
        """
        with contextlib.suppress(OSError):
            if linger and not self.aborted:
                self._read_away()
            if not self.aborted:
                with self.plain() as plain:
                    plain.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def _read_away(self) -> None:
        with self.plain() as plain:
            plain.shutdown(socket.SHUT_WR)
        deadline, left = time.monotonic() + _LINGER_SECONDS, _LINGER_BYTES
        while left > 0 and time.monotonic() < deadline:
            received = len(self.receive(BLOCK, deadline))
            if not received:
                return
            left -= received

    def plain(self) -> socket.socket:
        """The same connection below TLS: an encrypted socket forgets its keys when shut down."""
        return socket.socket(fileno=os.dup(self.socket.fileno()))

    def _retry(self, action: Callable[[], _T], event: int, deadline: float = 0) -> _T:
        """Do it as soon as the client is ready. Raises TimeoutError, Aborted."""
        while True:
            if self.aborted:
                raise Aborted("the server stops")
            try:
                return action()
            except BlockingIOError:
                pass
            except ssl.SSLWantReadError:
                event = select.POLLIN
            except ssl.SSLWantWriteError:
                event = select.POLLOUT
            self._wait(event, deadline or time.monotonic() + SILENT_SECONDS)

    def _wait(self, event: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(self.socket, event)
        with self._waiting():
            while not self.aborted:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError("the client is too slow")
                if poll.poll(min(left, _SLICE_SECONDS) * 1000):
                    return


def _sent_in_parts(
    send: Callable[[Callable[[], int]], int], out: int, descriptor: int, offset: int, count: int
) -> int:
    left = count
    while left:
        part = min(left, _SENDFILE_BYTES)
        sent = send(partial(os.sendfile, out, descriptor, offset, part))
        if not sent:
            break
        offset += sent
        left -= sent
    return count - left

"""One connection: requests one after another, each read whole before the next is looked at."""

import math
import ssl
import time
from http import HTTPStatus
from typing import Any

import structlog
from cheroot.server import HTTPConnection

from davserver.server import proxy_protocol
from davserver.server.answer import Answer, WrongAnswer, refusal
from davserver.server.body import Body, BrokenBody, ChunkedBody, SizedBody
from davserver.server.head import END, MAX_HEAD_BYTES, Head, Refused, parse_head
from davserver.server.wire import Wire

HEAD_SECONDS = 10
"""How long a request's head, or a handshake, may take from its first byte."""

_UNKNOWN = math.inf

_log = structlog.get_logger("davserver.server")


class Connection(HTTPConnection):
    """A connection in cheroot's hands: its selector waits, its threads call ``communicate``."""

    def __init__(self, server: Any, sock: Any, address: Any) -> None:
        # cheroot's own constructor would make buffered readers and writers that nobody uses.
        self.server = server
        self.remote_addr, self.remote_port = address[:2] if isinstance(address, tuple) else ("", 0)
        self.requests_seen = 0
        self.arrived = _UNKNOWN
        """When the first byte of the next request was here for certain (``time.monotonic``)."""
        self._wire = Wire(sock, server.requests.waiting)
        self._is_open = not (server.tls or server.expects_proxy)
        self._head_since = 0.0
        self._lingers = False

    @property
    def socket(self) -> Any:
        """What cheroot's selector watches."""
        return self._wire.socket

    @socket.setter
    def socket(self, _: Any) -> None:
        """cheroot never sets it on a connection that was made like this one."""

    def has_input(self) -> bool:
        """Whether a thread finds something to do without waiting."""
        return self._wire.has_input() and not self._head_since

    def is_expired(self, now: float) -> bool:
        """Whether it has been idle, or a head incomplete, for too long (``time.time()``)."""
        if self._head_since:
            return bool(now - self._head_since > HEAD_SECONDS)
        return bool(now - (self.last_used or now) > self.server.timeout)

    def communicate(self) -> bool:
        """Answer what has arrived; whether the connection goes back to the selector."""
        try:
            if not self._is_open:
                self._open()
            return self._serve()
        except Refused as fault:
            self._refuse(fault)
        except (OSError, BrokenBody, ValueError) as fault:
            # The client's doing: it went away, was too slow, or does not speak our TLS.
            _log.debug("connection ended", client=self.remote_addr, fault=str(fault))
        return False

    def refuse(self, status: HTTPStatus, words: str) -> None:
        """Say that much and close; never waits, for the thread that accepts calls it."""
        try:
            self._wire.socket.send(refusal(status, status.phrase, words))
        except OSError as fault:
            _log.debug("connection ended", client=self.remote_addr, fault=str(fault))
        self.close()

    def expire(self) -> None:
        """Close it for having taken too long; who was in the middle of a head is told."""
        if self._head_since:
            self.refuse(HTTPStatus.REQUEST_TIMEOUT, "The head took too long.")
        else:
            self.close()

    def abort(self) -> None:
        """Give the connection up while a thread works on it; the client sees a reset."""
        self._wire.abort()

    def close(self) -> None:
        """Close it."""
        self._wire.close(linger=self._lingers)

    def _open(self) -> None:
        """What comes before the first request: the proxy's word on who it is, the handshake."""
        if self.server.expects_proxy:
            address = proxy_protocol.read_source(self._wire, HEAD_SECONDS)
            if address:
                self.remote_addr, self.remote_port = address
        if self.server.tls:
            self._start_tls(self.server.tls)
        self._is_open = True
        self.arrived = _UNKNOWN  # what was seen was no request yet

    def _start_tls(self, context: ssl.SSLContext) -> None:
        try:
            self._wire.start_tls(context, HEAD_SECONDS)
        except ssl.SSLError as fault:
            if fault.reason == "HTTP_REQUEST":
                words = "This port speaks HTTPS: put https:// before the address."
                with self._wire.plain() as plain:
                    plain.send(refusal(400, HTTPStatus.BAD_REQUEST.phrase, words))
            raise

    def _serve(self) -> bool:
        while True:
            raw_head = self._read_head()
            if not raw_head:
                return raw_head is None
            self.requests_seen += 1
            if not self._answer(parse_head(raw_head), raw_head) or not self.server.ready:
                return False
            if not self._wire.has_input():
                return True

    def _read_head(self) -> bytes | None:
        """A request's head; None if it is not here yet, b"" if none will come. Raises Refused."""
        wire = self._wire
        data, searched = wire.unread, 0
        while True:
            while data.startswith(b"\r\n"):  # RFC 9112, 2.2: empty lines before a request
                data = data[2:]
                self.arrived = _UNKNOWN
            end = data.find(END, max(0, searched - len(END)))
            if end >= 0:
                cut = end + len(END)
                head, wire.unread = data[:cut], data[cut:]
                self._head_since = 0.0
                if cut > MAX_HEAD_BYTES:
                    break
                return head
            searched = len(data)
            if searched > MAX_HEAD_BYTES:
                break
            block = wire.receive_now()
            if not block:
                return self._incomplete(data, at_end=block is not None)
            data += block
        raise Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The head is too long.")

    def _incomplete(self, data: bytes, *, at_end: bool) -> bytes | None:
        """A head that goes on later: the selector waits for it, no thread does."""
        if at_end:
            return b""
        self._wire.unread = data
        if data:
            if b"\n\n" in data:
                raise Refused(HTTPStatus.BAD_REQUEST, "Lines end with CR and LF.")
            self._head_since = self._head_since or time.time()
            if time.time() - self._head_since > HEAD_SECONDS:
                raise Refused(HTTPStatus.REQUEST_TIMEOUT, "The head took too long.")
        return None

    def _answer(self, head: Head, raw_head: bytes) -> bool:
        """One request; whether another may follow."""
        wire = self._wire
        body: Body = (
            ChunkedBody(wire, head, raw_head) if head.length is None else SizedBody(wire, head)
        )
        answer = Answer(wire, head, body, keeps_alive=self.server.ready)
        environ = self._environ(head, body)
        blocks = None
        try:
            blocks = self.server.app(environ, answer.start)
            answer.send(blocks)
        except OSError:
            raise
        except Exception as fault:
            # The application turns its own failures into answers; this one it could not.
            self._log_failure(fault, environ)
            if not answer.began:
                raise Refused(
                    HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong here."
                ) from fault
            return False
        finally:
            close = getattr(blocks, "close", None)
            if close:
                close()
        self._lingers = answer.lingers
        if not answer.keeps_alive:
            return False
        if not body.is_whole:
            body.discard()
        return not body.ends_connection()

    def _environ(self, head: Head, body: Body) -> dict[str, Any]:
        environ = head.environ
        environ.update(self.server.base_environ)
        environ["REMOTE_ADDR"] = self.remote_addr
        environ["REMOTE_PORT"] = str(self.remote_port)
        environ["wsgi.url_scheme"] = "https" if self._wire.is_encrypted else "http"
        environ["wsgi.input"] = body
        # What the selector saw of TLS need not have been a request's.
        environ["davserver.arrived"] = _UNKNOWN if self._wire.is_encrypted else self.arrived
        self.arrived = _UNKNOWN
        return environ

    def _refuse(self, fault: Refused) -> None:
        self._lingers = True
        try:
            self._wire.send(refusal(fault.status, fault.status.phrase, fault.words))
        except OSError as gone:
            _log.debug("connection ended", client=self.remote_addr, fault=str(gone))

    def _log_failure(self, fault: Exception, environ: dict[str, Any]) -> None:
        words = "the application broke its word" if isinstance(fault, WrongAnswer) else "failed"
        _log.error(words, method=environ["REQUEST_METHOD"], exc_info=fault)

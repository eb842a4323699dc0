"""An answer on its way out: the head with the beginning of the body, then blocks or a file.

Source: RFC 9112, 4 and 7.1; PEP 3333. A file goes from the kernel's hands where no TLS is between.
"""

import time
from collections.abc import Callable, Iterable
from email.utils import formatdate
from itertools import chain
from typing import Any, Protocol, cast

from davserver.server.body import Body
from davserver.server.head import Head
from davserver.server.wire import Wire

SERVER = "davserver"

_NO_BODY = ("1", "204", "304")
_SMALL_BYTES = 1 << 16
_LAST_CHUNK = b"0\r\n\r\n"


class FilePart(Protocol):
    """A body that is a part of an open file, and can be iterated where that is all one can do.

    ``sent`` tells it how much of it was sent.
    """

    sent: int

    def file_part(self) -> tuple[int, int, int]:
        """The file's descriptor, where the part begins, and its length in bytes."""


class WrongAnswer(Exception):
    """The application broke its word: no status, a bad field, or another length than announced."""


class Answer:
    """The answer to one request."""

    def __init__(self, wire: Wire, head: Head, body: Body, *, keeps_alive: bool) -> None:
        self._wire = wire
        self._head = head
        self._body = body
        self._keeps_alive = keeps_alive and head.keep_alive
        self._status = ""
        self._fields: list[tuple[str, str]] = []
        self.began = False
        """Whether something was sent: then no other answer can be given."""
        self.lingers = False

    @property
    def keeps_alive(self) -> bool:
        """Whether the connection may bear another request; decided with the head."""
        return self._keeps_alive

    def start(
        self, status: str, fields: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        """``start_response`` (PEP 3333)."""
        if exc_info and self.began:
            raise exc_info[1].with_traceback(exc_info[2])
        if self._status and not exc_info:
            raise WrongAnswer("the application began its answer twice")
        self._status, self._fields = status, fields
        return _no_write

    def send(self, blocks: Iterable[bytes]) -> None:
        """Send it all. Raises WrongAnswer, and what the wire raises."""
        if isinstance(blocks, list) and len(blocks) == 1:
            self._send_whole(blocks[0])
        elif hasattr(blocks, "file_part"):
            self._send_file(cast(FilePart, blocks))
        else:
            self._send_blocks(blocks)

    def _send_whole(self, block: bytes) -> None:
        announced = self._announced()
        without_body = self._is_without_body()
        if announced is None and not without_body:
            self._fields = [*self._fields, ("Content-Length", str(len(block)))]
        elif not without_body and announced != len(block):
            raise WrongAnswer(f"announced {announced} bytes, has {len(block)}")
        head = self._head_bytes()
        self.began = True
        if without_body or len(block) <= _SMALL_BYTES:
            self._wire.send(head if without_body else head + block)
        else:
            self._wire.send(head, more=True)
            self._wire.send(block)

    def _send_file(self, part: FilePart) -> None:
        descriptor, offset, length = part.file_part()
        if self._announced() != length:
            raise WrongAnswer("a file needs its Content-Length")
        if self._wire.is_encrypted or self._head.method == "HEAD":
            return self._send_blocks(cast(Iterable[bytes], part))
        head = self._head_bytes()
        self.began = True
        self._wire.send(head, more=length > 0)
        part.sent = self._wire.send_file(descriptor, offset, length)
        if part.sent != length:
            raise WrongAnswer("the file became shorter while it was sent")
        return None

    def _send_blocks(self, blocks: Iterable[bytes]) -> None:
        """Blocks as they come: counted against the announced length, else in chunks."""
        rest = iter(blocks)
        # An application may begin its answer with its first block (PEP 3333).
        first = next(rest, b"")
        announced = self._announced()
        without_body = self._is_without_body()
        in_chunks = announced is None and not without_body and self._head.is_1_1
        if in_chunks:
            self._fields = [*self._fields, ("Transfer-Encoding", "chunked")]
        elif announced is None and not without_body:
            self._keeps_alive = False  # HTTP/1.0 takes the end of the connection for the end
        pending = self._head_bytes()
        sent = 0
        for block in chain([first], rest):
            if not block or without_body:
                continue
            sent += len(block)
            if announced is not None and sent > announced:
                raise WrongAnswer(f"announced {announced} bytes, has more")
            framed = b"%x\r\n%b\r\n" % (len(block), block) if in_chunks else block
            self.began = True
            if len(pending) + len(framed) <= _SMALL_BYTES:
                framed = pending + framed
            elif pending:
                self._wire.send(pending, more=True)
            pending = b""
            self._wire.send(framed)
        self.began = True
        self._wire.send(pending + (_LAST_CHUNK if in_chunks else b""))
        if announced is not None and not without_body and sent != announced:
            raise WrongAnswer(f"announced {announced} bytes, has {sent}")

    def _announced(self) -> int | None:
        for name, value in self._fields:
            if name.lower() == "content-length":
                return int(value)
        return None

    def _is_without_body(self) -> bool:
        return self._head.method == "HEAD" or self._status.startswith(_NO_BODY)

    def _head_bytes(self) -> bytes:
        """The head; here it is decided whether the connection goes on."""
        if not self._status:
            raise WrongAnswer("the application gave no status")
        if self._body.ends_connection():
            self._keeps_alive = False
            self.lingers = True
        lines = [f"HTTP/1.1 {self._status}", *(f"{name}: {value}" for name, value in self._fields)]
        if not self._keeps_alive:
            lines.append("Connection: close")
        elif not self._head.is_1_1:
            lines.append("Connection: keep-alive")
        text = "\r\n".join(lines)
        if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1:
            raise WrongAnswer("a field of the answer has a line break")
        return text.encode("latin-1") + _common_fields()


_common: tuple[int, bytes] = (0, b"")


def _common_fields() -> bytes:
    """The fields of every answer and the empty line, made once a second."""
    global _common
    now = int(time.time())
    if _common[0] != now:
        text = f"\r\nDate: {formatdate(now, usegmt=True)}\r\nServer: {SERVER}\r\n\r\n"
        _common = now, text.encode("ascii")
    return _common[1]


def _no_write(_: bytes) -> None:
    raise WrongAnswer("write() of PEP 3333 is not offered")


def refusal(status: int, phrase: str, words: str) -> bytes:
    """A whole answer that ends the connection, for what never reaches the application."""
    body = words.encode() + b"\n"
    head = (
        f"HTTP/1.1 {status} {phrase}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"X-Content-Type-Options: nosniff\r\nContent-Length: {len(body)}\r\nConnection: close"
    )
    return head.encode("ascii") + _common_fields() + body

"""A request's body as the application reads it: every byte that was announced, or an exception.

Source: RFC 9112, 6 and 7; RFC 9110, 10.1.1 (Expect). The client is told to continue when the body
is first read: a request that is refused without a look at it costs no upload.
"""

import io
import time

import httptools

from davserver.server.head import Head
from davserver.server.wire import BLOCK, SILENT_SECONDS, Wire

SLOWEST_BYTES_A_SECOND = 1000
SLOW_START_SECONDS = 30
"""A body may take this long before its rate counts."""

DISCARD_BYTES = 1 << 16
"""An unwanted body up to here is read away, so that the connection lives on."""

_DISCARD_SECONDS = 2.0
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class BrokenBody(ConnectionError):
    """The body ended before its end, or is not framed as it was announced."""


class Body(io.RawIOBase):
    """``wsgi.input``. ``received`` counts the bytes taken from it."""

    received = 0
    is_whole = False
    """Whether all of it has arrived."""
    is_broken = False
    """Whether nobody can tell where it ends: the connection cannot be used again."""

    def __init__(self, wire: Wire, head: Head) -> None:
        self._wire = wire
        self.awaits_continue = head.expects_continue
        self._began = 0.0

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill ``buffer`` as far as one read goes."""
        block = self.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)

    def read(self, size: int | None = -1) -> bytes:
        """Up to ``size`` bytes, without one all; b"" at the end.

        Raises BrokenBody, and TimeoutError for a client that is too slow.
        """
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(BLOCK), b""))
        if self.is_whole or not size:
            return b""
        if self.is_broken:
            raise BrokenBody("the body broke off")
        try:
            block = self._next(size)
        except (OSError, BrokenBody):
            self.is_broken = True
            raise
        self.received += len(block)
        return block

    def ends_connection(self) -> bool:
        """Whether so much is unread that the connection has to end with the answer."""
        return self.is_broken or not (self.is_whole or self._is_short())

    def discard(self) -> None:
        """Read away the rest, of which ``ends_connection`` said that it is short."""
        deadline = time.monotonic() + _DISCARD_SECONDS
        while not self.is_whole:
            self._take(DISCARD_BYTES, deadline)

    def _next(self, size: int) -> bytes:
        raise NotImplementedError

    def _is_short(self) -> bool:
        raise NotImplementedError

    def _take(self, size: int, deadline: float = 0) -> bytes:
        """Bytes from the wire. Raises BrokenBody at its end."""
        if self.awaits_continue:
            self.awaits_continue = False
            self._wire.send(_CONTINUE)
        block = self._wire.receive(size, deadline or self._deadline())
        if not block:
            raise BrokenBody("the client ended before the body")
        return block

    def _deadline(self) -> float:
        """When the next byte has to be here: soon, and in time for the slowest rate."""
        now = time.monotonic()
        if not self._began:
            self._began = now
        at_the_slowest = self.received / SLOWEST_BYTES_A_SECOND
        return min(now + SILENT_SECONDS, self._began + SLOW_START_SECONDS + at_the_slowest)


class SizedBody(Body):
    """A body whose length was announced; often none."""

    def __init__(self, wire: Wire, head: Head) -> None:
        super().__init__(wire, head)
        self._left = head.length or 0
        self.is_whole = not self._left

    def _next(self, size: int) -> bytes:
        return self._take(size)

    def _take(self, size: int, deadline: float = 0) -> bytes:
        block = super()._take(min(size, self._left), deadline)
        self._left -= len(block)
        self.is_whole = not self._left
        return block

    def _is_short(self) -> bool:
        # Who waits to be told to continue may send the body after our answer, or not at all.
        return self._left <= DISCARD_BYTES and not self.awaits_continue


class ChunkedBody(Body):
    """A body in chunks, taken apart by llhttp; trailers are dropped (RFC 9112, 7.1.2)."""

    def __init__(self, wire: Wire, head: Head, raw_head: bytes) -> None:
        super().__init__(wire, head)
        self._blocks: list[bytes] = []
        self._ended = False
        self._overlaps = False
        self._trailer_bytes = 0
        self._parser = httptools.HttpRequestParser(self)
        self._feed(raw_head)

    def on_body(self, block: bytes) -> None:
        """From llhttp: bytes of a chunk."""
        self._blocks.append(block)

    def on_message_complete(self) -> None:
        """From llhttp: the last chunk and the trailers are over."""
        self._ended = True

    def on_message_begin(self) -> None:
        """From llhttp, a second time: bytes follow that are not of this request.

        llhttp does not tell where they begin, so they cannot be answered: the connection ends, and
        a client that sent more without waiting asks again (RFC 9112, 9.3.2).
        """
        self._overlaps = self._ended

    def ends_connection(self) -> bool:
        """Also after the end, if bytes of another request came along."""
        return self._overlaps or super().ends_connection()

    def _next(self, size: int) -> bytes:
        while not self._blocks and not self._ended:
            self._feed(self._take(BLOCK))
        # Joined, or a client that sends chunks of a byte would cost a write for each.
        arrived = b"".join(self._blocks)
        self._blocks = [arrived[size:]] if len(arrived) > size else []
        self.is_whole = self._ended and not self._blocks
        return arrived[:size]

    def _is_short(self) -> bool:
        # Only what has arrived can be known to be short.
        return self._ended

    def discard(self) -> None:
        """Nothing is left on the wire."""
        self.is_whole = True

    def _feed(self, data: bytes) -> None:
        """Let llhttp read on. Raises BrokenBody."""
        had = len(self._blocks)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._overlaps = True
        except httptools.HttpParserError as fault:
            if not self._ended:
                raise BrokenBody(f"the chunks are not well formed: {fault}") from None
            self._overlaps = True
        if len(self._blocks) == had and not self._ended:
            # Sizes, extensions and trailers alone: bounded, or they would never end.
            self._trailer_bytes += len(data)
            if self._trailer_bytes > DISCARD_BYTES * 4:
                raise BrokenBody("the chunks carry too much beside their content")

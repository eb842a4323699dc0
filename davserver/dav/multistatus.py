"""A multistatus on its way to the client: whole where it is small, else in blocks as it is made.

Also the response elements that tell of no properties, but of a failure.
"""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain

from davserver.dav.xml import multistatus
from davserver.web import Headers, Request, Response, status_line

_BATCH = 128
WHOLE_UP_TO = 1 << 18
"""Up to here an answer is made in one piece before it is sent."""

# Below, the header fields cost more than compression saves.
_COMPRESS_FROM = 1 << 10
# What one multistatus says over and over is found at the lowest level too, at a third of the time.
_LEVEL = 1
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


def streamed(
    request: Request,
    responses: Iterable[str],
    headers: Iterable[tuple[str, str]] = (),
    whole_up_to: int = WHOLE_UP_TO,
) -> Response:
    """207 with the response elements, in gzip where the client asks for it.

    In one piece if that has no more characters than ``whole_up_to``.
    A failure of the first elements still becomes a response of its own; nothing is sent before.
    """
    start, end = multistatus("\0").split("\0")
    pieces = chain(['<?xml version="1.0" encoding="utf-8"?>\n', start], responses, [end])
    first, size = [], 0
    for piece in pieces:
        first.append(piece)
        size += len(piece)
        if size > whole_up_to:
            break
    told: Headers = [
        ("Content-Type", "application/xml; charset=utf-8"),
        ("Vary", "Accept-Encoding, Prefer"),
        *headers,
    ]
    whole = "".join(first).encode()
    zipped = len(whole) >= _COMPRESS_FROM and wants_gzip(request)
    if zipped:
        told.append(("Content-Encoding", "gzip"))
    if size <= whole_up_to:
        return Response(207, gzip.compress(whole, _LEVEL) if zipped else whole, told)
    blocks = chain([whole], _blocks(pieces))
    return Response(207, _zipped(blocks) if zipped else blocks, told)


def failed(href: str, status: int, error: str = "") -> str:
    """The response element of a resource that there is nothing to tell of but a status."""
    told = f"<D:status>HTTP/1.1 {status_line(status)}</D:status>"
    return f"<D:response><D:href>{href}</D:href>{told}{error}</D:response>"


def truncated(href: str) -> str:
    """The one that says of what was asked that there would be more (RFC 5323, 2.3.1; RFC 6578)."""
    return failed(href, 507, "<D:error><D:number-of-matches-within-limits/></D:error>")


def wants_gzip(request: Request) -> bool:
    """Whether the client asks for answers in gzip."""
    return takes_gzip(request.header("Accept-Encoding"))


def takes_gzip(header: str) -> bool:
    """Whether an Accept-Encoding header asks for gzip (RFC 9110, 12.5.3)."""
    weights: dict[str, float] = {}
    for part in header.lower().split(","):
        coding, *parameters = (piece.strip() for piece in part.split(";"))
        weights[coding] = _weight(parameters)
    asked = weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0)))
    return asked > 0 and asked >= weights.get("identity", 0.0)


def _weight(parameters: list[str]) -> float:
    """A quality value (RFC 9110, 12.4.2); one that is malformed refuses."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(float(value), 1.0)
            except ValueError:
                return 0.0
    return 1.0


def _blocks(pieces: Iterator[str]) -> Iterator[bytes]:
    batch: list[str] = []
    for piece in pieces:
        batch.append(piece)
        if len(batch) == _BATCH:
            yield "".join(batch).encode()
            batch.clear()
    yield "".join(batch).encode()


def _zipped(blocks: Iterable[bytes]) -> Iterator[bytes]:
    compressor = zlib.compressobj(_LEVEL, wbits=_GZIP_WINDOW)
    for block in blocks:
        if packed := compressor.compress(block):
            yield packed
    yield compressor.flush()

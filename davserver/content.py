"""A file as a response: its blocks, its ranges, the headers that keep browsers from running it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import quote

from davserver import media, paths
from davserver.errors import RangeNotSatisfiable
from davserver.web import BLOCK, Headers, Response

_RANGE = re.compile(r"bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes ``first`` to ``last`` of a file of ``size``, both included."""

    first: int
    last: int
    size: int

    @property
    def length(self) -> int:
        """How many bytes it holds."""
        return self.last - self.first + 1

    @property
    def content_range(self) -> str:
        """The value of Content-Range (RFC 9110, 14.4)."""
        return f"bytes {self.first}-{self.last}/{self.size}"


def requested_range(header: str, size: int) -> ByteRange | None:
    """The range that a Range header asks for; None where the whole file is the answer.

    A header that is malformed, of another unit, or asks for several ranges is answered with the
    whole file, as RFC 9110, 14.2 permits. Raises RangeNotSatisfiable.
    """
    asked = _RANGE.fullmatch(header.strip())
    if asked is None or (not asked[1] and not asked[2]):
        return None
    if not asked[1]:
        first, last = size - min(int(asked[2]), size), size - 1
    else:
        first = int(asked[1])
        if asked[2] and int(asked[2]) < first:
            return None
        last = min(int(asked[2]), size - 1) if asked[2] else size - 1
    if first > last:
        raise RangeNotSatisfiable(size)
    return ByteRange(first, last, size)


def file_response(content: BinaryIO, size: int, headers: Headers, range_header: str) -> Response:
    """200 with the whole of an open file, or 206 with a range; the response closes the file.

    Raises RangeNotSatisfiable, with the file closed.
    """
    try:
        part = requested_range(range_header, size)
    except RangeNotSatisfiable:
        content.close()
        raise
    if part is None:
        return Response(200, FileBlocks(content, size), [*headers, ("Content-Length", str(size))])
    content.seek(part.first)
    about = [("Content-Length", str(part.length)), ("Content-Range", part.content_range)]
    return Response(206, FileBlocks(content, part.length), [*headers, *about])


def safe_headers(path: str, *, save: bool = False) -> Headers:
    """Type and safety of a file's content (RFC 9110, 8.3); with ``save``, the browser stores it.

    What a browser would run is never shown as a page of ours: it comes in a sandbox, to be stored.
    """
    headers = [
        ("Content-Type", content_type(path)),
        ("Accept-Ranges", "bytes"),
        # Always ask again: somebody may have saved since.
        ("Cache-Control", "private, no-cache"),
        ("X-Content-Type-Options", "nosniff"),
    ]
    active = media.is_active(path)
    if active:
        headers.append(("Content-Security-Policy", "sandbox; default-src 'none'"))
    if save or active:
        headers.append(("Content-Disposition", attachment(path)))
    return headers


def content_type(path: str) -> str:
    """The media type, with the one encoding that text has nowadays."""
    known = media.content_type(path)
    return f"{known}; charset=utf-8" if known.startswith("text/") else known


def attachment(path: str) -> str:
    """A Content-Disposition that saves the file under its name (RFC 6266, 4 and RFC 8187)."""
    name = paths.name(path).encode("utf-8", "surrogateescape")
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}"


class FileBlocks:
    """``length`` bytes of an open file, from where it stands, block by block; closes it.

    A server that can hand a file to the kernel takes ``file_part`` and says in ``sent`` how much of
    it went out.
    """

    def __init__(self, content: BinaryIO, length: int) -> None:
        self.content = content
        self.length = length
        self.sent = 0

    def file_part(self) -> tuple[int, int, int]:
        """The file's descriptor, where the part begins, and its length."""
        return self.content.fileno(), self.content.tell(), self.length

    def __iter__(self) -> Iterator[bytes]:
        while left := self.length - self.sent:
            block = self.content.read(min(BLOCK, left))
            if not block:
                # Another program cut the file while it was sent: the client must see a broken
                # answer.
                raise OSError("the file became shorter while it was sent")
            self.sent += len(block)
            yield block

    def close(self) -> None:
        """Close the file."""
        self.content.close()

"""A file as a response: its blocks, its ranges, the headers that keep browsers from running it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import quote
from uuid import uuid4

from davserver import media, paths
from davserver.errors import RangeNotSatisfiable
from davserver.ranges import ByteRange, requested_ranges
from davserver.web import BLOCK, Headers, Request, Response


def asked_range(request: Request) -> str:
    """The Range header; empty on anything but GET, where it has to be ignored (RFC 9110, 14.2)."""
    return request.header("Range") if request.method == "GET" else ""


def file_response(content: BinaryIO, size: int, headers: Headers, range_header: str) -> Response:
    """200 with the whole of an open file, or 206 with ranges; the response closes the file.

    Raises RangeNotSatisfiable, with the file closed.
    """
    try:
        parts = requested_ranges(range_header, size)
    except RangeNotSatisfiable:
        content.close()
        raise
    if not parts:
        return Response(200, FileBlocks(content, size), [*headers, ("Content-Length", str(size))])
    if len(parts) > 1:
        return _multipart(content, parts, headers)
    content.seek(parts[0].first)
    about = [
        ("Content-Length", str(parts[0].length)),
        ("Content-Range", parts[0].content_range),
    ]
    return Response(206, FileBlocks(content, parts[0].length), [*headers, *about])


@dataclass(frozen=True, slots=True)
class HandOver:
    """A server before us that sends files itself when a header names one.

    ``header`` is X-Accel-Redirect, with the path below ``place``, a location of nginx; or
    X-Sendfile, with the file's name below ``place``, the served folder.
    """

    header: str
    place: str

    def response(self, path: str, headers: Headers) -> Response:
        """200 without a body, which the other server fills in; ranges are its business too."""
        if self.header == "X-Sendfile":
            name = f"{self.place}{path}".encode("utf-8", "surrogateescape").decode("latin-1")
        else:
            name = self.place.rstrip("/") + paths.href(path)
        return Response(200, b"", [*headers, (self.header, name)])


def _multipart(content: BinaryIO, parts: list[ByteRange], headers: Headers) -> Response:
    """206 with several ranges, in the order asked (RFC 9110, 14.6)."""
    boundary = uuid4().hex
    kind = dict(headers)["Content-Type"]
    heads = [
        f"\r\n--{boundary}\r\nContent-Type: {kind}\r\n"
        f"Content-Range: {part.content_range}\r\n\r\n".encode()
        for part in parts
    ]
    body = PartBlocks(content, parts, heads, f"\r\n--{boundary}--\r\n".encode())
    about = [
        *((name, value) for name, value in headers if name != "Content-Type"),
        ("Content-Type", f"multipart/byteranges; boundary={boundary}"),
        ("Content-Length", str(body.length)),
    ]
    return Response(206, body, about)


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


class PartBlocks:
    """Ranges of an open file, each after its head, and an end; closes the file."""

    def __init__(
        self, content: BinaryIO, parts: list[ByteRange], heads: list[bytes], end: bytes
    ) -> None:
        self.content = content
        self.length = sum(part.length for part in parts) + sum(map(len, heads)) + len(end)
        self._parts = list(zip(heads, parts, strict=True))
        self._end = end

    def __iter__(self) -> Iterator[bytes]:
        for head, part in self._parts:
            yield head
            self.content.seek(part.first)
            yield from FileBlocks(self.content, part.length)
        yield self._end

    def close(self) -> None:
        """Close the file."""
        self.content.close()

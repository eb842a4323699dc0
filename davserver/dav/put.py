"""PUT (RFC 9110, 9.3.4; RFC 4918, 9.7): the body becomes the file, whole or not at all."""

import re

from davserver.dav.get import validators
from davserver.dav.room import DavRequest
from davserver.errors import BadRequest, BodyTooShort, Conflict, UnsupportedMediaType
from davserver.web import Response

# A body up to here costs less to receive than to ask the catalog first whether it is wanted.
_ASK_FIRST_ABOVE = 1 << 16
_MTIME = re.compile(r"\d{1,11}(\.\d{1,9})?")


def put_file(dav: DavRequest, max_bytes: int = 0) -> Response:
    """Store the body: 201 for a new file, 204 for a new version, with its ETag."""
    request, files = dav.request, dav.share.files
    if request.header("Content-Range"):
        raise BadRequest("A part of a file cannot be written by PUT (RFC 9110, 14.5).")
    if request.header("Content-Encoding").lower() not in {"", "identity"}:
        raise UnsupportedMediaType("Send the file as it is, without Content-Encoding.")
    if request.has_trailing_slash:
        raise Conflict("This is the address of a folder; a file's has no slash at its end.")
    modified_ns = requested_time(request.header("X-OC-Mtime"))
    announced = request.content_length
    dav.conditions.hold(files.find(request.path))
    if announced is None or announced > _ASK_FIRST_ABOVE:
        files.check_writable(request.path, dav.writer)
    with files.spool() as spool:
        for block in request.blocks(max_bytes):
            spool.write(block)
        _check_expected_length(request.header("X-Expected-Entity-Length"), spool.size)
        written = files.commit(
            request.path,
            spool,
            dav.writer,
            condition=dav.conditions.hold,
            modified_ns=modified_ns,
        )
    headers = validators(written.entry)
    if modified_ns is not None:
        headers.append(("X-OC-MTime", "accepted"))
    return Response(201 if written.created else 204, b"", headers)


def requested_time(header: str) -> int | None:
    """The time of change that ownCloud's clients and rclone send, in nanoseconds."""
    if not header:
        return None
    if not _MTIME.fullmatch(header.strip()):
        raise BadRequest("A time of change must be seconds since 1970.")
    whole, _, part = header.strip().partition(".")
    return int(whole) * 1_000_000_000 + int(part.ljust(9, "0") or "0")


def _check_expected_length(header: str, size: int) -> None:
    """Finder sends files chunked, and their size beside."""
    if header and (not header.isdigit() or int(header) != size):
        raise BodyTooShort(size, int(header) if header.isdigit() else None)

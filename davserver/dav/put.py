"""PUT (RFC 9110, 9.3.4; RFC 4918, 9.7) and PATCH: the body becomes the file, or a part of it.

Whole or not at all: a part, too, is written by making a new file of the old one and the change.
"""

import re
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import BinaryIO

from davserver.dav.digests import claims_about_content, claims_about_file, verified
from davserver.dav.get import validators
from davserver.dav.room import DavRequest
from davserver.errors import (
    BadRequest,
    BodyTooLarge,
    Conflict,
    QuotaExceeded,
    RangeNotSatisfiable,
    UnsupportedMediaType,
)
from davserver.model import Entry
from davserver.providers.stores import Condition
from davserver.ranges import Place, place_of_content, place_of_update
from davserver.web import BLOCK, Request, Response

PARTIAL_UPDATE = "application/x-sabredav-partialupdate"
"""The body of a PATCH is bytes as they are, and X-Update-Range tells where they go."""

# A body up to here costs less to receive than to ask the catalog first whether it is wanted.
_ASK_FIRST_ABOVE = 1 << 16
_MTIME = re.compile(r"([0-9]{1,10})(?:\.([0-9]{1,9}))?")
_LAST_NS = (1 << 63) - 1
_SIZE = re.compile(r"[0-9]{1,18}")
_CHANGED = (
    "The file was changed while a part of it was on its way. Nothing was stored: look at the file, "
    "and send the part again."
)


def put_file(dav: DavRequest, max_bytes: int = 0) -> Response:
    """Store the body: 201 for a new file, 204 for a new version, with its ETag."""
    request, files = dav.request, dav.share.files
    dav.check_writing(request.path)
    _check_plain(request)
    if request.has_header("Content-Range"):
        place = place_of_content(request.header("Content-Range"))
        return _write_part(dav, files.find(request.path), place, max_bytes)
    claims = [*claims_about_content(request), *claims_about_file(request)]
    announced = request.content_length
    dav.conditions.hold(files.find(request.path))
    most = None
    if announced is None or announced > _ASK_FIRST_ABOVE:
        most = files.check_writable(request.path, dav.writer, announced)
    body = _counted(request.blocks(max_bytes), *told_size(request, "X-Expected-Entity-Length"))
    return _store(dav, verified(body, claims), dav.conditions.hold, max_bytes, most)


def patch_file(dav: DavRequest, max_bytes: int = 0) -> Response:
    """Write the body over a part of the file, or after its end: 204 with the new ETag.

    Source: sabre.io/dav/http-patch.
    """
    request, files = dav.request, dav.share.files
    _check_plain(request)
    if request.media_type != PARTIAL_UPDATE:
        raise UnsupportedMediaType(f"PATCH takes {PARTIAL_UPDATE}.", PARTIAL_UPDATE)
    entry = files.entry(request.path)
    place = place_of_update(request.header("X-Update-Range"), entry.size)
    return _write_part(dav, entry, place, max_bytes)


def requested_time(header: str) -> int | None:
    """The time of change that ownCloud's clients and rclone send, in nanoseconds."""
    if not header:
        return None
    told = _MTIME.fullmatch(header.strip())
    moment = int(told[1]) * 1_000_000_000 + int((told[2] or "").ljust(9, "0")) if told else -1
    if not 0 <= moment <= _LAST_NS:
        raise BadRequest("A time of change must be seconds since 1970, before the year 2262.")
    return moment


def within_quota(blocks: Iterable[bytes], most: int | None) -> Iterator[bytes]:
    """``blocks`` as they come. Raises QuotaExceeded beyond ``most`` bytes, if not None."""
    received = 0
    for block in blocks:
        received += len(block)
        if most is not None and received > most:
            raise QuotaExceeded(f"The quotas here leave {most} bytes.")
        yield block


def told_size(request: Request, header: str) -> tuple[int | None, str]:
    """A size that a client tells beside its body, and the header that tells it.

    Finder sends X-Expected-Entity-Length, since its uploads are chunked; ownCloud's clients send
    OC-Total-Length.
    """
    value = request.header(header).strip()
    if value and not _SIZE.fullmatch(value):
        raise BadRequest(f"{header} must be a number of bytes.")
    return int(value) if value else None, header


def _write_part(dav: DavRequest, entry: Entry | None, place: Place, max_bytes: int) -> Response:
    """Make a new state of the one in ``entry``. Raises Conflict if another comes in between."""
    request = dav.request
    size, etag = (entry.size, entry.etag) if entry else (0, "")

    def untouched(present: Entry | None) -> None:
        dav.conditions.hold(present)
        if (present.etag if present else "") != etag:
            raise Conflict(_CHANGED)

    dav.conditions.hold(entry)
    becomes = _check_place(place, size, request.content_length, max_bytes)
    most = dav.share.files.check_writable(request.path, dav.writer, becomes)
    about_part, about_file = claims_about_content(request), claims_about_file(request)
    if request.method == "PATCH":
        # The body of a PATCH is a document of its own; what is claimed is about that (RFC 9530, 3).
        about_part, about_file = about_part + about_file, []
    part = _counted(request.blocks(max_bytes), place.length, "The range")
    part = _counted(part, *told_size(request, "X-Expected-Entity-Length"))
    part = verified(part, about_part)
    with dav.share.files.open(request.path)[0] if entry else BytesIO() as old:
        whole = verified(_spliced(old, size, place.first, part), about_file)
        return _store(dav, whole, untouched, max_bytes, most)


def _store(
    dav: DavRequest,
    content: Iterable[bytes],
    condition: Condition,
    max_bytes: int,
    most: int | None,
) -> Response:
    """Make ``content`` the file: 201 if there was none, else 204.

    It may have ``max_bytes``, if not 0, and the ``most`` that the quotas leave, if not None.
    """
    request = dav.request
    modified_ns = requested_time(request.header("X-OC-Mtime"))
    content = _counted(content, *told_size(request, "OC-Total-Length"))
    with dav.share.files.spool() as spool:
        for block in within_quota(content, most):
            spool.write(block)
            if max_bytes and spool.size > max_bytes:
                raise BodyTooLarge(max_bytes)
        written = dav.share.files.commit(
            request.path, spool, dav.writer, condition=condition, modified_ns=modified_ns
        )
    headers = validators(written.entry)
    if modified_ns is not None:
        headers.append(("X-OC-MTime", "accepted"))
    return Response(201 if written.created else 204, b"", headers)


def _check_plain(request: Request) -> None:
    """Refuse a body that is not the bytes of a file as they are, and the address of a folder."""
    if request.header("Content-Encoding").lower() not in {"", "identity"}:
        raise UnsupportedMediaType("Send the file as it is, without Content-Encoding.")
    if request.has_trailing_slash:
        raise Conflict("This is the address of a folder; a file's has no slash at its end.")


def _check_place(place: Place, size: int, announced: int | None, max_bytes: int) -> int:
    """Refuse a part that does not fit a file of ``size``, before its bytes are sent for nothing.

    Returns the size that the file will have, as far as that is known.
    """
    if place.first > size:
        raise RangeNotSatisfiable(size)
    if announced == 0 or (place.length and announced not in {None, place.length}):
        raise BadRequest(f"The body has {announced} bytes, and the range does not.")
    becomes = max(size, place.first + (place.length or announced or 0))
    if place.total is not None and becomes > place.total:
        raise Conflict(f"The file has {size} bytes, more than Content-Range knows of.")
    if max_bytes and becomes > max_bytes:
        raise BodyTooLarge(max_bytes)
    return becomes


def _spliced(old: BinaryIO, size: int, first: int, part: Iterable[bytes]) -> Iterator[bytes]:
    """The ``size`` bytes of ``old`` with ``part`` in their place from ``first`` on."""
    yield from _bytes_of(old, first)
    end = first
    for block in part:
        end += len(block)
        yield block
    if end < size:
        old.seek(end)
        yield from _bytes_of(old, size - end)


def _bytes_of(old: BinaryIO, length: int) -> Iterator[bytes]:
    while length:
        block = old.read(min(BLOCK, length))
        if not block:  # another program cut the file short
            raise Conflict(_CHANGED)
        length -= len(block)
        yield block


def _counted(blocks: Iterable[bytes], length: int | None, told_by: str) -> Iterator[bytes]:
    """``blocks`` as they come. Raises BadRequest unless they have ``length`` bytes, if not None."""
    received = 0
    for block in blocks:
        received += len(block)
        if length is not None and received > length:
            break
        yield block
    if length is not None and received != length:
        raise BadRequest(
            f"{told_by} tells of {length} bytes, and {received} have arrived. Nothing was changed."
        )

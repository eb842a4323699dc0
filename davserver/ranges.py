"""Ranges of bytes, as they are asked for and as they are written. Knows no file, no response."""

import re
from dataclasses import dataclass
from itertools import pairwise

from davserver.errors import BadRequest, RangeNotSatisfiable

MAX_RANGES = 16
"""Who asks for more at once gets the whole, as RFC 9110, 14.2 permits."""

_POSITION = "[0-9]{1,18}"  # fits in 64 bits; no file is as large as what does not
_ASKED = re.compile(rf"[ \t]*({_POSITION})?-({_POSITION})?[ \t]*")
_CONTENT = re.compile(rf"bytes[ \t]+({_POSITION})-({_POSITION})/({_POSITION}|\*)", re.IGNORECASE)
_UPDATE = re.compile(rf"bytes[ \t]*=[ \t]*({_POSITION})?-({_POSITION})?", re.IGNORECASE)


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


@dataclass(frozen=True, slots=True)
class Place:
    """Where bytes go in a file: from ``first`` on, ``length`` of them; None: as many as come.

    ``total`` is the size that the sender believes the file to have in the end, None if unknown.
    """

    first: int
    length: int | None = None
    total: int | None = None


def requested_ranges(header: str, size: int) -> list[ByteRange]:
    """The ranges that a Range header asks for; none where the whole file is the answer.

    The whole answers a header that is malformed, of another unit, or that asks for too many ranges
    or for bytes twice, which would cost more than the file (RFC 9110, 14.2 and 17.15). Raises
    RangeNotSatisfiable when no range lies within the file.
    """
    unit, _, specs = header.partition("=")
    asked = [_ASKED.fullmatch(spec) for spec in specs.split(",") if spec.strip(" \t")]
    if unit.strip(" \t").lower() != "bytes" or not 0 < len(asked) <= MAX_RANGES:
        return []
    found: list[ByteRange] = []
    for spec in asked:
        if spec is None or not (spec[1] or spec[2]):
            return []
        if spec[1]:
            first, last = int(spec[1]), int(spec[2] or size - 1)
            if spec[2] and last < first:
                return []
        elif size == 0 and int(spec[2]):
            return []  # the last bytes of nothing are there, but Content-Range cannot tell of them
        else:
            first, last = size - min(int(spec[2]), size), size - 1
        if first < size:
            found.append(ByteRange(first, min(last, size - 1), size))
    if not found:
        raise RangeNotSatisfiable(size)
    ordered = sorted(found, key=lambda one: one.first)
    if any(one.last >= after.first for one, after in pairwise(ordered)):
        return []
    return found


def place_of_content(header: str) -> Place:
    """Where the body of a PUT with Content-Range goes (RFC 9110, 14.5). Raises BadRequest."""
    told = _CONTENT.fullmatch(header.strip(" \t"))
    if told is None:
        raise BadRequest("Content-Range must be like: bytes 2-3/10, or bytes 2-3/*.")
    first, last = int(told[1]), int(told[2])
    total = None if told[3] == "*" else int(told[3])
    if last < first or (total is not None and last >= total):
        raise BadRequest("Content-Range names bytes that no file can have.")
    return Place(first, last - first + 1, total)


def place_of_update(header: str, size: int) -> Place:
    """Where the body of a PATCH goes in a file of ``size``: the X-Update-Range of SabreDAV.

    Source: sabre.io/dav/http-patch. Raises BadRequest, RangeNotSatisfiable.
    """
    value = header.strip(" \t")
    if value.lower() == "append":
        return Place(size)
    told = _UPDATE.fullmatch(value)
    if told is None or not (told[1] or told[2]):
        raise BadRequest("X-Update-Range must be like: bytes=4-6, bytes=4-, bytes=-2, or append.")
    if not told[1]:
        if int(told[2]) > size:
            raise RangeNotSatisfiable(size)
        return Place(size - int(told[2]))
    if not told[2]:
        return Place(int(told[1]))
    if int(told[2]) < int(told[1]):
        raise BadRequest("X-Update-Range ends before it begins.")
    return Place(int(told[1]), int(told[2]) - int(told[1]) + 1)

"""The names of what is in a compound file: old Office formats, and documents with a password.

Source: [MS-CFB] 2.2 (header), 2.3 (FAT), 2.6 (directory). Reads the directory alone, so much of it.
"""

import struct
from typing import BinaryIO

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

_HEADER = struct.Struct("<8s22xH16xI24x109I")
_SECTOR_SHIFTS = frozenset({9, 12})
_ENTRY_BYTES = 128
_MAX_SECTORS = 64
_LAST_REGULAR = 0xFFFFFFFA


def names_in(content: BinaryIO) -> frozenset[str]:
    """The names of streams and storages; none for what is no such file, or damaged."""
    head = content.read(_HEADER.size)
    if len(head) < _HEADER.size or not head.startswith(MAGIC):
        return frozenset()
    _, shift, sector, *fat_sectors = _HEADER.unpack(head)
    if shift not in _SECTOR_SHIFTS:
        return frozenset()
    size, found = 1 << shift, set[str]()
    for _ in range(_MAX_SECTORS):
        if sector > _LAST_REGULAR:
            break
        entries = _sector(content, sector, size)
        found |= set(filter(None, map(_name, _split(entries))))
        place, index = divmod(sector, size // 4)
        if place >= len(fat_sectors) or fat_sectors[place] > _LAST_REGULAR:
            break
        chain = _sector(content, fat_sectors[place], size)
        if len(chain) < size:
            break
        (sector,) = struct.unpack_from("<I", chain, index * 4)
    return frozenset(found)


def _sector(content: BinaryIO, number: int, size: int) -> bytes:
    content.seek((number + 1) * size)
    return content.read(size)


def _split(entries: bytes) -> list[bytes]:
    whole = len(entries) - len(entries) % _ENTRY_BYTES
    return [entries[at : at + _ENTRY_BYTES] for at in range(0, whole, _ENTRY_BYTES)]


def _name(entry: bytes) -> str:
    (length,) = struct.unpack_from("<H", entry, 64)
    # With the zero that ends it ([MS-CFB] 2.6.1).
    return entry[: max(0, min(length, 64) - 2)].decode("utf-16-le", "replace")

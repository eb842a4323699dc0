"""Whether what was downloaded can be the document that it should be, by a look at its frame.

A look costs little, whatever was sent: nothing is unpacked. Source: APPNOTE.TXT of the ZIP format,
4.3.16; ISO/IEC 29500-2, "Content Types part"; ODF 1.3 part 2, 3.3; [MS-CFB], 2.2.
"""

import io
import struct
import zipfile

from davserver.editor import compound
from davserver.providers.stores import Spool


def _set(names: str) -> frozenset[str]:
    return frozenset(names.split())


_OOXML = _set(
    "docm docx dotm dotx xlsb xlsm xlsx xltm xltx potm potx ppsm ppsx pptm pptx vsdm vsdx"
)
_ODF = _set("odt ott ods ots odp otp odg epub")
_COMPOUND = _set("doc dot xls xlt ppt pps pot")
_PDF = _set("pdf oform docxf")

_ZIP_MAGIC = b"PK\x03\x04"
_PDF_WITHIN = 1024

_END = struct.Struct("<4s4H2LH")
_END_MAGIC = b"PK\x05\x06"
_MAX_COMMENT = 0xFFFF
# A document has some hundred members; a directory of more is made to cost us something.
_MAX_MEMBERS = 50_000
_MAX_DIRECTORY = 8 << 20


def fault_of(spool: Spool, filetype: str) -> str:
    """Why the bytes are no whole document of this type; empty if nothing speaks against it.

    Text has no form to be checked, and may be empty.
    """
    start = spool.read(0, _PDF_WITHIN)
    if filetype in _PDF:
        is_right = b"%PDF-" in start or (filetype != "pdf" and start.startswith(_ZIP_MAGIC))
        return "" if is_right else "It is no PDF."
    if filetype in _COMPOUND:
        return "" if start.startswith(compound.MAGIC) else "It is no file of old Office programs."
    if filetype in _OOXML:
        # With a password on it, such a document is wrapped into the older format ([MS-OFFCRYPTO]).
        if start.startswith(compound.MAGIC):
            return ""
        return _fault_of_zip(spool, start, "[Content_Types].xml")
    if filetype == "zip":
        is_whole = start.startswith(_ZIP_MAGIC) and _has_directory(spool)
        return "" if is_whole else "It is no whole ZIP."
    if filetype in _ODF:
        return _fault_of_zip(spool, start, "mimetype")
    return ""


def _fault_of_zip(spool: Spool, start: bytes, member: str) -> str:
    if not start.startswith(_ZIP_MAGIC):
        return "It is no ZIP."
    if not _has_directory(spool):
        return "Its directory is not whole, or too large."
    try:
        with zipfile.ZipFile(_Reader(spool)) as archive, archive.open(member):
            return ""
    except KeyError:
        return f"It has no {member}."
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, RuntimeError) as fault:
        return f"It is no whole ZIP: {fault}"


def _has_directory(spool: Spool) -> bool:
    """Whether a directory of a sane size lies where the end of the file says."""
    reach = min(spool.size, _END.size + _MAX_COMMENT)
    tail = spool.read(spool.size - reach, reach)
    at = tail.rfind(_END_MAGIC)
    if at < 0 or len(tail) - at < _END.size:
        return False
    members, size, begins = _END.unpack_from(tail, at)[4:7]
    end = spool.size - reach + at
    return bool(members <= _MAX_MEMBERS and size <= _MAX_DIRECTORY and begins + size <= end)


class _Reader(io.RawIOBase):
    """A spool's bytes, as the library for archives reads them."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._spool.size}[whence]
        if start + offset < 0:
            raise OSError("before the beginning")
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        found = self._spool.read(self._at, len(buffer))
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)

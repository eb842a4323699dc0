"""What the bytes of a document tell before it is opened: whether it can be, whether it is a form.

Reads a file's beginning and the directory of what is packed in it, never its content. Source for
the limits: server/config, "FileConverter.converter.inputLimits".
"""

import zipfile
from typing import BinaryIO

from davserver.editor.compound import names_in
from davserver.editor.formats import Format
from davserver.errors import NotFound, UnsupportedMediaType
from davserver.providers.files import VersionedFiles
from davserver.words import say

FORM_HEAD_BYTES = 300
_MIB = 1 << 20
_MAX_DIRECTORY = 1 << 20
"""What is read of a zip file's directory; one that has more is left to the Document Server."""
_LIMITS = {
    "docm docx dotm dotx": 50 * _MIB,
    "xlsm xlsx xltm xltx": 300 * _MIB,
    "potm potx ppsm ppsx pptm pptx": 50 * _MIB,
    "vsdm vsdx vssm vssx vstm vstx": 50 * _MIB,
}
_PRIVATE = {"EncryptionInfo", "DocumentID"}
_UNPACKED = {name: most for names, most in _LIMITS.items() for name in names.split()}


class NotOpenable(UnsupportedMediaType):
    """A document cannot be opened in the editor, for the reason that the words give."""


def check_size(size: int, most: int) -> None:
    """Raise NotOpenable for a file that the Document Server does not fetch."""
    if size > most:
        raise NotOpenable(
            say(
                "With {size} MiB this file is too large for the editor, which opens up to {most} "
                "MiB.",
                size=_mib(size),
                most=_mib(most),
            )
        )


def check_unpacked(content: BinaryIO, known: Format) -> None:
    """Raise NotOpenable for a document whose parts unpack to more than the Document Server takes.

    What is no zip file, like one with a password, is left to the server.
    """
    most = _UNPACKED.get(known.extension)
    if most is None:
        return
    try:
        with zipfile.ZipFile(BoundedFile(content)) as package:
            parts = package.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        return
    unpacked = sum(part.file_size for part in parts if part.filename.lower().endswith(".xml"))
    if unpacked > most:
        raise NotOpenable(
            say(
                "Unpacked, the text of this document has {unpacked} MiB, and the editor opens up "
                "to {most} MiB in this format.",
                unpacked=_mib(unpacked),
                most=_mib(most),
            )
        )


def check_private(content: BinaryIO) -> None:
    """Raise NotOpenable for a document of a private room: no server has the key to it.

    One with a password is another thing: the editor asks for it. Source: ONLYOFFICE's core,
    OfficeFileFormatChecker: encrypted, with a document's id beside it.
    """
    if names_in(content) >= _PRIVATE:
        raise NotOpenable(
            say(
                "This document is encrypted for a private room: it opens in the ONLYOFFICE "
                "Desktop Editors of those who have the key, and nowhere else."
            )
        )


def is_form(head: bytes) -> bool:
    """Whether a PDF that begins with ``head`` is a form made by ONLYOFFICE.

    Source: Docs API, "Config", document, "isForm": the mark stands in the file's first object.
    """
    _, mark, rest = head[:FORM_HEAD_BYTES].partition(b"%\xcd\xca\xd2\xa9\r")
    if not mark or not rest.startswith(b"1 0 obj\n<<\n"):
        return False
    attributes, stream, _ = rest.partition(b"stream\r\n")
    return bool(stream) and b"ONLYOFFICEFORM" in attributes


def is_form_at(files: VersionedFiles, path: str) -> bool | None:
    """The same of a file; None for what has none of its own, like an earlier version."""
    try:
        content, _ = files.open(path)
    except NotFound:
        return None
    with content:
        return is_form(content.read(FORM_HEAD_BYTES))


class BoundedFile:
    """A file for ``zipfile``, whose directory is not read if it is out of all proportion."""

    def __init__(self, content: BinaryIO) -> None:
        self._content = content
        self.seek, self.tell = content.seek, content.tell

    def seekable(self) -> bool:
        return True

    def read(self, count: int = -1) -> bytes:
        if not 0 <= count <= _MAX_DIRECTORY:
            # ZipFile asks for all that is left only where it looks for the end record.
            if count < 0:
                return self._content.read(_MAX_DIRECTORY)
            raise zipfile.BadZipFile("the directory is too large")
        return self._content.read(count)


def _mib(count: int) -> int:
    """Whole MiB, rounded up, so that what is too large never reads like the limit."""
    return -(-count // _MIB)

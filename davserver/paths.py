"""Resource paths: what a URL names below the served folder. Knows RFC 3986; touches no disk.

A path is a decoded string such as ``/docs/a.docx``: it starts with a slash, ends with none (the
root is ``/``), and has no empty, ``.`` or ``..`` segment. Bytes that are not UTF-8 are carried as
surrogate escapes, so that every name a disk can hold has exactly one path.
"""

import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from davserver.errors import BadRequest, NameNotAllowed, NameTooLong, NotFound
from davserver.words import say

ROOT = "/"
HIDDEN = ".davserver"
"""The folder in the root that holds our own state; no URL reaches it."""
RESERVED = "-"
"""The first segment of every address of ours: ``/-/edit/…``."""
VERSIONS_VIEW = "/.versions"
TRASH_VIEW = "/.trash"
"""Folders that are not on the disk: earlier states of files, and what was deleted, to be read."""

MAX_PATH_BYTES = 4096
MAX_NAME_BYTES = 255

_WRITTEN_PATH = re.compile(r"/|(/(?!\.\.?(/|$))[^/\0]+)+")
_NOISE_NAMES = frozenset({".ds_store", "thumbs.db", "desktop.ini"})

# RFC 3986 3.3 pchar, without the characters that XML and HTML attributes must escape and without
# "+" and ";", which some clients decode as form data or cut off as parameters.
# Bytes are carried as the characters of Latin-1.
_UNSAFE = re.compile(r"[^0-9A-Za-z/\-._~!$()*,:@=]")
_ENCODED = {chr(byte): f"%{byte:02X}" for byte in range(256)}


def resource_path(target: str) -> str:
    """The path that a request target names, percent-encoding undone.

    Raises BadRequest for a target that names nothing (dot segments, NUL, an encoded slash),
    NameTooLong, and NotFound for the reserved and hidden names: to a client they do not exist. The
    views are addresses like others, which the folder itself has nothing at.
    """
    path = decoded(target)
    if is_ours(path) and not view_of(path):
        raise NotFound(path)
    return path


def typed(text: str) -> str:
    """The path that a person typed, with or without slashes at its ends. Raises the same."""
    return resource_path(href("/" + text.strip().strip("/")))


def is_written(text: str) -> bool:
    """Whether ``text``, out of a file of settings, is a path: "/" or "/docs/plans"."""
    return _WRITTEN_PATH.fullmatch(text) is not None


def decoded(target: str) -> str:
    """The path in ``target``, decoded and without a trailing slash, reserved names included."""
    if "%" in target or not target.isascii():
        encoded = target.encode("utf-8", "surrogateescape")
        raw = [unquote_to_bytes(part) for part in encoded.split(b"/")]
        if any(b"/" in part for part in raw):
            raise BadRequest(say("A name cannot contain a slash, not even an encoded one."))
        segments = [part.decode("utf-8", "surrogateescape") for part in raw]
    else:
        segments = target.split("/")
    if segments[0]:
        raise BadRequest(say("The address must start with a slash."))
    names = [name for name in segments if name]
    if any(name in {".", ".."} or "\0" in name for name in names):
        raise BadRequest(say("The address holds a segment that no file can have."))
    path = "/" + "/".join(names)
    if len(path.encode("utf-8", "surrogateescape")) > MAX_PATH_BYTES:
        raise NameTooLong(
            say("A path has at most {max_path_bytes} bytes.", max_path_bytes=MAX_PATH_BYTES)
        )
    return path


def href(path: str, *, folder: bool = False) -> str:
    """``path`` percent-encoded, ASCII only; a folder's ends with a slash (RFC 4918, 5.2)."""
    text = path
    if not path.isascii():
        text = path.encode("utf-8", "surrogateescape").decode("latin-1")
    text = _UNSAFE.sub(lambda unsafe: _ENCODED[unsafe[0]], text)
    return text + "/" if folder and path != ROOT else text


def key(path: str) -> str:
    """A text for ``path`` that every database can hold, ordered like the tree: its href."""
    return href(path)


def path_of_key(text: str) -> str:
    """The path whose ``key`` is ``text``."""
    if "%" not in text:
        return text
    return unquote_to_bytes(text).decode("utf-8", "surrogateescape")


def name(path: str) -> str:
    """The last segment; empty for the root."""
    return path.rpartition("/")[2]


def parent(path: str) -> str:
    """The path of the folder that holds ``path``; the root is its own parent."""
    return path.rpartition("/")[0] or ROOT


def join(folder: str, member: str) -> str:
    """The path of ``member`` in ``folder``."""
    return f"{'' if folder == ROOT else folder}/{member}"


def is_within(path: str, folder: str) -> bool:
    """Whether ``path`` is ``folder`` or lies anywhere below it."""
    return path == folder or folder == ROOT or path.startswith(folder + "/")


def moved(path: str, source: str, destination: str) -> str:
    """Where ``path`` within ``source`` is, once ``source`` has become ``destination``."""
    return destination + path[len(source) :]


def ancestors(path: str) -> Iterator[str]:
    """The folders above ``path``, nearest first, the root last; none for the root."""
    while path != ROOT:
        path = parent(path)
        yield path


def lineage(path: str) -> tuple[str, ...]:
    """``path`` and the folders above it, nearest first."""
    return (path, *ancestors(path))


def with_words(name: str, words: str, *, is_folder: bool = False) -> str:
    """``name`` with ``words`` before its extension, cut so that a disk takes it."""
    stem, dot, ending = name.rpartition(".")
    if is_folder or not stem:
        stem, dot, ending = name, "", ""
    after = words + dot + ending
    raw = stem.encode("utf-8", "surrogateescape")
    room = max(0, MAX_NAME_BYTES - len(after.encode("utf-8", "surrogateescape")))
    if len(raw) > room:
        stem = raw[:room].decode("utf-8", "ignore")
    return stem + after


def extension(path: str) -> str:
    """The lower-case text after the last dot of the name; empty where there is none."""
    stem, dot, ending = name(path).rpartition(".")
    return ending.lower() if dot and stem else ""


def view_of(path: str) -> str:
    """The view that ``path`` lies in; empty for the folder itself."""
    first = "/" + path[1:].partition("/")[0]
    return first if first in {VERSIONS_VIEW, TRASH_VIEW} else ""


def is_ours(path: str) -> bool:
    """Whether ``path`` lies in a view, the reserved or the hidden folder.

    Files on the disk that are called like a view stay there, and no address reaches them. The
    hidden folder's name is compared without case, in compatibility form and without invisible
    characters: some file systems fold these, and there a different spelling would reach the same
    folder.
    """
    first = path[1:].partition("/")[0]
    if first == RESERVED or view_of(path):
        return True
    if first.isascii():
        return first.lower() == HIDDEN
    visible = "".join(char for char in first if unicodedata.category(char) != "Cf")
    return unicodedata.normalize("NFKC", visible).casefold() == HIDDEN


def in_other_forms(text: str) -> list[str]:
    """``text`` in the normal forms that it is not in (UAX #15): what another system may send."""
    if text.isascii():
        return []
    forms = (unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text))
    return [form for form in dict.fromkeys(forms) if form != text]


def is_noise(path: str) -> bool:
    """Whether a file is one that a client's system keeps for itself, and nobody's work.

    Such a file is kept and served like every other, but has no versions, does not go to the trash
    by itself, and is not shown in the browser: AppleDouble and .DS_Store (macOS), the owner files
    of Office and LibreOffice, what Windows knows about a folder.
    """
    last = name(path).casefold()
    return (
        last in _NOISE_NAMES
        or last.startswith(("._", "~$"))
        or (last.startswith(".~lock.") and last.endswith("#"))
    )


def check_new_name(path: str) -> None:
    """Raise unless a new resource may be called what ``path`` ends with.

    Control characters are refused because XML cannot carry them (XML 1.0, 2.2) and shells misread
    them.
    """
    last = name(path)
    if any(ord(char) < 0x20 or char == "\x7f" for char in last):
        raise NameNotAllowed(say("A name cannot contain control characters."))
    if any("\ud800" <= char <= "\udfff" for char in last):
        raise NameNotAllowed(say("A name must be UTF-8."))
    if len(last.encode()) > MAX_NAME_BYTES:
        raise NameTooLong(
            say("A name has at most {max_name_bytes} bytes.", max_name_bytes=MAX_NAME_BYTES)
        )
    if is_ours(path):
        raise NameNotAllowed(say("This name is reserved for the server itself."))

"""The head of a request: parsed by llhttp, which is strict, and held to what llhttp leaves open.

Source: RFC 9112 (message syntax), RFC 9110 (fields). Knows no socket.
"""

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import httptools
from httptools import HttpParserError, HttpParserInvalidMethodError, HttpParserUpgrade

MAX_HEAD_BYTES = 1 << 16
MAX_FIELDS = 128
MAX_TARGET_BYTES = 1 << 14

END = b"\r\n\r\n"

# Fields that a request has once or not at all: two of them mean that somebody before us read the
# one and we would read the other (RFC 9110, 5.3).
_ONCE = frozenset(
    b"authorization content-length content-range content-type depth destination from host "
    b"if-modified-since if-range if-unmodified-since lock-token max-forwards overwrite range "
    b"referer user-agent".split()
)
_OF_OFFICE = b"x-forms_based_auth_accepted"  # MS-OFBA, 2.2.1
_KNOWN_NAMES_AT_MOST = 1000


class Refused(Exception):
    """The request is answered here, without the application, and the connection ends."""

    def __init__(self, status: HTTPStatus, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


@dataclass(slots=True)
class Head:
    """A request's head as WSGI wants it, and how its body is framed.

    ``length`` is the body's size in bytes; None if the body is ``chunked``.
    """

    method: str
    is_1_1: bool
    environ: dict[str, Any]
    length: int | None
    keep_alive: bool
    expects_continue: bool


@dataclass(slots=True)
class _Collected:
    """What llhttp calls back with."""

    target: bytes = b""
    fields: list[tuple[bytes, bytes]] = field(default_factory=list)

    def on_url(self, part: bytes) -> None:
        self.target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value))


_keys: dict[bytes, tuple[bytes, str]] = {}


def parse_head(data: bytes) -> Head:
    """The head that ``data`` is, from the request line to the empty line. Raises Refused."""
    _check_request_line(data)
    collected = _Collected()
    parser = httptools.HttpRequestParser(collected)
    try:
        parser.feed_data(data)
    except HttpParserUpgrade:
        pass  # an offer to speak something else; a server may decline it by answering
    except HttpParserInvalidMethodError:
        raise Refused(HTTPStatus.NOT_IMPLEMENTED, "This method is not known here.") from None
    except HttpParserError as fault:
        raise _bad(str(fault)) from None
    fields = _fields(collected.fields)
    method = parser.get_method().decode("ascii")
    version = parser.get_http_version()
    environ = _target(method, collected.target, fields)
    chunked = _is_chunked(fields, version)
    if not environ.get("HTTP_HOST") and version == "1.1":
        raise _bad("the Host field is missing")  # RFC 9112, 3.2
    expectation = fields.get("HTTP_EXPECT", "").lower()
    if expectation not in {"", "100-continue"}:
        raise Refused(HTTPStatus.EXPECTATION_FAILED, "This expectation cannot be met.")
    length = fields.get("CONTENT_LENGTH", "").strip()
    environ["SERVER_PROTOCOL"] = f"HTTP/{version}"
    environ["REQUEST_METHOD"] = method
    return Head(
        method,
        version == "1.1",
        environ,
        None if chunked else int(length or 0),
        _keeps_alive(fields, version),
        expectation != "" and version == "1.1",
    )


def _check_request_line(data: bytes) -> None:
    """llhttp takes more than one space, other protocols, and HTTP/0.9 and 2.0."""
    line = data[: data.find(b"\r\n")]
    if len(line) > MAX_TARGET_BYTES:
        raise Refused(HTTPStatus.REQUEST_URI_TOO_LONG, "The address is too long.")
    if line.count(b" ") != 2:
        raise _bad("the request line is not well formed")
    version = line[line.rfind(b" ") + 1 :]
    if version not in {b"HTTP/1.1", b"HTTP/1.0"}:
        if version.startswith(b"HTTP/"):
            words = "This server speaks HTTP/1.1."
            raise Refused(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, words)
        raise _bad("the request line is not well formed")


def _fields(collected: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """The fields by their names in WSGI."""
    if len(collected) > MAX_FIELDS:
        raise Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "There are too many fields.")
    found: dict[str, str] = {}
    for name, value in collected:
        lower, key = _keys.get(name) or _named(name)
        if not key:
            continue
        text = value.decode("latin-1")
        if key not in found:
            found[key] = text
        elif lower in _ONCE:
            raise _bad(f"the field {lower.decode()} stands there twice")
        else:
            found[key] += ("; " if key == "HTTP_COOKIE" else ", ") + text
    return found


def _named(name: bytes) -> tuple[bytes, str]:
    """A field's name in lower case and in WSGI, "" for one that is dropped; remembered.

    WSGI cannot tell an underscore from a dash, so a name with one could pass for another field
    that a proxy before us has checked. One is let through, which no proxy checks.
    """
    lower = name.lower()
    is_dropped = b"_" in name and lower != _OF_OFFICE
    key = "" if is_dropped else "HTTP_" + lower.decode("ascii").upper().replace("-", "_")
    if key in {"HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"}:
        key = key.removeprefix("HTTP_")
    if len(_keys) < _KNOWN_NAMES_AT_MOST:
        _keys[name] = lower, key
    return lower, key


def _target(method: str, target: bytes, fields: dict[str, str]) -> dict[str, Any]:
    """The environ with the request target in its forms (RFC 9112, 3.2)."""
    environ: dict[str, Any] = fields
    if b"#" in target:
        raise _bad("the request target has a fragment")
    text = target.decode("ascii")
    if not text.startswith("/"):
        if text == "*" and method == "OPTIONS":
            text = "/"
        elif text[:7].lower() == "http://" or text[:8].lower() == "https://":
            absolute = urlsplit(text)
            environ["HTTP_HOST"] = absolute.netloc.rpartition("@")[2]
            text = (absolute.path or "/") + (f"?{absolute.query}" if absolute.query else "")
        else:
            raise _bad("the request target is not well formed")
    path, _, query = text.partition("?")
    environ["REQUEST_URI"] = text
    environ["QUERY_STRING"] = query
    environ["PATH_INFO"] = unquote_to_bytes(path).decode("latin-1") if "%" in path else path
    return environ


def _is_chunked(fields: dict[str, str], version: str) -> bool:
    """llhttp has seen to it that "chunked" is the last coding, and alone with the framing."""
    coding = fields.get("HTTP_TRANSFER_ENCODING")
    if coding is None:
        return False
    if version == "1.0":
        raise _bad("HTTP/1.0 has no transfer codings")  # RFC 9112, 6.1
    if coding.strip().lower() != "chunked":
        words = "No transfer coding but chunked is known here."
        raise Refused(HTTPStatus.NOT_IMPLEMENTED, words)
    return True


def _keeps_alive(fields: dict[str, str], version: str) -> bool:
    """RFC 9112, 9.3."""
    options = fields.get("HTTP_CONNECTION", "").lower()
    if not options:
        return version == "1.1"
    named = {option.strip() for option in options.split(",")}
    return "close" not in named and (version == "1.1" or "keep-alive" in named)


def _bad(reason: str) -> Refused:
    return Refused(HTTPStatus.BAD_REQUEST, f"The request is not well formed: {reason}.")

"""Requests, responses, and the edge where failures become HTTP. Knows WSGI; knows no room.

Between rooms runs plain WSGI: each is a middleware that answers or calls the next. Inside a room a
handler is a function from ``Request`` to ``Response``.
"""

import http
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from http.cookies import CookieError, SimpleCookie
from json import dumps
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape, quoteattr

import structlog

from davserver import paths
from davserver.errors import (
    BadRequest,
    BodyTooLarge,
    BodyTooShort,
    BodyTooSlow,
    DavserverError,
    MembersRefused,
    MethodNotAllowed,
    NotFound,
    printable,
)
from davserver.model import NO_RIGHTS, Link, Principal
from davserver.translations import ENGLISH, Language, Languages
from davserver.words import Words, say

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
StartResponse = Callable[..., Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]

BLOCK = 1 << 18
"""Bytes that are read or sent at a time: large enough that a block costs more than its handling."""

MAX_FORM_BYTES = 1 << 16
MAX_FORM_FIELDS = 200
SAFE = frozenset({"GET", "HEAD", "OPTIONS", "PROPFIND", "REPORT", "SEARCH"})
"""Methods that change nothing (RFC 9110, 9.2.1)."""
NOBODY = Principal("", ceiling=NO_RIGHTS)

_PHRASES = {460: "Checksum Mismatch"}
"""Of statuses that no RFC has: 460 is of tus 1.0."""

_REQUEST = "davserver.request"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the folder ``root`` and all that is in it have their addresses: below ``base``."""

    base: str = ""
    root: str = paths.ROOT

    @property
    def cut(self) -> int:
        """How much of the href of something in ``root`` is that of ``root`` itself."""
        return 0 if self.root == paths.ROOT else len(paths.href(self.root))

    def target(self, path: str, *, folder: bool = False) -> str:
        """The address of ``path`` without ``base``.

        What is outside is told as the root, so that nobody learns what it is called.
        """
        if not paths.is_within(path, self.root):
            return "/"
        inner = path if self.root == paths.ROOT else path[len(self.root) :]
        return paths.href(inner or paths.ROOT, folder=folder)

    def of(self, path: str, *, folder: bool = False) -> str:
        """The address of ``path``."""
        return self.base + self.target(path, folder=folder)

    def page(self, route: str, path: str) -> str:
        """The address of what ``route``, like "/-/edit/", shows of ``path``."""
        return self.base + route[:-1] + self.target(path)

    def told(self, words: str) -> str:
        """``words`` about paths, with these as somebody knows them to whom ``root`` is all."""
        if self.root == paths.ROOT:
            return words
        if isinstance(words, Words):
            return words.changed(self.told)
        told = re.sub(rf"(?<!\S){re.escape(printable(self.root))}(?=/)", "", words)
        for path in paths.lineage(self.root)[:-1]:
            told = re.sub(rf"(?<!\S){re.escape(printable(path))}(?=[.,:;]?(\s|$))", "/", told)
        return told


_log = structlog.get_logger("davserver.web")


class Request:
    """One request, made from the WSGI environ once and shared by all rooms through it."""

    def __init__(
        self, environ: Environ, public_url: str = "", languages: Languages | None = None
    ) -> None:
        self.environ = environ
        self.languages = languages
        self.method: str = environ["REQUEST_METHOD"]
        self.id = os.urandom(6).hex()
        self.principal = NOBODY
        self.csrf_token = ""
        self.notes: list[tuple[str, dict[str, Any]]] = []
        self.is_only_what_is_noted = False
        public = urlsplit(public_url)
        self.site = public.path
        self.base = public.path
        self.root = paths.ROOT
        self.link: Link | None = None
        self.origin = f"{public.scheme}://{public.netloc}" if public_url else self._own_origin()
        self.target = self._below_base(_raw_path(environ))

    @classmethod
    def of(cls, environ: Environ) -> "Request":
        """The request that the porch made from this environ; a new one where there is no porch."""
        request = environ.get(_REQUEST)
        if request is None:
            request = environ[_REQUEST] = cls(environ)
        assert isinstance(request, cls)  # noqa: S101
        return request

    @cached_property
    def path(self) -> str:
        """The resource path; raises what ``paths.resource_path`` raises."""
        return self.resource(self.target)

    @cached_property
    def language(self) -> Language:
        """The reader's: their own choice, else what the browser asks for, else the server's."""
        if self.languages is None:
            return ENGLISH
        return self.languages.of(self._reader, self.header("Accept-Language"))

    @property
    def languages_asked(self) -> str:
        """Like Accept-Language, with the reader's own choice first."""
        chosen = self.languages.chosen(self._reader) if self.languages else ""
        return ",".join(filter(None, (chosen, self.header("Accept-Language"))))

    @property
    def _reader(self) -> str:
        """Who chose a language: nobody who comes by a link."""
        by_link = self.link is not None or bool(self.principal.link)
        return "" if by_link else self.principal.name

    @property
    def page_languages(self) -> tuple[str, ...]:
        """The languages that there are for our pages, like "pt-BR"."""
        return self.languages.tags if self.languages else (ENGLISH.tag,)

    def say_as_asked(self) -> None:
        """Speak as the browser asks, whatever its user chose: that is in the catalog, and a fault
        there is to be told too.
        """
        if self.languages is not None:
            self.language = self.languages.asked(self.header("Accept-Language"))

    @property
    def addresses(self) -> Addresses:
        """Where what the request may be about has its addresses."""
        return Addresses(self.base, self.root)

    def resource(self, target: str) -> str:
        """The path that ``target`` names, an address without ``base``.

        Raises what ``paths.resource_path`` raises. By a link, there are no views.
        """
        path = paths.resource_path(target)
        if self.link is not None and paths.view_of(path):
            raise NotFound(path)
        return self.inner(path)

    def inner(self, path: str) -> str:
        """The path of what lies at ``path`` below ``root``."""
        if self.root == paths.ROOT:
            return path
        return self.root if path == paths.ROOT else self.root + path

    def way_back(self, path: str) -> str:
        """The address of the page that shows the file at ``path`` among others."""
        if self.link is not None and not self.link.is_folder:
            return self.url("/?show=page")
        return self.addresses.of(paths.parent(path), folder=True)

    def note(self, event: str, **details: object) -> None:
        """Tell the audit log what this request does that cannot be seen from outside."""
        self.notes.append((event, details))

    def below(self, route: str) -> str:
        """What follows ``route`` in the address, with the slash that ends ``route``."""
        return self.target[len(route) - 1 :]

    @property
    def has_trailing_slash(self) -> bool:
        """Whether the address is written like a folder's."""
        return self.target.endswith("/")

    def header(self, name: str) -> str:
        """A header field's value; empty if it was not sent."""
        return str(self.environ.get(_header_key(name), ""))

    def has_header(self, name: str) -> bool:
        """Whether a header field was sent, be it empty."""
        return _header_key(name) in self.environ

    @cached_property
    def query(self) -> dict[str, str]:
        """The query's fields; the last of several with one name."""
        return dict(parse_qsl(self.environ.get("QUERY_STRING", ""), keep_blank_values=True))

    @cached_property
    def cookies(self) -> dict[str, str]:
        """The cookies by name; none if the header is malformed."""
        try:
            return {name: one.value for name, one in SimpleCookie(self.header("Cookie")).items()}
        except CookieError:
            return {}

    @cached_property
    def form(self) -> dict[str, str]:
        """The fields of a posted form (application/x-www-form-urlencoded). Raises BadRequest."""
        if self.media_type != "application/x-www-form-urlencoded":
            return {}
        try:
            text = self.body(MAX_FORM_BYTES).decode("utf-8")
            return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS))
        except ValueError:
            raise BadRequest(say("The form is not well formed.")) from None

    @property
    def arrived(self) -> float:
        """When the request was here for certain (``time.monotonic``), if not wholly: anything that
        was looked at since is fresh enough for it. Another server than ours does not tell: never.
        """
        return float(self.environ.get("davserver.arrived", math.inf))

    @property
    def media_type(self) -> str:
        """The body's type without parameters, lower case."""
        return self.header("Content-Type").partition(";")[0].strip().lower()

    @property
    def content_length(self) -> int | None:
        """The announced size of the body; None if it is chunked, 0 if there is none."""
        text = self.header("Content-Length")
        if not text:
            return None if self.header("Transfer-Encoding") else 0
        if not (text.isascii() and text.isdigit()):
            raise BadRequest("Content-Length must be a number.")
        return int(text)

    def blocks(self, limit: int = 0) -> Iterator[bytes]:
        """The body, block by block; every byte that was announced, or an exception.

        Raises BodyTooShort when the client or its connection goes away before the end, which a WSGI
        server shows as an early end of input; BodyTooLarge beyond ``limit``, if that is not 0.
        """
        announced = self.content_length
        if limit and announced is not None and announced > limit:
            raise BodyTooLarge(limit)
        received = 0
        body = self.environ["wsgi.input"]
        while announced is None or received < announced:
            wanted = BLOCK if announced is None else min(BLOCK, announced - received)
            try:
                block = body.read(wanted)
            except TimeoutError as fault:
                raise BodyTooSlow from fault
            except (OSError, ValueError) as fault:
                raise BodyTooShort(received, announced) from fault
            if not block:
                if announced is not None:
                    raise BodyTooShort(received, announced)
                return
            received += len(block)
            if limit and received > limit:
                raise BodyTooLarge(limit)
            yield block

    def body(self, limit: int) -> bytes:
        """The whole body, which has at most ``limit`` bytes."""
        return b"".join(self.blocks(limit))

    @property
    def wants_page(self) -> bool:
        """Whether a person's browser asks, rather than a program: it says that it takes HTML."""
        return self.method in {"GET", "HEAD", "POST"} and "text/html" in self.header("Accept")

    @property
    def wants_json(self) -> bool:
        """Whether a program says that it takes JSON, and no page."""
        accepts = self.header("Accept")
        return "application/json" in accepts and "text/html" not in accepts

    @property
    def is_by_script(self) -> bool:
        """Whether a script of one of our pages asks (Fetch Metadata, Sec-Fetch-Mode)."""
        return self.header("Sec-Fetch-Mode") in {"cors", "same-origin", "no-cors"}

    @property
    def is_secure(self) -> bool:
        """Whether the browser reaches us by TLS."""
        return self.origin.startswith("https:")

    @property
    def client_address(self) -> str:
        """The address that the connection comes from."""
        return str(self.environ.get("REMOTE_ADDR", ""))

    def url(self, path: str) -> str:
        """``path``, percent-encoded, as a link from our pages: below the base path."""
        return self.base + path

    def _own_origin(self) -> str:
        host = self.environ.get("HTTP_HOST") or self.environ.get("SERVER_NAME", "")
        return f"{self.environ.get('wsgi.url_scheme', 'http')}://{host}"

    def _below_base(self, target: str) -> str:
        """``target`` without the base path, which a proxy leaves on and a direct request lacks."""
        if self.base and (target == self.base or target.startswith(self.base + "/")):
            return target[len(self.base) :] or "/"
        return target


@dataclass(slots=True)
class Response:
    """A status, header fields, and a body: bytes, or blocks, which are closed if they can be."""

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    headers: Headers = field(default_factory=list)

    def send(self, start_response: StartResponse, *, head: bool = False) -> Iterable[bytes]:
        """Answer by WSGI; with ``head``, without the body that the headers tell of."""
        headers = self.headers
        if isinstance(self.body, bytes):
            told = any(name == "Content-Length" for name, _ in headers)
            if not told and self.status not in {204, 304}:
                headers = [*headers, ("Content-Length", str(len(self.body)))]
            start_response(status_line(self.status), headers)
            return [b"" if head else self.body]
        start_response(status_line(self.status), headers)
        if head:
            close = getattr(self.body, "close", None)
            if close:
                close()
            return [b""]
        return self.body


NOSNIFF = ("X-Content-Type-Options", "nosniff")
"""What is said in words, a path that somebody made up among them, is not guessed to be a page."""

Handler = Callable[[Request], Response]
"""What answers a request inside a room."""

ErrorPage = Callable[[Request, int, str], Response]
"""Renders a failure for a person, from its status and its words."""


class Routes:
    """WSGI middleware: addresses of ours, each with its methods and its handler; the rest goes on.

    A route that ends with a slash takes every address below it.
    """

    def __init__(self, next_app: App, routes: dict[str, tuple[str, Handler]]) -> None:
        self._next = next_app
        self._routes = routes

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        request = Request.of(environ)
        is_ours = request.target.startswith(("/-/", "/.well-known/"))
        found = self._find(request.target) if is_ours else None
        if found is None:
            return self._next(environ, start_response)
        methods, handler = found
        if request.method not in methods.split():
            raise MethodNotAllowed(
                say("{method} is not for this address.", method=request.method), methods
            )
        return handler(request).send(start_response, head=request.method == "HEAD")

    def _find(self, target: str) -> tuple[str, Handler] | None:
        first = target[: target.find("/", len("/-/")) + 1]
        return self._routes.get(target) or self._routes.get(first)


def only_by_tls(app: App, seconds: int) -> App:
    """Tells browsers that come by TLS to come by nothing else for ``seconds`` (RFC 6797)."""
    told = ("Strict-Transport-Security", f"max-age={seconds}")

    def porch(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: Headers, *exc_info: object) -> object:
            if Request.of(environ).is_secure:
                headers = [*headers, told]
            return start_response(status, headers, *exc_info)

        return app(environ, start)

    return porch


def whole_number(text: str, digits: int = 9) -> int | None:
    """The number that an address or form says, of at most ``digits``; None if it says none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else None


def status_line(status: int) -> str:
    """The status with its reason phrase, as WSGI wants it."""
    return f"{status} {_PHRASES.get(status) or http.HTTPStatus(status).phrase}"


def redirect(location: str, status: int = 303) -> Response:
    """Send the browser to ``location``, a path of ours (RFC 9110, 15.4.4)."""
    return Response(status, b"", [("Location", location)])


def errors_as_responses(
    app: App, public_url: str, page: ErrorPage, languages: Languages | None = None
) -> App:
    """The porch: makes the Request, and turns every failure below into a response, once.

    A fact of ``errors`` becomes its status: a page for a person, a ``DAV:error`` for a program that
    can use its condition, else a line of text. Anything else is our mistake: logged with the
    request's id, and answered with 500 and that id, never with a traceback.
    """

    def porch(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        request = None
        try:
            request = environ[_REQUEST] = Request(environ, public_url, languages)
            return app(environ, start_response)
        except DavserverError as fault:
            response = failure(request, fault, page)
        except Exception:
            identity = request.id if request else "-"
            _log.exception("request failed", request=identity, method=environ["REQUEST_METHOD"])
            words = say(
                "Something went wrong here. It is in the server's log under {number}.",
                number=identity,
            )
            if request is not None:
                request.say_as_asked()
            response = _words(request, 500, words, page)
        return response.send(start_response, head=environ["REQUEST_METHOD"] == "HEAD")

    return porch


def failure(request: Request | None, fault: DavserverError, page: ErrorPage) -> Response:
    """The response that tells about ``fault``."""
    by_person = request is not None and (request.wants_page or request.is_by_script)
    words = _addresses(request).told(str(fault))
    if request is not None and fault.status >= 500:
        request.say_as_asked()
    if by_person:
        status = 423 if isinstance(fault, MembersRefused) else fault.status
        response = _words(request, status, words, page)
    elif isinstance(fault, MembersRefused):
        response = _multistatus(request, fault)
    elif fault.condition:
        inner = _precondition(request, fault)
        response = xml(fault.status, f'<D:error xmlns:D="DAV:">{inner}</D:error>')
    else:
        response = _words(request, fault.status, words, page)
    response.headers.extend(fault.headers())
    return response


def xml(status: int, text: str) -> Response:
    """An XML body (RFC 4918, 8.2)."""
    body = b'<?xml version="1.0" encoding="utf-8"?>\n' + text.encode("utf-8")
    return Response(status, body, [("Content-Type", "application/xml; charset=utf-8"), NOSNIFF])


def text(status: int, words: str) -> Response:
    """A line of text."""
    headers = [("Content-Type", "text/plain; charset=utf-8"), NOSNIFF]
    return Response(status, words.encode() + b"\n", headers)


def json(text: str) -> Response:
    """A JSON body (RFC 8259), for a script of ours; nobody keeps it."""
    headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store"), NOSNIFF]
    return Response(200, text.encode(), headers)


def _words(request: Request | None, status: int, words: str, page: ErrorPage) -> Response:
    if request is not None and request.wants_page:
        return page(request, status, words)
    if request is not None and request.wants_json:
        body = dumps({"error": words, "status": status, "request": request.id})
        headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store"), NOSNIFF]
        return Response(status, body.encode(), headers)
    by_script = request is not None and request.is_by_script
    return text(status, request.language.said(words) if request and by_script else words)


def _precondition(request: Request | None, fault: DavserverError) -> str:
    """The precondition element of a failure, with the resource that it names (RFC 4918, 16)."""
    if not fault.condition:
        return ""
    path = getattr(fault, "path", None)
    href = "" if path is None else f"<D:href>{escape(_addresses(request).of(path))}</D:href>"
    return f"<D:{fault.condition}>{href}</D:{fault.condition}>"


def _multistatus(request: Request | None, fault: MembersRefused) -> Response:
    addresses = _addresses(request)
    rows = "".join(
        f"<D:response><D:href>{escape(addresses.of(path))}</D:href>"
        f"<D:status>HTTP/1.1 {status_line(member.status)}</D:status>"
        f"<D:error>{_precondition(request, member)}</D:error></D:response>"
        for path, member in fault.members.items()
    )
    return xml(207, f"<D:multistatus xmlns:D={quoteattr('DAV:')}>{rows}</D:multistatus>")


def _addresses(request: Request | None) -> Addresses:
    return request.addresses if request else Addresses()


# The names are those in the code, a few dozen, and each request asks for a dozen of them.
@lru_cache(256)
def _header_key(name: str) -> str:
    """The key of a header field in a WSGI environ (PEP 3333, "environ Variables")."""
    key = name.upper().replace("-", "_")
    return key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else "HTTP_" + key


def _raw_path(environ: Environ) -> str:
    """The request target's path, percent-encoded as the client sent it where the server tells.

    PATH_INFO is decoded already and cannot tell a slash from an encoded one.
    """
    raw = environ.get("REQUEST_URI") or environ.get("RAW_URI") or ""
    if raw.startswith("/"):
        target: str = raw.partition("?")[0]
        return target.encode("latin-1").decode("utf-8", "surrogateescape")
    decoded = (environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")) or "/"
    return paths.href(decoded.encode("latin-1").decode("utf-8", "surrogateescape"))

"""WSGI middleware that tells the audit log what a request did.

Most of it can be seen from outside: method, address, status. What cannot, the rooms note on the
request (``Request.note``). A sign-in that is refused is also told to the server's log, in a form
that programs like fail2ban read.
"""

import time
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import structlog

from davserver import paths
from davserver.audit import Audit, Event
from davserver.errors import DavserverError
from davserver.metrics import shown_path, without_secrets
from davserver.web import App, Environ, Headers, Request, StartResponse

_OF_METHODS = {
    ("GET", 200): Event.READ,
    ("GET", 206): Event.READ,
    ("PUT", 201): Event.CREATED,
    ("PUT", 204): Event.CHANGED,
    ("PATCH", 204): Event.CHANGED,
    ("MKCOL", 201): Event.CREATED,
    ("DELETE", 204): Event.DELETED,
    ("COPY", 201): Event.COPIED,
    ("COPY", 204): Event.COPIED,
    ("MOVE", 201): Event.MOVED,
    ("MOVE", 204): Event.MOVED,
    ("PROPPATCH", 207): Event.PROPERTIES_CHANGED,
}
_BY_STRANGERS = frozenset({Event.SIGN_IN_REFUSED, Event.REFUSED})
_WITH_TARGET = frozenset({"COPY", "MOVE"})
# A drive sends its password with every request: it has signed in when it comes anew.
_SIGN_IN_LASTS = 3600
_REMEMBERED = 10_000
# What strangers cause may not push out what others did: more than these a minute are counted alone.
_STRANGERS_A_MINUTE = 600

_log = structlog.get_logger("davserver.sign_in")


class Witness:
    """``secret_routes`` are path prefixes whose rest is a token. Without ``audit``, it only tells
    the server's log about sign-ins that were refused."""

    def __init__(
        self, next_app: App, audit: Audit | None, secret_routes: tuple[str, ...], *, reads: bool
    ) -> None:
        self._next = next_app
        self._audit = audit
        self._secret_routes = secret_routes
        self._reads = reads
        self._seen: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._minute = 0
        self._from_strangers = 0

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        told: list[tuple[str, Headers]] = []

        def start(status: str, headers: Headers, *exc_info: object) -> Any:
            told.append((status, headers))
            return start_response(status, headers, *exc_info)

        body = self._next(environ, start)
        if told:
            status, headers = told[-1]
            self._look(Request.of(environ), int(status[:3]), headers)
        return body

    def _look(self, request: Request, status: int, headers: Headers) -> None:
        """Write down what ``request`` did, before its client hears of it."""
        if request.principal.name and request.header("Authorization"):
            self._see(request, status)
        for noted, details in request.notes:
            self._tell(request, status, noted, details)
        if request.notes:
            return
        if status == 403:
            self._tell(request, status, Event.REFUSED, self._place(request))
            return
        event = _OF_METHODS.get((request.method, status))
        if event is None or request.is_only_what_is_noted or request.target.startswith("/-/"):
            return
        if event is Event.READ and not self._reads:
            return
        etag = next((value for name, value in headers if name == "ETag"), "")
        if event is Event.READ and not etag:
            return  # a folder's page
        place = self._place(request)
        if event is Event.MOVED and paths.view_of(place["path"]):
            event = Event.RESTORED
        self._tell(request, status, event, {**place, "etag": etag})

    def _see(self, request: Request, status: int) -> None:
        """Somebody came by password: a sign-in, if that was not a short while ago."""
        who = request.principal.name, request.client_address
        now = time.monotonic()
        if self._seen.get(who, 0.0) < now:
            self._tell(request, status, Event.SIGNED_IN, {"how": "password"})
        self._seen[who] = now + _SIGN_IN_LASTS
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)

    def _tell(self, request: Request, status: int, event: str, details: dict[str, Any]) -> None:
        if event == Event.SIGN_IN_REFUSED:
            # The address alone: docs/operate.md has the expression that finds it.
            _log.warning(f"sign-in refused address={request.client_address or 'unknown'}")
        if self._audit is None or (event == Event.READ and not self._reads):
            return
        left_out = 0
        if event in _BY_STRANGERS and not request.principal.name:
            left_out = self._too_many()
            if left_out < 0:
                return
        about = {
            "user": request.principal.actor,
            "address": request.client_address,
            "client": request.header("User-Agent"),
            "method": request.method,
            "request": request.id,
            "outcome": status,
            "left_out": left_out or None,
        }
        self._audit.note(event, **{**about, **details})

    def _too_many(self) -> int:
        """Count an event of a stranger: -1 if it is one too many, else how many were left out."""
        minute = int(time.monotonic()) // 60
        left_out = 0
        if minute != self._minute:
            left_out = max(0, self._from_strangers - _STRANGERS_A_MINUTE)
            self._minute, self._from_strangers = minute, 0
        self._from_strangers += 1
        return -1 if self._from_strangers > _STRANGERS_A_MINUTE else left_out

    def _place(self, request: Request) -> dict[str, str]:
        """The path that a request is about, and where COPY and MOVE go."""
        place = {"path": shown_path(request.target, self._secret_routes)}
        if not request.target.startswith("/-/"):
            with suppress(DavserverError):
                place = {"path": request.path}
        if request.method in _WITH_TARGET:
            place["target"] = self._destination(request)
        return place

    def _destination(self, request: Request) -> str:
        """Where COPY and MOVE go; empty if the header holds no address."""
        try:
            target = urlsplit(request.header("Destination")).path
        except ValueError:
            return ""
        base = request.base
        if base and target.startswith(base + "/"):
            target = target[len(base) :]
        # What was refused may name a link: its address lets in whoever reads it.
        return without_secrets(request.inner(paths.path_of_key(target)), self._secret_routes)

"""What the server counts, right across its worker processes, and a line for each request.

Source: the Prometheus exposition format, by the package prometheus-client in its multiprocess mode:
each process counts in files of its own, and whoever is asked adds them up.
"""

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import structlog

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_READING = ("GET", "HEAD", "OPTIONS", "PROPFIND", "REPORT", "SEARCH")
_WRITING = ("PUT", "POST", "PATCH", "DELETE", "MKCOL", "COPY", "MOVE", "PROPPATCH")
_METHODS = frozenset({*_READING, *_WRITING, "LOCK", "UNLOCK"})
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

_access = structlog.get_logger("davserver.access")

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
WhoAsks = Callable[[dict[str, Any]], tuple[str, str]]
"""Tells a request's id and the name of who sent it."""


class Metrics:
    """The counters of one installation, kept in ``folder``."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The library takes the folder from here, and decides at its import how to count.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
        import prometheus_client as prometheus

        self._folder = folder
        registry = prometheus.CollectorRegistry()

        def counter(name: str, words: str, *labels: str) -> Any:
            return prometheus.Counter(f"davserver_{name}", words, labels, registry=registry)

        self._requests = counter("requests", "Requests answered", "method", "status")
        self._seconds = prometheus.Histogram(
            "davserver_request_seconds",
            "Time from a request's head to the end of its answer",
            ["method"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._counted: dict[tuple[str, str], tuple[Any, Any]] = {}
        self._received = counter("received_bytes", "Bytes of request bodies")
        self._sent = counter("sent_bytes", "Bytes of answers' bodies")
        self._saves = counter("saves", "States of files stored", "origin")
        self._callbacks = counter(
            "callbacks", "Reports of the Document Server", "status", "outcome"
        )

    def observe(self, method: str, status: str, seconds: float, received: int, sent: int) -> None:
        """Count one request; ``status`` is its number."""
        requests, times = self._counted.get((method, status)) or self._count(method, status)
        requests.inc()
        times.observe(seconds)
        if received:
            self._received.inc(received)
        if sent:
            self._sent.inc(sent)

    def _count(self, method: str, status: str) -> tuple[Any, Any]:
        """The counters for a method and a status, which the library is slow to look up."""
        known = method if method in _METHODS else "other"
        counters = self._requests.labels(known, status), self._seconds.labels(known)
        if known == method:
            self._counted[method, status] = counters
        return counters

    def saved(self, origin: str) -> None:
        """Count a state that was stored, by where it came from."""
        self._saves.labels(origin).inc()

    def reported(self, status: object, outcome: str) -> None:
        """Count a report of the Document Server by its status: taken, refused or failed."""
        known = status if isinstance(status, int) and 0 <= status <= 7 else "other"
        self._callbacks.labels(str(known), outcome).inc()

    def exposition(self, present: Mapping[str, tuple[str, float]]) -> bytes:
        """All of it, as Prometheus reads it; ``present`` are values of this moment, with words.

        A name may carry labels, like ``up{server="x"}``; names that differ by them follow each
        other.
        """
        import prometheus_client as prometheus
        from prometheus_client import multiprocess

        registry = prometheus.CollectorRegistry()
        multiprocess.MultiProcessCollector(registry, str(self._folder))  # type: ignore[no-untyped-call]
        lines = []
        described = set()
        for name, (words, value) in present.items():
            bare = name.partition("{")[0]
            if bare not in described:
                described.add(bare)
                lines.append(f"# HELP davserver_{bare} {words}\n# TYPE davserver_{bare} gauge\n")
            lines.append(f"davserver_{name} {value}\n")
        return bytes(prometheus.generate_latest(registry)) + "".join(lines).encode()


def begin_anew(folder: Path) -> None:
    """At start: what the processes of an earlier run counted is over."""
    for file in folder.glob("*.db"):
        file.unlink(missing_ok=True)


class Observed:
    """WSGI middleware: counts every request and, with ``logs``, writes a line about it.

    ``secret_routes`` are path prefixes whose rest is a token and stays out of the log.
    """

    def __init__(
        self,
        next_app: App,
        metrics: Metrics,
        who: WhoAsks,
        *,
        logs: bool,
        secret_routes: tuple[str, ...],
    ) -> None:
        self._next = next_app
        self._metrics = metrics
        self._who = who
        self._logs = logs
        self._secret_routes = secret_routes

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        began = time.perf_counter()
        told = [""]

        def start(status: str, *rest: Any) -> Any:
            told[0] = status[:3]
            return start_response(status, *rest)

        def done(sent: int) -> None:
            self._done(environ, told[0], time.perf_counter() - began, sent)

        body = self._next(environ, start)
        if isinstance(body, list):
            done(sum(map(len, body)))
            return body
        return _ObservedFile(body, done) if hasattr(body, "file_part") else _Observed(body, done)

    def _done(self, environ: dict[str, Any], status: str, seconds: float, sent: int) -> None:
        method = environ["REQUEST_METHOD"]
        received = getattr(environ["wsgi.input"], "received", None)
        if received is None:
            text = environ.get("CONTENT_LENGTH") or "0"
            received = int(text) if text.isdigit() else 0
        self._metrics.observe(method, status, seconds, received, sent)
        if self._logs:
            identity, user = self._who(environ)
            _access.info(
                "request",
                id=identity,
                client=environ.get("REMOTE_ADDR", ""),
                user=user,
                method=method,
                path=shown_path(
                    str(environ.get("REQUEST_URI") or environ.get("PATH_INFO", "")),
                    self._secret_routes,
                ),
                status=int(status or 0),
                received=received,
                sent=sent,
                ms=round(seconds * 1000, 1),
            )


def shown_path(target: str, secret_routes: tuple[str, ...]) -> str:
    """A request's address without what is secret: tokens, and all queries."""
    return without_secrets(target.partition("?")[0], secret_routes)


def without_secrets(path: str, secret_routes: tuple[str, ...]) -> str:
    """``path`` without the token that follows a route, also where the route is misspelled.

    A token in an address that leads nowhere is still good at the right one.
    """
    plain = re.sub("/+", "/", unquote(path)).casefold()
    for route in secret_routes:
        if route in plain:
            before, found, _ = path.partition(route)
            return f"{before if found else ''}{route}…"
    return path


class _Observed:
    """A body whose end is told, whether it came or the client went."""

    def __init__(self, body: Any, done: Callable[[int], None]) -> None:
        self._body = body
        self._done = done
        self.sent = 0

    def __iter__(self) -> Iterator[bytes]:
        for block in self._body:
            self.sent += len(block)
            yield block

    def close(self) -> None:
        """Called by the server once, when all is over."""
        try:
            close = getattr(self._body, "close", None)
            if close:
                close()
        finally:
            self._done(self.sent)


class _ObservedFile(_Observed):
    """The same for a part of a file, which the server may send from the kernel's hands."""

    def file_part(self) -> tuple[int, int, int]:
        """See ``server.answer.FilePart``."""
        part: tuple[int, int, int] = self._body.file_part()
        return part

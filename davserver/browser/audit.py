"""/-/admin/audit: who did what, for administrators; to look through and to take away."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from davserver.audit import Audit, Event, Wanted
from davserver.browser.listing import readable
from davserver.errors import Forbidden, NotFound
from davserver.pages import Pages
from davserver.web import Request, Response, whole_number
from davserver.words import say

ADDRESS = "/-/admin/audit"
ROWS = 100
MAX_PAGES = 100

_SHOWN = ("event", "user", "address", "client", "path", "target", "command", "outcome")


class AuditPage:
    """GET: a page of events, the newest first; with ``export``, all of them as JSON lines."""

    def __init__(self, pages: Pages, audit: Audit | None) -> None:
        self._pages = pages
        self._audit = audit

    def __call__(self, request: Request) -> Response:
        if not request.principal.is_administrator:
            raise Forbidden(say("Only an administrator may read what others did."))
        if self._audit is None:
            raise NotFound(ADDRESS)
        asked = {
            key: request.query.get(key, "").strip() for key in ("since", "user", "event", "path")
        }
        wanted = Wanted(_moment(asked["since"]), asked["user"], asked["event"], asked["path"])
        if "export" in request.query:
            return _export(self._audit, wanted)
        number = _page(request.query.get("page", ""))
        first = (number - 1) * ROWS
        found = [*islice(self._audit.newest(wanted), first, first + ROWS + 1)]
        is_more = len(found) > ROWS and number < MAX_PAGES
        filters = {key: value for key, value in asked.items() if value}
        return self._pages.render(
            request,
            "audit.html",
            rows=[_row(line) for line in found[:ROWS]],
            events=[event.value for event in Event],
            asked=asked,
            export="?" + urlencode({**filters, "export": "1"}),
            newer="?" + urlencode({**filters, "page": number - 1}) if number > 1 else "",
            older="?" + urlencode({**filters, "page": number + 1}) if is_more else "",
        )


def _export(audit: Audit, wanted: Wanted) -> Response:
    name = f"audit-{datetime.now(UTC):%Y%m%dT%H%M%S}.jsonl"
    headers = [
        ("Content-Type", "application/x-ndjson"),
        ("Content-Disposition", f'attachment; filename="{name}"'),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
    ]
    return Response(200, _as_lines(audit.oldest(wanted)), headers)


def _as_lines(found: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    for line in found:
        yield json.dumps(line).encode("ascii") + b"\n"


def _row(line: dict[str, Any]) -> dict[str, Any]:
    """A line as the page can show it."""
    shown = {key: readable(str(line.get(key, ""))) for key in _SHOWN}
    return {**shown, "time": _time(str(line.get("time", "")))}


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _moment(text: str) -> float:
    """A day in UTC as seconds since 1970; 0 for anything else."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0


def _page(text: str) -> int:
    return min(max(whole_number(text, digits=3) or 1, 1), MAX_PAGES)

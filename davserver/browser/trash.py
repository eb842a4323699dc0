"""/-/trash: what was deleted, by whom and when; to restore, or to delete for good."""

import time
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urlencode

from davserver import paths
from davserver.audit import Event
from davserver.browser.listing import readable, symbol
from davserver.errors import BadRequest
from davserver.model import Origin, Trashed, Writer
from davserver.pages import Pages
from davserver.providers.files import VersionedFiles
from davserver.providers.trash import Trash
from davserver.web import Request, Response, redirect

ADDRESS = "/-/trash"
MAX_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the page."""

    trashed: Trashed
    name: str
    folder: str
    symbol: str


@dataclass(frozen=True, slots=True)
class Restored:
    """Where something is again, in the folder ``href``, and whether under another name."""

    path: str
    href: str
    renamed: bool


class TrashPage:
    """GET: the list. POST: ``restore`` one by its id, ``purge`` one, or ``empty`` it all."""

    def __init__(self, pages: Pages, files: VersionedFiles, trash: Trash, days: int) -> None:
        self._pages = pages
        self._files = files
        self._trash = trash
        self._days = days

    def __call__(self, request: Request) -> Response:
        if request.method == "POST":
            return redirect(f"{request.url(ADDRESS)}?{urlencode(self._act(request))}")
        found = [*islice(self._trash.all(), MAX_ROWS + 1)]
        return self._pages.render(
            request,
            "trash.html",
            rows=[_row(one) for one in found[:MAX_ROWS]],
            is_cut=len(found) > MAX_ROWS,
            restored=self._restored(request),
            removed=_count(request.query.get("removed", "")),
            days=self._days,
            may_write=request.principal.may_write,
        )

    def _act(self, request: Request) -> dict[str, str]:
        """Do what the form says; the query of the page that tells of it."""
        form = request.form
        if "restore" in form:
            identity = form["restore"]
            was = self._trash.one(identity).name
            writer = Writer(request.principal.name, origin=Origin.RESTORE)
            path = self._trash.restore(identity, writer)
            request.note(Event.RESTORED, path=path)
            renamed = {"renamed": "yes"} if paths.name(path) != was else {}
            return {"restored": paths.href(path), **renamed}
        if "purge" in form:
            path = self._trash.one(form["purge"]).path
            self._trash.purge(form["purge"])
            request.note(Event.PURGED, path=path)
            return {"removed": "1"}
        if "empty" in form:
            count = self._trash.purge_older_than(time.time())
            request.note(Event.PURGED, path="/.trash", count=count)
            return {"removed": str(count)}
        raise BadRequest("The form does not say what to do.")

    def _restored(self, request: Request) -> Restored | None:
        """What the query tells of, if it is there."""
        told = request.query.get("restored", "")
        entry = self._files.find(paths.resource_path(told)) if told else None
        if entry is None:
            return None
        renamed = "renamed" in request.query
        folder = request.url(paths.href(paths.parent(entry.path), folder=True))
        return Restored(readable(entry.path), folder, renamed)


def _row(one: Trashed) -> Row:
    folder = readable(paths.parent(one.path).strip("/")) or "Files"
    return Row(one, readable(one.name), folder, symbol(one.entry, one.name))


def _count(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None

"""/-/trash: what was deleted, by whom and when; to restore, or to delete for good."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urlencode

from davserver import paths
from davserver.audit import Event
from davserver.browser.listing import readable, symbol
from davserver.errors import BadRequest, StillEdited
from davserver.model import Origin, Principal, Right, Trashed
from davserver.pages import Pages
from davserver.providers.access import Access
from davserver.providers.files import VersionedFiles
from davserver.providers.places import levels_of
from davserver.providers.trash import Trash
from davserver.web import Request, Response, redirect, whole_number
from davserver.words import say

ADDRESS = "/-/trash"
MAX_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the page."""

    trashed: Trashed
    name: str
    folder: str
    symbol: str
    may_write: bool


@dataclass(frozen=True, slots=True)
class Restored:
    """Where something is again, in the folder ``href``, and whether under another name."""

    path: str
    href: str
    renamed: bool


class TrashPage:
    """GET: the list. POST: ``restore`` one by its id, ``purge`` one, or ``empty`` it all."""

    def __init__(
        self, pages: Pages, files: VersionedFiles, trash: Trash, access: Access, days: int
    ) -> None:
        self._pages = pages
        self._files = files
        self._trash = trash
        self._access = access
        self._days = days

    def __call__(self, request: Request) -> Response:
        if request.method == "POST":
            return redirect(f"{request.url(ADDRESS)}?{urlencode(self._act(request))}")
        found = [*islice(self._shown(request.principal), MAX_ROWS + 1)]
        return self._pages.render(
            request,
            "trash.html",
            rows=[_row(one, may_write=may) for one, may in found[:MAX_ROWS]],
            is_cut=len(found) > MAX_ROWS,
            restored=self._restored(request),
            removed=whole_number(request.query.get("removed", "")),
            days=self._days,
            may_write=any(may for _, may in found),
        )

    def _act(self, request: Request) -> dict[str, str]:
        """Do what the form says; the query of the page that tells of it."""
        form = request.form
        if "restore" in form:
            identity = form["restore"]
            was = self._named(request, identity).name
            writer = request.principal.writer(Origin.RESTORE)
            path = self._trash.restore(identity, writer)
            request.note(Event.RESTORED, path=path)
            renamed = {"renamed": "yes"} if paths.name(path) != was else {}
            return {"restored": paths.href(path), **renamed}
        if "purge" in form:
            path = self._named(request, form["purge"]).path
            self._trash.purge(form["purge"])
            request.note(Event.PURGED, path=path)
            return {"removed": "1"}
        if "empty" in form:
            removed = 0
            for one in [one for one, may in self._shown(request.principal) if may]:
                with suppress(StillEdited):
                    self._trash.purge(one.id)
                    request.note(Event.PURGED, path=one.path)
                    removed += 1
            return {"removed": str(removed)}
        raise BadRequest(say("The form does not say what to do."))

    def _shown(self, principal: Principal) -> Iterator[tuple[Trashed, bool]]:
        """What was deleted of what the principal may read, and whether they may delete it."""
        for one in self._trash.all():
            rights = self._access.why(principal, levels_of(one)).rights
            if Right.READ in rights:
                yield one, Right.DELETE in rights

    def _named(self, request: Request, identity: str) -> Trashed:
        """What the form names. Raises NotFound, and Forbidden for what is not theirs to act on."""
        one = self._trash.one(identity)
        self._access.check_levels(request.principal, levels_of(one), Right.READ, Right.DELETE)
        return one

    def _restored(self, request: Request) -> Restored | None:
        """What the query tells of, if it is there."""
        told = request.query.get("restored", "")
        entry = self._files.find(paths.resource_path(told)) if told else None
        if entry is None:
            return None
        renamed = "renamed" in request.query
        folder = request.url(paths.href(paths.parent(entry.path), folder=True))
        return Restored(readable(entry.path), folder, renamed)


def _row(one: Trashed, *, may_write: bool) -> Row:
    folder = readable(paths.parent(one.path).strip("/")) or say("Files")
    return Row(one, readable(one.name), folder, symbol(one.entry, one.name), may_write)

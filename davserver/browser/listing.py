"""GET of a folder: its listing as a page, in the order that the person chose."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from davserver import media, paths
from davserver.errors import NotFound
from davserver.model import Action, Entry, Offer, Principal, Right, Rights, Role
from davserver.pages import Pages, origin_of
from davserver.providers.access import Access
from davserver.providers.places import Places
from davserver.providers.saves import Apart
from davserver.providers.stores import Place
from davserver.web import App, Environ, Request, Response, StartResponse, redirect
from davserver.words import say

Actions = Callable[[Principal, str, Rights], tuple[Action, ...]]
"""What somebody can do with a file, who has these rights on it."""
Editors = Callable[[str], dict[str, tuple[str, ...]]]
"""Who edits the files of a folder now: path to names."""
Favourites = Callable[[str, str], set[str]]
"""The paths in a folder that a user marked."""
Aparts = Callable[[str], list[tuple[Apart, str]]]
"""The saves in a folder that lie beside their files, each with the reason in words."""

_ORDERS: dict[str, Callable[[Entry], Any]] = {
    "name": lambda entry: entry.name.casefold(),
    "size": lambda entry: entry.size,
    "modified": lambda entry: entry.modified_ns,
}


class Beginning(Protocol):
    """A template: where it is, what it is called, and the extension of what comes of it."""

    @property
    def path(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def extension(self) -> str: ...


class Manner(Protocol):
    """How one person opens documents: in tabs of their own or not, and each as ``of`` says."""

    @property
    def in_tab(self) -> bool: ...
    def of(self, path: str, actions: tuple[Action, ...], rights: Rights) -> Offer: ...


@dataclass(frozen=True, slots=True)
class Opens:
    """How a listing opens documents: in the ``manner`` of who looks.

    ``preload`` is the address of a page that loads the editor's scripts; empty for none. ``kinds``
    are the extensions of what somebody makes with New, ``templates`` what they can begin with.
    """

    manner: Callable[[Principal], Manner]
    kinds: Callable[[Request], tuple[str, ...]]
    templates: Callable[[Request], Sequence[Beginning]]
    preload: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the listing."""

    entry: Entry
    name: str
    href: str
    symbol: str
    rights: Rights
    actions: tuple[Action, ...]
    editors: tuple[str, ...]
    offer: Offer
    is_favourite: bool


@dataclass(frozen=True, slots=True)
class Told:
    """A save of ``author`` that lies at ``row``, beside the file ``meant``, ``because`` of what."""

    number: int
    author: str
    meant: str
    row: Row
    because: str


class Listing:
    """WSGI middleware: answers GET and HEAD of folders, and passes everything else on."""

    def __init__(
        self,
        next_app: App,
        pages: Pages,
        places: Places,
        access: Access,
        actions: Actions,
        editors: Editors,
        opens: Opens,
        favourites: Favourites,
        unread: Callable[[str], int],
        trouble: Callable[[], object],
        apart: Aparts,
    ) -> None:
        self._next = next_app
        self._pages = pages
        self._places = places
        self._access = access
        self._actions = actions
        self._editors = editors
        self._opens = opens
        self._favourites = favourites
        self._unread = unread
        self._trouble = trouble
        self._apart = apart

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        request = Request.of(environ)
        if request.method not in {"GET", "HEAD"}:
            return self._next(environ, start_response)
        request.path = self._places.as_stored(request.path)
        place = self._access.seen_by(request.principal, self._places.at(request.path))
        entry = place.find(request.path)
        if entry is None:
            # Who did not sign in may see it under a name.
            self._access.check(request.principal, request.path, Right.SEE)
            raise NotFound(request.path)
        if not entry.is_folder:
            return self._next(environ, start_response)
        response = self._page(request, place, entry)
        return response.send(start_response, head=request.method == "HEAD")

    def _page(self, request: Request, place: Place, folder: Entry) -> Response:
        if not request.has_trailing_slash:
            query = request.environ.get("QUERY_STRING", "")
            return redirect(
                request.addresses.of(folder.path, folder=True) + (f"?{query}" if query else ""), 301
            )
        order = request.query.get("sort", "name")
        descending = request.query.get("order") == "desc"
        if order not in _ORDERS:
            order = "name"
        may_create = Right.CREATE in self._rights(request, place, folder.path)
        manner = self._opens.manner(request.principal)
        rows = self._rows(request, place, folder.path, manner)
        rows = _in_order(rows, order, descending=descending)
        return self._pages.render(
            request,
            "listing.html",
            frame=origin_of(self._opens.preload),
            preload=self._opens.preload,
            in_tab=manner.in_tab,
            folder=folder,
            crumbs=crumbs(request, folder.path),
            rows=rows,
            told=self._told(folder.path, rows),
            order=order,
            descending=descending,
            may_create=may_create,
            kinds=self._opens.kinds(request) if may_create else (),
            templates=self._opens.templates(request) if may_create else (),
            target=request.addresses.target,
            is_view=bool(paths.view_of(folder.path)),
            unread=self._unread(request.principal.name) if request.principal.name else 0,
            trouble=self._trouble(),
        )

    def _rows(self, request: Request, place: Place, folder: str, manner: Manner) -> list[Row]:
        is_view = bool(paths.view_of(folder))
        editing = {} if is_view else self._editors(folder)
        who = request.principal.name
        marked = self._favourites(who, folder) if who and not is_view else set()
        rows = []
        for entry in filter(_is_shown, place.children(folder)):
            rights = self._rights(request, place, entry.path)
            has_actions = not entry.is_folder and not is_view
            actions = self._actions(request.principal, entry.path, rights) if has_actions else ()
            rows.append(
                Row(
                    entry,
                    readable(entry.name),
                    request.addresses.of(entry.path, folder=entry.is_folder),
                    symbol(entry),
                    rights,
                    actions,
                    editing.get(entry.path, ()),
                    manner.of(entry.path, actions, rights) if has_actions else Offer(),
                    entry.path in marked,
                )
            )
        return rows

    def _told(self, folder: str, rows: list[Row]) -> list[Told]:
        """What people are told about saves here, if they see the file."""
        shown = {row.entry.path: row for row in rows}
        return [
            Told(
                apart.number,
                apart.author,
                readable(paths.name(apart.meant)),
                shown[apart.path],
                because,
            )
            for apart, because in self._apart(folder)
            if apart.path in shown
        ]

    def _rights(self, request: Request, place: Place, path: str) -> Rights:
        """What who asks may do there; in a view, nobody changes anything."""
        rights = self._access.why(request.principal, place.levels(path)).rights
        return rights & Role.VIEWER.rights if paths.view_of(path) else rights


def _in_order(rows: list[Row], order: str, *, descending: bool) -> list[Row]:
    """Folders first; what is equal, by name."""
    rows.sort(key=lambda row: _ORDERS["name"](row.entry))
    if order != "name" or descending:
        rows.sort(key=lambda row: _ORDERS[order](row.entry), reverse=descending)
    rows.sort(key=lambda row: not row.entry.is_folder)
    return rows


def crumbs(request: Request, path: str) -> list[tuple[str, str]]:
    """Name and address of every folder from the topmost to ``path``."""
    return [
        (readable(paths.name(folder)) or say("Files"), request.addresses.of(folder, folder=True))
        for folder in reversed(paths.lineage(path))
        if paths.is_within(folder, request.root)
    ]


def symbol(entry: Entry, called: str = "") -> str:
    """The name of the symbol for an entry, by the name it is ``called`` if not by its own."""
    if entry.is_folder:
        return "folder"
    return media.symbol_of(called or entry.path)


def _is_shown(entry: Entry) -> bool:
    return entry.is_folder or not paths.is_noise(entry.path)


def readable(name: str) -> str:
    """A name as a page can show it: what is not UTF-8, or a control character, as U+FFFD."""
    shown = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(char if char.isprintable() else "\ufffd" for char in shown)

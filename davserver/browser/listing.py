"""GET of a folder: its listing as a page, in the order that the person chose."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from davserver import media, paths
from davserver.errors import NotFound
from davserver.model import Action, Entry
from davserver.pages import Pages
from davserver.providers.files import VersionedFiles
from davserver.providers.places import Places
from davserver.web import App, Environ, Request, Response, StartResponse, redirect

Actions = Callable[..., tuple[Action, ...]]
"""``actions(path, may_write=…)``: what can be done with a file."""
Editors = Callable[[str], dict[str, tuple[str, ...]]]
"""Who edits the files of a folder now: path to names."""

_ORDERS: dict[str, Callable[[Entry], Any]] = {
    "name": lambda entry: entry.name.casefold(),
    "size": lambda entry: entry.size,
    "modified": lambda entry: entry.modified_ns,
}
# The colour and letter of a file's symbol, by what kind of thing it is.
_SYMBOLS = {
    "word": {"doc", "docx", "docm", "dot", "dotx", "odt", "ott", "rtf", "pages", "fodt", "hwp"},
    "cell": {"xls", "xlsx", "xlsm", "xlsb", "ods", "ots", "csv", "tsv", "numbers", "fods"},
    "slide": {"ppt", "pptx", "pptm", "ppsx", "odp", "otp", "key", "fodp"},
    "pdf": {"pdf", "xps", "oxps", "djvu"},
    "diagram": {"vsdx", "vsdm", "vssx", "vstx", "odg"},
    "archive": {"zip", "gz", "tar", "7z", "rar", "xz", "bz2"},
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the listing."""

    entry: Entry
    name: str
    href: str
    symbol: str
    actions: tuple[Action, ...]
    editors: tuple[str, ...]


class Listing:
    """WSGI middleware: answers GET and HEAD of folders, and passes everything else on."""

    def __init__(
        self,
        next_app: App,
        pages: Pages,
        files: VersionedFiles,
        places: Places,
        actions: Actions,
        editors: Editors,
    ) -> None:
        self._next = next_app
        self._pages = pages
        self._files = files
        self._places = places
        self._actions = actions
        self._editors = editors

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        request = Request.of(environ)
        if request.method not in {"GET", "HEAD"}:
            return self._next(environ, start_response)
        request.path = self._files.as_stored(request.path)
        entry = self._places.at(request.path).find(request.path)
        if entry is None:
            raise NotFound(request.path)
        if not entry.is_folder:
            return self._next(environ, start_response)
        response = self._page(request, entry)
        return response.send(start_response, head=request.method == "HEAD")

    def _page(self, request: Request, folder: Entry) -> Response:
        if not request.has_trailing_slash:
            query = request.environ.get("QUERY_STRING", "")
            return redirect(request.url(folder.href) + (f"?{query}" if query else ""), 301)
        order = request.query.get("sort", "name")
        descending = request.query.get("order") == "desc"
        if order not in _ORDERS:
            order = "name"
        return self._pages.render(
            request,
            "listing.html",
            folder=folder,
            crumbs=crumbs(request, folder.path),
            rows=self._rows(request, folder.path, order, descending=descending),
            order=order,
            descending=descending,
            may_write=request.principal.may_write and not paths.view_of(folder.path),
            is_view=bool(paths.view_of(folder.path)),
        )

    def _rows(self, request: Request, folder: str, order: str, *, descending: bool) -> list[Row]:
        members = self._places.at(folder).children(folder)
        entries = sorted(filter(_is_shown, members), key=_ORDERS["name"])
        if order != "name" or descending:
            entries.sort(key=_ORDERS[order], reverse=descending)
        entries.sort(key=lambda entry: not entry.is_folder)
        if paths.view_of(folder):
            return [
                Row(entry, readable(entry.name), request.url(entry.href), symbol(entry), (), ())
                for entry in entries
            ]
        editing = self._editors(folder)
        may_write = request.principal.may_write
        return [
            Row(
                entry,
                readable(entry.name),
                request.url(entry.href),
                symbol(entry),
                () if entry.is_folder else self._actions(entry.path, may_write=may_write),
                editing.get(entry.path, ()),
            )
            for entry in entries
        ]


def crumbs(request: Request, path: str) -> list[tuple[str, str]]:
    """Name and address of every folder from the root to ``path``."""
    folders = [path, *paths.ancestors(path)][::-1]
    return [
        (readable(paths.name(folder)) or "Files", request.url(paths.href(folder, folder=True)))
        for folder in folders
    ]


def symbol(entry: Entry, called: str = "") -> str:
    """The name of the symbol for an entry, by the name it is ``called`` if not by its own."""
    if entry.is_folder:
        return "folder"
    name = called or entry.path
    extension = paths.extension(name)
    for kind, extensions in _SYMBOLS.items():
        if extension in extensions:
            return kind
    main = media.content_type(name).partition("/")[0]
    return main if main in {"image", "audio", "video", "text"} else "file"


def _is_shown(entry: Entry) -> bool:
    return entry.is_folder or not paths.is_noise(entry.path)


def readable(name: str) -> str:
    """A name as a page can show it: what is not UTF-8, or a control character, as U+FFFD."""
    shown = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(char if char.isprintable() else "\ufffd" for char in shown)

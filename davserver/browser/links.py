"""What only guests see: the page of a file that is shared alone, and the one that takes uploads."""

from collections.abc import Collection, Iterable

from davserver import paths
from davserver.browser.listing import Actions, readable, symbol
from davserver.errors import BadRequest, MethodNotAllowed
from davserver.model import Action, Entry, Link, Origin, Right, Rights
from davserver.pages import Pages, discovery
from davserver.providers.free_names import free_path, place_new
from davserver.providers.share import Share
from davserver.web import App, Environ, Request, Response, StartResponse, redirect, text

DROP = "/-/drop/"


class LinkPages:
    """WSGI middleware: the topmost page of a link to a file or to upload; the rest goes on."""

    def __init__(
        self,
        next_app: App,
        pages: Pages,
        share: Share,
        actions: Actions,
        max_bytes: int,
        embedders: Collection[str] = (),
    ) -> None:
        self._next = next_app
        self._pages = pages
        self._share = share
        self._actions = actions
        self._max_bytes = max_bytes
        self._embedders = tuple(embedders)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        request = Request.of(environ)
        response = self._answer(request, request.link) if request.link else None
        if response is None:
            return self._next(environ, start_response)
        return response.send(start_response, head=request.method == "HEAD")

    def _answer(self, request: Request, link: Link) -> Response | None:
        if request.target.startswith(DROP):
            if request.method != "PUT":
                raise MethodNotAllowed("Files are sent here, one with each request.", "PUT")
            return self._take(request)
        if request.target != "/" or request.method not in {"GET", "HEAD"}:
            return None
        entry = self._share.files.entry(link.path)
        rights = self._share.access.rights(request.principal, link.path)
        if not link.is_folder:
            return self._of_file(request, entry, rights)
        if Right.CREATE in rights and Right.READ not in rights:
            return self._pages.render(request, "link_drop.html", name=readable(entry.name))
        return None

    def _of_file(self, request: Request, entry: Entry, rights: Rights) -> Response:
        """The editor at once where there is one, unless it is that one comes back from there."""
        self._share.access.check(request.principal, entry.path, Right.READ)
        actions = self._actions(request.principal, entry.path, rights)
        best = actions[0] if actions else None
        if best in {Action.EDIT, Action.VIEW} and "show" not in request.query:
            is_embedded = request.query.get("type") == "embedded"
            how = "edit" if best is Action.EDIT and not is_embedded else "view"
            address = request.url(f"/-/{how}{request.addresses.target(entry.path)}")
            return redirect(f"{address}?type=embedded" if is_embedded else address)
        return self._pages.render(
            request,
            "link_file.html",
            entry=entry,
            name=readable(entry.name),
            symbol=symbol(entry),
            best=best.value if best else "",
            may_download=Right.DOWNLOAD in rights,
            oembed=discovery(request, self._embedders),
            as_pdf=Action.CONVERT in actions and paths.extension(entry.path) != "pdf",
        )

    def _take(self, request: Request) -> Response:
        """Store what is sent under the name in the address, or one that is free: 201 and the name.

        Nobody learns in this way what is there already: any name may become another.
        """
        path = request.resource("/" + request.target[len(DROP) :])
        if paths.parent(path) != request.root or path == paths.ROOT:
            raise BadRequest("A file is sent here under a name of its own.")
        self._share.access.check(request.principal, path, Right.CREATE)
        files, writer = self._share.files, request.principal.writer(Origin.BROWSER)
        first = free_path(files, path)
        if first is not None:
            files.check_writable(first, writer, request.content_length)
        with files.spool() as spool:
            for block in request.blocks(self._max_bytes):
                spool.write(block)
            return text(201, paths.name(place_new(files, path, spool, writer)))

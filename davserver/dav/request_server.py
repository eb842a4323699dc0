"""WsgiDAV's RequestServer with every method replaced by our own, one module for each group."""

from collections.abc import Callable, Iterable
from functools import partial

from wsgidav.request_server import RequestServer

from davserver import paths
from davserver.content import HandOver
from davserver.dav import collections, get, lock, propfind, proppatch, put, search, sync
from davserver.dav.fresh import FreshReads
from davserver.dav.remembered import Listings
from davserver.dav.room import DavRequest
from davserver.errors import Forbidden, MethodNotAllowed, UnsupportedMediaType
from davserver.model import Right
from davserver.providers.provider import ShareProvider
from davserver.web import Environ, Headers, Request, Response, StartResponse

Method = Callable[[DavRequest], Response]

# RFC 4918, 8.4: what would be ignored has to be refused, since its sender believes in it.
_WITHOUT_BODY = frozenset({"DELETE", "COPY", "MOVE", "UNLOCK"})

_NEEDS = {
    "GET": (Right.READ, Right.DOWNLOAD),
    "HEAD": (Right.READ, Right.DOWNLOAD),
    "PATCH": (Right.EDIT,),
    "MKCOL": (Right.CREATE,),
    "PROPFIND": (Right.SEE,),
    "PROPPATCH": (Right.EDIT,),
    "UNLOCK": (Right.SEE,),
    "REPORT": (Right.SEE,),
    "SEARCH": (Right.SEE,),
}
"""The rights that a method needs on what it is about; the others look further than that."""

_OF_VIEWS = {
    paths.VERSIONS_VIEW: frozenset({"GET", "HEAD", "PROPFIND", "COPY"}),
    paths.TRASH_VIEW: frozenset({"GET", "HEAD", "PROPFIND", "COPY", "MOVE"}),
}
"""The methods that a view takes: everything but what would write into it."""


class DavRequestServer(RequestServer):
    """Answers WebDAV methods for one provider; one instance serves all requests.

    ``max_upload_bytes`` bounds what PUT and PATCH may make of a file; 0 leaves it to the disk.
    ``max_deep`` bounds the answers of PROPFIND with Depth infinity; 0 refuses it. With
    ``hand_over``, a server before this one sends the bytes of files. ``fresh`` has edits saved
    for those who read.
    """

    def __init__(
        self,
        provider: ShareProvider,
        max_upload_bytes: int = 0,
        max_deep: int = 0,
        hand_over: HandOver | None = None,
        fresh: FreshReads | None = None,
    ) -> None:
        super().__init__(provider)
        self._share = provider.share
        self._methods: dict[str, Method] = {
            "OPTIONS": self._tell_abilities,
            "GET": partial(get.get_file, hand_over=hand_over, fresh=fresh),
            "HEAD": get.get_file,
            "PUT": partial(put.put_file, max_bytes=max_upload_bytes),
            "PATCH": partial(put.patch_file, max_bytes=max_upload_bytes),
            "MKCOL": collections.make_collection,
            "DELETE": collections.delete,
            "COPY": collections.copy,
            "MOVE": collections.move,
            "PROPFIND": partial(
                propfind.find_properties, listings=Listings(provider.share), max_deep=max_deep
            ),
            "PROPPATCH": proppatch.change_properties,
            "LOCK": lock.lock,
            "UNLOCK": lock.unlock,
            "REPORT": sync.report,
            "SEARCH": search.search,
        }
        self._allow = ", ".join(self._methods)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        request = Request.of(environ)
        method = self._methods.get(request.method)
        if method is None:
            raise MethodNotAllowed(f"{request.method} is not known here.", self._allow)
        if request.method != "OPTIONS":
            _check_view(paths.view_of(request.path), request.method)
        if request.method in _WITHOUT_BODY and any(request.blocks()):
            raise UnsupportedMediaType(f"{request.method} takes no body.")
        dav = DavRequest(request, self._share)
        if request.method in _NEEDS:
            dav.check(*_NEEDS[request.method])
        response = method(dav)
        return response.send(start_response, head=request.method == "HEAD")

    def _tell_abilities(self, _: DavRequest) -> Response:
        """OPTIONS: the same for every address, since it is answered before anybody signs in."""
        headers: Headers = [
            ("Allow", self._allow),
            # RFC 4918, 18: classes 1, 2 and 3; RFC 5689, 3.1; and that PATCH takes what SabreDAV
            # takes.
            ("DAV", "1, 2, 3, extended-mkcol, sabredav-partialupdate"),
            # RFC 5323, 2.2.
            ("DASL", search.GRAMMAR),
            ("Accept-Patch", put.PARTIAL_UPDATE),
            ("MS-Author-Via", "DAV"),
            ("Accept-Ranges", "bytes"),
        ]
        return Response(200, b"", headers)


def _check_view(view: str, method: str) -> None:
    if view and method not in _OF_VIEWS[view]:
        raise Forbidden(f"{view} is there to be read; copy what you want out of it.")

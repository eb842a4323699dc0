"""WsgiDAV's RequestServer with every method replaced by our own, one module for each group."""

from collections.abc import Callable, Iterable
from functools import partial

from wsgidav.request_server import RequestServer

from davserver.content import HandOver
from davserver.dav import collections, get, lock, propfind, proppatch, put
from davserver.dav.room import DavRequest
from davserver.errors import MethodNotAllowed, UnsupportedMediaType
from davserver.providers.provider import ShareProvider
from davserver.web import Environ, Headers, Request, Response, StartResponse

Method = Callable[[DavRequest], Response]

# RFC 4918, 8.4: what would be ignored has to be refused, since its sender believes in it.
_WITHOUT_BODY = frozenset({"DELETE", "COPY", "MOVE", "UNLOCK"})


class DavRequestServer(RequestServer):
    """Answers WebDAV methods for one provider; one instance serves all requests.

    ``max_upload_bytes`` bounds what PUT and PATCH may make of a file; 0 leaves it to the disk.
    ``max_deep`` bounds the answers of PROPFIND with Depth infinity; 0 refuses it. With
    ``hand_over``, a server before this one sends the bytes of files.
    """

    def __init__(
        self,
        provider: ShareProvider,
        max_upload_bytes: int = 0,
        max_deep: int = 0,
        hand_over: HandOver | None = None,
    ) -> None:
        super().__init__(provider)
        self._share = provider.share
        self._methods: dict[str, Method] = {
            "OPTIONS": self._tell_abilities,
            "GET": partial(get.get_file, hand_over=hand_over),
            "HEAD": get.get_file,
            "PUT": partial(put.put_file, max_bytes=max_upload_bytes),
            "PATCH": partial(put.patch_file, max_bytes=max_upload_bytes),
            "MKCOL": collections.make_collection,
            "DELETE": collections.delete,
            "COPY": collections.copy,
            "MOVE": collections.move,
            "PROPFIND": partial(propfind.find_properties, max_deep=max_deep),
            "PROPPATCH": proppatch.change_properties,
            "LOCK": lock.lock,
            "UNLOCK": lock.unlock,
        }
        self._allow = ", ".join(self._methods)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        request = Request.of(environ)
        method = self._methods.get(request.method)
        if method is None:
            raise MethodNotAllowed(f"{request.method} is not known here.", self._allow)
        if request.method in _WITHOUT_BODY and any(request.blocks()):
            raise UnsupportedMediaType(f"{request.method} takes no body.")
        response = method(DavRequest(request, self._share))
        return response.send(start_response, head=request.method == "HEAD")

    def _tell_abilities(self, _: DavRequest) -> Response:
        """OPTIONS: the same for every address, since it is answered before anybody signs in."""
        headers: Headers = [
            ("Allow", self._allow),
            # RFC 4918, 18: classes 1, 2 and 3; and that PATCH takes what SabreDAV takes.
            ("DAV", "1, 2, 3, sabredav-partialupdate"),
            ("Accept-Patch", put.PARTIAL_UPDATE),
            ("MS-Author-Via", "DAV"),
            ("Accept-Ranges", "bytes"),
        ]
        return Response(200, b"", headers)

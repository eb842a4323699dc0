"""Editor links: ``/-/e/<token>/...`` opens one file in the editor, without a sign-in or a cookie.

A program that a user let in makes one for a page of another site, or for an app; it acts for that
user, with what they may do with that file at each request. Its address is good for minutes: it
leads to another one, which the open page uses while it stays open, and both end with the app
password under which the link was made.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from davserver import paths
from davserver.accounts.csrf import check_origin
from davserver.audit import Event
from davserver.errors import BadRequest, Forbidden, LinkEnded, NotFound
from davserver.model import Principal, Right, Role
from davserver.pages import Pages
from davserver.providers.app_passwords import AppPasswords
from davserver.providers.share import Share
from davserver.tokens import TokenNotValid, Tokens
from davserver.web import (
    SAFE,
    App,
    Environ,
    Headers,
    Request,
    Response,
    StartResponse,
    redirect,
)
from davserver.web import json as json_response
from davserver.words import say

EDITOR_LINK = "/-/api/editor-link"
EDITORS = "/-/e/"

OPEN_SECONDS = 5 * 60
"""So long after it was made a link opens."""
PAGE_SECONDS = 12 * 3600
"""So long an opened page goes on."""

_MAX_BODY = 1 << 14
# Of a folder, or about other people: nothing that one document needs.
_NEVER = frozenset({Right.SHARE, Right.CREATE, Right.DELETE})
_POLICY = "Content-Security-Policy"
_SELF = "frame-ancestors 'self'"


class EditorLinks:
    """Makes editor links: POST /-/api/editor-link, JSON with ``path`` and ``mode``."""

    def __init__(self, share: Share, secret: bytes) -> None:
        self._share = share
        self._tokens = Tokens(secret, "editor link")

    def make(self, request: Request) -> Response:
        """The address, and for how many seconds it opens.

        Raises BadRequest, NotFound, and Forbidden for a guest or somebody without a name.
        """
        who = request.principal
        if not who.name:
            raise Forbidden(say("Only somebody with a name can make an editor link."))
        target, mode = _asked(request)
        path = self._share.files.as_stored(request.resource(target))
        self._share.access.check(who, path, Right.READ)
        if self._share.files.entry(path).is_folder:
            raise BadRequest("An editor link is for one file.")
        ceiling = who.ceiling - _NEVER
        claims = {
            "user": who.name,
            "file": self._share.files.identify(path),
            "rights": sorted(ceiling & Role.VIEWER.rights if mode == "view" else ceiling),
            "device": who.device,
        }
        request.note(Event.EDITOR_LINK, path=path, mode=mode)
        token = self._tokens.issue(claims, OPEN_SECONDS)
        address = f"{request.origin}{request.url(EDITORS)}{token}/"
        return json_response(json.dumps({"url": address, "seconds": OPEN_SECONDS}))


class EditorDoor:
    """WSGI middleware: what comes by an editor link goes to ``rooms``, all else to ``next_app``.

    ``open_routes`` are the addresses that the editor's page needs, ``editor`` the one of the page.
    Pages of the origins ``embedders`` may show it in a frame, and no others.
    """

    def __init__(
        self,
        next_app: App,
        rooms: App,
        pages: Pages,
        share: Share,
        principal_called: Callable[[str], Principal | None],
        secret: bytes,
        open_routes: tuple[str, ...],
        editor: str,
        embedders: tuple[str, ...],
    ) -> None:
        self._next = next_app
        self._rooms = rooms
        self._pages = pages
        self._share = share
        self._principal_called = principal_called
        self._devices = AppPasswords(share.catalog)
        self._links = Tokens(secret, "editor link")
        self._opened = Tokens(secret, "opened editor link")
        self._open = open_routes
        self._editor = editor
        self._embedders = embedders

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        request = Request.of(environ)
        if not request.target.startswith(EDITORS):
            return self._next(environ, start_response)
        start = self._framed(start_response)
        token, _, rest = request.target[len(EDITORS) :].partition("/")
        try:
            claims = self._opened.read(token)
        except TokenNotValid:
            opened = self._begin(request, token, rest)
            return opened.send(start, head=request.method == "HEAD")
        self._enter(request, claims, token, rest)
        if request.target == "/" and request.method in {"GET", "HEAD"}:
            page = self._pages.render(
                request,
                "editor_closed.html",
                editor=self._page_of(request),
                origins=self._embedders,
            )
            return page.send(start, head=request.method == "HEAD")
        if not request.target.startswith(self._open):
            raise NotFound(paths.decoded(request.target))
        return self._rooms(environ, start)

    def _begin(self, request: Request, token: str, rest: str) -> Response:
        """Go on from the address that was made to the one of the page. Raises LinkEnded."""
        try:
            claims = self._links.read(token)
        except TokenNotValid:
            raise LinkEnded from None
        if rest or request.method not in {"GET", "HEAD"}:
            raise NotFound(paths.decoded("/" + rest))
        kept = {name: claims.get(name, "") for name in ("user", "file", "rights", "device")}
        going_on = self._opened.issue(kept, PAGE_SECONDS)
        self._enter(request, kept, going_on, "")
        return redirect(self._page_of(request))

    def _enter(self, request: Request, claims: dict[str, Any], token: str, rest: str) -> None:
        """Make the request one of the user who made the link, about nothing but the one file.

        Raises LinkEnded where either is gone, or the app password that the link was made with. No
        form is asked to prove that it is ours: the address, which no foreign page knows, does.
        """
        if request.method not in SAFE:
            check_origin(request)
        user = self._principal_called(str(claims["user"]))
        path = self._share.files.path_of(str(claims["file"]))
        if user is None or path is None or not self._is_let_in(str(claims.get("device", "")), path):
            raise LinkEnded
        ceiling = user.ceiling & frozenset(map(Right, claims["rights"]))
        request.base += EDITORS + token
        request.target = "/" + rest
        request.root = paths.parent(path)
        request.principal = replace(
            user, is_administrator=False, scope=path, ceiling=ceiling, sharer=user
        )

    def _is_let_in(self, device: str, path: str) -> bool:
        """Whether the app password ``device`` is still there, and reaches what is at ``path``."""
        if not device:
            return True
        found = self._devices.called(device)
        return found is not None and paths.is_within(path, found.scope)

    def _page_of(self, request: Request) -> str:
        path = request.principal.scope
        return request.addresses.page(self._editor, path)

    def _framed(self, start_response: StartResponse) -> StartResponse:
        """Let the pages of ``embedders`` show this answer in a frame."""
        permitted = " ".join([_SELF, *self._embedders])

        def start(status: str, headers: Headers, *exc_info: object) -> object:
            told = [
                (name, value.replace(_SELF, permitted) if name == _POLICY else value)
                for name, value in headers
            ]
            return start_response(status, told, *exc_info)

        return start


def _asked(request: Request) -> tuple[str, str]:
    """Path and mode. Raises BadRequest."""
    try:
        asked = json.loads(request.body(_MAX_BODY))
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        raise BadRequest(say('Send JSON like {"path": "/folder/name.docx", "mode": "edit"}.'))
    path, mode = asked.get("path"), asked.get("mode", "edit")
    if not isinstance(path, str) or not path.startswith("/") or mode not in ("edit", "view"):
        raise BadRequest(say('A path begins with a slash; a mode is "edit" or "view".'))
    return path, mode

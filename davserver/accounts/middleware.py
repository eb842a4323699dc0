"""The gate behind the porch: every request gets its principal here, or a request to sign in."""

import base64
import binascii
from collections.abc import Iterable
from typing import Literal
from urllib.parse import quote

from davserver.accounts import csrf
from davserver.accounts.credentials import Credentials
from davserver.accounts.sign_in import SIGN_IN, SIGN_OUT, SignIn, cookie
from davserver.audit import Event
from davserver.errors import Forbidden, MethodNotAllowed, SignInNeeded, TooManyAttempts
from davserver.model import Principal, Right, Role
from davserver.web import App, Environ, Headers, Request, Response, StartResponse, redirect, text

Anonymous = Literal["none", "read", "write"]

READING = frozenset({"GET", "HEAD", "OPTIONS", "PROPFIND", "REPORT", "SEARCH"})
WRITING = frozenset({Right.EDIT, Right.CREATE, Right.COMMENT, Right.REVIEW, Right.FILL})
"""Rights of which every method but those needs one, on whatever path."""
_CSRF_SECONDS = 7 * 24 * 3600


class Accounts:
    """WSGI middleware. ``open_to_all`` are path prefixes whose routes check tokens of their own.

    They come before authentication because the Document Server sends its token in
    ``Authorization``, where a DAV client sends a password.
    """

    def __init__(
        self,
        next_app: App,
        credentials: Credentials,
        sign_in: SignIn,
        forms: csrf.Csrf,
        anonymous: Anonymous,
        open_to_all: tuple[str, ...],
    ) -> None:
        self._next = next_app
        self._credentials = credentials
        self._sign_in = sign_in
        self._csrf = forms
        self._anonymous = anonymous
        self._open = open_to_all

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        request = Request.of(environ)
        if request.target.startswith(self._open) or request.method == "OPTIONS":
            # OPTIONS tells what the server can do, nothing about files; Explorer and Office ask it
            # before they know a password, and give up at a 401.
            return self._next(environ, start_response)
        if request.target == SIGN_IN:
            return self._page(request, start_response)
        try:
            principal = self._who(request)
        except SignInNeeded as refused:
            return challenge(request, str(refused)).send(start_response)
        if principal is None:
            return self._ask(request).send(start_response)
        request.principal = principal
        if request.method == "POST":
            self._csrf.check(request)
        if request.target == SIGN_OUT:
            _only_post(request)
            return self._sign_in.out(request).send(start_response)
        if request.method not in READING and principal.ceiling.isdisjoint(WRITING):
            if principal.is_anonymous:
                return self._ask(request).send(start_response)
            raise Forbidden("This is a sign-in for reading only.", "need-privileges")
        try:
            return self._next(environ, self._with_csrf_cookie(request, start_response))
        except SignInNeeded:
            return self._ask(request).send(start_response)

    def _who(self, request: Request) -> Principal | None:
        """The principal, by password, by cookie, or by nothing where that is enough."""
        authorization = request.header("Authorization")
        if authorization:
            name, password = _basic(authorization)
            try:
                return self._credentials.check(name, password, request.client_address)
            except (SignInNeeded, TooManyAttempts):
                request.note(Event.SIGN_IN_REFUSED, user=self._credentials.known(name))
                raise
        principal = self._sign_in.principal(request)
        if principal is None and self._anonymous != "none":
            role = Role.EDITOR if self._anonymous == "write" else Role.VIEWER
            return Principal("", ceiling=role.rights)
        return principal

    def _ask(self, request: Request) -> Response:
        """Ask who it is: by our page where a person looks, else by a challenge."""
        if request.wants_page:
            wanted = quote(request.target, safe="/%")
            return redirect(f"{request.url(SIGN_IN)}?next={wanted}")
        return challenge(request, "Sign in first.")

    def _page(self, request: Request, start_response: StartResponse) -> Iterable[bytes]:
        if request.method == "POST":
            self._csrf.check(request)
        start = self._with_csrf_cookie(request, start_response)
        return self._sign_in.page(request).send(start, head=request.method == "HEAD")

    def _with_csrf_cookie(self, request: Request, start_response: StartResponse) -> StartResponse:
        """Give pages their token, and the browser the cookie that belongs to it if it has none."""
        if not request.wants_page:
            return start_response
        nonce = self._csrf.prepare(request)
        if not nonce:
            return start_response

        def start(status: str, headers: Headers, *exc_info: object) -> object:
            one = cookie(request, csrf.COOKIE, nonce, _CSRF_SECONDS)
            return start_response(status, [*headers, ("Set-Cookie", one)], *exc_info)

        return start


def challenge(request: Request, words: str) -> Response:
    """Ask for a password (RFC 7617, 2.1); our own scripts, so that no dialog opens."""
    scheme = "Session" if request.is_by_script else "Basic"
    response = text(401, words)
    response.headers.append(("WWW-Authenticate", f'{scheme} realm="davserver", charset="UTF-8"'))
    return response


def _basic(authorization: str) -> tuple[str, str]:
    """Name and password of a Basic header, UTF-8 first (RFC 7617, 2). Raises SignInNeeded."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError(scheme)
        raw = base64.b64decode(encoded.strip(), validate=True)
    except (ValueError, binascii.Error):
        raise SignInNeeded("Sign in with a name and a password (Basic).") from None
    try:
        pair = raw.decode("utf-8")
    except UnicodeDecodeError:
        pair = raw.decode("latin-1")
    name, _, password = pair.partition(":")
    return name, password


def _only_post(request: Request) -> None:
    if request.method != "POST":
        raise MethodNotAllowed("Signing out is done by the button on the page.", "POST")

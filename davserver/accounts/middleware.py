"""The gate behind the porch: every request gets its principal here, or a request to sign in."""

from collections.abc import Callable, Iterable
from typing import Literal
from urllib.parse import quote

from davserver.accounts import cookies, csrf, ofba
from davserver.accounts.app_passwords import REALM
from davserver.accounts.basic import Basic
from davserver.accounts.digest import Digest, StaleNonce, is_digest
from davserver.accounts.sign_in import SIGN_IN, SIGN_OUT, SignIn
from davserver.audit import Event
from davserver.errors import Forbidden, MethodNotAllowed, SignInNeeded, TooManyAttempts
from davserver.model import Principal, Right, Role
from davserver.web import (
    SAFE,
    App,
    Environ,
    Headers,
    Request,
    Response,
    StartResponse,
    redirect,
    text,
)
from davserver.words import say

Anonymous = Literal["none", "read", "write"]

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
        basic: Basic,
        sign_in: SignIn,
        forms: csrf.Csrf,
        anonymous: Anonymous,
        open_to_all: tuple[str, ...],
        *,
        vouched: Callable[[Environ], Principal | None] | None = None,
        digest: Digest | None = None,
        office_signs_in_by_page: bool = False,
    ) -> None:
        self._next = next_app
        self._basic = basic
        self._digest = digest
        self._sign_in = sign_in
        self._csrf = forms
        self._anonymous = anonymous
        self._open = open_to_all
        self._vouched = vouched
        self._ofba = office_signs_in_by_page

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        request = Request.of(environ)
        by_page = self._ofba and ofba.announces(request)
        if request.target.startswith(self._open) or (request.method == "OPTIONS" and not by_page):
            # OPTIONS tells what the server can do, nothing about files; Explorer and Office ask it
            # before they know a password, and give up at a 401. Office that shows our page instead
            # waits for the 403 here.
            return self._next(environ, start_response)
        if request.target == SIGN_IN:
            return self._page(request, start_response)
        try:
            principal = self._who(request)
        except SignInNeeded as refused:
            stale = isinstance(refused, StaleNonce)
            return self._challenge(request, str(refused), stale=stale).send(start_response)
        if principal is None:
            return self._ask(request).send(start_response)
        request.principal = principal
        self._csrf.guard(request)
        if request.target == SIGN_OUT:
            _only_post(request)
            return self._sign_in.out(request).send(start_response)
        if request.method not in SAFE and principal.ceiling.isdisjoint(WRITING):
            if principal.is_anonymous:
                return self._ask(request).send(start_response)
            raise Forbidden(say("This is a sign-in for reading only."), "need-privileges")
        try:
            return self._next(environ, self._with_csrf_cookie(request, start_response))
        except SignInNeeded:
            return self._ask(request).send(start_response)

    def _who(self, request: Request) -> Principal | None:
        """The principal, by a trusted proxy, by password, by cookie, or by nothing if enough."""
        by_proxy = self._vouched(request.environ) if self._vouched else None
        if by_proxy is not None:
            return by_proxy
        authorization = request.header("Authorization")
        if authorization:
            return self._by_header(request)
        principal = self._sign_in.principal(request)
        return principal or anonymous_principal(self._anonymous)

    def _by_header(self, request: Request) -> Principal:
        by_digest = is_digest(request.header("Authorization"))
        scheme = self._digest if self._digest and by_digest else self._basic
        try:
            return scheme.check(request)
        except StaleNonce:
            raise
        except (SignInNeeded, TooManyAttempts):
            request.note(Event.SIGN_IN_REFUSED, user=scheme.claimed(request))
            raise

    def _ask(self, request: Request) -> Response:
        """Ask who it is: by our page where a person looks, else by a challenge."""
        if self._ofba and ofba.announces(request):
            return ofba.refusal(request)
        if request.wants_page:
            wanted = quote(request.target, safe="/%")
            return redirect(f"{request.url(SIGN_IN)}?next={wanted}")
        return self._challenge(request, say("Sign in first."))

    def _challenge(self, request: Request, words: str, *, stale: bool = False) -> Response:
        response = challenge(request, words)
        if self._digest and not request.is_by_script:
            response.headers.extend(self._digest.challenges(stale=stale))
        return response

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
            one = cookies.made(request, csrf.COOKIE, nonce, _CSRF_SECONDS)
            return start_response(status, [*headers, ("Set-Cookie", one)], *exc_info)

        return start


def anonymous_principal(anonymous: Anonymous) -> Principal | None:
    """Who asks without a name; None where everybody has to sign in."""
    if anonymous == "none":
        return None
    role = Role.EDITOR if anonymous == "write" else Role.VIEWER
    return Principal("", ceiling=role.rights)


def challenge(request: Request, words: str) -> Response:
    """Ask for a password (RFC 7617, 2.1); our own scripts, so that no dialog opens."""
    scheme = "Session" if request.is_by_script else "Basic"
    response = text(401, words)
    response.headers.append(("WWW-Authenticate", f'{scheme} realm="{REALM}", charset="UTF-8"'))
    return response


def _only_post(request: Request) -> None:
    if request.method != "POST":
        raise MethodNotAllowed(say("Signing out is done by the button on the page."), "POST")

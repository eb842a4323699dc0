"""Signing in and out by the browser: a page, and a cookie that says who it is.

The cookie is a signed token. It names the user and the password that was valid then: who changes
the password signs out everywhere.
"""

import hashlib

from davserver.accounts.credentials import Credentials, principal_of
from davserver.audit import Event
from davserver.errors import SignInNeeded, TooManyAttempts
from davserver.model import Principal
from davserver.pages import Pages
from davserver.providers.users import User
from davserver.tokens import TokenNotValid, Tokens
from davserver.web import Request, Response, redirect

SIGN_IN = "/-/login"
SIGN_OUT = "/-/logout"
COOKIE = "davserver-session"


class SignIn:
    """The sign-in page and its cookie, good for ``hours``."""

    def __init__(self, pages: Pages, credentials: Credentials, secret: bytes, hours: int) -> None:
        self._pages = pages
        self._credentials = credentials
        self._tokens = Tokens(secret, "session")
        self._seconds = hours * 3600

    def principal(self, request: Request) -> Principal | None:
        """Who the cookie says it is; None if there is none, or it counts no longer."""
        token = request.cookies.get(COOKIE)
        if not token:
            return None
        try:
            claims = self._tokens.read(token)
        except TokenNotValid:
            return None
        user = self._credentials.user(str(claims.get("sub", "")))
        if user is None or claims.get("pw") != _fingerprint(user):
            return None
        return principal_of(user)

    def page(self, request: Request) -> Response:
        """GET: the form. POST: check, set the cookie, go where the person wanted to go."""
        wanted = safe_path(request.query.get("next") or request.form.get("next") or "")
        if request.method != "POST":
            return self._form(request, wanted)
        name = request.form.get("name", "").strip()
        password = request.form.get("password", "")
        try:
            self._credentials.check(name, password, request.client_address)
        except (SignInNeeded, TooManyAttempts) as fault:
            request.note(Event.SIGN_IN_REFUSED, user=self._credentials.known(name))
            return self._form(request, wanted, fault.status, str(fault), name)
        user = self._credentials.user(name)
        if user is None:
            return self._form(request, wanted, 401, "This user was removed.", name)
        request.note(Event.SIGNED_IN, user=user.name, how="page")
        token = self._tokens.issue({"sub": user.name, "pw": _fingerprint(user)}, self._seconds)
        response = redirect(request.url(wanted))
        response.headers.append(("Set-Cookie", cookie(request, COOKIE, token, self._seconds)))
        return response

    def out(self, request: Request) -> Response:
        """POST: forget the cookie."""
        request.note(Event.SIGNED_OUT)
        response = redirect(request.url(SIGN_IN))
        response.headers.append(("Set-Cookie", cookie(request, COOKIE, "", 0)))
        return response

    def _form(
        self, request: Request, wanted: str, status: int = 200, problem: str = "", name: str = ""
    ) -> Response:
        return self._pages.render(
            request, "sign_in.html", status, wanted=wanted, problem=problem, name=name
        )


def cookie(request: Request, name: str, value: str, seconds: int) -> str:
    """A cookie for our pages alone: not for scripts, not for other sites, never to leave TLS."""
    secure = "; Secure" if request.is_secure else ""
    path = request.base or "/"
    return f"{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"


def safe_path(wanted: str) -> str:
    """``wanted`` if it is a path of this site, else the root: sign-in leads nowhere else."""
    if wanted.startswith("/") and not wanted.startswith("//") and "\\" not in wanted:
        return wanted if wanted.isprintable() and wanted.isascii() else "/"
    return "/"


def _fingerprint(user: User) -> str:
    return hashlib.sha256(user.password_hash.encode()).hexdigest()[:16]

"""Proof that a form was ours: a random cookie, and its signature in every form that we render.

A foreign page can make a browser send the cookie, but can neither read it nor sign it. The
signature holds the user's name, so a form does not survive a change of user.
"""

import hashlib
import hmac
import secrets

from davserver.accounts import cookies
from davserver.errors import Forbidden
from davserver.tokens import derived
from davserver.web import SAFE, Request
from davserver.words import say

COOKIE = "davserver-csrf"
FIELD = "csrf"
HEADER = "X-CSRF-Token"


class Csrf:
    """Makes and checks the tokens of one installation."""

    def __init__(self, secret: bytes) -> None:
        self._key = derived(secret, "csrf")

    def prepare(self, request: Request) -> str:
        """Give the request its token; the cookie's new value, or "" if the browser has one."""
        nonce = cookies.read(request, COOKIE)
        made = "" if len(nonce) == 32 else secrets.token_hex(16)
        request.csrf_token = self._token(made or nonce, _whose(request))
        return made

    def guard(self, request: Request) -> None:
        """Raise Forbidden for what a page of another site may have made the browser send.

        What a browser adds by itself, cookies and the rights of strangers, proves nothing about who
        wanted it. A password it adds to forms alone (Fetch, CORS-preflight fetch).
        """
        if request.method == "POST":
            self.check(request)
        elif request.method not in SAFE and not request.header("Authorization"):
            check_origin(request)

    def check(self, request: Request) -> None:
        """Raise Forbidden unless the posted form was rendered by us for this browser and user."""
        check_origin(request)
        if request.header("Tus-Resumable"):
            # No form: a foreign page sends a field of its own only where a preflight permits it,
            # and here none does (Fetch, CORS-preflight).
            return
        if request.header("Authorization") and request.media_type == "application/json":
            # Nor is this: no form sends JSON, and a script of a foreign page needs a preflight.
            return
        nonce = cookies.read(request, COOKIE)
        sent = request.header(HEADER) or request.form.get(FIELD, "")
        if not nonce or not hmac.compare_digest(
            sent.encode(), self._token(nonce, _whose(request)).encode()
        ):
            raise Forbidden(say("This form is too old. Go back, reload the page and try again."))

    def _token(self, nonce: str, name: str) -> str:
        return hmac.new(self._key, f"{nonce}\0{name}".encode(), "sha256").hexdigest()


def check_origin(request: Request) -> None:
    """Raise Forbidden if a page of another site made the browser send this (Fetch Metadata).

    A program says nothing about where it comes from, and a browser that is too old to say it so
    sends Origin with what changes something (Fetch, 3.2).
    """
    site = request.header("Sec-Fetch-Site")
    origin = request.header("Origin")
    if site:
        is_ours = site in {"same-origin", "none"}
    else:
        is_ours = not origin or _host(origin) == _host(request.origin)
    if not is_ours:
        raise Forbidden(say("This was sent by a page of another site."))


def _host(origin: str) -> str:
    """Host and port, without the scheme: a proxy may have ended TLS and not told us."""
    host = origin.partition("://")[2].lower()
    return host.removesuffix(":443").removesuffix(":80")


def _whose(request: Request) -> str:
    """For whom a form is rendered: a user, or the guests of a link."""
    return f"{request.principal.name}\0{request.principal.link}"


def browser(request: Request) -> str:
    """A name for the browser, from its cookie: what is begun in one goes on in no other one."""
    nonce = cookies.read(request, COOKIE)
    return hashlib.sha256(f"browser {nonce}".encode()).hexdigest() if nonce else ""

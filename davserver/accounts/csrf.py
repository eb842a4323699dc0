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
from davserver.web import Request

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

    def check(self, request: Request) -> None:
        """Raise Forbidden unless the posted form was rendered by us for this browser and user."""
        if request.header("Sec-Fetch-Site") == "cross-site":
            raise Forbidden("This form was sent by another site.")
        if request.header("Tus-Resumable"):
            # No form: a foreign page sends a field of its own only where a preflight permits it,
            # and here none does (Fetch, CORS-preflight).
            return
        nonce = cookies.read(request, COOKIE)
        sent = request.header(HEADER) or request.form.get(FIELD, "")
        if not nonce or not hmac.compare_digest(
            sent.encode(), self._token(nonce, _whose(request)).encode()
        ):
            raise Forbidden("This form is too old. Go back, reload the page and try again.")

    def _token(self, nonce: str, name: str) -> str:
        return hmac.new(self._key, f"{nonce}\0{name}".encode(), "sha256").hexdigest()


def _whose(request: Request) -> str:
    """For whom a form is rendered: a user, or the guests of a link."""
    return f"{request.principal.name}\0{request.principal.link}"


def browser(request: Request) -> str:
    """A name for the browser, from its cookie: what is begun in one goes on in no other one."""
    nonce = cookies.read(request, COOKIE)
    return hashlib.sha256(f"browser {nonce}".encode()).hexdigest() if nonce else ""

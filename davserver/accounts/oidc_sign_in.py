"""Signing in at an OpenID provider: there by one address of ours, and back by another.

What belongs to one sign-in (state, nonce, PKCE's verifier, where the person wanted to go) is in a
signed cookie: the browser that comes back has to be the one that was sent, and any process can
answer it.
"""

import hmac
import secrets
from typing import TYPE_CHECKING

from davserver.accounts import cookies
from davserver.accounts.credentials import Credentials
from davserver.accounts.sign_in import ELSEWHERE, SignIn, safe_path
from davserver.errors import SignInNeeded
from davserver.tokens import TokenNotValid, Tokens
from davserver.web import Handler, Request, Response, redirect
from davserver.words import say

if TYPE_CHECKING:
    # Its libraries are an extra.
    from davserver.accounts.sources.oidc import Provider

ROUTES = "/-/oidc/"
CALLBACK = "/-/oidc/callback"
COOKIE = "davserver-oidc"
_SECONDS = 600


class OidcSignIn:
    """The two routes."""

    def __init__(
        self, provider: "Provider", credentials: Credentials, sign_in: SignIn, secret: bytes
    ) -> None:
        self._provider = provider
        self._credentials = credentials
        self._sign_in = sign_in
        self._tokens = Tokens(secret, "oidc")

    @property
    def routes(self) -> dict[str, tuple[str, Handler]]:
        """Addresses with their methods and handlers, all below ``ROUTES``."""
        return {ELSEWHERE: ("GET", self.start), CALLBACK: ("GET", self.callback)}

    def start(self, request: Request) -> Response:
        """Send the browser to the provider."""
        flow = {
            "state": secrets.token_urlsafe(24),
            "nonce": secrets.token_urlsafe(24),
            "verifier": secrets.token_urlsafe(48),
        }
        address = self._provider.address(_redirect_uri(request), **flow)
        wanted = safe_path(request.query.get("next", ""))
        token = self._tokens.issue({**flow, "next": wanted}, _SECONDS)
        response = redirect(address)
        response.headers.append(("Set-Cookie", cookies.made(request, COOKIE, token, _SECONDS)))
        return response

    def callback(self, request: Request) -> Response:
        """The browser comes back. Raises SignInNeeded, Forbidden, Unavailable."""
        flow = self._flow(request)
        # Another provider's answer (RFC 9207, 2.4).
        issuer = request.query.get("iss", self._provider.issuer)
        if "code" not in request.query or issuer != self._provider.issuer:
            raise SignInNeeded(say("The provider did not let you sign in. Try again."))
        told = self._provider.redeem(
            request.query["code"], _redirect_uri(request), flow["nonce"], flow["verifier"]
        )
        user = self._credentials.admit(self._provider.name, told)
        response = self._sign_in.admit(request, user, safe_path(flow["next"]))
        response.headers.append(("Set-Cookie", cookies.made(request, COOKIE, "", 0)))
        return response

    def _flow(self, request: Request) -> dict[str, str]:
        """What the sign-in began with, in this browser."""
        try:
            flow = self._tokens.read(cookies.read(request, COOKIE))
        except TokenNotValid:
            raise SignInNeeded(
                say("This sign-in began in another browser, or too long ago. Try again.")
            ) from None
        state = request.query.get("state", "")
        if not hmac.compare_digest(state.encode(), flow["state"].encode()):
            raise SignInNeeded(say("This is not the sign-in that began here. Try again."))
        return flow


def _redirect_uri(request: Request) -> str:
    return request.origin + request.url(CALLBACK)

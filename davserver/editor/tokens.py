"""Tokens shared with the Document Server: what we sign for it, and what it signs for us.

All are JSON Web Tokens with one secret that both sides know. Only what is inside a valid token
counts, never the plain body beside it. Source: Docs API, "Security", and the requests recorded from
a server.
"""

import time
import warnings
from typing import Any
from urllib.parse import urlsplit

import jwt
from jwt.warnings import InsecureKeyLengthWarning

from davserver.errors import Forbidden

CONFIG_SECONDS = 600
COMMAND_SECONDS = 300
# Its own tolerance (server/config, "clockTolerance"): two machines' clocks differ.
LEEWAY_SECONDS = 60
_ALGORITHMS = ["HS256", "HS384", "HS512"]

# `davserver doctor` tells about a short secret, once; the library would at every request.
warnings.filterwarnings("ignore", category=InsecureKeyLengthWarning)


class NotFromServer(Forbidden):
    """A request does not prove that it comes from the configured Document Server."""


class ServerTokens:
    """Signs and checks with the secret of the Document Server, in the header that it uses."""

    def __init__(self, secret: str, header: str = "Authorization") -> None:
        self._secret = secret
        self.header = header

    def sign(self, claims: dict[str, Any], seconds: int = CONFIG_SECONDS) -> str:
        """A token over ``claims`` at its root: a configuration, or a command."""
        now = int(time.time())
        return jwt.encode({**claims, "iat": now, "exp": now + seconds}, self._secret, "HS256")

    def bearer(self, claims: dict[str, Any]) -> dict[str, str]:
        """The header that signs a request body of ours."""
        token = self.sign({"payload": claims}, COMMAND_SECONDS)
        return {self.header: f"Bearer {token}"}

    def check_download(self, header: str, target: str) -> None:
        """Raise NotFromServer unless ``header`` is signed for just this address.

        ``target`` is path and query. The origin is not compared: proxies change it, and the path
        holds our own token.
        """
        payload = self._in_header(header)
        signed = urlsplit(str(payload.get("url", "")))
        if f"{signed.path}?{signed.query}".rstrip("?") != target.rstrip("?"):
            raise NotFromServer("The Document Server's token is for another address.")

    def callback(self, body: dict[str, Any], header: str) -> dict[str, Any]:
        """What a callback reports: the claims of its body token, else those of its header.

        The body token comes first: beyond 7 KB the server leaves the history out of header and
        body, but not out of that token.
        """
        token = body.get("token")
        if isinstance(token, str) and token:
            return self._read(token)
        return self._in_header(header)

    def _in_header(self, header: str) -> dict[str, Any]:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise NotFromServer(
                "The request carries no token of the Document Server: check that it signs requests "
                f"and that no proxy removes the header {self.header}."
            )
        payload = self._read(token.strip()).get("payload")
        if not isinstance(payload, dict):
            raise NotFromServer("The Document Server's token has no payload.")
        return payload

    def _read(self, token: str) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._secret,
                algorithms=_ALGORITHMS,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp"]},
            )
        except jwt.ExpiredSignatureError:
            raise NotFromServer(
                "The Document Server's token has expired: compare the clocks."
            ) from None
        except jwt.InvalidTokenError:
            raise NotFromServer(
                "The Document Server's token is not valid: both sides must have the same secret."
            ) from None
        return claims

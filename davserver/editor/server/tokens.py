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
HEADER, PREFIX = "Authorization", "Bearer"
"""What a Document Server uses that is not told otherwise (server/config, "token")."""
_ALGORITHMS = ["HS256", "HS384", "HS512"]

# `davserver doctor` tells about a short secret, once; the library would at every request.
warnings.filterwarnings("ignore", category=InsecureKeyLengthWarning)


class NotFromServer(Forbidden):
    """A request does not prove that it comes from the configured Document Server."""


class ServerTokens:
    """Signs and checks with the secret of the Document Server, in the header that it uses.

    What is not given of ``header`` and ``prefix`` the server may say itself: see ``learn``.
    ``seconds`` is the life of a configuration, ``leeway`` by how much clocks may differ.
    """

    def __init__(
        self,
        secret: str,
        header: str = "",
        prefix: str = "",
        seconds: int = CONFIG_SECONDS,
        leeway: int = LEEWAY_SECONDS,
    ) -> None:
        self._secret = secret
        self._seconds = seconds
        self._leeway = leeway
        self._given = (header, prefix)
        self.header = header or HEADER
        self.prefix = prefix or PREFIX

    def learn(self, header: str, prefix: str | None) -> None:
        """Take over what the server says of itself where the settings say nothing."""
        self.header = self._given[0] or header or HEADER
        self.prefix = self._given[1] or (PREFIX if prefix is None else prefix)

    def sign(self, claims: dict[str, Any], seconds: int = 0) -> str:
        """A token over ``claims`` at its root: a configuration, or a command."""
        now = int(time.time())
        end = now + (seconds or self._seconds)
        return jwt.encode({**claims, "iat": now, "exp": end}, self._secret, "HS256")

    def bearer(self, claims: dict[str, Any]) -> dict[str, str]:
        """The header that signs a request body of ours."""
        token = self.sign({"payload": claims}, COMMAND_SECONDS)
        return {self.header: f"{self.prefix} {token}".lstrip()}

    def check_download(self, header: str, target: str) -> None:
        """Raise NotFromServer unless ``header`` is signed for just this address.

        ``target`` is path and query. The origin is not compared: proxies change it, and the path
        holds our own token.
        """
        payload = self._in_header(header)
        signed = urlsplit(str(payload.get("url", "")))
        if f"{signed.path}?{signed.query}".rstrip("?") != target.rstrip("?"):
            raise NotFromServer("The Document Server's token is for another address.")

    def when_made(self, header: str) -> int:
        """When a header's token says that it was made, whether it is valid or not; 0: unknown.

        For telling how clocks differ, and for nothing else.
        """
        token = header[len(self.prefix) :].strip()
        try:
            claims = jwt.decode(token, options={"verify_signature": False})
            return int(claims.get("iat", 0))
        except (jwt.InvalidTokenError, ValueError, TypeError):
            return 0

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
        start, token = header[: len(self.prefix)], header[len(self.prefix) :].strip()
        if start.lower() != self.prefix.lower() or not token:
            raise NotFromServer(
                "The request carries no token of the Document Server: check that it signs requests "
                f"and that no proxy removes the header {self.header}."
            )
        payload = self._read(token).get("payload")
        if not isinstance(payload, dict):
            raise NotFromServer("The Document Server's token has no payload.")
        return payload

    def _read(self, token: str) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._secret,
                algorithms=_ALGORITHMS,
                leeway=self._leeway,
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

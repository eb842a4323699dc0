"""The client of an OpenID provider: where people are sent, and what it says when they come back.

With ``editor.client`` the only module that speaks HTTP to elsewhere, and only to the configured
provider. Source: OpenID Connect Core 1.0 and Discovery 1.0, RFC 6749, RFC 7636 (PKCE).
"""

import io
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from requests.adapters import HTTPAdapter

from davserver.errors import SignInNeeded, Unavailable
from davserver.model import Outside
from davserver.words import say

CONNECT_SECONDS = 5
SILENT_SECONDS = 10
ANSWER_SECONDS = 20
MAX_ANSWER = 1 << 20
MAX_GROUPS = 1000

# What a provider told about itself is asked again after an hour; its keys sooner if a token is
# signed with one that is not among them, but not at every such token.
_FRESH_SECONDS = 3600
_KEYS_SECONDS = 60
_LEEWAY_SECONDS = 60
# Signatures with a key that only the provider has.
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
_USERINFO = "userinfo_endpoint"
_METADATA = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_log = structlog.get_logger("davserver.accounts")


@dataclass(frozen=True, slots=True)
class Client:
    """What we are to the provider. Without a ``secret``, a public client, whom PKCE protects."""

    id: str
    secret: str = ""
    scopes: str = "openid profile"


@dataclass(frozen=True, slots=True)
class Claims:
    """Which claims tell somebody's name and groups, and which group are the administrators."""

    name: str = "preferred_username"
    groups: str = "groups"
    admin_group: str = ""


class Provider:
    """The provider called ``issuer``, trusted by the authority ``ca`` if it is one of your own."""

    name = "oidc"

    def __init__(self, issuer: str, client: Client, claims: Claims, ca: Path | None = None) -> None:
        self.issuer = issuer
        self._client = client
        self._claims = claims
        self._verify: bool | str = str(ca) if ca else True
        self._lock = threading.Lock()
        self._metadata: tuple[float, dict[str, Any]] = (0.0, {})
        self._keys: tuple[float, KeySet | None] = (0.0, None)

    def address(self, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """Where to send somebody who wants to sign in. Raises Unavailable."""
        with self._session(redirect_uri) as session:
            endpoint = self._told(session)["authorization_endpoint"]
            address, _ = session.create_authorization_url(
                endpoint, state=state, nonce=nonce, code_verifier=verifier
            )
            return str(address)

    def redeem(self, code: str, redirect_uri: str, nonce: str, verifier: str) -> Outside:
        """Who came back with ``code``.

        Raises SignInNeeded if the code or what the provider gives for it does not hold, Unavailable
        if the provider cannot be asked.
        """
        with self._session(redirect_uri) as session:
            told = self._told(session)
            supported = told.get("token_endpoint_auth_methods_supported", [])
            if self._client.secret and supported and "client_secret_basic" not in supported:
                session.token_endpoint_auth_method = "client_secret_post"  # noqa: S105
            try:
                token = session.fetch_token(
                    told["token_endpoint"], code=code, code_verifier=verifier
                )
                claims = self._verified(session, told, token, nonce)
            except (AuthlibBaseError, JoseError, ValueError, KeyError, TypeError) as fault:
                _log.warning("oidc: a sign-in does not hold", reason=repr(fault))
                raise SignInNeeded(say("The sign-in at the provider does not hold.")) from fault
            if self._claims.name not in claims and self._can_be_asked(told.get(_USERINFO)):
                more = _answer(session, told[_USERINFO], with_token=True)
                if more.get("sub") == claims["sub"]:
                    claims = {**more, **claims}
        return self._person(claims)

    def _verified(
        self, session: Any, told: dict[str, Any], token: dict[str, Any], nonce: str
    ) -> dict[str, Any]:
        """The claims of an ID token (OpenID Connect Core, 3.1.3.7)."""
        signed = self._decoded(session, told, str(token["id_token"]))
        options = {
            "iss": {"essential": True, "value": self.issuer},
            "aud": {"essential": True, "value": self._client.id},
            "nonce": {"essential": True, "value": nonce},
        }
        params = {
            "client_id": self._client.id,
            "nonce": nonce,
            "access_token": token.get("access_token"),
        }
        claims = CodeIDToken(signed.claims, signed.header, options, params)
        claims.validate(leeway=_LEEWAY_SECONDS)
        return dict(claims)

    def _decoded(self, session: Any, told: dict[str, Any], token: str) -> jwt.Token:
        """The token, if its signature is the provider's; with a new key maybe."""
        age = _FRESH_SECONDS
        while True:
            keys = self._key_set(session, told["jwks_uri"], age)
            try:
                return jwt.decode(token, keys, algorithms=_ALGORITHMS)
            except (JoseError, ValueError):
                if age == _KEYS_SECONDS:
                    raise
                age = _KEYS_SECONDS

    def _key_set(self, session: Any, address: str, age: float) -> KeySet:
        """The provider's keys, as of at most ``age`` seconds ago."""
        with self._lock:
            asked, keys = self._keys
            if keys is None or time.monotonic() - asked > age:
                keys = KeySet.import_key_set(_answer(session, address))  # type: ignore[arg-type]
                self._keys = time.monotonic(), keys
            return keys

    def _told(self, session: Any) -> dict[str, Any]:
        """What the provider says of itself (OpenID Connect Discovery, 4)."""
        with self._lock:
            asked, told = self._metadata
            if told and time.monotonic() - asked < _FRESH_SECONDS:
                return told
            address = self.issuer.rstrip("/") + "/.well-known/openid-configuration"
            told = _answer(session, address)
            if told.get("issuer") != self.issuer:
                _log.error("oidc: the provider calls itself otherwise", issuer=told.get("issuer"))
                raise Unavailable(say("The sign-in provider is not the configured one."))
            if not all(self._can_be_asked(told.get(name)) for name in _METADATA):
                raise Unavailable(say("The sign-in provider does not say how to reach it."))
            self._metadata = time.monotonic(), told
            return told

    def _can_be_asked(self, address: object) -> bool:
        """Whether this is an address, and one that is as well protected as the issuer's."""
        return isinstance(address, str) and (
            address.startswith("https://") or not self.issuer.startswith("https:")
        )

    def _person(self, claims: dict[str, Any]) -> Outside:
        name = claims.get(self._claims.name)
        if not isinstance(name, str):
            _log.error("oidc: the provider tells no name", claim=self._claims.name)
            raise SignInNeeded(say("The provider does not tell your name."))
        told = claims.get(self._claims.groups, [])
        listed = [told] if isinstance(told, str) else told if isinstance(told, list) else []
        groups = frozenset(group for group in listed[:MAX_GROUPS] if isinstance(group, str))
        admin_group = self._claims.admin_group
        rank = admin_group in groups if admin_group else None
        return Outside(name, groups, rank, subject=str(claims["sub"]))

    @contextmanager
    def _session(self, redirect_uri: str) -> Iterator[Any]:
        session = OAuth2Session(
            self._client.id,
            self._client.secret or None,
            scope=self._client.scopes,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
        )
        session.mount("https://", _Bounded())
        session.mount("http://", _Bounded())
        # No proxy and no password from the environment, and nowhere else than where it was said.
        session.trust_env = False
        session.max_redirects = 0
        session.verify = self._verify
        try:
            with session:
                yield session
        except requests.RequestException as fault:
            _log.warning("oidc: the provider cannot be asked", reason=type(fault).__name__)
            raise Unavailable(say("The sign-in provider cannot be reached.")) from fault


class _Bounded(HTTPAdapter):
    """Gives every question a time limit, and every answer an end."""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        deadline = time.monotonic() + ANSWER_SECONDS
        request.headers["Accept-Encoding"] = "identity"
        options.update(stream=True, timeout=(CONNECT_SECONDS, SILENT_SECONDS))
        answer = super().send(request, **options)
        content = b""
        with answer.raw as body:
            for block in body.stream(1 << 14, decode_content=False):
                content += block
                if len(content) > MAX_ANSWER or time.monotonic() > deadline:
                    raise requests.ConnectionError("the answer is too long")
        answer.raw = io.BytesIO(content)
        return answer


def _answer(session: Any, address: str, *, with_token: bool = False) -> dict[str, Any]:
    """A JSON object. Raises Unavailable."""
    with session.get(address, withhold_token=not with_token) as answer:
        try:
            told = answer.json() if answer.status_code == 200 else None
        except ValueError:
            told = None
    if not isinstance(told, dict):
        _log.error("oidc: no answer", address=address, status=answer.status_code)
        raise Unavailable(say("The sign-in provider does not answer as it should."))
    return told

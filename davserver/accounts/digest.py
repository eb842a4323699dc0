"""Digest authentication (RFC 7616) for clients that refuse to send a password: an option.

It works with app passwords only. What it checks against (HA1) is as good as the password, so it is
made of passwords that are good for one device and can be revoked.
"""

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes, urlsplit
from urllib.request import parse_http_list, parse_keqv_list

from davserver.accounts.app_passwords import REALM, DevicePasswords, hashed
from davserver.accounts.credentials import Credentials
from davserver.errors import SignInNeeded
from davserver.model import Principal
from davserver.providers.app_passwords import MAX_EACH, DigestNonces
from davserver.tokens import derived
from davserver.web import Request
from davserver.words import say

_SECONDS = 300
_MOMENT, _RANDOM, _SEAL = 8, 8, 16
_COUNT = re.compile(r"[0-9a-fA-F]{8}")
_NEEDED = ("nonce", "uri", "response", "nc", "cnonce")


class StaleNonce(SignInNeeded):
    """The nonce is over or its count was used: one asks again with another (RFC 7616, 3.3)."""


class Digest:
    """Asks for and checks digests by ``algorithms``, the best one first."""

    def __init__(
        self,
        credentials: Credentials,
        devices: DevicePasswords,
        nonces: DigestNonces,
        secret: bytes,
        algorithms: tuple[str, ...],
    ) -> None:
        self._credentials = credentials
        self._devices = devices
        self._nonces = nonces
        self._key = derived(secret, "digest nonce")
        self._algorithms = algorithms

    def challenges(self, *, stale: bool = False) -> list[tuple[str, str]]:
        """The fields of a 401, one for each algorithm (RFC 7616, 3.3)."""
        nonce = self._nonce()
        over = ", stale=true" if stale else ""
        return [
            (
                "WWW-Authenticate",
                f'Digest realm="{REALM}", qop="auth", algorithm={algorithm}, nonce="{nonce}", '
                f"charset=UTF-8{over}",
            )
            for algorithm in self._algorithms
        ]

    def check(self, request: Request) -> Principal:
        """Who the header field proves. Raises SignInNeeded, or StaleNonce where all else is right.

        Nonces of an app password that was found are counted in the catalog, for all processes.
        """
        refusal = SignInNeeded(say("The name or the app password is wrong."))
        given = _parsed(request.header("Authorization"))
        name = _name(given)
        algorithm = given.get("algorithm", "MD5").upper()
        if (
            algorithm not in self._algorithms
            or given.get("realm") != REALM
            or given.get("qop") != "auth"
            or not all(given.get(field) for field in _NEEDED)
            or not _COUNT.fullmatch(given["nc"])
            or not _is_target(given["uri"], request)
        ):
            raise refusal
        known = self._devices.digests(name, algorithm)
        # As many are tried for every name: the time does not tell who is known.
        known += [("0" * 64, None)] * (MAX_EACH - len(known))
        expected = [(_response(ha1, given, request.method, algorithm), one) for ha1, one in known]
        sent = given["response"].lower().encode("utf-8", "surrogatepass")
        matching = [one for text, one in expected if hmac.compare_digest(text.encode(), sent)]
        found = next((one for one in matching if one is not None), None)
        principal = self._devices.by_digest(found, self._credentials) if found else None
        if principal is None:
            raise refusal
        self._count(given)
        return principal

    def claimed(self, request: Request) -> str:
        """The name in a header field that was refused, for a log."""
        return self._credentials.known(_name(_parsed(request.header("Authorization"))))

    def _count(self, given: Mapping[str, str]) -> None:
        over = StaleNonce("Ask again with the new nonce.")
        expires = self._good_until(given["nonce"])
        if expires is None:
            raise over
        if not self._nonces.use(hashed("SHA-256", given["nonce"]), int(given["nc"], 16), expires):
            raise over

    def _nonce(self) -> str:
        moment = int(time.time()) + _SECONDS
        body = moment.to_bytes(_MOMENT, "big") + secrets.token_bytes(_RANDOM)
        return base64.b64encode(body + self._seal(body)).decode()

    def _good_until(self, nonce: str) -> float | None:
        """When a nonce of ours expires; None if it is over, or not ours."""
        try:
            raw = base64.b64decode(nonce, validate=True)
        except ValueError:
            return None
        body, seal = raw[:-_SEAL], raw[-_SEAL:]
        moment = int.from_bytes(body[:_MOMENT], "big")
        is_ours = len(body) == _MOMENT + _RANDOM and hmac.compare_digest(seal, self._seal(body))
        return float(moment) if is_ours and moment > time.time() else None

    def _seal(self, body: bytes) -> bytes:
        return hmac.new(self._key, body, hashlib.sha256).digest()[:_SEAL]


def is_digest(authorization: str) -> bool:
    """Whether a header field is one of Digest."""
    return authorization.partition(" ")[0].lower() == "digest"


def _parsed(authorization: str) -> dict[str, str]:
    try:
        return parse_keqv_list(parse_http_list(authorization.partition(" ")[2]))
    except (ValueError, IndexError):
        raise SignInNeeded("This is no Digest as RFC 7616 has it.") from None


def _name(given: Mapping[str, str]) -> str:
    """The user's name, in either form (RFC 7616, 3.4)."""
    if "username*" in given:
        charset, _, encoded = given["username*"].partition("''")
        raw = unquote_to_bytes(encoded) if charset.upper() == "UTF-8" else b""
    else:
        raw = given.get("username", "").encode("latin-1", "replace")
    return raw.decode("utf-8", "replace")


def _is_target(uri: str, request: Request) -> bool:
    """Whether the digest was made for this request's target (RFC 7616, 3.4.6)."""
    target = str(request.environ.get("REQUEST_URI", ""))
    if uri == target:
        return True
    url = urlsplit(uri)
    return bool(url.netloc) and uri.endswith(url.netloc + target)


def _response(ha1: str, given: Mapping[str, str], method: str, algorithm: str) -> str:
    """The digest that the client should have sent (RFC 7616, 3.4.1)."""
    ha2 = hashed(algorithm, f"{method}:{given['uri']}")
    middle = f"{given['nonce']}:{given['nc']}:{given['cnonce']}:{given['qop']}"
    return hashed(algorithm, f"{ha1}:{middle}:{ha2}")

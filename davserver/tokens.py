"""Our own tokens: signed with our own secret, each for one purpose, each with an end.

None is ever signed with the Document Server's secret; ``editor.documentserver`` has those. A token
of one purpose is worthless for another: every purpose has a key of its own, derived from the one
secret.
"""

import base64
import hashlib
import hmac
import os
import secrets
import time
from pathlib import Path
from typing import Any

import jwt
from cryptography.fernet import Fernet, InvalidToken

from davserver.errors import Forbidden
from davserver.words import say

SECRET_BYTES = 32
_PROOF_LENGTH = 32
_ALGORITHM = "HS256"


class TokenNotValid(Forbidden):
    """A token is forged, expired, or for another purpose."""


class Tokens:
    """Tokens of one purpose."""

    def __init__(self, secret: bytes, purpose: str) -> None:
        self._key = derived(secret, purpose)
        self._purpose = purpose

    def issue(self, claims: dict[str, Any], seconds: int) -> str:
        """A token that carries ``claims`` and is good for ``seconds``."""
        registered = {"aud": self._purpose, "exp": int(time.time()) + seconds}
        return jwt.encode({**claims, **registered}, self._key, _ALGORITHM)

    def read(self, token: str) -> dict[str, Any]:
        """The claims of a token. Raises TokenNotValid."""
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key,
                algorithms=[_ALGORITHM],
                audience=self._purpose,
                options={"require": ["exp", "aud"]},
            )
        except jwt.InvalidTokenError:
            raise TokenNotValid(say("This link or sign-in is not valid, or no longer.")) from None
        return claims


class Box:
    """Seals texts of one purpose: without our secret, nobody can read them or make others."""

    def __init__(self, secret: bytes, purpose: str) -> None:
        self._fernet = Fernet(base64.urlsafe_b64encode(derived(secret, purpose)))

    def seal(self, text: str) -> str:
        """``text``, sealed now."""
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str, seconds: int | None = None) -> str:
        """What was sealed, within the last ``seconds`` if given. Raises TokenNotValid."""
        try:
            return self._fernet.decrypt(sealed.encode(), ttl=seconds).decode()
        except InvalidToken:
            raise TokenNotValid(say("That took too long. Begin again.")) from None


def derived(secret: bytes, purpose: str) -> bytes:
    """The key of ``purpose``: 32 bytes that tell nothing about other keys (RFC 5869, 2.3)."""
    return hmac.new(secret, b"davserver " + purpose.encode() + b"\x01", hashlib.sha256).digest()


def server_secret(state: Path) -> bytes:
    """This installation's secret, made at the first start: a file that only its owner reads."""
    file = state / "secret"
    try:
        return file.read_bytes()
    except FileNotFoundError:
        unfinished = state / f"secret.{secrets.token_hex(8)}"
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as writing:
            writing.write(secrets.token_bytes(SECRET_BYTES))
            writing.flush()
            os.fsync(writing.fileno())
        try:
            # A link, not a rename: of two processes that start at once, one secret stays.
            os.link(unfinished, file)
        except FileExistsError:
            pass
        finally:
            unfinished.unlink()
        return file.read_bytes()


class LinkTokens:
    """The secret part of the addresses of links: made of a link's id, and never stored.

    So the catalog, and every backup of it, holds nothing that lets somebody in, and still the
    address can be shown again to who made the link. 160 bits cannot be guessed.
    """

    def __init__(self, secret: bytes) -> None:
        self._key = derived(secret, "share link")

    def of(self, identity: str) -> str:
        """The token of the link with this id."""
        proof = hmac.new(self._key, identity.encode(), hashlib.sha256).digest()[:20]
        return identity + base64.b32encode(proof).decode().lower()

    def identity(self, token: str) -> str:
        """The id of the link that a token is of; empty if it is none of ours."""
        if len(token) <= _PROOF_LENGTH or not token.isascii():
            return ""
        identity = token[:-_PROOF_LENGTH]
        return identity if hmac.compare_digest(self.of(identity), token) else ""

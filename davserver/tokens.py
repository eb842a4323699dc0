"""Our own tokens: signed with our own secret, each for one purpose, each with an end.

None is ever signed with the Document Server's secret; ``editor.documentserver`` has those. A token
of one purpose is worthless for another: every purpose has a key of its own, derived from the one
secret.
"""

import hashlib
import hmac
import os
import secrets
import time
from pathlib import Path
from typing import Any

import jwt

from davserver.errors import Forbidden

SECRET_BYTES = 32
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
            raise TokenNotValid("This link or sign-in is not valid, or no longer.") from None
        return claims


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

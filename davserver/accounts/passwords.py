"""Password hashes: argon2id (RFC 9106) with the library's recommended cost."""

import hashlib
import hmac
import secrets
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_LENGTH = 8
# Without look-alikes: a one-time password is typed from a screen.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"

_hasher = PasswordHasher()
# One hash takes 64 MiB and some 50 ms: a flood of sign-ins must queue, not fill the memory.
_at_once = threading.BoundedSemaphore(4)


def hashed(password: str) -> str:
    """The encoded hash of ``password``."""
    with _at_once:
        return _hasher.hash(password)


def matches(password_hash: str, password: str) -> bool:
    """Whether ``password`` has this hash."""
    with _at_once:
        try:
            return _hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False


def is_outdated(password_hash: str) -> bool:
    """Whether the hash was made with a lower cost than hashes get now."""
    return _hasher.check_needs_rehash(password_hash)


def one_time_password() -> str:
    """A new random password, in groups of four: 79 bits."""
    return made(4, 4)


def made(groups: int, letters: int) -> str:
    """A new random secret in ``groups`` of so many ``letters``, of 4.95 bits each."""
    return "-".join(
        "".join(secrets.choice(_ALPHABET) for _ in range(letters)) for _ in range(groups)
    )


def digest_of_made(key: bytes, secret: str) -> str:
    """The hash that a secret which we made is found by; blanks, dashes and capitals do not count.

    A password that a person thought of needs argon2id, because whoever has the hash tries the
    likely ones. Among 79 random bits and more none is likely, so that trying them all is hopeless
    at any speed. The key keeps the hashes of a stolen catalog from being compared with anything.
    """
    text = "".join(secret.split()).replace("-", "").lower()
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

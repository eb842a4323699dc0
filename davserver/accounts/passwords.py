"""Password hashes: argon2id (RFC 9106) with the library's recommended cost."""

import secrets
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_LENGTH = 8
# Without look-alikes: a one-time password is typed from a screen.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_ONE_TIME_LENGTH = 16

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
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(_ONE_TIME_LENGTH))
    return "-".join(letters[at : at + 4] for at in range(0, _ONE_TIME_LENGTH, 4))

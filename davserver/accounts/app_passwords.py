"""App passwords: what a device signs in with instead of its user's password."""

import hashlib
import re
from dataclasses import replace

from davserver import paths
from davserver.accounts import passwords
from davserver.accounts.credentials import Credentials, principal_of
from davserver.errors import BadRequest
from davserver.model import Principal, Role
from davserver.providers.app_passwords import MAX_NAME, AppPassword, AppPasswords
from davserver.tokens import derived
from davserver.words import say

REALM = "davserver"
_GROUPS, _LETTERS = 5, 6
_FORM = re.compile(rf"[a-z0-9]{{{_LETTERS}}}(-[a-z0-9]{{{_LETTERS}}}){{{_GROUPS - 1}}}")


class DevicePasswords:
    """Makes and checks the app passwords of one installation."""

    def __init__(self, rows: AppPasswords, secret: bytes, algorithms: tuple[str, ...] = ()) -> None:
        """``algorithms`` are those of Digest that the passwords made from now on are good for."""
        self._rows = rows
        self._algorithms = algorithms
        self._key = derived(secret, "app password")

    def make(self, user: str, name: str, scope: str = paths.ROOT, *, read_only: bool) -> str:
        """A new password of 148 random bits for ``user``, told once.

        Raises BadRequest for a name that is none, and what ``AppPasswords.add`` raises.
        """
        made = passwords.made(_GROUPS, _LETTERS)
        digest = passwords.digest_of_made(self._key, made)
        ha1 = {one: hashed(one, f"{user}:{REALM}:{made}") for one in self._algorithms}
        name = checked_name(name)
        self._rows.add(user, name, digest, scope, read_only=read_only, ha1=ha1)
        return made

    def principal(self, name: str, password: str, credentials: Credentials) -> Principal | None:
        """Who ``name`` and ``password`` prove; None if this is no app password of theirs."""
        if not _FORM.fullmatch(password):
            return None
        found = self._rows.find(passwords.digest_of_made(self._key, password))
        return _principal(found, credentials) if found and found.user == name else None

    def digests(self, name: str, algorithm: str) -> list[tuple[str, AppPassword | None]]:
        """What Digest checks against: HA1 of each of a user's that is good for it."""
        return [*self._rows.digests(name, algorithm)]

    def by_digest(self, found: AppPassword, credentials: Credentials) -> Principal | None:
        """Who proved by Digest to have ``found``."""
        self._rows.note_use(found)
        return _principal(found, credentials)


def hashed(algorithm: str, text: str) -> str:
    """A hash as Digest has it (RFC 7616, 3.4.1)."""
    raw = text.encode("utf-8", "surrogatepass")
    if algorithm == "MD5":
        return hashlib.md5(raw, usedforsecurity=False).hexdigest()
    return hashlib.sha256(raw).hexdigest()


def _principal(found: AppPassword, credentials: Credentials) -> Principal | None:
    user = credentials.user(found.user)
    if user is None:
        return None
    whole = principal_of(user)
    if found.scope == paths.ROOT and not found.read_only:
        return replace(whole, device=found.identity)
    # The rights are the user's within these bounds; the administration lies outside of them.
    ceiling = whole.ceiling & Role.VIEWER.rights if found.read_only else whole.ceiling
    return replace(
        whole,
        is_administrator=False,
        scope=found.scope,
        ceiling=ceiling,
        sharer=whole,
        device=found.identity,
    )


def checked_name(name: str) -> str:
    """``name`` as a device or passkey may be called. Raises BadRequest."""
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise BadRequest(say("Give it a name of 1 to {max_name} characters.", max_name=MAX_NAME))
    return name

"""What a program may sign in with at each request: an app password, or the user's own."""

import base64
import binascii
import hashlib
import secrets
import time
from collections.abc import Callable

from davserver.accounts.app_passwords import DevicePasswords
from davserver.accounts.credentials import Credentials
from davserver.accounts.second_factors import SecondStep
from davserver.errors import SignInNeeded
from davserver.model import Principal
from davserver.web import Request
from davserver.words import say

_LATELY_SECONDS = 2.0
_LATELY_AT_MOST = 1024
_NEEDS_ONE = say("make one for this device on your account page.")


class Basic:
    """Checks Basic credentials (RFC 7617); with ``account_passwords``, users' own ones too."""

    def __init__(
        self,
        credentials: Credentials,
        devices: DevicePasswords,
        second: SecondStep,
        *,
        account_passwords: bool,
        changes: Callable[[], int],
    ) -> None:
        self._credentials = credentials
        self._devices = devices
        self._second = second
        self._account_passwords = account_passwords
        self._changes = changes
        self._key = secrets.token_bytes(32)
        self._lately: dict[bytes, tuple[int, float, Principal]] = {}

    def check(self, request: Request) -> Principal:
        """Who the header field proves. Raises SignInNeeded, and what ``Credentials.check`` does.

        A drive sends the same field over and over: for a moment, and while nothing changes in the
        catalog, it proves the same.
        """
        field = request.header("Authorization").encode("utf-8", "surrogateescape")
        digest = hashlib.blake2b(field, key=self._key, digest_size=16).digest()
        changes, now = self._changes(), time.monotonic()
        lately = self._lately.get(digest)
        if lately is not None and lately[0] == changes and lately[1] > now:
            return lately[2]
        principal = self._proved(request)
        if len(self._lately) >= _LATELY_AT_MOST:
            self._lately.clear()
        self._lately[digest] = (changes, now + _LATELY_SECONDS, principal)
        return principal

    def _proved(self, request: Request) -> Principal:
        name, password = parsed(request.header("Authorization"))
        principal = self._devices.principal(name, password, self._credentials)
        if principal is not None:
            return principal
        if not self._account_passwords:
            raise SignInNeeded(
                say("Programs sign in with an app password here: {needs_one}", needs_one=_NEEDS_ONE)
            )
        principal = self._credentials.check(name, password, request.client_address)
        # Said to nobody but who knows the password: it tells what is missing.
        if self._second.is_needed(principal.name):
            raise SignInNeeded(
                say("This account needs an app password here: {needs_one}", needs_one=_NEEDS_ONE)
            )
        return principal

    def claimed(self, request: Request) -> str:
        """The name in a header field that was refused, for a log."""
        try:
            return self._credentials.known(parsed(request.header("Authorization"))[0])
        except SignInNeeded:
            return ""


def parsed(authorization: str) -> tuple[str, str]:
    """Name and password of a Basic header, UTF-8 first (RFC 7617, 2). Raises SignInNeeded."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError(scheme)
        raw = base64.b64decode(encoded.strip(), validate=True)
    except (ValueError, binascii.Error):
        raise SignInNeeded("Sign in with a name and a password (Basic).") from None
    try:
        pair = raw.decode("utf-8")
    except UnicodeDecodeError:
        pair = raw.decode("latin-1")
    name, _, password = pair.partition(":")
    return name, password

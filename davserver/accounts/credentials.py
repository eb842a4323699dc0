"""Names and passwords, checked by argon2id once and then from a cache; failures slow down."""

import hashlib
import hmac
import ipaddress
import secrets
import threading
import time
from collections import OrderedDict
from functools import cached_property

from davserver.accounts import passwords
from davserver.errors import SignInNeeded, TooManyAttempts
from davserver.model import Principal
from davserver.providers.users import User, Users

FREE_FAILURES = 5
LONGEST_WAIT = 900
_VERIFIED_SECONDS = 300
_VERIFIED_AT_MOST = 4096
# A removed user or a changed password takes effect in every process within this time.
_USER_SECONDS = 2


class Credentials:
    """Checks who somebody is. Safe for threads."""

    def __init__(self, users: Users) -> None:
        self._users = users
        self._cache_key = secrets.token_bytes(32)
        self._verified: OrderedDict[bytes, float] = OrderedDict()
        self._known: dict[str, tuple[float, User | None]] = {}
        self._lock = threading.Lock()
        self._one_at_a_time = [threading.Lock() for _ in range(16)]

    def check(self, name: str, password: str, address: str) -> Principal:
        """The principal that ``name`` and ``password`` prove.

        Raises SignInNeeded if they prove nothing, TooManyAttempts while failures from ``address``
        for this name slow it down. What was verified a short while ago costs no hash.
        """
        user = self.user(name)
        digest = self._digest(name, password, user.password_hash if user else "")
        if user is not None and self._is_verified(digest):
            return principal_of(user)
        # A drive opens many connections at once; one of them pays for the hash.
        with self._one_at_a_time[digest[0] % len(self._one_at_a_time)]:
            if user is not None and self._is_verified(digest):
                return principal_of(user)
            return self._verify(name, password, user, digest, f"{name[:64]}@{_network(address)}")

    def _verify(
        self, name: str, password: str, user: User | None, digest: bytes, attempt: str
    ) -> Principal:
        """``check`` by the hash; ``attempt`` is whose failures count."""
        self._wait_your_turn(attempt)
        password_hash = user.password_hash if user else self._nobody
        if not passwords.matches(password_hash, password) or not user:
            self._users.note_failure(attempt)
            raise SignInNeeded("The name or the password is wrong.")
        if self._users.failures(attempt)[0]:
            self._users.forget_failures(attempt)
        if passwords.is_outdated(user.password_hash):
            self._users.set_password_hash(name, passwords.hashed(password))
        self._remember(digest)
        return principal_of(user)

    @cached_property
    def _nobody(self) -> str:
        """A hash of nothing: an unknown name takes as long to refuse as a known one."""
        return passwords.hashed(secrets.token_hex(16))

    def user(self, name: str) -> User | None:
        """The user called ``name``, as of at most two seconds ago."""
        now = time.monotonic()
        found = self._known.get(name)
        if found is None or found[0] < now:
            if len(self._known) > _VERIFIED_AT_MOST:
                self._known.clear()
            found = self._known[name] = (now + _USER_SECONDS, self._users.find(name))
        return found[1]

    def known(self, name: str) -> str:
        """``name`` for a log: only a user's, since a password may be typed in its place."""
        return name if self.user(name) else "(unknown)"

    def _digest(self, name: str, password: str, password_hash: str) -> bytes:
        text = "\0".join((name, password, password_hash)).encode("utf-8", "surrogatepass")
        return hmac.new(self._cache_key, text, hashlib.sha256).digest()

    def _is_verified(self, digest: bytes) -> bool:
        return self._verified.get(digest, 0.0) > time.monotonic()

    def _remember(self, digest: bytes) -> None:
        with self._lock:
            self._verified[digest] = time.monotonic() + _VERIFIED_SECONDS
            while len(self._verified) > _VERIFIED_AT_MOST:
                self._verified.popitem(last=False)

    def _wait_your_turn(self, attempt: str) -> None:
        failures, last = self._users.failures(attempt)
        if failures < FREE_FAILURES:
            return
        wait = last + min(2.0 ** (failures - FREE_FAILURES), LONGEST_WAIT) - time.time()
        if wait > 0:
            raise TooManyAttempts(max(1, round(wait)))


def principal_of(user: User) -> Principal:
    """The user as somebody who asks."""
    return Principal(user.name, is_administrator=user.is_administrator)


def _network(address: str) -> str:
    """The part of an address that one client owns: all of IPv4, a /64 of IPv6."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if ip.version == 4:
        return str(ip)
    return str(ipaddress.ip_network((ip, 64), strict=False))

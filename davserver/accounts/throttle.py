"""How failed sign-ins slow down the next ones, and whose they do not.

Three counts, each with its own patience: of a name from a network, of a network over all names
(who tries one password on everybody), of a name over all networks (who tries from everywhere).
Nobody is kept out by what others do: a browser that signed in before has a count of its own (the
device cookie of OWASP's "Slow Down Online Guessing Attacks with Device Cookies"), and a name that
signed in from a network lately is not asked for the two wide counts.
"""

import hashlib
import ipaddress
import math
import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from zlib import crc32

from davserver.accounts import cookies
from davserver.errors import TooManyAttempts
from davserver.providers.failures import Failures
from davserver.tokens import TokenNotValid, Tokens
from davserver.web import Request

FREE_FAILURES = 5
MAX_REFUSED = 100
LONGEST_WAIT = 900
KNOWN_SECONDS = 24 * 3600
DEVICE_COOKIE = "davserver-device"
_DEVICE_SECONDS = 180 * 24 * 3600
_NOTED_AGAIN = 3600
_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Patience:
    """``failures`` are free at once; each is forgotten after ``seconds``."""

    failures: int
    seconds: float


OF_NETWORK = Patience(60, 30)
OF_NAME = Patience(30, 120)


@dataclass(frozen=True, slots=True)
class Attempt:
    """Somebody tries to be ``name``; ``device`` names the browser, if it signed in before."""

    name: str
    address: str
    device: str = ""

    @property
    def _who(self) -> str:
        # Not the name itself: people type a password in its place.
        named = self.name.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(named, digest_size=16).hexdigest()

    @property
    def key(self) -> str:
        """What failures are counted for by themselves."""
        if self.device:
            return f"device {self.device}"
        return f"pair {self._who}@{network_of(self.address)}"

    @property
    def number(self) -> int:
        """The same for all that are counted together."""
        return crc32(self.key.encode("utf-8", "surrogatepass"))

    @property
    def known(self) -> str:
        """The row of a name that signed in from this network."""
        return f"known {self._who}@{network_of(self.address)}"

    @property
    def wide(self) -> dict[str, Patience]:
        """The counts that are shared with others."""
        if self.device:
            return {}
        return {
            f"network {network_of(self.address)}": OF_NETWORK,
            f"name {self._who}": OF_NAME,
        }


class Throttle:
    """Failures are counted in the catalog, for all processes; each counts whom it refused itself.

    Safe for threads.
    """

    def __init__(self, failures: Failures) -> None:
        self._failures = failures
        self._refused: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, attempt: Attempt) -> None:
        """Raise TooManyAttempts if ``attempt`` has to wait."""
        wide = attempt.wide
        rows = self._failures.of(attempt.key, attempt.known, *wide)
        now = time.time()
        count, last = rows.get(attempt.key, (0, 0.0))
        waits = [last + _wait_after(count) - now]
        if rows.get(attempt.known, (0, 0.0))[1] < now - KNOWN_SECONDS:
            for key, patience in wide.items():
                full = rows.get(key, (0, 0.0))[1] - now
                waits.append(full - (patience.failures - 1) * patience.seconds)
        if max(waits) > 0:
            self._count_refused(attempt.key)
            raise TooManyAttempts(min(math.ceil(max(waits)), LONGEST_WAIT))

    def is_besieged(self, attempt: Attempt) -> bool:
        """Whether so many tries had to wait that what was verified before has to wait, too.

        Who guesses on meanwhile would find the password by the one answer that is not 429.
        """
        return bool(self._refused) and self._refused.get(attempt.key, 0) >= MAX_REFUSED

    def begin(self, key: str) -> None:
        """Count a try of ``key`` as failed until it is forgotten, for what takes no time to try.

        Raises TooManyAttempts if it comes too early: tries at once are tries one after another.
        """
        wait = self._failures.try_again(key, _wait_after)
        if wait > 0:
            raise TooManyAttempts(math.ceil(wait))

    def forget(self, key: str) -> None:
        """What ``begin`` counted did not fail."""
        self._failures.forget(key)

    def failed(self, attempt: Attempt) -> None:
        """Count a failure."""
        wide = {key: (one.seconds, one.failures) for key, one in attempt.wide.items()}
        self._failures.note(attempt.key, wide)

    def succeeded(self, attempt: Attempt) -> None:
        """Forget this name's failures from here; what others share stays counted."""
        with self._lock:
            self._refused.pop(attempt.key, None)
        rows = self._failures.of(attempt.key, attempt.known)
        noted = rows.get(attempt.known, (0, 0.0))[1]
        if attempt.key in rows or noted < time.time() - _NOTED_AGAIN:
            self._failures.replace([attempt.key], attempt.known)

    def _count_refused(self, key: str) -> None:
        with self._lock:
            self._refused[key] = self._refused.get(key, 0) + 1
            self._refused.move_to_end(key)
            if len(self._refused) > _REMEMBERED:
                self._refused.popitem(last=False)


class Devices:
    """The cookie of browsers that signed in; it lets nobody in, and gives a count of its own."""

    def __init__(self, secret: bytes) -> None:
        self._tokens = Tokens(secret, "device")

    def of(self, request: Request, name: str) -> str:
        """What names the browser, if ``name`` signed in with it before; else empty."""
        token = cookies.read(request, DEVICE_COOKIE)
        if not token:
            return ""
        try:
            claims = self._tokens.read(token)
        except TokenNotValid:
            return ""
        return str(claims.get("jti", "")) if claims.get("sub") == name else ""

    def cookie(self, request: Request, name: str) -> str:
        """The Set-Cookie for a browser that ``name`` just signed in with."""
        device = self.of(request, name) or secrets.token_hex(16)
        token = self._tokens.issue({"sub": name, "jti": device}, _DEVICE_SECONDS)
        return cookies.made(request, DEVICE_COOKIE, token, _DEVICE_SECONDS)


def _wait_after(failures: int) -> float:
    """Seconds until the next try after so many failures: longer with each."""
    if failures < FREE_FAILURES:
        return 0.0
    return float(min(2 ** min(failures - FREE_FAILURES, 20), LONGEST_WAIT))


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """The part of an address that one client owns: all of IPv4, a /64 of IPv6."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address[:43]
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)

"""What passwords proved a short while ago. Holds no password, and nothing after a restart."""

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from typing import Generic, TypeVar

VERIFIED_SECONDS = 300
_AT_MOST = 10_000

_Proved = TypeVar("_Proved")


class Verified(Generic[_Proved]):
    """Keeps what was proved by its digest for ``VERIFIED_SECONDS``. Safe for threads."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._kept: OrderedDict[bytes, tuple[float, _Proved]] = OrderedDict()
        self._lock = threading.Lock()
        self._one_at_a_time = [threading.Lock() for _ in range(64)]

    def digest(self, *words: str) -> bytes:
        """What stands for everything that a proof depends on."""
        # As a repr, no words can pass for others that are divided elsewhere.
        text = repr(words).encode("utf-8", "surrogatepass")
        return hmac.new(self._key, text, hashlib.sha256).digest()

    def get(self, digest: bytes) -> _Proved | None:
        """What ``digest`` proved, if that was a short while ago."""
        kept = self._kept.get(digest)
        return kept[1] if kept is not None and kept[0] > time.monotonic() else None

    def was_proved(self, digest: bytes) -> bool:
        """Whether ``digest`` proved anything, if a while ago."""
        return digest in self._kept

    def keep(self, digest: bytes, proved: _Proved) -> None:
        """Remember what ``digest`` proves now."""
        with self._lock:
            self._kept[digest] = time.monotonic() + VERIFIED_SECONDS, proved
            self._kept.move_to_end(digest)
            while len(self._kept) > _AT_MOST:
                self._kept.popitem(last=False)

    def one_at_a_time(self, number: int) -> threading.Lock:
        """Held while something is proved: who tries by many connections waits for each try."""
        return self._one_at_a_time[number % len(self._one_at_a_time)]

"""Users in a file, as Apache's htpasswd writes it. Read anew when it changes."""

from pathlib import Path

import structlog
from passlib.context import CryptContext

from davserver.errors import Unavailable
from davserver.model import Outside
from davserver.words import say

MAX_BYTES = 16 << 20

# What htpasswd makes: -B, -m, -s, -d, and -2, -5. Plain text (-p) is not among them.
_hashes = CryptContext(
    [
        "bcrypt",
        "apr_md5_crypt",
        "ldap_sha1",
        "sha256_crypt",
        "sha512_crypt",
        "md5_crypt",
        "des_crypt",
    ]
)
_Signature = tuple[int, int, int]
_log = structlog.get_logger("davserver.accounts")


class Htpasswd:
    """The users in ``file``: a line ``name:hash`` for each."""

    name = "htpasswd"

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read: tuple[_Signature, dict[str, str]] | None = None

    def verify(self, name: str, password: str) -> Outside | None:
        """Source.verify: by the hash in the file. bcrypt takes 72 bytes; longer is wrong."""
        encoded = self._hashes().get(name)
        if encoded is None:
            return None
        if _hashes.identify(encoded) is None:
            _log.warning("htpasswd: not a hash, or of an unknown kind; refused", user=name)
            return None
        try:
            right = _hashes.verify(password, encoded)
        except ValueError:
            # The hash is broken, or the password one that its kind cannot take.
            return None
        return Outside(name) if right else None

    def look_up(self, name: str) -> Outside | None:
        """Source.look_up."""
        return Outside(name) if name in self._hashes() else None

    def _hashes(self) -> dict[str, str]:
        """The hashes by name, as the file is now."""
        try:
            found = self._file.stat()
            signature = (found.st_ino, found.st_size, found.st_mtime_ns)
            if self._read is not None and self._read[0] == signature:
                return self._read[1]
            if found.st_size > MAX_BYTES:
                raise Unavailable(say("The file of users is too large."))
            text = self._file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as fault:
            raise Unavailable(say("The file of users cannot be read.")) from fault
        hashes = {}
        for line in text.splitlines():
            name, colon, encoded = line.strip().partition(":")
            if colon and not name.startswith("#"):
                # Some programs write more fields behind the hash.
                hashes[name] = encoded.partition(":")[0]
        self._read = signature, hashes
        return hashes

"""What administrators chose on the page: a file in the state folder, the weakest of all sources.

Knows keys and values, not what they mean: ``settings`` checks these like all others. The shared
secret is in the same file, so that no crash leaves an address with the secret of another server.
"""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from davserver.errors import SettingsWrong

KEYS = frozenset(
    {
        *("document_server", "document_server_internal", "internal_url", "jwt_secret"),
        *("document_server_ca", "document_server_verify", "jwt_header", "jwt_prefix"),
        *("jwt_seconds", "jwt_leeway_seconds", "edit_formats", "open_in", "co_editing"),
        *("live_view_for_guests", "macros_for_guests", "save_minutes", "conflict"),
        *("new_format", "editor_language", "customization"),
    }
)
"""What may be in it."""
_NAME = "settings.json"
_MAX_BYTES = 1 << 20


class KeptSettings:
    """The file in the folder ``state``; only its owner reads it."""

    def __init__(self, state: Path) -> None:
        self.file = state / _NAME

    def read(self) -> dict[str, Any]:
        """Keys and values; none where nothing is kept. Raises SettingsWrong."""
        try:
            with self.file.open("rb") as reading:
                values = json.loads(reading.read(_MAX_BYTES))
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except (OSError, ValueError) as fault:
            raise SettingsWrong(f"{self.file}: {fault}") from None
        if not isinstance(values, dict):
            raise SettingsWrong(f"{self.file}: there is no table of settings in it")
        for key in values:
            if key not in KEYS:
                raise SettingsWrong(f"{self.file}: the page keeps no key {key!r}; take it out")
        return values

    def keep(self, values: Mapping[str, Any]) -> None:
        """Have ``values`` in place of what was kept, as a whole or not at all."""
        unfinished = self.file.with_name(f"{_NAME}.{secrets.token_hex(8)}")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as writing:
                json.dump(values, writing, indent=2, sort_keys=True)
                writing.flush()
                os.fsync(writing.fileno())
            unfinished.rename(self.file)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        folder = os.open(self.file.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @property
    def stamp(self) -> str:
        """Another one after each ``keep``; it tells nothing of the content."""
        try:
            about = self.file.stat()
        except (FileNotFoundError, NotADirectoryError):
            return "none"
        return f"{about.st_ino}-{about.st_mtime_ns}"

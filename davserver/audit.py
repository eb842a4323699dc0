"""The audit log: one JSON line for each event, appended and never changed. Knows no HTTP.

Any number of processes write at once: a line is one write to a file opened with O_APPEND, and
files are rotated under a lock. What is written here is read by people and programs that look for
what happened; ``davserver.logs`` is about the health of the server.
"""

import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import structlog

FOLDER = "audit"

_CURRENT = "audit.jsonl"
_ROTATED = "audit-*.jsonl"
_FILE_BYTES = 8 << 20
_DAY = 24 * 3600
# With ASCII escapes a character takes 12 bytes at most, so a line has a bound.
_LONGEST = {"path": 1500, "target": 1500}
_LONGEST_OTHER = 160

_log = structlog.get_logger("davserver.audit")


class Event(StrEnum):
    """What can happen."""

    SIGNED_IN = "signed in"
    SIGN_IN_REFUSED = "sign-in refused"
    SIGNED_OUT = "signed out"
    REFUSED = "refused"
    READ = "read"
    CREATED = "created"
    CHANGED = "changed"
    DELETED = "deleted"
    PURGED = "deleted for good"
    MOVED = "moved"
    COPIED = "copied"
    RESTORED = "restored from the trash"
    VERSION_RESTORED = "version restored"
    VERSION_NAMED = "version named"
    PROPERTIES_CHANGED = "properties changed"
    EDIT_OPENED = "edit session opened"
    EDIT_SAVED = "saved from the editor"
    SHARED = "shared"
    MENTIONED = "mentioned"
    SHARING_ENDED = "sharing ended"
    LOCK_BROKEN = "lock broken"
    EDITOR_LINK = "editor link made"
    SESSION_ENDED = "edit session ended"
    ADMINISTERED = "administration"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines somebody asks for; what is empty matches all. ``path`` takes what is below too.

    ``since`` is in seconds since 1970.
    """

    since: float = 0.0
    user: str = ""
    event: str = ""
    path: str = ""

    def matches(self, line: dict[str, Any]) -> bool:
        """Whether ``line`` is asked for."""
        return (
            (not self.user or line.get("user") == self.user)
            and (not self.event or line.get("event") == self.event)
            and (not self.path or any(self._is_below(line.get(key)) for key in ("path", "target")))
            and (not self.since or str(line.get("time", "")) >= timestamp(self.since))
        )

    def _is_below(self, path: object) -> bool:
        top = "/" + self.path.strip("/")
        return isinstance(path, str) and (path == top or path.startswith(top.rstrip("/") + "/"))


class Audit:
    """The log in ``folder``, bounded to ``max_bytes`` in all and to ``days``. Safe for threads."""

    def __init__(self, folder: Path, days: int, max_bytes: int) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._days = days
        self._max_bytes = max_bytes
        self._file_bytes = min(_FILE_BYTES, max(max_bytes // 4, 1))
        self._current = folder / _CURRENT
        self._guard = threading.Lock()
        self._descriptor = -1

    def note(self, event: str, **details: object) -> None:
        """Write down ``event``; details that are empty are left out.

        An event that cannot be written does not undo what has happened: it is told in the server's
        log.
        """
        line = line_of(event, details)
        try:
            with self._guard:
                self._open()
                os.write(self._descriptor, line)
                size = os.lseek(self._descriptor, 0, os.SEEK_CUR)
            if size >= self._file_bytes:
                self._rotate(older_than=None)
        except OSError as fault:
            _log.error("an event could not be written down", event_name=event, fault=str(fault))

    def tidy(self) -> None:
        """Begin a new file each day, and remove the files that are too old or too much."""
        self._rotate(older_than=_DAY)
        with self._alone():
            files = sorted(self._folder.glob(_ROTATED))
            before = time.time() - self._days * _DAY
            room = self._max_bytes - self._file_bytes
            for file in reversed(files):
                about = file.stat()
                room -= about.st_size
                if room < 0 or about.st_mtime < before:
                    file.unlink()

    def newest(self, wanted: Wanted = Wanted()) -> Iterator[dict[str, Any]]:
        """The lines that are ``wanted``, the newest first; one file is in memory at a time."""
        for file in reversed(self._files()):
            yield from filter(wanted.matches, map(_parsed, reversed(_lines(file))))

    def oldest(self, wanted: Wanted = Wanted()) -> Iterator[dict[str, Any]]:
        """The lines that are ``wanted``, the oldest first."""
        for file in self._files():
            yield from filter(wanted.matches, map(_parsed, _lines(file)))

    def close(self) -> None:
        """Let go of the file."""
        with self._guard:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1

    def _files(self) -> list[Path]:
        return [*sorted(self._folder.glob(_ROTATED)), self._current]

    def _open(self) -> None:
        """Have the current file open, which another process may have rotated away."""
        if self._descriptor >= 0:
            try:
                if os.stat(self._current).st_ino == os.fstat(self._descriptor).st_ino:
                    return
            except FileNotFoundError:
                pass
            os.close(self._descriptor)
            self._descriptor = -1
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(self._current, flags, 0o600)

    def _rotate(self, older_than: float | None) -> None:
        """Put the current file aside if it is full, or if its first line is too old."""
        with self._alone():
            if not self._current.exists():
                return
            if older_than is None:
                is_due = self._current.stat().st_size >= self._file_bytes
            else:
                is_due = _first_time(self._current) < timestamp(time.time() - older_than)
            if is_due:
                name = f"audit-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.jsonl"
                self._current.rename(self._folder / name)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        descriptor = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def line_of(event: str, details: dict[str, object]) -> bytes:
    """One event as JSON in ASCII, with its end: nothing in a name can look like another line."""
    fields: dict[str, object] = {"time": timestamp(time.time()), "event": str(event)}
    for key, value in details.items():
        if value not in ("", None):
            fields[key] = value if isinstance(value, int) else _cut(key, str(value))
    return json.dumps(fields).encode("ascii") + b"\n"


def timestamp(seconds: float) -> str:
    """A time as lines have it: UTC, and it sorts."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def _cut(key: str, text: str) -> str:
    longest = _LONGEST.get(key, _LONGEST_OTHER)
    return text if len(text) <= longest else text[:longest] + "…"


def _lines(file: Path) -> list[bytes]:
    try:
        return file.read_bytes().splitlines()
    except FileNotFoundError:
        return []  # rotated or removed since it was listed


def _parsed(line: bytes) -> dict[str, Any]:
    """A line's fields; a line that a full disk cut short is told as it is."""
    try:
        fields = json.loads(line)
    except ValueError:
        fields = None
    return fields if isinstance(fields, dict) else {"event": "unreadable", "line": repr(line[:200])}


def _first_time(file: Path) -> str:
    with file.open("rb") as reading:
        first = reading.readline(1 << 16)
    return str(_parsed(first).get("time", "")) if first else timestamp(time.time())

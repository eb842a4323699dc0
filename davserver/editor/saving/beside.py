"""Saves that must not go over a file go beside it, under a name that says why, by whom and when."""

from datetime import datetime

from davserver import paths
from davserver.errors import Conflict, FileLocked, ParentMissing, Unavailable
from davserver.model import Origin, Writer
from davserver.providers.files import VersionedFiles, absent
from davserver.providers.saves import Reason
from davserver.providers.stores import Spool

_ATTEMPTS = 100


def place_beside(
    files: VersionedFiles,
    spool: Spool,
    near: str,
    extension: str,
    reason: Reason,
    author: str,
    callback_id: int,
) -> str:
    """Store the spooled bytes as a new file near ``near``; its path.

    Where that folder is gone or locked, the nearest one above takes it.
    """
    writer = Writer("", author=author, origin=Origin.EDITOR)
    now = datetime.now().astimezone()
    for folder in paths.ancestors(near):
        for attempt in range(1, _ATTEMPTS):
            name = name_beside(paths.name(near), extension, reason, author, now, attempt)
            path = paths.join(folder, name)
            try:
                files.commit(path, spool, writer, condition=absent, callback_id=callback_id)
            except (FileLocked, ParentMissing):
                break
            except Conflict:
                continue
            return path
    raise Unavailable("There is no folder that could take a save.")


def name_beside(
    name: str, extension: str, reason: Reason, author: str, when: datetime, attempt: int
) -> str:
    """For "a.docx": "a (conflict, Ann, 2026-11-23 14.05).docx", numbered from the second on."""
    stem = name.rpartition(".")[0] or name
    who = "".join(char for char in author if char.isalnum() or char in " ._-").strip()[:40]
    words = [reason.value, *([who] if who else []), f"{when:%Y-%m-%d %H.%M}"]
    if attempt > 1:
        words.append(str(attempt))
    ending = f" ({', '.join(words)}).{extension}"
    room = paths.MAX_NAME_BYTES - len(ending.encode())
    return stem.encode("utf-8", "replace")[:room].decode("utf-8", "ignore") + ending

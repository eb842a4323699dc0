"""New files that take the place of nothing: "plan.pdf", or "plan (2).pdf" where that is taken."""

from collections.abc import Iterator

from davserver import paths
from davserver.errors import Conflict
from davserver.model import Writer
from davserver.providers.files import VersionedFiles, absent
from davserver.providers.stores import Spool
from davserver.words import say

_ATTEMPTS = 1000


def free_path(files: VersionedFiles, path: str) -> str | None:
    """``path``, or the first numbered one that is free; None if a thousand are taken."""
    return next(_free(files, path), None)


def place_new(files: VersionedFiles, path: str, spool: Spool, writer: Writer) -> str:
    """Store the spooled bytes at ``path``, numbered if it is taken; where they are.

    Raises what ``VersionedFiles.commit`` raises, Conflict if a thousand names are taken.
    """
    for free in _free(files, path):
        try:
            files.commit(free, spool, writer, condition=absent)
        except Conflict:
            if files.find(free) is None:
                raise
            continue  # somebody was faster
        return free
    raise Conflict(say("There are too many files of this name."))


def _free(files: VersionedFiles, path: str) -> Iterator[str]:
    return (one for one in _numbered(path) if files.find(one) is None)


def _numbered(path: str) -> Iterator[str]:
    yield path
    folder, name = paths.parent(path), paths.name(path)
    for number in range(2, _ATTEMPTS + 1):
        yield paths.join(folder, paths.with_words(name, f" ({number})"))

"""The journal of changes: which name was made, changed, moved or deleted, in order.

Functions over an open transaction: a change is written in the one that books it, so that readers in
every process see both or neither. What other programs do in the folder is not here.
"""

import time
from collections.abc import Iterator

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select

from davserver import paths
from davserver.model import Change, ChangeKind
from davserver.providers.catalog import Catalog
from davserver.providers.tables import changes

MAX_KEPT = 200_000
KEPT_SECONDS = 90 * 24 * 3600

_RECORD = insert(changes)
_BOUNDS = select(func.min(changes.c.id), func.max(changes.c.id))
_SINCE = (
    select(changes)
    .where(
        changes.c.id > bindparam("number"),
        or_(
            changes.c.path.between(bindparam("first"), bindparam("end")),
            changes.c.source.between(bindparam("first"), bindparam("end")),
        ),
    )
    .order_by(changes.c.id)
)

_REPLACED = (
    select(changes.c.id)
    .where(
        changes.c.id > bindparam("number"),
        changes.c.kind != ChangeKind.CHANGED.value,
        changes.c.path.in_(bindparam("names", expanding=True))
        | changes.c.source.in_(bindparam("names", expanding=True)),
    )
    .limit(1)
)


def record(
    connection: Connection,
    kind: ChangeKind,
    path: str,
    source: str = "",
    *,
    is_folder: bool = False,
) -> None:
    """Write a change down; the caller's transaction does what it tells of."""
    values = {
        "kind": kind.value,
        "path": paths.key(path),
        "source": paths.key(source) if source else "",
        "is_folder": is_folder,
        "made": time.time(),
    }
    connection.execute(_RECORD, values)


class Changes:
    """The changes of one root, for rooms that hold no transaction."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def latest(self) -> int:
        """The number of the newest change; 0 if there never was one."""
        with self._catalog.reading() as connection:
            return connection.execute(_BOUNDS).one()[1] or 0

    def reach_back_to(self, number: int) -> bool:
        """Whether every change after ``number`` is still known."""
        with self._catalog.reading() as connection:
            oldest, latest = connection.execute(_BOUNDS).one()
        return (oldest or 1) - 1 <= number <= (latest or 0)

    def have_replaced(self, folder: str, number: int) -> bool:
        """Whether ``folder``, or one above it, came to its name after ``number``."""
        names = [paths.key(path) for path in (folder, *paths.ancestors(folder))]
        with self._catalog.reading() as connection:
            bounds = {"number": number, "names": names}
            return connection.execute(_REPLACED, bounds).first() is not None

    def since(self, number: int, folder: str) -> Iterator[Change]:
        """The changes after ``number`` of names below ``folder``, oldest first."""
        # "0" follows "/" in ASCII: everything below the folder is one range.
        stem = "" if folder == paths.ROOT else paths.key(folder)
        bounds = {"number": number, "first": stem + "/", "end": stem + "0"}
        with self._catalog.reading() as connection:
            for row in connection.execute(_SINCE, bounds):
                source = paths.path_of_key(row.source) if row.source else ""
                path = paths.path_of_key(row.path)
                yield Change(row.id, ChangeKind(row.kind), path, source, row.is_folder)

    def prune(self) -> int:
        """Forget changes that are old or too many; tell how many.

        The newest stays: its number must not be given again.
        """
        of_old = select(func.max(changes.c.id)).where(changes.c.made < time.time() - KEPT_SECONDS)
        with self._catalog.writing() as connection:
            latest = connection.execute(_BOUNDS).one()[1] or 0
            last = max(connection.scalar(of_old) or 0, latest - MAX_KEPT)
            these = changes.c.id <= min(last, latest - 1)
            return connection.execute(delete(changes).where(these)).rowcount

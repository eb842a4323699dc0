"""Failed sign-ins in the catalog, bounded. What they mean is ``accounts.throttle``'s business."""

import time
from collections.abc import Callable, Iterable, Mapping

from sqlalchemy import (
    BindParameter,
    Connection,
    bindparam,
    case,
    delete,
    func,
    insert,
    select,
    update,
)

from davserver.providers.catalog import Catalog
from davserver.providers.tables import sign_in_failures as table

MAX_ROWS = 50_000

_FOUND = select(table).where(table.c.key.in_(bindparam("keys", expanding=True)))
_THIS = table.c.key == bindparam("this")
_NOW: BindParameter[float] = bindparam("now")
_FULL: BindParameter[float] = bindparam("full")
_LATER = case((table.c.last > _NOW, table.c.last), else_=_NOW) + bindparam("seconds")
_COUNT = update(table).where(_THIS).values(failures=table.c.failures + 1, last=_NOW)
_FILL = (
    update(table)
    .where(_THIS)
    .values(failures=table.c.failures + 1, last=case((_LATER > _FULL, _FULL), else_=_LATER))
)
_OLDEST = select(table.c.key).order_by(table.c.last).limit(MAX_ROWS // 10)


class Failures:
    """A row for each key: how many failures, and a time."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def of(self, *keys: str) -> dict[str, tuple[int, float]]:
        """Count and time of every key that has a row."""
        with self._catalog.reading() as connection:
            rows = connection.execute(_FOUND, {"keys": keys})
            return {row.key: (row.failures, row.last) for row in rows}

    def note(self, key: str, buckets: Mapping[str, tuple[float, int]]) -> None:
        """Count a failure of ``key``, whose time is that of the last one.

        Each of ``buckets`` is a key with the seconds in which one failure is forgotten, and how
        many it holds; its time is when all of them are forgotten.
        """
        now = time.time()
        with self._catalog.writing() as connection:
            if not connection.execute(_COUNT, {"this": key, "now": now}).rowcount:
                self._make_room(connection)
                connection.execute(insert(table).values(key=key, failures=1, last=now))
            for bucket, (seconds, most) in buckets.items():
                full = now + most * seconds
                values = {"this": bucket, "now": now, "seconds": seconds, "full": full}
                if not connection.execute(_FILL, values).rowcount:
                    self._make_room(connection)
                    row = {"key": bucket, "failures": 1, "last": now + seconds}
                    connection.execute(insert(table).values(row))

    def try_again(self, key: str, wait_after: Callable[[int], float]) -> float:
        """Count a try as failed; or seconds to wait, if it comes too early.

        ``wait_after`` tells the wait after so many failures.
        """
        now = time.time()
        with self._catalog.writing() as connection:
            row = connection.execute(_FOUND, {"keys": [key]}).first()
            wait = row.last + wait_after(row.failures) - now if row else 0.0
            if wait > 0:
                return float(wait)
            if not connection.execute(_COUNT, {"this": key, "now": now}).rowcount:
                self._make_room(connection)
                connection.execute(insert(table).values(key=key, failures=1, last=now))
            return 0.0

    def forget(self, key: str) -> None:
        """Forget the failures of ``key``."""
        with self._catalog.writing() as connection:
            connection.execute(delete(table).where(table.c.key == key))

    def replace(self, forgotten: Iterable[str], known: str) -> None:
        """Forget the failures of some keys, and remember the time at ``known``."""
        with self._catalog.writing() as connection:
            connection.execute(delete(table).where(table.c.key.in_([*forgotten, known])))
            self._make_room(connection)
            connection.execute(insert(table).values(key=known, failures=0, last=time.time()))

    def forget_older_than(self, seconds: float) -> None:
        """Forget what was so long ago."""
        with self._catalog.writing() as connection:
            connection.execute(delete(table).where(table.c.last < time.time() - seconds))

    def _make_room(self, connection: Connection) -> None:
        """Who makes up names cannot make the table grow: the oldest rows go."""
        if (connection.scalar(select(func.count()).select_from(table)) or 0) >= MAX_ROWS:
            connection.execute(delete(table).where(table.c.key.in_(_OLDEST)))

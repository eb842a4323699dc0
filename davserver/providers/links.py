"""Links in the catalog: what they are on, and what they permit.

A link hangs on the identity of a file or folder. It follows it wherever it is moved, is dead while
it lies in the trash, and gone when it is gone for good.
"""

import secrets
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, bindparam, delete, func, insert, or_, select, update

from davserver import paths
from davserver.errors import Forbidden, NotFound
from davserver.model import GuestNames, Link, Right, Role
from davserver.providers import identities
from davserver.providers.catalog import Catalog
from davserver.providers.stores import FileStore
from davserver.providers.tables import links, resources
from davserver.words import say

MAX_ON_ONE = 100
"""Links on one file or folder."""
ID_LENGTH = 12

_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
_SELECT = select(links, resources.c.path).join(resources)
_ONE = _SELECT.where(links.c.id == bindparam("id"))
_COUNT = (
    update(links)
    .where(
        links.c.id == bindparam("this"),
        or_(links.c.max_downloads.is_(None), links.c.downloads < links.c.max_downloads),
    )
    .values(downloads=links.c.downloads + 1)
)


class Links:
    """The links of one root. What one process changes, all see with their next question."""

    def __init__(self, store: FileStore, catalog: Catalog) -> None:
        self._store = store
        self._catalog = catalog

    def find(self, identity: str) -> Link | None:
        """The link with this id, if there is still something that it leads to."""
        with self._catalog.reading() as connection:
            row = connection.execute(_ONE, {"id": identity}).first()
        link = _link(row) if row else None
        return None if link is None or paths.is_ours(link.path) else link

    def on(self, path: str) -> list[Link]:
        """Those on ``path`` itself, the newest first."""
        return self._select(resources.c.path == paths.key(path))

    def by(self, name: str) -> list[Link]:
        """Those that a user made and that lead somewhere, the newest first."""
        return self._living(self._select(links.c.made_by == name))

    def all(self) -> list[Link]:
        """Every link that leads somewhere."""
        return self._living(self._select(links.c.id != ""))

    def make(self, link: Link) -> Link:
        """Add a link; its id and the time are given here. Raises NotFound, Forbidden."""
        entry = self._store.find(link.path)
        if entry is None:
            raise NotFound(link.path)
        identity = "".join(secrets.choice(_ALPHABET) for _ in range(ID_LENGTH))
        with self._catalog.writing() as connection:
            resource_id = identities.identify(connection, link.path, entry.modified_ns)
            here = select(func.count()).where(links.c.resource_id == resource_id)
            if (connection.scalar(here) or 0) >= MAX_ON_ONE:
                raise Forbidden(
                    say(
                        "There are {max_on_one} links on this; revoke one first.",
                        max_on_one=MAX_ON_ONE,
                    )
                )
            connection.execute(
                insert(links).values(
                    id=identity,
                    resource_id=resource_id,
                    made_by=link.made_by,
                    made=time.time(),
                    downloads=0,
                    is_folder=entry.is_folder,
                    **_terms(link),
                )
            )
        made = self.find(identity)
        if made is None:
            raise NotFound(link.path)
        return made

    def change(self, link: Link) -> bool:
        """Set what the link with this id permits; False if it was revoked."""
        this = update(links).where(links.c.id == link.id).values(**_terms(link))
        with self._catalog.writing() as connection:
            return connection.execute(this).rowcount > 0

    def revoke(self, identity: str) -> bool:
        """Remove a link; False if there is none."""
        with self._catalog.writing() as connection:
            return connection.execute(delete(links).where(links.c.id == identity)).rowcount > 0

    def count_download(self, identity: str) -> bool:
        """Count a download; False if there may be no more, however many ask at once."""
        with self._catalog.writing() as connection:
            return connection.execute(_COUNT, {"this": identity}).rowcount > 0

    def _select(self, condition: ColumnElement[bool]) -> list[Link]:
        with self._catalog.reading() as connection:
            rows = connection.execute(_SELECT.where(condition).order_by(links.c.made.desc()))
            return [_link(row) for row in rows]

    def _living(self, found: Iterable[Link]) -> list[Link]:
        return [link for link in found if not paths.is_ours(link.path)]


def _terms(link: Link) -> dict[str, Any]:
    """The columns that may change."""
    return {
        "role": link.role.value,
        "without": " ".join(sorted(link.without)),
        "password_hash": link.password_hash,
        "expires": link.expires.timestamp() if link.expires else None,
        "max_downloads": link.max_downloads,
        "label": link.label,
        "guest_names": link.guest_names.value,
        "watermark": link.watermark,
    }


def _link(row: Row[Any]) -> Link:
    return Link(
        id=row.id,
        path=paths.path_of_key(row.path),
        is_folder=row.is_folder,
        made_by=row.made_by,
        made=datetime.fromtimestamp(row.made, UTC),
        role=Role(row.role),
        without=frozenset(map(Right, row.without.split())),
        password_hash=row.password_hash,
        expires=None if row.expires is None else datetime.fromtimestamp(row.expires, UTC),
        max_downloads=row.max_downloads,
        downloads=row.downloads,
        label=row.label,
        guest_names=GuestNames(row.guest_names),
        watermark=row.watermark,
    )

"""What people keep in mind of files: those they marked, and those they opened last."""

import time

from sqlalchemy import Column, delete, insert, select

from davserver import paths
from davserver.providers.catalog import Catalog
from davserver.providers.tables import favourites, openings, resources

KEPT = 30
"""So many files that somebody opened are known; the oldest go."""
MAX_FAVOURITES = 2000


class Marks:
    """The favourites and the recent files of every user."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def set_favourite(self, user: str, resource_id: str, *, is_favourite: bool) -> None:
        """Mark a file, or do so no longer; beyond ``MAX_FAVOURITES`` the oldest mark goes."""
        if is_favourite:
            self._put_first(favourites.c.made, user, resource_id, MAX_FAVOURITES)
            return
        this = (favourites.c.user == user) & (favourites.c.resource_id == resource_id)
        with self._catalog.writing() as connection:
            connection.execute(delete(favourites).where(this))

    def is_favourite(self, user: str, resource_id: str) -> bool:
        """Whether the user marked this file."""
        this = (favourites.c.user == user) & (favourites.c.resource_id == resource_id)
        with self._catalog.reading() as connection:
            return connection.execute(select(favourites.c.made).where(this)).first() is not None

    def favourites_in(self, user: str, folder: str) -> set[str]:
        """The paths of those directly in ``folder``."""
        marked = (
            select(resources.c.path)
            .join(favourites)
            .where(favourites.c.user == user, resources.c.parent == paths.key(folder))
        )
        with self._catalog.reading() as connection:
            return {paths.path_of_key(key) for key in connection.scalars(marked)}

    def opened(self, user: str, resource_id: str) -> None:
        """The user opened this file just now."""
        self._put_first(openings.c.opened, user, resource_id, KEPT)

    def recent(self, user: str) -> list[str]:
        """The paths of what the user opened, the last one first; nothing that is in the trash."""
        known = (
            select(resources.c.path)
            .join(openings)
            .where(openings.c.user == user)
            .order_by(openings.c.opened.desc())
        )
        with self._catalog.reading() as connection:
            found = [paths.path_of_key(key) for key in connection.scalars(known)]
        return [path for path in found if not paths.is_ours(path)]

    def _put_first(self, when: Column[float], user: str, resource_id: str, most: int) -> None:
        """A file becomes the user's newest by ``when``; the oldest go beyond ``most``."""
        table = when.table
        mine = table.c.user == user
        newest = select(table.c.resource_id).where(mine).order_by(when.desc()).limit(most)
        row = {"user": user, "resource_id": resource_id, when.name: time.time()}
        with self._catalog.writing() as connection:
            connection.execute(delete(table).where(mine, table.c.resource_id == resource_id))
            connection.execute(insert(table).values(row))
            connection.execute(delete(table).where(mine, table.c.resource_id.not_in(newest)))

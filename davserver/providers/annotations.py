"""What the catalog knows about resources in a listing: dead properties, locks, time of creation.

Two statements for a resource or a whole folder, whatever its size, both of one moment; most folders
have no rows at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from davserver import paths
from davserver.model import Lock
from davserver.providers import locks
from davserver.providers.catalog import Catalog
from davserver.providers.tables import properties, resources

_ABOUT = select(resources.c.path, resources.c.created, properties.c.name, properties.c.xml).join(
    properties, isouter=True
)
_OF_RESOURCE = _ABOUT.where(resources.c.path == bindparam("path"))
_WITH_MEMBERS = _ABOUT.where(
    (resources.c.path == bindparam("path")) | (resources.c.parent == bindparam("path"))
)


@dataclass(frozen=True, slots=True)
class Annotations:
    """Of one resource, or of a folder and its members; by path.

    ``deep_locks`` stand on the resource or above it, and protect everything in it.
    """

    properties: dict[str, dict[str, str]]
    created: dict[str, float]
    locks: dict[str, list[Lock]]
    deep_locks: list[Lock]
    catalog: Catalog

    def locks_on(self, path: str) -> Sequence[Lock]:
        """The live locks that protect ``path``."""
        own = self.locks.get(path, [])
        inherited = [lock for lock in self.deep_locks if lock.root != path]
        return inherited + own


def annotations(catalog: Catalog, path: str, *, members: bool) -> Annotations:
    """What is known about ``path`` and, with ``members``, about everything directly in it."""
    found = Annotations({}, {}, {}, [], catalog)
    with catalog.reading() as connection:
        about = _WITH_MEMBERS if members else _OF_RESOURCE
        for text, created, name, xml in connection.execute(about, {"path": paths.key(path)}):
            resource = paths.path_of_key(text)
            found.created[resource] = created
            if name is not None:
                found.properties.setdefault(resource, {})[name] = xml
        for lock in locks.covering(connection, path, members=members):
            found.locks.setdefault(lock.root, []).append(lock)
            if lock.deep and paths.is_within(path, lock.root):
                found.deep_locks.append(lock)
    return found

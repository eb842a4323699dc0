"""What the catalog knows about resources in a listing: dead properties, locks, time of creation.

A folder is answered from one read of its rows, all of one moment; most folders have no rows at all.
A folder with very many rows is read in batches beside its members, so that memory stays the same.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select

from davserver import paths
from davserver.model import Entry, Lock
from davserver.providers import locks
from davserver.providers.catalog import Catalog
from davserver.providers.tables import properties, resources

BATCH = 1000
"""Members that are answered at a time."""
MAX_ROWS = 4 * BATCH
"""Rows that are read at once for a folder; with more, the members ask batch by batch."""

_ABOUT = select(
    resources.c.path,
    resources.c.created,
    resources.c.owner,
    properties.c.name,
    properties.c.xml,
).join(properties, isouter=True)
_OF_RESOURCE = _ABOUT.where(resources.c.path == bindparam("path"))
_OF_MEMBERS = _ABOUT.where(
    (resources.c.path == bindparam("path")) | (resources.c.parent == bindparam("path"))
).limit(MAX_ROWS + 1)
_OF_BATCH = _ABOUT.where(
    resources.c.path.in_(select(func.json_each(bindparam("keys")).table_valued("value").c.value))
)


@dataclass(frozen=True, slots=True)
class Annotations:
    """Of one resource, or of a folder and its members; by path.

    ``deep_locks`` stand on the resource or above it, and protect everything in it. ``is_whole`` is
    False for a folder with more rows than are read at once.
    """

    properties: dict[str, dict[str, str]] = field(default_factory=dict)
    created: dict[str, float] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    locks: dict[str, list[Lock]] = field(default_factory=dict)
    deep_locks: list[Lock] = field(default_factory=list)
    is_whole: bool = True

    def locks_on(self, path: str) -> Sequence[Lock]:
        """The live locks that protect ``path``."""
        own = self.locks.get(path, [])
        inherited = [lock for lock in self.deep_locks if lock.root != path]
        return inherited + own


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a listing tells of; nothing else is read."""

    rows: bool = True
    locks: bool = True


def annotations(catalog: Catalog, path: str, wanted: Wanted = Wanted()) -> Annotations:
    """What is known about ``path``."""
    found = Annotations()
    with catalog.reading() as connection:
        if wanted.rows:
            _read_rows(connection, found, _OF_RESOURCE, path=paths.key(path))
        if wanted.locks:
            _read_locks(connection, found, path, members=False)
    return found


def of_folder(catalog: Catalog, path: str, wanted: Wanted) -> Annotations:
    """What is known about a folder and its members."""
    about, count = Annotations(), 0
    if wanted.rows or wanted.locks:
        with catalog.reading() as connection:
            if wanted.rows:
                count = _read_rows(connection, about, _OF_MEMBERS, path=paths.key(path))
            if wanted.locks:
                _read_locks(connection, about, path, members=True)
    return about if count <= MAX_ROWS else replace(about, is_whole=False)


def annotated(
    catalog: Catalog, members: Iterable[Entry], about: Annotations
) -> Iterator[tuple[list[Entry], Annotations]]:
    """The members of a folder batch by batch, each with what is known ``about`` it; where that is
    not whole, the rows are read for each batch.
    """
    waiting = iter(members)
    while batch := list(islice(waiting, BATCH)):
        if not about.is_whole:
            about.properties.clear()
            about.created.clear()
            about.owners.clear()
            with catalog.reading() as connection:
                _read_batch(connection, about, batch)
        yield batch, about


def annotated_apart(
    catalog: Catalog, entries: Iterable[Entry], wanted: Wanted
) -> Iterator[tuple[Entry, Annotations]]:
    """Entries of many folders, each with what is known about it; read batch by batch."""
    waiting = iter(entries)
    while batch := list(islice(waiting, BATCH)):
        rows = Annotations()
        by_folder: dict[str, Annotations] = {}
        with catalog.reading() as connection:
            if wanted.rows:
                _read_batch(connection, rows, batch)
            for folder in {paths.parent(entry.path) for entry in batch} if wanted.locks else ():
                about = by_folder[folder] = replace(rows, locks={}, deep_locks=[])
                _read_locks(connection, about, folder, members=True)
        for entry in batch:
            yield entry, by_folder.get(paths.parent(entry.path), rows)


def _read_batch(connection: Connection, found: Annotations, batch: list[Entry]) -> None:
    keys = json.dumps([paths.key(entry.path) for entry in batch])
    _read_rows(connection, found, _OF_BATCH, keys=keys)


def _read_rows(
    connection: Connection, found: Annotations, statement: Select[Any], **values: str
) -> int:
    """Take in rows of resources and their properties; tell how many there were."""
    count = 0
    for text, created, owner, name, xml in connection.execute(statement, values):
        count += 1
        path = paths.path_of_key(text)
        found.created[path] = created
        if owner:
            found.owners[path] = owner
        if name is not None:
            found.properties.setdefault(path, {})[name] = xml
    return count


def _read_locks(connection: Connection, found: Annotations, path: str, *, members: bool) -> None:
    for lock in locks.covering(connection, path, members=members):
        found.locks.setdefault(lock.root, []).append(lock)
        if lock.deep and paths.is_within(path, lock.root):
            found.deep_locks.append(lock)

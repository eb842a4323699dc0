"""What editing sessions changed: who, when, and what the editor needs to show it in the text.

A session's changes lead from the state that it began with to the state that it saved, whatever
was saved in between. So each version is shown against that state, its ``base``, and against no
other: with other bytes below them, changes are shown in wrong places. Source: Docs API, "Document
history"; the Document Server collects the changes of a session until its last save.
"""

import json
from dataclasses import dataclass
from typing import Any, BinaryIO

from sqlalchemy import Connection, Row, delete, insert, select, update

from davserver.errors import Gone
from davserver.model import EditSession
from davserver.providers import history, identities
from davserver.providers.catalog import Catalog
from davserver.providers.stores import FileStore, Spool
from davserver.providers.tables import highlights, versions
from davserver.words import say


@dataclass(frozen=True, slots=True)
class Highlight:
    """What made version ``number``, by the Document Server of ``server_version``.

    ``changes`` are as that server says them: "created" in UTC, "user" with "id" and "name". They
    can be shown in the text (``is_shown``) while the bytes of version ``base`` are kept.
    """

    number: int
    base: int
    server_version: str
    changes: tuple[dict[str, Any], ...]
    is_shown: bool

    @property
    def people(self) -> tuple[str, ...]:
        """The names of all who changed something, in the order in which they first did."""
        names = (str(change["user"].get("name") or "") for change in self.changes)
        return tuple(dict.fromkeys(name for name in names if name))


class Highlights:
    """The changes that are kept of one root."""

    def __init__(self, store: FileStore, catalog: Catalog) -> None:
        self._store = store
        self._catalog = catalog

    def wants(self, session: EditSession, sha256: str) -> bool:
        """Whether there is a version that the session saved with these bytes, and no changes."""
        with self._catalog.reading() as connection:
            number = _saved_by(connection, session, sha256)
            return number is not None and not _is_kept(connection, session.resource_id, number)

    def keep(
        self,
        session: EditSession,
        sha256: str,
        server_version: str,
        changes: list[dict[str, Any]],
        content: Spool | None,
    ) -> bool:
        """Keep what the session changed until it saved the bytes of this hash.

        ``content`` is what the editor shows the changes by; without, the list alone is kept. False
        if no version is this save: it is beside the file, or gone again.
        """
        resource_id = session.resource_id
        if content is not None:
            content.seal()
        with self._catalog.writing() as connection:
            number = _saved_by(connection, session, sha256)
            if number is None:
                return False
            began = history.with_etag(connection, resource_id, session.etag)
            base = began.number if began is not None and began.number < number else 0
            name = history.changes_of(resource_id, number)
            self._store.drop_version(name)
            if content is not None and base:
                self._store.keep(content.path, name)
            connection.execute(delete(highlights).where(_of(resource_id, number)))
            connection.execute(
                insert(highlights).values(
                    resource_id=resource_id,
                    number=number,
                    sha256=sha256,
                    base=base,
                    server_version=server_version,
                    changes=json.dumps(changes),
                    is_kept=content is not None and base > 0,
                )
            )
        return True

    def of(self, path: str) -> dict[int, Highlight]:
        """What made the versions of a file, by their numbers."""
        with self._catalog.reading() as connection:
            resource_id = identities.find(connection, path)
            if resource_id is None:
                return {}
            made = (highlights.c.number == versions.c.number) & (
                highlights.c.resource_id == versions.c.resource_id
            )
            rows = connection.execute(
                select(highlights)
                .join(versions, made & (highlights.c.sha256 == versions.c.sha256))
                .where(highlights.c.resource_id == resource_id)
            ).all()
            shown = self._with_base(connection, resource_id)
        return {row.number: _highlight(row, is_shown=row.base in shown) for row in rows}

    def open(self, resource_id: str, number: int) -> tuple[BinaryIO, int]:
        """What the editor shows the changes of a version by, and its size. Raises Gone."""
        name = history.changes_of(resource_id, number)
        kept = self._store.kept(name)
        if kept is None:
            raise Gone(say("What was changed in this version is no longer kept."))
        return self._store.open_version(name), kept.size

    def _with_base(self, connection: Connection, resource_id: str) -> set[int]:
        """The numbers of versions whose bytes are kept."""
        kept = select(versions.c.number).where(
            versions.c.resource_id == resource_id, versions.c.kept
        )
        return set(connection.scalars(kept))


def forget(connection: Connection, store: FileStore, resource_id: str, number: int) -> None:
    """Remove the changes that made a version, and those that can no longer be shown without it."""
    of_resource = highlights.c.resource_id == resource_id
    on_it = (highlights.c.base == number) & highlights.c.is_kept
    for other in connection.scalars(select(highlights.c.number).where(of_resource, on_it)).all():
        store.drop_version(history.changes_of(resource_id, other))
    connection.execute(update(highlights).where(of_resource, on_it).values(is_kept=False))
    store.drop_version(history.changes_of(resource_id, number))
    connection.execute(delete(highlights).where(_of(resource_id, number)))


def _of(resource_id: str, number: int) -> Any:
    return (highlights.c.resource_id == resource_id) & (highlights.c.number == number)


def _saved_by(connection: Connection, session: EditSession, sha256: str) -> int | None:
    return connection.scalar(
        select(versions.c.number)
        .where(
            versions.c.resource_id == session.resource_id,
            versions.c.document_key == session.key.value,
            versions.c.sha256 == sha256,
        )
        .order_by(versions.c.number.desc())
        .limit(1)
    )


def _is_kept(connection: Connection, resource_id: str, number: int) -> bool:
    found = select(highlights.c.is_kept).where(_of(resource_id, number))
    return bool(connection.scalar(found))


def _highlight(row: Row[Any], *, is_shown: bool) -> Highlight:
    changes = tuple(json.loads(row.changes))
    return Highlight(
        row.number, row.base, row.server_version, changes, is_shown and bool(row.is_kept)
    )

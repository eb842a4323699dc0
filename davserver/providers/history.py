"""The states that a file had: rows of ``versions``. Functions over an open transaction.

One row a state. ``kept`` says that its bytes lie in the store as ``name_of(resource, number)``; the
state that the file has now is not kept, it is the file.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from davserver import paths
from davserver.model import Entry, Origin, Version
from davserver.providers.tables import resources, versions


@dataclass(frozen=True, slots=True)
class State:
    """A state to be recorded; the fields are those of ``Version``."""

    number: int
    size: int
    sha256: str
    etag: str
    modified_ns: int
    author: str
    origin: str
    document_key: str = ""


# Built once, because every write runs them: making a statement costs more than running it.
_OF_RESOURCE = versions.c.resource_id == bindparam("resource")
_WITH_ETAG = select(versions).where(_OF_RESOURCE, versions.c.etag == bindparam("etag_sought"))
_HIGHEST = select(func.max(versions.c.number)).where(_OF_RESOURCE)
_MARK_KEPT = (
    update(versions).where(_OF_RESOURCE, versions.c.number == bindparam("which")).values(kept=True)
)
_INSERT = insert(versions)
_LOST = select(versions.c.number).where(
    _OF_RESOURCE, versions.c.kept.is_(False), versions.c.etag != bindparam("current")
)


def name_of(resource_id: str, number: int) -> str:
    """The name of a kept version in the store."""
    return f"{resource_id[:2]}/{resource_id}/{number}"


def changes_of(resource_id: str, number: int) -> str:
    """The name in the store of what was changed to make a version (``highlights``)."""
    return f"{name_of(resource_id, number)}.changes"


def with_etag(connection: Connection, resource_id: str, etag: str) -> State | None:
    """The recorded state that has ``etag``."""
    row = connection.execute(_WITH_ETAG, {"resource": resource_id, "etag_sought": etag}).first()
    if row is None:
        return None
    return State(**{field.name: row._mapping[field.name] for field in fields(State)})


def highest(connection: Connection, resource_id: str) -> int:
    """The highest number in use; 0 if there is none."""
    return connection.scalar(_HIGHEST, {"resource": resource_id}) or 0


def record(connection: Connection, resource_id: str, state: State, *, kept: bool) -> None:
    """Add a state, or mark a known one as kept."""
    if kept and _mark_kept(connection, resource_id, state.number):
        return
    values = asdict(state) | {"resource_id": resource_id, "created": time.time(), "kept": kept}
    connection.execute(_INSERT, values)


def describe(connection: Connection, resource_id: str, number: int, name: str, note: str) -> bool:
    """Set what people say about a state; whether there is one with this number."""
    this = (versions.c.resource_id == resource_id) & (versions.c.number == number)
    changed = update(versions).where(this).values(name=name, note=note)
    return connection.execute(changed).rowcount > 0


def first_author(connection: Connection, resource_id: str) -> str:
    """Who made the first state of all; empty where it is not known any more, or who did."""
    this = (versions.c.resource_id == resource_id) & (versions.c.number == 1)
    return connection.scalar(select(versions.c.author).where(this)) or ""


def retime(connection: Connection, resource_id: str, former: str, entry: Entry) -> None:
    """The state that had the ETag ``former`` is still the same, with another time of change."""
    connection.execute(
        update(versions)
        .where(versions.c.resource_id == resource_id, versions.c.etag == former)
        .values(etag=entry.etag, modified_ns=entry.modified_ns)
    )


def reconcile(
    connection: Connection,
    resource_id: str,
    current: Entry | None,
    kept: Callable[[str], Entry | None],
) -> None:
    """Make the rows tell the truth about the bytes that exist.

    A state that is neither current nor kept was written over by another program: its row goes.
    Where a power cut took the last rows but not the bytes (see ``Catalog``), kept bytes get their
    rows back.
    """
    etag = current.etag if current else ""
    lost = connection.scalars(_LOST, {"resource": resource_id, "current": etag}).all()
    for number in lost:
        if kept(name_of(resource_id, number)):
            _mark_kept(connection, resource_id, number)
        else:
            this = (versions.c.resource_id == resource_id) & (versions.c.number == number)
            connection.execute(delete(versions).where(this))
    number = highest(connection, resource_id) + 1
    while found := kept(name_of(resource_id, number)):
        state = State(number, found.size, "", found.etag, found.modified_ns, "", Origin.OUTSIDE)
        record(connection, resource_id, state, kept=True)
        number += 1


def known(connection: Connection, resource_id: str, current: Entry | None) -> list[Version]:
    """All states whose bytes exist, oldest first."""
    etag = current.etag if current else ""
    rows = connection.execute(
        select(versions)
        .where(versions.c.resource_id == resource_id, (versions.c.etag == etag) | versions.c.kept)
        .order_by(versions.c.number)
    )
    return [_version(row, etag) for row in rows]


def kept_in(connection: Connection, folder: str) -> set[str]:
    """The paths directly in ``folder`` of which an earlier state is kept."""
    found = connection.scalars(
        select(resources.c.path)
        .join(versions)
        .where(resources.c.parent == paths.key(folder), versions.c.kept)
        .distinct()
    )
    return {paths.path_of_key(text) for text in found}


def _mark_kept(connection: Connection, resource_id: str, number: int) -> bool:
    """Whether there was such a state."""
    which = {"resource": resource_id, "which": number}
    return connection.execute(_MARK_KEPT, which).rowcount > 0


def _version(row: Row[tuple[object, ...]], current_etag: str) -> Version:
    return Version(
        number=row.number,
        size=row.size,
        sha256=row.sha256,
        etag=row.etag,
        modified_ns=row.modified_ns,
        created=datetime.fromtimestamp(row.created, UTC),
        author=row.author,
        origin=Origin(row.origin),
        is_current=row.etag == current_etag,
        name=row.name,
        note=row.note,
    )

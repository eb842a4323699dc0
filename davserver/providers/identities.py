"""Identities: the row of ``resources`` that a path has. Functions over an open transaction.

Versions, properties, locks and sessions hang on the id, so that a rename costs one update and loses
nothing.
"""

import time
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from davserver import paths
from davserver.providers.filesystem import TRASH
from davserver.providers.tables import grants, resources, trash

_ROW_OF = select(resources.c.id, resources.c.owner).where(resources.c.path == bindparam("path"))
_INSERT = insert(resources)


def find(connection: Connection, path: str) -> str | None:
    """The id of ``path``; None if it never needed one."""
    known = connection.execute(_ROW_OF, {"path": paths.key(path)}).first()
    return None if known is None else str(known.id)


def identify(
    connection: Connection, path: str, modified_ns: int | None = None, owner: str | None = None
) -> str:
    """The id of ``path``, given now if it has none.

    What was changed at ``modified_ns`` was there by then; that is its time of creation, as far as
    anybody knows. ``owner`` is given for what is being created, and owns it from now on.
    """
    known = connection.execute(_ROW_OF, {"path": paths.key(path)}).first()
    now = time.time()
    created = now if modified_ns is None else min(now, modified_ns / 1e9)
    if known is not None:
        if owner is not None:
            # The row is that of a file which another program removed.
            this = resources.c.id == known.id
            connection.execute(update(resources).where(this).values(owner=owner, created=created))
        return str(known.id)
    identity = uuid4().hex
    values = {
        "id": identity,
        "path": paths.key(path),
        "parent": paths.key(paths.parent(path)),
        "created": created,
        "owner": owner or "",
    }
    connection.execute(_INSERT, values)
    return identity


def set_born(connection: Connection, resource_id: str, created: float | None) -> None:
    """Set the time of creation, if one is given."""
    if created is not None:
        this = resources.c.id == resource_id
        connection.execute(update(resources).where(this).values(created=created))


def path_of(connection: Connection, resource_id: str) -> str | None:
    """Where the resource is now; None if it is unknown."""
    text = connection.scalar(select(resources.c.path).where(resources.c.id == resource_id))
    return None if text is None else paths.path_of_key(text)


def owner_of(connection: Connection, resource_id: str) -> str:
    """The user to whom the resource belongs; empty if it is nobody's, or unknown."""
    owner = select(resources.c.owner).where(resources.c.id == resource_id)
    return connection.scalar(owner) or ""


def beginning(connection: Connection, resource_id: str) -> tuple[datetime | None, str]:
    """When the resource came to be, as far as that is known, and to whom it belongs; or nothing."""
    about = select(resources.c.created, resources.c.owner).where(resources.c.id == resource_id)
    row = connection.execute(about).one_or_none()
    return (datetime.fromtimestamp(row.created, UTC), row.owner) if row else (None, "")


def path_before_trash(connection: Connection, path: str) -> str:
    """Where a resource was that may lie in the trash now."""
    if not paths.is_within(path, TRASH):
        return path
    identity, _, rest = path[len(TRASH) + 1 :].partition("/")
    text = connection.scalar(select(trash.c.path).where(trash.c.id == identity))
    was = paths.path_of_key(text) if text else paths.ROOT + paths.name(path)
    return f"{was}/{rest}" if rest else was


def guard(connection: Connection, path: str) -> str:
    """The id of the nearest folder above ``path`` that has grants; empty if none has."""
    above = [paths.key(folder) for folder in paths.ancestors(path)]
    nearest = (
        select(resources.c.id)
        .where(resources.c.path.in_(above), resources.c.id.in_(select(grants.c.resource_id)))
        .order_by(func.length(resources.c.path).desc())
        .limit(1)
    )
    return connection.scalar(nearest) or ""


def within(path: str) -> ColumnElement[bool]:
    """Condition: the row is that of ``path`` or lies anywhere below it."""
    return or_(resources.c.path == paths.key(path), below(path))


def below(path: str) -> ColumnElement[bool]:
    """Condition: the row lies below ``path``."""
    # "0" follows "/" in ASCII, so this is one range of the index.
    stem = "" if path == paths.ROOT else paths.key(path)
    return resources.c.path.between(stem + "/", stem + "0") & (resources.c.path != "/")


def move(connection: Connection, source: str, destination: str) -> bool:
    """Let every row within ``source`` follow it to ``destination``; tell whether there was one."""
    rows = connection.execute(select(resources.c.id, resources.c.path).where(within(source))).all()
    for resource_id, text in rows:
        path = paths.moved(paths.path_of_key(text), source, destination)
        connection.execute(
            update(resources)
            .where(resources.c.id == resource_id)
            .values(path=paths.key(path), parent=paths.key(paths.parent(path)))
        )
    return bool(rows)


def forget(connection: Connection, resource_id: str) -> None:
    """Remove an identity and everything that hangs on it."""
    connection.execute(delete(resources).where(resources.c.id == resource_id))

"""Dead properties (RFC 4918, 4): XML that clients keep with a resource, by its id.

Functions over an open transaction.
``name`` is in Clark notation, ``{namespace}local``; ``xml`` is the whole element, language and
children included.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from davserver import paths
from davserver.errors import QuotaExceeded
from davserver.providers import identities
from davserver.providers.tables import properties, resources
from davserver.words import say

MAX_BYTES_EACH = 1 << 20
"""Names and elements that one resource may hold."""


def check_size(held: Mapping[str, str], changes: Mapping[str, str | None]) -> None:
    """Raise QuotaExceeded if ``changes`` of what is ``held`` make it more than MAX_BYTES_EACH."""
    after = {**held, **changes}
    if sum(len(name) + len(xml) for name, xml in after.items() if xml) > MAX_BYTES_EACH:
        raise QuotaExceeded(
            say(
                "The properties of a file have at most {max_bytes_each} bytes.",
                max_bytes_each=MAX_BYTES_EACH,
            )
        )


def of(connection: Connection, path: str) -> dict[str, str]:
    """The properties of ``path``: name to element."""
    rows = connection.execute(
        select(properties.c.name, properties.c.xml)
        .join(resources)
        .where(resources.c.path == paths.key(path))
    )
    return {name: xml for name, xml in rows}


def change(connection: Connection, resource_id: str, changes: Mapping[str, str | None]) -> None:
    """Set each name to its element, or remove it where that is None."""
    for name, xml in changes.items():
        mine = (properties.c.resource_id == resource_id) & (properties.c.name == name)
        connection.execute(delete(properties).where(mine))
        if xml is not None:
            connection.execute(
                insert(properties).values(resource_id=resource_id, name=name, xml=xml)
            )


def remove_all(connection: Connection, resource_id: str) -> None:
    """Remove every property of a resource."""
    connection.execute(delete(properties).where(properties.c.resource_id == resource_id))


def copy(connection: Connection, source_id: str, target_id: str) -> None:
    """Give the target the properties of the source."""
    rows = connection.execute(
        select(properties.c.name, properties.c.xml).where(properties.c.resource_id == source_id)
    ).all()
    change(connection, target_id, {name: xml for name, xml in rows})


def copy_tree(connection: Connection, source: str, destination: str) -> None:
    """Give everything within ``destination`` the properties of what it was copied from."""
    rows: Any = connection.execute(
        select(resources.c.id, resources.c.path)
        .where(identities.within(source))
        .where(resources.c.id.in_(select(properties.c.resource_id)))
    ).all()
    for source_id, text in rows:
        path = paths.moved(paths.path_of_key(text), source, destination)
        copy(connection, source_id, identities.identify(connection, path))

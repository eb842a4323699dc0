"""The save dance: programs that save by renaming the old file away. Functions over a transaction.

One rule: **when a file was moved aside, and within SECONDS the same person lets a new file appear
under its old name, the identity follows the name.** The old content becomes a version of the new
file; the id, the properties, the versions so far and the locks stay with the name. What lies aside
is a file without a past from then on, and when it is deleted unchanged, it is not kept in the trash
as well: its bytes are a version.

"Aside" is a name that people do not choose when they rename or file a document: with another
extension, a ``~`` or a dot before it or a ``~`` behind, or in a folder that is made for saving.

========================  =====================================================================
client                    how it saves ``a.docx``
========================  =====================================================================
Word                      writes ~WRD1.tmp; a.docx to ~WRL2.tmp; ~WRD1.tmp to a.docx;
                          deletes ~WRL2.tmp
Excel, PowerPoint         writes 5A3B7C00; a.xlsx to 1F2E3D4C.tmp; 5A3B7C00 to a.xlsx;
                          deletes 1F2E3D4C.tmp
vim (backup)              a.txt to a.txt~; writes a.txt, which davfs2 locks first;
                          deletes a.txt~
emacs                     a.txt to a.txt~; writes a.txt; leaves a.txt~
LibreOffice (backup)      a.odt to a.bak; writes a.odt
macOS (safe save)         makes a.txt.sb-1/, writes a.txt.sb-1/a.txt; a.txt to
                          a.txt.sb-1/a-old.txt, or a hidden one; a.txt.sb-1/a.txt to a.txt;
                          deletes a.txt.sb-1/
GNOME, KDE, rsync, ...    writes .a.txt.X; .a.txt.X over a.txt: no dance, ``Trees.move`` makes
                          the next version of it
========================  =====================================================================

Every process sees a departure, because it is a row; whoever puts the new file in its place makes
the identity follow in the transaction that books the write.
"""

import json
import time
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from davserver import paths
from davserver.providers import history, identities
from davserver.providers.tables import departures, locks, resources

SECONDS = 30
"""davfs2 uploads ten seconds after a file was closed; Office needs less than two."""

_PATH_OF = (
    select(resources.c.path)
    .join(departures)
    .where(
        departures.c.path == bindparam("path"),
        departures.c.left_by == bindparam("by"),
        departures.c.left_at > bindparam("since"),
        departures.c.behind == "",
    )
)


def is_aside(source: str, destination: str) -> bool:
    """Whether ``destination`` is where a program puts ``source``, and no person would."""
    name, folder = paths.name(destination), paths.parent(destination)
    if paths.extension(destination) != paths.extension(source):
        return True
    if name.startswith(("~", ".")) or name.endswith("~"):
        return True
    return folder != paths.parent(source) and any(
        part.startswith((".", "(")) or ".sb-" in part for part in folder.split("/")
    )


def note(connection: Connection, source: str, by: str, modified_ns: int) -> None:
    """Remember that a file leaves ``source`` for a name aside; before it is booked."""
    resource_id = identities.identify(connection, source, modified_ns)
    held = connection.execute(
        select(locks).where(locks.c.resource_id == resource_id, locks.c.document_key == "")
    ).mappings()
    connection.execute(delete(departures).where(departures.c.path == paths.key(source)))
    connection.execute(
        insert(departures).values(
            path=paths.key(source),
            resource_id=resource_id,
            left_at=time.time(),
            left_by=by,
            locks=json.dumps([dict(lock) for lock in held]),
            behind="",
        )
    )


def former(connection: Connection, path: str, by: str) -> str | None:
    """Where the file that was at ``path`` is now, if this person moved it aside a moment ago."""
    since = time.time() - SECONDS
    text = connection.scalar(_PATH_OF, {"path": paths.key(path), "by": by, "since": since})
    aside = None if text is None else paths.path_of_key(text)
    return None if aside is None or paths.is_ours(aside) else aside


def come_back(connection: Connection, path: str, aside: str) -> None:
    """Let the identity that lies ``aside`` return to ``path``, with the locks that it had.

    Where it, or the free name, was locked meanwhile, it is that lock which stays.
    """
    this = departures.c.path == paths.key(path)
    row = connection.execute(select(departures).where(this)).one()
    meanwhile = identities.find(connection, path)
    if meanwhile is not None:
        there = update(locks).where(locks.c.resource_id == meanwhile)
        connection.execute(there.values(resource_id=row.resource_id))
        identities.forget(connection, meanwhile)
    identities.move(connection, aside, path)
    newer = select(locks.c.token).where(locks.c.resource_id == row.resource_id).limit(1)
    if connection.scalar(newer) is None:
        for lock in json.loads(row.locks):
            connection.execute(insert(locks).values(lock))
    connection.execute(update(departures).where(this).values(behind=paths.key(aside), locks="[]"))


def is_version(connection: Connection, aside: str, etag: str) -> bool:
    """Whether what lies ``aside``, in the state ``etag``, was left there by a dance."""
    resource_id = connection.scalar(
        select(departures.c.resource_id).where(departures.c.behind == paths.key(aside))
    )
    if resource_id is None:
        return False
    known: Any = history.with_etag(connection, resource_id, etag)
    return known is not None


def purge(connection: Connection) -> None:
    """Forget the departures that nobody can come back from."""
    old = departures.c.left_at < time.time() - SECONDS
    connection.execute(delete(departures).where(old))

"""The rows of editing sessions: which are live, which are of a file as it is. Functions over a
transaction.
"""

import json
import time
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select, update

from davserver import paths
from davserver.model import OVER, DocumentKey, EditSession, Entry, SessionState
from davserver.providers import history, locks, timeline
from davserver.providers.tables import callbacks, resources, sessions
from davserver.providers.timeline import What

OVER_VALUES = [state.value for state in OVER]


def select_all(connection: Connection, condition: ColumnElement[bool]) -> list[EditSession]:
    """The sessions for which ``condition`` holds."""
    statement = select(sessions, resources.c.path).join(resources).where(condition)
    return [_session(row) for row in connection.execute(statement)]


def of_members(connection: Connection, folder: str) -> dict[str, EditSession]:
    """The live sessions of the files directly in ``folder``, by path."""
    in_folder = resources.c.parent == paths.key(folder)
    return {row.path: row for row in select_all(connection, in_folder & live() & of(""))}


def of(filler: str) -> ColumnElement[bool]:
    """The condition that a session is of one person who fills a form in; empty: everybody's."""
    return sessions.c.filler == filler


def unended() -> ColumnElement[bool]:
    """The condition that nothing has told of a session's end, though its lease may be over."""
    return sessions.c.state == SessionState.OPEN.value


def live() -> ColumnElement[bool]:
    """The condition that people are taken to be in a session now."""
    return unended() & (sessions.c.lease_until > time.time())


def awaited_since(moment: float) -> ColumnElement[bool]:
    """The condition that a save may still come: a session is not over, and was there lately."""
    return sessions.c.state.not_in(OVER_VALUES) & (sessions.c.lease_until > moment)


def unsaved_since(moment: float) -> ColumnElement[bool]:
    """The condition that a session began before ``moment`` and stored nothing since."""
    saved_since = (
        select(callbacks.c.id)
        .where(callbacks.c.key == sessions.c.key)
        .where(callbacks.c.outcome != "", callbacks.c.received > moment)
        .exists()
    )
    return (sessions.c.opened <= moment) & ~saved_since


def end(connection: Connection, condition: ColumnElement[bool], state: SessionState) -> None:
    """Let the sessions for which ``condition`` holds end with ``state``, and go of their locks.

    Those that are over keep their state.
    """
    for session in select_all(connection, condition):
        locks.remove(connection, [session.lock_token])
        if session.state not in OVER:
            timeline.add(connection, session.key.value, What.ENDED, f"session is {state.value}")
    connection.execute(
        update(sessions)
        .where(condition, sessions.c.state.not_in(OVER_VALUES))
        .values(state=state.value, lease_until=time.time(), lock_token="", editors="[]")
    )


def is_of(connection: Connection, session: EditSession, entry: Entry) -> bool:
    """Whether the file has what the session began with, or what it saved since."""
    if entry.etag == session.etag:
        return True
    saved = history.with_etag(connection, session.resource_id, entry.etag)
    return saved is not None and saved.document_key == session.key.value


def _session(row: Row[Any]) -> EditSession:
    return EditSession(
        key=DocumentKey(row.key),
        resource_id=row.resource_id,
        path=paths.path_of_key(row.path),
        etag=row.etag,
        state=SessionState(row.state),
        lock_token=row.lock_token,
        opened=datetime.fromtimestamp(row.opened, UTC),
        lease_until=datetime.fromtimestamp(row.lease_until, UTC),
        editors=tuple(json.loads(row.editors)),
        server=row.server,
        filler=row.filler,
    )

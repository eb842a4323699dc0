"""Editing sessions and the callbacks about them. A session holds a real lock while its lease runs.

The lease is renewed by every sign of life. When it ends, other people may write again; what the
Document Server sends after that is still taken, and never put over what they wrote.
"""

import json
import math
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from xml.sax.saxutils import escape

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from davserver.errors import Conflict, FileLocked, Gone, NotFound
from davserver.model import OVER, DocumentKey, EditSession, Entry, Scope, SessionState, called
from davserver.providers import identities, locks, session_rows, timeline
from davserver.providers.catalog import Catalog
from davserver.providers.exclusion import Exclusion
from davserver.providers.stores import FileStore
from davserver.providers.tables import callbacks, sessions
from davserver.words import say

KeyMaker = Callable[[str, str, int], DocumentKey]
"""Makes a key from a resource id, an ETag, and how many keys of that state are used up."""

LOCK_PRINCIPAL = "onlyoffice:"
"""Begins the principal of a session's lock; no user can have that name, for it holds a colon."""


class _Outdated(Conflict):
    """The file is no longer what the session is about."""


class EditSessions:
    """The sessions of one root. They hold locks, unless ``locking`` is off."""

    def __init__(
        self,
        store: FileStore,
        catalog: Catalog,
        exclusion: Exclusion,
        make_key: KeyMaker,
        *,
        locking: bool = True,
    ) -> None:
        self._locking = locking
        self._store = store
        self._catalog = catalog
        self._exclusion = exclusion
        self._make_key = make_key

    def join(
        self, path: str, editor: str, seconds: int, server: str = "", filler: str = ""
    ) -> EditSession:
        """The session of a file, begun now if there is none, with a lease of ``seconds``.

        It begins on ``server``, unless the one that it was on may still hold something. That of a
        ``filler`` is theirs alone, and holds no lock, for it never writes the file.
        Raises FileLocked when somebody else holds a lock, NotFound.
        """
        with self._store.exclusive_tree():
            entry = self._file(path)
            with self._catalog.writing() as connection:
                resource_id = identities.identify(connection, path, entry.modified_ns)
                session = self._shared(connection, resource_id, entry, filler)
                if session is None:
                    key = self._next_key(connection, resource_id, entry, filler)
                    self._begin(connection, path, resource_id, entry, key, server, filler)
                    session = self._one(connection, sessions.c.key == key.value)
                present = session.editors if session.is_live else ()
                editors = sorted({*present, editor})
                self._extend(connection, session, seconds, editors)
                return self._one(connection, sessions.c.key == session.key.value)

    def take(self, key: str, server: str) -> None:
        """The Document Server ``server`` takes a session's document: now it may hold what is typed.

        Nothing for a key that no session has. Raises Gone for a session that is on another one.
        """
        this = (sessions.c.key == key) & session_rows.unended()
        with self._catalog.reading() as connection:
            found = connection.execute(select(sessions).where(this)).first()
        if found is None or (found.is_fetched and found.server in {"", server}):
            return
        here = this & sessions.c.server.in_(["", server])
        with self._catalog.writing() as connection:
            taken = connection.execute(update(sessions).where(here).values(is_fetched=True))
        if not taken.rowcount:
            raise Gone("The session of this document is on another Document Server by now.")

    def move(self, key: DocumentKey, server: str) -> EditSession:
        """Put a session on ``server``, unless the one that it is on has taken its document."""
        this = sessions.c.key == key.value
        untaken = this & sessions.c.is_fetched.is_(False)
        with self._catalog.writing() as connection:
            connection.execute(update(sessions).where(untaken).values(server=server))
            return self._one(connection, this)

    def view(self, path: str) -> tuple[str, str, DocumentKey]:
        """Resource id, ETag and key for somebody who looks on: a live session's if there is one."""
        entry = self._file(path)
        with self._catalog.writing() as connection:
            resource_id = identities.identify(connection, path, entry.modified_ns)
            session = self._shared(connection, resource_id, entry)
            if session is not None and not session.is_lapsed:
                return resource_id, session.etag, session.key
            return resource_id, entry.etag, self._next_key(connection, resource_id, entry)

    def find(self, key: str) -> EditSession | None:
        """The session that ``key`` names, in whatever state."""
        with self._catalog.reading() as connection:
            rows = session_rows.select_all(connection, sessions.c.key == key)
            return rows[0] if rows else None

    def of_members(self, folder: str) -> dict[str, EditSession]:
        """The live sessions of the files directly in ``folder``, by path."""
        with self._catalog.reading() as connection:
            return session_rows.of_members(connection, folder)

    def live(self) -> list[EditSession]:
        """The sessions of all files that are being edited."""
        with self._catalog.reading() as connection:
            return session_rows.select_all(connection, session_rows.live())

    def of_file(self, path: str) -> EditSession | None:
        """The session of what is at ``path`` now, also one whose lease ran out without an end."""
        entry = self._file(path)
        with self._catalog.reading() as connection:
            resource_id = identities.find(connection, path)
            return self._shared(connection, resource_id, entry) if resource_id else None

    def is_of(self, session: EditSession, entry: Entry) -> bool:
        """Whether the file has what the session began with, or what it saved since."""
        with self._catalog.reading() as connection:
            return session_rows.is_of(connection, session, entry)

    def lapsing(self, within: float, lapsed: float) -> list[EditSession]:
        """Those without an end whose lease ends ``within`` seconds, or ended ``lapsed`` ago."""
        now = time.time()
        near = sessions.c.lease_until.between(now - lapsed, now + within)
        with self._catalog.reading() as connection:
            return session_rows.select_all(connection, session_rows.unended() & near)

    def count(self) -> int:
        """How many files are being edited."""
        with self._catalog.reading() as connection:
            live = select(func.count()).select_from(sessions).where(session_rows.live())
            return connection.scalar(live) or 0

    def renew(
        self,
        key: str,
        seconds: int,
        editors: Iterable[str] | None = None,
        *,
        reopen: bool = False,
    ) -> None:
        """A sign of life: let lease and lock run ``seconds`` from now; set ``editors`` if known.

        A closed session goes on only with ``reopen``: a page that is still shown proves nothing.
        """
        with self._store.exclusive_tree(), self._catalog.writing() as connection:
            rows = session_rows.select_all(connection, sessions.c.key == key)
            if not rows or rows[0].state in OVER:
                return
            [session] = rows
            if session.state is SessionState.CLOSED and not reopen:
                return
            try:
                self._extend(connection, session, seconds, editors)
            except (FileLocked, _Outdated):
                # The lease had run out, and somebody else took the lock or wrote: the session goes
                # on without a lock, and what it saves is put beside.
                there = session.editors if editors is None else editors
                connection.execute(
                    update(sessions)
                    .where(sessions.c.key == key)
                    .values(
                        state=SessionState.OPEN.value,
                        lease_until=time.time() + seconds,
                        editors=json.dumps(list(there)),
                    )
                )

    def unsaved_for(self, seconds: float) -> list[EditSession]:
        """The live sessions that began, and saved last, more than ``seconds`` ago."""
        with self._catalog.reading() as connection:
            # What somebody fills in is stored when they send it off, or leave.
            everybodys = session_rows.live() & session_rows.of("")
            unsaved = everybodys & session_rows.unsaved_since(time.time() - seconds)
            return session_rows.select_all(connection, unsaved)

    def one_at_a_time(self, key: DocumentKey) -> AbstractContextManager[None]:
        """Let reports about one session wait for each other, in every process."""
        return self._exclusion.names(key.value)

    def is_reported(self, key: DocumentKey) -> bool:
        """Whether a report about the session is being worked on at this moment."""
        return not self._exclusion.is_free(key.value)

    def end(self, key: DocumentKey, state: SessionState) -> None:
        """Close, retire or end a session and release its lock; one that is over stays so."""
        with self._catalog.writing() as connection:
            session_rows.end(connection, sessions.c.key == key.value, state)

    def suspend(self, key: DocumentKey, seconds: int) -> None:
        """Everybody has left, and their save is still to come: nobody else writes so long.

        Who opens the file meanwhile gets the same key, and with it what the Document Server has.
        """
        this = sessions.c.key == key.value
        with self._catalog.writing() as connection:
            for session in session_rows.select_all(connection, this):
                locks.refresh(connection, session.lock_token, seconds)
                words = "all have left, and their save is still to come"
                timeline.add(connection, key.value, timeline.What.ENDED, words)
            connection.execute(
                update(sessions)
                .where(this, sessions.c.state.not_in(session_rows.OVER_VALUES))
                .values(state=SessionState.CLOSED.value, lease_until=time.time())
            )

    def retire_unused(self, key: DocumentKey) -> bool:
        """Retire a session unless somebody is in it or about to be; whether it is retired now."""
        this = sessions.c.key == key.value
        with self._catalog.writing() as connection:
            if session_rows.select_all(connection, this & session_rows.live()):
                return False
            session_rows.end(connection, this, SessionState.RETIRED)
            return True

    def purge_older_than(self, seconds: float) -> None:
        """Forget sessions and callbacks that ended so long ago."""
        before = time.time() - seconds
        with self._catalog.writing() as connection:
            connection.execute(delete(callbacks).where(callbacks.c.received < before))
            connection.execute(delete(sessions).where(sessions.c.lease_until < before))
            timeline.purge(connection, before)

    def _file(self, path: str) -> Entry:
        entry = self._store.find(path)
        if entry is None:
            raise NotFound(path)
        if entry.is_folder:
            raise Conflict(say("A folder cannot be edited."))
        return entry

    def _next_key(
        self, connection: Connection, resource_id: str, entry: Entry, filler: str = ""
    ) -> DocumentKey:
        used_up = select(func.count()).where(
            sessions.c.resource_id == resource_id,
            sessions.c.etag == entry.etag,
            sessions.c.state.in_(session_rows.OVER_VALUES),
            session_rows.of(filler),
        )
        # A state as one person fills it in is one of its own; no ETag has a line feed.
        state = f"{entry.etag}\n{filler}" if filler else entry.etag
        return self._make_key(resource_id, state, connection.scalar(used_up) or 0)

    def _begin(
        self,
        connection: Connection,
        path: str,
        resource_id: str,
        entry: Entry,
        key: DocumentKey,
        server: str,
        filler: str,
    ) -> None:
        """A row for the session; a closed one of the same key opens again, with its lock."""
        this = sessions.c.key == key.value
        token = connection.scalar(select(sessions.c.lock_token).where(this)) or ""
        # Its server has what was typed while nobody told of an end, or the save did not come.
        unsaved = (sessions.c.state == SessionState.OPEN.value) | (sessions.c.lock_token != "")
        pinned = connection.scalar(select(sessions.c.server).where(this, unsaved))
        connection.execute(delete(sessions).where(this))
        now = time.time()
        connection.execute(
            insert(sessions).values(
                key=key.value,
                resource_id=resource_id,
                etag=entry.etag,
                state=SessionState.OPEN.value,
                lock_token=token,
                opened=now,
                lease_until=now,
                editors="[]",
                server=pinned or server,
                filler=filler,
                is_fetched=bool(pinned),
            )
        )

    def _extend(
        self,
        connection: Connection,
        session: EditSession,
        seconds: int,
        editors: Iterable[str] | None,
    ) -> None:
        names = list(session.editors if editors is None else editors)
        # A newcomer whose page may never load takes nothing from those who are there.
        until = max(time.time() + seconds, session.lease_until.timestamp())
        token = ""
        if self._locking and not session.filler:
            token = self._hold_lock(connection, session, until - time.time(), names)
        elif not session.filler:
            self._check_free(connection, session)
        connection.execute(
            update(sessions)
            .where(sessions.c.key == session.key.value)
            .values(
                state=SessionState.OPEN.value,
                lease_until=until,
                lock_token=token,
                editors=json.dumps(names),
            )
        )

    def _check_free(self, connection: Connection, session: EditSession) -> None:
        """Raise FileLocked where somebody holds a lock that leaves no room for editors."""
        principal = LOCK_PRINCIPAL + session.key.value
        locks.check_free(connection, session.path, principal, Scope.EXCLUSIVE, deep=False)

    def _hold_lock(
        self, connection: Connection, session: EditSession, seconds: float, names: list[str]
    ) -> str:
        """Refresh the session's lock, or take a new one where it has run out; its token."""
        owner_xml = escape(f"{', '.join(map(called, names)) or 'a guest'} (in ONLYOFFICE)")
        if session.lock_token and locks.with_token(connection, session.lock_token):
            locks.refresh(connection, session.lock_token, math.ceil(seconds), owner_xml)
            return session.lock_token
        entry = self._store.find(session.path)
        if entry is None or not session_rows.is_of(connection, session, entry):
            raise _Outdated
        self._check_free(connection, session)
        lock = locks.add(
            connection,
            session.path,
            principal=LOCK_PRINCIPAL + session.key.value,
            owner_xml=owner_xml,
            scope=Scope.EXCLUSIVE,
            deep=False,
            seconds=math.ceil(seconds),
            document_key=session.key.value,
        )
        return lock.token

    def _shared(
        self, connection: Connection, resource_id: str, entry: Entry, filler: str = ""
    ) -> EditSession | None:
        """The session that one who opens the file as it is now takes part in.

        A lease that ran out is no end: the Document Server may hold what was typed, under that key.
        Nor is a session over that is suspended: that has ended, but not let go of its lock.
        """
        of_file = (sessions.c.resource_id == resource_id) & session_rows.of(filler)
        rows = session_rows.select_all(connection, of_file & session_rows.unended())
        rows.sort(key=lambda row: row.lease_until, reverse=True)
        closed = of_file & (sessions.c.state == SessionState.CLOSED.value)
        ended = session_rows.select_all(connection, closed)
        rows += [row for row in ended if locks.with_token(connection, row.lock_token)]
        return next((row for row in rows if session_rows.is_of(connection, row, entry)), None)

    def _one(self, connection: Connection, condition: ColumnElement[bool]) -> EditSession:
        return session_rows.select_all(connection, condition)[0]

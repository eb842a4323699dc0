"""Write locks (RFC 4918, 6 and 7), one table for DAV clients and editing sessions.

Functions over an open transaction.
Locks hang on the resource, so that an editing session's survives a rename; a deep lock covers by
path. Whoever grants locks holds the tree exclusively (``VersionedFiles.lock``), so no write slips
in between.
"""

import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from xml.sax.saxutils import unescape

from sqlalchemy import (
    Connection,
    Float,
    Row,
    Select,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from davserver import paths
from davserver.errors import (
    Conflict,
    FileLocked,
    Forbidden,
    MembersRefused,
    PreconditionFailed,
    printable,
)
from davserver.model import ChangeKind, Lock, Scope, SessionState, Writer, called
from davserver.providers import changes, identities
from davserver.providers.catalog import Catalog
from davserver.providers.stores import Condition, FileStore, anything, check_new
from davserver.providers.tables import locks, resources, sessions
from davserver.words import say

MAX_LOCKS_EACH = 1000
"""Locks that one principal may hold at a time."""


# Built once: making a statement costs more than running it.
_LIVE = locks.c.expires > bindparam("now", type_=Float)
_LOCKS = select(locks, resources.c.path).join(resources).where(_LIVE)
_COVERS = (resources.c.path == bindparam("path")) | (
    locks.c.deep & resources.c.path.in_(bindparam("above", expanding=True))
)
_COVERING = _LOCKS.where(_COVERS)
_COVERING_OR_IN = _LOCKS.where(_COVERS | (resources.c.parent == bindparam("path")))
_WITH_TOKEN = _LOCKS.where(locks.c.token == bindparam("token"))
_COUNT = select(func.count()).select_from(locks).where(_LIVE)
_HELD = select(func.count()).where(locks.c.principal == bindparam("principal"), _LIVE)


def covering(connection: Connection, path: str, *, members: bool = False) -> list[Lock]:
    """The live locks that protect ``path``: its own, and deep ones of the folders above.

    With ``members``, also those of what is directly in it.
    """
    above = [paths.key(folder) for folder in paths.ancestors(path)]
    statement = _COVERING_OR_IN if members else _COVERING
    return _locks(connection, statement, path=paths.key(path), above=above)


def below(connection: Connection, path: str) -> list[Lock]:
    """The live locks on anything below ``path``."""
    return _locks(connection, _LOCKS.where(identities.below(path)))


def with_token(connection: Connection, token: str) -> Lock | None:
    """The live lock that ``token`` names."""
    found = _locks(connection, _WITH_TOKEN, token=token)
    return found[0] if found else None


def require(connection: Connection, path: str, writer: Writer, *, membership: bool = False) -> None:
    """Raise FileLocked unless ``writer`` may change ``path``.

    With ``membership`` the change adds or removes a name, which a lock on the parent folder
    protects too (RFC 4918, 7.4).
    """
    guards = covering(connection, path)
    if membership:
        folder = paths.parent(path)
        guards += [
            lock for lock in covering(connection, folder) if lock.root == folder and not lock.deep
        ]
    _require_tokens(guards, writer)


def require_tree(connection: Connection, path: str, writer: Writer) -> None:
    """Raise unless ``writer`` may move, replace or remove ``path`` with everything below it.

    Raises FileLocked for the resource itself and MembersRefused for members.
    """
    require(connection, path, writer, membership=True)
    refused: dict[str, FileLocked] = {}
    for lock in below(connection, path):
        try:
            _require_tokens([lock], writer)
        except FileLocked as fault:
            refused[lock.root] = fault
    if refused:
        raise MembersRefused(refused)


def add(
    connection: Connection,
    path: str,
    *,
    principal: str,
    owner_xml: str,
    scope: Scope,
    deep: bool,
    seconds: int,
    document_key: str = "",
    modified_ns: int | None = None,
    owner: str | None = None,
) -> Lock:
    """Lock ``path``, which exists and for which ``check_free`` has passed in this transaction."""
    # RFC 4918, 6.5: unique for all time; the uuid URN of RFC 9562 is the form that it recommends.
    lock = Lock(
        token=f"urn:uuid:{uuid4()}",
        root=path,
        principal=principal,
        owner_xml=owner_xml,
        scope=scope,
        deep=deep,
        expires=datetime.now(UTC) + timedelta(seconds=seconds),
        document_key=document_key,
    )
    connection.execute(
        insert(locks).values(
            token=lock.token,
            resource_id=identities.identify(connection, path, modified_ns, owner),
            principal=principal,
            owner_xml=owner_xml,
            scope=scope.value,
            deep=deep,
            expires=lock.expires.timestamp(),
            document_key=document_key,
        )
    )
    return lock


def check_free(
    connection: Connection, path: str, principal: str, scope: Scope, *, deep: bool
) -> None:
    """Raise if a lock stands against a new one: FileLocked, or MembersRefused for those below.

    Raises Forbidden when the principal holds MAX_LOCKS_EACH already.
    """
    held = connection.scalar(_HELD, {"principal": principal, "now": time.time()}) or 0
    if held >= MAX_LOCKS_EACH:
        raise Forbidden(
            say(
                "You hold {max_locks_each} locks already; release some first.",
                max_locks_each=MAX_LOCKS_EACH,
            )
        )
    for lock in covering(connection, path):
        if Scope.EXCLUSIVE in (scope, lock.scope):
            raise FileLocked(lock.root, holder(lock), "no-conflicting-lock")
    if deep:
        against = [
            lock for lock in below(connection, path) if Scope.EXCLUSIVE in (scope, lock.scope)
        ]
        if against:
            raise MembersRefused(
                {
                    lock.root: FileLocked(lock.root, holder(lock), "no-conflicting-lock")
                    for lock in against
                }
            )


def refresh(connection: Connection, token: str, seconds: int, owner_xml: str | None = None) -> None:
    """Let the lock live ``seconds`` from now; with ``owner_xml``, for these people."""
    values: dict[str, object] = {"expires": time.time() + seconds}
    if owner_xml is not None:
        values["owner_xml"] = owner_xml
    connection.execute(update(locks).where(locks.c.token == token).values(values))


def remove(connection: Connection, tokens: Iterable[str]) -> None:
    """Take locks away, whoever holds them."""
    connection.execute(delete(locks).where(locks.c.token.in_(list(tokens))))


def holder(lock: Lock) -> str:
    """Who holds a lock, for people to read."""
    if lock.document_key:
        return unescape(lock.owner_xml)
    return called(lock.principal) or say("somebody who is not signed in")


class Locks:
    """The locks of one root, for rooms that hold no transaction."""

    def __init__(self, store: FileStore, catalog: Catalog) -> None:
        self._store = store
        self._catalog = catalog

    def on(self, path: str) -> list[Lock]:
        """The live locks that protect ``path``, those of the folders above included."""
        with self._catalog.reading() as connection:
            return covering(connection, path)

    def acquire(
        self,
        path: str,
        writer: Writer,
        *,
        owner_xml: str,
        scope: Scope,
        deep: bool,
        seconds: int,
        condition: Condition = anything,
    ) -> tuple[Lock, bool]:
        """Lock ``path``; an empty file is made if nothing is there (RFC 4918, 9.10.4).

        Returns the lock and whether the file was created. A file is never locked deep. Raises
        FileLocked, MembersRefused, ParentMissing.
        """
        with self._store.exclusive_tree():
            found = self._store.find(path)
            condition(found)
            deep = deep and found is not None and found.is_folder
            with self._catalog.writing() as connection:
                check_free(connection, path, writer.name, scope, deep=deep)
                if found is None:
                    check_new(self._store, path)
                    require(connection, path, writer, membership=True)
                    with self._store.spool() as spool:
                        spool.seal()
                        self._store.publish(spool.path, path, replace=False)
                        self._store.settle(path)
                    changes.record(connection, ChangeKind.CREATED, path)
                lock = add(
                    connection,
                    path,
                    principal=writer.name,
                    owner_xml=owner_xml,
                    scope=scope,
                    deep=deep,
                    seconds=seconds,
                    modified_ns=found.modified_ns if found else None,
                    owner=None if found else writer.owner,
                )
        return lock, found is None

    def refresh(self, path: str, writer: Writer, seconds: int) -> Lock:
        """Let the writer's lock on ``path`` live ``seconds`` from now (RFC 4918, 9.10.2).

        Raises PreconditionFailed when none of the submitted tokens names such a lock.
        """
        with self._catalog.writing() as connection:
            for lock in covering(connection, path):
                if lock.token in writer.tokens and lock.principal == writer.name:
                    refresh(connection, lock.token, seconds)
                    return with_token(connection, lock.token) or lock
        raise PreconditionFailed("No lock of yours here has the token that was sent.")

    def release(self, path: str, token: str, principal: str) -> None:
        """Take a lock away (RFC 4918, 9.11).

        Raises Conflict if the token names no lock on ``path``, Forbidden if it is somebody else's.
        """
        with self._catalog.writing() as connection:
            lock = with_token(connection, token)
            if lock is None or not lock.covers(path):
                raise _TokenMismatch("This lock token names no lock here.")
            if lock.principal != principal:
                raise Forbidden(say("The lock belongs to {lock}.", lock=holder(lock)))
            remove(connection, [token])

    def count(self) -> int:
        """How many locks are live."""
        with self._catalog.reading() as connection:
            return connection.scalar(_COUNT, {"now": time.time()}) or 0

    def within(self, path: str) -> list[Lock]:
        """Every live lock on ``path`` and on anything below it, by path."""
        statement = _LOCKS.where(identities.within(path)).order_by(resources.c.path)
        with self._catalog.reading() as connection:
            return _locks(connection, statement)

    def break_up(self, target: str) -> list[Lock]:
        """An administrator takes locks away: the one with this token, or all that root at a path.

        An editing session that held one is closed. What it saves later still arrives: over the file
        if nobody wrote meanwhile, else beside it. Raises Conflict where no such lock lives, and for
        a path that a lock on a folder above protects.
        """
        with self._catalog.writing() as connection:
            if target.startswith(paths.ROOT):
                guards = covering(connection, target)
                broken = [lock for lock in guards if lock.root == target]
                if guards and not broken:
                    raise Conflict(
                        say(
                            "The lock is on {root}: break that one.", root=printable(guards[0].root)
                        )
                    )
            else:
                found = with_token(connection, target)
                broken = [found] if found else []
            if not broken:
                raise Conflict(say("No lock lives on {target}.", target=printable(target)))
            tokens = [lock.token for lock in broken]
            remove(connection, tokens)
            connection.execute(
                update(sessions)
                .where(sessions.c.lock_token.in_(tokens))
                .where(sessions.c.state == SessionState.OPEN.value)
                .values(state=SessionState.CLOSED.value, lease_until=time.time(), editors="[]")
            )
        return broken

    def purge(self) -> int:
        """Remove expired locks; tell how many."""
        with self._catalog.writing() as connection:
            return connection.execute(delete(locks).where(~_LIVE), {"now": time.time()}).rowcount


class _TokenMismatch(Conflict):
    condition = "lock-token-matches-request-uri"


def _require_tokens(guards: list[Lock], writer: Writer) -> None:
    def submitted(lock: Lock) -> bool:
        return lock.token in writer.tokens and lock.principal == writer.name

    # One token is enough among shared locks: each of their owners may write (RFC 4918, 6.2).
    may = any(submitted(lock) for lock in guards if lock.scope is Scope.SHARED)
    for lock in guards:
        if not submitted(lock) and not (lock.scope is Scope.SHARED and may):
            raise FileLocked(lock.root, holder(lock))


def _locks(connection: Connection, statement: Select[Any], **values: object) -> list[Lock]:
    return [_lock(row) for row in connection.execute(statement, {**values, "now": time.time()})]


def _lock(row: Row[tuple[object, ...]]) -> Lock:
    return Lock(
        token=row.token,
        root=paths.path_of_key(row.path),
        principal=row.principal,
        owner_xml=row.owner_xml,
        scope=Scope(row.scope),
        deep=row.deep,
        expires=datetime.fromtimestamp(row.expires, UTC),
        document_key=row.document_key,
    )

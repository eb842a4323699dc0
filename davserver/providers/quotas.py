"""Quotas (RFC 4331): how many bytes a folder with all in it, or the files of one user, may have.

What counts is the content that files have now; earlier versions and the trash do not. A user's
files are those that the user created. The bytes in use are booked in the catalog: the journal books
a change before its first step and gives it back if it is taken back, so that writers in several
processes never share the last free byte. What other programs do to files is found by ``check``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import (
    Connection,
    bindparam,
    delete,
    insert,
    literal,
    null,
    select,
    union_all,
    update,
)

from davserver import paths
from davserver.errors import Conflict, Forbidden, NotFound, QuotaExceeded, printable
from davserver.model import Entry, Quota
from davserver.providers import identities
from davserver.providers.catalog import Catalog
from davserver.providers.stores import FileStore, below
from davserver.providers.tables import quotas, resources
from davserver.words import say

Charges = dict[int, int]
"""Bytes by the number of the quota that they are booked on; fewer than none for what goes."""

_COLUMNS = (quotas.c.id, quotas.c.limit_bytes, quotas.c.used_bytes)
_OF_FOLDERS = select(*_COLUMNS, resources.c.path.label("subject")).join(
    resources, quotas.c.resource_id == resources.c.id
)
_OF_USERS = select(*_COLUMNS, quotas.c.principal.label("subject")).where(
    quotas.c.principal.is_not(None)
)
_ABOVE = resources.c.path.in_(bindparam("above", expanding=True))
_OWNER = select(resources.c.owner).where(resources.c.id == bindparam("resource")).scalar_subquery()
_ANY = select(quotas.c.id).limit(1)
# Every write runs this one where there are quotas. The row numbered 0 tells the owner, who may have
# no quota yet.
_FOR_WRITE = union_all(
    _OF_FOLDERS.where(_ABOVE),
    _OF_USERS.where(quotas.c.principal == _OWNER),
    select(literal(0), null(), literal(0), _OWNER),
)
_BOOK = (
    update(quotas)
    .where(quotas.c.id == bindparam("number"))
    .values(used_bytes=quotas.c.used_bytes + bindparam("more"))
)

_log = structlog.get_logger("davserver.quotas")


@dataclass(frozen=True, slots=True)
class Weight:
    """The bytes of a file or a whole tree, and those of them that belong to each user."""

    total: int
    by_owner: dict[str, int]


@dataclass(frozen=True, slots=True)
class Allotments:
    """What a listing tells about space: the quotas of folders, that of who asks, and the disk."""

    folders: dict[str, Quota]
    user: Quota | None
    disk: tuple[int, int]

    def of(self, folder: str) -> tuple[int, int]:
        """Bytes in use and bytes left (RFC 4331, 3 and 4), of the quota that leaves the fewest."""
        applying = [self.folders.get(path) for path in (folder, *paths.ancestors(folder))]
        found = [quota for quota in (*applying, self.user) if quota and quota.limit is not None]
        if not found:
            return self.disk
        tightest = min(found, key=lambda quota: quota.left)
        return tightest.used, min(tightest.left, self.disk[1])


class Quotas:
    """The quotas of one root. ``per_user`` bytes are for users without their own; 0: no limit."""

    def __init__(self, store: FileStore, catalog: Catalog, per_user: int = 0) -> None:
        self._store = store
        self._catalog = catalog
        self._per_user = per_user

    def charge(
        self,
        connection: Connection,
        path: str,
        resource_id: str,
        more: int,
        exceeds: list[str] | None = None,
    ) -> Charges:
        """Book ``more`` bytes at ``path``, which may be fewer than none, and tell on what.

        Raises QuotaExceeded. For what would be lost otherwise there is a list ``exceeds``, to which
        the subjects of such quotas are added instead.
        """
        if not more or not self._is_used(connection):
            return {}
        charges = {}
        for quota in self._applying(connection, path, resource_id):
            if more > 0 and quota.left < more:
                if exceeds is None:
                    raise exceeded(quota)
                exceeds.append(quota.subject)
                _log.warning("saved over quota", path=printable(path), quota=quota.subject)
            charges[quota.number] = more
        _book(connection, charges)
        return charges

    def charge_move(
        self,
        connection: Connection,
        *,
        source: str,
        destination: str,
        displaced: bool,
        owner: str,
        is_copy: bool,
    ) -> Charges:
        """Book that a tree comes to be at ``destination``, and what lay there goes.

        A copy belongs to ``owner``. Nothing is measured where there are no quotas. Raises
        QuotaExceeded, and Forbidden if a folder with a quota would be removed.
        """
        if not self._is_used(connection):
            return {}
        known = self._known(connection)
        charges: Charges = {}
        if displaced:
            self._leave(connection, known, destination, charges)
        if is_copy:
            total = self._weigh(connection, source).total
            self._add(connection, known, destination, Weight(total, {owner: total}), charges)
        elif paths.is_ours(destination):
            self._leave(connection, known, source, charges)
        elif paths.is_ours(source):
            self._add(connection, known, destination, self._weigh(connection, source), charges)
        else:
            total = self._weigh(connection, source).total
            self._add(connection, known, source, Weight(-total, {}), charges)
            self._add(connection, known, destination, Weight(total, {}), charges)
        for quota in known.values():
            more = charges.get(quota.number, 0)
            if more > 0 and quota.left < more:
                raise exceeded(quota)
        _book(connection, charges)
        return charges

    def owns_copies(self, connection: Connection, owner: str) -> bool:
        """Whether it has to be known which copies belong to ``owner``."""
        return bool(owner) and (bool(self._per_user) or owner in self._known(connection))

    def take_possession(self, connection: Connection, path: str, owner: str) -> None:
        """Note that every file of a tree belongs to ``owner``."""
        for file in self._files(path):
            identities.identify(connection, file.path, owner=owner)

    def give_back(self, connection: Connection, charges: Charges) -> None:
        """Take a booking back."""
        _book(connection, {number: -more for number, more in charges.items()})

    def most(self, path: str, resource_id: str | None, owner: str, present: int) -> int | None:
        """The size that a file at ``path`` may have, ``present`` bytes of which are booked already.

        None if no quota bounds it. ``owner`` is who creates the file, where it has no identity yet;
        empty if another program did.
        """
        with self._catalog.reading() as connection:
            if resource_id is None:
                above = [paths.key(folder) for folder in paths.ancestors(path)]
                folders = connection.execute(_OF_FOLDERS.where(_ABOVE), {"above": above})
                users = connection.execute(_OF_USERS.where(quotas.c.principal == owner))
                found = [self._quota(row) for row in [*folders, *users]]
                if self._per_user and owner and owner not in {one.subject for one in found}:
                    found.append(Quota(0, owner, self._per_user, 0))
            else:
                found = self._applying(connection, path, resource_id, make=False)
        bounds = [quota.left + present for quota in found if quota.limit is not None]
        return min(bounds) if bounds else None

    def allotments(self, principal: str) -> Allotments:
        """What is allotted to folders and to ``principal``, at this moment."""
        with self._catalog.reading() as connection:
            folders = [self._quota(row) for row in connection.execute(_OF_FOLDERS)]
            mine = _OF_USERS.where(quotas.c.principal == principal)
            user = [self._quota(row) for row in connection.execute(mine)]
        if not user and principal and self._per_user:
            user = [Quota(0, principal, self._per_user, 0)]
        by_path = {paths.path_of_key(quota.subject): quota for quota in folders}
        return Allotments(by_path, user[0] if user else None, self._store.space())

    def all(self) -> list[Quota]:
        """Every quota, folders first; a folder's subject is its path."""
        with self._catalog.reading() as connection:
            return sorted(map(_readable, self._known(connection).values()), key=_folders_first)

    def set(self, subject: str, limit: int) -> Quota:
        """Allot ``limit`` bytes to a folder, by its path, or to a user; what is there is counted.

        Raises NotFound, and Conflict for a file.
        """
        with self._store.exclusive_tree():
            if subject.startswith(paths.ROOT):
                entry = self._store.find(subject)
                if entry is None or paths.is_ours(subject):
                    raise NotFound(subject)
                if not entry.is_folder:
                    raise Conflict(say("A quota is for a folder or a user."))
            used = self._counted(subject)
            with self._catalog.writing() as connection:
                _remove(connection, subject)
                return _readable(self._begin(connection, subject, limit, used))

    def clear(self, subject: str) -> bool:
        """Take the quota of a folder or user away; tell whether there was one."""
        with self._store.exclusive_tree(), self._catalog.writing() as connection:
            return _remove(connection, subject)

    def check(self) -> list[tuple[Quota, int]]:
        """Count everything anew and set right what is booked; the quotas that were wrong.

        Each as it was booked, with the bytes that are in use really.
        """
        # Nobody writes files meanwhile; the catalog stays free for sign-in and sessions.
        with self._store.exclusive_tree():
            counted = [(quota, self._counted(quota.subject)) for quota in self.all()]
            wrong = [(quota, used) for quota, used in counted if used != quota.used]
            with self._catalog.writing() as connection:
                _book(connection, {quota.number: used - quota.used for quota, used in wrong})
        return wrong

    def refuse_removal(self, connection: Connection, path: str) -> None:
        """Raise Forbidden if a folder with a quota would go with ``path``: who did that and made
        the folder anew would be rid of it."""
        held = _OF_FOLDERS.where(identities.within(path)).limit(1)
        row = connection.execute(held).first()
        if row is not None:
            folder = printable(paths.path_of_key(row.subject))
            raise Forbidden(
                say("{folder} has a quota; an administrator has to clear it first.", folder=folder)
            )

    def _is_used(self, connection: Connection) -> bool:
        """Whether there is any quota: where there is none, a write costs one short look."""
        return bool(self._per_user) or connection.scalar(_ANY) is not None

    def _applying(
        self, connection: Connection, path: str, resource_id: str, *, make: bool = True
    ) -> list[Quota]:
        """The quotas of the folders above and of the owner, who gets a row with the first file."""
        above = [paths.key(folder) for folder in paths.ancestors(path)]
        values = {"above": above, "resource": resource_id}
        rows = connection.execute(_FOR_WRITE, values).all()
        applying = [self._quota(row) for row in rows if row.id]
        [owner] = [row.subject for row in rows if not row.id]
        if self._per_user and owner and owner not in {quota.subject for quota in applying}:
            counted = Quota(0, owner, self._per_user, 0)
            applying.append(self._begin(connection, owner, None) if make else counted)
        return applying

    def _known(self, connection: Connection) -> dict[str, Quota]:
        rows = connection.execute(union_all(_OF_FOLDERS, _OF_USERS))
        return {row.subject: self._quota(row) for row in rows}

    def _quota(self, row: Any) -> Quota:
        own = row.limit_bytes
        limit = own if own is not None else self._per_user or None
        return Quota(row.id, row.subject, limit, row.used_bytes)

    def _begin(
        self, connection: Connection, subject: str, limit: int | None, used: int | None = None
    ) -> Quota:
        """A row for ``subject`` with the bytes that it has now, counted if nobody did."""
        is_folder = subject.startswith(paths.ROOT)
        key = paths.key(subject) if is_folder else subject
        values = {
            "resource_id": identities.identify(connection, subject) if is_folder else None,
            "principal": None if is_folder else subject,
            "limit_bytes": limit,
            "used_bytes": self._count_owned(connection, subject) if used is None else used,
        }
        added = insert(quotas).values(values).returning(*_COLUMNS, literal(key).label("subject"))
        return self._quota(connection.execute(added).one())

    def _counted(self, subject: str) -> int:
        """The bytes that are in use really, of a folder's whole tree or a user's files."""
        if subject.startswith(paths.ROOT):
            return sum(file.size for file in self._files(subject))
        with self._catalog.reading() as connection:
            return self._count_owned(connection, subject)

    def _count_owned(self, connection: Connection, owner: str) -> int:
        """The bytes of the files that the catalog says are a user's."""
        owned = connection.scalars(select(resources.c.path).where(resources.c.owner == owner))
        found = (paths.path_of_key(text) for text in owned.all())
        entries = [self._store.find(path) for path in found if not paths.is_ours(path)]
        return sum(entry.size for entry in entries if entry is not None)

    def _leave(
        self, connection: Connection, known: dict[str, Quota], path: str, charges: Charges
    ) -> None:
        self.refuse_removal(connection, path)
        weight = self._weigh(connection, path)
        negative = {owner: -size for owner, size in weight.by_owner.items()}
        self._add(connection, known, path, Weight(-weight.total, negative), charges)

    def _add(
        self,
        connection: Connection,
        known: dict[str, Quota],
        path: str,
        weight: Weight,
        charges: Charges,
    ) -> None:
        """Put a weight on the quotas above ``path`` and on those of the owners."""
        bytes_for = {paths.key(folder): weight.total for folder in paths.ancestors(path)}
        for owner in weight.by_owner.keys() - known.keys() - {""}:
            if self._per_user:
                known[owner] = self._begin(connection, owner, None)
        bytes_for.update(weight.by_owner)
        for subject, more in bytes_for.items():
            quota = known.get(subject)
            if quota is not None and more:
                charges[quota.number] = charges.get(quota.number, 0) + more

    def _weigh(self, connection: Connection, path: str) -> Weight:
        rows = connection.execute(
            select(resources.c.path, resources.c.owner)
            .where(identities.within(path))
            .where(resources.c.owner != "")
        )
        owners = {paths.path_of_key(text): owner for text, owner in rows}
        total = 0
        by_owner: dict[str, int] = {}
        for file in self._files(path):
            total += file.size
            owner = owners.get(file.path)
            if owner:
                by_owner[owner] = by_owner.get(owner, 0) + file.size
        return Weight(total, by_owner)

    def _files(self, path: str) -> Iterator[Entry]:
        """Every file of a tree, or the one at ``path``; nothing if nothing is there."""
        top = self._store.find(path)
        if top is None:
            return
        tree = below(self._store.children, path) if top.is_folder else (top,)
        yield from (entry for entry in tree if not entry.is_folder)


def exceeded(quota: Quota) -> QuotaExceeded:
    """The failure of one who wants more than ``quota`` leaves."""
    is_folder = quota.subject.startswith(paths.ROOT)
    whose = printable(paths.path_of_key(quota.subject)) if is_folder else quota.subject
    return QuotaExceeded(
        say(
            "The quota of {whose} does not leave room for this: {used} of {limit} bytes are in "
            "use.",
            whose=whose,
            used=quota.used,
            limit=quota.limit,
        )
    )


def _book(connection: Connection, charges: Charges) -> None:
    for number, more in charges.items():
        connection.execute(_BOOK, {"number": number, "more": more})


def _remove(connection: Connection, subject: str) -> bool:
    if subject.startswith(paths.ROOT):
        identity = identities.find(connection, subject)
        this = quotas.c.resource_id == identity if identity else literal(value=False)
    else:
        this = quotas.c.principal == subject
    return connection.execute(delete(quotas).where(this)).rowcount > 0


def _readable(quota: Quota) -> Quota:
    if not quota.subject.startswith(paths.ROOT):
        return quota
    return Quota(quota.number, paths.path_of_key(quota.subject), quota.limit, quota.used)


def _folders_first(quota: Quota) -> tuple[bool, str]:
    return not quota.subject.startswith(paths.ROOT), quota.subject

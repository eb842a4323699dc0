"""Uploads: files that arrive in several requests, of whatever process. Knows no HTTP.

An upload is a row of the catalog and bytes beside the spools, where no sweeper goes. Either they
grow at the end, or they are parts in a folder, put together at last. Then they take the one way
that every write takes. Who works on an upload holds its file, as a writer holds his spool, so two
requests never mix, and the kernel lets go of what a killed process held.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Row, delete, func, insert, select, update

from davserver import paths
from davserver.errors import (
    BodyTooLarge,
    Conflict,
    Forbidden,
    Gone,
    NotFound,
    UploadBusy,
    WrongOffset,
)
from davserver.model import Entry, Upload, Writer
from davserver.providers.catalog import Catalog
from davserver.providers.exclusion import Exclusion
from davserver.providers.files import VersionedFiles, Written
from davserver.providers.filesystem import UPLOADS
from davserver.providers.journal import Journal
from davserver.providers.stores import Condition, FileStore, Spool, anything
from davserver.providers.tables import uploads
from davserver.words import say

MAX_OPEN_EACH = 100
"""Uploads that one principal may have open at a time."""
MAX_PARTS = 10_000
"""Parts that an upload may have: as many as Nextcloud takes."""

# After so many bytes of one request they are made durable and noted: what a kill can cost.
_NOTED_EVERY = 1 << 23

Take = Callable[[bytes], object]
"""Is shown every block, for a checksum."""


class Uploads:
    """The uploads to one root. ``seconds`` is how long one lives after its last request."""

    def __init__(
        self,
        store: FileStore,
        catalog: Catalog,
        journal: Journal,
        files: VersionedFiles,
        exclusion: Exclusion,
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._journal = journal
        self._files = files
        self._exclusion = exclusion

    def begin(
        self, owner: str, path: str, length: int, metadata: dict[str, str], seconds: int
    ) -> Upload:
        """An upload of ``length`` bytes to ``path``. Raises Forbidden beyond MAX_OPEN_EACH."""
        return self._add(owner, "", seconds, path=path, length=length, metadata=metadata)

    def begin_parts(self, owner: str, name: str, seconds: int) -> Upload:
        """An upload in parts that its owner calls ``name``.

        Raises Conflict if there is one already, Forbidden beyond MAX_OPEN_EACH.
        """
        known = self._find(uploads.c.owner == owner, uploads.c.name == name, live=False)
        if known is not None and _is_over(known):
            self._remove(known)
        upload = self._add(owner, name, seconds)
        self._store.make_folder(_place(upload))
        return upload

    def find(self, upload_id: str, owner: str) -> Upload:
        """An upload that grows, of this owner. Raises NotFound."""
        found = self._find(uploads.c.id == upload_id, uploads.c.owner == owner)
        if found is None or found.in_parts:
            raise NotFound(f"upload {upload_id}")
        return found

    def find_parts(self, owner: str, name: str) -> Upload:
        """The upload in parts that its owner calls ``name``. Raises NotFound."""
        found = self._find(uploads.c.name == name, uploads.c.owner == owner)
        if found is None or not found.in_parts:
            raise NotFound(f"upload {name}")
        return found

    def append(
        self,
        upload: Upload,
        offset: int,
        blocks: Iterable[bytes],
        seconds: int,
        *,
        take: Take | None = None,
        verify: Callable[[], None] | None = None,
    ) -> Upload:
        """Add ``blocks`` at ``offset``; what arrived stays even where ``blocks`` ends by raising.

        Not so with ``verify``, which raises if the blocks that ``take`` was shown are not right:
        then it is all or nothing. Raises WrongOffset, BodyTooLarge, UploadBusy, Gone.
        """
        with self._held(upload) as spool:
            upload = self.find(upload.id, upload.owner)
            if offset != upload.offset or upload.is_finished:
                raise WrongOffset(upload.offset)
            spool.rewind(offset)
            noted = offset
            try:
                for block in blocks:
                    if spool.size + len(block) > upload.length:
                        raise BodyTooLarge(upload.length)
                    spool.write(block)
                    if take is not None:
                        take(block)
                    elif spool.size - noted >= _NOTED_EVERY:
                        noted = self._note(upload, spool, seconds)
            except BaseException:
                if verify is None:
                    self._note(upload, spool, seconds)
                raise
            if verify is not None:
                verify()
            self._note(upload, spool, seconds)
        return self.find(upload.id, upload.owner)

    def finish(
        self,
        upload: Upload,
        writer: Writer,
        *,
        condition: Condition = anything,
        modified_ns: int | None = None,
    ) -> Upload:
        """Make an upload whose bytes are all there the file it is for; once, however often asked.

        Raises what ``VersionedFiles.commit`` raises; the bytes stay, for another try.
        """
        self._repair(upload)
        upload = self.find(upload.id, upload.owner)
        if upload.is_finished:
            return upload
        try:
            with self._held(upload) as spool:
                if not self.find(upload.id, upload.owner).is_finished:
                    spool.rewind(upload.offset)
                    self._files.commit(
                        upload.path,
                        spool,
                        writer,
                        condition=condition,
                        modified_ns=modified_ns,
                        upload_id=upload.id,
                    )
        except Gone:
            # Somebody was faster, and the bytes are the file now; maybe it is not booked yet.
            self._repair(upload)
            if not self.find(upload.id, upload.owner).is_finished:
                raise
        return self.find(upload.id, upload.owner)

    def put_part(
        self, upload: Upload, part: str, blocks: Iterable[bytes], max_bytes: int, seconds: int
    ) -> bool:
        """Store one part, whole or not at all; tell whether it is new.

        Raises Forbidden beyond MAX_PARTS, BodyTooLarge where all parts exceed ``max_bytes`` (0: no
        limit).
        """
        path = paths.join(_place(upload), part)
        with self._store.spool() as spool:
            for block in blocks:
                spool.write(block)
            spool.seal()
            with self._exclusion.names(upload.id):
                upload = self.find_parts(upload.owner, upload.name)
                if upload.is_finished:
                    raise Gone(say("This upload has become a file already."))
                others = [one for one in self.parts(upload) if one.name != part]
                is_new = self._store.find(path) is None
                if len(others) >= MAX_PARTS:
                    raise Forbidden(
                        say("An upload has at most {max_parts} parts.", max_parts=MAX_PARTS)
                    )
                if max_bytes and sum(one.size for one in others) + spool.size > max_bytes:
                    raise BodyTooLarge(max_bytes)
                self._store.publish(spool.path, path, replace=not is_new)
                self._store.settle(path)
                self._update(upload, expires=time.time() + seconds)
        return is_new

    def parts(self, upload: Upload) -> list[Entry]:
        """The parts that have arrived, in their order: by the numbers in their names."""
        try:
            found = list(self._store.children(_place(upload)))
        except NotFound:
            return []
        return sorted(found, key=lambda one: [int(number) for number in one.name.split("-")])

    def join_parts(
        self,
        upload: Upload,
        path: str,
        length: int | None,
        writer: Writer,
        *,
        condition: Condition = anything,
        modified_ns: int | None = None,
        checked: Callable[[Iterable[bytes]], Iterable[bytes]] = iter,
    ) -> Written | None:
        """Put the parts together as the file at ``path``; None if that was done before.

        ``checked`` passes all bytes on, or raises. Raises Conflict where they are not ``length``
        bytes, and what ``VersionedFiles.commit`` raises; the parts stay, for another try.
        """
        self._repair(upload)
        with self._exclusion.names(upload.id):
            upload = self.find_parts(upload.owner, upload.name)
            if upload.is_finished:
                return None
            parts = self.parts(upload)
            size = sum(part.size for part in parts)
            if length is not None and size != length:
                raise Conflict(
                    say(
                        "The parts are {size} bytes, and not {length}: some are missing.",
                        size=size,
                        length=length,
                    )
                )
            with self._store.spool() as spool:
                for block in checked(self._content(parts)):
                    spool.write(block)
                written = self._files.commit(
                    path,
                    spool,
                    writer,
                    condition=condition,
                    modified_ns=modified_ns,
                    upload_id=upload.id,
                )
            self._store.remove_tree(_place(upload))
            return written

    def abandon(self, upload: Upload) -> None:
        """Give an upload up, with its bytes. Raises UploadBusy."""
        self._remove(upload)

    def purge(self) -> int:
        """Remove expired uploads, but for those that somebody holds; tell how many."""
        with self._catalog.reading() as connection:
            expired = connection.execute(
                select(uploads).where(uploads.c.expires < time.time())
            ).all()
        removed = 0
        for row in expired:
            with suppress(UploadBusy):
                removed += self._remove(_upload(row), only_expired=True)
        return removed

    def _held(self, upload: Upload) -> Spool:
        """The upload's bytes, for one holder. Raises UploadBusy, Gone."""
        try:
            return self._store.resume(_place(upload), upload.offset)
        except NotFound:
            raise Gone(say("The part of the upload that was stored is no longer there.")) from None

    def _repair(self, upload: Upload) -> None:
        """See that nobody is amid making this upload a file: wait, or make up for who died."""
        if self._journal.mentions(upload.id):
            self._journal.repair()

    def _note(self, upload: Upload, spool: Spool, seconds: int) -> int:
        spool.settle()
        self._update(upload, offset=spool.size, expires=time.time() + seconds)
        return spool.size

    def _content(self, parts: list[Entry]) -> Iterator[bytes]:
        """The bytes of all parts together."""
        for part in parts:
            content, _ = self._store.open(part.path)
            with content:
                while block := content.read(_NOTED_EVERY):
                    yield block

    def _remove(self, upload: Upload, *, only_expired: bool = False) -> bool:
        """The bytes first: a crash between leaves a row, which expires."""
        this = uploads.c.id == upload.id
        with ExitStack() as held:
            held.enter_context(self._exclusion.names(upload.id))
            if not upload.in_parts:
                with suppress(NotFound):
                    held.enter_context(self._store.resume(_place(upload), 1))
            if only_expired and self._find(this) is not None:
                return False  # it was heard of since
            self._store.remove_tree(_place(upload))
            with self._catalog.writing() as connection:
                connection.execute(delete(uploads).where(this))
        return True

    def _add(
        self,
        owner: str,
        name: str,
        seconds: int,
        *,
        path: str = "",
        length: int = 0,
        metadata: dict[str, str] | None = None,
    ) -> Upload:
        upload_id = uuid4().hex
        mine = (uploads.c.owner == owner) & (uploads.c.etag == "")
        live = uploads.c.expires > time.time()
        with self._catalog.writing() as connection:
            same = select(uploads.c.id).where(uploads.c.owner == owner, uploads.c.name == name)
            if connection.scalar(same) is not None:
                raise Conflict(say("An upload with this name is under way."))
            opened = connection.scalar(select(func.count()).where(mine, live)) or 0
            if opened >= MAX_OPEN_EACH:
                raise Forbidden(
                    say(
                        "You have {max_open_each} uploads open already; end some first.",
                        max_open_each=MAX_OPEN_EACH,
                    )
                )
            connection.execute(
                insert(uploads).values(
                    id=upload_id,
                    owner=owner,
                    name=name or upload_id,
                    in_parts=bool(name),
                    path=paths.key(path) if path else "",
                    length=length,
                    offset=0,
                    metadata=json.dumps(metadata or {}),
                    expires=time.time() + seconds,
                    etag="",
                )
            )
            this = select(uploads).where(uploads.c.id == upload_id)
            return _upload(connection.execute(this).one())

    def _find(self, *conditions: ColumnElement[bool], live: bool = True) -> Upload | None:
        statement = select(uploads).where(*conditions)
        if live:
            statement = statement.where(uploads.c.expires > time.time())
        with self._catalog.reading() as connection:
            row = connection.execute(statement).first()
        return None if row is None else _upload(row)

    def _update(self, upload: Upload, **values: object) -> None:
        with self._catalog.writing() as connection:
            connection.execute(update(uploads).where(uploads.c.id == upload.id).values(values))


def _place(upload: Upload) -> str:
    """Where the bytes lie: a file that grows, or a folder of parts."""
    return paths.join(UPLOADS, upload.id)


def _is_over(upload: Upload) -> bool:
    return upload.is_finished or upload.expires <= datetime.now(UTC)


def _upload(row: Row[Any]) -> Upload:
    return Upload(
        id=row.id,
        owner=row.owner,
        name=row.name,
        in_parts=row.in_parts,
        path=paths.path_of_key(row.path),
        length=row.length,
        offset=row.offset,
        metadata=json.loads(row.metadata),
        expires=datetime.fromtimestamp(row.expires, UTC),
        etag=row.etag,
    )

"""Puts what the Document Server delivers where it belongs: over its file, or beside it."""

from dataclasses import dataclass, replace

import structlog

from davserver import paths
from davserver.editor.contents import is_form_at
from davserver.editor.conversion.saving_back import SavingBack
from davserver.editor.saving.beside import place_beside
from davserver.editor.saving.standing import Standing
from davserver.editor.server.soundness import fault_of
from davserver.errors import Conflict, DavserverError, FileLocked
from davserver.model import EditSession, Entry, Origin, SessionState, Writer
from davserver.providers.files import VersionedFiles
from davserver.providers.saves import Reason, Save, Saves
from davserver.providers.sessions import LOCK_PRINCIPAL
from davserver.providers.stores import Spool

_log = structlog.get_logger("davserver.editor")


# Each of these stays true for all that the session saves later.
_SEQUELS = frozenset({Reason.CHANGED, Reason.LOCKED, Reason.VANISHED, Reason.ENDED, Reason.UNSENT})


class _ChangedMeanwhile(Conflict):
    """The file is not what the session began with, nor what it saved since."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A document as it came: ``number`` in the journal of saves, the format, and who saved.

    One of ``users`` must have the right to save. ``beside`` is why it must not go over its file,
    if something about the delivery itself forbids it. ``url`` is where the server has it.
    ``writers`` are all who changed something, as far as that is told, ``last_change`` is when.
    """

    number: int
    filetype: str
    author: str
    users: tuple[str, ...]
    beside: Reason | None = None
    url: str = ""
    writers: tuple[str, ...] = ()
    last_change: str = ""


class Storing:
    """The one way into the folder for what was written in the editor."""

    def __init__(
        self, files: VersionedFiles, saves: Saves, standing: Standing, saving_back: SavingBack
    ) -> None:
        self.files = files
        self.saves = saves
        self._standing = standing
        self._saving_back = saving_back

    def put(self, session: EditSession, delivery: Delivery, spool: Spool) -> str:
        """Put the bytes over the file if it is still the session's, else beside it; the path.

        Then they are durable, and that is booked with ``delivery.number``. Raises what is passing,
        with a status of 500 or more.
        """
        path = self.files.path_of(session.resource_id)
        reason = self._reason_to_go_beside(path, delivery)
        if reason in {None, Reason.CONVERTED} and session.state is SessionState.ENDED:
            reason = Reason.ENDED
        if reason is None and session.filler:
            reason = Reason.UNSENT
        sent = self._sent_off(session, delivery) if reason is Reason.UNSENT else None
        if sent is not None and self._follow(sent, delivery, spool):
            return sent.path
        if path is None or reason is not Reason.CONVERTED:
            return self._put(session, delivery, spool, path, reason)
        if self._is_conversion_of(session, path, spool):
            self.saves.was_there(delivery.number, path, spool.sha256)
            return path
        self.saves.converts(delivery.number, spool.sha256)
        extension = paths.extension(path)
        with self.files.spool() as back:
            is_back = self._saving_back.convert(
                delivery.url, spool, delivery.filetype, path, extension, back
            )
            if is_back and not fault_of(back, extension):
                own = replace(delivery, filetype=extension)
                return self._put(session, own, back, path, None)
        return self._put(session, delivery, spool, path, reason)

    def _put(
        self,
        session: EditSession,
        delivery: Delivery,
        spool: Spool,
        path: str | None,
        reason: Reason | None,
    ) -> str:
        if path is not None and reason is None:
            if self._is_stored(session, path, spool):
                self.saves.was_there(delivery.number, path, spool.sha256)
                return path
            try:
                self._commit(session, path, spool, delivery)
            except DavserverError as fault:
                if fault.status >= 500:
                    raise
                reason = self._why_not_over(path, fault)
            else:
                _log.info("saved", path=path, author=delivery.author)
                return path
        there = self._kept_at(session, spool)
        if there:
            self.saves.was_there(delivery.number, there, spool.sha256)
            return there
        near = path or self.files.last_path_of(session.resource_id)
        reason = reason or Reason.VANISHED
        return self._go_on_beside(session, near, delivery, spool, reason) or self.put_beside(
            near, delivery, spool, reason
        )

    def _go_on_beside(
        self, session: EditSession, near: str, delivery: Delivery, spool: Spool, reason: Reason
    ) -> str:
        """Where a session's saves go beside the file one after the other, they are versions of one.

        The path of the earlier one; empty if there is none that is as it was put there.
        """
        earlier = self._earlier(session.key.value, reason) if reason in _SEQUELS else None
        if earlier is None or paths.extension(earlier.path) != delivery.filetype:
            return ""

        self.saves.set_apart(delivery.number, reason.value, near, to_tell=False)
        if not self._follow(earlier, delivery, spool):
            return ""
        self.saves.make_known(earlier.number)
        return earlier.path

    def _follow(self, earlier: Save, delivery: Delivery, spool: Spool) -> bool:
        """Make the bytes the next version of an earlier save, if that is as it was put there."""

        def untouched(entry: Entry | None) -> None:
            if entry is None or entry.is_folder or self.files.sha256(entry) != earlier.sha256:
                raise _ChangedMeanwhile

        writer = Writer("", author=delivery.author, origin=Origin.EDITOR)
        try:
            self.files.commit(
                earlier.path, spool, writer, condition=untouched, callback_id=delivery.number
            )
        except DavserverError as fault:
            if fault.status >= 500:
                raise
            return False
        return True

    def _earlier(self, key: str, reason: Reason) -> Save | None:
        """The last save of a session that was put beside its file because of ``reason``."""
        found = [one for one in self.saves.of_key(key) if one.is_stored and one.reason == reason]
        return found[-1] if found else None

    def put_beside(self, near: str, delivery: Delivery, spool: Spool, reason: Reason) -> str:
        """Put the bytes beside ``near`` because of ``reason``, and have people told; the path."""
        self.saves.set_apart(delivery.number, reason.value, near)
        placed = place_beside(
            self.files,
            spool,
            near,
            delivery.filetype or paths.extension(near),
            reason,
            delivery.author,
            delivery.number,
        )
        _log.warning(
            "saved beside", path=near, beside=placed, reason=str(reason), author=delivery.author
        )
        return placed

    def _reason_to_go_beside(self, path: str | None, delivery: Delivery) -> Reason | None:
        if delivery.beside is not None:
            return delivery.beside
        if path is None:
            return Reason.VANISHED
        users = delivery.users
        if users and not any(self._standing.may_save(user, path) for user in users):
            return Reason.NOT_PERMITTED
        # What could not be saved in its own format comes as another: a docx is not to be put over a
        # .doc.
        is_other = delivery.filetype and delivery.filetype != paths.extension(path)
        if is_other:
            return Reason.CONVERTED
        return Reason.UNSENT if self._is_filled_in(path, delivery) else None

    def _is_filled_in(self, path: str, delivery: Delivery) -> bool:
        """Whether those who may only fill a form in, did: the next ones get it as it was made."""
        writers = delivery.writers or delivery.users
        if not writers or not all(self._standing.only_fills(user, path) for user in writers):
            return False
        return is_form_at(self.files, path) is True

    def _sent_off(self, session: EditSession, delivery: Delivery) -> Save | None:
        """The form that was sent off when nothing was typed after that, within a second.

        The server saves it again at the end, in other bytes.
        """
        when, writers = delivery.last_change, set(delivery.writers)
        for save in self.saves.of_key(session.key.value):
            is_sent = save.is_stored and not save.reason and save.number < delivery.number
            if is_sent and when and (save.last_change, set(save.writers)) == (when, writers):
                return save
        return None

    def _why_not_over(self, path: str, fault: DavserverError) -> Reason:
        if isinstance(fault, FileLocked):
            return Reason.LOCKED
        return Reason.VANISHED if self.files.find(path) is None else Reason.CHANGED

    def _is_stored(self, session: EditSession, path: str, spool: Spool) -> bool:
        """Whether the file has just these bytes from this session: our answer to them was lost."""
        entry = self.files.find(path)
        if entry is None:
            return False
        saved = self.files.saved_state(session.resource_id, entry.etag)
        return (saved.document_key, saved.sha256) == (session.key.value, spool.sha256)

    def _is_conversion_of(self, session: EditSession, path: str, spool: Spool) -> bool:
        """Whether the file is what was made of just these bytes: our answer to them was lost."""
        entry = self.files.find(path)
        if entry is None:
            return False
        saved = self.files.saved_state(session.resource_id, entry.etag)
        return saved.document_key == session.key.value and any(
            (one.came_as, one.sha256) == (spool.sha256, saved.sha256)
            for one in self.saves.of_key(session.key.value)
        )

    def _kept_at(self, session: EditSession, spool: Spool) -> str:
        """Where the session's own save of the same bytes is, as a version of a file; else empty."""
        for save in self.saves.of_key(session.key.value):
            if save.is_stored and save.sha256 == spool.sha256 and self.files.find(save.path):
                versions = self.files.versions(save.path)
                if any(version.sha256 == spool.sha256 for version in versions):
                    return save.path
        return ""

    def _commit(self, session: EditSession, path: str, spool: Spool, delivery: Delivery) -> None:
        def still_ours(entry: Entry | None) -> None:
            if entry is None or entry.is_folder:
                raise _ChangedMeanwhile
            saved = self.files.saved_state(session.resource_id, entry.etag)
            if entry.etag != session.etag and saved.document_key != session.key.value:
                raise _ChangedMeanwhile

        writer = Writer(
            LOCK_PRINCIPAL + session.key.value,
            frozenset({session.lock_token}),
            delivery.author,
            Origin.EDITOR,
        )
        self.files.commit(
            path,
            spool,
            writer,
            condition=still_ours,
            document_key=session.key.value,
            callback_id=delivery.number,
        )

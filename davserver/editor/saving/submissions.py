"""Submitted forms: the filled copy, its data, and a row in a table, in a folder beside the form.

Source: Docs API, "Callback handler": "forcesavetype" 3, and "formsdataurl", where a list of objects
with "key", "type" and "value" is to be fetched; 9.3 has it under "formsdata".
"""

import json
from dataclasses import dataclass
from typing import Any

import structlog

from davserver import paths
from davserver.editor.saving import tables
from davserver.editor.saving.beside import name_beside
from davserver.editor.saving.standing import Standing
from davserver.errors import (
    Conflict,
    DavserverError,
    FileLocked,
    MethodNotAllowed,
    ParentMissing,
    Unavailable,
)
from davserver.model import Entry, Origin, Writer
from davserver.providers.files import VersionedFiles, absent
from davserver.providers.saves import Reason, Save, Saves
from davserver.providers.stores import Spool
from davserver.providers.trees import Trees
from davserver.words import say

FOLDER = "Form results"

MAX_DATA_BYTES = 4 << 20
MAX_FIELDS = 5_000
_MAX_TABLE_BYTES = 1 << 20
"""A table that has grown to this size is full; the next one is begun."""
_ATTEMPTS = 200

_log = structlog.get_logger("davserver.editor")


@dataclass(frozen=True, slots=True)
class Submission:
    """One form that somebody sent off: ``form`` is its path, ``fields`` what was filled in.

    ``user`` is the id of who did; empty if the Document Server does not tell.
    """

    save: Save
    form: str
    filetype: str
    fields: list[dict[str, Any]]
    user: str = ""

    @property
    def stem(self) -> str:
        """The form's name without its extension."""
        name = paths.name(self.form)
        return name.rpartition(".")[0] or name

    def name(self, extension: str, reason: Reason, attempt: int) -> str:
        """What the copy is called: who filled it in, and when; the same at each delivery."""
        when = self.save.received.astimezone()
        return name_beside(
            paths.name(self.form), extension, reason, self.save.author, when, attempt
        )


class FormResults:
    """The folders with what was submitted. Nothing here touches a form."""

    def __init__(
        self, files: VersionedFiles, trees: Trees, saves: Saves, standing: Standing
    ) -> None:
        self._files = files
        self._trees = trees
        self._saves = saves
        self._standing = standing

    def take(self, submission: Submission, filled: Spool) -> str:
        """Store a submission; the path of the filled copy.

        The data come first, under a name that is free; then the copy, then the row. So another
        delivery after a crash finds its own steps, by the number in the data and the copy's name in
        the row, and does what is left. Who lost the right to fill it in since they opened it gets
        no row: what they sent is kept under a name that says so, and people are told.
        """
        reason = self._reason(submission)
        writer = Writer("", author=submission.save.author, origin=Origin.EDITOR)
        folder = self._folder_for(submission.form, writer)
        for attempt in range(1, _ATTEMPTS):
            copy = paths.join(folder, submission.name(submission.filetype, reason, attempt))
            data = paths.join(folder, submission.name("json", reason, attempt))
            told = _told(submission, paths.name(copy), reason)
            if self._put_data(data, told, writer) and self._put_copy(copy, filled, writer):
                break
        else:
            raise Unavailable("There is no name left for a submitted form.")
        if reason is Reason.FORM:
            self._add_row(folder, paths.name(copy), submission, writer)
        self._saves.conclude(submission.save.number, copy, filled.sha256)
        _log.info("form submitted", path=submission.form, stored=copy, reason=str(reason))
        return copy

    def _reason(self, submission: Submission) -> Reason:
        """Why the copy is called what it is; decided once, and remembered in the journal."""
        save, user = submission.save, submission.user
        if save.reason:
            return Reason(save.reason)
        if not user or self._standing.may_save(user, submission.form):
            return Reason.FORM
        self._saves.set_apart(save.number, Reason.NOT_PERMITTED, submission.form)
        return Reason.NOT_PERMITTED

    def _folder_for(self, form: str, writer: Writer) -> str:
        """The folder beside the form, or the nearest one above that can be had."""
        for above in paths.ancestors(form):
            folder = paths.join(above, FOLDER)
            found = self._files.find(folder)
            if found is not None and found.is_folder:
                return folder
            try:
                self._trees.make_folder(folder, writer)
            except MethodNotAllowed:
                # Made by another process just now; else a file has this name.
                made = self._files.find(folder)
                if made is not None and made.is_folder:
                    return folder
            except (FileLocked, ParentMissing):
                continue
            else:
                return folder
        raise Unavailable("There is no folder that could take a submitted form.")

    def _put_data(self, path: str, told: dict[str, Any], writer: Writer) -> bool:
        """Take the name for this submission; False if it is another's."""
        content = json.dumps(told, indent=1, ensure_ascii=False).encode("utf-8", "replace")
        try:
            self._write(path, content, writer, None)
        except Conflict:
            return self._read(path)[1] == content
        return True

    def _put_copy(self, path: str, filled: Spool, writer: Writer) -> bool:
        try:
            self._files.commit(path, filled, writer, condition=absent)
        except Conflict:
            there = self._files.find(path)
            return there is not None and self._files.sha256(there) == filled.sha256
        return True

    def _add_row(self, folder: str, copy: str, submission: Submission, writer: Writer) -> None:
        """A row in the first table that is ours, has room and is not locked."""
        by, when = submission.save.author, submission.save.received.astimezone()
        row = tables.Row(f"{when:%Y-%m-%d %H:%M:%S}", by, copy, tables.cells(submission.fields))
        for number in range(1, _ATTEMPTS):
            name = f"{submission.stem}.csv" if number == 1 else f"{submission.stem} {number}.csv"
            if self._add_to(paths.join(folder, name), row, writer):
                return
        raise Unavailable("There is no table that could take a row.")

    def _add_to(self, path: str, row: tables.Row, writer: Writer) -> bool:
        for _ in range(_ATTEMPTS):
            entry, content = self._read(path)
            if entry is not None and (entry.is_folder or entry.size > _MAX_TABLE_BYTES):
                return False
            with_row = tables.with_row(content, row)
            if with_row is None:
                return False
            if with_row == content:
                return True
            try:
                self._write(path, with_row, writer, entry)
            except FileLocked:
                return False
            except Conflict:
                # Another one was submitted at the same time: look again.
                continue
            return True
        return False

    def _read(self, path: str) -> tuple[Entry | None, bytes]:
        entry = self._files.find(path)
        if entry is None or entry.is_folder or entry.size > MAX_DATA_BYTES * 2:
            return entry, b""
        try:
            content, opened = self._files.open(path)
        except DavserverError:
            return None, b""
        with content:
            return opened, content.read(MAX_DATA_BYTES * 2)

    def _write(self, path: str, content: bytes, writer: Writer, over: Entry | None) -> None:
        def unchanged(entry: Entry | None) -> None:
            if (entry.etag if entry else "") != (over.etag if over else ""):
                raise Conflict(say("The file has changed."))

        with self._files.spool() as spool:
            spool.write(content)
            self._files.commit(path, spool, writer, condition=unchanged)


def _told(submission: Submission, copy: str, reason: Reason) -> dict[str, Any]:
    """The data of a submission, as its JSON tells them."""
    return {
        "submission": submission.save.number,
        "form": paths.name(submission.form),
        "file": copy,
        "by": submission.save.author,
        "time": submission.save.received.isoformat(),
        "permitted": reason is Reason.FORM,
        "fields": submission.fields,
    }


def parsed(content: bytes) -> list[dict[str, Any]]:
    """The fields of a form as the Document Server tells them; what is no field is left out.

    Raises ValueError for what is no list of them.
    """
    found = json.loads(content)
    if isinstance(found, dict):
        found = found.get("formsdata")
    if not isinstance(found, list) or len(found) > MAX_FIELDS:
        raise ValueError("not a list of fields, or one of too many")
    return [one for one in found if isinstance(one, dict) and one.get("key")]

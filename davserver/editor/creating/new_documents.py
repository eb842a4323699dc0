"""/-/new: a blank document, or one from a template, in a folder under a name that is free."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from davserver import paths
from davserver.audit import Event
from davserver.editor.creating.blank import BlankDocuments
from davserver.editor.creating.forms import BlankForms
from davserver.editor.creating.habits import Habit, Habits
from davserver.editor.creating.instances import DOCUMENTS, instance
from davserver.editor.creating.templates import Template, Templates
from davserver.editor.middleware import EDIT
from davserver.errors import BadRequest, BodyTooLarge, Gone, NotFound
from davserver.model import Entry, Origin, Right
from davserver.pages import Pages
from davserver.providers.access import Access
from davserver.providers.files import VersionedFiles
from davserver.providers.free_names import place_new
from davserver.providers.stores import Spool
from davserver.web import BLOCK, Request, Response, redirect
from davserver.words import say

DEFAULT_NAMES = {
    "docx": say("New document"),
    "xlsx": say("New spreadsheet"),
    "pptx": say("New presentation"),
    "odt": say("New document"),
    "ods": say("New spreadsheet"),
    "odp": say("New presentation"),
    "pdf": say("New form"),
    "txt": say("New text"),
}
FORM = "pdf"


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a new document begins as: its extension, a name to propose, and what writes it."""

    kind: str
    name: str
    write: Callable[[Spool], None]
    template: Entry | None = None


class NewDocument:
    """GET: a page that asks, for a link that leads here. POST: make it, and lead to its editor.

    ``kind`` is an extension, or ``template`` the address of a file to begin with; ``folder`` is
    where it shall be, ``name`` what it shall be called. ``max_bytes`` is the largest template.
    """

    def __init__(
        self,
        pages: Pages,
        files: VersionedFiles,
        access: Access,
        blank: BlankDocuments,
        templates: Templates,
        habits: Habits,
        max_bytes: int,
        forms: BlankForms | None = None,
    ) -> None:
        self._pages = pages
        self._files = files
        self._access = access
        self._blank = blank
        self._templates = templates
        self._habits = habits
        self._max_bytes = max_bytes
        self._forms = forms

    def __call__(self, request: Request) -> Response:
        fields = request.form if request.method == "POST" else request.query
        beginning = self._beginning(request, fields)
        folder = request.resource(fields.get("folder") or "/")
        self._access.check(request.principal, folder, Right.CREATE)
        if not self._files.entry(folder).is_folder:
            raise NotFound(folder)
        if request.method != "POST":
            return self._page(request, folder, beginning)
        path = self._create(request, folder, beginning)
        request.note(Event.CREATED, path=path)
        return redirect(request.addresses.page(EDIT, path))

    def _page(self, request: Request, folder: str, beginning: Beginning) -> Response:
        """What nobody asked for by a form of ours is made only after a yes."""
        template = beginning.template
        return self._pages.render(
            request,
            "new.html",
            beginning=beginning,
            chosen=request.addresses.target(template.path) if template else "",
            template_name=template.name if template else "",
            templates=[] if template else self._of_kind(request, beginning.kind),
            target=request.addresses.target,
            folder=request.addresses.target(folder, folder=True),
            folder_name=paths.name(folder) if folder != request.root else say("Files"),
            back=request.addresses.of(folder, folder=True),
            wanted="",
        )

    def _of_kind(self, request: Request, kind: str) -> list[Template]:
        return [one for one in self._templates.of(request) if one.extension == kind]

    def _beginning(self, request: Request, fields: dict[str, str]) -> Beginning:
        if fields.get("template"):
            return self._from_template(request, request.resource(fields["template"]))
        kind = fields.get("kind", "")
        if kind not in DEFAULT_NAMES:
            raise BadRequest(
                say(
                    "A new document is one of {default_names}.",
                    default_names=", ".join(DEFAULT_NAMES),
                )
            )
        habit = self._habits.of(request)

        def write(spool: Spool) -> None:
            if kind == FORM:
                self._write_form(request, habit, spool)
            elif kind != "txt":
                spool.write(self._blank.make(kind, habit.language, habit.paper))

        return Beginning(kind, request.language.said(DEFAULT_NAMES[kind]), write)

    def _write_form(self, request: Request, habit: Habit, spool: Spool) -> None:
        if self._forms is None:
            raise Gone(say("PDF forms are made by a Document Server, and none is configured here."))
        self._forms.write(request, habit, spool)

    def _from_template(self, request: Request, path: str) -> Beginning:
        path = self._files.as_stored(path)
        # Whoever gets a copy of it has it.
        self._access.check(request.principal, path, Right.READ, Right.DOWNLOAD)
        entry = self._files.entry(path)
        extension = paths.extension(path)
        if entry.is_folder or not extension:
            raise NotFound(path)
        if entry.size > self._max_bytes:
            raise BodyTooLarge(self._max_bytes)

        def write(spool: Spool) -> None:
            content, _ = self._files.open(path)
            with content:
                if extension not in DOCUMENTS:
                    _pour(content, spool)
                    return
                with tempfile.TemporaryFile() as document:
                    instance(content, document)
                    document.seek(0)
                    _pour(document, spool)

        stem = entry.name[: -len(extension) - 1]
        return Beginning(DOCUMENTS.get(extension, extension), stem, write, entry)

    def _create(self, request: Request, folder: str, beginning: Beginning) -> str:
        kind = beginning.kind
        name = request.form.get("name", "").strip().strip("/") or beginning.name
        if "/" in name:
            raise BadRequest(say("A name cannot contain a slash."))
        stem = name[: -len(kind) - 1] if name.lower().endswith(f".{kind}") else name
        writer = request.principal.writer(Origin.BROWSER)
        with self._files.spool() as spool:
            beginning.write(spool)
            return place_new(self._files, paths.join(folder, f"{stem}.{kind}"), spool, writer)


def _pour(content: BinaryIO, spool: Spool) -> None:
    while block := content.read(BLOCK):
        spool.write(block)

"""POST /-/new: a blank document in a folder, under a name that is free."""

from davserver import paths
from davserver.audit import Event
from davserver.editor.blank import BlankDocuments, Paper
from davserver.editor.language import normalized, preferred_language
from davserver.editor.middleware import EDIT
from davserver.errors import BadRequest, Conflict, NotFound
from davserver.model import Origin, Right
from davserver.providers.access import Access
from davserver.providers.files import VersionedFiles, absent
from davserver.web import Request, Response, redirect

DEFAULT_NAMES = {
    "docx": "New document",
    "xlsx": "New spreadsheet",
    "pptx": "New presentation",
    "txt": "New text",
}
_ATTEMPTS = 1000


class NewDocument:
    """Makes the document and leads to its editor.

    ``language`` and ``paper`` are the settings; an empty language means that of the person's
    browser.
    """

    def __init__(
        self,
        files: VersionedFiles,
        access: Access,
        blank: BlankDocuments,
        language: str,
        paper: Paper,
    ) -> None:
        self._files = files
        self._access = access
        self._blank = blank
        self._language = normalized(language) if language else None
        self._paper = paper

    def __call__(self, request: Request) -> Response:
        kind = request.form.get("kind", "")
        if kind not in DEFAULT_NAMES:
            raise BadRequest(f"A new document is one of {', '.join(DEFAULT_NAMES)}.")
        folder = request.resource(request.form.get("folder", "/"))
        self._access.check(request.principal, folder, Right.CREATE)
        entry = self._files.entry(folder)
        if not entry.is_folder:
            raise NotFound(folder)
        name = request.form.get("name", "").strip().strip("/") or DEFAULT_NAMES[kind]
        if "/" in name:
            raise BadRequest("A name cannot contain a slash.")
        stem = name[: -len(kind) - 1] if name.lower().endswith(f".{kind}") else name
        path = self._create(request, folder, stem, kind)
        request.note(Event.CREATED, path=path)
        return redirect(request.url(EDIT[:-1] + request.addresses.target(path)))

    def _create(self, request: Request, folder: str, stem: str, kind: str) -> str:
        language = self._language or preferred_language(request.header("Accept-Language"))
        content = b"" if kind == "txt" else self._blank.make(kind, language, self._paper)
        writer = request.principal.writer(Origin.BROWSER)
        for number in range(1, _ATTEMPTS):
            numbered = stem if number == 1 else f"{stem} ({number})"
            path = paths.join(folder, f"{numbered}.{kind}")
            if self._files.find(path) is not None:
                continue
            with self._files.spool() as spool:
                spool.write(content)
                try:
                    self._files.commit(path, spool, writer, condition=absent)
                except Conflict:  # somebody was faster
                    continue
            return path
        raise Conflict("There are too many documents of this name.")

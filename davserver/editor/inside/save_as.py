"""POST /-/api/save-as: a copy that the editor made becomes a file in a folder of one's choice."""

from json import dumps

from davserver import paths
from davserver.audit import Event
from davserver.editor.formats import FORMATS
from davserver.editor.inside.names import safe_name
from davserver.editor.middleware import EDIT
from davserver.editor.opening import Opening
from davserver.editor.server.soundness import fault_of
from davserver.errors import (
    BadGateway,
    Conflict,
    NoDocumentServer,
    UnsupportedMediaType,
    printable,
)
from davserver.model import Origin, Right
from davserver.providers.access import Access
from davserver.providers.files import VersionedFiles
from davserver.providers.free_names import place_new
from davserver.web import Request, Response, json
from davserver.words import say

KEPT = frozenset(FORMATS) | {"bmp", "gif", "jpg", "png", "zip"}
"""What a copy may be: a document, a picture of it, or pictures of its pages in a ZIP."""


class SaveAs:
    """``path`` is the open document, ``folder`` where its copy shall be, ``title`` its name.

    ``filetype`` and ``url`` are what the editor tells (Docs API, "onRequestSaveAs"); the copy is
    fetched from the Document Server alone. The name gets a number where it is taken.
    """

    def __init__(self, files: VersionedFiles, access: Access, opening: Opening) -> None:
        self._files = files
        self._access = access
        self._opening = opening

    def __call__(self, request: Request) -> Response:
        """The new file's ``name``, ``path``, and ``open``, the address of its editor."""
        office, form, who = self._opening.office, request.form, request.principal
        if office is None:
            raise NoDocumentServer
        document = request.resource(form.get("path", ""))
        self._access.check(who, document, Right.READ, Right.DOWNLOAD)
        folder = self._files.as_stored(request.resource(form.get("folder", "")))
        self._access.check(who, folder, Right.CREATE)
        if not self._files.entry(folder).is_folder:
            raise Conflict(say("This is no folder."))
        filetype = form.get("filetype", "").lower()
        if filetype not in KEPT:
            raise UnsupportedMediaType(say("A copy cannot be saved in this format."))
        name = safe_name(_without_former(form.get("title", ""), filetype), filetype)
        with self._files.spool() as spool:
            url = form.get("url", "")
            office.servers.with_address(url).fetch(url, spool)
            fault = fault_of(spool, filetype)
            if fault:
                raise BadGateway(
                    say(
                        "What the Document Server delivered is not whole: {reason}",
                        reason=str(fault),
                    )
                )
            writer = who.writer(Origin.BROWSER)
            path = place_new(self._files, paths.join(folder, name), spool, writer)
        request.note(Event.CREATED, path=path, source=document)
        target = request.addresses.target(path)
        is_document = filetype in FORMATS
        opens = request.addresses.page(EDIT, path) if is_document else request.addresses.of(path)
        return json(dumps({"name": printable(paths.name(path)), "path": target, "open": opens}))


def _without_former(title: str, filetype: str) -> str:
    """``title`` without the extension of the document, where the copy has another."""
    extension = paths.extension(title)
    is_former = extension in FORMATS and extension != filetype
    return title[: -len(extension) - 1] if is_former else title

"""What the editor takes out of other files: pictures, documents to compare, tables.

The Document Server fetches each by an address of its own, for one state of one file, which is
signed as long as the person may read and download it, and ends soon.
"""

from json import dumps
from typing import Any

from davserver import paths
from davserver.audit import Event
from davserver.editor.formats import FORMATS, Kind
from davserver.editor.opening import Office, Opening
from davserver.editor.server.client import DocumentServer
from davserver.errors import BadRequest, Conflict, NoDocumentServer, UnsupportedMediaType
from davserver.model import Right
from davserver.providers.access import Access
from davserver.providers.files import VersionedFiles
from davserver.web import Request, Response, json
from davserver.words import say

SECONDS = 15 * 60
MAX_FILES = 30


def _set(names: str) -> frozenset[str]:
    return frozenset(names.split())


TAKEN = {
    "image": _set("bmp gif jpg jpeg png tif tiff svg webp"),
    # Docs API, "onRequestSelectDocument".
    "document": _set("doc docm docx dot dotm dotx epub fodt odt ott rtf wps"),
    "spreadsheet": frozenset(one.extension for one in FORMATS.values() if one.kind is Kind.CELL),
    # What a workbook refers to (server/config, "downloadFileAllowExt", of what is a spreadsheet).
    "workbook": _set("xlsx"),
}
"""The extensions of the files that the editor takes, by what it takes them for."""
# Docs API: "c" of onRequestInsertImage, onRequestSelectDocument, onRequestSelectSpreadsheet.
_COMMANDS = {
    "image": {"add", "change", "fill", "watermark", "slide"},
    "document": {"compare", "combine", "insert-text"},
    "spreadsheet": {"mailmerge"},
}


class Loans:
    """Makes such addresses."""

    def __init__(self, files: VersionedFiles, access: Access, opening: Opening) -> None:
        self._files = files
        self._access = access
        self._opening = opening

    @property
    def office(self) -> Office:
        """The Document Server. Raises NoDocumentServer."""
        if self._opening.office is None:
            raise NoDocumentServer
        return self._opening.office

    def server(self, request: Request) -> DocumentServer:
        """That of the open document: ``server`` in the query, the first one if it is none."""
        return self.office.servers.called(request.query.get("server", ""))

    def signed(self, request: Request, told: dict[str, Any]) -> Response:
        """An argument for a method of the editor, with its token, as JSON."""
        return json(dumps({**told, "token": self.server(request).tokens.sign(told)}))

    def of(self, request: Request, path: str) -> dict[str, str]:
        """``fileType`` and ``url`` of the file as it is now. Raises what ``Access.check`` does."""
        self._access.check(request.principal, path, Right.READ, Right.DOWNLOAD)
        resource_id, entry = self._files.identify(path), self._files.entry(path)
        if entry.is_folder:
            raise Conflict(say("This is a folder."))
        office, server = self.office, self.server(request)
        claims = {"rid": resource_id, "etag": entry.etag, "ds": server.public}
        request.note(Event.READ, path=path, etag=entry.etag)
        url = office.download(request, claims, SECONDS)
        return {"fileType": paths.extension(path), "url": url}


class Insert:
    """GET /-/api/insert?kind=image&c=add&paths=/a.png%0A/b.png: the argument for the editor.

    Its method for the kind (insertImage, setRequestedDocument, setRequestedSpreadsheet) takes what
    is answered as it is; it is signed as a whole. Only pictures can be several.
    """

    def __init__(self, files: VersionedFiles, loans: Loans) -> None:
        self._files = files
        self._loans = loans

    def __call__(self, request: Request) -> Response:
        """Raises BadRequest, UnsupportedMediaType, and what ``Loans.of`` raises."""
        kind, command = request.query.get("kind", ""), request.query.get("c", "")
        if command not in _COMMANDS.get(kind, ()):
            raise BadRequest("Say what shall be inserted: kind and c, as in the Docs API.")
        targets = request.query.get("paths", "").split("\n")
        if not 0 < len(targets) <= (MAX_FILES if kind == "image" else 1) or not all(targets):
            raise BadRequest(
                say("Name one file, or up to {max_files} pictures.", max_files=MAX_FILES)
            )
        found = [self._files.as_stored(request.resource(target)) for target in targets]
        if not all(paths.extension(path) in TAKEN[kind] for path in found):
            raise UnsupportedMediaType(say("This is no {kind} that the editor takes.", kind=kind))
        lent = [self._loans.of(request, path) for path in found]
        told: dict[str, Any] = {"c": command}
        told |= {"images": lent} if kind == "image" else lent[0]
        return self._loans.signed(request, told)

"""/-/versions/<path>: every state that a file had, to download and to restore."""

from davserver import paths
from davserver.audit import Event
from davserver.content import asked_range, file_response, safe_headers
from davserver.editor.middleware import VERSIONS
from davserver.errors import BadRequest
from davserver.model import Origin, Right
from davserver.pages import Pages
from davserver.providers.access import Access
from davserver.providers.files import VersionedFiles
from davserver.web import Request, Response, redirect


class VersionsPage:
    """GET: the list, or with ?download=N the bytes of one. POST: restore one."""

    def __init__(self, pages: Pages, files: VersionedFiles, access: Access) -> None:
        self._pages = pages
        self._files = files
        self._access = access

    def __call__(self, request: Request) -> Response:
        path = request.resource(request.below(VERSIONS))
        who = request.principal
        if request.method == "POST":
            self._access.check(who, path, Right.READ, Right.EDIT)
            return self._restore(request, path)
        # What a document was before is not what somebody shared who shares what it is.
        needed = (Right.READ, Right.EDIT) if request.link else (Right.READ,)
        self._access.check(who, path, *needed)
        if "download" in request.query:
            self._access.check(who, path, Right.DOWNLOAD)
            return self._download(request, path, _number(request.query["download"]))
        entry = self._files.entry(path)
        rights = self._access.rights(who, path)
        return self._pages.render(
            request,
            "versions.html",
            entry=entry,
            may_restore=Right.EDIT in rights,
            may_download=Right.DOWNLOAD in rights,
            versions=list(reversed(self._files.versions(path))),
            restored=_number(request.query["restored"]) if "restored" in request.query else 0,
            address=request.url(VERSIONS[:-1] + request.addresses.target(path)),
            folder=request.way_back(path),
        )

    def _download(self, request: Request, path: str, number: int) -> Response:
        content, version = self._files.open_version(path, number)
        request.note(Event.READ, path=path, version=number)
        named = path if version.is_current else _with_number(path, number)
        headers = safe_headers(named, save=True)
        return file_response(content, version.size, headers, asked_range(request))

    def _restore(self, request: Request, path: str) -> Response:
        number = _number(request.form.get("restore", ""))
        writer = request.principal.writer(Origin.RESTORE)
        self._files.restore(path, number, writer)
        request.note(Event.VERSION_RESTORED, path=path, version=number)
        address = request.url(VERSIONS[:-1] + request.addresses.target(path))
        return redirect(f"{address}?restored={number}")


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadRequest("A version is named by its number.")
    return int(text)


def _with_number(path: str, number: int) -> str:
    """The name under which an old version is saved: "report (version 3).docx"."""
    stem, dot, extension = paths.name(path).rpartition(".")
    name = f"{stem or extension} (version {number}){dot + extension if stem else ''}"
    return paths.join(paths.parent(path), name)

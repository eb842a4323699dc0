"""/-/versions/<path>: every state that a file had, to look at, name, download and restore."""

import re

from davserver import paths
from davserver.audit import Event
from davserver.content import asked_range, file_response, safe_headers
from davserver.editor.middleware import VERSIONS, VIEW
from davserver.editor.versions.restoring import Restoring
from davserver.errors import BadRequest
from davserver.model import Origin, Right
from davserver.pages import Pages
from davserver.providers.access import Access
from davserver.providers.files import VersionedFiles
from davserver.providers.highlights import Highlights
from davserver.web import Request, Response, redirect, whole_number
from davserver.words import say

FROM = {
    Origin.DAV: say("by a mounted drive"),
    Origin.BROWSER: say("in the browser"),
    Origin.EDITOR: say("in ONLYOFFICE"),
    Origin.RESTORE: "restored",
    Origin.OUTSIDE: say("outside of davserver"),
}
"""How people are told where a state came from."""

MAX_NAME = 80
MAX_NOTE = 1000
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


class VersionsPage:
    """GET: the list, or with ?download=N the bytes of one. POST: restore one, or describe one."""

    def __init__(
        self,
        pages: Pages,
        files: VersionedFiles,
        highlights: Highlights,
        access: Access,
        restoring: Restoring,
    ) -> None:
        self._pages = pages
        self._files = files
        self._highlights = highlights
        self._access = access
        self._restoring = restoring

    def __call__(self, request: Request) -> Response:
        path = request.resource(request.below(VERSIONS))
        who = request.principal
        if request.method == "POST":
            self._access.check(who, path, Right.READ, Right.EDIT)
            return self._change(request, path)
        check_may_look(self._access, request, path)
        if "download" in request.query:
            self._access.check(who, path, Right.DOWNLOAD)
            return self._download(request, path, number_of(request.query["download"]))
        entry = self._files.entry(path)
        rights = self._access.rights(who, path)
        return self._pages.render(
            request,
            "versions.html",
            entry=entry,
            may_restore=Right.EDIT in rights,
            may_download=Right.DOWNLOAD in rights,
            versions=list(reversed(self._files.versions(path))),
            people={n: one.people for n, one in self._highlights.of(path).items()},
            words=FROM,
            restored=number_of(request.query["restored"]) if "restored" in request.query else 0,
            max_name=MAX_NAME,
            max_note=MAX_NOTE,
            address=request.addresses.page(VERSIONS, path),
            view=request.addresses.page(VIEW, path),
            folder=request.way_back(path),
        )

    def _download(self, request: Request, path: str, number: int) -> Response:
        content, version = self._files.open_version(path, number)
        request.note(Event.READ, path=path, version=number)
        named = path if version.is_current else with_number(path, number)
        headers = safe_headers(named, save=True)
        return file_response(content, version.size, headers, asked_range(request))

    def _change(self, request: Request, path: str) -> Response:
        form = request.form
        address = request.addresses.page(VERSIONS, path)
        if "describe" in form:
            number = number_of(form["describe"])
            name = _CONTROL.sub(" ", form.get("name", "")).strip()[:MAX_NAME]
            note = _CONTROL.sub(" ", form.get("note", "")).strip()[:MAX_NOTE]
            self._files.describe_version(path, number, name, note)
            request.note(Event.VERSION_NAMED, path=path, version=number, name=name)
            return redirect(f"{address}#version-{number}")
        number = number_of(form.get("restore", ""))
        self._restoring.version(request, path, number)
        return redirect(f"{address}?restored={number}")


def may_look(access: Access, request: Request, path: str) -> bool:
    """Whether the person may see what the file at ``path`` was before.

    What a document was before is not what somebody shared who shares what it is.
    """
    return access.rights(request.principal, path).issuperset(_needed_to_look(request))


def check_may_look(access: Access, request: Request, path: str) -> None:
    """Raise unless ``may_look``."""
    access.check(request.principal, path, *_needed_to_look(request))


def _needed_to_look(request: Request) -> tuple[Right, ...]:
    return (Right.READ, Right.EDIT) if request.link else (Right.READ,)


def number_of(text: str) -> int:
    """The number of a version as an address or form says it. Raises BadRequest."""
    number = whole_number(text)
    if number is None:
        raise BadRequest("A version is named by its number.")
    return number


def with_number(path: str, number: int) -> str:
    """The name under which an old version is saved: "report (version 3).docx"."""
    stem, dot, extension = paths.name(path).rpartition(".")
    name = f"{stem or extension} (version {number}){dot + extension if stem else ''}"
    return paths.join(paths.parent(path), name)

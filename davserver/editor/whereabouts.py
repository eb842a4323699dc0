"""GET /-/api/where: where a document is now that was renamed, or that another one refers to."""

from json import dumps

from davserver import paths
from davserver.editor.middleware import EDIT
from davserver.editor.opening import Opening
from davserver.errors import NotFound, printable
from davserver.model import Right
from davserver.pages import SHARE
from davserver.providers.access import Access
from davserver.providers.files import VersionedFiles
from davserver.web import Request, Response, json


class Whereabouts:
    """``?file=`` is the ``fileKey`` of "referenceData" in a document's configuration."""

    def __init__(self, files: VersionedFiles, access: Access, opening: Opening) -> None:
        self._files = files
        self._access = access
        self._opening = opening

    def __call__(self, request: Request) -> Response:
        """The addresses. Raises NotFound for what the person may not read, too."""
        path = self._files.path_of(request.query.get("file", ""))
        if path is None or Right.READ not in self._access.rights(request.principal, path):
            raise NotFound("this document")
        return json(dumps(self.of(request, path)))

    def of(self, request: Request, path: str) -> dict[str, str]:
        """``name``, ``path`` without the base, and the addresses ``edit``, ``folder``, ``share``.

        The last is empty for who may not share it.
        """
        target = request.addresses.target(path)
        shares = self._opening.shares(request, path)
        return {
            "name": printable(paths.name(path)),
            "path": target,
            "edit": request.url(EDIT[:-1] + target),
            "folder": request.way_back(path),
            "share": request.url(SHARE[:-1] + target) if shares else "",
        }

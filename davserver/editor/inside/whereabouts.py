"""GET /-/api/where: where a document is now that was renamed, or that another one refers to."""

from json import dumps

from davserver import paths
from davserver.editor.inside.referred import Referred
from davserver.editor.middleware import EDIT
from davserver.editor.opening import Opening
from davserver.errors import printable
from davserver.pages import SHARE
from davserver.web import Request, Response, json


class Whereabouts:
    """The query is that of ``Referred``."""

    def __init__(self, referred: Referred, opening: Opening) -> None:
        self._referred = referred
        self._opening = opening

    def __call__(self, request: Request) -> Response:
        """The addresses. Raises NotFound for what the person may not read, too."""
        return json(dumps(self.of(request, self._referred.path(request))))

    def of(self, request: Request, path: str) -> dict[str, str]:
        """``name``, ``path`` without the base, and the addresses ``edit``, ``folder``, ``share``.

        The last is empty for who may not share it.
        """
        shares = self._opening.shares(request, path)
        return {
            "name": printable(paths.name(path)),
            "path": request.addresses.target(path),
            "edit": request.addresses.page(EDIT, path),
            "folder": request.way_back(path),
            "share": request.addresses.page(SHARE, path) if shares else "",
        }

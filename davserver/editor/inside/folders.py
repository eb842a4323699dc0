"""GET /-/api/files: a folder as the picker of the editor's page shows it."""

from itertools import islice
from json import dumps
from typing import Any

from davserver import paths
from davserver.editor.inside.loans import TAKEN
from davserver.errors import Conflict, NotFound, printable
from davserver.media import symbol_of
from davserver.model import Entry, Right
from davserver.providers.access import Access
from davserver.providers.files import VersionedFiles
from davserver.web import Request, Response, json
from davserver.words import say

MAX_SHOWN = 2000
MAX_LOOKED_AT = 20_000
_TAKING = frozenset({Right.READ, Right.DOWNLOAD})


class FolderContents:
    """``?path=/a/folder/&kind=image``: its folders, and the files of this kind (``TAKEN``).

    Of what the person may see; a file they may not take the content of is left out, since there is
    nothing to do with it. Without a kind there are folders alone.
    """

    def __init__(self, files: VersionedFiles, access: Access) -> None:
        self._files = files
        self._access = access

    def __call__(self, request: Request) -> Response:
        """``entries`` and ``crumbs`` have a ``path`` each, which is an address without the base."""
        path = self._files.as_stored(request.resource(request.query.get("path") or "/"))
        who = request.principal
        seen = self._access.seen_by(who, self._files)
        folder = seen.find(path)
        if folder is None:
            self._access.check(who, path, Right.SEE)
            raise NotFound(path)
        if not folder.is_folder:
            raise Conflict(say("This is no folder."))
        types = TAKEN.get(request.query.get("kind", ""), frozenset())
        found = [*islice(seen.children(path), MAX_LOOKED_AT)]
        shown = sorted(
            (one for one in found if self._is_shown(request, one, types)),
            key=lambda one: (not one.is_folder, one.name.casefold()),
        )
        crumbs = [
            one for one in reversed(paths.lineage(path)) if paths.is_within(one, request.root)
        ]
        told = {
            "path": request.addresses.target(path, folder=True),
            "crumbs": [_crumb(request, one) for one in crumbs],
            "may_create": Right.CREATE in self._access.rights(who, path),
            "entries": [_told(request, one) for one in shown[:MAX_SHOWN]],
            "is_cut": len(shown) > MAX_SHOWN or len(found) == MAX_LOOKED_AT,
        }
        return json(dumps(told))

    def _is_shown(self, request: Request, entry: Entry, types: frozenset[str]) -> bool:
        if entry.is_folder:
            return True
        if paths.extension(entry.path) not in types or paths.is_noise(entry.path):
            return False
        return self._access.rights(request.principal, entry.path) >= _TAKING


def _crumb(request: Request, folder: str) -> dict[str, str]:
    is_top = folder == request.root
    name = request.language.said(say("Files")) if is_top else printable(paths.name(folder))
    return {"name": name, "path": request.addresses.target(folder, folder=True)}


def _told(request: Request, entry: Entry) -> dict[str, Any]:
    return {
        "name": printable(entry.name),
        "path": request.addresses.target(entry.path, folder=entry.is_folder),
        "is_folder": entry.is_folder,
        "symbol": "folder" if entry.is_folder else symbol_of(entry.path),
        "size": entry.size,
        "modified": f"{entry.modified:%Y-%m-%dT%H:%M:%SZ}",
    }

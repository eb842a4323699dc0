"""Which file another one refers to: by its identity, by a path, or by an address of ours."""

import posixpath
from urllib.parse import urlsplit

from davserver import paths
from davserver.editor.middleware import EDIT, VIEW
from davserver.errors import BadRequest, NameTooLong, NotFound
from davserver.model import Right
from davserver.providers.access import Access
from davserver.providers.files import VersionedFiles
from davserver.web import Request
from davserver.words import say


class NotReferred(NotFound):
    """The file is not there, or not for this person: it is not told which."""

    def __init__(self) -> None:
        super().__init__("")
        self.args = (say("The file is not there, or you may not read it."),)


class Referred:
    """Finds it. Source: Docs API, "onRequestReferenceData": ``fileKey``, then path, then link."""

    def __init__(self, files: VersionedFiles, access: Access, instance_id: str) -> None:
        self._files = files
        self._access = access
        self._instance_id = instance_id

    def path(self, request: Request) -> str:
        """The path of the first that is there for the person. Raises NotReferred.

        ``file`` is a key of the installation ``instance``, ``to`` a path from the folder of the
        document ``path`` or from the topmost, ``link`` an address of this site.
        """
        for find in (self._by_key, self._by_path, self._by_link):
            try:
                path = find(request)
            except (BadRequest, NameTooLong, NotFound):
                # It names nothing that a file of ours could be called.
                continue
            if path and Right.READ in self._access.rights(request.principal, path):
                found = self._files.find(path)
                if found is not None and not found.is_folder:
                    return path
        raise NotReferred

    def _by_key(self, request: Request) -> str | None:
        if request.query.get("instance") != self._instance_id:
            return None
        return self._files.path_of(request.query.get("file", ""))

    def _by_path(self, request: Request) -> str | None:
        wanted = request.query.get("to", "")
        if not wanted:
            return None
        folder = paths.decoded(request.query.get("path") or "/").rpartition("/")[0]
        # Within the root: what would lead out of it, leads to it.
        path = posixpath.normpath(posixpath.join(folder or "/", wanted))
        return self._files.as_stored(request.resource(paths.href("/" + path.lstrip("/"))))

    def _by_link(self, request: Request) -> str | None:
        asked = urlsplit(request.query.get("link", ""))
        if f"{asked.scheme}://{asked.netloc}" != request.origin or not asked.path.startswith(
            request.base + "/"
        ):
            return None
        target = asked.path[len(request.base) :]
        for route in (EDIT, VIEW):
            if target.startswith(route):
                target = target[len(route) - 1 :]
        return self._files.as_stored(request.resource(target))

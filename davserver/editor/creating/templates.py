"""The templates that somebody can begin with: in a folder for all, and in one of their own."""

from dataclasses import dataclass
from itertools import islice

from davserver import paths
from davserver.editor.creating.instances import DOCUMENTS
from davserver.editor.formats import FORMATS
from davserver.model import Entry, Right
from davserver.providers.access import Access
from davserver.providers.files import VersionedFiles
from davserver.web import Request

MAX_TEMPLATES = 200
"""Of one folder, by name."""


@dataclass(frozen=True, slots=True)
class Template:
    """A file to begin with. ``title`` is its name without the extension."""

    path: str
    title: str

    @property
    def extension(self) -> str:
        """That of the documents that are made from it."""
        own = paths.extension(self.path)
        return DOCUMENTS.get(own, own)


class Templates:
    """Finds templates in ``folder``, and in the folder of that name in people's homes.

    ``homes`` is where these are. Empty: there is no such folder.
    """

    def __init__(self, files: VersionedFiles, access: Access, folder: str, homes: str) -> None:
        self._files = files
        self._access = access
        self._folder = folder
        self._homes = homes

    def of(self, request: Request) -> list[Template]:
        """Those whose bytes the person may have, by title; only such as have an address here."""
        found = [
            Template(entry.path, entry.name.rpartition(".")[0])
            for folder in self._folders(request)
            for entry in self._members(folder)
            if paths.is_within(entry.path, request.root) and self._may_use(request, entry)
        ]
        return sorted(found, key=lambda one: one.title.casefold())

    def _folders(self, request: Request) -> list[str]:
        if not self._folder:
            return []
        name = request.principal.name
        own = [paths.join(self._homes, name) + self._folder] if self._homes and name else []
        return [self._folder, *own]

    def _members(self, folder: str) -> list[Entry]:
        there = self._files.find(folder)
        if there is None or not there.is_folder:
            return []
        known = (
            entry
            for entry in self._files.children(folder)
            if not entry.is_folder and _is_template(entry.path)
        )
        return sorted(islice(known, MAX_TEMPLATES), key=lambda entry: entry.name)

    def _may_use(self, request: Request, entry: Entry) -> bool:
        needed = {Right.READ, Right.DOWNLOAD}
        return needed <= self._access.rights(request.principal, entry.path)


def _is_template(path: str) -> bool:
    return paths.extension(path) in FORMATS and not paths.is_noise(path)

"""What an opening depends on besides rights: the file's bytes, the server's version, browsers."""

from davserver.editor.config import Occasion
from davserver.editor.contents import (
    NotOpenable,
    check_private,
    check_size,
    check_unpacked,
    is_form_at,
)
from davserver.editor.creating.beginnings import Beginnings
from davserver.editor.formats import DIAGRAMS_SINCE, Format, Kind, format_of
from davserver.editor.middleware import VIEW
from davserver.editor.server.client import DocumentServer
from davserver.editor.surfaces import Surface, surface_of
from davserver.model import Entry, Right, Rights
from davserver.providers.files import VersionedFiles
from davserver.web import Request
from davserver.words import say


class Occasions:
    """Looks at files and servers before documents are opened."""

    def __init__(self, files: VersionedFiles, beginnings: Beginnings) -> None:
        self._files = files
        self._beginnings = beginnings

    def check(self, server: DocumentServer, entry: Entry) -> None:
        """Raise NotOpenable, in words, for a document that the server would not open."""
        known = format_of(entry.path)
        if known is None:
            return
        check_size(entry.size, server.max_bytes)
        if known.kind is Kind.DIAGRAM:
            version = server.version
            if version and version < DIAGRAMS_SINCE:
                raise NotOpenable(
                    say(
                        "Diagrams open in a Document Server from version {diagrams_since} on; the "
                        "one here has {version}.",
                        diagrams_since=DIAGRAMS_SINCE[0],
                        version=".".join(map(str, version[:2])),
                    )
                )
        content, _ = self._files.open(entry.path)
        with content:
            check_unpacked(content, known)
            if known.encrypts:
                content.seek(0)
                check_private(content)

    def of(
        self, server: DocumentServer, request: Request, entry: Entry, known: Format, rights: Rights
    ) -> Occasion:
        """How the document opens for who asks. Raises BadRequest for an unknown ``?type=``."""
        surface = surface_of(request)
        is_pdf = known.extension == "pdf"
        is_embedded = surface is Surface.EMBEDDED
        create_url, templates = (
            ("", ()) if is_embedded else self._beginnings.beside(request, entry, known)
        )
        return Occasion(
            surface,
            server.version if known.kind is Kind.PDF else (),
            is_form_at(self._files, entry.path) if is_pdf else None,
            _addresses(request, entry, rights) if is_embedded else {},
            create_url,
            templates,
        )


def _addresses(request: Request, entry: Entry, rights: Rights) -> dict[str, str]:
    """What an embedded viewer leads to (Config, editorConfig, "embedded")."""
    view = request.origin + request.addresses.page(VIEW, entry.path)
    told = {"embedUrl": f"{view}?type={Surface.EMBEDDED}", "fullscreenUrl": view, "shareUrl": view}
    if Right.DOWNLOAD in rights:
        told["saveUrl"] = request.origin + request.addresses.of(entry.path)
    return told

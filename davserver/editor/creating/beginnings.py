"""What somebody can begin a document with, as the listing's menu and the editor's offer it."""

from typing import Any
from urllib.parse import urlencode

from davserver import paths
from davserver.editor.creating.habits import Habits
from davserver.editor.creating.templates import Template, Templates
from davserver.editor.formats import Format, Kind, format_of
from davserver.editor.middleware import NEW
from davserver.model import Entry, Right
from davserver.pages import Pages
from davserver.providers.access import Access
from davserver.web import Request

# The place of each kind among a habit's kinds.
_PLACES = {Kind.WORD: 0, Kind.CELL: 1, Kind.SLIDE: 2}


class Beginnings:
    """Blank documents in the format that somebody prefers, and templates.

    ``forms`` says whether PDF forms can be made.
    """

    def __init__(
        self,
        pages: Pages,
        access: Access,
        habits: Habits,
        templates: Templates,
        *,
        forms: bool,
    ) -> None:
        self._pages = pages
        self._access = access
        self._habits = habits
        self._templates = templates
        self._forms = forms

    def kinds(self, request: Request) -> tuple[str, ...]:
        """The extensions of blank documents that the person makes."""
        return (*self._habits.of(request).kinds, *(("pdf",) if self._forms else ()), "txt")

    def templates(self, request: Request) -> list[Template]:
        """The templates that the person can begin with."""
        return self._templates.of(request)

    def beside(
        self, request: Request, entry: Entry, known: Format
    ) -> tuple[str, tuple[dict[str, Any], ...]]:
        """``createUrl`` and ``templates`` for the editor (Config, editorConfig).

        Both lead to a page that asks first. Empty where the person makes nothing in that folder.
        """
        folder = paths.parent(entry.path)
        place = _PLACES.get(known.kind)
        if place is None or not paths.is_within(folder, request.root):
            return "", ()
        if Right.CREATE not in self._access.rights(request.principal, folder):
            return "", ()
        where = {"folder": request.addresses.target(folder, folder=True)}
        kind = self._habits.of(request).kinds[place]
        image = request.origin + self._pages.asset(request, f"template-{known.kind.value}.svg")
        offered = tuple(
            {
                "title": one.title,
                "image": image,
                "url": _asking(request, template=request.addresses.target(one.path), **where),
            }
            for one in self._templates.of(request)
            if _is_of(one, known.kind)
        )
        return _asking(request, kind=kind, **where), offered


def _asking(request: Request, **fields: str) -> str:
    return f"{request.origin}{request.url(NEW)}?{urlencode(fields)}"


def _is_of(template: Template, kind: Kind) -> bool:
    known = format_of(template.path)
    return known is not None and known.kind is kind

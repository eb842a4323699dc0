"""What new documents are like: by a person's own wish, else the server's, else the browser's."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, cast

from davserver.editor.creating.blank import Paper
from davserver.language import normalized, preferred_language
from davserver.providers.preferences import PreferenceRows
from davserver.web import Request

Family = Literal["ooxml", "odf"]

_KINDS: dict[Family, tuple[str, ...]] = {
    "ooxml": ("docx", "xlsx", "pptx"),
    "odf": ("odt", "ods", "odp"),
}


@dataclass(frozen=True, slots=True)
class Habit:
    """A language like "de-DE", the paper ("auto": that of the language's region), a family."""

    language: str
    paper: Paper
    family: Family

    @property
    def kinds(self) -> tuple[str, ...]:
        """The extensions of a new document, spreadsheet and presentation."""
        return _KINDS[self.family]


def families_of(edit_formats: Collection[str]) -> tuple[Family, ...]:
    """The families whose new documents open for editing."""
    return tuple(family for family, kinds in _KINDS.items() if set(kinds) <= set(edit_formats))


class Habits:
    """``language`` (may be empty), ``paper`` and ``family`` are the server's settings.

    ``families`` are those that can be edited: a wish for another one does not count.
    """

    def __init__(
        self,
        rows: PreferenceRows,
        language: str,
        paper: Paper,
        family: Family,
        families: Collection[Family],
    ) -> None:
        self._rows = rows
        self._language = (normalized(language) or "") if language else ""
        self._paper = paper
        self._family = family
        self._families = frozenset(families)

    def of(self, request: Request) -> Habit:
        """Those of who asks."""
        own = self._rows.of_principal(request.principal)
        return Habit(
            own.language or self._language or preferred_language(request.header("Accept-Language")),
            cast(Paper, own.paper) if own.paper else self._paper,
            own.family if own.family in self._families else self._family,
        )

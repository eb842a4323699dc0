"""What new documents are like: by a person's own wish, else the server's, else the browser's."""

from dataclasses import dataclass
from typing import Literal, cast

from davserver.editor.blank import Paper
from davserver.editor.language import normalized, preferred_language
from davserver.providers.preferences import PreferenceRows
from davserver.web import Request

Family = Literal["ooxml", "odf"]

_KINDS = {"ooxml": ("docx", "xlsx", "pptx"), "odf": ("odt", "ods", "odp")}


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


class Habits:
    """``language`` (may be empty), ``paper`` and ``family`` are the server's settings."""

    def __init__(self, rows: PreferenceRows, language: str, paper: Paper, family: Family) -> None:
        self._rows = rows
        self._language = (normalized(language) or "") if language else ""
        self._paper = paper
        self._family = family

    def of(self, request: Request) -> Habit:
        """Those of who asks."""
        who = request.principal
        own = self._rows.of(who.name if not who.link else "")
        return Habit(
            own.language or self._language or preferred_language(request.header("Accept-Language")),
            cast(Paper, own.paper) if own.paper else self._paper,
            cast(Family, own.family) if own.family else self._family,
        )

"""Blank documents, made by ourselves: their parts are in templates/blank, a folder for each format.

Source: ECMA-376, Office Open XML, parts 1 and 2; OASIS OpenDocument 1.3, part 2 (packages).
"""

import io
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from davserver import language as languages

Paper = Literal["auto", "a4", "letter"]

# Width and height in twentieths of a point (ECMA-376, 17.6.13), and the number that a spreadsheet's
# page set-up gives the paper (18.3.1.63).
_PAPERS = {"a4": (11906, 16838, 9), "letter": (12240, 15840, 1)}
# The first moment that a zip file can tell: the same document has the same bytes at any time.
_EPOCH = (1980, 1, 1, 0, 0, 0)
# What a package begins with. That of OpenDocument is not compressed, so that its kind can be read
# off its first bytes (part 2, 3.3).
_CONTENT_TYPES, _MEDIA_TYPE = "[Content_Types].xml", "mimetype"
_A_CELL = re.compile(r"\b[A-Z]{1,3}[0-9]+\b(:[A-Z]{1,3}[0-9]+\b)?")


class BlankDocuments:
    """Makes an empty document of each kind, or one with a few lines in it."""

    KINDS = ("docx", "xlsx", "pptx", "odt", "ods", "odp")

    def __init__(self, templates: Path) -> None:
        self._folder = templates / "blank"
        self._environment = Environment(
            loader=FileSystemLoader(self._folder), autoescape=True, undefined=StrictUndefined
        )
        self._environment.filters["open_formula"] = open_formula

    def make(
        self, kind: str, language: str, paper: Paper = "auto", lines: Sequence[str] = ()
    ) -> bytes:
        """A document in ``language`` like "de-DE", on the ``paper`` of its region if "auto".

        ``lines`` are a heading and paragraphs, the rows of a sheet with tabs between cells ("="
        begins a formula), or the title and subtitle of a slide.
        """
        width, height, number = _PAPERS[languages.paper(language) if paper == "auto" else paper]
        first, script, region = languages.parts(language)
        right_to_left = languages.is_right_to_left(language)
        values: dict[str, Any] = {
            "language": language,
            "spoken": {"language": first, "script": script, "country": region or "none"},
            "right_to_left": right_to_left,
            "writing_mode": "rl-tb" if right_to_left else "lr-tb",
            "width_mm": _millimetres(width),
            "height_mm": _millimetres(height),
            "width": width,
            "height": height,
            "paper_number": number,
            "lines": lines,
        }
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as package:
            for part in self._parts(kind):
                text = self._environment.get_template(f"{kind}/{part}").render(values)
                packed = zipfile.ZIP_STORED if part == _MEDIA_TYPE else zipfile.ZIP_DEFLATED
                package.writestr(zipfile.ZipInfo(part, _EPOCH), text, packed)
        return content.getvalue()

    def _parts(self, kind: str) -> list[str]:
        """The names of the parts, in the order in which they are packed."""
        names = (
            file.relative_to(self._folder / kind).as_posix()
            for file in (self._folder / kind).rglob("*")
            if file.is_file()
        )
        return sorted(names, key=lambda name: (name not in (_CONTENT_TYPES, _MEDIA_TYPE), name))


def open_formula(formula: str) -> str:
    """A formula like "=SUM(B2:B4)" as OpenDocument writes it: "=SUM([.B2:.B4])"."""
    return _A_CELL.sub(lambda found: f"[.{found[0].replace(':', ':.')}]", formula)


def _millimetres(twentieths: int) -> str:
    return f"{twentieths / 20 / 72 * 25.4:.1f}"

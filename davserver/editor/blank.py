"""Blank documents, made by ourselves: their parts are in templates/blank, a folder for each format.

Source: ECMA-376, Office Open XML, parts 1 and 2.
"""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from davserver.editor import language as languages

Paper = Literal["auto", "a4", "letter"]

# Width and height in twentieths of a point (ECMA-376, 17.6.13), and the number that a spreadsheet's
# page set-up gives the paper (18.3.1.63).
_PAPERS = {"a4": (11906, 16838, 9), "letter": (12240, 15840, 1)}
# The first moment that a zip file can tell: the same document has the same bytes at any time.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_FIRST_PART = "[Content_Types].xml"


class BlankDocuments:
    """Makes an empty document of each kind, or one with a few lines in it."""

    KINDS = ("docx", "xlsx", "pptx")

    def __init__(self, templates: Path) -> None:
        self._folder = templates / "blank"
        self._environment = Environment(
            loader=FileSystemLoader(self._folder), autoescape=True, undefined=StrictUndefined
        )

    def make(
        self, kind: str, language: str, paper: Paper = "auto", lines: Sequence[str] = ()
    ) -> bytes:
        """A document in ``language`` like "de-DE", on the ``paper`` of its region if "auto".

        ``lines`` are a heading and paragraphs, the rows of a sheet with tabs between cells ("="
        begins a formula), or the title and subtitle of a slide.
        """
        width, height, number = _PAPERS[languages.paper(language) if paper == "auto" else paper]
        values: dict[str, Any] = {
            "language": language,
            "right_to_left": languages.is_right_to_left(language),
            "width": width,
            "height": height,
            "paper_number": number,
            "lines": lines,
        }
        parts = sorted(
            file.relative_to(self._folder / kind).as_posix()
            for file in (self._folder / kind).rglob("*")
            if file.is_file()
        )
        parts.remove(_FIRST_PART)
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as package:
            for part in (_FIRST_PART, *parts):
                text = self._environment.get_template(f"{kind}/{part}").render(values)
                package.writestr(zipfile.ZipInfo(part, _EPOCH), text, zipfile.ZIP_DEFLATED)
        return content.getvalue()

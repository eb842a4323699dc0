"""What files are, by their names."""

import re
from pathlib import Path

import pytest

from davserver import media
from davserver.editor.formats import FORMATS, Kind

# Whoever opens one sees text, whatever editor has it; and a drawing is drawn, whatever shows it.
SHOWN_OTHERWISE = {"htm": "text", "html": "text", "md": "text", "txt": "text", "xml": "text"} | {
    "odg": "diagram"
}


@pytest.mark.parametrize("extension", sorted(FORMATS))
def test_every_document_has_the_symbol_of_its_editor(extension: str) -> None:
    kind: Kind | str = SHOWN_OTHERWISE.get(extension, FORMATS[extension].kind)
    assert media.symbol_of(f"/a.{extension.upper()}") == str(kind)


@pytest.mark.parametrize(
    ("name", "symbol"),
    [("a.png", "image"), ("a.mp3", "audio"), ("a.zip", "archive"), ("a.py", "text"), ("a", "file")],
)
def test_so_has_what_is_no_document(name: str, symbol: str) -> None:
    assert media.symbol_of(f"/{name}") == symbol


def test_every_symbol_is_drawn() -> None:
    icons = (Path(__file__).parents[1] / "assets" / "icons.svg").read_text()
    drawn = set(re.findall(r'<symbol id="([a-z]+)"', icons))
    assert {media.symbol_of(f"/a.{extension}") for extension in FORMATS} <= drawn

"""How plain text is to be read, guessed from its beginning: the file itself does not say. Pure.

Source: Docs API, "Conversion API", "codePage" and "delimiter".
"""

import codecs
from typing import Any

LOOKED_AT = 1 << 16
"""Bytes of the beginning that tell enough."""

READ_AS_TEXT = frozenset({"txt", "csv", "tsv"})

_UTF_8 = 65001
_UTF_16 = {codecs.BOM_UTF16_LE: 1200, codecs.BOM_UTF16_BE: 1201}
_WESTERN = 1252
_ENCODINGS = {_UTF_8: "utf-8", 1200: "utf-16-le", 1201: "utf-16-be", _WESTERN: "cp1252"}
_DELIMITERS = {"\t": 1, ";": 2, ":": 3, ",": 4}
_LINES = 20


def reading_hints(filetype: str, start: bytes) -> dict[str, Any]:
    """The parameters for a file of text that begins with ``start``; none for other formats."""
    if filetype not in READ_AS_TEXT:
        return {}
    code_page = _code_page(start)
    hints: dict[str, Any] = {"codePage": code_page}
    if filetype == "tsv":
        hints["delimiter"] = _DELIMITERS["\t"]
    elif filetype == "csv":
        hints["delimiter"] = _delimiter(start.decode(_ENCODINGS[code_page], "replace"))
    return hints


def _code_page(start: bytes) -> int:
    for mark, page in _UTF_16.items():
        if start.startswith(mark):
            return page
    try:
        # The last character may be cut in two.
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return _WESTERN
    return _UTF_8


def _delimiter(text: str) -> int:
    """The one that most lines have, and have equally often."""
    lines = [_outside_quotes(line) for line in text.splitlines()[:_LINES] if line.strip()]

    def weight(char: str) -> tuple[int, int]:
        counts = [line.count(char) for line in lines]
        common = max(set(counts), key=counts.count, default=0)
        return (counts.count(common) if common else 0, common)

    best = max(",;\t:", key=weight)
    return _DELIMITERS[best]


def _outside_quotes(line: str) -> str:
    return "".join(line.split('"')[::2])

"""Tables of what was submitted, as CSV: one row for each form, columns by the fields' keys. Pure.

Spreadsheet programs take what begins like a formula for one, and run it: such a text gets an
apostrophe before it. Source: OWASP, "CSV Injection"; RFC 4180.
"""

import csv
import io
import json
import re
import unicodedata
from dataclasses import dataclass
from typing import Any

_FIRST = ("Time", "By", "File")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_NUMBER = re.compile(r"[+-]?\d{1,15}([.,]\d{1,15})?")
_MAX_CELL = 32_000  # a cell of Excel takes 32,767 characters
_MAX_COLUMNS = 1_000
_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class Row:
    """One submission: when, by whom, the name of the filled copy, and the values by key."""

    time: str
    by: str
    file: str
    values: dict[str, str]


def cells(fields: list[dict[str, Any]]) -> dict[str, str]:
    """The values of a form's fields by key; those of one key, like a choice, are joined.

    Those that would have no room in a table of their own are left out.
    """
    found: dict[str, str] = {}
    for field in fields:
        if field["key"] not in found and len(found) == _MAX_COLUMNS - len(_FIRST):
            continue
        key, text = str(field["key"]), _text(field.get("value"))
        found[key] = f"{found[key]}; {text}" if found.get(key) and text else found.get(key) or text
    return found


def with_row(content: bytes, row: Row) -> bytes | None:
    """The table with one row more, or as it is if that file has its row; None if it is not ours.

    A key that is new gets a column at the end.
    """
    rows = _parsed(content) if content else [list(_FIRST)]
    if rows is None or tuple(rows[0][: len(_FIRST)]) != _FIRST:
        return None
    file = safe(row.file)
    at = _FIRST.index("File")
    if any(len(one) > at and one[at] == file for one in rows[1:]):
        return content
    values = {safe(key): safe(value) for key, value in row.values.items()}
    header = rows[0]
    header += [key for key in values if key not in header[len(_FIRST) :]]
    if len(header) > _MAX_COLUMNS:
        return None
    own = [values.get(key, "") for key in header[len(_FIRST) :]]
    rows.append([row.time, safe(row.by), file, *own])
    out = io.StringIO()
    csv.writer(out).writerows(one + [""] * (len(header) - len(one)) for one in rows)
    return (_BOM + out.getvalue()).encode("utf-8", "replace")


def safe(text: str) -> str:
    """``text`` as a cell that no program takes for a formula; plain numbers stay numbers."""
    cut = text.replace("\0", "")[:_MAX_CELL]
    first = unicodedata.normalize("NFKC", cut.lstrip(" ")[:1])
    if first.startswith(_FORMULA) and not _NUMBER.fullmatch(cut):
        return "'" + cut
    return cut


def _parsed(content: bytes) -> list[list[str]] | None:
    try:
        text = content.decode("utf-8-sig")
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except (UnicodeDecodeError, csv.Error):
        return None
    return rows or None


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False)

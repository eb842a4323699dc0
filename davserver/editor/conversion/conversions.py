"""What can be converted into what, and how a conversion is asked for. Pure.

Source: the Docs API's format table as of 9.3 ("convert" of each format), which a server tells at
/meta/formats, and "Conversion API" for the parameters.
"""

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from davserver import paths
from davserver.editor.formats import FORMATS, Format, Kind
from davserver.model import Right, Rights
from davserver.words import say

OFFICE_OPEN = "ooxml"
OPEN_DOCUMENT = "odf"
EITHER = (OFFICE_OPEN, OPEN_DOCUMENT)
"""Targets by family: the Document Server finds out what kind of document it is."""

IMAGES = ("png", "jpg", "gif", "bmp")
"""Targets of which there is one for each page: they come together, as a zip."""

FORM = "form"
"""The target that is a PDF form, which can be filled in: "pdf" with a parameter of its own."""

WATERMARKED = (*IMAGES, "pdf", "pdfa", FORM)
"""Targets into which a watermark is burnt (Docs API, "Conversion API", watermark)."""

MAX_PASSWORD = 255
"""Characters that the Document Server takes."""

_TEXT = "docx docm dotx dotm odt ott rtf txt html epub fb2 md"
_SHEET = "xlsx xlsm xltx xltm ods ots csv tsv"
_SLIDES = "pptx pptm ppsx ppsm potx potm odp otp txt"
_PRINTED = "pdf pdfa"


def _words(*names: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(" ".join(names).split()))


_OF_KIND = {
    Kind.WORD: _words(_TEXT, _PRINTED, FORM, *IMAGES),
    Kind.CELL: _words(_SHEET, _PRINTED, *IMAGES),
    Kind.SLIDE: _words(_SLIDES, _PRINTED, *IMAGES),
    Kind.PDF: _words(_TEXT, _PRINTED, *IMAGES),
    Kind.DIAGRAM: _words(_PRINTED, *IMAGES),
}
_WITHOUT_TEXT = tuple(target for target in _OF_KIND[Kind.SLIDE] if target != "txt")
_OF_FORMAT = {
    "djvu": _words(_PRINTED, *IMAGES),
    # Forms of before 8.1.
    "docxf": _words(FORM, _TEXT, _PRINTED, *IMAGES),
    "oform": (FORM, "pdf"),
    "dps": _WITHOUT_TEXT,
    "dpt": _WITHOUT_TEXT,
    "fodp": _WITHOUT_TEXT,
    "htm": tuple(target for target in _OF_KIND[Kind.WORD] if target != "html"),
    "xml": _words(_TEXT, _SHEET, _PRINTED, *IMAGES),
    # Shortcuts to what lies at Google.
    "gdoc": (),
    "gsheet": (),
    "gslides": (),
}
_FAMILIES = {
    OFFICE_OPEN: {Kind.WORD: "docx", Kind.CELL: "xlsx", Kind.SLIDE: "pptx"},
    OPEN_DOCUMENT: {Kind.WORD: "odt", Kind.CELL: "ods", Kind.SLIDE: "odp"},
}
_ENDINGS = {"pdfa": "pdf", FORM: "pdf", **dict.fromkeys(IMAGES, "zip")}

_LABELS = {
    "docx": say("Word document"),
    "docm": say("Word document with macros"),
    "dotx": say("Word template"),
    "dotm": say("Word template with macros"),
    "odt": say("OpenDocument text"),
    "ott": say("OpenDocument text template"),
    "rtf": say("Rich text"),
    "txt": say("Plain text"),
    "html": say("Web page"),
    "epub": say("E-book (EPUB)"),
    "fb2": say("E-book (FictionBook)"),
    "md": "Markdown",
    "xlsx": say("Excel workbook"),
    "xlsm": say("Excel workbook with macros"),
    "xltx": say("Excel template"),
    "xltm": say("Excel template with macros"),
    "ods": say("OpenDocument spreadsheet"),
    "ots": say("OpenDocument spreadsheet template"),
    "csv": say("Comma-separated values"),
    "tsv": say("Tab-separated values"),
    "pptx": say("PowerPoint presentation"),
    "pptm": say("PowerPoint presentation with macros"),
    "ppsx": say("PowerPoint show"),
    "ppsm": say("PowerPoint show with macros"),
    "potx": say("PowerPoint template"),
    "potm": say("PowerPoint template with macros"),
    "odp": say("OpenDocument presentation"),
    "otp": say("OpenDocument presentation template"),
    "pdf": "PDF",
    "pdfa": say("PDF for archives (PDF/A)"),
    FORM: say("PDF form to fill in"),
    "png": "PNG",
    "jpg": "JPEG",
    "gif": "GIF",
    "bmp": "BMP",
}

_WITH_MACROS = frozenset({"docm", "dotm", "xlsm", "xltm", "xlsb", "pptm", "ppsm", "potm"})

_KEY_LENGTH = 40


SOURCE_SECONDS = 30 * 60
"""Life of the address that the Document Server fetches a source from: its own longest wait."""


@dataclass(frozen=True, slots=True)
class Source:
    """What is to be converted: its format, where the Document Server gets it, and what it is.

    ``identity`` is the same for the same bytes alone: a resource with its ETag.
    """

    filetype: str
    url: str
    identity: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What it shall become: an extension or a family, with what the Document Server has to know.

    ``hints`` are more parameters of the API, such as "codePage" for text.
    """

    target: str
    password: str = ""
    hints: dict[str, Any] = field(default_factory=dict)


def targets(path: str) -> tuple[str, ...]:
    """What the file can be converted into, by its name; empty for what is no document."""
    known = FORMATS.get(paths.extension(path))
    if known is None:
        return ()
    found = _OF_FORMAT.get(known.extension, _OF_KIND[known.kind])
    return tuple(target for target in found if target != known.extension)


def proposed(path: str) -> str:
    """What is converted into unless somebody says otherwise, of a file that can be converted.

    What the editor saves as it is becomes a PDF, anything else a document to go on working with.
    """
    found, known = targets(path), FORMATS[paths.extension(path)]
    return "pdf" if known.edits and "pdf" in found else found[0]


def may_convert(path: str, rights: Rights) -> bool:
    """Whether somebody with these rights may have a file in another format."""
    return {Right.READ, Right.DOWNLOAD} <= rights and bool(targets(path))


def resolved(path: str, target: str) -> str:
    """The target that the Document Server is asked for; empty if the file cannot become that.

    A family stays one only where the file's own kind does not tell what comes of it.
    """
    possible = targets(path)
    if target not in EITHER:
        return target if target in possible else ""
    if not possible:
        return ""
    known = FORMATS[paths.extension(path)]
    if known.extension == "xml":
        return target
    found = _FAMILIES[target].get(known.kind) or _FAMILIES[target][Kind.WORD]
    return found if found in possible else ""


def to_be_edited(known: Format) -> str:
    """The family that a copy is converted into so that it can be edited; empty if it need not be.

    What is an open document stays one.
    """
    if not known.converts:
        return ""
    return OPEN_DOCUMENT if known.extension.startswith("fod") else OFFICE_OPEN


def grouped(known: tuple[str, ...]) -> list[tuple[str, list[tuple[str, str]]]]:
    """The targets as a person chooses among them: groups of targets and labels."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for target in known:
        if target in IMAGES:
            group = say("A picture of each page, as a zip")
        elif target.startswith("pdf") or target == FORM:
            group = say("To print or keep")
        else:
            group = say("To go on working with")
        groups.setdefault(group, []).append((target, _LABELS[target]))
    return list(groups.items())


def has_macros(extension: str) -> bool:
    """Whether a document of this format may hold macros, which others of its kind cannot."""
    return extension in _WITH_MACROS


def ending(target: str) -> str:
    """The extension of what comes of ``target``, which is no family."""
    return _ENDINGS.get(target, target)


def endings(target: str) -> frozenset[str]:
    """The extensions that the result may have."""
    if target in EITHER:
        return frozenset(_FAMILIES[target].values())
    return frozenset({ending(target)})


def parameters(source: Source, wanted: Wanted) -> dict[str, Any]:
    """What the Document Server is asked, but for the key (Docs API, "Conversion API")."""
    asked: dict[str, Any] = {
        "async": True,
        "url": source.url,
        "filetype": source.filetype,
        "outputtype": wanted.target,
        **wanted.hints,
    }
    if wanted.target == FORM:
        asked |= {"outputtype": "pdf", "pdf": {"form": True}}
    if wanted.password:
        asked["password"] = wanted.password
    if wanted.target in IMAGES:
        # "first": false makes a zip of all pages; "aspect" 1 keeps their form.
        asked["thumbnail"] = {"first": False, "aspect": 1, "width": 1600, "height": 1600}
    return asked


def conversion_key(
    instance_id: str, source: Source, asked: dict[str, Any], attempt: str = ""
) -> str:
    """The key of a conversion: the Document Server gives the same result to the same key.

    It tells its results apart by key and target alone, so all parameters are in the key; the
    address is not, which differs each time. ``attempt`` makes another key of the same.
    """
    told = {name: value for name, value in asked.items() if name != "url"}
    text = json.dumps([instance_id, source.identity, attempt, told], sort_keys=True)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return base64.b32encode(digest).decode().lower()[:_KEY_LENGTH]

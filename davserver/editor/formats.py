"""The formats that a Document Server opens, and what it can do with each. Pure.

Source: the Docs API's format table as of 9.3 (75 formats to view), which a server tells at
/meta/formats.
"""

from dataclasses import dataclass
from enum import StrEnum

from davserver import paths
from davserver.media import LOSSY


class Kind(StrEnum):
    """Which editor opens a format: ``documentType`` in the Docs API's configuration."""

    WORD = "word"
    CELL = "cell"
    SLIDE = "slide"
    PDF = "pdf"
    DIAGRAM = "diagram"


@dataclass(frozen=True, slots=True)
class Format:
    """A file format by its extension, in lower case.

    ``edits`` means that nothing is lost by editing in this format; ``edits_with_loss`` that
    features which the format cannot hold are dropped. ``converts`` means that it is made to be
    converted before editing.
    """

    extension: str
    kind: Kind
    edits: bool
    edits_with_loss: bool
    converts: bool
    reviews: bool
    comments: bool
    fills: bool
    filters: bool
    encrypts: bool

    @property
    def can_be_edited(self) -> bool:
        """Whether the editor can save in this format at all."""
        return self.edits or self.edits_with_loss


_KINDS = {
    Kind.WORD: (
        "doc docm docx dot dotm dotx epub fb2 fodt gdoc hml htm html hwp hwpx md mht mhtml odt ott "
        "pages rtf stw sxw txt wps wpt xml"
    ),
    Kind.CELL: "csv et ett fods gsheet numbers ods ots sxc tsv xls xlsb xlsm xlsx xlt xltm xltx",
    Kind.SLIDE: (
        "dps dpt fodp gslides key odg odp otp pot potm potx pps ppsm ppsx ppt pptm pptx sxi"
    ),
    Kind.PDF: "djvu docxf oform oxps pdf xps",
    Kind.DIAGRAM: "vsdm vsdx vssm vssx vstm vstx",
}
DIAGRAMS_SINCE = (9,)
"""The first version of the server that opens diagrams."""

_OOXML_TEXT = "docm docx dotm dotx"
_OOXML_SHEET = "xlsb xlsm xlsx xltm xltx"
_OOXML_SLIDES = "potm potx ppsm ppsx pptm pptx"


def _set(*names: str) -> frozenset[str]:
    return frozenset(" ".join(names).split())


_EDITS = _set(_OOXML_TEXT, _OOXML_SHEET, _OOXML_SLIDES, "pdf")
_CONVERTS = _set(
    "doc dot epub fb2 fodt hml htm html hwp hwpx md mht mhtml odt ott pages rtf stw sxw wps wpt",
    "xml et ett fods numbers ods ots sxc xls xlt dps dpt fodp key odg odp otp pot pps ppt sxi",
)
_REVIEWS = _set(_OOXML_TEXT, "odt ott rtf")
_COMMENTS = _REVIEWS | _set("ods ots", _OOXML_SHEET, "odp otp", _OOXML_SLIDES, "pdf")
_FILLS = _set("pdf")
_FILTERS = _set("csv ods ots tsv", _OOXML_SHEET)
_ENCRYPTS = _set(_OOXML_TEXT, "odt ott ods ots", _OOXML_SHEET, "odp otp", _OOXML_SLIDES, "pdf")

FORMATS: dict[str, Format] = {
    extension: Format(
        extension,
        kind,
        edits=extension in _EDITS,
        edits_with_loss=extension in LOSSY,
        converts=extension in _CONVERTS,
        reviews=extension in _REVIEWS,
        comments=extension in _COMMENTS,
        fills=extension in _FILLS,
        filters=extension in _FILTERS,
        encrypts=extension in _ENCRYPTS,
    )
    for kind, extensions in _KINDS.items()
    for extension in extensions.split()
}

TEXT = _set(
    "txt csv tsv md json log ini cfg conf toml yaml yml xml",
    "html htm css js py sh sql rst tex svg",
)
"""What our own small editor opens: plain text, whatever it means."""


def format_of(path: str) -> Format | None:
    """The format of a file by its name; None if no Document Server opens it."""
    return FORMATS.get(paths.extension(path))


def document_type(kind: Kind, version: tuple[int, ...]) -> Kind:
    """The editor that a server of this ``version`` opens the kind in; empty if it is not known.

    Before 8.0, PDF had no editor of its own (Docs API, "Config", documentType).
    """
    return Kind.WORD if kind is Kind.PDF and version and version < (8,) else kind


def is_text(path: str) -> bool:
    """Whether our own text editor opens the file."""
    return paths.extension(path) in TEXT

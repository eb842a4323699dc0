"""Media types by extension: the same on every machine, whatever tables its system has."""

import mimetypes

from davserver import paths

UNKNOWN = "application/octet-stream"
LOSSY = frozenset(
    {"csv", "epub", "fb2", "html", "odp", "ods", "odt", "otp", "ots", "ott", "rtf", "tsv", "txt"}
)
"""Extensions of documents that hold less than the editor can do: what they cannot is lost there."""

_OPEN_XML = "application/vnd.openxmlformats-officedocument."
_MACROS = ".macroEnabled.12"
_MICROSOFT = "application/vnd.ms-"
_OPEN_DOCUMENT = "application/vnd.oasis.opendocument."

# Those that Python's own table lacks or gives an outdated name.
_TYPES = {
    "docx": f"{_OPEN_XML}wordprocessingml.document",
    "dotx": f"{_OPEN_XML}wordprocessingml.template",
    "xlsx": f"{_OPEN_XML}spreadsheetml.sheet",
    "xltx": f"{_OPEN_XML}spreadsheetml.template",
    "pptx": f"{_OPEN_XML}presentationml.presentation",
    "potx": f"{_OPEN_XML}presentationml.template",
    "ppsx": f"{_OPEN_XML}presentationml.slideshow",
    "doc": "application/msword",
    "dot": "application/msword",
    "docm": f"{_MICROSOFT}word.document{_MACROS}",
    "dotm": f"{_MICROSOFT}word.template{_MACROS}",
    "xls": f"{_MICROSOFT}excel",
    "xlt": f"{_MICROSOFT}excel",
    "xlsb": f"{_MICROSOFT}excel.sheet.binary{_MACROS}",
    "xlsm": f"{_MICROSOFT}excel.sheet{_MACROS}",
    "xltm": f"{_MICROSOFT}excel.template{_MACROS}",
    "ppt": f"{_MICROSOFT}powerpoint",
    "pot": f"{_MICROSOFT}powerpoint",
    "pps": f"{_MICROSOFT}powerpoint",
    "pptm": f"{_MICROSOFT}powerpoint.presentation{_MACROS}",
    "potm": f"{_MICROSOFT}powerpoint.template{_MACROS}",
    "ppsm": f"{_MICROSOFT}powerpoint.slideshow{_MACROS}",
    "odt": f"{_OPEN_DOCUMENT}text",
    "ott": f"{_OPEN_DOCUMENT}text-template",
    "fodt": f"{_OPEN_DOCUMENT}text-flat-xml",
    "ods": f"{_OPEN_DOCUMENT}spreadsheet",
    "ots": f"{_OPEN_DOCUMENT}spreadsheet-template",
    "fods": f"{_OPEN_DOCUMENT}spreadsheet-flat-xml",
    "odp": f"{_OPEN_DOCUMENT}presentation",
    "otp": f"{_OPEN_DOCUMENT}presentation-template",
    "fodp": f"{_OPEN_DOCUMENT}presentation-flat-xml",
    "odg": f"{_OPEN_DOCUMENT}graphics",
    "sxw": "application/vnd.sun.xml.writer",
    "stw": "application/vnd.sun.xml.writer.template",
    "sxc": "application/vnd.sun.xml.calc",
    "sxi": "application/vnd.sun.xml.impress",
    "pages": "application/vnd.apple.pages",
    "numbers": "application/vnd.apple.numbers",
    "key": "application/vnd.apple.keynote",
    "hwp": "application/x-hwp",
    "hwpx": "application/hwp+zip",
    "hml": "application/x-hwpml",
    "wps": "application/vnd.ms-works",
    "wpt": "application/vnd.ms-works",
    "et": "application/vnd.ms-works",
    "ett": "application/vnd.ms-works",
    "dps": "application/vnd.ms-works",
    "dpt": "application/vnd.ms-works",
    "gdoc": "application/vnd.google-apps.document",
    "gsheet": "application/vnd.google-apps.spreadsheet",
    "gslides": "application/vnd.google-apps.presentation",
    "vsdx": "application/vnd.ms-visio.drawing",
    "vsdm": f"{_MICROSOFT}visio.drawing{_MACROS}",
    "vssx": "application/vnd.ms-visio.stencil",
    "vssm": f"{_MICROSOFT}visio.stencil{_MACROS}",
    "vstx": "application/vnd.ms-visio.template",
    "vstm": f"{_MICROSOFT}visio.template{_MACROS}",
    "docxf": f"{_OPEN_XML}wordprocessingml.document.docxf",
    "oform": f"{_OPEN_XML}wordprocessingml.document.oform",
    "epub": "application/epub+zip",
    "fb2": "application/x-fictionbook+xml",
    "mht": "multipart/related",
    "mhtml": "multipart/related",
    "md": "text/markdown",
    "rtf": "application/rtf",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "djvu": "image/vnd.djvu",
    "oxps": "application/oxps",
    "xps": "application/vnd.ms-xpsdocument",
    "heic": "image/heic",
    "heif": "image/heif",
    "webp": "image/webp",
    "ini": "text/plain",
    "log": "text/plain",
    "toml": "application/toml",
    "yaml": "application/yaml",
    "yml": "application/yaml",
    # A browser that is told so runs and applies none of these. As what they are, they would be
    # scripts and styles of our own origin, to which our pages' policy is open.
    "js": "text/plain",
    "mjs": "text/plain",
    "css": "text/plain",
}
# By what kind of thing a file is; others by the first part of their media type.
_SYMBOLS = {
    "word": "doc docm docx dot dotm dotx epub fb2 fodt gdoc hml hwp hwpx mht mhtml odt ott pages "
    "rtf stw sxw wps wpt",
    "cell": "csv et ett fods gsheet numbers ods ots sxc tsv xls xlsb xlsm xlsx xlt xltm xltx",
    "slide": "dps dpt fodp gslides key odp otp pot potm potx pps ppsm ppsx ppt pptm pptx sxi",
    "pdf": "djvu docxf oform oxps pdf xps",
    "diagram": "odg vsdm vsdx vssm vssx vstm vstx",
    "archive": "7z bz2 gz rar tar xz zip",
}
_SYMBOL_OF = {ending: kind for kind, endings in _SYMBOLS.items() for ending in endings.split()}
_python = mimetypes.MimeTypes(filenames=())
# A browser runs scripts in these; from a shared folder they must not run as if they were our pages.
_ACTIVE = frozenset(
    {"htm", "html", "shtml", "xhtml", "xht", "mht", "mhtml", "svg", "svgz", "xml", "xsl", "xslt"}
    | {"js", "mjs", "swf", "hml", "fb2", "fodt", "fods", "fodp"}
)


def content_type(path: str) -> str:
    """The media type of the file at ``path``, by its name."""
    extension = paths.extension(path)
    known = _TYPES.get(extension)
    if known:
        return known
    return _python.types_map[True].get(f".{extension}", UNKNOWN)


def symbol_of(path: str) -> str:
    """The name of the symbol in icons.svg for the file at ``path``, by its name."""
    main = content_type(path).partition("/")[0]
    plain = main if main in {"image", "audio", "video", "text"} else "file"
    return _SYMBOL_OF.get(paths.extension(path), plain)


def is_active(path: str) -> bool:
    """Whether a browser that opens the file would run what is in it."""
    return paths.extension(path) in _ACTIVE or content_type(path).endswith(("/xml", "+xml"))

"""A document made from a template: the same package, declared to be a document.

Source: ECMA-376, part 2 (content types) and part 1, 11 (main parts); [MS-OFFMACRO2] for those with
macros; OASIS OpenDocument 1.3, part 2, 3.3 (mimetype) and 4 (manifest).
"""

import zipfile
from typing import BinaryIO

from lxml import etree

from davserver.editor.contents import BoundedFile
from davserver.errors import BodyTooLarge, UnsupportedMediaType
from davserver.words import say

DOCUMENTS = {
    "dotx": "docx",
    "dotm": "docm",
    "xltx": "xlsx",
    "xltm": "xlsm",
    "potx": "pptx",
    "potm": "pptm",
    "ott": "odt",
    "ots": "ods",
    "otp": "odp",
}
"""What comes of each kind of template, by extension."""
MAX_UNPACKED = 300 << 20
"""As much as the Document Server unpacks of a workbook, which is the most of all formats."""

_MAX_PARTS = 20_000
_MAX_DECLARATION = 4 << 20
_BLOCK = 1 << 18
_CONTENT_TYPES, _MEDIA_TYPE, _MANIFEST = "[Content_Types].xml", "mimetype", "META-INF/manifest.xml"
_OFFICE = "application/vnd.openxmlformats-officedocument."
_MACROS = "application/vnd.ms-"
_MAIN = ".main+xml"
_MAIN_PARTS = {
    f"{_OFFICE}wordprocessingml.template{_MAIN}": f"{_OFFICE}wordprocessingml.document{_MAIN}",
    f"{_OFFICE}spreadsheetml.template{_MAIN}": f"{_OFFICE}spreadsheetml.sheet{_MAIN}",
    f"{_OFFICE}presentationml.template{_MAIN}": f"{_OFFICE}presentationml.presentation{_MAIN}",
    f"{_MACROS}word.template.macroEnabledTemplate{_MAIN}": (
        f"{_MACROS}word.document.macroEnabled{_MAIN}"
    ),
    f"{_MACROS}excel.template.macroEnabled{_MAIN}": f"{_MACROS}excel.sheet.macroEnabled{_MAIN}",
    f"{_MACROS}powerpoint.template.macroEnabled{_MAIN}": (
        f"{_MACROS}powerpoint.presentation.macroEnabled{_MAIN}"
    ),
}
_OPEN_DOCUMENT = "application/vnd.oasis.opendocument."
_OPEN_TYPES = {
    f"{_OPEN_DOCUMENT}{kind}-template": f"{_OPEN_DOCUMENT}{kind}"
    for kind in ("text", "spreadsheet", "presentation")
}
_NAMESPACE = "{urn:oasis:names:tc:opendocument:xmlns:manifest:1.0}"


def instance(template: BinaryIO, document: BinaryIO) -> None:
    """Write the document that comes of ``template`` into ``document``, an empty seekable file.

    Raises UnsupportedMediaType for what is no template's package, BodyTooLarge beyond
    ``MAX_UNPACKED`` bytes.
    """
    try:
        with (
            zipfile.ZipFile(BoundedFile(template)) as source,
            zipfile.ZipFile(document, "w") as target,
        ):
            _copy(source, target)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as fault:
        raise UnsupportedMediaType(say("This template is damaged, or has a password.")) from fault
    except etree.XMLSyntaxError as fault:
        raise UnsupportedMediaType(say("This template is damaged.")) from fault


def _copy(source: zipfile.ZipFile, target: zipfile.ZipFile) -> None:
    parts = source.infolist()
    if len(parts) > _MAX_PARTS:
        raise UnsupportedMediaType(say("This template has too many parts."))
    left, declared = MAX_UNPACKED, False
    for part in parts:
        made = zipfile.ZipInfo(part.filename, part.date_time)
        made.compress_type = (
            zipfile.ZIP_STORED if part.filename == _MEDIA_TYPE else zipfile.ZIP_DEFLATED
        )
        made.external_attr = part.external_attr
        if part.filename in (_CONTENT_TYPES, _MEDIA_TYPE, _MANIFEST):
            text, changed = _DECLARATIONS[part.filename](_whole(source, part))
            declared = declared or changed
            target.writestr(made, text)
            continue
        # The size that a part announces may be untrue: what comes is counted.
        with source.open(part) as content, target.open(made, "w", force_zip64=True) as copy:
            while block := content.read(_BLOCK):
                left -= len(block)
                if left < 0:
                    raise BodyTooLarge(MAX_UNPACKED)
                copy.write(block)
    if not declared:
        raise UnsupportedMediaType(say("This file does not say that it is a template."))


def _whole(source: zipfile.ZipFile, part: zipfile.ZipInfo) -> bytes:
    with source.open(part) as content:
        text = content.read(_MAX_DECLARATION + 1)
    if len(text) > _MAX_DECLARATION:
        raise BodyTooLarge(_MAX_DECLARATION)
    return text


def _content_types(text: bytes) -> tuple[bytes, bool]:
    return _replaced(text, "ContentType", _MAIN_PARTS)


def _media_type(text: bytes) -> tuple[bytes, bool]:
    found = _OPEN_TYPES.get(text.decode("ascii", "replace").strip())
    return (found.encode(), True) if found else (text, False)


def _manifest(text: bytes) -> tuple[bytes, bool]:
    return _replaced(text, f"{_NAMESPACE}media-type", _OPEN_TYPES)


def _replaced(text: bytes, attribute: str, words: dict[str, str]) -> tuple[bytes, bool]:
    """The XML with the values of an attribute replaced; whether there was one."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    root, changed = etree.fromstring(text, parser), False
    for element in root.iter():
        known = words.get(element.get(attribute, "")) if isinstance(element.tag, str) else None
        if known:
            element.set(attribute, known)
            changed = True
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True), changed


_DECLARATIONS = {
    _CONTENT_TYPES: _content_types,
    _MEDIA_TYPE: _media_type,
    _MANIFEST: _manifest,
}

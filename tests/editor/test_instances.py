"""Documents that are made from templates, opened by the libraries that others use."""

import io
import zipfile

import docx
import openpyxl
import pptx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from davserver import media
from davserver.editor.creating import instances
from davserver.editor.creating.blank import BlankDocuments
from davserver.editor.creating.instances import DOCUMENTS, instance
from davserver.errors import BodyTooLarge, UnsupportedMediaType
from davserver.resources import resource_dir

OFFICE = "application/vnd.openxmlformats-officedocument."
MS = "application/vnd.ms-"
# Main parts: what a template's package declares, and what a document's does (ECMA-376, part 1, 11).
MAIN = {
    "dotx": (
        f"{OFFICE}wordprocessingml.template.main+xml",
        f"{OFFICE}wordprocessingml.document.main+xml",
    ),
    "xltx": (
        f"{OFFICE}spreadsheetml.template.main+xml",
        f"{OFFICE}spreadsheetml.sheet.main+xml",
    ),
    "potx": (
        f"{OFFICE}presentationml.template.main+xml",
        f"{OFFICE}presentationml.presentation.main+xml",
    ),
    "dotm": (
        f"{MS}word.template.macroEnabledTemplate.main+xml",
        f"{MS}word.document.macroEnabled.main+xml",
    ),
    "xltm": (
        f"{MS}excel.template.macroEnabled.main+xml",
        f"{MS}excel.sheet.macroEnabled.main+xml",
    ),
    "potm": (
        f"{MS}powerpoint.template.macroEnabled.main+xml",
        f"{MS}powerpoint.presentation.macroEnabled.main+xml",
    ),
}
_PLAIN = {"docm": "docx", "xlsm": "xlsx", "pptm": "pptx"}


def template(extension: str, *lines: str) -> bytes:
    """A template of that kind with a few lines in it: a blank document that says it is one."""
    kind = DOCUMENTS[extension]
    kind = _PLAIN.get(kind, kind)
    blank = BlankDocuments(resource_dir("templates")).make(kind, "en-US", lines=lines)
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(blank)) as source, zipfile.ZipFile(out, "w") as target:
        for part in source.infolist():
            text = source.read(part)
            if part.filename == "[Content_Types].xml":
                plain = MAIN[extension.replace("tm", "tx")][1]
                text = text.replace(plain.encode(), MAIN[extension][0].encode())
            elif part.filename in {"mimetype", "META-INF/manifest.xml"}:
                own = media.content_type(f"/a.{kind}")
                text = text.replace(own.encode(), f"{own}-template".encode())
            target.writestr(part, text)
    return out.getvalue()


def made(content: bytes) -> bytes:
    out = io.BytesIO()
    instance(io.BytesIO(content), out)
    return out.getvalue()


@pytest.mark.parametrize("extension", sorted(MAIN))
def test_the_main_part_of_the_document_is_declared_as_one(extension: str) -> None:
    before, after = MAIN[extension]
    with zipfile.ZipFile(io.BytesIO(made(template(extension)))) as package:
        declared = package.read("[Content_Types].xml").decode()
    assert after in declared
    assert before not in declared


def test_the_libraries_of_others_open_it_and_find_what_was_in_it() -> None:
    text = docx.Document(io.BytesIO(made(template("dotx", "Dear", "words"))))
    assert [one.text for one in text.paragraphs] == ["Dear", "words"]
    book = openpyxl.load_workbook(io.BytesIO(made(template("xltx", "a\t1"))))
    assert not book.template
    assert book.active is not None
    assert book.active["A1"].value == "a"
    show = pptx.Presentation(io.BytesIO(made(template("potx", "One"))))
    assert show.slides[0].shapes.title.text_frame.text == "One"


@pytest.mark.parametrize("extension", ["ott", "ots", "otp"])
def test_a_document_of_opendocument_says_so_first_and_in_its_manifest(extension: str) -> None:
    content = made(template(extension, "One"))
    media_type = media.content_type(f"/a.{DOCUMENTS[extension]}").encode()
    assert content[30:].startswith(b"mimetype" + media_type)
    assert content[38 + len(media_type) :].startswith(b"PK")
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        assert package.infolist()[0].compress_type == zipfile.ZIP_STORED
        manifest = etree.fromstring(package.read("META-INF/manifest.xml"))
        assert package.testzip() is None
    assert manifest[0].values()[-1] == media_type.decode()


def test_every_other_part_is_as_it_was() -> None:
    before = template("dotx", "Dear")
    with (
        zipfile.ZipFile(io.BytesIO(before)) as old,
        zipfile.ZipFile(io.BytesIO(made(before))) as new,
    ):
        assert old.namelist() == new.namelist()
        for name in set(old.namelist()) - {"[Content_Types].xml"}:
            assert old.read(name) == new.read(name)


@given(st.binary(max_size=300))
def test_what_is_no_package_is_refused(content: bytes) -> None:
    with pytest.raises(UnsupportedMediaType):
        made(content)


def test_a_document_that_is_no_template_is_refused() -> None:
    blank = BlankDocuments(resource_dir("templates")).make("docx", "en-US")
    with pytest.raises(UnsupportedMediaType, match="does not say"):
        made(blank)


def test_what_unpacks_to_too_much_is_refused_while_it_is_unpacked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(instances, "MAX_UNPACKED", 1 << 20)
    large = io.BytesIO(template("dotx"))
    with zipfile.ZipFile(large, "a", zipfile.ZIP_DEFLATED) as package:
        package.writestr("word/media/image1.bmp", bytes(2 << 20))
    with pytest.raises(BodyTooLarge):
        made(large.getvalue())


def test_entities_in_a_declaration_are_not_expanded() -> None:
    out = io.BytesIO()
    bomb = (
        b'<!DOCTYPE Types [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
        b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">&b;</Types>'
    )
    with zipfile.ZipFile(out, "w") as package:
        package.writestr("[Content_Types].xml", bomb)
    with pytest.raises(UnsupportedMediaType):
        made(out.getvalue())


def test_a_part_with_a_password_is_refused() -> None:
    out = bytearray(template("dotx"))
    # The first bit of the flags says that a part is encrypted (APPNOTE, 4.4.4).
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = out.find(magic)
        while at >= 0:
            out[at + offset] |= 1
            at = out.find(magic, at + 4)
    with pytest.raises(UnsupportedMediaType, match="password"):
        made(bytes(out))

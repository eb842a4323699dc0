"""Blank documents, opened by the libraries and the office suite that others use."""

import io
import shutil
import subprocess
import zipfile
from pathlib import Path

import docx
import openpyxl
import pptx
import pytest
from lxml import etree

from davserver import media
from davserver.editor.creating.blank import BlankDocuments, open_formula
from davserver.language import LANGUAGES
from davserver.resources import resource_dir

KINDS = BlankDocuments.KINDS
OFFICE_OPEN, OPEN_DOCUMENT = KINDS[:3], KINDS[3:]
LETTER = {"en-US"}
MANIFEST = "{urn:oasis:names:tc:opendocument:xmlns:manifest:1.0}"


@pytest.fixture(scope="module")
def blank() -> BlankDocuments:
    return BlankDocuments(resource_dir("templates"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_python_docx_opens_it_on_the_right_paper(blank: BlankDocuments, language: str) -> None:
    document = docx.Document(io.BytesIO(blank.make("docx", language)))
    width = document.sections[0].page_width
    assert width is not None
    assert round(width.mm) == (216 if language in LETTER else 210)
    assert [paragraph.text for paragraph in document.paragraphs] == [""]
    document.add_heading("x", 1)


@pytest.mark.parametrize("language", LANGUAGES)
def test_openpyxl_opens_it(blank: BlankDocuments, language: str) -> None:
    book = openpyxl.load_workbook(io.BytesIO(blank.make("xlsx", language)))
    assert book.sheetnames == ["Sheet1"]
    assert book.active is not None
    assert book.active.page_setup.paperSize == (1 if language in LETTER else 9)
    assert book.active.max_row == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_python_pptx_opens_it(blank: BlankDocuments, language: str) -> None:
    show = pptx.Presentation(io.BytesIO(blank.make("pptx", language)))
    assert len(show.slides) == 1
    assert [layout.name for layout in show.slide_layouts] == [
        "Title slide",
        "Title and content",
        "Blank",
    ]
    assert show.slides[0].shapes.title is not None
    show.slides.add_slide(show.slide_layouts[1])


def test_the_paper_can_be_set(blank: BlankDocuments) -> None:
    document = docx.Document(io.BytesIO(blank.make("docx", "en-US", "a4")))
    width = document.sections[0].page_width
    assert width is not None
    assert round(width.mm) == 210


@pytest.mark.parametrize("kind", KINDS)
def test_the_language_is_in_it(blank: BlankDocuments, kind: str) -> None:
    with zipfile.ZipFile(io.BytesIO(blank.make(kind, "sr-Latn-RS"))) as package:
        text = b"".join(package.read(name) for name in package.namelist())
    of_open_document = b'fo:language="sr" fo:script="Latn" fo:country="RS"'
    assert kind == "xlsx" or b"sr-Latn-RS" in text or of_open_document in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", OPEN_DOCUMENT)
def test_a_package_of_opendocument_is_one(blank: BlankDocuments, kind: str, language: str) -> None:
    """OpenDocument 1.3, part 2: 3.3 says how it begins, 4 what the manifest lists."""
    content = blank.make(kind, language)
    media_type = media.content_type(f"/a.{kind}").encode()
    assert content[30 : 38 + len(media_type)] == b"mimetype" + media_type
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        first, *others = package.infolist()
        assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
        assert not first.extra
        assert not first.flag_bits
        roots = {one.filename: etree.fromstring(package.read(one)) for one in others}
    manifest = roots.pop("META-INF/manifest.xml")
    listed = {one.get(f"{MANIFEST}full-path"): one.get(f"{MANIFEST}media-type") for one in manifest}
    assert listed == {"/": media_type.decode(), **dict.fromkeys(roots, "text/xml")}
    width = b'fo:page-width="215.9mm"' if language in LETTER else b'fo:page-width="210.0mm"'
    assert kind == "odp" or width in etree.tostring(roots["styles.xml"])


def test_a_formula_of_opendocument_has_its_cells_in_brackets() -> None:
    assert open_formula("=SUM(B2:B4)*C1") == "=SUM([.B2:.B4])*[.C1]"


@pytest.mark.parametrize("kind", OFFICE_OPEN)
def test_every_part_is_well_formed_and_declared(blank: BlankDocuments, kind: str) -> None:
    with zipfile.ZipFile(io.BytesIO(blank.make(kind, "ar-EG"))) as package:
        names = package.namelist()
        assert names[0] == "[Content_Types].xml"
        roots = {name: etree.fromstring(package.read(name)) for name in names}
    declared = {
        override.get("PartName")
        for override in roots["[Content_Types].xml"]
        if override.get("PartName")
    }
    assert declared == {
        f"/{name}" for name in names if not name.endswith(".rels") and "[" not in name
    }


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_document_has_the_same_bytes(blank: BlankDocuments, kind: str) -> None:
    assert blank.make(kind, "en-US") == blank.make(kind, "en-US")


def test_lines_are_text_rows_and_titles(blank: BlankDocuments) -> None:
    text = docx.Document(io.BytesIO(blank.make("docx", "en-US", lines=("Title <&>", "words"))))
    assert [p.text for p in text.paragraphs] == ["Title <&>", "words"]
    book = openpyxl.load_workbook(
        io.BytesIO(blank.make("xlsx", "en-US", lines=("a\t1.5", "b\t=B1*2")))
    )
    assert book.active is not None
    assert [[cell.value for cell in row] for row in book.active.rows] == [
        ["a", 1.5],
        ["b", "=B1*2"],
    ]
    show = pptx.Presentation(io.BytesIO(blank.make("pptx", "en-US", lines=("One", "Two"))))
    assert [shape.text_frame.text for shape in show.slides[0].shapes] == ["One", "Two"]


@pytest.mark.clients
@pytest.mark.program("soffice")
@pytest.mark.parametrize("kind", KINDS)
def test_libreoffice_opens_it_in_every_language(
    blank: BlankDocuments, kind: str, tmp_path: Path
) -> None:
    sources = []
    for language in LANGUAGES:
        sources.append(tmp_path / f"{language}.{kind}")
        sources[-1].write_bytes(blank.make(kind, language, lines=("One", "Two")))
    office = shutil.which("soffice")
    assert office
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    command = [office, profile, "--headless", "--convert-to", "pdf", "--outdir", tmp_path, *sources]
    subprocess.run(command, check=True, capture_output=True, timeout=170)
    for language in LANGUAGES:
        assert (tmp_path / f"{language}.pdf").read_bytes().startswith(b"%PDF-"), language

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

from davserver.editor.blank import BlankDocuments
from davserver.resources import resource_dir

LANGUAGES = ["en-US", "de-DE", "ja-JP", "ar-EG", "zh-TW", "pt-BR"]
KINDS = BlankDocuments.KINDS


@pytest.fixture(scope="module")
def blank() -> BlankDocuments:
    return BlankDocuments(resource_dir("templates"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_python_docx_opens_it_on_the_right_paper(blank: BlankDocuments, language: str) -> None:
    document = docx.Document(io.BytesIO(blank.make("docx", language)))
    width = document.sections[0].page_width
    assert width is not None
    assert round(width.mm) == (216 if language == "en-US" else 210)
    assert [paragraph.text for paragraph in document.paragraphs] == [""]
    document.add_heading("x", 1)


@pytest.mark.parametrize("language", LANGUAGES)
def test_openpyxl_opens_it(blank: BlankDocuments, language: str) -> None:
    book = openpyxl.load_workbook(io.BytesIO(blank.make("xlsx", language)))
    assert book.sheetnames == ["Sheet1"]
    assert book.active is not None
    assert book.active.page_setup.paperSize == (1 if language == "en-US" else 9)
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
    with zipfile.ZipFile(io.BytesIO(blank.make(kind, "de-DE"))) as package:
        text = b"".join(package.read(name) for name in package.namelist())
    assert kind == "xlsx" or b"de-DE" in text


@pytest.mark.parametrize("kind", KINDS)
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


@pytest.mark.program("soffice")
@pytest.mark.parametrize("kind", KINDS)
def test_libreoffice_opens_it(blank: BlankDocuments, kind: str, tmp_path: Path) -> None:
    source = tmp_path / f"blank.{kind}"
    source.write_bytes(blank.make(kind, "de-DE", lines=("One", "Two")))
    office = shutil.which("soffice")
    assert office
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    command = [office, profile, "--headless", "--convert-to", "pdf", "--outdir", tmp_path, source]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    assert (tmp_path / "blank.pdf").read_bytes().startswith(b"%PDF-")

"""What can become what, by which key, and how text is read: pure functions."""

import string
from dataclasses import replace
from typing import Any

import pytest

from davserver.editor.conversion.conversions import (
    FORM,
    IMAGES,
    Source,
    Wanted,
    conversion_key,
    ending,
    grouped,
    may_convert,
    parameters,
    resolved,
    targets,
    to_be_edited,
)
from davserver.editor.conversion.plain_text import reading_hints
from davserver.editor.formats import FORMATS
from davserver.model import NO_RIGHTS, Right

SOURCE = Source("doc", "http://us/-/download/token", "resource\0etag")
CONVERTED = sorted(name for name, known in FORMATS.items() if known.converts)


def key_of(source: Source = SOURCE, wanted: Wanted | None = None, **more: Any) -> str:
    return conversion_key("here", source, parameters(source, wanted or Wanted("docx")) | more)


def test_42_formats_are_made_to_be_converted() -> None:
    assert len(CONVERTED) == 42


@pytest.mark.parametrize("name", CONVERTED)
def test_each_of_them_becomes_something_that_can_be_edited(name: str) -> None:
    known = FORMATS[name]
    found = resolved(f"/a.{name}", to_be_edited(known))
    assert found == "ooxml" if name == "xml" else FORMATS[found].can_be_edited


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_nothing_becomes_what_it_is(name: str) -> None:
    found = targets(f"/a.{name}")
    assert name not in found
    assert len(set(found)) == len(found)
    assert [target for _, group in grouped(found) for target, _ in group] != [] or not found


def test_shortcuts_and_unknown_files_become_nothing() -> None:
    for name in ("a.gdoc", "a.gsheet", "a.gslides", "a.zip", "docx", "a"):
        assert targets(f"/{name}") == ()
        assert resolved(f"/{name}", "ooxml") == ""


def test_a_family_means_the_kind_of_the_file() -> None:
    assert resolved("/a.xls", "ooxml") == "xlsx"
    assert resolved("/a.ppt", "odf") == "odp"
    assert resolved("/a.pdf", "ooxml") == "docx"
    assert resolved("/a.docx", "ooxml") == "", "it is one"
    assert resolved("/a.vsdx", "ooxml") == ""
    assert resolved("/a.xml", "ooxml") == "ooxml", "the Document Server has to look"


def test_a_form_is_a_pdf_with_a_parameter_of_its_own() -> None:
    """Docs API, "Conversion API", pdf."""
    asked = parameters(SOURCE, Wanted(FORM))
    assert (asked["outputtype"], asked["pdf"], ending(FORM)) == ("pdf", {"form": True}, "pdf")
    assert key_of(wanted=Wanted(FORM)) != key_of(wanted=Wanted("pdf"))


@pytest.mark.parametrize("name", ["docx", "doc", "odt", "docm", "docxf", "oform"])
def test_text_documents_and_older_forms_become_pdf_forms(name: str) -> None:
    assert FORM in targets(f"/a.{name}")


@pytest.mark.parametrize("name", ["pdf", "xlsx", "pptx", "vsdx", "djvu", "xml"])
def test_nothing_else_becomes_a_form(name: str) -> None:
    assert FORM not in targets(f"/a.{name}")


@pytest.mark.parametrize(
    ("name", "target", "able"),
    [
        ("docxf", "pdf", True),
        ("xps", "pdf", True),
        ("oxps", "pdf", True),
        ("htm", "html", False),
        ("dps", "txt", False),
        ("fodp", "txt", False),
        ("odp", "txt", True),
    ],
)
def test_a_format_becomes_what_the_servers_own_table_says(
    name: str, target: str, able: bool
) -> None:
    assert (target in targets(f"/a.{name}")) is able


def test_an_image_is_a_zip_of_all_pages() -> None:
    for target in IMAGES:
        assert ending(target) == "zip"
        assert parameters(SOURCE, Wanted(target))["thumbnail"]["first"] is False
    assert ending("pdfa") == "pdf"


def test_who_may_not_download_may_not_convert() -> None:
    assert may_convert("/a.doc", frozenset({Right.READ, Right.DOWNLOAD}))
    assert not may_convert("/a.doc", frozenset({Right.READ}))
    assert not may_convert("/a.doc", NO_RIGHTS)
    assert not may_convert("/a.zip", frozenset(Right))


@pytest.mark.parametrize(
    "other",
    [
        key_of(replace(SOURCE, identity="resource\0other etag")),
        key_of(replace(SOURCE, filetype="rtf")),
        key_of(wanted=Wanted("odt")),
        key_of(wanted=Wanted("docx", "secret")),
        key_of(wanted=Wanted("docx", "Secret")),
        key_of(wanted=Wanted("docx", hints={"region": "de-DE"})),
        key_of(wanted=Wanted("docx", hints={"region": "en-US"})),
        key_of(wanted=Wanted("docx", hints={"codePage": 1252})),
        key_of(wanted=Wanted("docx", hints={"delimiter": 2})),
        key_of(wanted=Wanted("png")),
        key_of(wanted=Wanted("png"), thumbnail={"first": True}),
        key_of(wanted=Wanted("png"), thumbnail={"first": False, "width": 100}),
        key_of(spreadsheetLayout={"orientation": "landscape"}),
        key_of(documentLayout={"drawPlaceHolders": True}),
        conversion_key("elsewhere", SOURCE, parameters(SOURCE, Wanted("docx"))),
        conversion_key("here", SOURCE, parameters(SOURCE, Wanted("docx")), "again"),
    ],
)
def test_another_parameter_is_another_key(other: str) -> None:
    assert other != key_of()
    assert len(other) == 40
    assert set(other) <= set(string.ascii_lowercase + string.digits)


def test_another_address_of_the_same_bytes_is_the_same_key() -> None:
    assert key_of(replace(SOURCE, url="http://us/-/download/another")) == key_of()


@pytest.mark.parametrize(
    ("name", "start", "hints"),
    [
        ("docx", b"PK", {}),
        ("txt", "für".encode(), {"codePage": 65001}),
        ("txt", "für".encode("latin-1"), {"codePage": 1252}),
        ("txt", "für".encode()[:-2], {"codePage": 65001}),
        ("txt", "\ufeffa".encode("utf-16-le"), {"codePage": 1200}),
        ("csv", b"a,b\nc,d\n", {"codePage": 65001, "delimiter": 4}),
        ("csv", b'a;"b;c"\n1,5;2\n', {"codePage": 65001, "delimiter": 2}),
        ("csv", b"a\tb\n", {"codePage": 65001, "delimiter": 1}),
        ("csv", b"12:30,a\n", {"codePage": 65001, "delimiter": 4}),
        ("csv", b"", {"codePage": 65001, "delimiter": 4}),
        ("tsv", b"a,b\n", {"codePage": 65001, "delimiter": 1}),
    ],
)
def test_how_text_is_read_is_guessed(name: str, start: bytes, hints: dict[str, Any]) -> None:
    assert reading_hints(name, start) == hints

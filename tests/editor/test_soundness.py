"""What is downloaded is looked at before it replaces anything."""

import io
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pptx
import pytest

from davserver.editor.server import soundness
from davserver.editor.server.soundness import fault_of
from davserver.providers.filesystem import DiskFiles
from tests.documentserver import changed
from tests.editor.desk import Desk

COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


@pytest.fixture
def store(root: Path) -> Iterator[DiskFiles]:
    opened = DiskFiles(root, root / ".davserver", "off")
    yield opened
    opened.close()


def fault(store: DiskFiles, content: bytes, filetype: str) -> str:
    with store.spool() as spool:
        spool.write(content)
        return fault_of(spool, filetype)


def packed(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "x" * 1000)
    return out.getvalue()


@pytest.mark.parametrize("filetype", ["docx", "xlsx", "pptx", "odt", "ods", "odp", "pdf", "txt"])
def test_a_whole_document_is_sound(store: DiskFiles, filetype: str) -> None:
    content = changed(b"" if filetype not in {"xlsx", "pptx"} else empty(filetype), filetype, "x")
    assert fault(store, content, filetype) == ""


def empty(filetype: str) -> bytes:
    out = io.BytesIO()
    made = openpyxl.Workbook() if filetype == "xlsx" else pptx.Presentation()
    made.save(out)
    return out.getvalue()


@pytest.mark.parametrize("filetype", ["doc", "xls", "ppt", "docx", "xlsx", "pptx"])
def test_a_compound_file_is_an_old_document_or_one_with_a_password(
    store: DiskFiles, filetype: str
) -> None:
    assert fault(store, COMPOUND, filetype) == ""


@pytest.mark.parametrize("content", [b"", b"a,b\n", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("filetype", ["txt", "csv", "md", "html", "unknown", ""])
def test_text_has_no_form_to_be_checked(store: DiskFiles, content: bytes, filetype: str) -> None:
    assert fault(store, content, filetype) == ""


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>502 Bad Gateway</html>",
        b"PK\x03\x04",
        changed(b"", "docx", "x")[:-30],
        changed(b"", "docx", "x")[1000:],
        packed("word/document.xml"),
        packed(),
        packed("[Content_Types].xml").replace(b"[Content_Types].xml", b"[Content_Types].xmI", 1),
    ],
    ids=["empty", "page", "start", "cut", "beheaded", "another", "nothing", "contradictory"],
)
def test_what_is_no_whole_docx_is_noticed(store: DiskFiles, content: bytes) -> None:
    """Pitfall 3.16: a garbage download must not replace the document."""
    assert fault(store, content, "docx")


@pytest.mark.parametrize(
    ("content", "filetype"),
    [
        (packed("[Content_Types].xml"), "odt"),
        (packed("mimetype"), "xlsx"),
        (b"PK\x03\x04" + bytes(100), "pdf"),
        (packed("[Content_Types].xml"), "doc"),
        (b"", "pdf"),
        (COMPOUND, "odt"),
    ],
)
def test_one_format_is_not_another(store: DiskFiles, content: bytes, filetype: str) -> None:
    assert fault(store, content, filetype)


def test_a_directory_that_is_made_to_cost_us_something_is_not_read(
    store: DiskFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pitfall 3.17: nothing is unpacked, and no endless directory is read."""
    sound = packed("[Content_Types].xml")
    end = sound.rfind(b"PK\x05\x06")
    many = sound[: end + 8] + struct.pack("<HH", 60_000, 60_000) + sound[end + 12 :]
    wide = sound[: end + 12] + struct.pack("<L", 1 << 30) + sound[end + 16 :]

    def opened(*_: object) -> None:
        raise AssertionError("it was read")

    monkeypatch.setattr(soundness.zipfile, "ZipFile", opened)  # type: ignore[attr-defined]
    assert fault(store, many, "docx")
    assert fault(store, wide, "docx")


def deliver(desk: Desk, contents: list[bytes]) -> tuple[list[int], object]:
    """A last save that comes with these bytes, one after the other; the answers' statuses."""
    editor = desk.edit()
    editor.type("precious words")
    statuses, body = [], None
    for content in contents:
        report = desk.report(editor, 2)
        path = report["url"].removeprefix(desk.double.url).partition("?")[0]
        desk.double.cache[path] = content
        answered = desk.double.post(editor.callback, report)
        statuses.append(answered.status)
        body = answered.body
    return statuses, body


GARBAGE = b"<html>502 Bad Gateway</html>"


def test_garbage_is_asked_for_again_and_replaces_nothing(desk: Desk) -> None:
    """Pitfall 3.16: a garbage download must not replace the document."""
    sound = changed(b"", "docx", "precious words")
    assert deliver(desk, [GARBAGE, GARBAGE, sound]) == ([503, 503, 200], {"error": 0})
    assert desk.words("a.docx") == ["precious words"]
    assert desk.names() == ["a.docx"]


def test_what_comes_as_garbage_three_times_is_put_beside_and_the_server_keeps_its_own(
    desk: Desk,
) -> None:
    """Told that all is well it would drop a document that may be sound there."""
    garbage = [GARBAGE] * 4
    assert deliver(desk, garbage) == ([503, 503, 200, 200], {"error": 1})
    assert desk.words("a.docx") == ["first words"]
    [beside] = [name for name in desk.names() if "unreadable" in name]
    assert (desk.root / beside).read_bytes() == GARBAGE


def test_garbage_in_the_middle_of_editing_is_refused_and_the_editor_says_so(desk: Desk) -> None:
    """The server still has everything, and tries no second time."""
    editor = desk.edit()
    editor.type("precious words")
    report = desk.report(editor, 6, forcesavetype=1)
    path = report["url"].removeprefix(desk.double.url).partition("?")[0]
    desk.double.cache[path] = GARBAGE
    for _ in range(4):
        assert desk.double.post(editor.callback, report).status == 503
    assert desk.names() == ["a.docx"]
    assert editor.close().is_accepted
    assert desk.words("a.docx")[-1] == "precious words"

"""Saves that come in another format than the file has become one of its own format again."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from davserver.editor.conversion import converting, saving_back
from davserver.editor.server import client
from davserver.providers.exclusion import Exclusion
from tests.clock import later
from tests.documentserver import changed
from tests.documentserver.conversion import made_as, words_in
from tests.editor.desk import Desk, Editor

FORMATS = ["csv", "docx", "ods", "odt", "rtf", "txt", "xlsx", "dotx"]


@pytest.fixture
def desk(desk_with: Callable[..., Desk]) -> Desk:
    return desk_with(edit_formats=FORMATS)


def opened(desk: Desk, name: str, content: bytes | None = None) -> Editor:
    extension = name.rpartition(".")[2]
    (desk.root / name).write_bytes(content or made_as(extension, "first words"))
    editor = desk.edit(name)
    editor.type("second words")
    return editor


def test_a_docx_that_comes_back_for_an_odt_becomes_an_odt(desk: Desk) -> None:
    editor = opened(desk, "a.odt")
    assert editor.close(filetype="docx").is_accepted
    assert desk.names() == ["a.odt"]
    saved = (desk.root / "a.odt").read_bytes()
    assert saved.startswith(b"PK\x03\x04")
    assert b"opendocument.text" in saved
    assert "second words" in words_in(saved, "odt")
    [_, version] = desk.versions("a.odt")
    assert version.author == "admin"
    assert desk.locks("a.odt") == []


def test_every_forced_save_does_and_the_session_goes_on(desk: Desk) -> None:
    editor = opened(desk, "a.odt")
    assert editor.save(filetype="docx").is_accepted
    editor.type("third words")
    assert editor.save(filetype="docx").is_accepted
    assert editor.close(filetype="docx").is_accepted
    assert desk.names() == ["a.odt"]
    assert "third words" in words_in((desk.root / "a.odt").read_bytes(), "odt")
    assert len(desk.versions("a.odt")) == 3


def test_a_table_keeps_its_encoding_and_what_separates_its_columns(desk: Desk) -> None:
    editor = opened(desk, "a.csv", "für;1\n".encode("cp1252"))
    assert editor.close(filetype="xlsx").is_accepted
    assert desk.names() == ["a.csv"]
    asked = desk.double.conversions.asked[0]
    assert (asked["codePage"], asked["delimiter"]) == (1252, 2)


def test_the_source_is_the_document_servers_own_address_of_the_save(desk: Desk) -> None:
    opened(desk, "a.odt").close(filetype="docx")
    asked = desk.double.conversions.asked[0]
    assert asked["url"] == desk.double.callbacks[-1].report["url"]
    assert (asked["filetype"], asked["outputtype"]) == ("docx", "odt")


def _came(desk: Desk) -> bytes:
    """What the last report brought, before it was converted."""
    url = desk.double.callbacks[-1].report["url"]
    return desk.double.cache[urlsplit(url).path]


def test_one_whose_answer_was_lost_is_no_second_version_when_it_is_fetched_later(
    desk: Desk,
) -> None:
    editor = opened(desk, "a.odt")
    assert editor.close(filetype="docx").is_accepted
    asked = len(desk.double.conversions.asked)
    # The server never heard that, and keeps what it had sent.
    desk.double.forget(editor.key, _came(desk))
    assert desk.rescue() == []
    assert len(desk.versions("a.odt")) == 2
    assert desk.names() == ["a.odt"]
    assert desk.double.forgotten == {}
    # A conversion is never twice the same, in a real server: its time is in it.
    assert len(desk.double.conversions.asked) == asked


def test_nor_is_one_that_comes_again_by_another_report(desk: Desk) -> None:
    """What was saved by force comes again as the last save."""
    editor = opened(desk, "a.odt")
    assert editor.save(filetype="docx").is_accepted
    asked = len(desk.double.conversions.asked)
    last = {**desk.double.callbacks[-1].report, "status": 2}
    assert desk.double.post(editor.callback, last).is_accepted
    assert len(desk.versions("a.odt")) == 2
    assert len(desk.double.conversions.asked) == asked


def test_nor_one_that_is_fetched_after_an_earlier_save_of_the_session(desk: Desk) -> None:
    editor = opened(desk, "a.odt")
    assert editor.save(filetype="docx").is_accepted
    editor.type("third words")
    assert editor.save(filetype="docx").is_accepted
    desk.double.part(editor.key, editor.user)
    desk.double.forget(editor.key, _came(desk))
    desk.rescue()
    assert len(desk.versions("a.odt")) == 3


def test_what_was_typed_since_is_a_version_though_it_is_fetched_late(desk: Desk) -> None:
    editor = opened(desk, "a.odt")
    assert editor.save(filetype="docx").is_accepted
    later_words = changed(_came(desk), "docx", "third words")
    with later(3600):
        desk.double.editing.clear()
        desk.double.forget(editor.key, later_words)
        assert desk.rescue() == ["/a.odt"]
    assert len(desk.versions("a.odt")) == 3
    assert "third words" in words_in((desk.root / "a.odt").read_bytes(), "odt")


def test_what_another_program_wrote_since_is_not_taken_for_it(desk: Desk) -> None:
    editor = opened(desk, "a.odt")
    assert editor.save(filetype="docx").is_accepted
    came = _came(desk)
    (desk.root / "a.odt").write_bytes(b"from another program")
    with later(3600):
        desk.double.editing.clear()
        desk.double.forget(editor.key, came)
        desk.rescue()
    assert (desk.root / "a.odt").read_bytes() == b"from another program"
    assert desk.names() == ["a.odt"]
    assert desk.double.forgotten == {}


def _beside(desk: Desk, name: str, extension: str) -> str:
    [found] = [one for one in desk.names() if one != name]
    assert found.startswith(f"{name.rpartition('.')[0]} (edited, admin")
    assert found.endswith(f".{extension}")
    return found


@pytest.mark.parametrize("code", [-1, -2, -3, -4, -5, -6, -7, -8, -9, -10])
def test_where_it_cannot_be_converted_both_are_kept(desk: Desk, code: int) -> None:
    editor = opened(desk, "a.odt")
    before = (desk.root / "a.odt").read_bytes()
    desk.double.conversions.refuse_with = code
    assert editor.close(filetype="docx").is_accepted
    assert (desk.root / "a.odt").read_bytes() == before
    assert "second words" in "".join(desk.words(_beside(desk, "a.odt", "docx")))


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("elsewhere", "http://169.254.169.254"),
        ("answers_with_type", "docx"),
        ("cuts_results", True),
    ],
)
def test_nothing_but_the_files_own_format_is_put_over_it(desk: Desk, what: str, value: Any) -> None:
    editor = opened(desk, "a.odt")
    before = (desk.root / "a.odt").read_bytes()
    setattr(desk.double.conversions, what, value)
    assert editor.close(filetype="docx").is_accepted
    assert (desk.root / "a.odt").read_bytes() == before
    _beside(desk, "a.odt", "docx")


def test_a_conversion_that_does_not_end_does_not_hold_up_the_save(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving_back, "SECONDS", 0.5)
    desk.double.conversions.pause = 3.0
    editor = opened(desk, "a.odt")
    assert editor.close(filetype="docx").is_accepted
    _beside(desk, "a.odt", "docx")


def test_the_time_for_it_fits_into_the_servers_patience() -> None:
    """10 minutes for the answer to a callback (callbackRequestTimeout)."""
    spent = client.FETCH_SECONDS + saving_back.SECONDS + converting.FETCH_SECONDS
    waits = client.SILENT_SECONDS + client.COMMAND_SECONDS + client.CONNECT_SECONDS
    assert spent + waits < 600


def test_a_queue_that_is_full_does_not_hold_up_the_save(
    desk_with: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desk_with(edit_formats=FORMATS, conversions_at_once=1)
    monkeypatch.setattr(saving_back, "SECONDS", 0.3)
    editor = opened(desk, "a.odt")
    slots = Exclusion(desk.office.settings.state / "exclusion" / "conversions")
    with slots.if_free("conversion-0") as is_held:
        assert is_held
        assert editor.close(filetype="docx").is_accepted
    _beside(desk, "a.odt", "docx")


def test_a_docx_never_lies_in_a_doc(desk: Desk) -> None:
    editor = opened(desk, "a.docx")
    desk.share.trees.move("/a.docx", "/a.doc", desk.holder("a.docx"), overwrite=False)
    before = (desk.root / "a.doc").read_bytes()
    assert editor.close().is_accepted
    assert (desk.root / "a.doc").read_bytes() == before
    [beside] = [name for name in desk.names() if name != "a.doc"]
    assert "second words" in desk.words(beside)
    assert desk.double.conversions.asked == []


def test_macros_are_not_lost(desk: Desk) -> None:
    editor = opened(desk, "a.docx")
    assert editor.close(filetype="docm").is_accepted
    assert desk.words("a.docx") == ["first words"]
    _beside(desk, "a.docx", "docm")
    assert desk.double.conversions.asked == []


def test_a_file_that_somebody_changed_is_not_overwritten_by_it_either(desk: Desk) -> None:
    editor = opened(desk, "a.odt")
    (desk.root / "a.odt").write_bytes(b"from another program")
    assert editor.close(filetype="docx").is_accepted
    assert (desk.root / "a.odt").read_bytes() == b"from another program"
    [found] = [one for one in desk.names() if one != "a.odt"]
    assert found.startswith("a (conflict, admin")
    assert "second words" in words_in((desk.root / found).read_bytes(), found.rpartition(".")[2])

"""Our own text editor: a WebDAV client in the page."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Person
from tests.clock import later, wait_until
from tests.running import ThreadServer

Come = Callable[..., Person]


@pytest.fixture
def ann(root: Path, server: ThreadServer, person: Come) -> Person:
    (root / "notes.txt").write_bytes(b"one\n")
    return person(server)


def edit(ann: Person, name: str) -> Page:
    """Open the editor and wait until it holds the lock: what is typed before goes nowhere."""
    ann.page.goto(f"/-/edit/{name}")
    expect(ann.page.locator("#text")).to_be_editable()
    return ann.page


def test_text_is_written_and_saved_as_a_version(
    ann: Person, root: Path, server: ThreadServer
) -> None:
    page = ann.page
    page.click("tr[data-name='notes.txt'] >> text=Edit text")
    expect(page.locator("#text")).to_be_editable()
    assert page.locator("#text").input_value() == "one\n"
    expect(page.locator("#save")).to_be_disabled()
    page.locator("#text").press("Control+End")
    page.keyboard.type("two ü 文件")
    expect(page.locator("#state")).to_have_text("not saved")
    page.keyboard.press("Control+s")
    expect(page.locator("#state")).to_contain_text("saved at")
    assert (root / "notes.txt").read_text() == "one\ntwo ü 文件"
    assert [v.number for v in server.app.share.files.versions("/notes.txt")] == [1, 2]
    page.keyboard.type(" three")
    page.click("#save")
    expect(page.locator("#state")).to_contain_text("saved at")
    assert (root / "notes.txt").read_text() == "one\ntwo ü 文件 three"


def test_the_file_is_locked_while_it_is_open(ann: Person, server: ThreadServer) -> None:
    edit(ann, "notes.txt")
    assert server.client().put("/notes.txt", b"x").status_code == 423
    ann.page.goto("/")
    wait_until(lambda: server.client().put("/notes.txt", b"x").ok, "the lock stayed")


def test_a_file_locked_elsewhere_is_for_reading(ann: Person, server: ThreadServer) -> None:
    server.client().lock("/notes.txt")
    ann.page.goto("/-/edit/notes.txt")
    expect(ann.page.locator(".notice").first).to_contain_text("admin has this file locked")
    expect(ann.page.locator("#text")).to_have_value("one\n")
    assert ann.page.locator("#save").count() == 0


def test_what_changed_meanwhile_is_not_overwritten(ann: Person, root: Path) -> None:
    ann.expected = ["412"]
    page = edit(ann, "notes.txt")
    page.locator("#text").fill("mine")
    (root / "notes.txt").write_bytes(b"by another program")
    page.click("#save")
    expect(page.locator("#trouble")).to_contain_text("changed by somebody else")
    assert (root / "notes.txt").read_bytes() == b"by another program"
    assert page.locator("#text").input_value() == "mine"
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("#reload")
    expect(page.locator("#text")).to_have_value("by another program")


def test_a_lock_that_ran_out_is_taken_again(ann: Person, root: Path) -> None:
    """The computer slept; nobody else has touched the file."""
    ann.expected = ["412"]
    page = edit(ann, "notes.txt")
    page.locator("#text").fill("after the sleep")
    with later(4000):
        page.click("#save")
        expect(page.locator("#state")).to_contain_text("saved at")
    assert (root / "notes.txt").read_text() == "after the sleep"


@pytest.mark.parametrize(
    ("content", "typed", "expected"),
    [
        (b"a\r\nb\r\n", "c", b"a\r\nb\r\nc"),
        ("\ufeffa\n".encode(), "b", "\ufeffa\nb".encode()),
        (b"a\nb\n", "c", b"a\nb\nc"),
    ],
)
def test_line_ends_and_marks_stay_as_they_are(
    ann: Person, root: Path, content: bytes, typed: str, expected: bytes
) -> None:
    (root / "a.csv").write_bytes(content)
    page = edit(ann, "a.csv")
    page.locator("#text").press("Control+End")
    page.keyboard.type(typed)
    page.keyboard.press("Control+s")
    expect(page.locator("#state")).to_contain_text("saved at")
    assert (root / "a.csv").read_bytes() == expected


def test_what_is_not_utf8_cannot_be_damaged(ann: Person, root: Path) -> None:
    (root / "latin.txt").write_bytes(b"caf\xe9")
    ann.page.goto("/-/edit/latin.txt")
    expect(ann.page.locator("#trouble")).to_contain_text("not UTF-8")
    expect(ann.page.locator("#text")).not_to_be_editable()


def test_a_large_file_is_not_loaded_into_a_page(ann: Person, root: Path) -> None:
    ann.expected = ["415"]
    (root / "big.txt").write_bytes(b"x" * (3 << 20))
    ann.page.goto("/-/edit/big.txt")
    expect(ann.page.locator("main")).to_contain_text("too large")


def test_leaving_with_unsaved_text_asks_first(ann: Person) -> None:
    asked = []

    def answer(dialog: object) -> None:
        asked.append(dialog)
        dialog.accept()  # type: ignore[attr-defined]

    ann.page.on("dialog", answer)
    page = edit(ann, "notes.txt")
    page.locator("#text").press("End")
    page.keyboard.type("unsaved")
    page.goto("/")
    assert len(asked) == 1

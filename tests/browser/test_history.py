"""The editor's panel of versions, and the page of versions, in Chromium with the double."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from tests.browser.conftest import Person, screenshot
from tests.clock import wait_until
from tests.documentserver import DocumentServerDouble
from tests.editor.opening import words
from tests.running import ThreadServer

Come = Callable[..., Person]


@pytest.fixture
def ann(samples: Path, office: ThreadServer, person: Come) -> Person:
    return person(office, locale="en-GB", timezone_id="Asia/Tokyo")


def editor(page: Page) -> FrameLocator:
    return page.frame_locator("iframe[name=frameEditor]")


def emit(page: Page, event: str, data: Any = None) -> None:
    """The editor asks our page for something."""
    frame = page.frame(name="frameEditor")
    assert frame
    frame.evaluate("([event, data]) => parent.postMessage({event, data}, '*')", [event, data])


def told(page: Page, method: str) -> Any:
    """What our page has told the editor, once it has."""
    wait_until(lambda: page.evaluate(f"!!window.told?.{method}"), f"the page did not {method}")
    answer = page.evaluate(f"window.told.{method}")
    page.evaluate(f"delete window.told.{method}")
    return answer


def write(page: Page, name: str, text: str) -> None:
    page.goto(f"/-/edit/{name}")
    expect(editor(page).locator("#mode")).to_have_text("Editing")
    editor(page).locator("#paper").fill(text)


def test_versions_in_the_editor_are_shown_with_their_changes_and_restored(
    ann: Person, samples: Path, office: ThreadServer, document_server: DocumentServerDouble
) -> None:
    page, file = ann.page, samples / "Welcome.docx"
    before = file.read_bytes()
    write(page, "Welcome.docx", "new words")
    editor(page).locator("#save").click()
    reports = document_server.callbacks
    wait_until(lambda: reports[-1].report["status"] == 6, "Save did not save")

    emit(page, "onRequestHistory")
    panel = told(page, "refreshHistory")
    assert panel["currentVersion"] == 2
    newest = panel["history"][-1]
    assert newest["user"]["name"] == "admin"
    saved = office.app.share.files.versions("/Welcome.docx")[-1].saved
    written = page.evaluate(
        """(moment) => new Intl.DateTimeFormat("en-GB", {dateStyle: "medium", timeStyle: "short",
        timeZone: "Asia/Tokyo"}).format(new Date(moment))""",
        saved.isoformat(),
    )
    assert newest["created"] == written
    assert "T" not in newest["changes"][0]["created"]

    # Looking at versions ended the session, as it does in the real editor.
    wait_until(lambda: not document_server.editing, "the session did not end")
    emit(page, "onRequestHistoryData", 2)
    assert told(page, "setHistoryData")["version"] == 2
    expect(editor(page).locator("#shown")).to_contain_text("version 2: ")
    expect(editor(page).locator("#shown")).to_contain_text("new words")
    emit(page, "onRequestHistoryData", 1)
    expect(editor(page).locator("#shown")).to_have_text(f"version 1: {len(before)} bytes, -")

    emit(page, "onRequestRestore", {"version": 1})
    assert told(page, "refreshHistory")["currentVersion"] == 3
    assert file.read_bytes() == before
    emit(page, "onRequestHistoryClose")
    expect(editor(page).locator("#mode")).to_have_text("Editing")
    [editing] = document_server.editing.values()
    assert editing.content == before


def test_a_state_inside_of_a_version_is_restored(
    ann: Person, samples: Path, document_server: DocumentServerDouble
) -> None:
    page, file = ann.page, samples / "Welcome.docx"
    before = words(file)
    page.goto("/-/edit/Welcome.docx")
    expect(editor(page).locator("#mode")).to_have_text("Editing")
    emit(page, "onRequestHistory")
    told(page, "refreshHistory")
    wait_until(lambda: not document_server.editing, "the session did not end")
    path = "/cache/files/data/inside/output.docx/output.docx"
    [content] = [answer.content for answer in document_server.downloads[-1:]]
    document_server.cache[path] = content
    url = f"{document_server.url}{path}?md5=x"
    emit(page, "onRequestRestore", {"version": 1, "url": url, "fileType": "docx"})
    assert told(page, "refreshHistory")["currentVersion"] == 2
    assert words(file) == before


def test_a_refusal_is_said_in_the_panel(ann: Person, office: ThreadServer) -> None:
    ann.expected = ["404", "415"]
    page = ann.page
    page.goto("/-/edit/Welcome.docx")
    expect(editor(page).locator("#mode")).to_have_text("Editing")
    emit(page, "onRequestHistoryData", 9)
    assert "version 9" in told(page, "setHistoryData")["error"]
    emit(page, "onRequestRestore", {"version": 1, "url": "http://x/", "fileType": "odt"})
    assert "Restore the whole version" in told(page, "refreshHistory")["error"]


def test_the_panel_and_the_share_dialog_follow_a_renamed_document(
    ann: Person, samples: Path
) -> None:
    page = ann.page
    page.goto("/-/edit/Welcome.docx")
    expect(editor(page).locator("#mode")).to_have_text("Editing")
    emit(page, "onRequestRename", "Plan")
    page.wait_for_url("**/-/edit/Plan.docx")
    emit(page, "onRequestHistory")
    assert told(page, "refreshHistory").get("currentVersion") == 1
    emit(page, "onRequestHistoryData", 1)
    assert told(page, "setHistoryData")["fileType"] == "docx"
    emit(page, "onRequestSharingSettings")
    expect(page.frame_locator(".share-dialog iframe").locator("h1")).to_contain_text("Plan.docx")


def test_whoever_edits_meanwhile_goes_on_with_what_was_restored(
    ann: Person,
    samples: Path,
    office: ThreadServer,
    person: Come,
    document_server: DocumentServerDouble,
) -> None:
    file = samples / "Welcome.docx"
    before = file.read_bytes()
    other = person(office).page
    other.clock.install()
    write(other, "Welcome.docx", "words of the other")
    wait_until(
        lambda: [one.typed for one in document_server.editing.values()] == ["words of the other"],
        "nothing was typed",
    )
    ann.page.goto("/-/edit/Welcome.docx")
    expect(editor(ann.page).locator("#mode")).to_have_text("Editing")
    emit(ann.page, "onRequestRestore", {"version": 1})
    assert told(ann.page, "refreshHistory")["currentVersion"] == 3
    assert file.read_bytes() == before
    other.clock.fast_forward(31_000)
    expect(other.locator("#notice")).to_contain_text("admin restored an earlier version")
    # An editor that the server let go stays for reading if it is only refreshed (tried with 9.3).
    assert other.evaluate("window.told.refreshFile") is None
    wait_until(
        lambda: (
            [(one.content, one.typed) for one in document_server.editing.values()] == [(before, "")]
        ),
        lambda: str([(one.key, one.typed, one.users) for one in document_server.editing.values()]),
    )


def test_a_version_is_looked_at_named_and_restored_from_the_page(
    ann: Person, samples: Path, document_server: DocumentServerDouble
) -> None:
    page, file = ann.page, samples / "Welcome.docx"
    before = file.read_bytes()
    write(page, "Welcome.docx", "new words")
    editor(page).locator("#close").click()
    page.wait_for_url("**/")
    reports = document_server.callbacks
    wait_until(lambda: reports[-1].report["status"] == 2, "the document was never saved")

    page.goto("/-/versions/Welcome.docx")
    page.click("[aria-label='Name version 1']")
    page.fill("#version-1 [name=name]", "As sent")
    page.fill("#version-1 [name=note]", "To the printer, on Monday")
    screenshot(page, "versions-naming")
    page.set_viewport_size({"width": 390, "height": 844})
    screenshot(page, "versions-naming-phone")
    box = page.locator("#version-1 .naming .choices").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    page.set_viewport_size({"width": 1280, "height": 800})
    page.click("#version-1 .naming button")
    expect(page.locator("#version-1 .called")).to_have_text("As sent")
    expect(page.locator("#version-1 .remark")).to_have_text("To the printer, on Monday")

    page.click("[aria-label='View version 1']")
    expect(editor(page).locator("#mode")).to_have_text("Viewing")
    expect(editor(page).locator("#title")).to_have_text("Welcome (version 1).docx")
    expect(page.locator(".notice")).to_contain_text("Version 1 of Welcome.docx · As sent")
    assert document_server.downloads[-1].content == before
    screenshot(page, "version")
    page.click("text=Restore")
    expect(page.locator(".done")).to_contain_text("Version 1 is the current content again")
    assert file.read_bytes() == before

"""New, Open in ONLYOFFICE, close, versions: in Chromium, with the Document Server's double."""

import re
from collections.abc import Callable
from pathlib import Path

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
    return person(office)


def editor(page: Page) -> FrameLocator:
    return page.frame_locator("iframe[name=frameEditor]")


@pytest.mark.parametrize(
    ("label", "name"),
    [("Document", "Plan.docx"), ("Spreadsheet", "Plan.xlsx"), ("Presentation", "Plan.pptx")],
)
def test_a_new_document_is_written_closed_and_kept_with_its_versions(
    ann: Person, root: Path, document_server: DocumentServerDouble, label: str, name: str
) -> None:
    page = ann.page
    page.click("#new-menu summary")
    page.click(f"#new-menu >> text={label}")
    page.fill("#ask input", name)
    page.click("#ask button[value=ok]")
    page.wait_for_url(f"**/-/edit/{name}")
    expect(editor(page).locator("#mode")).to_have_text("Editing")
    expect(editor(page).locator("#title")).to_have_text(name)
    blank = (root / name).read_bytes()
    editor(page).locator("#paper").fill("what we want")
    expect(page).to_have_title(f"• {name} · davserver")
    editor(page).locator("#close").click()
    page.wait_for_url("**/")
    saved = [2]  # "status" of the last save; its answer comes when everything is booked
    wait_until(
        lambda: [one.report["status"] for one in document_server.callbacks][-1:] == saved,
        "the document was never saved",
    )
    assert (root / name).read_bytes() != blank
    page.goto(f"/-/versions/{name}")
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator("tbody tr").first).to_contain_text("admin in ONLYOFFICE")
    page.click("text=Restore")
    expect(page.locator(".done")).to_contain_text("Version 1 is the current content again")
    assert (root / name).read_bytes() == blank
    assert all(one.is_accepted for one in document_server.callbacks)


def test_two_people_write_in_one_session(
    ann: Person, office: ThreadServer, person: Come, samples: Path
) -> None:
    bob = person(office)
    for somebody in (ann, bob):
        somebody.page.goto("/")
        somebody.page.click("tr[data-name='Welcome.docx'] >> text=Open in ONLYOFFICE")
        expect(editor(somebody.page).locator("#mode")).to_have_text("Editing")
    keys = {
        somebody.page.evaluate(
            "JSON.parse(document.querySelector('#editor-config').textContent).document.key"
        )
        for somebody in (ann, bob)
    }
    assert len(keys) == 1
    ann.page.goto("/")
    expect(ann.page.locator("tr[data-name='Welcome.docx'] .editing")).to_contain_text("admin")
    before = words(samples / "Welcome.docx")
    editor(bob.page).locator("#paper").fill("by the one who stayed")
    editor(bob.page).locator("#save").click()
    wait_until(lambda: words(samples / "Welcome.docx") != before, "Save did not save")


def test_a_file_locked_elsewhere_opens_for_reading_and_says_who_has_it(
    ann: Person, office: ThreadServer
) -> None:
    office.client().lock("/Welcome.docx")
    ann.page.goto("/-/edit/Welcome.docx")
    expect(ann.page.locator(".notice")).to_contain_text("admin has this file locked")
    expect(editor(ann.page).locator("#mode")).to_have_text("Viewing")


def test_a_document_server_that_is_down_is_told_in_words(
    ann: Person, document_server: DocumentServerDouble
) -> None:
    ann.expected = ["ERR_CONNECTION_REFUSED", "net::"]
    document_server._http.shutdown()
    document_server._http.socket.close()
    ann.page.goto("/-/edit/Welcome.docx")
    expect(ann.page.locator("#editor-trouble")).to_contain_text("The editor does not load")
    document_server._http.server_close()


def test_a_saved_key_is_refreshed_without_losing_the_page(
    ann: Person, document_server: DocumentServerDouble, samples: Path
) -> None:
    """Another window saved and closed; the editor asks for the next configuration."""
    page = ann.page
    page.goto("/-/edit/Welcome.docx")
    expect(editor(page).locator("#mode")).to_have_text("Editing")
    key = page.evaluate(
        "JSON.parse(document.querySelector('#editor-config').textContent).document.key"
    )
    document_server.type(key, "from the first window")
    document_server.leave(key)
    frame = page.frame(name="frameEditor")
    assert frame
    frame.evaluate("parent.postMessage({event: 'onRequestRefreshFile'}, '*')")
    wait_until(lambda: len(document_server.editing) == 1, "the editor was not refreshed")
    assert next(iter(document_server.editing)) != key


def test_the_page_tells_that_it_is_alive(ann: Person, office: ThreadServer) -> None:
    page = ann.page
    page.clock.install()
    page.goto("/-/edit/Welcome.docx")
    expect(editor(page).locator("#mode")).to_have_text("Editing")
    with page.expect_request("**/-/alive/*") as request:
        page.clock.fast_forward(61_000)
    response = request.value.response()
    assert response
    assert response.status == 204


@pytest.mark.parametrize("look", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_folder_tells_of_a_save_that_lies_beside_its_file(
    samples: Path,
    office: ThreadServer,
    person: Come,
    document_server: DocumentServerDouble,
    look: str,
    width: int,
) -> None:
    ann = person(office, color_scheme=look, viewport={"width": width, "height": 800})
    page = ann.page
    page.goto("/-/edit/Welcome.docx")
    editor(page).locator("#paper").fill("from the editor")
    expect(page).to_have_title("• Welcome.docx · davserver")
    (samples / "Welcome.docx").write_bytes(b"by another program")
    editor(page).locator("#close").click()
    page.wait_for_url("**/")
    reports = document_server.callbacks
    wait_until(lambda: reports[-1].report["status"] == 2, "the save never came")
    page.reload()
    notice = page.locator(".notice")
    expect(notice).to_contain_text("What admin wrote in Welcome.docx is kept as Welcome (conflict")
    expect(notice.locator("a")).to_have_attribute("href", re.compile("Welcome%20"))
    screenshot(page, f"apart-{look}-{width}")
    notice.locator("button").click()
    expect(page.locator(".notice")).to_have_count(0)
    expect(page.locator("table.files")).to_contain_text("Welcome (conflict")

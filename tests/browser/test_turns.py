"""The editor's page when somebody else has the file, changed it, or ends the session."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from davserver.accounts.app_passwords import DevicePasswords
from davserver.accounts.editor_links import EDITOR_LINK
from davserver.model import SessionState
from davserver.office import open_sessions
from davserver.providers.app_passwords import AppPasswords
from davserver.tokens import server_secret
from tests.browser.conftest import Person, screenshot
from tests.clock import wait_until
from tests.dav_client import token_of
from tests.documentserver import SECRET, DocumentServerDouble
from tests.editor.opening import words
from tests.running import ThreadServer

Come = Callable[..., Person]
SECONDS_30 = 31_000


@pytest.fixture
def ann(samples: Path, office: ThreadServer, person: Come) -> Person:
    return person(office)


def editor(page: Page) -> FrameLocator:
    return page.frame_locator("iframe[name=frameEditor]")


def key_of(double: DocumentServerDouble) -> str:
    wait_until(lambda: double.editing, "nobody edits")
    return next(iter(double.editing))


def test_a_file_that_becomes_free_can_be_edited_at_once(
    ann: Person, office: ThreadServer, samples: Path
) -> None:
    other = office.client()
    token = token_of(other.lock("/Welcome.docx"))
    page = ann.page
    page.clock.install()
    page.goto("/-/edit/Welcome.docx")
    expect(page.locator("#notice")).to_contain_text("admin has this file locked")
    screenshot(page, "editor-locked")
    other.unlock("/Welcome.docx", token)
    page.clock.fast_forward(11_000)
    expect(page.locator("#notice")).to_contain_text("The file is free now.")
    page.click("#notice >> text=Edit")
    expect(editor(page).locator("#mode")).to_have_text("Editing")
    expect(page.locator("#notice")).to_be_hidden()
    editor(page).locator("#paper").fill("in my turn")
    editor(page).locator("#save").click()
    wait_until(lambda: words(samples / "Welcome.docx")[-1] == "in my turn", "it was not saved")


def test_a_forgotten_lock_is_taken_over_after_a_question(ann: Person, office: ThreadServer) -> None:
    office.client().lock("/Welcome.docx")
    page = ann.page
    page.goto("/-/edit/Welcome.docx")
    page.click("#notice >> text=Take over")
    expect(page.locator("#sure")).to_contain_text("admin cannot save it any more")
    screenshot(page, "editor-take-over")
    page.click("#sure >> text=Cancel")
    assert len(office.app.share.locks.on("/Welcome.docx")) == 1
    page.click("#notice >> text=Take over")
    page.click("#sure >> text=Take over")
    expect(editor(page).locator("#mode")).to_have_text("Editing")
    [lock] = office.app.share.locks.on("/Welcome.docx")
    assert lock.document_key


def test_a_reader_goes_on_to_edit(ann: Person, document_server: DocumentServerDouble) -> None:
    page = ann.page
    page.goto("/-/view/Welcome.docx")
    expect(editor(page).locator("#mode")).to_have_text("Viewing")
    editor(page).locator("#onRequestEditRights").click()
    expect(editor(page).locator("#mode")).to_have_text("Editing")
    assert document_server.editing


def test_the_page_tells_of_the_session_that_it_is_in_now(
    ann: Person, document_server: DocumentServerDouble
) -> None:
    """After a refresh, and after reading became editing, the key is another one."""
    page = ann.page
    page.clock.install()
    page.goto("/-/view/Welcome.docx")
    expect(editor(page).locator("#mode")).to_have_text("Viewing")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.fast_forward(61_000)
    editor(page).locator("#onRequestEditRights").click()
    expect(editor(page).locator("#mode")).to_have_text("Editing")
    key = key_of(document_server)
    with page.expect_request(f"**/-/alive/{key}"):
        page.clock.fast_forward(61_000)
    pings = [url for url in asked if "/-/alive/" in url]
    assert {url.rpartition("/")[2] for url in pings} == {key}, "a reader keeps no session alive"


def test_a_reader_who_does_not_wait_asks_for_nothing(ann: Person, office: ThreadServer) -> None:
    page = ann.page
    page.clock.install()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/-/view/Welcome.docx")
    expect(editor(page).locator("#mode")).to_have_text("Viewing")
    page.clock.fast_forward(SECONDS_30 * 4)
    page.clock.fast_forward(SECONDS_30 * 4)
    page.wait_for_load_state("networkidle")
    assert not [url for url in asked if "/-/api/editing" in url]
    # What is asked for is heard of: a page that edits asks.
    editor(page).locator("#onRequestEditRights").click()
    expect(editor(page).locator("#mode")).to_have_text("Editing")
    with page.expect_request("**/-/api/editing?*"):
        page.clock.fast_forward(SECONDS_30)


def test_a_page_closes_when_what_let_it_in_has_ended(
    samples: Path, office: ThreadServer, chromium: Browser, document_server: DocumentServerDouble
) -> None:
    """A link of an app password that was revoked: what was typed is stored all the same."""
    devices = DevicePasswords(
        AppPasswords(office.app.share.catalog), server_secret(office.settings.state)
    )
    wiki = office.client("admin", devices.make("admin", "wiki", read_only=False))
    asked = json.dumps({"path": "/Welcome.docx"})
    sent = {"Content-Type": "application/json"}
    answer = wiki.request("POST", EDITOR_LINK, data=asked, headers=sent)
    visitor = Person(chromium, office.url)
    visitor.expected = ["404"]
    page = visitor.page
    page.clock.install()
    page.goto(answer.json()["url"])
    expect(editor(page).locator("#mode")).to_have_text("Editing")
    editor(page).locator("#paper").fill("typed before")
    AppPasswords(office.app.share.catalog).revoke("admin", "wiki")
    page.clock.fast_forward(61_000)
    page.wait_for_url("**/-/e/*/")
    wait_until(lambda: words(samples / "Welcome.docx")[-1] == "typed before", "it was not saved")
    visitor.close()


def test_who_edits_hears_of_a_change_from_outside(
    samples: Path,
    serve: Callable[..., ThreadServer],
    person: Come,
    document_server: DocumentServerDouble,
) -> None:
    office = serve(document_server=document_server.url, jwt_secret=SECRET, conflict="warn")
    page = person(office).page
    page.clock.install()
    page.goto("/-/edit/Welcome.docx")
    expect(editor(page).locator("#mode")).to_have_text("Editing")
    editor(page).locator("#paper").fill("of the editor")
    content = (samples / "Welcome.docx").read_bytes()
    assert office.client().put("/Welcome.docx", content).status_code == 204
    page.clock.fast_forward(SECONDS_30)
    notice = page.locator("#notice")
    expect(notice).to_contain_text("admin changed this file outside of this session")
    screenshot(page, "editor-changed-outside")
    page.click("#notice >> text=Go on here")
    expect(notice).to_be_hidden()
    page.clock.fast_forward(SECONDS_30)
    expect(notice).to_be_hidden()
    editor(page).locator("#save").click()
    wait_until(
        lambda: [file for file in samples.iterdir() if "conflict" in file.name],
        "nothing was put beside",
    )


def test_who_edits_hears_that_the_session_was_ended(
    ann: Person, office: ThreadServer, document_server: DocumentServerDouble
) -> None:
    page = ann.page
    page.clock.install()
    page.goto("/-/edit/Welcome.docx")
    expect(editor(page).locator("#mode")).to_have_text("Editing")
    sessions = open_sessions(office.settings, office.app.share).all
    session = sessions.find(key_of(document_server))
    assert session
    sessions.end(session.key, SessionState.ENDED)
    page.clock.fast_forward(SECONDS_30)
    expect(page.locator("#notice")).to_contain_text("This session was ended")
    page.click("#notice >> text=Open what is there now")
    expect(page.locator("#notice")).to_be_hidden()
    expect(editor(page).locator("#mode")).to_have_text("Editing")


def test_a_refresh_waits_for_the_save_and_tells_so(
    ann: Person, document_server: DocumentServerDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Document Server refuses a key as soon as its last save begins."""
    monkeypatch.setattr("davserver.editor.sessions.joining.WAIT_SECONDS", 0.2)
    page = ann.page
    ann.expected = ["503"]
    page.goto("/-/edit/Welcome.docx")
    expect(editor(page).locator("#mode")).to_have_text("Editing")
    key = key_of(document_server)
    frame = page.frame(name="frameEditor")
    assert frame
    frame.evaluate("parent.postMessage({event: 'onOutdatedVersion'}, '*')")
    expect(page.locator("#notice")).to_contain_text("The document is being saved")
    screenshot(page, "editor-being-saved")
    document_server.type(key, "the last words")
    document_server.leave(key)
    wait_until(lambda: document_server.editing, "the editor was not refreshed")
    assert next(iter(document_server.editing)) != key
    expect(page.locator("#notice")).to_be_hidden()


def test_a_refresh_that_fails_is_told_in_words_and_can_be_tried_again(
    ann: Person, office: ThreadServer
) -> None:
    page = ann.page
    ann.expected = ["404"]
    page.goto("/-/view/Welcome.docx")
    expect(editor(page).locator("#mode")).to_have_text("Viewing")
    content = office.client().get("/Welcome.docx").content
    office.client().delete("/Welcome.docx")
    frame = page.frame(name="frameEditor")
    assert frame
    frame.evaluate("parent.postMessage({event: 'onRequestRefreshFile'}, '*')")
    expect(page.locator("#notice")).to_contain_text("cannot be opened again: There is nothing at")
    office.client().put("/Welcome.docx", content)
    page.click("#notice >> text=Try again")
    expect(page.locator("#notice")).to_be_hidden()

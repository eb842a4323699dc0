"""The administration page, used by somebody with a mouse."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Person, screenshot
from tests.clock import wait_until
from tests.documentserver import DocumentServerDouble
from tests.editor.opening import words
from tests.running import ThreadServer


def test_somebody_is_let_in_put_into_a_group_given_room_and_signed_out(
    server: ThreadServer, person: Callable[..., Person]
) -> None:
    page = person(server).page
    page.goto("/-/admin")
    page.fill("#users form [name=name]", "ann")
    page.click("text=Add a user")
    made = page.locator("code.secret").inner_text()
    ann = person(server, name="ann", password=made)
    expect(ann.page.locator("h1")).to_be_visible()

    page.fill("#groups form:last-of-type [name=name]", "staff")
    page.fill("#groups [name=folder]", "/staff")
    page.click("text=Add a group")
    page.select_option("#groups select[name=name]", "ann")
    page.click("text=Put into the group")
    expect(page.locator("#groups li")).to_contain_text("ann")

    page.fill("#quotas form.adding [name=name]", "/staff")
    page.fill("#quotas [name=size]", "20G")
    page.click("text=Set the quota")
    expect(page.locator("#quotas li")).to_contain_text("0 bytes in use of 20 GB")

    row = page.locator("#users li", has_text="ann")
    row.locator("summary").click()
    row.locator("text=Sign out everywhere").click()
    expect(page.locator(".done")).to_contain_text("ann is signed out everywhere: 1 browser")
    ann.page.goto("/-/account")
    ann.page.wait_for_url("**/-/login?**")


def test_a_session_is_ended_after_a_question_and_what_was_typed_is_saved(
    samples: Path,
    office: ThreadServer,
    document_server: DocumentServerDouble,
    person: Callable[..., Person],
) -> None:
    page = person(office).page
    page.goto("/-/edit/Welcome.docx")
    page.frame_locator("iframe[name=frameEditor]").locator("#paper").fill("the last words")
    wait_until(lambda: document_server.editing, "nobody edits")
    page.goto("/-/admin/editor")
    page.locator("#sessions summary").click()
    expect(page.locator("#sessions form")).to_contain_text("What was typed is saved before.")
    screenshot(page, "end-session")
    page.click("text=End the session")
    expect(page.locator(".done")).to_contain_text("The session is ended. What was typed is saved.")
    expect(page.locator("text=End the session")).to_have_count(0)
    screenshot(page, "ended-session")
    assert words(samples / "Welcome.docx")[-1] == "the last words"

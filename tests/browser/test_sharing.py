"""Sharing in Chromium: the dialog, a stranger with a password, a guest in the editor, an upload."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from davserver.model import GuestNames, Role
from tests.accounts.link_making import address_of, make_link
from tests.browser.conftest import Person, screenshot
from tests.browser.test_editing import editor
from tests.browser.test_looks import LOOKS, check
from tests.clock import wait_until
from tests.editor.opening import words
from tests.running import ThreadServer

Come = Callable[..., Person]


@pytest.fixture
def stranger(samples: Path, office: ThreadServer, chromium: Browser) -> Iterator[Person]:
    """A window of somebody who has no account."""
    somebody = Person(chromium, office.url)
    yield somebody
    somebody.close()


def test_a_link_is_made_in_the_dialog_and_opened_by_a_stranger_with_its_password(
    stranger: Person, office: ThreadServer, person: Come
) -> None:
    ann = person(office).page
    row = ann.locator("tr[data-name=Projects]")
    row.locator("details.menu summary").click()
    row.locator("text=Share").click()
    dialog = ann.frame_locator(".share-dialog iframe")
    making = dialog.locator(".making")
    making.locator("select[name=role]").select_option("editor")
    making.locator("input[name=password]").fill("open sesame")
    making.locator("text=Make the link").click()
    expect(dialog.locator(".done")).to_have_text("The link is made.")
    address = dialog.locator(".new .address input").input_value()
    dialog.locator(".new summary >> text=QR code").click()
    expect(dialog.locator(".new .qr svg")).to_be_visible()
    dialog.locator(".new [data-copy]").click()
    expect(dialog.locator(".new [data-copy]")).to_have_text("Copied")
    ann.keyboard.press("Escape")
    expect(ann.locator(".share-dialog")).to_have_count(0)

    page = stranger.page
    stranger.expected = ["401"]
    page.goto(address)
    page.fill("[name=password]", "a guess")
    page.click("button.primary")
    expect(page.locator(".problem")).to_have_text("This is not the password.")
    page.fill("[name=password]", "open sesame")
    page.click("button.primary")
    expect(page.locator(".crumbs a")).to_have_text(["Projects"])
    expect(page.locator("text=Trash")).to_have_count(0)
    expect(page.locator("text=Sign in")).to_have_count(0)
    page.click("#new-folder")
    page.fill("#ask input", "From outside")
    page.click("#ask button[value=ok]")
    expect(page.locator("tr[data-name='From outside']")).to_be_visible()
    assert (office.root / "Projects" / "From outside").is_dir()


def test_a_guest_says_their_name_and_edits_together_with_a_member(
    stranger: Person, office: ThreadServer, person: Come, samples: Path
) -> None:
    made = make_link(office, "/Welcome.docx", Role.EDITOR, guest_names=GuestNames.REQUIRED)
    page = stranger.page
    page.goto(address_of(office, made))
    page.fill("[name=name]", "Mia")
    page.click("button.primary")
    expect(editor(page).locator("#mode")).to_have_text("Editing")
    ann = person(office).page
    expect(ann.locator("tr[data-name='Welcome.docx'] .editing")).to_have_text(
        "Mia (guest) is editing"
    )
    ann.click("tr[data-name='Welcome.docx'] >> text=Open in ONLYOFFICE")
    expect(editor(ann).locator("#mode")).to_have_text("Editing")
    before = words(samples / "Welcome.docx")
    editor(page).locator("#paper").fill("words of a guest")
    editor(page).locator("#save").click()
    wait_until(lambda: words(samples / "Welcome.docx") != before, "the guest's words were lost")
    editor(page).locator("#close").click()
    page.wait_for_url("**/?show=page")
    expect(page.get_by_role("link", name="Download", exact=True)).to_be_visible()
    ann.goto("/-/versions/Welcome.docx")
    expect(ann.locator("tbody tr").first).to_contain_text("Mia (guest) in ONLYOFFICE")


@pytest.mark.usefixtures("samples")
def test_the_editor_opens_the_dialog_and_is_told_what_was_shared(
    office: ThreadServer, person: Come
) -> None:
    page = person(office).page
    page.goto("/-/edit/Welcome.docx")
    expect(editor(page).locator("#mode")).to_have_text("Editing")
    frame = page.frame(name="frameEditor")
    assert frame
    frame.evaluate("parent.postMessage({event: 'onRequestSharingSettings'}, '*')")
    dialog = page.frame_locator(".share-dialog iframe")
    dialog.locator(".making input[name=label]").fill("For Mia")
    dialog.locator("text=Make the link").click()
    expect(dialog.locator(".done")).to_be_visible()
    page.locator(".share-dialog .close").click()
    wait_until(
        lambda: (
            "For Mia"
            in page.evaluate(
                "JSON.stringify(window.told.setSharingSettings?.sharingSettings ?? [])"
            )
        ),
        "the editor was not told",
    )


def test_files_are_sent_to_a_folder_that_shows_nothing(
    stranger: Person, office: ThreadServer, tmp_path: Path
) -> None:
    made = make_link(office, "/Projects", Role.UPLOADER)
    file = tmp_path / "report.txt"
    page = stranger.page
    page.goto(address_of(office, made))
    for body in ("first", "second"):
        file.write_text(body)
        page.set_input_files("#files", str(file))
        expect(page.locator("#sent .transfer").last).to_contain_text("sent")
    expect(page.locator("#sent .transfer b")).to_have_text(["report.txt", "report (2).txt"])
    page.reload()
    expect(page.locator("#sent .transfer b")).to_have_text(["report.txt", "report (2).txt"])
    assert (office.root / "Projects" / "report (2).txt").read_text() == "second"
    assert (office.root / "Projects" / "report.txt").read_text() == "first"


def test_a_link_is_revoked_in_the_list_of_what_one_shares(
    stranger: Person, office: ThreadServer, person: Come
) -> None:
    made = make_link(office, "/Projects", label="For Mia")
    ann = person(office).page
    ann.goto("/-/shares")
    expect(ann.locator(".shared")).to_contain_text("For Mia")
    ann.click("text=Revoke")
    expect(ann.locator(".done")).to_be_visible()
    stranger.expected = ["404"]
    stranger.page.goto(address_of(office, made))
    expect(stranger.page.locator(".card")).to_contain_text("This link leads nowhere")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", LOOKS)
def test_every_page_of_sharing_fits_and_can_be_read(
    samples: Path, office: ThreadServer, chromium: Browser, scheme: Any, size: str
) -> None:
    def look(page: Page, name: str) -> None:
        page.wait_for_load_state("networkidle")
        check(page)
        screenshot(page, f"{name}-{scheme}-{size}")

    links = {
        "link-password": make_link(office, "/Projects", password="open sesame"),
        "link-name": make_link(office, "/Projects", guest_names=GuestNames.REQUIRED),
        "link-folder": make_link(office, "/", Role.EDITOR),
        "link-file": make_link(office, "/Notes.md"),
        "link-drop": make_link(office, "/Projects", Role.UPLOADER, label="For " + "all " * 20),
    }
    somebody = Person(chromium, office.url, color_scheme=scheme, **LOOKS[size])
    somebody.expected = ["404"]
    for name, link in links.items():
        somebody.page.goto(address_of(office, link))
        look(somebody.page, name)
    somebody.page.goto("/-/s/nothing/")
    look(somebody.page, "link-ended")
    somebody.sign_in()
    page = somebody.page
    for name, address in {"share": "/-/share/Projects", "shares": "/-/shares"}.items():
        page.goto(address)
        look(page, name)
    page.goto("/-/share/Projects?in=dialog")
    page.locator(".making").evaluate("(element) => (element.open = true)")
    page.locator("summary", has_text=re.compile("QR")).first.click()
    look(page, "share-dialog")
    make_link(office, "/Welcome.docx")
    page.goto("/-/share/Welcome.docx")
    page.locator(".embed summary").click()
    expect(page.locator(".embed textarea")).to_contain_text("<iframe")
    page.locator(".embed [data-copy]").click()
    expect(page.locator(".embed [data-copy]")).to_have_text("Copied")
    look(page, "share-embed")
    somebody.close()

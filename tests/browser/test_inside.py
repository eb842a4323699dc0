"""What people do inside the editor with other files and with each other, in Chromium."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from davserver.accounts import passwords
from davserver.providers.users import User, Users
from tests.browser.conftest import Person, screenshot
from tests.clock import wait_until
from tests.documentserver import DocumentServerDouble, changed
from tests.editor.opening import words
from tests.running import ThreadServer

Come = Callable[..., Person]
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg=="
)


@pytest.fixture
def ann(samples: Path, office: ThreadServer, person: Come) -> Person:
    (samples / "Pictures").mkdir()
    (samples / "Pictures/sun.png").write_bytes(PNG)
    (samples / "Pictures/moon.png").write_bytes(PNG)
    return person(office)


def editor(page: Page) -> FrameLocator:
    return page.frame_locator("iframe[name=frameEditor]")


def open_editor(page: Page, name: str = "Welcome.docx") -> None:
    page.goto(f"/-/edit/{name}")
    expect(editor(page).locator("#mode")).to_have_text("Editing")


def tell(page: Page, event: str, data: str) -> None:
    """The editor says that something was asked for."""
    button = editor(page).locator(f"#{event}")
    button.evaluate("(button, data) => { button.dataset.with = data }", data)
    button.click()


def told(page: Page, method: str) -> Any:
    """What our page called a method of the editor with, once it did."""
    page.wait_for_function("name => window.told[name] !== undefined", arg=method)
    return page.evaluate("name => window.told[name]", method)


def test_a_copy_is_saved_into_a_folder_chosen_by_keyboard_and_opened(
    ann: Person, samples: Path, document_server: DocumentServerDouble
) -> None:
    page = ann.page
    open_editor(page)
    path = "/cache/files/data/k_1/output.docx/output.docx"
    document_server.cache[path] = changed(b"", "docx", "as it is now")
    url = f"{document_server.url}{path}?md5=x"
    tell(page, "onRequestSaveAs", f'{{"fileType":"docx","title":"Copy.docx","url":"{url}"}}')
    expect(page.locator(".picker h2")).to_have_text("Save a copy")
    expect(page.locator(".picker li").first).to_be_visible()
    screenshot(page, "picker-save")
    page.locator(".picker li button", has_text="Pictures").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".picker [aria-current]")).to_have_text("Pictures")
    page.locator(".picker input").fill("My copy")
    page.keyboard.press("Enter")
    expect(page.locator("dialog", has_text="My copy.docx")).to_be_visible()
    assert told(page, "showMessage") == "A copy was saved as My copy.docx."
    assert words(samples / "Pictures/My copy.docx") == ["as it is now"]
    with page.context.expect_page() as opened:
        page.click("text=Open it")
    expect(editor(opened.value).locator("#title")).to_have_text("My copy.docx")


def test_pictures_are_picked_and_handed_to_the_editor(ann: Person) -> None:
    page = ann.page
    open_editor(page)
    tell(page, "onRequestInsertImage", '{"c":"add"}')
    page.locator(".picker li button", has_text="Pictures").click()
    expect(page.locator(".picker li button", has_text="sun.png")).to_be_visible()
    expect(page.locator(".picker button[value=ok]")).to_be_disabled()
    page.locator(".picker li button", has_text="sun.png").click()
    page.locator(".picker li button", has_text="moon.png").click()
    screenshot(page, "picker-images")
    page.click(".picker button[value=ok]")
    argument = told(page, "insertImage")
    assert argument["c"] == "add"
    assert [one["fileType"] for one in argument["images"]] == ["png", "png"]
    assert argument["token"]
    expect(page.locator(".picker")).to_have_count(0)
    # Ctrl+S and what is typed next are for the document again.
    expect(page.locator("iframe")).to_be_focused()


def test_the_picker_is_left_by_escape_and_by_arrows_one_goes_through_it(ann: Person) -> None:
    page = ann.page
    open_editor(page)
    tell(page, "onRequestSelectDocument", '{"c":"compare"}')
    first = page.locator(".picker li button").first
    expect(first).to_be_focused()
    page.keyboard.press("End")
    expect(page.locator(".picker li button").last).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Home")
    expect(first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".picker .crumbs button")).to_have_count(2)
    page.keyboard.press("Backspace")
    expect(page.locator(".picker .crumbs button")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator(".picker")).to_have_count(0)
    assert page.evaluate("window.told.setRequestedDocument === undefined")


def test_a_document_is_renamed_in_the_editor_and_saved_under_its_new_name(
    ann: Person, samples: Path
) -> None:
    page = ann.page
    open_editor(page)
    tell(page, "onRequestRename", '"Plan"')
    page.wait_for_url("**/-/edit/Plan.docx")
    expect(page).to_have_title("Plan.docx · davserver")
    assert not (samples / "Welcome.docx").exists()
    editor(page).locator("#paper").fill("written afterwards")
    editor(page).locator("#close").click()
    page.wait_for_url("**/")
    wait_until(lambda: words(samples / "Plan.docx")[-1] == "written afterwards", "not saved")
    page.goto("/-/edit/Plan.docx")
    tell(page, "onRequestRename", '"Tasks/x"')
    page.wait_for_url("**/-/edit/Tasksx.docx")


def test_who_looks_on_follows_a_renamed_document(
    ann: Person, office: ThreadServer, person: Come
) -> None:
    bob = person(office)
    for somebody in (ann, bob):
        open_editor(somebody.page)
    tell(ann.page, "onRequestRename", '"Plan"')
    ann.page.wait_for_url("**/-/edit/Plan.docx")
    tell(bob.page, "onMetaChange", '{"title":"Plan.docx"}')
    bob.page.wait_for_url("**/-/edit/Plan.docx")
    # What the page asks for when the session goes on.
    fresh = bob.page.get_attribute("#editor", "data-fresh")
    assert fresh
    config = bob.page.evaluate("async (url) => (await fetch(url)).json()", fresh)
    assert config["document"]["title"] == "Plan.docx"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("form", "width"), [("wide", 1280), ("phone", 390)])
def test_the_picker_fits_every_screen(
    samples: Path, office: ThreadServer, person: Come, scheme: str, form: str, width: int
) -> None:
    (samples / ("a name that is far too long for any screen " * 3)).mkdir()
    look = {"viewport": {"width": width, "height": 700}, "color_scheme": scheme}
    page = person(office, **look).page
    open_editor(page)
    tell(page, "onRequestSelectDocument", '{"c":"compare"}')
    expect(page.locator(".picker li").first).to_be_visible()
    box = page.locator(".picker").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert box["y"] + box["height"] <= 700
    screenshot(page, f"picker-{form}-{scheme}")


def test_somebody_is_mentioned_and_finds_the_place_by_the_notice(
    ann: Person, office: ThreadServer, person: Come
) -> None:
    Users(office.app.share.catalog).add(
        User("mia", passwords.hashed("mia's password"), is_administrator=False, email="mia@x.org")
    )
    page = ann.page
    open_editor(page)
    tell(page, "onRequestUsers", '{"c":"mention"}')
    [one] = told(page, "setUsers")["users"]
    assert (one["id"], one["email"]) == ("mia", "mia@x.org")
    place = '{"action":{"type":"comment","data":"c1"}}'
    data = f'{{"actionLink":{place},"message":"Look","emails":["mia@x.org","who@x.org"]}}'
    tell(page, "onRequestSendNotify", data)
    assert told(page, "showMessage") == (
        "mia will be told. Not told, for they cannot open this document: who@x.org."
    )
    mia = person(office, name="mia", password="mia's password").page
    expect(mia.locator(".badge")).to_contain_text("1")
    mia.click(".notices-link")
    expect(mia.locator(".notices li")).to_contain_text("admin mentioned you in Welcome.docx")
    screenshot(mia, "notices")
    mia.click("text=Open")
    mia.wait_for_url("**/-/edit/Welcome.docx?anchor=*")
    config = mia.evaluate("JSON.parse(document.querySelector('#editor-config').textContent)")
    assert config["editorConfig"]["actionLink"] == {"action": {"type": "comment", "data": "c1"}}
    mia.goto("/")
    expect(mia.locator(".badge")).to_have_count(0)


def test_a_star_and_a_link_to_a_place(ann: Person) -> None:
    page = ann.page
    open_editor(page)
    tell(page, "onMetaChange", '{"favorite":true}')
    assert told(page, "setFavorite") is True
    tell(page, "onMakeActionLink", '{"action":{"type":"bookmark","data":"two words"}}')
    link = told(page, "setActionLink")
    page.goto(link)
    config = page.evaluate("JSON.parse(document.querySelector('#editor-config').textContent)")
    assert config["editorConfig"]["actionLink"]["action"]["data"] == "two words"
    page.goto("/")
    expect(page.locator("tr[data-name='Welcome.docx'] .star")).to_be_visible()
    screenshot(page, "listing-star")


def test_a_workbook_takes_data_from_another_one_and_opens_it(ann: Person, samples: Path) -> None:
    page = ann.page
    (samples / "Pictures/other.xlsx").write_bytes((samples / "Budget.xlsx").read_bytes())
    open_editor(page, "Budget.xlsx")
    tell(page, "onRequestReferenceData", '{"path":"Pictures/other.xlsx"}')
    data = told(page, "setReferenceData")
    assert (data["fileType"], data["path"]) == ("xlsx", "Pictures/other.xlsx")
    page.evaluate("delete window.told.setReferenceData")
    tell(page, "onRequestReferenceData", '{"path":"nowhere.xlsx"}')
    words = "The file is not there, or you may not read it."
    assert told(page, "setReferenceData") == {"error": words}
    ann.expected = ["404"]
    tell(page, "onRequestReferenceSource", "{}")
    page.locator(".picker li button", has_text="Pictures").click()
    page.locator(".picker li button", has_text="other.xlsx").dblclick()
    assert told(page, "setReferenceSource")["path"] == "Pictures/other.xlsx"
    with page.context.expect_page() as opened:
        tell(page, "onRequestOpen", '{"path":"Pictures/other.xlsx","windowName":"w1"}')
    opened.value.wait_for_url("**/-/edit/Pictures/other.xlsx")

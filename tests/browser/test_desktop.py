"""Programs of the desktop: links that call them, the address to copy, and the Desktop Editors."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from davserver.editor.desktop import microsoft_scheme
from davserver.model import Role
from tests.accounts.link_making import address_of, make_link
from tests.browser.conftest import Person, screenshot
from tests.running import ThreadServer

Come = Callable[..., Person]

# What the Desktop Editors put into every page of theirs.
PROGRAM = """
window.told = [];
window.AscDesktopEditor = { execCommand: (name, data) => {
  window.told.push([name, JSON.parse(data)]);
  if (name === "portal:logout") sessionStorage.setItem("logout", data);
} };
window.open = (address) => window.told.push(["open", address]);
"""


@pytest.fixture
def ann(samples: Path, office: ThreadServer, person: Come) -> Person:
    return person(office)


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("a.docx", "ms-word"),
        ("A.DOC", "ms-word"),
        ("a.ods", "ms-excel"),
        ("a.pptx", "ms-powerpoint"),
        ("a.vsdx", "ms-visio"),
        ("a.pages", ""),
        ("a.exe", ""),
        ("docx", ""),
    ],
)
def test_a_program_is_called_by_the_format(name: str, called: str) -> None:
    assert microsoft_scheme(f"/d/{name}") == called


@pytest.mark.parametrize("name", ["Projects", "Notes.md"])
def test_a_folder_and_any_other_file_have_an_address_to_copy(
    ann: Person, office: ThreadServer, name: str
) -> None:
    page = ann.page
    page.goto("/")
    row = page.locator(f"tr[data-name='{name}']")
    row.locator("summary").click()
    row.locator("text=Address for programs").click()
    dialog = page.locator("#desktop")
    expect(dialog.locator("h2")).to_have_text(f"Address of {name}")
    expect(dialog.locator(".programs")).to_be_hidden()
    address = dialog.locator("input").input_value()
    assert address.rstrip("/") == f"{office.url}/{name}"
    dialog.locator("[data-copy]").click()
    expect(dialog.locator("[data-copy]")).to_have_text("Copied")
    screenshot(page, f"address-{name}")


def test_the_menu_leads_to_programs_and_to_the_address(
    ann: Person, office: ThreadServer, samples: Path
) -> None:
    (samples / "a b#.docx").write_bytes((samples / "Welcome.docx").read_bytes())
    page = ann.page
    page.goto("/")
    row = page.locator("tr[data-name='a b#.docx']")
    row.locator("summary").click()
    row.locator("text=Open in desktop program").click()
    dialog = page.locator("#desktop")
    expect(dialog.locator("h2")).to_have_text("Open a b#.docx")
    address = f"{office.url}/a%20b%23.docx"
    word, libreoffice = dialog.locator("a").all()
    assert word.text_content() == "Microsoft Word"
    assert word.get_attribute("href") == f"ms-word:ofe|u|{address}"
    assert libreoffice.get_attribute("href") == f"vnd.libreoffice.command:ofe|u|{address}"
    assert dialog.locator("input").input_value() == address
    screenshot(page, "desktop-program")
    assert office.client().session.get(address).content == (samples / "a b#.docx").read_bytes()
    ann.context.grant_permissions(["clipboard-read", "clipboard-write"])
    dialog.locator("text=Copy").click()
    expect(dialog.locator("[data-copy]")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == address
    dialog.locator("text=Close").click()
    expect(dialog).to_be_hidden()


def test_who_may_only_read_opens_it_for_reading(ann: Person, office: ThreadServer) -> None:
    link = make_link(office, "/", Role.VIEWER)
    ann.page.goto(address_of(office, link))
    button = ann.page.locator("tr[data-name='Welcome.docx'] [data-desktop]")
    expect(button).to_have_attribute("data-how", "ofv")


def test_the_desktop_editors_are_told_who_signed_in_and_out(
    ann: Person, office: ThreadServer
) -> None:
    page = ann.page
    page.add_init_script(PROGRAM)
    page.goto("/")
    page.wait_for_function("window.told.length")
    [[name, told]] = page.evaluate("window.told")
    assert name == "portal:login"
    assert told == {
        "displayName": "admin",
        "email": "admin",
        "domain": office.url,
        "provider": "davserver",
        "userId": "admin",
    }
    page.click("tr[data-name='Welcome.docx'] >> text=Open in ONLYOFFICE")
    opened = page.evaluate("window.told")[-1]
    assert opened == ["open", f"{office.url}/-/edit/Welcome.docx"]
    page.click("text=Sign out")
    page.wait_for_url("**/-/login")
    assert json.loads(page.evaluate("sessionStorage.getItem('logout')")) == {"domain": office.url}
    assert page.evaluate("window.told") == [], "nobody is signed in"


def test_another_browser_is_told_nothing(ann: Person) -> None:
    asked: list[str] = []
    ann.page.on("request", lambda request: asked.append(request.url))
    ann.page.goto("/")
    expect(ann.page.locator("#listing")).to_be_visible()
    assert not [url for url in asked if "desktop_editors" in url]

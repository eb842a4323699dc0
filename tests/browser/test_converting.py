"""Other formats, as a person gets them: from the menu to the editor of the copy."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.conftest import Person, screenshot
from tests.documentserver import SECRET, DocumentServerDouble
from tests.documentserver.conversion import locked
from tests.running import ThreadServer

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 390, "height": 780}, "color_scheme": "dark"}


@pytest.fixture
def office(
    samples: Path, serve: Callable[..., ThreadServer], document_server: DocumentServerDouble
) -> ThreadServer:
    (samples / "old report.doc").write_bytes(b"words of the old file")
    (samples / "secret.doc").write_bytes(locked(b"secret words", "sesame"))
    return serve(document_server=document_server.url, jwt_secret=SECRET)


@pytest.mark.parametrize("look", [{}, PHONE], ids=["wide", "phone"])
def test_a_file_is_converted_from_its_menu(
    office: ThreadServer, person: Callable[..., Person], look: dict[str, object]
) -> None:
    somebody = person(office, **look)
    page = somebody.page
    suffix = "phone" if look else "wide"
    row = page.locator('tr[data-name="old report.doc"]')
    row.locator("summary").click()
    screenshot(page, f"convert-menu-{suffix}")
    with page.expect_download() as begun:
        row.get_by_text("Download as PDF").click()
    assert begun.value.suggested_filename == "old report.pdf"
    page.goto("/")
    row.locator("summary").click()
    row.get_by_text("Convert…").click()
    page.wait_for_selector("#convert")
    screenshot(page, f"convert-{suffix}")
    page.get_by_role("button", name="Make a copy").click()
    page.wait_for_url("**/-/edit/old%20report.docx")
    page.frame_locator("iframe[name=frameEditor]").locator("body").wait_for()


def test_the_password_of_a_file_is_asked_for(
    office: ThreadServer, person: Callable[..., Person]
) -> None:
    somebody = person(office)
    somebody.expected.append("422")
    page = somebody.page
    page.goto("/-/convert/secret.doc")
    page.get_by_role("button", name="Make a copy").click()
    page.wait_for_selector("input[name=password]")
    screenshot(page, "convert-password")
    page.fill("input[name=password]", "sesame")
    page.get_by_role("button", name="Make a copy").click()
    page.wait_for_url("**/-/edit/secret.docx")


def test_a_download_leaves_the_page_as_it_is(
    office: ThreadServer, person: Callable[..., Person]
) -> None:
    page = person(office).page
    page.goto("/-/convert/old%20report.doc")
    page.select_option("select[name=to]", "png")
    with page.expect_download() as begun:
        page.get_by_role("button", name="Download").click()
    assert begun.value.suggested_filename == "old report.zip"
    page.locator("[data-wait]").wait_for(state="hidden")


def test_who_presses_twice_gets_one_copy(
    office: ThreadServer,
    person: Callable[..., Person],
    samples: Path,
    document_server: DocumentServerDouble,
) -> None:
    document_server.conversions.pause = 1.0
    page = person(office).page
    page.goto("/-/convert/old%20report.doc")
    button = page.get_by_role("button", name="Make a copy")
    button.dblclick()
    page.wait_for_url("**/-/edit/old%20report.docx")
    assert [one.name for one in samples.glob("old report*.docx")] == ["old report.docx"]


@pytest.mark.parametrize("look", [{}, PHONE], ids=["wide", "phone"])
def test_an_old_document_leads_to_a_copy_that_can_be_edited(
    office: ThreadServer, person: Callable[..., Person], look: dict[str, object]
) -> None:
    page = person(office, **look).page
    page.goto("/-/edit/old%20report.doc")
    page.frame_locator("iframe[name=frameEditor]").locator("body").wait_for()
    screenshot(page, f"copy-to-edit-{'phone' if look else 'wide'}")
    page.get_by_role("button", name="Edit a converted copy").click()
    page.wait_for_url("**/-/edit/old%20report.docx")

"""The page of settings, used by somebody with a mouse."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from davserver.setting_sources import read_settings
from tests.browser.conftest import Person, screenshot
from tests.browser.test_looks import LOOKS, check
from tests.documentserver import DocumentServerDouble
from tests.running import ThreadServer

ADDRESS = "/-/admin/editor/settings"


def test_a_document_server_is_connected_with_a_secret_that_is_made_here(
    server: ThreadServer, root: Path, person: Callable[..., Person]
) -> None:
    somebody = person(server)
    somebody.expected = ["409"]
    page = somebody.page
    page.goto("/-/admin/editor")
    page.click("text=Change settings")
    page.fill("[name=document_server]", "http://127.0.0.1:9")
    page.click("text=Make one")
    made = page.locator("code.secret").inner_text()
    page.fill("[name=document_server]", "http://127.0.0.1:9")
    page.press("[name=document_server]", "Enter")
    expect(page.locator("#found")).to_contain_text("cannot be reached")
    assert made not in page.content()
    double = DocumentServerDouble(made)
    page.fill("[name=document_server]", double.url)
    page.select_option("[name=open_in]", "tab")
    page.click("text=How the editor looks and behaves")
    page.select_option("[name='customization.compactHeader']", "yes")
    page.click("text=Test again and save")
    expect(page.locator(".done")).to_contain_text("Saved.")
    double.stop()
    settings = read_settings(root=root)
    assert settings.document_server_secret() == made
    assert settings.customization == {"compactHeader": True}
    assert settings.open_in == "tab"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", LOOKS)
def test_it_fits_and_can_be_read(
    serve: Callable[..., ThreadServer], chromium: Browser, scheme: Any, size: str
) -> None:
    server = serve(open_in="tab")
    somebody = Person(chromium, server.url, color_scheme=scheme, **LOOKS[size]).sign_in()
    somebody.expected = ["409", "422"]
    page = somebody.page

    def look(name: str) -> None:
        check(page)
        screenshot(page, f"settings-{name}-{scheme}-{size}")

    page.goto(ADDRESS)
    look("form")
    page.click("text=How the editor looks and behaves")
    look("looks")
    page.click("text=Make one")
    look("made")
    page.fill("[name=document_server]", "office.example.org")
    page.get_by_role("button", name="Save").last.click()
    expect(page.locator(".entry .problem")).to_have_count(1)
    look("wrong")
    page.fill("[name=document_server]", "http://127.0.0.1:9")
    page.get_by_role("button", name="Save").last.click()
    expect(page.locator("#found")).to_be_visible()
    look("found")
    somebody.close()

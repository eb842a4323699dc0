"""Our pages in German, as a German browser asks for them: pages, scripts, dates, the editor."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Person, screenshot
from tests.running import ThreadServer


@pytest.fixture
def german(samples: object, office: ThreadServer, chromium: Browser) -> Iterator[Person]:
    person = Person(chromium, office.url, locale="de-DE").sign_in()
    yield person
    person.close()


class TestInGerman:
    def test_a_page_and_its_scripts(self, german: Person) -> None:
        page = german.page
        page.goto("/")
        expect(page.locator("html")).to_have_attribute("lang", "de")
        page.get_by_role("button", name="Neuer Ordner").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("heading")).to_have_text("Neuer Ordner")
        expect(dialog.get_by_role("button", name="Abbrechen")).to_be_visible()
        dialog.get_by_role("textbox").fill("a/b")
        dialog.get_by_role("button", name="Erstellen").click()
        expect(dialog.get_by_role("alert")).to_contain_text("Schrägstrich")
        screenshot(page, "listing-german")

    def test_the_server_refuses_in_german(self, german: Person) -> None:
        german.expected = ["404"]
        german.page.goto("/nirgends")
        expect(german.page.locator("main")).to_contain_text("/nirgends")
        expect(german.page.locator("main")).not_to_contain_text("There is nothing")

    def test_the_editor(self, german: Person) -> None:
        german.page.goto("/-/edit/Welcome.docx")
        german.page.frame_locator("iframe").locator("#paper").wait_for()
        config = german.page.locator("#editor-config").text_content()
        assert config is not None
        assert '"lang": "de"' in config

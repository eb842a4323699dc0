"""Ways into a document: clicks, tabs, frames of other sites, in Chromium."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from davserver.model import Role
from tests.accounts.link_making import address_of, make_link
from tests.browser.conftest import Person, screenshot
from tests.documentserver import SECRET, DocumentServerDouble
from tests.editor.opening import words
from tests.editor.test_instances import template
from tests.running import ThreadServer

Come = Callable[..., Person]
PHONE = {"width": 390, "height": 844}
Serve = Callable[..., ThreadServer]


@pytest.fixture
def with_office(samples: Path, serve: Serve, document_server: DocumentServerDouble) -> Serve:
    (samples / "Letter.odt").write_bytes(b"")
    (samples / "Paper.pdf").write_bytes(b"%PDF-1.4\n%%EOF")

    def start(**options: object) -> ThreadServer:
        return serve(document_server=document_server.url, jwt_secret=SECRET, **options)

    return start


class OtherSite:
    """A site whose only page shows the address ``shown`` in a frame."""

    def __init__(self) -> None:
        site = self
        self.shown = ""

        class Page(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                head = "<!doctype html><title>other</title><link rel=icon href=data:,>"
                self.wfile.write(f"{head}<iframe src='{site.shown}'></iframe>".encode())

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def other_site() -> Iterator[OtherSite]:
    site = OtherSite()
    yield site
    site.stop()


def test_a_click_opens_views_downloads_or_starts_a_program(
    with_office: Serve, person: Come
) -> None:
    page = person(
        with_office(click_actions={"pdf": "view", "md": "download", "xlsx": "desktop"})
    ).page
    links = {
        name: page.locator(f"tr[data-name='{name}'] td.name a")
        for name in ("Welcome.docx", "Paper.pdf", "Notes.md", "Budget.xlsx", "Projects")
    }
    expect(links["Welcome.docx"]).to_have_attribute("href", "/-/edit/Welcome.docx")
    expect(links["Paper.pdf"]).to_have_attribute("href", "/-/view/Paper.pdf")
    expect(links["Projects"]).to_have_attribute("href", "/Projects/")
    program = links["Budget.xlsx"].get_attribute("href") or ""
    assert program.startswith("ms-excel:ofe|u|http://127.0.0.1:")
    assert program.endswith("/Budget.xlsx")
    with page.expect_download() as download:
        links["Notes.md"].click()
    assert download.value.suggested_filename == "Notes.md"


def test_documents_open_in_the_same_tab_and_back_leads_back(
    with_office: Serve, person: Come
) -> None:
    page = person(with_office()).page
    page.click("tr[data-name='Welcome.docx'] td.name a")
    page.wait_for_url("**/-/edit/Welcome.docx")
    page.go_back()
    page.wait_for_url("**/")


def test_documents_open_in_a_tab_of_their_own_where_that_is_set(
    with_office: Serve, person: Come
) -> None:
    ann = person(with_office(open_in="tab"))
    with ann.context.expect_page() as opened:
        ann.page.click("tr[data-name='Welcome.docx'] td.name a")
    opened.value.wait_for_url("**/-/edit/Welcome.docx")
    ann.page.click("tr[data-name='Projects'] td.name a")
    ann.page.wait_for_url("**/Projects/")


def test_ctrl_click_opens_a_tab_and_a_bookmark_opens_the_document(
    with_office: Serve, person: Come
) -> None:
    ann = person(with_office())
    with ann.context.expect_page() as opened:
        ann.page.click("tr[data-name='Welcome.docx'] td.name a", modifiers=["Control"])
    opened.value.wait_for_url("**/-/edit/Welcome.docx")
    bookmark = opened.value.url
    opened.value.close()
    ann.page.goto(bookmark)
    frame = ann.page.frame_locator("iframe[name=frameEditor]")
    expect(frame.locator("#title")).to_have_text("Welcome.docx")


def test_what_loses_formatting_says_so_until_one_has_understood(
    with_office: Serve, person: Come
) -> None:
    page = person(with_office(edit_formats=("docx", "odt"))).page
    expect(page.locator("tr[data-name='Letter.odt'] .lossy")).to_have_text("may lose formatting")
    expect(page.locator("tr[data-name='Welcome.docx'] .lossy")).to_have_count(0)
    screenshot(page, "listing-lossy")
    page.goto("/-/edit/Letter.odt")
    expect(page.locator("#lossy")).to_contain_text("May lose formatting")
    screenshot(page, "editor-lossy")
    page.click("#lossy button")
    expect(page.locator("#lossy")).to_be_hidden()
    page.reload()
    expect(page.frame_locator("iframe[name=frameEditor]").locator("#title")).to_be_visible()
    expect(page.locator("#lossy")).to_be_hidden()


def test_a_page_of_a_named_site_shows_a_document_of_a_link(
    with_office: Serve, person: Come, other_site: OtherSite
) -> None:
    server = with_office(embedders=(other_site.url,))
    link = make_link(server, "/Welcome.docx", Role.VIEWER)
    other_site.shown = f"{address_of(server, link)}-/view/Welcome.docx?type=embedded"
    ann = person(server)
    ann.page.goto(other_site.url)
    ours = ann.page.frame_locator("iframe")
    theirs = ours.frame_locator("iframe[name=frameEditor]")
    expect(theirs.locator("#title")).to_have_text("Welcome.docx")
    expect(theirs.locator("#mode")).to_have_text("Viewing")
    screenshot(ann.page, "embedded")


def test_a_site_that_is_not_named_shows_nothing(
    with_office: Serve, person: Come, other_site: OtherSite
) -> None:
    server = with_office()
    link = make_link(server, "/Welcome.docx", Role.VIEWER)
    other_site.shown = f"{address_of(server, link)}-/view/Welcome.docx?type=embedded"
    ann = person(server)
    ann.expected += ["frame-ancestors", "Framing"]
    ann.page.goto(other_site.url)
    expect(ann.page.frame_locator("iframe").locator("#editor")).to_have_count(0)
    assert any("frame-ancestors" in words for words in ann.complaints)


def test_the_editor_loads_ahead_where_that_is_set(
    with_office: Serve, person: Come, document_server: DocumentServerDouble
) -> None:
    page = person(with_office(preload_editor=True)).page
    expect(page.locator("#preload")).to_have_count(1)
    page.wait_for_function("() => document.readyState === 'complete'")
    assert document_server.preloads > 0


def test_a_new_document_begins_with_a_template(
    with_office: Serve, person: Come, samples: Path
) -> None:
    (samples / "Templates").mkdir()
    (samples / "Templates" / "Letter.dotx").write_bytes(template("dotx", "Dear"))
    page = person(with_office()).page
    page.click("#new-menu summary")
    screenshot(page, "new-menu")
    page.click("#new-menu >> text=Letter")
    expect(page.locator("#ask h2")).to_have_text("New from Letter")
    page.fill("#ask input", "To Bob.docx")
    page.click("#ask button[value=ok]")
    page.wait_for_url("**/-/edit/To%20Bob.docx")
    assert words(samples / "To Bob.docx") == ["Dear"]


def test_new_document_from_this_asks_for_a_name(
    with_office: Serve, person: Come, samples: Path
) -> None:
    (samples / "Form letter.dotx").write_bytes(template("dotx", "Dear"))
    ann = person(with_office())
    page = ann.page
    page.click("tr[data-name='Form letter.dotx'] summary")
    page.click("text=New document from this")
    expect(page.locator("h1")).to_have_text("Form letter")
    screenshot(page, "new-from-template")
    page.fill("[name=name]", "First.docx")
    page.click("text=Create")
    page.wait_for_url("**/-/edit/First.docx")


@pytest.mark.parametrize("look", [{}, {"color_scheme": "dark", "viewport": PHONE}])
def test_what_one_prefers_is_kept(with_office: Serve, person: Come, look: dict[str, Any]) -> None:
    formats = ("docx", "xlsx", "pptx", "odt", "ods", "odp")
    page = person(with_office(edit_formats=formats), **look).page
    page.goto("/-/account")
    page.click("text=Say what you prefer")
    page.select_option("[name=language]", "pt-BR")
    page.select_option("[name=family]", "odf")
    page.select_option("[name='click.word']", label="Opens it for reading")
    page.select_option("[name=open_in]", label="In a tab of its own")
    page.select_option("[name='look.uiTheme']", label="Night")
    page.select_option("[name='look.co_editing']", label="Others see it when I save")
    page.get_by_role("button", name="Keep").click()
    expect(page.locator(".done")).to_be_visible()
    expect(page.locator("[name=language]")).to_have_value("pt-BR")
    expect(page.locator("[name='look.uiTheme']")).to_have_value("theme-night")
    screenshot(page, f"preferences-{'phone' if look else 'wide'}", whole=True)
    page.goto("/")
    link = page.locator("tr[data-name='Welcome.docx'] td.name a")
    expect(link).to_have_attribute("href", "/-/view/Welcome.docx")
    expect(link).to_have_attribute("target", "_blank")
    page.goto("/-/edit/Welcome.docx")
    told = json.loads(page.locator("#editor-config").text_content() or "{}")
    assert told["editorConfig"]["customization"]["uiTheme"] == "theme-night"
    assert told["editorConfig"]["coEditing"]["mode"] == "strict"
    page.goto("/-/new?kind=odt")
    screenshot(page, f"new-{'phone' if look else 'wide'}")

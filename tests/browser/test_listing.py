"""The listing, used by somebody with a mouse or a keyboard."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from davserver.model import Origin
from tests.browser.conftest import Person
from tests.browser.flaky import FlakyRelay
from tests.running import ADMIN, PASSWORD, ThreadServer

Come = Callable[..., Person]


@pytest.fixture
def ann(samples: Path, server: ThreadServer, person: Come) -> Person:
    return person(server)


def names(ann: Person) -> list[str]:
    return ann.page.locator("td.name a span").all_inner_texts()


def test_folders_come_first_then_names(ann: Person) -> None:
    assert names(ann) == ["Projects", "Budget.xlsx", "Kickoff.pptx", "Notes.md", "Welcome.docx"]
    ann.page.click("th.size a")
    assert names(ann)[0] == "Projects"
    assert ann.page.locator("th.size").get_attribute("aria-sort") == "ascending"


def test_a_folder_is_made_entered_and_left(ann: Person, root: Path) -> None:
    page = ann.page
    page.click("#new-folder")
    page.fill("#ask input", "Über & <uns>?")
    page.click("#ask button[value=ok]")
    expect(page.locator("#ask")).to_be_hidden()
    assert (root / "Über & <uns>?").is_dir()
    page.click("text=Über & <uns>?")
    expect(page.locator("h1")).to_have_text("This folder is empty")
    expect(page.locator(".crumbs [aria-current]")).to_have_text("Über & <uns>?")
    page.click(".crumbs a >> nth=0")
    assert "Über & <uns>?" in names(ann)


def test_a_file_is_renamed_and_deleted(ann: Person, root: Path) -> None:
    page = ann.page
    page.click("tr[data-name='Notes.md'] summary")
    page.click("tr[data-name='Notes.md'] [data-do=rename]")
    assert page.evaluate("getSelection().toString()") == "Notes"
    page.keyboard.type("Ideas")
    page.keyboard.press("Enter")
    expect(page.locator("tr[data-name='Ideas.md']")).to_be_visible()
    page.click("tr[data-name='Ideas.md'] summary")
    page.click("tr[data-name='Ideas.md'] [data-do=delete]")
    expect(page.locator("#ask p").first).to_contain_text("trash")
    page.click("#ask button[value=ok]")
    expect(page.locator("tr[data-name='Ideas.md']")).to_have_count(0)
    assert not (root / "Ideas.md").exists()


def test_renaming_onto_something_says_so_and_changes_nothing(ann: Person, root: Path) -> None:
    page = ann.page
    ann.expected = ["412"]
    page.focus("tr[data-name='Notes.md'] td.name a")
    page.keyboard.press("F2")
    page.fill("#ask input", "Budget.xlsx")
    page.click("#ask button[value=ok]")
    expect(page.locator("#ask .problem")).to_have_text(
        "There is already something called Budget.xlsx."
    )
    page.click("#ask button[value=cancel]")
    assert (root / "Notes.md").exists()


def test_a_locked_file_is_not_deleted_and_the_holder_is_named(
    ann: Person, server: ThreadServer, root: Path
) -> None:
    server.client().lock("/Notes.md")
    ann.expected = ["423"]
    ann.page.focus("tr[data-name='Notes.md'] td.name a")
    ann.page.keyboard.press("Delete")
    ann.page.click("#ask button[value=ok]")
    expect(ann.page.locator("#ask .problem")).to_have_text("/Notes.md is locked by admin.")
    assert (root / "Notes.md").exists()


def test_files_are_uploaded_and_a_second_time_is_a_version(
    ann: Person, root: Path, tmp_path: Path
) -> None:
    page = ann.page
    for content in ("one", "two"):
        (tmp_path / "up load.txt").write_text(content)
        page.set_input_files("#upload-files", [tmp_path / "up load.txt"])
        expect(page.locator(".transfer span").last).to_contain_text("stored")
        expect(page.locator("tr[data-name='up load.txt']")).to_be_visible()
        assert (root / "up load.txt").read_text() == content
    page.click("tr[data-name='up load.txt'] summary")
    page.click("tr[data-name='up load.txt'] >> text=Versions")
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator("tbody tr").first).to_contain_text("in the browser")


def test_a_large_file_is_whole_though_the_connection_broke(
    root: Path, tmp_path: Path, server: ThreadServer, chromium: Browser
) -> None:
    content = os.urandom(30_000_000)
    (tmp_path / "film ü.bin").write_bytes(content)
    relay = FlakyRelay(server.port, cut_after=13_000_000)
    ann = Person(chromium, relay.url).sign_in()
    ann.expected = ["ERR_", "409", "423"]
    sent: list[str] = []
    ann.page.on("request", lambda request: sent.append(request.method))
    ann.page.set_input_files("#upload-files", [tmp_path / "film ü.bin"])
    expect(ann.page.locator("tr[data-name='film ü.bin']")).to_be_visible()
    assert relay.cuts == 1
    assert (root / "film ü.bin").read_bytes() == content
    assert sent.count("POST") == 1, "the file was sent from its beginning again"
    assert sent.count("HEAD") >= 1
    assert [v.origin for v in server.app.share.files.versions("/film ü.bin")] == [Origin.BROWSER]
    assert ann.page.evaluate("localStorage.length") == 0
    ann.close()
    relay.stop()


def test_an_upload_goes_on_in_a_page_that_was_loaded_again(
    ann: Person, root: Path, tmp_path: Path
) -> None:
    content = os.urandom(20_000_000)
    (tmp_path / "film.bin").write_bytes(content)
    page = ann.page
    ann.expected = ["ERR_", "409", "423"]
    pieces = re.compile(r"/-/upload/\w+")
    page.route(pieces, lambda route: route.abort())
    page.set_input_files("#upload-files", [tmp_path / "film.bin"])
    expect(page.locator(".transfer span")).to_have_text("waiting for the connection…")
    page.unroute(pieces)
    page.reload()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    page.set_input_files("#upload-files", [tmp_path / "film.bin"])
    expect(page.locator("tr[data-name='film.bin']")).to_be_visible()
    assert (root / "film.bin").read_bytes() == content
    assert "POST" not in sent


def test_a_large_file_that_may_not_be_written_says_why(
    ann: Person, server: ThreadServer, tmp_path: Path
) -> None:
    (tmp_path / "Notes.md").write_bytes(bytes(9_000_000))
    server.client().lock("/Notes.md")
    ann.expected = ["423"]
    ann.page.set_input_files("#upload-files", [tmp_path / "Notes.md"])
    expect(ann.page.locator(".transfer .problem")).to_have_text("/Notes.md is locked by admin.")


def test_a_dropped_file_is_uploaded(ann: Person, root: Path) -> None:
    ann.page.evaluate(
        """() => {
          const data = new DataTransfer(); data.items.add(new File(["dropped"], "dropped.txt"));
          document.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true,
          cancelable: true }));
        }"""
    )
    expect(ann.page.locator("tr[data-name='dropped.txt']")).to_be_visible()
    assert (root / "dropped.txt").read_text() == "dropped"


def test_the_keyboard_is_enough(ann: Person) -> None:
    page = ann.page
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.innerText") == "Projects"
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.innerText") == "Budget.xlsx"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("/")
    page.keyboard.type("wel")
    assert [
        name for name in names(ann) if page.locator(f"tr[data-name='{name}']").is_visible()
    ] == ["Welcome.docx"]
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("This folder is empty")


def test_a_filter_that_matches_nothing_says_so(ann: Person) -> None:
    ann.page.fill("#filter", "zzz")
    expect(ann.page.locator("#nothing-matches")).to_be_visible()


def test_a_download_has_the_files_name(ann: Person) -> None:
    ann.page.click("tr[data-name='Welcome.docx'] summary")
    with ann.page.expect_download() as download:
        ann.page.click("tr[data-name='Welcome.docx'] >> text=Download")
    assert download.value.suggested_filename == "Welcome.docx"


def test_a_session_that_ended_leads_to_the_sign_in_page(ann: Person) -> None:
    ann.expected = ["401"]
    ann.context.clear_cookies()
    ann.page.click("#new-folder")
    ann.page.click("#ask button[value=ok]")
    ann.page.wait_for_url("**/-/login?next=**")


def test_without_javascript_everything_can_be_read(
    samples: Path, server: ThreadServer, chromium: Browser
) -> None:
    reader = Person(chromium, server.url, java_script_enabled=False)
    reader.page.goto("/-/login")
    reader.page.fill("[name=name]", ADMIN)
    reader.page.fill("[name=password]", PASSWORD)
    reader.page.click("button.primary")
    assert "Welcome.docx" in names(reader)
    reader.page.click("text=Projects")
    assert reader.page.locator("h1").inner_text() == "This folder is empty"
    reader.page.go_back()
    reader.page.click("th.modified a")
    assert "Welcome.docx" in names(reader)
    reader.page.click("tr[data-name='Welcome.docx'] summary")
    reader.page.click("tr[data-name='Welcome.docx'] >> text=Versions")
    assert "There is no earlier version yet" in reader.page.inner_text("main")
    reader.close()


def test_who_may_only_read_is_offered_nothing_else(
    samples: Path, serve: Callable[..., ThreadServer], chromium: Browser
) -> None:
    server = serve(anonymous="read")
    stranger = Person(chromium, server.url)
    stranger.page.goto("/")
    assert stranger.page.locator("#new-menu").count() == 0
    assert stranger.page.locator("[data-do]").count() == 0
    assert stranger.page.locator("text=Sign in").count() == 1
    stranger.close()

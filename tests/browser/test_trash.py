"""The trash, used by somebody with a mouse."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Person
from tests.running import ThreadServer

Come = Callable[..., Person]


@pytest.fixture
def ann(samples: Path, server: ThreadServer, person: Come) -> Person:
    return person(server)


def delete(ann: Person, name: str) -> None:
    row = f"tr[data-name='{name}']"
    ann.page.click(f"{row} summary")
    ann.page.click(f"{row} [data-do=delete]")
    ann.page.click("#ask button[value=ok]")
    expect(ann.page.locator(row)).to_have_count(0)


def test_what_was_deleted_is_restored_from_the_page(ann: Person, root: Path) -> None:
    page = ann.page
    delete(ann, "Notes.md")
    page.click("a:has-text('Trash')")
    row = page.locator("tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("Notes.md")
    expect(row).to_contain_text("by admin")
    page.click("text=Restore")
    expect(page.locator(".done")).to_contain_text("Restored as /Notes.md")
    expect(page.locator("h1").last).to_have_text("The trash is empty")
    assert (root / "Notes.md").exists()
    page.click(".done a")
    expect(page.locator("tr[data-name='Notes.md']")).to_be_visible()


def test_a_name_that_is_taken_is_left_alone_and_said(ann: Person, root: Path) -> None:
    delete(ann, "Notes.md")
    (root / "Notes.md").write_text("a new one")
    ann.page.goto("/-/trash")
    ann.page.click("text=Restore")
    expect(ann.page.locator(".done")).to_contain_text("Restored as /Notes (restored).md")
    expect(ann.page.locator(".done")).to_contain_text("old name is taken")
    assert (root / "Notes.md").read_text() == "a new one"


def test_one_thing_is_deleted_for_good_and_then_everything(ann: Person, root: Path) -> None:
    for name in ("Notes.md", "Projects", "Budget.xlsx"):
        delete(ann, name)
    page = ann.page
    page.goto("/-/trash")
    row = page.locator("tr", has_text="Notes.md")
    row.locator("summary").click()
    row.locator("text=Delete for good").click()
    expect(page.locator(".done")).to_have_text("1 item was deleted for good.")
    expect(page.locator("tbody tr")).to_have_count(2)
    page.click("text=Empty the trash")
    page.click("text=Delete all of it for good")
    expect(page.locator(".done")).to_have_text("2 items were deleted for good.")
    assert list((root / ".davserver" / "trash").iterdir()) == []


def test_who_may_only_read_sees_and_cannot_act(
    samples: Path, serve: Callable[..., ThreadServer], chromium: object
) -> None:
    server = serve(anonymous="read")
    server.client().delete("/Notes.md")
    somebody = Person(chromium, server.url)  # type: ignore[arg-type]
    somebody.page.goto("/-/trash")
    expect(somebody.page.locator("tbody tr")).to_contain_text("Notes.md")
    expect(somebody.page.locator("main button")).to_have_count(0)
    somebody.close()

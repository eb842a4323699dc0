"""Chromium, driven through real pages of a real server."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from davserver.editor.creating.blank import BlankDocuments
from davserver.resources import resource_dir
from davserver.samples import make_samples
from tests.running import ADMIN, PASSWORD, ThreadServer

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Two browsers on two busy cores are slow at times; what never comes is noticed all the same.
expect.set_options(timeout=20_000)
SCREENSHOTS = Path(__file__).parents[2] / "screenshots"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.program("chromium"))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if shutil.which("chromium") is None:
        pytest.skip("chromium is not installed; as root, `make tools` installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Person:
    """A browser window of somebody, with a record of everything that went wrong in it."""

    def __init__(self, browser: Browser, url: str, **look: Any) -> None:
        look.setdefault("viewport", {"width": 1280, "height": 800})
        self.context = browser.new_context(base_url=url, **look)
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.expected: list[str] = []
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def sign_in(self, name: str = ADMIN, password: str = PASSWORD) -> "Person":
        self.page.goto("/-/login")
        self.page.fill("[name=name]", name)
        self.page.fill("[name=password]", password)
        self.page.click("button.primary")
        self.page.wait_for_url("**/")
        return self

    def close(self) -> None:
        self.context.close()
        unexpected = [
            text for text in self.complaints if not any(words in text for words in self.expected)
        ]
        assert unexpected == [], "the browser complained"


@pytest.fixture
def person(chromium: Browser) -> Iterator[Callable[..., Person]]:
    """Opens a window on a server, as somebody who is signed in."""
    people = []

    def come(
        server: ThreadServer, *, name: str = ADMIN, password: str = PASSWORD, **look: Any
    ) -> Person:
        somebody = Person(chromium, server.url, **look)
        people.append(somebody)
        return somebody.sign_in(name, password)

    yield come
    for somebody in people:
        somebody.close()


@pytest.fixture
def samples(root: Path) -> Path:
    """The folder with the sample documents."""
    root.rmdir()
    make_samples(root, BlankDocuments(resource_dir("templates")))
    return root


def screenshot(page: Page, name: str, *, whole: bool = False) -> None:
    """Keep a picture for people to look at, in screenshots/, which git ignores."""
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=str(SCREENSHOTS / f"{name}.png"), full_page=whole)

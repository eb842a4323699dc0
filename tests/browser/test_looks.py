"""Every page, light and dark, wide and phone: it fits, can be read, and there is a picture."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from davserver.model import Writer
from davserver.providers.groups import Groups
from davserver.providers.marks import Marks
from davserver.providers.notices import Kind, News, Notices
from davserver.providers.users import User, Users
from tests.browser.conftest import Person, screenshot
from tests.documentserver import DocumentServerDouble
from tests.providers.test_files import put
from tests.running import ThreadServer

LOOKS = {
    "wide": {"viewport": {"width": 1280, "height": 800}},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}
PAGES = {
    "listing": "/",
    "empty": "/Projects/",
    "versions": "/-/versions/Welcome.docx",
    "trash": "/-/trash",
    "notices": "/-/notices",
    "admin": "/-/admin",
    "preferences": "/-/preferences",
    "new": "/-/new?kind=docx",
    "audit": "/-/admin/audit",
    "text": "/-/edit/Notes.md",
    "no-server": "/-/edit/Budget.xlsx",
    "not-found": "/nothing",
    "not-openable": "/-/edit/song.mp3",
}
# Elements whose text has to stand out from what is behind it.
TEXTS = (
    "td.name a span, td.size, .button, h1, h2, p, th a, label, .tag, .from, td.by, td.modified, "
    ".what span, li, .crumbs a, b, .reminder span, .secret, code, .remark"
)

CONTRAST = """(selector) => {
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const luminance = ([r, g, b]) => [r, g, b]
    .map((part) => part / 255)
    .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] > 0.99) return color;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const element of document.querySelectorAll(selector)) {
    if (!element.innerText?.trim() || !element.checkVisibility() || element.disabled) continue;
    const [one, other] = [luminance(parse(getComputedStyle(element).color)),
    luminance(behind(element))]; const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other)
    + 0.05); if (ratio < 4.5) poor.push(`${element.tagName} "${element.innerText.slice(0, 30)}"
    ${ratio.toFixed(2)}`);
  }
  return poor;
}"""


@pytest.fixture
def furnished(samples: Path, serve: Callable[..., ThreadServer]) -> ThreadServer:
    server = serve()
    (samples / "song.mp3").write_bytes(b"x")
    (
        samples / ("a very long name that goes on and on until it has to be cut " * 3 + ".odt")
    ).touch()
    content = (samples / "Welcome.docx").read_bytes()
    put(server.app.share, "/Welcome.docx", content)
    put(server.app.share, "/Welcome.docx", content + b" ")
    remark = "What went to the printer on Monday, with the corrections of everybody"
    server.app.share.files.describe_version("/Welcome.docx", 1, "As sent", remark)
    long = "/a very long name that goes on and on until it has to be cut in the trash as well.odt"
    for path in ("/Projects/Plan.xlsx", "/song.ogg", long):
        put(server.app.share, path, content)
        server.app.share.trees.delete(path, Writer("ann"))
    server.app.share.trees.make_folder("/Old drafts", Writer("bob"))
    server.app.share.trees.delete("/Old drafts", Writer("bob"))
    people, groups = Users(server.app.share.catalog), Groups(server.app.share.catalog)
    groups.add("staff")
    for name in ("ann", "somebody-with-a-long-name@example.org"):
        people.add(User(name, "", is_administrator=False))
        groups.join("staff", name)
    about = server.app.share.files.identify("/Welcome.docx")
    notices, long_words = Notices(server.app.share.catalog), "What do you think of this? " * 12
    who = "somebody-with-a-long-name@example.org"
    gone = {"server": "https://docs.example.org/office", "since": "2026-11-23T14:05:00+00:00"}
    beside = {"reason": "conflict", "meant": "Welcome.docx", "yours": "yes"}
    notices.add(News(Kind.MENTION, ("admin",), "ann", about))
    notices.add(News(Kind.OVER_QUOTA, ("admin",), "ann", about, details={"quota": "ann"}))
    notices.add(News(Kind.LATE, ("admin",), "ann", about))
    notices.read("admin")
    notices.add(News(Kind.MENTION, ("admin",), who, about, long_words))
    notices.add(News(Kind.BESIDE, ("admin",), "ann", about, details=beside))
    for kind in (Kind.SERVER_DOWN, Kind.SERVER_UP):
        told = {**gone, "cause": "Connection refused"}
        notices.add(News(kind, ("admin",), details=told))
    Marks(server.app.share.catalog).set_favourite("admin", about, is_favourite=True)
    server.app.share.quotas.set("/Projects", 20_000_000_000)
    server.app.share.quotas.set("ann", 500_000_000)
    return server


def check(page: Page) -> None:
    wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wider <= 0, f"the page is {wider} pixels wider than its window"
    assert page.evaluate(CONTRAST, TEXTS) == [], "text that cannot be read well (WCAG 2.2, 1.4.3)"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", LOOKS)
def test_every_page_fits_and_can_be_read(
    furnished: ThreadServer, chromium: Browser, scheme: Any, size: str
) -> None:
    somebody = Person(chromium, furnished.url, color_scheme=scheme, **LOOKS[size])
    somebody.expected = ["404", "415"]
    somebody.page.goto("/-/login")
    check(somebody.page)
    screenshot(somebody.page, f"sign-in-{scheme}-{size}")
    somebody.sign_in()
    for name, address in PAGES.items():
        somebody.page.goto(address)
        somebody.page.wait_for_load_state("networkidle")
        check(somebody.page)
        screenshot(somebody.page, f"{name}-{scheme}-{size}")
    somebody.close()


@pytest.mark.usefixtures("samples")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", LOOKS)
def test_the_editor_page_fits(
    office: ThreadServer, chromium: Browser, scheme: Any, size: str
) -> None:
    somebody = Person(chromium, office.url, color_scheme=scheme, **LOOKS[size]).sign_in()
    office.client().lock("/Budget.xlsx")
    for name, address in {
        "editor": "/-/edit/Welcome.docx",
        "locked": "/-/edit/Budget.xlsx",
        "version": "/-/view/Welcome.docx?version=1",
    }.items():
        somebody.page.goto(address)
        somebody.page.frame_locator("iframe").locator("#paper").wait_for()
        check(somebody.page)
        frame = somebody.page.locator("iframe").bounding_box()
        assert frame
        height = LOOKS[size]["viewport"]["height"]  # type: ignore[index]
        assert frame["y"] + frame["height"] <= height + 1, "the editor is cut off"
        assert frame["height"] > height * 0.8
        screenshot(somebody.page, f"{name}-{scheme}-{size}")
    for name, address in {"editing": "/", "convert": "/-/convert/Welcome.docx"}.items():
        somebody.page.goto(address)
        check(somebody.page)
        screenshot(somebody.page, f"{name}-{scheme}-{size}")
    somebody.close()


@pytest.mark.usefixtures("samples")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", LOOKS)
def test_the_pages_about_the_editor_fit(
    office: ThreadServer,
    document_server: DocumentServerDouble,
    chromium: Browser,
    scheme: Any,
    size: str,
) -> None:
    somebody = Person(chromium, office.url, color_scheme=scheme, **LOOKS[size]).sign_in()
    page = somebody.page
    page.goto("/-/edit/Welcome.docx")
    page.frame_locator("iframe").locator("#paper").wait_for()
    [key] = document_server.editing
    document_server.type(key, "words")
    document_server.save(key)
    document_server.health = b"false"
    office.app.housekeeping.run_once()
    for name, address in {
        "admin-editor": "/-/admin/editor",
        "admin-session": f"/-/session/{key}",
        "trouble": "/",
        "trouble-in-editor": "/-/edit/Welcome.docx",
        "on-phone": "/-/edit/Welcome.docx?type=mobile",
    }.items():
        page.goto(address)
        page.wait_for_load_state("networkidle")
        check(page)
        screenshot(page, f"{name}-{scheme}-{size}")
    document_server.health = b"true"
    document_server.eats_header = True
    document_server.open_pages = {"/example/"}
    page.goto("/-/admin/doctor")
    page.get_by_role("button", name="Test now").click()
    page.get_by_text("could be better").wait_for()
    check(page)
    screenshot(page, f"admin-doctor-{scheme}-{size}")
    somebody.close()

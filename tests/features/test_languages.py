"""Every page in a language that puts all that is said in brackets: a word without them is English.

The language is made here, from what `make words` finds; browsers ask for it as Esperanto.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po
from lxml import html

from davserver import app
from davserver.editor.inside.mail import message
from davserver.errors import SettingsWrong
from davserver.model import Grant, GuestNames, Role, Writer
from davserver.providers.marks import Marks
from davserver.providers.notices import Kind, News, Notice, Notices
from davserver.resources import resource_dir
from davserver.translations import FILE, Languages
from tests import wording
from tests.accounts.browsing import Browser
from tests.accounts.link_making import address_of, make_link
from tests.documentserver import SECRET, DocumentServerDouble
from tests.editor.desk import Desk
from tests.running import ThreadServer

# What is the same in every language: names that the tests gave, addresses, times, codes.
DATA = re.compile(
    r"""
    https?://\S+ | \[::1\] | /?[\w./-]*\.(docx|xlsx|odt|md|mp3|doc|txt|toml) | /[\w./-]*
    | \d[\w.:-]* | PNG | GIF | BMP
    | davserver | ONLYOFFICE | LibreOffice | admin | ann | staff | plans | Folder | laptop | phone
    | Firefox | Linux | on | TB | GB | PDF | A4 | DOCX? | POST | GET | [A-Z0-9]{4,} | As\ sent
    | Look\ at\ this | \(\.\w+\) | Office\ Open\ XML\ \([\w, ]+\) | OpenDocument\ \([\w, ]+\)
    | Markdown | \b(csv|tsv|txt|html|fb2|epub|rtf|o[dt][pst])\b | \w+-\w+-\w+-\w+(-\w+)*
    """,
    re.VERBOSE,
)
SILENT = {"script", "style", "code", "pre", "svg", "template"}
# Languages by the names that they have themselves, events of the audit log by their codes.
OWN_NAMES = {"language", "pages_language", "editor_language"}
# What the audit log calls events, programs and outcomes; what is written down of a session; keys
# of the editor's configuration.
CODES = {"event", "who", "outcome", "words", "panel looks"}
SHOWN = ("title", "placeholder", "aria-label", "alt", "label")


@pytest.fixture(scope="session")
def bracketed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of languages with one more: each message in ⟦brackets⟧."""
    folder = tmp_path_factory.mktemp("locale")
    catalog = Catalog(locale="eo", fuzzy=False)
    for one in wording.template():
        if one.id:
            said = one.id
            several = [f"⟦{form}⟧" for form in said] if isinstance(said, tuple) else f"⟦{said}⟧"
            catalog.add(said, several, one.locations)
    file = folder / "eo" / FILE
    file.parent.mkdir(parents=True)
    with file.open("wb") as target:
        write_po(target, catalog)
    return folder


@pytest.fixture
def serve_bracketed(
    serve: Callable[..., ThreadServer], bracketed: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., ThreadServer]:
    found = {"locale": bracketed}
    monkeypatch.setattr(app, "resource_dir", lambda name: found.get(name) or resource_dir(name))
    return serve


@pytest.fixture
def office(
    serve_bracketed: Callable[..., ThreadServer], document_server: DocumentServerDouble
) -> ThreadServer:
    return serve_bracketed(document_server=document_server.url, jwt_secret=SECRET)


@pytest.fixture
def desk(office: ThreadServer, document_server: DocumentServerDouble) -> Desk:
    """A server with something of everything that a page can show."""
    desk = Desk(office, document_server)
    desk.ann.put("/song.mp3", b"x")
    desk.ann.put("/notes.md", b"text")
    desk.ann.put("/old.doc", b"x")
    desk.ann.mkcol("/Folder")
    desk.edit("a.docx").close()
    desk.edit("b.docx")
    desk.share.files.describe_version("/a.docx", 1, "As sent", "Look at this")
    desk.ann.put("/a.docx", (desk.root / "b.docx").read_bytes())
    for name in ("gone.md", "gone.odt"):
        desk.ann.put(f"/{name}", b"x")
        desk.share.trees.delete(f"/{name}", Writer("admin"))
    desk.person("ann")
    about = desk.share.files.identify("/a.docx")
    notices = Notices(desk.share.catalog)
    notices.add(News(Kind.MENTION, ("admin",), "ann", about, "Look at this"))
    late = {"reason": "conflict", "meant": "b.docx", "late": "yes", "yours": "yes"}
    notices.add(News(Kind.BESIDE, ("admin",), "ann", about, details=late))
    notices.add(News(Kind.OVER_QUOTA, ("admin",), "ann", about, details={"quota": "admin"}))
    since = {"server": desk.double.url, "since": "2026-11-25T12:00:00+00:00", "cause": "no answer"}
    notices.add(News(Kind.SERVER_DOWN, ("admin",), details={**since, "cause": "404"}))
    notices.add(News(Kind.SERVER_UP, ("admin",), details=since))
    Marks(desk.share.catalog).set_favourite("admin", about, is_favourite=True)
    desk.share.quotas.set("/Folder", 10**10)
    desk.share.quotas.set("ann", 10**9)
    desk.share.access.give(Grant("/a.docx", "user:ann", Role.EDITOR), by="admin")
    make_link(office, "/a.docx", label="plans", password="correct horse", max_downloads=3)
    return desk


def esperantist(server: ThreadServer, *, signs_in: bool = True) -> Browser:
    browser = Browser(server)
    browser.session.headers["Accept-Language"] = "eo"
    if signs_in:
        assert browser.sign_in().status_code == 303
    return browser


def unsaid(page: requests.Response) -> set[str]:
    """What a page shows that is neither in brackets nor data; nothing where it leads elsewhere."""
    if page.status_code == 303:
        return set()
    tree = html.fromstring(page.text)
    assert tree.xpath("/html/@lang") == ["eo"], page.text
    found, depth = set(), 0
    for text in _texts(tree):
        # Markup splits a message into several texts: what is open stays open.
        outside = ""
        for part in re.split("([⟦⟧])", text):
            depth += {"⟦": 1, "⟧": -1}.get(part, 0)
            outside += part if depth == 0 and part != "⟧" else ""
        found.add(outside)
    assert depth == 0, page.text
    attributes = [one for name in SHOWN for one in tree.xpath(f"//*[not(ancestor::td)]/@{name}")]
    found |= {re.sub("⟦.*⟧", "", one) for one in attributes}
    return {left for one in found if (left := DATA.sub("", one)) and re.search("[A-Za-z]", left)}


def _texts(element: Any) -> Iterator[str]:
    is_silent = element.tag in SILENT or element.get("name") in OWN_NAMES | CODES
    is_silent = is_silent or element.get("class") in CODES
    if not isinstance(element.tag, str):
        is_silent = True
    if not is_silent:
        yield element.text or ""
        for child in element:
            yield from _texts(child)
    yield element.tail or ""


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/Folder/",
        "/nothing",
        "/-/account",
        "/-/admin",
        "/-/admin/audit",
        "/-/admin/doctor",
        "/-/admin/editor",
        "/-/admin/editor/settings",
        "/-/convert/a.docx",
        "/-/edit/a.docx",
        "/-/edit/notes.md",
        "/-/edit/old.doc",
        "/-/edit/song.mp3",
        "/-/new?kind=docx",
        "/-/notices",
        "/-/preferences",
        "/-/share/a.docx",
        "/-/share/Folder",
        "/-/shares",
        "/-/signed-in",
        "/-/text/notes.md",
        "/-/trash",
        "/-/versions/a.docx",
        "/-/view/a.docx?version=1",
    ],
)
def test_a_page_says_everything_in_the_readers_language(desk: Desk, address: str) -> None:
    desk.office.app.housekeeping.run_once()
    assert unsaid(esperantist(desk.office).get(address)) == set()


def test_the_page_of_a_session(desk: Desk) -> None:
    editor = desk.edit("a.docx")
    editor.type("words")
    editor.save()
    assert unsaid(esperantist(desk.office).get(f"/-/session/{editor.key}")) == set()


def test_the_pages_while_no_document_server_answers(desk: Desk) -> None:
    desk.office.app.housekeeping.run_once()
    desk.double.health = b"false"
    desk.office.app.housekeeping.run_once()
    browser = Browser(desk.office)
    browser.session.headers["Accept-Language"] = "eo"
    browser.sign_in("ann", "password of ann")
    assert unsaid(browser.get("/")) == set()
    assert unsaid(browser.get("/-/edit/a.docx")) == set()


def test_what_the_doctor_finds(desk: Desk) -> None:
    browser = esperantist(desk.office)
    assert unsaid(browser.post("/-/admin/doctor")) == set()
    desk.double.eats_header = True
    assert unsaid(browser.post("/-/admin/doctor")) == set()


def test_what_comes_of_forms(desk: Desk) -> None:
    browser = esperantist(desk.office)
    for fields in (
        {"do": "app-password", "name": "laptop", "scope": "/"},
        {"do": "app-password", "name": "laptop", "scope": "/"},
        {"do": "password", "current": "x", "new": "1", "again": "2"},
        {"do": "code"},
        {"do": "code-confirm", "sealed": "x", "code": "1"},
        {"do": "end-others"},
        {"do": "nonsense"},
    ):
        assert unsaid(browser.post("/-/account", **fields)) == set(), fields
    for fields in (
        {"do": "add", "name": "laptop"},
        {"do": "add", "name": "a:b"},
        {"do": "sign-out:ann"},
        {"do": "promote:ann"},
        {"do": "demote:ann"},
        {"do": "password:ann"},
        {"do": "group-add", "name": "staff", "folder": ""},
        {"do": "join", "name": "ann", "group": "staff"},
        {"do": "leave:ann:staff"},
        {"do": "group-remove:staff"},
        {"do": "quota", "name": "ann", "size": "x"},
        {"do": "quota", "name": "ann", "size": "1G"},
        {"do": "remove:admin"},
        {"do": "remove:ann"},
    ):
        assert unsaid(browser.post("/-/admin", **fields)) == set(), fields
    for fields in ({"do": "link"}, {"act": "give", "who": "a:b", "role": "viewer"}):
        assert unsaid(browser.post("/-/share/a.docx", **fields)) == set(), fields


def test_the_pages_of_guests(desk: Desk) -> None:
    file = make_link(desk.office, "/a.docx", Role.EDITOR, guest_names=GuestNames.REQUIRED)
    folder = make_link(desk.office, "/Folder", Role.EDITOR)
    drop = make_link(desk.office, "/Folder", Role.UPLOADER)
    locked = make_link(desk.office, "/a.docx", password="correct horse")
    for link, address in (
        (file, "/-/name"),
        (folder, "/"),
        (folder, "/nothing"),
        (drop, "/"),
        (locked, "/-/unlock"),
    ):
        browser = esperantist(desk.office, signs_in=False)
        browser.url = address_of(desk.office, link).rstrip("/")
        assert unsaid(browser.get(address)) == set(), address
    browser = esperantist(desk.office, signs_in=False)
    browser.url = address_of(desk.office, make_link(desk.office, "/a.docx")).rstrip("/")
    assert unsaid(browser.get("/?show=page")) == set()
    assert unsaid(esperantist(desk.office, signs_in=False).get("/-/s/nowhere/")) == set()


def test_the_pages_to_sign_in(desk: Desk) -> None:
    browser = esperantist(desk.office, signs_in=False)
    assert unsaid(browser.get("/-/login")) == set()
    assert unsaid(browser.sign_in(password="wrong")) == set()


def test_without_a_document_server(serve_bracketed: Callable[..., ThreadServer]) -> None:
    server = serve_bracketed()
    server.client().put("/a.docx", b"PK")
    browser = esperantist(server)
    for address in ("/", "/-/edit/a.docx", "/-/admin/editor"):
        assert unsaid(browser.get(address)) == set(), address


def test_scripts_are_told_in_the_readers_language(desk: Desk) -> None:
    by_script = {"Sec-Fetch-Mode": "cors", "Accept": "*/*", "Accept-Language": "eo"}
    told = desk.ann.request("DELETE", "/nothing", headers=by_script)
    assert told.text == "⟦There is nothing at /nothing.⟧\n"


def test_programs_are_told_in_english(desk: Desk) -> None:
    by_program = {"Accept": "*/*", "Accept-Language": "eo"}
    told = desk.ann.request("GET", "/nothing", headers=by_program)
    assert told.text == "There is nothing at /nothing.\n"


def test_the_scripts_words_are_one_file_that_is_kept(desk: Desk) -> None:
    page = html.fromstring(esperantist(desk.office).get("/").text)
    [address] = page.xpath("/html/@data-words")
    told = requests.get(desk.office.url + address, timeout=10)
    assert told.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert "immutable" in told.headers["Cache-Control"]
    assert '"Copied": "⟦Copied⟧"' in told.text
    assert "Who did what" not in told.text
    english = html.fromstring(Browser(desk.office).get("/-/login").text)
    assert english.xpath("/html/@data-words") == []
    assert english.xpath("/html/@lang") == ["en"]


@pytest.mark.parametrize("tag", ["en", "xx", "../de", "eo.js/x"])
def test_no_other_language_is_there_for_scripts(desk: Desk, tag: str) -> None:
    page = html.fromstring(esperantist(desk.office).get("/").text)
    [address] = page.xpath("/html/@data-words")
    missing = desk.office.url + address.replace("words.eo.js", f"words.{tag}.js")
    assert requests.get(missing, timeout=10, headers={"Accept": "*/*"}).status_code in {404, 200}


class TestTheOwnChoice:
    def test_comes_before_what_the_browser_asks(self, desk: Desk) -> None:
        browser = Browser(desk.office)
        browser.sign_in()
        browser.session.headers["Accept-Language"] = "en"
        assert browser.post("/-/preferences", pages_language="eo").status_code == 303
        assert unsaid(browser.get("/-/preferences")) == set()
        by_script = {"Sec-Fetch-Mode": "cors", "Accept": "*/*"}
        told = browser.session.get(desk.office.url + "/nothing", headers=by_script, timeout=10)
        assert told.text == "\u27e6There is nothing at /nothing.\u27e7\n"
        browser.post("/-/preferences", pages_language="")
        assert html.fromstring(browser.get("/").text).xpath("/html/@lang") == ["en"]

    def test_is_a_language_that_there_is(self, desk: Desk) -> None:
        browser = esperantist(desk.office)
        refused = browser.post("/-/preferences", pages_language="de")
        assert refused.status_code == 400
        assert "\u27e6Our pages are not in this language.\u27e7" in refused.text

    def test_is_the_editors_too(self, desk: Desk) -> None:
        browser = Browser(desk.office)
        browser.sign_in()
        browser.session.headers["Accept-Language"] = "de"
        assert '"lang": "de"' in browser.get("/-/edit/a.docx").text
        browser.post("/-/preferences", pages_language="en")
        assert '"lang": "en"' in browser.get("/-/edit/a.docx").text

    def test_is_not_that_of_somebody_who_comes_by_a_link(self, desk: Desk) -> None:
        browser = Browser(desk.office)
        browser.sign_in()
        browser.post("/-/preferences", pages_language="eo")
        browser.url = address_of(desk.office, make_link(desk.office, "/Folder")).rstrip("/")
        assert html.fromstring(browser.get("/").text).xpath("/html/@lang") == ["en"]


def test_the_settings_language_is_for_who_asks_for_none(
    serve_bracketed: Callable[..., ThreadServer],
) -> None:
    browser = Browser(serve_bracketed(language="eo"))
    browser.session.headers["Accept-Language"] = "fr"
    assert unsaid(browser.get("/-/login")) == set()


def test_a_language_that_is_not_there_stops_the_start(
    serve_bracketed: Callable[..., ThreadServer],
) -> None:
    with pytest.raises(SettingsWrong, match="'fr' is none of en, eo"):
        serve_bracketed(language="fr")


def test_a_mail_is_in_the_language_of_its_reader(bracketed: Path) -> None:
    made = datetime(2026, 11, 25, tzinfo=UTC)
    at, about = "ann@example.org", "Look at this"
    notice = Notice(1, "ann", at, "bob", "/a.docx", about, "", made, is_read=False)
    language = Languages(bracketed).get("eo")
    mail = message(notice, "https://docs.example.org/x", "office@example.org", language)
    assert mail["Subject"] == "⟦bob mentioned you in a.docx⟧"
    assert mail.get_content().startswith("⟦bob mentioned you in a.docx⟧.\n\nLook at this\n")

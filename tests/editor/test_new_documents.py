"""New documents: blank or from templates, in the language and format that somebody prefers."""

import io
import zipfile
from collections.abc import Callable
from urllib.parse import quote

import docx
import pytest
import requests

from davserver.editor.contents import is_form
from davserver.model import Grant, Right, Role
from davserver.providers.preferences import PreferenceRows, Preferences
from davserver.providers.users import Users
from tests.accounts.browsing import Browser
from tests.accounts.link_making import guest, make_link
from tests.accounts.test_gate import csrf_in
from tests.dav_client import DavClient
from tests.editor.desk import Desk
from tests.editor.opening import configuration
from tests.editor.test_instances import template
from tests.running import ThreadServer

PAGE = {"Accept": "text/html"}
BOTH = ("docx", "xlsx", "pptx", "odt", "ods", "odp")


def ask(person: DavClient, **query: str) -> requests.Response:
    return person.request("GET", "/-/new", headers=PAGE, params=query)


def make(desk: Desk, person: DavClient | None = None, **fields: str) -> requests.Response:
    """Post the form of the listing."""
    who = person or desk.ann
    token = csrf_in(who.request("GET", "/", headers=PAGE))
    form = {"folder": "/", "csrf": token, **fields}
    return who.request("POST", "/-/new", data=form, headers=PAGE, allow_redirects=False)


def language_of(content: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        return package.read("word/styles.xml").decode().partition('w:lang w:val="')[2].split('"')[0]


@pytest.fixture
def with_templates(desk: Desk) -> Desk:
    (desk.root / "Templates").mkdir()
    (desk.root / "Templates" / "Letter.dotx").write_bytes(template("dotx", "Dear", "words"))
    (desk.root / "Templates" / "Offer.docx").write_bytes(b"")
    (desk.root / "Templates" / "Cost.ots").write_bytes(template("ots"))
    (desk.root / "Templates" / "photo.jpg").write_bytes(b"x")
    return desk


class TestAsking:
    """A link makes nothing; the page that it leads to asks."""

    def test_the_editor_leads_to_a_page_that_asks(self, desk: Desk) -> None:
        """Pitfall 3.19: a link makes nothing, a form with its proof does."""
        (desk.root / "docs").mkdir()
        (desk.root / "docs" / "a.xlsx").write_bytes(b"")
        address = configuration(desk.office, desk.ann, "docs/a.xlsx")["editorConfig"]["createUrl"]
        assert address.startswith(desk.office.url)
        told = desk.ann.session.get(address, headers=PAGE)
        assert told.status_code == 200
        assert 'value="New spreadsheet.xlsx"' in told.text
        assert 'name="folder" value="/docs/"' in told.text
        assert [file.name for file in (desk.root / "docs").iterdir()] == ["a.xlsx"]

    def test_a_yes_makes_it(self, desk: Desk) -> None:
        answer = make(desk, kind="docx", name="Plan.docx")
        assert answer.status_code == 303
        assert answer.headers["Location"].endswith("/-/edit/Plan.docx")
        docx.Document(str(desk.root / "Plan.docx"))

    def test_who_may_make_nothing_is_not_led_there(self, desk: Desk) -> None:
        desk.person("bob")
        (desk.root / "a.docx").write_bytes(b"")
        desk.share.access.give(Grant("/", "user:bob", Role.VIEWER), "admin")
        bob = desk.office.client("bob", "password of bob")
        config = configuration(desk.office, bob, "a.docx", how="view")
        assert "createUrl" not in config["editorConfig"]
        assert ask(bob, kind="docx", folder="/").status_code == 403

    def test_an_embedded_viewer_makes_nothing(self, with_templates: Desk) -> None:
        desk = with_templates
        config = configuration(desk.office, desk.ann, "a.docx", type="embedded")
        assert not {"createUrl", "templates"} & config["editorConfig"].keys()

    @pytest.mark.parametrize(
        ("query", "status"),
        [
            ({}, 400),
            ({"kind": "exe"}, 400),
            ({"kind": "docx", "folder": "/nowhere"}, 404),
            ({"kind": "docx", "folder": "/a.docx"}, 404),
            ({"template": "/nowhere.dotx"}, 404),
            ({"template": "/../x.dotx"}, 400),
            ({"template": "/.davserver/x.dotx"}, 404),
            ({"template": "/Templates"}, 404),
        ],
    )
    def test_what_cannot_be_is_said(
        self, with_templates: Desk, query: dict[str, str], status: int
    ) -> None:
        (with_templates.root / "a.docx").write_bytes(b"")
        assert ask(with_templates.ann, **query).status_code == status
        assert make(with_templates, **query).status_code == status

    def test_a_name_is_kept_whole(self, desk: Desk) -> None:
        assert make(desk, kind="docx", name="a/b").status_code == 400
        assert make(desk, kind="docx", name="Plan 1.5").status_code == 303
        assert "Plan 1.5.docx" in desk.names()


class TestTemplates:
    def test_a_template_becomes_a_document(self, with_templates: Desk) -> None:
        desk = with_templates
        answer = make(desk, template="/Templates/Letter.dotx", name="To Bob.docx")
        assert answer.headers["Location"].endswith("/-/edit/To%20Bob.docx")
        assert desk.words("To Bob.docx") == ["Dear", "words"]
        assert (desk.root / "Templates" / "Letter.dotx").exists()

    def test_one_of_opendocument_too_whatever_the_kind_says(self, with_templates: Desk) -> None:
        answer = make(with_templates, template="/Templates/Cost.ots", kind="docx")
        assert answer.headers["Location"].endswith("/Cost.ods")
        with zipfile.ZipFile(with_templates.root / "Cost.ods") as package:
            assert package.read("mimetype") == b"application/vnd.oasis.opendocument.spreadsheet"

    def test_any_document_is_copied_and_a_name_that_is_taken_gets_a_number(
        self, with_templates: Desk
    ) -> None:
        for _ in range(2):
            make(with_templates, template="/Templates/Offer.docx")
        assert {"Offer.docx", "Offer (2).docx"} <= set(with_templates.names())

    def test_a_broken_one_makes_nothing_and_says_so(self, with_templates: Desk) -> None:
        (with_templates.root / "broken.dotx").write_bytes(b"PK but not really")
        answer = make(with_templates, template="/broken.dotx")
        assert (answer.status_code, "damaged" in answer.text) == (415, True)
        assert "broken.docx" not in with_templates.names()

    def test_a_large_one_is_refused(self, desk_with: Callable[..., Desk]) -> None:
        desk = desk_with(max_document_mib=1)
        (desk.root / "a.docx").write_bytes(bytes((1 << 20) + 1))
        assert make(desk, template="/a.docx").status_code == 413

    def test_who_may_not_have_its_bytes_makes_no_copy(self, with_templates: Desk) -> None:
        desk = with_templates
        desk.person("bob")
        (desk.root / "bob").mkdir()
        nothing = Grant("/Templates", "user:bob", Role.VIEWER, frozenset({Right.DOWNLOAD}))
        desk.share.access.give(nothing, "admin")
        bob = desk.office.client("bob", "password of bob")
        answer = make(desk, bob, template="/Templates/Letter.dotx", folder="/bob/")
        assert answer.status_code == 403
        assert list((desk.root / "bob").iterdir()) == []
        assert "Letter" not in bob.request("GET", "/bob/", headers=PAGE).text

    def test_the_menu_has_them_and_the_editor_those_of_its_kind(self, with_templates: Desk) -> None:
        desk = with_templates
        listing = desk.ann.request("GET", "/", headers=PAGE).text
        for title in ("Letter", "Offer", "Cost"):
            assert f'data-name="{title}"' in listing
        assert 'data-name="photo"' not in listing
        told = configuration(desk.office, desk.ann, "a.docx")["editorConfig"]["templates"]
        assert [one["title"] for one in told] == ["Letter", "Offer"]
        assert desk.ann.session.get(told[0]["url"], headers=PAGE).status_code == 200
        image = desk.ann.session.get(told[0]["image"])
        assert image.headers["Content-Type"] == "image/svg+xml"
        assert image.headers["Cross-Origin-Resource-Policy"] == "cross-origin"

    def test_each_has_own_ones_at_home(self, desk_with: Callable[..., Desk]) -> None:
        desk = desk_with(home_folders="/Users")
        bob = desk.person("bob")
        for name in ("bob", "cid"):
            (desk.root / "Users" / name / "Templates").mkdir(parents=True)
            (desk.root / "Users" / name / "Templates" / f"of {name}.docx").write_bytes(b"")
        text = bob.request("GET", "/Users/bob/", headers=PAGE).text
        assert 'data-name="of bob"' in text
        assert "of cid" not in text

    def test_without_a_folder_there_are_none(self, desk_with: Callable[..., Desk]) -> None:
        desk = desk_with(templates_folder="")
        (desk.root / "Templates").mkdir()
        (desk.root / "Templates" / "Offer.docx").write_bytes(b"")
        assert "From a template" not in desk.ann.request("GET", "/", headers=PAGE).text
        assert "templates" not in configuration(desk.office, desk.ann, "a.docx")["editorConfig"]

    def test_a_guest_is_offered_what_lies_below_the_link(self, with_templates: Desk) -> None:
        desk = with_templates
        (desk.root / "shared").mkdir()
        (desk.root / "shared" / "own.dotx").write_bytes(template("dotx", "ours"))
        link = make_link(desk.office, "/shared", Role.EDITOR)
        stranger = guest(desk.office, link)
        listing = stranger.request("GET", "/", headers=PAGE).text
        assert "Letter" not in listing
        assert "New document from this" in listing
        assert ask(stranger, template="/Templates/Letter.dotx").status_code == 404
        assert make(desk, stranger, template="/own.dotx").status_code == 303
        assert desk.words("shared/own.docx") == ["ours"]


class TestHabits:
    def test_the_browser_says_the_language(self, desk: Desk) -> None:
        desk.ann.session.headers["Accept-Language"] = "sr-Cyrl,en;q=0.5"
        make(desk, kind="docx")
        assert language_of((desk.root / "New document.docx").read_bytes()) == "sr-Cyrl-RS"

    def test_the_setting_comes_before_that_and_the_person_before_both(
        self, desk_with: Callable[..., Desk]
    ) -> None:
        desk = desk_with(new_locale="fr-CA")
        desk.ann.session.headers["Accept-Language"] = "de"
        make(desk, kind="docx", name="one")
        PreferenceRows(desk.share.catalog).keep("admin", Preferences("it-IT", "a4", ""))
        make(desk, kind="docx", name="two")
        assert language_of((desk.root / "one.docx").read_bytes()) == "fr-CA"
        assert language_of((desk.root / "two.docx").read_bytes()) == "it-IT"
        widths = [
            docx.Document(str(desk.root / f"{name}.docx")).sections[0].page_width
            for name in ("one", "two")
        ]
        assert [round(one.mm) for one in widths if one] == [216, 210]

    def test_the_menu_has_the_format_of_the_setting_or_the_person(
        self, desk_with: Callable[..., Desk]
    ) -> None:
        desk = desk_with(new_format="odf", edit_formats=BOTH)
        assert 'data-new="odt"' in desk.ann.request("GET", "/", headers=PAGE).text
        (desk.root / "a.odt").write_bytes(b"")
        create = configuration(desk.office, desk.ann, "a.odt")["editorConfig"]["createUrl"]
        assert "kind=odt" in create
        PreferenceRows(desk.share.catalog).keep("admin", Preferences("", "", "ooxml"))
        text = desk.ann.request("GET", "/", headers=PAGE).text
        assert 'data-new="docx"' in text
        assert 'data-new="odt"' not in text

    def test_a_blank_one_of_opendocument_is_made_and_edited(
        self, desk_with: Callable[..., Desk]
    ) -> None:
        desk = desk_with(new_format="odf", edit_formats=BOTH)
        assert make(desk, kind="odt").headers["Location"].endswith("/New%20document.odt")
        config = configuration(desk.office, desk.ann, "New document.odt")
        assert config["editorConfig"]["mode"] == "edit"

    def test_a_wish_for_what_opens_for_reading_alone_does_not_count(self, desk: Desk) -> None:
        PreferenceRows(desk.share.catalog).keep("admin", Preferences("", "", "odf"))
        assert 'data-new="docx"' in desk.ann.request("GET", "/", headers=PAGE).text
        assert "OpenDocument" not in desk.ann.request("GET", "/-/preferences", headers=PAGE).text


class TestForms:
    def test_the_document_server_makes_a_form_and_it_opens_as_one(self, desk: Desk) -> None:
        desk.ann.session.headers["Accept-Language"] = "de-DE"
        name = "Neues Formular.pdf"
        assert make(desk, kind="pdf").headers["Location"].endswith(f"/-/edit/{quote(name)}")
        assert is_form((desk.root / name).read_bytes())
        assert configuration(desk.office, desk.ann, name)["document"]["isForm"] is True

    def test_what_fails_is_told_and_leaves_nothing(self, desk: Desk) -> None:
        desk.double.conversions.refuse_with = -3
        answer = make(desk, kind="pdf")
        assert answer.status_code >= 400
        assert "New form.pdf" not in desk.names()

    def test_the_menu_has_it_where_there_is_a_document_server(
        self, desk: Desk, serve: Callable[..., ThreadServer]
    ) -> None:
        assert 'data-new="pdf"' in desk.ann.request("GET", "/", headers=PAGE).text
        alone = serve().client()
        listing = alone.request("GET", "/", headers=PAGE)
        assert 'data-new="pdf"' not in listing.text
        form = {"csrf": csrf_in(listing), "folder": "/", "kind": "pdf"}
        assert alone.request("POST", "/-/new", data=form, headers=PAGE).status_code == 410


class TestPreferencesPage:
    @pytest.fixture
    def desk(self, desk_with: Callable[..., Desk]) -> Desk:
        return desk_with(edit_formats=BOTH)

    @pytest.fixture
    def browser(self, desk: Desk) -> Browser:
        browser = Browser(desk.office)
        assert browser.sign_in().status_code == 303
        return browser

    def keep(self, browser: Browser, **fields: str) -> requests.Response:
        return browser.post("/-/preferences", **fields)

    def test_what_is_kept_is_shown_and_can_be_taken_back(
        self, desk: Desk, browser: Browser
    ) -> None:
        rows = PreferenceRows(desk.share.catalog)
        self.keep(browser, language="pt-BR", paper="letter", family="odf")
        assert rows.of("admin") == Preferences("pt-BR", "letter", "odf")
        page = browser.get("/-/preferences")
        assert '<option value="pt-BR" selected>' in page.text
        self.keep(browser)
        assert rows.of("admin") == Preferences()

    @pytest.mark.parametrize(
        "fields", [{"language": "klingon"}, {"paper": "a5"}, {"family": "wordstar"}]
    )
    def test_nothing_else_is_kept(
        self, desk: Desk, browser: Browser, fields: dict[str, str]
    ) -> None:
        assert self.keep(browser, **fields).status_code == 400
        assert PreferenceRows(desk.share.catalog).of("admin") == Preferences()

    def test_they_go_with_the_user(self, desk: Desk) -> None:
        desk.person("bob")
        rows = PreferenceRows(desk.share.catalog)
        rows.keep("bob", Preferences("de-DE"))
        Users(desk.share.catalog).remove("bob")
        assert rows.of("bob") == Preferences()

    def test_a_guest_has_none(self, desk: Desk) -> None:
        (desk.root / "shared").mkdir()
        stranger = guest(desk.office, make_link(desk.office, "/shared", Role.EDITOR))
        assert stranger.request("GET", "/-/preferences").status_code in (403, 404)

"""What each person wants a click to do, and the editor to be like."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from davserver.customization import Customization, Look
from davserver.errors import SettingsWrong
from davserver.model import Role
from davserver.providers.preferences import PreferenceRows, Preferences
from davserver.setting_sources import read_settings
from davserver.wishes import CHOICES, check_keys, said, with_wishes
from tests.accounts.browsing import Browser
from tests.accounts.link_making import guest, make_link
from tests.dav_client import DavClient
from tests.editor.desk import Desk
from tests.editor.opening import configuration
from tests.editor.test_guests import opened

PAGE = {"Accept": "text/html"}
ALL = tuple(CHOICES)


def look(**customization: Any) -> Look:
    return Customization(customization).look("/a.docx", "word", is_guest=False, saves=True)


def signed_in(desk: Desk) -> Browser:
    browser = Browser(desk.office)
    browser.sign_in()
    return browser


def wish(desk: Desk, name: str, **own: Any) -> None:
    PreferenceRows(desk.share.catalog).keep(name, Preferences(**own))


class TestWishes:
    @pytest.mark.parametrize("key", CHOICES)
    def test_every_choice_is_something_that_the_editor_knows(self, key: str) -> None:
        for choice in CHOICES[key]:
            told = with_wishes(look(macrosMode="enable"), {key: choice}, ALL)
            if key == "co_editing":
                assert told.co_editing == {"mode": choice, "change": True}
                continue
            value: Any = told.customization
            for part in key.split("."):
                value = value[part]
            assert value == choice
            read_settings(None, customization=dict(told.customization))

    def test_only_what_the_operator_leaves_open_is_changed(self) -> None:
        wishes = {"uiTheme": "theme-dark", "zoom": 150}
        told = with_wishes(look(uiTheme="theme-light", zoom=100), wishes, ("zoom",))
        assert told.customization == {"uiTheme": "theme-light", "zoom": 150}
        assert with_wishes(look(zoom=100), wishes, ()).customization == {"zoom": 100}

    @pytest.mark.parametrize(
        ("set_here", "wanted", "told"),
        [
            ({}, "warn", None),
            ({}, "disable", "disable"),
            ({"macrosMode": "enable"}, "warn", "warn"),
            ({"macrosMode": "disable"}, "warn", "disable"),
            ({"macros": False}, "warn", None),
        ],
    )
    def test_macros_never_run_more_freely_than_the_operator_says(
        self, set_here: dict[str, Any], wanted: str, told: str | None
    ) -> None:
        found = with_wishes(look(**set_here), {"macrosMode": wanted}, ALL)
        assert found.customization.get("macrosMode") == told

    def test_what_is_not_to_be_changed_stays(self) -> None:
        fixed = {"features": {"spellcheck": {"mode": True, "change": False}, "tabStyle": "line"}}
        off = {"features.spellcheck": False, "co_editing": "strict"}
        assert with_wishes(look(**fixed), off, ALL).customization == fixed
        free = {"features": {"spellcheck": {"mode": True}, "tabStyle": "line"}}
        assert with_wishes(look(**free), off, ALL).customization == {
            "features": {"spellcheck": {"mode": False}, "tabStyle": "line"}
        }
        rules = Customization(co_editing_change=False)
        kept = rules.look("/a.docx", "word", is_guest=False, saves=True)
        assert with_wishes(kept, off, ALL).co_editing == {"mode": "fast", "change": False}

    def test_what_another_version_kept_is_passed_over(self) -> None:
        told = with_wishes(look(zoom=100), {"zoom": 7, "font": "Comic", "unit": None}, ALL)
        assert told.customization == {"zoom": 100}

    def test_a_key_that_nobody_can_choose_is_refused_in_words(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="forcesave cannot be chosen; these can: uiTheme"):
            check_keys(["forcesave"])
        file = tmp_path / "davserver.toml"
        file.write_text('own_customization = ["zoom", "macros"]')
        with pytest.raises(SettingsWrong, match="own_customization: macros cannot be chosen"):
            read_settings(file)


class TestTypes:
    def test_a_type_of_document_has_a_table_of_its_own(
        self, desk_with: Callable[..., Desk]
    ) -> None:
        desk = desk_with(
            customization={"zoom": 100, "compactHeader": True},
            customization_of={"cell": {"zoom": 80}, "pdf": {"zoom": -2}},
            folders=[{"path": "/law", "customization": {"zoom": 50}}],
        )
        desk.ann.mkcol("/law")
        told = {
            name: desk.edit(name).config["editorConfig"]["customization"]
            for name in ("a.docx", "a.xlsx", "law/a.xlsx")
        }
        assert [one["zoom"] for one in told.values()] == [100, 80, 50]
        assert all(one["compactHeader"] for one in told.values())

    def test_they_are_looked_at_like_the_others(self, tmp_path: Path) -> None:
        file = tmp_path / "davserver.toml"
        for text, words in (
            ("[customization_of.cell]\nzom = 1", "cell: zom: the editor knows no such key; did"),
            ("[customization_of.sheet]\nzoom = 1", "customization_of"),
        ):
            file.write_text(text)
            with pytest.raises(SettingsWrong, match=words):
                read_settings(file)


WISHES = {"uiTheme": "theme-night", "zoom": -2, "co_editing": "strict", "macrosMode": "disable"}


class TestInTheEditor:
    def test_a_wish_comes_before_what_is_set_for_everything_and_for_folders(
        self, desk_with: Callable[..., Desk]
    ) -> None:
        desk = desk_with(
            customization={"uiTheme": "theme-light", "unit": "inch"},
            folders=[{"path": "/law", "customization": {"zoom": 50}, "co_editing": "fast"}],
        )
        desk.ann.mkcol("/law")
        wish(desk, "admin", look=WISHES)
        config = desk.edit("law/a.docx").config
        assert desk.double._verified(config)["editorConfig"] == config["editorConfig"]
        told = config["editorConfig"]["customization"]
        assert (told["uiTheme"], told["zoom"], told["unit"]) == ("theme-night", -2, "inch")
        assert told["macrosMode"] == "disable"
        assert told["forcesave"] is True
        assert config["editorConfig"]["coEditing"] == {"mode": "strict", "change": True}

    def test_it_is_a_persons_own(self, desk: Desk) -> None:
        bob = desk.person("bob")
        wish(desk, "admin", look=WISHES)
        desk.edit("a.docx")
        told = configuration(desk.office, bob, "a.docx")["editorConfig"]
        assert told["customization"]["uiTheme"] == "theme-system"
        assert told["coEditing"]["mode"] == "fast"

    def test_where_nothing_may_be_chosen_nothing_is(self, desk_with: Callable[..., Desk]) -> None:
        desk = desk_with(own_customization=())
        wish(desk, "admin", look=WISHES)
        told = desk.edit("a.docx").config["editorConfig"]
        assert told["customization"]["uiTheme"] == "theme-system"
        assert "zoom" not in told["customization"]
        assert told["coEditing"]["mode"] == "fast"
        assert "look." not in signed_in(desk).get("/-/preferences").text

    def test_guests_have_what_is_set_and_not_what_the_sharer_wants(self, desk: Desk) -> None:
        desk.ann.mkcol("/d")
        desk.edit("d/a.docx").close()
        wish(desk, "admin", look=WISHES, clicks={"word": "download"}, open_in="tab")
        stranger = guest(desk.office, make_link(desk.office, "/d", Role.EDITOR))
        told = opened(stranger)["editorConfig"]
        assert told["customization"]["uiTheme"] == "theme-system"
        assert told["coEditing"]["mode"] == "fast"
        row = stranger.request("GET", "/", headers=PAGE).text
        assert '-/edit/a.docx">' in row
        assert "_blank" not in row


class TestClicks:
    def link(self, person: DavClient, name: str) -> str:
        """What stands in the listing at the name of a file."""
        text = person.request("GET", "/", headers=PAGE).text
        row = text[text.index(f'<tr data-name="{name}"') :]
        link = row[row.index("<a ") :]
        return link[: link.index(">") + 1]

    @pytest.fixture
    def full(self, desk_with: Callable[..., Desk]) -> Desk:
        desk = desk_with(click_actions={"docx": "download", "pdf": "view"})
        for name in ("a.docx", "a.odt", "a.pdf", "a.txt"):
            desk.ann.put(f"/{name}", b"%PDF-1.4")
        return desk

    def test_a_wish_for_a_kind_comes_before_what_is_set_for_a_format(self, full: Desk) -> None:
        bob = full.person("bob")
        wish(full, "admin", clicks={"word": "view", "pdf": "open", "text": "download"})
        assert self.link(full.ann, "a.docx") == '<a href="/-/view/a.docx">'
        assert self.link(full.ann, "a.odt") == '<a href="/-/view/a.odt">'
        assert self.link(full.ann, "a.pdf") == '<a href="/-/edit/a.pdf">'
        assert self.link(full.ann, "a.txt") == '<a href="/a.txt" download>'
        assert self.link(bob, "a.docx") == '<a href="/a.docx" download>'
        assert self.link(bob, "a.pdf") == '<a href="/-/view/a.pdf">'

    def test_what_cannot_be_opens(self, full: Desk) -> None:
        wish(full, "admin", clicks={"pdf": "desktop", "word": "desktop"})
        assert self.link(full.ann, "a.pdf") == '<a href="/-/edit/a.pdf">'
        assert self.link(full.ann, "a.docx").startswith('<a href="ms-word:ofe|u|http')

    @pytest.mark.parametrize(
        ("set_here", "own", "opens"),
        [("same", "", ""), ("same", "tab", "_blank"), ("tab", "", "_blank"), ("tab", "same", "")],
    )
    def test_the_tab_is_ones_own_choice(
        self, desk_with: Callable[..., Desk], set_here: str, own: str, opens: str
    ) -> None:
        desk = desk_with(open_in=set_here)
        desk.ann.put("/a.docx", b"")
        wish(desk, "admin", open_in=own)
        assert ("_blank" in self.link(desk.ann, "a.docx")) == bool(opens)


class TestPage:
    def test_what_is_kept_is_shown_and_can_be_taken_back(self, desk: Desk) -> None:
        browser, rows = signed_in(desk), PreferenceRows(desk.share.catalog)
        fields = {
            **{"click.pdf": "open", "click.text": "", "open_in": "tab"},
            **{"look.zoom": "-2", "look.autosave": "no", "look.review.reviewDisplay": "simple"},
        }
        assert browser.post("/-/preferences", **fields).status_code == 303
        assert rows.of("admin") == Preferences(
            open_in="tab",
            clicks={"pdf": "open"},
            look={"zoom": -2, "autosave": False, "review.reviewDisplay": "simple"},
        )
        page = browser.get("/-/preferences").text
        for value in ("open", "tab", "-2", "no", "simple"):
            assert f'<option value="{value}" selected>' in page
        assert page.count(" selected>") == 5 + page.count('<option value="" selected>')
        browser.post("/-/preferences")
        assert rows.of("admin") == Preferences()

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("click.pdf", "explode"),
            ("open_in", "window"),
            ("look.zoom", "7"),
            ("look.macrosMode", "enable"),
            ("look.uiTheme", "<script>"),
        ],
    )
    def test_nothing_else_is_kept(self, desk: Desk, field: str, value: str) -> None:
        answer = signed_in(desk).post("/-/preferences", **{field: value})
        assert answer.status_code == 400
        assert "<script>" not in answer.text.replace("<script ", "")
        assert PreferenceRows(desk.share.catalog).of("admin") == Preferences()

    def test_it_offers_what_can_be_chosen_here_and_has_a_label_for_each(
        self, desk_with: Callable[..., Desk]
    ) -> None:
        page = signed_in(desk_with()).get("/-/preferences").text
        for key, choices in CHOICES.items():
            select = page[page.index(f'name="look.{key}"') :].partition("</select>")[0]
            told = [part.partition('"')[0] for part in select.split('<option value="')[1:]]
            assert sorted(told) == sorted(["", *map(said, choices)]), key
        some = desk_with(own_customization=("zoom", "co_editing"), co_editing_change=False)
        page = signed_in(some).get("/-/preferences").text
        assert page.count('name="look.') == 1
        assert 'name="look.zoom"' in page

    def test_without_an_editor_nothing_is_asked_about_it(self, serve: Callable[..., Any]) -> None:
        browser = Browser(serve())
        browser.sign_in()
        page = browser.get("/-/preferences").text
        assert 'name="look.' not in page
        assert '<option value="view"' not in page
        assert '<option value="download"' in page

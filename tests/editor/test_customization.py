"""How the editor looks and behaves, by the operator's choice."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from davserver.customization import THEMES, Customization, FolderRule, check_customization
from davserver.errors import SettingsWrong
from davserver.language import for_editor, preferred_language, region_of
from davserver.model import Role
from davserver.setting_sources import read_settings
from tests.accounts.link_making import guest, make_link
from tests.editor.desk import Desk
from tests.editor.test_guests import opened


def wrong(tmp_path: Path, text: str) -> str:
    file = tmp_path / "davserver.toml"
    file.write_text(text)
    with pytest.raises(SettingsWrong) as caught:
        read_settings(file)
    return str(caught.value)


class TestWhatIsTaken:
    @pytest.mark.parametrize(
        "table",
        [
            {},
            {"compactHeader": True, "zoom": -2, "unit": "inch", "uiTheme": "theme-night"},
            {"features": {"spellcheck": {"mode": True, "change": False}, "tabStyle": "line"}},
            {"features": {"spellcheck": False}},
            {"submitForm": False, "close": {"visible": True, "text": "Back"}},
            {"customer": {"name": "Us", "logo": "https://example.org/logo.svg"}},
        ],
    )
    def test_what_the_editor_knows(self, table: dict[str, Any]) -> None:
        check_customization(table)

    @pytest.mark.parametrize("theme", THEMES)
    def test_every_theme(self, theme: str) -> None:
        check_customization({"uiTheme": theme})

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("compactheader = true", "compactheader: the editor knows no such key; did you mean"),
            ("nothing = 1", "docs/configure.md"),
            ("zoom = 900", "zoom is a whole number from -2 to 500"),
            ("zoom = true", "zoom is a whole number"),
            ('help = "no"', "help is true or false"),
            ('uiTheme = "theme-pink"', "uiTheme is one of theme-system,"),
            ('slidePlayerBackground = "red"', "a colour like #ff0000"),
            ("close = true", "close is a table"),
            (
                '[customization.logo]\nimage = "https://x/y.png"',
                "logo.image: only a Document Server",
            ),
            ("[customization.layout]\nheader = {}", "layout: only a Document Server with a white"),
            ("chat = false", "chat: is deprecated; a role says who may chat"),
            ("spellcheck = true", "is deprecated; use features.spellcheck"),
            ("[customization.anonymous]\nrequest = true", "each link says whether guests"),
            ('[customization.goback]\nurl = "https://evil.example"', "goback: is not to be set"),
            ('[customization.customer]\nlogo = "javascript:alert(1)"', "an address like https"),
        ],
    )
    def test_everything_else_is_refused_in_words(
        self, tmp_path: Path, text: str, words: str
    ) -> None:
        message = wrong(tmp_path, f"[customization]\n{text}\n")
        assert "davserver.toml: customization: " in message
        assert words in message

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ('path = "law"', "written like /docs, not law"),
            ('path = "/a/../b"', "written like /docs"),
            ('path = "/law"\nlook = 1', "folders: number 1.look: "),
            ('path = "/law"\ncustomization = { zom = 1 }', "did you mean zoom?"),
            ('path = "/law"\nco_editing = "slow"', "co_editing"),
        ],
    )
    def test_a_folder_is_looked_at_too(self, tmp_path: Path, text: str, words: str) -> None:
        assert words in wrong(tmp_path, f"[[folders]]\n{text}\n")


A_PLUGIN = "asc.{38E022EA-AD92-45FC-B22B-49DF39746DB4}"


class TestPlugins:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("[plugins]\nstart = []", "plugins: start: one of autostart, pluginsData and options"),
            ('[plugins]\nautostart = "asc.{x}"', "autostart is a list"),
            ('[plugins]\nautostart = ["asc.{x}"]', "an identifier like asc.{38E022EA"),
            ("[plugins]\ndisable = []", "disable: is the setting plugins_off"),
            ('[plugins]\npluginsData = ["javascript:alert(1)"]', "an address like https"),
            ("[plugins.options]\nall = 1", "options.all is a table"),
            ("[plugins.options.chess]\nside = 1", "options: a plugin has an identifier"),
            ("[plugins.options.all]\nsince = 2026-01-01", "no dates"),
            ('[plugins.options.all]\nkey = "' + "x" * (17 << 10) + '"', "at most 16 KiB"),
            ('plugins_off = ["chess"]', "plugins_off: a plugin has an identifier"),
            (f"[plugins]\nautostart = {[A_PLUGIN] * 101}", "at most 100 plugins"),
        ],
    )
    def test_what_the_editor_does_not_take_is_refused_in_words(
        self, tmp_path: Path, text: str, words: str
    ) -> None:
        assert words in wrong(tmp_path, text + "\n")

    def test_members_get_them_signed_and_guests_get_none(
        self, desk_with: Callable[..., Desk]
    ) -> None:
        plugins = {
            "autostart": [A_PLUGIN],
            "pluginsData": ["https://plugins.example.org/chess/config.json"],
            "options": {"all": {"language": "de"}, A_PLUGIN: {"token": "for members"}},
        }
        desk = desk_with(plugins=plugins, plugins_off=[A_PLUGIN])
        config = desk.edit("a.docx").config
        assert config["editorConfig"]["plugins"] == {**plugins, "disable": [A_PLUGIN]}
        signed = desk.double._verified(config)["editorConfig"]["plugins"]
        assert signed == config["editorConfig"]["plugins"]
        link = make_link(desk.office, "/a.docx", Role.EDITOR)
        told = opened(guest(desk.office, link))["editorConfig"]
        assert told["plugins"] == {"disable": [A_PLUGIN]}


class TestFolders:
    rules = Customization(
        {"zoom": 100, "review": {"trackChanges": False, "hoverMode": True}},
        (
            FolderRule("/law/old", {"zoom": 50}, "fast"),
            FolderRule("/law", {"zoom": 80, "review": {"trackChanges": True}}, "strict"),
        ),
    )

    @pytest.mark.parametrize(
        ("path", "zoom", "tracks", "mode"),
        [
            ("/a.docx", 100, False, "fast"),
            ("/lawyers/a.docx", 100, False, "fast"),
            ("/law/a.docx", 80, True, "strict"),
            ("/law/new/a.docx", 80, True, "strict"),
            ("/law/old/a.docx", 50, True, "fast"),
        ],
    )
    def test_the_nearest_one_counts(self, path: str, zoom: int, tracks: bool, mode: str) -> None:
        look = self.rules.look(path, "word", is_guest=False, saves=True)
        assert look.customization["zoom"] == zoom
        assert look.customization["review"] == {"trackChanges": tracks, "hoverMode": True}
        assert look.co_editing["mode"] == mode


class TestInTheEditor:
    def test_the_choice_is_in_the_signed_configuration(
        self, desk_with: Callable[..., Desk]
    ) -> None:
        desk = desk_with(
            customization={"compactHeader": True, "uiTheme": "theme-dark"},
            folders=[{"path": "/law", "co_editing": "strict"}],
            plugins_off=["asc.{38E022EA-AD92-45FC-B22B-49DF39746DB4}"],
            co_editing_change=False,
            editor_language="pt-PT",
        )
        desk.ann.mkcol("/law")
        config = desk.edit("law/a.docx").config
        assert desk.double._verified(config)["editorConfig"] == config["editorConfig"]
        editor = config["editorConfig"]
        assert editor["customization"]["compactHeader"] is True
        assert editor["customization"]["uiTheme"] == "theme-dark"
        assert editor["customization"]["forcesave"] is True
        assert editor["customization"]["goback"]["url"].endswith("/law/")
        assert editor["coEditing"] == {"mode": "strict", "change": False}
        assert editor["plugins"]["disable"] == ["asc.{38E022EA-AD92-45FC-B22B-49DF39746DB4}"]
        assert (editor["lang"], editor["region"]) == ("pt-PT", "pt-PT")

    def test_by_itself_it_follows_the_browser_and_members_run_macros(self, desk: Desk) -> None:
        editor = desk.edit("a.docx").config["editorConfig"]
        assert editor["customization"]["uiTheme"] == "theme-system"
        assert "macros" not in editor["customization"]
        assert editor["coEditing"] == {"mode": "fast", "change": True}
        assert "plugins" not in editor

    @pytest.mark.parametrize("allowed", [False, True])
    def test_guests_run_no_macros_and_watch_nobody_unless_that_is_wanted(
        self, desk_with: Callable[..., Desk], allowed: bool
    ) -> None:
        """Pitfall 3.26: what strangers open runs no code of strangers."""
        desk = desk_with(macros_for_guests=allowed, live_view_for_guests=allowed)
        desk.ann.mkcol("/d")
        desk.edit("d/a.docx").close()
        link = make_link(desk.office, "/d", Role.VIEWER)
        config = opened(guest(desk.office, link))
        told = config["editorConfig"]["customization"]
        assert (told.get("macros"), told.get("macrosMode")) == (
            (None, None) if allowed else (False, "disable")
        )
        assert config["editorConfig"]["coEditing"]["mode"] == ("fast" if allowed else "strict")
        assert told["anonymous"]["request"] in (True, False)

    def test_what_the_server_takes_is_what_opens(self, desk: Desk) -> None:
        desk.edit("a.docx").close()
        desk.double.meta["limits"]["maxFileSize"] = 1000
        desk.office.app.housekeeping.run_once()
        answer = desk.ann.request("GET", "/-/edit/a.docx", headers={"Accept": "text/html"})
        assert answer.status_code == 415
        assert "too large" in answer.text.lower() or "at most" in answer.text
        assert desk.locks("a.docx") == []


class TestLanguages:
    @pytest.mark.parametrize(
        ("tag", "name", "region"),
        [
            ("de-DE", "de", "de-DE"),
            ("de", "de", ""),
            ("pt-PT", "pt-PT", "pt-PT"),
            ("pt-BR", "pt", "pt-BR"),
            ("zh-TW", "zh-TW", "zh-TW"),
            ("zh-HK", "zh-TW", "zh-HK"),
            ("zh-CN", "zh", "zh-CN"),
            ("sr-Cyrl-RS", "sr-Cyrl", "sr-RS"),
        ],
    )
    def test_as_the_editor_calls_them(self, tag: str, name: str, region: str) -> None:
        assert (for_editor(tag), region_of(tag)) == (name, region)

    def test_the_first_that_the_server_has_is_taken(self) -> None:
        assert preferred_language("is,de;q=0.5", {"en", "de"}) == "de-DE"
        assert preferred_language("is,de;q=0.5") == "is-IS"
        assert preferred_language("is", {"en", "de"}) == "en-US"

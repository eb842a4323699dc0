"""The editor's pure parts: formats, actions, keys, configuration, languages, names."""

import json
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davserver import media, paths
from davserver.editor.actions import file_actions, may_save
from davserver.editor.config import Links, Reader, editor_config, title
from davserver.editor.formats import FORMATS, Kind, format_of, is_text
from davserver.editor.keys import document_key
from davserver.editor.saving.beside import name_beside
from davserver.language import (
    LANGUAGES,
    for_editor,
    named,
    normalized,
    paper,
    preferred_language,
    region_of,
)
from davserver.model import Action, DocumentKey, Entry, Principal, Role
from davserver.providers.saves import Reason

DEFAULT_EDITS = ("csv", "docx", "pptx", "txt", "xlsx")
EDIT, VIEW, TEXT = Action.EDIT, Action.VIEW, Action.EDIT_TEXT


class TestFormats:
    """The counts are those of the Docs API's own table, 9.3."""

    def test_there_are_75_formats_to_view(self) -> None:
        assert len(FORMATS) == 75
        counts = {kind: sum(f.kind is kind for f in FORMATS.values()) for kind in Kind}
        assert counts == {
            Kind.WORD: 28,
            Kind.CELL: 17,
            Kind.SLIDE: 18,
            Kind.PDF: 6,
            Kind.DIAGRAM: 6,
        }

    @pytest.mark.parametrize(
        ("ability", "count"),
        [
            ("edits", 16),
            ("edits_with_loss", 13),
            ("converts", 42),
            ("reviews", 7),
            ("comments", 23),
            ("fills", 1),
            ("filters", 9),
            ("encrypts", 22),
        ],
    )
    def test_each_ability_has_its_members(self, ability: str, count: int) -> None:
        assert sum(getattr(known, ability) for known in FORMATS.values()) == count

    def test_nothing_edits_both_ways(self) -> None:
        assert not [f for f in FORMATS.values() if f.edits and f.edits_with_loss]

    def test_every_format_has_a_media_type(self) -> None:
        assert not [ext for ext in FORMATS if media.content_type(f"/a.{ext}") == media.UNKNOWN]

    def test_a_format_is_found_by_the_name_whatever_its_case(self) -> None:
        assert (found := format_of("/docs/A.DOCX")) is not None
        assert found.extension == "docx"
        assert format_of("/docs/a.exe") is None


class TestActions:
    def actions(self, name: str, *, write: bool = True, server: bool = True) -> tuple[Action, ...]:
        return file_actions(
            f"/{name}",
            (Role.EDITOR if write else Role.VIEWER).rights,
            edit_formats=DEFAULT_EDITS,
            has_server=server,
        )

    @pytest.mark.parametrize("name", ["a.docx", "a.xlsx", "a.pptx"])
    def test_what_the_user_named_is_edited_by_default(self, name: str) -> None:
        assert self.actions(name) == (EDIT,)
        assert self.actions(name, write=False) == (VIEW,)

    @pytest.mark.parametrize("name", ["a.txt", "a.csv"])
    def test_text_is_edited_there_and_here(self, name: str) -> None:
        assert self.actions(name) == (EDIT, TEXT)
        assert self.actions(name, server=False) == (TEXT,)

    SEED = "doc docm dot dotx epub htm html odp odt pot potm potx pps ppsm ppsx ppt pptm rtf xls"
    SEED_MORE = "xlsm xlsx xlt xltm xltx pdf"

    @pytest.mark.parametrize("extension", f"{SEED} {SEED_MORE}".split())
    def test_every_format_of_the_users_document_opens(self, extension: str) -> None:
        assert {EDIT, VIEW} & set(self.actions(f"a.{extension}"))

    @pytest.mark.parametrize("extension", sorted(FORMATS))
    def test_every_viewable_format_opens(self, extension: str) -> None:
        assert {EDIT, VIEW} & set(self.actions(f"a.{extension}"))

    def test_without_a_server_office_files_lead_to_an_explanation(self) -> None:
        assert self.actions("a.docx", server=False) == (EDIT,)

    def test_markdown_is_text_first(self) -> None:
        assert self.actions("a.md") == (TEXT, VIEW)
        assert self.actions("a.json") == (TEXT,)

    def test_other_files_have_no_action(self) -> None:
        assert self.actions("a.exe") == ()
        assert not is_text("/a.exe")

    def test_a_legacy_format_is_never_edited_in_place(self) -> None:
        """A .doc comes back as docx."""
        assert not may_save("/a.doc", Role.EDITOR.rights, edit_formats=("doc",))

    def test_more_formats_are_edited_where_the_settings_say_so(self) -> None:
        assert may_save("/a.odt", Role.EDITOR.rights, edit_formats=("odt",))
        assert not may_save("/a.odt", Role.EDITOR.rights, edit_formats=DEFAULT_EDITS)


class TestKeys:
    @given(st.text(), st.text(), st.integers(0, 9))
    def test_a_key_has_the_letters_that_the_server_takes(
        self, resource: str, etag: str, used_up: int
    ) -> None:
        key = document_key("instance", resource, etag, used_up)
        assert len(key.value) == 40
        assert key.value.isalnum()

    def test_everything_that_differs_makes_another_key(self) -> None:
        made = {
            document_key(*parts).value
            for parts in [
                ("i", "r", "e", 0),
                ("j", "r", "e", 0),
                ("i", "s", "e", 0),
                ("i", "r", "f", 0),
                ("i", "r", "e", 1),
                ("ir", "", "e", 0),
            ]
        }
        assert len(made) == 6

    @pytest.mark.parametrize("value", ["", "a b", "ü", "x" * 129, "a/b"])
    def test_what_is_no_key_cannot_be_one(self, value: str) -> None:
        with pytest.raises(ValueError, match="not a document key"):
            DocumentKey(value)


class TestConfig:
    def config(
        self, name: str = "a.docx", *, edit: bool = True, user: str = "ann"
    ) -> dict[str, object]:
        entry = Entry(f"/docs/{name}", False, 5, 1_700_000_000_000_000_000, '"tag"')
        known = format_of(entry.path)
        assert known
        return editor_config(
            entry,
            known,
            DocumentKey("key"),
            Links("http://us/-/download/t", "http://us/-/callback/t", "http://us/docs/"),
            Reader(Principal(user), "de-DE", "/docs"),
            rights=Role.EDITOR.rights,
            saves=edit,
            resource_id="rid",
            instance_id="iid",
        )

    def test_the_token_will_hold_what_the_server_demands(self) -> None:
        config = self.config()
        document, editor = config["document"], config["editorConfig"]
        assert isinstance(document, dict)
        assert isinstance(editor, dict)
        assert {"key", "url", "permissions"} <= document.keys()
        assert "callbackUrl" in editor
        assert editor["mode"] == "edit"
        assert not {"url", "payload", "key"} & config.keys(), "refused as an invalid format"
        json.dumps(config)

    def test_permissions_are_true_or_false(self) -> None:
        for edit in (True, False):
            document = self.config(edit=edit)["document"]
            assert isinstance(document, dict)
            assert all(isinstance(one, bool) for one in document["permissions"].values())
            assert document["permissions"]["edit"] is edit

    def test_a_guest_is_asked_by_the_editor_for_a_name(self) -> None:
        editor = self.config(user="")["editorConfig"]
        assert isinstance(editor, dict)
        assert editor["user"] == {}

    def test_language_and_region_are_apart(self) -> None:
        editor = self.config()["editorConfig"]
        assert isinstance(editor, dict)
        assert (editor["lang"], editor["region"]) == ("de", "de-DE")

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("a.docx", "word"),
            ("a.xlsx", "cell"),
            ("a.pptx", "slide"),
            ("a.pdf", "pdf"),
            ("a.vsdx", "diagram"),
        ],
    )
    def test_the_editor_fits_the_format(self, name: str, kind: str) -> None:
        config = self.config(name)
        assert config["documentType"] == kind

    def test_a_long_title_keeps_its_extension(self) -> None:
        cut = title("x" * 300 + ".docx")
        assert len(cut) <= 128
        assert cut.endswith("….docx")
        assert title("caf\udce9.docx") == "caf\ufffd.docx"


class TestLanguage:
    @pytest.mark.parametrize(
        ("header", "language"),
        [
            ("de", "de-DE"),
            ("de-AT,de;q=0.9,en;q=0.5", "de-AT"),
            ("en;q=0.5,fr-CA;q=0.9", "fr-CA"),
            ("xx-nonsense,pt-BR;q=0.8", "pt-BR"),
            ("zh-TW", "zh-TW"),
            ("", "en-US"),
            ("*", "en-US"),
            (";;;q=x,,", "en-US"),
        ],
    )
    def test_the_first_language_that_is_known(self, header: str, language: str) -> None:
        assert preferred_language(header) == language

    @pytest.mark.parametrize(
        ("language", "words", "region"),
        [
            ("de-AT", "de", "de-AT"),
            ("pt-BR", "pt", "pt-BR"),
            ("pt-PT", "pt-PT", "pt-PT"),
            ("zh-TW", "zh-TW", "zh-TW"),
            ("zh-CN", "zh", "zh-CN"),
            ("sr-Cyrl-RS", "sr-Cyrl", "sr-RS"),
            ("sr-Latn-RS", "sr", "sr-RS"),
            ("eo", "eo", ""),
        ],
    )
    def test_the_editor_knows_languages_by_its_own_names(
        self, language: str, words: str, region: str
    ) -> None:
        assert (for_editor(language), region_of(language)) == (words, region)

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_what_people_are_offered_is_in_its_normal_form_and_has_a_name(
        self, language: str
    ) -> None:
        assert normalized(language) == language
        assert named(language) not in ("", language)

    def test_the_script_of_chinese_is_its_region(self) -> None:
        assert normalized("zh-Hant") == "zh-TW"
        assert normalized("zh-Hans-SG") == "zh-SG"

    def test_paper_goes_by_region(self) -> None:
        assert paper("en-US") == "letter"
        assert paper("en-GB") == "a4"
        assert paper("fr-CA") == "letter"

    def test_what_is_no_language_is_none(self) -> None:
        assert normalized("not a language") is None
        assert normalized("pt_BR") == "pt-BR"


class TestBeside:
    WHEN = datetime(2026, 11, 23, 14, 5)

    def test_a_name_beside_says_why_who_and_when(self) -> None:
        name = name_beside("report.docx", "docx", Reason.CHANGED, "Ann", self.WHEN, 1)
        assert name == "report (conflict, Ann, 2026-11-23 14.05).docx"
        again = name_beside("report.docx", "docx", Reason.CHANGED, "Ann", self.WHEN, 2)
        assert again == "report (conflict, Ann, 2026-11-23 14.05, 2).docx"

    @given(st.text(max_size=300), st.text(max_size=100))
    def test_a_name_beside_is_always_a_name(self, stem: str, author: str) -> None:
        if "/" in stem or "\0" in stem or not stem.isprintable():
            return
        name = name_beside(f"{stem}.docx", "docx", Reason.VANISHED, author, self.WHEN, 99)
        paths.check_new_name("/" + name)
        assert name.endswith(").docx")

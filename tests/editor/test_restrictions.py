"""Watermarks and what groups keep from others, as the operator's rules say."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from davserver.errors import SettingsWrong
from davserver.model import Principal, Role
from davserver.providers.groups import Groups
from davserver.restrictions import GroupRule, Restrictions, WatermarkRule
from davserver.setting_sources import read_settings
from tests.accounts.link_making import guest, make_link
from tests.editor.desk import Desk
from tests.editor.opening import configuration

TODAY = date(2026, 11, 25)
ANN = Principal("ann", groups=frozenset({"temps"}))
BOB = Principal("bob", groups=frozenset({"pupils", "choir"}))


class TestRules:
    def test_the_nearest_watermark_counts(self) -> None:
        rules = Restrictions(
            (
                WatermarkRule("all", "/"),
                WatermarkRule("contracts of {name} on {date}", "/contracts", groups=("temps",)),
                WatermarkRule("bob", "/contracts/secret", users=("bob",)),
            )
        )
        assert rules.watermark_text(ANN, "/a.docx", TODAY) == "all"
        told = rules.watermark_text(ANN, "/contracts/secret/a.docx", TODAY)
        assert told == "contracts of ann on 2026-11-25"
        assert rules.watermark_text(BOB, "/contracts/secret/a.docx", TODAY) == "bob"
        assert rules.watermark_text(BOB, "/contracts.docx", TODAY) == "all"
        assert Restrictions().watermark_text(ANN, "/a.docx", TODAY) == ""

    def test_of_several_groups_the_most_generous_counts(self) -> None:
        rules = Restrictions(
            groups={
                "pupils": GroupRule(review=(), edit_comments=("pupils",), see=("pupils", "")),
                "choir": GroupRule(review=("choir",), edit_comments=None, see=("choir",)),
            }
        )
        assert rules.permissions(BOB) == {
            "reviewGroups": ["choir"],
            "userInfoGroups": ["", "choir", "pupils"],
        }
        assert rules.permissions(ANN) == {}
        boss = Principal("boss", groups=BOB.groups, is_administrator=True)
        assert rules.permissions(boss) == {}

    def test_comments_have_three_lists(self) -> None:
        rules = Restrictions(groups={"pupils": GroupRule(None, ("a",), (), ("b", ""))})
        assert rules.permissions(BOB)["commentGroups"] == {
            "view": ["a"],
            "edit": [],
            "remove": ["", "b"],
        }


class TestSettings:
    def read(self, tmp_path: Path, text: str) -> Restrictions:
        file = tmp_path / "davserver.toml"
        file.write_text(text)
        return read_settings(file).restrictions

    def test_they_are_tables_in_the_file(self, tmp_path: Path) -> None:
        told = self.read(
            tmp_path,
            '[[watermarks]]\npath = "/a"\ntext = "x"\n[group_permissions.pupils]\nreview = [""]\n',
        )
        assert told.watermarks == (WatermarkRule("x", "/a"),)
        assert told.groups == {"pupils": GroupRule(review=("",))}

    @pytest.mark.parametrize(
        "text",
        [
            '[[watermarks]]\ntext = ""\n',
            '[[watermarks]]\npath = "/a"\n',
            '[[watermarks]]\npath = "a"\ntext = "x"\n',
            '[[watermarks]]\npath = "/a/../b"\ntext = "x"\n',
            '[[watermarks]]\ngroup = "x"\ntext = "x"\n',
            "[group_permissions.pupils]\nrevue = []\n",
        ],
    )
    def test_what_is_wrong_is_named(self, tmp_path: Path, text: str) -> None:
        with pytest.raises(SettingsWrong) as told:
            self.read(tmp_path, text)
        assert "watermarks" in str(told.value) or "group_permissions" in str(told.value)


def test_the_editor_is_told(desk_with: Callable[..., Desk]) -> None:
    desk = desk_with(
        watermarks=({"text": "seen by {name}", "path": "/a.docx"},),
        group_permissions={"pupils": {"review": [], "see": ["pupils"]}},
    )
    bob = desk.person("bob")
    groups = Groups(desk.share.catalog)
    groups.add("pupils")
    groups.join("pupils", "bob")
    document = desk.edit("a.docx", bob).config["document"]
    assert document["permissions"]["reviewGroups"] == []
    assert document["permissions"]["userInfoGroups"] == ["pupils"]
    [line] = document["options"]["watermark_on_draw"]["paragraphs"]
    assert line["runs"][0]["text"] == "seen by bob"
    other = configuration(desk.office, bob, "b.docx")["document"]
    assert "options" not in other
    mine = configuration(desk.office, desk.ann, "a.docx")["document"]
    assert "reviewGroups" not in mine["permissions"]


def test_a_links_own_watermark_comes_first(desk_with: Callable[..., Desk]) -> None:
    desk = desk_with(watermarks=({"text": "of the house"},))
    (desk.root / "d").mkdir()
    (desk.root / "d" / "a.docx").write_bytes(b"")
    for words, shown in (("for {name} {date}", f"{datetime.now(UTC):%Y-%m-%d}"), ("", "house")):
        link = make_link(desk.office, "/d", Role.VIEWER, watermark=words, label=words or "plain")
        visitor = guest(desk.office, link, "Mia")
        answer = visitor.request("GET", "/-/api/editor-config", params={"path": "/a.docx"})
        mark = answer.json()["document"]["options"]["watermark_on_draw"]
        assert shown in mark["paragraphs"][0]["runs"][0]["text"]


def test_what_is_made_to_be_printed_bears_the_words_too(desk_with: Callable[..., Desk]) -> None:
    desk = desk_with(watermarks=({"text": "for {name}"},))
    desk.edit("a.docx").close()
    for target in ("pdf", "png", "odt"):
        answer = desk.ann.request("GET", "/a.docx", params={"as": target})
        assert answer.status_code == 200
    pdf, png, odt = (
        next(one for one in desk.double.conversions.asked if one["outputtype"] == target)
        for target in ("pdf", "png", "odt")
    )
    for asked in (pdf, png):
        assert asked["watermark"]["paragraphs"][0]["runs"][0]["text"] == "for admin"
    assert "watermark" not in odt

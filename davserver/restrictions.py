"""What the operator's rules add to a configuration: watermarks, and what groups keep from others.

Pure: values in, parts of the configuration out. Source: Docs API, "Config", document,
"permissions" (commentGroups, reviewGroups, userInfoGroups) and "options".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from davserver import paths
from davserver.model import Principal

NO_GROUP = ""
"""Stands for the people who are in no group."""
MAX_WATERMARK = 200
# Read from a file, an unknown key is refused.
_NOTHING_ELSE = {"extra": "forbid"}


@dataclass(frozen=True, slots=True)
class WatermarkRule:
    """``text`` is shown over what lies at or below ``path``, to the users and groups named.

    To everybody, administrators too, if none are. {name} and {date} stand for who looks and when.
    """

    text: str
    path: str = paths.ROOT
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    __pydantic_config__ = _NOTHING_ELSE

    def __post_init__(self) -> None:
        if not self.text.strip() or len(self.text) > MAX_WATERMARK:
            raise ValueError(f"a watermark has a text of 1 to {MAX_WATERMARK} characters")
        if not paths.is_written(self.path):
            raise ValueError(f"the path of a watermark is written like /docs, not {self.path}")

    def is_for(self, who: Principal, path: str) -> bool:
        """Whether the rule is about ``who`` at ``path``."""
        if self.path not in paths.lineage(path):
            return False
        is_for_all = not self.users and not self.groups
        return is_for_all or who.name in self.users or not who.groups.isdisjoint(self.groups)


@dataclass(frozen=True, slots=True)
class GroupRule:
    """Whose changes and comments the members of a group may treat, and of whom they are told.

    Each a set of groups, among them maybe ``NO_GROUP``; None: everybody's.
    """

    review: tuple[str, ...] | None = None
    view_comments: tuple[str, ...] | None = None
    edit_comments: tuple[str, ...] | None = None
    remove_comments: tuple[str, ...] | None = None
    see: tuple[str, ...] | None = None
    __pydantic_config__ = _NOTHING_ELSE


@dataclass(frozen=True, slots=True)
class Restrictions:
    """The rules of one installation; those of groups by the group's name."""

    watermarks: tuple[WatermarkRule, ...] = ()
    groups: Mapping[str, GroupRule] | None = None

    def watermark_text(self, who: Principal, path: str, today: date) -> str:
        """The words over a document; empty where no rule wants any. The nearest rule counts."""
        rules = [rule for rule in self.watermarks if rule.is_for(who, path)]
        if not rules:
            return ""
        nearest = max(rules, key=lambda rule: len(rule.path))
        return with_names(nearest.text, who, today)

    def permissions(self, who: Principal) -> dict[str, Any]:
        """What the groups of somebody restrict; administrators are not restricted."""
        known = self.groups or {}
        rules = [known[name] for name in sorted(who.groups) if name in known]
        if not rules or who.is_administrator:
            return {}
        comments = {
            "view": _union(rule.view_comments for rule in rules),
            "edit": _union(rule.edit_comments for rule in rules),
            "remove": _union(rule.remove_comments for rule in rules),
        }
        told: dict[str, Any] = {
            "reviewGroups": _union(rule.review for rule in rules),
            "commentGroups": _given(comments) or None,
            "userInfoGroups": _union(rule.see for rule in rules),
        }
        return _given(told)


def with_names(text: str, who: Principal, today: date) -> str:
    """``text`` with its placeholders filled in."""
    return text.replace("{name}", who.shown).replace("{date}", today.isoformat())


def _union(several: Iterable[tuple[str, ...] | None]) -> list[str] | None:
    """What any of somebody's groups may; None if one of them may all."""
    found: set[str] = set()
    for one in several:
        if one is None:
            return None
        found |= set(one)
    return sorted(found)


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}

"""What people may choose for themselves of how the editor looks and behaves. Pure.

Source: Docs API, "Config", editorConfig, "customization" and "coEditing".
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from davserver.customization import THEMES, Look

CO_EDITING = "co_editing"
MACROS = "macrosMode"
FORM_FIELD = "look."
"""Begins the names of a form's fields that say wishes."""

_YES_NO = (True, False)
CHOICES: Mapping[str, tuple[Any, ...]] = {
    # "default-light" and its kin are names of before.
    "uiTheme": tuple(theme for theme in THEMES if theme.startswith("theme-")),
    # -1 fits the page, -2 its width.
    "zoom": (-1, -2, 50, 75, 100, 125, 150, 200),
    "unit": ("cm", "pt", "inch"),
    "compactHeader": _YES_NO,
    "compactToolbar": _YES_NO,
    "hideRightMenu": _YES_NO,
    "hideRulers": _YES_NO,
    "review.reviewDisplay": ("markup", "simple", "final", "original"),
    "features.spellcheck": _YES_NO,
    "autosave": _YES_NO,
    MACROS: ("warn", "disable"),
    CO_EDITING: ("fast", "strict"),
}
"""By key, a dot for a table in a table: what it may be."""

_STRICTER = ("enable", "warn", "disable")


def check_keys(keys: Collection[str]) -> None:
    """Raise ValueError for what people cannot choose."""
    for key in keys:
        if key not in CHOICES:
            raise ValueError(f"{key} cannot be chosen; these can: {', '.join(CHOICES)}")


def read(form: Mapping[str, str], allowed: Collection[str]) -> dict[str, Any]:
    """The wishes that a form says for the keys ``allowed``; empty is no wish. Raises ValueError."""
    wishes: dict[str, Any] = {}
    for key in allowed:
        told = form.get(FORM_FIELD + key, "")
        if not told:
            continue
        known = {said(choice): choice for choice in CHOICES[key]}
        if told not in known:
            raise ValueError(f"{key} is one of {', '.join(known)}; empty is no wish.")
        wishes[key] = known[told]
    return wishes


def said(value: object) -> str:
    """A value as forms say it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def with_wishes(look: Look, wishes: Mapping[str, Any], allowed: Collection[str]) -> Look:
    """``look`` as somebody wants it, where the operator lets people choose.

    Macros run no more freely than the operator says, and what has ``change = false`` stays.
    """
    table, together = dict(look.customization), look.co_editing
    for key, value in wishes.items():
        # What was kept by another version of this program may be no choice any more.
        if key not in allowed or value not in CHOICES.get(key, ()):
            continue
        if key == CO_EDITING:
            together = {**together, "mode": value} if together["change"] else together
        elif key != MACROS or _is_stricter(value, table):
            table = _with(table, key, value)
    return replace(look, customization=table, co_editing=together)


def _is_stricter(mode: str, table: Mapping[str, Any]) -> bool:
    present = table.get(MACROS, "warn")
    return table.get("macros", True) and _STRICTER.index(mode) > _STRICTER.index(present)


def _with(table: Mapping[str, Any], key: str, value: object) -> dict[str, Any]:
    head, _, rest = key.partition(".")
    below = table.get(head)
    if rest:
        return {**table, head: _with(below if isinstance(below, dict) else {}, rest, value)}
    if isinstance(below, dict):
        # Some keys are a table: how it is, and whether people may change that.
        kept = below if below.get("change") is False else {**below, "mode": value}
        return {**table, head: kept}
    return {**table, head: value}

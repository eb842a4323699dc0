"""How the editor looks and behaves, by the operator's choice: checked when the settings are read.

Pure. Source: Docs API, "Config", editorConfig, "customization", "coEditing" and "plugins".
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from davserver import paths

Mode = Literal["fast", "strict"]
DocumentType = Literal["word", "cell", "slide", "pdf", "diagram"]

THEMES = (
    "theme-system",
    "theme-light",
    "theme-classic-light",
    "theme-white",
    "theme-gray",
    "theme-dark",
    "theme-contrast-dark",
    "theme-night",
    "default-light",
    "default-dark",
)
MAX_TEXT = 500
MAX_FOLDERS = 200
_A_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
_AN_ADDRESS = re.compile(r"(https?://|mailto:)[\x21-\x7e]+")
_NOTHING_ELSE = {"extra": "forbid"}


@dataclass(frozen=True, slots=True)
class Kind:
    """A sort of value: what it is called, and what tells it."""

    words: str
    pattern: re.Pattern[str] | None = None
    low: int = 0
    high: int = 0
    choices: tuple[str, ...] = ()

    def has(self, value: object) -> bool:
        """Whether ``value`` is of this sort."""
        if self.choices:
            return value in self.choices
        if self.high:
            is_whole = isinstance(value, int) and not isinstance(value, bool)
            return is_whole and self.low <= value <= self.high  # type: ignore[operator]
        if not isinstance(value, str) or len(value) > MAX_TEXT:
            return False
        return self.pattern is None or bool(self.pattern.fullmatch(value))


def _one_of(*choices: str) -> Kind:
    return Kind("one of " + ", ".join(choices), choices=choices)


_YES_NO = Kind("true or false")
_TEXT = Kind(f"a text of at most {MAX_TEXT} characters")
_COLOUR = Kind("a colour like #ff0000", _A_COLOUR)
_ADDRESS = Kind("an address like https://example.org", _AN_ADDRESS)

Known = Mapping[str, "Kind | Known | tuple[Kind, Known]"]
"""Keys and what they take: a value, a table, or either."""

KNOWN: Known = {
    "anonymous": {"label": _TEXT},
    "autosave": _YES_NO,
    "close": {"text": _TEXT, "visible": _YES_NO},
    "comments": _YES_NO,
    "compactHeader": _YES_NO,
    "compactToolbar": _YES_NO,
    "compatibleFeatures": _YES_NO,
    "customer": {
        "address": _TEXT,
        "info": _TEXT,
        "logo": _ADDRESS,
        "logoDark": _ADDRESS,
        "mail": _TEXT,
        "name": _TEXT,
        "phone": _TEXT,
        "www": _TEXT,
    },
    "features": {
        "featuresTips": _YES_NO,
        "roles": _YES_NO,
        "spellcheck": (_YES_NO, {"mode": _YES_NO, "change": _YES_NO}),
        "tabBackground": (
            _one_of("header", "toolbar"),
            {"mode": _one_of("header", "toolbar"), "change": _YES_NO},
        ),
        "tabStyle": (
            _one_of("fill", "line"),
            {"mode": _one_of("fill", "line"), "change": _YES_NO},
        ),
    },
    "feedback": (_YES_NO, {"url": _ADDRESS, "visible": _YES_NO}),
    "forceWesternFontSize": _YES_NO,
    "forcesave": _YES_NO,
    "help": _YES_NO,
    "hideNotes": _YES_NO,
    "hideRightMenu": _YES_NO,
    "hideRulers": _YES_NO,
    "integrationMode": _one_of("embed"),
    "logo": {"url": _ADDRESS, "visible": _YES_NO},
    "macros": _YES_NO,
    "macrosMode": _one_of("disable", "warn", "enable"),
    "mentionShare": _YES_NO,
    "mobile": {
        "disableForceDesktop": _YES_NO,
        "forceView": _YES_NO,
        "info": _YES_NO,
        "standardView": _YES_NO,
    },
    "plugins": _YES_NO,
    "pointerMode": _one_of("select", "hand"),
    "review": {
        "hideReviewDisplay": _YES_NO,
        "hoverMode": _YES_NO,
        "reviewDisplay": _one_of("markup", "simple", "final", "original"),
        "showReviewChanges": _YES_NO,
        "trackChanges": _YES_NO,
    },
    "showHorizontalScroll": _YES_NO,
    "showVerticalScroll": _YES_NO,
    "slidePlayerBackground": _COLOUR,
    "startFillingForm": {"text": _TEXT},
    "submitForm": (_YES_NO, {"resultMessage": _TEXT, "visible": _YES_NO}),
    "suggestFeature": _YES_NO,
    "toolbarHideFileName": _YES_NO,
    "uiTheme": _one_of(*THEMES),
    "unit": _one_of("cm", "pt", "inch"),
    "wordHeadingsColor": _COLOUR,
    # -1 fits the page, -2 its width.
    "zoom": Kind("a whole number from -2 to 500", low=-2, high=500),
}

_WHITE_LABEL = frozenset(
    {
        "about",
        "font",
        "layout",
        "leftMenu",
        "loaderLogo",
        "loaderName",
        "logo.image",
        "logo.imageDark",
        "logo.imageEmbedded",
        "logo.imageLight",
        "rightMenu",
        "statusBar",
        "toolbar",
    }
)
_REPLACED = {
    "chat": "a role says who may chat: davserver access",
    "commentAuthorOnly": "group_permissions says whose comments one may treat",
    "goback.requestClose": "use close",
    "location": "use region",
    "mobileForceView": "use mobile.forceView",
    "reviewDisplay": "use review.reviewDisplay",
    "reviewPermissions": "group_permissions says whose changes one may treat",
    "showReviewChanges": "use review.showReviewChanges",
    "spellcheck": "use features.spellcheck",
    "toolbarNoTabs": "use features.tabStyle and features.tabBackground",
    "trackChanges": "use review.trackChanges",
}
_OURS = {
    "anonymous.request": "each link says whether guests are asked for their name",
    "goback": "davserver leads back to the folder of the document",
}


def is_yes_no(kind: Kind) -> bool:
    """Whether it is a switch."""
    return kind is _YES_NO


def check_customization(value: object, place: str = "", known: Known = KNOWN) -> None:
    """Raise ValueError, naming the key and the cure, unless every key is known and of its kind."""
    if not isinstance(value, dict):
        raise ValueError(f"{place or 'customization'} is a table of keys")
    for key, one in value.items():
        here = f"{place}.{key}" if place else str(key)
        if key not in known:
            raise ValueError(f"{here}: {_why_not(here, key, known)}")
        _check_value(one, here, known[key])


def _check_value(value: object, place: str, expected: "Kind | Known | tuple[Kind, Known]") -> None:
    if isinstance(expected, tuple):
        kind, table = expected
        _check_value(value, place, table if isinstance(value, dict) else kind)
    elif not isinstance(expected, Kind):
        check_customization(value, place, expected)
    elif expected is _YES_NO:
        if not isinstance(value, bool):
            raise ValueError(f"{place} is {_YES_NO.words}")
    elif not expected.has(value):
        raise ValueError(f"{place} is {expected.words}")


def _why_not(place: str, key: str, known: Known) -> str:
    if place in _WHITE_LABEL:
        return "only a Document Server with a white-label licence takes this"
    if place in _REPLACED:
        return f"is deprecated; {_REPLACED[place]}"
    if place in _OURS:
        return f"is not to be set: {_OURS[place]}"
    near = difflib.get_close_matches(key, known, n=1)
    return (
        f"the editor knows no such key; did you mean {near[0]}?"
        if near
        else ("the editor knows no such key; docs/configure.md has them all")
    )


@dataclass(frozen=True, slots=True)
class FolderRule:
    """What is different at and below ``path``; the nearest rule counts."""

    path: str
    customization: dict[str, Any] = field(default_factory=dict)
    co_editing: Mode | None = None
    __pydantic_config__ = _NOTHING_ELSE

    def __post_init__(self) -> None:
        if not paths.is_written(self.path):
            raise ValueError(f"the path of a folder is written like /docs, not {self.path}")
        check_customization(self.customization)


@dataclass(frozen=True, slots=True)
class Look:
    """What one configuration has of it."""

    customization: Mapping[str, Any]
    co_editing: Mapping[str, Any]
    plugins_off: tuple[str, ...]
    plugins: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Customization:
    """The operator's choice for everything, and what differs by document type and in folders.

    ``own`` are the keys that people may choose for themselves (``wishes``).
    """

    everywhere: Mapping[str, Any] = field(default_factory=dict)
    folders: tuple[FolderRule, ...] = ()
    co_editing: Mode = "fast"
    co_editing_change: bool = True
    live_view_for_guests: bool = False
    macros_for_guests: bool = False
    plugins_off: tuple[str, ...] = ()
    language: str = ""
    of_type: Mapping[DocumentType, Mapping[str, Any]] = field(default_factory=dict)
    own: tuple[str, ...] = ()
    plugins: Mapping[str, Any] = field(default_factory=dict)

    def look(self, path: str, kind: str, *, is_guest: bool, saves: bool) -> Look:
        """What the document at ``path`` looks like to a guest or a member, who saves or reads.

        ``kind`` is its document type. A folder's rule comes before that of a type.
        """
        rules = sorted(
            (rule for rule in self.folders if rule.path in paths.lineage(path)),
            key=lambda rule: len(rule.path),
        )
        of_kind = {str(name): table for name, table in self.of_type.items()}
        table = _over(self.everywhere, of_kind.get(kind, {}))
        mode: str = self.co_editing
        for rule in rules:
            table = _over(table, rule.customization)
            mode = rule.co_editing or mode
        if is_guest and not self.macros_for_guests:
            # What somebody unknown put into a document runs in the browsers of those who follow.
            table |= {"macros": False, "macrosMode": "disable"}
        together = {"mode": mode, "change": self.co_editing_change}
        if is_guest and not saves and not self.live_view_for_guests:
            # A reader of this kind takes no part in the session (Docs API, "coEditing").
            together = {"mode": "strict", "change": False}
        # Options may be keys to other services, which are for members.
        return Look(table, together, self.plugins_off, {} if is_guest else self.plugins)


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """``above`` laid over ``below``, table by table."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        merged[key] = _over(old, value) if both else value  # type: ignore[arg-type]
    return merged

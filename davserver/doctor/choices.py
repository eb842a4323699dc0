"""What an administrator can choose on the page of settings: fields, in groups, and their values.

Pure. Bounds and choices are those of the settings; a field is called by its key, and a key of a
table by ``table.key``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from davserver.customization import KNOWN, Kind, Known, is_yes_no
from davserver.editor.formats import FORMATS
from davserver.language import LANGUAGES, named
from davserver.settings import Settings
from davserver.words import say

CONNECTION = frozenset(
    {
        *("document_server", "document_server_internal", "internal_url", "jwt_secret"),
        *("document_server_ca", "document_server_verify", "jwt_header", "jwt_prefix"),
        *("jwt_seconds", "jwt_leeway_seconds"),
    }
)
"""Keys that decide whether both servers understand each other."""
SECRET = "jwt_secret"  # noqa: S105
_YES, _NO = "yes", "no"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the form.

    ``kind`` is text, number, check, choice or secret; ``choices`` are values with their words.
    """

    name: str
    label: str
    kind: str = "text"
    help: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    low: int | None = None
    high: int | None = None

    @property
    def key(self) -> str:
        """The key of the settings."""
        return self.name.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Group:
    """Fields under one heading."""

    title: str
    words: str
    fields: tuple[Field, ...]


def _number(name: str, label: str, help: str = "") -> Field:
    bounds = {type(one).__name__: one for one in Settings.model_fields[name].metadata}
    return Field(name, label, "number", help, (), bounds["Ge"].ge, bounds["Le"].le)


def _one_of(name: str, label: str, help: str = "", **words: str) -> Field:
    values = get_args(Settings.model_fields[name].annotation)
    return Field(name, label, "choice", help, tuple((value, words[value]) for value in values))


_LOSSY = tuple(sorted(name for name, one in FORMATS.items() if one.edits_with_loss))
_LANGUAGES = tuple(sorted(((code, named(code)) for code in LANGUAGES), key=lambda one: one[1]))

GROUPS = (
    Group(
        say("Document Server"),
        say(
            "It opens the documents. After a change here the connection is tested in both "
            "directions before anything is kept."
        ),
        (
            Field(
                "document_server",
                say("Address of the Document Server"),
                help=say(
                    "As browsers reach it, like https://office.example.org. Empty: office "
                    "documents are stored, and not opened."
                ),
            ),
            Field(
                SECRET,
                say("Secret"),
                "secret",
                say(
                    "What both servers sign with. It is never shown again; empty leaves it as it "
                    "is."
                ),
            ),
            Field(
                "document_server_internal",
                say("Its address for this server"),
                help=say("If this server reaches it by another one than browsers do."),
            ),
            Field(
                "internal_url",
                say("Address of this server for the Document Server"),
                help=say("If it reaches this server by another one than browsers do."),
            ),
        ),
    ),
    Group(
        say("Certificate and signatures"),
        say("Most installations need nothing here."),
        (
            Field(
                "document_server_verify",
                say("Check the certificate of the Document Server"),
                "check",
                say("Without the check, whoever is on the way can read and change every document."),
            ),
            Field(
                "document_server_ca",
                say("File of its certificate authority"),
                help=say(
                    "On this machine, if the authority is one of your own: /etc/ssl/office.pem"
                ),
            ),
            Field(
                "jwt_header",
                say("Header with the token"),
                help=say("Empty: the one that the Document Server names, else Authorization."),
            ),
            Field(
                "jwt_prefix",
                say("What stands before the token"),
                help=say("Empty: what the Document Server says, else Bearer."),
            ),
            _number("jwt_seconds", say("Life of a signed configuration, in seconds")),
            _number("jwt_leeway_seconds", say("Difference of clocks, in seconds")),
        ),
    ),
    Group(
        say("Everyday"),
        "",
        (
            _one_of(
                "open_in",
                say("Documents open"),
                same=say("in the same tab"),
                tab=say("in a tab of their own"),
            ),
            _one_of(
                "new_format",
                say("New documents are"),
                ooxml="Office Open XML (docx, xlsx, pptx)",
                odf="OpenDocument (odt, ods, odp)",
            ),
            _one_of(
                "co_editing",
                say("People edit together"),
                fast=say("fast: every letter at once"),
                strict=say("strict: what is saved"),
            ),
            _one_of(
                "conflict",
                say("A drive that writes what is being edited"),
                lock=say("is kept out"),
                fork=say("makes a second file"),
                warn=say("is let in, and all are told"),
            ),
            _number(
                "save_minutes",
                say("Minutes until what is typed is stored"),
                say("0: only when they save."),
            ),
            Field(
                "editor_language",
                say("Language of the editor"),
                "choice",
                choices=(("", say("that of each browser")), *_LANGUAGES),
            ),
            Field(
                "live_view_for_guests",
                say("Guests who only read see letters as they are typed"),
                "check",
            ),
            Field("macros_for_guests", say("Macros run for guests"), "check"),
        ),
    ),
    Group(
        say("Formats that lose something"),
        say(
            "These hold less than the editor can do; what they cannot hold is lost by saving. "
            "Ticked ones open for editing all the same, with a word of warning."
        ),
        tuple(Field(f"edit_formats.{name}", name, "check") for name in _LOSSY),
    ),
)


def _customizations(known: Known, above: str, words: str) -> Iterator[Field]:
    """The keys that a switch, a list or a number can set."""
    for key, expected in known.items():
        label = f"{words}: {_spaced(key)}" if words else _spaced(key).capitalize()
        name = f"{above}.{key}"
        kind = expected[0] if isinstance(expected, tuple) else expected
        if not isinstance(kind, Kind):
            yield from _customizations(kind, name, label)
        elif is_yes_no(kind):
            yield Field(name, label, "choice", choices=((_YES, say("yes")), (_NO, say("no"))))
        elif kind.choices:
            yield Field(name, label, "choice", choices=tuple((one, one) for one in kind.choices))
        elif kind.high:
            yield Field(name, label, "number", low=kind.low, high=kind.high)


def _spaced(key: str) -> str:
    """compactHeader as people read it: compact header."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in key)


LOOKS = Group(
    say("How the editor looks and behaves"),
    say(
        "What is left open is as the editor has it. Texts, addresses and rules for folders are in "
        "the file of settings."
    ),
    tuple(_customizations(KNOWN, "customization", "")),
)
FIELDS = {field.name: field for group in (*GROUPS, LOOKS) for field in group.fields}


def shown(settings: Settings) -> dict[str, str]:
    """What the fields hold, by their names; a check is yes or empty. The secret is not told."""
    return {name: _shown(field, settings) for name, field in FIELDS.items()}


def _shown(field: Field, settings: Settings) -> str:
    if field.kind == "secret":
        return ""
    value: Any = getattr(settings, field.key)
    if field.key == "edit_formats":
        value = field.label in value
    elif field.key == "customization":
        for part in field.name.split(".")[1:]:
            value = value.get(part) if isinstance(value, dict) else None
        value = (_YES if value else _NO) if isinstance(value, bool) else value
    if isinstance(value, bool):
        return _YES if value else ""
    # A table where a plain value was expected is shown as it is: the file has set it.
    return "" if value is None else str(value)


def wanted(
    form: Mapping[str, str], settings: Settings, kept: Mapping[str, Any], fixed: Mapping[str, str]
) -> dict[str, Any]:
    """What is to be kept after ``form``, where ``settings`` count and ``kept`` was kept before.

    What is ``fixed`` elsewhere stays as it was, and what is as without any choice is not kept.
    """
    values = {key: value for key, value in kept.items() if key in ("customization", SECRET)}
    values |= {key: kept[key] for key in kept.keys() & fixed.keys()}
    for name, field in FIELDS.items():
        if field.key in ("customization", "edit_formats", SECRET) or name in fixed:
            continue
        value = _value(field, form.get(name, ""))
        if str(value) != str(_default(field.key)):
            values[field.key] = value
    if "edit_formats" not in fixed:
        formats = _formats(form, settings)
        values |= {"edit_formats": formats} if formats != sorted(_default("edit_formats")) else {}
    values["customization"] = _looks(form, kept.get("customization", {}), fixed)
    if form.get(SECRET, "").strip():
        values[SECRET] = form[SECRET].strip()
    return {key: value for key, value in values.items() if value != {}}


def _default(key: str) -> Any:
    """The value of a key that nobody sets, as a form has it."""
    value = Settings.model_fields[key].default
    return "" if value is None else value


def _value(field: Field, text: str) -> Any:
    """What a field of the form says; the settings tell what is wrong with it."""
    text = text.strip()
    if field.kind == "check":
        return bool(text)
    return int(text) if field.kind == "number" and _is_whole(text) else text


def _is_whole(text: str) -> bool:
    return text.removeprefix("-").isdecimal() and text.isascii() and len(text) < 10


def _formats(form: Mapping[str, str], settings: Settings) -> list[str]:
    others = set(settings.edit_formats) - set(_LOSSY)
    return sorted(others | {name for name in _LOSSY if form.get(f"edit_formats.{name}")})


def _looks(
    form: Mapping[str, str], kept: Mapping[str, Any], fixed: Mapping[str, str]
) -> dict[str, Any]:
    """The table that the form describes, over what is in ``kept`` and in no field of it."""
    table: dict[str, Any] = _copied(kept)
    for field in LOOKS.fields:
        if where_set(field, fixed):
            continue
        *above, last = field.name.split(".")[1:]
        inner = table
        for part in above:
            inner = inner.setdefault(part, {})
        text = form.get(field.name, "").strip()
        inner.pop(last, None)
        if field.choices and field.choices[0][0] == _YES and text in (_YES, _NO):
            inner[last] = text == _YES
        elif text:
            inner[last] = _value(field, text)
    return _without_empty(table)


def _copied(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _copied(one) if isinstance(one, dict) else one for key, one in table.items()}


def _without_empty(table: dict[str, Any]) -> dict[str, Any]:
    tables = {key: _without_empty(one) for key, one in table.items() if isinstance(one, dict)}
    return {key: one for key, one in (table | tables).items() if one != {}}


def posted_but_fixed(form: Mapping[str, str], fixed: Mapping[str, str]) -> list[str]:
    """Names of fields that a form sets although something stronger does."""
    return [name for name in FIELDS if name in form and where_set(FIELDS[name], fixed)]


def where_set(field: Field, fixed: Mapping[str, str]) -> str:
    """Where a field is set that cannot be set here; empty if it can."""
    if field.key == "edit_formats":
        return fixed.get("edit_formats", "")
    if field.kind == "secret":
        return fixed.get(SECRET, "") or fixed.get("jwt_secret_file", "")
    inside = (where for key, where in fixed.items() if key.startswith(field.name + "."))
    return fixed.get(field.name, "") or next(inside, "")

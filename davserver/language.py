"""The language of a person, from what their browser asks for. Pure."""

from collections.abc import Collection, Iterator

from babel import Locale, UnknownLocaleError
from babel.core import get_global

DEFAULT = "en-US"

# Territories that print on US Letter (CLDR, measurement data, paperSize).
_LETTER = {"BZ", "CA", "CL", "CO", "CR", "GT", "MX", "NI", "PA", "PH", "PR", "SV", "US", "VE"}
_RIGHT_TO_LEFT = {"ar", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"}
# What the editor knows besides languages of two letters (Config, editorConfig, "lang").
_EDITOR_LANGUAGES = {"pt-PT": "pt-PT", "zh-TW": "zh-TW", "zh-HK": "zh-TW", "zh-MO": "zh-TW"}
_CYRILLIC = "Cyrl"
LANGUAGES = (
    "ar-SA",
    "az-AZ",
    "bg-BG",
    "ca-ES",
    "cs-CZ",
    "da-DK",
    "de-DE",
    "el-GR",
    "en-GB",
    "en-US",
    "es-ES",
    "eu-ES",
    "fi-FI",
    "fr-FR",
    "gl-ES",
    "he-IL",
    "hu-HU",
    "hy-AM",
    "id-ID",
    "it-IT",
    "ja-JP",
    "ko-KR",
    "lv-LV",
    "ms-MY",
    "nb-NO",
    "nl-NL",
    "pl-PL",
    "pt-BR",
    "pt-PT",
    "ro-RO",
    "ru-RU",
    "si-LK",
    "sk-SK",
    "sl-SI",
    "sq-AL",
    "sr-Cyrl-RS",
    "sr-Latn-RS",
    "sv-SE",
    "tr-TR",
    "uk-UA",
    "ur-PK",
    "vi-VN",
    "zh-CN",
    "zh-TW",
)
"""Those that people are offered for documents; any other that a browser asks for will do too."""
_MAX_CHOICES = 20


def preferred_language(accept_language: str, among: Collection[str] = ()) -> str:
    """The first known language of an Accept-Language header, as "de-DE".

    ``among`` are those that there are, by the names of ``for_editor``; empty: any.
    """
    for known in asked(accept_language):
        if not among or for_editor(known) in among:
            return known
    return DEFAULT


def asked(accept_language: str) -> Iterator[str]:
    """The known languages of an Accept-Language header, the one that is liked best first."""
    choices: list[tuple[float, str]] = []
    for part in accept_language.split(",")[:_MAX_CHOICES]:
        tag, _, quality = part.strip().partition(";q=")
        try:
            choices.append((-float(quality or 1), tag.strip()))
        except ValueError:
            continue
    for _, tag in sorted(choices, key=lambda choice: choice[0]):
        known = normalized(tag)
        if known:
            yield known


def normalized(tag: str) -> str | None:
    """``tag`` as language, script if it says one, and region, the likely one if it has none.

    None if it is unknown.
    """
    try:
        locale = Locale.parse(tag.replace("-", "_"))
    except (ValueError, UnknownLocaleError, TypeError):
        return None
    # Babel adds the likely script; what nobody said is left out.
    script = locale.script if locale.script and locale.script.lower() in tag.lower() else ""
    if locale.script and locale.language in {"zh", "yue"}:
        # The script of Chinese is said by its region.
        region = locale.territory or ("TW" if locale.script == "Hant" else "CN")
        return f"{locale.language}-{region}"
    territory = locale.territory or _likely_territory(locale.language)
    return "-".join(part for part in (locale.language, script, territory) if part)


def named(language: str) -> str:
    """What the language is called by those who speak it."""
    return str(Locale.parse(language, sep="-").get_display_name() or language)


def parts(language: str) -> tuple[str, str, str]:
    """Language, script and region of what ``normalized`` made; empty where it has none."""
    first, *rest = language.split("-")
    script = next((part for part in rest if len(part) == 4), "")
    region = next((part for part in rest if len(part) in (2, 3)), "")
    return first, script, region


def for_editor(language: str) -> str:
    """The language of the editor's words: of two letters, but for pt-PT, zh-TW and sr-Cyrl."""
    first, script, region = parts(language)
    if first == "sr" and script == _CYRILLIC:
        return f"{first}-{_CYRILLIC}"
    return _EDITOR_LANGUAGES.get(f"{first}-{region}", first)


def region_of(language: str) -> str:
    """What forms of dates and numbers go by, like "de-DE"; empty where no region is known."""
    first, _, region = parts(language)
    return f"{first}-{region}" if region else ""


def paper(language: str) -> str:
    """The paper that people with this language and region write on: "letter" or "a4"."""
    return "letter" if parts(language)[2] in _LETTER else "a4"


def is_right_to_left(language: str) -> bool:
    """Whether the language is written from right to left."""
    return parts(language)[0] in _RIGHT_TO_LEFT


def _likely_territory(language: str) -> str:
    likely = str(get_global("likely_subtags").get(language, ""))
    last = likely.rpartition("_")[2]
    return last if len(last) == 2 and last.isupper() else ""

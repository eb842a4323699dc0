"""The language of a person, from what their browser asks for. Pure."""

from babel import Locale, UnknownLocaleError
from babel.core import get_global

DEFAULT = "en-US"

# Territories that print on US Letter (CLDR, measurement data, paperSize).
_LETTER = {"BZ", "CA", "CL", "CO", "CR", "GT", "MX", "NI", "PA", "PH", "PR", "SV", "US", "VE"}
_RIGHT_TO_LEFT = {"ar", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"}
_MAX_CHOICES = 20


def preferred_language(accept_language: str) -> str:
    """The first known language of an Accept-Language header, as "de-DE"."""
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
            return known
    return DEFAULT


def normalized(tag: str) -> str | None:
    """``tag`` as language and region, the likely one if it has none; None if it is unknown."""
    try:
        locale = Locale.parse(tag.replace("-", "_"))
    except (ValueError, UnknownLocaleError, TypeError):
        return None
    territory = locale.territory or _likely_territory(locale.language)
    return f"{locale.language}-{territory}" if territory else locale.language


def paper(language: str) -> str:
    """The paper that people with this language and region write on: "letter" or "a4"."""
    return "letter" if language.partition("-")[2] in _LETTER else "a4"


def is_right_to_left(language: str) -> bool:
    """Whether the language is written from right to left."""
    return language.partition("-")[0] in _RIGHT_TO_LEFT


def _likely_territory(language: str) -> str:
    likely = str(get_global("likely_subtags").get(language, ""))
    last = likely.rpartition("_")[2]
    return last if len(last) == 2 and last.isupper() else ""

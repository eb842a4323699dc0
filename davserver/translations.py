"""The languages of our pages: each a .po file, read when somebody needs it first, and kept."""

import gettext
import hashlib
import json
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.dates import format_date
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from markupsafe import Markup, escape

from davserver.language import asked, for_editor, normalized
from davserver.words import Words, filled

FILE = "LC_MESSAGES/davserver.po"
OF_SCRIPTS = "assets/"
"""How the places in a .po file begin that are scripts (``make words`` writes them)."""
_MAX_PLURAL = 200
"""Counts up to this one show every plural form that whole numbers have, but that of a million."""


class Language:
    """Says things in one language, called ``tag`` ("pt-BR"); what is not translated in English."""

    def __init__(self, tag: str, known: gettext.NullTranslations, scripts: str = "") -> None:
        self.tag = tag
        self.scripts = scripts
        self._locale = Locale.parse(tag, sep="-")
        self._known = known

    def said(self, text: str) -> str:
        """``text`` in this language if it is Words; else what it is."""
        if not isinstance(text, Words):
            return text
        if text.many:
            message = self._known.ngettext(text.message, text.many, text.number)
        else:
            message = self._known.gettext(text.message)
        return filled(message, text.values, self._written)

    def markup(self, message: str, /, **values: object) -> Markup:
        """For templates: ``message`` with its values escaped, and itself where it has no tags."""
        return self._marked(message, self._known.gettext(message), values)

    def markup_many(self, one: str, many: str, count: int, /, **values: object) -> Markup:
        """The same for ``count`` things, which is ``{count}`` in the message."""
        found = self._known.ngettext(one, many, count)
        return self._marked(one, found, {"count": count, **values})

    def day(self, day: date) -> str:
        """A day as this language writes it."""
        return format_date(day, "medium", self._locale)

    def _marked(self, original: str, found: str, values: dict[str, object]) -> Markup:
        message = found if "<" in original else str(escape(found))
        # Each value is escaped as it goes in.
        return Markup(filled(message, values, self._escaped))  # noqa: S704

    def _escaped(self, value: object) -> str:
        return str(value if isinstance(value, Markup) else escape(self._written(value)))

    def _written(self, value: object) -> str:
        if isinstance(value, (list, tuple)):
            return ", ".join(map(self._written, value))
        if isinstance(value, float):
            return format_decimal(value, "#,##0.0", self._locale)
        return self.said(value) if isinstance(value, str) else str(value)


ENGLISH = Language("en", gettext.NullTranslations())


class Languages:
    """Those whose .po files are in ``folder``, and English.

    ``default`` is for who asks for none of them; ``own`` tells the choice of a user by name, empty
    if there is none.
    """

    def __init__(
        self, folder: Path, default: str = "en", own: Callable[[str], str] = lambda _: ""
    ) -> None:
        self._files = {file.parts[-3].replace("_", "-"): file for file in folder.glob(f"*/{FILE}")}
        self.tags = ("en", *sorted(self._files))
        # Who asks for "de-AT" or "pt" gets what there is of it; Chinese has two scripts.
        self._by_asked = {for_editor(normalized(tag) or tag): tag for tag in self.tags}
        self._default = default if default in self.tags else "en"
        self._own = own
        self.get = lru_cache(self._read)

    def of(self, user: str, accept_language: str = "") -> Language:
        """That of a user, whose name is empty for a guest, with this Accept-Language header."""
        chosen = self.chosen(user)
        return self.get(chosen) if chosen else self.asked(accept_language)

    def chosen(self, user: str) -> str:
        """The tag that the user chose, if it is there; empty for none, and for a guest."""
        own = self._own(user) if user else ""
        return own if own in self.tags else ""

    def asked(self, accept_language: str) -> Language:
        """The first of the header that there is."""
        for known in asked(accept_language):
            name = for_editor(known)
            tag = self._by_asked.get(name) or self._by_asked.get(name.removesuffix("-PT"))
            if tag:
                return self.get(tag)
        return self.get(self._default)

    def digest(self) -> bytes:
        """A name for the present content of all files."""
        content = hashlib.sha256()
        for tag, file in sorted(self._files.items()):
            content.update(tag.encode() + b"\0" + file.read_bytes())
        return content.digest()

    def _read(self, tag: str) -> Language:
        if tag == "en":
            return ENGLISH
        with self._files[tag].open("rb") as file:
            catalog = read_po(file, locale=tag.replace("-", "_"))
        # Without what is empty or fuzzy.
        compiled = BytesIO()
        write_mo(compiled, catalog)
        compiled.seek(0)
        return Language(tag, gettext.GNUTranslations(compiled), _of_scripts(catalog))


def _of_scripts(catalog: Catalog) -> str:
    """The translations for scripts: a module with one object, plural forms by their CLDR names."""
    found: dict[str, object] = {}
    forms = _plural_forms(catalog)
    for message in catalog:
        is_ours = any(place.startswith(OF_SCRIPTS) for place, _ in message.locations)
        if not is_ours or message.fuzzy:
            continue
        original, strings = message.id, message.string
        if isinstance(original, str) and strings:
            found[original] = strings
        elif isinstance(strings, tuple) and all(strings):
            found[original[0]] = {name: strings[index] for name, index in forms.items()}
    return f"export default {json.dumps(found, ensure_ascii=False, sort_keys=True)};\n"


def _plural_forms(catalog: Catalog) -> dict[str, int]:
    """Which form each CLDR category of whole numbers is, "other" at least."""
    assert catalog.locale  # noqa: S101
    index = gettext.c2py(catalog.plural_expr)
    forms = {catalog.locale.plural_form(count): index(count) for count in range(_MAX_PLURAL)}
    return {"other": catalog.num_plurals - 1} | forms

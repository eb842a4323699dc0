"""What our pages say, found in the sources: `make words` brings every .po file up to date with it.

A message is a literal in `_` and `_n` (templates), `say` and `sayMany` (scripts), `say` and
`say_many` (Python).
"""

import sys
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

from davserver.translations import FILE

PROJECT = Path(__file__).parents[1]
LOCALE = PROJECT / "davserver" / "locale"
LANGUAGES = ("de", "es", "fr", "it", "ja", "nl", "pl", "pt_BR", "ru", "zh_CN")

# The method that reads them, the files, what is called there, and options.
Sources = tuple[str, str, Mapping[str, tuple[int, ...] | None], Mapping[str, Any]]
SOURCES: tuple[Sources, ...] = (
    ("jinja2.ext:babel_extract", "templates/*.html", {"_": None, "_n": (1, 2)}, {}),
    ("javascript", "assets/*.js", {"say": None, "sayMany": (1, 2)}, {"jsx": False}),
    ("python", "davserver/**/*.py", {"say": None, "say_many": (1, 2)}, {}),
)
# Headers that tell of the day or of Babel: they would differ each time.
_UNSTEADY = (
    b'"POT-Creation-Date:',
    b'"PO-Revision-Date:',
    b'"Generated-By:',
    b'"Project-Id-Version:',
    b'"Report-Msgid-Bugs-To:',
    b'"Last-Translator:',
    b'"Language-Team:',
)


def template() -> Catalog:
    """Every message with the files that it is in."""
    found = Catalog(fuzzy=False)
    for place, message in messages():
        found.add(message, locations=[(place, 0)])
    return found


def messages() -> Iterator[tuple[str, str | tuple[str, str]]]:
    """Every message with the file that it is in, one for each time that it is said."""
    for method, pattern, keywords, options in SOURCES:
        for file in sorted(PROJECT.glob(pattern)):
            place = file.relative_to(PROJECT).as_posix()
            with file.open("rb") as source:
                for _, message, _, _ in extract(method, source, keywords, (), options):
                    yield place, message


def path_of(language: str) -> Path:
    """The .po file of a language."""
    return LOCALE / language / FILE


def updated(language: str, found: Catalog) -> bytes:
    """What the .po file of a language has to be: translations stay, what is said no more goes."""
    file = path_of(language)
    if file.exists():
        with file.open("rb") as source:
            known = read_po(source, locale=language)
    else:
        known = Catalog(locale=language)
    known.header_comment = '# The words of our pages: docs/architecture.md, "Languages".'
    known.fuzzy = False
    known.update(found, no_fuzzy_matching=True, update_header_comment=False)
    written = BytesIO()
    write_po(written, known, width=0, ignore_obsolete=True, sort_by_file=True, include_lineno=False)
    lines = written.getvalue().splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(_UNSTEADY))


def main() -> None:
    """Write every .po file anew; tell how much is translated."""
    found = template()
    for language in LANGUAGES:
        content = updated(language, found)
        path_of(language).parent.mkdir(parents=True, exist_ok=True)
        path_of(language).write_bytes(content)
        catalog = read_po(BytesIO(content), locale=language)
        missing = sum(1 for one in catalog if one.id and (one.fuzzy or not _is_said(one.string)))
        sys.stdout.write(f"{language}: {len(catalog) - missing} of {len(catalog)} messages\n")


def _is_said(translation: str | tuple[str, ...]) -> bool:
    return all(translation) if isinstance(translation, tuple) else bool(translation)


if __name__ == "__main__":
    main()

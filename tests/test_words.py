"""What is said to people in their language: Words, languages, the .po files, our scripts."""

import copy
import json
import pickle
import re
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages import jslexer
from babel.messages.pofile import read_po
from jinja2 import Environment, nodes

from davserver.errors import Forbidden
from davserver.pages import readable_size
from davserver.resources import resource_dir
from davserver.translations import FILE, Languages
from davserver.web import Addresses
from davserver.words import Words, say, say_many
from tests import wording

PLACES = re.compile(r"\{\w+\}")
TAGS = re.compile(r"</?\w[^>]*>")
GERMAN = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

#: davserver/errors.py
msgid "There is nothing at {path}."
msgstr "Bei {path} ist nichts."

#: davserver/errors.py
msgid "Nothing was changed. {reason}"
msgstr "Nichts wurde geändert. {reason}"

#, fuzzy
msgid "Sign in"
msgstr "Singen"

msgid "Sign out"
msgstr ""

msgid "{size} MB"
msgstr "{size} MB"

msgid "<b>{name}</b> is here"
msgstr "<b>{name}</b> ist da"

msgid "Save"
msgstr "Speichern & <schließen>"

#: assets/listing.js
msgid "Copied"
msgstr "Kopiert"

#: templates/trash.html assets/listing.js
msgid "{count} file"
msgid_plural "{count} files"
msgstr[0] "{count} Datei"
msgstr[1] "{count} Dateien"
"""


@pytest.fixture
def languages(tmp_path: Path) -> Languages:
    """German as above, and Brazilian Portuguese and Chinese without a word."""
    for tag, content in {"de": GERMAN, "pt_BR": "", "zh_CN": ""}.items():
        file = tmp_path / tag / FILE
        file.parent.mkdir(parents=True)
        file.write_text(content or 'msgid ""\nmsgstr ""\n', encoding="utf-8")
    return Languages(tmp_path)


def test_words_are_their_english_text() -> None:
    words = say("There is nothing at {path}.", path="/a")
    assert words == "There is nothing at /a."
    assert json.dumps({"told": words}) == '{"told": "There is nothing at /a."}'
    assert say_many("{count} file", "{count} files", 1) == "1 file"
    assert say_many("{count} file", "{count} files", 3) == "3 files"


def test_words_are_said_in_another_language(languages: Languages) -> None:
    german = languages.get("de")
    assert german.said(say("There is nothing at {path}.", path="/a")) == "Bei /a ist nichts."
    assert german.said(say_many("{count} file", "{count} files", 3)) == "3 Dateien"
    assert german.said("There is nothing at /a.") == "There is nothing at /a."


def test_words_inside_words_are_translated_too(languages: Languages) -> None:
    inner = say("There is nothing at {path}.", path="/a")
    words = say("Nothing was changed. {reason}", reason=inner)
    assert languages.get("de").said(words) == "Nichts wurde geändert. Bei /a ist nichts."


def test_an_exception_keeps_its_words(languages: Languages) -> None:
    fault = Forbidden(say("There is nothing at {path}.", path="/a"))
    assert type(str(fault)) is Words
    assert languages.get("de").said(str(fault)) == "Bei /a ist nichts."
    assert f"{fault}" == "There is nothing at /a."


def test_a_copy_of_words_is_words(languages: Languages) -> None:
    words = copy.deepcopy(say("There is nothing at {path}.", path="/a"))
    assert languages.get("de").said(words) == "Bei /a ist nichts."
    assert pickle.loads(pickle.dumps(words)) == words


def test_a_list_is_written_with_commas(languages: Languages) -> None:
    files = [say_many("{count} file", "{count} files", count) for count in (1, 2)]
    words = say("Nothing was changed. {reason}", reason=files)
    assert words == "Nothing was changed. 1 file, 2 files"
    assert languages.get("de").said(words) == "Nichts wurde geändert. 1 Datei, 2 Dateien"


def test_what_is_empty_or_fuzzy_stays_english(languages: Languages) -> None:
    german = languages.get("de")
    assert german.markup("Sign in") == "Sign in"
    assert german.markup("Sign out") == "Sign out"


def test_numbers_are_written_as_the_language_does(languages: Languages) -> None:
    assert readable_size(1_234_567) == "1.2 MB"
    assert languages.get("de").said(readable_size(1_234_567)) == "1,2 MB"
    assert [readable_size(n) for n in (0, 1, 999, 1000, 9_960, 10_000, 999_999, 10**18)] == [
        *("0 bytes", "1 byte", "999 bytes", "1.0 KB", "10.0 KB", "10 KB", "1000 KB"),
        "1000 PB",
    ]


def test_a_value_is_no_markup_and_a_translation_has_no_tags_of_its_own(
    languages: Languages,
) -> None:
    german = languages.get("de")
    assert german.markup("<b>{name}</b> is here", name="<i>") == "<b>&lt;i&gt;</b> ist da"
    assert german.markup("Save") == "Speichern &amp; &lt;schließen&gt;"


def test_a_value_that_looks_like_a_place_stays_what_it_is(languages: Languages) -> None:
    words = say("There is nothing at {path}.", path="/{path}{0.__class__}")
    assert words == "There is nothing at /{path}{0.__class__}."
    assert languages.get("de").said(words) == "Bei /{path}{0.__class__} ist nichts."


@pytest.mark.parametrize(
    ("header", "tag"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,en;q=0.5", "de"),
        ("fr, de;q=0.8, en;q=0.9", "en"),
        ("pt", "pt-BR"),
        ("pt-PT", "pt-BR"),
        ("zh-Hans-SG", "zh-CN"),
        ("zh-TW, en;q=0.1", "en"),
        ("tlh, *;q=0.1", "en"),
        ("en-GB,de;q=0.9", "en"),
        ("\u00ff;q=x,de;q=", "de"),
    ],
)
def test_the_browser_gets_the_first_language_that_there_is(
    languages: Languages, header: str, tag: str
) -> None:
    assert languages.asked(header).tag == tag


def test_the_own_choice_comes_first_and_the_servers_last(tmp_path: Path) -> None:
    (tmp_path / "de" / "LC_MESSAGES").mkdir(parents=True)
    (tmp_path / "de" / FILE).write_text('msgid ""\nmsgstr ""\n')
    chosen = {"ann": "de", "bob": "xx"}
    languages = Languages(tmp_path, "de", lambda name: chosen.get(name, ""))
    assert languages.of("ann", "en").tag == "de"
    assert languages.of("bob", "en").tag == "en"
    assert languages.of("", "en").tag == "en"
    assert languages.of("eve", "fr").tag == "de"


def test_scripts_get_their_own_messages_alone(languages: Languages) -> None:
    told = languages.get("de").scripts
    assert json.loads(told.removeprefix("export default ").removesuffix(";\n")) == {
        "Copied": "Kopiert",
        "{count} file": {"one": "{count} Datei", "other": "{count} Dateien"},
    }


def test_a_guest_of_a_folder_is_not_told_what_is_above_it_in_any_language(
    languages: Languages,
) -> None:
    words = say("There is nothing at {path}.", path="/secret/inner/a")
    told = Addresses("", "/secret/inner").told(words)
    assert languages.get("de").said(told) == "Bei /a ist nichts."
    several = say("{path}", path=["/secret/inner/a", say("{path}", path="/secret/inner/b")])
    assert Addresses("", "/secret/inner").told(several) == "/a, /b"


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_every_po_file_is_up_to_date(language: str) -> None:
    """`make words` brings it there."""
    assert wording.path_of(language).read_bytes() == wording.updated(language, wording.template())


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_a_translation_has_the_places_and_tags_of_its_original(language: str) -> None:
    catalog = read_po(BytesIO(wording.path_of(language).read_bytes()), locale=language)
    wrong = []
    for message in catalog:
        originals = [message.id] if isinstance(message.id, str) else message.id
        strings = message.string if isinstance(message.string, tuple) else [message.string]
        for one in filter(None, strings if originals[0] else []):
            for parts in (PLACES, TAGS):
                if sorted(parts.findall(one)) not in [sorted(parts.findall(o)) for o in originals]:
                    wrong.append(one)
    assert wrong == []


def test_the_settings_name_every_language() -> None:
    """Where they are told: the sample of the settings and docs/configure.md."""
    tags = Languages(resource_dir("locale")).tags
    assert [tag.replace("-", "_") for tag in tags if tag != "en"] == list(wording.LANGUAGES)
    for file in ("config/davserver.toml", "docs/configure.md"):
        text = (wording.PROJECT / file).read_text()
        section = text[text.index("language of our") :][:500]
        assert [tag for tag in tags if not re.search(rf"\b{tag}\b", section)] == []


def test_every_call_is_found_in_the_scripts() -> None:
    """Babel's reader of scripts guesses what is a string: none may be lost."""
    found = [place for place, _ in wording.messages()]
    for file in sorted((wording.PROJECT / "assets").glob("*.js")):
        calls = re.findall(r"(?<!function )\bsay(?:Many)?\(\s*[\"'`]", file.read_text())
        assert found.count(f"assets/{file.name}") == len(calls), file.name
        assert "say(`" not in file.read_text(), "a message is a literal without ${}"


def _templates() -> list[Path]:
    return sorted((wording.PROJECT / "templates").glob("*.html"))


# What has the same name in every language, or is an example of what is typed.
NAMES = {
    *("davserver", "· davserver", "ONLYOFFICE", "LibreOffice", "20G", "/docs"),
    *("Office Open XML (docx, xlsx, pptx)", "OpenDocument (odt, ods, odp)"),
}
SHOWN = re.compile(r"\b(?:title|placeholder|aria-label|alt|label)=\"([^\"]*)\"")
UNSEEN = re.compile(
    r"\{% block (?:action|form|body_class) %\}.*?\{% endblock %\}|<(pre|code|script)\b.*?</\1>",
    re.DOTALL,
)


def _literal_text(source: str) -> list[str]:
    """What a template shows that is not said: text between tags, and in attributes."""
    parts = {"data": lambda text: text, "variable_begin": lambda _: "\0"}
    tokens = Environment(autoescape=True).lex(UNSEEN.sub("", source))
    text = "".join(parts[kind](value) for _, kind, value in tokens if kind in parts)
    texts = [*re.sub(r"<[^>]*>", "\n", text).split("\n"), *SHOWN.findall(text)]
    return [one.strip(" \0") for one in texts if re.search("[A-Za-z]", one)]


def _literal_values(node: nodes.Node) -> list[str]:
    """The texts in the expressions of a template that look like words, and are not said."""
    called = node.node if isinstance(node, nodes.Call) else None
    if isinstance(node, nodes.Call) and getattr(called, "name", "") in {"_", "_n"}:
        return [text for one in node.kwargs for text in _literal_values(one)]
    if isinstance(node, nodes.Const):
        is_text = isinstance(node.value, str) and re.search("[a-z] [a-z]|^[A-Z][a-z]", node.value)
        return [node.value] if is_text else []
    return [text for child in node.iter_child_nodes() for text in _literal_values(child)]


@pytest.mark.parametrize("template", _templates(), ids=lambda file: file.name)
def test_a_template_says_all_that_it_shows(template: Path) -> None:
    source = template.read_text()
    assert set(_literal_text(source)) - NAMES == set()
    assert set(_literal_values(Environment(autoescape=True).parse(source))) - NAMES == set()


# For the browser: keys, header fields, classes. For other programs: the owner of a lock. An error
# that is caught. A frame's title in pages of others, who give it one.
CODES = {
    *("Escape", "Delete", "Files", "Backspace", "Tab", "Location", "button small primary"),
    *("the text editor in the browser", "the connection broke", "Document"),
}
PROGRAMS = re.compile(r"Microsoft \w+|[#.].*")


def _literal_words(source: str) -> list[str]:
    """The strings of a script that look like words and are not said."""
    found, tokens = [], list(jslexer.tokenize(source, jsx=False))
    said = 0
    for at, token in enumerate(tokens):
        if token.value in {"say", "sayMany"}:
            said = at + 5 if token.value == "sayMany" else at + 3
        if token.type not in {"string", "template_string"} or at < said:
            continue
        text = token.value[1:-1]
        shown = re.findall(r">([^<$]*[A-Za-z][^<$]*)<", text) if "<" in text else [text]
        found += [
            one for one in shown if re.search(r"[a-z],? [a-z]+[ .]|^[A-Z][a-z]+\b(?![-:])", one)
        ]
    return found


@pytest.mark.parametrize(
    "script", sorted((wording.PROJECT / "assets").glob("*.js")), ids=lambda file: file.name
)
def test_a_script_says_all_that_it_shows(script: Path) -> None:
    found = [one for one in _literal_words(script.read_text()) if not PROGRAMS.fullmatch(one)]
    assert set(found) - CODES == set()

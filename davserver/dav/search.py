"""SEARCH with the grammar basicsearch (RFC 5323): by name, type, size and time of change."""

import fnmatch
import operator
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from itertools import chain, islice
from typing import Any

from lxml import etree

from davserver import media
from davserver.dav.described import asked, described, wanted_results
from davserver.dav.destination import path_of_url
from davserver.dav.multistatus import streamed, truncated
from davserver.dav.room import DavRequest
from davserver.dav.xml import DAV, read_body
from davserver.errors import BadRequest, Conflict, NotFound, Unprocessable, printable
from davserver.model import Entry
from davserver.providers.stores import Place
from davserver.web import Response

GRAMMAR = "<DAV:basicsearch>"
"""The value of the header DASL (RFC 5323, 2.2)."""

MAX_RESULTS = 5_000
MAX_WALKED = 100_000
"""Files and folders that one search looks at."""
MAX_TERMS = 100
MAX_LITERAL = 1024

Test = Callable[[Entry], bool | None]
"""Whether a condition holds; None where the entry has no such property (RFC 5323, 5.5)."""


@dataclass(frozen=True, slots=True)
class Property:
    """A property that can be searched: its value of an entry, and how a literal becomes one."""

    value: Callable[[Entry], Any]
    parse: Callable[[str], Any]
    is_text: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """Where to look, for what, and in which order to tell."""

    folder: Entry
    depth: str
    test: Test
    order: list[tuple[Property, bool]]
    limit: int


class _ScopeInvalid(Conflict):
    condition = "search-scope-valid"


def search(dav: DavRequest) -> Response:
    """SEARCH: 207 with what was found; 507 for the scope where there may be more."""
    body = read_body(dav.request)
    if body is None or body.tag != DAV + "searchrequest" or len(body) != 1:
        raise BadRequest("The body of SEARCH must be a DAV:searchrequest with one grammar.")
    if body[0].tag != DAV + "basicsearch":
        raise Unprocessable("The search grammar here is DAV:basicsearch.")
    select = body[0].find(DAV + "select")
    query = asked(select[0] if select is not None and len(select) else None)
    asked_for = parse_search(dav, body[0])
    found, more = _run(dav.place_of(asked_for.folder.path), asked_for)
    last = [truncated(dav.request.base + asked_for.folder.href)] if more else []
    return streamed(dav.request, chain(described(dav, found, query), last))


def parse_search(dav: DavRequest, body: etree._Element) -> Search:
    """The content of DAV:basicsearch. Raises BadRequest, Unprocessable, Conflict for the scope."""
    scopes = body.findall(f"{DAV}from/{DAV}scope")
    if len(scopes) != 1:
        raise Unprocessable("A search has one DAV:scope.")
    href = (scopes[0].findtext(DAV + "href") or "").strip()
    path = dav.share.files.as_stored(path_of_url(dav.request, href))
    folder = dav.place_of(path).find(path)
    if folder is None:
        raise _ScopeInvalid(f"There is nothing at {printable(path)} to search in.")
    depth = (scopes[0].findtext(DAV + "depth") or "infinity").strip().lower()
    if depth not in {"0", "1", "infinity"}:
        raise BadRequest("The depth of a scope is 0, 1 or infinity.")
    where = body.find(DAV + "where")
    if where is not None and sum(1 for _ in where.iter()) > 4 * MAX_TERMS:
        raise Unprocessable(f"A search has at most {MAX_TERMS} conditions.")
    test: Test = _anything if where is None else _test(_only_child(where))
    order = [_order(one) for one in body.findall(f"{DAV}orderby/{DAV}order")]
    return Search(folder, depth, test, order, wanted_results(body, MAX_RESULTS))


def like(pattern: str) -> re.Pattern[str]:
    """A DAV:like pattern (RFC 5323, 5.14) as one that takes linear time: % many, _ one."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    wild = {"%": "*", "_": "?"}
    text = "".join(wild[one] if one in wild else _literally(one[-1]) for one in parts)
    return re.compile(fnmatch.translate(text))


def _literally(char: str) -> str:
    return f"[{char}]" if char in "*?[" else char


def _run(place: Place, wanted: Search) -> tuple[list[Entry], bool]:
    """What was found, in order, and whether there may be more than the limits of ours let see."""
    found: list[Entry] = []
    walked = 0
    for entry in _walk(place, wanted.folder, wanted.depth):
        walked += 1
        if walked > MAX_WALKED:
            break
        if wanted.test(entry):
            found.append(entry)
    for prop, descending in reversed(wanted.order):
        found.sort(key=partial(_rank, prop), reverse=descending)
    cut = len(found) > wanted.limit == MAX_RESULTS
    return found[: wanted.limit], cut or walked > MAX_WALKED


def _walk(place: Place, folder: Entry, depth: str) -> Iterator[Entry]:
    yield folder
    if depth == "0" or not folder.is_folder:
        return
    waiting = [_members(place, folder.path)]
    while waiting:
        entry = next(waiting[-1], None)
        if entry is None:
            waiting.pop()
            continue
        yield entry
        if entry.is_folder and depth == "infinity":
            waiting.append(_members(place, entry.path))


def _members(place: Place, folder: str) -> Iterator[Entry]:
    """The members, no more than can be looked at; none if the folder has just gone."""
    try:
        # Read at once: however deep the tree is, one folder is open at a time.
        return iter([*islice(place.children(folder), MAX_WALKED)])
    except NotFound:
        return iter(())


def _rank(prop: Property, entry: Entry) -> tuple[bool, Any]:
    """What has no value comes first (RFC 5323, 5.6)."""
    value = prop.value(entry)
    return (value is not None, value if value is not None else 0)


def _test(element: etree._Element) -> Test:
    known = _OPERATORS.get(str(element.tag))
    if known is None:
        raise Unprocessable(f"The condition {_word(element)} is not known here.")
    return known(element)


def _and(element: etree._Element) -> Test:
    parts = [_test(child) for child in _children(element)]

    def test(entry: Entry) -> bool | None:
        results = [part(entry) for part in parts]
        return False if False in results else None if None in results else True

    return test


def _or(element: etree._Element) -> Test:
    parts = [_test(child) for child in _children(element)]

    def test(entry: Entry) -> bool | None:
        results = [part(entry) for part in parts]
        return True if True in results else None if None in results else False

    return test


def _not(element: etree._Element) -> Test:
    inner = _test(_only_child(element))

    def test(entry: Entry) -> bool | None:
        result = inner(entry)
        return None if result is None else not result

    return test


def _comparison(compare: Callable[[Any, Any], bool]) -> Callable[[etree._Element], Test]:
    def parse(element: etree._Element) -> Test:
        prop = _property(element)
        fold = _folding(element, prop)
        wanted = fold(prop.parse(_literal(element)))

        def test(entry: Entry) -> bool | None:
            value = prop.value(entry)
            return None if value is None else compare(fold(value), wanted)

        return test

    return parse


def _like(element: etree._Element) -> Test:
    prop = _property(element)
    if not prop.is_text:
        raise Unprocessable("DAV:like is for names and types.")
    fold = _folding(element, prop)
    pattern = like(fold(prop.parse(_literal(element))))

    def test(entry: Entry) -> bool | None:
        value = prop.value(entry)
        return None if value is None else pattern.match(fold(value)) is not None

    return test


def _is_collection(_: etree._Element) -> Test:
    return lambda entry: entry.is_folder


def _is_defined(element: etree._Element) -> Test:
    prop = _property(element)
    return lambda entry: prop.value(entry) is not None


def _anything(_: Entry) -> bool:
    return True


def _order(element: etree._Element) -> tuple[Property, bool]:
    prop = _property(element)
    if not prop.is_text:
        return prop, element.find(DAV + "descending") is not None
    fold = _folding(element, prop)

    def value(entry: Entry) -> Any:
        found = prop.value(entry)
        return None if found is None else fold(found)

    return Property(value, prop.parse), element.find(DAV + "descending") is not None


def _property(element: etree._Element) -> Property:
    named = element.find(DAV + "prop")
    if named is None or len(named) != 1:
        raise BadRequest(f"{_word(element)} needs a DAV:prop with one property.")
    known = _PROPERTIES.get(str(named[0].tag))
    if known is None:
        names = ", ".join(name[len(DAV) :] for name in _PROPERTIES)
        raise Unprocessable(f"{_word(named[0])} cannot be searched; these can: {names}.")
    return known


def _literal(element: etree._Element) -> str:
    found = element.find(DAV + "literal")
    if found is None:
        found = element.find(DAV + "typed-literal")
    if found is None:
        raise BadRequest(f"{_word(element)} needs a DAV:literal.")
    text = found.text or ""
    if len(text) > MAX_LITERAL:
        raise Unprocessable(f"A literal has at most {MAX_LITERAL} characters.")
    return text


def _folding(element: etree._Element, prop: Property) -> Callable[[Any], Any]:
    """How values are compared: texts without case, unless ``caseless`` says no (RFC 5323, 5.11)."""
    caseless = element.get("caseless") or element.get(DAV + "caseless") or "yes"
    if caseless not in {"yes", "no"}:
        raise BadRequest("caseless is yes or no.")
    return str.casefold if prop.is_text and caseless == "yes" else _as_it_is


def _as_it_is(value: Any) -> Any:
    return value


def _children(element: etree._Element) -> list[etree._Element]:
    if not len(element):
        raise BadRequest(f"{_word(element)} needs conditions in it.")
    return list(element)


def _only_child(element: etree._Element) -> etree._Element:
    if len(element) != 1:
        raise BadRequest(f"{_word(element)} needs one condition in it.")
    return element[0]


def _word(element: etree._Element) -> str:
    return str(element.tag).replace(DAV, "DAV:")


def _name(entry: Entry) -> str:
    return _composed(printable(entry.name))


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _number(text: str) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise Unprocessable("getcontentlength is compared to a number of bytes.")
    return int(text)


def _seconds(text: str) -> int:
    """An HTTP date, or one of RFC 3339, in seconds since 1970."""
    text = text.strip()
    try:
        moment = datetime.fromisoformat(text) if text[:1].isdigit() else parsedate_to_datetime(text)
    except ValueError:
        raise Unprocessable("getlastmodified is compared to a date.") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp())


_PROPERTIES = {
    DAV + "displayname": Property(_name, _composed, is_text=True),
    DAV + "getcontenttype": Property(
        lambda entry: None if entry.is_folder else media.content_type(entry.path),
        str.strip,
        is_text=True,
    ),
    DAV + "getcontentlength": Property(
        lambda entry: None if entry.is_folder else entry.size, _number
    ),
    DAV + "getlastmodified": Property(lambda entry: entry.modified_ns // 1_000_000_000, _seconds),
}
_OPERATORS: dict[str, Callable[[etree._Element], Test]] = {
    DAV + "and": _and,
    DAV + "or": _or,
    DAV + "not": _not,
    DAV + "eq": _comparison(operator.eq),
    DAV + "lt": _comparison(operator.lt),
    DAV + "gt": _comparison(operator.gt),
    DAV + "lte": _comparison(operator.le),
    DAV + "gte": _comparison(operator.ge),
    DAV + "like": _like,
    DAV + "is-collection": _is_collection,
    DAV + "is-defined": _is_defined,
}

"""Response elements for entries that lie in many folders."""

from collections.abc import Iterable, Iterator

from lxml import etree

from davserver.dav.propfind import Query, answers_to, parse_query
from davserver.dav.room import DavRequest
from davserver.dav.xml import DAV
from davserver.errors import BadRequest
from davserver.model import Entry
from davserver.providers.annotations import annotated_apart


def described(dav: DavRequest, entries: Iterable[Entry], query: Query) -> Iterator[str]:
    """What ``query`` asks of each; the catalog is read for many at a time."""
    answers = answers_to(dav, query)
    for entry, about in annotated_apart(dav.share.catalog, entries, query.wanted):
        yield answers.of(entry, about)


def asked(element: etree._Element | None) -> Query:
    """What a DAV:prop or DAV:allprop asks. Raises BadRequest."""
    if element is None:
        raise BadRequest("The body must say which properties it wants.")
    wrapped = etree.Element(DAV + "propfind")
    wrapped.append(element)
    return parse_query(wrapped)


def wanted_results(body: etree._Element, most: int) -> int:
    """DAV:limit of a body (RFC 5323, 5.17), ``most`` if it has none. Raises BadRequest."""
    text = body.findtext(f"{DAV}limit/{DAV}nresults")
    if text is None:
        return most
    text = text.strip()
    if not (text.isascii() and text.isdigit() and int(text[:10]) > 0):
        raise BadRequest("DAV:nresults must be a number of at least 1.")
    return min(int(text[:10]), most)

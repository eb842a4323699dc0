"""Response elements for entries that lie in many folders."""

from collections.abc import Iterable, Iterator

from lxml import etree

from davserver import paths
from davserver.dav.propfind import Query, Resource, answer, parse_query
from davserver.dav.room import DavRequest
from davserver.dav.xml import DAV
from davserver.errors import BadRequest
from davserver.model import Entry
from davserver.providers.annotations import Annotations, annotations

_FOLDERS_KNOWN = 32


def described(dav: DavRequest, entries: Iterable[Entry], query: Query) -> Iterator[str]:
    """What ``query`` asks of each; the catalog is read once for each folder."""
    known: dict[str, Annotations] = {}
    for entry in entries:
        folder = paths.parent(entry.path)
        about = known.get(folder)
        if about is None:
            if len(known) == _FOLDERS_KNOWN:
                known.pop(next(iter(known)))
            about = known[folder] = annotations(dav.share.catalog, folder, members=True)
        yield answer(Resource(entry, about, dav.request.base), query)


def asked(element: etree._Element | None) -> Query:
    """What a DAV:prop or DAV:allprop asks. Raises BadRequest."""
    if element is None:
        raise BadRequest("The body must say which properties it wants.")
    wrapped = etree.Element(DAV + "propfind")
    wrapped.append(element)
    return parse_query(wrapped)


def truncated(dav: DavRequest, path: str) -> str:
    """The response element that says that there is more (RFC 5323, 2.3.1; RFC 6578, 3.6)."""
    href = dav.request.base + paths.href(path, folder=True)
    return (
        f"<D:response><D:href>{href}</D:href>"
        "<D:status>HTTP/1.1 507 Insufficient Storage</D:status>"
        "<D:error><D:number-of-matches-within-limits/></D:error></D:response>"
    )


def wanted_results(body: etree._Element, most: int) -> int:
    """DAV:limit of a body (RFC 5323, 5.17), ``most`` if it has none. Raises BadRequest."""
    text = body.findtext(f"{DAV}limit/{DAV}nresults")
    if text is None:
        return most
    text = text.strip()
    if not (text.isascii() and text.isdigit() and int(text[:10]) > 0):
        raise BadRequest("DAV:nresults must be a number of at least 1.")
    return min(int(text[:10]), most)

"""PROPFIND (RFC 4918, 9.1): one scandir and one catalog read for any folder; streamed."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from itertools import chain
from xml.sax.saxutils import escape

from lxml import etree

from davserver import media, paths
from davserver.dav.lock import SUPPORTED, discovery
from davserver.dav.positions import REPORTS, present_token
from davserver.dav.room import DavRequest
from davserver.dav.xml import DAV, empty, multistatus, printable, propstat, read_body
from davserver.errors import BadRequest, Forbidden, NotFound
from davserver.model import Entry
from davserver.providers.annotations import Annotations, annotations
from davserver.web import Response

MAX_PROPERTIES = 200
"""Names that one request may ask for; every one is answered for every member."""

_BATCH = 128
_WHOLE_UP_TO = 1 << 18
_OK, _MISSING = "200 OK", "404 Not Found"


@dataclass(frozen=True, slots=True)
class Query:
    """What a PROPFIND asks: all properties and ``names`` besides, names only, or just ``names``."""

    everything: bool = False
    names_only: bool = False
    names: tuple[str, ...] = ()


@dataclass(slots=True)
class Resource:
    """An entry with what the catalog knows about it, and the base path of links."""

    entry: Entry
    about: Annotations
    base: str
    dead: dict[str, str] = field(default_factory=dict)


Live = Callable[[Resource], str | None]
"""The content of a live property's element; None where the resource has no such property."""


def find_properties(dav: DavRequest) -> Response:
    """207 with the properties of the resource and, at depth 1, of its members."""
    request = dav.request
    depth = dav.depth("infinity", "0", "1", "infinity")
    query = parse_query(read_body(request))
    entry = dav.place.entry(request.path)
    if request.has_trailing_slash and not entry.is_folder:
        raise NotFound(request.path)
    dav.conditions.check_if()
    if depth == "infinity" and entry.is_folder:
        raise Forbidden("Ask folder by folder, with Depth: 1.", "propfind-finite-depth")
    with_members = depth == "1" and entry.is_folder
    about = annotations(dav.share.catalog, entry.path, members=with_members)
    members = dav.place.children(entry.path) if with_members else ()
    return _streamed(
        answer(Resource(one, about, request.base), query) for one in chain([entry], members)
    )


def parse_query(body: etree._Element | None) -> Query:
    """What the body asks (RFC 4918, 14.20). Raises BadRequest."""
    if body is None:
        return Query(everything=True)
    if body.tag != DAV + "propfind":
        raise BadRequest("The body of PROPFIND must be a DAV:propfind.")
    kinds = [child for child in body if child.tag in _KINDS]
    if len(kinds) != 1:
        raise BadRequest("DAV:propfind needs one of prop, propname and allprop.")
    if kinds[0].tag == DAV + "propname":
        return Query(names_only=True)
    source = kinds[0] if kinds[0].tag == DAV + "prop" else body.find(DAV + "include")
    names = tuple(dict.fromkeys(str(child.tag) for child in source)) if source is not None else ()
    if len(names) > MAX_PROPERTIES:
        raise BadRequest(f"Ask for at most {MAX_PROPERTIES} properties.")
    return Query(everything=kinds[0].tag == DAV + "allprop", names=names)


def answer(resource: Resource, query: Query) -> str:
    """The response element of one resource."""
    resource.dead = resource.about.properties.get(resource.entry.path, {})
    href = f"<D:href>{resource.base}{resource.entry.href}</D:href>"
    if query.names_only:
        live = (name for name in LIVE if name not in resource.dead and _value(resource, name))
        found = "".join(empty(name) for name in chain(live, resource.dead))
        return f"<D:response>{href}{propstat(found, _OK)}</D:response>"
    names: Iterable[str] = query.names
    if query.everything:
        names = dict.fromkeys([*LIVE, *resource.dead, *query.names])
    found, missing = "", ""
    for name in names:
        value = _value(resource, name)
        if value is not None:
            found += value
        elif not query.everything or name in query.names:
            missing += empty(name)
    parts = propstat(found, _OK) if found or not missing else ""
    if missing:
        parts += propstat(missing, _MISSING)
    return f"<D:response>{href}{parts}</D:response>"


def _value(resource: Resource, name: str) -> str | None:
    """The whole element of a property; None if the resource does not have it."""
    dead = resource.dead.get(name)
    if dead is not None:
        return dead
    live = LIVE.get(name) or ON_REQUEST.get(name)
    content = live(resource) if live else None
    if content is None:
        return None
    local = name[len(DAV) :]
    return f"<D:{local}>{content}</D:{local}>"


def _created(resource: Resource) -> str:
    """The time of birth if the catalog knows it; else that of change, the best the disk tells."""
    born = resource.about.created.get(resource.entry.path)
    changed = resource.entry.modified_ns / 1e9
    moment = datetime.fromtimestamp(changed if born is None else min(born, changed), UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _modified(resource: Resource) -> str:
    return formatdate(resource.entry.modified_ns // 1_000_000_000, usegmt=True)


def _length(resource: Resource) -> str | None:
    return None if resource.entry.is_folder else str(resource.entry.size)


def _type(resource: Resource) -> str | None:
    return None if resource.entry.is_folder else media.content_type(resource.entry.path)


def _etag(resource: Resource) -> str | None:
    return resource.entry.etag or None


def _kind(resource: Resource) -> str:
    return "<D:collection/>" if resource.entry.is_folder else ""


def _display_name(resource: Resource) -> str:
    return printable(
        resource.entry.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    )


def _locks(resource: Resource) -> str:
    return discovery(resource.about.locks_on(resource.entry.path), resource.base)


def _reports(resource: Resource) -> str | None:
    """RFC 3253, 3.1.5."""
    return REPORTS if resource.entry.is_folder and not paths.view_of(resource.entry.path) else None


def _sync_token(resource: Resource) -> str | None:
    """RFC 6578, 4."""
    if _reports(resource) is None:
        return None
    return escape(present_token(resource.about.catalog))


def _supported(resource: Resource) -> str:
    """None in a view: LibreOffice opens for reading what cannot be locked."""
    return "" if paths.view_of(resource.entry.path) else SUPPORTED


LIVE: dict[str, Live] = {
    DAV + "creationdate": _created,
    DAV + "displayname": _display_name,
    DAV + "getcontentlength": _length,
    DAV + "getcontenttype": _type,
    DAV + "getetag": _etag,
    DAV + "getlastmodified": _modified,
    DAV + "resourcetype": _kind,
    DAV + "lockdiscovery": _locks,
    DAV + "supportedlock": _supported,
}
"""The live properties of RFC 4918, 15. Once a client sets displayname, it is a dead one."""

ON_REQUEST: dict[str, Live] = {
    DAV + "supported-report-set": _reports,
    DAV + "sync-token": _sync_token,
}
"""Live properties beside those of RFC 4918: told when they are asked for, not in allprop."""

_KINDS = frozenset({DAV + "prop", DAV + "propname", DAV + "allprop"})


def _streamed(answers: Iterator[str]) -> Response:
    """A multistatus: whole with its length where it is small, else in blocks as they are made."""
    start, end = multistatus("\0").split("\0")
    pieces = chain(['<?xml version="1.0" encoding="utf-8"?>\n', start], answers, [end])
    first, size = [], 0
    for piece in pieces:
        first.append(piece)
        size += len(piece)
        if size > _WHOLE_UP_TO:
            break
    headers = [("Content-Type", "application/xml; charset=utf-8")]
    whole = "".join(first).encode()
    if size <= _WHOLE_UP_TO:
        return Response(207, whole, headers)
    return Response(207, chain([whole], _blocks(pieces)), headers)


def _blocks(pieces: Iterator[str]) -> Iterator[bytes]:
    batch: list[str] = []
    for piece in pieces:
        batch.append(piece)
        if len(batch) == _BATCH:
            yield "".join(batch).encode()
            batch.clear()
    yield "".join(batch).encode()

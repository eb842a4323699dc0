"""PROPFIND (RFC 4918, 9.1): one scandir and one catalog read for each folder; streamed."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import chain

from lxml import etree

from davserver import paths
from davserver.dav.live import (
    ALLPROP,
    EDITING,
    FROM_DISK,
    OLD_SPACE,
    PRIVILEGE_SET,
    SPACE,
    SYNC_TOKEN,
    Circumstances,
    SessionsIn,
    live,
)
from davserver.dav.multistatus import WHOLE_UP_TO, failed, streamed, truncated, wants_gzip
from davserver.dav.positions import Position
from davserver.dav.remembered import Listings
from davserver.dav.room import DavRequest
from davserver.dav.xml import DAV, MAX_BYTES, empty, parsed, propstat
from davserver.errors import BadRequest, DavserverError, Forbidden, NotFound
from davserver.model import EditSession, Entry, Rights
from davserver.providers import session_rows
from davserver.providers.annotations import (
    Annotations,
    Wanted,
    annotated,
    annotations,
    of_folder,
)
from davserver.providers.quotas import Allotments
from davserver.web import Headers, Response

MAX_PROPERTIES = 200
"""Names that one request may ask for; every one is answered for every member."""

MINIMAL, WITHOUT_ROOT = "return=minimal", "depth-noroot"

_REMEMBERED = 256
_REMEMBERED_BYTES = 4096
_OK, _MISSING = "200 OK", "404 Not Found"
_KINDS = frozenset({DAV + "prop", DAV + "propname", DAV + "allprop"})
_FOUND_END = f"</D:prop><D:status>HTTP/1.1 {_OK}</D:status></D:propstat>"


@dataclass(frozen=True, slots=True)
class Query:
    """What a PROPFIND asks: all properties and ``names`` besides, names only, or just ``names``."""

    everything: bool = False
    names_only: bool = False
    names: tuple[str, ...] = ()

    @property
    def names_set(self) -> frozenset[str]:
        """The names, for comparing."""
        return frozenset(self.names)

    @property
    def wanted(self) -> Wanted:
        """What of the catalog the answers need."""
        if self.everything or self.names_only:
            return Wanted()
        return Wanted(
            rows=not FROM_DISK.issuperset(self.names), locks=DAV + "lockdiscovery" in self.names
        )


def find_properties(dav: DavRequest, listings: Listings, max_deep: int = 0) -> Response:
    """207 with the properties of the resource and, by Depth, of its members or its whole tree.

    ``max_deep`` bounds the answers of Depth infinity; 0 refuses it for folders.
    """
    request = dav.request
    depth = dav.depth("infinity", "0", "1", "infinity")
    body = request.body(MAX_BYTES)
    query = _known_query(body) if len(body) <= _REMEMBERED_BYTES else parse_query(parsed(body))
    entry = dav.place.entry(request.path)
    if request.has_trailing_slash and not entry.is_folder:
        raise NotFound(request.path)
    dav.conditions.check_if()
    if not entry.is_folder:
        depth = "0"
    if depth == "infinity" and not max_deep:
        raise Forbidden("Ask folder by folder, with Depth: 1.", "propfind-finite-depth")
    minimal = dav.prefers(MINIMAL)
    without_root = depth != "0" and dav.prefers(WITHOUT_ROOT)
    answers = answers_to(dav, query, minimal=minimal)
    applied = [MINIMAL] * minimal + [WITHOUT_ROOT] * without_root
    headers: Headers = [("Preference-Applied", ", ".join(applied))] if applied else []
    if depth == "0":
        about = annotations(dav.share.catalog, entry.path, query.wanted)
        responses: Iterable[str] = [answers.of(entry, about)]
    elif depth == "1":
        return _listing(dav, entry, answers, headers, listings, without_root=without_root)
    else:
        responses = _of_tree(dav, entry, answers, max_deep, without_root=without_root)
    return streamed(request, responses, headers)


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


class Answers:
    """Response elements for one query; all that does not depend on a resource is made once.

    ``minimal`` leaves out what is missing (RFC 8144, 2.1).
    """

    def __init__(
        self, query: Query, circumstances: Circumstances, *, minimal: bool = False
    ) -> None:
        self.query = query
        self.circumstances = circumstances
        self.minimal = minimal
        self._live = live(circumstances)
        self._start = f"<D:response><D:href>{circumstances.addresses.base}"
        self._cut = circumstances.addresses.cut
        names = dict.fromkeys([*sorted(ALLPROP), *query.names] if query.everything else query.names)
        self._planned = frozenset(names)
        self._plan = [(name, self._live.get(name, _absent), self._gap(name)) for name in names]
        self._values = [value for _, value, _ in self._plan]

    def of(self, entry: Entry, about: Annotations) -> str:
        """The response element of one resource."""
        dead = about.properties.get(entry.path)
        if self.query.names_only:
            return self._response(entry, self._names(entry, about, dead or {}), "")
        found = missing = ""
        if dead is None:
            elements = [value(entry, about) for value in self._values]
            found = "".join(elements)
            if "" in elements:
                pairs = zip(elements, self._plan, strict=True)
                missing = "".join(gap for element, (_, _, gap) in pairs if not element)
        else:
            for name, value, gap in self._plan:
                element = dead.get(name) or value(entry, about)
                if element:
                    found += element
                else:
                    missing += gap
            if self.query.everything:
                found += "".join(xml for name, xml in dead.items() if name not in self._planned)
        return self._response(entry, found, missing)

    def _names(self, entry: Entry, about: Annotations, dead: dict[str, str]) -> str:
        own = [name for name, value in self._live.items() if value(entry, about)]
        return "".join(empty(name) for name in dict.fromkeys([*own, *dead]))

    def _gap(self, name: str) -> str:
        """What is said where a property is missing: allprop only tells of names in include."""
        if self.minimal or (self.query.everything and name not in self.query.names):
            return ""
        return empty(name)

    def _response(self, entry: Entry, found: str, missing: str) -> str:
        href = entry.href[self._cut :] or "/" if self._cut else entry.href
        start = f"{self._start}{href}</D:href>"
        if not missing:
            return f"{start}<D:propstat><D:prop>{found}{_FOUND_END}</D:response>"
        there = f"<D:propstat><D:prop>{found}{_FOUND_END}" if found else ""
        return f"{start}{there}{propstat(missing, _MISSING)}</D:response>"


def answers_to(dav: DavRequest, query: Query, *, minimal: bool = False) -> Answers:
    """Ready to answer ``query`` to who asks."""
    request = dav.request
    circumstances = Circumstances(
        request.addresses,
        request.site,
        request.principal,
        *_rights(dav, query),
        bool(paths.view_of(request.path)),
        _allotments(dav, query),
        _sync_token(dav, query),
        _sessions_in(dav, query),
    )
    if circumstances.are_of_this_moment or circumstances.rights_on:
        return Answers(query, circumstances, minimal=minimal)
    return _known_answers(query, circumstances, minimal)


# A client asks for the same properties over and over; reading that costs as much as some answers.
@lru_cache(_REMEMBERED)
def _known_query(body: bytes) -> Query:
    return parse_query(parsed(body))


@lru_cache(_REMEMBERED)
def _known_answers(query: Query, circumstances: Circumstances, minimal: bool) -> Answers:
    return Answers(query, circumstances, minimal=minimal)


def _rights(dav: DavRequest, query: Query) -> tuple[Rights | None, Callable[[str], Rights] | None]:
    """The rights of who asks, on every path or as a function of it, if they are asked for."""
    if not query.names_only and PRIVILEGE_SET not in query.names_set:
        return None, None
    access, principal = dav.share.access, dav.request.principal
    if access.is_uniform(principal):
        return access.rights(principal, dav.request.path), None
    return None, lambda path: access.why(principal, dav.place.levels(path)).rights


def _allotments(dav: DavRequest, query: Query) -> Allotments | None:
    """What is told about space, if it is asked for by the names of RFC 4331 alone."""
    asked = query.names_only or not query.names_set.isdisjoint(SPACE)
    if not asked or not query.names_set.isdisjoint(OLD_SPACE):
        return None
    return dav.share.quotas.allotments(dav.writer.owner)


def _sync_token(dav: DavRequest, query: Query) -> str:
    """The token of everything that was changed until now, if it is asked for."""
    if not query.names_only and SYNC_TOKEN not in query.names_set:
        return ""
    return Position(dav.share.changes.latest()).token(dav.sync_instance)


def _sessions_in(dav: DavRequest, query: Query) -> SessionsIn | None:
    """What tells who edits, if it is asked for; guests are told of nobody."""
    asked = query.names_only or EDITING in query.names_set
    if not asked or dav.request.link or paths.view_of(dav.request.path):
        return None
    return partial(_live_in, dav)


def _live_in(dav: DavRequest, folder: str) -> dict[str, EditSession]:
    with dav.share.catalog.reading() as connection:
        return session_rows.of_members(connection, folder)


def _listing(
    dav: DavRequest,
    folder: Entry,
    answers: Answers,
    headers: Headers,
    listings: Listings,
    *,
    without_root: bool,
) -> Response:
    """The answer about a folder and its members: one that is remembered, where that can be."""
    request, share, wanted = dav.request, dav.share, answers.query.wanted
    first = () if without_root else (folder,)

    def respond(members: Iterable[Entry], about: Annotations, whole_up_to: int) -> Response:
        batches = annotated(share.catalog, chain(first, members), about)
        responses = (answers.of(entry, known) for batch, known in batches for entry in batch)
        return streamed(request, responses, headers, whole_up_to)

    if answers.circumstances.in_view or answers.circumstances.are_of_this_moment:
        about = of_folder(share.catalog, folder.path, wanted)
        return respond(dav.place.children(folder.path), about, WHOLE_UP_TO)
    asked = answers.query, answers.minimal, without_root, wants_gzip(request)
    return listings.answer(request, asked, folder, wanted, respond)


def _of_folder(
    dav: DavRequest, folder: Entry, first: Iterable[Entry], answers: Answers
) -> Iterator[tuple[Entry, str]]:
    """``first``, which the folder's annotations tell of, and every member with its answer."""
    about = of_folder(dav.share.catalog, folder.path, answers.query.wanted)
    members = chain(first, dav.place.children(folder.path))
    for batch, known in annotated(dav.share.catalog, members, about):
        for entry in batch:
            yield entry, answers.of(entry, known)


def _of_tree(
    dav: DavRequest, top: Entry, answers: Answers, most: int, *, without_root: bool
) -> Iterator[str]:
    """The answers for a whole tree, folder by folder; the last one says if there would be more."""
    waiting = [top]
    count = 0
    while waiting:
        folder = waiting.pop()
        first = (top,) if folder.path == top.path and not without_root else ()
        try:
            for entry, response in _of_folder(dav, folder, first, answers):
                if entry.is_folder and entry.path != top.path:
                    waiting.append(entry)
                if count == most:
                    yield truncated(dav.request.addresses.of(top.path, folder=True))
                    return
                count += 1
                yield response
        except DavserverError as fault:
            # The answer is on its way: one folder that cannot be read must not break it off.
            if folder.path == top.path:
                raise
            yield failed(dav.request.addresses.of(folder.path, folder=True), fault.status)


def _absent(_: Entry, __: Annotations) -> str:
    return ""

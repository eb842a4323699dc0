"""REPORT sync-collection (RFC 6578): what changed in a folder since the client asked last.

Told is what was changed through this server; what other programs did in the folder is found by a
sync without a token, which lists what is there.
"""

from collections.abc import Callable, Iterator
from itertools import chain

from lxml import etree

from davserver import paths
from davserver.dav.described import asked, described, wanted_results
from davserver.dav.multistatus import failed, streamed, truncated
from davserver.dav.positions import Position, position_of
from davserver.dav.room import DavRequest
from davserver.dav.xml import DAV, read_body
from davserver.errors import BadRequest, Forbidden, NotFound
from davserver.model import ChangeKind, Entry, Right
from davserver.providers.stores import Place
from davserver.web import Response

MAX_RESULTS = 10_000
"""Names in one answer; a client that wants more asks again with the token it got."""

_APPEARS = frozenset({ChangeKind.CREATED, ChangeKind.MOVED})

Told = tuple[str, Entry | None, bool, Position]
"""A path, what is there now, whether a folder was, and the position once it is told."""


def report(dav: DavRequest) -> Response:
    """REPORT (RFC 3253, 3.6): sync-collection, the one there is."""
    folder = dav.place.entry(dav.request.path)
    body = read_body(dav.request)
    if body is None:
        raise BadRequest("REPORT needs a body.")
    if body.tag != DAV + "sync-collection" or not folder.is_folder:
        raise Forbidden("The report here is sync-collection, of a folder.", "supported-report")
    dav.depth("0", "0")
    dav.conditions.check_if()
    return _sync(dav, folder, body)


def _sync(dav: DavRequest, top: Entry, body: etree._Element) -> Response:
    share, folder = dav.share, top.path
    level = (body.findtext(DAV + "sync-level") or "").strip()
    if level not in {"1", "infinite"}:
        raise BadRequest("DAV:sync-level must be 1 or infinite.")
    query = asked(body.find(DAV + "prop"))
    limit = wanted_results(body, MAX_RESULTS)
    instance, latest = dav.sync_instance, share.changes.latest()
    token = (body.findtext(DAV + "sync-token") or "").strip()
    reached = Position(latest, folder)
    if token:
        reached = _mapped(position_of(token, instance, share.changes), dav.request.inner)
    if share.changes.have_replaced(folder, reached.number):
        raise Forbidden("This is another folder than before: begin again.", "valid-sync-token")
    found: dict[str, Entry | None] = {}
    folders: set[str] = set()
    more = False
    for path, entry, was_folder, position in _changed(dav, folder, reached, deep=level != "1"):
        if Right.SEE not in share.access.rights(dav.request.principal, path):
            reached = position
            continue
        if path not in found and len(found) == limit:
            more = True
            break
        found[path] = entry
        if was_folder:
            folders.add(path)
        reached = position
    if not more:
        reached = Position(max(latest, reached.number))
    there = (entry for entry in found.values() if entry is not None)
    gone = (path for path, entry in found.items() if entry is None)
    address = dav.request.addresses.of
    last = [failed(address(path, folder=path in folders), 404) for path in gone]
    if more:
        last.append(truncated(address(top.path, folder=True)))
    told = _mapped(reached, lambda path: paths.decoded(dav.request.addresses.target(path)))
    last.append(f"<D:sync-token>{told.token(instance)}</D:sync-token>")
    return streamed(dav.request, chain(described(dav, there, query), last))


def _mapped(position: Position, path_of: Callable[[str], str]) -> Position:
    """The position with its paths as the other side of the request knows them."""
    root, after = (path and path_of(path) for path in (position.root, position.after))
    return Position(position.number, root, after)


def _changed(dav: DavRequest, folder: str, start: Position, *, deep: bool) -> Iterator[Told]:
    """Everything to tell since ``start``, in the order in which it can be gone on with."""
    if start.root:
        yield from _appeared(dav.place, folder, start, deep=deep)
    for change in dav.share.changes.since(start.number, folder):
        is_folder = change.is_folder
        if change.source and _is_member(change.source, folder, deep=deep):
            position = Position(change.number, change.path)
            yield change.source, dav.place.find(change.source), is_folder, position
        position = Position(change.number, change.path)
        if change.kind in _APPEARS:
            yield from _appeared(dav.place, folder, position, deep=deep)
        elif _is_member(change.path, folder, deep=deep):
            found = dav.place.find(change.path)
            yield change.path, found, is_folder, Position(change.number)


def _appeared(place: Place, folder: str, start: Position, *, deep: bool) -> Iterator[Told]:
    """The tree ``start.root`` with all that is in it, from ``start.after`` on."""
    root = place.find(start.root)
    if root is None or not paths.is_within(root.path, folder):
        return
    if root.path != folder and not start.after:
        if not _is_member(root.path, folder, deep=deep):
            return
        yield root.path, root, root.is_folder, Position(start.number, start.root, root.path)
    if root.is_folder and (deep or root.path == folder):
        for entry in _below(place, root.path, start.after, deep=deep):
            position = Position(start.number, start.root, entry.path)
            yield entry.path, entry, entry.is_folder, position


def _below(place: Place, root: str, after: str, *, deep: bool) -> Iterator[Entry]:
    """The entries below ``root`` in a fixed order, a folder before its members; after ``after``."""
    waiting = [_members(place, root)]
    while waiting:
        if not waiting[-1]:
            waiting.pop()
            continue
        entry = waiting[-1].pop()
        if after and _order(entry.path) <= _order(after):
            if not paths.is_within(after, entry.path):
                continue  # told before, with all that is in it
        else:
            yield entry
        if deep and entry.is_folder:
            waiting.append(_members(place, entry.path))


def _members(place: Place, folder: str) -> list[Entry]:
    """The members in reverse order; none if the folder has just gone."""
    try:
        return sorted(place.children(folder), key=lambda entry: entry.name, reverse=True)
    except NotFound:
        return []


def _order(path: str) -> list[str]:
    return path.split("/")


def _is_member(path: str, folder: str, *, deep: bool) -> bool:
    if path == folder or not paths.is_within(path, folder):
        return False
    return deep or paths.parent(path) == folder

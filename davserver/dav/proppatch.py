"""PROPPATCH (RFC 4918, 9.2): all changes in the order of the body, or none."""

from collections.abc import Iterable, Mapping

from lxml import etree

from davserver.dates import seconds_of
from davserver.dav.live import NAMES, SETTABLE, TIME_OF_CREATION, TIMES_OF_CHANGE
from davserver.dav.propfind import MINIMAL
from davserver.dav.room import DavRequest
from davserver.dav.xml import DAV, empty, multistatus, propstat, read_body, serialized
from davserver.errors import BadRequest
from davserver.web import Response, xml

MAX_PROPERTY_BYTES = 1 << 16
MAX_CHANGES = 1000

_OK, _FAILED_DEPENDENCY = "200 OK", "424 Failed Dependency"
_TIMES = TIMES_OF_CHANGE | {TIME_OF_CREATION}
_SECOND = 1_000_000_000

Changes = Mapping[str, str | None]
"""Each name with its new element, or None to remove it."""
Refusal = tuple[str, str]
"""A status and a precondition element, which may be empty."""


def change_properties(dav: DavRequest) -> Response:
    """207: 200 for all names, or what stands against some and 424 for the others."""
    changes = parse_changes(read_body(dav.request))
    entry = dav.share.files.entry(dav.request.path)
    refused = refusals(changes)
    if refused:
        dav.conditions.hold(entry)
        parts = told(refused, changes)
    else:
        dead, modified_ns, created = parted(changes)
        dav.share.properties.change(
            entry.path,
            dav.writer,
            dead,
            dav.conditions.hold,
            modified_ns=modified_ns,
            created=created,
        )
        if dav.prefers(MINIMAL):
            # RFC 8144, 2.2: nothing is left to be said.
            return Response(204, b"", [("Preference-Applied", MINIMAL), ("Vary", "Prefer")])
        parts = propstat("".join(map(empty, changes)), _OK)
    address = dav.request.addresses.of(entry.path, folder=entry.is_folder)
    href = f"<D:href>{address}</D:href>"
    return xml(207, multistatus(f"<D:response>{href}{parts}</D:response>"))


def parse_changes(
    body: etree._Element | None, root: str = "propertyupdate"
) -> dict[str, str | None]:
    """The changes of a body that is a DAV:``root``; the last of several of one property counts."""
    if body is None or body.tag != DAV + root:
        raise BadRequest(f"The body must be a DAV:{root}.")
    changes: dict[str, str | None] = {}
    for instruction in body:
        if instruction.tag not in {DAV + "set", DAV + "remove"}:
            continue
        for prop in instruction.findall(f"{DAV}prop"):
            for element in prop:
                value = serialized(element) if instruction.tag == DAV + "set" else None
                changes[str(element.tag)] = value
    if not changes:
        raise BadRequest(f"DAV:{root} changes no property.")
    if len(changes) > MAX_CHANGES:
        raise BadRequest(f"Change at most {MAX_CHANGES} properties at a time.")
    return changes


def refusals(changes: Changes) -> dict[str, Refusal]:
    """What stands against single changes.

    RFC 4918, 9.2.1 has the statuses; a property that is too large exceeds what is allotted to one.
    """
    refused = {}
    for name, value in changes.items():
        if name in NAMES and (name not in SETTABLE or (name in _TIMES and value is None)):
            refused[name] = ("403 Forbidden", "cannot-modify-protected-property")
        elif value is not None and len(value.encode()) > MAX_PROPERTY_BYTES:
            refused[name] = ("507 Insufficient Storage", "quota-not-exceeded")
        elif name in _TIMES and value is not None and _time(value) is None:
            refused[name] = ("409 Conflict", "")
    return refused


def parted(changes: Changes) -> tuple[dict[str, str | None], int | None, int | None]:
    """The changes of dead properties; the time of change, in nanoseconds, and that of creation."""
    modified = created = None
    for name, value in changes.items():
        if value is not None and name in TIMES_OF_CHANGE:
            modified = _time(value)
        elif value is not None and name == TIME_OF_CREATION:
            created = _time(value)
    dead = {name: value for name, value in changes.items() if name not in _TIMES}
    return dead, None if modified is None else modified * _SECOND, created


def told(refused: Mapping[str, Refusal], names: Iterable[str]) -> str:
    """A propstat for each kind of refusal, and one for the other ``names``, which fail with it."""
    kinds: dict[Refusal, str] = {}
    for name, kind in refused.items():
        kinds[kind] = kinds.get(kind, "") + empty(name)
    others = "".join(empty(name) for name in names if name not in refused)
    if others:
        kinds[_FAILED_DEPENDENCY, ""] = others
    return "".join(
        propstat(listed, status, condition) for (status, condition), listed in kinds.items()
    )


def _time(xml_text: str) -> int | None:
    """The seconds since 1970 in an element that holds a date; None if it holds none."""
    return seconds_of(etree.fromstring(xml_text).text or "")

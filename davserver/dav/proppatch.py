"""PROPPATCH (RFC 4918, 9.2): all changes in the order of the body, or none."""

from collections.abc import Mapping

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

Changes = Mapping[str, str | None]
"""Each name with its new element, or None to remove it."""


def change_properties(dav: DavRequest) -> Response:
    """207: 200 for all names, or what stands against some and 424 for the others."""
    changes = parse_changes(read_body(dav.request))
    entry = dav.share.files.entry(dav.request.path)
    refused = refusals(changes)
    if refused:
        dav.conditions.hold(entry)
        parts = _refused(refused)
        others = "".join(empty(name) for name in changes if name not in refused)
        if others:
            parts += propstat(others, _FAILED_DEPENDENCY)
    else:
        _apply(dav, entry.path, changes)
        if dav.prefers(MINIMAL):
            # RFC 8144, 2.2: nothing is left to be said.
            return Response(204, b"", [("Preference-Applied", MINIMAL), ("Vary", "Prefer")])
        parts = propstat("".join(map(empty, changes)), _OK)
    href = f"<D:href>{dav.request.base}{entry.href}</D:href>"
    return xml(207, multistatus(f"<D:response>{href}{parts}</D:response>"))


def parse_changes(body: etree._Element | None) -> dict[str, str | None]:
    """The changes of the body; the last of several of one property counts."""
    if body is None or body.tag != DAV + "propertyupdate":
        raise BadRequest("The body of PROPPATCH must be a DAV:propertyupdate.")
    changes: dict[str, str | None] = {}
    for instruction in body:
        if instruction.tag not in {DAV + "set", DAV + "remove"}:
            continue
        for prop in instruction.findall(f"{DAV}prop"):
            for element in prop:
                value = serialized(element) if instruction.tag == DAV + "set" else None
                changes[str(element.tag)] = value
    if not changes:
        raise BadRequest("DAV:propertyupdate changes no property.")
    if len(changes) > MAX_CHANGES:
        raise BadRequest(f"Change at most {MAX_CHANGES} properties at a time.")
    return changes


def refusals(changes: Changes) -> dict[str, tuple[str, str]]:
    """What stands against single changes: a status and a precondition element, which may be empty.

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


def _apply(dav: DavRequest, path: str, changes: Changes) -> None:
    modified = created = None
    for name, value in changes.items():
        if value is not None and name in TIMES_OF_CHANGE:
            modified = _time(value)
        elif value is not None and name == TIME_OF_CREATION:
            created = _time(value)
    dav.share.properties.change(
        path,
        dav.writer,
        {name: value for name, value in changes.items() if name not in _TIMES},
        dav.conditions.hold,
        modified_ns=None if modified is None else modified * 1_000_000_000,
        created=created,
    )


def _time(xml_text: str) -> int | None:
    """The seconds since 1970 in an element that holds a date; None if it holds none."""
    return seconds_of(etree.fromstring(xml_text).text or "")


def _refused(refused: Mapping[str, tuple[str, str]]) -> str:
    """A propstat for each kind of refusal."""
    kinds: dict[tuple[str, str], str] = {}
    for name, kind in refused.items():
        kinds[kind] = kinds.get(kind, "") + empty(name)
    return "".join(
        propstat(names, status, condition) for (status, condition), names in kinds.items()
    )

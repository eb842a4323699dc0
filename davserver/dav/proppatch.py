"""PROPPATCH (RFC 4918, 9.2): all changes in the order of the body, or none."""

from collections.abc import Iterable

from lxml import etree

from davserver.dav.propfind import LIVE, ON_REQUEST
from davserver.dav.room import DavRequest
from davserver.dav.xml import DAV, empty, multistatus, propstat, read_body, serialized
from davserver.errors import BadRequest, BodyTooLarge
from davserver.web import Response, xml

MAX_PROPERTY_BYTES = 1 << 16

_SETTABLE = frozenset({DAV + "displayname"})


def change_properties(dav: DavRequest) -> Response:
    """207: 200 for all names, or 403 for the protected ones and 424 for the others."""
    changes = parse_changes(read_body(dav.request))
    entry = dav.share.files.entry(dav.request.path)
    href = f"<D:href>{dav.request.base}{entry.href}</D:href>"
    protected = protected_among(changes)
    if protected:
        parts = refused(protected)
        others = "".join(empty(name) for name in changes if name not in protected)
        if others:
            parts += propstat(others, "424 Failed Dependency")
    else:
        dav.share.properties.change(entry.path, dav.writer, changes, dav.conditions.hold)
        parts = propstat("".join(map(empty, changes)), "200 OK")
    return xml(207, multistatus(f"<D:response>{href}{parts}</D:response>"))


def protected_among(names: Iterable[str]) -> list[str]:
    """The properties that clients cannot set."""
    live = LIVE.keys() | ON_REQUEST.keys()
    return [name for name in names if name in live and name not in _SETTABLE]


def refused(names: Iterable[str], condition: str = "cannot-modify-protected-property") -> str:
    """The propstat that says why properties were not set."""
    told = propstat("".join(map(empty, names)), "403 Forbidden")
    return told.replace("</D:propstat>", f"<D:error><D:{condition}/></D:error></D:propstat>")


def parse_changes(
    body: etree._Element | None, root: str = "propertyupdate"
) -> dict[str, str | None]:
    """Each name with its new element, or None to remove it; the last of several changes counts."""
    if body is None or body.tag != DAV + root:
        raise BadRequest(f"The body must be a DAV:{root}.")
    changes: dict[str, str | None] = {}
    for instruction in body:
        if instruction.tag not in {DAV + "set", DAV + "remove"}:
            continue
        for prop in instruction.findall(f"{DAV}prop"):
            for element in prop:
                value = serialized(element) if instruction.tag == DAV + "set" else None
                if value is not None and len(value.encode()) > MAX_PROPERTY_BYTES:
                    raise BodyTooLarge(MAX_PROPERTY_BYTES)
                changes[str(element.tag)] = value
    if not changes:
        raise BadRequest(f"DAV:{root} changes no property.")
    return changes

"""LOCK and UNLOCK (RFC 4918, 9.10 and 9.11), and the words for locks in answers."""

import re
import time
from collections.abc import Iterable
from xml.sax.saxutils import escape

from lxml import etree

from davserver import paths
from davserver.dav.room import DavRequest
from davserver.dav.xml import DAV, printable, read_body, serialized
from davserver.errors import BadRequest, BodyTooLarge, BodyTooShort, PreconditionFailed
from davserver.model import Lock, Scope
from davserver.web import Request, Response, xml

DEFAULT_SECONDS = 30 * 60
MAX_SECONDS = 24 * 3600
MAX_OWNER_BYTES = 8192

_SECONDS = re.compile(r"second-(\d{1,10})")
_ENTRY = (
    "<D:lockentry><D:lockscope><D:{}/></D:lockscope>"
    "<D:locktype><D:write/></D:locktype></D:lockentry>"
)
# Windows 11 sends LOCK bodies that do not parse, and shows files that cannot be locked as broken.
_WINDOWS = "Microsoft-WebDAV-MiniRedir/10."
_EXCLUSIVE = (
    '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>'
    "<D:locktype><D:write/></D:locktype></D:lockinfo>"
)
SUPPORTED = "".join(_ENTRY.format(scope.value) for scope in Scope)


def lock(dav: DavRequest) -> Response:
    """A new lock, or with an empty body and a token in If, a longer life for an old one."""
    request = dav.request
    seconds = requested_seconds(request.header("Timeout"))
    body = _body(request)
    if body is None:
        if not dav.writer.tokens:
            raise BadRequest("LOCK without a body refreshes a lock: name its token in If.")
        dav.conditions.check_if()
        refreshed = dav.share.locks.refresh(request.path, dav.writer, seconds)
        return _answer(200, refreshed, request.base)
    if body.tag != DAV + "lockinfo":
        raise BadRequest("The body of LOCK must be a DAV:lockinfo.")
    dav.check_writing(request.path)
    taken, created = dav.share.locks.acquire(
        request.path,
        dav.writer,
        owner_xml=_owner(body),
        scope=_scope(body),
        deep=dav.depth("infinity", "0", "infinity") == "infinity",
        seconds=seconds,
        condition=dav.conditions.hold,
    )
    response = _answer(201 if created else 200, taken, request.base)
    response.headers.append(("Lock-Token", f"<{taken.token}>"))
    return response


def unlock(dav: DavRequest) -> Response:
    """Release the lock that Lock-Token names."""
    # RFC 4918, 10.5 wants the token in brackets; some clients leave them out.
    token = dav.request.header("Lock-Token").strip().removeprefix("<").removesuffix(">")
    if not token:
        raise BadRequest("UNLOCK needs a Lock-Token header.")
    dav.share.locks.release(dav.request.path, token, dav.request.principal.name)
    return Response(204)


def requested_seconds(header: str) -> int:
    """The first timeout that a client asks for and may have (RFC 4918, 10.7)."""
    for part in header.lower().split(","):
        asked = _SECONDS.fullmatch(part.strip())
        if asked:
            return max(1, min(int(asked[1]), MAX_SECONDS))
        if part.strip() == "infinite":
            return MAX_SECONDS
    return DEFAULT_SECONDS


def discovery(locks: Iterable[Lock], base: str) -> str:
    """The content of DAV:lockdiscovery (RFC 4918, 15.8)."""
    return "".join(_active(one, base) for one in locks)


def _answer(status: int, one: Lock, base: str) -> Response:
    content = f"<D:lockdiscovery>{_active(one, base)}</D:lockdiscovery>"
    return xml(status, f'<D:prop xmlns:D="DAV:">{content}</D:prop>')


def _active(one: Lock, base: str) -> str:
    left = max(0, round(one.expires.timestamp() - time.time()))
    owner = f"<D:owner>{one.owner_xml}</D:owner>" if one.owner_xml else ""
    return (
        "<D:activelock><D:locktype><D:write/></D:locktype>"
        f"<D:lockscope><D:{one.scope.value}/></D:lockscope>"
        f"<D:depth>{'infinity' if one.deep else '0'}</D:depth>{owner}"
        f"<D:timeout>Second-{left}</D:timeout>"
        f"<D:locktoken><D:href>{escape(one.token)}</D:href></D:locktoken>"
        f"<D:lockroot><D:href>{escape(base + paths.href(one.root))}</D:href></D:lockroot>"
        "</D:activelock>"
    )


def _body(request: Request) -> etree._Element | None:
    """The body; what Windows sends that is no XML counts as what Windows always asks for."""
    try:
        return read_body(request)
    except BodyTooShort:
        raise
    except BadRequest:
        if _WINDOWS not in request.header("User-Agent"):
            raise
        return etree.fromstring(_EXCLUSIVE)


def _scope(body: etree._Element) -> Scope:
    scope, kind = body.find(f"{DAV}lockscope"), body.find(f"{DAV}locktype")
    if scope is None or kind is None or kind.find(f"{DAV}write") is None:
        raise BadRequest("DAV:lockinfo needs a lockscope, and write as its locktype.")
    for one in Scope:
        if scope.find(DAV + one.value) is not None:
            return one
    raise PreconditionFailed("Locks here are exclusive or shared.")


def _owner(body: etree._Element) -> str:
    """The owner element's content, which is the client's own (RFC 4918, 14.17)."""
    owner = body.find(f"{DAV}owner")
    if owner is None:
        return ""
    content = printable(owner.text or "") + "".join(
        serialized(child) + printable(child.tail or "") for child in owner
    )
    if len(content.encode()) > MAX_OWNER_BYTES:
        raise BodyTooLarge(MAX_OWNER_BYTES)
    return content

"""What browsers need: the editor's script, a WebSocket, no mixed content, no policy against it."""

import base64
import secrets
from collections.abc import Iterator, Mapping

from davserver.doctor.finding import Finding, advice, fault, good
from davserver.doctor.policies import parsed, permits
from davserver.editor.pages import API_SCRIPT
from davserver.editor.server.client import DocumentServer
from davserver.errors import DavserverError
from davserver.pages import origin_of
from davserver.words import say

EDITOR_PAGE = "/web-apps/apps/documenteditor/main/index.html"
SWITCHING, BAD_REQUEST = 101, 400


def browsers(server: DocumentServer, page: str) -> Iterator[Finding]:
    """``page`` is our address as browsers know it, empty if nobody said."""
    if page:
        yield _mixed(server, page)
    yield _script(server)
    yield _websocket(server)
    framed = _framed(server, page)
    if framed:
        yield framed


def _mixed(server: DocumentServer, page: str) -> Finding:
    if page.startswith("https:") and server.public.startswith("http:"):
        return fault(
            say("mixed content"),
            say("our pages come by https, the Document Server by http: browsers refuse to show it"),
            say(
                "Put the Document Server behind https too, and change document_server to that "
                "address."
            ),
            server.public,
        )
    return good(say("mixed content"), say("browsers may show it within our pages"), server.public)


def _script(server: DocumentServer) -> Finding:
    """By the address that browsers use, as far as we reach that."""
    subject, asked = say("script of the editor"), server.public + API_SCRIPT
    try:
        looked = server.look(asked)
    except DavserverError as broken:
        words = say(
            "from here, {asked} cannot be reached: {reason}", asked=asked, reason=str(broken)
        )
        cure = say(
            "Open that address in a browser: it has to show a script. Browsers load it directly."
        )
        return advice(subject, words, cure, server.public)
    if looked.status == 200 and b"DocsAPI" in looked.content:
        return good(subject, say("{asked} is there", asked=asked), server.public)
    cure = say("Set document_server to the address below which /web-apps is, as browsers reach it.")
    return fault(
        subject,
        say("{asked} is no script (status {status})", asked=asked, status=looked.status),
        cure,
        server.public,
    )


def _websocket(server: DocumentServer) -> Finding:
    """Editors talk over a WebSocket (socket.io, engine.io 4): does the way there let one pass?"""
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(secrets.token_bytes(16)).decode(),
    }
    subject = say("WebSocket")
    cure = say(
        "Let the proxy in front of the Document Server pass Upgrade and Connection "
        "(nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; "
        'proxy_set_header Connection "upgrade";).'
    )
    try:
        looked = server.look("/doc/doctor/c/?EIO=4&transport=websocket", headers)
    except DavserverError as broken:
        return fault(subject, str(broken), cure, server.public)
    if looked.status in (SWITCHING, BAD_REQUEST):
        return good(subject, say("passes"), server.public)
    words = say("does not pass: status {status} instead of 101", status=looked.status)
    return fault(subject, words, cure, server.public)


def _framed(server: DocumentServer, page: str) -> Finding | None:
    """Whether the editor's page forbids to be shown in ours."""
    try:
        looked = server.look(EDITOR_PAGE)
    except DavserverError:
        # What cannot be reached is told above.
        return None
    subject, ours = say("page policy"), origin_of(page)
    forbids = _forbids(looked.headers, ours, origin_of(server.public))
    if not forbids:
        return good(subject, say("the editor may be shown in our pages"), server.public)
    return fault(
        subject,
        say("its pages forbid to be shown in ours (X-Frame-Options or frame-ancestors)"),
        say(
            "Take that header out of the proxy in front of the Document Server, or name {address} "
            "in frame-ancestors.",
            address=ours or say("our address"),
        ),
        server.public,
    )


def _forbids(headers: Mapping[str, str], ours: str, own: str) -> bool:
    """Whether a page of the origin ``own`` with these headers may not be shown in one of ``ours``.

    Where frame-ancestors is told, X-Frame-Options does not count (CSP 3, 6.4.2).
    """
    policies = parsed(headers.get("content-security-policy", ""))
    ancestors = [one["frame-ancestors"] for one in policies if "frame-ancestors" in one]
    if ancestors:
        return bool(ours) and not all(permits(allowed, ours, own) for allowed in ancestors)
    options = headers.get("x-frame-options", "").lower()
    return options == "deny" or (options == "sameorigin" and bool(ours) and ours != own)

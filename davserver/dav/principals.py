"""Principals (RFC 3744, 2): everybody who signs in has an address, and sees only their own."""

from xml.sax.saxutils import escape

from davserver import paths
from davserver.dav.xml import multistatus, propstat, read_body
from davserver.errors import NotFound
from davserver.web import Request, Response, xml

PRINCIPALS = "/-/principals/"


def principal_href(name: str) -> str:
    """The address of the principal called ``name``, without the base path."""
    return paths.href(PRINCIPALS + name) + "/"


def describe(request: Request) -> Response:
    """PROPFIND of one's own principal: who one is, whatever is asked for. NotFound for others."""
    own = principal_href(request.principal.name)
    if request.principal.is_anonymous or request.target.rstrip("/") + "/" != own:
        raise NotFound(request.target)
    read_body(request)
    href = f"<D:href>{request.base}{own}</D:href>"
    found = (
        f"<D:displayname>{escape(request.principal.name)}</D:displayname>"
        "<D:resourcetype><D:principal/></D:resourcetype>"
        f"<D:principal-URL>{href}</D:principal-URL>"
        f"<D:current-user-principal>{href}</D:current-user-principal>"
    )
    told = propstat(found, "200 OK")
    return xml(207, multistatus(f"<D:response>{href}{told}</D:response>"))

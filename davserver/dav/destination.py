"""Addresses in headers: Destination (RFC 4918, 10.3) and the resource tags of If."""

from urllib.parse import urlsplit

from davserver import paths
from davserver.errors import BadGateway, BadRequest, Forbidden, NameNotAllowed
from davserver.web import Request


def destination(request: Request) -> str:
    """The path that the Destination header names. Raises BadRequest, BadGateway, NameNotAllowed."""
    header = request.header("Destination").strip()
    if not header:
        raise BadRequest("COPY and MOVE need a Destination header.")
    path = path_of_url(request, header)
    paths.check_new_name(path)
    return path


def path_of_url(request: Request, url: str) -> str:
    """The resource path of an absolute URL or path, of this server.

    The URL is taken apart before it is decoded: a "?" or ";" that is encoded belongs to a name.
    Raises BadGateway for another server.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadRequest("The address in a header is not well formed.") from None
    if parts.query or parts.fragment:
        raise BadRequest("The address in a header has a query or a fragment.")
    if parts.scheme or parts.netloc:
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise BadRequest("The address in a header is not an http address.")
        hosts, ports = _own_places(request)
        # Without a port the address may be that of a proxy which ends TLS and keeps the Host.
        if parts.hostname.lower() not in hosts or port not in ports:
            raise BadGateway("The destination is on another server.")
    target = parts.path
    # A proxy takes the path of the site off the address that it asks for, not off those in headers.
    bases = {request.base, request.base.removeprefix(request.site)} - {""}
    base = next((one for one in bases if target == one or target.startswith(one + "/")), None)
    if base is not None:
        target = target[len(base) :] or "/"
    elif request.link is not None:
        raise Forbidden("This lies outside of what is shared by the link.")
    path = paths.decoded(target.encode("latin-1", "replace").decode("utf-8", "surrogateescape"))
    if paths.is_ours(path):
        raise NameNotAllowed("This name is reserved for the server itself.")
    return request.inner(path)


def _own_places(request: Request) -> tuple[set[str], set[int | None]]:
    """Hosts and ports under which the client, or a proxy for it, may know us."""
    hosts: set[str] = set()
    ports: set[int | None] = {None}
    for origin in (request.origin, f"//{request.environ.get('HTTP_HOST', '')}"):
        parts = urlsplit(origin)
        if parts.hostname:
            hosts.add(parts.hostname.lower())
            ports.add(parts.port)
    return hosts, ports

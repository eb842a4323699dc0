"""Cookies for our pages alone: not for scripts, not for other sites, never to leave TLS."""

from davserver.web import Request


def made(request: Request, name: str, value: str, seconds: int | None) -> str:
    """A Set-Cookie field for so long; None: until the browser ends."""
    age = "" if seconds is None else f"; Max-Age={seconds}"
    secure = "; Secure" if request.is_secure else ""
    path = request.base or "/"
    full = _full(request, name)
    return f"{full}={value}; Path={path}{age}; HttpOnly; SameSite=Lax{secure}"


def read(request: Request, name: str) -> str:
    """The value that the browser sent; empty without one."""
    return request.cookies.get(_full(request, name), "")


def _full(request: Request, name: str) -> str:
    """The name with the prefix that makes browsers refuse the cookie from anybody else.

    Neither a neighbour's subdomain nor somebody between us and the browser can set one of these
    (RFC 6265bis, 4.1.3); a site below a path cannot have the stronger of them.
    """
    if not request.is_secure:
        return name
    return ("__Secure-" if request.base else "__Host-") + name

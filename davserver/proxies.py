"""What a proxy says about a request, believed only from the proxies that are listed.

Source: RFC 7239 (Forwarded), and the older X-Forwarded-For, -Proto and -Host. Anybody can send
these; from somebody who is not listed they are dropped.
"""

import ipaddress
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

MAX_HOPS = 20

_HEADERS = ("FORWARDED", "X_FORWARDED_FOR", "X_FORWARDED_PROTO", "X_FORWARDED_HOST")
_PAIR = re.compile(r'\s*([a-zA-Z]+)=("(?:[^"\\]|\\.)*"|[^;,\s"]*)\s*(?:;|$)')
_ELEMENT = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
VOUCHED = "davserver.vouched"
"""In the environ: name and groups, as a listed proxy told them."""

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Hop:
    """What one proxy saw: who asked it, by what scheme, for which host; "" for what it left out."""

    address: str = ""
    scheme: str = ""
    host: str = ""


class TrustedProxies:
    """WSGI middleware. ``networks`` are the listed proxies; a unix socket counts as one.

    The client is the last address that is not a listed proxy's; scheme and host are those that the
    nearest proxy was asked by. ``user_header`` and ``groups_header`` name the fields, if any, in
    which a proxy says who signed in there.
    """

    def __init__(
        self,
        next_app: App,
        networks: Collection[str],
        user_header: str = "",
        groups_header: str = "",
    ) -> None:
        self._next = next_app
        self._user, self._groups = _key(user_header), _key(groups_header)
        self._networks: list[Network] = [ipaddress.ip_network(network) for network in networks]

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        if self._trusts(environ.get("REMOTE_ADDR", "")):
            hops = _hops(environ)
            if hops:
                self._believe(environ, hops)
            if environ.get(self._user):
                environ[VOUCHED] = environ[self._user], environ.get(self._groups, "")
        for name in filter(None, (self._user, self._groups)):
            environ.pop(name, None)
        for name in _HEADERS:
            environ.pop(f"HTTP_{name}", None)
        return self._next(environ, start_response)

    def _believe(self, environ: dict[str, Any], hops: list[Hop]) -> None:
        nearest = hops[-1]
        if nearest.scheme in {"http", "https"}:
            environ["wsgi.url_scheme"] = nearest.scheme
        if _HOST.fullmatch(nearest.host):
            environ["HTTP_HOST"] = nearest.host
        for hop in reversed(hops[-MAX_HOPS:]):
            address = _address(hop.address)
            if not address:
                return
            environ["REMOTE_ADDR"] = address
            if not self._trusts(address):
                return

    def _trusts(self, address: str) -> bool:
        if not address:
            return True
        try:
            ip = ipaddress.ip_address(address)
        except ValueError:
            return False
        if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
            ip = ip.ipv4_mapped
        return any(ip in network for network in self._networks)


def _key(header: str) -> str:
    """The key of a header field in the environ; "" for none."""
    return "HTTP_" + header.upper().replace("-", "_") if header else ""


def _hops(environ: dict[str, Any]) -> list[Hop]:
    """From the client's to the nearest."""
    forwarded = environ.get("HTTP_FORWARDED", "")
    if forwarded:
        return [_hop(element) for element in _ELEMENT.findall(forwarded)]
    addresses = _listed(environ.get("HTTP_X_FORWARDED_FOR", ""))
    hops = [Hop(address) for address in addresses] or [Hop()]
    schemes = _listed(environ.get("HTTP_X_FORWARDED_PROTO", ""))
    hosts = _listed(environ.get("HTTP_X_FORWARDED_HOST", ""))
    if not (addresses or schemes or hosts):
        return []
    scheme, host = (values[-1] if values else "" for values in (schemes, hosts))
    hops[-1] = Hop(hops[-1].address, scheme.lower(), host)
    return hops


def _hop(element: str) -> Hop:
    """One element of Forwarded (RFC 7239, 4)."""
    pairs = {name.lower(): _unquoted(value) for name, value in _PAIR.findall(element)}
    return Hop(pairs.get("for", ""), pairs.get("proto", "").lower(), pairs.get("host", ""))


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value


def _listed(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def _address(text: str) -> str:
    """The address in "192.0.2.1:80" or "[2001:db8::1]:80"; "" for a name like "unknown"."""
    bare = text[1:].partition("]")[0] if text.startswith("[") else text
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return ""

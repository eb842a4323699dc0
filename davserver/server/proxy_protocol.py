"""PROXY protocol v2: a proxy before us says, before anything else, whose connection it carries.

Source: haproxy.org, proxy-protocol.txt, 2.2. Parsed by the package proxy-protocol.
"""

import time
from http import HTTPStatus

from proxyprotocol import ProxyProtocolIncompleteError
from proxyprotocol.result import is_ipv4, is_ipv6
from proxyprotocol.v2 import ProxyProtocolV2

from davserver.server.head import Refused
from davserver.server.wire import Wire

MAX_BYTES = 16 + 4096

_parser = ProxyProtocolV2()


def read_source(wire: Wire, seconds: float) -> tuple[str, int] | None:
    """Address and port of the client; None where the proxy speaks for itself. Raises Refused."""
    deadline = time.monotonic() + seconds
    data = b""
    while True:
        try:
            result = _parser.unpack(data)
            break
        except ProxyProtocolIncompleteError as incomplete:
            wanted = incomplete.want_read.want_bytes or 1
            if len(data) + wanted > MAX_BYTES:
                raise _refused() from None
            block = wire.receive(wanted, deadline)
            if not block:
                raise _refused() from None
            data += block
        except ValueError:
            raise _refused() from None
    if is_ipv4(result) or is_ipv6(result):
        address, port = result.source
        return str(address), port
    return None


def _refused() -> Refused:
    return Refused(HTTPStatus.BAD_REQUEST, "This port expects the PROXY protocol, version 2.")

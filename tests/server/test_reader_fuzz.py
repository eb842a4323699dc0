"""Random bytes against the reader: it never crashes, never hangs, never answers a request twice.

``python -m tests.server.test_reader_fuzz 100000`` is the long form.
"""

import random
import socket
import sys
from collections import Counter

from tests import raw
from tests.fuzz import Grammar
from tests.server.echo import Echo, answers, serving

CASES = 2500
_HOST = "Host: x\r\n"
REQUESTS = Grammar(
    (
        f"GET /a?b=c HTTP/1.1\r\n{_HOST}\r\n",
        f"PUT /a HTTP/1.1\r\n{_HOST}Content-Length: 5\r\n\r\nhello",
        f"PUT /a HTTP/1.1\r\n{_HOST}Transfer-Encoding: chunked\r\n\r\n"
        "5\r\nhello\r\n3;x=y\r\nabc\r\n0\r\nX: y\r\n\r\n",
        f"GET /1 HTTP/1.1\r\n{_HOST}\r\nGET /2 HTTP/1.1\r\n{_HOST}\r\n",
        f"PUT /1 HTTP/1.1\r\n{_HOST}Content-Length: 3\r\n\r\nabcDELETE /2 HTTP/1.1\r\n{_HOST}\r\n",
        f"PUT /unread HTTP/1.1\r\n{_HOST}Content-Length: 3\r\nExpect: 100-continue\r\n\r\nabc",
        "GET http://x/a HTTP/1.1\r\nHost: y\r\nConnection: close\r\n\r\n",
        "PROPFIND / HTTP/1.0\r\nConnection: keep-alive\r\nDepth: 1\r\n\r\n",
        f"OPTIONS * HTTP/1.1\r\n{_HOST}Cookie: a=b\r\nCookie: c\r\n\r\n",
    ),
    (
        *("\r\n", "\n", "\r", "\r\n\r\n", " ", ":", "\t", "\0", ";", ",", "0\r\n\r\n", "ffff"),
        *("GET", "PUT", "HTTP/1.1", "HTTP/1.0", "/", "Content-Length: 1\r\n", "chunked"),
        *("Transfer-Encoding: chunked\r\n", "Transfer-Encoding: gzip, chunked\r\n", "Host: z\r\n"),
        *("Expect: 100-continue\r\n", "Connection: close\r\n", "Upgrade: h2c\r\n", "-1", "+1"),
    ),
)


def fuzz(cases: int, seed: int) -> Counter[int]:
    """How often which status was answered; fails at the first case that is not as it should be."""
    app = Echo()
    statuses: Counter[int] = Counter()
    with serving(app, threads=2) as (url, _):
        for number in range(cases):
            text = REQUESTS.case(random.Random((seed << 40) + number))
            app.asked.clear()
            app.faults.clear()
            got = _sent(url, text.encode("latin-1"))
            label = f"case {number} of seed {seed}: {text!r}\nanswered {got!r}"
            try:
                told = answers(got)
            except (ValueError, IndexError) as fault:
                raise AssertionError(f"an answer that is not one, {label}") from fault
            assert all(200 <= status < 600 and status != 500 for status, _ in told), label
            by_app = sum(1 for status, _ in told if status in (200, 401))
            assert by_app + len(app.faults) == len(app.asked), f"answered twice, or never: {label}"
            assert len(told) <= len(app.asked) + 1, label
            statuses.update(status for status, _ in told)
        assert raw.status(_sent(url, f"GET / HTTP/1.1\r\n{_HOST}\r\n".encode())) == 200
    return statuses


def _sent(url: str, request: bytes) -> bytes:
    """All that is answered; a connection that stays open for long counts as hanging."""
    with raw.connected(url) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        try:
            return b"".join(iter(lambda: connection.recv(65536), b""))
        except ConnectionResetError:
            return b""
        except TimeoutError:
            raise AssertionError(f"the server hangs on {request!r}") from None


def test_no_bytes_lead_to_anything_but_answers() -> None:
    statuses = fuzz(CASES, seed=random.randrange(1 << 20))
    assert statuses[200] > CASES / 20, "hardly a request was right"
    assert statuses[400] > CASES / 20, "hardly a request was wrong"


if __name__ == "__main__":
    sys.stdout.write(f"{fuzz(int(sys.argv[1]), seed=1)}\n")

"""HTTP by hand, for what no client library would send."""

import base64
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from tests.running import ADMIN, PASSWORD


@contextmanager
def connected(url: str) -> Iterator[socket.socket]:
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        yield connection


def head(method: str, target: str, *fields: str) -> bytes:
    """A request's head with the administrator's password."""
    secret = base64.b64encode(f"{ADMIN}:{PASSWORD}".encode()).decode()
    lines = [f"{method} {target} HTTP/1.1", "Host: test", f"Authorization: Basic {secret}", *fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def send(url: str, request: bytes, *, then_stop: bool = False) -> bytes:
    """Send a request and read to the end; ``then_stop`` closes our side after sending."""
    with connected(url) as connection:
        connection.sendall(request)
        if then_stop:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while block := connection.recv(65536):
                answer += block
        except TimeoutError:
            pass
        return answer


def status(answer: bytes) -> int:
    """The status of an answer; 0 if the connection was closed without one."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0

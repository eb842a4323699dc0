"""A client for one case: requests exactly as they are written, and a folder of its own to look at.

The folder is filled from the disk, as every server must serve what others wrote, and looked at from
there too: what counts is what became of the bytes, not what the server says of them.
"""

import http.client
import os
import socket
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.peers import Target

PATIENCE = 1.0
"""Seconds that a server has to put a state right after it answered."""


@dataclass(frozen=True)
class Answer:
    """What came back; ``status`` 0 is a connection that was closed without a word."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    def __str__(self) -> str:
        return str(self.status) if self.status else "closed"


class Probe:
    """``folder`` on the disk is ``path`` at the server; names are percent-encoded by the caller."""

    def __init__(self, target: Target, root: Path, name: str) -> None:
        self._address = urlsplit(target.url)
        self._secret = b64encode(f"{target.user}:{target.password}".encode()).decode()
        self._signs_in = bool(target.user)
        self.path = f"/{name}"
        self.folder = root / name
        self.make_folder("")

    def url(self, name: str) -> str:
        """The absolute URL of a name in the folder."""
        return f"{self._address.scheme}://{self._address.netloc}{self.path}/{name}"

    def make_folder(self, name: str) -> None:
        """A folder on the disk that every server's user may write to."""
        made = self.folder / name
        made.mkdir()
        made.chmod(0o777)

    def make_file(self, name: str | bytes, content: bytes) -> None:
        """A file on the disk that every server's user may write to."""
        made = Path(os.fsdecode(os.path.join(os.fsencode(self.folder), os.fsencode(name))))
        made.write_bytes(content)
        made.chmod(0o666)

    def content(self, name: str) -> bytes | None:
        """What the disk holds; None if nothing is there."""
        file = self.folder / name
        return file.read_bytes() if file.is_file() else None

    def send(self, method: str, name: str, body: bytes = b"", **headers: str) -> Answer:
        """One request on a connection of its own. ``If_Match`` is the header If-Match."""
        with self.connected() as connection:
            connection.sendall(self.head(method, name, len(body), **headers) + body)
            return _answer(connection, method)

    def send_part(self, name: str, announced: int, body: bytes) -> Answer:
        """PUT a body that is shorter than announced, and end the sending there."""
        with self.connected() as connection:
            connection.sendall(self.head("PUT", name, announced) + body)
            connection.shutdown(socket.SHUT_WR)
            return _answer(connection, "PUT")

    @contextmanager
    def connected(self) -> Iterator[socket.socket]:
        """A connection to the server."""
        address = (self._address.hostname, self._address.port)
        with socket.create_connection(address, timeout=20) as connection:
            yield connection

    def head(self, method: str, name: str, length: int, **headers: str) -> bytes:
        """A request's head."""
        lines = [f"{method} {self.path}/{name} HTTP/1.1", f"Host: {self._address.netloc}"]
        lines += [f"Authorization: Basic {self._secret}"] if self._signs_in else []
        lines += [f"{key.replace('_', '-')}: {value}" for key, value in headers.items()]
        if length:
            lines += [f"Content-Length: {length}", "Content-Type: text/xml"]
        return ("\r\n".join([*lines, "Connection: close"]) + "\r\n\r\n").encode("latin-1")


def comes_about(condition: Callable[[], bool]) -> bool:
    """Whether ``condition`` holds, now or in a moment: some clean up after they answered."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _answer(connection: socket.socket, method: str) -> Answer:
    reading = http.client.HTTPResponse(connection, method=method)
    try:
        reading.begin()
        return Answer(reading.status, reading.headers, reading.read())
    except (http.client.HTTPException, ConnectionError):
        return Answer(0, http.client.HTTPMessage(), b"")
    finally:
        reading.close()

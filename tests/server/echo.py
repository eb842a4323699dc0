"""A small application on the real server: it tells what it was asked, or does as its path says."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from davserver.content import FileBlocks
from davserver.server.http import BoundedServer
from davserver.server.listening import listening_socket

BOUNDARY = b"\r\n\r\n"


class Echo:
    """WSGI application. ``asked`` are the requests that reached it."""

    def __init__(self, file: Path | None = None) -> None:
        self.asked: list[dict[str, Any]] = []
        self.faults: list[Exception] = []
        self.file = file
        self.go_on = threading.Event()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        self.asked.append(environ)
        act = getattr(self, "do" + environ["PATH_INFO"].replace("/", "_"), self.do_echo)
        return act(environ, start)

    def do_echo(self, environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        try:
            body = b"".join(iter(lambda: environ["wsgi.input"].read(1 << 16), b""))
        except (OSError, ValueError) as fault:
            self.faults.append(fault)
            start("400 Bad Request", [("Content-Length", "6")])
            return [b"broken"]
        told = {name: text for name, text in environ.items() if isinstance(text, str)}
        answer = json.dumps({"environ": told, "body": body.decode("latin-1")}).encode()
        start("200 OK", [("Content-Length", str(len(answer)))])
        return [answer]

    def do_unread(self, _: dict[str, Any], start: Callable[..., Any]) -> Any:
        start("401 Unauthorized", [("Content-Length", "2")])
        return [b"no"]

    def do_stream(self, _: dict[str, Any], start: Callable[..., Any]) -> Iterator[bytes]:
        start("200 OK", [])
        yield b"one "
        yield b""
        yield b"two"

    def do_file(self, _: dict[str, Any], start: Callable[..., Any]) -> Any:
        assert self.file
        content = open(self.file, "rb", buffering=0)  # noqa: SIM115
        size = self.file.stat().st_size
        start("200 OK", [("Content-Length", str(size))])
        return FileBlocks(content, size)

    def do_short(self, _: dict[str, Any], start: Callable[..., Any]) -> Any:
        start("200 OK", [("Content-Length", "10")])
        return iter([b"12345"])

    def do_long(self, _: dict[str, Any], start: Callable[..., Any]) -> Any:
        start("200 OK", [("Content-Length", "3")])
        return [b"12345"]

    def do_split(self, _: dict[str, Any], start: Callable[..., Any]) -> Any:
        start("200 OK", [("X-A", "b\r\nSet-Cookie: c")])
        return [b""]

    def do_fail(self, _: dict[str, Any], start: Callable[..., Any]) -> Any:
        raise RuntimeError("the application fails")

    def do_wait(self, _: dict[str, Any], start: Callable[..., Any]) -> Any:
        assert self.go_on.wait(20)
        start("200 OK", [("Content-Length", "4")])
        return [b"done"]

    def do_work(self, _: dict[str, Any], start: Callable[..., Any]) -> Any:
        until = time.monotonic() + 0.3
        while time.monotonic() < until:
            sum(range(1000))
        start("200 OK", [("Content-Length", "4")])
        return [b"done"]


@contextmanager
def serving(
    app: Any,
    *,
    threads: int = 4,
    listener: socket.socket | None = None,
    tls: ssl.SSLContext | None = None,
    **options: Any,
) -> Iterator[tuple[str, BoundedServer]]:
    """The address and the server of ``app``."""
    bound = listener or listening_socket("127.0.0.1", 0)
    server = BoundedServer(bound, app, threads, tls=tls, **options)
    server.prepare()
    thread = threading.Thread(target=server.serve)
    thread.start()
    name = bound.getsockname()
    port = name[1] if isinstance(name, tuple) else 0
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}", server
    finally:
        server.stop()
        thread.join()
        bound.close()


def answers(data: bytes) -> list[tuple[int, bytes]]:
    """The answers in what came over a connection: status and body of each."""
    found = []
    while data:
        head, _, rest = data.partition(BOUNDARY)
        fields = {
            line.partition(b":")[0].strip().lower(): line.partition(b":")[2].strip()
            for line in head.split(b"\r\n")[1:]
        }
        status = int(head.split(b" ")[1])
        length = int(fields.get(b"content-length", b"0"))
        if fields.get(b"transfer-encoding") == b"chunked":
            length = rest.index(b"0\r\n\r\n") + 5
        if status != 100:
            found.append((status, rest[:length]))
        data = rest[length:] if status != 100 else rest
    return found

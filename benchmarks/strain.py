"""One good client while many bad ones are there; and the memory in the long run."""

import contextlib
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from urllib.parse import urlsplit

from benchmarks.measure import many, quantile
from benchmarks.peers import Target, memory_mib

IDLE = 1000
SLOW = 100
REQUESTS = 2000
SOAKED = 200_000
_DRIP_SECONDS = 0.5


def quantiles(target: Target, path: str) -> tuple[float, float]:
    """Milliseconds of a good client's GET, p50 and p99, one after another."""
    head = _head(target, "GET", path)
    taken = []
    with _connected(target) as connection:
        for _ in range(REQUESTS):
            began = time.perf_counter()
            connection.sendall(head)
            answer = connection.recv(65536)
            if not answer.startswith(b"HTTP/1.1 200"):
                raise AssertionError(answer[:200])
            taken.append((time.perf_counter() - began) * 1000)
    return quantile(taken, 0.5), quantile(taken, 0.99)


@contextlib.contextmanager
def crowd(target: Target) -> Iterator[None]:
    """1,000 idle connections, and 100 clients that send a body, a few bytes now and then."""
    done = threading.Event()
    with contextlib.ExitStack() as open_ones:
        for _ in range(IDLE):
            idle = open_ones.enter_context(_connected(target))
            idle.sendall(_head(target, "OPTIONS", "/"))
            idle.recv(65536)
        slow = []
        for number in range(SLOW):
            one = open_ones.enter_context(_connected(target))
            one.sendall(_head(target, "PUT", f"/slow {number}.bin", "Content-Length: 1000000"))
            slow.append(one)

        def drip() -> None:
            while not done.wait(_DRIP_SECONDS):
                for one in slow:
                    one.sendall(b"x" * 700)

        dripping = threading.Thread(target=drip)
        dripping.start()
        time.sleep(1)
        try:
            yield
        finally:
            done.set()
            dripping.join()


def soak(target: Target, body: str) -> tuple[int, list[float], list[float]]:
    """Many mixed requests; how many, and the memory of every process before and after."""
    done = 0
    before: list[float] = []
    while done < SOAKED:
        seconds = 4
        done += int(many(target, "GET", "/small.bin", seconds=seconds) * seconds)
        done += int(many(target, "PROPFIND", "/ten/", body=body, seconds=seconds) * seconds)
        done += int(many(target, "PUT", "/soak/@.bin", size=4096, seconds=seconds) * seconds)
        if not before:
            before = memory_mib(target.pid)  # after the caches are filled
    return done, before, memory_mib(target.pid)


def _connected(target: Target) -> socket.socket:
    url = urlsplit(target.url)
    return socket.create_connection((url.hostname, url.port), timeout=20)


def _head(target: Target, method: str, path: str, *fields: str) -> bytes:
    secret = b64encode(f"{target.user}:{target.password}".encode()).decode()
    address = path.replace(" ", "%20")
    lines = [f"{method} {address} HTTP/1.1", "Host: x", f"Authorization: Basic {secret}", *fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()

"""Several processes on one port; stops and deaths."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests import raw
from tests.clock import wait_until
from tests.dav_client import token_of
from tests.running import ProcessServer


@pytest.fixture
def pair(root: Path) -> Iterator[ProcessServer]:
    server = ProcessServer(root, "--workers", "2")
    yield server
    server.stop()


def children(server: ProcessServer) -> list[int]:
    tasks = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    return [int(pid) for pid in tasks.read_text().split()]


def test_both_processes_serve_the_same_state(pair: ProcessServer) -> None:
    """Written, locked, signed in and edited in one is so in the other."""
    clients = [pair.client() for _ in range(6)]
    for number, client in enumerate(clients):
        assert client.put("/a.txt", b"%d" % number).status_code in (201, 204)
    token = token_of(clients[0].lock("/a.txt"))
    for client in clients:
        assert client.put("/a.txt", b"x").status_code == 423
        assert client.get("/a.txt").content == b"5"
    assert clients[3].put("/a.txt", b"x", **{"if": f"({token})"}).status_code == 204


def test_many_writers_at_once_lose_nothing(pair: ProcessServer) -> None:
    failures: list[str] = []

    def write(name: str) -> None:
        client = pair.client()
        for number in range(15):
            answer = client.put("/a.txt", f"{name} {number}".encode())
            if answer.status_code not in (201, 204):
                failures.append(f"{answer.status_code} {answer.text}")

    threads = [threading.Thread(target=write, args=(f"writer {n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    kept = [file for file in (pair.root / ".davserver" / "versions").rglob("*") if file.is_file()]
    assert len(kept) == 59


def test_a_killed_worker_is_replaced_and_others_answer(pair: ProcessServer) -> None:
    first = children(pair)
    assert len(first) == 2
    os.kill(first[0], signal.SIGKILL)
    for _ in range(20):
        # One may be on its way to the dead process.
        with contextlib.suppress(requests.ConnectionError):
            assert pair.client().propfind("/").status_code == 207
        time.sleep(0.05)
    wait_until(lambda: len({*children(pair)} - {first[0]}) == 2, "nobody took its place")
    assert "a worker died and is replaced" in pair.log()


def test_workers_do_not_outlive_their_supervisor(pair: ProcessServer) -> None:
    workers = children(pair)
    pair.kill()
    wait_until(
        lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), "a worker lives on"
    )


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_clean(root: Path, workers: str, how: signal.Signals) -> None:
    server = ProcessServer(root, "--workers", workers)
    server.client().put("/a.txt", b"x")
    server.process.send_signal(how)
    assert server.process.wait(timeout=30) == 0
    assert "Traceback" not in server.log()


class TestBounds:
    """What stock cheroot lets through."""

    @pytest.fixture
    def server(self, root: Path) -> Iterator[ProcessServer]:
        started = ProcessServer(root)
        yield started
        started.stop()

    def resident_kib(self, server: ProcessServer) -> int:
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1])

    def test_a_stranger_cannot_fill_the_memory(self, server: ProcessServer) -> None:
        """Stock cheroot reads the rest of a refused body into memory: 200 MiB here."""
        requests.get(f"{server.url}/-/health", timeout=5)
        before = self.resident_kib(server)
        peak = [before]
        done = threading.Event()

        def watch() -> None:
            while not done.is_set():
                peak[0] = max(peak[0], self.resident_kib(server))
                time.sleep(0.01)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            body = (b"x" * (1 << 20) for _ in range(200))
            answer = requests.put(f"{server.url}/a.bin", data=Sized(body, 200 << 20), timeout=30)
            assert answer.status_code == 401
        except requests.ConnectionError:
            pass  # closed while we were still sending
        finally:
            done.set()
            watcher.join()
        assert peak[0] - before < 5 * 1024, f"{(peak[0] - before) / 1024:.0f} MiB more"

    def test_headers_have_an_end(self, server: ProcessServer) -> None:
        request = b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 100_000 + b"\r\n\r\n"
        assert raw.status(raw.send(server.url, request)) in (0, 431)

    def test_a_small_unwanted_body_does_not_end_the_connection(self, server: ProcessServer) -> None:
        with raw.connected(server.url) as connection:
            for _ in range(2):
                connection.sendall(b"PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
                assert raw.status(connection.recv(65536)) == 401

    def test_the_end_of_a_chunked_body_is_no_request(self, server: ProcessServer) -> None:
        """Stock cheroot takes trailers for the next request: a second answer is smuggled."""
        request = raw.head("PUT", "/a.txt", "Transfer-Encoding: chunked")
        request += b"5\r\nhello\r\n0\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
        answer = raw.send(server.url, request)
        assert answer.count(b"HTTP/1.1 ") == 1
        assert server.client().get("/smuggled").status_code == 404

    def test_many_idle_connections_keep_nobody_out(self, server: ProcessServer) -> None:
        with contextlib.ExitStack() as idle:
            for _ in range(200):
                idle.enter_context(raw.connected(server.url))
            time.sleep(0.3)
            client = server.client()
            with contextlib.ExitStack() as kept:
                for _ in range(100):
                    connection = kept.enter_context(raw.connected(server.url))
                    connection.sendall(raw.head("GET", "/-/health"))
                    assert raw.status(connection.recv(4096)) == 200
                assert client.propfind("/").status_code == 207


class Sized:
    """Blocks with a length, so that they are sent with Content-Length."""

    def __init__(self, blocks: Iterator[bytes], size: int) -> None:
        self._blocks = blocks
        self._size = size

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        return self._blocks

    def read(self, _size: int = -1) -> bytes:
        return next(self._blocks, b"")

"""Several processes on one port; stops and deaths."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
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
    first = pair.workers()
    assert len(first) == 2
    os.kill(first[0], signal.SIGKILL)
    for _ in range(20):
        # One may be on its way to the dead process.
        with contextlib.suppress(requests.ConnectionError):
            assert pair.client().propfind("/").status_code == 207
        time.sleep(0.05)
    wait_until(lambda: len({*pair.workers()} - {first[0]}) == 2, "nobody took its place")
    assert "a worker died and is replaced" in pair.log()


def test_workers_do_not_outlive_their_supervisor(pair: ProcessServer) -> None:
    workers = pair.workers()
    pair.process.kill()
    pair.process.wait()
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


class TestSettingsReadAnew:
    """SIGHUP."""

    @pytest.fixture
    def config(self, root: Path) -> Path:
        file = root.parent / "davserver.toml"
        file.write_text("workers = 2\n")
        return file

    @pytest.fixture
    def server(self, root: Path, config: Path) -> Iterator[ProcessServer]:
        started = ProcessServer(root, "--config", str(config))
        yield started
        started.stop()

    def test_new_workers_take_over_and_nobody_notices(
        self, server: ProcessServer, config: Path
    ) -> None:
        old = server.workers()
        config.write_text('workers = 3\nanonymous = "read"\n')
        statuses: set[int] = set()
        done = threading.Event()

        def ask() -> None:
            while not done.is_set():
                # A connection of its own each time: an idle one may be closed just as it is used.
                statuses.add(server.client().propfind("/").status_code)

        asking = threading.Thread(target=ask)
        asking.start()
        server.process.send_signal(signal.SIGHUP)
        wait_until(
            lambda: len(server.workers()) == 3 and not {*old} & {*server.workers()},
            lambda: f"workers {server.workers()}, at first {old}\n{server.log()}",
        )
        done.set()
        asking.join()
        assert statuses == {207}
        assert requests.request("PROPFIND", server.url, headers={"Depth": "0"}, timeout=5).ok

    def test_an_upload_under_way_is_finished(self, server: ProcessServer, root: Path) -> None:
        with raw.connected(server.url) as slow:
            slow.sendall(raw.head("PUT", "/a.txt", "Content-Length: 10") + b"01234")
            wait_until(lambda: os.listdir(root / ".davserver" / "spool"), "no body arrived")
            old = server.workers()
            server.process.send_signal(signal.SIGHUP)
            wait_until(lambda: {*server.workers()} - {*old}, "no new worker came")
            slow.sendall(b"56789")
            assert raw.status(slow.recv(65536)) == 201
        assert (root / "a.txt").read_bytes() == b"0123456789"

    def test_settings_read_anew_again_and_again_leave_the_last_workers_alone(
        self, server: ProcessServer
    ) -> None:
        """Some are told to end before they have begun to serve."""
        old = {*server.workers()}
        for _ in range(8):
            server.process.send_signal(signal.SIGHUP)
            time.sleep(0.15)
        wait_until(
            lambda: len(server.workers()) == 2 and not old & {*server.workers()},
            lambda: f"workers {server.workers()}, at first {old}\n{server.log()}",
            seconds=60,
        )
        assert server.client().propfind("/").status_code == 207

    def test_wrong_settings_change_nothing(self, server: ProcessServer, config: Path) -> None:
        old = server.workers()
        config.write_text("wrokers = 3\n")
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "the settings stay as they were" in server.log(), "nothing was said")
        assert "did you mean 'workers'" in server.log()
        assert server.workers() == old
        assert server.client().propfind("/").status_code == 207


def test_a_worker_that_does_not_end_when_told_is_killed(root: Path) -> None:
    config = root.parent / "davserver.toml"
    config.write_text("workers = 2\nstop_seconds = 1\n")
    server = ProcessServer(root, "--config", str(config))
    hangs = server.workers()[0]
    os.kill(hangs, signal.SIGSTOP)
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: hangs not in server.workers(), "it is still there")
    assert server.stop() == 0


def test_a_stop_during_an_upload_resets_it_and_leaves_no_trace(root: Path) -> None:
    config = root.parent / "davserver.toml"
    config.write_text("stop_seconds = 1\n")
    (root / "a.txt").write_bytes(b"old")
    server = ProcessServer(root, "--config", str(config))
    with raw.connected(server.url) as slow:
        slow.sendall(raw.head("PUT", "/a.txt", "Content-Length: 1000") + b"x" * 100)
        wait_until(lambda: os.listdir(root / ".davserver" / "spool"), "no body arrived")
        server.process.send_signal(signal.SIGTERM)
        with pytest.raises(ConnectionResetError):
            slow.recv(4096)
    assert server.process.wait(timeout=30) == 0
    assert (root / "a.txt").read_bytes() == b"old"
    assert os.listdir(root / ".davserver" / "spool") == []


def test_systemd_hands_over_a_socket_and_hears_how_it_goes(root: Path, tmp_path: Path) -> None:
    """sd_listen_fds(3) and sd_notify(3)."""
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard,
        socket.create_server(("127.0.0.1", 0)) as listener,
    ):
        heard.bind(str(tmp_path / "notify"))
        heard.settimeout(20)
        script = (
            f"exec 3<&{listener.fileno()}; export LISTEN_PID=$$ LISTEN_FDS=1; "
            f'exec "{sys.executable}" -m davserver serve "{root}"'
        )
        process = subprocess.Popen(
            ["bash", "-c", script],
            pass_fds=[listener.fileno()],
            env={
                **os.environ,
                "NOTIFY_SOCKET": str(tmp_path / "notify"),
                "DAVSERVER_ADMIN_PASSWORD": "x" * 12,
            },
            stdout=subprocess.DEVNULL,
        )
        try:
            assert heard.recv(4096).startswith(b"READY=1\nMONOTONIC_USEC=")
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/-/ready"
            assert requests.get(url, timeout=5).text == "ready\n"
            process.send_signal(signal.SIGHUP)
            assert heard.recv(4096).startswith(b"RELOADING=1")
            assert heard.recv(4096).startswith(b"READY=1")
        finally:
            process.terminate()
            assert process.wait(timeout=30) == 0
        assert heard.recv(4096).startswith(b"STOPPING=1")


class TestBounds:
    """What stock cheroot lets through."""

    @pytest.fixture
    def server(self, root: Path) -> Iterator[ProcessServer]:
        started = ProcessServer(root)
        yield started
        started.stop()

    def resident_kib(self, server: ProcessServer) -> int:
        [worker] = server.workers()
        status = Path(f"/proc/{worker}/status").read_text()
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

"""A real davserver on a real port: as a process of its own, or in a thread of the tests."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import requests

from davserver.app import Application, create_app, prepare
from davserver.server import http
from davserver.server.http import BoundedServer
from davserver.server.listening import listening_socket
from davserver.setting_sources import read_settings
from tests.dav_client import DavClient

# Below those that the system gives to outgoing connections: a server that starts again finds its
# port free.
_PORTS = range(20_000, 32_000)
ADMIN, PASSWORD = "admin", "correct horse"
START_SECONDS = 60
# How soon a server in this process notices that it shall stop: thousands of tests have one each.
http.LOOK_SECONDS, http.STOP_GRACE_SECONDS = 0.02, 0.0


class ThreadServer:
    """The whole application on a port, in this process: fast to start, easy to look into."""

    def __init__(self, root: Path, **options: Any) -> None:
        self.root = root
        options = {"admin_password": PASSWORD, "threads": 6, "log_level": "error", **options}
        self.settings = read_settings(root=root, port=0, **options)
        prepare(self.settings)
        self.app: Application = create_app(self.settings)
        listener = listening_socket("127.0.0.1", 0)
        self.port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._server = BoundedServer(listener, self.app, threads=self.settings.threads)
        self._server.prepare()
        self._thread = threading.Thread(target=self._server.serve)
        self._thread.start()
        self._listener = listener

    def client(self, user: str = ADMIN, password: str = PASSWORD) -> DavClient:
        return DavClient(self.url, user, password)

    def stop(self) -> None:
        self._server.stop()
        self._thread.join()
        self._listener.close()
        self.app.close()


class ProcessServer:
    """``davserver serve`` as somebody starts it, or another program that serves the same way."""

    def __init__(
        self,
        root: Path,
        *options: str,
        program: tuple[str, ...] = ("-m", "davserver", "serve"),
        environment: dict[str, str] | None = None,
    ) -> None:
        self.root = root
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = root.parent / f"{root.name}-{self.port}.log"
        given = {"DAVSERVER_ADMIN_PASSWORD": PASSWORD, **(environment or {})}
        self._command = [sys.executable, *program, str(root), "--port", str(self.port), *options]
        self._environment = {**os.environ, **given}
        self.process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        with open(self._log, "ab") as log:
            process = subprocess.Popen(self._command, stdout=log, stderr=log, env=self._environment)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                if requests.get(f"{self.url}/-/health", timeout=5).ok:
                    return process
            except requests.RequestException:
                if process.poll() is not None:
                    raise AssertionError(f"the server ended at once:\n{self.log()}") from None
                time.sleep(0.05)
        process.kill()
        raise AssertionError(f"the server did not start:\n{self.log()}")

    def log(self) -> str:
        return self._log.read_text("utf-8", "replace")

    def client(self, user: str = ADMIN, password: str = PASSWORD) -> DavClient:
        return DavClient(self.url, user, password)

    def restart(self, *options: str) -> None:
        """Start again, after the process ended, with other options if any are given."""
        self.process.wait(timeout=30)
        if options:
            self._command[6:] = options
        self.process = self._start()

    def workers(self) -> list[int]:
        """The processes that serve."""
        tasks = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in tasks.read_text().split()]

    def kill(self) -> None:
        """Kill everything at once, the supervisor first: it would replace the others."""
        workers = self.workers()
        self.process.kill()
        for pid in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(timeout=10)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(timeout=10)
            raise AssertionError(f"the server did not stop:\n{self.log()}") from None


def free_port() -> int:
    """A port that nobody listens on."""
    while True:
        port = random.choice(_PORTS)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port

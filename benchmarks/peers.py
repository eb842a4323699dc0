"""The servers that are measured, each on the same folder, each as its own documents start it."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import requests

USER, PASSWORD = "admin", "benchmark password"
WORKERS = 2
_APACHE_MODULES = (
    *("mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_basic"),
    *("dav", "dav_fs", "dav_lock", "setenvif"),
)


@dataclass(frozen=True)
class Target:
    """A server to be measured; ``pid`` is that of its first process."""

    name: str
    url: str
    pid: int
    user: str = ""
    password: str = ""


@contextlib.contextmanager
def davserver(root: Path, name: str = "davserver", **settings: str) -> Iterator[Target]:
    """Ours: sign-in, versions and catalog on, synced on close if ``settings`` do not say else."""
    port = free_port()
    command = [sys.executable, "-m", "davserver", "serve", str(root), "--port", str(port)]
    environment = {
        "DAVSERVER_ADMIN_PASSWORD": PASSWORD,
        "DAVSERVER_LOG_LEVEL": "error",
        "DAVSERVER_WORKERS": str(WORKERS),
        **{f"DAVSERVER_{key.upper()}": value for key, value in settings.items()},
    }
    with _running(command, port, environment) as pid:
        yield Target(name, f"http://127.0.0.1:{port}", pid, USER, PASSWORD)


@contextlib.contextmanager
def stock(root: Path) -> Iterator[Target]:
    """Stock WsgiDAV on cheroot, one process as it has no other way; no sign-in."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.stock", str(root), str(port)]
    with _running(command, port) as pid:
        yield Target("wsgidav", f"http://127.0.0.1:{port}", pid)


@contextlib.contextmanager
def rclone(root: Path) -> Iterator[Target]:
    """rclone serve webdav, with its own sign-in."""
    port = free_port()
    command = ["rclone", "serve", "webdav", str(root), "--addr", f"127.0.0.1:{port}"]
    command += [
        "--user",
        USER,
        "--pass",
        PASSWORD,
        "--dir-cache-time",
        "0s",
        "--log-level",
        "ERROR",
    ]
    with _running(command, port) as pid:
        yield Target("rclone", f"http://127.0.0.1:{port}", pid, USER, PASSWORD)


@contextlib.contextmanager
def apache(root: Path) -> Iterator[Target]:
    """Apache's mod_dav with a password file as htpasswd makes it."""
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        words = ["htpasswd", "-bc", str(folder / "passwords"), USER, PASSWORD]
        subprocess.run(words, check=True, capture_output=True)
        loads = "\n".join(
            f"LoadModule {module}_module /usr/lib/apache2/modules/mod_{module}.so"
            for module in _APACHE_MODULES
        )
        (folder / "apache.conf").write_text(
            f"""ServerRoot {folder}
ServerName localhost
Listen 127.0.0.1:{port}
{loads}
PidFile {folder}/pid
ErrorLog {folder}/error.log
User www-data
DavLockDB {folder}/locks
DocumentRoot {root}
MaxKeepAliveRequests 0
EnableSendfile On
<Directory {root}>
    Dav On
    AuthType Basic
    AuthName files
    AuthUserFile {folder}/passwords
    Require valid-user
</Directory>
"""
        )
        command = ["apache2", "-f", str(folder / "apache.conf"), "-DFOREGROUND"]
        with _running(command, port) as pid:
            yield Target("apache", f"http://127.0.0.1:{port}", pid, USER, PASSWORD)


def installed() -> list[str]:
    """The peers that this machine has."""
    programs = {"rclone": "rclone", "apache": "apache2"}
    return ["wsgidav", *(name for name, program in programs.items() if shutil.which(program))]


def processes(pid: int) -> list[int]:
    """A process and all that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in processes(int(child)))]


def resident_mib(pid: int) -> list[float]:
    """Resident memory of a process and of each that it started."""
    found = []
    for one in processes(pid):
        lines = Path(f"/proc/{one}/status").read_text().splitlines()
        found += [int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")]
    return found


@contextlib.contextmanager
def _running(
    command: list[str], port: int, environment: dict[str, str] | None = None
) -> Iterator[int]:
    process = subprocess.Popen(
        command,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=sys.stderr,
    )
    try:
        for _ in range(200):
            with contextlib.suppress(requests.RequestException):
                requests.get(f"http://127.0.0.1:{port}/", timeout=2)
                break
            time.sleep(0.1)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])

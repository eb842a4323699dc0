"""The servers that are measured, each on the same folder, each as its own documents start it."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import requests

OURS = ("davserver", "unsynced")
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
def stock(root: Path, *, properties: bool = False) -> Iterator[Target]:
    """Stock WsgiDAV on cheroot, one process as it has no other way; no sign-in.

    Dead ``properties`` are off as its own default has it.
    """
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.stock", str(root), str(port)]
    with _running([*command, "properties"] if properties else command, port) as pid:
        yield Target("wsgidav", f"http://127.0.0.1:{port}", pid)


@contextlib.contextmanager
def rclone(root: Path, *, fresh: bool = False) -> Iterator[Target]:
    """rclone serve webdav, with its own sign-in.

    It remembers folders for minutes, as its default has it; ``fresh`` looks at the disk each time,
    which costs seconds in a large folder.
    """
    port = free_port()
    command = ["rclone", "serve", "webdav", str(root), "--addr", f"127.0.0.1:{port}"]
    command += ["--user", USER, "--pass", PASSWORD]
    command += ["--dir-cache-time", "0s"] if fresh else []
    with _running([*command, "--log-level", "ERROR"], port) as pid:
        yield Target("rclone", f"http://127.0.0.1:{port}", pid, USER, PASSWORD)


@contextlib.contextmanager
def apache(root: Path) -> Iterator[Target]:
    """Apache's mod_dav with a password file as htpasswd makes it."""
    port = free_port()
    loads = "\n".join(
        f"LoadModule {module}_module /usr/lib/apache2/modules/mod_{module}.so"
        for module in _APACHE_MODULES
    )
    with _folder_with_passwords() as folder:
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


@contextlib.contextmanager
def nginx(root: Path) -> Iterator[Target]:
    """nginx with its own dav module and dav-ext, which has the methods that the first lacks."""
    port = free_port()
    with _folder_with_passwords() as folder:
        (folder / "nginx.conf").write_text(
            f"""load_module /usr/lib/nginx/modules/ngx_http_dav_ext_module.so;
daemon off;
user www-data;
worker_processes {WORKERS};
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    sendfile on;
    keepalive_requests 1000000;
    client_max_body_size 0;
    client_body_temp_path {folder}/bodies;
    dav_ext_lock_zone zone=locks:10m;
    server {{
        listen 127.0.0.1:{port};
        root {root};
        auth_basic files;
        auth_basic_user_file {folder}/passwords;
        location / {{
            dav_methods PUT DELETE MKCOL COPY MOVE;
            dav_ext_methods PROPFIND OPTIONS LOCK UNLOCK;
            dav_ext_lock zone=locks;
        }}
    }}
}}
"""
        )
        command = ["nginx", "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
        with _running(command, port) as pid:
            yield Target("nginx", f"http://127.0.0.1:{port}", pid, USER, PASSWORD)


@contextlib.contextmanager
def lighttpd(root: Path) -> Iterator[Target]:
    """lighttpd's mod_webdav with its database of properties and locks."""
    port = free_port()
    with _folder_with_passwords() as folder:
        (folder / "lighttpd.conf").write_text(
            f"""server.modules = ("mod_auth", "mod_authn_file", "mod_webdav")
server.document-root = "{root}"
server.bind = "127.0.0.1"
server.port = {port}
server.username = "www-data"
server.errorlog = "{folder}/error.log"
server.upload-dirs = ("{folder}")
include_shell "/usr/share/lighttpd/create-mime.conf.pl"
webdav.activate = "enable"
webdav.is-readonly = "disable"
webdav.sqlite-db-name = "{folder}/webdav.db"
auth.backend = "htpasswd"
auth.backend.htpasswd.userfile = "{folder}/passwords"
auth.require = ("/" => ("method" => "basic", "realm" => "files", "require" => "valid-user"))
"""
        )
        with _running(["lighttpd", "-D", "-f", str(folder / "lighttpd.conf")], port) as pid:
            yield Target("lighttpd", f"http://127.0.0.1:{port}", pid, USER, PASSWORD)


@contextlib.contextmanager
def copyparty(root: Path) -> Iterator[Target]:
    """copyparty, with what it needs to be written to as a drive."""
    port = free_port()
    command = ["copyparty", "-q", "-i", "127.0.0.1", "-p", str(port), "--daw"]
    command += ["-a", f"{USER}:{PASSWORD}", "-v", f"{root}::rwmd.,{USER}"]
    with tempfile.TemporaryDirectory() as home:
        environment = {"HOME": home, "XDG_CONFIG_HOME": home}
        with _running(command, port, environment) as pid:
            yield Target("copyparty", f"http://127.0.0.1:{port}", pid, USER, PASSWORD)


@dataclass(frozen=True)
class Peer:
    """How a peer is started, what has to be there for it, and where that comes from."""

    start: Callable[[Path], AbstractContextManager[Target]]
    program: str
    package: str
    module: str = ""

    @property
    def is_installed(self) -> bool:
        """Whether this machine has it."""
        return bool(shutil.which(self.program)) and (not self.module or Path(self.module).exists())


PEERS = {
    "wsgidav": Peer(stock, sys.executable, "wsgidav"),
    "apache": Peer(apache, "apache2", "apache2 and apache2-utils"),
    "nginx": Peer(
        nginx,
        "nginx",
        "nginx-light and libnginx-mod-http-dav-ext",
        "/usr/lib/nginx/modules/ngx_http_dav_ext_module.so",
    ),
    "lighttpd": Peer(
        lighttpd,
        "lighttpd",
        "lighttpd and lighttpd-mod-webdav",
        "/usr/lib/lighttpd/mod_webdav.so",
    ),
    "rclone": Peer(rclone, "rclone", "rclone"),
    "copyparty": Peer(copyparty, "copyparty", "copyparty (from PyPI, on the PATH)"),
}


def installed(*names: str) -> list[str]:
    """Those of ``names`` that this machine has."""
    return [name for name in names if PEERS[name].is_installed]


def processes(pid: int) -> list[int]:
    """A process and all that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in processes(int(child)))]


def memory_mib(pid: int, field: str = "VmRSS") -> list[float]:
    """Of a process and of each that it started, by proc(5): VmRSS is what is resident now, VmHWM
    the most that was since ``forget_peaks``.
    """
    found = []
    for one in processes(pid):
        lines = Path(f"/proc/{one}/status").read_text().splitlines()
        found += [int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{field}:")]
    return found


def forget_peaks(pid: int) -> None:
    """Let VmHWM begin anew: a sign-in takes 64 MiB for a moment, by the design of its hash."""
    for one in processes(pid):
        Path(f"/proc/{one}/clear_refs").write_text("5")


@contextlib.contextmanager
def _folder_with_passwords() -> Iterator[Path]:
    """A folder for a server's own files, which its workers may write to."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        words = ["htpasswd", "-bc", str(folder / "passwords"), USER, PASSWORD]
        subprocess.run(words, check=True, capture_output=True)
        yield folder


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

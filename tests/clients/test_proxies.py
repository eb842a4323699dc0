"""nginx, Caddy and Apache before davserver, with the very recipes of docs/operate.md."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.clock import wait_until
from tests.dav_client import DavClient, token_of
from tests.running import ADMIN, PASSWORD, ProcessServer, free_port

pytestmark = pytest.mark.clients

OPERATE = Path(__file__).parents[2] / "docs" / "operate.md"


def recipe(language: str, number: int = 0) -> str:
    """A block of the page."""
    return re.findall(rf"```{language}\n(.*?)```", OPERATE.read_text(), re.S)[number]


@pytest.fixture
def behind(root: Path) -> Iterator[Callable[..., ProcessServer]]:
    """Starts a server that believes proxies of this machine."""
    servers = []

    def start(more: str = "") -> ProcessServer:
        config = root.parent / "davserver.toml"
        config.write_text(f'trusted_proxies = ["127.0.0.1"]\naccess_log = true\n{more}')
        server = ProcessServer(root, "--config", str(config))
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


@contextmanager
def proxy(port: int, *command: str) -> Iterator[DavClient]:
    """Runs a proxy that listens on ``port``; a client that goes through it."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    url = f"http://127.0.0.1:{port}"
    try:

        def answers() -> bool:
            assert process.poll() is None, (process.stderr or "") and process.stderr.read()
            try:
                return requests.get(f"{url}/-/health", timeout=2).ok
            except requests.RequestException:
                return False

        wait_until(answers, "the proxy does not answer")
        yield DavClient(url, ADMIN, PASSWORD)
    finally:
        process.terminate()
        process.communicate(timeout=20)


@contextmanager
def nginx(folder: Path, server: ProcessServer, more: str = "") -> Iterator[DavClient]:
    port = free_port()
    text = recipe("nginx")
    text = text.replace("443 ssl", f"127.0.0.1:{port}").replace("8080", str(server.port))
    text = re.sub(r".*ssl_certificate.*\n", "", text)
    text = text.replace("    location / {", f"{more}\n    location / {{")
    temp = "\n".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;\n"
        f"user root; events {{}} http {{ access_log off; {temp}\n{text} }}"
    )
    with proxy(port, "nginx", "-c", str(config), "-p", str(folder)) as client:
        yield client


@contextmanager
def caddy(folder: Path, server: ProcessServer) -> Iterator[DavClient]:
    port = free_port()
    text = recipe("caddyfile").replace(
        "https://files.example.org {", f"http://:{port} {{\nbind 127.0.0.1"
    )
    config = folder / "Caddyfile"
    config.write_text("{\n admin off\n}\n" + text.replace("8080", str(server.port)))
    os.environ["XDG_DATA_HOME"] = os.environ["XDG_CONFIG_HOME"] = str(folder)
    words = ("caddy", "run", "--config", str(config), "--adapter", "caddyfile")
    with proxy(port, *words) as client:
        yield client


@contextmanager
def apache(folder: Path, server: ProcessServer) -> Iterator[DavClient]:
    port = free_port()
    text = recipe("apache").replace("*:443", f"127.0.0.1:{port}").replace("8080", str(server.port))
    text = re.sub(r".*SSL.*\n", "", text).replace(
        "X-Forwarded-Proto https", "X-Forwarded-Proto http"
    )
    modules = ("mpm_event", "authz_core", "proxy", "proxy_http", "headers", "env")
    loads = "\n".join(
        f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in modules
    )
    config = folder / "apache.conf"
    config.write_text(
        f"ServerRoot {folder}\nServerName localhost\nListen 127.0.0.1:{port}\n{loads}\n"
        f"PidFile {folder}/apache.pid\nErrorLog {folder}/error.log\n{text}"
    )
    with proxy(port, "apache2", "-f", str(config), "-DFOREGROUND") as client:
        yield client


PROXIES = [
    pytest.param(nginx, marks=pytest.mark.program("nginx")),
    pytest.param(caddy, marks=pytest.mark.program("caddy")),
    pytest.param(apache, marks=pytest.mark.program("apache2")),
]
AWKWARD = "/a %3F b;c#d&ü 文件.txt"


@pytest.mark.parametrize("before", PROXIES)
def test_everything_works_through_a_proxy(
    behind: Callable[..., ProcessServer], tmp_path: Path, root: Path, before: Callable[..., object]
) -> None:
    server = behind()
    with before(tmp_path, server) as client:  # type: ignore[attr-defined]
        assert client.put(AWKWARD, b"one").status_code == 201
        assert client.get(AWKWARD).content == b"one"
        assert (root / AWKWARD[1:]).read_bytes() == b"one"
        assert client.mkcol("/docs").status_code == 201
        assert client.move(AWKWARD, "/docs" + AWKWARD).status_code == 201
        assert client.copy("/docs" + AWKWARD, "/b%2Fc.txt").status_code in (201, 400)
        token = token_of(client.lock("/docs" + AWKWARD))
        assert client.put("/docs" + AWKWARD, b"two").status_code == 423
        tagged = f"<{client.url('/docs' + AWKWARD)}> ({token})"
        assert client.put("/docs" + AWKWARD, b"two", **{"if": tagged}).status_code == 204
        assert len(client.hrefs("/docs")) == 2
        large = os.urandom(5_000_000)
        assert client.put("/large.bin", iter([large])).status_code == 201
        answer = client.get("/large.bin", Range="bytes=1000000-")
        assert (answer.status_code, answer.content) == (206, large[1_000_000:])
        assert client.delete("/docs").status_code in (207, 423)
    assert "client=127.0.0.1" in server.log()


@pytest.mark.parametrize("before", PROXIES)
def test_an_upload_that_breaks_off_changes_nothing(
    behind: Callable[..., ProcessServer], tmp_path: Path, root: Path, before: Callable[..., object]
) -> None:
    from tests import raw

    (root / "a.txt").write_bytes(b"old")
    server = behind()
    with before(tmp_path, server) as client:  # type: ignore[attr-defined]
        with raw.connected(client.base) as broken:
            broken.sendall(raw.head("PUT", "/a.txt", "Content-Length: 1000000") + b"x" * 100_000)
            wait_until(
                lambda: os.listdir(root / ".davserver" / "spool"),
                "the proxy collects uploads before it passes them on",
            )
        wait_until(lambda: not os.listdir(root / ".davserver" / "spool"), "the upload goes on")
    assert (root / "a.txt").read_bytes() == b"old"


@pytest.mark.program("nginx")
def test_nginx_sends_files_itself_with_our_etag(
    behind: Callable[..., ProcessServer], tmp_path: Path, root: Path
) -> None:
    (root / "a ü.bin").write_bytes(bytes(range(256)) * 100)
    server = behind('send_files = "x-accel-redirect"\n')
    location = recipe("nginx", 1).replace("/srv/files", str(root))
    with nginx(tmp_path, server, location) as client:
        answer = client.get("/a ü.bin")
        assert answer.content == bytes(range(256)) * 100
        assert "X-Accel-Redirect" not in answer.headers
        etag = client.property("/a ü.bin", "D:getetag")
        assert etag is not None
        assert answer.headers["ETag"] == etag.text
        assert client.get("/a ü.bin", if_none_match=answer.headers["ETag"]).status_code == 304
        part = client.get("/a ü.bin", Range="bytes=1-2")
        assert (part.status_code, part.content) == (206, b"\1\2")
        assert client.get("/-internal/a%20.bin").status_code == 404
        assert (
            requests.get(f"{client.base}/-internal/.davserver/secret", timeout=5).status_code == 404
        )
    own = server.client().get("/a ü.bin")
    assert own.headers["X-Accel-Redirect"] == "/-internal/a%20%C3%BC.bin"


WSGI_SERVERS = {
    "gunicorn": "--workers 2 --threads 4 --worker-class gthread --bind 127.0.0.1:{port}",
    # Without the limit, its stop waits for a request whose client is half gone.
    "granian": (
        "--interface wsgi --workers 2 --blocking-threads 4 --workers-kill-timeout 3 --port {port}"
    ),
}


@pytest.mark.parametrize("name", WSGI_SERVERS)
def test_another_wsgi_server_serves_the_application(root: Path, tmp_path: Path, name: str) -> None:
    from tests import raw

    port = free_port()
    (tmp_path / "davserver.toml").write_text(f'root = "{root}"\n')
    program = shutil.which(name, path=f"{Path(os.sys.executable).parent}:{os.environ['PATH']}")  # type: ignore[attr-defined]
    assert program
    assert f"{name} " in recipe("sh"), "the page shows another command"
    command = [program, *WSGI_SERVERS[name].format(port=port).split(), "davserver.wsgi:application"]
    environment = {
        **os.environ,
        "DAVSERVER_CONFIG": str(tmp_path / "davserver.toml"),
        "DAVSERVER_ADMIN_PASSWORD": PASSWORD,
    }
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        client = DavClient(f"http://127.0.0.1:{port}", ADMIN, PASSWORD)

        def is_ready() -> bool:
            try:
                return client.get("/-/ready").ok
            except requests.RequestException:
                return False

        wait_until(is_ready, f"{name} does not serve")
        assert client.put("/a.txt", b"one").status_code == 201
        assert client.put("/a.txt", iter([b"two"])).status_code == 204
        assert client.get("/a.txt").content == b"two"
        assert client.mkcol("/docs").status_code == 201
        assert client.move("/a.txt", "/docs/a.txt").status_code == 201
        assert client.hrefs("/docs") == ["/docs/", "/docs/a.txt"]
        assert client.get("/-/metrics").status_code == 200
        request = raw.head("PUT", "/docs/a.txt", "Content-Length: 1000") + b"x" * 10
        assert raw.status(raw.send(client.base, request, then_stop=True)) in (0, 400)
        assert client.get("/docs/a.txt").content == b"two"
    finally:
        process.terminate()
        process.wait(timeout=30)

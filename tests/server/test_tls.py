"""HTTPS: who is silent keeps nobody waiting, old versions are refused, http is led to https."""

import contextlib
import math
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from davserver.server import connection
from davserver.server.listening import unix_socket
from davserver.server.redirect import HttpsRedirect
from davserver.server.tls import server_context
from tests import raw
from tests.clock import wait_until
from tests.running import free_port
from tests.server.echo import Echo, answers, serving

GET = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


class Certificates:
    """A certificate authority of the tests, and files with certificates by it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._authority = trustme.CA()
        self.client = ssl.create_default_context()
        self._authority.configure_trust(self.client)

    def file(self, name: str = "127.0.0.1") -> Path:
        """Certificate and key in one file."""
        issued = self._authority.issue_cert(name)
        file = self._folder / "server.pem"
        issued.private_key_and_cert_chain_pem.write_to_path(str(file))
        return file


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


@pytest.fixture
def app(tmp_path: Path) -> Echo:
    (tmp_path / "file.bin").write_bytes(bytes(range(256)) * 10_000)
    return Echo(tmp_path / "file.bin")


@pytest.fixture
def url(app: Echo, certificates: Certificates) -> Iterator[str]:
    with serving(app, tls=server_context(certificates.file(), None)) as (address, _):
        yield address


def ask(url: str, client: ssl.SSLContext, request: bytes = GET) -> bytes:
    with (
        raw.connected(url) as plain,
        client.wrap_socket(plain, server_hostname="127.0.0.1") as encrypted,
    ):
        encrypted.sendall(request)
        return b"".join(iter(lambda: encrypted.recv(65536), b""))


def test_requests_are_answered(url: str, app: Echo, certificates: Certificates) -> None:
    keep = b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\n"
    assert [status for status, _ in answers(ask(url, certificates.client, keep + GET))] == [200] * 2
    assert app.asked[0]["wsgi.url_scheme"] == "https"


def test_nothing_tells_when_a_request_came(url: str, app: Echo, certificates: Certificates) -> None:
    """What the selector sees need not be a request: TLS talks to itself, too."""
    with (
        raw.connected(url) as plain,
        certificates.client.wrap_socket(plain, server_hostname="127.0.0.1") as client,
    ):
        for _ in range(2):
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert raw.status(client.recv(65536)) == 200
    assert [asked["davserver.arrived"] for asked in app.asked] == [math.inf] * 2


def test_a_file_is_sent_whole(url: str, app: Echo, certificates: Certificates) -> None:
    request = b"GET /file HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    [(_, content)] = answers(ask(url, certificates.client, request))
    assert app.file
    assert content == app.file.read_bytes()


def test_a_large_body_arrives(url: str, app: Echo, certificates: Certificates) -> None:
    head = b"PUT / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1000000\r\n\r\n"
    [(status, _)] = answers(ask(url, certificates.client, head + b"x" * 1_000_000))
    assert status == 200
    assert app.asked[0]["wsgi.input"].received == 1_000_000


def test_silent_peers_keep_nobody_waiting(url: str, certificates: Certificates) -> None:
    """Stock cheroot shakes hands in the thread that accepts: one silent peer stalls everybody."""
    with contextlib.ExitStack() as silent:
        for number in range(30):
            peer = silent.enter_context(raw.connected(url))
            if number % 2:
                peer.sendall(b"\x16\x03\x01")  # the beginning of a handshake
        assert raw.status(ask(url, certificates.client)) == 200


def test_a_handshake_that_takes_too_long_is_given_up(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.2)
    with raw.connected(url) as silent:
        silent.sendall(b"\x16\x03\x01")
        assert silent.recv(1) == b""


def test_old_versions_are_refused(url: str, certificates: Certificates) -> None:
    with pytest.warns(DeprecationWarning, match="deprecated"):
        certificates.client.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        ask(url, certificates.client)


def test_plain_http_is_told_what_to_do(url: str) -> None:
    got = raw.send(url.replace("https", "http"), GET)
    assert raw.status(got) == 400
    assert b"https://" in got


def test_a_certificate_without_its_key_is_an_error_at_start(
    certificates: Certificates, tmp_path: Path
) -> None:
    text = certificates.file().read_text()
    (tmp_path / "only.pem").write_text(text[text.index("-----BEGIN CERTIFICATE") :])
    with pytest.raises(ssl.SSLError):
        server_context(tmp_path / "only.pem", None)


@pytest.mark.parametrize(
    ("host", "location"),
    [
        ("files.example.org", "https://files.example.org:8443/a%20b?c=d"),
        ("files.example.org:8080", "https://files.example.org:8443/a%20b?c=d"),
        ("[2001:db8::1]", "https://[2001:db8::1]:8443/a%20b?c=d"),
        ("[2001:db8::1]:80", "https://[2001:db8::1]:8443/a%20b?c=d"),
    ],
)
def test_http_leads_to_https(host: str, location: str) -> None:
    with serving(HttpsRedirect(8443)) as (url, _):
        request = f"PUT /a%20b?c=d HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
        got = raw.send(url, request, then_stop=True)
    assert raw.status(got) == 308
    assert f"Location: {location}\r\n".encode() in got


def test_the_command_serves_https_redirects_and_reads_a_new_certificate(
    root: Path, tmp_path: Path, certificates: Certificates
) -> None:
    port, redirect = free_port(), free_port()
    config = tmp_path / "davserver.toml"
    config.write_text(
        f'port = {port}\nredirect_port = {redirect}\ntls_certificate = "{certificates.file()}"\n'
    )
    command = [sys.executable, "-m", "davserver", "serve", str(root), "--config", str(config)]
    environment = {**os.environ, "DAVSERVER_ADMIN_PASSWORD": "x" * 12}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:

        def serial() -> str:
            try:
                with (
                    raw.connected(f"https://127.0.0.1:{port}") as plain,
                    certificates.client.wrap_socket(plain, server_hostname="127.0.0.1") as peer,
                ):
                    return str(peer.getpeercert()["serialNumber"])  # type: ignore[index]
            except OSError:
                return ""

        try:
            wait_until(serial, "nobody serves https")
            assert process.stdout
            process.stdout.readline()
            assert f"https://127.0.0.1:{port}/" in process.stdout.readline()
            first = serial()
            plain = raw.send(f"http://127.0.0.1:{redirect}", GET)
            assert f"Location: https://x:{port}/\r\n".encode() in plain
            certificates.file()
            process.send_signal(signal.SIGHUP)
            wait_until(lambda: serial() not in ("", first), "the old certificate is still shown")
        finally:
            process.terminate()
            assert process.wait(timeout=30) == 0


def test_a_unix_socket_serves_too(app: Echo, tmp_path: Path) -> None:
    path = tmp_path / "sock"
    with serving(app, listener=unix_socket(path, 0o600)):
        assert oct(path.stat().st_mode & 0o777) == "0o600"
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(GET)
            assert raw.status(client.recv(65536)) == 200
        with pytest.raises(OSError, match="in use"):
            unix_socket(path, 0o600)
    unix_socket(path, 0o600).close()  # what a dead server left is taken over

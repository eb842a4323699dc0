"""The doctor finds each fault between this server and a Document Server, and names its cure."""

import re
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from davserver.doctor import Finding, Verdict, exposure, office
from davserver.doctor.reports import PATIENCE_SECONDS, reports
from davserver.errors import SettingsWrong
from davserver.providers.share import DAY
from davserver.providers.timeline import Timeline
from davserver.setting_sources import read_settings
from tests.clock import later
from tests.documentserver import DocumentServerDouble
from tests.editor.desk import Desk
from tests.editor.opening import configuration
from tests.running import free_port

Examine = Callable[..., dict[str, Finding]]
Headers = dict[str, str]


def proxied(app: Any, headers: Headers) -> Any:
    """``app`` behind a proxy that adds headers to every answer; those of ours that are empty go."""

    def answer(environ: Any, start_response: Any) -> Any:
        def start(status: str, told: list[tuple[str, str]], *more: Any) -> Any:
            kept = [one for one in told if headers.get(one[0]) != ""]
            added = [(name, value) for name, value in headers.items() if value]
            return start_response(status, kept + added, *more)

        return app(environ, start)

    return answer


@pytest.fixture
def examined(desk_with: Callable[..., Desk]) -> Examine:
    """Examines an office with the settings that are named; the findings by subject."""

    def examine(
        page: str = "", us: str = "", on_the_way: Headers | None = None, **options: Any
    ) -> dict[str, Finding]:
        desk = desk_with(**options)
        if on_the_way is not None:
            desk.office.app.application = proxied(desk.office.app.application, on_the_way)
        settings = desk.office.settings
        us = us or settings.internal_url or desk.office.url
        found = list(office(settings, desk.share, us=us, page=page or desk.office.url))
        return {finding.subject: finding for finding in found}

    return examine


def faults(found: dict[str, Finding]) -> set[str]:
    return {name for name, one in found.items() if one.verdict is not Verdict.GOOD}


def test_in_order_every_step_is_tried(examined: Examine) -> None:
    found = examined()
    assert faults(found) == set()
    assert set(found) == {
        "our address from here",
        "our pages on their way",
        "our scripts on their way",
        "secret",
        "name",
        "port",
        "Document Server health",
        "clock",
        "Document Server command",
        "version",
        "signatures asked for",
        "our address",
        "the Document Server's token",
        "result",
        "mixed content",
        "script of the editor",
        "WebSocket",
        "page policy",
        "size limit",
        "exposed addresses",
    }


def test_another_secret(examined: Examine, document_server: DocumentServerDouble) -> None:
    document_server.secret = "x" * 40
    found = examined()
    assert "the secrets differ" in found["Document Server command"].words
    assert "jwt_secret_file" in found["Document Server command"].cure


def test_a_secret_that_differs_on_the_way_back_alone(
    examined: Examine, document_server: DocumentServerDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = DocumentServerDouble("y" * 40)
    theirs.stop()
    monkeypatch.setattr(document_server.conversions, "_headers", theirs.headers)
    found = examined()
    assert faults(found) == {"the Document Server's token"}
    assert "same secret" in found["the Document Server's token"].words
    assert "secret.outbox" in found["the Document Server's token"].cure


@pytest.mark.parametrize("skew", [-7200, 7200])
def test_a_clock_that_differs_is_measured(
    examined: Examine, document_server: DocumentServerDouble, skew: int
) -> None:
    document_server.skew = skew
    found = examined()
    assert found["clock"].verdict is Verdict.FAULT
    told = re.fullmatch(r"is (\d+) seconds (.*) ours", found["clock"].words)
    assert told
    seconds, which = told.groups()
    assert int(seconds) == pytest.approx(abs(skew), abs=20)
    assert which == ("ahead of" if skew > 0 else "behind")
    assert "NTP" in found["clock"].cure
    assert found["the Document Server's token"].verdict is Verdict.FAULT


def test_a_header_that_a_proxy_takes_away(
    examined: Examine, document_server: DocumentServerDouble
) -> None:
    """Pitfall 3.28: the token goes out and does not arrive."""
    document_server.eats_header = True
    found = examined()
    assert faults(found) == {"the Document Server's token"}
    assert "without the header Authorization" in found["the Document Server's token"].words
    assert "jwt_header" in found["the Document Server's token"].cure


def test_an_address_of_ours_that_it_does_not_reach(examined: Examine) -> None:
    found = examined(internal_url=f"http://127.0.0.1:{free_port()}")
    assert found["our address from here"].verdict is Verdict.ADVICE
    assert found["our address"].verdict is Verdict.FAULT
    assert "internal_url" in found["our address"].cure
    assert "private address" in found["our address"].cure


def test_a_site_that_leads_elsewhere_loses_reports(examined: Examine) -> None:
    with redirecting("https://files.example.org/-/health") as us:
        found = examined(us=us)
    assert found["our address from here"].verdict is Verdict.FAULT
    assert "leads to https://files.example.org" in found["our address from here"].words
    assert "internal_url" in found["our address from here"].cure


def test_an_old_version(examined: Examine, document_server: DocumentServerDouble) -> None:
    document_server.version = "7.5.1.23"
    found = examined()
    assert faults(found) == {"version"}
    assert "7.5.1.23 is older than 8.2" in found["version"].words


def test_a_server_that_takes_what_nobody_signed(
    examined: Examine, document_server: DocumentServerDouble
) -> None:
    document_server.asks_for_tokens = False
    found = examined()
    assert faults(found) == {"signatures asked for"}
    assert "JWT_ENABLED" in found["signatures asked for"].cure


def test_no_websocket(examined: Examine, document_server: DocumentServerDouble) -> None:
    document_server.lets_upgrade = False
    found = examined()
    assert faults(found) == {"WebSocket"}
    assert "proxy_set_header Upgrade" in found["WebSocket"].cure


def test_what_it_makes_cannot_be_fetched(
    examined: Examine, document_server: DocumentServerDouble
) -> None:
    document_server.conversions.elsewhere = "http://other.example.org"
    found = examined()
    assert faults(found) == {"result"}
    assert "X-Forwarded-Host" in found["result"].cure


def test_pages_by_https_and_a_server_by_http(examined: Examine) -> None:
    found = examined(page="https://files.example.org")
    assert found["mixed content"].verdict is Verdict.FAULT
    assert "document_server" in found["mixed content"].cure


@pytest.mark.parametrize(
    ("headers", "forbids"),
    [
        ({"X-Frame-Options": "SAMEORIGIN"}, True),
        ({"X-Frame-Options": "DENY"}, True),
        ({"Content-Security-Policy": "frame-ancestors 'self'"}, True),
        ({"Content-Security-Policy": "default-src *; frame-ancestors http:"}, False),
        (
            {"X-Frame-Options": "DENY", "Content-Security-Policy": "frame-ancestors *"},
            False,
        ),
        ({}, False),
    ],
)
def test_pages_that_forbid_to_be_framed(
    examined: Examine,
    document_server: DocumentServerDouble,
    headers: dict[str, str],
    forbids: bool,
) -> None:
    document_server.page_headers = headers
    assert faults(examined()) == ({"page policy"} if forbids else set())


@pytest.mark.parametrize(("openings", "verdict"), [(1, Verdict.ADVICE), (3, Verdict.FAULT)])
def test_reports_that_never_arrive(
    desk_with: Callable[..., Desk], openings: int, verdict: Verdict
) -> None:
    """What was opened long enough ago, and nothing came: the way back is blocked."""
    desk = desk_with()
    (desk.root / "a.docx").write_bytes(b"")
    for _ in range(openings):
        configuration(desk.office, desk.ann, "a.docx")
    assert list(reports(Timeline(desk.share.catalog))) == [], "the first may still come"
    with later(PATIENCE_SECONDS + 1):
        [found] = reports(Timeline(desk.share.catalog))
    assert found.verdict is verdict
    assert "/-/callback/" in found.cure
    with later(2 * DAY):
        assert list(reports(Timeline(desk.share.catalog))) == []


def test_reports_that_arrive_are_counted(desk_with: Callable[..., Desk]) -> None:
    desk = desk_with()
    desk.edit()
    with later(PATIENCE_SECONDS + 1):
        [found] = reports(Timeline(desk.share.catalog))
    assert found.verdict is Verdict.GOOD
    assert found.words == "arrive: 1 in the last day"


def test_who_only_reads_causes_no_report(desk_with: Callable[..., Desk]) -> None:
    desk = desk_with()
    (desk.root / "a.docx").write_bytes(b"")
    configuration(desk.office, desk.ann, "a.docx", how="view")
    with later(PATIENCE_SECONDS + 1):
        assert list(reports(Timeline(desk.share.catalog))) == []


def test_limits_that_do_not_fit(examined: Examine, document_server: DocumentServerDouble) -> None:
    found = examined(max_document_mib=200)
    assert faults(found) == {"size limit"}
    assert "max_document_mib allows 210 MB" in found["size limit"].words


def test_what_should_not_be_open(examined: Examine, document_server: DocumentServerDouble) -> None:
    """Pitfall 3.27: addresses of the Document Server that the world should not reach."""
    document_server.open_pages = {"/example/", "/info/info.json"}
    found = examined()
    assert faults(found) == {"exposed addresses"}
    assert "/example/" in found["exposed addresses"].words
    assert "/info/info.json" in found["exposed addresses"].words
    assert "/adminpanel/" not in found["exposed addresses"].words


def test_a_builder_that_everybody_reaches(
    examined: Examine, document_server: DocumentServerDouble
) -> None:
    """Pitfall 3.27: it runs scripts, and no editor needs it."""
    document_server.open_pages = {"/docbuilder"}
    found = examined()
    assert faults(found) == {"exposed addresses"}
    assert "/docbuilder" in found["exposed addresses"].words


def test_an_administration_at_a_port_of_its_own(
    examined: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(b"<title>ONLYOFFICE Admin Panel</title>") as address:
        monkeypatch.setattr(exposure, "ADMIN_PORT", int(address.rpartition(":")[2]))
        found = examined()
    assert faults(found) == {"exposed addresses"}
    assert "its administration" in found["exposed addresses"].words


def test_something_else_at_that_port_is_no_administration(
    examined: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(b"<title>another program</title>") as address:
        monkeypatch.setattr(exposure, "ADMIN_PORT", int(address.rpartition(":")[2]))
        assert faults(examined()) == set()


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("default-src 'self'", "scripts of {server}"),
        ("script-src 'self' {server}; frame-src 'self'", "frames of {server}"),
        ("script-src https://cdn.example.org", "scripts of {us}"),
        ("frame-ancestors 'none'", "in frames of our own"),
        ("sandbox allow-scripts", "sandbox"),
    ],
)
def test_a_policy_that_a_proxy_adds(
    examined: Examine, document_server: DocumentServerDouble, policy: str, words: str
) -> None:
    """Two policies both count (CSP 3, 3.1)."""
    server = document_server.url
    found = examined(on_the_way={"Content-Security-Policy": policy.format(server=server)})
    assert faults(found) == {"Content-Security-Policy"}
    assert words.format(server=server, us="http://") in found["Content-Security-Policy"].words
    assert "proxy in front of davserver" in found["Content-Security-Policy"].cure


@pytest.mark.parametrize(
    "policy",
    ["upgrade-insecure-requests", "default-src * 'unsafe-inline' data:", "frame-ancestors 'self'"],
)
def test_a_policy_that_forbids_nothing_of_ours(examined: Examine, policy: str) -> None:
    assert faults(examined(on_the_way={"Content-Security-Policy": policy})) == set()


def test_a_proxy_that_takes_our_policy_away(examined: Examine) -> None:
    found = examined(on_the_way={"Content-Security-Policy": "", "X-Frame-Options": "DENY"})
    assert found["Content-Security-Policy"].verdict is Verdict.ADVICE
    assert "pass this header on" in found["Content-Security-Policy"].cure
    assert found["X-Frame-Options"].verdict is Verdict.FAULT


def test_frame_options_beside_our_policy_do_no_harm(examined: Examine) -> None:
    assert faults(examined(on_the_way={"X-Frame-Options": "DENY"})) == set()


@pytest.mark.parametrize("value", ["require-corp", 'credentialless; report-to="x"'])
def test_an_embedder_policy_that_a_proxy_adds(examined: Examine, value: str) -> None:
    found = examined(on_the_way={"Cross-Origin-Embedder-Policy": value})
    assert faults(found) == {"Cross-Origin-Embedder-Policy"}


def test_scripts_that_do_not_arrive_as_such(examined: Examine) -> None:
    found = examined(on_the_way={"Content-Type": ""})
    assert "our scripts on their way" in faults(found)
    assert "/-/assets/" in found["our scripts on their way"].cure


def test_another_site_at_our_address(examined: Examine) -> None:
    with answering(b"welcome") as page:
        found = examined(page=page)
    assert "no page of davserver" in found["our scripts on their way"].words
    assert "public_url" in found["our scripts on their way"].cure


def test_pages_behind_another_sign_in_are_not_looked_at(examined: Examine) -> None:
    with redirecting("https://login.example.org/") as page:
        found = examined(page=page)
    assert found["our pages on their way"].verdict is Verdict.ADVICE
    assert "status 301" in found["our pages on their way"].words


def test_conversions_that_a_proxy_refuses(
    examined: Examine, document_server: DocumentServerDouble
) -> None:
    document_server.blocked = {"/converter"}
    found = examined()
    assert faults(found) == {"conversion"}
    assert "/converter is not blocked" in found["conversion"].cure


def test_an_address_that_does_not_exist(examined: Examine) -> None:
    found = examined(document_server="http://nowhere.invalid")
    assert found["name"].verdict is Verdict.FAULT
    assert "document_server_internal" in found["name"].cure
    assert "Document Server command" not in found


def test_a_port_that_nobody_listens_on(examined: Examine) -> None:
    port = free_port()
    found = examined(document_server=f"http://127.0.0.1:{port}")
    assert found["Document Server health"].verdict is Verdict.FAULT
    assert f"port {port} of 127.0.0.1 cannot be reached" in found["Document Server health"].words


def test_a_server_that_leads_to_https(examined: Examine) -> None:
    with redirecting("https://office.example.org/healthcheck") as address:
        found = examined(document_server=address)
    assert "leads to https://office.example.org" in found["Document Server health"].words
    assert "Set document_server to the address" in found["Document Server health"].cure


class TestCertificates:
    @pytest.fixture
    def authority(self) -> trustme.CA:
        return trustme.CA()

    @pytest.fixture
    def ca(self, authority: trustme.CA, tmp_path: Path) -> Path:
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        return tmp_path / "ca.pem"

    def test_the_right_name(self, examined: Examine, authority: trustme.CA, ca: Path) -> None:
        with secured(authority.issue_cert("localhost")) as port:
            found = examined(document_server=f"https://localhost:{port}", document_server_ca=ca)
        assert found["certificate"].verdict is Verdict.GOOD
        assert "true" in found["Document Server health"].words

    def test_another_name(self, examined: Examine, authority: trustme.CA, ca: Path) -> None:
        with secured(authority.issue_cert("office.example.org")) as port:
            found = examined(document_server=f"https://localhost:{port}", document_server_ca=ca)
        assert found["certificate"].verdict is Verdict.FAULT
        assert "Hostname mismatch" in found["certificate"].words
        assert "document_server_internal" in found["certificate"].cure

    def test_an_authority_of_ones_own(self, examined: Examine, authority: trustme.CA) -> None:
        with secured(authority.issue_cert("localhost")) as port:
            found = examined(document_server=f"https://localhost:{port}")
        assert found["certificate"].verdict is Verdict.FAULT
        assert "document_server_ca" in found["certificate"].cure

    def test_one_that_is_not_checked_is_advised_against(
        self, examined: Examine, authority: trustme.CA
    ) -> None:
        with secured(authority.issue_cert("office.example.org")) as port:
            found = examined(
                document_server=f"https://localhost:{port}", document_server_verify=False
            )
        assert found["certificate"].verdict is Verdict.ADVICE
        assert "can read and change every document" in found["certificate"].words
        assert "document_server_ca" in found["certificate"].cure
        assert "true" in found["Document Server health"].words

    def test_further_servers_have_the_same(
        self, examined: Examine, authority: trustme.CA, tmp_path: Path
    ) -> None:
        (tmp_path / "secret").write_text("x" * 32)
        with secured(authority.issue_cert("office.example.org")) as port:
            further = {"address": f"https://localhost:{port}", "secret_file": tmp_path / "secret"}
            checked = examined(document_servers=[further])
            unchecked = examined(document_servers=[{**further, "verify": False}])
        assert checked["certificate"].verdict is Verdict.FAULT
        assert unchecked["certificate"].verdict is Verdict.ADVICE

    def test_no_check_and_an_authority_contradict_each_other(self, ca: Path) -> None:
        with pytest.raises(SettingsWrong, match="document_server_verify"):
            read_settings(document_server_ca=ca, document_server_verify=False)
        further = {
            "address": "https://office.example.org",
            "secret_file": ca,
            "ca": ca,
            "verify": False,
        }
        with pytest.raises(SettingsWrong, match="verify = false"):
            read_settings(document_servers=[further])

    def test_a_file_without_certificates_is_told_at_the_start(self, tmp_path: Path) -> None:
        (tmp_path / "ca.pem").write_text("no certificate")
        with pytest.raises(SettingsWrong, match="no PEM file"):
            read_settings(document_server_ca=tmp_path / "ca.pem")
        with pytest.raises(SettingsWrong, match="No such file"):
            read_settings(document_server_ca=tmp_path / "none.pem")

    def test_no_tls_at_all(self, examined: Examine, document_server: DocumentServerDouble) -> None:
        found = examined(document_server=document_server.url.replace("http:", "https:"))
        assert "TLS does not begin" in found["certificate"].words


class answering:  # noqa: N801
    """A server that says the same to everybody, or leads them elsewhere; its address."""

    def __init__(self, content: bytes, where: str = "") -> None:
        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

            def do_GET(self) -> None:
                self.send_response(301 if where else 200)
                if where:
                    self.send_header("Location", where)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self) -> str:
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def redirecting(where: str) -> answering:
    return answering(b"", where)


class secured:  # noqa: N801
    """A server by TLS whose health is good; its port."""

    def __init__(self, certificate: trustme.LeafCert) -> None:
        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", "4")
                self.end_headers()
                self.wfile.write(b"true")

            def do_POST(self) -> None:
                self.send_response(404)
                self.send_header("Content-Length", "0")
                self.end_headers()

        class Quiet(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                """A client that does not trust us goes away."""

        self._http = Quiet(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        self._http.socket = context.wrap_socket(
            self._http.socket, server_side=True, do_handshake_on_connect=False
        )

    def __enter__(self) -> int:
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()
        return int(self._http.server_address[1])

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

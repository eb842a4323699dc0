"""Notices that go out: by mail to a real SMTP server, and signed to a program."""

import email
import hashlib
import hmac
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.message import EmailMessage, Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from davserver.editor.inside.mail import message
from davserver.errors import SettingsWrong
from davserver.providers.notices import Kind, News, Notice, Notices
from davserver.providers.outages import Outages
from davserver.providers.server_health import ServerHealth
from davserver.providers.tables import notices as rows
from davserver.providers.users import User, Users
from davserver.setting_sources import read_settings
from tests.clock import later
from tests.running import ThreadServer, free_port

Serve = Callable[..., ThreadServer]
PLACE = json.dumps({"action": {"type": "comment", "data": "c 1"}})
SITE = "https://docs.example.org/files"


class Post:
    """A mail server: ``letters`` are what it took; it refuses those whom ``refused`` names."""

    def __init__(self, authority: trustme.CA, *, tls: bool) -> None:
        self.letters: list[tuple[list[str], Message]] = []
        self.refused: dict[str, str] = {}
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("localhost").configure_cert(context)
        # With TLS from the start, aiosmtpd does not know of it.
        kind: dict[str, Any] = (
            {"ssl_context": context, "auth_require_tls": False}
            if tls
            else {"tls_context": context, "require_starttls": True, "auth_required": True}
        )
        self._controller = Controller(
            self,
            hostname="localhost",
            port=free_port(),
            authenticator=self._check,
            ready_timeout=20,
            **kind,
        )
        self._controller.start()
        self.port = self._controller.port

    def stop(self) -> None:
        self._controller.stop(no_assert=True)

    def _check(self, *args: Any) -> AuthResult:
        data = args[-1]
        is_right = isinstance(data, LoginPassword) and data.password == b"mail password"
        return AuthResult(success=is_right, handled=False)

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        letter = email.message_from_bytes(envelope.content)
        self.letters.append((envelope.rcpt_tos, letter))
        return "250 OK"


class Program:
    """Gets what the webhook sends; it answers ``status``."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status = 204
        program = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                program.got.append((dict(self.headers.items()), body))
                self.send_response(program.status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._http.server_address[1]}/hook?a=b"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,))
        self._thread.start()

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(params=["starttls", "tls"])
def security(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def post(authority: trustme.CA, security: str) -> Iterator[Post]:
    server = Post(authority, tls=security == "tls")
    yield server
    server.stop()


@pytest.fixture
def program() -> Iterator[Program]:
    one = Program()
    yield one
    one.stop()


class House:
    """A server with two users, of whom Ann has an address, and a document."""

    def __init__(self, server: ThreadServer) -> None:
        self.server = server
        self.notices = Notices(server.app.share.catalog)
        users = Users(server.app.share.catalog)
        users.add(User("ann", "", is_administrator=False, email="ann@example.org"))
        users.add(User("bob", "", is_administrator=False))
        server.client().put("/a b.docx", b"PK")

    def mention(self, *names: str, ways: tuple[str, ...] = ("mail", "hook")) -> None:
        about = self.server.app.share.files.identify("/a b.docx")
        message = "Look:\n.\nhere \u00e4"
        self.notices.add(News(Kind.MENTION, names, "admin", about, message, PLACE, ways=ways))

    def send(self) -> None:
        """What the housekeeping does each minute."""
        self.server.app.housekeeping.run_once()

    def outcomes(self, way: str) -> list[str]:
        with self.server.app.share.catalog.reading() as connection:
            return [str(row[way]) for row in connection.execute(rows.select()).mappings()]


@pytest.fixture
def mailing(
    serve: Serve, post: Post, authority: trustme.CA, security: str, tmp_path: Path
) -> House:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return House(
        serve(
            public_url=SITE,
            smtp_host="localhost",
            smtp_port=post.port,
            smtp_security=security,
            smtp_ca=tmp_path / "ca.pem",
            smtp_user="davserver",
            smtp_password="mail password",
            smtp_from="davserver@example.org",
        )
    )


@pytest.fixture
def hooked(serve: Serve, program: Program) -> House:
    return House(serve(public_url=SITE, webhook=program.address, webhook_secret="hook secret"))


# --- By mail --------------------------------------------------------------------------------------


def test_who_has_an_address_gets_one_mail_that_leads_to_the_place(
    mailing: House, post: Post
) -> None:
    mailing.mention("ann", "bob")
    mailing.send()
    mailing.send()
    [(receivers, letter)] = post.letters
    assert receivers == ["ann@example.org"]
    assert letter["Subject"] == "admin mentioned you in a b.docx"
    assert (letter["From"], letter["To"]) == ("davserver@example.org", "ann@example.org")
    assert letter["Auto-Submitted"] == "auto-generated"
    text = bytes(letter.get_payload(decode=True)).decode().replace("\r\n", "\n")
    assert "Look:\n.\nhere \u00e4" in text
    link = f"{SITE}/-/edit/a%20b.docx?anchor=%7B%22action%22%3A+%7B%22type%22%3A+%22comment%22"
    assert link in text
    assert mailing.outcomes("mail") == ["sent", ""]


def test_an_address_that_is_refused_for_good_is_not_tried_again(mailing: House, post: Post) -> None:
    post.refused["ann@example.org"] = "550 nobody of that name"
    mailing.mention("ann")
    mailing.send()
    assert mailing.outcomes("mail") == ["failed"]
    assert post.letters == []


def test_what_fails_for_now_is_sent_later(
    mailing: House, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("davserver.editor.inside.deliveries.REST_SECONDS", 0)
    post.refused["ann@example.org"] = "450 busy"
    mailing.mention("ann")
    mailing.send()
    assert mailing.outcomes("mail") == ["due"]
    post.refused.clear()
    mailing.send()
    assert len(post.letters) == 1
    assert mailing.outcomes("mail") == ["sent"]


def test_a_mail_server_of_another_authority_gets_nothing(
    serve: Serve, post: Post, security: str, tmp_path: Path
) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    house = House(
        serve(
            public_url=SITE,
            smtp_host="localhost",
            smtp_port=post.port,
            smtp_security=security,
            smtp_ca=tmp_path / "other.pem",
            smtp_from="davserver@example.org",
        )
    )
    house.mention("ann")
    house.send()
    assert post.letters == []
    assert house.outcomes("mail") == ["due"]


def test_a_document_cannot_write_headers() -> None:
    path, made = "/a\r\nBcc: c@x.org\r\n.docx", datetime.now(UTC)
    notice = Notice(1, "ann", "ann@x.org", "bob", path, "x", "", made, is_read=False)
    letter: EmailMessage = message(notice, "https://x/", "d@x.org")
    assert letter["Bcc"] is None
    assert "\n" not in letter["Subject"]
    assert letter["Message-ID"] == message(notice, "https://x/", "d@x.org")["Message-ID"]


def test_where_a_save_lies_is_in_the_mail(mailing: House, post: Post) -> None:
    about = mailing.server.app.share.files.identify("/a b.docx")
    details = {"reason": "conflict", "meant": "a.docx", "yours": "yes"}
    news = News(Kind.BESIDE, ("ann",), "bob", about, details=details, ways=("mail",))
    mailing.notices.add(news)
    mailing.send()
    [(_, letter)] = post.letters
    assert letter["Subject"] == "What you wrote in a.docx lies beside the file"
    text = bytes(letter.get_payload(decode=True)).decode().replace("\r\n", "\n")
    assert "It is a b.docx: somebody else changed the file meanwhile. Look at both" in text
    assert f"{SITE}/-/edit/a%20b.docx" in text


# --- To a program ---------------------------------------------------------------------------------


def test_a_program_gets_each_notice_once_and_can_check_where_it_comes_from(
    hooked: House, program: Program
) -> None:
    hooked.mention("ann", "bob")
    hooked.send()
    hooked.send()
    assert len(program.got) == 2
    fields, body = program.got[0]
    proof = hmac.new(
        b"hook secret", fields["X-Davserver-Timestamp"].encode() + b"." + body, hashlib.sha256
    )
    assert fields["X-Davserver-Signature"] == f"sha256={proof.hexdigest()}"
    told = json.loads(body)
    assert (told["event"], told["user"], told["sender"]) == ("mention", "ann", "admin")
    assert told["url"].startswith(f"{SITE}/-/edit/a%20b.docx?anchor=")
    assert hooked.outcomes("hook") == ["sent", "sent"]


def test_a_program_learns_of_a_server_that_is_down(hooked: House, program: Program) -> None:
    health = ServerHealth(hooked.server.app.share.catalog)
    with later(-120):
        health.note("https://docs.example.org/office", "connection refused", 0.1)
    assert Outages(hooked.server.app.share.catalog, ("hook",)).tell() == 1
    hooked.send()
    told = json.loads(program.got[0][1])
    assert (told["event"], told["user"]) == ("server down", "admin")
    assert told["title"] == "The Document Server does not answer"
    assert "https://docs.example.org/office has not answered since 20" in told["message"]
    assert "connection refused" in told["message"]
    assert told["url"] == f"{SITE}/-/admin/doctor"


@pytest.mark.parametrize(("status", "outcome"), [(410, "failed"), (503, "due"), (302, "due")])
def test_what_a_program_answers_counts(
    hooked: House, program: Program, status: int, outcome: str
) -> None:
    program.status = status
    hooked.mention("ann")
    hooked.send()
    assert hooked.outcomes("hook") == [outcome]
    assert len(program.got) == 1


def test_a_program_that_fails_rests_for_some_minutes(hooked: House, program: Program) -> None:
    program.status = 503
    hooked.mention("ann")
    hooked.send()
    program.status = 204
    hooked.send()
    assert len(program.got) == 1
    with later(301):
        hooked.send()
    assert hooked.outcomes("hook") == ["sent"]


def test_after_a_day_it_is_given_up(hooked: House, program: Program) -> None:
    program.status = 503
    hooked.mention("ann")
    hooked.send()
    with later(24 * 3600 + 1):
        hooked.send()
    assert hooked.outcomes("hook") == ["failed"]
    assert len(program.got) == 1
    assert hooked.notices.unread("ann") == 1


# --- Settings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"smtp_host": "mail.example.org"}, "smtp_from"),
        ({"smtp_host": "localhost", "smtp_from": "d@x.org"}, "public_url"),
        (
            {"smtp_host": "mail.example.org", "smtp_from": "d@x.org", "smtp_security": "none"},
            "smtp_security",
        ),
        ({"webhook": "https://x.org/h"}, "webhook_secret_file"),
        ({"webhook": "file:///etc/passwd", "webhook_secret": "s"}, "full address"),
    ],
)
def test_settings_that_cannot_work_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsWrong) as caught:
        read_settings(**options)
    assert words in str(caught.value)

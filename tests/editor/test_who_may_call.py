"""Two proofs for every call: our token in the address, and the Document Server's signature."""

import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
import requests

from davserver.tokens import Tokens, server_secret
from tests import documentserver
from tests.clock import later
from tests.documentserver import SECRET
from tests.editor.desk import Desk
from tests.running import ThreadServer


def test_a_callback_without_a_signature_is_refused(desk: Desk) -> None:
    """Pitfall 3.2: whoever knows the address could overwrite the file."""
    editor = desk.edit()
    editor.type("words")
    report = desk.report(editor, 2)
    for body in (report, {**report, "token": ""}, {**report, "token": "a.b.c"}):
        answer = requests.post(editor.callback, json=body, timeout=5)
        assert answer.status_code == 403
    assert desk.words("a.docx") == ["first words"]


def test_a_callback_signed_with_another_secret_is_refused(desk: Desk) -> None:
    editor = desk.edit()
    editor.type("words")
    desk.double.secret = "x" * 40
    report = {"key": editor.key, "status": 4}
    assert desk.double.post(editor.callback, report).status == 403


def test_only_what_is_signed_counts(desk: Desk) -> None:
    """The plain body beside the token says something else; nobody listens to it."""

    editor = desk.edit()
    editor.type("words")
    signed = {"key": editor.key, "status": 4, "exp": int(time.time()) + 60}
    body = {
        **desk.report(editor, 2),
        "token": jwt.encode(signed, SECRET, "HS256"),
    }
    answer = requests.post(editor.callback, json=body, timeout=5)
    assert answer.json() == {"error": 0}
    assert desk.words("a.docx") == ["first words"]


def test_a_callback_about_another_document_than_its_address_is_refused(desk: Desk) -> None:
    one, other = desk.edit("a.docx"), desk.edit("b.docx")
    report = {"key": other.key, "status": 4}
    assert desk.double.post(one.callback, report).status == 403


def test_a_callback_for_a_key_that_never_was_is_refused(desk: Desk) -> None:

    desk.edit()
    links = Tokens(server_secret(desk.office.settings.state), "callback")
    address = f"{desk.office.url}/-/callback/{links.issue({'key': 'never'}, 60)}"
    assert desk.double.post(address, {"key": "never", "status": 4}).status == 403


def test_a_callback_does_not_make_us_call_others(desk: Desk) -> None:
    """Pitfall 3.1: what a report names is fetched from the Document Server alone."""
    editor = desk.edit()
    editor.type("words")
    port = desk.double.url.rpartition(":")[2]
    for url in (
        "http://evil.example/output.docx",
        f"http://localhost:{port}/cache/x",
        f"http://user@127.0.0.1:{port}/cache/x",
        f"https://127.0.0.1:{port}/cache/x",
        "http://127.0.0.1:1/cache/x",
        "file:///etc/passwd",
        f"{desk.double.url}.evil.example/x",
    ):
        report = {**desk.report(editor, 2), "url": url}
        assert desk.double.post(editor.callback, report).status == 403, url
    assert desk.words("a.docx") == ["first words"]


def test_a_redirect_is_not_followed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:

    editor = desk.edit()
    editor.type("words")
    report = desk.report(editor, 2)
    answer = documentserver._Handler._answer

    def redirecting(self: Any, status: int, body: bytes, media_type: str) -> None:
        if self.path.startswith("/cache"):
            self.send_response(302)
            self.send_header("Location", "http://evil.example/")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            answer(self, status, body, media_type)

    monkeypatch.setattr(documentserver._Handler, "_answer", redirecting)
    assert desk.double.post(editor.callback, report).status == 503
    assert desk.words("a.docx") == ["first words"]


def test_a_download_needs_both_proofs(desk: Desk) -> None:
    """Pitfall 3.4: a link that leaks is of no use, and it ends."""
    editor = desk.edit()
    address = editor.download
    assert requests.get(address, timeout=5).status_code == 403
    headers = desk.double.headers({"payload": {"url": address + "x"}})
    assert requests.get(address, headers=headers, timeout=5).status_code == 403
    headers = desk.double.headers({"payload": {"url": address}})
    good = requests.get(address, headers=headers, timeout=5)
    assert good.status_code == 200
    assert int(good.headers["Content-Length"]) == len(good.content)
    with later(12 * 3600 + 60):
        headers = desk.double.headers({"payload": {"url": address}})
        assert requests.get(address, headers=headers, timeout=5).status_code == 403


def test_a_token_of_one_route_opens_no_other(desk: Desk) -> None:
    """Pitfall 3.5: each purpose has its own key."""
    editor = desk.edit()
    download = editor.download.rpartition("/")[2]
    callback = editor.callback.rpartition("/")[2]
    assert (
        desk.double.post(
            f"{desk.office.url}/-/callback/{download}", {"key": editor.key, "status": 4}
        ).status
        == 403
    )
    address = f"{desk.office.url}/-/download/{callback}"
    headers = desk.double.headers({"payload": {"url": address}})
    assert requests.get(address, headers=headers, timeout=5).status_code == 403


def test_a_download_is_the_state_that_the_session_began_with(desk: Desk) -> None:
    """Another content under the same key would poison the server's cache."""
    editor = desk.edit()
    editor.type("words")
    editor.save()
    address = editor.download
    headers = desk.double.headers({"payload": {"url": address}})
    content = requests.get(address, headers=headers, timeout=5).content
    assert content == desk.double.downloads[0].content
    assert content != (desk.root / "a.docx").read_bytes()


def test_a_range_of_a_download(desk: Desk) -> None:
    editor = desk.edit()
    address = editor.download
    headers = desk.double.headers({"payload": {"url": address}})
    part = requests.get(address, headers={**headers, "Range": "bytes=0-1"}, timeout=5)
    assert (part.status_code, part.content) == (206, b"PK")


def test_another_header_name(desk_with: Callable[..., Desk]) -> None:
    desk = desk_with(jwt_header="AuthorizationJwt")
    desk.double.header = "AuthorizationJwt"
    editor = desk.edit()
    editor.type("words")
    assert editor.close().is_accepted
    assert desk.words("a.docx")[-1] == "words"


def test_without_a_document_server_nobody_listens(server: ThreadServer) -> None:
    for route in ("callback", "download"):
        method = requests.post if route == "callback" else requests.get
        assert method(f"{server.url}/-/{route}/x", timeout=5).status_code == 410

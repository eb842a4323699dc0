"""Tokens are good for one purpose each, for a while, and only if we made them."""

import ast
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from itertools import permutations
from pathlib import Path
from wsgiref.util import setup_testing_defaults

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa

import davserver
from davserver.accounts.links import UNLOCK_COOKIE
from davserver.accounts.throttle import DEVICE_COOKIE, Devices
from davserver.editor.server.probe import PROBE_PURPOSE
from davserver.model import Role
from davserver.tokens import LinkTokens, TokenNotValid, Tokens, server_secret
from davserver.web import Request
from tests.accounts.browsing import Browser, hidden
from tests.accounts.link_making import address_of, make_link
from tests.clock import later
from tests.documentserver import SECRET
from tests.editor.desk import Desk
from tests.running import ADMIN, ThreadServer

KEY = b"k" * 32


def _purposes() -> list[str]:
    """Every purpose that the code makes tokens for."""
    found = set()
    for file in sorted(Path(davserver.__file__).parent.rglob("*.py")):
        tree = ast.parse(file.read_text())
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        for call in calls:
            if getattr(call.func, "id", "") == "Tokens":
                found.add(_text(call.args[1]))
    return sorted(found)


def _text(purpose: ast.expr) -> str:
    """What an argument is: a text as it stands, or a constant by its name."""
    if isinstance(purpose, ast.Constant):
        return str(purpose.value)
    assert isinstance(purpose, ast.Name), ast.dump(purpose)
    return {"PROBE_PURPOSE": PROBE_PURPOSE}[purpose.id]


PURPOSES = _purposes()


def test_the_purposes_are_found() -> None:
    assert len(PURPOSES) > 8, PURPOSES


@pytest.mark.parametrize(("one", "other"), [*permutations(PURPOSES, 2)])
def test_a_token_of_one_purpose_is_none_of_another(one: str, other: str) -> None:
    token = Tokens(KEY, one).issue({"sub": "admin", "key": "k", "rid": "r"}, 60)
    with pytest.raises(TokenNotValid):
        Tokens(KEY, other).read(token)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_token_ends(purpose: str) -> None:
    token = Tokens(KEY, purpose).issue({"sub": "admin"}, 60)
    assert Tokens(KEY, purpose).read(token)["sub"] == "admin"
    with later(61), pytest.raises(TokenNotValid):
        Tokens(KEY, purpose).read(token)


def _without_a_signature(token: str) -> str:
    head = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode())
    return f"{head.decode().rstrip('=')}.{token.split('.')[1]}."


def _with_other_claims(token: str) -> str:
    head, claims, seal = token.split(".")
    read = json.loads(base64.urlsafe_b64decode(claims + "=="))
    changed = base64.urlsafe_b64encode(json.dumps({**read, "sub": "other"}).encode()).decode()
    return f"{head}.{changed.rstrip('=')}.{seal}"


FORGERIES: dict[str, Callable[[str], str]] = {
    "without a signature": _without_a_signature,
    "with other claims": _with_other_claims,
    "cut": lambda token: token[:-4],
    "by another key": lambda token: Tokens(b"x" * 32, "download").issue({"sub": "admin"}, 60),
    "by an empty key": lambda token: _hs({"sub": "admin", "exp": 1 << 33}, ""),
    "empty": lambda token: "",
    "nonsense": lambda token: "a.b.c",
}


@pytest.mark.parametrize("how", FORGERIES)
def test_a_forged_token_is_refused(how: str) -> None:
    tokens = Tokens(KEY, "download")
    with pytest.raises(TokenNotValid):
        tokens.read(FORGERIES[how](tokens.issue({"sub": "admin"}, 60)))


def _tampered(cookie: str) -> Iterator[str]:
    """A cookie with one character of each part changed, cut, and doubled."""
    for place in {0, len(cookie) // 2, len(cookie) - 2}:
        other = "A" if cookie[place] != "A" else "B"
        yield cookie[:place] + other + cookie[place + 1 :]
    yield cookie[:-5]
    yield cookie + cookie
    yield ""


def test_a_cookie_that_was_tampered_with_signs_nobody_in(server: ThreadServer) -> None:
    browser = Browser(server)
    browser.sign_in()
    good = browser.cookie
    for forged in _tampered(good):
        browser.take(forged)
        assert not browser.is_in, forged
    browser.take(good)
    assert browser.is_in


def test_a_link_is_not_unlocked_by_a_cookie_that_was_tampered_with(server: ThreadServer) -> None:
    server.client().mkcol("/d")
    server.client().put("/d/a.txt", b"x")
    link = make_link(server, "/d", Role.VIEWER, password="of the link")
    address = address_of(server, link)
    guest = requests.Session()
    guest.headers["Accept"] = "text/html"
    asked = guest.get(f"{address}-/unlock", timeout=5)
    proof = {"csrf": hidden(asked, "csrf"), "password": "of the link"}
    guest.post(f"{address}-/unlock", data=proof, timeout=5)
    assert guest.get(f"{address}a.txt", timeout=5).content == b"x"
    [cookie] = [one for one in guest.cookies if one.name == UNLOCK_COOKIE]
    for forged in _tampered(str(cookie.value)):
        cookie.value = forged
        guest.cookies.set_cookie(cookie)
        told = guest.get(f"{address}a.txt", timeout=5, allow_redirects=False)
        assert told.content != b"x", forged


def test_a_device_that_was_made_up_has_no_count_of_its_own(server: ThreadServer) -> None:
    browser = Browser(server)
    browser.sign_in()
    devices = Devices(server_secret(server.settings.state))
    good = browser.session.cookies[DEVICE_COOKIE]

    def device(cookie: str, name: str = ADMIN) -> str:
        environ = {"HTTP_COOKIE": f"{DEVICE_COOKIE}={cookie}"}
        setup_testing_defaults(environ)
        return devices.of(Request(environ), name)

    assert device(good)
    assert not device(good, "ann")
    for forged in _tampered(good):
        assert not device(forged), forged


def test_the_address_of_a_link_cannot_be_guessed_from_another(server: ThreadServer) -> None:
    addresses = LinkTokens(server_secret(server.settings.state))
    good = addresses.of("a" * 32)
    assert addresses.identity(good) == "a" * 32
    for forged in (LinkTokens(KEY).of("a" * 32), good[:-1], good[:-1] + "x", good.upper(), ""):
        if forged != good:
            assert not addresses.identity(forged)
            assert requests.get(f"{server.url}/-/s/{forged}/", timeout=5).status_code >= 400


def _hs(claims: dict[str, object], secret: str) -> str:
    """A token with any secret, also one that the library refuses."""

    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    signed = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}"
    seal = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(seal).decode().rstrip('=')}"


class TestOfTheDocumentServer:
    @pytest.mark.parametrize(
        "forge",
        [
            lambda report: _without_a_signature(_hs(report, SECRET)),
            lambda report: _hs(report, ""),
            lambda report: _hs(report, SECRET + "x"),
            lambda report: _with_other_claims(_hs(report, SECRET)),
            lambda report: _hs({**report, "exp": 1}, SECRET),
        ],
        ids=["alg none", "an empty key", "another key", "other claims", "expired"],
    )
    def test_a_forged_report_changes_nothing(
        self, desk: Desk, forge: Callable[[dict[str, object]], str]
    ) -> None:
        editor = desk.edit()
        editor.type("forged words")
        report = desk.report(editor, 2)
        token = forge(report)
        for body, fields in (
            ({**report, "token": token}, {}),
            (report, {"Authorization": f"Bearer {token}"}),
        ):
            told = requests.post(editor.callback, json=body, headers=fields, timeout=5)
            assert told.status_code == 403
        assert desk.words("a.docx") == ["first words"]

    def test_a_report_of_one_document_is_none_of_another(self, desk: Desk) -> None:
        one, other = desk.edit("a.docx"), desk.edit("b.docx")
        one.type("words")
        report = desk.report(one, 2)
        token = _hs(report, SECRET)
        told = requests.post(other.callback, json={**report, "token": token}, timeout=5)
        assert told.status_code == 403
        assert desk.words("b.docx") == ["first words"]

    def test_our_secret_signs_no_report(self, desk: Desk) -> None:
        editor = desk.edit()
        editor.type("words")
        report = desk.report(editor, 2)
        ours = Tokens(server_secret(desk.office.settings.state), "callback").issue(report, 60)
        told = requests.post(editor.callback, json={**report, "token": ours}, timeout=5)
        assert told.status_code == 403

    def test_the_secret_is_no_public_key_and_no_other_key_signs(self, desk: Desk) -> None:
        editor = desk.edit()
        editor.type("words")
        report = desk.report(editor, 2)
        own = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        by_rsa = jwt.encode(report, own, "RS256")
        head = base64.urlsafe_b64encode(b'{"alg":"RS256","typ":"JWT"}').decode().rstrip("=")
        signed = f"{head}.{by_rsa.split('.')[1]}"
        seal = hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).digest()
        by_secret = f"{signed}.{base64.urlsafe_b64encode(seal).decode().rstrip('=')}"
        for token in (by_rsa, by_secret):
            told = requests.post(editor.callback, json={**report, "token": token}, timeout=5)
            assert told.status_code == 403
        assert desk.words("a.docx") == ["first words"]
        good = _hs({**report, "exp": int(time.time()) + 60}, SECRET)
        told = requests.post(editor.callback, json={**report, "token": good}, timeout=5)
        assert told.json() == {"error": 0}, "the report is refused for its signature alone"
        assert desk.words("a.docx") == ["first words", "words"]

    def test_a_good_header_carries_no_forged_body(self, desk: Desk) -> None:
        editor = desk.edit()
        editor.type("words")
        report = desk.report(editor, 2)
        forged = {**report, "token": _hs(report, SECRET + "x")}
        header = desk.double.headers({"payload": report})
        told = requests.post(editor.callback, json=forged, headers=header, timeout=5)
        assert told.status_code == 403
        assert desk.words("a.docx") == ["first words"]
        told = requests.post(editor.callback, json=report, headers=header, timeout=5)
        assert told.json() == {"error": 0}

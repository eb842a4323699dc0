"""Tokens are good for one purpose each, for a while, and only if we made them."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from itertools import permutations

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa

from davserver.tokens import LinkTokens, TokenNotValid, Tokens, server_secret
from tests.clock import later
from tests.documentserver import SECRET
from tests.editor.desk import Desk
from tests.running import ThreadServer

PURPOSES = [
    "second step",
    "download",
    "callback",
    "oidc",
    "device",
    "link password",
    "link guest",
]
KEY = b"k" * 32


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
        good = _hs(report, SECRET)
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

"""Signing in at an OpenID provider: with a real one over the socket, and with one that lies."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from joserfc.jwk import OctKey, RSAKey

from davserver.accounts.sources import oidc
from davserver.accounts.sources.oidc import Claims, Client, Provider
from davserver.errors import SettingsWrong, SignInNeeded, Unavailable
from davserver.model import Outside
from davserver.providers.groups import Groups
from davserver.providers.users import User, Users
from davserver.setting_sources import read_settings
from tests.accounts.sources.providers import LyingProvider, RealProvider
from tests.clock import later
from tests.running import ThreadServer

PAGE = {"Accept": "text/html"}
SECRET = "shared with the provider"
ANN = {"sub": "sub-of-ann", "preferred_username": "ann", "groups": ["staff", "admins"]}
EVE = {"sub": "sub-of-eve", "preferred_username": "admin", "groups": []}
ANN_TOO = {"sub": "another-ann", "preferred_username": "ann"}
NAMELESS = {"sub": "nameless"}


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealProvider]:
    running = RealProvider(tmp_path_factory.mktemp("provider"), ANN, EVE, ANN_TOO, NAMELESS)
    yield running
    running.stop()


@pytest.fixture
def server(serve: Callable[..., ThreadServer], provider: RealProvider) -> ThreadServer:
    return serve(
        oidc_issuer=provider.url,
        oidc_client_id="davserver",
        oidc_client_secret=SECRET,
        oidc_admin_group="admins",
        oidc_label="Example",
    )


def encoded(content: bytes) -> str:
    """In base64url, as in tokens (RFC 7515, 2)."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class Browser:
    """Somebody who signs in at the provider, step by step."""

    def __init__(self, server: ThreadServer) -> None:
        self.url = server.url
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers.update(PAGE)

    def get(self, address: str) -> requests.Response:
        return self.session.get(address, allow_redirects=False, timeout=10)

    def begin(self, wanted: str = "/") -> str:
        """Press the button; where that leads."""
        sent = self.get(f"{self.url}/-/oidc/start?next={wanted}")
        assert sent.status_code == 303, sent.text
        return sent.headers["Location"]

    def agree(self, address: str, who: dict[str, Any]) -> str:
        """Sign in at the provider; where that leads back to."""
        back = requests.post(address, data={"sub": who["sub"]}, allow_redirects=False, timeout=10)
        assert back.status_code == 302, back.text
        return back.headers["Location"]

    def sign_in(self, who: dict[str, Any], wanted: str = "/") -> requests.Response:
        return self.get(self.agree(self.begin(wanted), who))

    @property
    def is_signed_in(self) -> bool:
        return self.get(f"{self.url}/").status_code == 200


class TestWithARealProvider:
    def test_the_page_has_a_button(self, server: ThreadServer) -> None:
        page = Browser(server).get(f"{server.url}/-/login?next=/a%20b/%26").text
        assert "Sign in with Example" in page
        assert 'href="/-/oidc/start?next=/a%20b/%26"' in page

    def test_somebody_signs_in_and_goes_where_they_wanted(self, server: ThreadServer) -> None:
        Groups(server.app.share.catalog).add("staff")
        browser = Browser(server)
        done = browser.sign_in(ANN, "/docs/")
        assert (done.status_code, done.headers["Location"]) == (303, "/docs/")
        assert browser.is_signed_in
        assert "davserver-oidc" not in browser.session.cookies
        assert Users(server.app.share.catalog).find("ann") == User(
            "ann", "", True, frozenset({"staff"}), "oidc", "sub-of-ann"
        )

    def test_an_answer_counts_once(self, server: ThreadServer) -> None:
        browser = Browser(server)
        begun = browser.begin()
        cookie = browser.session.cookies["davserver-oidc"]
        back = browser.agree(begun, ANN)
        assert browser.get(back).status_code == 303
        again = Browser(server)
        again.session.cookies.set("davserver-oidc", cookie)
        assert again.get(back).status_code == 401
        assert not again.is_signed_in

    def test_an_answer_counts_in_the_browser_that_asked(self, server: ThreadServer) -> None:
        """Or somebody could sign others in under their own name (login CSRF)."""
        back = Browser(server).agree(Browser(server).begin(), EVE)
        victim = Browser(server)
        assert victim.get(back).status_code == 401
        victim.begin()
        assert victim.get(back).status_code == 401
        assert not victim.is_signed_in

    def test_an_answer_comes_soon(self, server: ThreadServer) -> None:
        browser = Browser(server)
        back = browser.agree(browser.begin(), ANN)
        with later(601):
            assert browser.get(back).status_code == 401

    def test_who_says_no_is_told_in_words(self, server: ThreadServer) -> None:
        browser = Browser(server)
        state = parse_qs(urlsplit(browser.begin()).query)["state"][0]
        refused = browser.get(f"{server.url}/-/oidc/callback?error=access_denied&state={state}")
        assert refused.status_code == 401
        assert "did not let you sign in" in refused.text

    @pytest.mark.parametrize("who", [EVE, NAMELESS])
    def test_a_name_of_our_own_or_none_at_all_is_refused(
        self, server: ThreadServer, who: dict[str, Any]
    ) -> None:
        browser = Browser(server)
        assert browser.sign_in(who).status_code in (401, 403)
        assert not browser.is_signed_in

    def test_somebody_else_who_got_the_name_is_refused(self, server: ThreadServer) -> None:
        assert Browser(server).sign_in(ANN).status_code == 303
        browser = Browser(server)
        assert browser.sign_in(ANN_TOO).status_code == 403
        assert not browser.is_signed_in

    def test_a_sign_in_ends_when_the_name_is_given_to_another_person(
        self, server: ThreadServer
    ) -> None:
        before = Browser(server)
        before.sign_in(ANN)
        Users(server.app.share.catalog).remove("ann")
        after = Browser(server)
        assert after.sign_in(ANN_TOO).status_code == 303
        with later(3):
            assert after.is_signed_in
            assert not before.is_signed_in

    @pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "/%5Cevil"])
    def test_nobody_is_sent_elsewhere_afterwards(self, server: ThreadServer, wanted: str) -> None:
        assert Browser(server).sign_in(ANN, wanted).headers["Location"] == "/"

    def test_a_token_of_another_purpose_is_none(self, server: ThreadServer) -> None:
        browser = Browser(server)
        browser.sign_in(ANN)
        session = browser.session.cookies["davserver-session"]
        other = Browser(server)
        back = other.agree(other.begin(), ANN)
        other.session.cookies.set("davserver-oidc", session)
        state = {"Cookie": f"davserver-oidc={session}", **PAGE}
        answer = requests.get(back, headers=state, allow_redirects=False, timeout=10)
        assert answer.status_code == 401

    def test_the_routes_are_there_only_with_a_provider(
        self, serve: Callable[..., ThreadServer]
    ) -> None:
        server = serve()
        assert "/-/oidc/" not in Browser(server).get(f"{server.url}/-/login").text
        sent = Browser(server).get(f"{server.url}/-/oidc/start")
        assert sent.headers["Location"].startswith("/-/login?next=")


@pytest.fixture
def lying() -> Iterator[LyingProvider]:
    running = LyingProvider()
    yield running
    running.stop()


class TestWithAProviderThatLies:
    BACK = "http://files.example.org/-/oidc/callback"

    @pytest.fixture
    def client(self, lying: LyingProvider) -> Provider:
        return Provider(lying.url, Client("davserver", SECRET), Claims())

    def redeem(self, client: Provider) -> Outside:
        return client.redeem("code", self.BACK, "the nonce", "v" * 64)

    def test_a_token_that_holds_is_the_person(self, client: Provider, lying: LyingProvider) -> None:
        lying.answer(lying.signed(lying.claims(nonce="the nonce", groups=["staff", 5])))
        assert self.redeem(client) == Outside("ann", frozenset({"staff"}), None, "1")

    def test_the_code_is_bound_to_a_secret_of_ours(
        self, client: Provider, lying: LyingProvider
    ) -> None:
        """PKCE (RFC 7636, 4): what was sent along with the browser is the hash of it."""
        query = parse_qs(urlsplit(client.address(self.BACK, "s", "n", "v" * 64)).query)
        lying.answer(lying.signed(lying.claims(nonce="the nonce")))
        self.redeem(client)
        [sent] = lying.sent
        digest = hashlib.sha256(sent["code_verifier"].encode()).digest()
        assert query["code_challenge"] == [encoded(digest)]
        assert query["code_challenge_method"] == ["S256"]
        assert query["redirect_uri"] == [sent["redirect_uri"]] == [self.BACK]
        assert sent["authorization"].startswith("Basic ")

    @pytest.mark.parametrize(
        "wrong",
        [
            {"nonce": "another"},
            {"nonce": None},
            {"iss": "https://evil.example"},
            {"iss": None},
            {"aud": "another client"},
            {"aud": ["davserver", "another"]},
            {"azp": "another client"},
            {"aud": None},
            {"exp": 1},
            {"exp": None},
            {"iat": 1 << 40},
            {"sub": None},
            {"preferred_username": None},
            {"preferred_username": ["ann"]},
        ],
    )
    def test_a_token_that_says_something_wrong_is_nobody(
        self, client: Provider, lying: LyingProvider, wrong: dict[str, Any]
    ) -> None:
        lying.answer(lying.signed(lying.claims(**{"nonce": "the nonce", **wrong})))
        with pytest.raises(SignInNeeded):
            self.redeem(client)

    def test_a_signature_that_is_not_the_providers_is_nobody(
        self, client: Provider, lying: LyingProvider
    ) -> None:
        claims = lying.claims(nonce="the nonce")
        body = encoded(json.dumps(claims).encode())
        # The public key as if it were a shared secret (RFC 8725, 2.1).
        unsigned = encoded(b'{"alg":"HS256","kid":"1"}') + "." + body
        public = lying.key.as_pem(private=False)
        confused = encoded(hmac.digest(public, unsigned.encode(), "sha256"))
        forged = [
            lying.signed(claims, RSAKey.generate_key(2048, {"kid": "1"}, private=True)),
            encoded(b'{"alg":"none"}') + f".{body}.",
            f"{unsigned}.{confused}",
            lying.signed(claims, OctKey.import_key(SECRET), "HS256"),
            lying.signed(claims)[:-8] + "AAAAAAAA",
            "nonsense",
        ]
        for token in forged:
            lying.answer(token)
            with pytest.raises(SignInNeeded):
                self.redeem(client)

    def test_a_new_key_is_fetched_but_not_for_every_bad_token(
        self, client: Provider, lying: LyingProvider
    ) -> None:
        lying.answer(lying.signed(lying.claims(nonce="the nonce")))
        self.redeem(client)
        lying.key = RSAKey.generate_key(2048, {"kid": "1"}, private=True)
        lying.keys = {"keys": [lying.key.as_dict(private=False)]}
        lying.answer(lying.signed(lying.claims(nonce="the nonce")))
        for _ in range(3):
            with pytest.raises(SignInNeeded):
                self.redeem(client)
        assert lying.asked.count("/keys") == 1
        with later(61):
            assert self.redeem(client).name == "ann"

    def test_the_name_may_be_in_the_userinfo_of_the_same_person(
        self, client: Provider, lying: LyingProvider
    ) -> None:
        lying.answer(lying.signed(lying.claims(nonce="the nonce", preferred_username=None)))
        lying.userinfo = {"sub": "1", "preferred_username": "ann", "groups": "staff"}
        assert self.redeem(client) == Outside("ann", frozenset({"staff"}), None, "1")
        lying.userinfo = {"sub": "2", "preferred_username": "admin"}
        with pytest.raises(SignInNeeded):
            self.redeem(client)

    def test_a_provider_that_calls_itself_otherwise_is_not_asked(
        self, client: Provider, lying: LyingProvider
    ) -> None:
        lying.metadata["issuer"] = "https://evil.example"
        with pytest.raises(Unavailable):
            self.redeem(client)
        assert lying.sent == []

    @pytest.mark.parametrize("answer", [b"nonsense", [], "/elsewhere", b" " * (2 << 20), {}])
    def test_an_answer_that_is_none_is_a_passing_fault(
        self, client: Provider, lying: LyingProvider, answer: Any
    ) -> None:
        lying.metadata = answer
        with pytest.raises(Unavailable):
            client.address(self.BACK, "s", "n", "v" * 64)

    def test_an_endless_answer_is_given_up(
        self, client: Provider, lying: LyingProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(oidc, "ANSWER_SECONDS", -1)
        with pytest.raises(Unavailable):
            client.address(self.BACK, "s", "n", "v" * 64)

    def test_a_code_that_is_refused_is_nobody(self, client: Provider, lying: LyingProvider) -> None:
        for refused in ({"error": "invalid_grant"}, {"access_token": "a"}, [], b"nonsense"):
            lying.token = refused
            with pytest.raises((SignInNeeded, Unavailable)):
                self.redeem(client)


def test_a_provider_that_is_not_there_is_told_in_words(
    serve: Callable[..., ThreadServer], lying: LyingProvider
) -> None:
    server = serve(oidc_issuer=lying.url, oidc_client_id="davserver")
    lying.stop()
    lying.stop = lambda: None  # type: ignore[method-assign]
    answer = Browser(server).get(f"{server.url}/-/oidc/start")
    assert answer.status_code == 503
    assert "cannot be reached" in answer.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"oidc_issuer": "https://id.example.org"}, "oidc_client_id"),
        ({"oidc_issuer": "http://id.example.org", "oidc_client_id": "a"}, "https"),
        ({"oidc_issuer": "id.example.org", "oidc_client_id": "a"}, "full address"),
        (
            {"oidc_issuer": "https://a", "oidc_client_id": "a", "oidc_scopes": "profile"},
            "openid",
        ),
    ],
)
def test_settings_that_cannot_be_meant_are_said(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsWrong, match=message):
        read_settings(**options)


def test_an_issuer_is_taken_letter_by_letter() -> None:
    settings = read_settings(oidc_issuer="https://id.example.org/", oidc_client_id="a")
    assert settings.oidc_issuer == "https://id.example.org/"
    assert settings.oidc_name == "id.example.org"

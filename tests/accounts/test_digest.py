"""Digest (RFC 7616): an option, for app passwords."""

import contextlib
import re
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from requests.auth import HTTPDigestAuth

from davserver.accounts.app_passwords import hashed
from davserver.accounts.digest import _name, _parsed, _response
from davserver.errors import SignInNeeded
from davserver.providers.app_passwords import DigestNonces
from davserver.providers.share import Share
from tests.accounts.browsing import Browser, secret
from tests.clock import later
from tests.dav_client import DavClient
from tests.running import ADMIN, PASSWORD, ThreadServer


@pytest.fixture
def server(serve: Callable[..., ThreadServer]) -> ThreadServer:
    return serve(digest=True, digest_md5=True)


@pytest.fixture
def password(browser: Browser) -> str:
    return secret(browser.do("app-password", name="laptop", scope="/"))


def nonce_of(answer: requests.Response) -> str:
    found = re.search(r'nonce="([^"]+)"', answer.headers["WWW-Authenticate"])
    assert found
    return found[1]


class Device:
    """A client that makes each header field by itself."""

    def __init__(self, server: ThreadServer, password: str, name: str = ADMIN) -> None:
        self.server, self.password, self.name = server, password, name
        self.nonce = nonce_of(DavClient(server.url).propfind("/"))

    def field(self, method: str = "PROPFIND", path: str = "/", count: int = 1, **more: str) -> str:
        algorithm = more.get("algorithm", "SHA-256")
        fields = {
            "username": self.name,
            "realm": "davserver",
            "nonce": self.nonce,
            "uri": path,
            "algorithm": algorithm,
            "qop": "auth",
            "nc": f"{count:08x}",
            "cnonce": "0a1b",
            **more,
        }
        if algorithm in {"SHA-256", "MD5"}:
            ha1 = hashed(algorithm, f"{self.name}:davserver:{self.password}")
            fields.setdefault("response", _response(ha1, fields, method, algorithm))
        return "Digest " + ", ".join(f'{name}="{value}"' for name, value in fields.items())

    def send(self, field: str, method: str = "PROPFIND", path: str = "/") -> requests.Response:
        headers = {"Authorization": field, "Depth": "0"}
        return DavClient(self.server.url).request(method, path, headers=headers)


@pytest.fixture
def device(server: ThreadServer, password: str) -> Device:
    return Device(server, password)


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
    ],
)
def test_7616_3_9_1_the_example(algorithm: str, expected: str) -> None:
    given_fields = {
        "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        "uri": "/dir/index.html",
        "nc": "00000001",
        "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        "qop": "auth",
    }
    ha1 = hashed(algorithm, "Mufasa:http-auth@example.org:Circle of Life")
    assert _response(ha1, given_fields, "GET", algorithm) == expected


@pytest.mark.parametrize("md5", [False, True])
def test_a_client_of_somebody_else_signs_in(serve: Callable[..., ThreadServer], md5: bool) -> None:
    server = serve(digest=True, digest_md5=md5)
    browser = Browser(server)
    browser.sign_in()
    client = DavClient(server.url)
    made = secret(browser.do("app-password", name="x", scope="/"))
    client.session.auth = HTTPDigestAuth(ADMIN, made)
    assert client.put("/a b.txt", b"x").status_code == 201
    for _ in range(3):
        assert client.propfind("/a b.txt").status_code == 207
    assert client.request("GET", "/a b.txt", params={"x": "1"}).status_code == 200
    assert server.app.share.files.versions("/a b.txt")[0].author == ADMIN


def test_the_better_algorithm_comes_first(server: ThreadServer) -> None:
    told = DavClient(server.url).propfind("/").headers["WWW-Authenticate"]
    assert told.startswith('Basic realm="davserver"')
    assert re.findall(r"algorithm=([\w-]+)", told) == ["SHA-256", "MD5"]
    assert told.count('qop="auth"') == 2


def test_it_is_off_unless_it_is_set(serve: Callable[..., ThreadServer]) -> None:
    server = serve()
    told = DavClient(server.url).propfind("/").headers["WWW-Authenticate"]
    assert "Digest" not in told


def test_md5_is_off_unless_it_is_asked_for(serve: Callable[..., ThreadServer]) -> None:
    server = serve(digest=True)
    browser = Browser(server)
    browser.sign_in()
    device = Device(server, secret(browser.do("app-password", name="x", scope="/")))
    assert device.send(device.field()).status_code == 207
    assert device.send(device.field(count=2, algorithm="MD5")).status_code == 401


def test_no_count_of_a_nonce_is_taken_twice(device: Device) -> None:
    first, second, third = (device.field(count=count) for count in (1, 2, 3))
    assert device.send(first).status_code == 207
    again = device.send(first)
    assert again.status_code == 401
    assert "stale=true" in again.headers["WWW-Authenticate"]
    assert device.send(third).status_code == 207, "connections overtake each other"
    assert device.send(second).status_code == 207
    assert device.send(second).status_code == 401


def test_a_nonce_is_over_after_a_while(device: Device) -> None:
    with later(400):
        answer = device.send(device.field())
        assert "stale=true" in answer.headers["WWW-Authenticate"]
        device.nonce = nonce_of(answer)
        assert device.send(device.field()).status_code == 207


@pytest.mark.parametrize("nonce", ["x", "AAAA", "A" * 44, "é"])
def test_a_nonce_that_is_not_ours_counts_not(device: Device, nonce: str) -> None:
    device.nonce = nonce
    assert device.send(device.field()).status_code == 401


def test_an_answer_is_for_one_method_and_one_address(device: Device) -> None:
    assert device.send(device.field(), method="DELETE").status_code == 401
    assert device.send(device.field(count=2), path="/other").status_code == 401
    assert device.send(device.field(count=3)).status_code == 207


def test_an_address_may_be_whole(device: Device) -> None:
    assert device.send(device.field(path=f"{device.server.url}/")).status_code == 207
    foreign = device.field(path="http://evil.example/x", count=2)
    assert device.send(foreign).status_code == 401


@pytest.mark.parametrize(
    "wrong",
    [
        {"response": "0" * 64},
        {"realm": "other"},
        {"qop": "auth-int"},
        {"nc": "1"},
        {"cnonce": ""},
        {"algorithm": "SHA-512-256"},
        {"username": "nobody"},
    ],
)
def test_everything_else_is_refused(device: Device, wrong: dict[str, str]) -> None:
    answer = device.send(device.field(**wrong))
    assert answer.status_code == 401
    assert "stale" not in answer.headers["WWW-Authenticate"]


def test_account_passwords_are_never_good_for_it(server: ThreadServer) -> None:
    device = Device(server, PASSWORD)
    assert device.send(device.field()).status_code == 401
    assert server.client().propfind("/").status_code == 207, "Basic is as before"


def test_one_that_was_made_before_is_not_good_for_it(
    serve: Callable[..., ThreadServer],
) -> None:
    before = serve()
    browser = Browser(before)
    browser.sign_in()
    made = secret(browser.do("app-password", name="x", scope="/"))
    after = serve(digest=True)
    device = Device(after, made)
    assert device.send(device.field()).status_code == 401
    assert after.client(password=made).propfind("/").status_code == 207


def test_it_is_bounded_and_revoked_like_any_other(server: ThreadServer, browser: Browser) -> None:
    made = secret(browser.do("app-password", name="nas", scope="/", read_only="yes"))
    device = Device(server, made)
    assert device.send(device.field("PUT", "/a"), "PUT", "/a").status_code == 403
    assert device.send(device.field(count=2)).status_code == 207
    browser.do("revoke", name="nas")
    assert device.send(device.field(count=3)).status_code == 401


def test_a_name_may_have_any_letters(
    server: ThreadServer, add_user: Callable[[str, str], None]
) -> None:
    add_user("zoë", "zoë's password")
    zoe = Browser(server)
    zoe.sign_in("zoë", "zoë's password")
    device = Device(server, secret(zoe.do("app-password", name="x", scope="/")), "zoë")
    raw: Any = device.field().encode()
    assert device.send(raw).status_code == 207
    extended = device.field(count=2).replace('username="zoë"', f"username*=UTF-8''{quote('zoë')}")
    assert device.send(extended).status_code == 207


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60))
@settings(max_examples=100, deadline=None)
def test_nonsense_is_refused_in_words(text: str) -> None:
    with contextlib.suppress(SignInNeeded):
        assert isinstance(_name(_parsed(f"Digest {text}")), str)


class TestNonces:
    @given(counts=st.lists(st.integers(1, 200), max_size=80))
    @settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    def test_each_count_is_taken_once_at_most(self, share: Share, counts: list[int]) -> None:
        nonces, nonce = DigestNonces(share.catalog), uuid4().hex
        taken = [count for count in counts if nonces.use(nonce, count, 1e12)]
        assert len(taken) == len(set(taken))
        highest = 0
        for count in counts:
            if count > highest:
                assert count in taken, "a new highest one is always taken"
                highest = count

    def test_of_many_at_once_one_gets_it(self, share: Share) -> None:
        results: list[bool] = []
        nonces = DigestNonces(share.catalog)
        threads = [
            threading.Thread(target=lambda: results.append(nonces.use("n", 1, 1e12)))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(results) == [False] * 7 + [True]

    def test_they_are_forgotten_when_their_time_is_over(self, share: Share) -> None:
        nonces = DigestNonces(share.catalog)
        assert nonces.use("n", 1, 0.0)
        nonces.purge()
        assert nonces.use("n", 1, 0.0)

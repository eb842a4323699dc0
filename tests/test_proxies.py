"""What proxies say: believed from those that are listed, and from nobody else."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davserver.proxies import TrustedProxies

PROXY, OTHER_PROXY, CLIENT = "10.0.0.1", "10.0.0.2", "192.0.2.7"


def seen(peer: str, **headers: str) -> dict[str, Any]:
    """The environ behind a server that trusts 10.0.0.0/8, asked by ``peer``."""
    environ: dict[str, Any] = {
        "REMOTE_ADDR": peer,
        "HTTP_HOST": "inside:8080",
        "wsgi.url_scheme": "http",
        **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
    }
    TrustedProxies(lambda environ, start: [], ["10.0.0.0/8", "fd00::/8"])(environ, lambda *_: None)
    return environ


def who(environ: dict[str, Any]) -> tuple[str, str, str]:
    return environ["REMOTE_ADDR"], environ["wsgi.url_scheme"], environ["HTTP_HOST"]


def test_a_listed_proxy_says_who_asks_and_how() -> None:
    environ = seen(
        PROXY,
        x_forwarded_for=CLIENT,
        x_forwarded_proto="https",
        x_forwarded_host="files.example.org",
    )
    assert who(environ) == (CLIENT, "https", "files.example.org")


@pytest.mark.parametrize(
    "element",
    [
        "for=192.0.2.7;proto=https;host=files.example.org",
        'For="192.0.2.7:4711"; Proto=HTTPS; Host="files.example.org"',
        'for="[2001:db8::9]:1", for=192.0.2.7;host=files.example.org;proto=https',
    ],
)
def test_rfc_7239_is_understood(element: str) -> None:
    assert who(seen(PROXY, forwarded=element)) == (CLIENT, "https", "files.example.org")


def test_an_address_of_ipv6_is_taken_out_of_its_brackets() -> None:
    assert seen(PROXY, forwarded='for="[2001:db8::9]:4711"')["REMOTE_ADDR"] == "2001:db8::9"


def test_what_a_stranger_says_is_dropped() -> None:
    environ = seen(CLIENT, x_forwarded_for="10.0.0.9", x_forwarded_proto="https", forwarded="for=a")
    assert who(environ) == (CLIENT, "http", "inside:8080")
    assert not [name for name in environ if "FORWARDED" in name]


def test_what_a_client_says_before_the_proxy_is_not_believed() -> None:
    """The proxy adds the address that it saw; what stands before is the client's own tale."""
    assert seen(PROXY, x_forwarded_for=f"8.8.8.8, {CLIENT}")["REMOTE_ADDR"] == CLIENT


def test_a_row_of_proxies_leads_to_the_client() -> None:
    environ = seen(PROXY, x_forwarded_for=f"8.8.8.8, {CLIENT}, {OTHER_PROXY}")
    assert environ["REMOTE_ADDR"] == CLIENT


def test_a_unix_socket_counts_as_a_proxy() -> None:
    assert seen("", x_forwarded_for=CLIENT)["REMOTE_ADDR"] == CLIENT


def test_an_ipv4_address_in_ipv6_is_the_same_proxy() -> None:
    assert seen(f"::ffff:{PROXY}", x_forwarded_for=CLIENT)["REMOTE_ADDR"] == CLIENT


@pytest.mark.parametrize("host", ["a b", "x/../y", "", "<script>", "a:b:c", "h" * 300])
def test_a_host_that_is_none_is_not_taken(host: str) -> None:
    assert seen(PROXY, x_forwarded_host=host)["HTTP_HOST"] == "inside:8080"


@given(st.text(st.characters(max_codepoint=255), max_size=60), st.booleans())
def test_nothing_that_is_said_is_an_error(text: str, old: bool) -> None:
    environ = seen(PROXY, **({"x_forwarded_for": text} if old else {"forwarded": text}))
    assert environ["wsgi.url_scheme"] in {"http", "https"}
    assert environ["REMOTE_ADDR"]

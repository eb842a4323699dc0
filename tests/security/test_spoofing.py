"""What a client says about itself in header fields changes nothing but for listed proxies."""

import re
from collections.abc import Callable

import pytest

from tests.accounts.browsing import Browser
from tests.dav_client import DavClient
from tests.running import ThreadServer

CLAIMS = {
    "X-Forwarded-For": "203.0.113.9",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "https",
    "Forwarded": "for=203.0.113.9;host=evil.example;proto=https",
    "X-Real-IP": "203.0.113.9",
    "X-Original-URL": "/-/admin",
    "X-Rewrite-URL": "/-/admin",
    "X-Remote-User": "admin",
    "Remote-User": "admin",
    "X-Forwarded-User": "admin",
    "X-HTTP-Method-Override": "DELETE",
    "X-Http-Method": "DELETE",
}


@pytest.mark.parametrize("field", CLAIMS)
def test_a_strangers_claims_open_nothing(
    server: ThreadServer, client: DavClient, field: str
) -> None:
    client.put("/a.txt", b"content")
    stranger = server.client("")
    told = stranger.request("GET", "/a.txt", headers={field: CLAIMS[field]})
    assert told.status_code == 401
    assert b"content" not in told.content
    assert client.get("/a.txt").status_code == 200


@pytest.mark.parametrize("field", ["X-HTTP-Method-Override", "X-Http-Method", "X-Original-URL"])
def test_a_get_stays_a_get_of_what_it_says(client: DavClient, field: str) -> None:
    client.put("/a.txt", b"content")
    told = client.request("GET", "/a.txt", headers={field: CLAIMS[field]})
    assert (told.status_code, told.content) == (200, b"content")
    assert client.get("/a.txt").status_code == 200


def test_no_page_has_an_address_that_a_client_made_up(server: ThreadServer) -> None:
    browser = Browser(server)
    browser.sign_in()
    page = browser.session.get(f"{server.url}/", headers=CLAIMS, timeout=10)
    assert page.status_code == 200
    assert "evil.example" not in page.text + str(page.headers)


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example/",
        "https://evil.example/",
        "/\\evil.example/",
        "\\\\evil.example/",
        "/%09/evil.example/",
        "\t//evil.example/",
        "/\t/evil.example/",
        "javascript:alert(1)",
        "///evil.example",
        "/\r\nLocation: https://evil.example/",
        "@evil.example",
        "",
    ],
)
def test_signing_in_leads_nowhere_else(server: ThreadServer, wanted: str) -> None:
    """Pitfall 3.8: no way through us to somewhere else."""
    browser = Browser(server)
    done = browser.sign_in(next=wanted)
    assert done.status_code == 303
    assert re.fullmatch(r"/([^/\\].*)?", done.headers["Location"])


def test_another_host_is_answered_without_being_believed(
    serve: Callable[..., ThreadServer],
) -> None:
    server = serve(public_url="https://files.example.org")
    told = server.client("").request(
        "GET", "/", headers={"Host": "evil.example", "Accept": "text/html"}
    )
    assert told.status_code == 303
    assert "evil.example" not in str(told.headers) + told.text

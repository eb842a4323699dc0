"""Every address of ours, for everybody and by any method: what is said is never taken for a page.

The addresses are those that the application registers: a new one is asked here by itself.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from davserver.accounts.links import LINKS
from davserver.accounts.sign_in import SIGN_IN, SIGN_OUT
from davserver.model import Role
from davserver.web import Routes
from tests.accounts.browsing import Browser
from tests.accounts.link_making import address_of, make_link
from tests.documentserver import SECRET, DocumentServerDouble
from tests.running import ThreadServer

METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND", "TRACE", "NONSENSE"]
TAILS = ["", "a.docx", "a.txt", "d/", "nowhere", "%3Cscript%3Ealert(1)%3C/script%3E"]
BY_TOKEN = {"/-/download/", "/-/callback/", "/-/empty/", LINKS}
FOR_STRANGERS = {
    "/-/assets/",
    "/-/health",
    "/-/ready",
    "/-/api/oembed",
    "/.well-known/security.txt",
    SIGN_IN,
}
POLICY = [
    "default-src 'none'",
    "base-uri 'none'",
    "object-src 'none'",
    "form-action 'self'",
    "frame-ancestors 'self'",
    "style-src 'self'",
]

Serve = Callable[..., ThreadServer]


class Site:
    """A server with everything on but OpenID, the addresses it registered, and who asks."""

    def __init__(self, serve: Serve, routes: dict[str, Any], double: DocumentServerDouble) -> None:
        self.server = serve(
            document_server=double.url,
            jwt_secret=SECRET,
            security_contact="mailto:security@example.org",
        )
        self.routes = [*routes, SIGN_IN, SIGN_OUT, LINKS]
        self.methods = {route: methods for route, (methods, _) in routes.items()}
        self.methods |= {SIGN_IN: "GET POST", SIGN_OUT: "POST"}
        client = self.server.client()
        client.put("/a.docx", b"PK")
        client.put("/a.txt", b"x")
        client.mkcol("/d")
        link = make_link(self.server, "/d", Role.EDITOR)
        self.shared = address_of(self.server, link).removeprefix(self.server.url).rstrip("/")

    def addresses(self) -> Iterator[str]:
        for route in ["/", *self.routes]:
            yield from (route + tail for tail in (TAILS if route.endswith("/") else [""]))
        for route in self.routes:
            yield self.shared + route
        yield self.shared + "/"

    def person(self, who: str) -> requests.Session:
        browser = Browser(self.server)
        if who == "administrator":
            assert browser.sign_in().status_code == 303
        return browser.session

    def ask(
        self, person: requests.Session, method: str, address: str, accept: str = "*/*"
    ) -> requests.Response:
        return person.request(
            method,
            self.server.url + address,
            headers={"Accept": accept, "Depth": "0"},
            allow_redirects=False,
            timeout=20,
        )


@pytest.fixture
def site(
    serve: Serve, document_server: DocumentServerDouble, monkeypatch: pytest.MonkeyPatch
) -> Site:
    registered: dict[str, Any] = {}
    real = Routes.__init__

    def noting(self: Routes, next_app: Any, routes: dict[str, Any]) -> None:
        registered.update(routes)
        real(self, next_app, routes)

    monkeypatch.setattr(Routes, "__init__", noting)
    return Site(serve, registered, document_server)


def faults(told: requests.Response) -> Iterator[str]:
    """What is wrong with an answer's headers."""
    kind = told.headers.get("Content-Type", "")
    if told.status_code >= 500 and told.status_code != 501:
        yield "our mistake"
    if "Access-Control-Allow-Origin" in told.headers:
        yield "open to scripts of other sites"
    if re.search(r"\d", told.headers.get("Server", "")) or "X-Powered-By" in told.headers:
        yield "says what it is made with"
    # What WebDAV tells of many is for programs, and never the hot path's business.
    is_listing = told.status_code == 207
    if kind and not is_listing and told.headers.get("X-Content-Type-Options") != "nosniff":
        yield f"{kind} may be sniffed"
    if kind.startswith("text/html"):
        yield from _faults_of_page(told)
    for cookie in told.raw.headers.getlist("Set-Cookie"):
        if "HttpOnly" not in cookie or "SameSite=Lax" not in cookie:
            yield f"cookie {cookie.partition('=')[0]}"


def _faults_of_page(told: requests.Response) -> Iterator[str]:
    policy = told.headers.get("Content-Security-Policy", "")
    yield from (f"no {part}" for part in POLICY if f"{part};" not in policy)
    if not re.search(r"script-src 'self'( http://127\.0\.0\.1:\d+)?;", policy):
        yield "other scripts"
    if "unsafe" in policy:
        yield "unsafe"
    for name in ("Referrer-Policy", "Permissions-Policy"):
        if name not in told.headers:
            yield f"no {name}"
    for name in ("Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy"):
        if told.headers.get(name) != "same-origin":
            yield f"no {name}"
    if told.headers.get("Cache-Control") != "no-store":
        yield "kept"
    if "<script>alert" in told.text:
        yield "shows a name as markup"


@pytest.mark.parametrize("accept", ["text/html", "*/*"])
@pytest.mark.parametrize("who", ["administrator", "stranger"])
def test_every_answer_has_its_headers(site: Site, who: str, accept: str) -> None:
    person = site.person(who)
    wrong, pages = [], 0
    for address in site.addresses():
        for method in METHODS:
            is_our_file = method == "DELETE" and address.strip("/") in {"a.docx", "a.txt", "d"}
            if is_our_file or (address == SIGN_OUT and method == "POST"):
                continue
            told = site.ask(person, method, address, accept)
            pages += told.headers.get("Content-Type", "").startswith("text/html")
            wrong += [f"{method} {address} {told.status_code}: {one}" for one in faults(told)]
    assert wrong == []
    if who == "administrator" and accept == "text/html":
        assert pages > 50, "the test looks at pages"


def test_a_stranger_gets_nothing_but_what_is_for_strangers(site: Site) -> None:
    stranger = site.person("stranger")
    assert len(site.routes) > 20, "the test looks at the right routes"
    for route in set(site.routes) - FOR_STRANGERS:
        for tail in TAILS if route.endswith("/") else [""]:
            for method in ("GET", "HEAD", "POST", "PUT", "PROPFIND"):
                told = site.ask(stranger, method, route + tail)
                if route in BY_TOKEN:
                    assert told.status_code >= 400, f"{method} {route}{tail}"
                else:
                    assert told.status_code == 401, f"{method} {route}{tail}"
                    assert told.content in {b"", b"Sign in first.\n"}


def test_a_guest_of_a_link_gets_to_no_page_about_the_whole_site(site: Site) -> None:
    guest = site.person("stranger")
    for route in ("/-/admin", "/-/admin/audit", "/-/account", "/-/trash", "/-/metrics"):
        for method in ("GET", "POST"):
            assert site.ask(guest, method, site.shared + route).status_code == 404, route

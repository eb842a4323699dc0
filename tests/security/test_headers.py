"""The headers that keep our pages to themselves, on every page, asset and file."""

import re
from collections.abc import Callable

import pytest

from tests.accounts.browsing import Browser
from tests.dav_client import DavClient
from tests.running import ThreadServer

PAGES = [
    "/",
    "/-/login",
    "/-/trash",
    "/-/account",
    "/-/admin",
    "/-/admin/audit",
    "/-/shares",
    "/-/share/a.docx",
    "/-/versions/a.docx",
    "/-/edit/a.docx",
    "/-/text/a.txt",
    "/nowhere",
    "/-/nowhere",
]

RUN = {"html", "htm", "xhtml", "svg", "xml", "XML", "rdf", "wsdl", "xpdl", "fodt"}


@pytest.fixture
def browser(server: ThreadServer, client: DavClient) -> Browser:
    client.put("/a.docx", b"PK")
    client.put("/a.txt", b"x")
    one = Browser(server)
    one.sign_in()
    return one


@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs_only_our_own_scripts_in_nobody_elses_frame(
    browser: Browser, page: str
) -> None:
    told = browser.session.get(f"{browser.url}{page}", headers={"Accept": "text/html"}, timeout=10)
    assert told.headers["Content-Type"].startswith("text/html")
    policy = dict(
        part.strip().partition(" ")[::2]
        for part in told.headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == policy["base-uri"] == policy["object-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["form-action"] == "'self'"
    assert "unsafe" not in told.headers["Content-Security-Policy"]
    assert told.headers["X-Content-Type-Options"] == "nosniff"
    assert told.headers["Referrer-Policy"] == "same-origin"
    assert told.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "geolocation=()" in told.headers["Permissions-Policy"]
    assert told.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("page", PAGES)
def test_no_page_has_anything_inline_that_the_policy_would_have_to_allow(
    browser: Browser, page: str
) -> None:
    html = browser.session.get(
        f"{browser.url}{page}", headers={"Accept": "text/html"}, timeout=10
    ).text
    for script in re.findall(r"<script\b[^>]*>", html):
        assert "src=" in script or 'type="application/json"' in script, script
    assert not re.search(r"<style\b|\sstyle=|\son\w+=|javascript:", html)


@pytest.mark.parametrize("ending", sorted(RUN))
def test_a_file_that_a_browser_would_run_is_stored_and_not_run(
    client: DavClient, ending: str
) -> None:
    client.put(f"/a.{ending}", b"<script>alert(1)</script>")
    told = client.get(f"/a.{ending}")
    assert told.headers["Content-Disposition"].startswith("attachment")
    assert told.headers["Content-Security-Policy"].startswith("sandbox")
    assert told.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("name", ["a.js", "a.mjs", "a.css"])
def test_a_file_is_no_script_and_no_style_of_our_pages(client: DavClient, name: str) -> None:
    """Their policy trusts our own origin, and anybody who writes here could put a script on it."""
    client.put(f"/{name}", b"alert(1)")
    told = client.get(f"/{name}")
    assert told.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert told.headers["X-Content-Type-Options"] == "nosniff"
    listed = client.property(f"/{name}", "D:getcontenttype")
    assert listed is not None
    assert (listed.text or "").startswith("text/plain")


def test_browsers_are_told_to_come_by_tls_alone_only_where_they_do(
    serve: Callable[..., ThreadServer],
) -> None:
    by_tls = serve(hsts_days=1, public_url="https://files.example.org").client()
    assert by_tls.get("/").headers["Strict-Transport-Security"] == "max-age=86400"
    assert by_tls.get("/nowhere").headers["Strict-Transport-Security"] == "max-age=86400"
    plain = serve(hsts_days=1).client()
    assert "Strict-Transport-Security" not in plain.get("/").headers


def test_security_txt_names_the_contact_to_everybody(serve: Callable[..., ThreadServer]) -> None:
    told = (
        serve(security_contact="mailto:security@example.org")
        .client("")
        .get("/.well-known/security.txt")
    )
    assert told.status_code == 200
    assert "Contact: mailto:security@example.org\n" in told.text
    assert re.search(r"^Expires: 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$", told.text, re.M)


def test_without_a_contact_there_is_no_security_txt(server: ThreadServer) -> None:
    assert server.client().get("/.well-known/security.txt").status_code == 404

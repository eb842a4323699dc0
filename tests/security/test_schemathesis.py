"""Whatever is sent to an address of ours, in whatever form: no fault of ours, no answer unguarded.

The description of our addresses (OpenAPI 3.1) is made from those that the application registers,
with what their queries, forms and headers may hold; schemathesis makes requests of it, good and
bad ones. WebDAV's methods are none of OpenAPI's; tests/dav/test_fuzz.py has those.
"""

from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode

from tests.accounts.browsing import Browser
from tests.security.test_every_route import Site, faults, site

__all__ = ["site"]

EXAMPLES = 12
TAILS = ["a.docx", "a.txt", "d", "nowhere", "%2e%2e/%2e%2e", "a\u0000b", "\ud7ff", ""]
# Nobody's sign-out, and no removal of who asks.
LEFT_OUT = {"/-/logout"}
TEXT = {"type": "string", "maxLength": 300}
ADDRESS = {"anyOf": [{"type": "string", "enum": ["/", "/a.docx", "/d/", "/d", "//x"]}, TEXT]}
NUMBER = {"anyOf": [{"type": "integer"}, TEXT]}
QUERY = {
    "path": ADDRESS,
    "next": ADDRESS,
    "download": NUMBER,
    "version": NUMBER,
    "show": TEXT,
    "in": {"type": "string", "enum": ["dialog", ""]},
    "mode": {"type": "string", "enum": ["edit", "view", "all"]},
    "event": TEXT,
    "since": TEXT,
    "as": TEXT,
}
FORM = {
    "do": TEXT,
    "act": {"type": "string", "enum": ["give", "take", "link", "change", "revoke", "x"]},
    "name": TEXT,
    "folder": ADDRESS,
    "path": ADDRESS,
    "kind": {"type": "string", "enum": ["docx", "xlsx", "pptx", "txt", "exe"]},
    "restore": NUMBER,
    "role": {"type": "string", "enum": ["viewer", "editor", "none", "god"]},
    "who": TEXT,
    "subject": TEXT,
    "password": TEXT,
    "expires": TEXT,
    "max_downloads": NUMBER,
    "watermark": TEXT,
    "size": TEXT,
    "code": TEXT,
    "passkey": TEXT,
    "id": TEXT,
}
HEADERS = {
    "Range": TEXT,
    "If-Match": TEXT,
    "If-Range": TEXT,
    "Accept-Language": TEXT,
    "Upload-Offset": NUMBER,
    "Upload-Length": NUMBER,
    "Upload-Metadata": TEXT,
    "Content-Type": TEXT,
}


def _parameters(where: str, of: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": name, "in": where, "schema": schema} for name, schema in of.items()]


def _operation(method: str, *, has_tail: bool) -> dict[str, Any]:
    told: dict[str, Any] = {
        "parameters": [*_parameters("query", QUERY), *_parameters("header", HEADERS)],
        "responses": {"default": {"description": "whatever is true"}},
    }
    if has_tail:
        tail = {"type": "string", "enum": TAILS}
        told["parameters"].append({"name": "tail", "in": "path", "required": True, "schema": tail})
    if method == "POST":
        form = {"type": "object", "properties": FORM}
        json = {"type": "object", "properties": FORM}
        told["requestBody"] = {
            "content": {
                "application/x-www-form-urlencoded": {"schema": form},
                "application/json": {"schema": json},
            }
        }
    return told


def described(routes: dict[str, str]) -> dict[str, Any]:
    """An OpenAPI document for addresses with their methods."""
    addresses: dict[str, Any] = {}
    for route, methods in routes.items():
        has_tail = route.endswith("/")
        known = [one for one in methods.split() if one in {"GET", "POST", "PUT", "PATCH", "DELETE"}]
        addresses[route + "{tail}" if has_tail else route] = {
            method.lower(): _operation(method, has_tail=has_tail) for method in known
        }
    info = {"title": "davserver", "version": "1"}
    return {"openapi": "3.1.0", "info": info, "paths": addresses}


def signed_in(site: Site) -> requests.Session:
    """An administrator's browser that sends the proof of our forms with every request."""
    browser = Browser(site.server)
    assert browser.sign_in().status_code == 303
    page = browser.get("/")
    csrf = page.text.partition('data-csrf="')[2].partition('"')[0]
    assert csrf, "the test is let through to the forms"
    browser.session.headers["X-CSRF-Token"] = csrf
    return browser.session


@pytest.mark.parametrize("who", ["administrator", "stranger"])
def test_no_request_finds_a_fault_of_ours(site: Site, who: str) -> None:
    session = signed_in(site) if who == "administrator" else site.person(who)
    routes = {route: methods for route, methods in site.methods.items() if route not in LEFT_OUT}
    schema = schemathesis.openapi.from_dict(described(routes))
    asked = 0

    for found in schema.get_all_operations():
        operation = found.ok()
        for mode in GenerationMode:

            @given(case=operation.as_strategy(generation_mode=mode))
            @settings(
                max_examples=EXAMPLES,
                deadline=None,
                database=None,
                derandomize=True,
                phases=[Phase.generate, Phase.shrink],
                suppress_health_check=list(HealthCheck),
            )
            def ask(case: schemathesis.Case) -> None:
                nonlocal asked
                wanted = case.as_transport_kwargs(base_url=site.server.url)
                told = session.request(**wanted, allow_redirects=False, timeout=20)
                asked += 1
                wrong = list(faults(told))
                assert not wrong, f"{case.as_curl_command()}: {wrong}"

            ask()
    assert asked > len(routes) * EXAMPLES, "the test sends requests"

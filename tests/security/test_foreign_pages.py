"""What a page of another site can make a browser do: nothing that changes something."""

import json
from collections.abc import Callable

import pytest

from davserver.model import Grant, Role
from tests.accounts.browsing import Browser
from tests.accounts.link_making import guest, make_link
from tests.dav_client import DavClient
from tests.running import ThreadServer

FOREIGN = [
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "same-site", "Origin": "https://neighbour.example"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
]
CHANGES = ["PUT", "DELETE", "MKCOL", "MOVE", "COPY", "PROPPATCH", "LOCK", "UNLOCK", "PATCH"]


@pytest.fixture
def browser(server: ThreadServer, client: DavClient) -> Browser:
    client.put("/a.txt", b"content")
    one = Browser(server)
    one.sign_in()
    return one


@pytest.mark.parametrize("fields", FOREIGN, ids=lambda fields: "-".join(fields.values()))
@pytest.mark.parametrize("method", CHANGES)
def test_a_foreign_page_changes_nothing_with_the_browsers_cookie(
    browser: Browser, client: DavClient, method: str, fields: dict[str, str]
) -> None:
    told = browser.session.request(
        method,
        f"{browser.url}/a.txt",
        headers={**fields, "Destination": f"{browser.url}/b.txt"},
        timeout=10,
    )
    assert told.status_code == 403
    assert "another site" in told.text
    assert client.get("/a.txt").content == b"content"


@pytest.mark.parametrize("fields", FOREIGN, ids=lambda fields: "-".join(fields.values()))
def test_a_foreign_form_is_refused_even_with_a_password_that_the_browser_adds(
    client: DavClient, fields: dict[str, str]
) -> None:
    form = {"kind": "txt", "folder": "/"}
    assert client.request("POST", "/-/new", data=form, headers=fields).status_code == 403


def test_our_own_page_and_programs_go_on_working(browser: Browser, client: DavClient) -> None:
    ours = {"Sec-Fetch-Site": "same-origin", "Origin": browser.url}
    put = browser.session.put(f"{browser.url}/a.txt", data=b"ours", headers=ours, timeout=10)
    assert put.status_code == 204
    old = browser.session.put(
        f"{browser.url}/a.txt", data=b"old", headers={"Origin": browser.url}, timeout=10
    )
    assert old.status_code == 204, "a browser that does not know Sec-Fetch-Site"
    # A program may say any origin, with a password that it was given for this.
    assert client.put("/a.txt", b"program", Origin="app://editor").status_code == 204


@pytest.mark.parametrize("method", ["COPY", "MOVE"])
@pytest.mark.parametrize("where", ["http://[/x", "http://[::1", "//["])
def test_what_is_no_address_hides_no_refusal(
    server: ThreadServer, browser: Browser, method: str, where: str
) -> None:
    fields = {**FOREIGN[0], "Destination": where}
    told = browser.session.request(method, f"{browser.url}/a.txt", headers=fields, timeout=10)
    assert told.status_code == 403
    audit = (server.settings.state / "audit" / "audit.jsonl").read_text().splitlines()
    refused = [line for line in map(json.loads, audit) if line["event"] == "refused"]
    assert [(line["method"], line["path"]) for line in refused] == [(method, "/a.txt")]


def test_reading_is_answered_and_no_foreign_page_may_see_it(browser: Browser) -> None:
    told = browser.session.get(
        f"{browser.url}/a.txt", headers={"Origin": "https://evil.example"}, timeout=10
    )
    assert told.status_code == 200
    assert "Access-Control-Allow-Origin" not in told.headers


def test_strangers_with_the_right_to_write_are_not_used_either(
    serve: Callable[..., ThreadServer],
) -> None:
    server = serve(anonymous="write", i_know=True)
    stranger = server.client("")
    assert stranger.request("PUT", "/a.txt", headers=FOREIGN[0]).status_code == 403
    assert stranger.put("/a.txt", b"x").status_code == 201


def test_guests_of_a_link_are_not_used_either(server: ThreadServer, client: DavClient) -> None:
    client.mkcol("/shared")
    server.app.share.access.give(Grant("/shared", "user:admin", Role.MANAGER), by="admin")
    somebody = guest(server, make_link(server, "/shared", Role.EDITOR, made_by="admin"))
    assert somebody.request("PUT", "/a.txt", headers=FOREIGN[0]).status_code == 403
    assert somebody.put("/a.txt", b"x").status_code == 201

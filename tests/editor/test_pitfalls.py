"""Mistakes that other integrations made; those with no better place for their test.

The numbers are those of a survey of eight integrations, and of the advisories about them. Each test
of one names it: "Pitfall 3.7". tests/editor and tests/security have the others.
"""

import re
from collections.abc import Callable
from pathlib import Path

import jwt
import pytest
import requests
from lxml import html

from davserver.model import Grant, Right, Role
from davserver.tokens import Tokens, server_secret
from tests.documentserver import SECRET
from tests.editor.desk import Desk
from tests.editor.opening import configuration, page

WEAPONS = [
    "</script><script>alert(1)</script>.docx",
    '"};alert(1);{".docx',
    "<!--<script>.docx",
    "a\u2028b\u2029c.docx",
    "'-alert(1)-'.docx",
]


def test_every_pitfall_has_its_test() -> None:
    found = set()
    for file in Path(__file__).parents[1].rglob("test_*.py"):
        found |= {int(one) for one in re.findall(r"Pitfalls? 3\.(\d+)", file.read_text())}
    assert sorted(set(range(1, 30)) - found) == []


def test_what_the_document_server_is_given_signs_nobody_in(desk: Desk) -> None:
    """Pitfall 3.3: addresses end in the Document Server's database and logs."""
    editor = desk.edit()
    for address in (editor.download, editor.callback):
        token = address.rpartition("/")[2]
        attempts: list[dict[str, str]] = [
            {"Authorization": f"Bearer {token}"},
            {"Cookie": f"davserver-session={token}"},
            {"Cookie": f"davserver-link={token}; davserver-guest={token}"},
        ]
        for headers in attempts:
            assert (
                requests.get(f"{desk.office.url}/a.docx", headers=headers, timeout=5).status_code
                == 401
            )
        assert desk.office.client("admin", token).get("/a.docx").status_code == 401
        claims = jwt.decode(token, options={"verify_signature": False})
        assert not {"sub", "user", "name", "password"} & claims.keys(), "no person is in it"


def test_the_shared_secret_makes_no_token_of_ours(desk: Desk) -> None:
    """Pitfall 3.5: who runs the Document Server opens nothing but what is open in it."""
    editor = desk.edit()
    claims = Tokens(server_secret(desk.office.settings.state), "download").read(
        editor.download.rpartition("/")[2]
    )
    forged = jwt.encode(claims, SECRET, "HS256")
    address = f"{desk.office.url}/-/download/{forged}"
    headers = desk.double.headers({"payload": {"url": address}})
    assert requests.get(address, headers=headers, timeout=5).status_code == 403


@pytest.mark.parametrize("name", WEAPONS)
def test_a_name_breaks_out_of_no_script(desk: Desk, name: str) -> None:
    """Pitfall 3.9: the configuration is data in the page, whatever the file is called."""
    name = name.replace("/", "\u2215")
    config = configuration(desk.office, desk.ann, name)
    assert config["document"]["title"] == name
    text = page(desk.ann, name).text
    scripts = html.fromstring(text).xpath("//script")
    assert all(one.get("src") or one.get("type") == "application/json" for one in scripts)
    assert "alert(1)" not in "".join(one.text or "" for one in scripts if not one.get("type"))
    assert "<script>alert" not in text


def test_the_editor_runs_what_is_ours_and_the_document_servers(desk: Desk) -> None:
    """Pitfall 3.10: nothing inline, no other origin, nobody else's frame."""
    desk.edit("a.docx")
    told = page(desk.ann, "a.docx")
    policy = dict(
        part.strip().partition(" ")[::2]
        for part in told.headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["frame-src"] == f"'self' {desk.double.url}"
    assert policy["connect-src"] == policy["frame-ancestors"] == "'self'"
    assert "unsafe" not in told.headers["Content-Security-Policy"]
    assert "postMessage" not in told.text


def test_what_may_not_be_downloaded_is_not_by_any_door_but_is_opened(desk: Desk) -> None:
    """Pitfall 3.23: a ban that the drive does not know is none."""
    bob = desk.person("bob")
    desk.edit("a.docx").close()
    desk.share.access.give(
        Grant("/a.docx", "user:bob", Role.VIEWER, frozenset({Right.DOWNLOAD})), by=""
    )
    assert bob.get("/a.docx").status_code == 403
    assert bob.request("GET", "/a.docx", params={"as": "pdf"}).status_code == 403
    assert bob.request("GET", "/-/versions/a.docx", params={"download": "1"}).status_code == 403
    config = configuration(desk.office, bob, "a.docx", how="view")
    assert config["document"]["permissions"]["download"] is False
    address = config["document"]["url"]
    headers = desk.double.headers({"payload": {"url": address}})
    assert requests.get(address, headers=headers, timeout=5).status_code == 200
    assert requests.get(address, auth=("bob", "password of bob"), timeout=5).status_code == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_no_page_of_another_site_reads_what_the_document_server_reads(
    desk_with: Callable[..., Desk], origin: str
) -> None:
    """Pitfall 3.24: the Document Server is a server, and asks nobody for leave."""
    desk = desk_with()
    editor = desk.edit()
    headers = {**desk.double.headers({"payload": {"url": editor.download}}), "Origin": origin}
    for told in (
        requests.get(editor.download, headers=headers, timeout=5),
        requests.options(editor.callback, headers={"Origin": origin}, timeout=5),
        requests.post(editor.callback, headers={"Origin": origin}, json={}, timeout=5),
    ):
        assert not [name for name in told.headers if name.lower().startswith("access-control")]

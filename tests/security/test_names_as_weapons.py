"""Names that would be markup, scripts or header fields are shown as the text that they are."""

from urllib.parse import unquote

import pytest

from tests.accounts.browsing import Browser
from tests.dav_client import DavClient

NAMES = [
    "<script>alert(1)</script>.txt",
    '"><img src=x onerror=alert(1)>.docx',
    "' onmouseover='alert(1).txt",
    "{{7191*7}}{% raw %}.txt",
    "&lt;b&gt;.txt",
    "javascript:alert(1).txt",
    "</script><svg onload=alert(1)>.txt",
    "a%0d%0aSet-Cookie: x=y.txt",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_text_on_every_page(browser: Browser, client: DavClient, name: str) -> None:
    name = name.replace("/", "\u2215")
    assert client.put(f"/{name}", b"x").status_code == 201
    assert client.mkcol(f"/in {name}").status_code == 201
    address = client.url(f"/{name}").removeprefix(client.base)
    pages = [
        "/",
        f"/-/versions{address}",
        f"/-/share{address}",
        f"/-/edit{address}",
        f"/-/text{address}",
    ]
    shown = [browser.get(page).text for page in pages]
    client.delete(f"/{name}")
    shown += [browser.get(page).text for page in ("/-/trash", "/-/admin/audit")]
    for html in shown:
        assert "<script>alert" not in html
        assert "<img src=x" not in html
        assert "<svg onload" not in html
        assert "' onmouseover='" not in html.replace("&#39;", "")
        assert str(7191 * 7) not in html, "a name is no template"


@pytest.mark.parametrize("name", NAMES)
def test_a_name_makes_no_header_field(client: DavClient, name: str) -> None:
    name = name.replace("/", "\u2215")
    client.put(f"/{name}", b"x")
    told = client.get(f"/{name}")
    assert told.status_code == 200
    assert "Set-Cookie" not in told.headers
    for value in told.headers.values():
        assert value.isascii()
        assert "\n" not in value
        assert "\r" not in value


@pytest.mark.parametrize("name", NAMES)
def test_a_name_leads_nowhere_else(browser: Browser, client: DavClient, name: str) -> None:
    name = name.replace("/", "\u2215")
    client.mkcol(f"/{name}")
    address = client.url(f"/{name}").removeprefix(client.base)
    for page in (address, f"/-/edit{address}", f"/-/view{address}"):
        told = browser.get(page)
        assert told.status_code in {301, 303, 308}, page
        where = told.headers["Location"].removeprefix(client.base)
        assert unquote(where) == f"/{name}/"


@pytest.mark.parametrize("name", ["a\r\nX-Evil: 1", "a\nb", "a\x00b", "\x1b[31mred"])
def test_a_name_with_control_characters_is_refused(client: DavClient, name: str) -> None:
    assert client.put(f"/{name}", b"x").status_code in {400, 403}

"""The three forms of the editor, and who may put the third into a page."""

from collections.abc import Callable

import pytest
from lxml import html

from davserver.model import Right
from tests.accounts.link_making import guest, make_link
from tests.documentserver import DocumentServerDouble
from tests.editor.desk import Desk
from tests.editor.opening import configuration, page

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Mobile/15E148"


def policy(desk: Desk, address: str, **query: str) -> str:
    headers = {"Accept": "text/html"}
    answer = desk.ann.request("GET", address, headers=headers, params=query)
    assert answer.status_code == 200
    return answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("headers", "surface"),
    [
        ({}, "desktop"),
        ({"User-Agent": PHONE}, "mobile"),
        ({"Sec-CH-UA-Mobile": "?1", "User-Agent": "x"}, "mobile"),
        ({"Sec-CH-UA-Mobile": "?0", "User-Agent": PHONE}, "desktop"),
    ],
)
def test_the_browser_decides(desk: Desk, headers: dict[str, str], surface: str) -> None:
    (desk.root / "a.docx").write_bytes(b"")
    query = {"path": "/a.docx", "mode": "view"}
    answer = desk.ann.request("GET", "/-/api/editor-config", params=query, headers=headers)
    assert answer.json()["type"] == surface


@pytest.mark.parametrize("surface", ["desktop", "mobile", "embedded"])
@pytest.mark.parametrize("how", ["edit", "view"])
def test_the_address_decides_before_that(desk: Desk, how: str, surface: str) -> None:
    (desk.root / "a.docx").write_bytes(b"")
    config = configuration(desk.office, desk.ann, "a.docx", how=how, type=surface)
    assert config["type"] == surface


@pytest.mark.parametrize("address", ["/-/edit/a.docx", "/-/api/editor-config"])
def test_another_type_is_refused(desk: Desk, address: str) -> None:
    (desk.root / "a.docx").write_bytes(b"")
    query = {"path": "/a.docx", "type": "huge"}
    assert desk.ann.request("GET", address, params=query).status_code == 400


def test_a_phone_is_offered_an_app_and_reading(desk: Desk) -> None:
    (desk.root / "a.docx").write_bytes(b"")
    offer = html.fromstring(page(desk.ann, "a.docx", type="mobile").text)
    links = offer.xpath("//*[@id='on-phone']//a/@href")
    assert links == [f"ms-word:ofe|u|{desk.office.url}/a.docx", "/-/view/a.docx"]
    reading = html.fromstring(page(desk.ann, "a.docx", how="view", type="mobile").text)
    assert len(reading.xpath("//*[@id='on-phone']//a")) == 1
    assert 'id="on-phone"' not in page(desk.ann, "a.docx", type="desktop").text


def test_who_may_not_download_is_offered_no_app(desk: Desk) -> None:
    (desk.root / "a.docx").write_bytes(b"")
    without = frozenset({Right.DOWNLOAD})
    stranger = guest(desk.office, make_link(desk.office, "/a.docx", without=without))
    offer = html.fromstring(page(stranger, "a.docx", how="view", type="mobile").text)
    assert offer.xpath("//*[@id='on-phone']//a") == []


def test_an_embedded_document_is_for_reading_and_leads_out(desk: Desk) -> None:
    (desk.root / "a.docx").write_bytes(b"")
    config = configuration(desk.office, desk.ann, "a.docx", type="embedded")
    assert config["editorConfig"]["mode"] == "view"
    assert desk.locks("a.docx") == []
    told = config["editorConfig"]["embedded"]
    assert told["embedUrl"].endswith("/-/view/a.docx?type=embedded")
    assert told["fullscreenUrl"] == f"{desk.office.url}/-/view/a.docx"
    assert told["saveUrl"] == f"{desk.office.url}/a.docx"


def test_it_has_nothing_of_ours_around_it(desk: Desk) -> None:
    (desk.root / "a.csv").write_bytes(b"")
    assert 'id="lossy"' in page(desk.ann, "a.csv").text
    embedded = page(desk.ann, "a.csv", type="embedded").text
    assert 'id="lossy"' not in embedded
    assert "<header" not in embedded


def test_only_an_embedded_page_may_stand_in_pages_of_the_named(
    desk_with: Callable[..., Desk],
) -> None:
    desk = desk_with(embedders=("https://intranet.example.org",))
    (desk.root / "a.docx").write_bytes(b"")
    embedded = policy(desk, "/-/view/a.docx", type="embedded")
    assert "frame-ancestors 'self' https://intranet.example.org;" in embedded
    for other in ("/-/view/a.docx", "/-/edit/a.docx", "/", "/-/versions/a.docx"):
        assert "frame-ancestors 'self';" in policy(desk, other)


def test_without_the_setting_nobody_may(desk: Desk) -> None:
    (desk.root / "a.docx").write_bytes(b"")
    assert "frame-ancestors 'self';" in policy(desk, "/-/view/a.docx", type="embedded")


def test_a_folder_loads_the_editor_ahead_where_that_is_set(
    desk_with: Callable[..., Desk], document_server: DocumentServerDouble
) -> None:
    desk = desk_with(preload_editor=True)
    policy_then = policy(desk, "/")
    assert f"frame-src 'self' {document_server.url};" in policy_then
    assert "script-src 'self';" in policy_then
    text = desk.ann.request("GET", "/", headers={"Accept": "text/html"}).text
    assert f"{document_server.url}/web-apps/apps/api/documents/preload.html" in text


def test_otherwise_it_does_not(desk: Desk) -> None:
    assert "preload.html" not in desk.ann.request("GET", "/", headers={"Accept": "text/html"}).text

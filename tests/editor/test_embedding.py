"""Documents of links in pages of other sites: the HTML for it, and what programs are told."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from lxml import html

from davserver.model import GuestNames, Role
from tests.accounts.link_making import address_of, make_link
from tests.editor.desk import Desk

WIKI = "https://wiki.example.org"
PAGE = {"Accept": "text/html"}
OEMBED = "/-/api/oembed"


@pytest.fixture
def desk(desk_with: Callable[..., Desk]) -> Desk:
    desk = desk_with(embedders=(WIKI,))
    (desk.root / 'a "b" <c>.docx').write_bytes(b"")
    (desk.root / "photo.jpg").write_bytes(b"")
    (desk.root / "d").mkdir()
    return desk


def told(desk: Desk, url: str, **query: Any) -> requests.Response:
    """What a program that has no account is told."""
    return requests.get(desk.office.url + OEMBED, params={"url": url, **query}, timeout=10)


def shared(desk: Desk, **terms: Any) -> str:
    return address_of(desk.office, make_link(desk.office, '/a "b" <c>.docx', **terms))


def test_a_program_is_told_how_to_show_what_a_link_leads_to(desk: Desk) -> None:
    """oEmbed 1.0, 2.3.4: the type "rich"."""
    link = shared(desk)
    answer = told(desk, link)
    assert answer.headers["Content-Type"] == "application/json"
    told_of = answer.json()
    assert (told_of["version"], told_of["type"]) == ("1.0", "rich")
    assert told_of["title"] == 'a "b" <c>.docx'
    assert (told_of["width"], told_of["height"]) == (800, 600)
    [frame] = html.fragments_fromstring(told_of["html"])
    assert frame.tag == "iframe"
    assert frame.get("title") == 'a "b" <c>.docx'
    assert frame.get("src") == f"{link}?type=embedded"


def test_the_frame_shows_the_viewer_in_pages_of_that_site(desk: Desk) -> None:
    answer = requests.get(shared(desk, role=Role.EDITOR) + "?type=embedded", headers=PAGE)
    assert answer.status_code == 200
    assert "/-/view/" in answer.url
    assert answer.url.endswith("?type=embedded")
    assert f"frame-ancestors 'self' {WIKI};" in answer.headers["Content-Security-Policy"]
    assert '"mode": "view"' in answer.text


@pytest.mark.parametrize(
    ("asked", "size"),
    [
        ({"maxwidth": 400, "maxheight": 300}, (400, 300)),
        ({"maxwidth": 99999, "maxheight": 1}, (800, 200)),
    ],
)
def test_the_frame_has_the_room_that_is_there(
    desk: Desk, asked: dict[str, int], size: tuple[int, int]
) -> None:
    answer = told(desk, shared(desk), **asked).json()
    assert (answer["width"], answer["height"]) == size
    assert f'width="{size[0]}" height="{size[1]}"' in answer["html"]


def test_what_makes_no_sense_is_refused(desk: Desk) -> None:
    link = shared(desk)
    assert told(desk, link, maxwidth="-1").status_code == 400
    assert told(desk, link, format="xml").status_code == 501
    for url in ("", "http://[", "x" * 5000, link.replace("http", "https"), link[:-5] + "aaaa/"):
        assert told(desk, url).status_code == 404, url


@pytest.mark.parametrize(
    "terms",
    [{"password": "open sesame"}, {"guest_names": GuestNames.REQUIRED}, {"made_by": "nobody"}],
)
def test_a_link_that_asks_for_something_first_or_has_ended_is_not_told(
    desk: Desk, terms: dict[str, Any]
) -> None:
    assert told(desk, shared(desk, **terms)).status_code == 404


@pytest.mark.parametrize("path", ["/d", "/photo.jpg"])
def test_what_the_editor_does_not_open_is_not_told(desk: Desk, path: str) -> None:
    assert told(desk, address_of(desk.office, make_link(desk.office, path))).status_code == 404


def test_where_no_site_is_named_nothing_is_told(desk_with: Callable[..., Desk]) -> None:
    desk = desk_with()
    (desk.root / 'a "b" <c>.docx').write_bytes(b"")
    link = shared(desk)
    assert told(desk, link).status_code == 404
    assert "oembed" not in requests.get(link, headers=PAGE, timeout=10).text


def test_the_page_of_a_link_leads_programs_there(desk: Desk) -> None:
    """oEmbed 1.0, 4: discovery."""
    link = shared(desk)
    for address in (link, link + "?show"):
        page = html.fromstring(requests.get(address, headers=PAGE, timeout=10).content)
        [found] = page.xpath("//link[@type='application/json+oembed']/@href")
        assert urlsplit(found).path == OEMBED
        assert parse_qs(urlsplit(found).query)["url"] == [link]
    guarded = shared(desk, guest_names=GuestNames.REQUIRED)
    assert "oembed" not in requests.get(guarded, headers=PAGE, timeout=10).text


def test_the_share_page_has_the_html_to_copy(desk: Desk) -> None:
    link = shared(desk)
    page = _share_page(desk)
    [text] = html.fromstring(page).xpath("//details[@class='embed']//textarea/text()")
    assert f'src="{link}?type=embedded"' in text
    assert WIKI in page


def test_the_share_page_says_what_is_missing(desk_with: Callable[..., Desk]) -> None:
    desk = desk_with()
    (desk.root / 'a "b" <c>.docx').write_bytes(b"")
    shared(desk)
    assert re.search(r"the setting <code>embedders</code>", _share_page(desk))


def test_the_share_page_has_none_for_a_link_with_a_password(desk: Desk) -> None:
    shared(desk, password="open sesame")
    assert "<iframe" not in html.fromstring(_share_page(desk)).text_content()


def _share_page(desk: Desk) -> str:
    address = '/-/share/a "b" <c>.docx'
    return str(desk.ann.request("GET", address, headers=PAGE).text)

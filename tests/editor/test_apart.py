"""People are told where a save lies that could not go over its file, until one of them knows."""

import re

import pytest
from lxml import html

from davserver.model import Grant, Role
from tests.accounts.link_making import address_of, make_link
from tests.accounts.test_gate import csrf_in
from tests.dav_client import DavClient
from tests.editor.desk import Desk
from tests.running import ADMIN


def listing(person: DavClient, folder: str = "/") -> str:
    return str(person.request("GET", folder, headers={"Accept": "text/html"}).text)


def told(person: DavClient, folder: str = "/") -> list[str]:
    page = html.fromstring(listing(person, folder))
    return [
        " ".join(span.text_content().split()) for span in page.xpath("//*[@class='notice']/span")
    ]


@pytest.fixture
def beside(desk: Desk) -> str:
    """The name of a save beside its file."""
    editor = desk.edit()
    editor.type("from the editor")
    (desk.root / "a.docx").write_bytes(b"by samba, meanwhile")
    editor.close()
    [name] = [name for name in desk.names() if "conflict" in name]
    return name


def say_ok(person: DavClient, number: str) -> int:
    token = csrf_in(person.request("GET", "/", headers={"Accept": "text/html"}))
    answer = person.request(
        "POST",
        "/-/apart",
        data=f"number={number}".encode(),
        headers={"X-CSRF-Token": token, "Content-Type": "application/x-www-form-urlencoded"},
        allow_redirects=False,
    )
    return int(answer.status_code)


def number_in(page: str) -> str:
    found = re.search(r'name="number" value="(\d+)"', page)
    return found[1] if found else ""


def test_the_folder_tells_where_a_save_lies_and_why(desk: Desk, beside: str) -> None:
    assert told(desk.ann) == [
        f"What {ADMIN} wrote in a.docx is kept as {beside}: somebody else changed the file "
        "meanwhile."
    ]
    assert say_ok(desk.ann, number_in(listing(desk.ann))) == 303
    assert told(desk.ann) == []
    assert beside in desk.names()


def test_nothing_is_told_of_a_copy_that_is_gone(desk: Desk, beside: str) -> None:
    desk.ann.delete("/" + beside)
    assert told(desk.ann) == []


def test_nor_of_what_went_over_its_file(desk: Desk) -> None:
    editor = desk.edit()
    editor.type("words")
    editor.close()
    assert told(desk.ann) == []


def test_only_who_sees_the_copy_is_told_and_only_who_may_change_it_says_ok(
    desk: Desk, beside: str
) -> None:
    bob = desk.person("bob")
    number = number_in(listing(bob))
    desk.share.access.give(Grant("/" + beside, "user:bob", Role.VIEWER), by="admin")
    assert len(told(bob)) == 1
    assert number_in(listing(bob)) == ""
    assert say_ok(bob, number) == 403
    desk.share.access.give(Grant("/" + beside, "user:bob", Role.NONE), by="admin")
    assert told(bob) == []
    assert say_ok(bob, number) == 404
    assert len(told(desk.ann)) == 1


def test_a_guest_is_told_and_has_no_button(desk: Desk, beside: str) -> None:
    link = make_link(desk.office, "/", Role.EDITOR)
    address = address_of(desk.office, link)
    guest = DavClient(desk.office.url)
    page = guest.request(
        "GET", address.removeprefix(desk.office.url), headers={"Accept": "text/html"}
    )
    assert beside in page.text
    assert 'name="number"' not in page.text


@pytest.mark.parametrize("number", ["", "x", "-1", "999999", "9" * 5000, "\u0663"])
def test_what_is_no_save_is_refused(desk: Desk, number: str) -> None:
    assert say_ok(desk.ann, number) in (400, 404)

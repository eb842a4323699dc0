"""People from inside the editor: who is told of whom, mentions, notices."""

import base64
import json
from typing import Any
from urllib.parse import unquote

import pytest
import requests
from sqlalchemy import insert

from davserver import rights
from davserver.editor.inside.mentions import MAX_AN_HOUR
from davserver.initials import initials
from davserver.model import Grant, Role
from davserver.providers.notices import MAX_EACH, Kind, News, Notices
from davserver.providers.pictures import Pictures
from davserver.providers.tables import users
from davserver.providers.users import Users
from tests.accounts.browsing import Browser
from tests.accounts.link_making import make_link
from tests.documentserver import changed
from tests.editor.desk import Desk
from tests.editor.opening import configuration
from tests.editor.page import EditorPage, open_by_link, open_page

PLACE = json.dumps({"action": {"type": "comment", "data": "c1"}})


@pytest.fixture
def team(desk: Desk) -> Desk:
    """Ann administers; Bob and Cleo read the document, Dan does not."""
    desk.ann.put("/a.docx", changed(b"", "docx", "words"))
    for name in ("bob", "cleo", "dan"):
        desk.person(name)
    Users(desk.share.catalog).set_email("bob", "bob@example.org")
    desk.share.access.give(Grant("/a.docx", "user:dan", Role.NONE), by="admin")
    return desk


def names(page: EditorPage, c: str = "mention", **query: str) -> list[str]:
    answer = page.get("people", path=page.path, c=c, **query)
    assert answer.status_code == 200, answer.text
    return [one["name"] for one in answer.json()["users"]]


def of(desk: Desk, who: str) -> EditorPage:
    return open_page(desk.office, "a.docx", who, f"password of {who}")


def mention(page: EditorPage, *emails: str, **fields: str) -> requests.Response:
    fields = {"message": "Look here", "anchor": PLACE, **fields}
    return page.post("mention", path=page.path, emails="\n".join(emails), **fields)


def unread(desk: Desk, name: str) -> int:
    return Notices(desk.share.catalog).unread(name)


def test_those_can_be_mentioned_who_can_read_the_document(team: Desk) -> None:
    page = open_page(team.office, "a.docx")
    told = page.get("people", path="/a.docx", c="mention").json()
    assert [one["id"] for one in told["users"]] == ["bob", "cleo"]
    assert told["total"] == 2
    assert told["users"][0]["email"] == "bob@example.org"
    assert told["users"][1]["email"].endswith("@davserver.invalid")
    assert names(of(team, "bob"), "protect") == ["admin", "cleo"]


def test_people_come_in_pages_and_by_a_part_of_their_name(team: Desk) -> None:
    page = open_page(team.office, "a.docx")
    told = page.get("people", path="/a.docx", c="mention", **{"from": "1", "count": "1"}).json()
    assert ([one["id"] for one in told["users"]], told["total"]) == (["cleo"], 2)
    assert names(page, search="CL") == ["cleo"]
    assert names(page, search="@example.org") == ["bob"]
    assert names(page, search="dan") == []
    bad = page.get("people", path="/a.docx", c="mention", **{"from": "-1"})
    assert bad.status_code == 400
    assert page.get("people", path="/a.docx", c="all").status_code == 400


def test_the_notice_has_names_for_addresses(team: Desk) -> None:
    page = open_page(team.office, "a.docx")
    told = page.get("people", path="/a.docx", c="mention").json()["users"]
    bob, cleo = (one["email"] for one in told)
    words = f"+{bob} and +{cleo} and +dan@example.org, look"
    assert mention(page, bob, cleo, "dan@example.org", message=words).status_code == 200
    [notice] = Notices(team.share.catalog).of("cleo")
    assert notice.message == "+bob and +cleo and +dan@example.org, look"


def test_nobody_is_told_to_who_cannot_read_the_document_or_came_by_a_link(team: Desk) -> None:
    """Pitfall 3.20: the editor is no list of all users."""
    page = open_page(team.office, "a.docx")
    bob = of(team, "bob")
    team.share.access.give(Grant("/a.docx", "user:bob", Role.NONE), by="admin")
    assert bob.get("people", path="/a.docx", c="mention").status_code == 404
    link = make_link(team.office, "/a.docx", Role.EDITOR)
    guest = open_by_link(team.office, link, "a.docx")
    assert names(guest) == []
    assert names(guest, "info", ids="admin\nbob") == []
    assert not {"people", "mention"} & set(guest.can)
    assert guest.post("mention", path="/a.docx", emails="x@y").status_code == 404
    assert names(page) == ["cleo"]


def test_ranges_are_protected_for_people_by_who_may_protect(team: Desk) -> None:
    team.share.access.give(Grant("/a.docx", "user:bob", Role.REVIEWER), by="admin")
    page = of(team, "bob")
    assert page.get("people", path="/a.docx", c="protect").status_code == 403
    assert names(page) == ["admin", "cleo"]


def test_pictures_are_initials_of_readers_and_of_guests(team: Desk) -> None:
    page = open_page(team.office, "a.docx")
    told = page.get(
        "people", path="/a.docx", c="info", ids="bob\ndan\nnobody\nguest:abc.1:Mia"
    ).json()
    assert [(one["id"], one["name"]) for one in told["users"]] == [
        ("bob", "bob"),
        ("guest:abc.1:Mia", "Mia (guest)"),
    ]
    assert told["users"][0]["image"] == initials("bob")


def test_a_picture_is_an_svg_that_shows_no_markup() -> None:
    head, _, body = initials("Ann-Marie <b>Lee").partition(",")
    assert head == "data:image/svg+xml;base64"
    svg = base64.b64decode(body).decode()
    assert ">AL</text>" in picture_text("Ann Lee")
    assert "<b" not in svg
    assert initials("ann") != initials("bob")
    assert ">?</text>" in picture_text("...")


def picture_text(name: str) -> str:
    return base64.b64decode(initials(name).partition(",")[2]).decode()


def test_who_is_mentioned_finds_a_notice_that_leads_to_the_place(team: Desk) -> None:
    page = open_page(team.office, "a.docx")
    assert mention(page, "bob@example.org").json() == {"told": ["bob"], "others": []}
    assert (unread(team, "bob"), unread(team, "cleo")) == (1, 0)
    bob = Browser(team.office)
    bob.sign_in("bob", "password of bob")
    assert '<b class="badge">1' in bob.get("/").text
    shown = bob.get("/-/notices").text
    assert "admin mentioned you in a.docx" in shown
    assert "Look here" in shown
    [notice] = Notices(team.share.catalog).of("bob")
    answer = bob.post("/-/notices", open=str(notice.number))
    assert unquote(answer.headers["Location"].replace("+", " ")) == f"/-/edit/a.docx?anchor={PLACE}"
    assert unread(team, "bob") == 0
    assert "badge" not in bob.get("/").text


def test_who_has_no_address_is_mentioned_by_the_one_that_was_made_up(team: Desk) -> None:
    page = open_page(team.office, "a.docx")
    told = page.get("people", path="/a.docx", c="mention").json()["users"]
    assert mention(page, told[1]["email"]).json()["told"] == ["cleo"]


def test_a_mention_gives_nobody_a_right_and_who_cannot_read_hears_nothing(team: Desk) -> None:
    """Pitfall 3.21: a name in a comment shares nothing."""
    Users(team.share.catalog).set_email("dan", "dan@example.org")
    page = open_page(team.office, "a.docx")
    answer = mention(page, "dan@example.org", "who@example.org")
    assert answer.json() == {"told": [], "others": ["dan@example.org", "who@example.org"]}
    assert unread(team, "dan") == 0
    assert team.office.client("dan", "password of dan").get("/a.docx").status_code == 404


def test_a_notice_of_what_one_may_not_read_any_more_tells_nothing_of_it(team: Desk) -> None:
    mention(open_page(team.office, "a.docx"), "bob@example.org")
    team.share.access.give(Grant("/a.docx", "user:bob", Role.NONE), by="admin")
    bob = Browser(team.office)
    bob.sign_in("bob", "password of bob")
    shown = bob.get("/-/notices").text
    assert "a.docx" not in shown
    assert "Look here" not in shown
    [notice] = Notices(team.share.catalog).of("bob")
    assert bob.post("/-/notices", open=str(notice.number)).status_code == 404


def test_notices_are_read_by_their_owner_alone(team: Desk) -> None:
    mention(open_page(team.office, "a.docx"), "bob@example.org")
    [notice] = Notices(team.share.catalog).of("bob")
    cleo = Browser(team.office)
    cleo.sign_in("cleo", "password of cleo")
    assert "Look here" not in cleo.get("/-/notices").text
    assert cleo.post("/-/notices", open=str(notice.number)).status_code == 404
    assert cleo.post("/-/notices", read="all").status_code == 303
    assert unread(team, "bob") == 1
    bob = Browser(team.office)
    bob.sign_in("bob", "password of bob")
    assert bob.post("/-/notices", open="x").status_code == 400
    assert bob.post("/-/notices", open="9" * 5000).status_code == 400
    assert bob.post("/-/notices", read="all").status_code == 303
    assert unread(team, "bob") == 0


def test_nobody_is_flooded(team: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page(team.office, "a.docx")
    assert mention(page).status_code == 400
    assert mention(page, *(f"{number}@x" for number in range(51))).status_code == 400
    notices = Notices(team.share.catalog)
    about = team.share.files.identify("/a.docx")
    notices.add(News(Kind.MENTION, ("cleo",) * MAX_AN_HOUR, "admin", about, "x"))
    answer = mention(page, "bob@example.org")
    assert answer.status_code == 429
    assert "many people" in answer.text
    assert unread(team, "bob") == 0


def test_of_one_users_notices_the_oldest_go(team: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("davserver.providers.notices.MAX_EACH", 3)
    notices = Notices(team.share.catalog)
    about = team.share.files.identify("/a.docx")
    for number in range(5):
        notices.add(News(Kind.MENTION, ("cleo", "bob"), "admin", about, str(number)))
    assert [one.message for one in notices.of("cleo")] == ["4", "3", "2"]
    assert MAX_EACH > 3


def test_what_is_written_in_a_mention_is_shown_as_text(team: Desk) -> None:
    words = "<script>alert(1)</script>" + "x" * 3000
    page = open_page(team.office, "a.docx")
    mention(page, "bob@example.org", message=words, anchor='{"action": "javascript:"}')
    [notice] = Notices(team.share.catalog).of("bob")
    assert (len(notice.message), notice.anchor) == (2000, "")
    bob = Browser(team.office)
    bob.sign_in("bob", "password of bob")
    assert "<script>alert" not in bob.get("/-/notices").text


def test_strangers_have_no_notices(desk_with: Any) -> None:
    desk = desk_with(anonymous="read")
    assert Browser(desk.office).get("/-/notices").status_code == 403


def test_the_editor_has_them_of_oneself_and_of_readers(desk: Desk) -> None:
    desk.person("bob")
    pictures = Pictures(desk.share.catalog)
    pictures.keep("admin", b"face of admin")
    pictures.keep("bob", b"face of bob")
    config = configuration(desk.office, desk.ann, "a.docx")
    wanted = "data:image/jpeg;base64," + base64.b64encode(b"face of admin").decode()
    assert config["editorConfig"]["user"]["image"] == wanted
    page = open_page(desk.office, "a.docx")
    for query in ({"c": "mention"}, {"c": "info", "ids": "bob"}):
        told = page.get("people", path="/a.docx", **query).json()
        assert told["users"][0]["image"].endswith(base64.b64encode(b"face of bob").decode())


def test_who_has_no_picture_or_no_name_has_none_in_the_editor(desk: Desk) -> None:
    desk.ann.put("/a.docx", b"")
    Pictures(desk.share.catalog).keep("admin", b"face")
    bob = desk.person("bob")
    assert "image" not in configuration(desk.office, bob, "a.docx")["editorConfig"]["user"]


def test_thousands_of_users_are_read_once_and_come_in_pages(
    team: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        {
            **{"name": f"user{number:04}", "password_hash": "", "is_administrator": False},
            **{"created": 0.0, "source": "", "subject": "", "email": ""},
        }
        for number in range(3000)
    ]
    with team.share.catalog.writing() as connection:
        connection.execute(insert(users), rows)
    team.share.access.give(Grant("/a.docx", "user:user1500", Role.NONE), by="admin")
    page = open_page(team.office, "a.docx")
    read, decided = [], []
    real, decide = Users.all, rights.decide
    monkeypatch.setattr(Users, "all", lambda self: read.append(1) or real(self))
    monkeypatch.setattr(rights, "decide", lambda *some: decided.append(1) or decide(*some))
    found: list[str] = []
    while len(found) < (total := 3001):
        query = {"from": str(len(found)), "count": "100"}
        told = page.get("people", path="/a.docx", c="mention", **query).json()
        assert (told["total"], told["isPaginated"]) == (total, True)
        assert len(told["users"]) == min(100, total - len(found))
        found += [one["name"] for one in told["users"]]
    assert found == sorted(found)
    assert not {"admin", "dan", "user1500"} & set(found)
    assert names(page, search="r299") == [f"user299{digit}" for digit in range(10)]
    assert names(page, "info", ids="user0001\nuser1500") == ["user0001"]
    assert len(read) <= 1
    assert len(decided) < 33 * 12

"""Guests in the editor: in one session with members, under a name of their own."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from lxml import html

from davserver.editor.config import user
from davserver.model import Grant, GuestNames, Link, Principal, Right, Role
from tests.accounts.link_making import guest, make_link
from tests.dav_client import DavClient
from tests.editor.desk import Desk

PAGE = {"Accept": "text/html"}


@pytest.fixture
def desk(desk: Desk) -> Desk:
    desk.ann.mkcol("/private")
    desk.edit().close()
    assert desk.ann.copy("/a.docx", "/private/a.docx").status_code == 201
    return desk


def opened(stranger: DavClient, path: str = "/-/edit/a.docx") -> dict[str, Any]:
    """The configuration for a guest whose browser has its cookie."""
    stranger.request("GET", path, headers=PAGE)
    answer = stranger.request("GET", path, headers=PAGE)
    assert answer.status_code == 200, answer.text
    island = html.fromstring(answer.text).get_element_by_id("editor-config")
    config: dict[str, Any] = json.loads(island.text_content())
    return config


def named(stranger: DavClient, name: str) -> DavClient:
    asked = stranger.request("GET", "/-/name", headers=PAGE)
    token = html.fromstring(asked.text).xpath("//input[@name='csrf']/@value")[0]
    form = {"csrf": token, "name": name}
    told: requests.Response = stranger.request("POST", "/-/name", data=form, headers=PAGE)
    assert told.status_code == 303
    return stranger


def editing(desk: Desk, **terms: Any) -> Link:
    return make_link(desk.office, "/private", Role.EDITOR, **terms)


def member(desk: Desk) -> dict[str, Any]:
    return opened(desk.ann, "/-/edit/private/a.docx")


def test_a_guest_and_a_member_are_in_one_session(desk: Desk) -> None:
    mia = opened(named(guest(desk.office, editing(desk)), "Mia"))
    ann = member(desk)
    assert mia["document"]["key"] == ann["document"]["key"]
    for config in (ann, mia):
        desk.double.open(config)
    key, who = mia["document"]["key"], mia["editorConfig"]["user"]["id"]
    assert who.startswith("guest:")
    assert mia["editorConfig"]["user"]["name"] == "Mia (guest)"
    listing = desk.ann.request("GET", "/private/", headers=PAGE).text
    assert "Mia (guest)" in listing
    assert "guest:" not in listing
    refused = desk.ann.request(
        "PUT", "/private/a.docx", data=b"x", headers={"Sec-Fetch-Mode": "cors"}
    )
    assert "Mia (guest)" in refused.text
    desk.double.type(key, "words of a guest", who)
    saved = desk.double.save(key)
    assert saved
    assert saved.is_accepted
    assert "words of a guest" in desk.words("private/a.docx")
    assert desk.share.files.versions("/private/a.docx")[-1].author == "Mia (guest)"


def test_a_guest_without_a_name_is_asked_by_the_editor(desk: Desk) -> None:
    config = opened(guest(desk.office, editing(desk)))
    assert "name" not in config["editorConfig"]["user"]
    asked = config["editorConfig"]["customization"]["anonymous"]
    assert asked == {"request": True, "label": "guest"}
    quiet = opened(guest(desk.office, editing(desk, guest_names=GuestNames.OPTIONAL)))
    assert quiet["editorConfig"]["customization"]["anonymous"]["request"] is False


def test_two_guests_are_two_people(desk: Desk) -> None:
    made = editing(desk)
    ids = {opened(guest(desk.office, made))["editorConfig"]["user"]["id"] for _ in range(2)}
    assert len(ids) == 2


def test_the_configuration_tells_nothing_of_what_is_above(desk: Desk) -> None:
    config = opened(guest(desk.office, editing(desk)))
    assert "private" not in json.dumps(config)
    assert config["document"]["info"]["folder"] == "/"
    assert "/-/s/" not in config["document"]["url"]


@pytest.mark.parametrize(
    ("role", "permitted"),
    [
        (Role.VIEWER, set()),
        (Role.COMMENTER, {"comment"}),
        (Role.REVIEWER, {"comment", "review"}),
        (Role.EDITOR, {"comment", "edit", "review", "modifyFilter"}),
    ],
)
def test_a_guest_may_do_what_the_link_permits_and_never_chat_or_protect(
    desk: Desk, role: Role, permitted: set[str]
) -> None:
    config = opened(guest(desk.office, make_link(desk.office, "/private", role)))
    told = {name for name, may in config["document"]["permissions"].items() if may}
    assert told == permitted | {"download", "print", "copy"}


def test_a_watermark_has_the_name_of_who_looks(desk: Desk) -> None:
    made = make_link(desk.office, "/private", watermark="Secret\nfor {name}")
    config = opened(named(guest(desk.office, made), "Mia"))
    drawn = config["document"]["options"]["watermark_on_draw"]
    words = [run["text"] for one in drawn["paragraphs"] for run in one["runs"]]
    assert words == ["Secret", "for Mia (guest)"]


def test_where_downloads_are_counted_the_editor_gives_none(desk: Desk) -> None:
    made = make_link(desk.office, "/private", max_downloads=3)
    assert opened(guest(desk.office, made))["document"]["permissions"]["download"] is False


def test_without_download_print_and_copy(desk: Desk) -> None:
    taken = frozenset({Right.DOWNLOAD, Right.PRINT, Right.COPY})
    config = opened(guest(desk.office, make_link(desk.office, "/private", without=taken)))
    assert not any(config["document"]["permissions"][right.value] for right in taken)


def test_a_link_to_a_document_opens_it_at_once_and_leads_back_to_its_page(desk: Desk) -> None:
    stranger = guest(desk.office, make_link(desk.office, "/private/a.docx", Role.EDITOR))
    at_once = stranger.request("GET", "/", headers=PAGE)
    assert at_once.status_code == 303
    assert at_once.headers["Location"].endswith("/-/edit/a.docx")
    config = opened(stranger)
    back = config["editorConfig"]["customization"]["goback"]["url"]
    shown = stranger.session.get(back, headers=PAGE, timeout=10)
    assert "Download" in shown.text


def test_what_a_guest_saves_after_the_link_was_revoked_is_kept_apart(desk: Desk) -> None:
    made = editing(desk)
    config = opened(guest(desk.office, made))
    desk.double.open(config)
    key, who = config["document"]["key"], config["editorConfig"]["user"]["id"]
    desk.double.type(key, "too late", who)
    before = (desk.root / "private" / "a.docx").read_bytes()
    desk.share.links.revoke(made.id)
    saved = desk.double.leave(key, who)
    assert saved
    assert saved.is_accepted
    assert (desk.root / "private" / "a.docx").read_bytes() == before
    assert any("not permitted" in file.name for file in (desk.root / "private").iterdir())


def test_a_guest_whose_link_was_revoked_becomes_a_looker_on(desk: Desk) -> None:
    made = editing(desk)
    config = opened(guest(desk.office, made))
    desk.double.open(config)
    desk.office.app.housekeeping.run_once()
    assert desk.double.dropped == []
    desk.share.links.revoke(made.id)
    desk.office.app.housekeeping.run_once()
    assert desk.double.dropped == [config["editorConfig"]["user"]["id"]]


def test_versions_are_shown_to_guests_who_may_edit(desk: Desk) -> None:
    looking = guest(desk.office, make_link(desk.office, "/private"))
    assert looking.request("GET", "/-/versions/a.docx", headers=PAGE).status_code == 403
    assert "/-/versions" not in looking.request("GET", "/", headers=PAGE).text
    writing = guest(desk.office, editing(desk))
    assert writing.request("GET", "/-/versions/a.docx", headers=PAGE).status_code == 200


def test_a_guest_makes_a_new_document(desk: Desk) -> None:
    stranger = guest(desk.office, editing(desk))
    shown = stranger.request("GET", "/", headers=PAGE)
    token = html.fromstring(shown.text).xpath("//input[@name='csrf']/@value")[0]
    form = {"csrf": token, "folder": "/", "kind": "docx", "name": "New.docx"}
    made = stranger.request("POST", "/-/new", data=form, headers=PAGE)
    assert made.status_code == 303
    assert made.headers["Location"].endswith("/-/edit/New.docx")
    assert (desk.root / "private" / "New.docx").exists()


@pytest.mark.parametrize("maker", ["ann", "admin"])
def test_the_editor_can_be_for_some_groups_alone_and_for_the_guests_of_those(
    desk_with: Callable[..., Desk], maker: str
) -> None:
    desk = desk_with(editor_groups=["staff"])
    desk.ann.mkcol("/private")
    desk.ann.put("/private/a.docx", b"x")
    ann = desk.person("ann")
    desk.share.access.give(Grant("/private", "user:ann", Role.MANAGER), by="admin")
    assert ann.request("GET", "/-/edit/private/a.docx", headers=PAGE).status_code == 415
    assert "ONLYOFFICE" not in ann.request("GET", "/private/", headers=PAGE).text
    assert "ONLYOFFICE" in desk.ann.request("GET", "/private/", headers=PAGE).text
    made = make_link(desk.office, "/private", made_by=maker)
    told = guest(desk.office, made).request("GET", "/-/edit/a.docx", headers=PAGE)
    assert told.status_code == (200 if maker == "admin" else 415)


def test_the_groups_of_a_member_are_told_to_the_editor() -> None:
    told = user(Principal("ann", groups=frozenset({"staff", "law"})))
    assert told == {"id": "ann", "name": "ann", "group": "law,staff"}


def test_who_may_share_sees_in_the_editor_who_has_what(desk: Desk) -> None:
    make_link(desk.office, "/private/a.docx", label="For the auditor")
    told = member(desk)["document"]["info"]["sharingSettings"]
    assert told == [{"user": "For the auditor", "permissions": "Read Only", "isLink": True}]
    looking = opened(desk.person("bob"), "/-/edit/private/a.docx")
    assert "sharingSettings" not in looking["document"]["info"]

"""What the editor keeps for one person: stars, recent files, places in documents, other books."""

import io
import json
import os
from datetime import UTC, datetime
from typing import Any

import openpyxl
import pytest
from sqlalchemy import update

from davserver.editor.inside.personal import anchor, uploaded
from davserver.errors import NotFound
from davserver.model import Grant, Role
from davserver.providers.marks import KEPT, Marks
from davserver.providers.tables import resources
from tests.accounts.browsing import Browser
from tests.accounts.link_making import make_link
from tests.documentserver import changed
from tests.editor.desk import Desk
from tests.editor.page import EditorPage, open_by_link, open_page
from tests.editor.test_files_inside import claims, fetched


@pytest.fixture
def folder(desk: Desk) -> Desk:
    """Workbooks, documents, and Bob."""
    desk.ann.mkcol("/docs")
    desk.ann.mkcol("/room")
    for name in ("docs/a", "docs/b", "room/c"):
        desk.ann.put(f"/{name}.docx", changed(b"", "docx", "words"))
        desk.office.root.joinpath(f"{name}.xlsx").write_bytes(workbook())
    desk.person("bob")
    return desk


def workbook() -> bytes:
    out = io.BytesIO()
    openpyxl.Workbook().save(out)
    return out.getvalue()


def bob_has(desk: Desk, path: str, role: Role, **more: Any) -> None:
    desk.share.access.give(Grant(path, "user:bob", role, **more), by="admin")


def as_bob(desk: Desk, name: str, how: str = "edit") -> EditorPage:
    return open_page(desk.office, name, "bob", "password of bob", how)


def info(desk: Desk, name: str = "docs/a.docx") -> dict[str, Any]:
    page = open_page(desk.office, name, how="view")
    found: dict[str, Any] = page.config["document"]["info"]
    return found


# --- Stars ----------------------------------------------------------------------------------------


def test_a_star_is_set_for_one_person_and_shown_in_editor_and_listing(folder: Desk) -> None:
    page = open_page(folder.office, "docs/a.docx", how="view")
    assert page.config["document"]["info"]["favorite"] is False
    answer = page.post("favorite", path="/docs/a.docx", favorite="yes")
    assert answer.json() == {"favorite": True}
    assert info(folder)["favorite"] is True
    assert info(folder, "docs/b.docx")["favorite"] is False
    bobs = as_bob(folder, "docs/a.docx", "view").config["document"]["info"]
    assert bobs["favorite"] is False
    ann, bob = Browser(folder.office), Browser(folder.office)
    ann.sign_in()
    bob.sign_in("bob", "password of bob")
    assert ann.get("/docs/").text.count('title="Favourite"') == 1
    assert 'title="Favourite"' not in bob.get("/docs/").text
    assert folder.ann.move("/docs/a.docx", "/docs/z.docx").status_code == 201
    assert info(folder, "docs/z.docx")["favorite"] is True
    page.post("favorite", path="/docs/z.docx", favorite="no")
    assert info(folder, "docs/z.docx")["favorite"] is False


def test_a_star_needs_a_name_and_the_right_to_read(folder: Desk) -> None:
    page = as_bob(folder, "docs/a.docx")
    bob_has(folder, "/room", Role.NONE)
    assert page.post("favorite", path="/room/c.docx", favorite="yes").status_code == 404
    assert page.post("favorite", path="/docs", favorite="yes").status_code == 409
    assert page.post("favorite", path="/docs/a.docx", favorite="maybe").status_code == 400
    link = make_link(folder.office, "/docs", Role.EDITOR)
    guest = open_by_link(folder.office, link, "a.docx")
    assert "favorite" not in guest.config["document"]["info"]
    assert "favorite" not in guest.can
    assert guest.post("favorite", path="/a.docx", favorite="yes").status_code == 404


# --- Recent files and the owner -------------------------------------------------------------------


def recent(page: EditorPage) -> list[str]:
    return [one["title"] for one in page.config["editorConfig"].get("recent", [])]


def test_the_recent_files_are_those_of_the_person_the_last_one_first(folder: Desk) -> None:
    assert recent(open_page(folder.office, "docs/a.docx")) == []
    open_page(folder.office, "room/c.docx")
    open_page(folder.office, "docs/a.docx")
    page = open_page(folder.office, "docs/b.docx")
    assert recent(page) == ["a.docx", "c.docx"]
    assert page.config["editorConfig"]["recent"][1] == {
        "folder": "/room",
        "title": "c.docx",
        "url": f"{folder.office.url}/-/edit/room/c.docx",
    }
    assert recent(as_bob(folder, "docs/b.docx")) == []


def test_recent_files_that_cannot_be_read_any_more_are_not_told(folder: Desk) -> None:
    for name in ("room/c.docx", "docs/a.docx", "docs/b.docx"):
        as_bob(folder, name, "view")
    bob_has(folder, "/room", Role.NONE)
    assert folder.ann.delete("/docs/b.docx").status_code == 204
    assert recent(as_bob(folder, "docs/a.docx")) == []


def test_only_so_many_openings_are_kept(folder: Desk) -> None:
    marks = Marks(folder.share.catalog)
    for number in range(KEPT + 5):
        folder.ann.put(f"/docs/{number}.txt", b"x")
        marks.opened("bob", folder.share.files.identify(f"/docs/{number}.txt"))
    assert len(marks.recent("bob")) == KEPT
    assert marks.recent("bob")[0] == f"/docs/{KEPT + 4}.txt"


def test_the_owner_of_a_document_is_told_to_members_and_not_to_guests(folder: Desk) -> None:
    assert info(folder)["owner"] == "admin"
    guest = open_by_link(folder.office, make_link(folder.office, "/docs", Role.EDITOR), "a.docx")
    assert "owner" not in guest.config["document"]["info"]


def test_a_document_says_when_it_came_and_not_when_it_was_changed(folder: Desk) -> None:
    _, was = _uploaded(folder)
    path = folder.office.root / "docs" / "a.docx"
    old = path.stat().st_mtime - 3 * 86400
    os.utime(folder.office.root / "docs" / "b.xlsx", (old, old))
    folder.ann.put("/docs/a.docx", changed(b"", "docx", "other words"))
    later = path.stat().st_mtime + 86400
    os.utime(path, (later, later))
    assert _uploaded(folder)[1] == was
    # What another program put there came when it was changed last, as far as anybody knows.
    told = datetime.fromtimestamp(old, UTC)
    text = info(folder, "docs/b.xlsx")["uploaded"]
    assert text == uploaded(told)


def _uploaded(folder: Desk) -> tuple[datetime, str]:
    """When it came by the catalog, and as the editor is told."""
    resource = folder.share.files.identify("/docs/a.docx")
    created, _ = folder.share.files.beginning_of(resource)
    assert created is not None
    told = info(folder)["uploaded"]
    assert told == uploaded(created)
    return created, told


@pytest.mark.parametrize(
    ("hour", "told"), [(0, "12:05 AM"), (9, "9:05 AM"), (12, "12:05 PM"), (15, "3:05 PM")]
)
def test_a_time_is_written_as_the_editor_shows_it(hour: int, told: str) -> None:
    assert uploaded(datetime(2026, 3, 7, hour, 5, 59, tzinfo=UTC)) == f"2026-03-07 {told} UTC"


def test_who_made_the_first_version_is_the_owner_where_nobody_else_is(folder: Desk) -> None:
    files = folder.share.files
    resource = files.identify("/docs/a.docx")
    with folder.share.catalog.writing() as connection:
        connection.execute(update(resources).where(resources.c.id == resource).values(owner=""))
    assert files.beginning_of(resource)[1] == "admin"
    assert info(folder)["owner"] == "admin"
    assert "owner" not in info(folder, "docs/b.xlsx")
    assert files.beginning_of("unknown") == (None, "")


# --- Places in documents --------------------------------------------------------------------------

PLACE = {"action": {"type": "bookmark", "data": "chapter 2"}}


def test_an_address_with_a_place_opens_the_document_there(folder: Desk) -> None:
    browser = Browser(folder.office)
    browser.sign_in()
    page = EditorPage(browser, "docs/a.docx?anchor=" + json.dumps(PLACE))
    assert page.config["editorConfig"]["actionLink"] == PLACE
    assert "actionLink" not in EditorPage(browser, "docs/a.docx").config["editorConfig"]


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", "[" * 1500, '{"action": []}'),
        '{"action": {"type": 1, "data": "x"}}',
        '{"action": {"type": "bookmark", "data": "' + "x" * 2000 + '"}}',
    ],
)
def test_what_is_no_place_is_left_out(text: str) -> None:
    assert anchor(text) is None


def test_of_a_place_only_its_type_and_data_are_taken() -> None:
    assert anchor(json.dumps({**PLACE, "x": 1})) == PLACE


# --- Other workbooks ------------------------------------------------------------------------------


def refer(page: EditorPage, **query: str) -> Any:
    return page.get("reference", path=page.path, **query)


def test_a_workbook_takes_data_from_another_one_by_path_and_then_by_its_key(folder: Desk) -> None:
    page = as_bob(folder, "docs/a.xlsx")
    assert "reference" in page.can
    told = claims(refer(page, to="b.xlsx").json())
    assert (told["fileType"], told["path"]) == ("xlsx", "b.xlsx")
    assert told["link"] == f"{folder.office.url}/-/edit/docs/b.xlsx"
    assert fetched(folder, told["url"]).content == (folder.root / "docs/b.xlsx").read_bytes()
    assert told["key"] == as_bob(folder, "docs/b.xlsx", "view").config["document"]["key"]
    assert folder.ann.move("/docs/b.xlsx", "/room/moved.xlsx").status_code == 201
    known = told["referenceData"]
    again = refer(page, file=known["fileKey"], instance=known["instanceId"], to="b.xlsx")
    assert again.json()["path"] == "../room/moved.xlsx"
    assert refer(page, to="../room/moved.xlsx").json()["path"] == "../room/moved.xlsx"


def test_a_reference_is_found_by_path_where_its_key_is_of_another_installation(
    folder: Desk,
) -> None:
    page = as_bob(folder, "docs/a.xlsx")
    other = folder.share.files.identify("/room/c.xlsx")
    told = refer(page, file=other, instance="elsewhere", to="b.xlsx").json()
    assert told["path"] == "b.xlsx"
    assert refer(page, file=other, instance="elsewhere").status_code == 404


def test_a_reference_is_found_by_an_address_of_this_site_alone(folder: Desk) -> None:
    page = as_bob(folder, "docs/a.xlsx")
    url = folder.office.url
    for link in (
        f"{url}/-/edit/docs/b.xlsx",
        f"{url}/-/view/docs/b.xlsx?x=1",
        f"{url}/docs/b.xlsx",
    ):
        assert refer(page, link=link).json()["path"] == "b.xlsx", link
    for link in (
        "http://evil/docs/b.xlsx",
        "/docs/b.xlsx",
        f"{url}@evil/docs/b.xlsx",
    ):
        assert refer(page, link=link).status_code == 404, link


@pytest.mark.parametrize(
    "path", ["../../../etc/passwd.xlsx", "..", "", "%00.xlsx", "/.davserver/x.xlsx", "nowhere.xlsx"]
)
def test_a_path_that_leads_out_leads_nowhere(folder: Desk, path: str) -> None:
    assert refer(as_bob(folder, "docs/a.xlsx"), to=path).status_code == 404


def test_the_rights_are_asked_at_every_look_and_secrets_are_not_told(folder: Desk) -> None:
    page = as_bob(folder, "docs/a.xlsx")
    assert refer(page, to="../room/c.xlsx").status_code == 200
    bob_has(folder, "/room", Role.NONE)
    refused, missing = refer(page, to="../room/c.xlsx"), refer(page, to="../room/nothing.xlsx")
    assert refused.status_code == missing.status_code == 404
    assert refused.text == missing.text
    bob_has(folder, "/room", Role.VIEWER, without=frozenset({"download"}))
    assert refer(page, to="../room/c.xlsx").status_code == 403
    assert refer(page, to="a.docx").status_code == 415


def test_a_reference_is_opened_by_its_key(folder: Desk) -> None:
    page = as_bob(folder, "docs/a.xlsx")
    known = refer(page, to="b.xlsx").json()["referenceData"]
    where = page.get("where", file=known["fileKey"], instance=known["instanceId"]).json()
    assert where["edit"] == "/-/edit/docs/b.xlsx"
    assert page.get("where", path=page.path, to="b.xlsx").json()["path"] == "/docs/b.xlsx"


def test_guests_refer_to_workbooks_of_their_folder_alone(folder: Desk) -> None:
    link = make_link(folder.office, "/docs", Role.EDITOR)
    page = open_by_link(folder.office, link, "a.xlsx")
    assert refer(page, to="b.xlsx").json()["path"] == "b.xlsx"
    secret = folder.share.files.identify("/room/c.xlsx")
    instance = page.config["document"]["referenceData"]["instanceId"]
    assert refer(page, file=secret, instance=instance).status_code == 404
    assert refer(page, to="../room/c.xlsx").status_code == 404


def test_marks_go_with_the_file(folder: Desk) -> None:
    page = open_page(folder.office, "docs/a.docx", how="view")
    page.post("favorite", path="/docs/a.docx", favorite="yes")
    assert folder.ann.delete("/docs/a.docx").status_code == 204
    marks = Marks(folder.share.catalog)
    assert marks.favourites_in("admin", "/docs") == set()
    assert marks.recent("admin") == []
    with pytest.raises(NotFound):
        folder.share.files.identify("/docs/a.docx")

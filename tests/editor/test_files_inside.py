"""Files from inside the editor: look into folders, save a copy, rename, insert from others."""

from typing import Any

import jwt
import pytest
import requests

from davserver.editor.inside.names import safe_name
from davserver.errors import BadRequest
from davserver.model import Grant, Lock, Role
from tests.accounts.link_making import make_link
from tests.documentserver import SECRET, changed
from tests.editor.desk import Desk
from tests.editor.page import EditorPage, open_by_link, open_page


@pytest.fixture
def folder(desk: Desk) -> Desk:
    """A folder with a document, pictures, a table, and a room that Bob does not see."""
    for name in ("docs", "docs/inner", "room"):
        desk.ann.mkcol(f"/{name}")
    desk.ann.put("/docs/a.docx", changed(b"", "docx", "first words"))
    desk.ann.put("/docs/b.docx", changed(b"", "docx", "other words"))
    desk.ann.put("/docs/sun.png", b"\x89PNG")
    desk.ann.put("/docs/moon.PNG", b"\x89PNG")
    desk.ann.put("/docs/rows.csv", b"name\nMia\n")
    desk.ann.put("/room/secret.png", b"\x89PNG")
    desk.person("bob")
    give(desk, "/room", Role.NONE)
    return desk


def give(desk: Desk, path: str, role: Role, **more: Any) -> None:
    desk.share.access.give(Grant(path, "user:bob", role, **more), by="admin")


def as_bob(desk: Desk, name: str = "docs/a.docx") -> EditorPage:
    return open_page(desk.office, name, "bob", "password of bob")


def delivered(desk: Desk, content: bytes, name: str = "output.docx") -> str:
    """The address of a copy that the Document Server has made."""
    path = f"/cache/files/data/k_1/{name}/{name}"
    desk.double.cache[path] = content
    return f"{desk.double.url}{path}?md5=x&expires=1"


def named(answer: requests.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [entry["name"] for entry in answer.json()["entries"]]


# --- The picker -----------------------------------------------------------------------------------


def test_the_picker_shows_folders_first_and_the_files_of_one_kind(folder: Desk) -> None:
    page = open_page(folder.office, "docs/a.docx")
    assert named(page.get("files", path="/docs/", kind="image")) == ["inner", "moon.PNG", "sun.png"]
    assert named(page.get("files", path="/docs/")) == ["inner"]
    told = page.get("files", path="/docs/inner/").json()
    assert [one["name"] for one in told["crumbs"]] == ["Files", "docs", "inner"]
    assert told["crumbs"][1]["path"] == "/docs/"
    assert told["may_create"]


def test_the_picker_shows_what_the_person_may_take_and_nothing_else(folder: Desk) -> None:
    give(folder, "/docs/sun.png", Role.VIEWER, without=frozenset({"download"}))
    page = as_bob(folder)
    assert named(page.get("files", path="/")) == ["docs"]
    assert named(page.get("files", path="/docs/", kind="image")) == ["inner", "moon.PNG"]
    assert page.get("files", path="/room/", kind="image").status_code == 404
    assert page.get("files", path="/.davserver/").status_code == 404
    assert page.get("files", path="/.trash/").status_code == 404


def test_guests_look_into_the_folder_of_their_link_alone(folder: Desk) -> None:
    link = make_link(folder.office, "/docs", Role.EDITOR)
    page = open_by_link(folder.office, link, "a.docx")
    told = page.get("files", path="/", kind="image").json()
    assert [one["name"] for one in told["crumbs"]] == ["Files"]
    assert [one["path"] for one in told["entries"]] == ["/inner/", "/moon.PNG", "/sun.png"]
    assert page.get("files", path="/../room/").status_code == 400


# --- Save a copy ----------------------------------------------------------------------------------


def save(page: EditorPage, url: str, **fields: str) -> requests.Response:
    fields = {"folder": "/docs/inner/", "title": "Copy.docx", "filetype": "docx", **fields}
    return page.post("save-as", path=page.path, url=url, **fields)


def test_a_copy_is_saved_into_the_folder_of_ones_choice_under_a_name_that_is_free(
    folder: Desk,
) -> None:
    page = as_bob(folder)
    url = delivered(folder, changed(b"", "docx", "as it is now"))
    first, second = save(page, url), save(page, url)
    assert first.json() == {
        "name": "Copy.docx",
        "path": "/docs/inner/Copy.docx",
        "open": "/-/edit/docs/inner/Copy.docx",
    }
    assert second.json()["name"] == "Copy (2).docx"
    assert folder.words("docs/inner/Copy.docx") == ["as it is now"]
    [version] = folder.versions("docs/inner/Copy.docx")
    assert (version.author, version.origin.value) == ("bob", "browser")


def test_a_copy_in_another_format_is_called_by_it_and_leads_to_the_file(folder: Desk) -> None:
    page = open_page(folder.office, "docs/a.docx")
    pdf = delivered(folder, b"%PDF-1.7\n", "output.pdf")
    told = save(page, pdf, filetype="pdf", title="a.docx").json()
    assert told["name"] == "a.pdf"
    png = delivered(folder, b"\x89PNG", "output.png")
    assert save(page, png, filetype="png", title="a").json()["open"] == "/docs/inner/a.png"


def test_a_copy_is_fetched_from_the_document_server_alone(folder: Desk) -> None:
    page = open_page(folder.office, "docs/a.docx")
    for url in ("http://127.0.0.1:1/x.docx", f"{folder.office.url}/docs/a.docx", "file:///etc/x"):
        assert save(page, url).status_code == 403
    assert list((folder.root / "docs/inner").iterdir()) == []


def test_a_copy_is_not_saved_where_or_of_what_one_may_not(folder: Desk) -> None:
    url = delivered(folder, changed(b"", "docx", "x"))
    page = as_bob(folder)
    give(folder, "/docs/inner", Role.VIEWER)
    assert save(page, url).status_code == 403
    assert save(page, url, folder="/room/").status_code == 404
    assert save(page, url, folder="/docs/b.docx").status_code == 409
    give(folder, "/docs/a.docx", Role.EDITOR, without=frozenset({"download"}))
    assert save(page, url, folder="/docs/").status_code == 403
    assert "save-as" not in as_bob(folder).can


def test_a_copy_that_is_not_whole_or_of_no_known_format_is_refused(folder: Desk) -> None:
    page = open_page(folder.office, "docs/a.docx")
    assert save(page, delivered(folder, b"<html>")).status_code == 502
    assert save(page, delivered(folder, b"#!"), filetype="sh").status_code == 415
    assert list((folder.root / "docs/inner").iterdir()) == []


def test_a_copy_that_is_too_large_is_refused(desk_with: Any) -> None:
    desk = desk_with(max_document_mib=1)
    desk.edit()
    page = open_page(desk.office, "a.docx")
    answer = save(page, delivered(desk, b"x" * (3 << 20)), folder="/", filetype="txt")
    assert answer.status_code == 413
    assert desk.names() == ["a.docx"]


def test_a_copy_counts_in_the_quota_of_who_saves_it(folder: Desk) -> None:
    folder.share.quotas.set("bob", 100)
    answer = save(as_bob(folder), delivered(folder, changed(b"", "docx", "x")))
    assert answer.status_code == 507


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("../../etc/passwd", "etcpasswd.docx"),
        ('a/b\\c:d*e?f"g<h>i|j', "abcdefghij.docx"),
        (".hidden", "hidden.docx"),
        ("CON", "_CON.docx"),
        ("com1.x", "_com1.x.docx"),
        ("Plan v1.2.", "Plan v1.2.docx"),
        ("A\u0308pfel\n\t 2", "\u00c4pfel 2.docx"),
        ("gpj\u202eexe", "gpjexe.docx"),
        ("Report.DOCX", "Report.docx"),
        ("\u00e9" * 300, "\u00e9" * 125 + ".docx"),
    ],
)
def test_titles_become_names_that_every_system_takes(title: str, name: str) -> None:
    assert safe_name(title, "docx") == name
    assert len(safe_name(title, "docx").encode()) <= 255


@pytest.mark.parametrize("title", ["", " . ", "/", "\x00", ".docx"])
def test_a_title_of_which_nothing_is_left_is_no_name(title: str) -> None:
    with pytest.raises(BadRequest):
        safe_name(title, "docx")


# --- Rename ---------------------------------------------------------------------------------------


def test_a_document_is_renamed_while_people_write_and_their_save_lands_under_the_new_name(
    folder: Desk,
) -> None:
    editor = folder.edit("docs/a.docx")
    page = as_bob(folder)
    answer = page.post("rename", path="/docs/a.docx", title="Plan")
    assert answer.json() == {
        "name": "Plan.docx",
        "path": "/docs/Plan.docx",
        "edit": "/-/edit/docs/Plan.docx",
        "folder": "/docs/",
        "share": "",
    }
    assert folder.double.titles == {editor.key: "Plan.docx"}
    [lock] = locks(folder, "docs/Plan.docx")
    assert lock.document_key == editor.key
    editor.type("written before and after")
    assert editor.close().is_accepted
    assert folder.words("docs/Plan.docx")[-1] == "written before and after"
    assert not (folder.root / "docs/a.docx").exists()
    assert [one.number for one in folder.versions("docs/Plan.docx")] == [1, 2]
    assert locks(folder, "docs/Plan.docx") == []


def locks(desk: Desk, name: str) -> list[Lock]:
    return desk.locks(name)


def where(page: EditorPage, **fields: str) -> requests.Response:
    about = page.config["document"]["referenceData"]
    known = {"file": about["fileKey"], "instance": about["instanceId"]}
    return page.get("where", **{**known, **fields})


def test_who_has_it_open_learns_where_it_is_now(folder: Desk) -> None:
    page = as_bob(folder)
    open_page(folder.office, "docs/a.docx").post("rename", path="/docs/a.docx", title="Plan")
    assert where(page).json()["path"] == "/docs/Plan.docx"
    give(folder, "/docs", Role.NONE)
    assert where(page).status_code == 404
    assert where(page, file="0" * 32).status_code == 404


def test_a_name_that_is_taken_is_refused_in_words(folder: Desk) -> None:
    answer = open_page(folder.office, "docs/a.docx").post("rename", path="/docs/a.docx", title="b")
    assert answer.status_code == 409
    assert "already something called b.docx" in answer.text
    assert folder.words("docs/b.docx") == ["other words"]


def test_a_rename_to_the_same_name_changes_nothing(folder: Desk) -> None:
    page = open_page(folder.office, "docs/a.docx")
    assert page.post("rename", path="/docs/a.docx", title="a").json()["name"] == "a.docx"
    assert folder.double.titles == {}


def test_only_who_may_move_a_document_renames_it(folder: Desk) -> None:
    give(folder, "/docs", Role.REVIEWER)
    page = as_bob(folder)
    assert "rename" not in page.can
    assert page.post("rename", path="/docs/a.docx", title="Plan").status_code == 403
    assert page.post("rename", path="/room/secret.png", title="Plan").status_code == 404


def test_a_lock_of_another_program_stands_in_the_way_of_a_rename(folder: Desk) -> None:
    page = open_page(folder.office, "docs/b.docx", how="view")
    folder.ann.lock("/docs/b.docx")
    assert page.post("rename", path="/docs/b.docx", title="Plan").status_code == 423


def test_the_page_of_a_rename_needs_its_token(folder: Desk) -> None:
    page = open_page(folder.office, "docs/a.docx")
    page.csrf = ""
    assert page.post("rename", path="/docs/a.docx", title="Plan").status_code == 403
    assert save(page, "http://x/").status_code == 403


def test_guests_of_one_file_neither_rename_nor_look_around(folder: Desk) -> None:
    link = make_link(folder.office, "/docs/a.docx", Role.EDITOR)
    page = open_by_link(folder.office, link, "a.docx")
    assert page.can == ["link"]
    assert page.post("rename", path="/a.docx", title="Plan").status_code in {403, 404}
    assert named(page.get("files", path="/", kind="image")) == []


# --- Insert ---------------------------------------------------------------------------------------


def claims(argument: dict[str, Any]) -> dict[str, Any]:
    """What the token of an argument says, which has to be the argument."""
    told: dict[str, Any] = jwt.decode(argument["token"], SECRET, ["HS256"])
    assert told.pop("iat") < told.pop("exp")
    assert told == {name: value for name, value in argument.items() if name != "token"}
    return told


def fetched(desk: Desk, url: str) -> requests.Response:
    """The Document Server fetches it, with its signature."""
    return requests.get(url, headers=desk.double.headers({"payload": {"url": url}}), timeout=10)


def test_pictures_are_inserted_by_signed_addresses_that_the_server_fetches(folder: Desk) -> None:
    page = as_bob(folder)
    assert {"image", "document", "spreadsheet"} <= set(page.can)
    argument = page.get(
        "insert", kind="image", c="add", paths="/docs/sun.png\n/docs/moon.PNG"
    ).json()
    told = claims(argument)
    assert told["c"] == "add"
    assert [one["fileType"] for one in told["images"]] == ["png", "png"]
    for one in told["images"]:
        assert fetched(folder, one["url"]).content == b"\x89PNG"
        assert requests.get(one["url"], timeout=10).status_code == 403


@pytest.mark.parametrize("command", ["compare", "combine", "insert-text"])
def test_a_document_is_compared_combined_or_inserted(folder: Desk, command: str) -> None:
    page = open_page(folder.office, "docs/a.docx")
    told = claims(page.get("insert", kind="document", c=command, paths="/docs/b.docx").json())
    assert (told["c"], told["fileType"]) == (command, "docx")
    assert fetched(folder, told["url"]).content == (folder.root / "docs/b.docx").read_bytes()


def test_recipients_come_from_a_spreadsheet(folder: Desk) -> None:
    page = open_page(folder.office, "docs/a.docx")
    wanted = {"kind": "spreadsheet", "c": "mailmerge", "paths": "/docs/rows.csv"}
    assert claims(page.get("insert", **wanted).json())["fileType"] == "csv"


def test_nothing_is_lent_that_the_person_may_not_read_and_download(folder: Desk) -> None:
    page = as_bob(folder)

    def insert(path: str, kind: str = "image", c: str = "add") -> int:
        return page.get("insert", kind=kind, c=c, paths=path).status_code

    assert insert("/room/secret.png") == 404
    give(folder, "/docs/sun.png", Role.VIEWER, without=frozenset({"download"}))
    assert insert("/docs/sun.png") == 403
    assert insert("/docs/sun.png\n/docs/moon.PNG") == 403
    assert insert("/docs/moon.PNG", c="compare") == 400
    assert insert("/docs/moon.PNG", kind="document", c="compare") == 415
    assert insert("/docs/inner") == 415
    assert insert("") == 400
    assert insert("\n".join(["/docs/moon.PNG"] * 31)) == 400
    assert insert("/docs/nowhere.png") == 404


def test_where_a_link_counts_downloads_nothing_is_inserted(folder: Desk) -> None:
    link = make_link(folder.office, "/docs", Role.EDITOR, max_downloads=5)
    page = open_by_link(folder.office, link, "a.docx")
    answer = page.get("insert", kind="image", c="add", paths="/sun.png")
    assert answer.status_code == 403
    free = make_link(folder.office, "/docs", Role.EDITOR)
    page = open_by_link(folder.office, free, "a.docx")
    assert page.get("insert", kind="image", c="add", paths="/sun.png").status_code == 200

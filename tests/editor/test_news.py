"""Who is told of a save that needs them: beside its file, over a quota, or fetched late."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from davserver.errors import Unavailable
from davserver.model import Grant, Role
from davserver.providers.files import VersionedFiles
from davserver.providers.notices import Kind, Notice, Notices
from davserver.providers.saves import Saves
from davserver.providers.users import Users
from tests.accounts.browsing import Browser
from tests.clock import later
from tests.dav_client import DavClient
from tests.editor.desk import Desk, Editor
from tests.editor.test_rescue import forgotten, no_downloads  # noqa: F401


@pytest.fixture
def bob(desk: Desk) -> DavClient:
    return desk.person("bob")


def keeps_house(desk: Desk) -> None:
    desk.office.app.housekeeping.run_once()


def told(desk: Desk, name: str = "admin") -> list[Notice]:
    return Notices(desk.share.catalog).of(name)


def kinds(desk: Desk, name: str = "admin") -> list[Kind]:
    return [one.kind for one in told(desk, name)]


def shown(desk: Desk, name: str) -> str:
    """What the page says, without the marks of its language."""
    browser = Browser(desk.office)
    browser.sign_in(name, f"password of {name}")
    return browser.get("/-/notices").text


def conflict(desk: Desk, editor: Editor, name: str = "a.docx") -> str:
    """Have a save go beside; where it is."""
    editor.type("from the editor")
    (desk.root / name).write_bytes(b"by samba, meanwhile")
    editor.close()
    stem = name.partition(".")[0]
    [beside] = [one for one in desk.names() if one.startswith(f"{stem} (conflict")]
    return beside


def test_who_wrote_it_is_told_where_it_lies_why_and_what_to_do(desk: Desk, bob: DavClient) -> None:
    beside = conflict(desk, desk.edit(person=bob))
    assert told(desk, "bob") == []
    keeps_house(desk)
    [notice] = told(desk, "bob")
    assert (notice.kind, notice.path, notice.sender) == (Kind.BESIDE, f"/{beside}", "bob")
    page = shown(desk, "bob")
    assert "What you wrote in a.docx lies beside the file" in page
    assert f"It is {beside}: somebody else changed the file meanwhile." in page
    assert "Look at both" in page
    keeps_house(desk)
    assert len(told(desk, "bob")) == 1


def test_its_owner_is_told_too_and_nobody_else(desk: Desk, bob: DavClient) -> None:
    cleo = desk.person("cleo")
    desk.person("dan")
    assert cleo.put("/a.docx", b"").status_code == 201
    conflict(desk, desk.edit(person=bob))
    keeps_house(desk)
    assert kinds(desk, "bob") == kinds(desk, "cleo") == [Kind.BESIDE]
    assert "What bob wrote in a.docx lies beside the file" in shown(desk, "cleo")
    assert told(desk) == told(desk, "dan") == []


def test_where_no_owner_is_known_those_are_told_who_look_after_it(
    desk: Desk, bob: DavClient
) -> None:
    desk.person("cleo")
    desk.share.access.give(Grant("/", "user:cleo", Role.MANAGER), by="admin")
    (desk.root / "a.docx").write_bytes(b"")
    conflict(desk, desk.edit(person=bob))
    keeps_house(desk)
    assert kinds(desk, "bob") == kinds(desk, "cleo") == kinds(desk) == [Kind.BESIDE]


def test_everybody_who_wrote_something_is_told(desk: Desk, bob: DavClient) -> None:
    ann, other = desk.edit(), desk.edit(person=bob)
    other.type("by bob")
    other.close()
    conflict(desk, ann)
    keeps_house(desk)
    assert kinds(desk) == kinds(desk, "bob") == [Kind.BESIDE]


def test_who_may_not_read_it_any_more_is_told_without_its_name(desk: Desk, bob: DavClient) -> None:
    editor = desk.edit(person=bob)
    editor.type("too late")
    desk.share.access.give(Grant("/", "user:bob", Role.NONE), by="admin")
    editor.close()
    keeps_house(desk)
    [notice] = told(desk, "bob")
    assert (notice.path, notice.details["reason"]) == ("", "not permitted")
    page = shown(desk, "bob")
    assert "What you wrote in a document that you cannot open any more" in page
    assert "a.docx" not in page
    assert told(desk)[0].path.startswith("/a (not permitted, bob")


def test_a_session_that_saves_beside_again_and_again_tells_of_it_once(desk: Desk) -> None:
    editor = desk.edit()
    editor.type("one")
    (desk.root / "a.docx").write_bytes(b"by samba, meanwhile")
    for word in ("two", "three"):
        assert editor.save().is_accepted
        editor.type(word)
        keeps_house(desk)
    editor.close()
    keeps_house(desk)
    assert kinds(desk) == [Kind.BESIDE]


def test_copies_that_cannot_be_one_file_are_told_of_at_first_and_at_the_end(
    desk_with: Callable[..., Desk],
) -> None:
    desk = desk_with(edit_formats=["docx", "odt"])
    desk.double.conversions.refuse_with = -3
    (desk.root / "a.odt").write_bytes(b"")
    editor = desk.edit("a.odt")
    for word in ("one", "two", "three"):
        editor.type(word)
        assert editor.save(filetype="docx").is_accepted
    editor.type("four")
    assert editor.close(filetype="docx").is_accepted
    keeps_house(desk)
    assert len([name for name in desk.names() if "edited" in name]) == 4
    assert kinds(desk) == [Kind.BESIDE] * 2


def test_a_save_over_a_quota_is_stored_and_told_once(desk: Desk, bob: DavClient) -> None:
    """Pitfall 3.18: nothing that was typed is refused, and people learn of it."""
    editor = desk.edit(person=bob)
    desk.share.quotas.set("/", 1)
    for words in ("more than there is room for", "and more of it, and more"):
        editor.type(words)
        assert editor.save().is_accepted
        keeps_house(desk)
    editor.type("and more of it, and still more and more")
    assert editor.close().is_accepted
    keeps_house(desk)
    assert desk.words("a.docx")[-1].endswith("and more")
    assert desk.names() == ["a.docx"]
    assert kinds(desk, "bob") == [Kind.OVER_QUOTA]
    page = shown(desk, "bob")
    assert "a.docx was saved over a quota" in page
    assert "the quota of a folder that it is in" in page


def test_whose_quota_it_is_is_told(desk: Desk, bob: DavClient) -> None:
    assert bob.put("/a.docx", b"").status_code == 201
    desk.share.quotas.set("bob", 1)
    editor = desk.edit()
    editor.type("more than there is room for")
    editor.close()
    keeps_house(desk)
    assert "more room than your quota leaves" in shown(desk, "bob")
    [notice] = told(desk)
    assert notice.details["quota"] == "bob"


def test_within_the_quota_nothing_is_told(desk: Desk) -> None:
    editor = desk.edit()
    desk.share.quotas.set("/", 1 << 20)
    editor.type("words")
    editor.close()
    keeps_house(desk)
    assert told(desk) == []


def test_a_save_that_is_fetched_late_is_told(
    desk: Desk,
    forgotten: Editor,  # noqa: F811
) -> None:
    assert desk.rescue() == ["/a.docx"]
    keeps_house(desk)
    [notice] = told(desk)
    assert (notice.kind, notice.path) == (Kind.LATE, "/a.docx")
    assert desk.words("a.docx")[-1] == "precious words"


def test_and_so_is_one_that_then_has_to_go_beside(
    desk: Desk,
    forgotten: Editor,  # noqa: F811
) -> None:
    with later(3600):
        assert desk.ann.put("/a.docx", b"from Word").status_code == 204
        desk.rescue()
    keeps_house(desk)
    [notice] = told(desk)
    assert (notice.kind, notice.details["late"]) == (Kind.BESIDE, "yes")


def test_a_rescue_of_what_is_ours_already_is_no_news(desk: Desk) -> None:
    editor = desk.edit()
    editor.type("words")
    assert editor.close().is_accepted
    desk.double.forget(editor.key, (desk.root / "a.docx").read_bytes())
    desk.rescue()
    keeps_house(desk)
    assert told(desk) == []


def test_guests_have_no_notices_and_whoever_looks_after_the_file_is_told(desk: Desk) -> None:
    editor = desk.edit()
    report = desk.report
    editor.type("by a guest")
    (desk.root / "a.docx").write_bytes(b"by samba, meanwhile")
    sent = report(editor, 6, users=["guest:abc.1:Mia"], forcesavetype=0)
    assert desk.double.post(editor.callback, sent).is_accepted
    keeps_house(desk)
    [notice] = told(desk)
    assert notice.sender == "Mia (guest)"


def test_a_save_is_told_of_once_by_however_many_processes(desk: Desk) -> None:
    conflict(desk, desk.edit())
    saves = Saves(desk.share.catalog)
    [save] = saves.to_be_told(10)
    assert saves.tell(save.number, [])
    assert not saves.tell(save.number, [])
    keeps_house(desk)
    assert told(desk) == []


def test_after_a_crash_before_it_people_are_told_all_the_same(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    conflict(desk, desk.edit())

    def dies(*_: Any) -> None:
        raise RuntimeError("the power went")

    with monkeypatch.context() as patched:
        patched.setattr("davserver.providers.saves.notices.add", dies)
        keeps_house(desk)
    assert told(desk) == []
    keeps_house(desk)
    assert kinds(desk) == [Kind.BESIDE]


def test_one_that_cannot_be_told_of_now_keeps_no_other_waiting(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = conflict(desk, desk.edit())
    conflict(desk, desk.edit("b.docx"), "b.docx")
    identify = VersionedFiles.identify

    def fails_for_the_first(self: VersionedFiles, path: str) -> str:
        if path == f"/{beside}":
            raise Unavailable("the disk does not answer")
        return identify(self, path)

    with monkeypatch.context() as patched:
        patched.setattr(VersionedFiles, "identify", fails_for_the_first)
        keeps_house(desk)
    assert [one.details["meant"] for one in told(desk)] == ["b.docx"]
    keeps_house(desk)
    assert len(told(desk)) == 2


def test_a_copy_that_was_moved_away_meanwhile_is_told_of_without_a_place(desk: Desk) -> None:
    beside = conflict(desk, desk.edit())
    desk.ann.delete(f"/{beside}")
    keeps_house(desk)
    [notice] = told(desk)
    assert notice.path == ""


def test_a_name_that_is_no_text_is_told_too(desk: Desk) -> None:
    name = "a\udcff.docx"
    (desk.root / name).write_bytes(b"")
    session = desk.sessions.join(f"/{name}", "admin", 60)
    saves = Saves(desk.share.catalog)
    with desk.share.files.spool() as spool:
        spool.write(b"PK")
        save = saves.note(session.key.value, 2, "d", user="admin", author="admin")
        saves.set_apart(save.number, "conflict", f"/{name}")
        saves.conclude(save.number, f"/{name}", spool.sha256)
    keeps_house(desk)
    [notice] = told(desk)
    assert json.dumps(dict(notice.details))
    Users(desk.share.catalog).set_email("admin", "a@example.org")
    browser = Browser(desk.office)
    browser.sign_in()
    assert "a\ufffd.docx" in browser.get("/-/notices").text

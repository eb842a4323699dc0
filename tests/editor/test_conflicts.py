"""What comes of a drive that writes to what is being edited: ``conflict``, over DAV."""

from collections.abc import Callable

import pytest

from tests.clock import later
from tests.editor.desk import Desk, Editor

Desks = Callable[..., Desk]


@pytest.fixture(params=["fork", "warn"])
def forking(request: pytest.FixtureRequest, desk_with: Desks) -> Desk:
    return desk_with(conflict=request.param)


def beside(desk: Desk) -> list[str]:
    return [name for name in desk.names() if "conflict" in name]


def editing(desk: Desk, editor: Editor) -> dict[str, object]:
    query = {"path": "/a.docx", "key": editor.key}
    answer = desk.ann.request("GET", "/-/api/editing", params=query)
    told: dict[str, object] = answer.json()
    return told


class TestLock:
    """Nobody else writes while a session runs."""

    def test_every_way_to_change_the_file_is_refused(self, desk: Desk) -> None:
        """Pitfall 3.11 (a): the lock is real, and seen."""
        editor = desk.edit()
        desk.ann.put("/b.docx", b"other")
        refused = [
            desk.ann.put("/a.docx", b"from Word"),
            desk.ann.request(
                "PATCH",
                "/a.docx",
                data=b"x",
                headers={
                    "Content-Type": "application/x-sabredav-partialupdate",
                    "X-Update-Range": "append",
                },
            ),
            desk.ann.delete("/a.docx"),
            desk.ann.move("/a.docx", "/c.docx"),
            desk.ann.move("/b.docx", "/a.docx", overwrite="T"),
            desk.ann.copy("/b.docx", "/a.docx", overwrite="T"),
            desk.ann.lock("/a.docx"),
        ]
        assert {answer.status_code for answer in refused} == {423}
        editor.type("words")
        assert editor.close().is_accepted
        assert desk.words("a.docx")[-1] == "words"

    def test_what_changes_past_the_lock_is_never_overwritten(self, desk: Desk) -> None:
        """Pitfalls 3.11 (c) and 3.12: another program on this machine writes into the folder."""
        editor = desk.edit()
        editor.type("words")
        (desk.root / "a.docx").write_bytes(b"by samba")
        assert editor.save().is_accepted
        assert editor.close().is_accepted
        assert (desk.root / "a.docx").read_bytes() == b"by samba"
        assert len(beside(desk)) == 1


class TestFork:
    """A drive may write; the editors' saves become another file."""

    def test_the_drive_writes_and_nothing_is_lost(self, forking: Desk) -> None:
        """Pitfall 3.11 (b)."""
        desk = forking
        editor = desk.edit()
        assert desk.locks("a.docx") == []
        editor.type("of the editor")
        assert desk.ann.put("/a.docx", b"from Word").status_code == 204
        assert editor.close().is_accepted
        assert (desk.root / "a.docx").read_bytes() == b"from Word"
        [name] = beside(desk)
        assert name.startswith("a (conflict, admin, ")
        assert desk.words(name)[-1] == "of the editor"

    def test_all_that_a_session_saves_after_it_is_one_file_with_versions(
        self, forking: Desk
    ) -> None:
        desk = forking
        editor = desk.edit()
        desk.ann.put("/a.docx", b"from Word")
        for words in ("one", "two", "three"):
            editor.type(words)
            assert editor.save().is_accepted
        editor.type("four")
        assert editor.close().is_accepted
        [name] = beside(desk)
        assert desk.words(name)[-1] == "four"
        assert len(desk.versions(name)) == 4

    def test_a_copy_beside_that_somebody_changed_is_left_alone(self, forking: Desk) -> None:
        desk = forking
        editor = desk.edit()
        desk.ann.put("/a.docx", b"from Word")
        editor.type("one")
        editor.save()
        [name] = beside(desk)
        assert desk.ann.put(f"/{name}", b"tidied up").status_code == 204
        editor.type("two")
        assert editor.close().is_accepted
        assert (desk.root / name).read_bytes() == b"tidied up"
        [other] = [one for one in beside(desk) if one != name]
        assert desk.words(other)[-1] == "two"

    def test_who_opens_it_then_is_in_a_session_of_what_the_drive_wrote(self, forking: Desk) -> None:
        """Pitfall 3.12: never the old content out of the Document Server's cache."""
        desk = forking
        first = desk.edit()
        content = (desk.root / "a.docx").read_bytes()
        first.type("of the first session")
        first.save()
        desk.ann.put("/a.docx", content)
        second = desk.edit()
        assert second.key != first.key
        assert desk.double.downloads[-1].content == content
        second.type("of the second session")
        assert second.close().is_accepted
        assert first.close().is_accepted
        assert desk.words("a.docx")[-1] == "of the second session"

    def test_without_a_conflict_everything_is_as_ever(self, forking: Desk) -> None:
        desk = forking
        editor = desk.edit()
        editor.type("words")
        assert editor.close().is_accepted
        assert desk.names() == ["a.docx"]
        assert desk.words("a.docx")[-1] == "words"

    def test_a_drive_that_deletes_or_moves_it_loses_nothing(self, forking: Desk) -> None:
        desk = forking
        moved, deleted = desk.edit("a.docx"), desk.edit("b.docx")
        moved.type("in the moved one")
        deleted.type("in the deleted one")
        assert desk.ann.move("/a.docx", "/c.docx").status_code == 201
        assert desk.ann.delete("/b.docx").status_code == 204
        moved.close()
        deleted.close()
        assert desk.words("c.docx")[-1] == "in the moved one"
        [recovered] = [name for name in desk.names() if "recovered" in name]
        assert desk.words(recovered)[-1] == "in the deleted one"

    def test_a_lock_of_word_still_makes_viewers(self, forking: Desk) -> None:
        """Pitfall 3.11 (d)."""
        desk = forking
        desk.edit().close()
        desk.ann.lock("/a.docx")
        editor = desk.edit()
        assert editor.config["editorConfig"]["mode"] == "view"

    def test_a_session_outlives_a_lock_that_comes_later(self, forking: Desk) -> None:
        desk = forking
        editor = desk.edit()
        assert desk.ann.lock("/a.docx").status_code == 200
        desk.double.post(editor.callback, {"key": editor.key, "status": 1, "users": ["admin"]})
        with later(60):
            found = desk.sessions.find(editor.key)
            assert found
            assert found.is_live
        editor.type("words")
        assert editor.close().is_accepted
        assert desk.words("a.docx") == ["first words"]
        [name] = [name for name in desk.names() if "conflict, locked" in name]
        assert desk.words(name)[-1] == "words"


class TestWarn:
    """Those who are editing are told."""

    def test_the_page_is_told_who_changed_the_file(self, desk_with: Desks) -> None:
        desk = desk_with(conflict="warn")
        editor = desk.edit()
        assert "changed_by" not in editing(desk, editor)
        editor.type("words")
        editor.save()
        assert "changed_by" not in editing(desk, editor), "its own save is no change of others"
        assert desk.person("bob").put("/a.docx", b"from Word").status_code == 204
        assert editing(desk, editor)["changed_by"] == "bob"
        (desk.root / "a.docx").write_bytes(b"by samba")
        assert editing(desk, editor)["changed_by"] == "Another program"

    def test_the_page_of_a_fork_is_not_to_say_it(self, desk_with: Desks) -> None:
        for policy, says in (("fork", False), ("warn", True), ("lock", True)):
            desk = desk_with(conflict=policy)
            (desk.root / "a.docx").write_bytes(b"")
            page = desk.ann.request("GET", "/-/edit/a.docx", headers={"Accept": "text/html"})
            assert ("data-tells-changes" in page.text) is says

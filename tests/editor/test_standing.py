"""Rights that are taken away while a document is open."""

import pytest

from davserver.model import EVERYONE, Grant, Role
from davserver.providers.users import Users
from tests.clock import later
from tests.editor.desk import Desk


@pytest.fixture
def desk(desk: Desk) -> Desk:
    desk.edit().close()
    return desk


def closes(desk: Desk, subject: str) -> None:
    desk.share.access.give(Grant("/a.docx", subject, Role.VIEWER), by="admin")


def keeps_house(desk: Desk) -> None:
    desk.office.app.housekeeping.run_once()


def test_who_may_no_longer_edit_becomes_a_looker_on(desk: Desk) -> None:
    """Pitfall 3.22: rights that change while somebody edits."""
    ann, _bob = desk.edit(), desk.edit(person=desk.person("bob"))
    keeps_house(desk)
    assert desk.double.dropped == []
    closes(desk, "user:bob")
    keeps_house(desk)
    assert desk.double.dropped == ["bob"]
    ann.type("ann goes on")
    assert ann.save().is_accepted


def test_what_they_save_later_is_kept_apart(desk: Desk) -> None:
    """Pitfall 3.22: the rights of now count for a save, and nothing is lost."""
    """Pitfall 3.22: rights are asked for again when a save comes."""
    bob = desk.edit(person=desk.person("bob"))
    before = (desk.root / "a.docx").read_bytes()
    bob.type("too late")
    closes(desk, "user:bob")
    assert bob.close().is_accepted
    assert (desk.root / "a.docx").read_bytes() == before
    [beside] = [name for name in desk.names() if "not permitted, bob" in name]
    assert "too late" in desk.words(beside)


def test_who_was_removed_saves_apart_too(desk: Desk) -> None:
    bob = desk.edit(person=desk.person("bob"))
    bob.type("from one who is gone")
    Users(desk.share.catalog).remove("bob")
    with later(10):  # the removal counts in every process within seconds
        assert bob.close().is_accepted
    assert [name for name in desk.names() if "not permitted, bob" in name]


def test_who_still_may_saves_over_the_file_as_ever(desk: Desk) -> None:
    bob = desk.edit(person=desk.person("bob"))
    bob.type("in time")
    closes(desk, "user:carl")
    assert bob.close().is_accepted
    assert desk.names() == ["a.docx"]
    assert "in time" in desk.words("a.docx")


def test_a_commenter_edits_together_with_others_and_saves(desk: Desk) -> None:
    desk.share.access.give(Grant("/a.docx", EVERYONE, Role.COMMENTER), by="admin")
    bob = desk.edit(person=desk.person("bob"))
    permissions = bob.config["document"]["permissions"]
    assert bob.config["editorConfig"]["mode"] == "edit"
    assert (permissions["edit"], permissions["comment"]) == (False, True)
    bob.type("a comment")
    assert bob.close().is_accepted
    assert desk.names() == ["a.docx"]
    assert "a comment" in desk.words("a.docx")


def test_a_server_that_cannot_be_asked_does_not_stop_the_others(desk: Desk) -> None:
    desk.edit(person=desk.person("bob"))
    closes(desk, "user:bob")
    desk.double.stop()
    keeps_house(desk)
    assert desk.double.dropped == []

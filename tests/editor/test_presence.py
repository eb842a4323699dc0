"""Who edits, by the Document Server's own account: leases go on as long as somebody is there."""

import re

import requests

from davserver.editor.keys import document_key
from davserver.editor.saving import callbacks
from davserver.editor.sessions import presence
from davserver.model import EVERYONE, Grant, Role, SessionState
from tests.clock import later
from tests.editor.desk import Desk, Editor


def keeps_house(desk: Desk) -> None:
    desk.office.app.housekeeping.run_once()


def session_of(desk: Desk, editor: Editor) -> object:
    return desk.sessions.find(editor.key)


def asked(desk: Desk) -> list[str]:
    return [one["key"] for one in desk.double.commands if one["c"] == "info"]


def test_a_lease_goes_on_while_the_document_server_says_that_somebody_is_there(
    desk: Desk,
) -> None:
    """Pitfall 3.11 (e): a lock neither outlives its session nor ends before it."""
    desk.edit()
    for minutes in (10, 20, 30):
        with later(minutes * 60):
            keeps_house(desk)
            assert desk.ann.put("/a.docx", b"from Word").status_code == 423


def test_a_lease_with_nobody_behind_it_ends(desk: Desk) -> None:
    """Pitfall 3.11 (e): the browser and the message about its end were lost."""
    editor = desk.edit()
    del desk.double.editing[editor.key]
    with later(10 * 60):
        keeps_house(desk)
    with later(callbacks.LEASE_SECONDS + 1):
        assert desk.ann.put("/a.docx", b"from Word").status_code == 204


def test_a_session_that_the_document_server_never_heard_of_is_closed_after_its_lease(
    desk: Desk,
) -> None:
    """Somebody closed the page before the editor had loaded."""
    (desk.root / "a.docx").write_bytes(b"one")
    session = desk.sessions.join("/a.docx", "ann", 60)
    keeps_house(desk)
    found = desk.sessions.find(session.key.value)
    assert found
    assert found.state is SessionState.OPEN, "the page may be loading"
    with later(61):
        keeps_house(desk)
        found = desk.sessions.find(session.key.value)
    assert found
    assert found.state is SessionState.CLOSED


def test_nobody_is_asked_about_a_lease_that_has_time(desk: Desk) -> None:
    desk.edit()
    keeps_house(desk)
    assert asked(desk) == []


def test_sessions_go_on_after_we_were_down_for_longer_than_a_lease(desk: Desk) -> None:
    editor = desk.edit()
    with later(callbacks.LEASE_SECONDS + 600):
        keeps_house(desk)
        assert desk.ann.put("/a.docx", b"from Word").status_code == 423
        assert desk.sessions.find(editor.key).is_live


def test_a_document_server_that_is_down_changes_no_lease(desk: Desk) -> None:
    editor = desk.edit()
    before = desk.sessions.find(editor.key).lease_until
    desk.double.stop()
    with later(10 * 60):
        keeps_house(desk)
    assert desk.sessions.find(editor.key).lease_until == before


def test_a_lease_is_longer_than_the_document_server_needs_to_miss_a_browser() -> None:
    """300 seconds of presence and up to 120 until it looks; research, fact 14."""
    assert callbacks.LEASE_SECONDS > 300 + 120
    assert presence.NEAR_SECONDS > 300 + 120


def test_a_newcomer_shortens_nobodys_lease(desk: Desk) -> None:
    desk.edit()
    [lock] = desk.locks("a.docx")
    desk.sessions.join("/a.docx", "bob", 60)
    assert desk.locks("a.docx")[0].expires >= lock.expires


class TestAfterALapse:
    """A session whose lease ran out without an end."""

    def test_the_next_one_gets_its_key_while_the_document_server_knows_it(self, desk: Desk) -> None:
        editor = desk.edit()
        editor.type("saved on the way")
        editor.save()
        editor.type("only in the Document Server")
        with later(callbacks.LEASE_SECONDS + 1):
            assert desk.edit().key == editor.key

    def test_another_key_is_made_where_the_document_server_lost_it(self, desk: Desk) -> None:
        """Under the old key it would fetch what the session began with, and show old text."""
        editor = desk.edit()
        editor.type("saved on the way")
        editor.save()
        desk.double.editing.clear()
        desk.double.known.clear()
        again = desk.edit()
        assert again.key != editor.key
        assert desk.double.downloads[-1].content == (desk.root / "a.docx").read_bytes()


class TestWhoIsTold:
    """GET /-/api/sessions, and the drive."""

    def ask(self, desk: Desk, name: str | None = None) -> requests.Response:
        who = desk.office.client(name, "password of " + name) if name else desk.ann
        return who.request("GET", "/-/api/sessions")

    def test_an_administrator_sees_every_session(self, desk: Desk) -> None:
        desk.edit()
        [told] = self.ask(desk).json()["sessions"]
        assert (told["path"], told["editors"]) == ("/a.docx", ["admin"])
        assert told["since"] < told["lease_until"]
        assert "key" not in told, "a key is a secret between the servers"

    def test_others_see_those_of_files_that_they_may_read(self, desk: Desk) -> None:
        desk.edit()
        desk.edit("b.docx", person=desk.person("bob"))
        desk.share.access.give(Grant("/a.docx", EVERYONE, Role.NONE), by="admin")
        assert [one["path"] for one in self.ask(desk, "bob").json()["sessions"]] == ["/b.docx"]

    def test_a_drive_is_told_by_the_locks_owner(self, desk: Desk) -> None:
        """Pitfall 3.11 (a)."""
        editor = desk.edit()
        desk.edit(person=desk.person("bob"))
        discovered = desk.ann.property("/a.docx", "D:lockdiscovery")
        assert discovered is not None
        assert discovered.findtext(".//{DAV:}owner") == "admin, bob (in ONLYOFFICE)"
        assert editor.key not in "".join(str(text) for text in discovered.itertext())


def test_a_key_tells_nobody_another_one(desk: Desk) -> None:
    """Pitfall 3.25: keys of 200 bits, and each installation has its own."""
    keys = {desk.edit(name).key for name in ("a.docx", "b.docx", "c.docx")}
    assert all(re.fullmatch("[a-z2-7]{40}", key) for key in keys)
    assert len(keys) == 3
    here, there = (document_key(who, "resource", '"etag"', 0) for who in ("here", "there"))
    assert here != there

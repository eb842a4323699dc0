"""Who edits, by the Document Server's own account: leases go on as long as somebody is there."""

import re
from typing import Any

import pytest
import requests
from lxml import etree

from davserver.editor.keys import document_key
from davserver.editor.saving import callbacks
from davserver.editor.sessions import presence
from davserver.model import EVERYONE, Grant, Role, SessionState
from davserver.providers import session_rows
from tests.accounts.link_making import guest, make_link
from tests.clock import later
from tests.dav_client import DavClient
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


class TestTheProperty:
    """PROPFIND of {urn:davserver:}editing."""

    NAME = 'editing xmlns="urn:davserver:"'

    def told(self, who: DavClient, path: str = "/", depth: str = "1") -> dict[str, list[str]]:
        """Who is said to edit, by address."""
        answer = who.propfind(path, self.NAME, depth=depth)
        assert answer.status_code == 207, answer.text
        root, found = etree.fromstring(answer.content), {}
        for response in root.iter("{DAV:}response"):
            names = [str(one.text) for one in response.iter("{urn:davserver:}editor")]
            if names:
                found[str(response.findtext("{DAV:}href"))] = names
        return found

    def test_a_folder_tells_of_each_file_with_one_question(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        desk.edit()
        desk.edit(person=desk.person("bob"))
        desk.edit("b.docx")
        (desk.root / "c.docx").write_bytes(b"")
        asked: list[str] = []
        of_members = session_rows.of_members

        def counted(connection: Any, folder: str) -> Any:
            asked.append(folder)
            return of_members(connection, folder)

        monkeypatch.setattr(session_rows, "of_members", counted)
        assert self.told(desk.ann) == {"/a.docx": ["admin", "bob"], "/b.docx": ["admin"]}
        assert asked == ["/"]
        assert self.told(desk.ann, "/a.docx", "0") == {"/a.docx": ["admin", "bob"]}

    def test_it_says_since_when_and_ends_with_the_session(self, desk: Desk) -> None:
        editor = desk.edit()
        element = desk.ann.property("/a.docx", self.NAME)
        assert element is not None
        [session] = desk.sessions.live()
        since = f"{session.opened:%Y-%m-%dT%H:%M:%SZ}"
        assert element.findtext("{urn:davserver:}since") == since
        editor.close()
        assert self.told(desk.ann) == {}

    def test_nobody_is_asked_unless_it_is_asked_for(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        desk.edit()

        def unexpected(*_: Any) -> Any:
            raise AssertionError("nobody asked for that")

        monkeypatch.setattr(session_rows, "of_members", unexpected)
        everything = desk.ann.propfind("/", depth="1")
        assert everything.status_code == 207
        assert "urn:davserver:" not in everything.text
        assert desk.ann.propfind("/", "D:getetag", depth="1").status_code == 207

    def test_a_guest_is_told_of_nobody(self, desk: Desk) -> None:
        desk.ann.mkcol("/d")
        desk.edit("d/a.docx")
        stranger = guest(desk.office, make_link(desk.office, "/d", Role.EDITOR))
        assert self.told(stranger) == {}

    def test_names_are_text_and_nobody_sets_it(self, desk: Desk) -> None:
        desk.edit()
        [session] = desk.sessions.live()
        desk.sessions.renew(session.key.value, 60, ["<b>&"])
        assert self.told(desk.ann) == {"/a.docx": ["<b>&"]}
        wanted = '<D:set><D:prop><editing xmlns="urn:davserver:">me</editing></D:prop></D:set>'
        assert " 403 " in desk.ann.proppatch("/a.docx", wanted).text


def test_a_key_tells_nobody_another_one(desk: Desk) -> None:
    """Pitfall 3.25: keys of 200 bits, and each installation has its own."""
    keys = {desk.edit(name).key for name in ("a.docx", "b.docx", "c.docx")}
    assert all(re.fullmatch("[a-z2-7]{40}", key) for key in keys)
    assert len(keys) == 3
    here, there = (document_key(who, "resource", '"etag"', 0) for who in ("here", "there"))
    assert here != there

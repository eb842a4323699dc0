"""Taking turns at a file: reading and editing, other programs' locks, and what a page is told."""

from typing import Any

import jwt
import pytest
import requests

from davserver.model import EVERYONE, Grant, Role, SessionState
from tests.dav_client import DavClient, token_of
from tests.documentserver import SECRET
from tests.editor.desk import Desk
from tests.editor.opening import configuration, page


def told(desk: Desk, who: DavClient | None = None, **query: str) -> Any:
    query = {"path": "/a.docx", **query}
    answer = (who or desk.ann).request("GET", "/-/api/editing", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def desk(desk: Desk) -> Desk:
    desk.edit().close()
    return desk


class TestFromReadingToEditing:
    """``onRequestEditRights``."""

    def test_who_may_edit_is_offered_it_while_reading(self, desk: Desk) -> None:
        config = configuration(desk.office, desk.ann, "a.docx", how="view")
        assert config["editorConfig"]["mode"] == "view"
        assert config["document"]["permissions"]["edit"] is True
        assert jwt.decode(config["token"], SECRET, ["HS256"])["editorConfig"]["mode"] == "view"
        assert "data-offers-editing" in page(desk.ann, "a.docx", how="view").text

    @pytest.mark.parametrize("role", [Role.VIEWER, Role.COMMENTER])
    def test_who_may_not_change_the_text_is_not(self, desk: Desk, role: Role) -> None:
        bob = desk.person("bob")
        desk.share.access.give(Grant("/a.docx", EVERYONE, role), by="admin")
        config = configuration(desk.office, bob, "a.docx", how="view")
        assert config["document"]["permissions"]["edit"] is False
        assert "data-offers-editing" not in page(bob, "a.docx", how="view").text

    def test_a_format_that_is_only_read_is_not_offered(self, desk: Desk) -> None:
        (desk.root / "b.odt").write_bytes(b"")
        config = configuration(desk.office, desk.ann, "b.odt", how="view")
        assert config["document"]["permissions"]["edit"] is False

    def test_reading_still_joins_no_session(self, desk: Desk) -> None:
        config = configuration(desk.office, desk.ann, "a.docx", how="view")
        assert desk.double.open(config) is None
        assert desk.locks("a.docx") == []

    def test_the_configuration_for_editing_is_there_for_the_asking(self, desk: Desk) -> None:
        viewing = configuration(desk.office, desk.ann, "a.docx", how="view")
        query = {"path": "/a.docx", "mode": "edit"}
        config = desk.ann.request("GET", "/-/api/editor-config", params=query).json()
        assert config["editorConfig"]["mode"] == "edit"
        assert config["document"]["key"] == viewing["document"]["key"]
        assert config["documentType"] == viewing["documentType"]
        desk.double.open(config)
        assert len(desk.locks("a.docx")) == 1


class TestAForeignLock:
    """Pitfall 3.11 (d): it opens for reading, and says who has the file and when it is free."""

    def test_the_page_hears_who_has_it_and_when_it_is_free(self, desk: Desk) -> None:
        bob = desk.person("bob")
        token = token_of(bob.lock("/a.docx"))
        assert "data-waits" in page(desk.ann, "a.docx").text
        assert told(desk) == {"holder": "bob", "may_edit": True, "may_take_over": True}
        bob.unlock("/a.docx", token)
        assert told(desk) == {"holder": "", "may_edit": True, "may_take_over": False}

    def test_only_who_may_share_is_offered_to_take_over(self, desk: Desk) -> None:
        desk.ann.lock("/a.docx")
        bob = desk.person("bob")
        assert told(desk, bob)["may_take_over"] is False
        desk.share.access.give(Grant("/a.docx", "user:bob", Role.MANAGER), by="admin")
        assert told(desk, bob)["may_take_over"] is True

    def test_a_session_is_no_foreign_lock(self, desk: Desk) -> None:
        desk.edit()
        assert told(desk)["holder"] == ""


class TestWhatAPageIsTold:
    """GET /-/api/editing."""

    def ask(self, who: DavClient, **query: str) -> requests.Response:
        return who.request("GET", "/-/api/editing", params=query)

    def test_who_may_not_read_the_file_is_told_nothing(self, desk: Desk) -> None:
        editor = desk.edit()
        bob = desk.person("bob")
        desk.share.access.give(Grant("/a.docx", EVERYONE, Role.NONE), by="admin")
        assert self.ask(bob, path="/a.docx").status_code == 404
        (desk.root / "b.docx").write_bytes(b"")
        assert self.ask(bob, path="/b.docx", key=editor.key).status_code == 404

    @pytest.mark.parametrize("path", ["", "a.docx", "/../a.docx"])
    def test_what_names_no_file_is_refused(self, desk: Desk, path: str) -> None:
        assert self.ask(desk.ann, path=path).status_code == 400

    def test_a_session_that_was_ended_is_told(self, desk: Desk) -> None:
        editor = desk.edit()
        assert told(desk, key=editor.key)["ended"] is False
        desk.sessions.end(desk.sessions.find(editor.key).key, SessionState.ENDED)
        assert told(desk, key=editor.key)["ended"] is True

    def test_who_only_reads_is_not_told_who_wrote(self, desk: Desk) -> None:
        editor = desk.edit()
        bob = desk.person("bob")
        desk.share.access.give(Grant("/a.docx", "user:bob", Role.VIEWER), by="admin")
        (desk.root / "a.docx").write_bytes(b"by samba")
        assert "changed_by" in told(desk, key=editor.key)
        assert "changed_by" not in told(desk, bob, key=editor.key)

    def test_a_file_that_was_moved_meanwhile_is_followed_by_its_key(self, desk: Desk) -> None:
        editor = desk.edit()
        editor.type("words")
        desk.share.trees.move("/a.docx", "/b.docx", desk.holder("a.docx"), overwrite=False)
        assert told(desk, key=editor.key)["ended"] is False
        editor.close()
        query = {"path": "/a.docx", "used": editor.key}
        config = desk.ann.request("GET", "/-/api/editor-config", params=query).json()
        assert config["document"]["title"] == "b.docx"

"""Those who may share a file end what keeps it from being edited: sessions, and foreign locks."""

import json

import pytest
import requests
from click.testing import CliRunner

from davserver.cli import main
from davserver.model import Grant, Role, SessionState
from tests.accounts.test_gate import csrf_in
from tests.clock import wait_until
from tests.dav_client import DavClient
from tests.documentserver import SECRET
from tests.editor.desk import Desk
from tests.running import PASSWORD


def post(who: DavClient, address: str, path: str) -> requests.Response:
    token = csrf_in(who.request("GET", "/", headers={"Accept": "text/html"}))
    data = {"path": path, "csrf": token}
    return who.request("POST", address, data=data)


def end(who: DavClient, path: str = "/a.docx") -> requests.Response:
    return post(who, "/-/api/end-session", path)


def take(who: DavClient, path: str = "/a.docx") -> requests.Response:
    return post(who, "/-/api/take-over", path)


def audited(desk: Desk) -> list[dict[str, str]]:
    log = desk.root / ".davserver" / "audit" / "audit.jsonl"
    return [json.loads(line) for line in log.read_text().splitlines()]


class TestSessions:
    """A session that somebody else ends."""

    def test_what_was_typed_is_stored_and_the_file_is_free(self, desk: Desk) -> None:
        bob = desk.edit(person=desk.person("bob"))
        bob.type("bob's words")
        answer = end(desk.ann)
        assert answer.json() == {"saved": True}
        assert desk.words("a.docx")[-1] == "bob's words"
        assert desk.locks("a.docx") == []
        assert desk.double.dropped == ["bob"]
        assert desk.ann.put("/a.docx", b"mine").status_code == 204

    def test_what_comes_after_the_end_goes_beside(self, desk: Desk) -> None:
        bob = desk.edit(person=desk.person("bob"))
        before = (desk.root / "a.docx").read_bytes()
        desk.sessions.end(desk.sessions.find(bob.key).key, SessionState.ENDED)
        bob.type("too late")
        assert bob.close().is_accepted
        assert (desk.root / "a.docx").read_bytes() == before
        [beside] = [name for name in desk.names() if "session ended, bob" in name]
        assert desk.words(beside)[-1] == "too late"
        listing = desk.ann.request("GET", "/", headers={"Accept": "text/html"}).text
        assert "somebody ended the session before it came." in listing

    def test_nothing_is_put_beside_where_everything_was_stored(self, desk: Desk) -> None:
        bob = desk.edit(person=desk.person("bob"))
        bob.type("bob's words")
        end(desk.ann)
        wait_until(lambda: bob.key in desk.double.dead_keys, "no final save came")
        assert desk.names() == ["a.docx"]

    def test_the_next_one_is_in_another_session(self, desk: Desk) -> None:
        bob = desk.edit(person=desk.person("bob"))
        end(desk.ann)
        assert desk.edit().key != bob.key

    def test_an_open_page_does_not_take_it_up_again(self, desk: Desk) -> None:
        bob = desk.edit(person=desk.person("bob"))
        end(desk.ann)
        desk.double.post(bob.callback, {"key": bob.key, "status": 1, "users": ["bob"]})
        assert desk.locks("a.docx") == []

    def test_it_is_for_those_who_may_share(self, desk: Desk) -> None:
        desk.edit()
        bob = desk.person("bob")
        assert end(bob).status_code == 403
        desk.share.access.give(Grant("/a.docx", "user:bob", Role.MANAGER), by="admin")
        assert end(bob).status_code == 200

    def test_it_is_written_down(self, desk: Desk) -> None:
        desk.edit(person=desk.person("bob"))
        end(desk.ann)
        [line] = [one for one in audited(desk) if one["event"] == "edit session ended"]
        assert (line["user"], line["path"], line["editors"]) == ("admin", "/a.docx", "bob")

    def test_a_file_that_nobody_edits_has_none(self, desk: Desk) -> None:
        (desk.root / "a.docx").write_bytes(b"")
        assert end(desk.ann).status_code == 409

    def test_a_page_of_another_site_cannot(self, desk: Desk) -> None:
        desk.edit()
        for address in ("/-/api/end-session", "/-/api/take-over"):
            assert desk.ann.request("POST", address, data={"path": "/a.docx"}).status_code == 403
        assert len(desk.locks("a.docx")) == 1

    def test_a_program_can(self, desk: Desk) -> None:
        """It signs in with each request, and sends what no form of another site sends."""
        desk.edit()
        address = f"{desk.office.url}/-/api/end-session"
        told = {"json": {"path": "/a.docx"}, "auth": ("admin", PASSWORD), "timeout": 10}
        assert requests.post(address, **told).json() == {"saved": True}
        assert desk.locks("a.docx") == []

    @pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"path": 7}', b"[" * 9000])
    def test_a_program_that_names_no_file_is_told(self, desk: Desk, body: bytes) -> None:
        address = f"{desk.office.url}/-/api/end-session"
        headers = {"Content-Type": "application/json"}
        auth = ("admin", PASSWORD)
        answer = requests.post(address, body, headers=headers, auth=auth, timeout=10)
        assert answer.status_code == 400


class TestForeignLocks:
    """A lock of Word that somebody forgot."""

    def test_it_is_taken_away_and_the_editor_opens(self, desk: Desk) -> None:
        desk.edit().close()
        bob = desk.person("bob")
        assert bob.lock("/a.docx").status_code == 200
        assert take(desk.ann).json() == {"removed": 1}
        assert desk.edit().config["editorConfig"]["mode"] == "edit"
        assert bob.put("/a.docx", b"from Word").status_code == 423
        [line] = [one for one in audited(desk) if one["event"] == "lock broken"]
        assert (line["user"], line["path"], line["holder"]) == ("admin", "/a.docx", "bob")

    def test_it_is_for_those_who_may_share(self, desk: Desk) -> None:
        desk.edit().close()
        desk.ann.lock("/a.docx")
        bob = desk.person("bob")
        assert take(bob).status_code == 403
        desk.share.access.give(Grant("/a.docx", "user:bob", Role.MANAGER), by="admin")
        assert take(bob).status_code == 200

    def test_a_folder_that_is_locked_needs_a_manager_of_the_folder(self, desk: Desk) -> None:
        desk.ann.mkcol("/d")
        desk.ann.put("/d/a.docx", b"")
        bob = desk.person("bob")
        desk.share.access.give(Grant("/d/a.docx", "user:bob", Role.MANAGER), by="admin")
        desk.ann.lock("/d")
        assert take(bob, "/d/a.docx").status_code == 403
        assert take(desk.ann, "/d/a.docx").json() == {"removed": 1}
        assert desk.locks("d/a.docx") == []

    def test_a_session_is_no_foreign_lock(self, desk: Desk) -> None:
        desk.edit()
        assert take(desk.ann).json() == {"removed": 0}
        assert len(desk.locks("a.docx")) == 1


class TestTheCommands:
    """``davserver sessions``."""

    def run(self, desk: Desk, *words: str) -> str:
        secret = desk.root.parent / "secret"
        secret.write_text(SECRET)
        command = ["sessions", *words, "--root", str(desk.root)]
        if words[0] == "end":
            command += ["--document-server", desk.double.url, "--jwt-secret-file", str(secret)]
        done = CliRunner().invoke(main, command)
        assert done.exit_code == 0, done.output
        return done.output

    def test_they_list_and_end(self, desk: Desk) -> None:
        desk.edit(person=desk.person("bob")).type("words")
        assert "/a.docx\tbob\tsince " in self.run(desk, "list")
        assert "/a.docx is no longer edited." in self.run(desk, "end", "/a.docx")
        assert "/a.docx\t" not in self.run(desk, "list")
        assert desk.words("a.docx")[-1] == "words"

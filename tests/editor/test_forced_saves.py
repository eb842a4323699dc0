"""Saves on our demand: for those who read, by the clock, and before a backup."""

import time
from collections.abc import Callable

import pytest
import requests
from click.testing import CliRunner, Result

from davserver.cli import main
from davserver.editor.saving import forced_saves
from davserver.model import EVERYONE, Grant, Role
from davserver.providers.sessions import EditSessions
from tests.accounts.link_making import guest, make_link
from tests.clock import later, wait_until
from tests.documentserver import SECRET
from tests.editor.desk import Desk
from tests.editor.opening import words_in

NO_CACHE = {"Cache-Control": "no-cache"}


def read(desk: Desk, path: str = "/a.docx", **headers: str) -> requests.Response:
    return desk.ann.request("GET", path, headers=headers)


def last_words(desk: Desk) -> str:
    return desk.words("a.docx")[-1]


def demands(desk: Desk) -> int:
    return sum(one["c"] == "forcesave" for one in desk.double.commands)


class TestFreshReads:
    """GET of what is being edited."""

    @pytest.mark.parametrize(
        ("path", "headers"),
        [
            ("/a.docx", NO_CACHE),
            ("/a.docx", {"Cache-Control": "max-age=0, No-Cache"}),
            ("/a.docx?fresh", {}),
            ("/a.docx", {"X-Fresh": "1"}),
        ],
    )
    def test_who_asks_for_it_gets_what_was_just_typed(
        self, desk: Desk, path: str, headers: dict[str, str]
    ) -> None:
        desk.edit().type("typed a moment ago")
        answer = desk.ann.session.get(desk.office.url + path, headers=headers, timeout=20)
        assert answer.headers["Davserver-Fresh"] == "saved"
        assert answer.content == (desk.root / "a.docx").read_bytes()
        assert last_words(desk) == "typed a moment ago"

    @pytest.mark.parametrize("headers", [{"X-Fresh": "0"}, {"X-Fresh": "no"}])
    def test_who_declines_gets_what_there_is(self, desk: Desk, headers: dict[str, str]) -> None:
        desk.edit().type("typed a moment ago")
        assert "Davserver-Fresh" not in read(desk, **headers).headers

    @pytest.mark.parametrize("headers", [NO_CACHE, {"X-Fresh": "1"}])
    def test_the_same_in_another_format(self, desk: Desk, headers: dict[str, str]) -> None:
        desk.edit().type("typed a moment ago")
        answer = desk.ann.request("GET", "/a.docx", params={"as": "txt"}, headers=headers)
        assert answer.headers["Davserver-Fresh"] == "saved"
        assert "typed a moment ago" in answer.text

    def test_in_another_format_nobody_saves_unasked_or_for_who_may_not_read(
        self, desk: Desk
    ) -> None:
        desk.edit().type("typed a moment ago")
        old = desk.ann.request("GET", "/a.docx", params={"as": "txt"})
        assert "Davserver-Fresh" not in old.headers
        assert "typed a moment ago" not in old.text
        desk.share.access.give(Grant("/a.docx", EVERYONE, Role.NONE), by="admin")
        refused = desk.person("bob").request(
            "GET", "/a.docx", params={"as": "txt"}, headers=NO_CACHE
        )
        assert refused.status_code == 404
        assert demands(desk) == 0

    def test_the_same_by_a_link(self, desk: Desk) -> None:
        desk.edit().type("typed a moment ago")
        stranger = guest(desk.office, make_link(desk.office, "/a.docx"))
        answer = stranger.request("GET", "/a.docx", headers=NO_CACHE)
        assert answer.headers["Davserver-Fresh"] == "saved"
        assert words_in(answer.content)[-1] == "typed a moment ago"

    def test_a_new_state_is_no_304(self, desk: Desk) -> None:
        editor = desk.edit()
        etag = read(desk).headers["ETag"]
        editor.type("new")
        answer = read(desk, **NO_CACHE, **{"If-None-Match": etag})
        assert answer.status_code == 200
        assert answer.headers["ETag"] != etag

    def test_who_does_not_ask_gets_what_there_is_and_asks_nobody(self, desk: Desk) -> None:
        desk.edit().type("typed a moment ago")
        answer = read(desk)
        assert "Davserver-Fresh" not in answer.headers
        assert last_words(desk) == "first words"
        assert demands(desk) == 0

    def test_a_plain_read_looks_for_no_session(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looked: list[str] = []
        of_file = EditSessions.of_file
        monkeypatch.setattr(
            EditSessions,
            "of_file",
            lambda sessions, path: looked.append(path) or of_file(sessions, path),
        )
        (desk.root / "a.docx").write_bytes(b"one")
        read(desk)
        assert looked == []
        read(desk, **NO_CACHE)
        assert looked == ["/a.docx"]

    def test_it_goes_on_without_a_loss(self, desk: Desk) -> None:
        editor = desk.edit()
        editor.type("one")
        read(desk, **NO_CACHE)
        assert desk.edit().key == editor.key
        editor.type("two")
        assert editor.close().is_accepted
        assert last_words(desk) == "two"

    def test_nothing_new_is_told(self, desk: Desk) -> None:
        desk.edit()
        assert read(desk, **NO_CACHE).headers["Davserver-Fresh"] == "unchanged"

    def test_a_file_that_nobody_edits_is_told(self, desk: Desk) -> None:
        desk.edit().close()
        assert read(desk, **NO_CACHE).headers["Davserver-Fresh"] == "unedited"
        assert read(desk, "/none.docx", **NO_CACHE).status_code == 404
        assert demands(desk) == 0

    def test_a_document_server_that_is_down_costs_a_moment_and_is_told(self, desk: Desk) -> None:
        desk.edit().type("lost for now")
        desk.double.stop()
        began = time.monotonic()
        answer = read(desk, **NO_CACHE)
        assert answer.headers["Davserver-Fresh"] == "late"
        assert answer.status_code == 200
        assert time.monotonic() - began < forced_saves.FRESH_SECONDS + 3

    def test_a_save_that_does_not_come_is_not_waited_for_for_long(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(forced_saves, "FRESH_SECONDS", 0.3)
        monkeypatch.setattr(desk.double, "save", lambda *_, **__: None)
        desk.edit().type("never sent")
        began = time.monotonic()
        assert read(desk, **NO_CACHE).headers["Davserver-Fresh"] == "late"
        assert time.monotonic() - began < 3

    def test_always_needs_no_asking(self, desk_with: Callable[..., Desk]) -> None:
        desk = desk_with(fresh_reads="always")
        desk.edit().type("typed a moment ago")
        assert read(desk).headers["Davserver-Fresh"] == "saved"

    def test_never_is_never(self, desk_with: Callable[..., Desk]) -> None:
        desk = desk_with(fresh_reads="never")
        desk.edit().type("typed a moment ago")
        assert "Davserver-Fresh" not in read(desk, **NO_CACHE).headers
        assert demands(desk) == 0

    def test_who_may_not_read_the_file_makes_nobody_save(self, desk: Desk) -> None:
        desk.edit().type("secret")
        stranger = desk.office.client("nobody", "x")
        assert stranger.request("GET", "/a.docx", headers=NO_CACHE).status_code == 401
        assert demands(desk) == 0


class TestByTheClock:
    """``save_minutes``."""

    def keeps_house(self, desk: Desk) -> None:
        desk.office.app.housekeeping.run_once()

    def test_what_was_typed_is_stored_though_nobody_saves(self, desk: Desk) -> None:
        desk.edit().type("for an hour")
        self.keeps_house(desk)
        assert demands(desk) == 0, "not before its time"
        with later(5 * 60 + 1):
            self.keeps_house(desk)
            wait_until(lambda: last_words(desk) == "for an hour", "it was never stored")

    def test_who_saves_is_left_alone_for_as_long(self, desk: Desk) -> None:
        editor = desk.edit()
        with later(4 * 60):
            editor.type("by hand")
            editor.save()
            editor.type("more")
        with later(6 * 60):
            self.keeps_house(desk)
        assert demands(desk) == 0

    def test_a_document_that_nobody_changes_makes_no_version(self, desk: Desk) -> None:
        desk.edit()
        with later(6 * 60):
            self.keeps_house(desk)
            self.keeps_house(desk)
        assert demands(desk) == 1, "asked again only after as long"
        assert len(desk.versions()) == 1

    def test_0_switches_it_off(self, desk_with: Callable[..., Desk]) -> None:
        desk = desk_with(save_minutes=0)
        desk.edit().type("for an hour")
        with later(3600):
            self.keeps_house(desk)
        assert demands(desk) == 0


class TestFlush:
    """``davserver flush``."""

    def flush(self, desk: Desk, *more: str) -> Result:
        secret = desk.root.parent / "secret"
        secret.write_text(SECRET)
        options = ["--root", str(desk.root), "--document-server", desk.double.url]
        command = ["flush", *more, *options, "--jwt-secret-file", str(secret)]
        return CliRunner().invoke(main, command)

    def test_everything_is_stored_when_it_is_done(self, desk: Desk) -> None:
        desk.edit("a.docx").type("one")
        desk.edit("b.docx").type("two")
        desk.edit("c.docx")
        done = self.flush(desk)
        assert done.exit_code == 0, done.output
        told = {"/a.docx\tadmin\tsaved", "/b.docx\tadmin\tsaved", "/c.docx\tadmin\tunchanged"}
        assert told <= set(done.output.splitlines())
        assert desk.words("a.docx")[-1] == "one"
        assert desk.words("b.docx")[-1] == "two"

    def test_all_can_be_said(self, desk: Desk) -> None:
        desk.edit("a.docx").type("one")
        assert "/a.docx\tadmin\tsaved" in self.flush(desk, "--all").output
        assert self.flush(desk, "--all", "/a.docx").exit_code == 2

    def test_one_file_can_be_meant(self, desk: Desk) -> None:
        desk.edit("a.docx").type("one")
        desk.edit("b.docx").type("two")
        assert "/b.docx\tadmin\tsaved" in self.flush(desk, "/b.docx").output
        assert desk.words("a.docx")[-1] == "first words"

    def test_it_fails_unless_everything_was_stored(self, desk: Desk) -> None:
        desk.edit().type("lost for now")
        desk.double.stop()
        done = self.flush(desk, "--seconds", "1")
        assert done.exit_code == 1
        assert "1 of 1 could not be stored" in done.output

    def test_without_a_document_server_it_says_so(self, desk: Desk) -> None:
        done = CliRunner().invoke(main, ["flush", "--root", str(desk.root)])
        assert done.exit_code == 1
        assert "No Document Server" in done.output

"""Saves that nobody took and the Document Server kept: they are fetched, each once."""

import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from davserver import logs
from davserver.cli import main
from davserver.editor.saving import callbacks, rescue
from davserver.editor.server import client
from davserver.errors import StorageFull, Unavailable
from davserver.model import SessionState
from davserver.providers.filesystem import DiskFiles
from tests.clock import later
from tests.documentserver import SECRET, changed
from tests.editor.desk import Desk, Editor
from tests.editor.opening import configuration
from tests.editor.test_standing import closes

Broken = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def no_downloads(monkeypatch: pytest.MonkeyPatch) -> Broken:
    """While it lasts, nothing can be fetched from the Document Server."""

    def fail(*_: object) -> None:
        raise Unavailable("broken")

    @contextmanager
    def broken() -> Any:
        with monkeypatch.context() as patched:
            patched.setattr(client.DocumentServer, "fetch", fail)
            yield

    return broken


@pytest.fixture
def forgotten(desk: Desk, no_downloads: Broken) -> Editor:
    """An editor whose last save nobody took."""
    editor = desk.edit()
    editor.type("precious words")
    with no_downloads():
        assert editor.close().status == 503
    assert editor.key in desk.double.forgotten
    return editor


def state(desk: Desk, editor: Editor) -> SessionState:
    session = desk.rescuing._sessions.find(editor.key)
    assert session is not None
    return session.state


def test_a_save_that_nobody_took_is_put_over_the_file(desk: Desk, forgotten: Editor) -> None:
    assert desk.rescue() == ["/a.docx"]
    assert desk.words("a.docx") == ["first words", "precious words"]
    assert desk.names() == ["a.docx"]
    first, second = desk.versions()
    assert (first.is_current, second.author) == (False, "admin")
    assert desk.double.forgotten == {}
    assert state(desk, forgotten) is SessionState.RETIRED
    assert desk.locks("a.docx") == []
    assert desk.rescue() == []
    assert len(desk.versions()) == 2


def test_until_then_nobody_else_writes_over_the_file(desk: Desk, forgotten: Editor) -> None:
    assert desk.ann.put("/a.docx", b"x").status_code == 423
    desk.rescue()
    assert desk.ann.put("/a.docx", b"x").status_code == 204


def test_what_somebody_wrote_after_the_lock_ran_out_stays(desk: Desk, forgotten: Editor) -> None:
    with later(callbacks.LEASE_SECONDS + 60):
        assert desk.ann.put("/a.docx", b"from Word").status_code == 204
        [beside] = desk.rescue()
    assert (desk.root / "a.docx").read_bytes() == b"from Word"
    assert beside.startswith("/a (conflict, admin, ")
    assert desk.words(beside[1:])[-1] == "precious words"
    assert desk.double.forgotten == {}


def test_who_opens_the_file_first_finds_the_words_in_the_editor(
    desk: Desk, forgotten: Editor
) -> None:
    """The server opens what it kept by itself; a rescue meanwhile would split the session."""
    again = desk.edit()
    assert again.key == forgotten.key
    assert desk.rescue() == []
    assert again.close().is_accepted
    assert desk.words("a.docx") == ["first words", "precious words"]
    assert desk.double.forgotten == {}


def test_who_opens_it_while_it_is_being_rescued_does_not_lose_their_session(
    desk: Desk, forgotten: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = client.DocumentServer.fetch

    def opened_meanwhile(self: Any, url: str, spool: Any) -> None:
        config = configuration(desk.office, desk.ann, "a.docx")
        assert config["document"]["key"] == forgotten.key
        fetch(self, url, spool)

    with monkeypatch.context() as patched:
        patched.setattr(client.DocumentServer, "fetch", opened_meanwhile)
        assert desk.rescue() == ["/a.docx"]
    assert forgotten.key in desk.double.forgotten, "the editor is about to open it"
    assert state(desk, forgotten) is SessionState.OPEN
    again = desk.edit()
    assert again.key == forgotten.key
    again.type("more words")
    assert again.close().is_accepted
    assert desk.words("a.docx") == ["first words", "precious words", "more words"]
    assert desk.double.forgotten == {}


def test_after_a_forced_save_too_the_next_one_joins_what_was_kept(
    desk: Desk, no_downloads: Broken
) -> None:
    editor = desk.edit()
    editor.type("saved by the button")
    assert editor.save().is_accepted
    editor.type("typed after it")
    with no_downloads():
        editor.close()
    assert desk.edit().key == editor.key


def test_a_session_of_which_nobody_heard_the_end_is_rescued(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """We were off when the editors closed: no report ever reached us."""
    editor = desk.edit()
    editor.type("precious words")
    desk.double.forget(editor.key, desk.double.changed_content(desk.double.editing[editor.key]))
    del desk.double.editing[editor.key]
    assert desk.rescue() == ["/a.docx"], "although its lease still runs"
    assert desk.words("a.docx")[-1] == "precious words"
    assert desk.versions()[-1].author == "admin"
    assert desk.rescue() == []
    assert editor.key in desk.double.forgotten, "who opened the page a moment ago may join"
    with later(callbacks.LEASE_SECONDS + 60):
        assert desk.rescue() == []
    assert desk.double.forgotten == {}
    assert state(desk, editor) is SessionState.RETIRED
    assert len(desk.versions()) == 2


def test_who_joins_while_the_server_is_asked_is_left_alone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = desk.edit()
    editor.type("precious words")
    desk.double.forget(editor.key, desk.double.changed_content(desk.double.editing[editor.key]))
    del desk.double.editing[editor.key]
    is_edited = client.DocumentServer.is_edited
    joined = []

    def joined_meanwhile(self: Any, key: str) -> bool:
        edited = is_edited(self, key)
        joined.append(desk.edit())
        return edited

    with monkeypatch.context() as patched:
        patched.setattr(client.DocumentServer, "is_edited", joined_meanwhile)
        assert desk.rescue() == []
    [again] = joined
    assert again.key == editor.key
    again.type("more words")
    assert again.close().is_accepted
    assert desk.words("a.docx") == ["first words", "precious words", "more words"]
    assert desk.double.forgotten == {}


def test_a_save_whose_answer_was_lost_is_not_stored_twice(desk: Desk) -> None:
    editor = desk.edit()
    editor.type("words")
    report = desk.report(editor, 2)
    assert desk.double.post(editor.callback, report).is_accepted
    desk.double.forget(editor.key, desk.double.cache[urlsplit(report["url"]).path])
    assert desk.rescue() == []
    assert len(desk.versions()) == 2
    assert desk.double.forgotten == {}


def test_nor_one_that_was_put_beside(desk: Desk) -> None:
    editor = desk.edit()
    editor.type("words")
    (desk.root / "a.docx").write_bytes(b"by samba, meanwhile")
    report = desk.report(editor, 2)
    assert desk.double.post(editor.callback, report).is_accepted
    desk.double.forget(editor.key, desk.double.cache[urlsplit(report["url"]).path])
    assert desk.rescue() == []
    assert len(desk.names()) == 2
    assert desk.double.forgotten == {}


def test_what_the_server_cannot_delete_is_not_stored_twice(
    desk: Desk, forgotten: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise Unavailable("broken")

    with monkeypatch.context() as patched:
        patched.setattr(client.DocumentServer, "delete_forgotten", fail)
        desk.rescue()
        desk.rescue()
    assert len(desk.versions()) == 2
    assert forgotten.key in desk.double.forgotten
    assert desk.rescue() == []
    assert desk.double.forgotten == {}
    assert len(desk.versions()) == 2


def test_on_a_full_disk_it_stays_with_the_server(
    desk: Desk, forgotten: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise StorageFull

    with monkeypatch.context() as patched:
        patched.setattr(DiskFiles, "publish", full)
        assert desk.rescue() == []
    assert forgotten.key in desk.double.forgotten
    assert desk.rescue() == ["/a.docx"]
    assert desk.words("a.docx")[-1] == "precious words"


def test_documents_of_others_at_the_same_server_are_left_alone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.double.forget("somebody-elses", changed(b"", "docx", "their words"))
    warnings: list[str] = []
    monkeypatch.setattr(rescue._log, "warning", lambda words, **_: warnings.append(words))
    assert desk.rescue() == desk.rescue() == []
    assert "somebody-elses" in desk.double.forgotten
    assert desk.names() == []
    assert len(warnings) == 1


def test_one_that_cannot_be_taken_does_not_keep_others_waiting(
    desk: Desk, no_downloads: Broken, monkeypatch: pytest.MonkeyPatch
) -> None:
    editors = [desk.edit("large.docx"), desk.edit("small.docx")]
    for editor in editors:
        editor.type(random.randbytes(50_000).hex() if editor is editors[0] else "small")
    with no_downloads():
        for editor in editors:
            editor.close()
    large = len(desk.double.forgotten[editors[1].key]) + 10
    monkeypatch.setattr(desk.rescuing._server, "_given_bytes", large // 2)
    assert desk.rescue() == ["/small.docx"]
    assert list(desk.double.forgotten) == [editors[0].key]
    monkeypatch.undo()
    assert desk.rescue() == [], "it is left alone for a while"


def test_what_the_server_could_not_put_together_is_kept_apart(
    desk: Desk, no_downloads: Broken
) -> None:
    editor = desk.edit()
    editor.type("half of it")
    with no_downloads():
        desk.double.post(editor.callback, desk.report(editor, 3))
    desk.double.forget(editor.key, b"half a file")
    [beside] = desk.rescue()
    assert "incomplete" in beside
    assert desk.words("a.docx") == ["first words"]
    assert desk.double.forgotten == {}


def test_what_comes_broken_is_asked_for_again_and_then_put_beside_and_left_there(
    desk: Desk, forgotten: Editor
) -> None:
    desk.double.forget(forgotten.key, b"<html>502 Bad Gateway</html>")
    assert [desk.rescue() for _ in range(2)] == [[], []]
    assert desk.names() == ["a.docx"]
    [beside] = desk.rescue()
    assert "unreadable" in beside
    assert forgotten.key in desk.double.forgotten, "it may be sound there"
    desk.rescuing._later.clear()
    assert desk.rescue() == []
    assert len(desk.names()) == 2
    desk.double.forget(forgotten.key, changed(b"", "docx", "precious words"))
    desk.rescuing._later.clear()
    assert desk.rescue() == ["/a.docx"]
    assert desk.words("a.docx")[-1] == "precious words"
    assert desk.double.forgotten == {}


def test_who_lost_their_right_since_does_not_get_over_the_file(
    desk: Desk, no_downloads: Broken
) -> None:
    bob = desk.person("bob")
    editor = desk.edit(person=bob)
    editor.type("bob's words")
    with no_downloads():
        editor.close()
    closes(desk, "user:bob")
    [beside] = desk.rescue()
    assert beside.startswith("/a (not permitted, bob, ")
    assert desk.words("a.docx") == ["first words"]


def test_it_runs_at_start_every_five_minutes_and_when_the_server_is_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    answers = [Unavailable("off"), Unavailable("off"), None, None, None]

    def forgotten(_: object) -> list[str]:
        asked.append(now[0])
        fault = answers[len(asked) - 1]
        if fault:
            raise fault
        return []

    monkeypatch.setattr(client.DocumentServer, "forgotten", forgotten)
    for _ in range(12):
        with suppress(Unavailable):
            desk.rescuing.when_due()
        now[0] += 60
    assert asked == [1000, 1060, 1120, 1420]


def test_a_rescue_is_in_the_audit_log(desk: Desk, forgotten: Editor) -> None:
    desk.rescue()
    log = (desk.root / ".davserver" / "audit" / "audit.jsonl").read_text()
    assert '"client": "Document Server"' in log
    assert log.count("saved from the editor") == 1


def test_an_administrator_can_have_it_done_at_once(
    desk: Desk, forgotten: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the server that runs."""
    monkeypatch.setattr(logs, "configure", lambda *_: None)
    secret = desk.root.parent / "secret"
    secret.write_text(SECRET)
    place = ["--root", str(desk.root), "--document-server", desk.double.url]
    done = CliRunner().invoke(main, ["rescue", *place, "--jwt-secret-file", str(secret)])
    assert done.exit_code == 0, done.output
    assert done.output.endswith("/a.docx\tsaved by admin\nSaves that were fetched: 1.\n")
    assert desk.words("a.docx")[-1] == "precious words"


def test_without_a_document_server_there_is_nothing_to_fetch(root: Path) -> None:
    done = CliRunner().invoke(main, ["rescue", "--root", str(root)])
    assert done.exit_code == 1
    assert "No Document Server is configured." in done.output

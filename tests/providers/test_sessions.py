"""Editing sessions: one for everybody, a real lock, a key that ends with the last save."""

from functools import partial
from pathlib import Path

import pytest

from davserver.editor.keys import document_key
from davserver.errors import Conflict, FileLocked, NotFound
from davserver.model import Scope, SessionState, Writer
from davserver.providers.exclusion import Exclusion
from davserver.providers.saves import Saves
from davserver.providers.sessions import EditSessions
from davserver.providers.share import Share
from tests.clock import later
from tests.providers.test_files import ANN, BOB, put


@pytest.fixture
def sessions(share: Share, root: Path) -> EditSessions:
    put(share, "/a.docx", b"one")
    exclusion = Exclusion(root / ".davserver" / "exclusion" / "sessions")
    return EditSessions(share.store, share.catalog, exclusion, partial(document_key, "instance"))


def test_everybody_joins_the_same_session(sessions: EditSessions) -> None:
    ann = sessions.join("/a.docx", "ann", 60)
    bob = sessions.join("/a.docx", "bob", 60)
    assert ann.key == bob.key
    assert bob.editors == ("ann", "bob")


def test_a_session_is_a_lock_for_everybody_else(sessions: EditSessions, share: Share) -> None:
    sessions.join("/a.docx", "ann", 60)
    [lock] = share.locks.on("/a.docx")
    assert lock.owner_xml == "ann (in ONLYOFFICE)"
    with pytest.raises(FileLocked) as refused:
        put(share, "/a.docx", b"two", ANN)
    assert "ann (in ONLYOFFICE)" in str(refused.value)


def test_a_lock_of_somebody_else_keeps_a_session_from_beginning(
    sessions: EditSessions, share: Share
) -> None:
    share.locks.acquire("/a.docx", BOB, owner_xml="", scope=Scope.EXCLUSIVE, deep=False, seconds=60)
    with pytest.raises(FileLocked):
        sessions.join("/a.docx", "ann", 60)


def test_a_session_that_nobody_renews_lets_others_write(
    sessions: EditSessions, share: Share
) -> None:
    first = sessions.join("/a.docx", "ann", 60)
    with later(61):
        put(share, "/a.docx", b"two", BOB)
        assert sessions.join("/a.docx", "bob", 60).key != first.key


def test_a_sign_of_life_keeps_session_and_lock(sessions: EditSessions, share: Share) -> None:
    session = sessions.join("/a.docx", "ann", 60)
    sessions.renew(session.key.value, 600, ["ann", "bob"])
    with later(300):
        assert sessions.of_members("/")["/a.docx"].editors == ("ann", "bob")
        with pytest.raises(FileLocked):
            put(share, "/a.docx", b"two", BOB)


def test_a_late_sign_of_life_does_not_steal_the_lock_of_another(
    sessions: EditSessions, share: Share
) -> None:
    session = sessions.join("/a.docx", "ann", 60)
    with later(61):
        share.locks.acquire(
            "/a.docx", BOB, owner_xml="", scope=Scope.EXCLUSIVE, deep=False, seconds=60
        )
        sessions.renew(session.key.value, 600)
        assert [lock.principal for lock in share.locks.on("/a.docx")] == ["bob"]


def test_a_late_sign_of_life_does_not_lock_what_somebody_wrote_meanwhile(
    sessions: EditSessions, share: Share
) -> None:
    session = sessions.join("/a.docx", "ann", 60)
    with later(61):
        put(share, "/a.docx", b"two", BOB)
        sessions.renew(session.key.value, 600)
        assert share.locks.on("/a.docx") == []
        assert sessions.join("/a.docx", "bob", 60).key != session.key, "bob would edit old text"


def test_who_opens_what_another_program_wrote_does_not_get_the_old_text(
    sessions: EditSessions, share: Share, root: Path
) -> None:
    session = sessions.join("/a.docx", "ann", 60)
    (root / "a.docx").write_bytes(b"by another program")
    with pytest.raises(FileLocked):
        sessions.join("/a.docx", "bob", 60)
    _, etag, key = sessions.view("/a.docx")
    assert etag == share.files.entry("/a.docx").etag
    assert key != session.key


def test_a_page_that_is_still_shown_does_not_open_a_closed_session(
    sessions: EditSessions, share: Share
) -> None:
    session = sessions.join("/a.docx", "ann", 60)
    sessions.end(session.key, SessionState.CLOSED)
    sessions.renew(session.key.value, 600)
    assert share.locks.on("/a.docx") == []
    sessions.renew(session.key.value, 600, ["ann"], reopen=True)
    assert share.locks.on("/a.docx") != []


def test_a_key_that_was_closed_unchanged_opens_again(sessions: EditSessions) -> None:
    first = sessions.join("/a.docx", "ann", 60)
    sessions.end(first.key, SessionState.CLOSED)
    assert sessions.of_members("/") == {}
    again = sessions.join("/a.docx", "bob", 60)
    assert again.key == first.key
    assert again.editors == ("bob",)


def test_a_key_that_was_saved_never_opens_again(sessions: EditSessions) -> None:
    """Also where the save had to go beside and the file is what it was."""
    first = sessions.join("/a.docx", "ann", 60)
    sessions.end(first.key, SessionState.RETIRED)
    second = sessions.join("/a.docx", "ann", 60)
    assert second.key != first.key
    sessions.end(second.key, SessionState.RETIRED)
    assert sessions.join("/a.docx", "ann", 60).key not in {first.key, second.key}


def test_a_retired_session_is_not_revived(sessions: EditSessions, share: Share) -> None:
    session = sessions.join("/a.docx", "ann", 60)
    sessions.end(session.key, SessionState.RETIRED)
    sessions.renew(session.key.value, 600)
    assert share.locks.on("/a.docx") == []


def test_a_viewer_sees_the_session_or_the_file(sessions: EditSessions, share: Share) -> None:
    _, etag, key = sessions.view("/a.docx")
    session = sessions.join("/a.docx", "ann", 60)
    assert (session.etag, session.key) == (etag, key), "a viewer and an editor of one state differ"
    assert sessions.view("/a.docx")[2] == session.key
    assert share.locks.on("/a.docx")[0].document_key == session.key.value


def test_a_session_follows_its_file(sessions: EditSessions, share: Share) -> None:
    session = sessions.join("/a.docx", "ann", 60)
    owner = Writer(f"onlyoffice:{session.key}", frozenset({session.lock_token}))
    share.trees.move("/a.docx", "/b.docx", owner, overwrite=False)
    assert list(sessions.of_members("/")) == ["/b.docx"]
    assert sessions.join("/b.docx", "bob", 60).key == session.key
    with pytest.raises(FileLocked):
        put(share, "/b.docx", b"two", BOB)


def test_there_is_nothing_to_edit_in_a_folder_or_in_nothing(
    sessions: EditSessions, share: Share
) -> None:
    share.trees.make_folder("/docs", ANN)
    with pytest.raises(Conflict):
        sessions.join("/docs", "ann", 60)
    with pytest.raises(NotFound):
        sessions.join("/none.docx", "ann", 60)


def test_old_sessions_and_callbacks_are_forgotten(sessions: EditSessions, share: Share) -> None:
    session = sessions.join("/a.docx", "ann", 60)
    saves = Saves(share.catalog)
    saves.note(session.key.value, 2, "digest")
    sessions.purge_older_than(3600)
    assert sessions.find(session.key.value) is not None
    with later(7200):
        sessions.purge_older_than(3600)
    assert sessions.find(session.key.value) is None
    assert saves.of_key(session.key.value) == []

"""Editing with the Document Server's double: every save is stored, once, over nothing foreign."""

import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from davserver.editor.saving import callbacks
from davserver.editor.saving.storing import Storing
from davserver.editor.server import client
from davserver.errors import StillEdited, StorageFull, Unavailable
from davserver.model import Grant, Origin, Role
from davserver.providers.filesystem import DiskFiles
from tests.accounts.test_gate import csrf_in
from tests.clock import later
from tests.dav_client import DavClient, token_of
from tests.documentserver import Refused, changed
from tests.editor.desk import Desk
from tests.editor.opening import configuration, page


def test_what_was_written_is_saved_when_the_editor_closes(desk: Desk) -> None:
    editor = desk.edit()
    editor.type("second words")
    answered = editor.close()
    assert answered.is_accepted
    assert desk.words("a.docx") == ["first words", "second words"]
    first, second = desk.versions()
    assert not first.is_current
    assert (second.origin, second.author) == (Origin.EDITOR, "admin")
    assert desk.locks("a.docx") == []


@pytest.mark.parametrize("name", ["a.txt", "a.csv"])
def test_text_is_saved_too(desk: Desk, name: str) -> None:
    (desk.root / name).write_bytes(b"one,two\n")
    editor = desk.edit(name)
    editor.type("three,four\n")
    assert editor.close().is_accepted
    assert (desk.root / name).read_bytes() == b"one,two\nthree,four\n"


def test_two_people_are_in_one_session(desk: Desk) -> None:
    first = desk.edit()
    second = desk.edit(person=desk.person("bob"))
    assert first.key == second.key
    [lock] = desk.locks("a.docx")
    assert lock.owner_xml == "admin, bob (in ONLYOFFICE)"
    second.type("bob's words")
    first.close()
    assert second.close().is_accepted
    assert desk.words("a.docx")[-1] == "bob's words"
    assert desk.versions()[-1].author == "bob"


def test_closing_without_changes_makes_no_version_and_keeps_the_key(desk: Desk) -> None:
    editor = desk.edit()
    assert editor.close().is_accepted
    assert len(desk.versions()) == 1
    assert desk.locks("a.docx") == []
    assert desk.edit().key == editor.key


def test_the_next_session_has_another_key_and_the_new_text(desk: Desk) -> None:
    first = desk.edit()
    first.type("second words")
    first.close()
    again = desk.edit()
    assert again.key != first.key
    assert desk.double.downloads[-1].content != desk.double.downloads[0].content


def test_the_save_button_stores_at_once_and_the_session_goes_on(desk: Desk) -> None:
    editor = desk.edit()
    editor.type("one")
    assert editor.save().is_accepted
    assert desk.words("a.docx")[-1] == "one"
    assert desk.edit().key == editor.key, "a newcomer would have been in another editor"
    editor.type("two")
    assert editor.save().is_accepted
    editor.type("three")
    assert editor.close().is_accepted
    assert desk.words("a.docx")[-1] == "three"
    assert [version.number for version in desk.versions()] == [1, 2, 3, 4]


def test_a_final_save_of_what_was_saved_already_makes_no_version(desk: Desk) -> None:
    editor = desk.edit()
    editor.type("one")
    editor.save()
    assert editor.close().is_accepted
    assert len(desk.versions()) == 2
    assert desk.edit().key != editor.key, "the Document Server never opens this key again"


def test_dav_clients_wait_while_somebody_edits(desk: Desk) -> None:
    editor = desk.edit()
    assert desk.ann.put("/a.docx", b"from Word").status_code == 423
    assert desk.ann.delete("/a.docx").status_code == 423
    assert desk.ann.move("/a.docx", "/b.docx").status_code == 423
    discovered = desk.ann.property("/a.docx", "D:lockdiscovery")
    assert discovered is not None
    assert "admin (in ONLYOFFICE)" in "".join(str(text) for text in discovered.itertext())
    editor.close()
    assert desk.ann.put("/a.docx", b"from Word").status_code == 204


def test_the_lock_of_a_session_cannot_be_used_by_reading_its_token(desk: Desk) -> None:
    desk.edit()
    discovered = desk.ann.property("/a.docx", "D:lockdiscovery")
    assert discovered is not None
    token = discovered.findtext(".//{DAV:}locktoken/{DAV:}href")
    assert desk.ann.put("/a.docx", b"x", **{"if": f"(<{token}>)"}).status_code == 423
    assert desk.ann.unlock("/a.docx", f"<{token}>").status_code == 403


def test_a_lock_of_word_makes_the_editor_a_viewer(desk: Desk) -> None:
    configuration(desk.office, desk.ann, "a.docx")
    desk.ann.put("/b.docx", (desk.office.root / "a.docx").read_bytes())
    token = token_of(desk.ann.lock("/b.docx"))
    config = configuration(desk.office, desk.ann, "b.docx")
    assert config["editorConfig"]["mode"] == "view"
    assert config["document"]["permissions"]["edit"] is False
    answer = page(desk.ann, "b.docx")
    assert "admin has this file locked" in answer.text
    desk.ann.unlock("/b.docx", token)
    assert configuration(desk.office, desk.ann, "b.docx")["editorConfig"]["mode"] == "edit"


def test_an_administrator_breaks_the_lock_of_a_session(desk: Desk) -> None:
    editor = desk.edit()
    editor.type("words of the editor")
    [broken] = desk.share.locks.break_up("/a.docx")
    assert broken.document_key == editor.key
    token = csrf_in(desk.ann.request("GET", "/", headers={"Accept": "text/html"}))
    ping = desk.ann.request("POST", f"/-/alive/{editor.key}", headers={"X-CSRF-Token": token})
    assert ping.status_code == 204
    assert desk.locks("a.docx") == [], "the open page took the lock again"
    mine = (desk.root / "a.docx").read_bytes()
    assert desk.ann.put("/a.docx", mine).status_code == 204
    assert editor.close().is_accepted
    assert (desk.root / "a.docx").read_bytes() == mine
    [beside] = [name for name in desk.names() if "conflict" in name]
    assert desk.words(beside)[-1] == "words of the editor"


def test_looking_on_takes_no_lock_and_joins_the_session(desk: Desk) -> None:
    alone = configuration(desk.office, desk.ann, "a.docx", how="view")
    assert alone["editorConfig"]["mode"] == "view"
    assert desk.locks("a.docx") == []
    editor = desk.edit()
    assert (
        configuration(desk.office, desk.ann, "a.docx", how="view")["document"]["key"] == editor.key
    )


class TestNothingIsOverwritten:
    """Beside, never over."""

    def test_a_file_that_another_program_changed(self, desk: Desk) -> None:
        editor = desk.edit()
        editor.type("from the editor")
        (desk.root / "a.docx").write_bytes(b"by samba, meanwhile")
        assert editor.close().is_accepted
        assert (desk.root / "a.docx").read_bytes() == b"by samba, meanwhile"
        [beside] = [name for name in desk.names() if "conflict" in name]
        assert beside.startswith("a (conflict, admin, ")
        assert desk.words(beside)[-1] == "from the editor"

    def test_a_file_that_vanished(self, desk: Desk) -> None:
        editor = desk.edit()
        editor.type("from the editor")
        (desk.root / "a.docx").unlink()
        assert editor.close().is_accepted
        [beside] = desk.names()
        assert beside.startswith("a (recovered, admin, ")
        assert desk.words(beside)[-1] == "from the editor"

    def test_a_file_whose_folder_vanished(self, desk: Desk) -> None:
        desk.ann.mkcol("/docs")
        configuration(desk.office, desk.ann, "a.docx")
        desk.ann.put("/docs/b.docx", (desk.root / "a.docx").read_bytes())
        editor = desk.edit("docs/b.docx")
        editor.type("from the editor")
        (desk.root / "docs").rename(desk.root.parent / "elsewhere")
        assert editor.close().is_accepted
        [beside] = [name for name in desk.names() if name.startswith("b (")]
        assert desk.words(beside)[-1] == "from the editor"

    def test_a_file_in_the_trash(self, desk: Desk) -> None:

        editor = desk.edit()
        editor.type("from the editor")
        desk.share.trees.delete("/a.docx", desk.holder("a.docx"))
        assert editor.close().is_accepted
        [beside] = desk.names()
        assert beside.startswith("a (recovered, admin, ")

    def test_a_file_that_moved_is_saved_where_it_is(self, desk: Desk) -> None:

        editor = desk.edit()
        editor.type("from the editor")
        desk.share.trees.move("/a.docx", "/moved.docx", desk.holder("a.docx"), overwrite=False)
        assert editor.close().is_accepted
        assert desk.names() == ["moved.docx"]
        assert desk.words("moved.docx")[-1] == "from the editor"

    def test_a_file_that_somebody_locked_after_the_lease_ran_out(self, desk: Desk) -> None:
        editor = desk.edit()
        editor.type("from the editor")
        with later(callbacks.LEASE_SECONDS + 60):
            assert desk.ann.lock("/a.docx").status_code == 200
            # The double signs by its own clock, which time travel moved along.
            assert editor.close().is_accepted
        assert desk.words("a.docx") == ["first words"]
        [beside] = [name for name in desk.names() if "locked" in name]
        assert desk.words(beside)[-1] == "from the editor"

    def test_a_file_whose_time_was_set_is_still_the_same(self, desk: Desk) -> None:
        """Explorer sets the time after a copy; that is no change of the content."""
        editor = desk.edit()
        editor.type("after the time was set")
        with later(callbacks.LEASE_SECONDS + 600):
            desk.ann.proppatch(
                "/a.docx",
                "<D:set><D:prop><D:getlastmodified>1445412480</D:getlastmodified></D:prop></D:set>",
            )
            assert (desk.root / "a.docx").stat().st_mtime == 1445412480
            assert editor.close().is_accepted
        assert desk.names() == ["a.docx"]
        assert desk.words("a.docx")[-1] == "after the time was set"

    def test_a_doc_that_comes_back_as_docx(self, desk: Desk) -> None:
        """Recorded: a .doc opens for editing and comes back as another format."""
        editor = desk.edit()
        editor.type("from the editor")
        assert editor.close(filetype="docm").is_accepted
        assert desk.words("a.docx") == ["first words"]
        assert any(name.endswith(".docm") for name in desk.names())

    @pytest.mark.parametrize("status", [3, 7])
    def test_what_was_corrupted_goes_beside(self, desk: Desk, status: int) -> None:
        editor = desk.edit()
        editor.type("half of it")
        report = desk.report(editor, status)
        assert desk.double.post(editor.callback, report).is_accepted
        assert desk.words("a.docx") == ["first words"]
        assert [name for name in desk.names() if "incomplete" in name]

    def test_changes_that_could_not_be_assembled_stay_with_the_server(self, desk: Desk) -> None:
        """Told that all is well, it would drop them."""
        editor = desk.edit()
        report = {"key": editor.key, "status": 3, "users": [editor.user]}
        answered = desk.double.post(editor.callback, report)
        assert (answered.status, answered.body) == (200, {"error": 1})

    def test_two_conflicts_in_one_minute_are_two_files(self, desk: Desk) -> None:
        for number in range(2):
            editor = desk.edit()
            editor.type(f"edit {number}")
            (desk.root / "a.docx").write_bytes(b"outside %d" % number)
            assert editor.close().is_accepted
            (desk.root / "a.docx").unlink()
        assert len([name for name in desk.names() if "conflict" in name]) == 2


class TestOnce:
    """A callback that comes again is stored once."""

    def test_a_repeated_callback_makes_no_second_version(self, desk: Desk) -> None:
        """Pitfall 3.13: a report that is replayed stores nothing."""
        editor = desk.edit()
        editor.type("words")
        report = desk.report(editor, 2)
        for _ in range(3):
            assert desk.double.post(editor.callback, report).is_accepted
        assert len(desk.versions()) == 2

    def test_a_retry_with_a_fresh_signature_and_time_is_the_same_save(self, desk: Desk) -> None:
        editor = desk.edit()
        editor.type("words")
        report = desk.report(editor, 2)
        desk.double.post(editor.callback, report)
        again = {**report, "url": report["url"] + "2", "lastsave": "2030-01-01T00:00:00.000Z"}
        assert desk.double.post(editor.callback, again).is_accepted
        assert len(desk.versions()) == 2

    def test_the_same_callback_twice_at_once(self, desk: Desk) -> None:
        editor = desk.edit()
        editor.type("words")
        report = desk.report(editor, 2)
        threads = [
            threading.Thread(target=desk.double.post, args=(editor.callback, report))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(one.is_accepted for one in desk.double.callbacks)
        assert len(desk.versions()) == 2

    def test_a_forced_save_that_arrives_after_the_last_one_is_outdated(self, desk: Desk) -> None:
        """Pitfall 3.14: out of order, the older words would replace the newer."""
        editor = desk.edit()
        editor.type("words")
        late = desk.report(editor, 6, forcesavetype=1, lastsave="2026-11-23T08:00:00.000Z")
        editor.type("better words")
        editing = desk.double.editing[editor.key]
        editor.close()
        desk.double.editing[editor.key] = editing
        assert desk.double.post(editor.callback, late).is_accepted
        assert desk.words("a.docx") == ["first words", "better words"]
        assert len(desk.versions()) == 2

    def test_one_with_a_later_change_is_not(self, desk: Desk) -> None:
        """Pitfall 3.14: what is newer is stored, whatever came before."""
        editor = desk.edit()
        editor.type("words")
        last = desk.report(editor, 2, lastsave="2026-11-23T08:00:00.000Z")
        assert desk.double.post(editor.callback, last).is_accepted
        editor.type("later words")
        url = last["url"].replace("_1/", "_2/")
        desk.double.cache[urlsplit(url).path] = changed(b"", "docx", "later words")
        late = {**last, "status": 6, "url": url, "lastsave": "2026-11-23T09:00:00.000Z"}
        assert desk.double.post(editor.callback, late).is_accepted
        assert desk.words("a.docx") == ["later words"]
        assert len(desk.versions()) == 3


class TestAuthors:
    """Whose a save is."""

    def test_who_presses_save_is_the_author_whoever_typed_last(self, desk: Desk) -> None:
        ann, bob = desk.edit(), desk.edit(person=desk.person("bob"))
        ann.type("by ann")
        assert bob.save(by="bob").is_accepted
        assert desk.versions()[-1].author == "bob"

    def test_the_one_who_pressed_it_may_have_changed_nothing_and_be_a_guest(
        self, desk: Desk
    ) -> None:
        ann = desk.edit()
        ann.type("by ann")
        assert ann.save(by="guest:abc.1:Mia").is_accepted
        assert desk.versions()[-1].author == "Mia (guest)"

    @pytest.mark.parametrize("kind", [0, 2])
    def test_a_save_that_nobody_asked_for_is_of_who_typed_last(self, desk: Desk, kind: int) -> None:
        """Though it says who, as a server that another program told to might."""
        ann, bob = desk.edit(), desk.edit(person=desk.person("bob"))
        bob.type("by bob")
        ann.type("by ann")
        actions = [{"type": 2, "userid": "bob"}]
        report = desk.report(ann, 6, forcesavetype=kind, actions=actions)
        assert desk.double.post(ann.callback, report).is_accepted
        assert desk.versions()[-1].author == "admin"

    def test_the_last_save_is_of_who_typed_last_whoever_leaves_last(self, desk: Desk) -> None:
        ann, bob = desk.edit(), desk.edit(person=desk.person("bob"))
        ann.type("by ann")
        ann.close()
        assert bob.close().is_accepted
        assert desk.versions()[-1].author == "admin"

    def test_the_right_of_who_typed_counts_not_of_who_pressed(self, desk: Desk) -> None:
        desk.edit().close()
        ann, bob = desk.edit(), desk.edit(person=desk.person("bob"))
        bob.type("by bob, who lost the right to")
        desk.share.access.give(Grant("/a.docx", "user:bob", Role.VIEWER), by="admin")
        assert ann.save(by="admin").is_accepted
        assert [name for name in desk.names() if "not permitted, admin" in name]


class TestPassingFaults:
    """503, and the Document Server tries again."""

    def statuses(self, desk: Desk) -> list[int]:
        return [one.status for one in desk.double.callbacks if one.report["status"] == 2]

    def test_a_quota_that_is_used_up(self, desk: Desk) -> None:
        """Pitfall 3.18: the edits are all that is left of hours of work, they are stored."""
        editor = desk.edit()
        editor.type("a few words more")
        desk.share.quotas.set("/", 1)
        assert editor.close().is_accepted
        assert desk.words("a.docx")[-1] == "a few words more"
        assert desk.names() == ["a.docx"]
        assert desk.share.quotas.check() == []
        assert desk.ann.put("/b.txt", b"x").status_code == 507

    def test_a_full_disk(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        editor = desk.edit()
        editor.type("words")
        left = [2]
        publish = DiskFiles.publish

        def full_twice(self: DiskFiles, *args: Any, **kwargs: Any) -> None:
            if left[0]:
                left[0] -= 1
                raise StorageFull
            publish(self, *args, **kwargs)

        monkeypatch.setattr(DiskFiles, "publish", full_twice)
        assert editor.close().is_accepted
        assert self.statuses(desk) == [503, 503, 200]
        assert desk.words("a.docx")[-1] == "words"
        assert desk.names() == ["a.docx"]

    def test_a_download_that_fails(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        editor = desk.edit()
        editor.type("words")
        fetch = client.DocumentServer.fetch
        left = [1]

        def broken_once(self: Any, url: str, spool: Any) -> None:
            if left[0]:
                left[0] -= 1
                raise Unavailable("broke off")
            fetch(self, url, spool)

        monkeypatch.setattr(client.DocumentServer, "fetch", broken_once)
        assert editor.close().is_accepted
        assert self.statuses(desk) == [503, 200]
        assert desk.words("a.docx")[-1] == "words"

    def test_a_mistake_of_ours(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        editor = desk.edit()
        editor.type("words")
        put = Storing.put
        left = [1]

        def mistaken_once(self: Any, *args: Any) -> str:
            if left[0]:
                left[0] -= 1
                raise ZeroDivisionError
            return put(self, *args)

        monkeypatch.setattr(Storing, "put", mistaken_once)
        assert editor.close().is_accepted
        assert self.statuses(desk) == [500, 200]
        assert desk.words("a.docx")[-1] == "words"

    def test_a_document_over_the_limit_is_refused_for_good(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        editor = desk.edit()
        editor.type("words")
        fetch = client.DocumentServer.fetch

        def with_a_low_limit(self: Any, url: str, spool: Any) -> None:
            self._given_bytes = 500
            fetch(self, url, spool)

        monkeypatch.setattr(client.DocumentServer, "fetch", with_a_low_limit)
        answered = editor.close()
        assert answered.status == 413
        assert editor.key in desk.double.forgotten, "it is kept there"
        assert desk.words("a.docx") == ["first words"]


def test_a_page_says_that_it_is_alive_and_the_session_lives(desk: Desk) -> None:
    editor = desk.edit()
    listing = desk.ann.request("GET", "/", headers={"Accept": "text/html"})
    token = csrf_in(listing)
    with later(callbacks.LEASE_SECONDS - 60):
        answer = desk.ann.request("POST", f"/-/alive/{editor.key}", headers={"X-CSRF-Token": token})
        assert answer.status_code == 204
    with later(callbacks.LEASE_SECONDS + 60):
        assert desk.locks("a.docx") != []


def test_a_session_whose_page_never_loaded_frees_the_file_soon(desk: Desk) -> None:
    configuration(desk.office, desk.ann, "a.docx")
    assert desk.ann.put("/a.docx", b"x").status_code == 423
    with later(200):
        assert desk.ann.put("/a.docx", b"x").status_code == 204


def test_who_may_only_read_looks_on(desk_with: Callable[..., Desk]) -> None:
    desk = desk_with(anonymous="read")
    config = configuration(desk.office, DavClient(desk.office.url), "a.docx")
    assert config["editorConfig"]["mode"] == "view"
    assert desk.double.open(config) is None
    assert desk.double.callbacks == []


def test_a_configuration_that_was_tampered_with_is_refused_by_the_server(desk: Desk) -> None:
    """The double checks as the real one does; this shows that it does."""
    config = configuration(desk.office, desk.ann, "a.docx")
    config["document"]["permissions"]["edit"] = False
    with pytest.raises(Refused):
        desk.double.open(config)


def test_presence_is_in_the_listing(desk: Desk) -> None:
    editor = desk.edit()
    assert "admin is editing" in desk.ann.request("GET", "/", headers={"Accept": "text/html"}).text
    editor.close()
    assert "is editing" not in desk.ann.request("GET", "/", headers={"Accept": "text/html"}).text


class TestTheTrash:
    def test_what_is_open_in_an_editor_is_not_removed_from_it(self, desk: Desk) -> None:
        editor = desk.edit()
        editor.type("precious words")
        desk.share.trees.delete("/a.docx", desk.holder("a.docx"))
        trash = desk.share.trash
        [gone] = trash.all()
        with pytest.raises(StillEdited):
            trash.purge(gone.id)
        assert trash.purge_older_than(time.time() + 1) == 0
        assert editor.close().is_accepted
        [kept] = desk.names()
        assert desk.words(kept)[-1] == "precious words"
        trash.purge(gone.id)
        assert not list(trash.all())

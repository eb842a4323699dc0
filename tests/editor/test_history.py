"""What the editor's panel of versions shows, and that changes are shown over the right bytes."""

from collections.abc import Callable
from typing import Any

import pytest

from davserver.editor.server.client import DocumentServer
from davserver.editor.versions import highlighting
from davserver.editor.versions.highlighting import changes_in
from davserver.errors import Unavailable
from davserver.model import Role
from tests.accounts.link_making import address_of, make_link
from tests.accounts.test_gate import csrf_in
from tests.dav_client import DavClient
from tests.documentserver import Refused
from tests.editor.desk import Desk, Editor
from tests.editor.opening import words_in


def ask(person: DavClient, **query: Any) -> Any:
    return person.request("GET", "/-/api/history", params=query)


def panel(desk: Desk, person: DavClient | None = None, name: str = "a.docx") -> dict[str, Any]:
    answer = ask(person or desk.ann, path=f"/{name}")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def data(desk: Desk, number: int, name: str = "a.docx") -> dict[str, Any]:
    answer = ask(desk.ann, path=f"/{name}", version=number)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def shown(desk: Desk, number: int) -> tuple[list[str], list[str]]:
    """The paragraphs that the editor shows for a version, and what it highlights."""
    content, marked = desk.double.look(data(desk, number))
    return words_in(content), marked


def restore(desk: Desk, person: DavClient | None = None, **form: Any) -> Any:
    who = person or desk.ann
    token = csrf_in(who.request("GET", "/", headers={"Accept": "text/html"}))
    form = {"path": "/a.docx", "csrf": token, **form}
    return who.request("POST", "/-/api/history", data=form)


def written(desk: Desk, text: str) -> Editor:
    editor = desk.edit()
    editor.type(text)
    return editor


class TestThePanel:
    """GET /-/api/history."""

    def test_lists_the_versions_with_who_made_them(self, desk: Desk) -> None:
        written(desk, "by ann").close()
        told = panel(desk)
        assert told["currentVersion"] == 2
        first, second = told["history"]
        assert first["user"]["name"] == "Outside of davserver"
        assert "changes" not in first
        assert second["user"]["name"] == "admin"
        assert second["changes"][0]["user"]["name"] == "admin"
        assert second["serverVersion"] == "9.3.0"
        assert second["created"].endswith("+00:00")
        assert first["key"] != second["key"]

    def test_names_everybody_who_took_part(self, desk: Desk) -> None:
        bob = desk.person("bob")
        first, second = desk.edit(), desk.edit(person=bob)
        first.type("by ann")
        second.type("by bob")
        second.close()
        first.close()
        changes = panel(desk)["history"][-1]["changes"]
        assert [change["user"]["name"] for change in changes] == ["admin", "bob"]

    def test_says_who_wrote_over_the_drive(self, desk: Desk) -> None:
        desk.edit().close()
        desk.ann.put("/a.docx", b"over the drive")
        newest = panel(desk)["history"][-1]
        assert newest["user"] == {"id": "admin", "name": "admin (by a mounted drive)"}

    def test_what_came_over_a_save_on_the_disk_has_none_of_its_changes(self, desk: Desk) -> None:
        written(desk, "words").close()
        (desk.root / "a.docx").write_bytes(b"by samba")
        newest = panel(desk)["history"][-1]
        assert newest["user"]["name"] == "Outside of davserver"
        assert "changes" not in newest
        assert "changesUrl" not in data(desk, newest["version"])

    def test_no_key_is_one_that_a_session_has(self, desk: Desk) -> None:
        """The Document Server would show the session's text for it."""
        editor = written(desk, "words")
        editor.save()
        keys = {version["key"] for version in panel(desk)["history"]}
        assert editor.key not in keys
        assert len(keys) == 2

    def test_is_for_who_may_read(self, desk: Desk) -> None:
        desk.edit().close()
        assert ask(DavClient(desk.office.url), path="/a.docx").status_code == 401

    @pytest.mark.parametrize(("role", "status"), [(Role.COMMENTER, 403), (Role.EDITOR, 200)])
    def test_by_a_link_is_for_editors(self, desk: Desk, role: Role, status: int) -> None:
        desk.edit().close()
        address = address_of(desk.office, make_link(desk.office, "/a.docx", role))
        guest = DavClient(address.rstrip("/"))
        answer = ask(guest, path="/a.docx")
        assert answer.status_code == status, answer.text

    def test_a_version_that_is_not_there(self, desk: Desk) -> None:
        desk.edit().close()
        assert ask(desk.ann, path="/a.docx", version=9).status_code == 404


class TestHighlights:
    """Changes are shown over the bytes that the session began with."""

    def test_of_one_save(self, desk: Desk) -> None:
        written(desk, "new words").close()
        assert shown(desk, 2) == (["first words", "new words"], ["new words"])
        assert shown(desk, 1) == (["first words"], [])

    def test_of_forced_saves_and_the_last_one(self, desk: Desk) -> None:
        editor = written(desk, "one")
        editor.save()
        editor.type("one two")
        editor.save()
        editor.type("one two three")
        editor.close()
        assert shown(desk, 2)[1] == ["one"]
        assert shown(desk, 3)[1] == ["one two"]
        assert shown(desk, 4) == (["first words", "one two three"], ["one two three"])
        assert data(desk, 4)["previous"]["key"] == data(desk, 1)["key"]

    def test_of_the_next_session_over_the_one_before(self, desk: Desk) -> None:
        written(desk, "one").close()
        written(desk, "two").close()
        assert shown(desk, 3) == (["first words", "one", "two"], ["two"])

    def test_when_the_last_save_brings_nothing_new(self, desk: Desk) -> None:
        """A server that leaves changes out of forced saves sends them with the last one alone."""
        editor = written(desk, "one")
        editing = desk.double.editing[editor.key]
        forced = desk.report(editor, 6, forcesavetype=1)
        assert desk.double.post(editor.callback, forced).is_accepted
        assert shown(desk, 2)[1] == []
        editing.saved_by_force = True
        assert editor.close().is_accepted
        assert len(desk.versions()) == 2
        assert shown(desk, 2) == (["first words", "one"], ["one"])

    def test_a_save_beside_brings_no_changes_to_the_file(self, desk: Desk) -> None:
        editor = written(desk, "one")
        (desk.root / "a.docx").write_bytes(b"by samba")
        editor.close()
        assert all("changes" not in version for version in panel(desk)["history"])

    def test_of_a_long_session_come_from_the_signed_token(self, desk: Desk) -> None:
        """Beyond 7 KB, the plain body and the header lack them, as the real server does it."""
        editor = written(desk, "one")
        for number in range(60):
            desk.double.type(editor.key, "one", f"person {number}")
        editor.type("one")
        editor.close()
        assert "changesurl" not in desk.double.plain
        assert shown(desk, 2)[1] == ["one"]

    def test_beside_the_token_are_not_believed(self, desk: Desk) -> None:
        editor = written(desk, "one")
        forged = {"history": {"changes": [{"user": {"id": "x", "name": "x"}}]}}
        desk.double.post(editor.callback, desk.report(editor, 2), unsigned=forged)
        assert len(desk.versions()) == 2
        assert "changes" not in panel(desk)["history"][-1]

    def test_follow_a_renamed_file(self, desk: Desk) -> None:
        written(desk, "one").close()
        desk.ann.move("/a.docx", "/b.docx")
        content, marked = desk.double.look(data(desk, 2, "b.docx"))
        assert (words_in(content)[-1], marked) == ("one", ["one"])

    def test_leave_the_disk_with_the_file(self, desk: Desk) -> None:
        written(desk, "one").close()
        kept = desk.root / ".davserver" / "versions"
        assert list(kept.rglob("*.changes"))
        desk.ann.delete("/a.docx")
        [trashed] = desk.share.trash.all()
        desk.share.trash.purge(trashed.id)
        assert [file for file in kept.rglob("*") if file.is_file()] == []


class TestASaveNeverFails:
    """Because of its changes."""

    def test_that_cannot_be_fetched(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        fetch = DocumentServer.fetch

        def without_changes(self: Any, url: str, *args: Any) -> None:
            if "changes.zip" in url:
                raise Unavailable("gone")
            fetch(self, url, *args)

        monkeypatch.setattr(DocumentServer, "fetch", without_changes)
        assert written(desk, "one").close().is_accepted
        assert desk.words("a.docx")[-1] == "one"
        assert "changesUrl" not in data(desk, 2)
        assert panel(desk)["history"][-1]["changes"][0]["user"]["name"] == "admin"

    def test_by_a_mistake_of_ours(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        def mistaken(*_: Any) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(highlighting, "changes_in", mistaken)
        assert written(desk, "one").close().is_accepted
        assert len(desk.double.callbacks) == 2, "the Document Server had to try again"

    def test_that_are_elsewhere(self, desk: Desk) -> None:
        written(desk, "one").close(changesurl="http://127.0.0.1:1/cache/changes.zip")
        assert "changesUrl" not in data(desk, 2)
        assert desk.words("a.docx")[-1] == "one"

    def test_that_are_too_large(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(highlighting, "MAX_CONTENT_BYTES", 10)
        assert written(desk, "one").close().is_accepted
        assert "changesUrl" not in data(desk, 2)

    @pytest.mark.parametrize(
        "history",
        [None, [], {"changes": None}, {"changes": ["x"]}, {"changes": [{"user": "ann"}]}],
    )
    def test_that_are_not_as_documented(self, history: Any) -> None:
        assert changes_in({"history": history}) == ("", [])

    def test_that_are_a_list_without_an_end(self) -> None:
        change = {"user": {"name": "x" * 1000}, "created": ""}
        assert changes_in({"history": {"changes": [change] * 2000}}) == ("", [])


class TestDownloads:
    """Of versions and changes: for the Document Server alone."""

    def test_need_the_servers_own_signature(self, desk: Desk) -> None:
        written(desk, "one").close()
        told = data(desk, 2)
        for url in (told["url"], told["previous"]["url"], told["changesUrl"]):
            path = url.removeprefix(desk.office.url)
            assert desk.ann.get(path).status_code == 403
            signed = desk.double.headers({"payload": {"url": url}})
            assert DavClient(desk.office.url).get(path, **signed).status_code == 200

    def test_data_that_was_tampered_with_is_refused_by_the_server(self, desk: Desk) -> None:
        """The double checks as the real one does; this shows that it does."""
        written(desk, "one").close()
        told = data(desk, 2)
        told["previous"] = {**told["previous"], "url": told["url"]}
        with pytest.raises(Refused):
            desk.double.look(told)


class TestRestoring:
    """POST /-/api/history."""

    def test_a_version(self, desk: Desk) -> None:
        written(desk, "one").close()
        answer = restore(desk, version=1)
        assert answer.status_code == 200
        assert answer.json()["currentVersion"] == 3
        assert answer.json()["history"][-1]["user"]["name"] == "admin (restored)"
        assert desk.words("a.docx") == ["first words"]

    def test_a_state_inside_of_a_version(self, desk: Desk) -> None:
        written(desk, "one").close()
        url = desk.made("/cache/files/data/x/output.docx", "a state between")
        answer = restore(desk, version=2, url=url, filetype="docx")
        assert answer.status_code == 200
        assert desk.words("a.docx") == ["first words", "one", "a state between"]
        assert len(desk.versions()) == 3

    def test_a_state_from_elsewhere_is_refused(self, desk: Desk) -> None:
        written(desk, "one").close()
        answer = restore(desk, version=2, url="http://127.0.0.1:1/x.docx", filetype="docx")
        assert answer.status_code == 403
        assert desk.words("a.docx")[-1] == "one"

    def test_a_state_in_another_format_is_refused(self, desk: Desk) -> None:
        written(desk, "one").close()
        url = desk.made("/cache/files/data/x/output.docx", "a state between")
        assert restore(desk, version=2, url=url, filetype="pdf").status_code == 415
        assert len(desk.versions()) == 2

    def test_a_state_that_is_no_document_is_refused(self, desk: Desk) -> None:
        written(desk, "one").close()
        desk.double.cache["/cache/files/data/x/output.docx"] = b"<html>"
        url = desk.double.url + "/cache/files/data/x/output.docx?md5=x"
        assert restore(desk, version=2, url=url, filetype="docx").status_code == 409
        assert len(desk.versions()) == 2

    def test_during_a_session_stores_what_was_typed_before(self, desk: Desk) -> None:
        bob = desk.person("bob")
        editor = desk.edit(person=bob)
        editor.type("typed by bob")
        assert restore(desk, version=1).json()["currentVersion"] == 3
        assert desk.words("a.docx") == ["first words"]
        content, _ = desk.share.files.open_version("/a.docx", 2)
        with content:
            assert words_in(content.read())[-1] == "typed by bob"
        assert desk.double.dropped == ["bob"]
        assert desk.locks("a.docx") == []

    def test_during_a_session_that_goes_on_is_not_overwritten(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        editor = desk.edit()
        monkeypatch.setattr(desk.double, "_drop", lambda *_: {"error": 0})
        restore(desk, version=1)
        editor.type("typed too late")
        assert editor.close().is_accepted
        assert desk.words("a.docx") == ["first words"]
        [beside] = [name for name in desk.names() if "session ended" in name]
        assert desk.words(beside)[-1] == "typed too late"

    def test_the_next_who_opens_gets_what_was_restored(self, desk: Desk) -> None:
        editor = written(desk, "one")
        restore(desk, version=1)
        following = desk.edit()
        assert following.key != editor.key
        assert words_in(desk.double.downloads[-1].content) == ["first words"]
        following.type("goes on")
        following.close()
        assert desk.words("a.docx") == ["first words", "goes on"]

    def test_when_the_document_server_is_silent(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What was typed comes later, and goes beside."""
        editor = written(desk, "one")

        def silent(*_: Any, **__: Any) -> None:
            raise Unavailable("silent")

        with monkeypatch.context() as patched:
            patched.setattr(DocumentServer, "command", silent)
            assert restore(desk, version=1).status_code == 200
        assert editor.close().is_accepted
        assert desk.words("a.docx") == ["first words"]
        [beside] = [name for name in desk.names() if "session ended" in name]
        assert desk.words(beside)[-1] == "one"

    def test_a_lock_of_another_program_keeps_file_and_session(
        self, desk_with: Callable[..., Desk]
    ) -> None:
        desk = desk_with(conflict="fork")
        editor = written(desk, "one")
        assert desk.person("bob").lock("/a.docx").status_code == 200
        answer = restore(desk, version=1)
        assert answer.status_code == 423
        assert desk.double.dropped == []
        assert editor.key in desk.double.editing
        assert len(desk.versions()) == 1

    def test_one_that_is_not_there_leaves_the_session_alone(self, desk: Desk) -> None:
        written(desk, "one")
        assert restore(desk, version=9).status_code == 404
        assert desk.double.dropped == []

    def test_pages_of_others_are_told(self, desk: Desk) -> None:
        editor = written(desk, "one")
        query = {"path": "/a.docx", "key": editor.key}
        before = desk.ann.request("GET", "/-/api/editing", params=query).json()
        assert not before["ended"]
        restore(desk, version=1)
        told = desk.ann.request("GET", "/-/api/editing", params=query).json()
        assert (told["ended"], told["restored"], told["changed_by"]) == (True, True, "admin")

    def test_is_for_who_may_edit(self, desk_with: Callable[..., Desk]) -> None:
        desk = desk_with(default_role="viewer")
        bob = desk.person("bob")
        written(desk, "one").close()
        assert restore(desk, bob, version=1).status_code == 403
        assert len(desk.versions()) == 2

    def test_needs_the_proof_that_it_is_our_page(self, desk: Desk) -> None:
        written(desk, "one").close()
        assert restore(desk, version=1, csrf="no").status_code == 403

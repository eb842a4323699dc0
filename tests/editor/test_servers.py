"""Several Document Servers: which one a session is on, and what is learnt from each."""

from collections.abc import Callable, Iterator
from pathlib import Path

import jwt
import pytest
import requests

from davserver.editor.server.client import DocumentServer
from davserver.editor.server.servers import Servers
from davserver.editor.server.tokens import ServerTokens
from davserver.errors import Unavailable
from davserver.model import Grant, Role
from davserver.providers.server_health import ServerHealth
from davserver.providers.share import Share
from tests.clock import later, wait_until
from tests.documentserver import DocumentServerDouble
from tests.editor.desk import Desk, Editor
from tests.editor.opening import configuration
from tests.editor.page import open_page

OTHER_SECRET = "the second server's own secret, 32 bytes"


@pytest.fixture
def second() -> Iterator[DocumentServerDouble]:
    double = DocumentServerDouble(OTHER_SECRET, "AuthorizationJwt")
    yield double
    double.stop()


@pytest.fixture
def desk(desk_with: Callable[..., Desk], second: DocumentServerDouble, tmp_path: Path) -> Desk:
    """A desk with two Document Servers."""
    (tmp_path / "second").write_text(OTHER_SECRET)
    table = {"address": second.url, "secret_file": tmp_path / "second"}
    return desk_with(document_servers=[table])


def look(desk: Desk) -> None:
    """What the housekeeping does each minute."""
    desk.office.app.housekeeping.run_once()


def editor_on(double: DocumentServerDouble, desk: Desk, name: str) -> Editor:
    return Editor(desk.office, desk.ann, double, name)


def test_the_first_server_is_used_while_it_answers(
    desk: Desk, second: DocumentServerDouble
) -> None:
    look(desk)
    desk.edit("a.docx").close()
    assert len(desk.double.callbacks) == 2
    assert not second.callbacks


def test_a_new_session_goes_to_the_next_server_when_the_first_is_down(
    desk: Desk, second: DocumentServerDouble
) -> None:
    desk.double.health = b"false"
    look(desk)
    editor = editor_on(second, desk, "a.docx")
    editor.type("by the second server")
    assert editor.close().is_accepted
    assert "by the second server" in desk.words("a.docx")
    assert second.url in editor.config["document"]["url"] or second.downloads[0].status_code == 200


def test_a_silent_server_keeps_no_session_of_another_from_being_looked_after(
    desk: Desk, second: DocumentServerDouble
) -> None:
    look(desk)
    desk.edit("a.docx")
    desk.double.health = b"false"
    look(desk)
    editor_on(second, desk, "b.docx").type("on the second")
    desk.double.stop()
    with later(10 * 60):
        look(desk)
        wait_until(lambda: desk.words("b.docx")[-1] == "on the second", "it was not stored")
    with later(20 * 60):
        assert desk.ann.put("/b.docx", b"from Word").status_code == 423


def test_a_session_stays_where_it_is(desk: Desk, second: DocumentServerDouble) -> None:
    look(desk)
    ann = desk.edit("a.docx")
    ann.type("on the first")
    desk.double.health = b"false"
    look(desk)
    bob = editor_on(desk.double, desk, "a.docx")
    assert bob.key == ann.key
    assert not second.editing
    assert ann.save().is_accepted
    assert "on the first" in desk.words("a.docx")


def test_a_session_whose_server_failed_before_it_took_the_document_goes_to_the_next(
    desk: Desk, second: DocumentServerDouble
) -> None:
    look(desk)
    first = configuration(desk.office, desk.ann, "a.docx")
    desk.double.health = b"false"
    look(desk)
    editor = editor_on(second, desk, "a.docx")
    assert editor.key == first["document"]["key"]
    editor.type("on the second")
    url = first["document"]["url"]
    late = requests.get(url, headers=desk.double.headers({"payload": {"url": url}}), timeout=10)
    assert late.status_code == 410, "both servers would have people in this document"
    assert editor.close().is_accepted
    assert "on the second" in desk.words("a.docx")


def test_a_session_whose_lease_ran_out_still_belongs_to_its_server(
    desk: Desk, second: DocumentServerDouble
) -> None:
    look(desk)
    ann = desk.edit("a.docx")
    ann.type("nobody knows of this yet")
    with later(3600):
        desk.double.health = b"false"
        look(desk)
        again = editor_on(desk.double, desk, "a.docx")
        assert again.key == ann.key
        assert not second.editing


def test_a_document_that_nobody_changed_moves_on(desk: Desk, second: DocumentServerDouble) -> None:
    look(desk)
    desk.edit("a.docx").close()
    desk.double.health = b"false"
    look(desk)
    editor_on(second, desk, "a.docx")
    assert second.editing


def test_a_callback_is_checked_with_the_secret_of_the_sessions_server(
    desk: Desk, second: DocumentServerDouble
) -> None:
    look(desk)
    editor = desk.edit("a.docx")
    editor.type("x")
    forged = second.post(editor.callback, desk.report(editor, 2))
    assert forged.status == 403
    assert "x" not in desk.words("a.docx")


def test_a_server_that_comes_back_is_used_again_by_itself(
    desk: Desk, second: DocumentServerDouble
) -> None:
    desk.double.health = b"false"
    look(desk)
    editor_on(second, desk, "a.docx")
    desk.double.health = b"true"
    look(desk)
    desk.edit("b.docx")
    assert len(desk.double.editing) == 1


def test_when_none_answers_the_first_is_tried_all_the_same(
    desk: Desk, second: DocumentServerDouble
) -> None:
    desk.double.health = second.health = b"false"
    look(desk)
    assert desk.edit("a.docx").save() is None
    assert desk.double.editing


def test_a_server_that_does_not_answer_is_told_with_the_reason(
    desk: Desk, second: DocumentServerDouble
) -> None:
    look(desk)
    health = ServerHealth(desk.share.catalog)
    assert health.all()[second.url].is_up
    second.stop()
    with later(10):
        look(desk)
    found = health.all()[second.url]
    assert not found.is_up
    assert "refused" in found.words
    assert found.last_ok is not None


def test_a_request_that_fails_is_reason_enough_to_look(
    share: Share, document_server: DocumentServerDouble, second: DocumentServerDouble
) -> None:
    first, other = (
        DocumentServer(double.url, "", ServerTokens(double.secret), 0)
        for double in (document_server, second)
    )
    servers = Servers([first, other], ServerHealth(share.catalog))
    servers.check()
    assert servers.for_new() is first
    assert servers.trouble() is None
    document_server.stop()
    with later(60), pytest.raises(Unavailable):
        first.command("version")
    assert servers.for_new() is other
    assert servers.trouble() is None
    second.stop()
    servers.check()
    trouble = servers.trouble()
    assert trouble is not None
    assert "refused" in trouble.words
    assert trouble.last_ok is not None


def test_every_command_carries_its_shard_key_in_lower_case(desk: Desk) -> None:
    desk.edit("a.docx").close()
    editor = desk.edit("a.docx", desk.person("bob"))
    desk.share.access.give(Grant("/a.docx", "user:bob", Role.VIEWER), by="admin")
    look(desk)
    assert f"/command?shardkey={editor.key}" in desk.double.asked
    assert desk.double.dropped == ["bob"]


class TestWhatAServerSaysOfItself:
    def test_header_and_prefix_are_taken_over(self, desk_with: Callable[..., Desk]) -> None:
        desk = desk_with()
        desk.double.header = "X-Office-Token"
        desk.double.meta["authorization"] = {"header": "X-Office-Token", "prefix": "Bearer "}
        look(desk)
        editor = desk.edit("a.docx")
        editor.type("words")
        assert editor.close().is_accepted

    def test_the_settings_are_stronger(self, desk_with: Callable[..., Desk]) -> None:
        desk = desk_with(jwt_header="Authorization")
        desk.double.meta["authorization"] = {"header": "X-Office-Token", "prefix": "Bearer "}
        look(desk)
        editor = desk.edit("a.docx")
        editor.type("words")
        assert editor.close().is_accepted

    @pytest.mark.parametrize(
        "told",
        [
            None,
            {},
            {"authorization": 7, "limits": []},
            {"authorization": {"header": "Bad Header\r\nX: y", "prefix": "Bearer "}},
            {"limits": {"maxFileSize": "much"}},
        ],
    )
    def test_nothing_of_it_is_needed(self, desk_with: Callable[..., Desk], told: object) -> None:
        desk = desk_with()
        desk.double.meta = told  # type: ignore[assignment]
        look(desk)
        assert desk.edit("a.docx").close().is_accepted


def test_what_a_server_kept_is_fetched_from_it_while_another_one_is_down(
    desk: Desk, second: DocumentServerDouble
) -> None:
    desk.double.health = b"false"
    look(desk)
    editor = editor_on(second, desk, "a.docx")
    editor.type("kept by the second server")
    second.forget(editor.key, second.changed_content(second.editing.pop(editor.key)))
    desk.double.stop()
    with later(3600):
        assert [one.path for one in desk.office.app.rescue()] == ["/a.docx"]
    assert "kept by the second server" in desk.words("a.docx")
    assert not second.forgotten


def test_a_save_that_did_not_come_keeps_the_document_on_its_server(
    desk: Desk, second: DocumentServerDouble
) -> None:
    look(desk)
    editor = desk.edit("a.docx")
    editor.type("not delivered")
    report = desk.report(editor, 2)
    desk.double.cache.clear()
    assert not desk.double.post(editor.callback, report).is_accepted
    desk.double.health = b"false"
    with later(3600):
        look(desk)
        again = editor_on(desk.double, desk, "a.docx")
    assert again.key == editor.key
    assert not second.editing


def test_what_is_inserted_is_signed_for_the_server_that_the_document_is_on(
    desk: Desk, second: DocumentServerDouble
) -> None:
    desk.ann.put("/sun.png", b"PNG")
    desk.double.health = b"false"
    look(desk)
    editor_on(second, desk, "a.docx")
    page = open_page(desk.office, "a.docx")
    assert page.data["data-server"] == second.url
    wanted = {"kind": "image", "c": "add", "paths": "/sun.png", "server": second.url}
    argument = page.get("insert", **wanted).json()
    [image] = jwt.decode(argument["token"], OTHER_SECRET, ["HS256"])["images"]
    for server, status in ((second, 200), (desk.double, 403)):
        signed = server.headers({"payload": {"url": image["url"]}})
        assert requests.get(image["url"], headers=signed, timeout=10).status_code == status

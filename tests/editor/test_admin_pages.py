"""The administrator's pages about the editor, and what others see while no server answers."""

from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner
from lxml import html

from davserver.cli import main
from davserver.editor.saving.forced_saves import ForcedSaves, Outcome
from davserver.editor.saving.storing import Storing
from davserver.errors import StorageFull, Unavailable
from davserver.model import SessionState
from davserver.providers.timeline import MOST_OF_ONE, Timeline, What
from tests.accounts.browsing import Browser, hidden
from tests.clock import later
from tests.dav_client import DavClient
from tests.editor.desk import Desk
from tests.editor.test_ending import audited

PAGE = {"Accept": "text/html"}
ADDRESSES = ["/-/admin/editor", "/-/admin/doctor", "/-/session/x"]


def text(person: DavClient, address: str) -> str:
    answer = person.request("GET", address, headers=PAGE)
    assert answer.status_code == 200, answer.text
    return " ".join(html.fromstring(answer.text).text_content().split())


def look(desk: Desk) -> None:
    desk.office.app.housekeeping.run_once()


@pytest.mark.parametrize("address", ADDRESSES)
def test_they_are_for_administrators(desk: Desk, address: str) -> None:
    assert desk.person("bob").request("GET", address, headers=PAGE).status_code == 403
    assert DavClient(desk.office.url).request("GET", address).status_code == 401


def test_each_server_is_shown_with_its_health_and_what_is_edited_there(desk: Desk) -> None:
    assert "not asked yet" in text(desk.ann, "/-/admin/editor")
    desk.edit("a.docx")
    look(desk)
    told = text(desk.ann, "/-/admin/editor")
    assert desk.double.url in told
    assert "answers" in told
    assert "Version 9.3.0.140" in told
    assert "1 document is being edited, 1 of 20 connections" in told
    assert "/a.docx" in told
    assert desk.double.secret not in told


def test_a_server_that_is_down_is_shown_with_the_reason(desk: Desk) -> None:
    look(desk)
    desk.double.health = b"false"
    look(desk)
    told = text(desk.ann, "/-/admin/editor")
    assert "does not answer" in told
    assert "/healthcheck does not answer true" in told
    assert "last well" in told


def test_without_a_server_the_page_says_so(desk_with: Callable[..., Desk]) -> None:
    desk = desk_with(document_server="")
    assert "None is configured" in text(desk.ann, "/-/admin/editor")


def test_the_doctor_examines_at_the_press_of_a_button(desk: Desk) -> None:
    assert "Test now" in text(desk.ann, "/-/admin/doctor")
    browser = Browser(desk.office)
    browser.sign_in()
    desk.double.eats_header = True
    answer = browser.post("/-/admin/doctor")
    told = " ".join(html.fromstring(answer.text).text_content().split())
    assert answer.status_code == 200
    assert "1 thing is broken" in told
    assert "without the header Authorization" in told
    assert "jwt_header" in told
    desk.double.eats_header = False
    assert "Everything works." in browser.post("/-/admin/doctor").text
    assert desk.double.secret not in told


def test_nobody_makes_an_administrators_browser_examine(desk: Desk) -> None:
    forged = desk.ann.request("POST", "/-/admin/doctor", headers={"Origin": "https://evil.example"})
    assert forged.status_code == 403


def moments(desk: Desk, key: str) -> list[tuple[str, str]]:
    """What the timeline of a session tells, but for the times."""
    return [(one.what.value, one.words) for one in Timeline(desk.share.catalog).of_key(key)]


def test_a_sessions_timeline_tells_what_happened_in_order(desk: Desk) -> None:
    editor = desk.edit("a.docx")
    editor.type("words")
    editor.save()
    size = (desk.root / "a.docx").stat().st_size
    editor.close()
    told = moments(desk, editor.key)
    kinds = [what for what, _ in told]
    assert kinds[0] == "opened"
    assert told[0][1] == "to edit, desktop"
    assert any(what == "fetched" and words.startswith("the document: ") for what, words in told)
    assert ("reported", "status 1, who is there: answered 0") in told
    assert ("reported", "status 6, a save in between: answered 0") in told
    last_saves = [words for _, words in told if words.startswith("status 2")]
    assert last_saves == ["status 2, the last save: answered 0"]
    assert told[-2:] == [("ended", "session is retired"), ("reported", last_saves[0])]
    assert size
    page = text(desk.ann, f"/-/session/{editor.key}")
    for words in ("Opened", "Fetched", "Reported", "status 6, a save in between: answered 0"):
        assert words in page


def test_commands_and_an_end_by_hand_are_in_it(desk: Desk) -> None:
    editor = desk.edit("a.docx")
    editor.type("words")
    form = {"path": "/a.docx"}
    page = html.fromstring(desk.ann.request("GET", "/", headers=PAGE).text)
    proof = {"X-CSRF-Token": str(page.xpath("//@data-csrf")[0])}
    ended = desk.ann.request("POST", "/-/api/end-session", data=form, headers=proof)
    assert ended.status_code == 200, ended.text
    told = moments(desk, editor.key)
    assert ("commanded", "forcesave: done") in told
    assert ("commanded", "drop: done") in told
    assert ("ended", "session is ended") in told


def test_a_report_that_fails_is_in_it_with_what_was_answered(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = desk.edit("a.docx")
    editor.type("words")

    def full(*_: Any, **__: Any) -> None:
        raise StorageFull

    monkeypatch.setattr(Storing, "put", full)
    editor.close()
    told = [words for _, words in moments(desk, editor.key)]
    assert "status 2, the last save: answered 503" in told
    assert "all have left, and their save is still to come" in told


def test_it_holds_no_secret(desk: Desk) -> None:
    editor = desk.edit("a.docx")
    editor.type("words")
    editor.close()
    told = text(desk.ann, f"/-/session/{editor.key}")
    assert desk.double.secret not in told
    for url in (editor.download, editor.callback):
        assert url.rpartition("/")[2] not in told
    assert "md5=" not in told


def test_a_fault_of_the_timeline_stops_no_save(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    editor = desk.edit("a.docx")
    editor.type("words that count")

    def busy(*_: Any) -> None:
        raise Unavailable("The catalog is busy.")

    monkeypatch.setattr("davserver.providers.timeline.add", busy)
    editor.save()
    assert desk.words("a.docx")[-1] == "words that count"


def test_it_is_bounded_and_forgotten_in_time(desk: Desk) -> None:
    timeline = Timeline(desk.share.catalog)
    for number in range(MOST_OF_ONE + 60):
        timeline.note("a-key", What.FETCHED, f"number {number}")
    timeline.note("another-key", What.FETCHED, "x" * 1000)
    kept = timeline.of_key("a-key")
    assert len(kept) == MOST_OF_ONE
    assert kept[-1].words == f"number {MOST_OF_ONE + 59}"
    with desk.share.catalog.reading() as connection:
        held = connection.exec_driver_sql("SELECT count(*) FROM timeline WHERE key = 'a-key'")
        assert held.scalar() < MOST_OF_ONE + 20
    assert len(timeline.of_key("another-key")[0].words) == 200
    with later(61 * 24 * 3600):
        look(desk)
    assert timeline.of_key("a-key") == []


def test_it_is_told_on_the_command_line(desk: Desk) -> None:
    editor = desk.edit("a.docx")
    for which in ("/a.docx", editor.key):
        told = CliRunner().invoke(main, ["sessions", "show", which, "--root", str(desk.root)])
        assert told.exit_code == 0, told.output
        assert "opened\tto edit, desktop\tadmin" in told.output
    nothing = CliRunner().invoke(main, ["sessions", "show", "nothing", "--root", str(desk.root)])
    assert nothing.exit_code != 0


def test_a_session_is_shown_with_what_was_delivered(desk: Desk) -> None:
    editor = desk.edit("a.docx")
    editor.type("words")
    editor.save()
    told = text(desk.ann, f"/-/session/{editor.key}")
    assert "Status 6" in told
    assert "stored" in told
    assert desk.double.url in told
    assert "admin" in told
    missing = desk.ann.request("GET", "/-/session/unknown", headers=PAGE)
    assert missing.status_code == 404


class TestEndingASession:
    @pytest.fixture
    def administrator(self, desk: Desk) -> Browser:
        browser = Browser(desk.office)
        browser.sign_in()
        return browser

    def test_what_was_typed_is_saved_before_and_the_page_says_so(
        self, desk: Desk, administrator: Browser
    ) -> None:
        bob = desk.edit(person=desk.person("bob"))
        bob.type("bob's words")
        assert "End the session" in administrator.get("/-/admin/editor").text
        answer = administrator.post(f"/-/session/{bob.key}")
        assert answer.status_code == 303
        page = administrator.get(answer.headers["Location"].removeprefix(desk.office.url))
        assert "The session is ended. What was typed is saved." in page.text
        assert "End the session" not in page.text
        assert desk.words("a.docx")[-1] == "bob's words"
        assert desk.double.dropped == ["bob"]
        [line] = [one for one in audited(desk) if one["event"] == "edit session ended"]
        assert (line["user"], line["path"], line["editors"]) == ("admin", "/a.docx", "bob")

    def test_where_nothing_was_typed_it_says_that(self, desk: Desk, administrator: Browser) -> None:
        answer = administrator.post(f"/-/session/{desk.edit().key}")
        assert "?ended=un" in answer.headers["Location"]

    def test_what_does_not_arrive_in_time_is_told(
        self, desk: Desk, administrator: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        editor = desk.edit()
        monkeypatch.setattr(ForcedSaves, "save", lambda *_: Outcome.LATE)
        answer = administrator.post(f"/-/session/{editor.key}")
        page = administrator.get(answer.headers["Location"].removeprefix(desk.office.url))
        assert "did not arrive in time" in page.text

    def test_one_that_is_over_is_not_ended_in_place_of_the_next(
        self, desk: Desk, administrator: Browser
    ) -> None:
        first = desk.edit()
        first.type("words")
        first.close()
        second = desk.edit()
        assert administrator.post(f"/-/session/{first.key}").status_code == 409
        assert desk.sessions.find(second.key).state is SessionState.OPEN

    def test_it_is_for_administrators(self, desk: Desk) -> None:
        editor = desk.edit()
        desk.person("bob")
        bob = Browser(desk.office)
        bob.sign_in("bob", "password of bob")
        data = {"csrf": hidden(bob.get("/"), "csrf")}
        address = f"{desk.office.url}/-/session/{editor.key}"
        assert bob.session.post(address, data=data).status_code == 403
        assert len(desk.locks("a.docx")) == 1


class TestWhileNoServerAnswers:
    @pytest.fixture
    def down(self, desk: Desk) -> Desk:
        desk.edit("a.docx").close()
        look(desk)
        desk.double.health = b"false"
        look(desk)
        return desk

    @pytest.mark.parametrize("address", ["/", "/-/edit/a.docx"])
    def test_everybody_is_told_and_may_try_all_the_same(self, down: Desk, address: str) -> None:
        bob = text(down.person("bob"), address)
        assert "The editor's server does not answer right now; it last did" in bob
        assert "/healthcheck" not in bob
        assert "/healthcheck does not answer true" in text(down.ann, address)
        assert down.edit("a.docx").close().is_accepted

    def test_it_passes_by_itself(self, down: Desk) -> None:
        down.double.health = b"true"
        look(down)
        assert "does not answer" not in text(down.ann, "/")

    def test_the_metrics_tell(self, down: Desk) -> None:
        metrics = down.ann.get("/-/metrics").text
        assert f'davserver_document_server_up{{server="{down.double.url}"}} 0' in metrics
        assert f'davserver_document_server_seconds{{server="{down.double.url}"}} 0.' in metrics
        assert metrics.count("# TYPE davserver_document_server_up gauge") == 1

    def test_a_minute_later_it_is_still_so(self, down: Desk) -> None:
        with later(60):
            assert "does not answer right now" in text(down.ann, "/")

"""The administrator's pages about the editor, and what others see while no server answers."""

from collections.abc import Callable

import pytest
from lxml import html

from davserver.editor.saving.forced_saves import ForcedSaves, Outcome
from davserver.model import SessionState
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

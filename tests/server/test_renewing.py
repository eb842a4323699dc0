"""Settings that are changed on the page come into effect while the server serves."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.accounts.browsing import Browser
from tests.clock import wait_until
from tests.documentserver import SECRET, DocumentServerDouble
from tests.editor.opening import configuration, words
from tests.editor.settings_form import ADDRESS, SettingsForm
from tests.running import ProcessServer, free_port


@pytest.fixture
def pair(root: Path) -> Iterator[ProcessServer]:
    server = ProcessServer(root, "--workers", "2")
    yield server
    server.stop()


class Asking:
    """Somebody who asks again and again; what went wrong."""

    def __init__(self, server: ProcessServer) -> None:
        self.answers = 0
        self.wrong: list[str] = []
        self._browser = Browser(server)  # type: ignore[arg-type]
        self._browser.sign_in()
        self._stops = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Asking":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stops.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stops.wait(0.02):
            try:
                answer = self._browser.get("/a.txt")
                self.answers += 1
                if answer.status_code != 200:
                    self.wrong.append(str(answer.status_code))
            except requests.RequestException as fault:
                self.wrong.append(str(fault))


def until_in_effect(form: SettingsForm) -> None:
    form.go_on()
    address = form.page.url.removeprefix(form.browser.url)

    def looked() -> bool:
        form.page = form.browser.get(address)
        return "The settings are in effect" in form.text

    wait_until(looked, "they never came into effect")


def test_a_change_comes_into_effect_and_no_request_is_lost(pair: ProcessServer) -> None:
    pair.client().put("/a.txt", b"words")
    before = set(pair.workers())
    form = SettingsForm(pair)  # type: ignore[arg-type]
    with Asking(pair) as asking:
        assert form.press("save", open_in="tab").status_code == 303
        until_in_effect(form)
        wait_until(lambda: before.isdisjoint(pair.workers()), "the old ones serve on")
        wait_until(lambda: len(pair.workers()) == 2, "some are missing")
    assert asking.answers > 5
    assert asking.wrong == []
    assert form.values["open_in"] == "tab"


def test_documents_open_at_once_where_none_did_and_sessions_live_on(
    pair: ProcessServer, document_server: DocumentServerDouble
) -> None:
    form = SettingsForm(pair)  # type: ignore[arg-type]
    saved = form.press("save", document_server=document_server.url, jwt_secret=SECRET)
    assert saved.status_code == 303, form.text
    until_in_effect(form)
    config = configuration(pair, pair.client(), "a.docx")  # type: ignore[arg-type]
    document_server.open(config)
    key, user = config["document"]["key"], config["editorConfig"]["user"]["id"]
    document_server.type(key, "before", user)
    assert form.press("save", save_minutes="7").status_code == 303, form.text
    until_in_effect(form)
    document_server.type(key, "after", user)
    assert document_server.leave(key, user).is_accepted
    assert words(pair.root / "a.docx")[-1] == "after"
    assert SECRET not in pair.log()


def test_a_page_does_not_wait_for_ever(pair: ProcessServer) -> None:
    form = SettingsForm(pair)  # type: ignore[arg-type]
    (pair.root / ".davserver" / "settings.json").write_text('{"open_in": "tab"}')
    waiting = form.browser.get(f"{ADDRESS}?saved=2").text
    assert f'content="1;url={ADDRESS}?saved=1"' in waiting
    over = form.browser.get(f"{ADDRESS}?saved=0").text
    assert "http-equiv" not in over
    assert "goes on with the settings it had" in over


def test_what_is_unwise_is_in_the_log_when_it_is_taken_over(pair: ProcessServer) -> None:
    form = SettingsForm(pair)  # type: ignore[arg-type]
    nobody = f"https://127.0.0.1:{free_port()}"
    changes = {"document_server": nobody, "jwt_secret": SECRET, "document_server_verify": None}
    assert form.press("anyway", **changes).status_code == 303
    until_in_effect(form)
    assert "the certificate of a Document Server is not checked" in pair.log()


def test_what_cannot_be_read_leaves_everything_as_it_was(pair: ProcessServer) -> None:
    (pair.root / ".davserver" / "settings.json").write_text("{")
    pair.process.send_signal(1)
    wait_until(lambda: "the settings stay as they were" in pair.log(), "nothing was said")
    assert pair.client().propfind("/").status_code == 207

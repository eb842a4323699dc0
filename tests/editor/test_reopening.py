"""Opening a document again while its last save is on its way: never old text, never a split."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from davserver.editor.server.client import DocumentServer
from davserver.editor.sessions import joining
from tests.editor.desk import Desk, Editor
from tests.editor.opening import page


class SlowSave:
    """A last save that stands still on its way, until it is let go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.has_begun = threading.Event()
        self.may_go_on = threading.Event()
        fetch = DocumentServer.fetch

        def slowly(server: DocumentServer, *args: Any) -> None:
            self.has_begun.set()
            assert self.may_go_on.wait(20)
            fetch(server, *args)

        monkeypatch.setattr(DocumentServer, "fetch", slowly)

    def close(self, editor: Editor) -> threading.Thread:
        leaving = threading.Thread(target=editor.close)
        leaving.start()
        assert self.has_begun.wait(10)
        return leaving


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowSave]:
    save = SlowSave(monkeypatch)
    yield save
    save.may_go_on.set()


def config(desk: Desk, **query: str) -> requests.Response:
    query = {"path": "/a.docx", **query}
    return desk.office.client().request("GET", "/-/api/editor-config", params=query)


@pytest.mark.parametrize("how", ["page", "config", "used"])
def test_who_opens_it_meanwhile_gets_the_new_text_under_the_next_key(
    desk: Desk, slow: SlowSave, how: str
) -> None:
    """Pitfall 3.12, and the complaint that a quick reopening shows old text."""
    editor = desk.edit()
    editor.type("the last words")
    leaving = slow.close(editor)
    opened: list[str] = []

    def open_again() -> None:
        if how == "page":
            opened.append(desk.edit().key)
        else:
            answer = config(desk, **({"used": editor.key} if how == "used" else {}))
            opened.append(answer.json()["document"]["key"])

    opening = threading.Thread(target=open_again)
    opening.start()
    time.sleep(0.4)
    assert opened == [], "it did not wait"
    slow.may_go_on.set()
    opening.join(10)
    leaving.join(10)
    assert opened
    assert opened[0] != editor.key
    assert opened[0] == desk.edit().key
    assert desk.double.downloads[-1].content == (desk.root / "a.docx").read_bytes()
    assert desk.words("a.docx")[-1] == "the last words"


def test_a_key_that_was_refused_is_waited_for_before_its_save_arrives(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Document Server refuses the key as soon as it begins the last save."""
    monkeypatch.setattr(joining, "WAIT_SECONDS", 0.3)
    editor = desk.edit()
    editor.type("the last words")
    answer = config(desk, used=editor.key)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    editor.close()
    answer = config(desk, used=editor.key)
    assert answer.json()["document"]["key"] not in {editor.key, ""}


def test_a_key_that_ended_without_changes_is_given_again(desk: Desk) -> None:
    editor = desk.edit()
    editor.close()
    assert config(desk, used=editor.key).json()["document"]["key"] == editor.key


def test_before_the_last_save_begins_one_comes_back_into_the_session(desk: Desk) -> None:
    """Fact 13: the same key cancels the save, and people go on."""
    editor = desk.edit()
    editor.type("words")
    assert config(desk).json()["document"]["key"] == editor.key


def test_a_forced_save_lets_nobody_wait(desk: Desk, slow: SlowSave) -> None:
    editor = desk.edit()
    editor.type("words")
    saving = threading.Thread(target=editor.save)
    saving.start()
    assert slow.has_begun.wait(10)
    assert config(desk).json()["document"]["key"] == editor.key
    slow.may_go_on.set()
    saving.join(10)


def test_who_looks_on_need_not_wait(desk: Desk, slow: SlowSave) -> None:
    editor = desk.edit()
    editor.type("words")
    leaving = slow.close(editor)
    assert config(desk, mode="view").status_code == 200
    slow.may_go_on.set()
    leaving.join(10)


def test_a_save_that_takes_too_long_is_told_in_words(
    desk: Desk, slow: SlowSave, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joining, "WAIT_SECONDS", 0.3)
    editor = desk.edit()
    editor.type("words")
    leaving = slow.close(editor)
    answer = page(desk.office.client(), "a.docx")
    assert answer.status_code == 503
    assert "is being saved" in answer.text
    slow.may_go_on.set()
    leaving.join(10)

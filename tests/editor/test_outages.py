"""Administrators are told when a Document Server is down and when it answers again: once each."""

import multiprocessing
import threading
from pathlib import Path
from typing import Any

import pytest

from davserver.providers.notices import Kind, Notice, Notices
from davserver.providers.outages import Outages
from davserver.providers.server_health import ServerHealth
from davserver.providers.share import open_share
from davserver.providers.users import User, Users
from tests.accounts.browsing import Browser
from tests.clock import later
from tests.editor.desk import Desk

MINUTE = 60


def look(desk: Desk) -> None:
    """What the housekeeping does each minute."""
    desk.office.app.housekeeping.run_once()


def told(desk: Desk, name: str = "admin") -> list[Notice]:
    return Notices(desk.share.catalog).of(name)


def kinds(desk: Desk) -> list[Kind]:
    return [one.kind for one in reversed(told(desk))]


def goes_down(desk: Desk, minutes: int = 3) -> None:
    desk.double.health = b"false"
    for minute in range(minutes):
        with later(minute * MINUTE):
            look(desk)


def test_an_outage_is_told_once_with_its_cause_and_since_when(desk: Desk) -> None:
    look(desk)
    goes_down(desk, minutes=10)
    [notice] = told(desk)
    assert notice.kind is Kind.SERVER_DOWN
    browser = Browser(desk.office)
    browser.sign_in()
    page = browser.get("/-/notices").text
    assert "The Document Server does not answer" in page
    assert f"{desk.double.url} has not answered since 20" in page
    assert "its /healthcheck does not answer true" in page
    assert "Nothing was switched off" in page
    opened = browser.post("/-/notices", open=str(notice.number))
    assert opened.headers["Location"] == "/-/admin/doctor"


def test_a_blip_is_told_to_nobody(desk: Desk) -> None:
    look(desk)
    goes_down(desk, minutes=1)
    desk.double.health = b"true"
    for minute in range(1, 5):
        with later(minute * MINUTE):
            look(desk)
    assert told(desk) == []


def test_failures_within_a_minute_are_a_blip_however_many(desk: Desk) -> None:
    look(desk)
    desk.double.health = b"false"
    for second in range(0, 50, 10):
        with later(second):
            look(desk)
    assert told(desk) == []


def test_that_it_answers_again_is_told_and_the_next_outage_is_another_one(desk: Desk) -> None:
    look(desk)
    goes_down(desk)
    desk.double.health = b"true"
    for minute in range(3, 6):
        with later(minute * MINUTE):
            look(desk)
    assert kinds(desk) == [Kind.SERVER_DOWN, Kind.SERVER_UP]
    desk.double.health = b"false"
    for minute in range(6, 9):
        with later(minute * MINUTE):
            look(desk)
    assert kinds(desk) == [Kind.SERVER_DOWN, Kind.SERVER_UP, Kind.SERVER_DOWN]


def test_one_that_comes_and_goes_is_one_outage(desk: Desk) -> None:
    look(desk)
    goes_down(desk)
    for minute in range(3, 13):
        desk.double.health = b"true" if minute % 2 else b"false"
        with later(minute * MINUTE):
            look(desk)
    assert kinds(desk) == [Kind.SERVER_DOWN]


def test_one_that_never_answered_is_told_of_too(desk: Desk) -> None:
    goes_down(desk)
    assert kinds(desk) == [Kind.SERVER_DOWN]


def test_only_administrators_are_told(desk: Desk) -> None:
    desk.person("bob")
    Users(desk.share.catalog).add(User("cleo", "", is_administrator=True))
    goes_down(desk)
    assert told(desk, "bob") == []
    assert len(told(desk, "cleo")) == len(told(desk)) == 1


def test_nothing_is_switched_off_by_it(desk: Desk) -> None:
    look(desk)
    goes_down(desk)
    editor = desk.edit()
    editor.type("all the same")
    assert editor.close().is_accepted
    assert "all the same" in desk.words("a.docx")


def test_one_that_is_configured_no_more_is_not_told_of(desk: Desk) -> None:
    look(desk)
    health = ServerHealth(desk.share.catalog)
    health.note("https://former.example.org", "gone", 0.1)
    with later(2 * MINUTE):
        look(desk)
    assert told(desk) == []


def _tells(root: Path, ready: Any) -> None:
    share = open_share(root, root / ".davserver", "off", connections=2)
    ready.wait(60)
    Outages(share.catalog, ()).tell()
    share.close()


_SPAWN = multiprocessing.get_context("spawn")


@pytest.mark.parametrize(
    ("worker", "barrier"),
    [(threading.Thread, threading.Barrier), (_SPAWN.Process, _SPAWN.Barrier)],
    ids=["threads", "processes"],
)
def test_of_several_that_look_at_once_one_tells(desk: Desk, worker: Any, barrier: Any) -> None:
    with later(-2 * MINUTE):
        ServerHealth(desk.share.catalog).note(desk.double.url, "no answer", 0.1)
    ready = barrier(4)
    workers = [worker(target=_tells, args=(desk.root, ready)) for _ in range(4)]
    for one in workers:
        one.start()
    for one in workers:
        one.join(120)
    assert not any(getattr(one, "exitcode", 0) for one in workers)
    assert kinds(desk) == [Kind.SERVER_DOWN]

"""Work beside a thread: in its order, bounded, and its failures are heard of."""

import threading

import pytest

from davserver.providers.background import BEHIND_AT_MOST, Background


def test_everything_is_done_in_its_order() -> None:
    done: list[int] = []
    background = Background()
    for number in range(100):
        background.do(lambda number=number: done.append(number))  # type: ignore[misc]
    background.finish()
    assert done == list(range(100))


def test_who_gives_more_than_may_wait_waits() -> None:
    go_on = threading.Event()
    background = Background()
    background.do(go_on.wait)
    for _ in range(BEHIND_AT_MOST - 1):
        background.do(lambda: None)
    giving = threading.Thread(target=lambda: [background.do(lambda: None) for _ in range(3)])
    giving.start()
    giving.join(0.2)
    assert giving.is_alive(), "the queue has no end"
    go_on.set()
    giving.join()
    background.finish()


def test_a_failure_is_raised_where_it_is_waited_for_and_nothing_more_is_done() -> None:
    def fail() -> None:
        raise OSError("the disk is full")

    done: list[int] = []
    background = Background()
    background.do(fail)
    background.do(lambda: done.append(1))
    with pytest.raises(OSError, match="full"):
        background.finish()
    assert done == []


def test_without_work_there_is_no_thread() -> None:
    before = threading.active_count()
    Background().finish()
    assert threading.active_count() == before

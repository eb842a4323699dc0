"""Waiting for what another process does: looking again and again, until a deadline."""

import time
from collections.abc import Callable

_STEP_SECONDS = 0.05


def comes_true(condition: Callable[[], bool], deadline: float) -> bool:
    """Whether ``condition`` comes true before ``deadline`` (time.monotonic); it is looked at once
    at least.
    """
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_STEP_SECONDS)
    return True

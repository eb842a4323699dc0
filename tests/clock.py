"""Time travel, and patience, for tests."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from freezegun import freeze_time

# Time travel is for what is kept. To the server, connections of a test that are open would have
# been idle for hours, and it would close them under the next request.
_HTTP = ["cheroot", "davserver.server"]


def later(seconds: float) -> Any:
    """A block that runs so much later than now; the clock ticks on in it."""
    return freeze_time(datetime.now(UTC) + timedelta(seconds=seconds), tick=True, ignore=_HTTP)


def at(moment: str) -> Any:
    """A block that runs at an ISO moment."""
    return freeze_time(moment)


def wait_until(
    condition: Callable[[], object], what: str | Callable[[], str], seconds: float = 40
) -> None:
    """Wait for ``condition``; after ``seconds`` fail with ``what`` did not come about."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(what if isinstance(what, str) else what())
        time.sleep(0.02)

"""Time travel for tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from freezegun import freeze_time


def later(seconds: float) -> Any:
    """A block that runs so much later than now; the clock ticks on in it."""
    return freeze_time(datetime.now(UTC) + timedelta(seconds=seconds), tick=True)


def at(moment: str) -> Any:
    """A block that runs at an ISO moment."""
    return freeze_time(moment)

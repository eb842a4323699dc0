"""Times as protocols write them; files of one folder often share theirs, and most share the day."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

_DAY = 24 * 3600
_KEPT = 4096
# From 1970 to the year 9999: beyond, Python's calendar has no dates to write.
_LAST = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@lru_cache(_KEPT)
def http_date(seconds: int) -> str:
    """An HTTP date (RFC 9110, 5.6.7) of a time since 1970."""
    days, rest = divmod(_within(seconds), _DAY)
    return f"{_days(days)[0]}{_clock(rest)} GMT"


@lru_cache(_KEPT)
def internet_date(seconds: int) -> str:
    """A date and time as RFC 3339 writes it, in UTC."""
    days, rest = divmod(_within(seconds), _DAY)
    return f"{_days(days)[1]}T{_clock(rest)}Z"


def seconds_of(text: str) -> int | None:
    """The seconds since 1970 that an HTTP date or a plain number says; None if it says none."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        seconds = int(text)
    else:
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
        seconds = int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())
    return seconds if 0 <= seconds <= _LAST else None


def _within(seconds: int) -> int:
    return max(0, min(seconds, _LAST))


def _clock(rest: int) -> str:
    return f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"


@lru_cache(_KEPT)
def _days(days: int) -> tuple[str, str]:
    """How both forms of a date begin."""
    day = datetime.fromtimestamp(days * _DAY, UTC)
    weekday, month = _WEEKDAYS[day.weekday()], _MONTHS[day.month - 1]
    return (
        f"{weekday}, {day.day:02d} {month} {day.year:04d} ",
        f"{day.year:04d}-{day.month:02d}-{day.day:02d}",
    )

"""Dates in headers and properties."""

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davserver.dates import http_date, internet_date, seconds_of

_TIMES = st.integers(0, 253402300799)


@given(_TIMES)
def test_an_http_date_is_what_the_standard_library_writes(seconds: int) -> None:
    assert http_date(seconds) == formatdate(seconds, usegmt=True)


@given(_TIMES)
def test_a_date_that_was_written_is_read_again(seconds: int) -> None:
    assert seconds_of(http_date(seconds)) == seconds
    assert seconds_of(f" {seconds} ") == seconds


@given(st.text())
def test_any_text_is_a_time_or_none(text: str) -> None:
    found = seconds_of(text)
    assert found is None or 0 <= found <= 253402300799


def test_an_internet_date_is_in_utc() -> None:
    assert internet_date(1_700_000_000) == "2023-11-14T22:13:20Z"


@pytest.mark.parametrize("seconds", [-1, -(10**12), 10**15])
def test_a_time_without_a_date_becomes_the_nearest_one(seconds: int) -> None:
    assert http_date(seconds) in (http_date(0), http_date(253402300799))
    assert internet_date(seconds)[:4] in ("1970", "9999")

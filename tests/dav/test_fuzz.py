"""A short run of tests/fuzz.py, and proof that it would notice."""

import random

import pytest

from tests import fuzz

CASES = 6000


def test_no_input_leads_to_anything_but_an_answer() -> None:
    outcomes = fuzz.fuzz(CASES, seed=random.randrange(1 << 20))
    # A parser that takes all, or refuses all, would show nothing. Dates and ranges that make no
    # sense are set aside and seldom refused.
    assert {name for name, status in outcomes if status == 200} == set(fuzz.TARGETS)
    lenient = {"If-Modified-Since", "If-Unmodified-Since", "If-Range", "Range"}
    refused = {name for name, status in outcomes if status >= 400}
    assert refused >= set(fuzz.TARGETS) - lenient
    assert sum(outcomes.values()) == CASES


def test_a_mistake_would_be_found_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def mistaken(text: str) -> None:
        if '"' in text:
            raise ValueError(text)

    grammar = fuzz.Grammar(("abc",), ('"',))
    monkeypatch.setattr(fuzz, "TARGETS", {"broken": (grammar, mistaken)})
    with pytest.raises(fuzz.Failure, match=r"case [0-9]+ of seed 7, broken"):
        fuzz.fuzz(100, seed=7)

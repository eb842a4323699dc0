"""What an examination finds."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How something is. Only a fault keeps people from their work."""

    GOOD = "good"
    ADVICE = "advice"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, what was seen, and what to do about it.

    ``server`` is the address of the Document Server that it is about, empty for ourselves.
    """

    subject: str
    verdict: Verdict
    words: str
    cure: str = ""
    server: str = ""

    @property
    def is_good(self) -> bool:
        """Whether nothing is broken."""
        return self.verdict is not Verdict.FAULT


def good(subject: str, words: str, server: str = "") -> Finding:
    """Something is in order."""
    return Finding(subject, Verdict.GOOD, words, server=server)


def advice(subject: str, words: str, cure: str, server: str = "") -> Finding:
    """Something works, and could be better."""
    return Finding(subject, Verdict.ADVICE, words, cure, server)


def fault(subject: str, words: str, cure: str, server: str = "") -> Finding:
    """Something is broken."""
    return Finding(subject, Verdict.FAULT, words, cure, server)

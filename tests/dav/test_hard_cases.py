"""The cases that ``make conformance`` puts to every server, put to this one as people start it."""

import pytest

from benchmarks.cases import CASES, Case, slug
from benchmarks.peers import Target
from benchmarks.probe import Probe
from tests.running import ADMIN, PASSWORD, ProcessServer


@pytest.mark.parametrize("case", CASES, ids=slug)
def test_a_hard_case_is_right(davserver: ProcessServer, case: Case) -> None:
    target = Target("davserver", davserver.url, davserver.process.pid, ADMIN, PASSWORD)
    seen = case.put_to(Probe(target, davserver.root, slug(case)))
    assert seen.is_right, f"{case.name}: {seen.words}, not {case.wanted}"

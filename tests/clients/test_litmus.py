"""litmus, the WebDAV conformance suite, against two worker processes."""

import re
import subprocess

import pytest

from tests.running import ADMIN, PASSWORD, ProcessServer

pytestmark = [pytest.mark.clients, pytest.mark.program("litmus")]

SUITES = {"basic": 16, "copymove": 13, "props": 30, "locks": 41, "http": 4}


def test_litmus_passes_every_test_of_every_suite(process: ProcessServer) -> None:
    command = ["litmus", "-k", f"{process.url}/", ADMIN, PASSWORD]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=170, cwd=process.root.parent
    )
    passed = {
        suite: (int(run), int(good))
        for suite, run, good in re.findall(
            r"summary for `(\w+)': of (\d+) tests run: (\d+) passed", done.stdout
        )
    }
    assert passed == {suite: (count, count) for suite, count in SUITES.items()}, done.stdout
    assert "WARNING" not in done.stdout, done.stdout

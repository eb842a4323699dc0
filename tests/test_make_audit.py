"""`make audit` fails on a known hole and on nothing else: it runs without a network too."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
FOUND = """Found 1 known vulnerability in 1 package
Name   Version ID             Fix Versions
------ ------- -------------- ------------
jinja2 3.1.0   PYSEC-0000-001 3.1.9"""

Audit = Callable[[str], "subprocess.CompletedProcess[str]"]


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    """Runs the target with a program in place of pip-audit."""

    def run(script: str) -> "subprocess.CompletedProcess[str]":
        programs = tmp_path / "bin"
        programs.mkdir()
        program = programs / "pip-audit"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        (programs / "python").touch()
        (tmp_path / "developing").touch()
        command = ["make", "--silent", "audit", f"VENV={tmp_path}", "AUDIT_SECONDS=1"]
        return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=30)

    return run


def test_a_known_hole_fails_and_is_named(audit: Audit) -> None:
    done = audit(f"cat <<'END' >&2\n{FOUND}\nEND\nexit 1")
    assert done.returncode != 0
    assert "PYSEC-0000-001" in done.stdout


def test_two_holes_fail_too(audit: Audit) -> None:
    assert audit("echo 'Found 2 known vulnerabilities in 1 package'; exit 1").returncode != 0


def test_nothing_known_passes(audit: Audit) -> None:
    done = audit("echo 'No known vulnerabilities found'")
    assert (done.returncode, done.stdout) == (
        0,
        "pip-audit: nothing known; 0 packages it could not ask about\n",
    )


def test_who_cannot_ask_is_told_so_and_goes_on(audit: Audit) -> None:
    done = audit("echo 'ConnectionError: Max retries exceeded' >&2; exit 1")
    assert done.returncode == 0
    assert "nothing was checked" in done.stdout


@pytest.mark.parametrize("script", ["sleep 60", "trap '' TERM; sleep 60"])
def test_a_service_that_is_silent_holds_up_nobody(audit: Audit, script: str) -> None:
    began = time.monotonic()
    done = audit(script)
    assert done.returncode == 0
    assert "no answer within 1 seconds" in done.stdout
    assert time.monotonic() - began < 20

"""``make conformance``: the hard cases and litmus, put to davserver and to every peer that is here.

Writes docs/conformance.md. Every cell comes from this run; one rule for each row says what is right
of it, the same for all.
"""

import importlib.metadata
import platform
import re
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import peers
from benchmarks.cases import CASES, Seen, slug
from benchmarks.peers import PEERS, Target
from benchmarks.probe import Probe

REPORT = Path(__file__).parents[1] / "docs" / "conformance.md"
OURS = "davserver"
SUITES = ("basic", "copymove", "props", "locks", "http")
_LITMUS_SECONDS = 300
_VERSIONS = {
    "apache": ("apache2", "-v"),
    "nginx": ("nginx", "-v"),
    "lighttpd": ("lighttpd", "-v"),
    "rclone": ("rclone", "--version"),
    "copyparty": ("copyparty", "--version"),
}


@dataclass(frozen=True)
class Column:
    """What one server showed: a cell for each case, and of litmus (passed, run) for each suite."""

    name: str
    version: str
    cells: tuple[Seen, ...]
    suites: Mapping[str, tuple[int, int]]
    warnings: int


def main() -> None:
    names = [OURS, *peers.installed(*PEERS)]
    absent = [f"{name}: {peer.package}" for name, peer in PEERS.items() if name not in names]
    for line in absent:
        print(f"not installed, left out: {line}", flush=True)
    columns = []
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        for name in names:
            root = Path(folder) / name
            root.mkdir()
            root.chmod(0o777)
            with _started(name, root) as target:
                columns.append(examine(target, root))
    REPORT.write_text(report(columns, absent), "utf-8")
    wrong = [
        case.name for case, seen in zip(CASES, columns[0].cells, strict=True) if not seen.is_right
    ]
    if wrong:
        raise SystemExit(f"{OURS} is wrong on: {'; '.join(wrong)}")


def examine(target: Target, root: Path) -> Column:
    """Every case in a folder of its own, then litmus."""
    cells = []
    for case in CASES:
        seen = case.put_to(Probe(target, root, slug(case)))
        print(f"{target.name}: {case.name}: {seen.words}{'' if seen.is_right else ' (wrong)'}")
        cells.append(seen)
    suites, warnings = litmus(target)
    print(f"{target.name}: litmus: {suites}, {warnings} warnings", flush=True)
    return Column(target.name, _version(target.name), tuple(cells), suites, warnings)


def litmus(target: Target) -> tuple[dict[str, tuple[int, int]], int]:
    """Passed and run of each suite, and the number of warnings."""
    who = [target.user, target.password] if target.user else []
    with tempfile.TemporaryDirectory() as folder:  # litmus leaves its log where it runs
        done = subprocess.run(
            ["litmus", "-k", f"{target.url}/", *who],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LITMUS_SECONDS,
            cwd=folder,
        )
    found = re.findall(r"summary for `(\w+)': of (\d+) tests run: (\d+) passed", done.stdout)
    return {suite: (int(good), int(run)) for suite, run, good in found}, done.stdout.count(
        "WARNING"
    )


def report(columns: list[Column], absent: list[str]) -> str:
    """The page."""
    names = " | ".join(column.name for column in columns)
    rule = "---|" * len(columns)
    rows = [
        f"| {case.name} | {case.wanted} | "
        + " | ".join(_cell(column.cells[number]) for column in columns)
        + " |"
        for number, case in enumerate(CASES)
    ]
    right = [sum(seen.is_right for seen in column.cells) for column in columns]
    rows.append(f"| **right** | {len(CASES)} | {' | '.join(f'**{count}**' for count in right)} |")
    suites = [
        f"| {suite} | " + " | ".join(_suite(column, suite) for column in columns) + " |"
        for suite in SUITES
    ]
    suites.append(f"| warnings | {' | '.join(str(column.warnings) for column in columns)} |")
    versions = ", ".join(f"{column.name} {column.version}".strip() for column in columns)
    left_out = f"\nNot on the machine of this run: {'; '.join(absent)}.\n" if absent else ""
    return f"""# Conformance

`make conformance` writes this page: it starts davserver and every other WebDAV server that the
machine has, each on a folder of its own, puts the same cases to all of them, and runs litmus. Every
cell was measured in one run, on {datetime.now(UTC):%Y-%m-%d} with
Python {platform.python_version()}: {versions}.
{left_out}
Stock WsgiDAV has its property manager on, nginx its dav-ext module, lighttpd its database of locks
and properties, rclone no cache of folders, copyparty `--daw`. The rule of a row is the same for all
servers; it is in `benchmarks/cases.py`, and the tests of davserver put the same cases to it.

## Hard cases

What happens, and what is right; ✗ marks what is not.

| | right is | {names} |
|---|---|{rule}
{chr(10).join(rows)}

A closed connection is a refusal. "B" are the bytes that are left on the disk, or that a reader got.

## litmus 0.13

Passed of run. litmus gives a suite up where a first step fails, so fewer are run there.

| | {names} |
|---|{rule}
{chr(10).join(suites)}
"""


def _started(name: str, root: Path) -> AbstractContextManager[Target]:
    if name == OURS:
        return peers.davserver(root)
    if name == "wsgidav":
        return peers.stock(root, properties=True)
    if name == "rclone":
        return peers.rclone(root, fresh=True)
    return PEERS[name].start(root)


def _cell(seen: Seen) -> str:
    return seen.words if seen.is_right else f"✗ {seen.words}"


def _suite(column: Column, suite: str) -> str:
    if suite not in column.suites:
        return "✗ not finished"
    good, run = column.suites[suite]
    return f"{good}/{run}" if good == run else f"✗ {good}/{run}"


def _version(name: str) -> str:
    """The version that a server tells of itself; empty if it tells none."""
    if name not in _VERSIONS:
        return importlib.metadata.version(name)
    done = subprocess.run(_VERSIONS[name], capture_output=True, text=True)
    found = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return found[0] if found else ""


if __name__ == "__main__":
    main()

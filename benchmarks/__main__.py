"""``make bench``: davserver beside stock WsgiDAV 4.4 on cheroot, the same folder, one run.

davserver runs as it is installed: sign-in, versions, catalog, synced on close. Stock WsgiDAV runs
without sign-in and keeps nothing. The servers take turns, so that a noisy machine is noisy for
both.
"""

import contextlib
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import requests

from benchmarks.measure import Target, many, one

ROUNDS = 5
LARGE = 100 << 20
PASSWORD = "benchmark password"
REPORT = Path(__file__).parents[1] / "docs" / "benchmarks.md"
PROPERTIES = (
    "<propfind xmlns='DAV:'><prop><resourcetype/><getcontentlength/><getetag/>"
    "<getlastmodified/></prop></propfind>"
)

Row = tuple[str, Callable[[Target], float], str]


def main() -> None:
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        root = Path(folder) / "root"
        furnish(root)
        large = root / "large.bin"
        rows: list[Row] = [
            ("GET 1 KiB", lambda t: many(t, "GET", "/small.bin"), "requests/s"),
            ("GET 100 MiB", lambda t: one(t, "GET", "/large.bin", large), "MiB/s"),
            ("PUT 4 KiB", lambda t: many(t, "PUT", f"/{t.name}/@.bin", size=4096), "requests/s"),
            ("PUT 100 MiB", lambda t: one(t, "PUT", f"/{t.name}/large.bin", large), "MiB/s"),
            (
                "PROPFIND of 10",
                lambda t: many(t, "PROPFIND", "/ten/", body=PROPERTIES),
                "requests/s",
            ),
            (
                "PROPFIND of 1,000",
                lambda t: many(t, "PROPFIND", "/thousand/", body=PROPERTIES),
                "requests/s",
            ),
        ]
        with davserver(root) as ours, stock(root) as theirs:
            table = [compare(row, ours, theirs) for row in rows]
    report(table)


def furnish(root: Path) -> None:
    """The folder that both serve."""
    for name, count in {"ten": 10, "thousand": 1000, "davserver": 0, "wsgidav": 0}.items():
        (root / name).mkdir(parents=True)
        for number in range(count):
            (root / name / f"file {number}.txt").write_bytes(b"x" * 100)
    (root / "small.bin").write_bytes(b"x" * 1024)
    with open(root / "large.bin", "wb") as large:
        for _ in range(LARGE >> 20):
            large.write(os.urandom(1 << 20))


def compare(row: Row, ours: Target, theirs: Target) -> str:
    """One line of the table: medians of rounds in turn, and the ratio round by round."""
    name, measure, unit = row
    for target in (ours, theirs):
        measure(target)
    pairs = [(measure(ours), measure(theirs)) for _ in range(ROUNDS)]
    ratios = [mine / other for mine, other in pairs]
    scale = 1 << 20 if unit == "MiB/s" else 1
    mine, other = (statistics.median(column) / scale for column in zip(*pairs, strict=True))
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    ratio = statistics.median(ratios)
    line = f"| {name} | {mine:,.0f} {unit} | {other:,.0f} {unit} | **{ratio:.2f}** | {spread} |"
    print(line, flush=True)
    return line


@contextlib.contextmanager
def davserver(root: Path) -> Iterator[Target]:
    port = free_port()
    command = [sys.executable, "-m", "davserver", "serve", str(root), "--port", str(port)]
    environment = {"DAVSERVER_ADMIN_PASSWORD": PASSWORD, "DAVSERVER_LOG_LEVEL": "error"}
    with running(command, port, environment):
        yield Target("davserver", f"http://127.0.0.1:{port}", "admin", PASSWORD)


@contextlib.contextmanager
def stock(root: Path) -> Iterator[Target]:
    port = free_port()
    with running([sys.executable, "-m", "benchmarks.stock", str(root), str(port)], port, {}):
        yield Target("wsgidav", f"http://127.0.0.1:{port}")


@contextlib.contextmanager
def running(command: list[str], port: int, environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=sys.stderr
    )
    try:
        for _ in range(200):
            with contextlib.suppress(requests.RequestException):
                requests.get(f"http://127.0.0.1:{port}/", timeout=2)
                break
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def report(table: list[str]) -> None:
    text = f"""# Benchmarks

`make bench` writes this page. davserver runs as it is installed: one process, sign-in on, every
write versioned, synced on close. Stock WsgiDAV 4.4 on cheroot serves the same folder without
sign-in, and keeps nothing. Both take turns, {ROUNDS} rounds each after one to warm up; the ratio is
the median of the rounds' own ratios, above 1 is faster than stock.

{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {os.cpu_count()} cores.

| | davserver | stock WsgiDAV | ratio | rounds |
|---|---|---|---|---|
{chr(10).join(table)}

The small PUT is the one row where davserver does what stock does not do at all: the body is
spooled, hashed and synced, the old content is kept as a version, and the catalog books who wrote
what, in two transactions. Stock overwrites the file in place and syncs nothing, so that a crash or
a full disk leaves half a file.
"""
    REPORT.write_text(text, "utf-8")


if __name__ == "__main__":
    main()

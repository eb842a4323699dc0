"""``make bench``: davserver beside its peers, the same folder, the same clients, one run.

davserver runs as it is installed: sign-in, versions, catalog, two workers. The servers take turns,
so that a noisy machine is noisy for all; what counts is the ratio of each round.
"""

import contextlib
import os
import platform
import statistics
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import peers, strain
from benchmarks.measure import many, one
from benchmarks.peers import Target

ROUNDS = int(os.environ.get("R", "5"))
LARGE = 100 << 20
REPORT = Path(__file__).parents[1] / "docs" / "benchmarks.md"
FOUR = "<resourcetype/><getcontentlength/><getetag/><getlastmodified/>"
SIX = f"{FOUR}<creationdate/><displayname/>"

Measure = Callable[[Target], float]
Row = tuple[str, Measure, str]


def asking(properties: str) -> str:
    """A PROPFIND body."""
    return f"<propfind xmlns='DAV:'><prop>{properties}</prop></propfind>"


def rows(large: Path) -> list[Row]:
    """What is measured, and its unit."""
    ten = asking(FOUR)
    return [
        ("GET 1 KiB", lambda t: many(t, "GET", "/small.bin"), "requests/s"),
        ("GET 100 MiB", lambda t: one(t, "GET", "/large.bin", large), "MiB/s"),
        ("PUT 4 KiB", lambda t: many(t, "PUT", f"/{t.name}/@.bin", size=4096), "requests/s"),
        ("PUT 100 MiB", lambda t: one(t, "PUT", f"/{t.name}/large.bin", large), "MiB/s"),
        ("PROPFIND of 10", lambda t: many(t, "PROPFIND", "/ten/", body=ten), "requests/s"),
        (
            "PROPFIND of 1,000, six properties",
            lambda t: many(t, "PROPFIND", "/thousand/", body=asking(SIX)),
            "requests/s",
        ),
    ]


def main() -> None:
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        root = Path(folder) / "root"
        Path(folder).chmod(0o777)
        furnish(root)
        with contextlib.ExitStack() as servers:
            ours = servers.enter_context(peers.davserver(root))
            names = peers.installed()
            starts = {"wsgidav": peers.stock, "rclone": peers.rclone, "apache": peers.apache}
            others = [servers.enter_context(starts[name](root)) for name in names]
            table = [
                compare(row, ours, others)
                for row in rows(root / "large.bin")
                if os.environ.get("ROW", "") in row[0]
            ]
            unsynced = servers.enter_context(
                peers.davserver(Path(folder) / "unsynced", "unsynced", sync="off")
            )
            measure = rows(root / "large.bin")[2][1]
            (Path(folder) / "unsynced" / "unsynced").mkdir()
            table.append(compare(("PUT 4 KiB, sync off", measure, "requests/s"), unsynced, others))
            words = [alone_and_in_the_crowd(ours), memory(ours)]
    report(names, table, words)


def furnish(root: Path) -> None:
    """The folder that all serve."""
    (root.parent / "unsynced").mkdir()
    counts = {"ten": 10, "thousand": 1000, "soak": 0}
    for name, count in {**counts, **dict.fromkeys(["davserver", *peers.installed()], 0)}.items():
        (root / name).mkdir(parents=True)
        (root / name).chmod(0o777)
        for number in range(count):
            (root / name / f"file {number}.txt").write_bytes(b"x" * 100)
    root.chmod(0o777)
    (root / "small.bin").write_bytes(b"x" * 1024)
    with open(root / "large.bin", "wb") as large:
        for _ in range(LARGE >> 20):
            large.write(os.urandom(1 << 20))


def compare(row: Row, ours: Target, others: list[Target]) -> str:
    """One line of the table: our median, and the ratio to each peer, round by round."""
    name, measure, unit = row
    for target in (ours, *others):
        measure(target)
    rounds = [[measure(target) for target in (ours, *others)] for _ in range(ROUNDS)]
    if os.environ.get("R"):
        print(rounds)
    scale = 1 << 20 if unit == "MiB/s" else 1
    medians = [statistics.median(column) / scale for column in zip(*rounds, strict=True)]
    cells = []
    for number, median in enumerate(medians[1:], 1):
        ratios = [one_round[0] / one_round[number] for one_round in rounds]
        ratio = statistics.median(ratios)
        cells.append(f"{median:,.0f} · **{ratio:.2f}** ({min(ratios):.2f} to {max(ratios):.2f})")
    line = f"| {name} | {medians[0]:,.0f} {unit} | {' | '.join(cells)} |"
    print(line, flush=True)
    return line


def alone_and_in_the_crowd(ours: Target) -> str:
    """A good client's times without and with many idle and slow ones."""
    strain.quantiles(ours, "/small.bin")
    alone = strain.quantiles(ours, "/small.bin")
    with strain.crowd(ours):
        crowded = strain.quantiles(ours, "/small.bin")
    words = (
        f"With {strain.IDLE:,} idle connections and {strain.SLOW} clients that send a body a few "
        f"bytes at a time, a good client's GET takes {crowded[0]:.2f} ms (p50) and "
        f"{crowded[1]:.2f} ms (p99); without them {alone[0]:.2f} and {alone[1]:.2f} ms: "
        f"**{crowded[1] / alone[1]:.1f} times** at p99."
    )
    print(words, flush=True)
    return words


def memory(ours: Target) -> str:
    """Memory of each process before and after a long run."""
    count, before, after = strain.soak(ours, asking(FOUR))

    def shown(values: list[float]) -> str:
        return " + ".join(f"{value:.0f}" for value in values)

    words = (
        f"After a soak of {count:,} mixed requests, the supervisor and its workers have "
        f"{shown(after)} MiB resident; after the first round they had {shown(before)} MiB."
    )
    print(words, flush=True)
    return words


def report(names: list[str], table: list[str], words: list[str]) -> None:
    text = f"""# Benchmarks

`make bench` writes this page. davserver runs as it is installed: {peers.WORKERS} workers, sign-in
on, every write versioned and booked, synced on close. Its peers on the same folder: stock WsgiDAV
4.4 on cheroot (no sign-in, one process), rclone's `serve webdav` (its own sign-in), and Apache's
mod_dav (a password file of htpasswd); none of them keeps versions or syncs. All take turns,
{ROUNDS} rounds each after one to warm up. Each cell of a peer has its figure, then **how many times
as fast davserver is**: the median of the rounds' own ratios, and their range.

{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {os.cpu_count()} cores, which
the clients share.

| | davserver | {" | ".join(names)} |
|---|---|{"---|" * len(names)}
{chr(10).join(table)}

{chr(10).join(chr(10) + one for one in words)}
"""
    REPORT.write_text(text, "utf-8")


if __name__ == "__main__":
    main()

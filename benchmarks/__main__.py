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
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import requests

from benchmarks import opening, peers, saving, scale, strain
from benchmarks.measure import many, one, quantile
from benchmarks.peers import Target

ROUNDS = 3
LARGE = 100 << 20
REPORT = Path(__file__).parents[1] / "docs" / "benchmarks.md"
FOUR = "<resourcetype/><getcontentlength/><getetag/><getlastmodified/>"
SIX = f"{FOUR}<creationdate/><displayname/>"

Measure = Callable[[Target], float]
PEERS = ("wsgidav", "rclone", "apache")
LISTERS = (*PEERS, "nginx")


@dataclass(frozen=True)
class Row:
    """What is measured, its unit, and the peers that it is measured of."""

    name: str
    measure: Measure
    unit: str = "requests/s"
    peers: tuple[str, ...] = PEERS


def asking(properties: str) -> str:
    """A PROPFIND body."""
    return f"<propfind xmlns='DAV:'><prop>{properties}</prop></propfind>"


def rows(large: Path) -> list[Row]:
    """The table, but for the row that is about a setting."""
    four, six = asking(FOUR), asking(SIX)
    return [
        Row("GET 1 KiB", lambda t: many(t, "GET", "/small.bin")),
        Row("GET 100 MiB", lambda t: one(t, "GET", "/large.bin", large), "MiB/s"),
        put_row("PUT 4 KiB"),
        Row("PUT 100 MiB", lambda t: one(t, "PUT", f"/{t.name}/large.bin", large), "MiB/s"),
        Row(
            "PROPFIND of 10, four properties",
            lambda t: many(t, "PROPFIND", "/ten/", body=four),
            peers=LISTERS,
        ),
        Row(
            "PROPFIND of 1,000, six properties",
            lambda t: many(t, "PROPFIND", "/thousand/", body=six),
            peers=LISTERS,
        ),
    ]


def put_row(name: str) -> Row:
    """Small files, over and over."""
    return Row(name, lambda t: many(t, "PUT", f"/{t.name}/@.bin", size=4096))


def main() -> None:
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        root = Path(folder) / "root"
        Path(folder).chmod(0o777)
        furnish(root)
        with contextlib.ExitStack() as servers:
            ours = servers.enter_context(peers.davserver(root))
            names = peers.installed(*LISTERS)
            others = [servers.enter_context(peers.PEERS[name].start(root)) for name in names]
            for target in (ours, *others):
                warm(target)
            table = [compare(row, ours, others) for row in rows(root / "large.bin")]
            unsynced = servers.enter_context(
                peers.davserver(Path(folder) / "unsynced", "unsynced", sync="off")
            )
            (Path(folder) / "unsynced" / "unsynced").mkdir()
            warm(unsynced)
            table.append(compare(put_row("PUT 4 KiB, sync off"), unsynced, others))
            words = [alone_and_in_the_crowd(ours), memory(ours)]
        apart = (
            what_signing_in_costs,
            very_many_files,
            very_many_locks,
            very_many_sessions,
            saves_of_the_editor,
        )
        words += [measure(Path(folder)) for measure in apart]
    report(names, table, words)


def furnish(root: Path) -> None:
    """The folder that all serve."""
    (root.parent / "unsynced").mkdir()
    counts = {"ten": 10, "thousand": 1000, "soak": 0}
    for name, count in {
        **counts,
        **dict.fromkeys(["davserver", *peers.installed(*PEERS)], 0),
    }.items():
        (root / name).mkdir(parents=True)
        (root / name).chmod(0o777)
        for number in range(count):
            (root / name / f"file {number}.txt").write_bytes(b"x" * 100)
    root.chmod(0o777)
    (root / "small.bin").write_bytes(b"x" * 1024)
    with open(root / "large.bin", "wb") as large:
        for _ in range(LARGE >> 20):
            large.write(os.urandom(1 << 20))


def warm(target: Target) -> None:
    """Let every process of a server check the password once, which is slow on purpose."""
    for _ in range(20):
        requests.options(target.url, auth=(target.user, target.password), timeout=20)
        requests.get(f"{target.url}/", auth=(target.user, target.password), timeout=20)


def compare(row: Row, ours: Target, others: list[Target]) -> str:
    """One line of the table: our median, and the ratio to each peer, round by round."""
    rivals = [target for target in others if target.name in row.peers]
    for target in (ours, *rivals):
        row.measure(target)
    rounds = [[row.measure(target) for target in (ours, *rivals)] for _ in range(ROUNDS)]
    scale_of = 1 << 20 if row.unit == "MiB/s" else 1
    medians = [statistics.median(column) / scale_of for column in zip(*rounds, strict=True)]
    cells = dict.fromkeys((target.name for target in others), "")
    for number, rival in enumerate(rivals, 1):
        ratios = [one_round[0] / one_round[number] for one_round in rounds]
        ratio = statistics.median(ratios)
        cells[rival.name] = (
            f"{medians[number]:,.0f} · **{ratio:.2f}** ({min(ratios):.2f} to {max(ratios):.2f})"
        )
    line = f"| {row.name} | {medians[0]:,.0f} {row.unit} | {' | '.join(cells.values())} |"
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


def what_signing_in_costs(folder: Path) -> str:
    """GET with a password beside GET without a name, of one server, round by round."""
    root = folder / "open"
    root.mkdir()
    (root / "small.bin").write_bytes(b"x" * 1024)
    with peers.davserver(root, anonymous="read") as named:
        nameless = replace(named, user="", password="")
        warm(named)
        rounds = [
            [many(target, "GET", "/small.bin") for target in (named, nameless)]
            for _ in range(2 * ROUNDS)
        ]
    ratios = [nameless / named for named, nameless in rounds]
    words = (
        f"A GET of 1 KiB with a password takes **{statistics.median(ratios):.2f} times** what one "
        f"without a name takes ({min(ratios):.2f} to {max(ratios):.2f})."
    )
    print(words, flush=True)
    return words


def very_many_files(folder: Path) -> str:
    """What a listing of very many files costs, on a server of its own."""
    root = folder / "many"
    (root / "ten").mkdir(parents=True)
    scale.fill_with_files(root / "many")
    with peers.davserver(root) as target:
        found = scale.list_many(target, "/many/", "/ten/", asking(SIX))
    words = (
        f"PROPFIND of {scale.FILES:,} files, six properties, {found.size_mib:.0f} MiB: the first "
        f"byte after **{found.first_byte_ms:.0f} ms of CPU**, and at most "
        f"**{found.growth_mib:.1f} MiB** more resident memory in a process."
    )
    print(words, flush=True)
    return words


def very_many_sessions(folder: Path) -> str:
    """The editor's page where very many documents are open, beside where none is."""
    root = folder / "office"
    root.mkdir()
    alone, crowded = opening.open_many(root)
    words = (
        f"The editor's page takes **{crowded:.1f} ms** (p50) with {opening.SESSIONS:,} sessions "
        f"open, and {alone:.1f} ms with none."
    )
    print(words, flush=True)
    return words


def very_many_locks(folder: Path) -> str:
    """LOCK where there are very many locks beside LOCK where there are none, round by round."""
    roots = [folder / "free", folder / "locked"]
    for root in roots:
        root.mkdir()
    scale.fill_with_locks(roots[0], 0)
    scale.fill_with_locks(roots[1])
    with peers.davserver(roots[0]) as free, peers.davserver(roots[1]) as full:
        pairs = [
            [scale.lock_ms(target, "/locked/another.txt") for target in (free, full)]
            for _ in range(ROUNDS + 1)
        ][1:]
    ratios = [with_locks / without for without, with_locks in pairs]
    without, with_locks = (statistics.median(column) for column in zip(*pairs, strict=True))
    words = (
        f"LOCK takes {with_locks:.2f} ms with {scale.LOCKS:,} live locks, all in the same folder, "
        f"and {without:.2f} ms with none: **{statistics.median(ratios):.2f} times** "
        f"({min(ratios):.2f} to {max(ratios):.2f})."
    )
    print(words, flush=True)
    return words


def saves_of_the_editor(folder: Path) -> str:
    """What a save of the editor takes beyond its transfer, and very many of them at once."""
    with saving.office(folder) as (target, documents):
        root = folder / "saving"
        times = saving.one_after_the_other(target, documents, root)
        seconds, there = saving.all_at_once(target, documents, root)
    words = (
        f"A forced save of {saving.SIZE >> 20} MiB is durable, and answered, after "
        f"{statistics.median(times.whole):.1f} ms, of which its transfer by itself takes "
        f"{statistics.median(times.transfer):.1f} ms: **{statistics.median(times.beyond):.1f} ms** "
        f"beyond it (p95 {quantile(times.beyond, 0.95):.1f}). Of {saving.AT_ONCE} last saves that "
        f"are reported at the same moment, **{there}** are answered and in the folder, after "
        f"{seconds:.1f} seconds."
    )
    print(words, flush=True)
    return words


def report(names: list[str], table: list[str], words: list[str]) -> None:
    text = f"""# Benchmarks

`make bench` writes this page. davserver runs as it is installed: {peers.WORKERS} workers, sign-in
on, every write versioned and booked, synced on close. Its peers on the same folder: stock WsgiDAV
4.4 on cheroot (no sign-in, one process), rclone's `serve webdav` (its own sign-in), Apache's
mod_dav, and for listings nginx with dav-ext (both with a password file of htpasswd); none of them
keeps versions or syncs. All take turns,
{ROUNDS} rounds each after one to warm up. Each cell of a peer has its figure, then **how many times
as fast davserver is**: the median of the rounds' own ratios, and their range.

{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {os.cpu_count()} cores, which
the clients share.

| | davserver | {" | ".join(names)} |
|---|---|{"---|" * len(names)}
{chr(10).join(table)}

{chr(10).join(chr(10) + one for one in words)}

## Where davserver is slower, and why

- **The small PUT.** The others overwrite the file in place and sync nothing, so that a crash or a
  full disk leaves half a file. Here it is 75 system calls (spool, link into the versions, rename,
  the locks of two writers, the journal) and two transactions of the catalog, some 1.2 ms of one
  processor; what waits for the disk is little, as the row with sync off shows. Writers of all
  processes take turns at the catalog, by a queue that made two workers four times as fast as
  SQLite's own waiting did.
- **The listing of 1,000 files for a client that asks alone.** What was made is remembered, the
  disk is looked at for each request, and requests that are here at the same time share a look
  (architecture.md); with eight clients that beats nginx. One client alone pays for every look,
  1.2 ms of scandir and stat in Python: three times as fast as making the answer, and two thirds of
  nginx, which answers only four of the six properties. A listing that is new, or of which a member
  changed, costs 5 ms; only answers without live locks, space and sync tokens are remembered.
"""
    REPORT.write_text(text, "utf-8")


if __name__ == "__main__":
    main()

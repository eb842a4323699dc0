"""A folder of very many files, and a catalog of very many locks: what one request costs there."""

import http.client
import os
import statistics
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.peers import Target, forget_peaks, memory_mib, processes
from davserver.model import Scope, Writer
from davserver.providers.locks import MAX_LOCKS_EACH
from davserver.providers.share import open_share

FILES = 100_000
LOCKS = 10_000
LISTINGS = 10
PAIRS = 200
_LOCK_SECONDS = 3600
_LOCK_BODY = (
    '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>'
    "<D:locktype><D:write/></D:locktype></D:lockinfo>"
)


@dataclass(frozen=True)
class Listing:
    """What a listing of very many files costs the server's processes."""

    first_byte_ms: float
    growth_mib: float
    size_mib: float


def fill_with_files(folder: Path, count: int = FILES) -> None:
    """``count`` small files."""
    folder.mkdir()
    for number in range(count):
        (folder / f"file {number}.txt").write_bytes(b"x")


def fill_with_locks(root: Path, count: int = LOCKS) -> None:
    """``count`` files in one folder, all locked, by as many people as it takes."""
    (root / "locked").mkdir()
    share = open_share(root, root / ".davserver", sync="off")
    share.prepare()
    for number in range(count):
        (root / "locked" / f"{number}.txt").write_bytes(b"x")
        holder = Writer(f"person {number // MAX_LOCKS_EACH}")
        share.locks.acquire(
            f"/locked/{number}.txt",
            holder,
            owner_xml="",
            scope=Scope.EXCLUSIVE,
            deep=False,
            seconds=_LOCK_SECONDS,
        )
    share.close()


def list_many(target: Target, path: str, small: str, body: str) -> Listing:
    """Milliseconds of CPU until the first byte, the mean of some listings; growth of memory.

    ``small`` is a folder to warm up with. The kernel counts CPU in steps of 10 ms, hence the mean;
    what a worker already does of the rest while the first byte is read counts against it.
    """
    for _ in range(4 * LISTINGS):
        _drain(target, small, body)
    forget_peaks(target.pid)
    before = memory_mib(target.pid)
    spent, size = [], 0
    for _ in range(LISTINGS):
        began = _cpu_seconds(target)
        with _asked(target, "PROPFIND", path, body, {"Depth": "1"}) as answer:
            size = len(answer.read(1))
            spent.append(_cpu_seconds(target) - began)
            while block := answer.read(1 << 16):
                size += len(block)
    peak = memory_mib(target.pid, "VmHWM")
    growth = max(after - early for after, early in zip(peak, before, strict=True))
    return Listing(statistics.mean(spent) * 1000, growth, size / (1 << 20))


def lock_ms(target: Target, path: str) -> float:
    """Milliseconds of a LOCK, the median of many, each unlocked again."""
    taken = []
    for _ in range(PAIRS):
        began = time.perf_counter()
        with _asked(target, "LOCK", path, _LOCK_BODY, {"Depth": "0"}) as answer:
            taken.append((time.perf_counter() - began) * 1000)
            token = answer.headers["Lock-Token"]
            answer.read()
        with _asked(target, "UNLOCK", path, "", {"Lock-Token": token}):
            pass
    return statistics.median(taken)


def _drain(target: Target, path: str, body: str) -> None:
    with _asked(target, "PROPFIND", path, body, {"Depth": "1"}) as answer:
        answer.read()


@contextmanager
def _asked(
    target: Target, method: str, path: str, body: str, headers: dict[str, str]
) -> Iterator[http.client.HTTPResponse]:
    """The answer to one request, with its head read. Raises AssertionError if it is a refusal."""
    secret = b64encode(f"{target.user}:{target.password}".encode()).decode()
    address = urlsplit(target.url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)
    connection.connect()
    try:
        connection.request(method, path, body, {"Authorization": f"Basic {secret}", **headers})
        answer = connection.getresponse()
        if answer.status >= 300:
            raise AssertionError(f"{method} {path}: {answer.status} {answer.read()[:500]!r}")
        yield answer
    finally:
        connection.close()


def _cpu_seconds(target: Target) -> float:
    """User and system time of every process of the server (proc(5), fields 14 and 15 of stat)."""
    ticks = 0
    for pid in processes(target.pid):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")

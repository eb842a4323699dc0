"""The file of the audit log: lines, processes, rotation, reading."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from davserver.audit import Audit, Event, Wanted, line_of, timestamp
from tests.clock import at, later

MIB = 1 << 20


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    return Audit(tmp_path / "audit", days=3, max_bytes=MIB)


@given(
    st.text(max_size=3000), st.text(alphabet="\r\n\x00\x1b\u2028\udcff\U0001f600", max_size=3000)
)
def test_whatever_a_name_holds_an_event_is_one_bounded_line_of_ascii(path: str, user: str) -> None:
    line = line_of("read", {"path": path, "user": user, "client": user})
    assert line.endswith(b"\n")
    assert not any(byte < 0x20 or byte > 0x7E for byte in line[:-1])
    assert len(line) < 32 << 10
    fields = json.loads(line)
    assert fields.get("path", "")[:1500] == path[:1500]
    assert "\r" not in user or "\\r" in line.decode()


def test_many_threads_and_processes_write_whole_lines(tmp_path: Path) -> None:
    """A small bound, so that the file is rotated again and again under them."""
    folder = tmp_path / "audit"
    program = (
        "import sys; from pathlib import Path; from davserver.audit import Audit\n"
        f"audit = Audit(Path({str(folder)!r}), 3, 200_000)\n"
        "for n in range(150): audit.note('read', path='/' + 'x' * 300, user=sys.argv[1], count=n)"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", program, f"p{number}"]) for number in range(3)
    ]
    audit = Audit(folder, 3, 200_000)

    def write(name: str) -> None:
        for number in range(150):
            audit.note("read", path="/" + "x" * 300, user=name, count=number)

    threads = [threading.Thread(target=write, args=(f"t{number}",)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]
    assert len(list(folder.glob("audit-*.jsonl"))) >= 3
    found: dict[str, list[int]] = {}
    for line in audit.oldest():
        found.setdefault(line["user"], []).append(line["count"])
    assert found.keys() == {"p0", "p1", "p2", "t0", "t1", "t2"}
    assert all(sorted(counts) == list(range(150)) for counts in found.values())
    audit.close()


def test_nobody_else_may_read_it(audit: Audit, tmp_path: Path) -> None:
    audit.note(Event.READ, path="/a")
    assert (tmp_path / "audit").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "audit" / "audit.jsonl").stat().st_mode & 0o777 == 0o600


def test_what_is_too_old_is_removed(audit: Audit, tmp_path: Path) -> None:
    audit.note(Event.READ, path="/old")
    audit.tidy()
    assert [line["path"] for line in audit.oldest()] == ["/old"], "it is not a day old"
    with later(25 * 3600):
        audit.note(Event.READ, path="/new")
        audit.tidy()
        assert [line["path"] for line in audit.oldest()] == ["/old", "/new"]
        assert len(list((tmp_path / "audit").glob("audit-*.jsonl"))) == 1
    with later(5 * 24 * 3600):
        audit.tidy()
        assert list(audit.oldest()) == []


def test_what_is_too_much_is_removed_the_oldest_first(audit: Audit, tmp_path: Path) -> None:
    for number in range(1500):
        audit.note(Event.READ, path="/" + "x" * 1400, count=number)
    audit.tidy()
    sizes = [file.stat().st_size for file in (tmp_path / "audit").glob("*.jsonl")]
    assert sum(sizes) <= MIB
    kept = [line["count"] for line in audit.oldest()]
    assert kept == list(range(kept[0], 1500))
    assert len(kept) > 300


def test_lines_are_found_by_who_what_where_and_when(audit: Audit) -> None:
    with at("2026-01-01T10:00:00Z"):
        audit.note(Event.READ, user="ann", path="/docs/a.txt")
    with at("2026-01-02T10:00:00Z"):
        audit.note(Event.MOVED, user="bob", path="/b.txt", target="/docs/b.txt")
        since = 1767312000.0
        audit.note(Event.DELETED, user="bob", path="/docs2/c.txt")

    def paths(wanted: Wanted) -> list[str]:
        assert [*audit.newest(wanted)] == [*audit.oldest(wanted)][::-1]
        return [line["path"] for line in audit.oldest(wanted)]

    assert paths(Wanted()) == ["/docs/a.txt", "/b.txt", "/docs2/c.txt"]
    assert paths(Wanted(path="/docs")) == ["/docs/a.txt", "/b.txt"]
    assert paths(Wanted(path="docs/a.txt/")) == ["/docs/a.txt"]
    assert paths(Wanted(path="/")) == ["/docs/a.txt", "/b.txt", "/docs2/c.txt"]
    assert paths(Wanted(user="bob", event=Event.DELETED)) == ["/docs2/c.txt"]
    assert timestamp(since) == "2026-01-02T00:00:00.000000Z"
    assert paths(Wanted(since=since)) == ["/b.txt", "/docs2/c.txt"]


def test_a_line_that_was_cut_short_hides_no_other(audit: Audit, tmp_path: Path) -> None:
    audit.note(Event.READ, path="/a")
    with (tmp_path / "audit" / "audit.jsonl").open("ab") as file:
        file.write(b'{"time": "2026\n')
    audit.note(Event.READ, path="/b")
    assert [line.get("path") for line in audit.oldest()] == ["/a", None, "/b"]


def test_an_event_that_cannot_be_written_stops_nothing(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with capture_logs() as told:
        audit.note(Event.READ, path="/a")
    monkeypatch.undo()
    [line] = told
    assert "could not be written down" in line["event"]

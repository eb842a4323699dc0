"""New files that take the place of nothing."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from davserver.errors import Conflict, ParentMissing
from davserver.model import Writer
from davserver.providers import free_names
from davserver.providers.free_names import free_path, place_new
from davserver.providers.share import Share

ANN = Writer("ann")


def place(share: Share, path: str, content: bytes) -> str:
    with share.files.spool() as spool:
        spool.write(content)
        return place_new(share.files, path, spool, ANN)


def test_what_is_taken_gets_a_number_and_nothing_is_replaced(share: Share, root: Path) -> None:
    assert [place(share, "/plan.pdf", content) for content in (b"1", b"2", b"3")] == [
        "/plan.pdf",
        "/plan (2).pdf",
        "/plan (3).pdf",
    ]
    assert (root / "plan.pdf").read_bytes() == b"1"
    assert free_path(share.files, "/plan.pdf") == "/plan (4).pdf"
    assert free_path(share.files, "/other.pdf") == "/other.pdf"


def test_of_many_at_once_each_is_kept(share: Share, root: Path) -> None:
    all_together = Barrier(6)

    def one(number: int) -> str:
        all_together.wait()
        return place(share, "/plan.pdf", b"%d" % number)

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(one, range(6)))
    assert len(set(found)) == 6
    assert [(root / path[1:]).read_bytes() for path in found] == [b"%d" % n for n in range(6)]


def test_a_folder_that_is_gone_is_said_at_once(share: Share) -> None:
    with pytest.raises(ParentMissing):
        place(share, "/gone/plan.pdf", b"1")


def test_there_is_an_end_to_numbers(
    share: Share, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(free_names, "_ATTEMPTS", 2)
    for name in ("plan.pdf", "plan (2).pdf"):
        (root / name).write_bytes(b"")
    assert free_path(share.files, "/plan.pdf") is None
    with pytest.raises(Conflict, match="too many"):
        place(share, "/plan.pdf", b"1")

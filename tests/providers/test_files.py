"""VersionedFiles: one way to write a document."""

import os
import threading
import time
from pathlib import Path

import pytest

from davserver.errors import (
    Conflict,
    FileLocked,
    Gone,
    MethodNotAllowed,
    NameNotAllowed,
    NotFound,
    ParentMissing,
    PreconditionFailed,
)
from davserver.model import Entry, Origin, Scope, Writer
from davserver.providers.files import Written, absent
from davserver.providers.share import Share

ANN, BOB = Writer("ann"), Writer("bob")


def put(
    share: Share, path: str, content: bytes, writer: Writer = ANN, **options: object
) -> Written:
    with share.files.spool() as spool:
        spool.write(content)
        return share.files.commit(path, spool, writer, **options)  # type: ignore[arg-type]


def read_version(share: Share, path: str, number: int) -> bytes:
    content, _ = share.files.open_version(path, number)
    with content:
        return content.read()


def numbers(share: Share, path: str) -> list[int]:
    return [version.number for version in share.files.versions(path)]


def test_the_first_write_creates_and_the_second_keeps_the_first(share: Share, root: Path) -> None:
    assert put(share, "/a.txt", b"one").created
    assert not put(share, "/a.txt", b"two", BOB).created
    assert (root / "a.txt").read_bytes() == b"two"
    first, second = share.files.versions("/a.txt")
    assert (first.number, first.author, first.is_current) == (1, "ann", False)
    assert (second.number, second.author, second.is_current) == (2, "bob", True)
    assert read_version(share, "/a.txt", 1) == b"one"
    assert read_version(share, "/a.txt", 2) == b"two"


def test_a_file_that_was_there_before_us_is_kept_too(share: Share, root: Path) -> None:
    (root / "old.txt").write_bytes(b"from before")
    assert [v.origin for v in share.files.versions("/old.txt")] == [Origin.OUTSIDE]
    put(share, "/old.txt", b"new")
    assert read_version(share, "/old.txt", 1) == b"from before"


def test_what_another_program_wrote_is_kept_when_we_write_over_it(share: Share, root: Path) -> None:
    put(share, "/a.txt", b"ours")
    replacement = root / "other"
    replacement.write_bytes(b"by samba")
    os.replace(replacement, root / "a.txt")
    put(share, "/a.txt", b"ours again")
    assert [v.origin for v in share.files.versions("/a.txt")] == [Origin.OUTSIDE, Origin.DAV]
    assert read_version(share, "/a.txt", share.files.versions("/a.txt")[0].number) == b"by samba"


def test_a_state_that_another_program_wrote_over_is_not_promised(share: Share, root: Path) -> None:
    put(share, "/a.txt", b"one")
    put(share, "/a.txt", b"two")
    (root / "a.txt").write_bytes(b"in place")
    listed = share.files.versions("/a.txt")
    assert [v.number for v in listed if not v.is_current] == [1]
    assert listed[-1].origin is Origin.OUTSIDE
    assert read_version(share, "/a.txt", 1) == b"one", "a version shared its bytes with the file"


def test_an_empty_file_makes_no_version(share: Share) -> None:
    """Finder and davfs2 write an empty file first, then the content."""
    put(share, "/a.txt", b"")
    put(share, "/a.txt", b"content")
    assert numbers(share, "/a.txt") == [2]


def test_restoring_makes_an_old_state_the_newest(share: Share, root: Path) -> None:
    for content in (b"one", b"two", b"three"):
        put(share, "/a.txt", content)
    share.files.restore("/a.txt", 1, Writer("bob", origin=Origin.RESTORE))
    assert (root / "a.txt").read_bytes() == b"one"
    assert [read_version(share, "/a.txt", n) for n in (1, 2, 3, 4)] == [
        b"one",
        b"two",
        b"three",
        b"one",
    ]
    assert share.files.versions("/a.txt")[-1].origin is Origin.RESTORE


def test_a_restored_file_shares_no_bytes_with_its_version(share: Share, root: Path) -> None:
    put(share, "/a.txt", b"one")
    put(share, "/a.txt", b"two")
    share.files.restore("/a.txt", 1, ANN)
    with open(root / "a.txt", "r+b") as outside:
        outside.write(b"XXX")
    assert read_version(share, "/a.txt", 1) == b"one"


def test_a_version_that_never_was_is_not_found(share: Share) -> None:
    put(share, "/a.txt", b"one")
    with pytest.raises(NotFound):
        share.files.open_version("/a.txt", 7)
    with pytest.raises(NotFound):
        share.files.restore("/a.txt", 7, ANN)


def test_a_condition_is_asked_about_what_is_really_there(share: Share) -> None:
    put(share, "/a.txt", b"one")
    seen: list[Entry | None] = []

    def refuse(entry: Entry | None) -> None:
        seen.append(entry)
        raise PreconditionFailed("no")

    with pytest.raises(PreconditionFailed):
        put(share, "/a.txt", b"two", condition=refuse)
    assert seen == [share.files.entry("/a.txt")]
    assert numbers(share, "/a.txt") == [1]
    with pytest.raises(Conflict):
        put(share, "/a.txt", b"two", condition=absent)


def test_writing_needs_a_parent_a_file_and_a_name(share: Share) -> None:
    share.trees.make_folder("/docs", ANN)
    with pytest.raises(ParentMissing):
        put(share, "/none/a.txt", b"x")
    with pytest.raises(MethodNotAllowed):
        put(share, "/docs", b"x")
    with pytest.raises(NameNotAllowed):
        put(share, "/new\nline", b"x")
    with pytest.raises(NameNotAllowed):
        put(share, "/.davserver/catalog.sqlite3", b"x")


def test_a_locked_file_is_written_by_its_holder_only(share: Share) -> None:
    put(share, "/a.txt", b"one")
    lock, _ = share.locks.acquire(
        "/a.txt", ANN, owner_xml="", scope=Scope.EXCLUSIVE, deep=False, seconds=60
    )
    with pytest.raises(FileLocked):
        put(share, "/a.txt", b"two", BOB)
    with pytest.raises(FileLocked):
        put(share, "/a.txt", b"two", ANN)
    with pytest.raises(FileLocked):
        put(share, "/a.txt", b"two", Writer("bob", frozenset({lock.token})))
    put(share, "/a.txt", b"two", Writer("ann", frozenset({lock.token})))
    assert numbers(share, "/a.txt") == [1, 2]


def test_a_lock_taken_while_the_body_arrives_is_respected(share: Share, root: Path) -> None:
    put(share, "/a.txt", b"one")
    with share.files.spool() as spool:
        spool.write(b"two")
        share.locks.acquire(
            "/a.txt", BOB, owner_xml="", scope=Scope.EXCLUSIVE, deep=False, seconds=60
        )
        with pytest.raises(FileLocked):
            share.files.commit("/a.txt", spool, ANN)
    assert (root / "a.txt").read_bytes() == b"one"


def test_version_numbers_have_no_gap_under_many_writers(share: Share) -> None:
    put(share, "/a.txt", b"start")

    def write(name: str) -> None:
        for number in range(10):
            put(share, "/a.txt", f"{name} {number}".encode(), Writer(name))

    threads = [threading.Thread(target=write, args=(name,)) for name in ("ann", "bob", "cyd")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert numbers(share, "/a.txt") == list(range(1, 32))
    contents = {read_version(share, "/a.txt", number) for number in range(1, 32)}
    assert len(contents) == 31, "two versions have the same bytes, or one was lost"


def test_a_program_that_keeps_changing_the_file_cannot_fool_us(
    share: Share, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program writes between our look and our hold on the old content."""
    put(share, "/a.txt", b"one")
    keep = share.store.keep
    meddled = []

    def meddling(path: str, version: str) -> Entry:
        if not meddled:
            meddled.append(path)
            (root / "new").write_bytes(b"outside")
            os.replace(root / "new", root / "a.txt")
        return keep(path, version)

    monkeypatch.setattr(type(share.store), "keep", lambda _, *args: meddling(*args))
    put(share, "/a.txt", b"two")
    kept = [read_version(share, "/a.txt", n) for n in numbers(share, "/a.txt")]
    assert b"outside" in kept
    assert kept[-1] == b"two"


def test_the_bytes_of_a_state_are_found_by_its_etag(share: Share) -> None:
    first = put(share, "/a.txt", b"one").entry
    identity = share.files.identify("/a.txt")
    put(share, "/a.txt", b"second")
    content, size, path = share.files.open_state(identity, first.etag)
    with content:
        assert (content.read(), size, path) == (b"one", 3, "/a.txt")
    current = share.files.entry("/a.txt")
    content, size, _ = share.files.open_state(identity, current.etag)
    with content:
        assert content.read() == b"second"
    with pytest.raises(Gone):
        share.files.open_state(identity, '"never"')


def test_an_identity_stays_through_writes_and_moves(share: Share) -> None:
    put(share, "/a.txt", b"one")
    identity = share.files.identify("/a.txt")
    put(share, "/a.txt", b"two")
    share.trees.move("/a.txt", "/b.txt", ANN, overwrite=False)
    assert share.files.identify("/b.txt") == identity
    assert share.files.path_of(identity) == "/b.txt"
    assert numbers(share, "/b.txt") == [1, 2]


def test_kept_bytes_without_a_row_get_one(share: Share, root: Path) -> None:
    """A power cut may take the catalog's last rows, but not the bytes (sync = on-close)."""
    put(share, "/a.txt", b"one")
    put(share, "/a.txt", b"two")
    versions = next((root / ".davserver" / "versions").glob("*/*"))
    (versions / "3").write_bytes(b"found")
    put(share, "/a.txt", b"three")
    listed = {n: read_version(share, "/a.txt", n) for n in numbers(share, "/a.txt")}
    assert b"found" in listed.values()
    assert b"two" in listed.values()
    assert listed[max(listed)] == b"three"


def test_a_lost_row_of_a_linked_version_does_not_stop_writing(share: Share, root: Path) -> None:
    """The link was durable, the catalog's rows were not: the next write finds it there already."""
    put(share, "/a.txt", b"one")
    identity = share.files.identify("/a.txt")
    folder = root / ".davserver" / "versions" / identity[:2] / identity
    folder.mkdir(parents=True)
    os.link(root / "a.txt", folder / "1")
    put(share, "/a.txt", b"two")
    assert read_version(share, "/a.txt", 1) == b"one"


def test_old_times_are_taken_when_given(share: Share) -> None:
    written = put(share, "/a.txt", b"one", modified_ns=10**18)
    assert written.entry.modified_ns == 10**18
    again = put(share, "/a.txt", b"two", modified_ns=10**18)
    assert again.entry.etag != written.entry.etag
    assert time.time_ns() > again.entry.modified_ns


def test_a_time_set_on_a_file_that_another_program_just_replaced_is_not_booked_on_ours(
    share: Share, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(share, "/a.txt", b"ours")
    touch = share.store.touch

    def after_a_replacement(path: str, modified_ns: int) -> tuple[Entry, Entry]:
        (root / "new.txt").write_bytes(b"them")
        (root / "new.txt").rename(root / "a.txt")
        return touch(path, modified_ns)

    monkeypatch.setattr(share.store, "touch", after_a_replacement)
    share.properties.change("/a.txt", ANN, {}, modified_ns=10**18)
    assert [version.origin for version in share.files.versions("/a.txt")] == [Origin.OUTSIDE]

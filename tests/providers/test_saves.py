"""The journal of saves: once each, with what became of it."""

import os
from pathlib import Path

import pytest

from davserver.model import Origin, Writer
from davserver.providers.saves import Saves
from davserver.providers.share import Share
from tests.clock import later
from tests.providers.test_files import put


@pytest.fixture
def saves(share: Share) -> Saves:
    return Saves(share.catalog)


def store(share: Share, path: str, number: int) -> None:
    writer = Writer("", author="Ann", origin=Origin.EDITOR)
    with share.files.spool() as spool:
        spool.write(b"words")
        share.files.commit(path, spool, writer, callback_id=number)


def test_a_save_is_written_down_once_and_its_deliveries_are_counted(saves: Saves) -> None:
    first = saves.note("key", 2, "digest", user="ann", author="Ann")
    assert (first.deliveries, first.is_stored, first.author) == (1, False, "Ann")
    again = saves.note("key", 2, "digest", user="somebody", author="else")
    assert (again.number, again.deliveries, again.author) == (first.number, 2, "Ann")
    assert saves.note("key", 6, "digest").number != first.number
    assert saves.note("key", 2, "another").number != first.number


@pytest.mark.parametrize("name", [b"a.docx", b"caf\xe9.docx", "ä b%20.docx".encode()])
def test_the_bytes_and_where_they_are_is_booked_together(
    share: Share, saves: Saves, root: Path, name: bytes
) -> None:
    """Names on a disk may hold any bytes."""
    path = "/" + os.fsdecode(name)
    (root / path[1:]).write_bytes(b"before")
    store(share, path, saves.note("key", 2, "digest").number)
    [save] = saves.of_key("key")
    assert (save.is_stored, save.path, len(save.sha256)) == (True, path, 64)


def test_what_was_put_beside_is_told_where_it_lies_until_somebody_knows(
    share: Share, saves: Saves
) -> None:
    put(share, "/a.docx", b"one")
    number = saves.note("key", 2, "digest", author="Ann").number
    saves.set_apart(number, "conflict", "/a.docx")
    assert saves.apart_in("/") == [], "it is not there yet"
    store(share, "/a (conflict).docx", number)
    [apart] = saves.apart_in("/")
    assert (apart.path, apart.meant, apart.reason) == ("/a (conflict).docx", "/a.docx", "conflict")
    assert saves.find_apart(number) == apart
    saves.make_known(number)
    assert saves.apart_in("/") == []


def test_a_save_that_got_over_its_file_in_the_end_is_not_told_of(
    share: Share, saves: Saves
) -> None:
    number = saves.note("key", 2, "digest").number
    saves.set_apart(number, "conflict, locked", "/a.docx")
    store(share, "/a.docx", number)
    assert saves.apart_in("/") == []


def test_a_copy_that_was_moved_or_deleted_is_not_told_of(share: Share, saves: Saves) -> None:
    number = saves.note("key", 2, "digest").number
    saves.set_apart(number, "conflict", "/a.docx")
    store(share, "/b.docx", number)
    with later(60):
        share.trees.move("/b.docx", "/c.docx", Writer("ann"), overwrite=False)
    assert saves.apart_in("/") == []

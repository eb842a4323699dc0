"""Quotas: what is booked is what is there, whoever does what with files and trees."""

import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from davserver.errors import Conflict, DavserverError, Forbidden, NotFound, QuotaExceeded
from davserver.model import Origin, Scope, Writer
from davserver.providers.filesystem import DiskFiles
from davserver.providers.share import Share, open_share
from tests.providers.test_files import ANN, BOB, put

EDITOR = Writer("onlyoffice:key", author="ann", origin=Origin.EDITOR)


def used(share: Share, subject: str) -> int:
    [found] = [quota for quota in share.quotas.all() if quota.subject == subject]
    return found.used


def check_right(share: Share) -> None:
    assert share.quotas.check() == []


@pytest.fixture
def docs(share: Share) -> Share:
    """A folder with 1000 bytes, and as much for ann."""
    share.trees.make_folder("/docs", ANN)
    share.quotas.set("/docs", 1000)
    share.quotas.set("ann", 1000)
    return share


def test_what_is_there_already_counts(share: Share, root: Path) -> None:
    share.trees.make_folder("/docs", ANN)
    put(share, "/docs/a.txt", b"x" * 10)
    put(share, "/b.txt", b"x" * 5)
    (root / "docs" / "outside.txt").write_bytes(b"x" * 100)
    assert share.quotas.set("/docs", 1000).used == 110
    assert share.quotas.set("ann", 1000).used == 15
    assert share.quotas.set("/", 1000).used == 115, "our own state was counted"


def test_a_write_beyond_the_quota_is_refused_and_nothing_is_booked(docs: Share) -> None:
    put(docs, "/docs/a.txt", b"x" * 600)
    with pytest.raises(QuotaExceeded, match="/docs"):
        put(docs, "/docs/b.txt", b"x" * 401, BOB)
    with pytest.raises(QuotaExceeded, match="ann"):
        put(docs, "/elsewhere.txt", b"x" * 401)
    put(docs, "/elsewhere.txt", b"x" * 401, BOB)
    put(docs, "/docs/b.txt", b"x" * 400, BOB)
    assert (used(docs, "/docs"), used(docs, "ann")) == (1000, 600)
    check_right(docs)


def test_writing_over_a_file_books_the_difference_on_its_owner(docs: Share) -> None:
    put(docs, "/docs/a.txt", b"x" * 900)
    put(docs, "/docs/a.txt", b"x" * 1000, BOB)
    assert used(docs, "ann") == 1000
    with pytest.raises(QuotaExceeded):
        put(docs, "/docs/a.txt", b"x" * 1001, BOB)
    put(docs, "/docs/a.txt", b"x" * 10, BOB)
    assert (used(docs, "/docs"), used(docs, "ann")) == (10, 10)
    check_right(docs)


def test_a_file_of_another_program_belongs_to_nobody(docs: Share, root: Path) -> None:
    (root / "old.txt").write_bytes(b"x")
    put(docs, "/old.txt", b"x" * 2000)
    assert used(docs, "ann") == 0
    check_right(docs)


def test_deleted_files_are_not_counted(docs: Share) -> None:
    docs.trees.make_folder("/docs/sub", ANN)
    put(docs, "/docs/sub/a.txt", b"x" * 600)
    put(docs, "/docs/sub/b.txt", b"x" * 300, BOB)
    docs.trees.delete("/docs/sub", BOB)
    assert (used(docs, "/docs"), used(docs, "ann")) == (0, 0)
    check_right(docs)


def test_what_comes_back_from_the_trash_counts_again(docs: Share, root: Path) -> None:
    docs.trees.make_folder("/docs/sub", ANN)
    put(docs, "/docs/sub/a.txt", b"x" * 600)
    docs.trees.delete("/docs/sub", BOB)
    [trashed] = docs.trash.all()
    docs.trash.restore(trashed.id, BOB)
    assert (used(docs, "/docs"), used(docs, "ann")) == (600, 600)
    docs.trees.delete("/docs/sub", BOB)
    put(docs, "/docs/b.txt", b"x" * 401, BOB)
    [trashed] = docs.trash.all()
    with pytest.raises(QuotaExceeded):
        docs.trash.restore(trashed.id, BOB)
    check_right(docs)


def test_what_comes_back_over_another_file_books_the_difference(docs: Share) -> None:
    docs.quotas.set("/", 2000)
    put(docs, "/docs/a.txt", b"x" * 600)
    docs.trees.delete("/docs/a.txt", ANN)
    put(docs, "/docs/a.txt", b"x" * 100)
    [trashed] = docs.trash.all()
    docs.trees.take_out(trashed.entry.path, "/docs/a.txt", ANN, overwrite=True)
    assert [used(docs, subject) for subject in ("/", "/docs", "ann")] == [600, 600, 600]
    check_right(docs)


def test_a_move_takes_the_bytes_along_and_keeps_the_owner(docs: Share) -> None:
    docs.trees.make_folder("/tree", BOB)
    put(docs, "/tree/a.txt", b"x" * 700)
    docs.trees.move("/tree", "/docs/tree", BOB, overwrite=False)
    assert (used(docs, "/docs"), used(docs, "ann")) == (700, 700)
    docs.trees.move("/docs/tree", "/docs/other", BOB, overwrite=False)
    assert used(docs, "/docs") == 700
    put(docs, "/big.txt", b"x" * 301, BOB)
    with pytest.raises(QuotaExceeded):
        docs.trees.move("/big.txt", "/docs/big.txt", BOB, overwrite=False)
    docs.trees.move("/docs/other", "/tree", BOB, overwrite=False)
    assert (used(docs, "/docs"), used(docs, "ann")) == (0, 700)
    check_right(docs)


def test_a_save_by_moving_over_books_once(docs: Share) -> None:
    put(docs, "/docs/a.txt", b"x" * 400)
    put(docs, "/docs/a.tmp", b"x" * 500)
    docs.trees.move("/docs/a.tmp", "/docs/a.txt", ANN, overwrite=True)
    assert (used(docs, "/docs"), used(docs, "ann")) == (500, 500)
    check_right(docs)


def test_a_copy_belongs_to_whom_copies(docs: Share) -> None:
    docs.trees.make_folder("/tree", BOB)
    put(docs, "/tree/a.txt", b"x" * 400, BOB)
    put(docs, "/tree/b.txt", b"x" * 200, BOB)
    docs.trees.copy("/tree", "/docs/tree", ANN, overwrite=False)
    assert (used(docs, "/docs"), used(docs, "ann")) == (600, 600)
    for destination in ("/docs/again", "/again"):
        with pytest.raises(QuotaExceeded):
            docs.trees.copy("/tree", destination, ANN, overwrite=False)
        assert docs.files.find(destination) is None
    docs.trees.copy("/tree/a.txt", "/docs/a.txt", ANN, overwrite=False)
    assert used(docs, "ann") == 1000
    check_right(docs)


def test_what_a_copy_replaces_makes_room(docs: Share) -> None:
    docs.trees.make_folder("/tree", BOB)
    put(docs, "/tree/a.txt", b"x" * 900, BOB)
    docs.trees.make_folder("/docs/tree", BOB)
    put(docs, "/docs/tree/old.txt", b"x" * 800)
    docs.trees.copy("/tree", "/docs/tree", BOB, overwrite=True)
    assert (used(docs, "/docs"), used(docs, "ann")) == (900, 0)
    check_right(docs)


def test_a_restored_version_is_a_write_like_others(docs: Share) -> None:
    put(docs, "/docs/a.txt", b"x" * 900)
    put(docs, "/docs/a.txt", b"x" * 100)
    put(docs, "/docs/b.txt", b"x" * 200)
    with pytest.raises(QuotaExceeded):
        docs.files.restore("/docs/a.txt", 1, ANN)
    check_right(docs)


def test_a_locked_new_name_belongs_to_its_holder(docs: Share) -> None:
    lock, _ = docs.locks.acquire(
        "/docs/new.txt", ANN, owner_xml="", scope=Scope.EXCLUSIVE, deep=False, seconds=60
    )
    put(docs, "/docs/new.txt", b"x" * 70, Writer("ann", frozenset({lock.token})))
    assert used(docs, "ann") == 70
    check_right(docs)


def test_a_save_of_the_editor_is_stored_over_the_quota(docs: Share) -> None:
    put(docs, "/docs/a.txt", b"x" * 900)
    put(docs, "/docs/a.txt", b"x" * 5000, EDITOR)
    assert (used(docs, "/docs"), used(docs, "ann")) == (5000, 5000)
    with pytest.raises(QuotaExceeded):
        put(docs, "/docs/b.txt", b"x")
    put(docs, "/docs/a.txt", b"x" * 4000)
    check_right(docs)


def test_a_folder_with_a_quota_follows_a_rename_and_is_not_deleted(docs: Share) -> None:
    docs.trees.move("/docs", "/papers", ANN, overwrite=False)
    put(docs, "/papers/a.txt", b"x" * 10)
    assert used(docs, "/papers") == 10
    docs.trees.make_folder("/above", ANN)
    docs.trees.move("/papers", "/above/papers", ANN, overwrite=False)
    docs.trees.make_folder("/other", ANN)
    with pytest.raises(Forbidden, match="/above/papers has a quota"):
        docs.trees.delete("/above", ANN)
    with pytest.raises(Forbidden):
        docs.trees.move("/other", "/above/papers", ANN, overwrite=True)
    assert docs.quotas.clear("/above/papers")
    assert not docs.quotas.clear("/above/papers")
    docs.trees.delete("/above", ANN)


def test_only_folders_that_are_there_get_a_quota(docs: Share) -> None:
    put(docs, "/a.txt", b"x")
    with pytest.raises(NotFound):
        docs.quotas.set("/none", 1)
    with pytest.raises(Conflict):
        docs.quotas.set("/a.txt", 1)


def test_what_other_programs_do_is_found_by_counting(docs: Share, root: Path) -> None:
    put(docs, "/docs/a.txt", b"x" * 10)
    (root / "docs" / "b.txt").write_bytes(b"x" * 7)
    (root / "docs" / "a.txt").write_bytes(b"x")
    wrong = {quota.subject: (quota.used, real) for quota, real in docs.quotas.check()}
    assert wrong == {"/docs": (10, 8), "ann": (10, 1)}
    check_right(docs)


def test_the_quota_of_everybody_counts_from_the_first_file(root: Path) -> None:
    share = open_share(root, root / ".davserver", connections=2, user_quota=1000)
    try:
        share.prepare()
        put(share, "/a.txt", b"x" * 600)
        with pytest.raises(QuotaExceeded, match="ann"):
            put(share, "/b.txt", b"x" * 401)
        share.trees.copy("/a.txt", "/c.txt", BOB, overwrite=False)
        assert (used(share, "ann"), used(share, "bob")) == (600, 600)
        share.quotas.set("ann", 5000)
        put(share, "/b.txt", b"x" * 4000)
        check_right(share)
    finally:
        share.close()


def test_a_commit_that_fails_gives_its_bytes_back(
    docs: Share, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise Conflict("no")

    monkeypatch.setattr(DiskFiles, "publish", fail)
    with pytest.raises(Conflict):
        put(docs, "/docs/a.txt", b"x" * 100)
    assert (used(docs, "/docs"), used(docs, "ann")) == (0, 0)


def test_many_writers_in_two_processes_share_what_is_left(docs: Share, root: Path) -> None:
    other = open_share(root, root / ".davserver", connections=8)
    stored, refused = [], []

    def write(share: Share, number: int) -> None:
        try:
            put(share, f"/docs/{number}.txt", b"x" * 100)
            stored.append(number)
        except QuotaExceeded:
            refused.append(number)

    threads = [
        threading.Thread(target=write, args=(share, number))
        for number, share in enumerate([docs, other] * 8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert (len(stored), len(refused)) == (10, 6)
    assert used(docs, "/docs") == 1000
    check_right(docs)


# "a~" is where programs move "a" when they save, and "._a" is kept by a system for itself.
_PLACES = ("/docs/a", "/docs/a~", "/docs/b", "/tree/a", "/tree/docs/a", "/b", "/docs/._a")
_FOLDERS = ("/docs", "/tree", "/tree/docs")
_ANY = st.sampled_from(_PLACES + _FOLDERS)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from(_PLACES), st.integers(0, 400)),
        st.tuples(st.just("delete"), _ANY, st.just("")),
        st.tuples(st.just("move"), _ANY, _ANY),
        st.tuples(st.just("copy"), _ANY, _ANY),
        st.tuples(st.just("mkcol"), st.sampled_from(_FOLDERS), st.just("")),
        st.tuples(st.just("take out"), _ANY, st.integers(0, 3)),
    ),
    max_size=12,
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(_STEPS)
def test_whatever_is_done_what_is_booked_is_what_is_there(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, Any]]
) -> None:
    root = tmp_path_factory.mktemp("root")
    share = open_share(root, root / ".davserver", "off", connections=2, user_quota=900)
    try:
        share.prepare()
        share.quotas.set("/", 2000)
        for number, (action, path, more) in enumerate(steps):
            writer = (ANN, BOB)[number // 4 % 2]
            try:
                if action == "put":
                    put(share, path, b"x" * more, writer)
                elif action == "delete":
                    share.trees.delete(path, writer)
                elif action == "mkcol":
                    share.trees.make_folder(path, writer)
                    if path == "/docs":
                        share.quotas.set("/docs", 700)
                elif action == "take out":
                    for trashed in [*share.trash.all()][more : more + 1]:
                        share.trees.take_out(trashed.entry.path, path, writer, overwrite=True)
                else:
                    getattr(share.trees, action)(path, more, writer, overwrite=True)
            except DavserverError:
                continue
        check_right(share)
        for quota in share.quotas.all():
            assert quota.limit is not None
            assert quota.used <= quota.limit
    finally:
        share.close()


@pytest.mark.parametrize("new", [b"x" * 500, b"x" * 100])
def test_a_save_that_moves_the_old_file_aside_books_both_until_that_goes(
    docs: Share, new: bytes
) -> None:
    put(docs, "/docs/a.txt", b"x" * 300)
    docs.trees.move("/docs/a.txt", "/docs/a.txt~", ANN, overwrite=False)
    put(docs, "/docs/a.txt", new)
    assert (used(docs, "/docs"), used(docs, "ann")) == (300 + len(new), len(new))
    check_right(docs)
    docs.trees.delete("/docs/a.txt~", ANN)
    assert (used(docs, "/docs"), used(docs, "ann")) == (len(new), len(new))
    check_right(docs)


@pytest.mark.parametrize("writes", [1, 2])
def test_a_save_by_three_renames_books_what_is_there(docs: Share, writes: int) -> None:
    """With two writes the temporary file has a past of its own, which stays with the old one."""
    put(docs, "/docs/a.txt", b"x" * 300)
    for _ in range(writes):
        put(docs, "/docs/new.tmp", b"y" * 400)
    docs.trees.move("/docs/a.txt", "/docs/old.tmp", ANN, overwrite=False)
    docs.trees.move("/docs/new.tmp", "/docs/a.txt", ANN, overwrite=False)
    check_right(docs)
    assert used(docs, "/docs") == 700
    docs.trees.delete("/docs/old.tmp", ANN)
    assert (used(docs, "/docs"), used(docs, "ann")) == (400, 400)
    check_right(docs)


def test_what_systems_keep_for_themselves_counts_while_it_is_there(docs: Share) -> None:
    put(docs, "/docs/._a.txt", b"x" * 300)
    assert (used(docs, "/docs"), used(docs, "ann")) == (300, 300)
    docs.trees.delete("/docs/._a.txt", ANN)
    assert (used(docs, "/docs"), used(docs, "ann")) == (0, 0)
    check_right(docs)

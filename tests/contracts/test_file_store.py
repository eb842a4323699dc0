"""What every FileStore promises; one suite over every technology."""

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from davserver.errors import Conflict, Gone, NotFound, UploadBusy
from davserver.providers.filesystem import TRASH, UPLOADS, DiskFiles
from davserver.providers.stores import FileStore, State


@pytest.fixture(params=["always", "on-close", "off"])
def store(request: pytest.FixtureRequest, root: Path) -> Iterator[FileStore]:
    opened = DiskFiles(root, root / ".davserver", request.param)
    yield opened
    opened.close()


def write(store: FileStore, path: str, content: bytes, *, replace: bool = False) -> None:
    with store.spool() as spool:
        spool.write(content)
        spool.seal()
        store.publish(spool.path, path, replace=replace)
        store.settle(path)


def read(store: FileStore, path: str) -> bytes:
    content, _ = store.open(path)
    with content:
        return content.read()


def test_what_is_published_can_be_read(store: FileStore) -> None:
    write(store, "/a.txt", b"hello")
    assert read(store, "/a.txt") == b"hello"
    assert [entry.path for entry in store.children("/")] == ["/a.txt"]


def test_nothing_is_visible_before_it_is_published(store: FileStore) -> None:
    with store.spool() as spool:
        spool.write(b"half")
        assert store.find("/a.txt") is None
        assert list(store.children("/")) == []


def test_states_are_the_same_as_long_as_the_entries_are(store: FileStore) -> None:
    store.make_folder("/docs")
    for name in ("a", "b"):
        write(store, f"/docs/{name}.txt", b"one")

    def states() -> list[State]:
        found = list(store.states("/docs"))
        assert list(store.members("/docs", found)) == list(store.children("/docs"))
        return found

    before = states()
    assert states() == before
    changes: list[Callable[[], object]] = [
        lambda: write(store, "/docs/a.txt", b"two", replace=True),
        lambda: store.touch("/docs/b.txt", 10**18),
        lambda: store.publish("/docs/b.txt", "/docs/c.txt", replace=False),
        lambda: store.remove_tree("/docs/c.txt"),
        lambda: store.make_folder("/docs/b.txt"),
    ]
    for change in changes:
        change()
        after = states()
        assert sorted(after) != sorted(before)
        before = after
    with pytest.raises(NotFound):
        list(store.states("/none"))


def test_a_touched_file_has_another_time_and_another_state(store: FileStore) -> None:
    write(store, "/a.txt", b"hello")
    before = store.find("/a.txt")
    known, after = store.touch("/a.txt", 10**18)
    assert before is not None
    assert known == before
    assert (after.modified_ns, after.size) == (10**18, 5)
    assert after.etag != before.etag
    assert store.find("/a.txt") == after
    store.make_folder("/docs")
    assert store.touch("/docs", 10**18)[1].modified_ns == 10**18
    with pytest.raises(NotFound):
        store.touch("/none", 10**18)


def test_a_discarded_spool_leaves_nothing(store: FileStore) -> None:
    with store.spool() as spool:
        spool.write(b"half")
    assert store.find(spool.path) is None


def test_a_spool_counts_and_hashes_its_bytes(store: FileStore) -> None:
    with store.spool() as spool:
        spool.write(b"hel")
        spool.write(b"lo")
        assert spool.size == 5
        assert spool.sha256.startswith("2cf24dba5fb0a30e26e83b2ac5b9e29e")


def test_publishing_without_replace_never_overwrites(store: FileStore) -> None:
    write(store, "/a.txt", b"first")
    with pytest.raises(Conflict):
        write(store, "/a.txt", b"second")
    assert read(store, "/a.txt") == b"first"


def test_every_state_of_a_file_has_its_own_etag(store: FileStore) -> None:
    """Also two of the same size in the same instant, whatever inodes come back into use."""
    tags = set()
    for number in range(50):
        write(store, "/a.txt", b"%02d" % number, replace=number > 0)
        found = store.find("/a.txt")
        assert found is not None
        tags.add(found.etag)
    assert len(tags) == 50


def test_the_time_of_change_can_be_given(store: FileStore) -> None:
    with store.spool() as spool:
        spool.write(b"old")
        spool.seal(1_000_000_000_123_456_789)
        store.publish(spool.path, "/a.txt", replace=False)
    found = store.find("/a.txt")
    assert found is not None
    assert found.modified_ns == 1_000_000_000_123_456_789


def test_a_kept_version_outlives_the_file(store: FileStore) -> None:
    write(store, "/a.txt", b"first")
    kept = store.keep("/a.txt", "ab/cd/1")
    write(store, "/a.txt", b"second", replace=True)
    with store.open_version("ab/cd/1") as content:
        assert content.read() == b"first"
    assert store.kept("ab/cd/1") == kept or store.kept("ab/cd/1") is not None
    store.drop_version("ab/cd/1")
    assert store.kept("ab/cd/1") is None


def test_keeping_the_same_state_twice_is_the_same_as_once(store: FileStore) -> None:
    write(store, "/a.txt", b"first")
    assert store.keep("/a.txt", "ab/cd/1").etag == store.keep("/a.txt", "ab/cd/1").etag


def test_a_version_is_never_overwritten_by_another_state(store: FileStore) -> None:
    write(store, "/a.txt", b"first")
    store.keep("/a.txt", "ab/cd/1")
    write(store, "/a.txt", b"second", replace=True)
    with pytest.raises(Conflict):
        store.keep("/a.txt", "ab/cd/1")


def test_a_reader_keeps_the_content_that_it_opened(store: FileStore) -> None:
    write(store, "/a.txt", b"first")
    content, entry = store.open("/a.txt")
    with content:
        write(store, "/a.txt", b"second one", replace=True)
        assert content.read() == b"first"
        assert entry.size == 5


def test_folders_can_be_made_listed_and_removed(store: FileStore) -> None:
    store.make_folder("/docs")
    write(store, "/docs/a.txt", b"x")
    assert [entry.path for entry in store.children("/docs")] == ["/docs/a.txt"]
    with pytest.raises(Conflict):
        store.make_folder("/docs")
    store.remove_tree("/docs")
    assert store.find("/docs") is None
    store.remove_tree("/docs")


def test_a_folder_is_published_whole(store: FileStore) -> None:
    with store.stage_folder() as stage:
        write(store, f"{stage}/a.txt", b"x")
        store.publish(stage, "/docs", replace=False)
    assert read(store, "/docs/a.txt") == b"x"


def test_a_folder_is_not_published_over_another(store: FileStore) -> None:
    store.make_folder("/docs")
    with store.stage_folder() as stage, pytest.raises(Conflict):
        store.publish(stage, "/docs", replace=False)


def test_a_copy_has_the_members_their_times_and_their_bytes(store: FileStore) -> None:
    store.make_folder("/docs")
    store.make_folder("/docs/deep")
    write(store, "/docs/deep/a.txt", b"x")
    store.make_folder("/copy")
    store.copy_members("/docs", "/copy")
    one, other = store.find("/docs/deep/a.txt"), store.find("/copy/deep/a.txt")
    assert one is not None
    assert other is not None
    assert read(store, "/copy/deep/a.txt") == b"x"
    assert one.modified_ns == other.modified_ns


def test_what_goes_to_the_trash_is_out_of_sight(store: FileStore) -> None:
    write(store, "/a.txt", b"x")
    store.publish("/a.txt", f"{TRASH}/1", replace=False)
    assert store.find("/a.txt") is None
    assert list(store.children("/")) == []
    assert read(store, f"{TRASH}/1") == b"x"


def test_opening_what_is_not_there_is_not_found(store: FileStore) -> None:
    store.make_folder("/docs")
    for path in ("/none", "/none/deeper", "/docs"):
        with pytest.raises(NotFound):
            store.open(path)
    with pytest.raises(NotFound):
        store.open_version("ab/cd/1")
    with pytest.raises(NotFound):
        list(store.children("/none"))


@pytest.mark.parametrize(
    "hold",
    [lambda store: store.exclusive("/a.txt"), lambda store: store.exclusive_tree()],
    ids=["the name", "the tree"],
)
def test_who_holds_a_name_or_the_tree_is_alone(
    store: FileStore, hold: Callable[[FileStore], AbstractContextManager[None]]
) -> None:
    order = []

    def second() -> None:
        with store.exclusive("/a.txt"):
            order.append("second")

    with hold(store):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_the_sweeper_leaves_living_spools_alone(store: FileStore) -> None:
    with store.spool() as spool:
        spool.write(b"x")
        assert store.sweep() == 0
        assert store.find(spool.path) is not None


def test_the_sweeper_removes_spools_of_the_dead(store: FileStore, root: Path) -> None:
    (root / ".davserver" / "spool" / "left-behind").write_bytes(b"x")
    (root / ".davserver" / "spool" / "left-folder").mkdir()
    assert store.sweep() == 2
    assert os.listdir(root / ".davserver" / "spool") == []


def test_what_is_retired_is_gone_with_all_that_is_in_it(store: FileStore) -> None:
    store.make_folder("/docs")
    write(store, "/docs/a.txt", b"x")
    write(store, "/b.txt", b"x")
    store.retire("/docs")
    store.retire("/b.txt")
    assert list(store.children("/")) == []
    with pytest.raises(NotFound):
        store.retire("/none")


def test_what_a_dead_process_left_unfinished_is_unseen_and_cleared(
    store: FileStore, root: Path
) -> None:
    store.make_folder("/docs")
    (root / "docs" / (".davserver-" + "0" * 32)).mkdir()
    (root / "docs" / ".davserver-notes").touch()
    assert [entry.name for entry in store.children("/docs")] == [".davserver-notes"]
    store.clear_remains("/docs", "/none")
    assert os.listdir(root / "docs") == [".davserver-notes"]


def test_a_lasting_spool_is_gone_on_with(store: FileStore) -> None:
    path = f"{UPLOADS}/one"
    with store.resume(path, 0) as spool:
        spool.write(b"0123456789")
        spool.settle()
    assert store.sweep() == 0
    with store.resume(path, 10) as spool:
        spool.rewind(4)
        spool.write(b"abc")
        assert spool.size == 7
        assert spool.sha256 == hashlib.sha256(b"0123abc").hexdigest()
        spool.seal()
        store.publish(spool.path, "/a.txt", replace=False)
    assert read(store, "/a.txt") == b"0123abc"


def test_a_lasting_spool_has_one_holder(store: FileStore) -> None:
    path = f"{UPLOADS}/one"
    with store.resume(path, 0), pytest.raises(UploadBusy):
        store.resume(path, 0)
    store.resume(path, 0).discard()


def test_bytes_that_are_gone_are_missed(store: FileStore) -> None:
    path = f"{UPLOADS}/one"
    with pytest.raises(NotFound):
        store.resume(path, 5)
    with store.resume(path, 0) as spool:
        spool.write(b"abc")
    with store.resume(path, 5) as spool, pytest.raises(Gone):
        spool.rewind(5)

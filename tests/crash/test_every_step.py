"""kill -9 between every two steps of every change, then a restart: old or new, never neither."""

import hashlib
import itertools
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select

from davserver.model import Upload, Writer
from davserver.providers.annotations import annotations
from davserver.providers.share import Share, open_share
from davserver.providers.tables import journal, trash, uploads
from tests.crash.stepping import MAX_STEPS, after_every_crash, dies_at
from tests.disks import two_disks
from tests.providers.test_files import numbers, put, read_version
from tests.providers.test_trees import get_property

pytestmark = pytest.mark.crash

ANN = Writer("ann")
OLD, NEW = b"old content", b"the new content, longer"

Prepare = Callable[[Callable[[Share], object]], Callable[[], Path]]


@pytest.fixture
def prepare(tmp_path: Path) -> Prepare:
    """Makes fresh folders in which ``fill`` was done."""
    counter = itertools.count()

    def having(fill: Callable[[Share], object]) -> Callable[[], Path]:
        def make() -> Path:
            root = tmp_path / str(next(counter))
            root.mkdir()
            share = open_share(root, root / ".davserver", connections=2)
            share.prepare()
            fill(share)
            share.close()
            return root

        return make

    return having


def check_tidy(share: Share, root: Path) -> None:
    """Nothing half done is left: no intents, no spools."""
    with share.catalog.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(journal)) == 0
    assert os.listdir(root / ".davserver" / "spool") == []


def check_history(share: Share, path: str) -> None:
    """The newest version is the file, with its own row; no version is there twice."""
    versions = share.files.versions(path)
    assert versions[-1].is_current
    assert versions[-1].etag == share.files.entry(path).etag
    contents = [read_version(share, path, version.number) for version in versions]
    assert len(set(contents)) == len(contents), "a state was recorded twice"
    for version, content in zip(versions, contents, strict=True):
        assert not version.sha256 or version.sha256 == hashlib.sha256(content).hexdigest()


def test_creating_a_file(prepare: Prepare) -> None:
    def check(share: Share, root: Path) -> None:
        check_tidy(share, root)
        if share.files.find("/a.txt"):
            assert (root / "a.txt").read_bytes() == NEW
            check_history(share, "/a.txt")

    steps = after_every_crash(
        prepare(lambda share: None), lambda share: put(share, "/a.txt", NEW), check
    )
    assert steps > 8


def test_replacing_a_file(prepare: Prepare) -> None:
    outcomes = set()

    def check(share: Share, root: Path) -> None:
        check_tidy(share, root)
        content = (root / "a.txt").read_bytes()
        outcomes.add(content)
        assert content in (OLD, NEW)
        assert numbers(share, "/a.txt") == ([1] if content == OLD else [1, 2])
        assert read_version(share, "/a.txt", 1) == OLD
        check_history(share, "/a.txt")

    steps = after_every_crash(
        prepare(lambda share: put(share, "/a.txt", OLD)),
        lambda share: put(share, "/a.txt", NEW),
        check,
    )
    assert steps > 10
    assert outcomes == {OLD, NEW}


def test_replacing_by_the_same_size_and_time(prepare: Prepare) -> None:
    """rclone sends a file's time along: old and new look alike to everything but their inode."""
    same = OLD[::-1]

    def check(share: Share, root: Path) -> None:
        check_tidy(share, root)
        content = (root / "a.txt").read_bytes()
        assert content in (OLD, same)
        assert numbers(share, "/a.txt") == ([1] if content == OLD else [1, 2])
        check_history(share, "/a.txt")

    after_every_crash(
        prepare(lambda share: put(share, "/a.txt", OLD, modified_ns=10**18)),
        lambda share: put(share, "/a.txt", same, modified_ns=10**18),
        check,
    )


def test_restoring_a_version(prepare: Prepare) -> None:
    def two_versions(share: Share) -> None:
        put(share, "/a.txt", OLD)
        put(share, "/a.txt", NEW)

    def check(share: Share, root: Path) -> None:
        check_tidy(share, root)
        content = (root / "a.txt").read_bytes()
        assert content in (OLD, NEW)
        assert read_version(share, "/a.txt", 1) == OLD
        assert read_version(share, "/a.txt", 2) == NEW
        assert len(numbers(share, "/a.txt")) == (2 if content == NEW else 3)

    after_every_crash(
        prepare(two_versions), lambda share: share.files.restore("/a.txt", 1, ANN), check
    )


def tree(share: Share) -> None:
    share.trees.make_folder("/docs", ANN)
    share.trees.make_folder("/docs/deep", ANN)
    put(share, "/docs/deep/a.txt", OLD)
    put(share, "/docs/deep/a.txt", NEW)


def two_trees(share: Share) -> None:
    tree(share)
    share.trees.make_folder("/target", ANN)
    put(share, "/target/precious.txt", b"p")


def check_tree(share: Share, root: Path, folder: str) -> None:
    assert (root / folder / "deep" / "a.txt").read_bytes() == NEW
    assert read_version(share, f"/{folder}/deep/a.txt", 1) == OLD
    check_history(share, f"/{folder}/deep/a.txt")


def test_moving_a_folder(prepare: Prepare) -> None:
    def check(share: Share, root: Path) -> None:
        check_tidy(share, root)
        there = [name for name in ("docs", "moved") if (root / name).exists()]
        assert len(there) == 1, f"the folder is at {there}"
        check_tree(share, root, there[0])

    after_every_crash(
        prepare(tree),
        lambda share: share.trees.move("/docs", "/moved", ANN, overwrite=False),
        check,
    )


def test_moving_a_folder_over_another(prepare: Prepare) -> None:
    def check(share: Share, root: Path) -> None:
        check_tidy(share, root)
        moved = (root / "target" / "deep").exists()
        assert moved != (root / "docs").exists(), "the folder is at both places or at none"
        check_tree(share, root, "target" if moved else "docs")
        kept = list((root / ".davserver" / "trash").rglob("precious.txt"))
        assert (root / "target" / "precious.txt").exists() != bool(kept), "the other one was lost"

    after_every_crash(
        prepare(two_trees),
        lambda share: share.trees.move("/docs", "/target", ANN, overwrite=True),
        check,
    )


def test_moving_a_file_over_another(prepare: Prepare) -> None:
    def two(share: Share) -> None:
        put(share, "/report.txt", OLD)
        put(share, "/report.tmp", NEW)

    def check(share: Share, root: Path) -> None:
        check_tidy(share, root)
        content = (root / "report.txt").read_bytes()
        assert (content == OLD) == (root / "report.tmp").exists()
        assert content in (OLD, NEW)
        assert read_version(share, "/report.txt", 1) == OLD
        check_history(share, "/report.txt")

    after_every_crash(
        prepare(two),
        lambda share: share.trees.move("/report.tmp", "/report.txt", ANN, overwrite=True),
        check,
    )


def test_deleting_a_folder(prepare: Prepare) -> None:
    def check(share: Share, root: Path) -> None:
        check_tidy(share, root)
        with share.catalog.reading() as connection:
            rows = connection.scalars(select(trash.c.id)).all()
        if (root / "docs").exists():
            check_tree(share, root, "docs")
            assert rows == []
        else:
            assert os.listdir(root / ".davserver" / "trash") == rows
            assert next((root / ".davserver" / "trash").rglob("a.txt")).read_bytes() == NEW

    after_every_crash(prepare(tree), lambda share: share.trees.delete("/docs", ANN), check)


def test_deleting_a_file(prepare: Prepare) -> None:
    """A file goes to the trash by a link and an unlink: the crash may come between."""

    def check(share: Share, root: Path) -> None:
        check_tidy(share, root)
        trashed = [file.read_bytes() for file in (root / ".davserver" / "trash").iterdir()]
        assert trashed == ([] if (root / "a.txt").exists() else [NEW])

    after_every_crash(
        prepare(lambda share: put(share, "/a.txt", NEW)),
        lambda share: share.trees.delete("/a.txt", ANN),
        check,
    )


def test_copying_a_folder_over_another(prepare: Prepare) -> None:
    def check(share: Share, root: Path) -> None:
        check_tidy(share, root)
        check_tree(share, root, "docs")
        if (root / "target" / "precious.txt").exists():
            assert os.listdir(root / "target") == ["precious.txt"], "half a copy is there"
        else:
            assert (root / "target" / "deep" / "a.txt").read_bytes() == NEW
            assert list((root / ".davserver" / "trash").rglob("precious.txt"))

    after_every_crash(
        prepare(two_trees),
        lambda share: share.trees.copy("/docs", "/target", ANN, overwrite=True),
        check,
    )


def test_emptying_the_trash(prepare: Prepare) -> None:
    def deleted(share: Share) -> None:
        tree(share)
        put(share, "/kept.txt", OLD)
        share.trees.delete("/docs", ANN)

    def check(share: Share, root: Path) -> None:
        assert (root / "kept.txt").read_bytes() == OLD
        share.trash.purge_older_than(2**40)
        assert os.listdir(root / ".davserver" / "trash") == []
        with share.catalog.reading() as connection:
            assert connection.scalar(select(func.count()).select_from(trash)) == 0

    after_every_crash(prepare(deleted), lambda share: share.trash.purge_older_than(2**40), check)


def test_making_a_folder_with_properties(prepare: Prepare) -> None:
    color = "{urn:x}color"

    def check(share: Share, root: Path) -> None:
        check_tidy(share, root)
        if (root / "docs").exists():
            assert get_property(share, "/docs") == "red"

    after_every_crash(
        prepare(lambda share: None),
        lambda share: share.trees.make_folder("/docs", ANN, properties={color: "red"}),
        check,
    )


def test_restoring_from_the_trash(prepare: Prepare) -> None:
    def deleted(share: Share) -> None:
        tree(share)
        share.trees.delete("/docs", ANN)

    def check(share: Share, root: Path) -> None:
        check_tidy(share, root)
        in_trash = list(share.trash.all())
        if (root / "docs").exists():
            assert in_trash == []
            check_tree(share, root, "docs")
        else:
            assert [one.path for one in in_trash] == ["/docs"]
            share.trash.restore(in_trash[0].id, ANN)
            check_tree(share, root, "docs")

    def restore(share: Share) -> None:
        [trashed] = share.trash.all()
        share.trash.restore(trashed.id, ANN)

    after_every_crash(prepare(deleted), restore, check)


def test_moving_a_folder_to_another_disk(prepare: Prepare) -> None:
    def two_folders(share: Share) -> None:
        tree(share)
        share.trees.make_folder("/disk", ANN)

    def check(share: Share, root: Path) -> None:
        check_tidy(share, root)
        assert list(root.rglob(".davserver-*")) == []
        there = [name for name in ("docs", "disk/docs") if (root / name).exists()]
        assert len(there) == 1, f"the folder is at {there}"
        check_tree(share, root, there[0])

    with two_disks("/disk/"):
        steps = after_every_crash(
            prepare(two_folders),
            lambda share: share.trees.move("/docs", "/disk/docs", ANN, overwrite=False),
            check,
        )
    assert steps > 20


def test_moving_a_folder_over_another_on_another_disk(prepare: Prepare) -> None:
    def two_folders(share: Share) -> None:
        tree(share)
        share.trees.make_folder("/disk", ANN)
        share.trees.make_folder("/disk/docs", ANN)
        put(share, "/disk/docs/precious.txt", b"p")

    def check(share: Share, root: Path) -> None:
        check_tidy(share, root)
        assert list(root.rglob(".davserver-*")) == []
        moved = (root / "disk" / "docs" / "deep").exists()
        assert moved != (root / "docs").exists(), "the folder is at both places or at none"
        check_tree(share, root, "disk/docs" if moved else "docs")
        kept = list((root / ".davserver" / "trash").rglob("precious.txt"))
        assert (root / "disk" / "docs" / "precious.txt").exists() != bool(kept)

    with two_disks("/disk/"):
        after_every_crash(
            prepare(two_folders),
            lambda share: share.trees.move("/docs", "/disk/docs", ANN, overwrite=True),
            check,
        )


def test_every_change_is_booked_with_what_it_tells(prepare: Prepare) -> None:
    """Whatever the crash left, the journal of changes agrees with the names on the disk."""

    def check(share: Share, root: Path) -> None:
        last = [change.path for change in share.changes.since(0, "/")][-1]
        assert (last == "/moved") == (root / "moved").exists()

    after_every_crash(
        prepare(tree),
        lambda share: share.trees.move("/docs", "/moved", ANN, overwrite=False),
        check,
    )


def test_changing_time_and_properties_together(prepare: Prepare) -> None:
    outcomes = set()
    changes = {"{urn:x}p": "<p/>"}

    def written(share: Share) -> None:
        put(share, "/a.txt", OLD)

    def check(share: Share, root: Path) -> None:
        check_tidy(share, root)
        changed = os.stat(root / "a.txt").st_mtime_ns == 10**18
        about = annotations(share.catalog, "/a.txt")
        assert (about.properties == {"/a.txt": changes}) is changed
        assert (about.created["/a.txt"] == 5.0) is changed
        assert [version.author for version in share.files.versions("/a.txt")] == ["ann"]
        check_history(share, "/a.txt")
        outcomes.add(changed)

    after_every_crash(
        prepare(written),
        lambda share: share.properties.change(
            "/a.txt", ANN, changes, modified_ns=10**18, created=5.0
        ),
        check,
    )
    assert outcomes == {True, False}


@pytest.mark.parametrize(
    "work",
    [
        "create",
        "replace",
        "delete",
        "delete noise",
        "move",
        "copy",
        "restore",
        "restore over",
        "save aside",
        "save by renaming",
    ],
)
def test_what_is_booked_on_quotas(prepare: Prepare, work: str) -> None:
    """A crash at any step leaves what is booked equal to what is there."""

    def allotted(share: Share) -> None:
        share.trees.make_folder("/docs", ANN)
        share.trees.make_folder("/tree", ANN)
        put(share, "/docs/a.txt", OLD)
        put(share, "/docs/._a.txt", OLD)
        put(share, "/tree/b.txt", NEW)
        put(share, "/docs/gone.txt", NEW)
        share.trees.delete("/docs/gone.txt", ANN)
        for subject in ("/docs", "ann"):
            share.quotas.set(subject, 1000)

    def take_out(share: Share, path: str) -> None:
        [trashed] = share.trash.all()
        share.trees.take_out(trashed.entry.path, path, ANN, overwrite=True)

    def save_aside(share: Share) -> None:
        share.trees.move("/docs/a.txt", "/docs/a.txt~", ANN, overwrite=False)
        put(share, "/docs/a.txt", NEW)

    def save_by_renaming(share: Share) -> None:
        share.trees.move("/docs/a.txt", "/docs/old.tmp", ANN, overwrite=False)
        share.trees.move("/tree/b.txt", "/docs/a.txt", ANN, overwrite=False)
        share.trees.delete("/docs/old.tmp", ANN)

    works: dict[str, Callable[[Share], object]] = {
        "delete noise": lambda share: share.trees.delete("/docs/._a.txt", ANN),
        "save aside": save_aside,
        "save by renaming": save_by_renaming,
        "restore": lambda share: take_out(share, "/docs/gone.txt"),
        "restore over": lambda share: take_out(share, "/docs/a.txt"),
        "create": lambda share: put(share, "/docs/new.txt", NEW),
        "replace": lambda share: put(share, "/docs/a.txt", NEW),
        "delete": lambda share: share.trees.delete("/docs/a.txt", ANN),
        "move": lambda share: share.trees.move("/tree", "/docs/tree", ANN, overwrite=False),
        "copy": lambda share: share.trees.copy("/tree", "/docs/tree", ANN, overwrite=False),
    }
    seen = set()

    def check(share: Share, root: Path) -> None:
        check_tidy(share, root)
        seen.add(tuple(quota.used for quota in share.quotas.all()))
        assert share.quotas.check() == []

    after_every_crash(prepare(allotted), works[work], check)
    assert len(seen) == (3 if work == "save by renaming" else 2), "old and new were not both seen"


def test_a_move_comes_upon_nothing_that_a_dead_worker_left_half_done(prepare: Prepare) -> None:
    """Other workers go on serving before anybody repairs the journal."""
    make = prepare(tree)
    for kill_at in range(MAX_STEPS):
        root = make()
        died = dies_at(
            root,
            kill_at,
            lambda share: share.trees.move("/docs", "/moved", ANN, overwrite=False),
        )
        share = open_share(root, root / ".davserver", connections=2)
        try:
            source = "/moved" if (root / "moved").exists() else "/docs"
            share.trees.move(source, "/again", ANN, overwrite=False)
            check_tidy(share, root)
            check_tree(share, root, "again")
        finally:
            share.close()
        if not died:
            return
    raise AssertionError("the work never gets done")


def test_finishing_an_upload(prepare: Prepare) -> None:
    """Whatever the moment: the bytes are all there, and the client can ask again for the end."""

    def begun(share: Share) -> None:
        put(share, "/a.txt", OLD)
        upload = share.uploads.begin("ann", "/a.txt", len(NEW), {}, 3600)
        share.uploads.append(upload, 0, [NEW[:5]], 3600)

    def the_upload(share: Share) -> Upload:
        with share.catalog.reading() as connection:
            identity = connection.scalar(select(uploads.c.id))
        return share.uploads.find(identity or "", "ann")

    def send_the_rest(share: Share) -> None:
        upload = share.uploads.append(the_upload(share), 5, [NEW[5:]], 3600)
        share.uploads.finish(upload, ANN)

    def check(share: Share, root: Path) -> None:
        check_tidy(share, root)
        upload = the_upload(share)
        content = (root / "a.txt").read_bytes()
        assert content == (NEW if upload.is_finished else OLD)
        if upload.offset < len(NEW):
            assert upload.offset == 5, "bytes were told that nobody noted"
            upload = share.uploads.append(upload, 5, [NEW[5:]], 3600)
        share.uploads.finish(upload, ANN)
        assert (root / "a.txt").read_bytes() == NEW
        assert numbers(share, "/a.txt") == [1, 2]
        check_history(share, "/a.txt")
        assert os.listdir(root / ".davserver" / "uploads") == []

    assert after_every_crash(prepare(begun), send_the_rest, check) > 12


def test_joining_the_parts_of_an_upload(prepare: Prepare) -> None:
    def begun(share: Share) -> None:
        put(share, "/a.txt", OLD)
        upload = share.uploads.begin_parts("ann", "one", 3600)
        share.uploads.put_part(upload, "1", [NEW[:5]], 0, 3600)
        share.uploads.put_part(upload, "2", [NEW[5:]], 0, 3600)

    def join(share: Share) -> None:
        upload = share.uploads.find_parts("ann", "one")
        share.uploads.join_parts(upload, "/a.txt", len(NEW), ANN)

    def check(share: Share, root: Path) -> None:
        check_tidy(share, root)
        join(share)
        assert (root / "a.txt").read_bytes() == NEW
        assert numbers(share, "/a.txt") == [1, 2]
        check_history(share, "/a.txt")

    after_every_crash(prepare(begun), join, check)


def test_the_save_dance(prepare: Prepare) -> None:
    """A document that is moved aside and written anew keeps its past, or lies aside with it."""

    def check(share: Share, root: Path) -> None:
        check_tidy(share, root)
        if share.files.find("/a.txt~") is None:
            assert numbers(share, "/a.txt") == [1]
            return
        assert (root / "a.txt~").read_bytes() == OLD
        if share.files.find("/a.txt") is None:
            check_history(share, "/a.txt~")
            put(share, "/a.txt", NEW)
        assert (root / "a.txt").read_bytes() == NEW
        assert [read_version(share, "/a.txt", number) for number in (1, 2)] == [OLD, NEW]
        check_history(share, "/a.txt")

    def dance(share: Share) -> None:
        share.trees.move("/a.txt", "/a.txt~", ANN, overwrite=False)
        put(share, "/a.txt", NEW)

    after_every_crash(prepare(lambda share: put(share, "/a.txt", OLD)), dance, check)


def test_the_save_dance_by_renaming(prepare: Prepare) -> None:
    def begun(share: Share) -> None:
        put(share, "/a.txt", OLD)
        put(share, "/new.tmp", NEW)

    def dance(share: Share) -> None:
        share.trees.move("/a.txt", "/old.tmp", ANN, overwrite=False)
        share.trees.move("/new.tmp", "/a.txt", ANN, overwrite=False)
        share.trees.delete("/old.tmp", ANN)

    def check(share: Share, root: Path) -> None:
        check_tidy(share, root)
        present = {name for name in os.listdir(root) if name != ".davserver"}
        assert present in (
            {"a.txt", "new.tmp"},
            {"old.tmp", "new.tmp"},
            {"old.tmp", "a.txt"},
            {"a.txt"},
        )
        content = (root / "a.txt").read_bytes() if "a.txt" in present else b""
        if content == NEW:
            assert [read_version(share, "/a.txt", number) for number in (1, 2)] == [OLD, NEW]
            check_history(share, "/a.txt")
        else:
            check_history(share, "/a.txt" if content else "/old.tmp")

    after_every_crash(prepare(begun), dance, check)


def test_another_process_goes_on_with_an_upload(prepare: Prepare) -> None:
    """A worker is killed while the others live: nobody starts anew, and nobody repairs for it."""

    def begun(share: Share) -> None:
        put(share, "/a.txt", OLD)
        share.uploads.begin("ann", "/a.txt", len(NEW), {}, 3600)

    def send(share: Share) -> None:
        with share.catalog.reading() as connection:
            upload = share.uploads.find(connection.scalar(select(uploads.c.id)) or "", "ann")
        if not upload.is_whole:
            blocks = [NEW[upload.offset :]]
            upload = share.uploads.append(upload, upload.offset, blocks, 3600)
        share.uploads.finish(upload, ANN)

    make = prepare(begun)
    for kill_at in range(MAX_STEPS):
        root = make()
        other = open_share(root, root / ".davserver", connections=2)
        died = dies_at(root, kill_at, send)
        send(other)
        assert (root / "a.txt").read_bytes() == NEW, f"killed at step {kill_at}"
        assert numbers(other, "/a.txt") == [1, 2], f"killed at step {kill_at}"
        other.repair()
        check_tidy(other, root)
        check_history(other, "/a.txt")
        other.close()
        if not died:
            break
    assert kill_at > 12

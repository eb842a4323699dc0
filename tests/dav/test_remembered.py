"""Remembered listings: each is what a process would tell that remembers nothing."""

import gzip
import io
import math
import os
import re
import shutil
import tempfile
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import insert

from davserver.dav import remembered
from davserver.dav.propfind import Answers, find_properties
from davserver.dav.remembered import MOST_MEMBERS, Listings
from davserver.dav.room import DavRequest
from davserver.editor.keys import document_key
from davserver.errors import DavserverError
from davserver.model import Grant, Principal, Role, Scope
from davserver.providers.exclusion import Exclusion
from davserver.providers.sessions import EditSessions
from davserver.providers.share import Share, open_share
from davserver.providers.tables import instance
from davserver.rights import Rules
from davserver.web import Request
from tests.clock import later
from tests.dav.test_properties import WHOLE
from tests.providers.test_files import ANN, put
from tests.running import ProcessServer

ADMIN = Principal("admin", is_administrator=True)
BOB = Principal("bob", frozenset({"staff"}))
GUEST = Principal("", ceiling=Role.VIEWER.rights)

SIX = WHOLE.format(
    "<D:prop><D:resourcetype/><D:getcontentlength/><D:getetag/><D:getlastmodified/>"
    "<D:creationdate/><D:displayname/></D:prop>"
)
ALL = WHOLE.format("<D:allprop/>")
LOCKS = WHOLE.format("<D:prop><D:lockdiscovery/><D:getetag/></D:prop>")
OWN = WHOLE.format(
    '<D:prop><D:current-user-privilege-set/><D:current-user-principal/><x:p xmlns:x="urn:x"/>'
    "<D:owner/></D:prop>"
)
NAMES = WHOLE.format("<D:propname/>")
TOKEN = WHOLE.format("<D:prop><D:sync-token/><D:getetag/></D:prop>")


def ask(
    share: Share,
    listings: Listings,
    path: str = "/",
    body: str = SIX,
    principal: Principal = ADMIN,
    arrived: float = math.inf,
    **headers: str,
) -> bytes:
    """The answer to PROPFIND of depth 1, or the failure; how long locks live is left out."""
    environ = {
        "REQUEST_METHOD": "PROPFIND",
        "REQUEST_URI": path,
        "HTTP_DEPTH": "1",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body.encode()),
        "davserver.arrived": arrived,
        **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
    }
    request = Request(environ)
    request.principal = principal
    try:
        response = find_properties(DavRequest(request, share), listings)
        whole = response.body
        told = whole if isinstance(whole, bytes) else b"".join(whole)
    except DavserverError as fault:
        return repr(fault).encode()
    if ("Content-Encoding", "gzip") in response.headers:
        told = gzip.decompress(told)
    return re.sub(rb"Second-\d+", b"", told)


@pytest.fixture
def listings(share: Share) -> Listings:
    return Listings(share)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that elements are made of."""
    paths: list[str] = []
    make = Answers.of

    def noting(self: Answers, entry: Any, about: Any) -> str:
        paths.append(entry.path)
        return make(self, entry, about)

    monkeypatch.setattr(Answers, "of", noting)
    return paths


class Folder(RuleBasedStateMachine):
    """A folder in which anybody does anything, and two processes that list it.

    ``shares[0]`` is that of the process that remembers; the other one remembers nothing.
    """

    prepared: Path
    FOLDERS = ("", "/sub")
    NAMES = ("a.txt", "b.docx", "grün ü.txt")
    files = st.builds("{}/{}".format, st.sampled_from(FOLDERS), st.sampled_from(NAMES))
    anything = st.one_of(files, st.sampled_from(["/", "/sub"]))
    process = st.sampled_from([0, 1])
    subjects = st.sampled_from(["user:ann", "user:bob", "group:staff", "everyone"])

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.root = self.folder / "root"
        shutil.copytree(self.prepared, self.root)
        (self.root / "sub").mkdir()
        self.shares = [open_share(self.root, self.root / ".davserver", "off") for _ in range(2)]
        self.listings = Listings(self.shares[0])
        self.nothing = Listings(self.shares[1], most_bytes=0)
        self.ahead = 0
        self.count = 0
        now = time.time
        self.clock = mock.patch("time.time", side_effect=lambda: now() + self.ahead)
        self.clock.start()

    def teardown(self) -> None:
        self.clock.stop()
        for share in self.shares:
            share.close()
        shutil.rmtree(self.folder)

    def on_disk(self, path: str) -> Path:
        return self.root / path[1:]

    @initialize()
    def begin(self) -> None:
        for path in ("/a.txt", "/sub/a.txt", "/sub/b.docx"):
            put(self.shares[0], path, b"begin")

    @rule(path=files, content=st.sampled_from([b"", b"x", b"other"]), by=process)
    def written_through_us(self, path: str, content: bytes, by: int) -> None:
        with suppress(DavserverError):
            put(self.shares[by], path, content)

    @rule(path=files, content=st.sampled_from([b"begin", b"agains", b""]))
    def written_in_place_by_others(self, path: str, content: bytes) -> None:
        with suppress(OSError):
            self.on_disk(path).write_bytes(content)

    @rule(path=files)
    def written_in_place_and_made_to_look_old(self, path: str) -> None:
        file = self.on_disk(path)
        with suppress(OSError):
            before = file.stat()
            file.write_bytes(os.urandom(before.st_size))
            os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

    @rule(path=files)
    def replaced_by_others(self, path: str) -> None:
        new = self.folder / "new"
        new.write_bytes(b"begin")
        with suppress(OSError):
            os.rename(new, self.on_disk(path))

    @rule(source=files, goal=files)
    def renamed_by_others(self, source: str, goal: str) -> None:
        with suppress(OSError):
            os.rename(self.on_disk(source), self.on_disk(goal))

    @rule(source=files, goal=files, by=process)
    def moved_through_us(self, source: str, goal: str, by: int) -> None:
        with suppress(DavserverError):
            self.shares[by].trees.move(source, goal, ANN, overwrite=True)

    @rule(path=files, by=process)
    def deleted_through_us(self, path: str, by: int) -> None:
        with suppress(DavserverError):
            self.shares[by].trees.delete(path, ANN)

    @rule(path=files)
    def removed_by_others(self, path: str) -> None:
        with suppress(OSError):
            os.unlink(self.on_disk(path))

    @rule(path=files)
    def another_kind_of_thing(self, path: str) -> None:
        file = self.on_disk(path)
        with suppress(OSError):
            if file.is_dir():
                file.rmdir()
                file.symlink_to("nowhere")
            else:
                file.unlink(missing_ok=True)
                file.mkdir()

    @rule(path=anything, mode=st.sampled_from([0o600, 0o755]))
    def other_permissions(self, path: str, mode: int) -> None:
        file = self.on_disk(path)
        if file.exists() and not file.is_symlink():
            file.chmod(mode)

    @rule(path=anything, xml=st.sampled_from(["<p>1</p>", "<p>2</p>", None]), by=process)
    def proppatch(self, path: str, xml: str | None, by: int) -> None:
        with suppress(DavserverError):
            self.shares[by].properties.change(path, ANN, {"{urn:x}p": xml})

    @rule(path=anything, deep=st.booleans(), by=process)
    def lock(self, path: str, deep: bool, by: int) -> None:
        with suppress(DavserverError):
            self.shares[by].locks.acquire(
                path,
                ANN,
                owner_xml="",
                scope=Scope.SHARED,
                deep=deep,
                seconds=60 + self.ahead,
            )

    @rule(path=anything, by=process)
    def unlock(self, path: str, by: int) -> None:
        for lock in self.shares[by].locks.on(path)[:1]:
            self.shares[by].locks.release(lock.root, lock.token, lock.principal)

    @rule()
    def locks_expire(self) -> None:
        self.ahead += 3600

    @rule(path=files, by=process)
    def edited(self, path: str, by: int) -> None:
        share = self.shares[by]
        exclusion = Exclusion(self.root / ".davserver" / "exclusion" / "sessions")
        sessions = EditSessions(share.store, share.catalog, exclusion, partial(document_key, "i"))
        with suppress(DavserverError):
            sessions.join(path, "ann", 60 + self.ahead)

    @rule(path=anything, subject=subjects, role=st.sampled_from(Role), by=process)
    def granted(self, path: str, subject: str, role: Role, by: int) -> None:
        with suppress(DavserverError):
            self.shares[by].access.give(Grant(path, subject, role), "admin")

    @rule(subject=subjects, by=process)
    def grants_taken_away(self, subject: str, by: int) -> None:
        access = self.shares[by].access
        for grant in access.all():
            if grant.subject == subject:
                access.take(grant.path, subject)

    @rule(by=process)
    def something_else_is_committed(self, by: int) -> None:
        with self.shares[by].catalog.writing() as connection:
            connection.execute(insert(instance).values(name=f"x{self.count}", value=""))

    @invariant()
    def nobody_is_told_anything_else(self) -> None:
        self.count += 1
        who = (ADMIN, Principal("ann"), BOB, GUEST)[self.count % 4]
        headers = ({}, {"prefer": "return=minimal, depth-noroot"}, {"accept_encoding": "gzip"})
        for path in ("/", "/sub"):
            for body in (SIX, ALL, LOCKS, OWN, NAMES, TOKEN):
                told = ask(self.shares[0], self.listings, path, body, who, time.monotonic())
                fresh = ask(self.shares[1], self.nothing, path, body, who)
                assert told == fresh, (path, body)
                more = headers[self.count % 3]
                assert ask(self.shares[0], self.listings, path, body, who, **more) == ask(
                    self.shares[1], self.nothing, path, body, who, **more
                )


def test_whatever_happens_it_is_what_a_process_would_tell_that_remembers_nothing(
    root: Path,
) -> None:
    share = open_share(root, root / ".davserver")
    share.prepare()
    share.close()
    Folder.prepared = root
    Folder.TestCase.settings = settings(
        max_examples=10,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    Folder.TestCase("runTest").runTest()  # type: ignore[no-untyped-call]


def test_what_is_the_same_is_made_once(share: Share, listings: Listings, made: list[str]) -> None:
    put(share, "/a.txt", b"x")
    first = ask(share, listings)
    assert made == ["/", "/a.txt"]
    assert ask(share, listings) == first
    assert len(made) == 2
    put(share, "/elsewhere.txt", b"x")
    share.properties.change("/", ANN, {"{urn:x}p": None})
    assert b"elsewhere.txt" in ask(share, listings)
    assert len(made) == 5


def test_a_commit_about_something_else_costs_a_read_of_the_catalog(
    share: Share, listings: Listings, made: list[str]
) -> None:
    share.trees.make_folder("/sub", ANN)
    put(share, "/sub/a.txt", b"x")
    first = ask(share, listings, "/sub", ALL)
    put(share, "/b.txt", b"x")
    assert ask(share, listings, "/sub", ALL) == first
    assert made == ["/sub", "/sub/a.txt"]


def test_how_long_a_lock_lives_is_told_each_time(share: Share, listings: Listings) -> None:
    put(share, "/a.txt", b"x")
    given = {"owner_xml": "", "scope": Scope.SHARED, "deep": False}
    share.locks.acquire("/a.txt", ANN, seconds=100, **given)  # type: ignore[arg-type]
    left = partial(_seconds_left, share, listings)
    assert left() in {99, 100}
    with later(50):
        assert left() in {49, 50}
    with later(200):
        assert left() is None


def _seconds_left(share: Share, listings: Listings) -> int | None:
    request = Request(
        {"REQUEST_METHOD": "PROPFIND", "REQUEST_URI": "/", "HTTP_DEPTH": "1", "wsgi.input": None}
    )
    request.principal = ADMIN
    body = find_properties(DavRequest(request, share), listings).body
    found = re.search(rb"Second-(\d+)", body if isinstance(body, bytes) else b"")
    return int(found[1]) if found else None


def test_nobody_gets_what_was_told_to_somebody_else(share: Share, listings: Listings) -> None:
    put(share, "/a.txt", b"x")
    put(share, "/secret.txt", b"x")
    share.access.give(Grant("/secret.txt", "group:staff", Role.NONE), "admin")
    for _ in range(2):
        assert b"secret.txt" in ask(share, listings)
        assert b"secret.txt" not in ask(share, listings, principal=BOB)
        assert b"secret.txt" in ask(share, listings, principal=Principal("bob"))
        assert b"/principals/bob/" in ask(share, listings, "/", OWN, BOB)
        assert b"unauthenticated" in ask(share, listings, "/", OWN, GUEST)


def test_who_is_subject_to_policy_files_gets_everything_anew(root: Path) -> None:
    """They are files like others: nothing tells that one has changed, but reading it."""
    with ExitStack() as opened:
        rules = Rules(policy_file=".policy")
        share = open_share(root, root / ".davserver", rules=rules)
        opened.callback(share.close)
        share.prepare()
        share.trees.make_folder("/sub", ANN)
        listings = Listings(share)
        for role, seen in (("none", False), ("viewer", True), ("none", False)):
            (root / "sub" / ".policy").write_text(f'everyone = "{role}"')
            assert (b"/sub/" in ask(share, listings, principal=BOB)) is seen
            assert b"/sub/" in ask(share, listings)


class TestWhatIsKept:
    def test_memory_is_bounded_and_what_was_used_last_stays(
        self, share: Share, root: Path, made: list[str]
    ) -> None:
        for name in ("one", "two", "three"):
            (root / name).mkdir()
            for number in range(100):
                (root / name / f"{number}.txt").touch()
        whole = Listings(share)
        ask(share, whole, "/one")
        listings = Listings(share, most_bytes=int(whole._bytes * 2.5))
        for name in ("one", "two", "one", "three"):
            ask(share, listings, f"/{name}")
        made.clear()
        ask(share, listings, "/one")
        ask(share, listings, "/three")
        assert made == []
        ask(share, listings, "/two")
        assert len(made) == 101
        assert listings._bytes <= whole._bytes * 2.5
        assert listings._bytes == sum(one.weight for one in listings._kept.values())

    @pytest.mark.parametrize("body", [SIX, ALL, WHOLE.format("<D:prop><D:getetag/></D:prop>")])
    def test_it_is_weighed_about_right(
        self, share: Share, listings: Listings, root: Path, body: str
    ) -> None:
        for number in range(300):
            (root / f"file {number}.txt").write_bytes(b"x")
        for number in range(100):
            change = {"{urn:x}p": f"<p>{'x' * 500}{number}</p>"}
            share.properties.change(f"/file {number}.txt", ANN, change)
        ask(share, Listings(share), "/", body)
        tracemalloc.start()
        try:
            ask(share, listings, "/", body)
            real = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
        assert 0.5 < listings._bytes / real < 2

    def test_a_large_folder_is_not(self, share: Share, listings: Listings, root: Path) -> None:
        for number in range(MOST_MEMBERS + 1):
            (root / f"{number}.txt").touch()
        assert ask(share, listings).count(b"<D:response>") == MOST_MEMBERS + 2
        assert not listings._kept
        (root / "0.txt").unlink()
        ask(share, listings)
        # Itself and our own folder are among those that were looked at.
        (root / "1.txt").unlink()
        ask(share, listings)
        assert listings._kept

    def test_a_large_answer_is_not(
        self, share: Share, listings: Listings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(share, "/a.txt", b"x")
        monkeypatch.setattr(remembered, "MOST_BYTES_EACH", 500)
        assert b"a.txt" in ask(share, listings)
        assert not listings._kept


class TestAtTheSameTime:
    def test_requests_that_are_here_share_one_look(
        self, share: Share, listings: Listings, root: Path
    ) -> None:
        (root / "a.txt").touch()
        before = time.monotonic()
        first = ask(share, listings, arrived=before)
        (root / "b.txt").touch()
        assert ask(share, listings, arrived=before) == first
        assert b"b.txt" in ask(share, listings, arrived=time.monotonic())
        assert b"b.txt" in ask(share, listings, arrived=before)

    def test_nobody_is_told_of_a_time_before_the_request(self, tmp_path: Path) -> None:
        """Eight clients over kept connections, two processes, and a folder that never rests."""
        root = tmp_path / "root"
        root.mkdir()
        file = root / "a.txt"
        file.touch()
        server = ProcessServer(root, "--workers", "2")
        begun = done = 0
        stopped = threading.Event()

        def listen() -> int:
            count = 0
            client = server.client()
            while not stopped.is_set():
                at_least = done
                told = client.propfind("/", "D:getcontentlength", "x:p", depth="1").text
                at_most = begun
                sizes = re.findall(r"<D:getcontentlength>(\d+)<", told)
                number = re.search(r"<x:p[^>]*>(\d+)<", told)
                assert at_least <= int(sizes[0]) <= at_most
                assert at_least <= int(number[1] if number else 0) <= at_most
                count += 1
            return count

        with ExitStack() as ended, ThreadPoolExecutor(8) as threads:
            ended.callback(server.stop)
            running = [threads.submit(listen) for _ in range(8)]
            try:
                writer = server.client()
                for number in range(1, 150):
                    begun = number
                    with open(file, "ab") as appended:
                        appended.write(b"x")
                    change = f"<D:set><D:prop><x:p>{number}</x:p></D:prop></D:set>"
                    assert writer.proppatch("/a.txt", change).status_code == 207
                    done = number
            finally:
                stopped.set()
            assert sum(one.result() for one in running) > 100

"""Saves in any order of events, with a crash between any two steps, against a simple model.

The model: what the editors were told is saved, and what others wrote, is in the folder or among its
versions. When everybody has left and the rescue has run, so is all that was ever typed last.
"""

import io
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, MutableMapping
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import update

from davserver.editor.keys import document_key
from davserver.editor.middleware import CALLBACK
from davserver.editor.opening import OPENING_SECONDS
from davserver.editor.saving.callbacks import Callback
from davserver.editor.saving.rescue import Rescue
from davserver.editor.saving.storing import Storing
from davserver.editor.saving.submissions import FormResults
from davserver.editor.server.tokens import ServerTokens
from davserver.errors import DavserverError, FileLocked, StorageFull, Unavailable
from davserver.model import Writer
from davserver.providers.exclusion import Exclusion
from davserver.providers.saves import Saves
from davserver.providers.sessions import EditSessions
from davserver.providers.share import Share, open_share
from davserver.providers.stores import Spool
from davserver.providers.tables import locks, sessions
from davserver.providers.timeline import Timeline
from davserver.tokens import Tokens
from davserver.web import Request
from tests.crash.stepping import dies_at

SECRET = "a secret of more than thirty-two bytes"
NAMES = ["/a.pdf", "/b.pdf", "/d/a.pdf"]
PEOPLE = ["ann", "bob"]
GARBAGE = b"<html>502 Bad Gateway</html>"
TRIES = 4

well = st.just("well")
how_it_goes = st.sampled_from(
    ["well", "well", "answer lost", "not reached", "broken", "garbled", "full"]
)
crashes = st.integers(0, 70)


class Kept(MutableMapping[str, bytes]):
    """Documents that nobody took, by key: on the disk, so that one who dies has deleted them."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder

    def __getitem__(self, key: str) -> bytes:
        try:
            return (self._folder / key).read_bytes()
        except FileNotFoundError:
            raise KeyError(key) from None

    def __setitem__(self, key: str, content: bytes) -> None:
        (self._folder / key).write_bytes(content)

    def __delitem__(self, key: str) -> None:
        os.unlink(self._folder / key)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(os.listdir(self._folder)))

    def __len__(self) -> int:
        return len(os.listdir(self._folder))


class Office:
    """The Document Server's files and moods, and who may save."""

    def __init__(self, folder: Path) -> None:
        self.documents: dict[str, bytes] = {}
        self.kept = Kept(folder)
        self.lost_right: set[str] = set()
        self.open: dict[str, Editing] = {}
        self.mood = "well"
        self.tokens = ServerTokens(SECRET)

    def keep(self, *_: object) -> None:
        """No changes are kept with a version."""

    def filled(self, commit: Any) -> Any:
        """``commit`` of a disk that is full while the mood says so."""

        def committed(*args: Any, **options: Any) -> Any:
            if self.mood == "full":
                raise StorageFull
            return commit(*args, **options)

        return committed

    def of(self, _: object) -> "Office":
        return self

    def fetch(self, url: str, spool: Spool) -> None:
        if self.mood == "broken":
            raise Unavailable("broken")
        spool.write(GARBAGE if self.mood == "garbled" else self.documents[url])

    def forgotten(self) -> list[str]:
        return list(self.kept)

    def is_edited(self, key: str) -> bool:
        if self.mood == "not reached":
            raise Unavailable("not reached")
        return key in self.open and bool(self.open[key].users)

    def address_of_forgotten(self, key: str) -> str | None:
        url = f"https://docs/cache/files/forgotten/{key}/output.pdf"
        self.documents[url] = self.kept[key]
        return url

    def delete_forgotten(self, key: str) -> None:
        if self.mood == "not reached":
            raise Unavailable("not reached")
        self.kept.pop(key, None)

    def may_save(self, user: str, _: str) -> bool:
        return user not in self.lost_right

    def only_fills(self, _: str, __: str) -> bool:
        """Nobody: each may write the file itself, or nothing."""
        return False


class Room:
    """A folder and all that saves into it, without HTTP."""

    def __init__(self, share: Share, root: Path, office: Office) -> None:
        self.share = share
        share.files.commit = office.filled(share.files.commit)  # type: ignore[method-assign]
        exclusion = Exclusion(root / ".davserver" / "exclusion" / "sessions")
        keys = partial(document_key, "instance")
        self.sessions = EditSessions(share.store, share.catalog, exclusion, keys)
        self.saves = Saves(share.catalog)
        there = cast(Any, office)
        storing = Storing(share.files, self.saves, there, there)
        self._links = Tokens(SECRET.encode(), "callback")
        self._tokens = office.tokens
        nothing = lambda *_, **__: None  # noqa: E731
        forms = FormResults(share.files, share.trees, self.saves, there)
        self._callback = Callback(
            storing,
            there,
            forms,
            self.sessions,
            there,
            self._links,
            nothing,
            Timeline(share.catalog),
        )
        self.rescue = Rescue(storing, self.sessions, there, nothing, nothing)

    def post(self, report: dict[str, Any]) -> tuple[int, Any]:
        """What the Document Server is answered."""
        body = json.dumps({"token": self._tokens.sign(report)}).encode()
        link = CALLBACK + self._links.issue({"key": report["key"]}, 600)
        environ = {
            "REQUEST_METHOD": "POST",
            "REQUEST_URI": link,
            "PATH_INFO": link,
            "HTTP_HOST": "here",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "CONTENT_LENGTH": str(len(body)),
        }
        try:
            answer = self._callback(Request(environ))
        except DavserverError as fault:
            return fault.status, None
        return 200, json.loads(cast(bytes, answer.body))


class Editing:
    """One key at the Document Server."""

    def __init__(self, content: bytes) -> None:
        self.users: list[str] = []
        self.content = content
        self.author = ""
        self.changed = False
        self.forced = False


class Last:
    """The last save of a key, which the Document Server tries to get rid of."""

    def __init__(self, report: dict[str, Any], content: bytes) -> None:
        self.report = report
        self.content = content
        self.tries = 0


@pytest.fixture(scope="module", autouse=True)
def prepared(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A folder with its catalog, to be copied: making the tables takes longer than an example."""
    root = tmp_path_factory.mktemp("any-order") / "root"
    (root / "d").mkdir(parents=True)
    share = open_share(root, root / ".davserver", "off", connections=2)
    share.prepare()
    share.close()
    Saving.template = root


class Saving(RuleBasedStateMachine):
    """People, a Document Server, other programs, and our server that may die at any moment."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.root = self.folder / "root"
        shutil.copytree(self.template, self.root)
        self.office = Office(self.folder / "kept")
        self.open = self.office.open
        self.lasts: dict[str, Last] = {}
        self.used_up: set[str] = set()
        self.taken: list[dict[str, Any]] = []
        self.promised: set[bytes] = set()
        self.written: set[bytes] = set()
        self.finals: set[bytes] = set()
        self.path = NAMES[0]
        self.count = 0
        self.start()

    def start(self) -> None:
        share = open_share(self.root, self.root / ".davserver", "off", connections=2)
        share.prepare()
        self.room = Room(share, self.root, self.office)

    def fresh(self) -> bytes:
        self.count += 1
        return b"%%PDF-1.7 content number %d" % self.count

    # --- What people and other programs do ---

    @initialize()
    def there_is_a_file(self) -> None:
        self.put(NAMES[0], Writer("carl"))

    @rule(name=st.sampled_from(NAMES))
    def somebody_writes_over_dav(self, name: str) -> None:
        self.put(name, Writer("carl"))

    def put(self, path: str, writer: Writer) -> None:
        content = self.fresh()
        try:
            with self.room.share.files.spool() as spool:
                spool.write(content)
                self.room.share.files.commit(path, spool, writer)
        except FileLocked:
            return
        self.written.add(content)

    def holder(self) -> Writer:
        found = self.room.share.locks.on(self.path)
        return Writer(found[0].principal, frozenset({found[0].token})) if found else Writer("carl")

    def is_there(self) -> bool:
        return self.room.share.files.find(self.path) is not None

    @precondition(is_there)
    @rule()
    def the_file_is_deleted(self) -> None:
        self.room.share.trees.delete(self.path, self.holder())

    @precondition(is_there)
    @rule(name=st.sampled_from(NAMES))
    def the_file_is_moved(self, name: str) -> None:
        if self.room.share.files.find(name) is None:
            self.room.share.trees.move(self.path, name, self.holder(), overwrite=False)
            self.path = name

    @rule(name=st.sampled_from(NAMES))
    def people_turn_to_another_file(self, name: str) -> None:
        self.path = name

    @rule(who=st.sampled_from(PEOPLE))
    def somebody_loses_their_right(self, who: str) -> None:
        self.office.lost_right.add(who)

    @rule()
    def all_rights_come_back(self) -> None:
        self.office.lost_right.clear()

    @rule()
    def the_leases_run_out(self) -> None:
        long_ago = time.time() - 1
        with self.room.share.catalog.writing() as connection:
            connection.execute(update(sessions).values(lease_until=long_ago))
            connection.execute(update(locks).values(expires=long_ago))

    # --- What editors do ---

    @precondition(is_there)
    @rule(who=st.sampled_from(PEOPLE))
    def somebody_opens_the_file(self, who: str) -> None:
        try:
            session = self.room.sessions.join(self.path, who, OPENING_SECONDS)
        except FileLocked:
            return
        key = session.key.value
        assert key not in self.used_up, "the editor would say that the version has changed"
        if key in self.lasts:
            return  # the page never loads
        if key not in self.open:
            self.open[key] = Editing(self.office.kept.get(key) or self.download(session))
        editing = self.open[key]
        if who not in editing.users:
            editing.users.append(who)
        assert self.tell(key, status=1, users=editing.users) == (200, {"error": 0})

    def download(self, session: Any) -> bytes:
        content, _, _ = self.room.share.files.open_state(session.resource_id, session.etag)
        with content:
            return content.read()

    def tell(self, key: str, **report: Any) -> tuple[int, Any]:
        return self.room.post({"key": key, **report})

    def some_are_open(self) -> bool:
        return bool(self.open)

    @precondition(some_are_open)
    @rule(data=st.data())
    def somebody_types(self, data: st.DataObject) -> None:
        editing = self.open[data.draw(st.sampled_from(sorted(self.open)))]
        # They see what is there, and change it.
        self.finals.discard(editing.content)
        editing.content = self.fresh()
        editing.author = data.draw(st.sampled_from(editing.users))
        editing.changed, editing.forced = True, False

    @precondition(some_are_open)
    @rule(data=st.data(), how=how_it_goes)
    def somebody_saves(self, data: st.DataObject, how: str) -> None:
        key = data.draw(st.sampled_from(sorted(self.open)))
        editing = self.open[key]
        if editing.changed and not editing.forced:
            report = self.report(key, editing, 6, forcesavetype=1)
            if self.deliver(report, how):
                editing.forced = True
                self.promised.add(editing.content)

    @precondition(some_are_open)
    @rule(data=st.data(), how=how_it_goes)
    def somebody_leaves(self, data: st.DataObject, how: str) -> None:
        key = data.draw(st.sampled_from(sorted(self.open)))
        editing = self.open[key]
        who = editing.users.pop()
        if editing.users:
            self.tell(key, status=1, users=editing.users)
            return
        del self.open[key]
        if not editing.changed and key not in self.office.kept:
            self.tell(key, status=4)
            return
        editing.author = editing.author or who
        self.finals.add(editing.content)
        report = self.report(key, editing, 2, notmodified=editing.forced)
        self.lasts[key] = Last(report, editing.content)
        self.try_last(key, how)

    @precondition(is_there)
    @rule(
        who=st.sampled_from(PEOPLE),
        how=st.sampled_from(["garbled", "broken", "answer lost", "not reached", "full"]),
        rescue=st.sampled_from(["comes later", "comes at once", "finds the disk full"]),
    )
    def somebody_opens_types_and_leaves_and_nothing_helps(
        self, who: str, how: str, rescue: str
    ) -> None:
        """All at once, for by itself chance rarely gets so far.

        Nor to a rescue that goes wrong: what is stored afterwards must still be somewhere.
        """
        before = set(self.open)
        self.somebody_opens_the_file(who)
        for key in set(self.open) - before:
            editing = self.open.pop(key)
            self.finals.discard(editing.content)
            editing.content, editing.author = self.fresh(), who
            self.finals.add(editing.content)
            self.lasts[key] = Last(self.report(key, editing, 2), editing.content)
            while key in self.lasts:
                self.try_last(key, how)
        if rescue != "comes later" and self.office.kept:
            self.the_rescue_runs("full" if rescue == "finds the disk full" else "well")

    def report(self, key: str, editing: Editing, status: int, **more: Any) -> dict[str, Any]:
        self.count += 1
        url = f"https://docs/cache/files/{key}_{self.count}/output.pdf"
        self.office.documents[url] = editing.content
        changed = f"2026-11-23T08:00:00.{self.count:06}Z"
        return {
            "key": key,
            "status": status,
            "url": url,
            "users": [editing.author],
            "lastsave": changed,
            "filetype": "pdf",
            **more,
        }

    # --- What the Document Server does ---

    def deliver(self, report: dict[str, Any], how: str) -> bool:
        """Whether the Document Server hears that all is well."""
        self.office.mood = how
        status, body = (0, None) if how == "not reached" else self.room.post(report)
        self.office.mood = "well"
        self.heard = 0 if how == "answer lost" else status
        if self.heard == 200 and body == {"error": 0}:
            self.taken.append(report)
            return True
        return False

    def try_last(self, key: str, how: str) -> None:
        last = self.lasts[key]
        last.tries += 1
        if self.deliver(last.report, how):
            self.promised.add(last.content)
            self.used_up.add(key)
            self.office.kept.pop(key, None)
            del self.lasts[key]
        else:
            self.give_up(key)

    def give_up(self, key: str) -> None:
        """Forget the document after the last try, or an answer that says no."""
        last = self.lasts[key]
        if last.tries == TRIES or 200 <= self.heard < 500:
            self.office.kept[key] = last.content
            del self.lasts[key]

    def some_are_tried_again(self) -> bool:
        return bool(self.lasts)

    @precondition(some_are_tried_again)
    @rule(data=st.data(), how=how_it_goes)
    def the_last_save_is_tried_again(self, data: st.DataObject, how: str) -> None:
        self.try_last(data.draw(st.sampled_from(sorted(self.lasts))), how)

    @precondition(some_are_tried_again)
    @rule(how=st.sampled_from(["garbled", "broken", "answer lost", "full"]))
    def every_try_goes_wrong(self, how: str) -> None:
        for key in list(self.lasts):
            while key in self.lasts:
                self.try_last(key, how)

    @precondition(some_are_tried_again)
    @rule(data=st.data(), step=crashes)
    def we_die_while_storing(self, data: st.DataObject, step: int) -> None:
        key = data.draw(st.sampled_from(sorted(self.lasts)))
        last = self.lasts[key]
        last.tries += 1
        self.die(step, lambda room: room.post(last.report))
        self.heard = 0
        self.give_up(key)

    def some_were_taken(self) -> bool:
        return bool(self.taken)

    @precondition(some_were_taken)
    @rule(data=st.data())
    def a_report_comes_again(self, data: st.DataObject) -> None:
        report = data.draw(st.sampled_from(self.taken))
        before = self.beside()
        assert self.room.post(report) == (200, {"error": 0})
        assert self.beside() == before, "it was stored twice"

    # --- The rescue ---

    def some_are_kept(self) -> bool:
        return bool(self.office.kept)

    @precondition(some_are_kept)
    @rule(how=how_it_goes)
    def the_rescue_runs(self, how: str) -> None:
        self.office.mood = how
        self.room.rescue._later.clear()
        self.room.rescue.run()
        self.office.mood = "well"

    @precondition(some_are_kept)
    @rule(step=crashes)
    def we_die_while_rescuing(self, step: int) -> None:
        self.die(step, lambda room: room.rescue.run())

    def die(self, step: int, work: Any) -> None:
        self.room.share.close()
        dies_at(self.root, step, lambda share: work(Room(share, self.root, self.office)))
        self.start()

    # --- What holds ---

    def held(self) -> set[bytes]:
        """All contents in the folder, its versions and the trash."""
        found = set()
        share = self.room.share
        for file in self.root.rglob("*.pdf"):
            path = "/" + str(file.relative_to(self.root))
            if path.startswith("/.davserver"):
                continue
            for version in share.files.versions(path):
                content, _ = share.files.open_version(path, version.number)
                with content:
                    found.add(content.read())
        for part in ("trash", "versions"):
            for file in (self.root / ".davserver" / part).rglob("*"):
                if file.is_file():
                    found.add(file.read_bytes())
        return found

    def beside(self) -> list[bytes]:
        """The contents that were put beside, in order."""
        files = [file for file in self.root.rglob("*(*") if ".davserver" not in file.parts]
        return sorted(file.read_bytes() for file in files)

    @invariant()
    def what_was_promised_and_written_is_there(self) -> None:
        missing = (self.promised | self.written) - self.held()
        assert not missing

    @invariant()
    def nothing_is_put_beside_twice(self) -> None:
        found = [content for content in self.beside() if content != GARBAGE]
        assert len(set(found)) == len(found)

    def teardown(self) -> None:
        try:
            for key, editing in list(self.open.items()):
                while key in self.open:
                    assert editing.users
                    self.leave_well(key)
            for key in list(self.lasts):
                self.try_last(key, "well")
            self.the_leases_run_out()
            self.room.rescue._later.clear()
            self.room.rescue.run()
            assert not self.lasts
            assert not self.office.kept, "a save stays with the Document Server"
            missing = (self.finals | self.promised | self.written) - self.held()
            assert not missing, "a save is lost"
            self.nothing_is_put_beside_twice()
        finally:
            self.room.share.close()
            shutil.rmtree(self.folder)

    def leave_well(self, key: str) -> None:
        editing = self.open[key]
        who = editing.users.pop()
        if editing.users:
            return
        del self.open[key]
        if editing.changed or key in self.office.kept:
            editing.author = editing.author or who
            self.finals.add(editing.content)
            report = self.report(key, editing, 2, notmodified=editing.forced)
            self.lasts[key] = Last(report, editing.content)


TestSaving = pytest.mark.crash(Saving.TestCase)
TestSaving.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

"""sync-collection (RFC 6578): what changed since the client asked last."""

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from lxml import etree

from davserver.model import Grant, Role
from davserver.providers.groups import Groups
from tests.clock import later
from tests.dav.test_properties import WHOLE
from tests.dav.tus_client import TusClient
from tests.dav_client import DAV, DavClient
from tests.running import ThreadServer


class Sync:
    """A client that keeps its token, and what it thinks is in the folder."""

    def __init__(self, client: DavClient, path: str = "/", level: str = "infinite") -> None:
        self.client = client
        self.path = path
        self.level = level
        self.token = ""
        self.members: set[str] = set()
        self.more = False

    def ask(self, limit: int = 0, **headers: str) -> requests.Response:
        nresults = f"<D:limit><D:nresults>{limit}</D:nresults></D:limit>" if limit else ""
        body = (
            f'<D:sync-collection xmlns:D="DAV:"><D:sync-token>{self.token}</D:sync-token>'
            f"<D:sync-level>{self.level}</D:sync-level>{nresults}"
            "<D:prop><D:getetag/><D:resourcetype/></D:prop></D:sync-collection>"
        )
        return self.client.request("REPORT", self.path, data=body, headers=headers)

    def run(self, limit: int = 0) -> dict[str, int]:
        """One report: each href with its status; remembered as a client would."""
        answer = self.ask(limit)
        assert answer.status_code == 207, answer.text
        root = etree.fromstring(answer.content)
        self.token = root.findtext(DAV + "sync-token") or ""
        told: dict[str, int] = {}
        self.more = False
        for response in root.iter(DAV + "response"):
            href = response.findtext(DAV + "href") or ""
            status = response.findtext(DAV + "status") or " 200 "
            told[href] = (
                int(status.split()[1]) if response.find(DAV + "status") is not None else 200
            )
        self.more = told.pop(self.path, 0) == 507
        for href, status in told.items():
            if status == 404:
                self.members = {one for one in self.members if not within(one, href)}
            else:
                self.members.add(href)
        return told


def within(href: str, gone: str) -> bool:
    return href == gone or href.startswith(gone.rstrip("/") + "/")


def on_disk(root: Path) -> set[str]:
    return {
        "/" + str(file.relative_to(root)) + ("/" if file.is_dir() else "")
        for file in root.rglob("*")
        if ".davserver" not in file.parts
    }


@pytest.fixture
def sync(client: DavClient) -> Sync:
    return Sync(client)


def test_without_a_token_everything_is_listed(client: DavClient, sync: Sync) -> None:
    client.mkcol("/docs")
    client.put("/docs/a.txt", b"x")
    assert sync.run() == {"/docs/": 200, "/docs/a.txt": 200}
    assert sync.run() == {}


def test_with_a_token_only_what_changed_since_is_told(client: DavClient, sync: Sync) -> None:
    client.mkcol("/docs")
    for name in ("kept", "changed", "deleted", "moved"):
        client.put(f"/docs/{name}.txt", b"x")
    sync.run()
    client.put("/docs/changed.txt", b"y")
    client.put("/docs/new.txt", b"y")
    client.delete("/docs/deleted.txt")
    client.move("/docs/moved.txt", "/moved.txt")
    assert sync.run() == {
        "/docs/changed.txt": 200,
        "/docs/new.txt": 200,
        "/docs/deleted.txt": 404,
        "/docs/moved.txt": 404,
        "/moved.txt": 200,
    }


def test_a_property_that_changed_is_a_change(client: DavClient, sync: Sync) -> None:
    client.put("/a.txt", b"x")
    sync.run()
    client.proppatch("/a.txt", "<D:set><D:prop><x:c>red</x:c></D:prop></D:set>")
    assert sync.run() == {"/a.txt": 200}
    when = "<D:getlastmodified>Sun, 06 Nov 1994 08:49:37 GMT</D:getlastmodified>"
    client.proppatch("/a.txt", f"<D:set><D:prop>{when}</D:prop></D:set>")
    assert sync.run() == {"/a.txt": 200}


def test_an_upload_in_several_requests_is_a_change(client: DavClient, sync: Sync) -> None:
    sync.run()
    tus = TusClient(client)
    tus.create(3, b"ne", path="/a.txt")
    assert sync.run() == {}
    tus.patch(2, b"w")
    assert sync.run() == {"/a.txt": 200}


def test_a_save_that_moves_the_old_file_aside_is_told_name_by_name(
    client: DavClient, sync: Sync
) -> None:
    client.put("/a.txt", b"old")
    sync.run()
    client.move("/a.txt", "/a.txt~")
    client.put("/a.txt", b"new")
    assert sync.run() == {"/a.txt": 200, "/a.txt~": 200}
    client.delete("/a.txt~")
    assert sync.run() == {"/a.txt~": 404}
    client.put("/new.tmp", b"newer")
    client.move("/a.txt", "/old.tmp")
    client.move("/new.tmp", "/a.txt")
    assert sync.run() == {"/a.txt": 200, "/old.tmp": 200, "/new.tmp": 404}
    client.delete("/old.tmp")
    assert sync.run() == {"/old.tmp": 404}


def test_what_systems_keep_for_themselves_is_told_too(client: DavClient, sync: Sync) -> None:
    sync.run()
    client.put("/._a.txt", b"x")
    assert sync.run() == {"/._a.txt": 200}
    client.delete("/._a.txt")
    assert sync.run() == {"/._a.txt": 404}


def test_what_came_and_went_is_told_as_it_is_now(client: DavClient, sync: Sync) -> None:
    client.put("/back.txt", b"x")
    sync.run()
    client.put("/brief.txt", b"x")
    client.delete("/brief.txt")
    client.delete("/back.txt")
    client.put("/back.txt", b"y")
    assert sync.run() == {"/brief.txt": 404, "/back.txt": 200}


@pytest.mark.parametrize("method", ["MOVE", "COPY"])
def test_a_folder_that_appears_is_told_with_all_that_is_in_it(
    client: DavClient, sync: Sync, method: str
) -> None:
    client.mkcol("/docs")
    client.mkcol("/docs/deep")
    client.put("/docs/deep/a.txt", b"x")
    sync.run()
    client.request(method, "/docs", headers={"Destination": "/papers"})
    told = sync.run()
    assert told.pop("/docs/", 404) == 404
    assert told == {"/papers/": 200, "/papers/deep/": 200, "/papers/deep/a.txt": 200}


def test_a_folder_that_is_deleted_is_told_once_and_restored_is_told_whole(
    client: DavClient, sync: Sync, server: ThreadServer
) -> None:
    client.mkcol("/docs")
    client.put("/docs/a.txt", b"x")
    sync.run()
    client.delete("/docs")
    assert sync.run() == {"/docs/": 404}
    share = server.app.share
    [trashed] = share.trash.all()
    client.move(f"/.trash/{client.hrefs('/.trash')[1].split('/')[-2]}".replace("%20", " "), "/docs")
    assert list(share.trash.all()) == [], trashed
    assert sync.run() == {"/docs/": 200, "/docs/a.txt": 200}


def test_what_vanished_when_a_folder_was_replaced_is_told(
    client: DavClient, sync: Sync, root: Path
) -> None:
    for name in ("/a", "/a/same", "/b", "/b/same", "/b/gone"):
        client.mkcol(name)
    client.put("/b/same/gone.txt", b"x")
    client.put("/b/gone/deep.txt", b"x")
    sync.run()
    client.move("/a", "/b")
    sync.run()
    assert sync.members == on_disk(root)


def test_level_1_is_about_the_members_of_the_folder_alone(client: DavClient) -> None:
    sync = Sync(client, level="1")
    client.mkcol("/docs")
    client.put("/docs/a.txt", b"x")
    client.put("/b.txt", b"x")
    assert sync.run() == {"/docs/": 200, "/b.txt": 200}
    client.put("/docs/a.txt", b"y")
    client.mkcol("/docs/deep")
    assert sync.run() == {}
    client.move("/docs", "/papers")
    assert sync.run() == {"/docs/": 404, "/papers/": 200}


def test_a_folder_below_is_synced_by_itself(client: DavClient) -> None:
    client.mkcol("/docs")
    client.mkcol("/docs-too")
    client.put("/docs/a.txt", b"x")
    sync = Sync(client, "/docs/")
    sync.run()
    client.put("/docs-too/b.txt", b"x")
    client.put("/c.txt", b"x")
    client.move("/docs/a.txt", "/a.txt")
    client.move("/c.txt", "/docs/c.txt")
    assert sync.run() == {"/docs/a.txt": 404, "/docs/c.txt": 200}


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_a_limit_is_kept_and_nothing_is_lost_by_it(
    client: DavClient, sync: Sync, root: Path, limit: int
) -> None:
    for folder in ("/a", "/a/b", "/a b", "/ü"):
        client.mkcol(folder)
        for number in range(3):
            client.put(f"{folder}/{number}; x,y.txt", b"x")

    def sync_all() -> int:
        rounds = 0
        while True:
            assert len(sync.run(limit)) <= limit
            rounds += 1
            if not sync.more:
                return rounds
            assert rounds < 100

    assert sync_all() == -(-16 // limit)
    wanted = {href for href in on_disk(root)}
    assert {requests.utils.unquote(href) for href in sync.members} == wanted
    client.move("/a", "/moved")
    client.delete("/a b")
    client.put("/ü/0; x,y.txt", b"y")
    sync_all()
    assert {requests.utils.unquote(href) for href in sync.members} == on_disk(root)


def test_a_change_during_a_listing_in_parts_is_told_after_it(
    client: DavClient, sync: Sync, root: Path
) -> None:
    for number in range(6):
        client.put(f"/{number}.txt", b"x")
    sync.run(3)
    client.delete("/1.txt")
    client.put("/0-new.txt", b"x")
    while sync.more:
        sync.run(3)
    assert sync.members == on_disk(root)


@pytest.mark.parametrize(
    "change",
    [
        lambda token: "nonsense",
        lambda token: re.sub(r"-(\d+)", r"-999999", token),
        lambda token: re.sub(r",[0-9a-f]{4}", ",ffff", token),
        lambda token: token + ";/a;/b",
        lambda token: token + ";/%2e%2e",
    ],
)
def test_a_token_that_is_not_ours_is_refused(client: DavClient, sync: Sync, change: object) -> None:
    client.put("/a.txt", b"x")
    sync.run()
    sync.token = change(sync.token)  # type: ignore[operator]
    answer = sync.ask()
    assert answer.status_code == 403
    assert "valid-sync-token" in answer.text


@pytest.mark.parametrize("seed", range(3))
def test_a_client_that_syncs_now_and_then_knows_what_is_there(
    client: DavClient, root: Path, seed: int
) -> None:
    """Changes at random, above and below, over each other; asked in parts of random size."""
    chance = random.Random(seed)
    syncs = [Sync(client), Sync(client)]
    names = ["/a", "/b", "/a/c", "/b/d", "/a/c/e", "/b/d/f", "/a/g.txt", "/h.txt", "/a/c/i.txt"]
    for _ in range(120):
        one, other = chance.sample(names, 2)
        chance.choice(
            [
                lambda one=one: client.mkcol(one),
                lambda one=one: client.put(one + "/j.txt", b"x"),
                lambda one=one: client.delete(one),
                lambda one=one, other=other: client.move(one, other),
                lambda one=one, other=other: client.copy(one, other),
            ]
        )()
        if chance.random() < 0.2:
            sync = chance.choice(syncs)
            sync.run(chance.randint(1, 5))
    for sync in syncs:
        sync.run()
        assert sync.members == on_disk(root)


def test_a_token_that_is_too_old_is_refused(
    client: DavClient, sync: Sync, server: ThreadServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync.run()
    for number in range(5):
        client.put(f"/{number}.txt", b"x")
    monkeypatch.setattr("davserver.providers.changes.MAX_KEPT", 2)
    server.app.share.changes.prune()
    answer = sync.ask()
    assert answer.status_code == 403
    assert "valid-sync-token" in answer.text
    sync.token = ""
    assert len(sync.run()) == 5


def test_a_folder_that_is_another_one_now_is_begun_again(client: DavClient) -> None:
    for name in ("/docs", "/docs/sub", "/other", "/other/sub"):
        client.mkcol(name)
    client.put("/docs/sub/a.txt", b"x")
    client.put("/other/sub/b.txt", b"x")
    sync = Sync(client, "/docs/sub/")
    sync.run()
    client.move("/other", "/docs")
    answer = sync.ask()
    assert answer.status_code == 403
    assert "valid-sync-token" in answer.text


def test_the_token_is_a_property_of_folders_and_the_report_is_listed(
    client: DavClient, sync: Sync
) -> None:
    client.put("/a.txt", b"x")
    sync.run()
    assert client.property("/", "D:sync-token").text == sync.token  # type: ignore[union-attr]
    assert "sync-collection" in client.propfind("/", "D:supported-report-set").text
    assert client.property("/a.txt", "D:sync-token") is None
    assert "sync-token" not in client.propfind("/").text
    assert "sync-token" in client.propfind("/", body=WHOLE.format("<D:propname/>")).text
    assert "REPORT" in client.request("OPTIONS", "/").headers["Allow"]


def test_a_report_that_makes_no_sense_is_refused(client: DavClient, sync: Sync) -> None:
    client.put("/a.txt", b"x")
    assert sync.ask(depth="1").status_code == 400
    sync.level = "2"
    assert sync.ask().status_code == 400
    sync.level = "1"
    sync.path = "/a.txt"
    assert "supported-report" in sync.ask().text
    assert client.request("REPORT", "/", data=b'<D:expand xmlns:D="DAV:"/>').status_code == 403
    assert client.request("REPORT", "/").status_code == 400
    assert client.request("REPORT", "/none", data=b"<x/>").status_code == 404
    assert client.request("REPORT", "/.trash", data=b"<x/>").status_code == 403
    sync.path = "/"
    for limit in (b"0", b"-1", b"many"):
        body = sync.ask(7).request.body
        assert isinstance(body, str)
        broken = body.encode().replace(b">7<", b">" + limit + b"<")
        assert client.request("REPORT", "/", data=broken).status_code == 400


def test_reading_is_enough_to_sync(serve: object) -> None:
    server: ThreadServer = serve(anonymous="read")  # type: ignore[operator]
    server.client().put("/a.txt", b"x")
    assert Sync(DavClient(server.url)).run() == {"/a.txt": 200}


class TestRights:
    """What comes into sight or goes out of it is told, though nothing was changed there."""

    @pytest.fixture
    def ann(self, server: ThreadServer, add_user: Callable[[str, str], None]) -> Sync:
        add_user("ann", "correct horse")
        for folder in ("plans", "other"):
            (server.root / folder).mkdir()
            (server.root / folder / "a.txt").write_bytes(b"x")
        return Sync(server.client("ann"))

    def again(self, sync: Sync) -> set[str]:
        """A client whose token is refused begins again, as RFC 6578, 3.2, has it."""
        while "valid-sync-token" in sync.ask().text:
            sync.token, sync.members = "", set()
        sync.run()
        return sync.members

    def test_a_folder_that_is_closed_goes_and_comes_back(
        self, server: ThreadServer, ann: Sync
    ) -> None:
        ann.run()
        everything = set(ann.members)
        access = server.app.share.access
        access.give(Grant("/plans", "user:ann", Role.NONE), by="")
        assert self.again(ann) == {"/other/", "/other/a.txt"}
        access.take("/plans", "user:ann")
        assert self.again(ann) == everything

    def test_a_token_stays_good_while_rights_do(self, server: ThreadServer, ann: Sync) -> None:
        server.app.share.access.give(Grant("/plans", "user:ann", Role.NONE), by="")
        ann.run()
        (server.root / "other" / "a.txt").unlink()
        server.client().put("/other/b.txt", b"x")
        assert set(ann.run()) == {"/other/b.txt"}
        assert ann.client.property("/", "D:sync-token").text == ann.token  # type: ignore[union-attr]

    def test_who_joins_a_group_begins_again(self, server: ThreadServer, ann: Sync) -> None:
        groups = Groups(server.app.share.catalog)
        groups.add("staff")
        access = server.app.share.access
        access.give(Grant("/plans", "everyone", Role.NONE), by="")
        access.give(Grant("/plans", "group:staff", Role.VIEWER), by="")
        assert "/plans/" not in self.again(ann)
        groups.join("staff", "ann")
        with later(3):  # a user is remembered for two seconds
            assert "/plans/" in self.again(ann)

"""Quotas over a socket (RFC 4331)."""

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote

import pytest
from click.testing import CliRunner

from davserver.cli import main
from davserver.editor.creating.blank import BlankDocuments
from davserver.providers.share import open_share
from davserver.resources import resource_dir
from tests.accounts.test_gate import csrf_in
from tests.dav.test_nextcloud import Chunked
from tests.dav.test_properties import WHOLE, found
from tests.dav.tus_client import TusClient
from tests.dav_client import DAV, DavClient
from tests.documentserver import DocumentServerDouble
from tests.editor.desk import Desk
from tests.providers.test_files import ANN
from tests.raw import head, send, status
from tests.running import ADMIN, ProcessServer, ThreadServer

USED, LEFT = DAV + "quota-used-bytes", DAV + "quota-available-bytes"
ASKED = "<D:prop><D:quota-available-bytes/><D:quota-used-bytes/>{}</D:prop>"


def space(client: DavClient, path: str) -> tuple[int, int]:
    about = found(client.propfind(path, body=WHOLE.format(ASKED.format(""))).content)
    [properties] = about.values()
    return int(properties[USED].text or ""), int(properties[LEFT].text or "")


@pytest.fixture
def docs(server: ThreadServer, client: DavClient) -> DavClient:
    """A folder with 100 kB."""
    client.mkcol("/docs")
    client.mkcol("/docs/deep")
    server.app.share.quotas.set("/docs", 100_000)
    return client


def test_without_a_quota_the_disk_is_told(client: DavClient, server: ThreadServer) -> None:
    used, left = space(client, "/")
    disk_used, disk_left = server.app.share.store.space()
    assert used == pytest.approx(disk_used, rel=0.1)
    assert left == pytest.approx(disk_left, rel=0.1)


def test_the_tightest_quota_is_told(docs: DavClient, server: ThreadServer) -> None:
    docs.put("/docs/a.bin", b"x" * 60_000)
    assert space(docs, "/docs") == (60_000, 40_000)
    assert space(docs, "/docs/deep") == (60_000, 40_000)
    server.app.share.quotas.set(ADMIN, 70_000)
    assert space(docs, "/docs") == (60_000, 10_000)
    assert space(docs, "/") == (60_000, 10_000)
    server.app.share.quotas.set(ADMIN, 50_000)
    assert space(docs, "/") == (60_000, 0)


def test_they_are_told_when_asked_for_alone(docs: DavClient) -> None:
    assert USED not in found(docs.propfind("/docs").content)["/docs/"]
    names = found(docs.propfind("/docs", body=WHOLE.format("<D:propname/>")).content)["/docs/"]
    assert {USED, LEFT} <= names.keys()
    docs.put("/docs/a.txt", b"x")
    members = found(docs.propfind("/docs", body=WHOLE.format(ASKED.format("")), depth="1").content)
    assert LEFT in members["/docs/deep/"]
    assert LEFT not in members["/docs/a.txt"]
    answer = docs.proppatch(
        "/docs",
        "<D:set><D:prop><D:quota-available-bytes>1</D:quota-available-bytes></D:prop></D:set>",
    )
    assert "cannot-modify-protected-property" in answer.text


@pytest.mark.parametrize("name", ["quota", "quotaused"])
def test_a_finder_that_would_stand_still_is_not_told(docs: DavClient, name: str) -> None:
    """macOS 15.4 and later."""
    body = WHOLE.format(ASKED.format(f"<D:{name}/>"))
    about = found(docs.propfind("/docs", body=body).content)["/docs/"]
    assert about == {}


def test_an_upload_that_does_not_fit_is_refused_before_its_body(
    docs: DavClient, server: ThreadServer, root: Path
) -> None:
    request = head("PUT", "/docs/a.bin", "Content-Length: 100001")
    answer = send(server.url, request, then_stop=True)
    assert status(answer) == 507
    assert b"<D:quota-not-exceeded" in answer
    assert not (root / "docs" / "a.bin").exists()


def test_an_upload_of_unknown_size_is_refused_when_it_gets_too_large(
    docs: DavClient, root: Path
) -> None:
    answer = docs.put("/docs/a.bin", iter([b"x" * 60_000, b"x" * 40_001]))
    assert answer.status_code == 507
    assert b"quota-not-exceeded" in answer.content
    assert not (root / "docs" / "a.bin").exists()
    assert docs.put("/docs/a.bin", iter([b"x" * 60_000, b"x" * 40_000])).status_code == 201


def test_small_uploads_count_too(docs: DavClient) -> None:
    assert docs.put("/docs/a.bin", b"x" * 99_990).status_code == 201
    assert docs.put("/docs/b.txt", b"x" * 11).status_code == 507
    assert docs.put("/docs/a.bin", b"x" * 100_000).status_code == 204
    assert docs.put("/docs/a.bin", b"x" * 100_001).status_code == 507
    assert docs.get("/docs/a.bin").content == b"x" * 100_000
    assert docs.copy("/docs/a.bin", "/docs/b.bin").status_code == 507
    assert docs.copy("/docs/a.bin", "/b.bin").status_code == 201
    assert docs.move("/b.bin", "/docs/b.bin").status_code == 507


def test_everybody_has_what_the_settings_say(serve: Callable[..., ThreadServer]) -> None:
    client = serve(user_quota_mib=1).client()
    assert space(client, "/") == (0, 1 << 20)
    assert client.put("/a.bin", b"x" * (1 << 20)).status_code == 201
    assert client.put("/b.bin", b"x" * 100_000).status_code == 507
    assert space(client, "/") == (1 << 20, 0)
    assert client.delete("/a.bin").status_code == 204
    assert client.put("/b.bin", b"x" * 100_000).status_code == 201


def test_who_created_a_file_is_its_owner(
    client: DavClient, root: Path, add_user: Callable[[str, str], None], server: ThreadServer
) -> None:
    """RFC 3744, 5.1."""
    add_user("bob", "bob's password")
    client.put("/a.txt", b"x")
    server.client("bob", "bob's password").put("/a.txt", b"y")
    owner = client.property("/a.txt", "D:owner")
    assert owner is not None
    assert owner.findtext(DAV + "href") == f"/-/principals/{ADMIN}/"
    (root / "b.txt").write_bytes(b"x")
    assert client.property("/b.txt", "D:owner") is None


class TestEveryWayIn:
    """500 bytes are left for ``subject``, and 1,000 more would come to be in /docs."""

    @pytest.fixture(params=["/docs", ADMIN])
    def subject(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def tight(self, client: DavClient, server: ThreadServer, subject: str) -> DavClient:
        client.mkcol("/docs")
        client.put("/docs/old.bin", b"x" * 1000)
        client.put("/docs/old.bin", b"x" * 10)  # whose version 1 is large
        client.put("/docs/gone.bin", b"x" * 1000)
        client.delete("/docs/gone.bin")
        client.put("/big.bin", b"x" * 1000)
        quotas = server.app.share.quotas
        quotas.set(subject, quotas.set(subject, 1 << 30).used + 500)
        return client

    def ways(self, client: DavClient, server: ThreadServer) -> dict[str, Callable[[], int]]:
        tus = TusClient(client)
        [label] = client.hrefs("/.trash")[1:]
        [trashed] = server.app.share.trash.all()

        def form(address: str, **fields: str) -> int:
            page = client.request("GET", address, headers={"Accept": "text/html"})
            data = {"csrf": csrf_in(page), **fields}
            return client.request("POST", address, data=data).status_code

        return {
            "PUT": lambda: client.put("/docs/new.bin", b"x" * 1000).status_code,
            "PUT over": lambda: client.put("/docs/old.bin", b"x" * 1010).status_code,
            "COPY": lambda: client.copy("/big.bin", "/docs/copy.bin").status_code,
            "MOVE": lambda: client.move("/big.bin", "/docs/moved.bin").status_code,
            "tus": lambda: tus.create(1000, path="/docs/new.bin").status_code,
            "MOVE out of the trash": lambda: (
                client.move(unquote(label), "/docs/back.bin").status_code
            ),
            "COPY out of the trash": lambda: (
                client.copy(unquote(label), "/docs/back.bin").status_code
            ),
            "restore": lambda: form("/-/trash", restore=trashed.id),
            "version": lambda: form("/-/versions/docs/old.bin", restore="1"),
            "COPY of a version": lambda: (
                client.copy(version_of(client, "/docs/old.bin"), "/docs/copy.bin").status_code
            ),
        }

    def test_none_goes_beyond_the_quota(
        self, tight: DavClient, server: ThreadServer, subject: str
    ) -> None:
        quotas = server.app.share.quotas
        before = {quota.subject: quota.used for quota in quotas.all()}
        # A move changes the place of a file, and not whose it is.
        free = {"MOVE"} if subject == ADMIN else set()
        for name, way in self.ways(tight, server).items():
            if name not in free:
                assert way() == 507, name
                assert {quota.subject: quota.used for quota in quotas.all()} == before, name
        assert quotas.check() == []

    def test_each_is_booked_where_it_fits(
        self, tight: DavClient, server: ThreadServer, subject: str
    ) -> None:
        quotas = server.app.share.quotas
        quotas.set(subject, 1 << 30)
        for name, way in self.ways(tight, server).items():
            if name == "MOVE out of the trash":
                continue  # what "restore" is to find
            assert way() in {201, 204, 303}, name
            assert quotas.check() == [], name

    def test_a_save_of_the_editor_is_booked_and_never_refused(
        self, office: ThreadServer, document_server: DocumentServerDouble, subject: str
    ) -> None:
        desk = Desk(office, document_server)
        desk.ann.mkcol("/docs")
        content = BlankDocuments(resource_dir("templates")).make("docx", "en", "a4")
        desk.ann.put("/docs/a.docx", content)
        editor = desk.edit("docs/a.docx")
        quotas = office.app.share.quotas
        full = quotas.set(subject, 1).used
        editor.type("words " * 2000)
        assert editor.close().is_accepted
        [quota] = [one for one in quotas.all() if one.subject == subject]
        assert quota.used > full
        assert quotas.check() == []


def version_of(client: DavClient, path: str) -> str:
    """The address of the largest state of a file in /.versions."""
    found = client.hrefs(f"/.versions{path}")[1:]
    sizes = {href: len(client.get(unquote(href)).content) for href in found}
    return unquote(max(sizes, key=lambda href: sizes[href]))


def test_what_many_do_at_once_in_several_processes_is_booked_right(root: Path) -> None:
    """Three processes, eight clients, every way in and out, and no room for all of it."""
    share = open_share(root, root / ".davserver", connections=2)
    share.prepare()
    for folder in ("/docs", "/docs/deep", "/other"):
        share.trees.make_folder(folder, ANN)
    for subject, limit in (("/docs", 40_000), ("/docs/deep", 15_000), (ADMIN, 60_000)):
        share.quotas.set(subject, limit)
    server = ProcessServer(root, "--workers", "3")
    answers: Counter[int] = Counter()

    def work(number: int) -> None:
        client, chance = server.client(), random.Random(number)
        folders = ("/docs", "/docs/deep", "/other")

        def name() -> str:
            return f"{chance.choice(folders)}/{chance.randrange(12)}.bin"

        for _ in range(60):
            match chance.choice(("put", "put", "put", "copy", "move", "delete", "restore")):
                case "put":
                    answer = client.put(name(), b"x" * chance.randrange(6000))
                case "copy":
                    answer = client.copy(name(), name())
                case "move":
                    answer = client.move(name(), name())
                case "delete":
                    answer = client.delete(name())
                case _:
                    lying = client.hrefs("/.trash")[1:]
                    if not lying:
                        continue
                    answer = client.move(unquote(chance.choice(lying)), name())
            answers[answer.status_code] += 1

    try:
        with ThreadPoolExecutor(8) as people:
            list(people.map(work, range(8)))
    finally:
        server.stop()
    assert not any(status >= 500 and status != 507 for status in answers), answers
    assert min(answers[status] for status in (201, 204, 507)) > 10, answers
    for quota in share.quotas.all():
        assert quota.limit is not None
        assert 0 < quota.used <= quota.limit
    share.close()
    answer = CliRunner().invoke(main, ["quota", "check", "--root", str(root)])
    assert answer.output == "Everything was booked right.\n"


class TestUploadsInSeveralRequests:
    def test_one_that_does_not_fit_is_refused_when_it_begins(self, docs: DavClient) -> None:
        tus = TusClient(docs)
        assert tus.create(100_001, path="/docs/a.bin").status_code == 507
        assert tus.create(100_000, path="/docs/a.bin").status_code == 201
        docs.put("/docs/b.bin", b"x" * 60_000)
        assert tus.create(100_000, path="/docs/b.bin").status_code == 201, "it replaces 60 kB"
        assert tus.create(40_001, path="/docs/c.bin").status_code == 507

    def test_one_that_does_not_fit_any_more_waits_for_room(
        self, docs: DavClient, server: ThreadServer
    ) -> None:
        tus = TusClient(docs)
        tus.create(60_000, path="/docs/a.bin")
        docs.put("/docs/b.bin", b"x" * 50_000)
        assert tus.patch(0, b"x" * 60_000).status_code == 507
        assert docs.get("/docs/a.bin").status_code == 404
        assert space(docs, "/docs") == (50_000, 50_000)
        docs.delete("/docs/b.bin")
        assert tus.head().headers["Upload-Offset"] == "60000"
        assert docs.get("/docs/a.bin").content == b"x" * 60_000
        assert space(docs, "/docs") == (60_000, 40_000)
        assert server.app.share.quotas.check() == []

    def test_parts_that_do_not_fit_are_refused_as_they_come(
        self, docs: DavClient, server: ThreadServer
    ) -> None:
        server.app.share.quotas.set(ADMIN, 100_000)
        chunked = Chunked(docs)
        assert chunked.begin().status_code == 201
        assert chunked.put(1, b"x" * 60_000).status_code == 201
        assert chunked.put(2, b"x" * 40_001).status_code == 507
        assert chunked.put(2, iter([b"x" * 40_000, b"x"])).status_code == 507
        assert chunked.put(1, b"x" * 70_000).status_code == 204, "it replaces 60 kB"
        assert chunked.put(2, b"x" * 30_000).status_code == 201
        assert chunked.join("/docs/a.bin", oc_total_length="100000").status_code == 201
        assert space(docs, "/docs") == (100_000, 0)
        assert server.app.share.quotas.check() == []

    def test_parts_that_do_not_fit_where_they_are_put_together_stay(self, docs: DavClient) -> None:
        chunked = Chunked(docs)
        chunked.begin()
        for number in (1, 2):
            assert chunked.put(number, b"x" * 60_000).status_code == 201
        assert chunked.join("/docs/a.bin", oc_total_length="120000").status_code == 507
        assert chunked.join("/a.bin", oc_total_length="120000").status_code == 201

    def test_who_says_where_parts_will_go_is_told_as_soon_as_can_be(
        self, docs: DavClient, server: ThreadServer
    ) -> None:
        chunked = Chunked(docs)
        where = {"destination": docs.url(f"{chunked.files}/docs/a.bin")}
        assert docs.mkcol(chunked.address, oc_total_length="100001", **where).status_code == 507
        assert docs.mkcol(chunked.address, oc_total_length="90000", **where).status_code == 201
        assert docs.put(f"{chunked.address}/1", b"x" * 100_001, **where).status_code == 507
        assert docs.put(f"{chunked.address}/1", b"x" * 90_000, **where).status_code == 201
        docs.lock("/docs/a.bin")
        assert docs.put(f"{chunked.address}/1", b"x" * 90_000, **where).status_code == 423

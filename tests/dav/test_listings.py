"""PROPFIND as listings ask it: preferences, compression, whole trees, very large folders."""

import gzip
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from lxml import etree
from sqlalchemy import event

from davserver.dav.live import Circumstances
from davserver.dav.multistatus import takes_gzip
from davserver.dav.propfind import Answers, Query
from davserver.model import Principal, Scope, Writer
from davserver.providers import annotations as annotations_module
from davserver.providers.annotations import Wanted, annotated, annotated_apart, of_folder
from davserver.providers.share import Share
from davserver.web import Addresses
from tests.dav.test_properties import WHOLE, found
from tests.dav_client import DAV, DavClient
from tests.providers.test_files import put
from tests.running import ADMIN, ThreadServer

ANN = Writer("ann")
NAMES = tuple(
    DAV + name
    for name in (
        "resourcetype",
        "getcontentlength",
        "getetag",
        "getlastmodified",
        "creationdate",
        "displayname",
    )
)


def statuses(answer: requests.Response) -> list[str | None]:
    return [one.text for one in etree.fromstring(answer.content).iter(DAV + "status")]


class TestPreferences:
    """RFC 7240 and RFC 8144."""

    def test_minimal_leaves_out_what_is_missing(self, client: DavClient) -> None:
        client.put("/a.txt", b"x")
        answer = client.propfind("/a.txt", "D:getetag", "x:none", prefer="return=minimal")
        assert statuses(answer) == ["HTTP/1.1 200 OK"]
        assert answer.headers["Preference-Applied"] == "return=minimal"
        assert "Prefer" in answer.headers["Vary"]

    def test_minimal_with_nothing_found_has_an_empty_propstat(self, client: DavClient) -> None:
        client.put("/a.txt", b"x")
        answer = client.propfind("/a.txt", "x:none", prefer="return=minimal")
        assert statuses(answer) == ["HTTP/1.1 200 OK"]

    def test_without_the_root_only_members_are_told(self, client: DavClient) -> None:
        client.mkcol("/docs")
        client.put("/docs/a.txt", b"x")
        answer = client.propfind("/docs", "D:getetag", depth="1", prefer="depth-noroot")
        assert list(found(answer.content)) == ["/docs/a.txt"]
        assert answer.headers["Preference-Applied"] == "depth-noroot"

    def test_at_depth_zero_the_root_is_all_there_is(self, client: DavClient) -> None:
        answer = client.propfind("/", "D:resourcetype", prefer="depth-noroot")
        assert list(found(answer.content)) == ["/"]
        assert "Preference-Applied" not in answer.headers

    def test_preferences_come_in_any_spelling(self, client: DavClient) -> None:
        answer = client.propfind(
            "/", "x:none", depth="1", prefer='Return="minimal"; foo=1, depth-noroot, wait=5'
        )
        assert answer.headers["Preference-Applied"] == "return=minimal, depth-noroot"
        assert b"none" not in answer.content


class TestCompression:
    @pytest.mark.parametrize(
        ("header", "asked"),
        [
            ("gzip", True),
            ("x-gzip", True),
            ("*", True),
            ("deflate, GZIP;q=0.5", True),
            ("gzip; q=0.8, identity; q=0.2", True),
            ("gzip;q=0.2, identity;q=0.8", False),
            ("gzip;q=0, *", False),
            ("gzip;q=nonsense", False),
            ("identity", False),
            ("br", False),
            ("", False),
        ],
    )
    def test_gzip_is_sent_to_those_who_ask(self, header: str, asked: bool) -> None:
        assert takes_gzip(header) is asked

    @pytest.mark.parametrize("members", [20, 3000, 5000])
    def test_a_listing_is_the_same_in_gzip(
        self, client: DavClient, root: Path, members: int
    ) -> None:
        for number in range(members):
            (root / f"file {number}.txt").touch()
        plain = client.propfind("/", "D:getetag", depth="1", accept_encoding="identity")
        assert "Content-Encoding" not in plain.headers
        with client.request(
            "PROPFIND",
            "/",
            data=WHOLE.format("<D:prop><D:getetag/></D:prop>"),
            headers={"Depth": "1", "Accept-Encoding": "gzip"},
            stream=True,
        ) as zipped:
            assert zipped.headers["Content-Encoding"] == "gzip"
            raw = zipped.raw.read()
        assert len(raw) < len(plain.content) / 3
        assert gzip.decompress(raw) == plain.content

    def test_a_short_answer_is_not_worth_it(self, client: DavClient) -> None:
        answer = client.propfind("/", "D:resourcetype", accept_encoding="gzip")
        assert "Content-Encoding" not in answer.headers


class TestWholeTrees:
    def fill(self, root: Path) -> None:
        for folder in ("a/b", "c"):
            (root / folder).mkdir(parents=True)
            (root / folder / "file.txt").touch()

    def test_a_tree_is_told_where_it_is_allowed(
        self, serve: Callable[..., ThreadServer], root: Path
    ) -> None:
        self.fill(root)
        client = serve(propfind_infinity=6).client()
        assert sorted(client.hrefs("/", depth="infinity")) == [
            "/",
            "/a/",
            "/a/b/",
            "/a/b/file.txt",
            "/c/",
            "/c/file.txt",
        ]
        body = WHOLE.format("<D:prop><D:resourcetype/></D:prop>")
        answer = client.propfind("/a", body=body, depth="infinity", prefer="depth-noroot")
        assert sorted(found(answer.content)) == ["/a/b/", "/a/b/file.txt"]

    def test_a_tree_beyond_the_limit_says_that_it_is_cut_off(
        self, serve: Callable[..., ThreadServer], root: Path
    ) -> None:
        """RFC 6578, 3.6."""
        self.fill(root)
        answer = serve(propfind_infinity=5).client().propfind("/", depth="infinity")
        assert answer.status_code == 207
        responses = etree.fromstring(answer.content).findall(DAV + "response")
        assert len(responses) == 6
        last = responses[-1]
        assert last.findtext(DAV + "href") == "/"
        assert "507" in (last.findtext(DAV + "status") or "")
        assert last.find(f"{DAV}error/{DAV}number-of-matches-within-limits") is not None

    def test_a_folder_that_cannot_be_read_does_not_break_the_rest(
        self,
        serve: Callable[..., ThreadServer],
        root: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        self.fill(root)
        server = serve(propfind_infinity=100)
        opening = os.open

        def refusing(name: str, flags: int, *rest: int, **more: int) -> int:
            if name == "c" and not flags & os.O_PATH:
                raise PermissionError(13, "no")
            return opening(name, flags, *rest, **more)

        monkeypatch.setattr(os, "open", refusing)
        answer = server.client().propfind("/", "D:resourcetype", depth="infinity")
        assert "/a/b/file.txt" in answer.text
        assert "HTTP/1.1 403 Forbidden" in answer.text
        assert answer.text.endswith("</D:multistatus>")

    def test_locks_and_properties_are_found_at_every_level(
        self, serve: Callable[..., ThreadServer], root: Path
    ) -> None:
        self.fill(root)
        client = serve(propfind_infinity=100).client()
        client.proppatch("/a/b/file.txt", "<D:set><D:prop><x:p>deep</x:p></D:prop></D:set>")
        client.lock("/a", depth="infinity")
        about = found(client.propfind("/", depth="infinity").content)
        assert about["/a/b/file.txt"]["{urn:x}p"].text == "deep"
        root_of_lock = about["/a/b/file.txt"][DAV + "lockdiscovery"].findtext(f".//{DAV}lockroot/*")
        assert root_of_lock == "/a"
        assert len(about["/c/file.txt"][DAV + "lockdiscovery"]) == 0


class TestPrincipals:
    """RFC 5397 and RFC 3744, as far as they are about asking."""

    def test_somebody_who_signed_in_has_an_address(self, client: DavClient) -> None:
        one = client.property("/", "D:current-user-principal")
        assert one is not None
        href = one.findtext(DAV + "href") or ""
        assert href == f"/-/principals/{ADMIN}/"
        about = found(client.propfind(href).content)[href]
        assert about[DAV + "displayname"].text == ADMIN
        assert about[DAV + "resourcetype"].find(DAV + "principal") is not None
        assert client.propfind("/-/principals/somebody/").status_code == 404
        assert client.put(href, b"x").status_code == 405

    def test_a_stranger_is_unauthenticated_and_may_only_read(
        self, serve: Callable[..., ThreadServer]
    ) -> None:
        stranger = DavClient(serve(anonymous="read").url)
        one = stranger.property("/", "D:current-user-principal")
        assert one is not None
        assert one.find(DAV + "unauthenticated") is not None
        assert privileges(stranger) == {"read", "read-current-user-privilege-set"}
        assert stranger.propfind("/-/principals/").status_code == 404

    def test_who_may_write_is_told_so(self, client: DavClient) -> None:
        assert {"read", "write", "bind", "unbind", "write-content"} <= privileges(client)

    def test_they_are_named_but_not_part_of_allprop(self, client: DavClient) -> None:
        every = found(client.propfind("/").content)["/"]
        assert DAV + "current-user-principal" not in every
        names = found(client.propfind("/", body=WHOLE.format("<D:propname/>")).content)["/"]
        assert DAV + "current-user-privilege-set" in names
        body = WHOLE.format("<D:allprop/><D:include><D:current-user-privilege-set/></D:include>")
        more = found(client.propfind("/", body=body).content)["/"]
        assert DAV + "current-user-privilege-set" in more
        assert DAV + "resourcetype" in more


def privileges(client: DavClient) -> set[str]:
    one = client.property("/", "D:current-user-privilege-set")
    assert one is not None
    return {str(etree.QName(child[0]).localname) for child in one}


def listed(share: Share, query: Query) -> tuple[int, int]:
    """The answers for the root's members: how many characters, and the peak of memory in bytes."""
    answers = Answers(query, Circumstances(Addresses(), "", Principal("ann")))
    folder = share.files.entry("/")
    length = 0
    tracemalloc.start()
    try:
        members = share.files.children("/")
        known = of_folder(share.catalog, folder.path, query.wanted)
        for batch, about in annotated(share.catalog, members, known):
            length += sum(len(answers.of(entry, about)) for entry in batch)
        return length, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("query", [Query(names=NAMES), Query(everything=True)])
def test_memory_does_not_grow_with_the_folder(share: Share, root: Path, query: Query) -> None:
    for number in range(4000):
        (root / f"{number}.txt").touch()
    listed(share, query)
    small, peak = listed(share, query)
    for number in range(4000, 20_000):
        (root / f"{number}.txt").touch()
    large, now = listed(share, query)
    assert large > 4.9 * small
    assert now < peak * 1.2 + 100_000


def test_memory_does_not_grow_with_what_the_catalog_knows(
    share: Share, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every file has a row and a property; beyond a number of rows they are read in batches."""
    monkeypatch.setattr(annotations_module, "BATCH", 20)
    monkeypatch.setattr(annotations_module, "MAX_ROWS", 50)
    monkeypatch.setattr(annotations_module, "_OF_MEMBERS", annotations_module._OF_MEMBERS.limit(51))
    for number in range(60):
        put(share, f"/{number} ä.txt", b"x")
        share.properties.change(f"/{number} ä.txt", ANN, {"{urn:x}p": f"<p>{number}</p>"})
    folder, query = share.files.entry("/"), Query(everything=True)
    seen = {}
    known = of_folder(share.catalog, folder.path, query.wanted)
    for batch, about in annotated(share.catalog, share.files.children("/"), known):
        assert len(about.properties) == len(batch) <= 20
        seen.update({entry.path: about.properties[entry.path] for entry in batch})
    assert seen["/59 ä.txt"] == {"{urn:x}p": "<p>59</p>"}
    assert len(seen) == 60


def test_a_folder_costs_at_most_two_statements_and_often_none(
    server: ThreadServer, client: DavClient, root: Path
) -> None:
    for number in range(50):
        client.put(f"/{number}.txt", b"x")
    statements: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        # Who asks, and whether a password is enough, is not the folder's cost.
        by_sign_in = "users" in statement or "code_generators" in statement
        if statement.startswith("SELECT") and not by_sign_in:
            statements.append(statement)

    client.propfind("/")
    engine = server.app.share.catalog._engine
    event.listen(engine, "before_cursor_execute", note)
    assert client.propfind("/", depth="1").status_code == 207
    assert len(statements) == 2
    statements.clear()
    client.propfind("/", "D:getetag", "D:getlastmodified", "D:resourcetype", depth="1")
    assert statements == []
    client.mkcol("/docs")
    client.mkcol("/more")
    statements.clear()
    client.propfind("/", "D:sync-token", "D:supported-report-set", depth="1")
    assert len(statements) == 2, "the token is made once"


def test_entries_of_many_folders_are_described_in_batches(share: Share) -> None:
    """As SEARCH and sync-collection find them."""
    for name in ("/a", "/b"):
        share.trees.make_folder(name, ANN)
        put(share, f"{name}/file.txt", b"x")
        share.properties.change(f"{name}/file.txt", ANN, {"{urn:x}p": f"<p>{name}</p>"})
    locked, _ = share.locks.acquire(
        "/a", ANN, owner_xml="", scope=Scope.SHARED, deep=True, seconds=60
    )
    entries = [share.files.entry(path) for path in ("/a/file.txt", "/b/file.txt", "/a", "/")]
    statements: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        statements.append(statement)

    event.listen(share.catalog._engine, "before_cursor_execute", note)
    found = {
        entry.path: (about.properties.get(entry.path), len(about.locks_on(entry.path)))
        for entry, about in annotated_apart(share.catalog, entries, Wanted(locks=False))
    }
    assert [statement.split()[0] for statement in statements].count("SELECT") == 1
    assert found["/b/file.txt"] == ({"{urn:x}p": "<p>/b</p>"}, 0)
    tokens = {
        entry.path: [lock.token for lock in about.locks_on(entry.path)]
        for entry, about in annotated_apart(share.catalog, entries, Wanted())
    }
    mine = [locked.token]
    assert tokens == {"/a/file.txt": mine, "/b/file.txt": [], "/a": mine, "/": []}

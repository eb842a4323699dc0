"""Links: what they let in, what they keep out, and when they end."""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner
from lxml import etree

from davserver.accounts import passwords
from davserver.accounts.throttle import FREE_FAILURES
from davserver.app import audit_of
from davserver.audit import Event, Wanted
from davserver.cli import main
from davserver.model import EVERYONE, Grant, GuestNames, Link, Origin, Right, Role
from davserver.providers.users import Users
from davserver.tokens import LinkTokens
from tests.accounts.link_making import address_of, guest, make_link
from tests.dav_client import DAV, DavClient
from tests.running import PASSWORD, ProcessServer, ThreadServer

PAGE = {"Accept": "text/html"}


@pytest.fixture(autouse=True)
def _furnished(client: DavClient) -> None:
    for folder in ("/private", "/private/shared", "/private/shared/sub"):
        assert client.mkcol(folder).status_code == 201
    for file in ("/private/other.txt", "/private/shared/a.txt", "/private/shared/sub/b.txt"):
        assert client.put(file, b"content").status_code == 201


@pytest.fixture
def link(server: ThreadServer) -> Link:
    return make_link(server, "/private/shared")


def page(client: DavClient, path: str = "/") -> requests.Response:
    return client.request("GET", path, headers=PAGE)


def csrf(client: DavClient, path: str) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', page(client, path).text)
    assert found
    return found[1]


class TestTheAddress:
    def test_is_made_of_a_secret_and_not_in_the_catalog(
        self, server: ThreadServer, link: Link
    ) -> None:
        token = address_of(server, link).rstrip("/").rpartition("/")[2]
        server.app.share.catalog.close()
        state = server.settings.state
        stored = b"".join(file.read_bytes() for file in state.glob("catalog*"))
        assert link.id.encode() in stored
        assert token[len(link.id) :].encode() not in stored

    def test_of_another_secret_leads_nowhere(self, server: ThreadServer, link: Link) -> None:
        forged = LinkTokens(b"x" * 32).of(link.id)
        for token in (forged, link.id, forged[:-1], "é" + forged[1:], ""):
            assert DavClient(f"{server.url}/-/s/{token}").get("/a.txt").status_code == 404

    def test_needs_its_slash_in_a_browser(self, server: ThreadServer, link: Link) -> None:
        bare = DavClient(address_of(server, link).rstrip("/"))
        told = page(bare, "")
        assert told.status_code == 308
        assert told.headers["Location"].endswith("/")

    def test_tells_nothing_of_the_folders_above(self, server: ThreadServer, link: Link) -> None:
        stranger = guest(server, link)
        client = server.client()
        client.lock("/private", owner="ann")
        told = [
            stranger.propfind("/", depth="1", body=None),
            stranger.propfind("/", "D:lockdiscovery", "D:displayname"),
            page(stranger),
            page(stranger, "/nothing"),
            stranger.get("/nothing"),
            stranger.put("/a.txt", b"x"),
            stranger.copy("/a.txt", "/b.txt"),
            page(stranger, "/-/versions/a.txt"),
            stranger.get("/../other.txt"),
        ]
        for answer in told:
            assert "private" not in answer.text
            assert "private" not in str(answer.headers)
        assert told[1].status_code == 207
        assert "shared" in told[2].text

    @pytest.mark.parametrize(
        "path",
        ["/.trash", "/.versions/a.txt", "/.davserver", "/-/trash", "/-/metrics", "/-/share/"],
    )
    def test_leads_to_nothing_of_ours(self, server: ThreadServer, link: Link, path: str) -> None:
        assert guest(server, link).get(path).status_code == 404

    def test_tells_nothing_of_a_lock_on_them(self, server: ThreadServer, client: DavClient) -> None:
        stranger = guest(server, make_link(server, "/private/shared", Role.EDITOR))
        client.lock("/private")
        for told in (
            stranger.put("/a.txt", b"x"),
            stranger.delete("/sub"),
            stranger.request("PUT", "/a.txt", headers={"Sec-Fetch-Mode": "cors"}),
        ):
            assert told.status_code == 423
            assert "private" not in told.text

    def test_tells_nothing_of_them_when_it_is_synced(
        self, server: ThreadServer, link: Link
    ) -> None:
        stranger = guest(server, link)
        body = (
            '<D:sync-collection xmlns:D="DAV:"><D:sync-token>{}</D:sync-token>'
            "<D:sync-level>infinite</D:sync-level><D:limit><D:nresults>1</D:nresults></D:limit><D:prop><D:getetag/>"
            "</D:prop></D:sync-collection>"
        )
        token, found = "", []
        for _ in range(4):
            told = stranger.request("REPORT", "/", data=body.format(token)).text
            assert "private" not in told
            found += [
                one.partition("/-/s/")[2] for one in re.findall("<D:href>(.*?)</D:href>", told)
            ]
            token = told.partition("<D:sync-token>")[2].partition("<")[0]
        names = {one.partition("/")[2] for one in found}
        assert {"a.txt", "sub/", "sub/b.txt"} <= names

    def test_is_not_in_the_access_log(self, root: Path) -> None:
        server = ProcessServer(root, environment={"DAVSERVER_ACCESS_LOG": "true"})
        try:
            requests.get(f"{server.url}/-/s/0123456789abcdef/a", timeout=10)
        finally:
            server.stop()
        assert "/-/s/" in server.log()
        assert "0123456789abcdef" not in server.log()

    def test_can_be_mounted(self, server: ThreadServer) -> None:
        made = make_link(server, "/private/shared", Role.EDITOR)
        stranger = guest(server, made)
        assert stranger.request("OPTIONS", "/").headers["DAV"].startswith("1, 2")
        hrefs = stranger.hrefs("/")
        base = address_of(server, made)[len(server.url) :]
        assert sorted(hrefs) == [base, f"{base}a.txt", f"{base}sub/"]
        assert stranger.put("/new.txt", b"by a guest").status_code == 201
        assert stranger.mkcol("/folder").status_code == 201
        assert stranger.move("/new.txt", "/folder/moved.txt").status_code == 201
        assert stranger.get("/folder/moved.txt").content == b"by a guest"
        token = stranger.lock("/a.txt").headers["Lock-Token"]
        assert server.client().put("/private/shared/a.txt", b"x").status_code == 423
        assert stranger.put("/a.txt", b"x", If=f"({token})").status_code == 204
        assert stranger.unlock("/a.txt", token).status_code == 204
        assert stranger.copy("/a.txt", "/folder/copy.txt").status_code == 201
        assert server.client().get("/private/shared/folder/copy.txt").content == b"x"
        shown = stranger.propfind("/", "D:displayname", depth="infinity")
        assert shown.status_code in {207, 403}

    def test_takes_large_files_in_pieces(self, server: ThreadServer) -> None:
        stranger = guest(server, make_link(server, "/private/shared", Role.EDITOR))
        fields = {
            "Tus-Resumable": "1.0.0",
            "Upload-Length": "3",
            "Upload-Metadata": "path L3BpZWNlcy50eHQ=",  # /pieces.txt
        }
        made = stranger.request("POST", "/-/upload/", headers=fields)
        assert made.status_code == 201
        sent = stranger.session.patch(
            server.url + made.headers["Location"],
            b"abc",
            headers={
                "Tus-Resumable": "1.0.0",
                "Upload-Offset": "0",
                "Content-Type": "application/offset+octet-stream",
            },
            timeout=10,
        )
        assert sent.status_code == 204
        assert server.client().get("/private/shared/pieces.txt").content == b"abc"

    def test_keeps_what_was_shared_where_it_is(self, server: ThreadServer) -> None:
        stranger = guest(server, make_link(server, "/private/shared", Role.EDITOR))
        assert stranger.delete("/").status_code == 403
        alone = guest(server, make_link(server, "/private/shared/a.txt", Role.EDITOR))
        assert alone.delete("/a.txt").status_code == 403
        assert alone.put("/a.txt", b"new").status_code == 204


class TestALinkToOneFile:
    @pytest.fixture
    def alone(self, server: ThreadServer) -> DavClient:
        return guest(server, make_link(server, "/private/shared/a.txt"))

    def test_shows_it_and_nothing_beside(self, alone: DavClient) -> None:
        told = page(alone)
        assert told.status_code == 200
        assert "Download" in told.text
        assert "shared" not in told.text
        assert alone.get("/a.txt").content == b"content"
        assert alone.get("/sub/b.txt").status_code == 404
        assert page(alone, "/sub/").status_code == 404

    def test_has_no_folder(self, alone: DavClient) -> None:
        assert alone.propfind("/", depth="1").status_code == 404
        assert alone.propfind("/a.txt").status_code == 207

    def test_without_download_offers_none(self, server: ThreadServer) -> None:
        made = make_link(server, "/private/shared/a.txt", without=frozenset({Right.DOWNLOAD}))
        stranger = guest(server, made)
        assert "Download" not in page(stranger).text
        assert stranger.get("/a.txt").status_code == 403


class TestItEnds:
    def test_when_it_is_revoked(self, server: ThreadServer, link: Link) -> None:
        stranger = guest(server, link)
        assert stranger.get("/a.txt").status_code == 200
        server.app.share.links.revoke(link.id)
        assert stranger.get("/a.txt").status_code == 404
        assert "leads nowhere" in page(stranger).text

    def test_at_its_time(self, server: ThreadServer) -> None:
        soon, past = (datetime.now(UTC) + timedelta(hours=hours) for hours in (1, -1))
        assert guest(server, make_link(server, "/private/shared", expires=soon)).get("/a.txt").ok
        over = guest(server, make_link(server, "/private/shared", expires=past))
        assert over.get("/a.txt").status_code == 404

    def test_while_it_lies_in_the_trash(
        self, server: ThreadServer, client: DavClient, link: Link
    ) -> None:
        stranger = guest(server, link)
        client.move("/private/shared", "/elsewhere")
        assert stranger.get("/a.txt").status_code == 200
        client.delete("/elsewhere")
        assert stranger.get("/a.txt").status_code == 404
        [href] = [one for one in client.hrefs("/.trash") if "elsewhere" in one]
        back = client.session.request(
            "MOVE",
            server.url + href,
            headers={"Destination": client.url("/back")},
            timeout=10,
        )
        assert back.status_code == 201
        assert stranger.get("/a.txt").status_code == 200

    def test_when_its_maker_may_not_share_any_more(
        self, server: ThreadServer, add_user: Callable[[str, str], None]
    ) -> None:
        add_user("ann", "correct horse")
        access = server.app.share.access
        stranger = guest(server, make_link(server, "/private/shared", made_by="ann"))
        assert stranger.get("/a.txt").status_code == 404
        access.give(Grant("/private", "user:ann", Role.MANAGER), by="admin")
        assert stranger.get("/a.txt").status_code == 200
        access.give(Grant("/private/shared/sub", "user:ann", Role.NONE), by="admin")
        assert stranger.get("/sub/b.txt").status_code == 404
        access.give(Grant("/private", "user:ann", Role.EDITOR), by="admin")
        assert stranger.get("/a.txt").status_code == 404

    def test_when_its_maker_is_removed(
        self, server: ThreadServer, add_user: Callable[[str, str], None]
    ) -> None:
        add_user("ann", "correct horse")
        server.app.share.access.give(Grant("/private", "user:ann", Role.MANAGER), by="admin")
        made = make_link(server, "/private/shared", made_by="ann")
        stranger = guest(server, made)
        assert stranger.get("/a.txt").status_code == 200
        assert Users(server.app.share.catalog).remove("ann")
        assert stranger.get("/a.txt").status_code == 404
        add_user("ann", "correct horse")
        assert stranger.get("/a.txt").status_code == 404

    def test_is_given_no_more_than_the_maker_has(
        self, server: ThreadServer, add_user: Callable[[str, str], None]
    ) -> None:
        add_user("ann", "correct horse")
        given = Grant("/private", "user:ann", Role.MANAGER, frozenset({Right.DOWNLOAD}))
        server.app.share.access.give(given, by="admin")
        made = make_link(server, "/private/shared", Role.EDITOR, made_by="ann")
        assert guest(server, made).get("/a.txt").status_code == 403


def test_revoking_counts_at_once_in_every_process(root: Path) -> None:
    (root / "shared").mkdir()
    (root / "shared" / "a.txt").write_bytes(b"x")
    server = ProcessServer(root, "--workers", "2")
    try:
        for _ in range(3):
            made = CliRunner().invoke(main, ["link", "create", "/shared", "--root", str(root)])
            assert made.exit_code == 0, made.output
            address = made.output.split()[-1]
            clients = [DavClient(server.url + address) for _ in range(6)]
            assert {one.get("/a.txt").status_code for one in clients} == {200}
            identity = made.output.split()[0]
            told = CliRunner().invoke(main, ["link", "revoke", identity, "--root", str(root)])
            assert told.exit_code == 0
            assert {one.get("/a.txt").status_code for one in clients} == {404}
    finally:
        server.stop()


class TestDownloads:
    def test_are_counted_exactly_however_many_ask_at_once(self, server: ThreadServer) -> None:
        made = make_link(server, "/private/shared", max_downloads=5)
        clients = [guest(server, made) for _ in range(20)]
        with ThreadPoolExecutor(20) as pool:
            told = list(pool.map(lambda one: one.get("/a.txt").status_code, clients))
        assert sorted(told) == [200] * 5 + [410] * 15
        assert page(clients[0]).status_code == 200
        assert clients[0].propfind("/a.txt").status_code == 207

    def test_have_no_parts_where_they_are_counted(self, server: ThreadServer) -> None:
        stranger = guest(server, make_link(server, "/private/shared", max_downloads=1))
        assert stranger.get("/a.txt", Range="bytes=1-2").content == b"content"
        assert stranger.get("/a.txt", Range="bytes=1-2").status_code == 410

    def test_that_are_refused_do_not_count(self, server: ThreadServer) -> None:
        made = make_link(server, "/private/shared", max_downloads=1)
        stranger = guest(server, made)
        assert stranger.get("/nothing.txt").status_code == 404
        assert stranger.request("HEAD", "/a.txt").status_code == 200
        assert stranger.get("/a.txt").status_code == 200


class TestAPassword:
    @pytest.fixture
    def locked(self, server: ThreadServer) -> Link:
        return make_link(server, "/private/shared", password="open sesame")

    def test_is_asked_by_a_page_and_remembered(self, server: ThreadServer, locked: Link) -> None:
        stranger = guest(server, locked)
        assert page(stranger, "/sub/").headers["Location"].endswith("/-/unlock?next=/sub/")
        assert stranger.get("/a.txt").status_code == 401
        fields = {"csrf": csrf(stranger, "/-/unlock"), "next": "/sub/"}
        wrong = stranger.request(
            "POST", "/-/unlock", data={**fields, "password": "x"}, headers=PAGE
        )
        assert wrong.status_code == 401
        assert "not the password" in wrong.text
        right = stranger.request(
            "POST", "/-/unlock", data={**fields, "password": "open sesame"}, headers=PAGE
        )
        assert right.status_code == 303
        assert right.headers["Location"].endswith("/sub/")
        assert "Path=/-/s/" in right.headers["Set-Cookie"]
        assert stranger.get("/a.txt").status_code == 200

        hashed = passwords.hashed("another one")
        server.app.share.links.change(replace(locked, password_hash=hashed))
        assert stranger.get("/a.txt").status_code == 401

    def test_is_that_of_basic_authentication_in_a_mount(
        self, server: ThreadServer, locked: Link
    ) -> None:
        assert guest(server, locked, "mia", "open sesame").get("/a.txt").status_code == 200
        assert guest(server, locked, "admin", PASSWORD).get("/a.txt").status_code == 401

    def test_is_not_that_of_another_link(self, server: ThreadServer, locked: Link) -> None:
        other = make_link(server, "/private/shared", password="open sesame")
        stranger = guest(server, locked)
        fields = {"csrf": csrf(stranger, "/-/unlock"), "password": "open sesame"}
        assert stranger.request("POST", "/-/unlock", data=fields, headers=PAGE).status_code == 303
        for one in stranger.session.cookies:
            stranger.session.cookies.set(one.name, one.value)
        stranger.base = address_of(server, other).rstrip("/")
        assert stranger.get("/a.txt").status_code == 401

    def test_is_slowed_down_like_sign_ins(self, server: ThreadServer, locked: Link) -> None:
        told = [guest(server, locked, "x", f"wrong {n}").get("/a.txt") for n in range(8)]
        assert [one.status_code for one in told].count(429) >= 1
        assert guest(server, locked, "x", "open sesame").get("/a.txt").status_code == 429
        assert server.client().get("/private/shared/a.txt").status_code == 200

    def test_guessed_at_once_is_guessed_one_after_the_other(
        self, server: ThreadServer, locked: Link
    ) -> None:
        guests = [guest(server, locked, "x", f"wrong {n}") for n in range(20)]
        with ThreadPoolExecutor(20) as pool:
            told = list(pool.map(lambda one: one.get("/a.txt").status_code, guests))
        assert sorted(told) == [401] * FREE_FAILURES + [429] * (20 - FREE_FAILURES)

    def test_that_is_wrong_is_in_the_audit_log(self, server: ThreadServer, locked: Link) -> None:
        stranger = guest(server, locked)
        fields = {"csrf": csrf(stranger, "/-/unlock"), "password": "wrong words"}
        for _ in range(FREE_FAILURES):
            guest(server, locked, "x", "wrong words").get("/a.txt")
        last = stranger.request("POST", "/-/unlock", data=fields, headers=PAGE)
        assert (last.status_code, int(last.headers["Retry-After"]) > 0) == (429, True)
        audit = audit_of(server.settings)
        assert audit is not None
        lines = [*audit.oldest(Wanted(event=Event.SIGN_IN_REFUSED))]
        assert {one["subject"] for one in lines} == {f"link:{locked.id}"}
        assert [one["outcome"] for one in lines] == [401] * FREE_FAILURES + [429]
        text = json.dumps([*audit.oldest()])
        assert "wrong words" not in text
        assert address_of(server, locked).rstrip("/").rpartition("/")[2] not in text

    def test_needs_the_form_of_the_page(self, server: ThreadServer, locked: Link) -> None:
        stranger = guest(server, locked)
        told = stranger.request("POST", "/-/unlock", data={"password": "open sesame"})
        assert told.status_code == 403


class TestNames:
    def test_are_asked_for_where_they_are_required(self, server: ThreadServer) -> None:
        made = make_link(server, "/private/shared", Role.EDITOR, guest_names=GuestNames.REQUIRED)
        stranger = guest(server, made)
        assert "/-/name?next=/" in page(stranger).headers["Location"]
        assert stranger.put("/x.txt", b"x").status_code == 401
        fields = {"csrf": csrf(stranger, "/-/name"), "name": " Mia\t M. "}
        assert stranger.request("POST", "/-/name", data=fields, headers=PAGE).status_code == 303
        assert page(stranger).status_code == 200
        assert stranger.put("/x.txt", b"x").status_code == 201
        [version] = server.app.share.files.versions("/private/shared/x.txt")
        assert (version.author, version.origin) == ("Mia M. (guest)", Origin.DAV)

    def test_are_user_names_in_a_mount(self, server: ThreadServer) -> None:
        made = make_link(server, "/private/shared", Role.EDITOR, guest_names=GuestNames.REQUIRED)
        assert guest(server, made, "Tom", "anything").put("/t.txt", b"x").status_code == 201
        assert server.app.share.files.versions("/private/shared/t.txt")[0].author == "Tom (guest)"

    def test_of_lock_owners_are_told(self, server: ThreadServer, client: DavClient) -> None:
        made = make_link(server, "/private/shared", Role.EDITOR)
        guest(server, made, "Tom", "x").lock("/a.txt")
        refused = client.put("/private/shared/a.txt", b"x", Accept="text/html")
        assert (
            "Tom (guest)"
            in client.request(
                "PUT", "/private/shared/a.txt", data=b"x", headers={"Sec-Fetch-Mode": "cors"}
            ).text
        )
        assert refused.status_code == 423

    def test_of_who_is_signed_in_need_not_be_told(self, server: ThreadServer) -> None:
        made = make_link(server, "/private/shared", Role.EDITOR, guest_names=GuestNames.REQUIRED)
        site = DavClient(server.url)
        fields = {"csrf": csrf(site, "/-/login"), "name": "admin", "password": PASSWORD}
        assert site.request("POST", "/-/login", data=fields, headers=PAGE).status_code == 303
        site.base = address_of(server, made).rstrip("/")
        assert page(site).status_code == 200
        site.put("/m.txt", b"x")
        assert server.app.share.files.versions("/private/shared/m.txt")[0].author == "admin (guest)"

    def test_what_guests_add_counts_in_the_quota_of_the_maker(self, server: ThreadServer) -> None:
        server.app.share.quotas.set("admin", 10_000)
        stranger = guest(server, make_link(server, "/private/shared", Role.EDITOR))
        assert stranger.put("/small.bin", bytes(1000)).status_code == 201
        assert stranger.put("/large.bin", bytes(10_000)).status_code == 507


class TestUploadOnly:
    @pytest.fixture
    def dropping(self, server: ThreadServer) -> DavClient:
        return guest(server, make_link(server, "/private/shared", Role.UPLOADER))

    def test_lists_nothing(self, dropping: DavClient) -> None:
        told = page(dropping)
        assert "Drop files here" in told.text
        assert "a.txt" not in told.text
        assert "a.txt" not in dropping.propfind("/", depth="1").text
        assert dropping.get("/a.txt").status_code == 403
        assert page(dropping, "/sub/").status_code in {403, 404}

    def test_gives_a_taken_name_a_free_one(self, dropping: DavClient, client: DavClient) -> None:
        told = [dropping.put("/-/drop/a.txt", body) for body in (b"one", b"two")]
        assert [(one.status_code, one.text.strip()) for one in told] == [
            (201, "a (2).txt"),
            (201, "a (3).txt"),
        ]
        assert client.get("/private/shared/a.txt").content == b"content"
        assert client.get("/private/shared/a (3).txt").content == b"two"

    def test_stores_nowhere_else(self, dropping: DavClient) -> None:
        assert dropping.put("/-/drop/sub/x.txt", b"x").status_code == 400
        assert dropping.put("/-/drop/", b"x").status_code in {400, 404}
        assert dropping.put("/-/drop/.trash", b"x").status_code == 404

    def test_is_for_those_who_may_add(self, server: ThreadServer, link: Link) -> None:
        assert guest(server, link).put("/-/drop/x.txt", b"x").status_code == 403


def test_a_link_tells_no_account_of_the_server(server: ThreadServer, link: Link) -> None:
    told = guest(server, link).propfind("/a.txt", "D:owner", "D:current-user-principal")
    root = etree.fromstring(told.content)
    assert root.find(f".//{DAV}unauthenticated") is not None
    assert "admin" not in told.text
    assert "admin" not in page(guest(server, link)).text


def test_an_uploaders_link_does_not_lead_to_what_the_maker_was_given(
    server: ThreadServer, add_user: Callable[[str, str], None]
) -> None:
    add_user("ann", "correct horse")
    access = server.app.share.access
    access.give(Grant("/private/shared", "user:ann", Role.MANAGER), by="admin")
    access.give(Grant("/private/shared/sub", "user:ann", Role.MANAGER), by="admin")
    stranger = guest(server, make_link(server, "/private/shared", Role.UPLOADER, made_by="ann"))
    assert "sub" not in stranger.propfind("/", depth="1").text


def test_the_whole_folder_can_be_shared_and_shows_no_views(server: ThreadServer) -> None:
    stranger = guest(server, make_link(server, "/", Role.EDITOR))
    assert stranger.get("/private/other.txt").status_code == 200
    assert stranger.propfind("/.trash").status_code == 404
    assert stranger.put("/private/other.txt", b"x").status_code == 204
    assert page(stranger).status_code == 200


def test_a_link_is_nothing_to_who_is_not_given_its_address(
    server: ThreadServer, link: Link, add_user: Callable[[str, str], None]
) -> None:
    add_user("bob", "correct horse")
    server.app.share.access.give(Grant("/private", EVERYONE, Role.NONE), by="admin")
    assert server.client("bob").get("/private/shared/a.txt").status_code == 404

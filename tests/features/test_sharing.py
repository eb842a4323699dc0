"""The share page: giving roles and making links by forms, as a browser without scripts does."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from lxml import html

from davserver.audit import Event
from davserver.cli import main
from davserver.model import EVERYONE, Grant, GuestNames, Right, Rights, Role
from davserver.tokens import LinkTokens, server_secret
from tests.accounts.link_making import make_link
from tests.dav_client import DavClient
from tests.features.test_audit import lines
from tests.running import ThreadServer

PAGE = {"Accept": "text/html"}
SHARE = "/-/share/plans"


@pytest.fixture(autouse=True)
def _plans(client: DavClient) -> None:
    client.mkcol("/plans")
    client.put("/plans/a.txt", b"content")


@pytest.fixture
def ann(server: ThreadServer, add_user: Callable[[str, str], None]) -> DavClient:
    """Somebody who may share /plans, and has no other rights than others."""
    add_user("ann", "correct horse")
    server.app.share.access.give(Grant("/plans", "user:ann", Role.MANAGER), by="admin")
    return server.client("ann")


def page(client: DavClient, path: str = SHARE) -> requests.Response:
    return client.request("GET", path, headers=PAGE)


def send(client: DavClient, at: str = SHARE, **fields: Any) -> requests.Response:
    shown = page(client, at)
    token = html.fromstring(shown.text).xpath("//input[@name='csrf']/@value")
    form = {"csrf": token[0] if token else "", **fields}
    return client.request("POST", at, data=form, headers=PAGE)


def addresses(answer: requests.Response) -> list[str]:
    return html.fromstring(answer.text).xpath("//div[@class='address']/input/@value")


def followed(client: DavClient, told: requests.Response) -> requests.Response:
    assert told.status_code == 303, told.text
    return client.session.get(client.base + told.headers["Location"], headers=PAGE, timeout=10)


class TestRoles:
    def test_are_given_changed_and_taken(self, server: ThreadServer, ann: DavClient) -> None:
        shown = followed(ann, send(ann, act="give", who="everyone", role="viewer", no_print="yes"))
        assert "Everybody" in shown.text
        on = server.app.share.access.on
        given = Grant("/plans", EVERYONE, Role.VIEWER, frozenset({Right.PRINT}))
        assert given in on("/plans")
        assert send(ann, act="give", who="group:staff", role="editor").status_code == 303
        assert send(ann, act="give", who="bob", role="none").status_code == 303
        assert send(ann, act="take", subject=EVERYONE).status_code == 303
        assert [(one.subject, one.role) for one in on("/plans")] == [
            ("group:staff", Role.EDITOR),
            ("user:ann", Role.MANAGER),
            ("user:bob", Role.NONE),
        ]

    def test_are_given_by_those_alone_who_may_share(
        self, server: ThreadServer, add_user: Callable[[str, str], None], ann: DavClient
    ) -> None:
        add_user("bob", "correct horse")
        bob = server.client("bob")
        assert page(bob).status_code == 403
        assert "/-/share/" not in bob.request("GET", "/", headers=PAGE).text
        assert "/-/share/plans" in ann.request("GET", "/", headers=PAGE).text
        server.app.share.access.give(Grant("/plans", "user:bob", Role.NONE), by="admin")
        assert page(bob).status_code == 404
        assert page(server.client(""), SHARE).status_code in {303, 401}

    @pytest.mark.parametrize(
        "fields",
        [
            {"act": "give", "who": "ann", "role": "editor"},
            {"act": "give", "who": "user:ann", "role": "none"},
            {"act": "take", "subject": "user:ann"},
        ],
    )
    def test_nobody_locks_themselves_out(
        self, server: ThreadServer, ann: DavClient, fields: dict[str, str]
    ) -> None:
        told = send(ann, **fields)
        assert told.status_code == 403
        assert "lock yourself out" in told.text
        assert [one.role for one in server.app.share.access.on("/plans")] == [Role.MANAGER]

    def test_give_no_more_than_one_has(self, server: ThreadServer, ann: DavClient) -> None:
        without: Rights = frozenset({Right.DOWNLOAD})
        given = Grant("/plans", "user:ann", Role.MANAGER, without)
        server.app.share.access.give(given, by="admin")
        assert send(ann, act="give", who="bob", role="viewer").status_code == 403
        told = send(ann, act="give", who="bob", role="viewer", no_download="yes")
        assert told.status_code == 303

    def test_have_a_form_of_ours(self, ann: DavClient) -> None:
        form = {"act": "give", "who": "everyone", "role": "manager"}
        assert ann.request("POST", SHARE, data=form).status_code == 403

    @pytest.mark.parametrize(
        "fields",
        [
            {"act": "give", "who": "a:b", "role": "viewer"},
            {"act": "give", "who": "bob", "role": "king"},
            {"act": "fly"},
            {"act": "link", "role": "manager"},
            {"act": "link", "role": "viewer", "expires": "soon"},
            {"act": "link", "role": "viewer", "max_downloads": "-1"},
            {"act": "link", "role": "viewer", "password": "short"},
            {"act": "link", "role": "viewer", "guest_names": "x"},
        ],
    )
    def test_that_make_no_sense_are_refused(self, ann: DavClient, fields: dict[str, str]) -> None:
        assert send(ann, **fields).status_code == 400


class TestLinks:
    def test_are_made_shown_changed_and_revoked(self, server: ThreadServer, ann: DavClient) -> None:
        wanted = {
            "role": "editor",
            "no_copy": "yes",
            "password": "open sesame",
            "expires": "2999-01-31",
            "max_downloads": "7",
            "label": "For <Mia>",
            "guest_names": "required",
            "watermark": "Draft",
        }
        shown = followed(ann, send(ann, act="link", **wanted))
        [address] = addresses(shown)
        assert "For &lt;Mia&gt;" in shown.text
        assert "<svg" in shown.text
        [link] = server.app.share.links.on("/plans")
        assert (link.role, link.without, link.made_by) == (
            Role.EDITOR,
            frozenset({Right.COPY}),
            "ann",
        )
        assert (link.max_downloads, link.guest_names) == (7, GuestNames.REQUIRED)
        assert str(link.expires) == "2999-02-01 00:00:00+00:00"
        assert 'value="2999-01-31"' in shown.text
        stranger = DavClient(address, "Mia", "open sesame")
        assert stranger.get("/a.txt").content == b"content"
        # An empty password leaves the one there is.
        changed = send(ann, act="change", link=link.id, role="viewer")
        assert changed.status_code == 303
        [after] = server.app.share.links.on("/plans")
        assert (after.role, after.max_downloads, after.expires) == (Role.VIEWER, None, None)
        assert after.password_hash == link.password_hash
        send(ann, act="change", link=link.id, role="viewer", no_password="yes")
        assert DavClient(address).get("/a.txt").status_code == 200
        assert send(ann, act="revoke", link=link.id).status_code == 303
        assert DavClient(address).get("/a.txt").status_code == 404

    def test_and_roles_are_noted_in_the_audit_log(
        self, server: ThreadServer, ann: DavClient
    ) -> None:
        send(ann, act="link", role="viewer")
        [link] = server.app.share.links.on("/plans")
        send(ann, act="revoke", link=link.id)
        send(ann, act="give", who="bob", role="editor")
        send(ann, act="take", subject="user:bob")
        events = {Event.SHARED, Event.SHARING_ENDED}
        told = [one for one in lines(server) if one["event"] in events]
        assert [(one["event"], one["user"], one["path"], one["subject"]) for one in told] == [
            ("shared", "ann", "/plans", f"link:{link.id}"),
            ("sharing ended", "ann", "/plans", f"link:{link.id}"),
            ("shared", "ann", "/plans", "user:bob"),
            ("sharing ended", "ann", "/plans", "user:bob"),
        ]
        token = LinkTokens(server_secret(server.settings.state)).of(link.id)
        assert token not in json.dumps(lines(server))

    def test_of_others_are_revoked_and_not_used(self, server: ThreadServer, ann: DavClient) -> None:
        link = make_link(server, "/plans", Role.EDITOR)
        shown = page(ann)
        assert "by admin" in shown.text
        assert addresses(shown) == []
        assert send(ann, act="change", link=link.id, role="viewer").status_code == 404
        assert send(ann, act="revoke", link=link.id).status_code == 303
        assert server.app.share.links.on("/plans") == []

    def test_elsewhere_are_not_reached_through_this_page(
        self, server: ThreadServer, ann: DavClient, client: DavClient
    ) -> None:
        client.put("/other.txt", b"x")
        other = make_link(server, "/other.txt")
        assert send(ann, act="revoke", link=other.id).status_code == 403
        assert send(ann, act="change", link=other.id, role="editor").status_code == 404


class TestWhatIShare:
    def test_is_listed_and_taken_back(self, server: ThreadServer, ann: DavClient) -> None:
        send(ann, act="link", role="viewer", label="Mine")
        send(ann, act="give", who="bob", role="viewer")
        make_link(server, "/plans", label="Of the administrator")
        shown = page(ann, "/-/shares").text
        assert "Mine" in shown
        assert "bob" in shown
        assert "Of the administrator" not in shown
        [mine] = server.app.share.links.by("ann")
        assert send(ann, "/-/shares", revoke=mine.id).status_code == 303
        told = send(ann, "/-/shares", subject="user:bob", path="/plans")
        assert told.status_code == 303
        assert server.app.share.links.by("ann") == []
        assert [one.subject for one in server.app.share.access.on("/plans")] == ["user:ann"]

    def test_can_be_taken_back_where_one_may_share_no_more(
        self, server: ThreadServer, ann: DavClient
    ) -> None:
        send(ann, act="link", role="viewer")
        [mine] = server.app.share.links.by("ann")
        server.app.share.access.give(Grant("/plans", "user:ann", Role.VIEWER), by="admin")
        assert send(ann, "/-/shares", revoke=mine.id).status_code == 303
        assert server.app.share.links.by("ann") == []


class TestTheCommand:
    def test_makes_lists_and_revokes(self, server: ThreadServer, root: Any) -> None:
        def run(*words: str) -> Any:
            return CliRunner().invoke(main, ["link", *words, "--root", str(root)])

        made = run("create", "/plans", "--role", "editor", "--without", "print", "--days", "3")
        assert made.exit_code == 0, made.output
        identity, address = made.output.split()
        assert DavClient(server.url + address).get("/a.txt").status_code == 200
        assert f"{identity}\t/plans\teditor\tadmin\twithout print\tuntil " in run("list").output
        assert run("revoke", identity).exit_code == 0
        assert run("revoke", identity).exit_code == 1
        assert run("list").output == ""
        assert run("create", "/nowhere").exit_code == 1
        assert run("create", "/plans", "--by", "nobody").exit_code == 1

    def test_makes_none_by_who_may_not_share_that(
        self, ann: DavClient, client: DavClient, root: Any
    ) -> None:
        client.mkcol("/other")
        command = ["link", "create", "/other", "--by", "ann", "--root", str(root)]
        told = CliRunner().invoke(main, command)
        assert told.exit_code == 1
        assert "ann may not share this" in told.output

"""LOCK, UNLOCK and the If header over a socket."""

from collections.abc import Callable

import pytest
from lxml import etree

from tests.dav_client import DAV, LOCK_BODY, DavClient, token_of
from tests.running import ThreadServer


@pytest.fixture
def bob(server: ThreadServer, add_user: Callable[[str, str], None]) -> DavClient:
    add_user("bob", "bob's password")
    return server.client("bob", "bob's password")


def test_a_locked_file_waits_for_its_token(client: DavClient, bob: DavClient) -> None:
    client.put("/a.txt", b"one")
    token = token_of(client.lock("/a.txt"))
    for stranger in (bob, client):
        answer = stranger.put("/a.txt", b"two")
        assert answer.status_code == 423
        assert b"lock-token-submitted" in answer.content
        assert b"<D:href>/a.txt</D:href>" in answer.content
    assert bob.put("/a.txt", b"two", **{"if": f"({token})"}).status_code == 423
    assert client.put("/a.txt", b"two", **{"if": f"({token})"}).status_code == 204
    assert bob.get("/a.txt").content == b"two"


def test_a_lock_tells_what_was_granted(client: DavClient) -> None:
    client.put("/a.txt", b"x")
    answer = client.lock("/a.txt", owner="Ann & Bob <ann@example.org>", timeout="Second-120")
    assert answer.status_code == 200
    active = etree.fromstring(answer.content).find(f".//{DAV}activelock")
    assert active is not None
    assert active.findtext(f"{DAV}owner") == "Ann & Bob <ann@example.org>"
    assert active.findtext(f"{DAV}depth") == "0"
    assert active.findtext(f"{DAV}timeout") == "Second-120"
    assert f"<{active.findtext(f'{DAV}locktoken/{DAV}href')}>" == token_of(answer)
    assert active.findtext(f"{DAV}lockroot/{DAV}href") == "/a.txt"


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ("Second-60", 60),
        ("Infinite", 86400),
        ("Second-4100000000", 86400),
        ("Extended, Infinite, Second-5", 86400),
        ("nonsense", 1800),
        ("", 1800),
    ],
)
def test_a_timeout_has_bounds(client: DavClient, asked: str, granted: int) -> None:
    client.put("/a.txt", b"x")
    answer = client.lock("/a.txt", timeout=asked)
    assert f"Second-{granted}<" in answer.text


def test_a_lock_is_refreshed_by_its_token(client: DavClient) -> None:
    client.put("/a.txt", b"x")
    token = token_of(client.lock("/a.txt", timeout="Second-60"))
    answer = client.request("LOCK", "/a.txt", headers={"If": f"({token})", "Timeout": "Second-600"})
    assert (answer.status_code, "Second-600" in answer.text) == (200, True)
    assert "Lock-Token" not in answer.headers
    wrong = client.request("LOCK", "/a.txt", headers={"If": "(<urn:uuid:none>)"})
    assert wrong.status_code == 412
    assert client.request("LOCK", "/a.txt").status_code == 400


def test_a_conflict_names_the_lock(client: DavClient, bob: DavClient) -> None:
    client.mkcol("/docs")
    client.put("/docs/a.txt", b"x")
    client.lock("/docs/a.txt")
    answer = bob.lock("/docs/a.txt")
    assert answer.status_code == 423
    assert b"no-conflicting-lock" in answer.content
    deep = bob.lock("/docs", depth="infinity")
    assert deep.status_code == 207
    assert "/docs/a.txt" in deep.text


def test_a_new_name_is_locked_and_made(client: DavClient) -> None:
    answer = client.lock("/new.txt")
    assert answer.status_code == 201
    assert client.get("/new.txt").content == b""
    assert client.lock("/none/new.txt").status_code == 409


def test_unlock_wants_the_right_token(client: DavClient, bob: DavClient) -> None:
    client.put("/a.txt", b"x")
    token = token_of(client.lock("/a.txt"))
    assert client.request("UNLOCK", "/a.txt").status_code == 400
    assert client.unlock("/a.txt", "<urn:uuid:none>").status_code == 409
    assert bob.unlock("/a.txt", token).status_code == 403
    assert client.unlock("/a.txt", token.strip("<>")).status_code == 204
    assert bob.put("/a.txt", b"y").status_code == 204


def test_locks_are_seen_in_listings_own_and_inherited(client: DavClient) -> None:
    client.mkcol("/docs")
    client.put("/docs/a.txt", b"x")
    token = token_of(client.lock("/docs", depth="infinity"))
    discovered = client.property("/docs/a.txt", "D:lockdiscovery")
    assert discovered is not None
    assert discovered.findtext(f".//{DAV}lockroot/{DAV}href") == "/docs"
    listing = client.propfind("/docs", "D:lockdiscovery", depth="1")
    assert listing.text.count(token.strip("<>")) == 2


def test_windows_11_pads_its_body_with_nul(client: DavClient) -> None:
    body = LOCK_BODY.format(scope="exclusive", owner="win").encode() + b"\0\0"
    assert client.request("LOCK", "/new.txt", data=body).status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        "<x/>",
        "<D:lockinfo xmlns:D='DAV:'/>",
        LOCK_BODY.format(scope="nonsense", owner=""),
        "<!DOCTYPE x [<!ENTITY e 'e'>]>" + LOCK_BODY.format(scope="exclusive", owner="&e;"),
    ],
)
def test_a_lock_that_cannot_be_is_not_taken(client: DavClient, body: str) -> None:
    client.put("/a.txt", b"x")
    assert client.request("LOCK", "/a.txt", data=body).status_code in (400, 412)
    assert client.put("/a.txt", b"y").status_code == 204


def test_a_chunked_lock_body_is_a_lock_not_a_refresh(client: DavClient) -> None:
    body = LOCK_BODY.format(scope="exclusive", owner="x").encode()
    answer = client.request("LOCK", "/new.txt", data=iter([body]))
    assert (answer.status_code, "Lock-Token" in answer.headers) == (201, True)


def test_locks_survive_a_restart(serve: Callable[..., ThreadServer]) -> None:
    first = serve()
    first.client().put("/a.txt", b"x")
    first.client().lock("/a.txt")
    second = serve()
    assert second.client().put("/a.txt", b"y").status_code == 423


class TestIf:
    """RFC 4918, 10.4."""

    @pytest.fixture
    def tag(self, client: DavClient) -> str:
        return client.put("/a.txt", b"x").headers["ETag"]

    def put(self, client: DavClient, header: str) -> int:
        return client.put("/a.txt", b"y", **{"if": header}).status_code

    def test_lists_are_alternatives_and_conditions_go_together(
        self, client: DavClient, tag: str
    ) -> None:
        assert self.put(client, f'(["no"]) ([{tag}])') == 204

    def test_a_condition_that_does_not_hold_is_412(self, client: DavClient, tag: str) -> None:
        assert self.put(client, '(["no"])') == 412
        assert self.put(client, f'(["no"] [{tag}])') == 412
        assert self.put(client, f"(Not [{tag}])") == 412
        assert self.put(client, "(<urn:uuid:none>)") == 412

    def test_not_turns_it_round(self, client: DavClient, tag: str) -> None:
        assert self.put(client, '(Not ["no"])') == 204

    def test_a_tag_that_a_proxy_made_weak_matches(self, client: DavClient, tag: str) -> None:
        """RFC 4918, 10.4.4 leaves the comparison to the server; stock WsgiDAV's fails on them."""
        assert self.put(client, f"([W/{tag}])") == 204
        assert self.put(client, '([W/"no"])') == 412

    def test_a_tagged_list_is_about_its_resource(self, client: DavClient, tag: str) -> None:
        """Stock WsgiDAV skips these."""
        other = client.put("/other.txt", b"z").headers["ETag"]
        assert self.put(client, f"<{client.url('/other.txt')}> ([{other}])") == 204
        assert self.put(client, f'<{client.url("/other.txt")}> (["wrong"])') == 412
        assert self.put(client, f"</other.txt> ([{other}])") == 204
        assert self.put(client, f"<http://elsewhere.example/a> ([{other}])") == 412

    def test_a_condition_about_nothing_does_not_create(self, client: DavClient) -> None:
        for headers in ({"if_match": "*"}, {"if_match": '"x"'}, {"if": "(<urn:uuid:none>)"}):
            assert client.put("/new.txt", b"x", **headers).status_code == 412
        assert client.get("/new.txt").status_code == 404

    def test_none_match_keeps_what_is_there(self, client: DavClient, tag: str) -> None:
        assert client.put("/a.txt", b"y", if_none_match="*").status_code == 412
        assert client.put("/new.txt", b"y", if_none_match="*").status_code == 201

    @pytest.mark.parametrize(
        "header", ["nonsense", "(", "()", "(<a>", "[x]", "(Not)", "<a>", "(Not Not <a>)", "(<a>) x"]
    )
    def test_a_malformed_header_is_400_not_ignored(self, client: DavClient, header: str) -> None:
        client.put("/a.txt", b"x")
        assert self.put(client, header) == 400


class TestScopes:
    """RFC 4918, 6 and 7, over a socket."""

    def test_shared_locks_stand_together_and_each_holder_writes(
        self, client: DavClient, bob: DavClient
    ) -> None:
        client.put("/a.txt", b"x")
        token = token_of(client.lock("/a.txt", scope="shared"))
        assert bob.put("/a.txt", b"y").status_code == 423
        other = bob.lock("/a.txt", scope="shared")
        assert other.status_code == 200
        assert bob.lock("/a.txt", scope="exclusive").status_code == 423
        assert bob.put("/a.txt", b"y", **{"if": f"({token_of(other)})"}).status_code == 204
        assert client.put("/a.txt", b"z", **{"if": f"({token})"}).status_code == 204

    def test_a_folder_locked_at_depth_0_keeps_its_names_and_not_its_files(
        self, client: DavClient, bob: DavClient
    ) -> None:
        client.mkcol("/docs")
        client.put("/docs/a.txt", b"x")
        answer = client.lock("/docs", depth="0")
        assert "<D:depth>0</D:depth>" in answer.text
        assert bob.put("/docs/a.txt", b"y").status_code == 204
        for attempt in (
            bob.put("/docs/new.txt", b"y"),
            bob.delete("/docs/a.txt"),
            bob.move("/docs/a.txt", "/b.txt"),
            bob.mkcol("/docs/sub"),
            bob.lock("/docs/new.txt"),
        ):
            assert attempt.status_code == 423
            assert b"<D:lock-token-submitted><D:href>/docs</D:href>" in attempt.content
        assert client.hrefs("/docs") == ["/docs/", "/docs/a.txt"]

    def test_a_lock_on_a_new_name_is_an_empty_file_that_others_cannot_write(
        self, client: DavClient, bob: DavClient
    ) -> None:
        answer = client.lock("/new.txt", depth="infinity")
        assert (answer.status_code, "<D:depth>0</D:depth>" in answer.text) == (201, True)
        assert bob.put("/new.txt", b"y").status_code == 423
        token = token_of(answer)
        assert client.put("/new.txt", b"y", **{"if": f"({token})"}).status_code == 204
        assert client.delete("/new.txt", **{"if": f"({token})"}).status_code == 204
        assert bob.put("/new.txt", b"free").status_code == 201

    def test_a_deep_lock_is_refreshed_through_any_of_its_members(self, client: DavClient) -> None:
        client.mkcol("/docs")
        client.put("/docs/a.txt", b"x")
        token = token_of(client.lock("/docs", depth="infinity", timeout="Second-60"))
        headers = {"If": f"({token})", "Timeout": "Second-1000"}
        answer = client.request("LOCK", "/docs/a.txt", headers=headers)
        assert (answer.status_code, "Second-1000" in answer.text) == (200, True)
        assert "<D:lockroot><D:href>/docs</D:href></D:lockroot>" in answer.text
        assert client.unlock("/docs/a.txt", token).status_code == 204
        assert client.put("/docs/a.txt", b"y").status_code == 204


def test_a_move_leaves_no_lock_at_the_old_address(client: DavClient, bob: DavClient) -> None:
    client.put("/a.txt", b"x")
    token = token_of(client.lock("/a.txt"))
    assert bob.move("/a.txt", "/b.txt").status_code == 423
    assert client.move("/a.txt", "/b.txt", **{"if": f"({token})"}).status_code == 201
    assert bob.put("/a.txt", b"y").status_code == 201
    assert bob.put("/b.txt", b"y").status_code == 204


def test_what_stands_against_a_whole_folder_is_named(client: DavClient, bob: DavClient) -> None:
    client.mkcol("/docs")
    client.put("/docs/a.txt", b"x")
    client.lock("/docs/a.txt")
    for answer, condition in (
        (bob.delete("/docs"), "lock-token-submitted"),
        (bob.lock("/docs"), "no-conflicting-lock"),
    ):
        assert answer.status_code == 207
        member = etree.fromstring(answer.content).find(DAV + "response")
        assert member is not None
        assert member.findtext(DAV + "status") == "HTTP/1.1 423 Locked"
        assert member.findtext(f"{DAV}error/{DAV}{condition}/{DAV}href") == "/docs/a.txt"


def test_a_token_of_elsewhere_is_told_to_be_one(client: DavClient) -> None:
    client.put("/a.txt", b"x")
    client.put("/b.txt", b"x")
    token = token_of(client.lock("/a.txt"))
    answer = client.unlock("/b.txt", token)
    assert answer.status_code == 409
    assert b"<D:lock-token-matches-request-uri>" in answer.content


@pytest.mark.parametrize(
    "owner",
    [
        "<x:a xmlns:x='urn:x' x:b='&lt;&quot;'>1 &amp; 2<y xmlns='urn:y'/>tail</x:a>",
        "<![CDATA[<b>&]]>",
        "<!-- nothing --><?nothing?>Ann",
        "caf\u00e9 \U0001f512",
        "<a xml:lang='de'>gr\u00fcn</a>",
        "<D:href>http://ann.example/?a=1&amp;b=2</D:href>",
        "",
    ],
)
def test_a_strange_owner_is_kept_and_told_again(client: DavClient, owner: str) -> None:
    client.put("/a.txt", b"x")
    body = LOCK_BODY.format(scope="exclusive", owner=owner).encode()
    answer = client.request("LOCK", "/a.txt", data=body)
    assert answer.status_code == 200
    told = etree.fromstring(answer.content).find(f".//{DAV}owner")
    again = client.property("/a.txt", "D:lockdiscovery")
    assert again is not None
    sent = etree.fromstring(body, etree.XMLParser(remove_comments=True, remove_pis=True))
    words = "".join(str(text) for text in sent.find(f"{DAV}owner").itertext())  # type: ignore[union-attr]
    for shown in (told, again.find(f".//{DAV}owner")):
        assert (
            "".join(str(t) for t in shown.itertext()) == words if shown is not None else not words
        )
    assert client.unlock("/a.txt", token_of(answer)).status_code == 204


@pytest.mark.parametrize("owner", ["&undefined;", "<a>", "x" * 9000, "\x01", "<u:a/>"])
def test_an_owner_that_cannot_be_kept_takes_no_lock(client: DavClient, owner: str) -> None:
    """Stock WsgiDAV takes it, fails to say so, and leaves a file that nobody can write."""
    client.put("/a.txt", b"x")
    body = LOCK_BODY.format(scope="exclusive", owner=owner)
    assert client.request("LOCK", "/a.txt", data=body.encode()).status_code in (400, 413)
    assert client.put("/a.txt", b"y").status_code == 204
    assert client.lock("/new.txt", owner="x" * 9000).status_code == 413
    assert client.get("/new.txt").status_code == 404

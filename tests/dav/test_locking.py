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

"""Conditions: the If header's grammar, and every method that asks before it changes something."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davserver.dav.conditions import Conditions
from davserver.dav.if_header import MAX_LISTS, StateCondition, StateList, parse_if
from davserver.errors import BadRequest, PreconditionFailed
from davserver.model import Entry
from davserver.web import Request
from tests import raw
from tests.dav_client import DavClient, token_of
from tests.running import ThreadServer
from tests.test_web import environ

URI_CHARACTERS = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"<>')
TAG_CHARACTERS = [chr(code) for code in (0x21, *range(0x23, 0x7F), *range(0x80, 0x100))]

uris = st.builds(
    "{}:{}".format,
    st.from_regex(r"[A-Za-z][A-Za-z0-9+.\-]*", fullmatch=True),
    st.text(URI_CHARACTERS, max_size=20),
)
tags = st.builds(
    "{}{}".format, st.sampled_from(["", "W/"]), st.text(TAG_CHARACTERS).map('"{}"'.format)
)
conditions = st.one_of(
    st.builds(StateCondition, token=uris, etag=st.just(""), negated=st.booleans()),
    st.builds(StateCondition, token=st.just(""), etag=tags, negated=st.booleans()),
)
condition_lists = st.lists(conditions, min_size=1, max_size=4).map(tuple)
resources = st.one_of(uris, st.text(URI_CHARACTERS, max_size=20).map("/{}".format))
untagged = st.lists(st.builds(StateList, st.just(""), condition_lists), min_size=1, max_size=4)
tagged = st.lists(
    st.tuples(resources, st.lists(condition_lists, min_size=1, max_size=3)), min_size=1, max_size=3
)


def written(one: StateCondition, space: str) -> str:
    state = f"<{space}{one.token}{space}>" if one.token else f"[{space}{one.etag}{space}]"
    return f"Not{space}{state}" if one.negated else state


def written_list(listed: tuple[StateCondition, ...], space: str) -> str:
    return f"({space}{space.join(written(one, space) for one in listed)}{space})"


class TestGrammar:
    """RFC 4918, 10.4.2."""

    @given(untagged, st.sampled_from(["", " ", "\t "]))
    def test_lists_without_a_tag_are_read_as_they_were_written(
        self, lists: list[StateList], space: str
    ) -> None:
        header = space.join(written_list(one.conditions, space) for one in lists)
        assert parse_if(header) == lists

    @given(tagged, st.sampled_from(["", " ", "\t "]))
    def test_a_tag_counts_for_all_lists_that_follow_it(
        self, productions: list[tuple[str, list[tuple[StateCondition, ...]]]], space: str
    ) -> None:
        header = space.join(
            f"<{resource}>{space}" + space.join(written_list(one, space) for one in lists)
            for resource, lists in productions
        )
        expected = [StateList(resource, one) for resource, lists in productions for one in lists]
        assert parse_if(header) == expected

    @given(untagged, tagged)
    def test_lists_with_and_without_a_tag_do_not_mix(
        self, lists: list[StateList], productions: list[tuple[str, Any]]
    ) -> None:
        first = "".join(written_list(one.conditions, "") for one in lists)
        resource, others = productions[0]
        with pytest.raises(BadRequest):
            parse_if(f"{first} <{resource}> {written_list(others[0], '')}")

    @given(st.one_of(st.text(), st.text('<>[]()"/W: \tNotaé')))
    def test_any_text_is_lists_or_a_bad_request(self, text: str) -> None:
        with suppress(BadRequest):
            assert all(one.conditions for one in parse_if(text))

    @pytest.mark.parametrize("end", [")", ">", "]", ")]>", "(<", ",", "'"])
    def test_a_tag_may_hold_what_ends_other_things(self, end: str) -> None:
        (only,) = parse_if(f'(["a{end}b"] [W/"{end}"])')
        assert [one.etag for one in only.conditions] == [f'"a{end}b"', f'W/"{end}"']

    @pytest.mark.parametrize(
        "header",
        [
            "",
            "(",
            "()",
            "(<no-uri>)",
            "(</path>)",
            "(<a:b)",
            '(["open)',
            '("no brackets")',
            '(["a" "b"])',
            "(<a:b>, <c:d>)",
            "(Not)",
            "(Not Not <a:b>)",
            "(Nota:b)",
            "((<a:b>))",
            "(<a:b>) x",
            "</a>",
            "</a> </b> (<c:d>)",
            "(<a:b>) </c> (<d:e>)",
            "</a> (<b:c>) </d>",
            "<relative/path> (<a:b>)",
            "(<a:b c>)",
        ],
    )
    def test_what_is_not_an_if_header_is_400(self, header: str) -> None:
        with pytest.raises(BadRequest):
            parse_if(header)

    def test_a_header_does_not_ask_about_ever_more_resources(self) -> None:
        assert len(parse_if("(<a:b>)" * MAX_LISTS)) == MAX_LISTS
        with pytest.raises(BadRequest):
            parse_if("(<a:b>)" * (MAX_LISTS + 1))


def holds(header: str, states: dict[str, tuple[str, frozenset[str]]]) -> bool:
    """Whether an If header on /a holds where the resources have these states."""
    asked: list[str] = []

    def lookup(path: str) -> tuple[str, frozenset[str]]:
        asked.append(path)
        return states.get(path, ("", frozenset()))

    try:
        Conditions(Request(environ("PUT", "/a", HTTP_IF=header)), lookup).check_if()
    except PreconditionFailed:
        return False
    finally:
        assert len(asked) == len(set(asked)), "a resource was looked at twice"
    return True


@given(untagged, st.sets(uris, max_size=2), st.one_of(st.just(""), tags))
def test_an_if_header_is_an_or_of_ands(lists: list[StateList], tokens: set[str], etag: str) -> None:
    etag = etag.removeprefix("W/")
    header = " ".join(written_list(one.conditions, " ") for one in lists)

    def true(one: StateCondition) -> bool:
        matches = (
            one.token in tokens if one.token else bool(etag) and one.etag in (etag, "W/" + etag)
        )
        return matches is not one.negated

    expected = any(all(true(one) for one in listed.conditions) for listed in lists)
    assert holds(header, {"/a": (etag, frozenset(tokens))}) is expected


def test_a_tag_names_a_resource_by_url_or_by_path() -> None:
    states = {"/b c": ('"1"', frozenset({"urn:x"}))}
    assert holds('</b%20c> (["1"])', states)
    assert holds('<http://files.example.org:8080/b%20c> (["1"] <urn:x>)', states)
    assert not holds('<http://elsewhere.example/b%20c> (["1"])', states)
    assert holds('<http://elsewhere.example/b%20c> (Not ["1"])', states)
    assert not holds('<urn:b> (["1"])', states)
    assert not holds('</b%20c?query> (["1"])', states)
    assert not holds('</a/../b> (["1"])', states)


ENTRY = Entry("/a", False, 3, 784_111_777_500_000_000, '"e"')  # Sun, 06 Nov 1994 08:49:37.5 GMT
AT, BEFORE, AFTER = (f"Sun, 06 Nov 1994 08:49:3{second} GMT" for second in (7, 6, 8))


def outcome(method: str = "GET", entry: Entry | None = ENTRY, **headers: str) -> int:
    """What the conditions of a request lead to: 200, 304, 412 or 400."""
    fields = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    request = Request(environ(method, "/a", **fields))
    try:
        conditions = Conditions(request, lambda _: (entry.etag if entry else "", frozenset()))
        if method == "GET" and entry:
            return 304 if conditions.not_modified(entry) else 200
        conditions.hold(entry)
    except (BadRequest, PreconditionFailed) as refused:
        return refused.status
    return 200


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"if_match": '"e"'}, 200),
        ({"if_match": 'W/"e"'}, 412),
        ({"if_match": '"x"'}, 412),
        ({"if_match": '"x" , ,"e",'}, 200),
        ({"if_match": ""}, 412),
        ({"if_match": "*"}, 200),
        ({"if_match": '*, "e"'}, 400),
        ({"if_match": '"e" "x"'}, 400),
        ({"if_match": "e"}, 400),
        ({"if_match": 'w/"e"'}, 400),
        ({"if_match": '"e"', "if_unmodified_since": BEFORE}, 200),
        ({"if_unmodified_since": AT}, 200),
        ({"if_unmodified_since": BEFORE}, 412),
        ({"if_unmodified_since": "yesterday"}, 200),
        ({"if_none_match": '"e"'}, 304),
        ({"if_none_match": 'W/"e"'}, 304),
        ({"if_none_match": '"x"'}, 200),
        ({"if_none_match": "*"}, 304),
        ({"if_none_match": "**"}, 400),
        ({"if_none_match": '"x"', "if_modified_since": AFTER}, 200),
        ({"if_none_match": '"e"', "if_modified_since": BEFORE}, 304),
        ({"if_none_match": '"e"', "if_match": '"x"'}, 412),
        ({"if_none_match": '"e"', "if_unmodified_since": BEFORE}, 412),
        ({"if_none_match": '"e"', "if": '(["x"])'}, 412),
        ({"if_modified_since": AT}, 304),
        ({"if_modified_since": AFTER}, 304),
        ({"if_modified_since": BEFORE}, 200),
        ({"if_modified_since": "Sunday, 06-Nov-94 08:49:37 GMT"}, 304),
        ({"if_modified_since": "Sun Nov  6 08:49:37 1994"}, 304),
        ({"if_modified_since": "Sun, 06 Nov 1994 08:49:37 +0000"}, 200),
        ({"if_modified_since": "2030-01-01"}, 200),
        ({"if_modified_since": "Sun, 99 Nov 99999 08:49:37 GMT"}, 200),
    ],
)
def test_conditions_are_looked_at_in_their_order(headers: dict[str, str], expected: int) -> None:
    """RFC 9110, 13.2.2; a date that is none is not looked at (13.1.3 and 13.1.4)."""
    assert outcome("GET", **headers) == expected
    assert outcome("PUT", **headers) == {
        304: 412 if "if_none_match" in headers else 200,
    }.get(expected, expected)


def test_nothing_has_no_state_to_match() -> None:
    for headers in ({"if_match": "*"}, {"if_match": '"e"'}, {"if": '(["e"])'}, {"if_match": ""}):
        assert outcome("PUT", None, **headers) == 412
    for headers in ({"if_none_match": "*"}, {"if_unmodified_since": BEFORE}, {"if": '(Not ["e"])'}):
        assert outcome("PUT", None, **headers) == 200


@given(st.text([chr(code) for code in range(0x20, 0x100)]))
def test_any_list_of_tags_is_read_or_a_bad_request(text: str) -> None:
    assert outcome("PUT", if_match=text) in (200, 400, 412)
    assert outcome("PUT", if_none_match=text) in (200, 400, 412)
    assert outcome("GET", if_modified_since=text) in (200, 304)


Send = Callable[[DavClient, dict[str, str]], int]


def _method(method: str, path: str, body: bytes | None = None, **fixed: str) -> Send:
    def send(client: DavClient, headers: dict[str, str]) -> int:
        fields = {name.replace("_", "-"): value for name, value in fixed.items()}
        if method in ("COPY", "MOVE"):
            fields["Destination"] = client.url("/destination")
        return client.request(method, path, data=body, headers=fields | headers).status_code

    return send


LOCK_BODY = (
    b'<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>'
    b"<D:locktype><D:write/></D:locktype></D:lockinfo>"
)
PATCH_TYPE = "application/x-sabredav-partialupdate"
PROPERTY = (
    b'<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x xmlns="urn:x">1</x></D:prop></D:set>'
    b"</D:propertyupdate>"
)
CHANGING = {
    "PUT": _method("PUT", "/a.txt", b"new"),
    "PUT of a part": _method("PUT", "/a.txt", b"X", Content_Range="bytes 0-0/*"),
    "PATCH": _method("PATCH", "/a.txt", b"X", Content_Type=PATCH_TYPE, X_Update_Range="append"),
    "DELETE": _method("DELETE", "/a.txt"),
    "COPY": _method("COPY", "/a.txt"),
    "MOVE": _method("MOVE", "/a.txt"),
    "PROPPATCH": _method("PROPPATCH", "/a.txt", PROPERTY),
    "LOCK": _method("LOCK", "/a.txt", LOCK_BODY),
}


@pytest.mark.parametrize("name", CHANGING)
def test_every_method_that_changes_something_asks_first(
    client: DavClient, root: Path, name: str
) -> None:
    tag = client.put("/a.txt", b"old").headers["ETag"]
    send = CHANGING[name]
    for false in (
        {"If-Match": '"stale"'},
        {"If-None-Match": "*"},
        {"If-None-Match": tag},
        {"If-Unmodified-Since": "Sun, 06 Nov 1994 08:49:37 GMT"},
        {"If": '(["stale"])'},
        {"If": f"<{client.url('/other.txt')}> ([{tag}])"},
    ):
        assert send(client, false) == 412, false
    for malformed in ({"If-Match": "stale"}, {"If-None-Match": '"a" "b"'}, {"If": "(stale)"}):
        assert send(client, malformed) == 400, malformed
    assert sorted(path.name for path in root.iterdir()) == [".davserver", "a.txt"]
    assert client.get("/a.txt").headers["ETag"] == tag
    assert client.property("/a.txt", "x:x") is None
    assert send(client, {"If-Match": tag, "If": f"([{tag}])"}) in (200, 201, 204, 207)


@pytest.mark.parametrize("method", ["PUT", "LOCK", "MKCOL"])
def test_a_method_that_makes_something_asks_first(
    client: DavClient, root: Path, method: str
) -> None:
    send = _method(method, "/new", {"PUT": b"x", "LOCK": LOCK_BODY}.get(method))
    for false in ({"If-Match": "*"}, {"If-Match": '"x"'}, {"If": "(<urn:x>)"}, {"If": '(["x"])'}):
        assert send(client, false) == 412, false
    assert not (root / "new").exists()
    assert send(client, {"If-None-Match": "*"}) == 201
    # RFC 9110, 13.2.1: what would be refused anyway is refused for that.
    assert send(client, {"If-None-Match": "*"}) == (405 if method == "MKCOL" else 412)


def test_conditions_of_a_copy_are_about_its_source(client: DavClient) -> None:
    """Stock WsgiDAV asks them of the destination too, and answers 412."""
    tag = client.put("/a.txt", b"a").headers["ETag"]
    client.put("/destination", b"b")
    for headers in ({"if_match": tag}, {"if": f"([{tag}])"}):
        assert client.copy("/a.txt", "/destination", **headers).status_code == 204
    assert client.move("/a.txt", "/destination", if_match=tag).status_code == 204


def test_a_destination_that_is_locked_is_named_by_its_tag(client: DavClient) -> None:
    client.put("/a.txt", b"a")
    client.put("/destination", b"b")
    token = token_of(client.lock("/destination"))
    assert client.copy("/a.txt", "/destination").status_code == 423
    tagged = f"<{client.url('/destination')}> ({token})"
    assert client.copy("/a.txt", "/destination", **{"if": tagged}).status_code == 204
    # Without the tag the list is about the source, which no lock covers.
    assert client.copy("/a.txt", "/destination", **{"if": f"({token})"}).status_code == 412


def test_an_empty_if_header_is_400_not_ignored(server: ThreadServer, root: Path) -> None:
    for field in ("If:", "If: ", "If:\t"):
        request = raw.head("PUT", "/a.txt", field, "Content-Length: 1", "Connection: close") + b"x"
        assert raw.status(raw.send(server.url, request)) == 400
    assert not (root / "a.txt").exists()

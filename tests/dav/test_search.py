"""SEARCH with basicsearch (RFC 5323)."""

import os
import time
from pathlib import Path
from urllib.parse import unquote

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from davserver.dav import search as search_module
from davserver.dav.search import like
from tests.dav_client import DAV, DavClient
from tests.running import ThreadServer


def ask(
    client: DavClient, where: str = "", *, scope: str = "/", depth: str = "infinity", more: str = ""
) -> requests.Response:
    body = (
        '<D:searchrequest xmlns:D="DAV:" xmlns:x="urn:x"><D:basicsearch>'
        "<D:select><D:prop><D:getetag/></D:prop></D:select>"
        f"<D:from><D:scope><D:href>{scope}</D:href><D:depth>{depth}</D:depth></D:scope></D:from>"
        f"{f'<D:where>{where}</D:where>' if where else ''}{more}"
        "</D:basicsearch></D:searchrequest>"
    )
    headers = {"Content-Type": "application/xml"}
    return client.request("SEARCH", "/", data=body.encode(), headers=headers)


def found(client: DavClient, where: str = "", **options: str) -> list[str]:
    answer = ask(client, where, **options)
    assert answer.status_code == 207, answer.text
    hrefs = etree.fromstring(answer.content).iterfind(f"{DAV}response/{DAV}href")
    return [unquote(href.text or "") for href in hrefs]


def compare(operator: str, name: str, literal: str, attributes: str = "") -> str:
    prop = f"<D:prop><D:{name}/></D:prop><D:literal>{literal}</D:literal>"
    return f"<D:{operator} {attributes}>{prop}</D:{operator}>"


@pytest.fixture
def library(client: DavClient) -> DavClient:
    client.mkcol("/docs")
    client.mkcol("/docs/2026")
    client.put("/docs/Report.docx", b"x" * 100, x_oc_mtime="1700000000")
    client.put("/docs/2026/report 2.docx", b"x" * 2000, x_oc_mtime="1750000000")
    client.put("/docs/2026/100%_sure.txt", b"x" * 30)
    client.put("/picture.png", b"x" * 40000, x_oc_mtime="1600000000")
    return client


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (
            compare("like", "displayname", "report%"),
            {"/docs/Report.docx", "/docs/2026/report 2.docx"},
        ),
        (compare("like", "displayname", "report%", 'caseless="no"'), {"/docs/2026/report 2.docx"}),
        (compare("like", "displayname", "report _.docx"), {"/docs/2026/report 2.docx"}),
        (compare("like", "displayname", r"100\%\_%"), {"/docs/2026/100%_sure.txt"}),
        (compare("eq", "displayname", "REPORT.DOCX"), {"/docs/Report.docx"}),
        (compare("eq", "getcontenttype", "image/png"), {"/picture.png"}),
        (compare("like", "getcontenttype", "text/%"), {"/docs/2026/100%_sure.txt"}),
        (compare("lt", "getcontentlength", "100"), {"/docs/2026/100%_sure.txt"}),
        (
            compare("lte", "getcontentlength", "100"),
            {"/docs/2026/100%_sure.txt", "/docs/Report.docx"},
        ),
        (compare("gte", "getcontentlength", "40000"), {"/picture.png"}),
        (
            compare("lt", "getlastmodified", "Tue, 14 Nov 2023 22:13:20 GMT"),
            {"/picture.png"},
        ),
        (
            compare("lte", "getlastmodified", "2023-11-14T22:13:20Z"),
            {"/picture.png", "/docs/Report.docx"},
        ),
        ("<D:is-collection/>", {"/", "/docs/", "/docs/2026/"}),
        (
            "<D:not><D:is-collection/></D:not>",
            {
                "/picture.png",
                "/docs/Report.docx",
                "/docs/2026/report 2.docx",
                "/docs/2026/100%_sure.txt",
            },
        ),
        (
            f"<D:and>{compare('like', 'displayname', '%.docx')}"
            f"{compare('gt', 'getcontentlength', '100')}</D:and>",
            {"/docs/2026/report 2.docx"},
        ),
        (
            f"<D:or>{compare('eq', 'displayname', 'docs')}"
            f"{compare('like', 'displayname', '%.png')}</D:or>",
            {"/docs/", "/picture.png"},
        ),
        # A folder has no length: neither the comparison nor its opposite holds for it.
        (f"<D:not>{compare('gt', 'getcontentlength', '0')}</D:not>", set()),
        (
            "<D:not><D:is-defined><D:prop><D:getcontentlength/></D:prop></D:is-defined></D:not>",
            {"/", "/docs/", "/docs/2026/"},
        ),
    ],
)
def test_a_condition_finds_what_it_says(library: DavClient, where: str, expected: set[str]) -> None:
    assert set(found(library, where)) == expected


def test_a_scope_has_a_depth(library: DavClient) -> None:
    assert found(library, scope="/docs", depth="0") == ["/docs/"]
    assert set(found(library, scope="/docs/", depth="1")) == {
        "/docs/",
        "/docs/2026/",
        "/docs/Report.docx",
    }
    assert len(found(library, scope=library.url("/docs"))) == 5
    assert found(library, scope="/picture.png") == ["/picture.png"]


def test_results_come_in_the_order_that_was_asked_for(library: DavClient) -> None:
    def order(name: str, direction: str) -> str:
        one = f"<D:order><D:prop><D:{name}/></D:prop><D:{direction}/></D:order>"
        return f"<D:orderby>{one}</D:orderby>"

    files = "<D:not><D:is-collection/></D:not>"
    by_size = found(library, files, more=order("getcontentlength", "descending"))
    assert by_size == [
        "/picture.png",
        "/docs/2026/report 2.docx",
        "/docs/Report.docx",
        "/docs/2026/100%_sure.txt",
    ]
    by_name = found(library, files, more=order("displayname", "ascending"))
    assert by_name[0] == "/docs/2026/100%_sure.txt"
    assert by_name[1:3] == ["/picture.png", "/docs/2026/report 2.docx"]
    limit = "<D:limit><D:nresults>2</D:nresults></D:limit>"
    assert found(library, files, more=order("getcontentlength", "ascending") + limit) == [
        "/docs/2026/100%_sure.txt",
        "/docs/Report.docx",
    ]


def test_a_name_is_found_in_either_normal_form(client: DavClient) -> None:
    client.put("/u\u0308ber.txt", b"x")
    assert found(client, compare("like", "displayname", "\u00fcber%")) == ["/u\u0308ber.txt"]


@pytest.mark.parametrize(
    ("where", "words"),
    [
        (compare("eq", "creationdate", "x"), "cannot be searched"),
        ("<D:eq><D:prop><x:c/></D:prop><D:literal>1</D:literal></D:eq>", "cannot be searched"),
        ("<D:contains>word</D:contains>", "DAV:contains is not known"),
        (compare("like", "getcontentlength", "1"), "for names and types"),
        (compare("eq", "getcontentlength", "many"), "number of bytes"),
        (compare("eq", "getlastmodified", "yesterday"), "a date"),
        (compare("eq", "displayname", "x" * 2000), "characters"),
        ("<D:or>" + "<D:is-collection/>" * 500 + "</D:or>", "conditions"),
    ],
)
def test_what_is_not_known_here_is_said_in_words(client: DavClient, where: str, words: str) -> None:
    answer = ask(client, where)
    assert answer.status_code == 422
    assert words in answer.text


@pytest.mark.parametrize(
    "where",
    [
        "<D:and/>",
        "<D:not><D:is-collection/><D:is-collection/></D:not>",
        "<D:eq><D:prop><D:displayname/></D:prop></D:eq>",
        "<D:eq><D:literal>x</D:literal></D:eq>",
        compare("eq", "displayname", "x", 'caseless="perhaps"'),
    ],
)
def test_a_condition_that_is_not_well_formed_is_refused(client: DavClient, where: str) -> None:
    assert ask(client, where).status_code == 400


def test_a_search_that_makes_no_sense_is_refused(client: DavClient) -> None:
    assert "search-scope-valid" in ask(client, scope="/none").text
    assert ask(client, scope="/none").status_code == 409
    assert ask(client, scope="http://elsewhere.example/").status_code == 502
    assert ask(client, scope="/.trash").status_code == 403
    assert ask(client, depth="2").status_code == 400
    assert client.request("SEARCH", "/").status_code == 400
    other = b'<D:searchrequest xmlns:D="DAV:"><D:sql/></D:searchrequest>'
    assert client.request("SEARCH", "/", data=other).status_code == 422
    assert client.request("SEARCH", "/", data=b'<D:x xmlns:D="DAV:"/>').status_code == 400


def test_there_is_a_bound_on_what_is_looked_at_and_told(
    library: DavClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "507" not in ask(library).text
    with monkeypatch.context() as bounded:
        bounded.setattr(search_module, "MAX_RESULTS", 3)
        assert "507 Insufficient Storage" in ask(library).text
        limit = "<D:limit><D:nresults>2</D:nresults></D:limit>"
        assert "507" not in ask(library, more=limit).text, "the client's own limit is no surprise"
    monkeypatch.setattr(search_module, "MAX_WALKED", 3)
    assert "507 Insufficient Storage" in ask(library).text


def test_options_tells_the_grammar(client: DavClient) -> None:
    answer = client.request("OPTIONS", "/")
    assert answer.headers["DASL"] == "<DAV:basicsearch>"
    assert "SEARCH" in answer.headers["Allow"]


def test_reading_is_enough_to_search(serve: object) -> None:
    server: ThreadServer = serve(anonymous="read")  # type: ignore[operator]
    assert found(DavClient(server.url)) == ["/"]


def test_our_own_folder_is_not_searched(client: DavClient, root: Path) -> None:
    client.put("/a.txt", b"x")
    client.delete("/a.txt")
    assert os.listdir(root / ".davserver" / "trash")
    assert found(client) == ["/"]


def reference(pattern: str, text: str) -> bool:
    """LIKE by its definition, as a recursion over both."""
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(reference(pattern[1:], text[at:]) for at in range(len(text) + 1))
    if pattern[0] == "_":
        return bool(text) and reference(pattern[1:], text[1:])
    literal = pattern[1] if pattern[0] == "\\" and len(pattern) > 1 else pattern[0]
    rest = pattern[2:] if pattern[0] == "\\" and len(pattern) > 1 else pattern[1:]
    return text[:1] == literal and reference(rest, text[1:])


@given(st.text("ab%_\\*?[]!^-\n", max_size=6), st.text("ab%_\\*?[]!^-\n", max_size=6))
def test_like_is_what_the_definition_says(pattern: str, text: str) -> None:
    assert (like(pattern).match(text) is not None) == reference(pattern, text)


def test_like_takes_no_time_on_patterns_made_to_take_it() -> None:
    pattern = like("%a" * 200 + "b")
    started = time.process_time()
    assert pattern.match("a" * 255) is None
    assert time.process_time() - started < 1

"""PROPFIND and PROPPATCH over a socket."""

import os
from pathlib import Path

import pytest
from lxml import etree

from tests.dav_client import DAV, DavClient

WHOLE = '<D:propfind xmlns:D="DAV:">{}</D:propfind>'


def found(content: bytes) -> dict[str, dict[str, etree._Element]]:
    """href to name to element, of the properties with status 200."""
    result: dict[str, dict[str, etree._Element]] = {}
    for response in etree.fromstring(content).iter(DAV + "response"):
        href = response.findtext(DAV + "href") or ""
        result[href] = {}
        for propstat in response.iter(DAV + "propstat"):
            if " 200 " in (propstat.findtext(DAV + "status") or ""):
                prop = propstat.find(DAV + "prop")
                result[href].update(
                    {str(one.tag): one for one in (prop if prop is not None else ())}
                )
    return result


def test_a_file_has_its_live_properties(client: DavClient) -> None:
    tag = client.put("/a.txt", b"hello").headers["ETag"]
    about = found(client.propfind("/a.txt").content)["/a.txt"]
    assert about[DAV + "getcontentlength"].text == "5"
    assert about[DAV + "getetag"].text == tag, "the property and the header differ"
    assert about[DAV + "getcontenttype"].text == "text/plain"
    assert about[DAV + "displayname"].text == "a.txt"
    assert len(about[DAV + "resourcetype"]) == 0
    assert len(about[DAV + "supportedlock"]) == 2


def test_a_folder_is_a_collection_and_ends_with_a_slash(client: DavClient) -> None:
    client.mkcol("/docs")
    about = found(client.propfind("/docs").content)["/docs/"]
    assert about[DAV + "resourcetype"][0].tag == DAV + "collection"
    assert DAV + "getcontentlength" not in about
    assert client.propfind("/none").status_code == 404
    client.put("/a.txt", b"x")
    assert client.propfind("/a.txt/").status_code == 404


def test_depth_one_lists_the_members(client: DavClient) -> None:
    client.mkcol("/docs")
    client.put("/docs/a b.txt", b"x")
    client.mkcol("/docs/deep")
    client.put("/docs/deep/c.txt", b"x")
    assert sorted(client.hrefs("/docs")) == ["/docs/", "/docs/a%20b.txt", "/docs/deep/"]
    assert client.hrefs("/docs", depth="0") == ["/docs/"]


def test_the_whole_tree_at_once_is_refused_as_the_rfc_says(client: DavClient) -> None:
    for depth in ("infinity", "Infinity"):
        answer = client.propfind("/", "D:getetag", depth=depth)
        assert answer.status_code == 403
        assert b"propfind-finite-depth" in answer.content
    client.put("/a.txt", b"x")
    assert client.propfind("/a.txt", "D:getetag", depth="infinity").status_code == 207
    assert client.propfind("/", "D:getetag", depth="2").status_code == 400


def test_propname_names_and_include_adds(client: DavClient) -> None:
    client.put("/a.txt", b"x")
    client.proppatch("/a.txt", "<D:set><D:prop><x:color>red</x:color></D:prop></D:set>")
    names = found(client.propfind("/a.txt", body=WHOLE.format("<D:propname/>")).content)["/a.txt"]
    assert {DAV + "getetag", "{urn:x}color"} <= names.keys()
    assert not any(element.text for element in names.values())
    body = WHOLE.format('<D:allprop/><D:include><y:none xmlns:y="urn:y"/></D:include>')
    answer = client.propfind("/a.txt", body=body)
    assert b"none" in answer.content
    assert b"404" in answer.content


def test_what_is_missing_is_404_beside_what_is_found(client: DavClient) -> None:
    client.put("/a.txt", b"x")
    answer = client.propfind("/a.txt", "D:getetag", "x:none")
    root = etree.fromstring(answer.content)
    statuses = [status.text for status in root.iter(DAV + "status")]
    assert statuses == ["HTTP/1.1 200 OK", "HTTP/1.1 404 Not Found"]


@pytest.mark.parametrize(
    "body",
    [
        "<D:propfind",
        "<x/>",
        WHOLE.format(""),
        WHOLE.format("<D:prop/><D:allprop/>"),
        '<!DOCTYPE x [<!ENTITY e "e">]>' + WHOLE.format("<D:prop><D:getetag/></D:prop>"),
        WHOLE.format("<D:prop>" + "<a>" * 80 + "</a>" * 80 + "</D:prop>"),
        WHOLE.format("<D:prop>" + "".join(f"<p{n}/>" for n in range(300)) + "</D:prop>"),
    ],
)
def test_a_body_that_is_no_propfind_is_a_bad_request(client: DavClient, body: str) -> None:
    assert client.propfind("/", body=body).status_code == 400


def test_comments_and_unknown_elements_do_no_harm(client: DavClient) -> None:
    body = WHOLE.format(
        "<!-- hi --><D:prop><!-- hi --><?pi?><D:getetag/></D:prop><x:y xmlns:x='u'/>"
    )
    assert client.propfind("/", body=body).status_code == 207


def test_a_body_is_limited(client: DavClient) -> None:
    body = WHOLE.format("<D:allprop/>" + " " * (1 << 20))
    assert client.propfind("/", body=body).status_code == 413


def test_names_that_xml_cannot_carry_do_not_break_the_folder(client: DavClient, root: Path) -> None:
    """One such name makes the whole folder 500 with stock WsgiDAV."""
    (root / os.fsdecode(b"caf\xe9.txt")).write_bytes(b"x")
    (root / "tab\x01here").write_bytes(b"x")
    (root / "good.txt").write_bytes(b"x")
    answer = client.propfind("/", depth="1")
    assert answer.status_code == 207
    assert set(found(answer.content)) == {"/", "/caf%E9.txt", "/tab%01here", "/good.txt"}


def test_a_large_folder_is_streamed(client: DavClient, root: Path) -> None:
    for number in range(5000):
        (root / f"file {number}.txt").touch()
    answer = client.propfind("/", "D:getetag", "D:getcontentlength", depth="1")
    assert answer.headers.get("Transfer-Encoding") == "chunked"
    assert len(found(answer.content)) == 5001


def test_dead_properties_are_kept_as_they_came(client: DavClient) -> None:
    client.put("/a.txt", b"x")
    answer = client.proppatch(
        "/a.txt",
        '<D:set><D:prop xml:lang="de"><x:note>grün <x:b>fett</x:b> &lt;</x:note></D:prop></D:set>',
    )
    assert answer.status_code == 207
    note = client.property("/a.txt", "x:note")
    assert note is not None
    assert note.get("{http://www.w3.org/XML/1998/namespace}lang") == "de"
    assert "".join(str(text) for text in note.itertext()) == "grün fett <"


def test_changes_apply_in_order_and_all_or_none(client: DavClient) -> None:
    client.put("/a.txt", b"x")
    client.proppatch(
        "/a.txt",
        "<D:set><D:prop><x:a>1</x:a></D:prop></D:set><D:remove><D:prop><x:a/></D:prop></D:remove>"
        "<D:set><D:prop><x:b>1</x:b></D:prop></D:set><D:set><D:prop><x:b>2</x:b></D:prop></D:set>",
    )
    assert client.property("/a.txt", "x:a") is None
    assert (b := client.property("/a.txt", "x:b")) is not None
    assert b.text == "2"
    answer = client.proppatch(
        "/a.txt", "<D:set><D:prop><x:c>1</x:c><D:getetag>mine</D:getetag></D:prop></D:set>"
    )
    assert "403 Forbidden" in answer.text
    assert "424 Failed Dependency" in answer.text
    assert "cannot-modify-protected-property" in answer.text
    assert client.property("/a.txt", "x:c") is None


def test_a_condition_counts_before_what_is_protected(client: DavClient) -> None:
    client.put("/a.txt", b"x")
    protected = "<D:set><D:prop><D:getetag>mine</D:getetag></D:prop></D:set>"
    assert client.proppatch("/a.txt", protected, if_match='"other"').status_code == 412


def test_the_root_has_properties_too(client: DavClient) -> None:
    client.proppatch("/", "<D:set><D:prop><x:p>1</x:p></D:prop></D:set>")
    client.put("/a.txt", b"x")
    about = found(client.propfind("/", depth="1").content)
    assert about["/"]["{urn:x}p"].text == "1"
    assert "{urn:x}p" not in about["/a.txt"]
    assert client.lock("/", depth="infinity").status_code == 200
    assert client.put("/a.txt", b"y").status_code == 423


def test_a_display_name_can_be_set(client: DavClient) -> None:
    client.put("/a.txt", b"x")
    client.proppatch(
        "/a.txt", "<D:set><D:prop><D:displayname>Nice</D:displayname></D:prop></D:set>"
    )
    assert (name := client.property("/a.txt", "D:displayname")) is not None
    assert name.text == "Nice"


def test_properties_follow_moves_and_copies_of_trees(client: DavClient) -> None:
    """A path that repeats its parent's name loses them in stock WsgiDAV."""
    for folder in ("/a", "/a/x", "/a/x/a"):
        client.mkcol(folder)
    client.put("/a/x/a/f.txt", b"x")
    client.proppatch("/a/x/a/f.txt", "<D:set><D:prop><x:p>1</x:p></D:prop></D:set>")
    client.copy("/a", "/c")
    client.move("/a", "/b")
    assert client.property("/b/x/a/f.txt", "x:p") is not None
    assert client.property("/c/x/a/f.txt", "x:p") is not None


def test_a_locked_resource_keeps_its_properties(client: DavClient) -> None:
    client.put("/a.txt", b"x")
    client.lock("/a.txt")
    instructions = "<D:set><D:prop><x:p>1</x:p></D:prop></D:set>"
    assert client.proppatch("/a.txt", instructions).status_code == 423


def test_properties_are_limited(client: DavClient) -> None:
    client.put("/a.txt", b"x")
    big = "x" * 70_000
    answer = client.proppatch(
        "/a.txt", f"<D:set><D:prop><x:q>1</x:q><x:p>{big}</x:p></D:prop></D:set>"
    )
    assert answer.status_code == 207
    assert "507 Insufficient Storage" in answer.text
    assert "quota-not-exceeded" in answer.text
    assert "424 Failed Dependency" in answer.text
    assert client.property("/a.txt", "x:q") is None
    for number in range(17):
        answer = client.proppatch(
            "/a.txt", f"<D:set><D:prop><x:p{number}>{'x' * 65_000}</x:p{number}></D:prop></D:set>"
        )
    assert answer.status_code == 507
    assert b"quota-not-exceeded" in answer.content
    assert client.property("/a.txt", "x:p16") is None
    many = "".join(f"<x:p{number}/>" for number in range(1001))
    answer = client.proppatch("/a.txt", f"<D:remove><D:prop>{many}</D:prop></D:remove>")
    assert answer.status_code == 400


def test_a_property_may_have_a_name_that_is_not_ascii(client: DavClient) -> None:
    client.put("/a.txt", b"x")
    prop = "<größe xmlns='urn:x'><文件 größe='1'/></größe>"
    answer = client.proppatch("/a.txt", f"<D:set><D:prop>{prop}</D:prop></D:set>")
    assert answer.status_code == 207
    found = client.propfind("/a.txt", body=None)
    (element,) = etree.fromstring(found.content).iter("{urn:x}größe")
    assert element[0].tag == "{urn:x}文件"
    asked = '<D:propfind xmlns:D="DAV:"><D:prop><größe xmlns="urn:x"/></D:prop></D:propfind>'
    named = client.propfind("/a.txt", body=asked.encode())
    assert [one.tag for one in etree.fromstring(named.content).iter("{urn:x}größe")]


def test_a_name_in_the_namespace_of_xml_itself_is_answered_in_xml(client: DavClient) -> None:
    answer = client.propfind("/", body=WHOLE.format("<D:prop><xml:space/></D:prop>"))
    missing = "{http://www.w3.org/XML/1998/namespace}space"
    assert len(list(etree.fromstring(answer.content).iter(missing))) == 1

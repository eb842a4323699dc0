"""Everything has a limit, and each answers with its status and in words; over a socket."""

from collections.abc import Callable
from pathlib import Path

import pytest

from davserver.dav.if_header import MAX_LISTS
from davserver.dav.xml import MAX_BYTES, MAX_DEPTH
from davserver.paths import MAX_NAME_BYTES, MAX_PATH_BYTES
from tests import raw
from tests.dav_client import LOCK_BODY, DavClient
from tests.running import ThreadServer

LOCK = LOCK_BODY.format(scope="exclusive", owner="ann")


def making(client: DavClient, method: str, path: str) -> int:
    """Make something at ``path`` by ``method``; the status."""
    if method in ("COPY", "MOVE"):
        client.put("/source", b"x")
        headers = {"Destination": client.url(path)}
        return client.request(method, "/source", headers=headers).status_code
    body = {"PUT": b"x", "LOCK": LOCK}.get(method)
    return client.request(method, path, data=body).status_code


@pytest.mark.parametrize("method", ["PUT", "MKCOL", "LOCK", "COPY", "MOVE"])
def test_a_name_has_255_bytes_at_most(client: DavClient, root: Path, method: str) -> None:
    assert making(client, method, "/" + "x" * MAX_NAME_BYTES) == 201
    assert making(client, method, "/" + "ü" * (MAX_NAME_BYTES // 2)) == 201
    assert making(client, method, "/" + "x" * (MAX_NAME_BYTES + 1)) == 414
    assert making(client, method, "/" + "ü" * (MAX_NAME_BYTES // 2 + 1)) == 414
    assert making(client, method, "/" + "x" * (MAX_NAME_BYTES + 1) + "/a") in (409, 414)
    assert {path.name for path in root.iterdir()} - {"source"} == {
        ".davserver",
        "x" * MAX_NAME_BYTES,
        "ü" * (MAX_NAME_BYTES // 2),
    }


@pytest.mark.parametrize("method", ["GET", "HEAD", "PROPFIND", "DELETE", "PROPPATCH", "PATCH"])
def test_nothing_has_a_name_that_nothing_can_have(client: DavClient, method: str) -> None:
    body = {
        "PROPPATCH": '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x xmlns="urn:x"/></D:prop>'
        "</D:set></D:propertyupdate>"
    }
    headers = {"Content-Type": "application/x-sabredav-partialupdate", "X-Update-Range": "append"}
    path = "/" + "x" * (MAX_NAME_BYTES + 1)
    answer = client.request(method, path, data=body.get(method), headers=headers)
    assert answer.status_code == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "PROPFIND", "LOCK", "DELETE", "MKCOL"])
def test_a_path_has_4096_bytes_at_most(client: DavClient, method: str) -> None:
    segment = "/" + "ü" * 100
    longest = (segment * (MAX_PATH_BYTES // 201))[: MAX_PATH_BYTES // 2]
    assert client.request(method, longest).status_code in (404, 409, 400)
    answer = client.request(method, segment * (MAX_PATH_BYTES // 201 + 1))
    assert answer.status_code == 414
    assert str(MAX_PATH_BYTES) in answer.text


@pytest.mark.parametrize("method", ["COPY", "MOVE"])
def test_a_destination_has_the_same_limits(
    client: DavClient, server: ThreadServer, method: str
) -> None:
    client.put("/a.txt", b"x")
    for path, status in [
        ("/x" * (MAX_PATH_BYTES // 2), 409),
        ("/x" * (MAX_PATH_BYTES // 2) + "/", 409),
        ("/x" * (MAX_PATH_BYTES // 2) + "x", 414),
        ("/new%0aline", 403),
        ("/caf%e9", 403),
        ("/a%00b", 400),
        ("/a%2fb", 400),
        ("/../b", 400),
    ]:
        headers = {"Destination": server.url + path}
        answer = client.request(method, "/a.txt", headers=headers)
        assert (answer.status_code, answer.text != "") == (status, True), path


def propfind(*names: str) -> str:
    return f'<D:propfind xmlns:D="DAV:"><D:prop>{"".join(names)}</D:prop></D:propfind>'


ROOM_FOR: dict[str, Callable[[str], str]] = {
    "PROPFIND": lambda more: propfind(f"<D:getetag/>{more}"),
    "PROPPATCH": lambda more: (
        '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x xmlns="urn:x"/></D:prop></D:set>'
        f"{more}</D:propertyupdate>"
    ),
    "LOCK": lambda more: LOCK.replace("<D:owner>", f"{more}<D:owner>"),
}


@pytest.mark.parametrize("method", ROOM_FOR)
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_in_xml_has_a_mebibyte_at_most(
    client: DavClient, method: str, chunked: bool
) -> None:
    client.put("/a.txt", b"x")
    frame = len(ROOM_FOR[method]("<!---->"))
    for size, accepted in [(MAX_BYTES, True), (MAX_BYTES + 1, False)]:
        body = ROOM_FOR[method](f"<!--{'x' * (size - frame)}-->").encode()
        assert len(body) == size
        sent = iter([body[:1000], body[1000:]]) if chunked else body
        answer = client.request(method, "/a.txt", data=sent, headers={"Depth": "0"})
        assert answer.status_code in ((200, 207) if accepted else (413,))
        assert accepted or str(MAX_BYTES) in answer.text


@pytest.mark.parametrize("method", ROOM_FOR)
def test_a_body_in_xml_is_64_levels_deep_at_most(client: DavClient, method: str) -> None:
    client.put("/a.txt", b"x")
    around = {"PROPFIND": 2, "PROPPATCH": 1, "LOCK": 1}[method]
    deep = MAX_DEPTH - around
    for levels, accepted in [(deep, True), (deep + 1, False), (100_000, False)]:
        nested = "<a>" * levels + "</a>" * levels
        answer = client.request(
            method, "/a.txt", data=ROOM_FOR[method](nested), headers={"Depth": "0"}
        )
        assert answer.status_code in ((200, 207) if accepted else (400, 413))


@pytest.mark.parametrize("method", ROOM_FOR)
@pytest.mark.parametrize(
    "body",
    [
        '<!DOCTYPE x><x xmlns="DAV:"/>',
        '<!DOCTYPE x [<!ENTITY a "b">]><D:x xmlns:D="DAV:">&a;</D:x>',
        '<!DOCTYPE x SYSTEM "file:///etc/passwd"><D:x xmlns:D="DAV:"/>',
        '<D:x xmlns:D="DAV:">&undefined;</D:x>',
        "<D:propfind/>",
        '<D:propfind xmlns:D="DAV:"><D:prop xmlns:E=""><E:x/></D:prop></D:propfind>',
        "not XML",
        '<D:unclosed xmlns:D="DAV:">',
        '<?xml version="1.0" encoding="no-such-code"?><D:propfind xmlns:D="DAV:"/>',
        '<x:other xmlns:x="urn:x"/>',
    ],
)
def test_a_body_that_is_not_what_the_method_takes_is_400(
    client: DavClient, method: str, body: str
) -> None:
    client.put("/a.txt", b"x")
    answer = client.request(method, "/a.txt", data=body, headers={"Depth": "0"})
    assert answer.status_code == 400
    assert answer.text.strip()
    assert "Traceback" not in answer.text


def test_200_properties_can_be_asked_for_at_once(client: DavClient) -> None:
    names = [f'<x{number} xmlns="urn:x"/>' for number in range(201)]
    assert client.propfind("/", body=propfind(*names[:200])).status_code == 207
    answer = client.propfind("/", body=propfind(*names))
    assert answer.status_code == 400
    assert "200" in answer.text


def test_asking_for_everything_below_names_its_precondition(client: DavClient) -> None:
    answer = client.propfind("/", depth="infinity")
    assert answer.status_code == 403
    assert "<D:propfind-finite-depth" in answer.text


def test_an_if_header_that_asks_about_too_much_is_400(client: DavClient) -> None:
    client.put("/a.txt", b"x")
    lists = "".join(f"</{number}> (Not <urn:x>)" for number in range(MAX_LISTS + 1))
    assert client.put("/a.txt", b"y", **{"if": lists}).status_code == 400
    assert client.get("/a.txt").content == b"x"


@pytest.mark.parametrize("method", ["DELETE", "COPY", "MOVE", "UNLOCK", "MKCOL"])
def test_a_body_that_nobody_would_read_is_415(client: DavClient, root: Path, method: str) -> None:
    """RFC 4918, 8.4."""
    client.put("/a.txt", b"x")
    headers = {"Destination": client.url("/b.txt"), "Lock-Token": "<urn:x>"}
    path = "/new" if method == "MKCOL" else "/a.txt"
    for body in ("<x/>", iter([b"x"])):
        assert client.request(method, path, data=body, headers=headers).status_code == 415
    assert sorted(one.name for one in root.iterdir()) == [".davserver", "a.txt"]


def test_an_empty_chunked_body_is_no_body(server: ThreadServer, root: Path) -> None:
    (root / "a.txt").write_bytes(b"x")
    fields = ("Transfer-Encoding: chunked", "Connection: close")
    request = raw.head("DELETE", "/a.txt", *fields) + b"0\r\n\r\n"
    assert raw.status(raw.send(server.url, request)) == 204

"""MKCOL, DELETE, COPY and MOVE over a socket."""

from pathlib import Path

import pytest

from tests import raw
from tests.dav_client import DavClient, token_of
from tests.running import ThreadServer


def test_mkcol_makes_one_folder(client: DavClient) -> None:
    assert client.mkcol("/docs").status_code == 201
    assert client.mkcol("/docs").status_code == 405
    assert client.mkcol("/none/docs").status_code == 409
    assert client.request("MKCOL", "/other", data=b"<x/>").status_code == 415
    assert client.request("MKCOL", "/other", data=iter([b"x"])).status_code == 415
    assert client.mkcol("/other", if_match="*").status_code == 412


@pytest.mark.parametrize("name", ["a?b", "a;v1", "a#b", "100%", "a b", "ü", "文件", "x+y"])
def test_a_move_goes_where_the_destination_says(client: DavClient, root: Path, name: str) -> None:
    """Stock WsgiDAV cuts it at "?" or ";" and overwrites another file."""
    client.put("/a", b"precious")
    client.put("/source.txt", b"moved")
    answer = client.move("/source.txt", f"/{name}")
    assert answer.status_code == 201
    assert (root / "a").read_bytes() == b"precious"
    assert (root / name).read_bytes() == b"moved"


def test_a_destination_is_a_url_or_a_path_of_this_server(client: DavClient) -> None:
    client.put("/a.txt", b"x")
    for destination, status in [
        (client.url("/b.txt"), 201),
        ("/c.txt", 201),
        ("http://elsewhere.example/d.txt", 502),
        ("ftp://127.0.0.1/d.txt", 400),
        ("d.txt", 400),
        ("/d.txt?query", 400),
        ("/d.txt#part", 400),
        ("", 400),
    ]:
        answer = client.request("COPY", "/a.txt", headers={"Destination": destination})
        assert answer.status_code == status, destination


def test_a_destination_behind_a_proxy_that_ends_tls_is_ours(server: ThreadServer) -> None:
    client = server.client()
    client.put("/a.txt", b"x")
    headers = {"Host": "files.example.org", "Destination": "https://files.example.org/b.txt"}
    assert client.request("MOVE", "/a.txt", headers=headers).status_code == 201


def test_overwrite_is_yes_unless_it_is_no(client: DavClient) -> None:
    client.put("/a.txt", b"a")
    client.put("/b.txt", b"b")
    assert client.copy("/a.txt", "/b.txt", overwrite="F").status_code == 412
    assert client.copy("/a.txt", "/b.txt", overwrite="T").status_code == 204
    assert client.copy("/a.txt", "/c.txt", overwrite="F").status_code == 201
    assert client.copy("/a.txt", "/c.txt", overwrite="maybe").status_code == 400


def test_depth_is_honoured(client: DavClient, root: Path) -> None:
    client.mkcol("/docs")
    client.put("/docs/a.txt", b"x")
    assert client.copy("/docs", "/shallow", depth="0").status_code == 201
    assert list((root / "shallow").iterdir()) == []
    assert client.copy("/docs", "/x", depth="1").status_code == 400
    assert client.move("/docs", "/x", depth="0").status_code == 400
    assert client.delete("/docs", depth="0").status_code == 400
    assert client.delete("/docs", depth="infinity").status_code == 204


def test_an_if_match_is_about_the_source_not_the_destination(client: DavClient) -> None:
    tag = client.put("/a.txt", b"a").headers["ETag"]
    client.put("/b.txt", b"b")
    assert client.copy("/a.txt", "/b.txt", if_match=tag).status_code == 204


def test_a_folder_with_a_locked_member_is_not_deleted(client: DavClient, root: Path) -> None:
    client.mkcol("/docs")
    client.mkcol("/docs/deep")
    client.put("/docs/deep/a.txt", b"x")
    client.put("/docs/b.txt", b"x")
    client.lock("/docs/deep/a.txt")
    for address in ("/docs", "/docs/"):
        answer = client.delete(address)
        assert answer.status_code == 207
        assert "423" in answer.text
        assert "/docs/deep/a.txt" in answer.text
    assert client.move("/docs", "/moved").status_code == 207
    assert (root / "docs" / "b.txt").exists()


def test_a_locked_file_moves_with_its_token_and_leaves_no_lock(client: DavClient) -> None:
    client.put("/a.txt", b"x")
    token = token_of(client.lock("/a.txt"))
    assert client.move("/a.txt", "/b.txt").status_code == 423
    assert client.move("/a.txt", "/b.txt", **{"if": f"({token})"}).status_code == 201
    assert client.put("/a.txt", b"new").status_code == 201
    assert client.put("/b.txt", b"new").status_code == 204


def test_delete_answers_204_and_then_404(client: DavClient) -> None:
    client.put("/a.txt", b"x")
    assert client.delete("/a.txt").status_code == 204
    assert client.delete("/a.txt").status_code == 404
    assert client.delete("/").status_code == 403


def test_the_root_stays_where_it_is(client: DavClient) -> None:
    client.mkcol("/docs")
    assert client.move("/", "/docs/root").status_code == 403
    assert client.copy("/docs", "/").status_code == 403


def test_a_request_without_host_is_no_fault_of_ours(server: ThreadServer) -> None:
    answer = raw.send(
        server.url,
        raw.head("MOVE", "/a", "Destination: http://x/b", "Connection: close").replace(
            b"Host: test\r\n", b""
        ),
    )
    assert raw.status(answer) in (400, 404, 502)

"""PUT and GET over a socket: whole or not at all."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests import raw
from tests.clock import wait_until
from tests.dav_client import DavClient
from tests.running import ThreadServer


def test_a_new_file_is_201_and_a_new_version_204(client: DavClient, root: Path) -> None:
    created = client.put("/a.txt", b"one")
    assert (created.status_code, created.headers["ETag"] != "") == (201, True)
    replaced = client.put("/a.txt", b"two")
    assert replaced.status_code == 204
    assert replaced.headers["ETag"] != created.headers["ETag"]
    assert client.get("/a.txt").headers["ETag"] == replaced.headers["ETag"]
    assert (root / "a.txt").read_bytes() == b"two"


def test_a_body_shorter_than_announced_leaves_the_old_file(
    server: ThreadServer, root: Path
) -> None:
    """Stock WsgiDAV answers 204 and keeps ten bytes of the new content."""
    (root / "a.txt").write_bytes(b"old" * 100)
    request = raw.head("PUT", "/a.txt", "Content-Length: 100000") + b"0123456789"
    answer = raw.send(server.url, request, then_stop=True)
    assert raw.status(answer) == 400
    assert (root / "a.txt").read_bytes() == b"old" * 100
    assert [v.number for v in server.app.share.files.versions("/a.txt")] == [1]


def test_a_body_shorter_than_announced_makes_no_file(server: ThreadServer, root: Path) -> None:
    request = raw.head("PUT", "/new.txt", "Content-Length: 100000") + b"0123456789"
    assert raw.status(raw.send(server.url, request, then_stop=True)) == 400
    assert not (root / "new.txt").exists()
    assert os.listdir(root / ".davserver" / "spool") == []


@pytest.mark.parametrize(
    "part", [b"5\r\nhel", b"5\r\nhello\r\n", b"5\r\nhello\r\n0\r\n"[:8], b"zz\r\n"]
)
def test_a_chunked_body_that_breaks_off_makes_no_file(
    server: ThreadServer, root: Path, part: bytes
) -> None:
    request = raw.head("PUT", "/new.txt", "Transfer-Encoding: chunked") + part
    assert raw.status(raw.send(server.url, request, then_stop=True)) in (0, 400)
    assert not (root / "new.txt").exists()


def test_a_chunked_body_is_taken_whole(client: DavClient, root: Path) -> None:
    blocks = [b"x" * 100_000, b"y", b"z" * 70_000]
    assert client.put("/a.bin", iter(blocks)).status_code == 201
    assert (root / "a.bin").read_bytes() == b"".join(blocks)


def test_a_reader_sees_the_old_file_while_a_new_one_arrives(
    server: ThreadServer, root: Path
) -> None:
    """Stock WsgiDAV shows nothing, or half."""
    (root / "a.txt").write_bytes(b"old" * 1000)
    with raw.connected(server.url) as slow:
        slow.sendall(raw.head("PUT", "/a.txt", "Content-Length: 10") + b"01234")
        wait_until(lambda: os.listdir(root / ".davserver" / "spool"), "no body arrived")
        assert server.client().get("/a.txt").content == b"old" * 1000
        slow.sendall(b"56789")
        assert raw.status(slow.recv(4096)) == 204
    assert server.client().get("/a.txt").content == b"0123456789"


def test_a_stop_during_an_upload_stores_nothing(
    serve: Callable[..., ThreadServer], root: Path
) -> None:
    """Cheroot's own stop makes WsgiDAV answer 201 with a torso stored."""
    (root / "a.txt").write_bytes(b"old")
    server = serve()
    server._server.shutdown_timeout = 0.3
    with raw.connected(server.url) as slow:
        slow.sendall(raw.head("PUT", "/a.txt", "Content-Length: 1000") + b"x" * 100)
        wait_until(lambda: os.listdir(root / ".davserver" / "spool"), "no body arrived")
        stopping = threading.Thread(target=server._server.stop)
        stopping.start()
        try:
            answer = slow.recv(4096)
        except OSError:
            answer = b""
        stopping.join()
    assert raw.status(answer) not in (201, 204)
    assert (root / "a.txt").read_bytes() == b"old"
    assert os.listdir(root / ".davserver" / "spool") == []


def test_an_encoded_body_is_not_stored_as_if_it_were_the_file(client: DavClient) -> None:
    assert client.put("/a.txt", b"\x1f\x8b", content_encoding="gzip").status_code == 415


def test_a_body_over_the_limit_is_refused(serve: Callable[..., ThreadServer], root: Path) -> None:
    client = serve(max_upload_mib=1).client()
    assert client.put("/a.bin", b"x" * (1 << 20)).status_code == 201
    assert client.put("/b.bin", b"x" * ((1 << 20) + 1)).status_code == 413
    assert client.put("/c.bin", iter([b"x" * (1 << 20), b"x"])).status_code == 413
    assert sorted(os.listdir(root)) == [".davserver", "a.bin"]


def test_an_unwanted_body_is_not_taken_into_memory(server: ThreadServer) -> None:
    """An upload without a password is answered and cut off; it never was read to the end."""
    body = (b"x" * 65536 for _ in range(3200))
    stranger = requests.Session()
    stranger.trust_env = False
    before = resident_mib()
    try:
        answer = stranger.put(f"{server.url}/a.bin", data=body, timeout=20)
        assert answer.status_code == 401
    except requests.ConnectionError:
        pass  # closed while we were still sending, which says the same
    assert resident_mib() - before < 100, "200 MiB came in"


def resident_mib() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def test_the_time_of_change_that_rclone_sends_is_kept(client: DavClient, root: Path) -> None:
    answer = client.put("/a.txt", b"x", x_oc_mtime="1000000000.5")
    assert answer.headers["X-OC-MTime"] == "accepted"
    assert (root / "a.txt").stat().st_mtime_ns == 1_000_000_000_500_000_000
    # The last moment that a catalog can hold, and what no disk knows.
    assert client.put("/a.txt", b"x", x_oc_mtime="9223372036.854775807").status_code == 204
    for wrong in ("soon", "-1", "9223372037", "99999999999", "1e9", "1.", "²"):
        headers = {"X-OC-Mtime": wrong.encode("latin-1")}
        assert client.request("PUT", "/a.txt", data=b"x", headers=headers).status_code == 400


@pytest.mark.parametrize("header", ["X-Expected-Entity-Length", "OC-Total-Length"])
def test_a_length_that_a_client_tells_beside_the_body_is_checked(
    client: DavClient, root: Path, header: str
) -> None:
    for wrong in ("4", "6", "0", "-5", "five", "²", "9" * 5000):
        for body in (b"12345", iter([b"123", b"45"])):
            headers = {header: wrong.encode("latin-1")}
            answer = client.request("PUT", "/a.txt", data=body, headers=headers)
            assert answer.status_code == 400, wrong
    assert not (root / "a.txt").exists()
    assert client.request("PUT", "/a.txt", data=b"12345", headers={header: "5"}).status_code == 201


def test_two_writes_of_one_size_in_one_second_have_two_etags(client: DavClient) -> None:
    """With whole seconds in the tag, a stale If-Match wins."""
    first = client.put("/a.txt", b"AAAA").headers["ETag"]
    client.put("/a.txt", b"BBBB")
    assert client.put("/a.txt", b"CCCC", if_match=first).status_code == 412
    assert client.get("/a.txt").content == b"BBBB"


def test_a_folder_cannot_be_written_and_a_parent_must_be_there(client: DavClient) -> None:
    client.mkcol("/docs")
    assert client.put("/docs", b"x").status_code == 405
    assert client.put("/new/", b"x").status_code == 409
    assert client.put("/none/a.txt", b"x").status_code == 409


def test_names_with_reserved_characters_are_names(client: DavClient, root: Path) -> None:
    for name in (
        "a?b.txt",
        "a;v1.txt",
        "a#b.txt",
        "100%.txt",
        "a+b c.txt",
        "ünï 文件.txt",
        "😀.txt",
    ):
        assert client.put(f"/{name}", name.encode()).status_code == 201, name
        assert (root / name).read_bytes() == name.encode()
        assert client.get(f"/{name}").content == name.encode()


def test_a_name_that_the_disk_cannot_hold_is_refused_in_words(client: DavClient) -> None:
    assert client.put("/" + "x" * 300, b"x").status_code == 414
    assert client.put("/new\nline", b"x").status_code == 403
    assert client.get("/" + "x" * 300).status_code == 404


@pytest.mark.parametrize(
    "target", ["/..%2f..%2fetc/passwd", "/%2e%2e/a", "/a/../b", "/a%00b", "/a%2fb"]
)
def test_an_address_that_names_nothing_is_a_bad_request(server: ThreadServer, target: str) -> None:
    assert raw.status(raw.send(server.url, raw.head("GET", target, "Connection: close"))) == 400


def test_bytes_that_are_not_utf8_name_a_file_all_the_same(server: ThreadServer, root: Path) -> None:
    (root / os.fsdecode(b"caf\xe9.txt")).write_bytes(b"latin")
    answer = raw.send(server.url, raw.head("GET", "/caf%e9.txt", "Connection: close"))
    assert raw.status(answer) == 200
    assert answer.endswith(b"latin")


@pytest.mark.parametrize("name", [".davserver", ".DAVSERVER", "-", "-/x"])
@pytest.mark.parametrize(
    "method", ["PUT", "MKCOL", "DELETE", "PROPFIND", "LOCK", "PROPPATCH", "GET"]
)
def test_the_reserved_names_are_out_of_reach(client: DavClient, method: str, name: str) -> None:
    answer = client.request(method, f"/{name}/x" if method == "PUT" else f"/{name}")
    assert answer.status_code in (401, 403, 404, 405), (method, name, answer.status_code)


@pytest.mark.parametrize("method", ["MOVE", "COPY"])
def test_nothing_moves_into_or_out_of_the_hidden_folder(client: DavClient, method: str) -> None:
    client.put("/a.txt", b"x")
    into = client.request(method, "/a.txt", headers={"Destination": client.url("/.davserver/x")})
    assert into.status_code == 403
    out = client.request(
        method, "/.davserver/secret", headers={"Destination": client.url("/stolen")}
    )
    assert out.status_code == 404

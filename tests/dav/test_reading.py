"""GET and HEAD: ranges, validators, and content that stays harmless."""

import email
import email.policy
import os
from pathlib import Path

import pytest
import requests

from tests.dav_client import DavClient

CONTENT = bytes(range(100))


@pytest.fixture
def reader(client: DavClient, root: Path) -> DavClient:
    (root / "a.bin").write_bytes(CONTENT)
    return client


@pytest.mark.parametrize(
    ("header", "expected", "content_range"),
    [
        ("bytes=0-9", CONTENT[:10], "bytes 0-9/100"),
        ("bytes=90-", CONTENT[90:], "bytes 90-99/100"),
        ("bytes=-5", CONTENT[-5:], "bytes 95-99/100"),
        ("bytes=50-1000", CONTENT[50:], "bytes 50-99/100"),
        ("bytes=-1000", CONTENT, "bytes 0-99/100"),
    ],
)
def test_a_range_is_answered_with_just_it(
    reader: DavClient, header: str, expected: bytes, content_range: str
) -> None:
    answer = reader.get("/a.bin", range=header)
    assert (answer.status_code, answer.content) == (206, expected)
    assert answer.headers["Content-Range"] == content_range


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=200-300", "bytes=-0"])
def test_a_range_outside_is_416_with_the_size(reader: DavClient, header: str) -> None:
    answer = reader.get("/a.bin", range=header)
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == "bytes */100"


@pytest.mark.parametrize(
    "header",
    [
        "bytes=abc",
        "bytes=5-2",
        "items=0-5",
        "bytes=",
        "bytes=0-5,4-8",
        "bytes=5-6,0-99",
        "bytes=" + ",".join(f"{at}-{at}" for at in range(0, 34, 2)),
        "bytes=0-" + "9" * 5000,
    ],
)
def test_a_range_that_cannot_be_served_is_ignored(reader: DavClient, header: str) -> None:
    """RFC 9110, 14.2: malformed, of another unit, bytes asked for twice, or more than 16."""
    answer = reader.get("/a.bin", range=header)
    assert (answer.status_code, answer.content) == (200, CONTENT)


def parts_of(answer: requests.Response) -> list[tuple[str, str, bytes]]:
    """Type, Content-Range and bytes of each part of a multipart/byteranges answer."""
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    whole = email.message_from_bytes(head + answer.content, policy=email.policy.HTTP)
    return [
        (one.get_content_type(), str(one["Content-Range"]), one.get_payload(decode=True))
        for one in whole.iter_parts()
    ]


def test_several_ranges_come_as_parts_in_the_order_asked(reader: DavClient) -> None:
    """Stock WsgiDAV sends the last one alone."""
    answer = reader.get("/a.bin", range="bytes=40-42, 0-1,-3 ,,200-")
    assert answer.status_code == 206
    assert answer.headers["Content-Type"].startswith("multipart/byteranges; boundary=")
    assert len(answer.content) == int(answer.headers["Content-Length"])
    assert "Content-Range" not in answer.headers
    assert parts_of(answer) == [
        ("application/octet-stream", "bytes 40-42/100", CONTENT[40:43]),
        ("application/octet-stream", "bytes 0-1/100", CONTENT[:2]),
        ("application/octet-stream", "bytes 97-99/100", CONTENT[97:]),
    ]


def test_sixteen_ranges_are_served(reader: DavClient) -> None:
    header = "bytes=" + ",".join(f"{at}-{at}" for at in range(0, 32, 2))
    assert len(parts_of(reader.get("/a.bin", range=header))) == 16


def test_the_only_range_that_lies_within_the_file_needs_no_parts(reader: DavClient) -> None:
    answer = reader.get("/a.bin", range="bytes=200-300,10-19")
    assert (answer.status_code, answer.content) == (206, CONTENT[10:20])
    assert answer.headers["Content-Range"] == "bytes 10-19/100"


def test_parts_of_a_large_file_are_streamed(client: DavClient, root: Path) -> None:
    content = os.urandom(3_000_000)
    (root / "large.bin").write_bytes(content)
    answer = client.get("/large.bin", range="bytes=1000000-2499999,-400000")
    assert len(answer.content) == int(answer.headers["Content-Length"])
    assert [part for _, _, part in parts_of(answer)] == [
        content[1000000:2500000],
        content[-400000:],
    ]


def test_an_empty_file_has_a_whole_and_no_ranges(client: DavClient, root: Path) -> None:
    (root / "empty").write_bytes(b"")
    assert client.get("/empty", range="bytes=0-").status_code == 416
    assert client.get("/empty", range="bytes=-5").status_code == 200


def test_a_range_on_head_is_ignored(reader: DavClient) -> None:
    answer = reader.request("HEAD", "/a.bin", headers={"Range": "bytes=0-9"})
    assert (answer.status_code, answer.headers["Content-Length"]) == (200, "100")


def test_if_range_counts_only_with_a_range_and_a_date_has_to_be_the_same(reader: DavClient) -> None:
    modified = reader.get("/a.bin").headers["Last-Modified"]
    assert reader.get("/a.bin", if_range='"old"').status_code == 200
    assert reader.get("/a.bin", range="bytes=0-9", if_range=modified).status_code == 206
    later = "Sun, 06 Nov 2094 08:49:37 GMT"
    assert reader.get("/a.bin", range="bytes=0-9", if_range=later).status_code == 200
    assert reader.get("/a.bin", range="bytes=500-", if_range=later).status_code == 200
    assert reader.get("/a.bin", range="bytes=0-9,20-29", if_range='"old"').content == CONTENT


def test_if_range_sends_the_whole_when_the_file_has_changed(reader: DavClient) -> None:
    tag = reader.get("/a.bin").headers["ETag"]
    assert reader.get("/a.bin", range="bytes=0-9", if_range=tag).status_code == 206
    assert reader.get("/a.bin", range="bytes=0-9", if_range='"old"').status_code == 200
    assert reader.get("/a.bin", range="bytes=0-9", if_range=f"W/{tag}").status_code == 200


def test_an_unchanged_file_is_304(reader: DavClient) -> None:
    first = reader.get("/a.bin")
    tag, modified = first.headers["ETag"], first.headers["Last-Modified"]
    assert reader.get("/a.bin", if_none_match=tag).status_code == 304
    assert reader.get("/a.bin", if_none_match=f'"x", {tag}').status_code == 304
    assert reader.get("/a.bin", if_none_match="*").status_code == 304
    assert reader.get("/a.bin", if_none_match='"x"').status_code == 200
    assert reader.get("/a.bin", if_modified_since=modified).status_code == 304
    assert (
        reader.get("/a.bin", if_modified_since="Sun, 06 Nov 1994 08:49:37 GMT").status_code == 200
    )
    # If-None-Match comes first (RFC 9110, 13.2.2).
    answer = reader.get("/a.bin", if_none_match='"x"', if_modified_since=modified)
    assert answer.status_code == 200
    assert reader.get("/a.bin", if_match='"x"').status_code == 412
    assert reader.get("/a.bin", if_none_match="no tag").status_code == 400


def test_head_tells_what_get_would_send(reader: DavClient) -> None:
    got, told = reader.get("/a.bin"), reader.request("HEAD", "/a.bin")
    for name in ("Content-Length", "Content-Type", "ETag", "Last-Modified", "Accept-Ranges"):
        assert got.headers[name] == told.headers[name]
    assert told.content == b""


def test_a_file_has_no_address_with_a_slash_at_its_end(reader: DavClient) -> None:
    assert reader.get("/a.bin/").status_code == 404


def test_what_a_browser_would_run_is_not_run_here(client: DavClient, root: Path) -> None:
    (root / "evil.html").write_text("<script>alert(1)</script>")
    (root / "evil.svg").write_text("<svg onload='alert(1)'/>")
    for name in ("evil.html", "evil.svg"):
        headers = client.get(f"/{name}").headers
        assert "sandbox" in headers["Content-Security-Policy"]
        assert headers["Content-Disposition"].startswith("attachment")
        assert headers["X-Content-Type-Options"] == "nosniff"
    (root / "a.pdf").write_bytes(b"%PDF-")
    assert "Content-Disposition" not in client.get("/a.pdf").headers


def test_office_files_have_their_media_types(client: DavClient, root: Path) -> None:
    (root / "a.docx").write_bytes(b"PK")
    expected = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    assert client.get("/a.docx").headers["Content-Type"] == expected


def test_what_is_not_a_file_is_not_served(client: DavClient, root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (root / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(root / "pipe")
    assert client.get("/link").status_code == 404
    assert client.get("/pipe").status_code == 404


def test_a_large_file_arrives_as_it_is(client: DavClient, root: Path) -> None:
    content = os.urandom(5_000_000)
    (root / "large.bin").write_bytes(content)
    assert client.get("/large.bin").content == content

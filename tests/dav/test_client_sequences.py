"""What clients send, request by request, with their headers: each status, and the end of it."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.dav_client import DavClient, token_of
from tests.running import ThreadServer

LOCK = (
    '<?xml version="1.0" encoding="utf-8" ?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/>'
    "</D:lockscope><D:locktype><D:write/></D:locktype><D:owner><D:href>{}</D:href></D:owner>"
    "</D:lockinfo>"
)
WINDOWS = "Microsoft-WebDAV-MiniRedir/10.0.22631"
WIN32 = (
    '<?xml version="1.0" encoding="utf-8" ?><D:propertyupdate xmlns:D="DAV:" '
    'xmlns:Z="urn:schemas-microsoft-com:"><D:set><D:prop>'
    "<Z:Win32CreationTime>Mon, 02 Nov 2026 10:00:00 GMT</Z:Win32CreationTime>"
    "<Z:Win32LastAccessTime>Mon, 02 Nov 2026 10:00:00 GMT</Z:Win32LastAccessTime>"
    "<Z:Win32LastModifiedTime>Mon, 02 Nov 2026 10:00:00 GMT</Z:Win32LastModifiedTime>"
    "<Z:Win32FileAttributes>00000020</Z:Win32FileAttributes></D:prop></D:set></D:propertyupdate>"
)


class Program:
    """A client program: its name in every request."""

    def __init__(self, server: ThreadServer, agent: str, *, anonymous: bool = False) -> None:
        self.client = server.client() if not anonymous else DavClient(server.url)
        self.client.session.headers.clear()
        self.client.session.headers["User-Agent"] = agent

    def __call__(
        self, method: str, path: str, body: Any = None, **fields: str
    ) -> requests.Response:
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        return self.client.request(method, path, data=body, headers=headers)

    def url(self, path: str) -> str:
        return self.client.url(path)


Start = Callable[..., Program]


@pytest.fixture
def program(server: ThreadServer) -> Start:
    def start(agent: str, **options: bool) -> Program:
        return Program(server, agent, **options)

    return start


def numbers(server: ThreadServer, path: str) -> list[int]:
    return [version.number for version in server.app.share.files.versions(path)]


def has_ended(program: Program, path: str) -> bool:
    """Whether no lock is left."""
    discovery = program.client.property(path, "D:lockdiscovery")
    return discovery is not None and len(discovery) == 0


def test_windows_explorer_creates_a_file(program: Start, server: ThreadServer, root: Path) -> None:
    send = program(WINDOWS)
    options = Program(server, WINDOWS, anonymous=True)("OPTIONS", "/", translate="f")
    assert options.status_code == 200
    assert options.headers["MS-Author-Via"] == "DAV"
    assert {"1", "2"} <= set(options.headers["DAV"].replace(" ", "").split(","))
    assert send("PROPFIND", "/", b"", Depth="0", translate="f").status_code == 207
    assert send("PROPFIND", "/New.docx", b"", Depth="0", translate="f").status_code == 404
    assert send("PUT", "/New.docx", b"", translate="f").status_code == 201
    locked = send(
        "LOCK",
        "/New.docx",
        LOCK.format("PC\\ann").encode(),
        Timeout="Second-3600",
        Content_Type='text/xml; charset="utf-8"',
        translate="f",
    )
    assert locked.status_code == 200
    mine = {"If": f"({token_of(locked)})"}
    assert send("PROPPATCH", "/New.docx", WIN32.encode(), **mine).status_code == 207
    assert send("HEAD", "/New.docx", translate="f").status_code == 200
    put = send("PUT", "/New.docx", b"content", **mine)
    assert put.status_code == 204
    patched = send("PROPPATCH", "/New.docx", WIN32.encode(), **mine)
    assert patched.status_code == 207
    assert " 200 OK" in patched.text
    assert "403" not in patched.text
    unlocked = send("UNLOCK", "/New.docx", Lock_Token=token_of(locked))
    assert unlocked.status_code == 204
    assert (root / "New.docx").read_bytes() == b"content"
    assert len(numbers(server, "/New.docx")) == 1, "the empty file of the first step is a version"
    assert has_ended(send, "/New.docx")


def test_windows_11_pads_the_body_of_lock(program: Start) -> None:
    send = program(WINDOWS)
    send("PUT", "/a.docx", b"x")
    locked = send("LOCK", "/a.docx", LOCK.format("ann").encode() + b"\0\0\0", Timeout="Second-3600")
    assert locked.status_code == 200
    assert "Second-3600" in locked.text


@pytest.mark.parametrize(
    "body", [b"<D:lockinfo><D:lockscope>", b"\xff\xfe\x00garbage", b"not xml", LOCK.encode()[:-9]]
)
def test_windows_11_locks_with_a_body_that_does_not_parse(program: Start, body: bytes) -> None:
    """It means what it always asks for: an exclusive write lock."""
    send = program(WINDOWS)
    send("PUT", "/a.docx", b"x")
    locked = send("LOCK", "/a.docx", body, Timeout="Second-3600")
    assert locked.status_code == 200
    assert "exclusive" in locked.text
    assert send("PUT", "/a.docx", b"y").status_code == 423
    assert send("PUT", "/a.docx", b"y", If=f"({token_of(locked)})").status_code == 204
    assert send("UNLOCK", "/a.docx", Lock_Token=token_of(locked)).status_code == 204
    other = program("davfs2/1.6.1 neon/0.32.4")
    assert other("LOCK", "/a.docx", body).status_code == 400


def test_finder_creates_a_file_and_copies_one(program: Start, server: ThreadServer) -> None:
    send = program("WebDAVFS/3.0.0 (03008000) Darwin/22.6.0 (arm64)")
    assert send("OPTIONS", "/").headers["DAV"].startswith("1, 2")
    statfs = (
        '<?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:"><D:prop>'
        "<D:quota-available-bytes/><D:quota-used-bytes/><D:quota/><D:quotaused/>"
        "</D:prop></D:propfind>"
    )
    assert send("PROPFIND", "/", statfs.encode(), Depth="0").status_code == 207
    for path, chunks in (
        ("/Film.mov", [b"x" * 70_000, b"y" * 5000]),
        ("/._Film.mov", [b"z" * 4096]),
    ):
        assert send("PROPFIND", path, b"", Depth="0").status_code == 404
        assert send("PUT", path, b"").status_code == 201
        locked = send("LOCK", path, LOCK.format("ann").encode(), Depth="0", Timeout="Second-600")
        assert locked.status_code == 200
        size = str(sum(map(len, chunks)))
        mine = {"If": f"({token_of(locked)})", "X_Expected_Entity_Length": size}
        assert send("PUT", path, iter(chunks), **mine).status_code == 204
        assert send("UNLOCK", path, Lock_Token=token_of(locked)).status_code == 204
        assert send("GET", path).content == b"".join(chunks)
        assert has_ended(send, path)
    assert len(numbers(server, "/Film.mov")) == 1
    assert send("DELETE", "/._Film.mov").status_code == 204


def test_finder_hears_of_a_length_that_is_not_the_expected_one(program: Start) -> None:
    send = program("WebDAVFS/3.0.0 (03008000) Darwin/22.6.0 (arm64)")
    send("PUT", "/a.txt", b"old")
    short = send("PUT", "/a.txt", iter([b"half"]), X_Expected_Entity_Length="8")
    assert short.status_code == 400
    assert send("GET", "/a.txt").content == b"old"


def test_office_looks_around_opens_and_saves(
    program: Start, server: ThreadServer, root: Path
) -> None:
    (root / "docs").mkdir()
    (root / "docs" / "a b.docx").write_bytes(b"old")
    discovery = Program(server, "Microsoft Office Protocol Discovery", anonymous=True)
    assert discovery("OPTIONS", "/docs/").headers["MS-Author-Via"] == "DAV"
    existence = program("Microsoft Office Existence Discovery")
    assert existence("HEAD", "/docs/a b.docx").status_code == 200
    assert existence("HEAD", "/docs/").status_code == 200
    send = program("Microsoft Office Word 2014 (16.0.17126) Windows NT 10.0")
    locked = send(
        "LOCK",
        "/docs/a b.docx",
        LOCK.format("Ann Example").encode(),
        Timeout="Second-3600",
        Depth="0",
    )
    assert locked.status_code == 200
    opened = send("GET", "/docs/a b.docx", translate="f")
    assert opened.content == b"old"
    mine = {"If": f"({token_of(locked)})"}
    assert send("LOCK", "/docs/a b.docx", Timeout="Second-3600", **mine).status_code == 200
    saved = send("PUT", "/docs/a b.docx", b"new", **mine)
    assert saved.status_code == 204
    assert saved.headers["ETag"] == send("HEAD", "/docs/a b.docx").headers["ETag"]
    assert send("PUT", "/docs/a b.docx", b"newer", **mine).status_code == 204
    colleague = program("LibreOffice")
    refused = colleague("LOCK", "/docs/a b.docx", LOCK.format("Bob").encode(), Depth="0")
    assert refused.status_code == 423
    assert send("UNLOCK", "/docs/a b.docx", Lock_Token=token_of(locked)).status_code == 204
    assert numbers(server, "/docs/a b.docx") == [1, 2, 3]


def test_libreoffice_locks_refreshes_saves_and_unlocks(
    program: Start, server: ThreadServer
) -> None:
    send = program("LibreOffice 7.6.4.1 curl/8.4.0 OpenSSL/3.0.8")
    send("PUT", "/a.odt", b"old")
    body = (
        '<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop>'
        "<resourcetype/><getlastmodified/><supportedlock/><lockdiscovery/></prop></propfind>"
    )
    found = send("PROPFIND", "/a.odt", body.encode(), Depth="0")
    assert found.status_code == 207
    assert "exclusive" in found.text
    locked = send("LOCK", "/a.odt", LOCK.format("Ann").encode(), Depth="0", Timeout="Second-180")
    assert locked.status_code == 200
    assert "Second-180" in locked.text
    mine = {"If": f"({token_of(locked)})"}
    refreshed = send("LOCK", "/a.odt", Timeout="Second-180", **mine)
    assert refreshed.status_code == 200
    assert "Lock-Token" not in refreshed.headers, "a refresh makes no lock (RFC 4918, 9.10.2)"
    assert send("GET", "/a.odt").content == b"old"
    assert send("PUT", "/a.odt", b"new", **mine).status_code == 204
    assert send("UNLOCK", "/a.odt", Lock_Token=token_of(locked)).status_code == 204
    assert send("UNLOCK", "/a.odt", Lock_Token=token_of(locked)).status_code == 409
    assert numbers(server, "/a.odt") == [1, 2]


def test_davfs2_locks_a_name_before_it_writes(
    program: Start, server: ThreadServer, root: Path
) -> None:
    send = program("davfs2/1.6.1 neon/0.32.4")
    assert send("HEAD", "/new.txt").status_code == 404
    locked = send("LOCK", "/new.txt", LOCK.format("ann").encode(), Depth="0", Timeout="Second-1800")
    assert locked.status_code == 201
    assert (root / "new.txt").read_bytes() == b""
    token = token_of(locked)
    mine = {"If": f"<{send.url('/new.txt')}> ({token})"}
    assert send("PUT", "/new.txt", b"content", **mine).status_code == 204
    assert send("HEAD", "/new.txt").headers["Content-Length"] == "7"
    assert send("UNLOCK", "/new.txt", Lock_Token=token).status_code == 204
    assert len(numbers(server, "/new.txt")) == 1


def test_rclone_sends_the_time_and_compares(program: Start, root: Path) -> None:
    send = program("rclone/v1.60.1")
    assert send("PROPFIND", "/b/", b"", Depth="0").status_code == 404
    assert send("MKCOL", "/b/").status_code == 201
    put = send("PUT", "/b/ä.bin", b"x", X_OC_Mtime="1700000000.123456789")
    assert put.status_code == 201
    assert put.headers["X-OC-MTime"] == "accepted"
    assert (root / "b" / "ä.bin").stat().st_mtime_ns == 1_700_000_000_123_456_789
    found = send("PROPFIND", "/b/ä.bin", b"", Depth="0")
    assert "Tue, 14 Nov 2023 22:13:20 GMT" in found.text
    moved = send("MOVE", "/b/ä.bin", Destination=send.url("/b/ö.bin"), Overwrite="T")
    assert moved.status_code == 201
    assert send("GET", "/b/ö.bin", Range="bytes=0-0").status_code == 206


def test_joplin_and_keepass_rely_on_exact_answers(program: Start) -> None:
    send = program("Joplin/1.0")
    assert send("MKCOL", "/.lock/").status_code == 201
    assert send("MKCOL", "/.lock/").status_code == 405
    for path in ("/.lock/1.json", "/info.json", "/notes.kdbx.lock"):
        assert send("GET", path).status_code == 404
        assert send("HEAD", path).status_code == 404
        assert send("PROPFIND", path, b"", Depth="0").status_code == 404
        assert send("DELETE", path).status_code == 404
    created = send("PUT", "/info.json", b"{}", If_None_Match="*")
    assert created.status_code == 201
    assert send("PUT", "/info.json", b"{1}", If_None_Match="*").status_code == 412
    first = created.headers["ETag"]
    assert send("PUT", "/info.json", b"{2}", If_Match=first).status_code == 204
    assert send("PUT", "/info.json", b"{3}", If_Match=first).status_code == 412
    assert send("GET", "/info.json", If_None_Match=first).content == b"{2}"
    names = (
        '<d:propfind xmlns:d="DAV:"><d:prop><d:getlastmodified/><d:resourcetype/></d:prop>'
        "</d:propfind>"
    )
    found = send("PROPFIND", "/", names.encode(), Depth="1")
    assert found.status_code == 207
    assert "//" not in found.text.replace("http://", "").replace("<?xml", "")


@pytest.mark.parametrize("charset", ["utf-8", "latin-1"])
def test_a_password_that_is_not_ascii_signs_in(
    server: ThreadServer, add_user: Callable[[str, str], None], charset: str
) -> None:
    """RFC 7617, 2.1: we say UTF-8, and take what older clients send as Latin-1 all the same."""
    add_user("zoë", "pässwörd")
    asked = requests.get(f"{server.url}/a.txt", timeout=10)
    assert asked.status_code == 401
    assert asked.headers["WWW-Authenticate"] == 'Basic realm="davserver", charset="UTF-8"'
    secret = base64.b64encode("zoë:pässwörd".encode(charset)).decode()
    fields = {"Authorization": f"Basic {secret}", "Depth": "0"}
    found = requests.request("PROPFIND", f"{server.url}/", headers=fields, timeout=10)
    assert found.status_code == 207


def test_everybody_may_ask_what_the_server_can(program: Start) -> None:
    """Explorer and Office ask before they know a password, and give up at a 401."""
    stranger = program(WINDOWS, anonymous=True)
    for path in ("/", "/docs/", "/none/a.docx", "/remote.php/dav/files/ann/"):
        options = stranger("OPTIONS", path)
        assert options.status_code == 200
        assert options.headers["MS-Author-Via"] == "DAV"
        assert "LOCK" in options.headers["Allow"]
    assert stranger("PROPFIND", "/", b"", Depth="0").status_code == 401

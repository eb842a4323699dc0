"""Saves of the editor: how long one takes to be durable, and very many at once.

A Document Server is not needed: what it does for a save is to report it and to hand the file out.
That is done here, by a server that is as fast as Python's own.
"""

import concurrent.futures
import http.client
import io
import json
import os
import threading
import time
import zipfile
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
from lxml import html

from benchmarks import peers
from benchmarks.peers import Target

SECRET = "a secret for benchmarks, long enough"
SIZE = 1 << 20
SAVES = 50
AT_ONCE = 200
_SMALL = 20_000


@dataclass(frozen=True)
class Times:
    """Milliseconds from report to answer, and what of them its fetching takes by itself."""

    whole: list[float]
    transfer: list[float]

    @property
    def beyond(self) -> list[float]:
        """What is left without the transfer."""
        return [whole - transfer for whole, transfer in zip(self.whole, self.transfer, strict=True)]


class Documents(ThreadingHTTPServer):
    """Hands out what was saved, as the Document Server does."""

    request_queue_size = 1024
    daemon_threads = True

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Documents
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        content = b"true" if path == "/healthcheck" else self.server.contents.get(path)
        self.send_response(404 if content is None else 200)
        content = content or b""
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        """Housekeeping asks which documents nobody took: none."""
        self.rfile.read(int(self.headers["Content-Length"]))
        answer = json.dumps({"error": 0, "keys": [], "users": []}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


@contextmanager
def office(folder: Path) -> Iterator[tuple[Target, Documents]]:
    """A davserver with a Document Server, and that."""
    documents = Documents()
    thread = threading.Thread(target=documents.serve_forever, args=(0.05,))
    thread.start()
    secret = folder / "secret"
    secret.write_text(SECRET)
    settings = {"document_server": documents.url, "jwt_secret_file": str(secret)}
    root = folder / "saving"
    root.mkdir()
    try:
        with peers.davserver(root, **settings) as target:
            yield target, documents
    finally:
        documents.shutdown()
        documents.server_close()
        thread.join()


def document(size: int) -> bytes:
    """A docx of about ``size`` bytes, unlike any other."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", os.urandom(size))
    return out.getvalue()


class Editor:
    """A document that is open, with a connection of its own for reports about it."""

    def __init__(self, target: Target, documents: Documents, name: str) -> None:
        self.name = name
        self._documents = documents
        self._count = 0
        where = urlsplit(target.url)
        self._here = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
        secret = b64encode(f"{target.user}:{target.password}".encode()).decode()
        headers = {"Authorization": f"Basic {secret}", "Accept": "text/html"}
        self._here.request("GET", f"/-/edit/{name}", headers=headers)
        page = html.fromstring(self._here.getresponse().read())
        config = json.loads(page.get_element_by_id("editor-config").text_content())
        self.key: str = config["document"]["key"]
        self._callback = urlsplit(config["editorConfig"]["callbackUrl"]).path

    def save(self, content: bytes, status: int = 6) -> tuple[float, float]:
        """Report a save; milliseconds until it is answered, and those of a plain download."""
        self._count += 1
        path = f"/cache/{self.key}_{self._count}/output.docx"
        self._documents.contents[path] = content
        url = f"{self._documents.url}{path}"
        began = time.perf_counter()
        _download(url)
        between = time.perf_counter()
        now = int(time.time())
        report = {
            "key": self.key,
            "status": status,
            "url": url,
            "users": [peers.USER],
            "filetype": "docx",
            "lastsave": f"2026-11-23T08:00:00.{self._count:03}Z",
        }
        token = jwt.encode({**report, "iat": now, "exp": now + 300}, SECRET, "HS256")
        body = json.dumps({**report, "token": token})
        self._here.request(
            "POST", self._callback, body, headers={"Content-Type": "application/json"}
        )
        answer = self._here.getresponse()
        told = answer.read()
        if answer.status != 200 or json.loads(told) != {"error": 0}:
            raise AssertionError(f"{answer.status} {told!r}")
        ended = time.perf_counter()
        return (ended - between) * 1000, (between - began) * 1000


def _download(url: str) -> None:
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
    connection.request("GET", where.path)
    connection.getresponse().read()
    connection.close()


def one_after_the_other(target: Target, documents: Documents, root: Path) -> Times:
    """Forced saves of one document, 1 MiB each; each is durable when it is answered."""
    (root / "large.docx").write_bytes(document(SIZE))
    editor = Editor(target, documents, "large.docx")
    for _ in range(5):
        editor.save(document(SIZE))
    pairs = [editor.save(document(SIZE)) for _ in range(SAVES)]
    return Times([whole for whole, _ in pairs], [transfer for _, transfer in pairs])


def all_at_once(target: Target, documents: Documents, root: Path) -> tuple[float, int]:
    """The last saves of very many documents at the same moment: seconds, and how many are there."""
    editors = []
    for number in range(AT_ONCE):
        name = f"{number}.docx"
        (root / name).write_bytes(document(_SMALL))
        editors.append(Editor(target, documents, name))
    contents = [document(_SMALL) for _ in editors]
    gate = threading.Barrier(AT_ONCE + 1)

    def save(editor: Editor, content: bytes) -> None:
        gate.wait()
        editor.save(content, status=2)

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        running = [pool.submit(save, *pair) for pair in zip(editors, contents, strict=True)]
        gate.wait()
        began = time.perf_counter()
        for one in running:
            one.result()
        took = time.perf_counter() - began
    there = sum(
        (root / editor.name).read_bytes() == content
        for editor, content in zip(editors, contents, strict=True)
    )
    return took, there

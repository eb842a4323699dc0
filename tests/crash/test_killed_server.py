"""kill -9 of a real server while it works, then a restart."""

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests import raw
from tests.clock import wait_until
from tests.dav.tus_client import OCTETS, VERSION, TusClient
from tests.documentserver import SECRET, DocumentServerDouble
from tests.editor.opening import configuration, words
from tests.running import ProcessServer

pytestmark = pytest.mark.crash

OLD = b"old content"


@pytest.fixture
def process(root: Path) -> Iterator[ProcessServer]:
    server = ProcessServer(root)
    yield server
    if server.process.poll() is None:
        server.stop()


def spools(root: Path) -> list[str]:
    return os.listdir(root / ".davserver" / "spool")


@pytest.mark.parametrize("existing", [True, False])
def test_in_the_middle_of_a_put(process: ProcessServer, root: Path, existing: bool) -> None:
    client = process.client()
    if existing:
        client.put("/a.txt", OLD)
    before = client.get("/a.txt").headers.get("ETag")
    with raw.connected(process.url) as slow:
        slow.sendall(raw.head("PUT", "/a.txt", "Content-Length: 1000000") + b"x" * 400_000)
        wait_until(lambda: spools(root), "the body never began to arrive")
        process.kill()
    process.restart()
    after = process.client().get("/a.txt")
    if existing:
        assert (after.content, after.headers["ETag"]) == (OLD, before)
    else:
        assert after.status_code == 404
    assert spools(root) == []


def test_while_many_write(process: ProcessServer, root: Path) -> None:
    """Whatever the moment: every file and version is one of the contents that were sent."""
    sent: dict[str, set[bytes]] = {f"/{name}.txt": set() for name in "abc"}

    def write(path: str) -> None:
        client = process.client()
        for number in range(200):
            content = f"{path} {number}".encode() * 500
            sent[path].add(content)
            try:
                client.put(path, content)
            except requests.RequestException:
                return

    for _ in range(3):
        threads = [threading.Thread(target=write, args=(path,)) for path in sent]
        for thread in threads:
            thread.start()
        time.sleep(0.4)
        process.kill()
        for thread in threads:
            thread.join()
        process.restart()
        for path, contents in sent.items():
            answer = process.client().get(path)
            assert answer.status_code == 404 or answer.content in contents
        assert spools(root) == []
        kept = [file for file in (root / ".davserver" / "versions").rglob("*") if file.is_file()]
        everything = set().union(*sent.values())
        assert all(file.read_bytes() in everything for file in kept)


def test_while_a_document_is_saved(root: Path, document_server: DocumentServerDouble) -> None:
    """Killed before its answer, the server hears of the save again, and stores it once."""
    options = ("--document-server", document_server.url)
    secret = root.parent / "secret"
    secret.write_text(SECRET)
    process = ProcessServer(root, *options, "--jwt-secret-file", str(secret))
    try:
        config = configuration(process, process.client(), "a.docx")  # type: ignore[arg-type]
        document_server.open(config)
        key = config["document"]["key"]
        document_server.type(key, "precious words")
        document_server.retries = False
        saving = threading.Thread(target=document_server.leave, args=(key,))
        saving.start()
        time.sleep(0.02)
        process.kill()
        saving.join()
        # It is delivered again, and not fetched: tests/editor/test_rescue.py has that.
        document_server.forgotten.clear()
        process.restart()
        report = document_server.callbacks[-1].report
        callback = config["editorConfig"]["callbackUrl"]
        for _ in range(2):
            assert document_server.post(callback, report).is_accepted
        assert words(root / "a.docx") == ["first words", "precious words"]
        kept = [file for file in (root / ".davserver" / "versions").rglob("*") if file.is_file()]
        stored = [file.relative_to(root) for file in kept if file.suffix != ".changes"]
        assert len(stored) == 1, stored
        assert sorted(os.listdir(root)) == [".davserver", "a.docx"]
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.stop()


def test_in_the_middle_of_a_resumable_upload(process: ProcessServer, root: Path) -> None:
    """What was told to be there is there after the restart, and the client goes on from it."""
    content = os.urandom(12_000_000)
    tus = TusClient(process.client())
    tus.create(len(content), filename="a.bin")
    fields = [f"{name}: {value}" for name, value in {**VERSION, **OCTETS}.items()]
    head = raw.head(
        "PATCH", tus.address, *fields, "Upload-Offset: 0", f"Content-Length: {len(content)}"
    )
    with raw.connected(process.url) as slow:
        slow.sendall(head + content[:11_000_000])
        wait_until(lambda: tus.offset() > 0, "nothing was noted while the body arrives")
        process.kill()
    process.restart()
    tus.client = process.client()
    stands_at = tus.offset()
    assert 0 < stands_at <= 11_000_000
    assert tus.patch(stands_at, content[stands_at:]).status_code == 204
    assert (root / "a.bin").read_bytes() == content
    assert spools(root) == []

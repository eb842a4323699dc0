"""Moves between two mounts of the kernel's own: a tmpfs, or a bind mount, in the served folder."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import ProcessServer

# The server runs in a mount namespace of its own, so that nothing stays mounted.
_SERVE = """
import os, sys
root = sys.argv[1]
mount = f'{os.environ["MOUNT"]} "$0/disk" && exec "$@"'
command = [sys.executable, "-m", "davserver", "serve", *sys.argv[1:]]
os.execvp("unshare", ["unshare", "-m", "sh", "-c", mount, root, *command])
"""


@pytest.fixture(params=["tmpfs", "bind"])
def process(root: Path, request: pytest.FixtureRequest) -> Iterator[ProcessServer]:
    (root / "disk").mkdir()
    (root.parent / "other").mkdir()
    words = {"tmpfs": "mount -t tmpfs disk", "bind": f"mount --bind {root.parent / 'other'}"}
    tried = ["unshare", "-m", *words[request.param].split(), str(root / "disk")]
    if subprocess.run(tried, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting is not permitted here")
    environment = {"MOUNT": words[request.param]}
    server = ProcessServer(root, program=("-c", _SERVE), environment=environment)
    yield server
    server.stop()


@pytest.mark.program("unshare")
def test_a_tree_moves_between_file_systems_and_to_the_trash_and_back(
    process: ProcessServer,
) -> None:
    mounts = Path(f"/proc/{process.process.pid}/mounts").read_text()
    assert f"{process.root}/disk" in mounts
    client = process.client()
    client.mkcol("/docs")
    client.put("/docs/a.txt", b"one")
    client.put("/docs/a.txt", b"two")
    client.proppatch("/docs/a.txt", "<D:set><D:prop><x:c>red</x:c></D:prop></D:set>")
    assert client.move("/docs", "/disk/docs").status_code == 201
    assert client.hrefs("/") == ["/", "/disk/"]
    assert client.get("/disk/docs/a.txt").content == b"two"
    assert client.property("/disk/docs/a.txt", "x:c") is not None
    assert client.put("/disk/docs/a.txt", b"three").status_code == 204
    assert client.copy("/disk/docs", "/copy").status_code == 201
    assert client.copy("/copy", "/disk/docs").status_code == 204
    assert client.delete("/disk/docs").status_code == 204
    labels = client.hrefs("/.trash")[1:]
    assert len(labels) == 2
    assert client.move("/copy", "/disk/docs").status_code == 201
    assert client.hrefs("/disk") == ["/disk/", "/disk/docs/"]
    assert client.delete("/disk").status_code in (403, 503), "a mount point is not to be moved"
    assert len(client.hrefs("/.trash")) == 3
    assert client.get("/disk/docs/a.txt").content == b"three"

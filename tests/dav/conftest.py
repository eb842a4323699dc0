"""A server process of two workers, as somebody starts it, for tests that share it."""

from collections.abc import Iterator

import pytest

from tests.running import ProcessServer


@pytest.fixture(scope="module")
def davserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessServer]:
    root = tmp_path_factory.mktemp("served") / "root"
    root.mkdir()
    server = ProcessServer(root, "--workers", "2")
    yield server
    server.stop()
    assert "Traceback" not in server.log(), server.log()

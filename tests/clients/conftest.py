"""A server process for real clients."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import ProcessServer


@pytest.fixture
def process(root: Path) -> Iterator[ProcessServer]:
    server = ProcessServer(root, "--workers", "2")
    yield server
    server.stop()
    assert "Traceback" not in server.log(), server.log()

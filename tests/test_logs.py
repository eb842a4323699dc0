"""The server's log."""

import json

import pytest
import structlog

from davserver import logs


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_name_can_look_like_another_line(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = structlog.get_config()
    try:
        logs.configure(form, "info")  # type: ignore[arg-type]
        structlog.get_logger().warning("saved", path="/a\n\x1b[2J\u2028b\udcff", near="/ü")
        [line] = capsys.readouterr().err.splitlines()
        assert "\x1b" not in line
        path = json.loads(line)["path"] if form == "json" else line
        assert "/a\\n\\x1b[2J\\u2028b\\udcff" in path
        assert "/ü" in (json.loads(line)["near"] if form == "json" else line)
    finally:
        structlog.configure(**before)

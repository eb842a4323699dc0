"""Opening documents while very many are being edited."""

import statistics
import time
from pathlib import Path

import requests

from benchmarks.peers import Target, davserver
from tests.documentserver import SECRET, DocumentServerDouble

SESSIONS = 1000
LOOKS = 200


def open_many(root: Path) -> tuple[float, float]:
    """Milliseconds for the editor's page, with none and with ``SESSIONS`` other sessions open.

    Medians of what a client waits for, who signs in with a password each time.
    """
    for number in range(SESSIONS):
        (root / f"{number}.docx").write_bytes(b"PK")
    (root / "mine.docx").write_bytes(b"PK")
    double = DocumentServerDouble()
    try:
        with davserver(root, document_server=double.url, jwt_secret=SECRET) as target:
            _page_ms(target, "mine.docx", LOOKS // 4)
            alone = _page_ms(target, "mine.docx", LOOKS)
            for number in range(SESSIONS):
                _page_ms(target, f"{number}.docx", 1)
            return alone, _page_ms(target, "mine.docx", LOOKS)
    finally:
        double.stop()


def _page_ms(target: Target, name: str, count: int) -> float:
    took = []
    with requests.Session() as client:
        client.auth = (target.user, target.password)
        client.headers["Accept"] = "text/html"
        for _ in range(count):
            began = time.perf_counter()
            answer = client.get(f"{target.url}/-/edit/{name}", timeout=20)
            took.append((time.perf_counter() - began) * 1000)
            if answer.status_code != 200 or "editor-config" not in answer.text:
                raise RuntimeError(f"{name} does not open: {answer.status_code}")
    return statistics.median(took)

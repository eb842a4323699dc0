"""Metrics, readiness and the access log of a real server with several processes."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.clock import wait_until
from tests.documentserver import SECRET, DocumentServerDouble
from tests.editor.desk import Desk
from tests.running import ProcessServer, ThreadServer


@pytest.fixture
def pair(root: Path) -> Iterator[ProcessServer]:
    config = root.parent / "davserver.toml"
    config.write_text('workers = 2\naccess_log = true\nlog_format = "json"\n')
    server = ProcessServer(root, "--config", str(config))
    yield server
    server.stop()


def values(server: ProcessServer) -> dict[str, float]:
    """Every sample of /-/metrics by its name and labels."""
    answer = server.client().get("/-/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_what_both_processes_count_is_added_up(pair: ProcessServer) -> None:
    for number in range(12):
        # A client of its own each: the connections go to both processes.
        assert pair.client().put(f"/{number}.txt", b"12345").status_code == 201
    assert pair.client().get("/0.txt").content == b"12345"
    pair.client().lock("/1.txt")
    found = values(pair)
    assert found['davserver_requests_total{method="PUT",status="201"}'] == 12
    assert found['davserver_requests_total{method="GET",status="200"}'] >= 1
    assert found["davserver_received_bytes_total"] >= 60
    assert found["davserver_sent_bytes_total"] >= 5
    assert found['davserver_request_seconds_count{method="PUT"}'] == 12
    assert found['davserver_saves_total{origin="dav"}'] == 12
    assert found["davserver_locks"] == 1
    assert found["davserver_open_uploads"] == 0


def test_a_refusal_counts_too_and_made_up_methods_are_one(pair: ProcessServer) -> None:
    requests.put(f"{pair.url}/a.txt", data=b"x", timeout=5)
    pair.client().request("BIND", "/")
    found = values(pair)
    assert found['davserver_requests_total{method="PUT",status="401"}'] == 1
    assert found['davserver_requests_total{method="other",status="405"}'] == 1


def test_metrics_are_for_administrators(server: ThreadServer) -> None:
    assert requests.get(f"{server.url}/-/metrics", timeout=5).status_code == 401
    from davserver.accounts import passwords
    from davserver.providers.users import User, Users

    user = User("ann", passwords.hashed("long enough"), is_administrator=False)
    Users(server.app.share.catalog).add(user)
    assert server.client("ann", "long enough").get("/-/metrics").status_code == 403


def test_reports_of_the_document_server_are_counted(
    root: Path, document_server: DocumentServerDouble
) -> None:
    secret = root.parent / "secret"
    secret.write_text(SECRET)
    server = ProcessServer(
        root, "--document-server", document_server.url, "--jwt-secret-file", str(secret)
    )
    try:
        desk = Desk.__new__(Desk)
        desk.office, desk.double, desk.ann = server, document_server, server.client()  # type: ignore[assignment]
        desk.root = root
        editor = desk.edit("a.docx")
        editor.type("words")
        assert values(server)["davserver_edit_sessions"] == 1
        assert editor.close().is_accepted
        found = values(server)
    finally:
        server.stop()
    assert found['davserver_callbacks_total{outcome="taken",status="1"}'] == 1
    assert found['davserver_callbacks_total{outcome="taken",status="2"}'] == 1
    assert found['davserver_saves_total{origin="editor"}'] == 1
    assert found["davserver_edit_sessions"] == 0


def test_ready_means_that_folder_and_catalog_are_there(
    server: ThreadServer, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{server.url}/-/ready"
    assert requests.get(url, timeout=5).text == "ready\n"
    catalog = root / ".davserver" / "catalog.sqlite3"
    server.app.share.catalog.close()
    shutil.move(catalog, catalog.with_suffix(".away"))
    try:
        catalog.mkdir()
        assert requests.get(url, timeout=5).status_code == 503
    finally:
        catalog.rmdir()
        shutil.move(catalog.with_suffix(".away"), catalog)
    assert requests.get(url, timeout=5).status_code == 200


def test_the_access_log_has_a_line_for_each_request(pair: ProcessServer) -> None:
    pair.client().put("/ä b.txt", b"12345")
    requests.get(f"{pair.url}/-/callback/abcdef?token=secret", timeout=5)
    wait_until(lambda: "callback" in pair.log(), "the request is not logged")
    lines = [json.loads(line) for line in pair.log().splitlines() if line.startswith("{")]
    [put] = [line for line in lines if line.get("method") == "PUT"]
    assert (put["path"], put["status"], put["user"]) == ("/%C3%A4%20b.txt", 201, "admin")
    assert (put["received"], put["sent"], put["client"]) == (5, 0, "127.0.0.1")
    assert put["ms"] > 0
    assert len(put["id"]) == 12
    assert "abcdef" not in pair.log()
    assert "secret" not in pair.log()

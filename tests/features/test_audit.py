"""Who did what: what requests and commands leave in the audit log, and who may read it."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from davserver.app import audit_of
from davserver.audit import Event, Wanted
from davserver.witness import _STRANGERS_A_MINUTE
from tests.accounts.test_gate import csrf_in, sign_in
from tests.clock import later
from tests.dav.test_views import names
from tests.dav.tus_client import TusClient
from tests.dav_client import DavClient
from tests.documentserver import DocumentServerDouble
from tests.editor.desk import Desk
from tests.features.test_command import run
from tests.running import ADMIN, ProcessServer, ThreadServer

PROJECT = Path(__file__).parents[2]
PAGE = {"Accept": "text/html"}


def lines(server: ThreadServer, **wanted: Any) -> list[dict[str, Any]]:
    audit = audit_of(server.settings)
    assert audit is not None
    return [*audit.oldest(Wanted(**wanted))]


def told(server: ThreadServer, *keys: str) -> list[tuple[Any, ...]]:
    """The values of every line but those of signing in."""
    keys = keys or ("event", "path")
    every = [line for line in lines(server) if line["event"] != Event.SIGNED_IN]
    return [tuple(line.get(key) for key in keys) for line in every]


@pytest.fixture
def browser() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.headers.update(PAGE)
    return session


def test_every_change_is_one_line(client: DavClient, server: ThreadServer) -> None:
    client.mkcol("/docs")
    client.put("/docs/a b.txt", b"one")
    client.put("/docs/a b.txt", b"two")
    client.copy("/docs/a b.txt", "/docs/é.txt")
    client.move("/docs/é.txt", "/c.txt")
    client.proppatch("/c.txt", "<D:set><D:prop><x:a>1</x:a></D:prop></D:set>")
    client.delete("/c.txt")
    assert told(server, "event", "path", "target", "outcome") == [
        ("created", "/docs", None, 201),
        ("created", "/docs/a b.txt", None, 201),
        ("changed", "/docs/a b.txt", None, 204),
        ("copied", "/docs/a b.txt", "/docs/é.txt", 201),
        ("moved", "/docs/é.txt", "/c.txt", 201),
        ("properties changed", "/c.txt", None, 207),
        ("deleted", "/c.txt", None, 204),
    ]


def test_a_line_says_who_from_where_with_what(client: DavClient, server: ThreadServer) -> None:
    answer = client.put("/a.txt", b"x", user_agent="Cyberduck/9 " + "x" * 500)
    [line] = lines(server, event=Event.CREATED)
    assert line["user"] == ADMIN
    assert line["address"] == "127.0.0.1"
    assert line["client"].startswith("Cyberduck/9 xxx")
    assert len(line["client"]) < 200
    assert line["etag"] == answer.headers["ETag"]
    assert line["method"] == "PUT"
    assert re.fullmatch(r"[0-9a-f]{12}", line["request"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["time"])


def test_what_a_proxy_says_is_the_address(serve: Callable[..., ThreadServer]) -> None:
    server = serve(trusted_proxies=["127.0.0.1"])
    server.client().put("/a.txt", b"x", x_forwarded_for="192.0.2.7")
    assert lines(server, event=Event.CREATED)[0]["address"] == "192.0.2.7"


def test_looking_changing_nothing_and_failing_leave_no_line(
    client: DavClient, server: ThreadServer
) -> None:
    client.put("/a.txt", b"x")
    client.get("/a.txt")
    client.get("/", accept="text/html")
    client.propfind("/", depth="1")
    client.put("/a.txt", b"y", if_none_match="*")
    client.put("/none/a.txt", b"y")
    client.delete("/none")
    assert told(server) == [("created", "/a.txt")]


def test_reading_is_told_where_it_was_set(serve: Callable[..., ThreadServer]) -> None:
    server = serve(audit_reads=True)
    client = server.client()
    client.put("/a.txt", b"one")
    etag = client.put("/a.txt", b"two").headers["ETag"]
    client.get("/a.txt")
    client.get("/a.txt", range="bytes=0-1")
    client.get("/a.txt", if_none_match=etag)
    client.get("/", accept="text/html")
    client.request("GET", "/-/versions/a.txt", params={"download": "1"})
    found = lines(server, event=Event.READ)
    assert [(one["path"], one["outcome"], one.get("version")) for one in found] == [
        ("/a.txt", 200, None),
        ("/a.txt", 206, None),
        ("/a.txt", 200, 1),
    ]
    assert found[0]["etag"] == etag


def test_a_drive_signs_in_once_and_not_with_each_request(
    client: DavClient, server: ThreadServer
) -> None:
    for _ in range(3):
        client.propfind("/")
    found = lines(server, event=Event.SIGNED_IN)
    assert [(one["user"], one["how"]) for one in found] == [(ADMIN, "password")]


def test_signing_in_and_out_by_the_page(server: ThreadServer, browser: requests.Session) -> None:
    sign_in(browser, server.url, password="wrong horse")
    sign_in(browser, server.url, name="my secret password", password="x")
    sign_in(browser, server.url)
    token = csrf_in(browser.get(f"{server.url}/"))
    browser.post(f"{server.url}/-/logout", data={"csrf": token}, allow_redirects=False)
    assert [(one["event"], one["user"], one["outcome"]) for one in lines(server)] == [
        ("sign-in refused", ADMIN, 401),
        ("sign-in refused", "(unknown)", 401),
        ("signed in", ADMIN, 303),
        ("signed out", ADMIN, 303),
    ]


def test_refusals_are_told(
    client: DavClient, server: ThreadServer, add_user: Callable[[str, str], None]
) -> None:
    add_user("bob", "bob's password")
    server.client(ADMIN, "wrong").propfind("/docs")
    server.client("bob", "bob's password").get("/-/metrics")
    client.put("/.trash/a.txt", b"x")
    DavClient(server.url).propfind("/")  # a question for the password, and no refusal
    assert told(server, "event", "user", "path", "outcome") == [
        ("sign-in refused", ADMIN, None, 401),
        ("refused", "bob", "/-/metrics", 403),
        ("refused", ADMIN, "/.trash/a.txt", 403),
    ]


def test_strangers_cannot_fill_it(server: ThreadServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("davserver.witness._STRANGERS_A_MINUTE", 3)
    assert _STRANGERS_A_MINUTE >= 100
    stranger = DavClient(server.url)
    for _ in range(8):
        assert stranger.get("/-/callback/x").status_code in (403, 405, 410)
        stranger.request("POST", "/-/login")
    assert len(lines(server)) == 3
    with later(120):
        server.client().put("/a.txt", b"x")
        stranger.request("POST", "/-/login")
        found = lines(server)
        assert found[-1]["event"] == "refused"
        assert found[-1]["left_out"] == 5
        assert Event.CREATED in {one["event"] for one in found}


def test_uploads_in_several_requests_are_told_as_the_file(
    client: DavClient, server: ThreadServer
) -> None:
    from tests.dav.test_nextcloud import Chunked

    tus = TusClient(client)
    tus.create(6, path="/t.txt")
    tus.patch(0, b"abc")
    tus.patch(3, b"def")
    chunked = Chunked(client)
    chunked.begin()
    chunked.put(1, b"abc")
    chunked.join("/n.txt", oc_total_length="3")
    assert told(server) == [("changed", "/t.txt"), ("created", "/n.txt")]


def test_trash_and_versions_are_told(
    client: DavClient, server: ThreadServer, browser: requests.Session
) -> None:
    client.put("/a.txt", b"one")
    client.put("/a.txt", b"two")
    sign_in(browser, server.url)
    form = {"csrf": csrf_in(browser.get(f"{server.url}/-/versions/a.txt"))}
    browser.post(f"{server.url}/-/versions/a.txt", data={**form, "restore": "1"})
    client.delete("/a.txt")
    [trashed] = server.app.share.trash.all()
    browser.post(f"{server.url}/-/trash", data={**form, "restore": trashed.id})
    client.delete("/a.txt")
    [label] = names(client, "/.trash")
    assert client.move(f"/.trash/{label}", "/b.txt").status_code == 201
    client.delete("/b.txt")
    [trashed] = server.app.share.trash.all()
    browser.post(f"{server.url}/-/trash", data={**form, "purge": trashed.id})
    for name in ("/c.txt", "/d.txt"):
        client.put(name, b"x")
        client.delete(name)
    browser.post(f"{server.url}/-/trash", data={**form, "empty": "yes"})
    browser.post(f"{server.url}/-/new", data={**form, "kind": "txt", "folder": "/"})
    found = told(server, "event", "path", "target", "version")
    assert found[2:] == [
        ("version restored", "/a.txt", None, 1),
        ("deleted", "/a.txt", None, None),
        ("restored from the trash", "/a.txt", None, None),
        ("deleted", "/a.txt", None, None),
        ("restored from the trash", f"/.trash/{label}", "/b.txt", None),
        ("deleted", "/b.txt", None, None),
        ("deleted for good", "/b.txt", None, None),
        ("created", "/c.txt", None, None),
        ("deleted", "/c.txt", None, None),
        ("created", "/d.txt", None, None),
        ("deleted", "/d.txt", None, None),
        ("deleted for good", "/d.txt", None, None),
        ("deleted for good", "/c.txt", None, None),
        ("created", "/New text.txt", None, None),
    ]


def test_editing_is_told_with_whom_the_document_server_names(
    office: ThreadServer, document_server: DocumentServerDouble
) -> None:
    desk = Desk(office, document_server)
    editor = desk.edit("a.docx")
    editor.type("words")
    editor.close()
    found = [one for one in lines(desk.office) if "e" in one["event"] and "edit" in one["event"]]
    assert [(one["event"], one["user"], one["path"]) for one in found] == [
        ("edit session opened", ADMIN, "/a.docx"),
        ("saved from the editor", ADMIN, "/a.docx"),
    ]
    text = "".join(json.dumps(one) for one in lines(desk.office))
    for address in (editor.callback, editor.download):
        assert address.rpartition("/")[2] not in text


def test_commands_that_change_something_are_told(root: Path, server: ThreadServer) -> None:
    secret = "long enough"
    run("user", "add", "ann", "--root", root, "--password-stdin", stdin=f"{secret}\n")
    run("user", "list", "--root", root)
    run("user", "remove", "nobody", "--root", root)
    run("quota", "set", "ann", "1G", "--root", root)
    client = server.client()
    client.put("/a.txt", b"x")
    client.lock("/a.txt")
    run("lock", "break", "/a.txt", "--root", root)
    found = [one for one in lines(server) if "command" in one]
    assert [(one["event"], one["command"], one["outcome"]) for one in found] == [
        ("administration", "user add ann", "done"),
        ("administration", "user remove nobody", "failed"),
        ("administration", "quota set ann 1G", "done"),
        ("lock broken", "lock break /a.txt", "done"),
    ]
    assert found[0]["user"]
    assert secret not in json.dumps(found)


def test_it_can_be_switched_off(serve: Callable[..., ThreadServer], root: Path) -> None:
    server = serve(audit=False)
    server.client().put("/a.txt", b"x")
    assert not (root / ".davserver" / "audit").exists()
    assert server.client().get("/-/admin/audit").status_code == 404


class TestCommand:
    @pytest.fixture(autouse=True)
    def some_events(self, client: DavClient) -> None:
        client.put("/docs.txt", b"x")
        client.mkcol("/docs")
        client.put("/docs/a.txt", b"x")
        client.delete("/docs/a.txt")

    def test_it_shows_what_is_asked_for(self, root: Path) -> None:
        shown = run("audit", "show", "--root", root).output
        assert re.search(r"deleted +admin +127\.0\.0\.1 +/docs/a\.txt +204", shown), shown
        only = run("audit", "show", "--root", root, "--event", "created", "--path", "/docs").output
        assert "/docs/a.txt" in only
        assert "deleted" not in only
        assert "/docs.txt" not in only
        assert "/docs" not in run("audit", "show", "--root", root, "--user", "ann").output
        assert "/docs" in run("audit", "show", "--root", root, "--since", "1h").output
        assert "/docs" not in run("audit", "show", "--root", root, "--since", "2999-01-01").output
        assert run("audit", "show", "--root", root, "--since", "soon").exit_code == 2

    def test_it_shows_lines_as_json(self, root: Path) -> None:
        answer = run("audit", "show", "--root", root, "--json", "--last", 1)
        assert json.loads(answer.output)["path"] == "/docs/a.txt"

    def test_it_exports(self, root: Path, tmp_path: Path) -> None:
        file = tmp_path / "out.jsonl"
        assert run("audit", "export", file, "--root", root).exit_code == 0
        events = [json.loads(line)["event"] for line in file.read_text().splitlines()]
        assert events == ["signed in", "created", "created", "created", "deleted"]
        again = run("audit", "export", file, "--root", root)
        assert (again.exit_code, "exists" in again.output) == (1, True)
        streamed = run("audit", "export", "-", "--event", "deleted", "--root", root).output
        assert json.loads(streamed)["event"] == "deleted"


class TestPage:
    def test_it_is_for_administrators(
        self, server: ThreadServer, add_user: Callable[[str, str], None]
    ) -> None:
        add_user("bob", "bob's password")
        assert server.client("bob", "bob's password").get("/-/admin/audit").status_code == 403
        assert DavClient(server.url).get("/-/admin/audit").status_code == 401

    def test_it_shows_and_filters(self, client: DavClient) -> None:
        client.put("/<b>&.txt", b"x")
        client.put("/other.txt", b"x")
        page = client.get("/-/admin/audit", accept="text/html").text
        assert "/&lt;b&gt;&amp;.txt" in page
        assert "/other.txt" in page
        query = {"path": "/other.txt", "event": "created", "user": ADMIN, "since": "2020-01-01"}
        only = client.request("GET", "/-/admin/audit", params=query).text
        assert "/other.txt" in only
        assert "&lt;b&gt;" not in only
        assert (
            "Nothing was found"
            in client.request("GET", "/-/admin/audit", params={"user": "ann"}).text
        )

    def test_it_goes_on_page_by_page(self, client: DavClient, server: ThreadServer) -> None:
        audit = audit_of(server.settings)
        assert audit is not None
        client.propfind("/")  # signing in is an event, too
        for number in range(250):
            audit.note(Event.READ, path=f"/{number}.txt")
        seen = []
        for number in (1, 2, 3):
            page = client.request("GET", "/-/admin/audit", params={"page": number}).text
            seen += re.findall(r"/(\d+)\.txt", page)
            assert (f"page={number + 1}" in page) == (number < 3)
        assert seen == [str(number) for number in range(249, -1, -1)]
        for odd in ("0", "-1", "x", "99999"):
            page = client.request("GET", "/-/admin/audit", params={"page": odd})
            assert page.status_code == 200

    def test_it_exports_what_is_filtered(self, client: DavClient) -> None:
        client.put("/a.txt", b"x")
        client.delete("/a.txt")
        query = {"event": "deleted", "export": "1"}
        answer = client.request("GET", "/-/admin/audit", params=query)
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert [json.loads(line)["path"] for line in answer.text.splitlines()] == ["/a.txt"]


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_documented_expression_finds_refused_sign_ins(root: Path, form: str) -> None:
    """What fail2ban does: take the date out, then look for the expression."""
    page = (PROJECT / "docs" / "operate.md").read_text()
    expressions = re.findall(r"^failregex = (.*)\n +(.*)$", page, re.M)
    [pair] = expressions
    patterns = [re.compile(one.replace("<HOST>", r"(?P<host>\S+?)")) for one in pair]
    (root.parent / "davserver.toml").write_text(f'log_format = "{form}"\naccess_log = true\n')
    server = ProcessServer(root, "--config", str(root.parent / "davserver.toml"))
    try:
        server.client(ADMIN, "wrong").propfind("/")
        server.client("x sign-in refused address=192.0.2.66", "wrong").propfind("/")
        lure = ' sign-in refused address=192.0.2.66 "event": "sign-in refused address=192.0.2.66",'
        client = server.client()
        client.put(f"/{lure}.txt", b"x")
        client.get(f"/{lure}", user_agent=lure.strip())
    finally:
        server.stop()
    dated = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?")
    hosts = []
    for line in server.log().splitlines():
        in_a_file, in_the_journal = dated.sub("", line, count=1), f"files davserver[7]: {line}"
        for rest in (in_a_file, in_the_journal):
            hosts += [found["host"] for one in patterns if (found := one.search(rest))]
    assert hosts == ["127.0.0.1"] * 4

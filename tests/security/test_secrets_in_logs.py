"""Whatever is done, no password and no token is found in a log, the audit files or the catalog."""

import re
from pathlib import Path

import requests

from tests import raw
from tests.accounts.browsing import Browser, secret
from tests.running import PASSWORD, ProcessServer

WRONG = "wrong-password-typed-by-somebody"
OF_THE_LINK = "password-of-a-link"


def test_no_secret_is_written_down(root: Path, tmp_path: Path) -> None:
    config = tmp_path / "davserver.toml"
    config.write_text('access_log = true\nlog_level = "debug"\naudit_reads = true\n')
    server = ProcessServer(root, "--config", str(config))
    secrets = [PASSWORD, WRONG, OF_THE_LINK]
    try:
        client = server.client()
        client.put("/a.txt", b"x")
        assert server.client(password=WRONG).propfind("/").status_code == 401
        assert server.client(WRONG, "x").propfind("/").status_code == 401
        browser = Browser(server)  # type: ignore[arg-type]
        browser.sign_in(password=WRONG)
        browser.sign_in()
        secrets.append(browser.cookie)
        secrets.append(browser.session.cookies["davserver-device"])
        made = secret(browser.do("app-password", name="laptop", scope="/"))
        secrets.append(made)
        assert server.client(password=made).get("/a.txt").status_code == 200
        shared = browser.post(
            "/-/share/a.txt", act="link", role="viewer", password=OF_THE_LINK, guest_names="ask"
        )
        assert shared.status_code in {200, 303}
        browser.get("/-/share/a.txt?token=in-a-query-nobody-needs")
    finally:
        server.stop()
    state = root / ".davserver"
    written = server.log().encode()
    files = [path for path in state.rglob("*") if path.is_file() and path.name != "secret"]
    written += b"".join(path.read_bytes() for path in files if "versions" not in path.parts)
    assert b"sign-in refused" in written, "the test looks at the right files"
    for one in secrets:
        assert one.encode() not in written, one


def test_the_token_of_a_link_is_in_no_log_however_its_address_is_spelled(
    root: Path, tmp_path: Path
) -> None:
    config = tmp_path / "davserver.toml"
    config.write_text("access_log = true\naudit_reads = true\n")
    server = ProcessServer(root, "--config", str(config))
    try:
        client = server.client()
        client.mkcol("/d")
        client.put("/d/a.txt", b"x")
        browser = Browser(server)  # type: ignore[arg-type]
        browser.sign_in()
        made = browser.post("/-/share/d", act="link", role="editor")
        found = re.search(r"/-/s/([a-z0-9]+)", made.text + browser.get("/-/share/d").text)
        assert found
        token = found[1]
        for route in ("/-/s/", "/%2d/s/", "/-/%73/", "/-/s%2f", "//-/s/", "/-//s/", "/-/S/"):
            shared = f"{route}{token}/a.txt"
            raw.send(server.url, raw.head("GET", shared, "Connection: close"))
            for method in ("COPY", "MOVE"):
                where = {"Destination": f"{server.url}{shared}"}
                assert client.request(method, "/d/a.txt", headers=where).status_code >= 400
        assert requests.get(f"{server.url}/-/s/{token}/a.txt", timeout=5).content == b"x"
    finally:
        server.stop()
    audit = (root / ".davserver" / "audit" / "audit.jsonl").read_text()
    assert '"method": "MOVE"' in audit, "the test looks at the right file"
    assert "/-/s/" in server.log(), "the access log tells that a link was asked for"
    assert token not in audit
    assert token not in server.log()

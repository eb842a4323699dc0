"""A document in a page of another site, by an editor link."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import screenshot
from tests.clock import wait_until
from tests.documentserver import SECRET, DocumentServerDouble
from tests.editor.opening import words
from tests.running import ThreadServer


class Wiki:
    """A site of its own, with one page."""

    def __init__(self) -> None:
        self.page = ""
        wiki = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(wiki.page.encode())

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,))
        self._thread.start()

    def show(self, server: ThreadServer, address: str) -> None:
        self.page = (
            f"<!doctype html><title>wiki</title><script src='{server.url}/-/assets/embed.js'>"
            f"</script><h1>Our wiki</h1><div style='height: 500px'>"
            f"<davserver-editor src='{address}'></davserver-editor></div>"
            "<script>document.querySelector('davserver-editor').addEventListener('closed', "
            "() => { document.title = 'closed' })</script>"
        )

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@pytest.fixture
def wikis() -> Iterator[tuple[Wiki, Wiki]]:
    two = Wiki(), Wiki()
    yield two
    for one in two:
        one.stop()


def test_the_named_site_shows_it_and_hears_of_its_end_and_no_other_site_does(
    chromium: Browser,
    samples: Path,
    wikis: tuple[Wiki, Wiki],
    serve: Callable[..., ThreadServer],
    document_server: DocumentServerDouble,
) -> None:
    ours, foreign = wikis
    server = serve(document_server=document_server.url, jwt_secret=SECRET, embedders=(ours.origin,))

    def address() -> str:
        body = json.dumps({"path": "/Welcome.docx"})
        headers = {"Content-Type": "application/json"}
        made = server.client().request("POST", "/-/api/editor-link", data=body, headers=headers)
        url: str = made.json()["url"]
        return url

    context = chromium.new_context(viewport={"width": 1000, "height": 700})
    page = context.new_page()
    ours.show(server, address())
    page.goto(ours.origin)
    frame = page.frame_locator("davserver-editor iframe").frame_locator("iframe[name=frameEditor]")
    expect(frame.locator("#mode")).to_have_text("Editing")
    screenshot(page, "embedded")
    frame.locator("#paper").fill("written in the wiki")
    frame.locator("#close").click()
    expect(page).to_have_title("closed")
    wait_until(
        lambda: words(samples / "Welcome.docx")[-1] == "written in the wiki", "it was not saved"
    )
    assert context.cookies(server.url) == []

    foreign.show(server, address())
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    page.goto(foreign.origin)
    wait_until(lambda: any("frame-ancestors" in words for words in refused), "it was shown")
    assert document_server.editing == {}
    context.close()

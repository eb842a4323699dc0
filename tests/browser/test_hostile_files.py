"""Files that somebody put into the folder to do something to whoever looks."""

from collections.abc import Callable

import pytest

from tests.browser.conftest import Person
from tests.dav_client import DavClient
from tests.running import ThreadServer

LOAD = """(element) => new Promise((done) => {
  const one = Object.assign(document.createElement(element.name), element.fields);
  one.onload = () => done("taken");
  one.onerror = () => done("refused");
  document.head.append(one);
})"""


@pytest.mark.parametrize(
    "element",
    [
        {"name": "script", "fields": {"src": "/a.js"}},
        {"name": "script", "fields": {"src": "/a.mjs", "type": "module"}},
        {"name": "link", "fields": {"href": "/a.css", "rel": "stylesheet"}},
    ],
)
def test_a_script_in_the_folder_runs_on_no_page_of_ours(
    server: ThreadServer,
    client: DavClient,
    person: Callable[..., Person],
    element: dict[str, object],
) -> None:
    """Even where a page could be made to name it."""
    client.put("/a.js", b"window.ran = 1")
    client.put("/a.mjs", b"window.ran = 1")
    client.put("/a.css", b"body { display: none }")
    ann = person(server)
    ann.expected += ["MIME type"]
    assert ann.page.evaluate(LOAD, element) == "refused"
    assert ann.page.evaluate("window.ran") is None

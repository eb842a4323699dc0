"""Public and internal addresses of both servers."""

from collections.abc import Callable

import pytest

from davserver.editor.server import client
from davserver.editor.server.tokens import ServerTokens
from davserver.errors import Forbidden
from tests.documentserver import SECRET, DocumentServerDouble, Editing
from tests.editor.desk import Desk
from tests.editor.opening import configuration, page


def test_internal_addresses_both_ways(
    desk_with: Callable[..., Desk], document_server: DocumentServerDouble
) -> None:
    """Browsers use a name that this machine does not know; the two servers use another one."""
    desk = desk_with(
        document_server="https://docs.example.org/office",
        document_server_internal=document_server.url,
        public_url="https://files.example.org/dav",
        internal_url="http://inside.example",
    )
    config = configuration(desk.office, desk.ann, "a.docx")
    assert config["document"]["url"].startswith("http://inside.example/-/download/")
    for part, name in (("document", "url"), ("editorConfig", "callbackUrl")):
        config[part][name] = config[part][name].replace("http://inside.example", desk.office.url)
    desk.double.editing[config["document"]["key"]] = Editing(config, b"")
    assert (
        config["editorConfig"]["customization"]["goback"]["url"] == "https://files.example.org/dav/"
    )
    text = page(desk.ann, "a.docx").text
    assert 'data-api="https://docs.example.org/office/web-apps/apps/api/documents/api.js' in text
    key = config["document"]["key"]
    desk.double.editing[key].users = {"admin": "admin"}
    desk.double.editing[key].content = (desk.root / "a.docx").read_bytes()
    desk.double.type(key, "words")
    # The callback names the document by the address that the browser uses.
    path = f"/cache/files/data/{key}_1/output.docx/output.docx"
    desk.double.cache[path] = desk.double.changed_content(desk.double.editing[key])
    report = {
        "key": key,
        "status": 2,
        "url": f"https://docs.example.org/office{path}?md5=x",
        "users": ["admin"],
        "filetype": "docx",
    }
    answered = desk.double.post(config["editorConfig"]["callbackUrl"], report)
    assert answered.is_accepted
    assert desk.words("a.docx")[-1] == "words"


@pytest.mark.parametrize(
    ("url", "reached"),
    [
        ("http://docs:80/ds/cache/a?md5=1", "http://inside:8080/cache/a?md5=1"),
        ("http://DOCS/ds/cache/a", "http://inside:8080/cache/a"),
        ("http://inside:8080/cache/a", "http://inside:8080/cache/a"),
        ("http://docs/cache/a", None),
        ("http://docs/ds2/cache/a", None),
        ("http://docs/ds/../cache/a", None),
        ("https://docs/ds/cache/a", None),
        ("http://docs:x/ds/a", None),
    ],
)
def test_only_the_configured_server_is_reached(url: str, reached: str | None) -> None:

    server = client.DocumentServer(
        "http://docs/ds", "http://inside:8080", ServerTokens(SECRET), 1000
    )
    if reached:
        assert server.reachable(url) == reached
    else:
        with pytest.raises(Forbidden):
            server.reachable(url)

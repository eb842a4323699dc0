"""Opening a document as a browser does: fetch the page, read its JSON island."""

import io
import json
from pathlib import Path
from typing import Any

import docx
from lxml import html

from tests.dav_client import DavClient
from tests.running import ThreadServer


def configuration(
    server: ThreadServer, client: DavClient, name: str, *, how: str = "edit", **query: str
) -> dict[str, Any]:
    """The signed configuration for a file in the root, which is made if it is missing."""
    path = server.root / name
    if not path.exists():
        if name.endswith(".docx"):
            document = docx.Document()
            document.add_paragraph("first words")
            document.save(str(path))
        else:
            path.write_bytes(b"")
    answer = page(client, name, how=how, **query)
    assert answer.status_code == 200, answer.text
    island = html.fromstring(answer.text).get_element_by_id("editor-config")
    config: dict[str, Any] = json.loads(island.text_content())
    return config


def page(client: DavClient, name: str, *, how: str = "edit", **query: str) -> Any:
    headers = {"Accept": "text/html"}
    return client.request("GET", f"/-/{how}/{name}", headers=headers, params=query)


def words(path: Any) -> list[str]:
    """The paragraphs of a docx on disk."""
    return words_in(Path(path).read_bytes())


def words_in(content: bytes) -> list[str]:
    """The paragraphs of a docx."""
    return [paragraph.text for paragraph in docx.Document(io.BytesIO(content)).paragraphs]

"""The editor's page of somebody, without a window: what its features ask the server for."""

import json
import re
from typing import Any

import requests
from lxml import html

from tests.accounts.browsing import Browser
from tests.accounts.link_making import address_of
from tests.running import ADMIN, PASSWORD, ThreadServer


class EditorPage:
    """An open page; ``asked`` is the answer of the last request."""

    def __init__(self, browser: Browser, name: str, how: str = "edit") -> None:
        self.session = browser.session
        self.base = browser.url
        page = browser.get(f"/-/{how}/{name}")
        assert page.status_code == 200, page.text
        tree = html.fromstring(page.text)
        self.data = dict(tree.get_element_by_id("editor").attrib)
        self.config: dict[str, Any] = json.loads(
            tree.get_element_by_id("editor-config").text_content()
        )
        self.can = self.data["data-can"].split()
        self.csrf = re.findall(r'data-csrf="([^"]*)"', page.text)[0]
        self.path = "/" + name

    @property
    def file(self) -> str:
        return str(self.config["document"]["referenceData"]["fileKey"])

    def get(self, route: str, **query: str) -> requests.Response:
        return self.session.get(
            f"{self.base}/-/api/{route}", params=query, headers={"Accept": "*/*"}, timeout=20
        )

    def post(self, route: str, **fields: str) -> requests.Response:
        headers = {"Accept": "*/*", "X-CSRF-Token": self.csrf}
        return self.session.post(
            f"{self.base}/-/api/{route}", data=fields, headers=headers, timeout=20
        )


def open_page(
    server: ThreadServer, name: str, who: str = ADMIN, password: str = PASSWORD, how: str = "edit"
) -> EditorPage:
    """Sign in, and open a document that is there."""
    browser = Browser(server)
    assert browser.sign_in(who, password).status_code == 303
    return EditorPage(browser, name, how)


def open_by_link(server: ThreadServer, link: Any, name: str) -> EditorPage:
    """Come by a link, and open a document of it."""
    browser = Browser(server)
    browser.url = address_of(server, link).rstrip("/")
    return EditorPage(browser, name)

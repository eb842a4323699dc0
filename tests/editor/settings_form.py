"""The page of settings as somebody fills it in, without a window."""

from typing import Any

import requests
from lxml import html

from tests.accounts.browsing import Browser
from tests.running import ThreadServer

ADDRESS = "/-/admin/editor/settings"


class SettingsForm:
    """The administrator's form; what is not changed is posted as the page has it."""

    def __init__(self, server: ThreadServer) -> None:
        self.browser = Browser(server)
        self.browser.sign_in()
        self.page = self.browser.get(ADDRESS)
        assert self.page.status_code == 200, self.page.text

    @property
    def values(self) -> dict[str, Any]:
        """What a browser would post now."""
        return dict(self._form.form_values())

    @property
    def text(self) -> str:
        """What the page says."""
        return " ".join(html.fromstring(self.page.text).text_content().split())

    def press(self, do: str, **changes: str | None) -> requests.Response:
        """Press a button after changes; a field that is None is not posted."""
        values = {**self.values, **changes, "do": do}
        self.page = self.browser.session.post(
            self.browser.url + ADDRESS,
            data={name: value for name, value in values.items() if value is not None},
            allow_redirects=False,
            timeout=60,
        )
        return self.page

    def go_on(self) -> None:
        """Follow to where the answer leads."""
        assert self.page.status_code == 303, self.text
        self.page = self.browser.get(self.page.headers["Location"].removeprefix(self.browser.url))

    @property
    def _form(self) -> Any:
        [form] = html.fromstring(self.page.text).xpath("//form[@class='settings']")
        return form

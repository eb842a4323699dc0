"""A browser without a window: pages, forms, cookies."""

import re

import requests

from tests.running import ADMIN, PASSWORD, ThreadServer

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


class Browser:
    """One browser of somebody. Answers come without following where they lead."""

    def __init__(self, server: ThreadServer, agent: str = FIREFOX) -> None:
        self.url = server.url
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers.update({"Accept": "text/html", "User-Agent": agent})

    def get(self, path: str) -> requests.Response:
        return self.session.get(self.url + path, allow_redirects=False, timeout=20)

    def post(self, path: str, **fields: str) -> requests.Response:
        """Post a form with the token of the page that has it."""
        page = self.get(path)
        data = {"csrf": hidden(page, "csrf"), **fields}
        return self.session.post(self.url + path, data=data, allow_redirects=False, timeout=20)

    def sign_in(
        self, name: str = ADMIN, password: str = PASSWORD, **fields: str
    ) -> requests.Response:
        return self.post("/-/login", name=name, password=password, **fields)

    def do(self, what: str, **fields: str) -> requests.Response:
        """Press a button of the account page."""
        return self.post("/-/account", do=what, **fields)

    @property
    def is_in(self) -> bool:
        return self.get("/").status_code == 200

    def take(self, cookie: str) -> None:
        """Have this as the cookie that says who it is."""
        self.session.cookies.set("davserver-session", cookie, domain="127.0.0.1", path="/")

    @property
    def cookie(self) -> str:
        return str(self.session.cookies["davserver-session"])


def hidden(page: requests.Response, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found, page.text
    return found[1]


def secret(page: requests.Response) -> str:
    """The app password that a page shows."""
    found = re.search(r'<code class="secret">([^<]+)</code>', page.text)
    assert found, page.text
    return found[1]


def session_cookie(answer: requests.Response) -> str:
    """The cookie that an answer sets to say who it is; other ones come beside it."""
    cookies = answer.raw.headers.getlist("Set-Cookie")
    [found] = [one for one in cookies if "davserver-session=" in one]
    return str(found)

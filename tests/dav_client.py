"""A WebDAV client for tests: the verbs by name, answers as ``requests`` gives them."""

import re
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

import requests
from lxml import etree

DAV = "{DAV:}"
LOCK_BODY = (
    '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:{scope}/></D:lockscope>'
    "<D:locktype><D:write/></D:locktype><D:owner>{owner}</D:owner></D:lockinfo>"
)


class DavClient:
    """Speaks to one server as one user. Paths are decoded, like ``/a b.txt``."""

    def __init__(self, url: str, user: str = "", password: str = "") -> None:
        self.base = url.rstrip("/")
        self.session = requests.Session()
        self.session.trust_env = False
        if user:
            self.session.auth = (user, password)

    def url(self, path: str) -> str:
        return self.base + quote(path.encode("utf-8", "surrogateescape"))

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        options.setdefault("allow_redirects", False)
        options.setdefault("timeout", 30)
        return self.session.request(method, self.url(path), **options)

    def get(self, path: str, **headers: str) -> requests.Response:
        return self.request("GET", path, headers=named(headers))

    def put(self, path: str, body: Any = b"", **headers: str) -> requests.Response:
        return self.request("PUT", path, data=body, headers=named(headers))

    def delete(self, path: str, **headers: str) -> requests.Response:
        return self.request("DELETE", path, headers=named(headers))

    def mkcol(self, path: str, **headers: str) -> requests.Response:
        return self.request("MKCOL", path, headers=named(headers))

    def move(self, source: str, destination: str, **headers: str) -> requests.Response:
        return self._transfer("MOVE", source, destination, headers)

    def copy(self, source: str, destination: str, **headers: str) -> requests.Response:
        return self._transfer("COPY", source, destination, headers)

    def _transfer(
        self, method: str, source: str, destination: str, headers: dict[str, str]
    ) -> requests.Response:
        fields = {"Destination": self.url(destination), **named(headers)}
        return self.request(method, source, headers=fields)

    def lock(
        self, path: str, owner: str = "", scope: str = "exclusive", **headers: str
    ) -> requests.Response:
        body = LOCK_BODY.format(scope=scope, owner=escape(owner))
        return self.request("LOCK", path, data=body, headers=named(headers))

    def unlock(self, path: str, token: str) -> requests.Response:
        return self.request("UNLOCK", path, headers={"Lock-Token": token})

    def propfind(
        self, path: str, *names: str, depth: str = "0", body: str | None = None, **headers: str
    ) -> requests.Response:
        if names:
            wanted = "".join(f"<{name}/>" for name in names)
            body = (
                f'<D:propfind xmlns:D="DAV:" xmlns:x="urn:x"><D:prop>{wanted}</D:prop></D:propfind>'
            )
        fields = {"Depth": depth, **named(headers)}
        return self.request("PROPFIND", path, data=body, headers=fields)

    def proppatch(self, path: str, instructions: str, **headers: str) -> requests.Response:
        body = (
            '<D:propertyupdate xmlns:D="DAV:" xmlns:x="urn:x">'
            + instructions
            + "</D:propertyupdate>"
        )
        return self.request("PROPPATCH", path, data=body.encode(), headers=named(headers))

    def property(self, path: str, name: str) -> etree._Element | None:
        """The element of one property, None if the resource does not have it."""
        answer = self.propfind(path, name)
        assert answer.status_code == 207, answer.text
        root = etree.fromstring(answer.content)
        for propstat in root.iter(DAV + "propstat"):
            if " 200 " in (propstat.findtext(DAV + "status") or ""):
                prop = propstat.find(DAV + "prop")
                return prop[0] if prop is not None and len(prop) else None
        return None

    def hrefs(self, path: str, depth: str = "1") -> list[str]:
        answer = self.propfind(path, "D:resourcetype", depth=depth)
        assert answer.status_code == 207, answer.text
        return [href.text or "" for href in etree.fromstring(answer.content).iter(DAV + "href")]


def named(headers: dict[str, str]) -> dict[str, str]:
    """Keyword arguments as header fields: ``if_match`` is If-Match."""
    return {re.sub(r"_", "-", name).title(): value for name, value in headers.items()}


def token_of(answer: requests.Response) -> str:
    """The lock token of a LOCK's answer, in its angle brackets."""
    return answer.headers["Lock-Token"]

"""Links for tests: made in the catalog, asked by clients at their addresses."""

from datetime import UTC, datetime
from typing import Any

from davserver.accounts import passwords
from davserver.browser.sharing import link_address
from davserver.model import Link, Role
from davserver.tokens import LinkTokens, server_secret
from tests.dav_client import DavClient
from tests.running import ThreadServer


def make_link(server: ThreadServer, path: str, role: Role = Role.VIEWER, **terms: Any) -> Link:
    """A link by the administrator, or by whom ``made_by`` names; ``password`` is hashed."""
    password = terms.pop("password", "")
    terms.setdefault("made_by", "admin")
    hashed = passwords.hashed(password) if password else ""
    wanted = Link("", path, False, made=datetime.now(UTC), role=role, password_hash=hashed, **terms)
    return server.app.share.links.make(wanted)


def address_of(server: ThreadServer, link: Link, url: str = "") -> str:
    addresses = LinkTokens(server_secret(server.settings.state))
    return link_address(url or server.url, addresses, link)


def guest(server: ThreadServer, link: Link, name: str = "", password: str = "") -> DavClient:
    """Somebody who has the address."""
    return DavClient(address_of(server, link), name, password)

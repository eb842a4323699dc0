"""Documents of links in pages of other sites: the address for a frame, its HTML, and oEmbed.

Source: oEmbed 1.0 (oembed.com), a provider of the type "rich". Browsers show such a frame only in
pages of the origins that the setting ``embedders`` names.
"""

import json
from collections.abc import Callable, Collection
from urllib.parse import urlsplit

from markupsafe import escape

from davserver.browser.listing import Actions, readable
from davserver.errors import BadRequest, NotFound
from davserver.model import Action, Entry, Link, Principal
from davserver.pages import LINKS
from davserver.providers.share import Share
from davserver.tokens import LinkTokens
from davserver.web import Request, Response, text, whole_number
from davserver.web import json as json_response
from davserver.words import say

WIDTH, HEIGHT = 800, 600
"""Pixels of a frame, where nobody says less."""
_SMALLEST = 200
_MAX_ADDRESS = 2000

Guest = Callable[[Link], Principal | None]
"""A guest by a link; None if it lets nobody in."""


class Embedding:
    """Which links can stand in other pages, and how."""

    def __init__(
        self,
        share: Share,
        addresses: LinkTokens,
        guest: Guest,
        actions: Actions,
        embedders: Collection[str],
    ) -> None:
        self._files = share.files
        self._access = share.access
        self._links = share.links
        self._addresses = addresses
        self._guest = guest
        self._actions = actions
        self.embedders = tuple(embedders)

    def shows(self, link: Link) -> bool:
        """Whether the link leads to a document that its guests read in the editor at once."""
        return self._shown(link) is not None

    def oembed(self, request: Request) -> Response:
        """GET /-/api/oembed?url=<address of a link>&maxwidth=&maxheight=: oEmbed, as JSON.

        Raises NotFound for what cannot stand in other pages, or if no site may show it.
        """
        if request.query.get("format", "json") != "json":
            return text(501, "oEmbed is told as JSON here.")
        site, asked = request.origin + request.site, request.query.get("url", "")
        token = _token(site, asked)
        identity = self._addresses.identity(token) if token else ""
        link = self._links.find(identity) if identity else None
        entry = self._shown(link) if link and self.embedders else None
        if entry is None:
            raise NotFound("a document that other pages may show")
        width = _pixels(request, "maxwidth", WIDTH)
        height = _pixels(request, "maxheight", HEIGHT)
        address, title = f"{site}{LINKS}{token}/", readable(entry.name)
        told = {
            "version": "1.0",
            "type": "rich",
            "title": title,
            "provider_name": "davserver",
            "provider_url": f"{site}/",
            "width": width,
            "height": height,
            "html": frame(address, title, width, height),
        }
        return json_response(json.dumps(told))

    def _shown(self, link: Link) -> Entry | None:
        """The document that a guest of the link reads without being asked for anything before."""
        if link.is_folder or link.has_ended or not link.asks_nothing:
            return None
        who, entry = self._guest(link), self._files.find(link.path)
        if who is None or entry is None or entry.is_folder:
            return None
        actions = self._actions(who, link.path, self._access.rights(who, link.path))
        return entry if {Action.EDIT, Action.VIEW} & set(actions) else None


def frame(address: str, title: str, width: int = WIDTH, height: int = HEIGHT) -> str:
    """The HTML that shows what the link at ``address`` leads to."""
    return (
        f'<iframe src="{escape(address)}?type=embedded" title="{escape(title)}" '
        f'width="{width}" height="{height}" style="border: 0" allow="fullscreen" '
        'loading="lazy"></iframe>'
    )


def _token(site: str, address: str) -> str:
    """The token in the address of a link of ours, or of a page below it; empty for another."""
    if len(address) > _MAX_ADDRESS:
        return ""
    try:
        asked, ours = urlsplit(address), urlsplit(site)
    except ValueError:
        return ""
    start = ours.path + LINKS
    if (asked.scheme, asked.netloc) != (ours.scheme, ours.netloc):
        return ""
    return asked.path[len(start) :].partition("/")[0] if asked.path.startswith(start) else ""


def _pixels(request: Request, name: str, most: int) -> int:
    """What a consumer has room for, at most ``most``. Raises BadRequest."""
    asked = request.query.get(name, "")
    if not asked:
        return most
    found = whole_number(asked, digits=5)
    if found is None:
        raise BadRequest(say("{name} is a number of pixels.", name=name))
    return max(_SMALLEST, min(found, most))

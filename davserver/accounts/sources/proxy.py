"""Users whom a proxy before us has signed in; ``proxies`` knows which ones are believed."""

import re
from typing import Any

from davserver.errors import BadRequest
from davserver.model import Outside
from davserver.proxies import VOUCHED
from davserver.words import say

MAX_GROUPS = 1000

_BETWEEN_GROUPS = re.compile(r"[,|]")


class ProxyUsers:
    """Reads what a listed proxy told. Members of ``admin_group`` are administrators."""

    name = "proxy"

    def __init__(self, admin_group: str = "") -> None:
        self._admin_group = admin_group

    def told(self, environ: dict[str, Any]) -> Outside | None:
        """Whom the proxy named; None if nobody.

        Raises BadRequest for what cannot be one name. A comma is where a server puts two fields
        together: a proxy that adds its field to the client's instead of replacing it.
        """
        if VOUCHED not in environ:
            return None
        try:
            name, groups = (text.encode("latin-1").decode("utf-8") for text in environ[VOUCHED])
        except UnicodeError:
            raise BadRequest(say("The proxy's user header is not UTF-8.")) from None
        if "," in name:
            raise BadRequest(say("The proxy's user header holds more than one name."))
        named = [group.strip() for group in _BETWEEN_GROUPS.split(groups)][:MAX_GROUPS]
        member = frozenset(filter(None, named))
        return Outside(
            name.strip(), member, self._admin_group in member if self._admin_group else None
        )

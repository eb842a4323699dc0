"""Which of its three forms the editor takes: ``type`` in the Docs API's configuration. Pure."""

import re
from enum import StrEnum

from davserver.errors import BadRequest
from davserver.web import Request
from davserver.words import say

_A_PHONE = re.compile(r"\b(Mobi|Mobile|Android|iPhone|iPod|Windows Phone)\b")


class Surface(StrEnum):
    """``EMBEDDED`` is a viewer with few controls, made to stand in another page."""

    DESKTOP = "desktop"
    MOBILE = "mobile"
    EMBEDDED = "embedded"


def surface_of(request: Request) -> Surface:
    """What ``?type=`` asks for, else what fits the browser. Raises BadRequest for another type.

    Browsers tell by Sec-CH-UA-Mobile whether they want pages for phones; others by their name.
    """
    asked = request.query.get("type", "")
    if asked:
        if asked not in {one.value for one in Surface}:
            raise BadRequest(say("The type is one of {surface}.", surface=", ".join(Surface)))
        return Surface(asked)
    hint = request.header("Sec-CH-UA-Mobile")
    if hint:
        return Surface.MOBILE if hint.strip() == "?1" else Surface.DESKTOP
    is_phone = _A_PHONE.search(request.header("User-Agent"))
    return Surface.MOBILE if is_phone else Surface.DESKTOP

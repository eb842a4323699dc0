"""GET of what is being edited: whoever asks for it gets what was typed up to now."""

from collections.abc import Callable
from typing import Literal

from davserver import paths
from davserver.dav.room import DavRequest
from davserver.web import Headers

When = Literal["never", "asked", "always"]
HEADER = "Davserver-Fresh"


class FreshReads:
    """``saved`` has a file's edits saved, and tells in a word how that went."""

    def __init__(self, when: When, saved: Callable[[str], str]) -> None:
        self._always = when == "always"
        self._never = when == "never"
        self._saved = saved

    def __call__(self, dav: DavRequest) -> Headers:
        """What to say of it in the answer's headers; nothing where it was not asked for."""
        if self._never or not (self._always or _is_asked(dav)):
            return []
        if paths.view_of(dav.request.path):
            return []
        return [(HEADER, self._saved(dav.request.path))]


def _is_asked(dav: DavRequest) -> bool:
    """By RFC 9111, 5.2.1.4, or by ``?fresh``, for programs that cannot set header fields."""
    directives = dav.request.header("Cache-Control").lower()
    if directives and "no-cache" in (one.strip() for one in directives.split(",")):
        return True
    return bool(dav.request.environ.get("QUERY_STRING")) and "fresh" in dav.request.query

"""GET of what is being edited: whoever asks for it gets what was typed up to now.

The same in another format (``?as=pdf``).
"""

from collections.abc import Callable
from typing import Literal

from davserver import paths
from davserver.model import Right
from davserver.providers.access import Access
from davserver.web import Handler, Headers, Request, Response

When = Literal["never", "asked", "always"]
HEADER = "Davserver-Fresh"


class FreshReads:
    """``saved`` has a file's edits saved, and tells in a word how that went."""

    def __init__(self, when: When, saved: Callable[[str], str]) -> None:
        self._always = when == "always"
        self._never = when == "never"
        self._saved = saved

    def __call__(self, request: Request, path: str) -> Headers:
        """What to say of it in the answer's headers; nothing where it was not asked for."""
        if self._never or not (self._always or _is_asked(request)):
            return []
        if paths.view_of(path):
            return []
        return [(HEADER, self._saved(path))]

    def before(self, handler: Handler, stored: Callable[[str], str], access: Access) -> Handler:
        """``handler`` of a file's own address, with what was typed up to now if that is asked for.

        ``stored`` tells a path as it is on the disk. Nothing is saved for who may not read it.
        """

        def answer(request: Request) -> Response:
            path = stored(request.path)
            may_read = {Right.READ, Right.DOWNLOAD} <= access.rights(request.principal, path)
            told = self(request, path) if may_read and request.method == "GET" else []
            response = handler(request)
            response.headers.extend(told)
            return response

        return answer


def _is_asked(request: Request) -> bool:
    """By RFC 9111, 5.2.1.4, by ``X-Fresh``, or by ``?fresh`` for programs that set no fields."""
    if request.header("X-Fresh").strip().lower() not in ("", "0", "no", "false"):
        return True
    directives = request.header("Cache-Control").lower()
    if directives and "no-cache" in (one.strip() for one in directives.split(",")):
        return True
    return bool(request.environ.get("QUERY_STRING")) and "fresh" in request.query

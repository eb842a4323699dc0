"""Saves that lie beside their files: why, in words, and who knows already.

POST /-/apart, with the ``number`` of one: nobody needs to be told of it any more.
"""

from davserver import paths
from davserver.errors import BadRequest, NotFound
from davserver.model import Right
from davserver.providers.access import Access
from davserver.providers.saves import Apart, Reason, Saves
from davserver.tidings import BECAUSE
from davserver.web import Request, Response, redirect, whole_number
from davserver.words import say

_MOST = 20


class KnownApart:
    """Tells of saves beside their files, and takes note that somebody has seen one."""

    def __init__(self, saves: Saves, access: Access) -> None:
        self._saves = saves
        self._access = access

    def in_folder(self, folder: str) -> list[tuple[Apart, str]]:
        """The saves in ``folder`` that are to be told, each with the reason; the newest few."""
        found = self._saves.apart_in(folder)[-_MOST:]
        return [(one, BECAUSE[Reason(one.reason)]) for one in found]

    def __call__(self, request: Request) -> Response:
        number = whole_number(request.form.get("number", ""))
        if number is None:
            raise BadRequest("That is no save.")
        apart = self._saves.find_apart(number)
        if apart is None:
            raise NotFound(say("a save beside its file"))
        self._access.check(request.principal, apart.path, Right.EDIT)
        self._saves.make_known(apart.number)
        return redirect(request.addresses.of(paths.parent(apart.path), folder=True), 303)

"""GET /-/api/reference: what a workbook takes from another one, asked anew at every look."""

import posixpath
from typing import Any

from davserver import paths
from davserver.editor.inside.loans import Loans
from davserver.editor.inside.referred import Referred
from davserver.editor.middleware import EDIT
from davserver.errors import UnsupportedMediaType
from davserver.web import Request, Response
from davserver.words import say

REFERRED = frozenset({"xlsx", "pdf"})
"""What the Document Server fetches for it (server/config, "downloadFileAllowExt")."""


class References:
    """Answers the argument of setReferenceData and setReferenceSource, signed as a whole.

    The query is that of ``Referred``. Who asks has to have the rights to read and download at that
    moment: the address that they get ends soon.
    """

    def __init__(self, referred: Referred, loans: Loans, instance_id: str) -> None:
        self._referred = referred
        self._loans = loans
        self._instance_id = instance_id

    def __call__(self, request: Request) -> Response:
        """Raises NotFound, Forbidden, UnsupportedMediaType, with words for the person."""
        path = self._referred.path(request)
        if paths.extension(path) not in REFERRED:
            raise UnsupportedMediaType(say("Only data of xlsx files can be referred to."))
        office = self._loans.office
        target = request.addresses.target(path)
        # What it answers names the state that is lent; the key is that of a session, if there is
        # one.
        resource_id, _, key = office.sessions.view(path)
        told: dict[str, Any] = {
            **self._loans.of(request, path),
            "key": key.value,
            "path": _seen_from(request.query.get("path") or "/", target),
            "link": request.origin + request.addresses.page(EDIT, path),
            "referenceData": {"fileKey": resource_id, "instanceId": self._instance_id},
        }
        return self._loans.signed(request, told)


def _seen_from(document: str, target: str) -> str:
    """The path of ``target`` from the folder of ``document``; both are addresses."""
    folder = paths.decoded(document).rpartition("/")[0]
    return posixpath.relpath(paths.decoded(target), folder or "/")

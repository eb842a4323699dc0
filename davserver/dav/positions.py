"""Sync tokens (RFC 6578, 3.2): a place in the journal of changes, as a URI. Knows no request."""

import re
from dataclasses import dataclass

from davserver import paths
from davserver.errors import DavserverError, Forbidden
from davserver.providers.changes import Changes

_TOKEN = re.compile(
    r"data:,(?P<instance>[0-9a-f]+)-(?P<number>[0-9]{1,18})"
    r"(;(?P<root>/[^;]*)(;(?P<after>/[^;]*))?)?"
)


@dataclass(frozen=True, slots=True)
class Position:
    """Every change up to ``number`` is told, but of the tree ``root`` only what comes up to
    ``after``: nothing yet if that is empty. Without ``root`` nothing is left open.
    """

    number: int
    root: str = ""
    after: str = ""

    def token(self, instance: str) -> str:
        """The URI that a client keeps."""
        parts = [f"data:,{instance}-{self.number}"]
        parts += [paths.href(path) for path in (self.root, self.after) if path]
        return ";".join(parts)


def position_of(token: str, instance: str, changes: Changes) -> Position:
    """What ``token`` stands for.

    Raises Forbidden with DAV:valid-sync-token for one that is not ours, or too old to go on from.
    """
    position = _parsed(token, instance)
    if position is None or not changes.reach_back_to(position.number):
        raise Forbidden("Begin again without a sync token.", "valid-sync-token")
    return position


def _parsed(token: str, instance: str) -> Position | None:
    found = _TOKEN.fullmatch(token)
    if found is None or found["instance"] != instance:
        return None
    number = int(found["number"])
    if not found["root"]:
        return Position(number)
    try:
        root, after = paths.decoded(found["root"]), found["after"] and paths.decoded(found["after"])
    except DavserverError:
        return None
    return Position(number, root, after or "") if paths.is_within(after or root, root) else None

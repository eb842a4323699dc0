"""Listings of folders that are kept, and given again while they are true.

None can be stale. What PROPFIND tells of a folder follows from what is asked and by whom (the key),
from what the disk says of the folder and each member, and from what the catalog knows of them and
of rights. The disk is read for each request, and compared whole. The catalog is asked whether
anybody committed anything since (``Catalog.changes``); if so, it is read and compared too. What is
saved is the making of a thousand elements, never a look. An answer that follows from more than that
is not kept: one that tells how long locks have to live, how much space is left, the sync token, or
what policy files let see.

Of requests that are here at the same time, one looks and all get what it saw: an answer is right if
it was true at any moment since the request came (``Request.arrived``).
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from itertools import chain, islice

from davserver.dav.multistatus import WHOLE_UP_TO
from davserver.model import Entry, Principal
from davserver.providers import annotations
from davserver.providers.annotations import Annotations, Wanted
from davserver.providers.share import Share
from davserver.providers.stores import State
from davserver.web import Request, Response

MOST_BYTES = 1 << 25
"""What a process keeps: some forty folders of a thousand members, and little beside the rest."""
MOST_MEMBERS = 4000
"""Members of a folder that are held in memory to be compared; larger ones are only streamed."""
MOST_BYTES_EACH = 1 << 22
"""The largest answer that is made in one piece so that it can be kept."""

_STATE_BYTES = 300
_ROW_BYTES = 200

Respond = Callable[[Iterable[Entry], Annotations, int], Response]
"""Answers for the members of a folder; in one piece if that has no more bytes than the number."""


@dataclass(frozen=True, slots=True)
class Sight:
    """All that an answer was made of, but for its key."""

    folder: Entry
    states: list[State]
    about: Annotations
    grants: str


@dataclass(frozen=True, slots=True)
class Listing:
    """An answer, what it was made of, and when that was so: a time and a state of the catalog.

    ``weight`` is about the bytes of memory that it takes; 0 if it may not be kept.
    """

    moment: float
    changes: int
    sight: Sight
    response: Response
    weight: int


class Listings:
    """The listings that this process remembers. Safe for threads."""

    def __init__(self, share: Share, most_bytes: int = MOST_BYTES) -> None:
        self._share = share
        self._most_bytes = most_bytes
        self._kept: OrderedDict[Hashable, Listing] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def answer(
        self, request: Request, asked: Hashable, folder: Entry, wanted: Wanted, respond: Respond
    ) -> Response:
        """The answer about ``folder`` and its members, as it is at a moment since the request came.

        ``asked`` is all that ``respond`` depends on beside them, who asks, and where links begin.
        """
        # The principal with groups, scope and ceiling: what else rights come from are the grants.
        key = (folder.path, request.principal, request.addresses, asked)
        known = self._kept.get(key)
        if known is None or known.moment < request.arrived:
            known = self._look(known, request.principal, folder, wanted, respond)
        self._keep(key, known)
        return replace(known.response, headers=[*known.response.headers])

    def _look(
        self,
        known: Listing | None,
        principal: Principal,
        folder: Entry,
        wanted: Wanted,
        respond: Respond,
    ) -> Listing:
        """What is so now, told by the response of ``known`` if that was made of the same."""
        share = self._share
        # The times come first: what changes after them is seen by the next one who looks.
        moment, changes = time.monotonic(), share.catalog.changes()
        if known is not None and known.changes == changes:
            about, grants = known.sight.about, known.sight.grants
        else:
            about = annotations.of_folder(share.catalog, folder.path, wanted)
            grants = share.access.generation(principal)
        states = share.store.states(folder.path)
        sight = Sight(folder, [*islice(states, MOST_MEMBERS + 1)], about, grants)
        if known is not None and known.sight == sight:
            return replace(known, moment=moment, changes=changes)
        members = share.store.members(folder.path, chain(sight.states, states))
        is_small = len(sight.states) <= MOST_MEMBERS
        response = respond(
            share.access.shown(principal, members),
            about,
            MOST_BYTES_EACH if is_small else WHOLE_UP_TO,
        )
        may_be_kept = is_small and about.is_whole and grants and not about.locks
        weight = _weight(response, sight) if may_be_kept else 0
        return Listing(moment, changes, sight, response, weight)

    def _keep(self, key: Hashable, listing: Listing) -> None:
        """Remember it as the one used last, and forget those that nobody used for long."""
        with self._lock:
            gone = self._kept.pop(key, None)
            if gone is not None:
                self._bytes -= gone.weight
            if listing.weight:
                self._kept[key] = listing
                self._bytes += listing.weight
            while self._bytes > self._most_bytes:
                self._bytes -= self._kept.popitem(last=False)[1].weight


def _weight(response: Response, sight: Sight) -> int:
    if not isinstance(response.body, bytes):
        return 0
    xml = sum(len(one) for each in sight.about.properties.values() for one in each.values())
    rows = _ROW_BYTES * len(sight.about.created)
    return len(response.body) + _STATE_BYTES * len(sight.states) + rows + xml

"""Tells people of saves that need them: put beside their files, over a quota, or fetched late.

A task of the housekeeping: the journal of saves says which are still to be told of, so nobody is
forgotten after a crash, and no save waits for it.
"""

from collections.abc import Callable, Collection, Iterable

import structlog

from davserver import paths
from davserver.editor.inside.readers import Member
from davserver.editor.saving.reports import FINAL
from davserver.editor.saving.rescue import FORGOTTEN
from davserver.errors import DavserverError, NotFound
from davserver.model import Right
from davserver.providers.access import Access
from davserver.providers.files import VersionedFiles
from davserver.providers.notices import Kind, News
from davserver.providers.saves import Save, Saves
from davserver.providers.sessions import EditSessions

MAX_A_ROUND = 100
MAX_WRITERS = 50
MAX_OTHERS = 10

_log = structlog.get_logger("davserver.editor")


class SaveNews:
    """``everybody`` tells all users; ``ways`` are those by which notices are sent out."""

    def __init__(
        self,
        saves: Saves,
        sessions: EditSessions,
        files: VersionedFiles,
        access: Access,
        everybody: Callable[[], Iterable[Member]],
        ways: Collection[str],
    ) -> None:
        self._saves = saves
        self._sessions = sessions
        self._files = files
        self._access = access
        self._everybody = everybody
        self._ways = tuple(ways)

    def tell(self) -> None:
        """Tell of what is to be told; how long that takes is bounded."""
        waiting = self._saves.to_be_told(MAX_A_ROUND)
        members = {one.name: one for one in self._everybody()} if waiting else {}
        for save in waiting:
            try:
                self._saves.tell(save.number, self._news(save, members))
            except DavserverError as fault:
                # It is tried again in a minute, and keeps nobody waiting.
                _log.warning("cannot tell of a save", path=save.path, fault=str(fault))

    def _news(self, save: Save, members: dict[str, Member]) -> list[News]:
        earlier = [one for one in self._saves.of_key(save.key) if one.number < save.number]
        found: list[tuple[Kind, dict[str, str]]] = []
        is_late = save.status == FORGOTTEN
        # What a session saves every few minutes is told once, and at its end.
        is_last = is_late or save.status in FINAL
        if save.reason and (is_last or save.reason not in {one.reason for one in earlier}):
            late = {"late": "yes"} if is_late else {}
            meant = paths.name(save.meant)
            found.append((Kind.BESIDE, {"reason": save.reason, "meant": meant, **late}))
        elif is_late:
            found.append((Kind.LATE, {}))
        if save.over_quota and not any(one.over_quota for one in earlier):
            found.append((Kind.OVER_QUOTA, {"quota": save.over_quota}))
        return [
            one for kind, details in found for one in self._of_kind(save, kind, details, members)
        ]

    def _of_kind(
        self, save: Save, kind: Kind, details: dict[str, str], members: dict[str, Member]
    ) -> Iterable[News]:
        """The same for those who wrote it, and for those who look after the file.

        Who may not even read it any more is told without the document.
        """
        resource_id = self._resource(save.path)
        writers = self._writers(save, members)
        readers = tuple(name for name in writers if self._may(members[name], save.path, Right.READ))
        shut_out = tuple(name for name in writers if name not in readers)
        others = self._others(save, writers, members)
        yours = {**details, "yours": "yes"}
        for receivers, told, about in (
            (readers, yours, resource_id),
            (shut_out, yours, None),
            (others, details, resource_id),
        ):
            if receivers:
                yield News(kind, receivers, save.author, about, details=told, ways=self._ways)

    def _writers(self, save: Save, members: dict[str, Member]) -> tuple[str, ...]:
        session = self._sessions.find(save.key)
        editors = session.editors if session else ()
        found = dict.fromkeys((save.user, *save.writers, *editors))
        return tuple(name for name in found if name in members)[:MAX_WRITERS]

    def _others(
        self, save: Save, writers: Collection[str], members: dict[str, Member]
    ) -> tuple[str, ...]:
        """The owner; where nobody is known to be that, those who say who else may do what."""
        session = self._sessions.find(save.key)
        owner = self._files.owner_of(session.resource_id) if session else ""
        if owner in members and self._may(members[owner], save.path, Right.READ):
            return () if owner in writers else (owner,)
        managers = [
            one.name
            for one in members.values()
            if one.name not in writers and self._may(one, save.path, Right.SHARE)
        ]
        return tuple(managers[:MAX_OTHERS])

    def _may(self, member: Member, path: str, right: Right) -> bool:
        return right in self._access.rights(member.principal, path)

    def _resource(self, path: str) -> str | None:
        """None if the copy was removed or moved meanwhile."""
        try:
            return self._files.identify(path)
        except NotFound:
            return None

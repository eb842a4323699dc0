"""Whether those who edit a document may still do so: rights can be taken away while it is open."""

from collections.abc import Callable, Collection
from typing import Any

import structlog

from davserver.editor.actions import may_save, only_fills
from davserver.editor.server.servers import Servers
from davserver.errors import BadGateway, Unavailable
from davserver.model import NO_RIGHTS, Principal, Rights
from davserver.providers.access import Access
from davserver.providers.sessions import EditSessions

MADE_UP = "uid-"
"""Begins the ids that the Document Server makes up for people whom we gave none."""
A_GUEST = "a guest"
"""How a session calls all of those."""

_log = structlog.get_logger("davserver.editor")


class Standing:
    """Asks for the rights of people by the ids that the editor knows them by.

    ``principal_called`` finds a user, None for one who is gone; ``stranger`` is who did not sign
    in, None where nobody may be that.
    """

    def __init__(
        self,
        access: Access,
        principal_called: Callable[[str], Principal | None],
        stranger: Principal | None,
        edit_formats: Collection[str],
    ) -> None:
        self._access = access
        self._principal_called = principal_called
        self._stranger = stranger
        self._edit_formats = frozenset(edit_formats)

    def may_save(self, user: str, path: str) -> bool:
        """Whether what ``user`` did in the editor may become the file at ``path``."""
        return may_save(path, self._rights(user, path), edit_formats=self._edit_formats)

    def only_fills(self, user: str, path: str) -> bool:
        """Whether ``user`` may fill a form in, and not change it."""
        return only_fills(self._rights(user, path))

    def _rights(self, user: str, path: str) -> Rights:
        who = self._stranger if user.startswith(MADE_UP) else self._principal_called(user)
        return NO_RIGHTS if who is None else self._access.rights(who, path)

    def drop(self, sessions: EditSessions, servers: Servers) -> int:
        """Make lookers-on of those who lost their right (Docs API, "drop"); how many."""
        count = 0
        for session in sessions.live():
            lost = [name for name in session.editors if not self._is_in_order(name, session.path)]
            if not lost:
                continue
            try:
                servers.of(session).command("drop", key=session.key.value, users=lost)
            except (Unavailable, BadGateway) as fault:
                # Their save is kept apart all the same.
                _log.warning("cannot drop", path=session.path, users=lost, fault=str(fault))
                continue
            _log.info("dropped", path=session.path, users=lost)
            count += len(lost)
        return count

    def _is_in_order(self, name: str, path: str) -> bool:
        return name == A_GUEST or self.may_save(name, path)


def people(report: dict[str, Any]) -> list[str]:
    """Who edits now, by "users" of a report; those with made-up ids are counted as one name."""
    users = [str(user) for user in report.get("users") or ()]
    return sorted({A_GUEST if user.startswith(MADE_UP) else user for user in users})

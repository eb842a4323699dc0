"""Who came from outside is asked about from time to time: they may have left there."""

import time
from collections.abc import Sequence

import structlog

from davserver.accounts.people import People
from davserver.accounts.sources import Source
from davserver.errors import Unavailable
from davserver.providers.users import User, Users

EVERY_SECONDS = 300
MOST_AT_ONCE = 200
"""People asked about in one call; the next one goes on behind them."""

_log = structlog.get_logger("davserver.accounts")


class RollCall:
    """Ends what those are signed in with whom their source no longer knows; the rest stay right.

    Groups and rank of the others become what the source says now.
    """

    def __init__(self, users: Users, people: People, sources: Sequence[Source]) -> None:
        self._users = users
        self._people = people
        self._sources = {source.name: source for source in sources}
        self._next = 0.0
        self._last_name = ""

    def __call__(self) -> None:
        """Ask about some of those who are signed in anywhere, unless that was done just now."""
        if not self._sources or time.time() < self._next:
            return
        self._next = time.time() + EVERY_SECONDS
        silent: set[str] = set()
        for user in self._some():
            if user.source in silent:
                continue
            try:
                self._ask(user)
            except Unavailable as fault:
                # Nobody is put out because a directory is down.
                _log.warning("a source of users is silent", source=user.source, fault=str(fault))
                silent.add(user.source)

    def _some(self) -> list[User]:
        seen = [one.user for one in self._people.all() if one.is_signed_in]
        outside = [user for user in seen if user.source in self._sources]
        later = [user for user in outside if user.name > self._last_name]
        some = (later or outside)[:MOST_AT_ONCE]
        self._last_name = some[-1].name if some else ""
        return some

    def _ask(self, user: User) -> None:
        told = self._sources[user.source].look_up(user.name)
        if told is not None and told.name == user.name:
            self._users.admit(user.source, told)
            return
        browsers, devices = self._people.sign_out(user.name)
        _log.warning(
            "a user has left the source they came from, and is signed out",
            user=user.name,
            source=user.source,
            browsers=browsers,
            app_passwords=devices,
        )

"""People from outside: one module for each technology that can say who somebody is."""

from typing import Protocol

from davserver.model import Outside


class Source(Protocol):
    """Proves names by passwords. Safe for threads; bounded in time."""

    name: str
    """What the catalog notes as the origin of its users; at most 16 characters."""

    def verify(self, name: str, password: str) -> Outside | None:
        """Who has this name and password; None if nobody has.

        ``password`` is not empty. Raises Unavailable if that cannot be found out now.
        """
        ...

    def look_up(self, name: str) -> Outside | None:
        """What is known of a user of this source now; None if there is none any more.

        Raises Unavailable if that cannot be told without a password, or not now.
        """
        ...

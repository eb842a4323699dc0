"""Which earlier versions are kept: the one decision, pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

_DAY = 24 * 3600


@dataclass(frozen=True, slots=True)
class Policy:
    """What is kept; 0 is no limit.

    ``count`` earlier versions of each file; those replaced in the last ``days`` days; of those
    replaced before the last ``all_days`` days only the last of each day; and ``total_bytes`` of
    all files together, the newest.
    """

    count: int = 0
    days: int = 0
    all_days: int = 0
    total_bytes: int = 0

    @property
    def keeps_all(self) -> bool:
        """Whether nothing is ever pruned."""
        return not (self.count or self.days or self.all_days or self.total_bytes)


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier version of the file at ``path``, ``saved`` then and ``replaced`` then, in seconds
    since 1970. One that ``stays`` is pruned by nothing.
    """

    path: str
    resource_id: str
    number: int
    size: int
    saved: float
    replaced: float
    stays: bool = False

    @property
    def day(self) -> date:
        """The day on which it was saved, where the server is."""
        return datetime.fromtimestamp(self.saved).astimezone().date()


def to_prune(earlier: Iterable[Earlier], policy: Policy, now: float) -> list[Earlier]:
    """What of the ``earlier`` versions, oldest first in each file, a policy does not keep.

    Age counts from when a state was replaced: what somebody wrote over a moment ago is there to be
    restored, however old it is. Those that stay count in the total, and not in a file's number.
    """
    of_file: dict[str, list[Earlier]] = defaultdict(list)
    for one in earlier:
        of_file[one.resource_id].append(one)
    gone, left = [], []
    for states in of_file.values():
        pruned = list(_of_one_file(states, policy, now))
        numbers = {one.number for one in pruned}
        gone += pruned
        left += [one for one in states if one.number not in numbers]
    return gone + list(_beyond(left, policy.total_bytes)) if policy.total_bytes else gone


def _of_one_file(states: list[Earlier], policy: Policy, now: float) -> Iterator[Earlier]:
    count = 0
    days: set[date] = set()
    for one in reversed(states):
        age = now - one.replaced
        is_last_of_day = one.day not in days
        days.add(one.day)
        if one.stays:
            continue
        if (
            (policy.days and age > policy.days * _DAY)
            or (policy.all_days and age > policy.all_days * _DAY and not is_last_of_day)
            or (policy.count and count >= policy.count)
        ):
            yield one
        else:
            count += 1


def _beyond(states: list[Earlier], total_bytes: int) -> Iterator[Earlier]:
    """Those replaced first, until no more than ``total_bytes`` are left."""
    excess = sum(one.size for one in states) - total_bytes
    for one in sorted(states, key=lambda one: one.replaced):
        if excess <= 0:
            return
        if not one.stays:
            excess -= one.size
            yield one

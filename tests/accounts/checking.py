"""Credentials as each process has its own."""

from collections.abc import Sequence

from davserver.accounts.credentials import Credentials
from davserver.accounts.sources import Source
from davserver.accounts.throttle import Throttle
from davserver.providers.failures import Failures
from davserver.providers.users import Users


def credentials_of(users: Users, sources: Sequence[Source] = ()) -> Credentials:
    return Credentials(users, Throttle(Failures(users._catalog)), sources)

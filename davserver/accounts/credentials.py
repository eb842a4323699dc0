"""Names and passwords, checked by argon2id once and then from a cache; failures slow down."""

import secrets
import time
from collections.abc import Callable, Sequence
from functools import cached_property

import structlog

from davserver.accounts import passwords
from davserver.accounts.sources import Source
from davserver.accounts.throttle import Attempt, Throttle, network_of
from davserver.accounts.verified import Verified
from davserver.errors import Forbidden, SignInNeeded, Unavailable, printable
from davserver.model import Outside, Principal, is_user_name
from davserver.providers.users import User, Users
from davserver.words import say

_KNOWN_AT_MOST = 4096
# A removed user or a changed password takes effect in every process within this time.
_USER_SECONDS = 2
_LONGEST_PASSWORD = 1024

_log = structlog.get_logger("davserver.accounts")


class Credentials:
    """Checks who somebody is. Safe for threads.

    Users of the catalog have their passwords there; the ``sources`` are asked about everybody else,
    in their order. ``arrived`` hears the name of each who proved who they are.
    """

    def __init__(
        self,
        users: Users,
        throttle: Throttle,
        sources: Sequence[Source] = (),
        arrived: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._users = users
        self._throttle = throttle
        self._sources = sources
        self._arrived = arrived
        self._verified: Verified[tuple[str, str]] = Verified()
        self._said: dict[str, bytes] = {}
        self._known: dict[str, tuple[float, User | None]] = {}

    def check(self, name: str, password: str, address: str, device: str = "") -> Principal:
        """The principal that ``name`` and ``password`` prove; a source may call it otherwise.

        Raises SignInNeeded if they prove nothing, TooManyAttempts after many failures, Unavailable
        if a source that is needed cannot be asked. What was verified a short while ago
        from this network costs no hash and no question, and what was ever verified no wait, unless
        guesses go on and on. ``device`` names a browser that signed in before.
        """
        user = self.user(name)
        attempt = Attempt(name, address, device)
        stored = user.password_hash if user else ""
        # By its network too: what is proved in one place must be no answer to guesses from another.
        digest = self._verified.digest("password", name, password, stored, network_of(address))
        is_besieged = self._throttle.is_besieged(attempt)
        found = None if is_besieged else self._remembered(digest)
        if found is not None:
            return principal_of(found)
        # A drive opens many connections at once; one of them pays for the hash. Who guesses by many
        # connections at once waits for each guess to be counted.
        with self._verified.one_at_a_time(attempt.number):
            found = None if is_besieged else self._remembered(digest)
            if found is None:
                if is_besieged or not self._verified.was_proved(digest):
                    self._throttle.check(attempt)
                found = self._verify(name, password, user, attempt)
                self._verified.keep(digest, (found.name, found.source))
            return principal_of(found)

    def vouched(self, source: str, told: Outside) -> Principal:
        """The principal of somebody whom ``source`` vouches for at every request.

        Raises Forbidden as ``admit`` does, which it asks once in a while, and when ``source`` says
        something else than the time before.
        """
        said = (told.subject, told.is_administrator, *sorted(told.groups))
        digest = self._verified.digest("vouched", source, told.name, repr(said))
        found = self._remembered(digest) if self._said.get(told.name) == digest else None
        if found is None:
            found = self.admit(source, told)
            self._verified.keep(digest, (found.name, found.source))
            if len(self._said) > _KNOWN_AT_MOST:
                self._said.clear()
            self._said[told.name] = digest
        return principal_of(found)

    def admit(self, source: str, told: Outside) -> User:
        """The user whom ``source`` vouches for; made the first time.

        Raises Forbidden if the name cannot be one, or belongs to somebody else.
        """
        found = self._users.admit(source, told) if is_user_name(told.name) else None
        if found is None:
            _log.warning("a name from outside is refused", source=source, user=told.name)
            raise Forbidden(
                say(
                    "The name {name} cannot come from {source} here.",
                    name=printable(told.name),
                    source=source,
                )
            )
        self._known.pop(found.name, None)
        self._arrived(found.name)
        return found

    def _verify(self, name: str, password: str, user: User | None, attempt: Attempt) -> User:
        """``check`` by the hash or by asking; ``attempt`` is whose failures count."""
        if user is not None and not user.source:
            found = user if passwords.matches(user.password_hash, password) else None
        else:
            found = self._from_outside(name, password, user)
            if found is None:
                # An unknown name takes as long to refuse as a known one.
                passwords.matches(self._nobody, password)
        if found is None:
            self._throttle.failed(attempt)
            raise SignInNeeded(say("The name or the password is wrong."))
        self._throttle.succeeded(attempt)
        if not found.source:
            if passwords.is_outdated(found.password_hash):
                self._users.renew_password_hash(
                    name, found.password_hash, passwords.hashed(password)
                )
            self._arrived(found.name)
        return found

    def _from_outside(self, name: str, password: str, user: User | None) -> User | None:
        """Whom the sources know; only that of ``user`` is asked where there is one."""
        if not is_user_name(name) or not _is_outside_password(password):
            return None
        unreachable = None
        for source in self._sources:
            if user is not None and user.source != source.name:
                continue
            try:
                told = source.verify(name, password)
                if told is not None:
                    return self.admit(source.name, told)
            except Unavailable as fault:
                unreachable = fault
            except Forbidden:
                return None
        if unreachable is not None:
            raise unreachable
        return None

    @cached_property
    def _nobody(self) -> str:
        """A hash of nothing."""
        return passwords.hashed(secrets.token_hex(16))

    def user(self, name: str) -> User | None:
        """The user called ``name``, as of at most two seconds ago."""
        now = time.monotonic()
        found = self._known.get(name)
        if found is None or found[0] < now:
            if len(self._known) > _KNOWN_AT_MOST:
                self._known.clear()
            found = self._known[name] = (now + _USER_SECONDS, self._users.find(name))
        return found[1]

    def forget(self, name: str) -> None:
        """Look the user up anew: something about them was changed here just now."""
        self._known.pop(name, None)

    def known(self, name: str) -> str:
        """``name`` for a log: only a user's, since a password may be typed in its place."""
        return name if self.user(name) else "(unknown)"

    def _remembered(self, digest: bytes) -> User | None:
        """Who was verified by this a short while ago, if they are still there."""
        proved = self._verified.get(digest)
        user = self.user(proved[0]) if proved else None
        return user if user and proved and user.source == proved[1] else None


def principal_of(user: User) -> Principal:
    """The user as somebody who asks."""
    return Principal(user.name, groups=user.groups, is_administrator=user.is_administrator)


def _is_outside_password(password: str) -> bool:
    """Whether other systems can be asked about it: an empty one lets everybody in with some."""
    return 0 < len(password) <= _LONGEST_PASSWORD and "\0" not in password

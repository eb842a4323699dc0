"""The second step of signing in: a code of the generator or a recovery code, each once."""

from davserver.accounts import passwords
from davserver.accounts.code_generators import CodeGenerators
from davserver.accounts.throttle import Throttle
from davserver.errors import SignInNeeded
from davserver.providers.second_factors import SecondFactors
from davserver.tokens import derived
from davserver.words import say

RECOVERY_CODES = 10


class SecondStep:
    """Who needs a second step, and whether a code is enough for it."""

    def __init__(
        self, throttle: Throttle, rows: SecondFactors, generators: CodeGenerators, secret: bytes
    ) -> None:
        self._throttle = throttle
        self._rows = rows
        self._generators = generators
        self._key = derived(secret, "recovery code")

    def is_needed(self, user: str) -> bool:
        """Whether the password alone is not enough for ``user``."""
        return self._rows.has_any(user)

    def takes_codes(self, user: str) -> bool:
        """Whether ``user`` has a generator."""
        return self._generators.is_set(user)

    def takes_passkeys(self, user: str) -> bool:
        """Whether ``user`` has passkeys."""
        return bool(self._rows.passkeys(user))

    def check(self, user: str, code: str) -> None:
        """Raise SignInNeeded unless ``code`` counts, TooManyAttempts after too many that did not.

        Failures of one user count together, wherever they come from: who gets here has the
        password, and the codes are few.
        """
        attempt = f"second step:{user}"
        self._throttle.begin(attempt)
        if not (self._generators.check(user, code) or self._recover(user, code)):
            raise SignInNeeded(say("This code is wrong, or was used already."))
        self._throttle.forget(attempt)

    def new_recovery_codes(self, user: str) -> list[str]:
        """New recovery codes, told once; the ones before count no longer."""
        made = [passwords.made(4, 4) for _ in range(RECOVERY_CODES)]
        digests = [passwords.digest_of_made(self._key, one) for one in made]
        self._rows.set_recovery_codes(user, digests)
        return made

    def _recover(self, user: str, code: str) -> bool:
        return self._rows.use_recovery_code(user, passwords.digest_of_made(self._key, code))

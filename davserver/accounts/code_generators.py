"""Codes that change every 30 seconds, made by an app on the phone (TOTP, RFC 6238)."""

import hmac
import time
from dataclasses import dataclass

import pyotp
import segno

from davserver.errors import BadRequest
from davserver.providers.second_factors import SecondFactors
from davserver.tokens import Box, TokenNotValid
from davserver.words import say

_STEP_SECONDS = 30
# RFC 6238, 5.2: a clock that is a little off, a code that was typed slowly.
_STEPS_OFF = (0, -1, 1)
_ENROL_SECONDS = 15 * 60


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A generator that is not in use yet: ``secret`` to type, ``picture`` to scan (a data URI).

    ``sealed`` is the secret as the form carries it to the confirmation.
    """

    sealed: str
    secret: str
    picture: str


class CodeGenerators:
    """Enrols and checks generators. Their secrets are in the catalog encrypted, by our secret."""

    def __init__(self, rows: SecondFactors, secret: bytes) -> None:
        self._rows = rows
        self._box = Box(secret, "code generator")

    def begin(self, user: str, site: str) -> Enrolment:
        """A new generator for ``user``, which an app shows under the name of ``site``."""
        return self._enrolment(user, site, pyotp.random_base32())

    def again(self, user: str, site: str, sealed: str) -> Enrolment:
        """The same once more, after a wrong code. Raises BadRequest if it is too old."""
        return self._enrolment(user, site, self._opened(user, sealed))

    def confirm(self, user: str, sealed: str, code: str) -> bool:
        """Put the generator in use, if ``code`` shows that the app has it. Raises BadRequest."""
        secret = self._opened(user, sealed)
        step = _step_of(secret, code)
        if step is None:
            return False
        self._rows.set_generator(user, self._box.seal(secret), step)
        return True

    def is_set(self, user: str) -> bool:
        """Whether ``user`` has a generator."""
        return self._rows.generator(user) is not None

    def check(self, user: str, code: str) -> bool:
        """Whether ``code`` is one of ``user``'s now, and was not used before."""
        generator = self._rows.generator(user)
        if generator is None:
            return False
        try:
            secret = self._box.open(generator.secret)
        except TokenNotValid:
            # Our own secret was replaced, and with it went what it sealed.
            return False
        step = _step_of(secret, code)
        return step is not None and self._rows.use_step(user, step)

    def _enrolment(self, user: str, site: str, secret: str) -> Enrolment:
        address = pyotp.TOTP(secret).provisioning_uri(name=user, issuer_name=site)
        picture = segno.make(address, error="m", micro=False).svg_data_uri(
            scale=5, border=3, dark="#000", light="#fff"
        )
        sealed = self._box.seal(f"{user}\0{secret}")
        grouped = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
        return Enrolment(sealed, grouped, picture)

    def _opened(self, user: str, sealed: str) -> str:
        try:
            text = self._box.open(sealed, _ENROL_SECONDS)
        except TokenNotValid:
            raise BadRequest(say("That took too long. Begin again with a new picture.")) from None
        owner, _, secret = text.partition("\0")
        if owner != user or not secret:
            raise BadRequest(say("This picture was made for another user."))
        return secret


def _step_of(secret: str, code: str) -> int | None:
    """The step of time that ``code`` belongs to, about now."""
    given = "".join(code.split()).encode()
    now = int(time.time()) // _STEP_SECONDS
    for off in _STEPS_OFF:
        step = now + off
        if hmac.compare_digest(pyotp.TOTP(secret).generate_otp(step).encode(), given):
            return step
    return None

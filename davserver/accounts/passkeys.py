"""Passkeys (WebAuthn Level 3): registered on the account page, used to sign in.

A challenge is a signed moment, bound to the browser that asked: nothing is kept for those who only
ask, and one that was answered is remembered until it would be too old anyway.
"""

import hashlib
import hmac
import secrets
import time
from urllib.parse import urlsplit

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    base64url_to_bytes,
    bytes_to_base64url,
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    RegistrationCredential,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from davserver.accounts import csrf
from davserver.errors import BadRequest, SignInNeeded
from davserver.providers.second_factors import SecondFactors
from davserver.tokens import derived
from davserver.web import Request
from davserver.words import say

_SECONDS = 300
_NONCE, _MOMENT, _SEAL = 16, 8, 32
_LONGEST_ID = 1023  # WebAuthn, 4, "credential ID"
_REGISTER, _SIGN_IN = "register", "sign in"
# What the library raises about an answer that is none.
_MALFORMED = (WebAuthnException, ValueError, KeyError, TypeError)


class Passkeys:
    """Asks for passkeys and checks the answers, at the address that the browser shows."""

    def __init__(self, rows: SecondFactors, secret: bytes) -> None:
        self._rows = rows
        self._challenges = derived(secret, "passkey challenge")
        self._handles = derived(secret, "passkey user")

    def question(self, request: Request, user: str = "") -> str:
        """What ``navigator.credentials.get`` wants: any passkey, or one of ``user``'s."""
        options = generate_authentication_options(
            rp_id=_site(request),
            challenge=self._challenge(request, _SIGN_IN),
            timeout=_SECONDS * 1000,
            allow_credentials=self._described(user) or None,
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return options_to_json(options)

    def check(self, request: Request, answer: str) -> str:
        """The name of the user whose passkey gave ``answer``. Raises SignInNeeded."""
        refusal = SignInNeeded(
            say("This passkey is not known here, or it took too long. Try again.")
        )
        try:
            given = parse_authentication_credential_json(answer)
            challenge = self._challenge_in(request, given, _SIGN_IN)
            known = self._rows.passkey(given.id)
            if known is None or given.response.user_handle != self._handle(known.user):
                raise refusal
            verified = verify_authentication_response(
                credential=given,
                expected_challenge=challenge,
                expected_rp_id=_site(request),
                expected_origin=request.origin,
                credential_public_key=base64url_to_bytes(known.public_key),
                credential_current_sign_count=known.sign_count,
                require_user_verification=True,
            )
        except _MALFORMED:
            raise refusal from None
        if not self._spend(challenge) or not self._rows.use_passkey(known, verified.new_sign_count):
            raise refusal
        return known.user

    def invitation(self, request: Request, user: str) -> str:
        """What ``navigator.credentials.create`` wants, for a new passkey of ``user``."""
        options = generate_registration_options(
            rp_id=_site(request),
            rp_name="davserver",
            user_name=user,
            user_id=self._handle(user),
            challenge=self._challenge(request, _REGISTER),
            timeout=_SECONDS * 1000,
            exclude_credentials=self._described(user),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
        )
        return options_to_json(options)

    def add(self, request: Request, user: str, name: str, answer: str) -> None:
        """Register the passkey that gave ``answer``. Raises BadRequest and as ``add_passkey``."""
        refusal = BadRequest(say("This passkey was not made here, or it took too long. Try again."))
        try:
            given = parse_registration_credential_json(answer)
            challenge = self._challenge_in(request, given, _REGISTER)
            verified = verify_registration_response(
                credential=given,
                expected_challenge=challenge,
                expected_rp_id=_site(request),
                expected_origin=request.origin,
                require_user_verification=True,
            )
        except _MALFORMED:
            raise refusal from None
        if not self._spend(challenge) or len(verified.credential_id) > _LONGEST_ID:
            raise refusal
        self._rows.add_passkey(
            user,
            bytes_to_base64url(verified.credential_id),
            name,
            bytes_to_base64url(verified.credential_public_key),
            verified.sign_count,
        )

    def _described(self, user: str) -> list[PublicKeyCredentialDescriptor]:
        known = self._rows.passkeys(user) if user else []
        return [PublicKeyCredentialDescriptor(id=base64url_to_bytes(one.id)) for one in known]

    def _handle(self, user: str) -> bytes:
        """What authenticators know a user by; tells nothing about them (WebAuthn, 14.6.1)."""
        return hmac.new(self._handles, user.encode(), hashlib.sha256).digest()

    def _challenge(self, request: Request, purpose: str) -> bytes:
        moment = int(time.time()) + _SECONDS
        body = secrets.token_bytes(_NONCE) + moment.to_bytes(_MOMENT, "big")
        return body + self._seal(request, purpose, body)

    def _challenge_in(
        self,
        request: Request,
        answer: AuthenticationCredential | RegistrationCredential,
        purpose: str,
    ) -> bytes:
        """The challenge of ours that is answered. Raises ValueError for every other one."""
        challenge = parse_client_data_json(answer.response.client_data_json).challenge
        body, seal = challenge[:-_SEAL], challenge[-_SEAL:]
        right = hmac.compare_digest(seal, self._seal(request, purpose, body))
        if not right or len(body) != _NONCE + _MOMENT or _expires(challenge) < time.time():
            raise ValueError("not a challenge of ours")
        return challenge

    def _spend(self, challenge: bytes) -> bool:
        """Whether a challenge was not answered before; it is from now on."""
        digest = hashlib.sha256(challenge).hexdigest()
        return self._rows.spend_challenge(digest, _expires(challenge))

    def _seal(self, request: Request, purpose: str, body: bytes) -> bytes:
        # A form counts only with the cookie that names the browser, so it is there.
        bound = f"{purpose}\0{csrf.browser(request)}\0".encode()
        return hmac.new(self._challenges, bound + body, hashlib.sha256).digest()


def _expires(challenge: bytes) -> float:
    return float(int.from_bytes(challenge[_NONCE : _NONCE + _MOMENT], "big"))


def _site(request: Request) -> str:
    """The name that passkeys are bound to: that of the host in the address."""
    return urlsplit(request.origin).hostname or ""

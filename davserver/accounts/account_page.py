"""/-/account: one's own password, second factors, app passwords, and where one is signed in."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from davserver import paths
from davserver.accounts import passwords
from davserver.accounts.app_passwords import DevicePasswords, checked_name
from davserver.accounts.code_generators import CodeGenerators, Enrolment
from davserver.accounts.credentials import Credentials
from davserver.accounts.passkeys import Passkeys
from davserver.accounts.second_factors import SecondStep
from davserver.accounts.sign_in import SignIn
from davserver.audit import Event
from davserver.errors import BadRequest, DavserverError, Forbidden, SignInNeeded
from davserver.model import Right
from davserver.pages import Pages
from davserver.providers.app_passwords import AppPasswords
from davserver.providers.second_factors import SecondFactors
from davserver.providers.share import Share
from davserver.providers.sign_ins import SignedIn, SignIns
from davserver.providers.users import Users
from davserver.web import Request, Response, json, redirect
from davserver.words import say

ADDRESS = "/-/account"
SURE_SECONDS = 15 * 60
"""How long after signing in one may add or remove ways to sign in: a browser that was left open is
not enough for that."""

_DONE = {
    "password": say("The password is changed. Every other browser is signed out."),
    "code": say("Signing in asks for a code from now on."),
    "code-removed": say("Signing in no longer asks for a code of the app."),
    "passkey": say("You can sign in with this passkey from now on."),
    "passkey-removed": say("The passkey is removed."),
    "picture": say("This is your picture from now on."),
    "picture-removed": say("The picture is removed."),
    "revoked": say("The app password is revoked."),
    "ended": say("That browser is signed out."),
    "others": say("Every other browser is signed out."),
}
_Act = Callable[[Request, SignedIn], Response]


@dataclass(frozen=True, slots=True)
class Rows:
    """What the catalog knows about users and how they sign in."""

    users: Users
    sign_ins: SignIns
    app_passwords: AppPasswords
    second_factors: SecondFactors


class AccountPage:
    """GET: what there is. POST: ``do`` says what; what is shown once is in the answer."""

    def __init__(
        self,
        pages: Pages,
        share: Share,
        rows: Rows,
        credentials: Credentials,
        sign_in: SignIn,
        second: SecondStep,
        generators: CodeGenerators,
        passkeys: Passkeys,
        devices: DevicePasswords,
    ) -> None:
        self._pages = pages
        self._share = share
        self._rows = rows
        self._credentials = credentials
        self._sign_in = sign_in
        self._second = second
        self._generators = generators
        self._passkeys = passkeys
        self._devices = devices
        self._acts: dict[str, _Act] = {
            "password": self._change_password,
            "code-confirm": self._confirm_generator,
            "revoke": self._revoke,
            "end": self._end,
            "end-others": self._end_others,
        }
        self._acts_when_sure: dict[str, _Act] = {
            "code": self._begin_generator,
            "code-remove": self._remove_generator,
            "passkey-ask": self._invite_passkey,
            "passkey": self._add_passkey,
            "passkey-remove": self._remove_passkey,
            "recovery": self._renew_recovery_codes,
            "app-password": self._add_app_password,
        }

    def __call__(self, request: Request) -> Response:
        here = self._sign_in.current(request)
        if here is None:
            return self._sign_in.asked_for(
                request, ADDRESS, say("Sign in with a browser to change your account.")
            )
        if request.method != "POST":
            return self._page(request, here)
        outcome = "failed"
        try:
            response = self._act(request)(request, here)
            outcome = "done" if response.status < 400 else "failed"
            return response
        except DavserverError as fault:
            if not request.wants_page:
                raise
            return self._page(request, here, fault.status, problem=str(fault))
        finally:
            command = " ".join(["account:", *_told(request.form)])
            request.note(Event.ADMINISTERED, command=command, outcome=outcome)

    def _act(self, request: Request) -> _Act:
        name = request.form.get("do", "")
        act = self._acts.get(name)
        if act is None and name in self._acts_when_sure:
            here = self._sign_in.current(request)
            if here is None or not is_sure(here):
                raise Forbidden(say("You signed in a while ago. Sign in again to change this."))
            act = self._acts_when_sure[name]
        if act is None:
            raise BadRequest(say("The form does not say what to do."))
        return act

    def _page(
        self,
        request: Request,
        here: SignedIn,
        status: int = 200,
        *,
        problem: str = "",
        enrolment: Enrolment | None = None,
        made: dict[str, Any] | None = None,
        recovery_codes: list[str] | None = None,
    ) -> Response:
        user = self._rows.users.find(here.user)
        factors = self._rows.second_factors
        return self._pages.render(
            request,
            "account.html",
            status,
            here=here,
            is_sure=is_sure(here),
            has_password=bool(user and user.password_hash),
            shortest=passwords.MIN_LENGTH,
            generator=factors.generator(here.user),
            passkeys=factors.passkeys(here.user),
            codes_left=factors.recovery_codes_left(here.user),
            app_passwords=self._rows.app_passwords.of(here.user),
            sign_ins=self._rows.sign_ins.of(here.user),
            problem=problem,
            done=_DONE.get(request.query.get("done", ""), ""),
            enrolment=enrolment,
            made=made,
            recovery_codes=recovery_codes,
        )

    def _change_password(self, request: Request, here: SignedIn) -> Response:
        form = request.form
        new = form.get("new", "")
        if len(new) < passwords.MIN_LENGTH:
            raise BadRequest(
                say(
                    "A password has at least {min_length} characters.",
                    min_length=passwords.MIN_LENGTH,
                )
            )
        if new != form.get("again", ""):
            raise BadRequest(say("The two new passwords are not the same."))
        user = self._rows.users.find(here.user)
        if user is None or not user.password_hash:
            raise Forbidden(say("Your password is kept elsewhere; change it there."))
        try:
            self._credentials.check(user.name, form.get("current", ""), request.client_address)
        except SignInNeeded:
            raise Forbidden(say("The current password is wrong.")) from None
        self._rows.users.set_password_hash(user.name, passwords.hashed(new))
        self._credentials.forget(user.name)
        return self._sign_in.admit(
            request, user, f"{ADDRESS}?done=password", remember=here.remembered
        )

    def _begin_generator(self, request: Request, here: SignedIn) -> Response:
        return self._page(
            request, here, enrolment=self._generators.begin(here.user, _site(request))
        )

    def _confirm_generator(self, request: Request, here: SignedIn) -> Response:
        sealed = request.form.get("sealed", "")
        if self._generators.confirm(here.user, sealed, request.form.get("code", "")):
            return self._factor_added(request, here, "code")
        again = self._generators.again(here.user, _site(request), sealed)
        words = say(
            "This code is not the one that the app should show now. Is your phone's clock right?"
        )
        return self._page(request, here, 400, problem=words, enrolment=again)

    def _remove_generator(self, request: Request, here: SignedIn) -> Response:
        self._rows.second_factors.remove_generator(here.user)
        return _done(request, "code-removed")

    def _invite_passkey(self, request: Request, here: SignedIn) -> Response:
        return json(self._passkeys.invitation(request, here.user))

    def _add_passkey(self, request: Request, here: SignedIn) -> Response:
        name = checked_name(request.form.get("name", ""))
        self._passkeys.add(request, here.user, name, request.form.get("passkey", ""))
        return self._factor_added(request, here, "passkey")

    def _remove_passkey(self, request: Request, here: SignedIn) -> Response:
        self._rows.second_factors.remove_passkey(here.user, request.form.get("id", ""))
        return _done(request, "passkey-removed")

    def _factor_added(self, request: Request, here: SignedIn, done: str) -> Response:
        """With the first factor come recovery codes: whoever loses it needs another way in."""
        if self._rows.second_factors.recovery_codes_left(here.user):
            return _done(request, done)
        return self._renew_recovery_codes(request, here)

    def _renew_recovery_codes(self, request: Request, here: SignedIn) -> Response:
        if not self._second.is_needed(here.user):
            raise BadRequest(say("Recovery codes come with a second factor."))
        made = self._second.new_recovery_codes(here.user)
        return self._page(request, here, recovery_codes=made)

    def _add_app_password(self, request: Request, here: SignedIn) -> Response:
        form = request.form
        scope = paths.typed(form.get("scope", ""))
        self._share.access.check(request.principal, scope, Right.READ)
        if not self._share.files.entry(scope).is_folder:
            raise BadRequest(say("An app password is good for a folder, not for a file."))
        name = checked_name(form.get("name", ""))
        secret = self._devices.make(here.user, name, scope, read_only="read_only" in form)
        return self._page(request, here, made={"name": name, "secret": secret})

    def _revoke(self, request: Request, here: SignedIn) -> Response:
        self._rows.app_passwords.revoke(here.user, request.form.get("name", ""))
        return _done(request, "revoked")

    def _end(self, request: Request, here: SignedIn) -> Response:
        self._rows.sign_ins.end(here.user, request.form.get("id", ""))
        return _done(request, "ended")

    def _end_others(self, request: Request, here: SignedIn) -> Response:
        self._rows.sign_ins.end_others(here.user, here.id)
        return _done(request, "others")


def is_sure(here: SignedIn) -> bool:
    """Whether whoever uses this browser proved who they are a short while ago."""
    return here.created.timestamp() > time.time() - SURE_SECONDS


def _told(form: dict[str, str]) -> list[str]:
    """What the audit log is told of a form: which thing it is about, and nothing that is secret."""
    read_only = ["(reading only)"] if "read_only" in form else []
    return [form[field] for field in ("do", "name", "scope") if form.get(field)] + read_only


def _done(request: Request, what: str) -> Response:
    return redirect(f"{request.url(ADDRESS)}?done={what}")


def _site(request: Request) -> str:
    return urlsplit(request.origin).hostname or "davserver"

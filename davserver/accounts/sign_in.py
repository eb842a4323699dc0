"""Signing in and out by the browser: pages, and a cookie that holds a random number.

What the number stands for is a row of ``providers.sign_ins``: made anew at every sign-in, and gone
in every process at once when somebody signs out, is removed, or gets another password.
"""

import hashlib

from davserver.accounts import cookies, csrf
from davserver.accounts.agents import name_of_agent
from davserver.accounts.credentials import Credentials, principal_of
from davserver.accounts.passkeys import Passkeys
from davserver.accounts.second_factors import SecondStep
from davserver.accounts.throttle import Devices
from davserver.audit import Event
from davserver.errors import DavserverError, Forbidden, SignInNeeded, TooManyAttempts, Unavailable
from davserver.model import Principal
from davserver.pages import Pages
from davserver.providers.sign_ins import SignedIn, SignIns
from davserver.providers.users import User
from davserver.tokens import TokenNotValid, Tokens
from davserver.web import Request, Response, json, redirect
from davserver.words import say

SIGN_IN = "/-/login"
SIGN_OUT = "/-/logout"
ELSEWHERE = "/-/oidc/start"
"""Leads to the provider where people can sign in instead."""
SIGNED_IN = "/-/signed-in"
"""Where Office waits for somebody to be sent after signing in."""
COOKIE = "davserver-session"
_STEP_SECONDS = 300
_HOUR = 3600
_DAY = 24 * _HOUR


class SignIn:
    """The sign-in pages and their cookie, good for ``hours``, or ``days`` if one asks for that.

    ``elsewhere`` is what the provider is called where people can sign in instead, if there is one.
    """

    def __init__(
        self,
        pages: Pages,
        credentials: Credentials,
        sign_ins: SignIns,
        second: SecondStep,
        passkeys: Passkeys,
        steps: Tokens,
        hours: int,
        days: int,
        devices: Devices,
        elsewhere: str = "",
    ) -> None:
        self._pages = pages
        self._credentials = credentials
        self._sign_ins = sign_ins
        self._second = second
        self._passkeys = passkeys
        self._steps = steps
        self._hours = hours
        self._days = days
        self._devices = devices
        self._elsewhere = elsewhere

    def principal(self, request: Request) -> Principal | None:
        """Who the cookie says it is; None if there is none, or it counts no longer."""
        found = self._found(request)
        user = self._credentials.user(found.user) if found else None
        return principal_of(user) if user else None

    def current(self, request: Request) -> SignedIn | None:
        """The sign-in that this request comes by; None if it comes by something else."""
        found = None if request.header("Authorization") else self._found(request)
        # Whoever is told by other means may have somebody else's cookie beside.
        return found if found and found.user == request.principal.name else None

    def asked_for(self, request: Request, wanted: str, words: str) -> Response:
        """Lead a browser to signing in, and on to ``wanted``.

        Raises Forbidden with ``words`` for a program: its password must not do this.
        """
        if request.wants_page and not request.header("Authorization"):
            return redirect(f"{request.url(SIGN_IN)}?next={wanted}")
        raise Forbidden(words)

    def page(self, request: Request) -> Response:
        """GET: the form. POST: what was proved, and where the person wanted to go."""
        form = request.form
        wanted = safe_path(request.query.get("next") or form.get("next") or "")
        if request.method != "POST":
            return self._form(request, wanted)
        try:
            if form.get("ask") == "passkey":
                step = self._step(request) if "step" in form else None
                return json(self._passkeys.question(request, step.name if step else ""))
            if "step" in form:
                return self._second_step(request, wanted)
            if "passkey" in form:
                return self._proved(request, self._by_passkey(request), wanted)
        except (SignInNeeded, TokenNotValid) as fault:
            request.note(Event.SIGN_IN_REFUSED)
            return self._form(request, wanted, SignInNeeded.status, str(fault))
        return self._by_password(request, wanted)

    def admit(
        self, request: Request, user: User, wanted: str, *, remember: bool = False
    ) -> Response:
        """Who ``user`` is was proved: set a new cookie, go on to ``wanted``, a path of ours."""
        self._end(request)
        request.note(Event.SIGNED_IN, user=user.name, how="page")
        can_remember = remember and self._days > 0
        seconds = self._days * _DAY if can_remember else self._hours * _HOUR
        secret = self._sign_ins.begin(
            user.name,
            seconds,
            request.client_address[:64],
            name_of_agent(request.header("User-Agent")),
            remembered=can_remember,
        )
        # Office reads the cookie of its dialog only if it is one that stays.
        age = seconds if can_remember or wanted == SIGNED_IN else None
        response = redirect(request.url(wanted))
        response.headers.append(("Set-Cookie", cookies.made(request, COOKIE, secret, age)))
        response.headers.append(("Set-Cookie", self._devices.cookie(request, user.name)))
        return response

    def out(self, request: Request) -> Response:
        """POST: end the sign-in and forget the cookie."""
        request.note(Event.SIGNED_OUT)
        self._end(request)
        response = redirect(request.url(SIGN_IN))
        response.headers.append(("Set-Cookie", cookies.made(request, COOKIE, "", 0)))
        return response

    def _found(self, request: Request) -> SignedIn | None:
        secret = cookies.read(request, COOKIE)
        return self._sign_ins.find(secret) if secret else None

    def _end(self, request: Request) -> None:
        found = self._found(request)
        if found:
            self._sign_ins.end(found.user, found.id)

    def _by_password(self, request: Request, wanted: str) -> Response:
        name = request.form.get("name", "").strip()
        password = request.form.get("password", "")
        try:
            device = self._devices.of(request, name)
            principal = self._credentials.check(name, password, request.client_address, device)
        except (SignInNeeded, TooManyAttempts, Unavailable) as fault:
            request.note(Event.SIGN_IN_REFUSED, user=self._credentials.known(name))
            response = self._form(request, wanted, fault.status, str(fault), name)
            response.headers.extend(fault.headers())
            return response
        user = self._credentials.user(principal.name)
        if user is None:
            return self._form(request, wanted, 401, say("This user was removed."), name)
        if self._second.is_needed(user.name):
            return self._ask_second(request, user, wanted)
        return self._proved(request, user, wanted)

    def _by_passkey(self, request: Request) -> User:
        """The user whose passkey answered. Raises SignInNeeded."""
        name = self._passkeys.check(request, request.form.get("passkey", ""))
        user = self._credentials.user(name)
        if user is None:
            raise SignInNeeded(say("This user was removed."))
        return user

    def _second_step(self, request: Request, wanted: str) -> Response:
        """The password was right: now the code, or the passkey of the same user."""
        user = self._step(request)
        try:
            if "passkey" in request.form:
                if self._by_passkey(request).name != user.name:
                    raise SignInNeeded(say("This passkey belongs to another user."))
            else:
                self._second.check(user.name, request.form.get("code", ""))
        except (SignInNeeded, TooManyAttempts) as fault:
            request.note(Event.SIGN_IN_REFUSED, user=user.name)
            response = self._ask_second(request, user, wanted, fault)
            response.headers.extend(fault.headers())
            return response
        return self._proved(request, user, wanted)

    def _step(self, request: Request) -> User:
        """Whose password was right a moment ago, in this browser. Raises TokenNotValid."""
        claims = self._steps.read(request.form["step"])
        user = self._credentials.user(str(claims.get("sub", "")))
        if user is None or claims.get("pw") != _fingerprint(user) or not _same(request, claims):
            raise TokenNotValid(say("That took too long. Sign in again."))
        return user

    def _ask_second(
        self, request: Request, user: User, wanted: str, fault: DavserverError | None = None
    ) -> Response:
        claims = {"sub": user.name, "pw": _fingerprint(user), "browser": csrf.browser(request)}
        return self._pages.render(
            request,
            "second_step.html",
            fault.status if fault else 200,
            step=self._steps.issue(claims, _STEP_SECONDS),
            wanted=wanted,
            remember=request.form.get("remember", ""),
            problem=str(fault or ""),
            has_codes=self._second.takes_codes(user.name),
            has_passkeys=self._second.takes_passkeys(user.name),
        )

    def _proved(self, request: Request, user: User, wanted: str) -> Response:
        return self.admit(request, user, wanted, remember=request.form.get("remember") == "yes")

    def _form(
        self, request: Request, wanted: str, status: int = 200, problem: str = "", name: str = ""
    ) -> Response:
        return self._pages.render(
            request,
            "sign_in.html",
            status,
            wanted=wanted,
            problem=problem,
            name=name,
            days=self._days,
            elsewhere=self._elsewhere,
        )


def safe_path(wanted: str) -> str:
    """``wanted`` if it is a path of this site, else the root: sign-in leads nowhere else."""
    if wanted.startswith("/") and not wanted.startswith("//") and "\\" not in wanted:
        return wanted if wanted.isprintable() and wanted.isascii() else "/"
    return "/"


def _same(request: Request, claims: dict[str, object]) -> bool:
    browser = csrf.browser(request)
    return bool(browser) and claims.get("browser") == browser


def _fingerprint(user: User) -> str:
    """Another one for another password, and for whomever gets the name after ``user``."""
    proof = "\0".join((user.password_hash, user.source, user.subject))
    return hashlib.sha256(proof.encode()).hexdigest()[:16]

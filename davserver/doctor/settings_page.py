"""/-/admin/editor/settings: the editor's settings, kept after the connection was tested."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from davserver.accounts.account_page import is_sure
from davserver.accounts.sign_in import SignIn
from davserver.audit import Event
from davserver.doctor import office
from davserver.doctor.choices import (
    CONNECTION,
    FIELDS,
    GROUPS,
    LOOKS,
    SECRET,
    posted_but_fixed,
    shown,
    wanted,
    where_set,
)
from davserver.doctor.finding import Finding, fault
from davserver.errors import (
    BadRequest,
    Conflict,
    DavserverError,
    Forbidden,
    SettingsWrong,
    Unavailable,
)
from davserver.kept_settings import KeptSettings
from davserver.pages import Pages
from davserver.providers.exclusion import Exclusion
from davserver.providers.sessions import EditSessions
from davserver.providers.share import Share
from davserver.settings import Settings
from davserver.tokens import Box
from davserver.web import Request, Response, redirect
from davserver.words import say

ADDRESS = "/-/admin/editor/settings"
LOOKS_AGAIN = 15
"""So often, each second, a page looks whether the new settings count."""
_TASK = "settings"
_SEALED_SECONDS = 3600
_SECRET_BYTES = 32
_WRONG, _NOT_KEPT = 422, 409
_SEE_BELOW = say("Nothing was saved: see below.")


@dataclass(frozen=True, slots=True)
class Told:
    """What an attempt led to: what is wrong with which field, and what the test found."""

    status: int = 200
    problem: str = ""
    at_fields: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    made: str = ""


class SettingsPage:
    """GET: the form. POST: ``do`` is save, anyway (whatever the test finds) or make (a secret).

    ``renew`` wishes that the settings be read anew; None where only a restart does that.
    """

    def __init__(
        self,
        pages: Pages,
        settings: Settings,
        share: Share,
        sessions: EditSessions,
        sign_in: SignIn,
        exclusion: Exclusion,
        box: Box,
        renew: Callable[[], None] | None,
    ) -> None:
        self._pages = pages
        self._settings = settings
        self._kept = KeptSettings(settings.state)
        self._share = share
        self._sessions = sessions
        self._sign_in = sign_in
        self._exclusion = exclusion
        self._box = box
        self._renew = renew

    def __call__(self, request: Request) -> Response:
        if not request.principal.is_administrator:
            raise Forbidden(say("Only an administrator may look after the editor."))
        here = self._sign_in.current(request)
        if here is None:
            return self._sign_in.asked_for(
                request, ADDRESS, say("Sign in with a browser to change settings.")
            )
        sure = is_sure(here)
        if request.method != "POST":
            return self._page(request, Told(), sure=sure)
        try:
            if not sure:
                raise Forbidden(say("You signed in a while ago. Sign in again to change this."))
            with self._exclusion.if_free(_TASK) as held:
                if not held:
                    raise Unavailable(
                        say("Somebody changes settings right now. Try again in a moment.")
                    )
                told = self._post(request)
        except SettingsWrong as wrong:
            told = _at_fields(str(wrong))
        except DavserverError as refused:
            told = Told(refused.status, str(refused))
        if told is None:
            return redirect(f"{request.url(ADDRESS)}?saved={LOOKS_AGAIN}")
        return self._page(request, told, sure=sure)

    def _post(self, request: Request) -> Told | None:
        """What kept it from being kept; None if it is."""
        do = request.form.get("do", "")
        if do == "make":
            return Told(made=secrets.token_hex(_SECRET_BYTES))
        if do not in ("save", "anyway"):
            raise BadRequest(say("The form does not say what to do."))
        fixed = self._settings.sources.set_keys()
        refused = [FIELDS[name] for name in posted_but_fixed(request.form, fixed)]
        if refused:
            where = where_set(refused[0], fixed)
            raise Conflict(
                say(
                    "{label}: this is set elsewhere ({where}), not here.",
                    label=refused[0].label,
                    where=where,
                )
            )
        if request.form.get("stamp", "") != self._kept.stamp:
            raise Conflict(say("Somebody else changed settings meanwhile. Load the page anew."))
        return self._change(request, fixed, anyway=do == "anyway")

    def _change(self, request: Request, fixed: Mapping[str, str], *, anyway: bool) -> Told | None:
        before, kept = self._settings.sources.read(), self._kept.read()
        form = {**request.form, SECRET: self._secret(request)}
        after = wanted(form, before, kept, fixed)
        changed = sorted(
            key for key in kept.keys() | after.keys() if kept.get(key) != after.get(key)
        )
        wrong = _own_faults(after, fixed)
        if wrong:
            return Told(_WRONG, _SEE_BELOW, wrong)
        outcome = "failed"
        try:
            candidate = self._settings.sources.read(after)
            candidate.office_servers()  # secrets that everybody knows
            if not anyway and CONNECTION & set(changed):
                found = tuple(self._examine(request, before, candidate))
                if not all(one.is_good for one in found):
                    return Told(_NOT_KEPT, findings=found)
            self._kept.keep(after)
            outcome = "done"
        finally:
            command = " ".join(["editor settings:", *changed, *(["(untested)"] if anyway else [])])
            request.note(Event.ADMINISTERED, command=command, outcome=outcome)
        if self._renew:
            self._renew()
        return None

    def _secret(self, request: Request) -> str:
        """The secret that was typed, now or before a page that does not show it again."""
        typed = request.form.get(SECRET, "").strip()
        sealed = request.form.get("sealed", "")
        return typed or (self._box.open(sealed, _SEALED_SECONDS) if sealed else "")

    def _examine(self, request: Request, before: Settings, candidate: Settings) -> list[Finding]:
        page = request.origin + request.site
        found = list(self._left_behind(before, candidate))
        us = candidate.internal_url or page
        return found + list(office(candidate, self._share, us=us, page=page))

    def _left_behind(self, before: Settings, candidate: Settings) -> list[Finding]:
        """What is being edited on a server that we would no longer understand."""
        stay = {(one.address, one.secret) for one in candidate.office_servers()}
        servers = before.office_servers()
        gone = {one.address for one in servers if (one.address, one.secret) not in stay}
        if servers and servers[0].address in gone:
            gone.add("")  # a session without a server is on the first
        there = [one.path for one in self._sessions.live() if one.server in gone]
        if not there:
            return []
        words = say(
            "some are on a server whose address or secret changes: {there}",
            there=", ".join(there[:5]),
        )
        cure = say("Let people close them, or end the sessions: what is typed could not come back.")
        return [fault(say("documents being edited"), words, cure)]

    def _page(self, request: Request, told: Told, *, sure: bool) -> Response:
        problem = told.problem
        try:
            now = self._settings.sources.read()
        except SettingsWrong as wrong:
            now, problem = self._settings, problem or str(wrong)
        fixed = _fixed(now)
        values = shown(now)
        is_typed = request.method == "POST"
        secret = told.made or (self._secret_or_none(request) if is_typed else "")
        if is_typed:
            typed = {name: request.form.get(name, "") for name in FIELDS}
            values |= {name: typed[name] for name in FIELDS if name not in fixed}
        return self._pages.render(
            request,
            "admin_settings.html",
            told.status,
            groups=GROUPS,
            looks=LOOKS,
            connection=CONNECTION,
            values=values | {SECRET: ""},
            fixed=fixed,
            told=told,
            problem=problem,
            has_secret=bool(now.jwt_secret or now.jwt_secret_file),
            sealed=self._box.seal(secret) if secret else "",
            stamp=request.form.get("stamp", "") if is_typed else self._kept.stamp,
            sure=sure,
            counts=now == self._settings,
            can_renew=self._renew is not None,
            saved=_saved(request),
        )

    def _secret_or_none(self, request: Request) -> str:
        try:
            return self._secret(request)
        except BadRequest:
            return ""


def _fixed(settings: Settings) -> dict[str, str]:
    """Where fields are set that cannot be set here, by their names."""
    keys = settings.sources.set_keys()
    return {name: where for name, one in FIELDS.items() if (where := where_set(one, keys))}


def _at_fields(words: str) -> Told:
    """What the settings say, each at the field that it is about."""
    at, rest = {}, []
    for line in words.splitlines():
        key, _, message = line.partition(": ")
        name = SECRET if key == "jwt_secret_file" else key
        if name in FIELDS and message:
            at[name] = message
        else:
            rest.append(line)
    return Told(_WRONG, " ".join(rest) or _SEE_BELOW, at)


def _own_faults(values: Mapping[str, Any], fixed: Mapping[str, str]) -> dict[str, str]:
    """What the settings would say in words for those who write files, or take for another thing."""
    found: dict[str, str] = {}
    has_secret = SECRET in values or SECRET in fixed or "jwt_secret_file" in fixed
    if values.get("document_server") and not has_secret:
        found[SECRET] = say("Both servers need the same one: type it, or make one.")
    authority = values.get("document_server_ca", "")
    if authority and not authority.startswith("/"):
        found["document_server_ca"] = say("Give the whole path, like /etc/ssl/office.pem.")
    return found


def _saved(request: Request) -> int | None:
    """How often the page still looks whether what was saved counts; None if nothing was saved."""
    text = request.query.get("saved", "")
    return min(int(text), LOOKS_AGAIN) if text.isdecimal() and text.isascii() else None

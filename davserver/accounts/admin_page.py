"""/-/admin: who may sign in, who belongs together, how much room each has; for administrators."""

from collections.abc import Callable
from dataclasses import dataclass

from davserver import paths
from davserver.accounts import passwords
from davserver.accounts.account_page import is_sure
from davserver.accounts.credentials import Credentials
from davserver.accounts.people import People
from davserver.accounts.sign_in import SignIn
from davserver.audit import Event
from davserver.errors import BadRequest, DavserverError, Forbidden, NotFound
from davserver.pages import Pages, parsed_size
from davserver.providers.quotas import Quotas
from davserver.web import Request, Response
from davserver.words import say, say_many

ADDRESS = "/-/admin"


@dataclass(frozen=True, slots=True)
class Done:
    """What an act led to, in words, and a password that is shown this once."""

    words: str
    password: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a form says: whom or what it is about, the rest of it, and who sent it."""

    name: str
    group: str
    folder: str
    size: str
    by: str


class AdminPage:
    """GET: users, groups, quotas. POST: ``do`` says what, ``name`` whom; answered with the page."""

    def __init__(
        self,
        pages: Pages,
        people: People,
        quotas: Quotas,
        credentials: Credentials,
        sign_in: SignIn,
    ) -> None:
        self._pages = pages
        self._people = people
        self._quotas = quotas
        self._credentials = credentials
        self._sign_in = sign_in
        self._acts: dict[str, Callable[[Asked], Done]] = {
            "add": self._add,
            "password": self._renew_password,
            "promote": self._promote,
            "demote": self._demote,
            "sign-out": self._sign_out,
            "remove": self._remove,
            "group-add": self._add_group,
            "group-remove": self._remove_group,
            "join": self._join,
            "leave": self._leave,
            "quota": self._set_quota,
            "quota-clear": self._clear_quota,
        }

    def __call__(self, request: Request) -> Response:
        if not request.principal.is_administrator:
            raise Forbidden(say("Only an administrator may look after users."))
        here = self._sign_in.current(request)
        if here is None:
            return self._sign_in.asked_for(
                request, ADDRESS, say("Sign in with a browser to look after users.")
            )
        sure = is_sure(here)
        if request.method != "POST":
            return self._page(request, sure=sure)
        try:
            if not sure:
                raise Forbidden(say("You signed in a while ago. Sign in again to change this."))
            done = self._act(request)
        except DavserverError as fault:
            return self._page(request, fault.status, sure=sure, problem=str(fault))
        return self._page(request, sure=sure, done=done)

    def _act(self, request: Request) -> Done:
        form = request.form
        # A button says all in one, like leave:ann:staff; no name has a colon.
        what, _, about = form.get("do", "").partition(":")
        name, _, group = about.partition(":")
        asked = Asked(
            name or form.get("name", "").strip(),
            group or form.get("group", ""),
            form.get("folder", "").strip(),
            form.get("size", "").strip(),
            request.principal.name,
        )
        act = self._acts.get(what)
        if act is None:
            raise BadRequest(say("The form does not say what to do."))
        words = [what, asked.name, asked.group, asked.folder, asked.size]
        outcome = "failed"
        try:
            done = act(asked)
            outcome = "done"
        finally:
            command = " ".join(["admin page:", *filter(None, words)])
            request.note(Event.ADMINISTERED, command=command, outcome=outcome)
        self._credentials.forget(asked.name)
        return done

    def _page(
        self,
        request: Request,
        status: int = 200,
        *,
        sure: bool,
        problem: str = "",
        done: Done | None = None,
    ) -> Response:
        return self._pages.render(
            request,
            "admin.html",
            status,
            people=self._people.all(),
            groups=self._people.groups(),
            quotas=self._quotas.all(),
            is_sure=sure,
            problem=problem,
            done=done,
        )

    def _add(self, asked: Asked) -> Done:
        made = passwords.one_time_password()
        self._people.add(asked.name, made)
        return Done(say("{name} may sign in now.", name=asked.name), made)

    def _renew_password(self, asked: Asked) -> Done:
        made = passwords.one_time_password()
        self._people.set_password(asked.name, made)
        return Done(
            say("{name} has a new password, and is signed out everywhere.", name=asked.name), made
        )

    def _promote(self, asked: Asked) -> Done:
        self._people.set_administrator(asked.name, is_administrator=True)
        return Done(say("{name} is an administrator now.", name=asked.name))

    def _demote(self, asked: Asked) -> Done:
        self._people.set_administrator(asked.name, is_administrator=False)
        return Done(say("{name} is no administrator any more.", name=asked.name))

    def _sign_out(self, asked: Asked) -> Done:
        browsers, devices = self._people.sign_out(asked.name)
        return Done(
            say(
                "{name} is signed out everywhere: {browsers}, {devices}.",
                name=asked.name,
                browsers=say_many("{count} browser", "{count} browsers", browsers),
                devices=say_many("{count} app password", "{count} app passwords", devices),
            )
        )

    def _remove(self, asked: Asked) -> Done:
        if asked.name == asked.by:
            raise Forbidden(say("You cannot remove yourself; another administrator can."))
        self._people.remove(asked.name)
        return Done(say("{name} can no longer sign in. The files stay.", name=asked.name))

    def _add_group(self, asked: Asked) -> Done:
        folder = paths.typed(asked.folder) if asked.folder else ""
        self._people.add_group(asked.name, folder, by=asked.by)
        return Done(say("People may be put into {name} now.", name=asked.name))

    def _remove_group(self, asked: Asked) -> Done:
        self._people.remove_group(asked.name)
        return Done(
            say("There is no group {name} any more. Its members and files stay.", name=asked.name)
        )

    def _join(self, asked: Asked) -> Done:
        self._people.join(asked.group, asked.name)
        return Done(say("{name} is in {group} now.", name=asked.name, group=asked.group))

    def _leave(self, asked: Asked) -> Done:
        self._people.leave(asked.group, asked.name)
        return Done(say("{name} is not in {group} any more.", name=asked.name, group=asked.group))

    def _set_quota(self, asked: Asked) -> Done:
        limit = parsed_size(asked.size)
        if limit is None:
            raise BadRequest(say("{size} is no size; write it like 500M or 20G.", size=asked.size))
        self._quotas.set(self._subject(asked.name), limit)
        return Done(say("{name} has a quota now.", name=asked.name))

    def _clear_quota(self, asked: Asked) -> Done:
        subject = paths.typed(asked.name) if asked.name.startswith("/") else asked.name
        if not self._quotas.clear(subject):
            raise NotFound(say("a quota of {name}", name=asked.name))
        return Done(say("{name} has no quota any more.", name=asked.name))

    def _subject(self, text: str) -> str:
        """Whose quota is meant: a folder's path, or a user's name."""
        return paths.typed(text) if text.startswith("/") else self._people.user(text).name

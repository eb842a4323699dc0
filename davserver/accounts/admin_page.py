"""/-/admin: who may sign in, and who belongs together; for administrators."""

from collections.abc import Callable
from dataclasses import dataclass

from davserver.accounts import passwords
from davserver.accounts.account_page import is_sure
from davserver.accounts.credentials import Credentials
from davserver.accounts.sign_in import SIGN_IN, SignIn
from davserver.audit import Event
from davserver.errors import BadRequest, DavserverError, Forbidden, NoSuchAccount
from davserver.model import is_user_name
from davserver.pages import Pages
from davserver.providers.groups import Groups
from davserver.providers.sign_ins import SignIns
from davserver.providers.users import User, Users
from davserver.web import Request, Response, redirect

ADDRESS = "/-/admin"

_NAMES = "A name has 1 to 64 characters, none of them : / \\ or a control character."


@dataclass(frozen=True, slots=True)
class Done:
    """What an act led to, in words, and a password that is shown this once."""

    words: str
    password: str = ""


class AdminPage:
    """GET: users and groups. POST: ``do`` says what, ``name`` whom; answered with the page."""

    def __init__(
        self,
        pages: Pages,
        users: Users,
        groups: Groups,
        sign_ins: SignIns,
        credentials: Credentials,
        sign_in: SignIn,
    ) -> None:
        self._pages = pages
        self._users = users
        self._groups = groups
        self._sign_ins = sign_ins
        self._credentials = credentials
        self._sign_in = sign_in
        self._acts: dict[str, Callable[[str, str], Done]] = {
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
        }

    def __call__(self, request: Request) -> Response:
        if not request.principal.is_administrator:
            raise Forbidden("Only an administrator may look after users.")
        here = self._sign_in.current(request)
        if here is None:
            # A program's password must not make users.
            if request.wants_page and not request.header("Authorization"):
                return redirect(f"{request.url(SIGN_IN)}?next={ADDRESS}")
            raise Forbidden("Sign in with a browser to look after users.")
        sure = is_sure(here)
        if request.method != "POST":
            return self._page(request, sure=sure)
        try:
            if not sure:
                raise Forbidden("You signed in a while ago. Sign in again to change this.")
            done = self._act(request)
        except DavserverError as fault:
            return self._page(request, fault.status, sure=sure, problem=str(fault))
        return self._page(request, sure=sure, done=done)

    def _act(self, request: Request) -> Done:
        # A button says all in one, like leave:ann:staff; no name has a colon.
        what, _, about = request.form.get("do", "").partition(":")
        name, _, group = about.partition(":")
        name = name or request.form.get("name", "").strip()
        act = self._acts.get(what)
        if act is None:
            raise BadRequest("The form does not say what to do.")
        done = act(name, group or request.form.get("group", ""))
        self._credentials.forget(name)
        request.note(Event.ADMINISTERED, command=f"admin page: {what} {name}")
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
            users=self._users.all(),
            groups=self._groups.all(),
            is_sure=sure,
            problem=problem,
            done=done,
        )

    def _add(self, name: str, _: str) -> Done:
        if not is_user_name(name):
            raise BadRequest(_NAMES)
        made = passwords.one_time_password()
        if not self._users.add(User(name, passwords.hashed(made), is_administrator=False)):
            raise BadRequest(f"There is a user {name} already.")
        return Done(f"{name} may sign in now.", made)

    def _renew_password(self, name: str, _: str) -> Done:
        user = self._user(name)
        if user.source:
            raise BadRequest(f"{name} comes from {user.source}; the password is changed there.")
        made = passwords.one_time_password()
        self._users.set_password_hash(name, passwords.hashed(made))
        return Done(f"{name} has a new password, and is signed out everywhere.", made)

    def _promote(self, name: str, _: str) -> Done:
        self._user(name)
        self._users.set_administrator(name, is_administrator=True)
        return Done(f"{name} is an administrator now.")

    def _demote(self, name: str, _: str) -> Done:
        self._check_not_last(name)
        self._users.set_administrator(name, is_administrator=False)
        return Done(f"{name} is no administrator any more.")

    def _sign_out(self, name: str, _: str) -> Done:
        self._user(name)
        count = self._sign_ins.end_others(name, "")
        return Done(f"{name} is signed out of {count} {'browser' if count == 1 else 'browsers'}.")

    def _remove(self, name: str, _: str) -> Done:
        self._check_not_last(name)
        self._users.remove(name)
        return Done(f"{name} can no longer sign in. The files stay.")

    def _add_group(self, name: str, _: str) -> Done:
        if not is_user_name(name):
            raise BadRequest(_NAMES)
        if not self._groups.add(name):
            raise BadRequest(f"There is a group {name} already.")
        return Done(f"People may be put into {name} now.")

    def _remove_group(self, name: str, _: str) -> Done:
        if not self._groups.remove(name):
            raise NoSuchAccount(f"There is no group {name}.")
        return Done(f"There is no group {name} any more. Its members and files stay.")

    def _join(self, name: str, group: str) -> Done:
        self._groups.join(group, name)
        return Done(f"{name} is in {group} now.")

    def _leave(self, name: str, group: str) -> Done:
        if not self._groups.leave(group, name):
            raise NoSuchAccount(f"{name} is not in {group}.")
        return Done(f"{name} is not in {group} any more.")

    def _user(self, name: str) -> User:
        user = self._users.find(name)
        if user is None:
            raise NoSuchAccount(f"There is no user {name}.")
        return user

    def _check_not_last(self, name: str) -> None:
        """Somebody has to be left who can look after users."""
        administrators = [user.name for user in self._users.all() if user.is_administrator]
        if self._user(name).is_administrator and administrators == [name]:
            raise Forbidden(f"{name} is the last administrator.")

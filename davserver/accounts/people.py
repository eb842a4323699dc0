"""Users and groups as administrators look after them, on the page and on the command line."""

from dataclasses import dataclass
from datetime import datetime

from davserver.accounts import passwords
from davserver.errors import BadRequest, Conflict, Forbidden, NoSuchAccount
from davserver.model import Grant, Role, Writer, is_email, is_user_name, of_group
from davserver.providers.app_passwords import AppPasswords
from davserver.providers.groups import Group, Groups
from davserver.providers.share import Share
from davserver.providers.sign_ins import SignIns
from davserver.providers.users import User, Users
from davserver.words import say


@dataclass(frozen=True, slots=True)
class Person:
    """A user, and when a browser or device of theirs was last there; None if that is not known.

    ``is_signed_in`` says whether any browser is signed in, or any device has a password.
    """

    user: User
    last_seen: datetime | None
    is_signed_in: bool = False


class People:
    """The rules are the same for everybody who administers.

    Raises NoSuchAccount, BadRequest for what is no name or password, Conflict for a name that is
    taken, LastAdministrator.
    """

    def __init__(self, share: Share) -> None:
        self._trees = share.trees
        self._access = share.access
        self._users = Users(share.catalog)
        self._groups = Groups(share.catalog)
        self._sign_ins = SignIns(share.catalog)
        self._app_passwords = AppPasswords(share.catalog)

    def all(self) -> list[Person]:
        """Every user, by name."""
        browsers, devices = self._sign_ins.last_used(), self._app_passwords.last_used()
        seen = dict(browsers)
        for name, moment in devices.items():
            if moment is not None:
                seen[name] = max(moment, seen.get(name, moment))
        return [
            Person(user, seen.get(user.name), user.name in browsers or user.name in devices)
            for user in self._users.all()
        ]

    def groups(self) -> list[Group]:
        """Every group, by name."""
        return self._groups.all()

    def user(self, name: str) -> User:
        """The user called ``name``."""
        user = self._users.find(name)
        if user is None:
            raise NoSuchAccount(say("There is no user {name}.", name=name))
        return user

    def check_new(self, name: str, groups: tuple[str, ...] = ()) -> None:
        """Raise unless a user may be called ``name`` and be in ``groups``."""
        _check_name(name)
        for group in groups:
            self._group(group)
        if self._users.find(name) is not None:
            raise _taken_by_user(name)

    def add(
        self,
        name: str,
        password: str,
        *,
        is_administrator: bool = False,
        groups: tuple[str, ...] = (),
    ) -> None:
        """Let somebody sign in, as a member of ``groups``."""
        self.check_new(name, groups)
        user = User(name, passwords.hashed(_checked(password)), is_administrator)
        if not self._users.add(user):
            raise _taken_by_user(name)
        for group in groups:
            self._groups.join(group, name)

    def check_password_is_ours(self, name: str) -> None:
        """Raise Forbidden for who comes from outside: the password is changed there."""
        source = self.user(name).source
        if source:
            raise Forbidden(
                say(
                    "{name} comes from {source}; the password is changed there.",
                    name=name,
                    source=source,
                )
            )

    def set_password(self, name: str, password: str) -> None:
        """Change a password, which signs the user out everywhere."""
        self.check_password_is_ours(name)
        self._users.set_password_hash(name, passwords.hashed(_checked(password)))

    def set_administrator(self, name: str, *, is_administrator: bool) -> None:
        """Say whether a user is an administrator."""
        if not self._users.set_administrator(name, is_administrator=is_administrator):
            raise NoSuchAccount(say("There is no user {name}.", name=name))

    def set_email(self, name: str, address: str) -> None:
        """Say where a user gets mail; an empty address is nowhere. Raises BadRequest."""
        if address and not is_email(address):
            raise BadRequest(say("This is no e-mail address."))
        if not self._users.set_email(name, address):
            raise NoSuchAccount(say("There is no user {name}.", name=name))

    def sign_out(self, name: str) -> tuple[int, int]:
        """End all that a user is signed in with; how many browsers, and how many app passwords."""
        self.user(name)
        return self._sign_ins.end_others(name, ""), self._app_passwords.revoke_all(name)

    def remove(self, name: str) -> None:
        """Let somebody sign in no more. The files stay."""
        if not self._users.remove(name):
            raise NoSuchAccount(say("There is no user {name}.", name=name))

    def add_group(self, name: str, folder: str = "", *, by: str = "") -> None:
        """Add a group; it is editor in ``folder``, which is made if need be. Raises Conflict."""
        _check_name(name)
        if self._groups.find(name) is not None:
            raise _taken_by_group(name)
        if folder:
            self._trees.make_folders(folder, Writer(by))
        if not self._groups.add(name):
            raise _taken_by_group(name)
        if folder:
            self._access.give(Grant(folder, of_group(name), Role.EDITOR), by=by)

    def remove_group(self, name: str) -> None:
        """Remove a group. Its members and files stay."""
        if not self._groups.remove(name):
            raise NoSuchAccount(say("There is no group {name}.", name=name))

    def join(self, group: str, name: str) -> bool:
        """Put a user into a group; False if an administrator did so before."""
        return self._groups.join(group, name)

    def leave(self, group: str, name: str) -> None:
        """Take a user out of a group."""
        if not self._groups.leave(group, name):
            raise NoSuchAccount(say("{name} is not in {group}.", name=name, group=group))

    def _group(self, name: str) -> None:
        if self._groups.find(name) is None:
            raise NoSuchAccount(say("There is no group {name}.", name=name))


def _checked(password: str) -> str:
    if len(password) < passwords.MIN_LENGTH:
        raise BadRequest(
            say("A password has at least {min_length} characters.", min_length=passwords.MIN_LENGTH)
        )
    return password


def _check_name(name: str) -> None:
    if not is_user_name(name):
        raise BadRequest(
            say("A name has 1 to 64 characters, none of them : / \\ or a control character.")
        )


def _taken_by_user(name: str) -> Conflict:
    return Conflict(say("There is a user {name} already.", name=name))


def _taken_by_group(name: str) -> Conflict:
    return Conflict(say("There is a group {name} already.", name=name))

"""The administrator of a new installation."""

from davserver.accounts import passwords
from davserver.providers.users import User, Users


def ensure_administrator(users: Users, name: str, password: str | None) -> str | None:
    """See to it that an administrator exists, with ``password`` if one is set.

    Returns the one-time password that was made because none was set, to be shown once; None
    otherwise. A password that is set counts at every start, so that changing it in the settings
    changes it here.
    """
    user = users.find(name)
    if user is None:
        if password is None and any(other.is_administrator for other in users.all()):
            return None
        made = password or passwords.one_time_password()
        added = users.add(User(name, passwords.hashed(made), is_administrator=True))
        return made if added and password is None else None
    if password is not None and not passwords.matches(user.password_hash, password):
        users.set_password_hash(name, passwords.hashed(password))
    return None

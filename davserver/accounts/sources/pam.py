"""Users of the system, as its PAM configuration checks them."""

import grp
import os
import pwd
import threading
from ctypes.util import find_library

import pam
import structlog

from davserver.errors import SettingsWrong, Unavailable
from davserver.model import Outside
from davserver.words import say

AT_ONCE = 4
WAIT_SECONDS = 10

# security/_pam_types.h: failures of the system, not of the person. PAM_SYSTEM_ERR (4) is not among
# them: pam_exec gives it when its program says no.
_FAULTS = frozenset({1, 2, 3, 5, 9, 26, 28})
_log = structlog.get_logger("davserver.accounts")


class Pam:
    """The stack called ``service``. Its modules know no time limit: few are asked at once."""

    name = "pam"

    def __init__(self, service: str) -> None:
        if find_library("pam") is None:
            raise SettingsWrong("user_sources: pam needs libpam, which this system does not have")
        self._service = service
        self._turns = threading.BoundedSemaphore(AT_ONCE)

    def verify(self, name: str, password: str) -> Outside | None:
        """Source.verify: the password is right, and the account may be used now."""
        if not self._turns.acquire(timeout=WAIT_SECONDS):
            raise Unavailable(say("Too many people sign in right now; try again in a moment."))
        try:
            asked = pam.PamAuthenticator()
            right = asked.authenticate(name, password, self._service, resetcreds=False)
        finally:
            self._turns.release()
        if asked.code in _FAULTS:
            _log.error("pam cannot be asked", service=self._service, reason=asked.reason)
            raise Unavailable(say("The system cannot check passwords right now."))
        return Outside(name, _groups(name)) if right else None

    def look_up(self, name: str) -> Outside | None:
        """Source.look_up. Who is not among the system's users may be one of a module's."""
        try:
            pwd.getpwnam(name)
        except KeyError:
            raise Unavailable(
                say("The system cannot tell whether there is a user {name}.", name=name)
            ) from None
        return Outside(name, _groups(name))


def _groups(name: str) -> frozenset[str]:
    """The system's groups of ``name``; none for a user that PAM alone knows."""
    try:
        primary = pwd.getpwnam(name).pw_gid
    except KeyError:
        return frozenset()
    known = {group.gr_gid: group.gr_name for group in grp.getgrall()}
    return frozenset(known[gid] for gid in os.getgrouplist(name, primary) if gid in known)

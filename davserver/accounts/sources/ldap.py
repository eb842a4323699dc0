"""Users in an LDAP directory, Active Directory too: found by a search, proved by a bind as them.

Source: RFC 4511 (operations), RFC 4513 (binds, StartTLS), RFC 4515 (filters).
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from ldap3 import NONE, SUBTREE, Connection, Server, Tls
from ldap3.core.exceptions import LDAPException
from ldap3.utils.conv import escape_filter_chars

from davserver.errors import Unavailable
from davserver.model import Outside
from davserver.words import say

CONNECT_SECONDS = 5
ANSWER_SECONDS = 10
MAX_GROUPS = 1000

# RFC 4511, 4.1.9: what says nothing about the password that was sent.
_BUSY = frozenset({1, 2, 3, 11, 51, 52, 80})
_log = structlog.get_logger("davserver.accounts")


@dataclass(frozen=True, slots=True)
class Directory:
    """Where people and groups are, and how they are found.

    ``{name}`` in a filter is the name that was typed, in the group filter that of the entry;
    ``{dn}`` is the entry's distinguished name. Without ``group_base``, nobody is in a group.
    """

    user_base: str
    user_filter: str
    name_attribute: str
    group_base: str
    group_filter: str
    group_attribute: str
    admin_group: str


class Ldap:
    """The directory at ``url`` (ldap or ldaps), searched as ``bind_dn``, or as nobody."""

    name = "ldap"

    def __init__(
        self,
        url: str,
        directory: Directory,
        bind_dn: str = "",
        bind_password: str = "",
        *,
        start_tls: bool = True,
        ca: Path | None = None,
    ) -> None:
        self._directory = directory
        self._bind_dn = bind_dn
        self._bind_password = bind_password
        self._start_tls = start_tls and not url.startswith("ldaps:")
        tls = Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=str(ca) if ca else None)
        self._server = Server(url, tls=tls, get_info=NONE, connect_timeout=CONNECT_SECONDS)

    def verify(self, name: str, password: str) -> Outside | None:
        """Source.verify. The name is the entry's, which may differ from what was typed."""
        if not password:
            # RFC 4513, 5.1.2: such a bind succeeds, and proves nothing.
            return None
        with self._searching() as searching:
            person = self._person(searching, name)
            if person is None or not self._proves(person[0], password):
                return None
            return self._told(searching, *person)

    def look_up(self, name: str) -> Outside | None:
        """Source.look_up, by the name of the entry."""
        its_name = f"({self._directory.name_attribute}={{name}})"
        with self._searching() as searching:
            person = self._person(searching, name)
            if person is not None:
                return self._told(searching, *person)
            is_told_by_name = its_name in self._directory.user_filter
            if not is_told_by_name and self._person(searching, name, its_name) is not None:
                raise Unavailable(say("The directory's filter does not find people by their name."))
            return None

    @contextmanager
    def _searching(self) -> Iterator[Any]:
        """A connection of the search account. Raises Unavailable for all that goes wrong."""
        try:
            with self._connected(self._bind_dn, self._bind_password) as searching:
                if searching.result["result"]:
                    _log.error("ldap: the search account is refused", result=searching.result)
                    raise Unavailable(say("The directory of users refuses this server."))
                yield searching
        except LDAPException as fault:
            _log.warning("ldap: the directory cannot be asked", reason=type(fault).__name__)
            raise Unavailable(say("The directory of users cannot be reached.")) from fault

    def _proves(self, dn: str, password: str) -> bool:
        with self._connected(dn, password) as proving:
            if proving.result["result"] in _BUSY:
                raise Unavailable(say("The directory of users is busy."))
            return not proving.result["result"]

    def _told(self, searching: Any, dn: str, name: str) -> Outside:
        groups = self._groups(searching, dn, name)
        admin_group = self._directory.admin_group
        return Outside(name, groups, admin_group in groups if admin_group else None)

    @contextmanager
    def _connected(self, dn: str, password: str) -> Iterator[Any]:
        """A connection that tried to bind; ``result`` says whether it could."""
        connection = Connection(
            self._server,
            dn or None,
            password or None,
            receive_timeout=ANSWER_SECONDS,
            read_only=True,
            auto_referrals=False,
        )
        try:
            connection.open()
            if self._start_tls and not connection.start_tls():
                raise Unavailable(say("The directory of users does not start TLS."))
            connection.bind()
            yield connection
        finally:
            # To say good-bye may fail; the answer is there by now, or never will be.
            with suppress(LDAPException):
                connection.unbind()
            if connection.socket is not None:
                # ldap3 leaves one open that could not be connected.
                connection.socket.close()

    def _person(self, connection: Any, name: str, wanted: str = "") -> tuple[str, str] | None:
        """DN and name of the one entry that a filter finds, by default that of users."""
        told = self._directory
        found = _search(
            connection,
            told.user_base,
            (wanted or told.user_filter).replace("{name}", escape_filter_chars(name)),
            told.name_attribute,
            most=2,
        )
        if len(found) != 1 or not found[0][1]:
            return None
        return found[0]

    def _groups(self, connection: Any, dn: str, name: str) -> frozenset[str]:
        told = self._directory
        if not told.group_base:
            return frozenset()
        wanted = told.group_filter.replace("{dn}", escape_filter_chars(dn))
        wanted = wanted.replace("{name}", escape_filter_chars(name))
        found = _search(connection, told.group_base, wanted, told.group_attribute, MAX_GROUPS)
        return frozenset(group for _, group in found if group)


def _search(
    connection: Any, base: str, wanted: str, attribute: str, most: int
) -> list[tuple[str, str]]:
    """DN and first value of ``attribute`` of at most so many entries."""
    connection.search(
        base,
        wanted,
        SUBTREE,
        attributes=[attribute],
        size_limit=most,
        time_limit=ANSWER_SECONDS,
    )
    found = []
    for entry in connection.response or []:
        if entry["type"] == "searchResEntry":
            values = entry["raw_attributes"].get(attribute) or [b""]
            found.append((entry["dn"], values[0].decode("utf-8", "replace")))
    return found

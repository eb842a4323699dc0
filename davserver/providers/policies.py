"""Policy files: grants written into a folder itself, as TOML.

    everyone = "none"
    "group:staff" = "viewer"
    "user:ann" = "editor without download print"

A file that cannot be read closes its folder to everybody but administrators: what somebody meant to
protect stays protected.
"""

import tomllib

import structlog

from davserver import paths
from davserver.errors import DavserverError
from davserver.model import EVERYONE, Grant, Right, Role
from davserver.providers.stores import FileStore, below

MAX_BYTES = 1 << 16
_REMEMBERED = 4096

_log = structlog.get_logger("davserver.providers")


class PolicyFiles:
    """The policy files called ``name``; none if it is empty. Each is read again when it changes."""

    def __init__(self, store: FileStore, name: str) -> None:
        self.name = name
        self._store = store
        self._known: dict[str, tuple[str, list[Grant]]] = {}

    def at(self, folder: str) -> list[Grant]:
        """The grants that the file in ``folder`` gives."""
        if not self.name:
            return []
        path = paths.join(folder, self.name)
        entry = self._store.find(path)
        if entry is None or entry.is_folder:
            return []
        known = self._known.get(folder)
        if known is None or known[0] != entry.etag:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[folder] = (entry.etag, self._read(folder, path))
        return known[1]

    def below(self, folder: str) -> list[Grant]:
        """The grants of all files below ``folder``; it is walked through for that."""
        if not self.name:
            return []
        folders = (one.path for one in below(self._store.children, folder) if one.is_folder)
        return [grant for one in folders if not paths.is_ours(one) for grant in self.at(one)]

    def _read(self, folder: str, path: str) -> list[Grant]:
        try:
            content, _ = self._store.open(path)
            with content:
                return parsed(folder, content.read(MAX_BYTES + 1))
        except (DavserverError, ValueError) as fault:
            _log.error("a policy file cannot be read: its folder is closed", fault=str(fault))
            return [Grant(folder, EVERYONE, Role.NONE)]


def parsed(folder: str, content: bytes) -> list[Grant]:
    """The grants in a policy file. Raises ValueError, which tells what is wrong and where."""
    if len(content) > MAX_BYTES:
        raise ValueError(f"the policy of {folder} has more than {MAX_BYTES} bytes")
    grants = []
    for subject, words in tomllib.loads(content.decode("utf-8")).items():
        if not isinstance(words, str):
            raise ValueError(f"the policy of {folder}: {subject} needs a role in quotes")
        role, _, without = words.partition(" without ")
        try:
            left_out = frozenset(map(Right, without.split()))
            grants.append(Grant(folder, subject, Role(role.strip()), left_out))
        except ValueError as fault:
            raise ValueError(f"the policy of {folder}: {fault}") from fault
    return grants

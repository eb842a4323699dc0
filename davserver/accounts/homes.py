"""A folder of one's own, made when somebody signs in."""

import structlog

from davserver import paths
from davserver.errors import DavserverError
from davserver.model import Writer
from davserver.providers.trees import Trees

_log = structlog.get_logger("davserver.accounts")


class Homes:
    """Home folders below ``folder``; none if it is empty."""

    def __init__(self, trees: Trees, folder: str) -> None:
        self._trees = trees
        self._folder = folder

    def prepare(self, name: str) -> None:
        """See to it that ``name`` has a home. That it cannot be made keeps nobody out."""
        if not self._folder:
            return
        home = paths.join(self._folder, name)
        try:
            paths.check_new_name(home)
            self._trees.make_folders(self._folder, Writer(""))
            self._trees.make_folders(home, Writer(name))
        except DavserverError as fault:
            _log.warning("a home folder cannot be made", user=name, reason=str(fault))

"""Makes of what the editor saved in another format one in the format that the file has.

The Document Server saves in the file's own format where it can, else in Office Open XML, and says
which it was ("filetype" of a callback). A docx must never lie in a .odt.
"""

import structlog

from davserver.editor.conversion.conversions import Source, Wanted, has_macros, targets
from davserver.editor.conversion.converting import Converter
from davserver.editor.conversion.plain_text import LOOKED_AT, READ_AS_TEXT, reading_hints
from davserver.editor.server.servers import Servers
from davserver.errors import DavserverError, NotFound
from davserver.providers.files import VersionedFiles
from davserver.providers.stores import Spool

SECONDS = 100
"""The server waits 10 minutes for our answer to a save, of which up to 5 went into fetching it."""

_log = structlog.get_logger("davserver.editor")


class SavingBack:
    """Converts saves. Whatever goes wrong, the save itself is still there and goes beside."""

    def __init__(self, servers: Servers, converter: Converter, files: VersionedFiles) -> None:
        self._servers = servers
        self._converter = converter
        self._files = files

    def convert(
        self, url: str, saved: Spool, filetype: str, path: str, extension: str, spool: Spool
    ) -> bool:
        """Fill ``spool`` with what lies at ``url`` on the server, in the format ``extension``.

        ``saved`` is the same in ``filetype``; ``path`` is the file that it is to replace. False if
        that was not possible, or would lose macros: then what is in ``spool`` is worth nothing.
        """
        if not url or extension not in targets(f"/saved.{filetype}"):
            return False
        if has_macros(filetype) and not has_macros(extension):
            return False
        try:
            server = self._servers.with_address(url)
            source = Source(filetype, server.reachable(url), f"saved\0{saved.sha256}")
            wanted = Wanted(extension, hints=self._as_before(path, extension))
            found = self._converter.convert(source, wanted, spool, None, SECONDS, server)
        except DavserverError as fault:
            _log.warning("cannot save in the file's own format", path=path, fault=str(fault))
            return False
        return found == extension

    def _as_before(self, path: str, extension: str) -> dict[str, object]:
        """Text keeps its encoding, and a table what separates its columns."""
        if extension not in READ_AS_TEXT:
            return {}
        try:
            content = self._files.open(path)[0]
        except NotFound:
            return {}
        with content:
            return reading_hints(extension, content.read(LOOKED_AT))

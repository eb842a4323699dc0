"""Limits of a Document Server, and what of it should not be open to everybody."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from davserver.doctor.finding import Finding, advice, good
from davserver.editor.server.client import DocumentServer, look_at
from davserver.errors import DavserverError
from davserver.pages import readable_size
from davserver.words import say

# What no editor needs: statistics, a page to try things, the administration, the builder.
_NOT_FOR_ALL = {
    "/info/info.json": say("its statistics"),
    "/example/": say("its example, in which anybody may store documents"),
    "/adminpanel/": say("its administration"),
    "/welcome/": say("its welcome page, which tells how it is set up"),
}
_BUILDER = "/docbuilder"
ADMIN_PORT = 9000
"""Where its administration listens of its own, by default."""


def limits(server: DocumentServer, max_document_bytes: int) -> Finding:
    """Whether we let people open what the server would refuse."""
    subject = say("size limit")
    told = server.told_bytes
    if not told:
        words = say(
            "it does not tell its limit; {max_bytes} is taken for it",
            max_bytes=readable_size(server.max_bytes),
        )
        return good(subject, words, server.public)
    if max_document_bytes > told:
        return advice(
            subject,
            say(
                "max_document_mib allows {max_document_bytes}, the Document Server takes {told}: "
                "larger documents fail there",
                max_document_bytes=readable_size(max_document_bytes),
                told=readable_size(told),
            ),
            say("Lower max_document_mib, or raise FileConverter.converter.maxDownloadBytes there."),
            server.public,
        )
    return good(
        subject, say("documents up to {told} are taken", told=readable_size(told)), server.public
    )


def exposed(server: DocumentServer) -> Iterator[Finding]:
    """What can be reached and should not be; one finding for all if there is nothing."""
    found = [
        say("{path} ({what})", path=path, what=what)
        for path, what in _NOT_FOR_ALL.items()
        if _is_open(server, path)
    ]
    if _builds(server):
        found.append(say("{path} (it runs the scripts of whoever has a token)", path=_BUILDER))
    if _administers(server):
        found.append(say("port {port} (its administration)", port=ADMIN_PORT))
    if not found:
        yield good(say("exposed addresses"), say("none that editors do not need"), server.public)
        return
    yield advice(
        say("exposed addresses"),
        say("whoever reaches the server can open {found}", found=found),
        say("Let the proxy in front of it refuse these, except from your own network."),
        server.public,
    )


def _is_open(server: DocumentServer, path: str) -> bool:
    """Asked at the address that everybody knows; what is open to us alone does no harm."""
    try:
        return server.look(server.public + path).status == 200
    except DavserverError:
        return False


def _builds(server: DocumentServer) -> bool:
    """Whether the builder answers: by JSON, if only to say that a token is missing."""
    try:
        return bool(server.unsigned(server.public + _BUILDER, {}))
    except DavserverError:
        return False


def _administers(server: DocumentServer) -> bool:
    """Whether the administration answers at its own port, beside the address of the server."""
    host = urlsplit(server.public).hostname or ""
    host = f"[{host}]" if ":" in host else host
    try:
        looked = look_at(f"http://{host}:{ADMIN_PORT}/")
    except DavserverError:
        return False
    return b"onlyoffice" in looked.content.lower()

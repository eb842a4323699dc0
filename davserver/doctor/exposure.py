"""Limits of a Document Server, and what of it should not be open to everybody."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from davserver.doctor.finding import Finding, advice, good
from davserver.editor.server.client import DocumentServer, look_at
from davserver.errors import DavserverError
from davserver.pages import readable_size

# What no editor needs: statistics, a page to try things, the administration, the builder.
_NOT_FOR_ALL = {
    "/info/info.json": "its statistics",
    "/example/": "its example, in which anybody may store documents",
    "/adminpanel/": "its administration",
    "/welcome/": "its welcome page, which tells how it is set up",
}
_BUILDER = "/docbuilder"
ADMIN_PORT = 9000
"""Where its administration listens of its own, by default."""


def limits(server: DocumentServer, max_document_bytes: int) -> Finding:
    """Whether we let people open what the server would refuse."""
    subject = "size limit"
    told = server.told_bytes
    if not told:
        words = f"it does not tell its limit; {readable_size(server.max_bytes)} is taken for it"
        return good(subject, words, server.public)
    if max_document_bytes > told:
        return advice(
            subject,
            f"max_document_mib allows {readable_size(max_document_bytes)}, the Document Server "
            f"takes {readable_size(told)}: larger documents fail there",
            "Lower max_document_mib, or raise FileConverter.converter.maxDownloadBytes there.",
            server.public,
        )
    return good(subject, f"documents up to {readable_size(told)} are taken", server.public)


def exposed(server: DocumentServer) -> Iterator[Finding]:
    """What can be reached and should not be; one finding for all if there is nothing."""
    found = [f"{path} ({what})" for path, what in _NOT_FOR_ALL.items() if _is_open(server, path)]
    if _builds(server):
        found.append(f"{_BUILDER} (it runs the scripts of whoever has a token)")
    if _administers(server):
        found.append(f"port {ADMIN_PORT} (its administration)")
    if not found:
        yield good("exposed addresses", "none that editors do not need", server.public)
        return
    yield advice(
        "exposed addresses",
        f"whoever reaches the server can open {', '.join(found)}",
        "Let the proxy in front of it refuse these, except from your own network.",
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

"""``davserver doctor``: looks at everything that can be wrong, and names the cure."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from davserver import paths
from davserver.document_servers import MIN_SECRET_BYTES
from davserver.editor.client import DocumentServer
from davserver.errors import DavserverError, SettingsWrong
from davserver.office import document_servers
from davserver.providers.share import Share, open_share
from davserver.settings import Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    is_good: bool
    words: str
    cure: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """Settings, folder, catalog, Document Server: one finding each, as they are made."""
    yield Finding("settings", True, f"read; the folder is {settings.root}")
    yield _folder(settings)
    try:
        share = open_share(settings.root, settings.state, settings.sync, connections=2)
    except (DavserverError, OSError) as fault:
        yield Finding("catalog", False, str(fault), "Give the server the right to write there.")
        return
    try:
        yield _catalog(share)
        yield from _hidden_names(settings.root)
    finally:
        share.close()
    yield from _document_server(settings)


def _folder(settings: Settings) -> Finding:
    if _may_use(settings.root):
        return Finding("folder", True, "can be read and written")
    return Finding(
        "folder",
        False,
        "cannot be written by this user",
        f"Change its owner or its rights: chown or chmod {settings.root}",
    )


def _hidden_names(root: Path) -> Iterator[Finding]:
    """Files of the folder that no address reaches, because a view of ours has their name."""
    for view in (paths.VERSIONS_VIEW, paths.TRASH_VIEW):
        if os.path.lexists(root / view[1:]):
            words = f"{view[1:]} in the folder is not reached: {view} is an address of davserver"
            yield Finding("names", False, words, f"Give it another name: mv {root / view[1:]} ...")


def _may_use(folder: Path) -> bool:
    return os.access(folder, os.R_OK | os.W_OK | os.X_OK)


def _catalog(share: Share) -> Finding:
    try:
        share.catalog.migrate()
        repaired = share.repair()
    except DavserverError as fault:
        return Finding("catalog", False, str(fault), "Free the disk, or end the other process.")
    done = f"; {repaired} interrupted changes were repaired" if repaired else ""
    return Finding("catalog", True, f"in order{done}")


def _document_server(settings: Settings) -> Iterator[Finding]:
    try:
        servers = document_servers(settings)
    except SettingsWrong as wrong:
        yield Finding("secret", False, str(wrong), "Write the shared secret into that file.")
        return
    if not servers:
        yield Finding(
            "Document Server",
            True,
            "none is configured; office documents are stored and versioned, not opened",
            "Name one with document_server and jwt_secret_file to open them (docs/install.md).",
        )
        return
    for server, configured in zip(servers, settings.office_servers(), strict=True):
        yield _secret(configured.secret)
        healthy = _health(server)
        yield healthy
        if healthy.is_good:
            yield _signed_command(server)


def _secret(secret: str) -> Finding:
    if len(secret.encode()) >= MIN_SECRET_BYTES:
        return Finding("secret", True, "is long enough")
    return Finding(
        "secret",
        False,
        f"has fewer than {MIN_SECRET_BYTES} bytes, which can be guessed",
        "Make a longer one for both sides: openssl rand -hex 32",
    )


def _health(server: DocumentServer) -> Finding:
    asked = server.internal
    subject = "Document Server health"
    try:
        if server.is_healthy():
            return Finding(subject, True, f"{asked}/healthcheck answers true")
    except DavserverError as fault:
        return Finding(
            subject,
            False,
            str(fault),
            f"From this machine, try: curl {asked}/healthcheck (it must print: true). "
            "If it is reached by another address from here, set document_server_internal.",
        )
    return Finding(
        subject, False, f"{asked}/healthcheck does not answer true", "See its own log files."
    )


def _signed_command(server: DocumentServer) -> Finding:
    """The version, asked with a token: proves that both sides have the same secret."""
    subject = "Document Server command"
    try:
        answer = server.command("version")
    except DavserverError as fault:
        return Finding(subject, False, str(fault), "Check that /command is not blocked by a proxy.")
    if answer.get("error") == 0:
        return Finding(subject, True, f"signed; version {answer.get('version', 'unknown')}")
    if answer.get("error") == 6:
        return Finding(
            subject,
            False,
            "the token is refused: the secrets differ, or the header does",
            "Compare jwt_secret_file with services.CoAuthoring.secret of the server (JWT_SECRET in "
            "Docker), and jwt_header with its token.inbox.header (JWT_HEADER).",
        )
    return Finding(subject, False, f"error {answer.get('error')}", "See its own log files.")

"""The pages that open a file: ONLYOFFICE's editor, our text editor, or words on what to set up."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from davserver import paths
from davserver.audit import Event
from davserver.editor import callbacks, downloads
from davserver.editor.actions import file_actions, may_save
from davserver.editor.client import DocumentServer
from davserver.editor.config import Links, Reader, editor_config, sharing_settings
from davserver.editor.formats import format_of
from davserver.editor.language import preferred_language
from davserver.editor.middleware import ALIVE, CALLBACK, DOWNLOAD, EDIT, TEXT, VERSIONS, VIEW
from davserver.editor.standing import A_GUEST
from davserver.editor.tokens import ServerTokens
from davserver.errors import FileLocked
from davserver.model import Action, DocumentKey, Entry, Principal, Right, Rights, Role
from davserver.pages import SHARE, Pages
from davserver.providers import locks
from davserver.providers.access import Access
from davserver.providers.files import VersionedFiles
from davserver.providers.links import Links as ShareLinks
from davserver.providers.locks import Locks
from davserver.providers.sessions import EditSessions
from davserver.tokens import Tokens
from davserver.web import Request, Response, redirect, text

API_SCRIPT = "/web-apps/apps/api/documents/api.js"

OPENING_SECONDS = 3 * 60
"""The lease of a session that the Document Server has not reported yet: the page may never load."""

MAX_TEXT_BYTES = 2 << 20


@dataclass(frozen=True, slots=True)
class Office:
    """The Document Server and what is needed to open documents there."""

    server: DocumentServer
    tokens: ServerTokens
    sessions: EditSessions
    download_links: Tokens
    callback_links: Tokens
    internal_url: str
    """Our address as the server reaches us; empty if it is the one that the browser uses."""


@dataclass(frozen=True, slots=True)
class Opened:
    """How a document is opened: for whom, with which key, from which state of which resource."""

    key: DocumentKey
    resource_id: str
    etag: str
    saves: bool
    notice: str = ""


class OpenFile:
    """GET /-/edit/<path>, /-/view/<path>, /-/text/<path>. Without ``office``, an explanation."""

    def __init__(
        self,
        pages: Pages,
        files: VersionedFiles,
        held: Locks,
        access: Access,
        links: ShareLinks,
        edit_formats: Collection[str],
        editor_groups: Collection[str],
        instance_id: str,
        office: Office | None,
    ) -> None:
        self._pages = pages
        self._files = files
        self._locks = held
        self._access = access
        self._links = links
        self._edit_formats = frozenset(edit_formats)
        self._editor_groups = frozenset(editor_groups)
        self._instance_id = instance_id
        self._office = office

    def actions(self, who: Principal, path: str, rights: Rights) -> tuple[Action, ...]:
        """What somebody with these rights can do with a file, the best first."""
        found = file_actions(
            path,
            rights,
            edit_formats=self._edit_formats,
            has_server=self._office is not None,
        )
        if self._has_office(who.sharer or who):
            return found
        return tuple(action for action in found if action is Action.EDIT_TEXT)

    def _has_office(self, who: Principal) -> bool:
        """Whether the Document Server is there for them; for guests, for who shares."""
        groups = self._editor_groups
        return not groups or who.is_administrator or not groups.isdisjoint(who.groups)

    def edit(self, request: Request) -> Response:
        """The best editor for the file."""
        return self._open(request, request.resource(request.below(EDIT)), viewing=False)

    def view(self, request: Request) -> Response:
        """The same, but nothing can be changed."""
        return self._open(request, request.resource(request.below(VIEW)), viewing=True)

    def text(self, request: Request) -> Response:
        """Our own text editor."""
        path = request.resource(request.below(TEXT))
        self._access.check(request.principal, path, Right.READ, Right.DOWNLOAD)
        return self._text_page(request, self._files.entry(path), viewing=False)

    def alive(self, request: Request) -> Response:
        """POST /-/alive/<key>, by the page each minute: the session's lease goes on."""
        key = request.below(ALIVE)[1:]
        session = self._office.sessions.find(key) if self._office else None
        if self._office and session and self._may_save(request, session.path):
            self._office.sessions.renew(key, callbacks.LEASE_SECONDS)
        return Response(204)

    def _may_save(self, request: Request, path: str) -> bool:
        rights = self._access.rights(request.principal, path)
        return may_save(path, rights, edit_formats=self._edit_formats)

    def _open(self, request: Request, path: str, *, viewing: bool) -> Response:
        self._access.check(request.principal, path, Right.READ)
        entry = self._files.entry(path)
        if entry.is_folder:
            return redirect(request.addresses.of(path, folder=True))
        rights = self._access.rights(request.principal, path)
        if viewing:
            rights &= Role.VIEWER.rights
        actions = self.actions(request.principal, path, rights)
        if not actions:
            return self._not_openable(request, entry)
        if actions[0] is Action.EDIT_TEXT:
            return self._text_page(request, entry, viewing=viewing)
        if self._office is None:
            return self._pages.render(request, "no_server.html", entry=entry)
        opened = self._join(self._office, request, entry, saves=actions[0] is Action.EDIT)
        return self._editor_page(self._office, request, entry, opened, rights)

    def _join(self, office: Office, request: Request, entry: Entry, *, saves: bool) -> Opened:
        """Join the file's session, or look on; a lock of somebody else leaves only the second."""
        notice = ""
        if saves:
            name = request.principal.actor or A_GUEST
            try:
                session = office.sessions.join(entry.path, name, OPENING_SECONDS)
            except FileLocked as fault:
                notice = f"{fault.holder} has this file locked in another program."
            else:
                request.note(Event.EDIT_OPENED, path=entry.path, etag=session.etag)
                return Opened(session.key, session.resource_id, session.etag, saves=True)
        resource_id, etag, key = office.sessions.view(entry.path)
        return Opened(key, resource_id, etag, saves=False, notice=notice)

    def _editor_page(
        self, office: Office, request: Request, entry: Entry, opened: Opened, rights: Rights
    ) -> Response:
        known = format_of(entry.path)
        if known is None:
            return text(415, "This file has no format that the editor opens.")
        us = office.internal_url or request.origin + request.site
        of_state = {"rid": opened.resource_id, "etag": opened.etag}
        download = office.download_links.issue(of_state, downloads.SECONDS)
        callback = office.callback_links.issue({"key": opened.key.value}, callbacks.MAX_SECONDS)
        folder = request.way_back(entry.path)
        config = editor_config(
            entry,
            known,
            opened.key,
            Links(
                download=us + DOWNLOAD + download,
                callback=us + CALLBACK + callback,
                folder=request.origin + folder,
            ),
            Reader(
                request.principal,
                preferred_language(request.header("Accept-Language")),
                paths.decoded(request.addresses.target(paths.parent(entry.path))),
                request.link,
                self._sharing(request, entry.path),
            ),
            rights=rights,
            saves=opened.saves,
            resource_id=opened.resource_id,
            instance_id=self._instance_id,
        )
        config["token"] = office.tokens.sign(config)
        return self._pages.render(
            request,
            "editor.html",
            script_and_frame=_origin(office.server.public),
            entry=entry,
            config=config,
            notice=opened.notice,
            api=f"{office.server.public}{API_SCRIPT}?shardkey={opened.key.value}",
            server=office.server.public,
            alive=request.url(ALIVE) + opened.key.value if opened.saves else "",
            share=request.url(SHARE[:-1] + request.addresses.target(entry.path))
            if self._shares(request, entry.path)
            else "",
            folder=folder,
        )

    def _text_page(self, request: Request, entry: Entry, *, viewing: bool) -> Response:
        held = self._locks.on(entry.path)
        may_write = Right.EDIT in self._access.rights(request.principal, entry.path)
        if entry.size > MAX_TEXT_BYTES:
            return self._not_openable(request, entry, too_large=True)
        return self._pages.render(
            request,
            "text.html",
            entry=entry,
            may_edit=may_write and not viewing and not held,
            holder=locks.holder(held[0]) if held else "",
            folder=request.way_back(entry.path),
            versions=self._versions(request, entry.path),
        )

    def _shares(self, request: Request, path: str) -> bool:
        who = request.principal
        return not who.is_anonymous and Right.SHARE in self._access.rights(who, path)

    def _sharing(self, request: Request, path: str) -> tuple[dict[str, Any], ...]:
        """What the editor tells of who has what, to somebody who may change it."""
        if not self._shares(request, path):
            return ()
        return sharing_settings(self._access.on(path), self._links.on(path))

    def _versions(self, request: Request, path: str) -> str:
        """The address of the file's versions; empty for who may not see them."""
        if request.link and Right.EDIT not in self._access.rights(request.principal, path):
            return ""
        return request.url(VERSIONS[:-1] + request.addresses.target(path))

    def _not_openable(self, request: Request, entry: Entry, *, too_large: bool = False) -> Response:
        return self._pages.render(
            request, "not_openable.html", 415, entry=entry, too_large=too_large
        )


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"

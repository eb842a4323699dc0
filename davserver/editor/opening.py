"""Opening a document: what somebody can do with it, and the signed configuration for it."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from davserver import paths
from davserver.audit import Event
from davserver.customization import Customization
from davserver.editor.actions import file_actions, may_save, only_fills
from davserver.editor.config import Links, Reader, editor_config, sharing_settings
from davserver.editor.contents import is_form_at
from davserver.editor.conversion.conversions import may_convert
from davserver.editor.formats import format_of
from davserver.editor.inside.personal import Personal
from davserver.editor.looks import with_look
from davserver.editor.middleware import CALLBACK, DOWNLOAD
from davserver.editor.occasions import Occasions
from davserver.editor.saving import callbacks
from davserver.editor.saving.standing import A_GUEST
from davserver.editor.server import downloads
from davserver.editor.server.client import DocumentServer
from davserver.editor.server.servers import Servers
from davserver.editor.sessions.joining import Joining
from davserver.editor.surfaces import Surface, surface_of
from davserver.errors import FileLocked, UnsupportedMediaType
from davserver.language import preferred_language
from davserver.model import Action, DocumentKey, Entry, Principal, Right, Rights, SessionState
from davserver.providers.access import Access
from davserver.providers.files import VersionedFiles
from davserver.providers.links import Links as ShareLinks
from davserver.providers.preferences import PreferenceRows
from davserver.providers.sessions import EditSessions
from davserver.providers.timeline import Timeline, What
from davserver.restrictions import Restrictions, with_names
from davserver.tokens import Tokens
from davserver.web import Request
from davserver.wishes import with_wishes
from davserver.words import say

OPENING_SECONDS = 3 * 60
"""The lease of a session that the Document Server has not reported yet: the page may never load."""


@dataclass(frozen=True, slots=True)
class Office:
    """The Document Servers and what is needed to open documents there."""

    servers: Servers
    sessions: EditSessions
    joining: Joining
    download_links: Tokens
    callback_links: Tokens
    internal_url: str
    """Our address as the server reaches us; empty if it is the one that the browser uses."""
    customization: Customization
    preferences: PreferenceRows
    timeline: Timeline

    def download(self, request: Request, claims: dict[str, Any], seconds: int) -> str:
        """Where a Document Server fetches what ``claims`` say (``Downloads``), for ``seconds``."""
        return self._us(request) + DOWNLOAD + self.download_links.issue(claims, seconds)

    def callback(self, request: Request, key: DocumentKey) -> str:
        """Where a Document Server reports on the session ``key``."""
        token = self.callback_links.issue({"key": key.value}, callbacks.MAX_SECONDS)
        return self._us(request) + CALLBACK + token

    def _us(self, request: Request) -> str:
        return self.internal_url or request.origin + request.site


@dataclass(frozen=True, slots=True)
class Opened:
    """How a document is opened: with which key, from which state of which resource.

    ``notice`` says why it is open for reading alone; ``offers_editing`` that it need not be.
    """

    key: DocumentKey
    resource_id: str
    etag: str
    server: DocumentServer
    saves: bool
    notice: str = ""
    offers_editing: bool = False


class Opening:
    """Decides what can be opened, joins sessions, and writes configurations."""

    def __init__(
        self,
        files: VersionedFiles,
        access: Access,
        links: ShareLinks,
        edit_formats: Collection[str],
        editor_groups: Collection[str],
        restrictions: Restrictions,
        instance_id: str,
        occasions: Occasions,
        office: Office | None,
        personal: Personal,
    ) -> None:
        self.office = office
        self._files = files
        self._access = access
        self._links = links
        self._edit_formats = frozenset(edit_formats)
        self._editor_groups = frozenset(editor_groups)
        self._restrictions = restrictions
        self._instance_id = instance_id
        self._occasions = occasions
        self._personal = personal

    def actions(self, who: Principal, path: str, rights: Rights) -> tuple[Action, ...]:
        """What somebody with these rights can do with a file, the best first."""
        found = file_actions(
            path,
            rights,
            edit_formats=self._edit_formats,
            has_server=self.office is not None,
        )
        if not self._has_office(who.sharer or who):
            return tuple(action for action in found if action is Action.EDIT_TEXT)
        converts = self.office is not None and may_convert(path, rights)
        return (*found, Action.CONVERT) if converts else found

    def _has_office(self, who: Principal) -> bool:
        """Whether the Document Server is there for them; for guests, for who shares."""
        groups = self._editor_groups
        return not groups or who.is_administrator or not groups.isdisjoint(who.groups)

    def may_save(self, request: Request, path: str) -> bool:
        """Whether the person may save in the editor."""
        rights = self._access.rights(request.principal, path)
        return may_save(path, rights, edit_formats=self._edit_formats)

    def may_edit(self, request: Request, path: str) -> bool:
        """Whether the person may change the text itself in the editor."""
        is_allowed = Right.EDIT in self._access.rights(request.principal, path)
        return is_allowed and self.may_save(request, path)

    def _filler(self, request: Request, entry: Entry) -> str:
        """Who has this form for themselves: whoever may fill it in and not edit it; else empty."""
        if not only_fills(self._access.rights(request.principal, entry.path)):
            return ""
        is_form = paths.extension(entry.path) == "pdf" and is_form_at(self._files, entry.path)
        return (request.principal.actor or secrets.token_hex(8)) if is_form else ""

    def join(self, office: Office, request: Request, entry: Entry, *, saves: bool) -> Opened:
        """Join the file's session, or look on; a lock of somebody else leaves only the second.

        Raises NotOpenable for a document that the server would not open.
        """
        free = office.servers.for_new()
        self._occasions.check(free, entry)
        notice = ""
        if saves:
            name = request.principal.actor or A_GUEST
            try:
                session = office.joining.join(
                    entry, name, OPENING_SECONDS, free.public, self._filler(request, entry)
                )
            except FileLocked as fault:
                notice = say("{who} has this file locked in another program.", who=fault.holder)
            else:
                request.note(Event.EDIT_OPENED, path=entry.path, etag=session.etag)
                server = office.servers.of(session)
                if office.servers.is_up(free) and not office.servers.is_up(server):
                    # It may have failed before it had anything of the document.
                    server = office.servers.of(office.sessions.move(session.key, free.public))
                return Opened(session.key, session.resource_id, session.etag, server, saves=True)
        resource_id, etag, key = office.sessions.view(entry.path)
        known = office.sessions.find(key.value)
        is_open = known is not None and known.state is SessionState.OPEN
        server = office.servers.of(known) if is_open else free
        is_embedded = surface_of(request) is Surface.EMBEDDED
        offers = not notice and not is_embedded and self.may_edit(request, entry.path)
        return Opened(
            key, resource_id, etag, server, saves=False, notice=notice, offers_editing=offers
        )

    def configuration(
        self,
        office: Office,
        request: Request,
        entry: Entry,
        opened: Opened,
        rights: Rights,
    ) -> dict[str, Any]:
        """The signed configuration for DocEditor (Docs API, "Config")."""
        known = format_of(entry.path)
        if known is None:
            raise UnsupportedMediaType(say("This file has no format that the editor opens."))
        server = opened.server
        language = preferred_language(request.languages_asked, server.languages)
        key = opened.key.value
        of_state = {"rid": opened.resource_id, "etag": opened.etag, "ds": server.public, "key": key}
        folder = request.way_back(entry.path)
        config = editor_config(
            entry,
            known,
            opened.key,
            Links(
                download=office.download(request, of_state, downloads.SECONDS),
                callback=office.callback(request, opened.key),
                folder=request.origin + folder,
            ),
            Reader(
                request.principal,
                language,
                paths.decoded(request.addresses.target(paths.parent(entry.path))),
                request.link,
                self._sharing(request, entry.path),
                self.watermark_text(request, entry.path),
                self._restrictions.permissions(request.principal),
            ),
            rights=rights,
            saves=opened.saves,
            resource_id=opened.resource_id,
            instance_id=self._instance_id,
            offers_editing=opened.offers_editing,
            occasion=self._occasions.of(server, request, entry, known, rights),
        )
        self._personal.add_to(config, request, entry, opened.resource_id)
        chosen = office.customization
        look = chosen.look(
            entry.path, known.kind.value, is_guest=_is_guest(request), saves=opened.saves
        )
        wishes = office.preferences.of_principal(request.principal).look
        config = with_look(config, with_wishes(look, wishes, chosen.own), chosen.language)
        config["token"] = server.tokens.sign(config)
        how = f"to {config['editorConfig']['mode']}, {config['type']}"
        office.timeline.note(key, What.OPENED, how, request.principal.shown)
        return config

    def watermark_text(self, request: Request, path: str) -> str:
        """The words over the document: those of the link, else those of the operator's rules."""
        who, today = request.principal, datetime.now(UTC).date()
        if request.link is not None and request.link.watermark:
            return with_names(request.link.watermark, who, today)
        return self._restrictions.watermark_text(who, path, today)

    def looked_at(self, request: Request, opened: Opened) -> None:
        """The person has this document before them: it is the first of their recent ones."""
        self._personal.opened(request, opened.resource_id)

    def shares(self, request: Request, path: str) -> bool:
        """Whether the person may say who else may open the file."""
        who = request.principal
        return not who.is_anonymous and Right.SHARE in self._access.rights(who, path)

    def _sharing(self, request: Request, path: str) -> tuple[dict[str, Any], ...]:
        """What the editor tells of who has what, to somebody who may change it."""
        if not self.shares(request, path):
            return ()
        return sharing_settings(self._access.on(path), self._links.on(path))


def _is_guest(request: Request) -> bool:
    """Whether somebody comes by a link, or did not sign in."""
    return request.link is not None or request.principal.is_anonymous

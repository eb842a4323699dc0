"""The pages that open a file: ONLYOFFICE's editor, our text editor, or words on what to set up."""

from collections.abc import Collection
from json import dumps
from urllib.parse import urlencode

from davserver import paths
from davserver.editor.contents import NotOpenable
from davserver.editor.conversion.conversions import to_be_edited
from davserver.editor.desktop import microsoft_app, microsoft_scheme
from davserver.editor.formats import format_of
from davserver.editor.inside.abilities import abilities
from davserver.editor.middleware import ALIVE, CONFIG, EDIT, TEXT, VERSIONS, VIEW
from davserver.editor.opening import Office, Opened, Opening
from davserver.editor.saving import callbacks
from davserver.editor.surfaces import Surface, surface_of
from davserver.editor.versions.versions import may_look
from davserver.errors import BadRequest, NoDocumentServer, UnsupportedMediaType
from davserver.model import Action, Entry, Right, Rights, Role
from davserver.pages import SHARE, Pages, discovery, origin_of, readable_size
from davserver.providers import locks
from davserver.providers.access import Access
from davserver.providers.files import VersionedFiles
from davserver.providers.locks import Locks
from davserver.web import Request, Response, json, redirect
from davserver.words import say

API_SCRIPT = "/web-apps/apps/api/documents/api.js"
PRELOAD_PAGE = "/web-apps/apps/api/documents/preload.html"

MAX_TEXT_BYTES = 2 << 20


class OpenFile:
    """GET /-/edit/<path>, /-/view/<path>, /-/text/<path>. Without an office, an explanation.

    With ``tells_changes``, who edits is told of changes that were made without them.
    """

    def __init__(
        self,
        pages: Pages,
        files: VersionedFiles,
        held: Locks,
        access: Access,
        opening: Opening,
        embedders: Collection[str] = (),
        *,
        tells_changes: bool,
    ) -> None:
        self._pages = pages
        self._files = files
        self._locks = held
        self._access = access
        self._opening = opening
        self._tells_changes = tells_changes
        self._embedders = tuple(embedders)

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
        office = self._opening.office
        session = office.sessions.find(key) if office else None
        if office and session and self._opening.may_save(request, session.path):
            office.sessions.renew(key, callbacks.LEASE_SECONDS)
        return Response(204)

    def config(self, request: Request) -> Response:
        """GET /-/api/editor-config?path=/a.docx&mode=edit|view&type=desktop|mobile|embedded.

        A configuration, as JSON. An embedded one is for reading. With ``used``, a key that the
        Document Server does not open any more, it waits for the save that this key ends with.
        Raises StillSaving.
        """
        path, mode = request.query.get("path", ""), request.query.get("mode", "edit")
        if not path.startswith("/") or mode not in ("edit", "view"):
            raise BadRequest("Say which document: ?path=/folder/name.docx&mode=edit (or view).")
        path = self._path_of_used(request) or request.resource(path)
        self._access.check(request.principal, path, Right.READ)
        entry = self._files.entry(path)
        viewing = mode == "view" or surface_of(request) is Surface.EMBEDDED
        rights = self._rights(request, path, viewing=viewing)
        office, actions = self._opening.office, self._opening.actions
        chosen = [
            one for one in actions(request.principal, path, rights) if one is not Action.EDIT_TEXT
        ]
        if not chosen:
            raise UnsupportedMediaType(say("This file has no format that the editor opens."))
        if office is None:
            raise NoDocumentServer
        if request.query.get("used"):
            office.joining.wait_for_end(request.query["used"])
        opened = self._opening.join(office, request, entry, saves=chosen[0] is Action.EDIT)
        return json(dumps(self._opening.configuration(office, request, entry, opened, rights)))

    def _path_of_used(self, request: Request) -> str:
        """Where the file is now whose key the page has: it may have been moved meanwhile."""
        used, office = request.query.get("used"), self._opening.office
        session = office.sessions.find(used) if used and office else None
        return session.path if session else ""

    def _rights(self, request: Request, path: str, *, viewing: bool) -> Rights:
        rights = self._access.rights(request.principal, path)
        return rights & Role.VIEWER.rights if viewing else rights

    def _open(self, request: Request, path: str, *, viewing: bool) -> Response:
        self._access.check(request.principal, path, Right.READ)
        entry = self._files.entry(path)
        if entry.is_folder:
            return redirect(request.addresses.of(path, folder=True))
        is_embedded = surface_of(request) is Surface.EMBEDDED
        rights = self._rights(request, path, viewing=viewing or is_embedded)
        actions = self._opening.actions(request.principal, path, rights)
        if is_embedded:
            actions = tuple(action for action in actions if action is not Action.EDIT_TEXT)
        office = self._opening.office
        if not actions:
            return self._not_openable(
                request, entry, say("Files of this kind have no editor here.")
            )
        if actions[0] is Action.EDIT_TEXT:
            return self._text_page(request, entry, viewing=viewing)
        if office is None:
            return self._pages.render(request, "no_server.html", entry=entry)
        try:
            opened = self._opening.join(office, request, entry, saves=actions[0] is Action.EDIT)
        except NotOpenable as fault:
            return self._not_openable(request, entry, str(fault))
        return self._editor_page(office, request, entry, opened, rights)

    def _editor_page(
        self, office: Office, request: Request, entry: Entry, opened: Opened, rights: Rights
    ) -> Response:
        server, address = opened.server.public, request.addresses.target(entry.path)
        surface, known = surface_of(request), format_of(entry.path)
        is_embedded = surface is Surface.EMBEDDED
        mode = "edit" if opened.saves else "view"
        wanted = urlencode({"path": address, "mode": mode, "type": surface.value})
        self._opening.looked_at(request, opened)
        return self._pages.render(
            request,
            "embedded.html" if is_embedded else "editor.html",
            script_and_frame=origin_of(server),
            embedders=self._embedders if is_embedded else (),
            lossy_format=known.extension
            if known and opened.saves and known.edits_with_loss
            else "",
            entry=entry,
            config=self._opening.configuration(office, request, entry, opened, rights),
            notice=opened.notice,
            copy_to_edit=self._copy_to_edit(request, entry, opened),
            path=address,
            can=abilities(request, self._access, entry.path, rights, saves=opened.saves),
            trouble=office.servers.trouble(),
            api=f"{server}{API_SCRIPT}?shardkey={opened.key.value}",
            server=server,
            fresh=f"{request.url(CONFIG)}?{wanted}",
            alive=request.url(ALIVE),
            on_phone=surface is Surface.MOBILE,
            app=self._app(request, entry.path),
            app_name=microsoft_app(entry.path),
            opened_to_save=opened.saves,
            oembed=discovery(request, self._embedders),
            offers_editing=opened.offers_editing,
            tells_changes=self._tells_changes,
            share=request.addresses.page(SHARE, entry.path)
            if self._opening.shares(request, entry.path)
            else "",
            may_look_back=may_look(self._access, request, entry.path),
            restores=Right.EDIT in self._access.rights(request.principal, entry.path),
            folder=request.way_back(entry.path),
        )

    def _app(self, request: Request, path: str) -> str:
        """What opens the document in Microsoft's app; empty where none does, or may get it."""
        scheme, rights = microsoft_scheme(path), self._access.rights(request.principal, path)
        if not scheme or Right.DOWNLOAD not in rights:
            return ""
        how = "ofe" if Right.EDIT in rights else "ofv"
        return f"{scheme}:{how}|u|{request.origin}{request.addresses.of(path)}"

    def _copy_to_edit(self, request: Request, entry: Entry, opened: Opened) -> str:
        """What a copy that can be edited is converted into; empty where none helps or may be made.

        Who has the right to edit the file reads it nevertheless if its format is none to edit in.
        """
        known, who = format_of(entry.path), request.principal
        if known is None or opened.saves or opened.notice:
            return ""
        rights = self._access.rights(who, entry.path)
        actions = self._opening.actions(who, entry.path, rights)
        may_create = Right.CREATE in self._access.rights(who, paths.parent(entry.path))
        if Action.EDIT in actions or Action.CONVERT not in actions or not may_create:
            return ""
        return to_be_edited(known)

    def _text_page(self, request: Request, entry: Entry, *, viewing: bool) -> Response:
        held = self._locks.on(entry.path)
        may_write = Right.EDIT in self._access.rights(request.principal, entry.path)
        if entry.size > MAX_TEXT_BYTES:
            words = say(
                "With {size} this file is too large for the text editor.",
                size=readable_size(entry.size),
            )
            return self._not_openable(request, entry, words)
        return self._pages.render(
            request,
            "text.html",
            entry=entry,
            may_edit=may_write and not viewing and not held,
            holder=locks.holder(held[0]) if held else "",
            href=request.base + request.addresses.target(entry.path),
            folder=request.way_back(entry.path),
            versions=self._versions(request, entry.path),
        )

    def _versions(self, request: Request, path: str) -> str:
        """The address of the file's versions; empty for who may not see them."""
        if not may_look(self._access, request, path):
            return ""
        return request.addresses.page(VERSIONS, path)

    def _not_openable(self, request: Request, entry: Entry, words: str) -> Response:
        rights = self._access.rights(request.principal, entry.path)
        return self._pages.render(
            request,
            "not_openable.html",
            415,
            entry=entry,
            words=words,
            may_download=Right.DOWNLOAD in rights,
            folder=request.way_back(entry.path),
        )

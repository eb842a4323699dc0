"""GET /-/view/<path>?version=3: a version of a document in the editor, to be looked at."""

from dataclasses import replace

from davserver.editor.keys import version_key
from davserver.editor.middleware import VERSIONS, VIEW
from davserver.editor.opening import Opened, Opening
from davserver.editor.pages import API_SCRIPT
from davserver.editor.versions.versions import FROM, check_may_look, number_of, with_number
from davserver.errors import NoSuchVersion
from davserver.model import Action, Entry, Right, Role, Version
from davserver.pages import Pages, origin_of
from davserver.providers.access import Access
from davserver.providers.files import VersionedFiles
from davserver.web import Handler, Request, Response, redirect


class Preview:
    """Shows a version; without ``version`` in the query, ``otherwise`` answers."""

    def __init__(
        self,
        pages: Pages,
        files: VersionedFiles,
        access: Access,
        opening: Opening,
        instance_id: str,
        otherwise: Handler,
    ) -> None:
        self._pages = pages
        self._files = files
        self._access = access
        self._opening = opening
        self._instance_id = instance_id
        self._otherwise = otherwise

    def __call__(self, request: Request) -> Response:
        if "version" not in request.query:
            return self._otherwise(request)
        path = request.resource(request.below(VIEW))
        check_may_look(self._access, request, path)
        number = number_of(request.query["version"])
        found = (one for one in self._files.versions(path) if one.number == number)
        version = next(found, None)
        if version is None:
            raise NoSuchVersion(path, number)
        entry = self._files.entry(path)
        rights = self._access.rights(request.principal, path) & Role.VIEWER.rights
        actions = self._opening.actions(request.principal, path, rights)
        if not actions:
            return redirect(f"{self._versions(request, path)}?download={number}")
        if actions[0] is Action.EDIT_TEXT:
            return self._as_text(request, entry, version)
        return self._in_editor(request, entry, version)

    def _in_editor(self, request: Request, entry: Entry, version: Version) -> Response:
        office = self._opening.office
        if office is None:
            return self._pages.render(request, "no_server.html", entry=entry)
        identity = self._files.identify(entry.path)
        server = office.servers.for_new()
        key = version_key(self._instance_id, identity, version.etag)
        rights = self._access.rights(request.principal, entry.path) & Role.VIEWER.rights
        named = replace(
            entry,
            path=with_number(entry.path, version.number),
            modified_ns=version.modified_ns,
            size=version.size,
        )
        opened = Opened(key, identity, version.etag, server, saves=False)
        return self._pages.render(
            request,
            "version.html",
            script_and_frame=origin_of(server.public),
            entry=entry,
            version=version,
            words=FROM,
            config=self._opening.configuration(office, request, named, opened, rights),
            api=f"{server.public}{API_SCRIPT}?shardkey={key.value}",
            server=server.public,
            may_restore=Right.EDIT in self._access.rights(request.principal, entry.path),
            address=self._versions(request, entry.path),
        )

    def _as_text(self, request: Request, entry: Entry, version: Version) -> Response:
        address = self._versions(request, entry.path)
        return self._pages.render(
            request,
            "text.html",
            entry=entry,
            may_edit=False,
            holder="",
            href=f"{address}?download={version.number}",
            folder=address,
            versions=address,
        )

    def _versions(self, request: Request, path: str) -> str:
        return request.addresses.page(VERSIONS, path)

"""/-/api/history: what the editor's panel of versions shows, opens and restores.

Source: Docs API, Methods: refreshHistory, setHistoryData; Events: onRequestRestore.
"""

from json import dumps
from typing import Any

from davserver import paths
from davserver.editor.keys import version_key
from davserver.editor.opening import Office
from davserver.editor.server import downloads
from davserver.editor.server.client import DocumentServer
from davserver.editor.versions.restoring import Restoring
from davserver.editor.versions.versions import FROM, check_may_look, number_of
from davserver.errors import BadRequest, NoSuchVersion
from davserver.model import Origin, Right, Version
from davserver.providers.access import Access
from davserver.providers.files import VersionedFiles
from davserver.providers.highlights import Highlight, Highlights
from davserver.translations import ENGLISH, Language
from davserver.web import Request, Response, json
from davserver.words import say

MAX_VERSIONS = 300
"""Versions in the panel, the newest; the page of versions has all."""
MAX_CHANGES = 2000
"""Changes listed below them, of the newest."""


class History:
    """GET ?path=: the versions; with &version=3, how the editor opens that one. POST: restore.

    ``server`` is the public address of the Document Server that asks; the first, if it is left out.
    A POST has ``path`` and ``version``; with ``url`` and ``filetype`` it means a state inside of
    that version, which the Document Server has made.
    """

    def __init__(
        self,
        files: VersionedFiles,
        highlights: Highlights,
        access: Access,
        restoring: Restoring,
        office: Office,
        instance_id: str,
    ) -> None:
        self._files = files
        self._highlights = highlights
        self._access = access
        self._restoring = restoring
        self._office = office
        self._instance_id = instance_id

    def __call__(self, request: Request) -> Response:
        asked = request.form if request.method == "POST" else request.query
        if not asked.get("path", "").startswith("/"):
            raise BadRequest("Say which document: path=/folder/name.docx.")
        path = self._files.as_stored(request.resource(asked["path"]))
        check_may_look(self._access, request, path)
        if request.method == "POST":
            self._access.check(request.principal, path, Right.READ, Right.EDIT)
            self._restore(request, path)
        elif "version" in asked:
            return json(dumps(self._data(request, path, number_of(asked["version"]))))
        return json(dumps(self._list(request, path)))

    def _list(self, request: Request, path: str) -> dict[str, Any]:
        versions = self._files.versions(path)[-MAX_VERSIONS:]
        identity = self._files.identify(path)
        keys = {one.number: self._key(identity, one) for one in versions}
        return panel(versions, self._highlights.of(path), keys, request.language)

    def _data(self, request: Request, path: str, number: int) -> dict[str, Any]:
        """What setHistoryData takes: signed, because the Document Server fetches what it names."""
        by_number = {one.number: one for one in self._files.versions(path)}
        if number not in by_number:
            raise NoSuchVersion(path, number)
        identity = self._files.identify(path)
        server = self._server(request)
        data = {"version": number, **self._opened(request, path, identity, by_number[number])}
        made = _made(by_number[number], self._highlights.of(path))
        if made is not None and made.is_shown and made.base in by_number:
            data["previous"] = self._opened(request, path, identity, by_number[made.base])
            changes = {"rid": identity, "changes": number, "ds": server.public}
            data["changesUrl"] = self._address(request, changes)
        return {**data, "token": server.tokens.sign(data)}

    def _opened(
        self, request: Request, path: str, identity: str, version: Version
    ) -> dict[str, str]:
        of_state = {"rid": identity, "etag": version.etag, "ds": self._server(request).public}
        return {
            "fileType": paths.extension(path),
            "key": self._key(identity, version),
            "url": self._address(request, of_state),
        }

    def _server(self, request: Request) -> DocumentServer:
        """The one that the person's editor comes from."""
        return self._office.servers.called(request.query.get("server", ""))

    def _key(self, identity: str, version: Version) -> str:
        return version_key(self._instance_id, identity, version.etag).value

    def _address(self, request: Request, claims: dict[str, Any]) -> str:
        """Where the Document Server fetches what ``claims`` say."""
        return self._office.download(request, claims, downloads.SECONDS)

    def _restore(self, request: Request, path: str) -> None:
        number = number_of(request.form.get("version", ""))
        url = request.form.get("url", "")
        if url:
            filetype = request.form.get("filetype", "").lower()
            self._restoring.inside(request, path, number, url, filetype)
        else:
            self._restoring.version(request, path, number)


def panel(
    versions: list[Version],
    highlights: dict[int, Highlight],
    keys: dict[int, str],
    language: Language = ENGLISH,
) -> dict[str, Any]:
    """What refreshHistory takes, but for the times, which the page writes as its reader does. Pure.

    ``name`` is ours: the page shows it beside the time.
    """
    told: list[dict[str, Any]] = []
    room = MAX_CHANGES
    for version in reversed(versions):
        row: dict[str, Any] = {
            "version": version.number,
            "key": keys[version.number],
            "created": version.saved.isoformat(timespec="seconds"),
            "user": {"id": version.author, "name": _who(version, language)},
            "name": version.name,
        }
        made = _made(version, highlights)
        if made is not None and len(made.changes) <= room:
            room -= len(made.changes)
            row |= {"changes": list(made.changes), "serverVersion": made.server_version}
        told.append(row)
    told.reverse()
    return {"currentVersion": versions[-1].number, "history": told}


def _made(version: Version, highlights: dict[int, Highlight]) -> Highlight | None:
    """What a session changed. What replaced a version on the disk took its number, not that."""
    return highlights.get(version.number) if version.origin is Origin.EDITOR else None


def _who(version: Version, language: Language) -> str:
    if version.origin is Origin.EDITOR and version.author:
        return version.author
    origin = FROM[version.origin]
    if version.author:
        return language.said(say("{who} ({origin})", who=version.author, origin=origin))
    alone = language.said(origin)
    return alone[:1].upper() + alone[1:]

"""A file in another format: as a copy beside it, or to be downloaded."""

from collections.abc import Callable
from typing import Any

from davserver import paths
from davserver.audit import Event
from davserver.content import file_response, safe_headers
from davserver.editor.config import watermark
from davserver.editor.conversion import conversions
from davserver.editor.conversion.conversions import SOURCE_SECONDS, Source, Wanted
from davserver.editor.conversion.converting import Converter
from davserver.editor.conversion.plain_text import LOOKED_AT, READ_AS_TEXT, reading_hints
from davserver.editor.conversion.refusals import TOO_LARGE, NotConverted
from davserver.editor.middleware import CONVERT_PAGE, DOWNLOAD_AS, EDIT
from davserver.editor.opening import Office, Opening
from davserver.errors import (
    BadRequest,
    DavserverError,
    Gone,
    NotFound,
    UnsupportedMediaType,
)
from davserver.language import preferred_language
from davserver.model import Action, Entry, Origin, Right
from davserver.pages import Pages, readable_size
from davserver.providers.access import Access
from davserver.providers.files import VersionedFiles
from davserver.providers.free_names import free_path, place_new
from davserver.providers.stores import Spool
from davserver.web import Request, Response, redirect
from davserver.words import say

_COPY, _DOWNLOAD = "copy", "download"


class OtherFormat:
    """The routes of conversions. ``max_bytes`` tells how large a file may be."""

    def __init__(
        self,
        pages: Pages,
        files: VersionedFiles,
        access: Access,
        opening: Opening,
        converter: Converter | None,
        max_bytes: Callable[[], int],
    ) -> None:
        self._pages = pages
        self._files = files
        self._access = access
        self._opening = opening
        self._converter = converter
        self._max_bytes = max_bytes

    def page(self, request: Request) -> Response:
        """GET /-/convert/<path>?to=form: the page that asks for the format, with one proposed."""
        path = request.resource(request.below(CONVERT_PAGE))
        return self._page(request, self._convertible(request, path), request.query.get("to", ""))

    def convert(self, request: Request) -> Response:
        """POST /-/convert: fields ``path``, ``to``, ``password``, ``keep`` (copy or download).

        ``to`` is an extension, "ooxml" or "odf". A copy leads to its editor.
        """
        form = request.form
        path, keep = form.get("path", ""), form.get("keep", _COPY)
        if not path.startswith("/") or keep not in (_COPY, _DOWNLOAD):
            raise BadRequest("A conversion needs path, to, and keep=copy or keep=download.")
        entry = self._convertible(request, request.resource(path))
        wanted = self._wanted(request, entry, form.get("to", ""), form.get("password", ""))
        if keep == _COPY:
            self._access.check(request.principal, paths.parent(entry.path), Right.CREATE)
        try:
            if keep == _DOWNLOAD:
                return self._download(request, entry, wanted)
            copy = self._copy(request, entry, wanted)
        except DavserverError as fault:
            if not request.wants_page:
                raise
            return self._page(request, entry, form.get("to", ""), fault)
        request.note(Event.CREATED, path=copy)
        return redirect(self._way_to(request, copy))

    def download_as(self, request: Request) -> Response:
        """GET /-/download-as/<path>?as=pdf: the file in another format."""
        path = request.resource(request.below(DOWNLOAD_AS))
        return self._told_by_query(request, self._convertible(request, path))

    def of_file(self, request: Request) -> Response:
        """GET /<path>?as=pdf, the same at the file's own address."""
        path = self._files.as_stored(request.path)
        if paths.view_of(path):
            raise BadRequest(
                say("What is kept of earlier times is not converted; restore it first.")
            )
        return self._told_by_query(request, self._convertible(request, path))

    def _told_by_query(self, request: Request, entry: Entry) -> Response:
        wanted = self._wanted(request, entry, request.query.get("as", ""), "")
        if request.method == "HEAD":
            # What it would be, without the work; only its size is not known.
            return Response(200, iter(()), self._headers(entry, wanted))
        try:
            return self._download(request, entry, wanted)
        except NotConverted as fault:
            if not request.wants_page or not fault.asks:
                raise
            return self._page(request, entry, wanted.target, fault)

    def _convertible(self, request: Request, path: str) -> Entry:
        """The file, for somebody who may convert it; as it is stored."""
        path = self._files.as_stored(path)
        self._access.check(request.principal, path, Right.READ, Right.DOWNLOAD)
        entry = self._files.entry(path)
        if entry.is_folder:
            raise NotFound(path)
        if self._opening.office is None or self._converter is None:
            raise Gone(say("No Document Server is configured here, and nothing else converts."))
        rights = self._access.rights(request.principal, path)
        if Action.CONVERT not in self._opening.actions(request.principal, path, rights):
            raise UnsupportedMediaType(say("This file has no format that can be converted here."))
        return entry

    def _wanted(self, request: Request, entry: Entry, target: str, password: str) -> Wanted:
        found = conversions.resolved(entry.path, target)
        if not found:
            possible = ", ".join(conversions.targets(entry.path))
            raise BadRequest(
                say("This file can become one of {possible}; say which.", possible=possible)
            )
        if len(password) > conversions.MAX_PASSWORD:
            raise BadRequest(
                say(
                    "A password has at most {max_password} characters.",
                    max_password=conversions.MAX_PASSWORD,
                )
            )
        most = self._max_bytes()
        if entry.size > most:
            raise NotConverted(
                TOO_LARGE,
                say(
                    "This file has {size}; at most {most} are converted here (max_document_mib).",
                    size=readable_size(entry.size),
                    most=readable_size(most),
                ),
                413,
            )
        hints: dict[str, Any] = {"region": preferred_language(request.header("Accept-Language"))}
        filetype = paths.extension(entry.path)
        if filetype in READ_AS_TEXT:
            with self._files.open(entry.path)[0] as content:
                hints |= reading_hints(filetype, content.read(LOOKED_AT))
        words = self._opening.watermark_text(request, entry.path)
        if words and found in conversions.WATERMARKED:
            hints["watermark"] = watermark(words)
        return Wanted(found, password, hints)

    def _copy(self, request: Request, entry: Entry, wanted: Wanted) -> str:
        """Convert, and store beside the original under a free name; the path."""
        writer = request.principal.writer(Origin.BROWSER)
        if wanted.target not in conversions.EITHER:
            # Nobody waits for what could not be stored.
            first = free_path(self._files, _beside(entry.path, conversions.ending(wanted.target)))
            if first is not None:
                self._files.check_writable(first, writer)
        with self._files.spool() as spool:
            extension = self._convert(request, entry, wanted, spool)
            return place_new(self._files, _beside(entry.path, extension), spool, writer)

    def _download(self, request: Request, entry: Entry, wanted: Wanted) -> Response:
        with self._files.spool() as spool:
            self._convert(request, entry, wanted, spool)
            content, size = self._files.open_spool(spool)
        request.note(Event.READ, path=entry.path, etag=entry.etag)
        return file_response(content, size, self._headers(entry, wanted), "")

    def _headers(self, entry: Entry, wanted: Wanted) -> list[tuple[str, str]]:
        name = paths.with_words(paths.name(entry.path), "")
        stem = name.rpartition(".")[0] or name
        headers = safe_headers(f"/{stem}.{conversions.ending(wanted.target)}", save=True)
        return [(key, value) for key, value in headers if key != "Accept-Ranges"]

    def _convert(self, request: Request, entry: Entry, wanted: Wanted, spool: Spool) -> str:
        office, converter = self._opening.office, self._converter
        assert office is not None  # noqa: S101
        assert converter is not None  # noqa: S101
        source = self._source(request, office, entry)
        return converter.convert(source, wanted, spool, request.principal.actor)

    def _source(self, request: Request, office: Office, entry: Entry) -> Source:
        resource_id = self._files.identify(entry.path)
        claims = {"rid": resource_id, "etag": entry.etag}
        url = office.download(request, claims, SOURCE_SECONDS)
        return Source(paths.extension(entry.path), url, f"{resource_id}\0{entry.etag}")

    def _way_to(self, request: Request, path: str) -> str:
        """The editor of what was made, where there is one; else the folder that it lies in."""
        rights = self._access.rights(request.principal, path)
        opens = {Action.EDIT, Action.VIEW} & set(
            self._opening.actions(request.principal, path, rights)
        )
        if opens:
            return request.addresses.page(EDIT, path)
        return request.way_back(path)

    def _page(
        self, request: Request, entry: Entry, target: str, fault: DavserverError | None = None
    ) -> Response:
        """The page that asks; with what went wrong, and for what is needed."""
        folder = paths.parent(entry.path)
        asks = fault.asks if isinstance(fault, NotConverted) else ""
        page = self._pages.render(
            request,
            "convert.html",
            fault.status if fault else 200,
            entry=entry,
            groups=conversions.grouped(conversions.targets(entry.path)),
            chosen=conversions.resolved(entry.path, target) or conversions.proposed(entry.path),
            problem=request.addresses.told(str(fault)) if fault else "",
            asks=asks,
            may_create=Right.CREATE in self._access.rights(request.principal, folder),
            folder=request.way_back(entry.path),
        )
        if fault:
            page.headers.extend(fault.headers())
        return page


def _beside(path: str, extension: str) -> str:
    """For "/a.doc": "/a.docx"."""
    stem = paths.name(path).rpartition(".")[0]
    return paths.join(paths.parent(path), paths.with_words(f"{stem}.{extension}", ""))

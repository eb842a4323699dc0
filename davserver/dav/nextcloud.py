"""Nextcloud's addresses: the same tree at …/dav/files/<user>/, and chunked upload beside it.

Clients that know Nextcloud, such as rclone with ``vendor = nextcloud``, send a large file in parts:
MKCOL …/dav/uploads/<user>/<upload>, PUT …/<upload>/<part> for each, in any order and at the same
time, then MOVE …/<upload>/.file to where the file shall be (Nextcloud developer manual, "Chunked
file upload", version 2). The parts are put together in the order of the numbers in their names.
"""

import re
from collections.abc import Callable, Iterable
from functools import partial
from urllib.parse import quote

from davserver import paths
from davserver.audit import Event
from davserver.dates import http_date
from davserver.dav.destination import destination
from davserver.dav.digests import OWNCLOUD, claims_of_owncloud, verified
from davserver.dav.get import validators
from davserver.dav.put import requested_time, told_size, within_quota
from davserver.dav.room import DavRequest
from davserver.dav.xml import multistatus, propstat
from davserver.errors import (
    BadRequest,
    MethodNotAllowed,
    NameNotAllowed,
    NotFound,
    PreconditionFailed,
    QuotaExceeded,
)
from davserver.model import Entry, Right, Upload
from davserver.providers.share import Share
from davserver.web import BLOCK, App, Environ, Headers, Request, Response, StartResponse, xml

ROOTS = ("/remote.php/dav", "/-/dav")
ALLOW = "OPTIONS, MKCOL, PUT, PROPFIND, MOVE, DELETE"

_FILE = ".file"
_WANTS_HASH = "X-Recalculate-Hash"
_UPLOAD_NAME = re.compile(r"[\w.~+-]{1,128}", re.ASCII)
# Nextcloud counts parts from 1; rclone names the first byte and the one behind the last.
_PART_NAME = re.compile(r"\d{1,20}(-\d{1,20})?", re.ASCII)
_LENGTH = "OC-Total-Length"
_HOUR = 3600


class Nextcloud:
    """WSGI middleware: a file's address becomes our own, an upload's is answered here.

    The first part of a file's address counts as the base path from there on: links in answers carry
    it, and it is taken off the addresses in headers.
    """

    def __init__(self, next_app: App, share: Share, max_bytes: int, hours: int) -> None:
        self._next = next_app
        self._share = share
        self._uploads = share.uploads
        self._max_bytes = max_bytes
        self._seconds = hours * _HOUR
        self._methods: dict[str, Callable[[Request, str, str], Response]] = {
            "MKCOL": self._begin,
            "PUT": self._put_part,
            "PROPFIND": self._tell_parts,
            "MOVE": self._join,
            "DELETE": self._abandon,
        }

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        request = Request.of(environ)
        root = next((one for one in ROOTS if request.target.startswith(one + "/")), None)
        if root is None:
            return self._next(environ, start_response)
        address = request.target
        area, user, *rest = [*address[len(root) + 1 :].split("/", 2), "", ""]
        if area not in {"files", "uploads"}:
            raise NotFound(paths.decoded(address))
        if request.method != "OPTIONS" and paths.decoded("/" + user)[1:] != request.principal.name:
            raise NotFound(paths.decoded(address))
        request.base += f"{root}/files/{quote(user, safe='%!$()*+,;=:@~')}"
        request.target = "/" + rest[0]
        if request.method == "PATCH" and area == "files" and request.header(_WANTS_HASH):
            return self._tell_hash(request).send(start_response)
        if area == "files" or request.method == "OPTIONS":
            return self._next(environ, start_response)
        request.is_only_what_is_noted = True
        method = self._methods.get(request.method)
        if method is None:
            raise MethodNotAllowed(f"{request.method} is not for an upload.", ALLOW)
        upload, _, part = paths.decoded(request.target)[1:].partition("/")
        if not _UPLOAD_NAME.fullmatch(upload):
            raise NameNotAllowed("An upload is called by up to 128 letters, digits and . ~ + - _")
        response = method(request, upload, part)
        return response.send(start_response)

    def _tell_hash(self, request: Request) -> Response:
        """The hash of a file in OC-Checksum, which rclone asks for after each upload."""
        name = request.header(_WANTS_HASH).strip().upper()
        if name not in OWNCLOUD:
            raise BadRequest(f"{_WANTS_HASH} takes {', '.join(OWNCLOUD)}.")
        counted = OWNCLOUD[name]()
        dav = DavRequest(request, self._share)
        dav.check(Right.READ, Right.DOWNLOAD)
        content, entry = dav.place.open(request.path)
        with content:
            while block := content.read(BLOCK):
                counted.update(block)
        checksum = ("OC-Checksum", f"{name}:{counted.digest().hex()}")
        return Response(204, b"", [*validators(entry), checksum])

    def _begin(self, request: Request, name: str, part: str) -> Response:
        if part:
            raise NameNotAllowed("An upload holds parts, and no folders.")
        length, _ = told_size(request, _LENGTH)
        self._check_room(request, name, length or 0)
        self._uploads.begin_parts(request.principal.name, name, self._seconds)
        return Response(201)

    def _put_part(self, request: Request, name: str, part: str) -> Response:
        if not _PART_NAME.fullmatch(part):
            raise NameNotAllowed("A part is called by a number, or by two with a hyphen.")
        upload = self._uploads.find_parts(request.principal.name, name)
        others = self._size(upload, but=part)
        most = self._check_room(request, name, others + (request.content_length or 0))
        blocks = within_quota(
            request.blocks(self._max_bytes), None if most is None else most - others
        )
        is_new = self._uploads.put_part(upload, part, blocks, self._max_bytes, self._seconds)
        return Response(201 if is_new else 204)

    def _tell_parts(self, request: Request, name: str, part: str) -> Response:
        """The parts that have arrived, so that the client sends only the others."""
        upload = self._uploads.find_parts(request.principal.name, name)
        root, _, user = request.base.rpartition("/files/")
        here = f"{root}/uploads/{user}/{name}"
        parts = self._uploads.parts(upload)
        told = [one for one in parts if part in ("", one.name)]
        if part and not told:
            raise NotFound(f"part {part} of upload {name}")
        answers = [_response(f"{here}/{one.name}", one) for one in told]
        if not part:
            answers = [_response(f"{here}/", None), *answers]
        return xml(207, multistatus("".join(answers)))

    def _join(self, request: Request, name: str, part: str) -> Response:
        """The parts become the file that Destination names: 201, or 204 for its next version."""
        if part != _FILE:
            raise NameNotAllowed(f"What is moved out of an upload is {_FILE}.")
        upload = self._uploads.find_parts(request.principal.name, name)
        dav = DavRequest.about(destination(request), request, self._share)
        path = request.path
        dav.check_writing(path)
        modified_ns = requested_time(request.header("X-OC-Mtime"))
        claims = claims_of_owncloud(request)
        length, _ = told_size(request, _LENGTH)
        condition = _overwriting(request, dav.conditions.hold)
        condition(self._share.files.find(path))
        self._share.files.check_writable(path, dav.writer, self._size(upload))
        written = self._uploads.join_parts(
            upload,
            path,
            length,
            dav.writer,
            condition=condition,
            modified_ns=modified_ns,
            checked=partial(verified, claims=claims),
        )
        if written is None:
            return Response(204, b"", validators(self._share.files.entry(path)))
        headers: Headers = validators(written.entry)
        if modified_ns is not None:
            headers.append(("X-OC-MTime", "accepted"))
        event = Event.CREATED if written.created else Event.CHANGED
        request.note(event, path=path, etag=written.entry.etag)
        return Response(201 if written.created else 204, b"", headers)

    def _abandon(self, request: Request, name: str, part: str) -> Response:
        if part:
            raise MethodNotAllowed("An upload is given up as a whole.", "PUT, PROPFIND")
        self._uploads.abandon(self._uploads.find_parts(request.principal.name, name))
        return Response(204)

    def _check_room(self, request: Request, name: str, size: int) -> int | None:
        """Refuse an upload that may not have ``size`` bytes; tell how many it may, None if any.

        Nextcloud's own clients say with everything that they send where the file goes. Of others
        it is known in the end: until then what counts is what they may have in the root.
        """
        if request.has_header("Destination"):
            dav = DavRequest.about(destination(request), request, self._share)
            return self._share.files.check_writable(request.path, dav.writer, size)
        somewhere = paths.join(paths.ROOT, name)
        most = self._share.quotas.most(somewhere, None, request.principal.name, 0)
        if most is not None and size > most:
            raise QuotaExceeded(f"The quotas here leave {most} bytes; this has {size}.")
        return most

    def _size(self, upload: Upload, but: str = "") -> int:
        """The bytes that have arrived, those of the part ``but`` not counted."""
        return sum(one.size for one in self._uploads.parts(upload) if one.name != but)


def _response(href: str, part: Entry | None) -> str:
    kind = "<D:resourcetype><D:collection/></D:resourcetype>"
    if part is not None:
        changed = http_date(part.modified_ns // 1_000_000_000)
        kind = (
            f"<D:resourcetype/><D:getcontentlength>{part.size}</D:getcontentlength>"
            f"<D:getlastmodified>{changed}</D:getlastmodified>"
        )
    return f"<D:response><D:href>{href}</D:href>{propstat(kind, '200 OK')}</D:response>"


def _overwriting(
    request: Request, hold: Callable[[Entry | None], None]
) -> Callable[[Entry | None], None]:
    def permitted(entry: Entry | None) -> None:
        hold(entry)
        if entry is not None and request.header("Overwrite").strip().upper() == "F":
            raise PreconditionFailed("Something is at the destination already.")

    return permitted

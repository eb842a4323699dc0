"""/-/upload/: uploads that survive a broken connection, by tus 1.0.

Core, and the extensions creation, creation-with-upload, checksum, expiration and termination
(https://tus.io/protocols/resumable-upload). The metadata names the file: ``path``, or ``filename``
in ``folder``; ``mtime`` is its time of change in seconds; ``if-match`` and ``if-none-match`` hold
when the last byte has arrived, like the header fields that come with it.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable

from davserver import paths
from davserver.audit import Event
from davserver.dates import http_date
from davserver.dav.put import requested_time
from davserver.dav.room import DavRequest
from davserver.errors import (
    BadRequest,
    BodyTooLarge,
    ChecksumMismatch,
    DavserverError,
    PreconditionFailed,
    UnsupportedMediaType,
    WrongOffset,
)
from davserver.model import Entry, Upload
from davserver.providers.share import Share
from davserver.providers.uploads import Take
from davserver.web import Headers, Request, Response, failure, text

UPLOAD = "/-/upload/"
METHODS = "OPTIONS POST HEAD PATCH DELETE"
MAX_METADATA_BYTES = 8192

_VERSION = "1.0.0"
_EXTENSIONS = "creation,creation-with-upload,checksum,expiration,termination"
_ALGORITHMS = ("sha1", "sha256", "sha512", "md5")
_OCTETS = "application/offset+octet-stream"
_NUMBER = re.compile(r"\d{1,18}")
_HOUR = 3600


class Tus:
    """The handler of every address below /-/upload/."""

    def __init__(self, share: Share, max_bytes: int, hours: int) -> None:
        self._share = share
        self._uploads = share.uploads
        self._max_bytes = max_bytes
        self._seconds = hours * _HOUR
        self._methods: dict[str, Callable[[Request], Response]] = {
            "OPTIONS": self._abilities,
            "POST": self._create,
            "HEAD": self._tell,
            "PATCH": self._append,
            "DELETE": self._terminate,
        }

    def __call__(self, request: Request) -> Response:
        try:
            response = self._answer(request)
        except DavserverError as fault:
            response = failure(request, fault, lambda _, status, words: text(status, words))
        response.headers.append(("Tus-Resumable", _VERSION))
        return response

    def _answer(self, request: Request) -> Response:
        method = request.method
        if method == "POST":
            # For clients whose network lets nothing else through (tus 1.0, X-HTTP-Method-Override).
            method = request.header("X-HTTP-Method-Override").upper() or method
        if method != "OPTIONS" and request.header("Tus-Resumable") != _VERSION:
            response = text(412, f"This server speaks tus {_VERSION}.")
            response.headers.append(("Tus-Version", _VERSION))
            return response
        if method not in self._methods:
            raise BadRequest(f"{method} is not a method of tus.")
        return self._methods[method](request)

    def _abilities(self, _: Request) -> Response:
        headers: Headers = [
            ("Tus-Version", _VERSION),
            ("Tus-Extension", _EXTENSIONS),
            ("Tus-Checksum-Algorithm", ",".join(_ALGORITHMS)),
        ]
        if self._max_bytes:
            headers.append(("Tus-Max-Size", str(self._max_bytes)))
        return Response(204, b"", headers)

    def _create(self, request: Request) -> Response:
        """201 with the upload's address, after what ``PUT`` would refuse was refused."""
        length = _number(request, "Upload-Length")
        if self._max_bytes and length > self._max_bytes:
            raise BodyTooLarge(self._max_bytes)
        metadata = parse_metadata(request.header("Upload-Metadata"))
        requested_time(metadata.get("mtime", ""))
        dav = DavRequest.about(request.inner(target(metadata)), request, self._share)
        path = request.path
        dav.check_writing(path)
        condition = _condition(dav, metadata)
        condition(self._share.files.find(path))
        self._share.files.check_writable(path, dav.writer, length)
        upload = self._uploads.begin(request.principal.actor, path, length, metadata, self._seconds)
        address = request.url(UPLOAD + upload.id)
        if request.content_length != 0:
            upload = self._take(request, upload, 0)
        if upload.is_whole:
            upload = self._finish(request, upload)
        return Response(201, b"", [("Location", address), *_standing(upload)])

    def _tell(self, request: Request) -> Response:
        """Where the upload stands.

        One that has every byte and is no file yet becomes it now: the server, or the connection,
        ended in between, and to the client there is nothing left to send.
        """
        upload = self._find(request)
        if upload.is_whole and not upload.is_finished:
            upload = self._finish(request, upload)
        headers: Headers = [
            *_standing(upload),
            ("Upload-Length", str(upload.length)),
            ("Upload-Metadata", _metadata(upload)),
            ("Cache-Control", "no-store"),
        ]
        return Response(200, b"", headers)

    def _append(self, request: Request) -> Response:
        """204: the body was added, and with its last byte the upload became the file."""
        upload = self._find(request)
        if request.media_type != _OCTETS:
            raise UnsupportedMediaType(f"A part of an upload is {_OCTETS}.")
        offset = _number(request, "Upload-Offset")
        if not (upload.is_finished and offset == upload.length and request.content_length == 0):
            upload = self._take(request, upload, offset)
        if upload.is_whole:
            upload = self._finish(request, upload)
        return Response(204, b"", _standing(upload))

    def _terminate(self, request: Request) -> Response:
        self._uploads.abandon(self._find(request))
        return Response(204)

    def _find(self, request: Request) -> Upload:
        return self._uploads.find(request.below(UPLOAD)[1:], request.principal.actor)

    def _take(self, request: Request, upload: Upload, offset: int) -> Upload:
        if request.media_type != _OCTETS:
            raise UnsupportedMediaType(f"A part of an upload is {_OCTETS}.")
        if offset != upload.offset:
            raise WrongOffset(upload.offset)
        announced = request.content_length
        if announced is not None and offset + announced > upload.length:
            raise BodyTooLarge(upload.length)
        take, verify = _checksum(request.header("Upload-Checksum"))
        return self._uploads.append(
            upload, offset, request.blocks(), self._seconds, take=take, verify=verify
        )

    def _finish(self, request: Request, upload: Upload) -> Upload:
        dav = DavRequest.about(upload.path, request, self._share)
        if not upload.is_finished:
            dav.check_writing(upload.path)
        finished = self._uploads.finish(
            upload,
            dav.writer,
            condition=_condition(dav, upload.metadata),
            modified_ns=requested_time(upload.metadata.get("mtime", "")),
        )
        if not upload.is_finished:
            request.note(Event.CHANGED, path=upload.path, etag=finished.etag)
        return finished


def parse_metadata(header: str) -> dict[str, str]:
    """The pairs of Upload-Metadata, decoded. Raises BadRequest.

    A value that is not UTF-8 is refused, though tus lets it be anything: ours are words.
    """
    if len(header) > MAX_METADATA_BYTES:
        raise BadRequest(f"Upload-Metadata has at most {MAX_METADATA_BYTES} bytes.")
    found: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in header.split(","))):
        key, _, value = pair.partition(" ")
        if key in found:
            raise BadRequest(f"Upload-Metadata has {key} twice.")
        try:
            found[key] = base64.b64decode(value.strip(), validate=True).decode("utf-8")
        except (ValueError, binascii.Error):
            raise BadRequest(f"Upload-Metadata: {key} is not UTF-8 in Base64.") from None
    return found


def target(metadata: dict[str, str]) -> str:
    """The path of the file that the metadata names. Raises BadRequest, NameNotAllowed."""
    if "path" in metadata:
        named = metadata["path"]
    elif metadata.get("filename"):
        if "/" in metadata["filename"]:
            raise BadRequest("A file's name cannot contain a slash.")
        named = paths.join(metadata.get("folder", "").rstrip("/"), metadata["filename"])
    else:
        raise BadRequest("Upload-Metadata has to name the file: path, or filename and folder.")
    path = paths.decoded(paths.href("/" + named.lstrip("/")))
    if path == paths.ROOT or named.endswith("/"):
        raise BadRequest("Upload-Metadata names a folder, and not a file.")
    paths.check_new_name(path)
    return path


def _condition(dav: DavRequest, metadata: dict[str, str]) -> Callable[[Entry | None], None]:
    def hold(entry: Entry | None) -> None:
        dav.conditions.hold(entry)
        wanted, unwanted = metadata.get("if-match"), metadata.get("if-none-match")
        if wanted and (entry is None or wanted not in ("*", entry.etag)):
            raise PreconditionFailed("The file has changed since you read it.")
        if unwanted and entry is not None and unwanted in ("*", entry.etag):
            raise PreconditionFailed("The file is there already, or has this state already.")

    return hold


def _checksum(header: str) -> tuple[Take | None, Callable[[], None] | None]:
    """What is shown every block, and what raises ChecksumMismatch in the end (tus, Checksum)."""
    if not header:
        return None, None
    algorithm, _, encoded = header.strip().partition(" ")
    if algorithm not in _ALGORITHMS:
        raise BadRequest(f"Upload-Checksum takes {', '.join(_ALGORITHMS)}.")
    try:
        wanted = base64.b64decode(encoded.strip(), validate=True)
    except binascii.Error:
        raise BadRequest("Upload-Checksum is not well formed.") from None
    # Not for security: the client chooses, and it is the client's own bytes.
    counted = hashlib.new(algorithm, usedforsecurity=False)

    def verify() -> None:
        if counted.digest() != wanted:
            raise ChecksumMismatch

    return counted.update, verify


def _standing(upload: Upload) -> Headers:
    headers: Headers = [
        ("Upload-Offset", str(upload.offset)),
        ("Upload-Expires", http_date(int(upload.expires.timestamp()))),
    ]
    return [*headers, ("ETag", upload.etag)] if upload.is_finished else headers


def _metadata(upload: Upload) -> str:
    return ",".join(
        f"{key} {base64.b64encode(value.encode()).decode()}".strip()
        for key, value in upload.metadata.items()
    )


def _number(request: Request, name: str) -> int:
    value = request.header(name).strip()
    if not _NUMBER.fullmatch(value):
        raise BadRequest(f"{name} must be a number of bytes.")
    return int(value)

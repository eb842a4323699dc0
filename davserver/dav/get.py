"""GET and HEAD of a file (RFC 9110, 9.3)."""

from davserver import paths
from davserver.content import HandOver, asked_range, file_response, safe_headers
from davserver.dates import http_date
from davserver.dav import digests
from davserver.dav.conditions import if_range_holds
from davserver.dav.fresh import FreshReads
from davserver.dav.room import DavRequest
from davserver.errors import MethodNotAllowed, NotFound
from davserver.model import Entry
from davserver.web import Headers, Response


def get_file(
    dav: DavRequest, hand_over: HandOver | None = None, fresh: FreshReads | None = None
) -> Response:
    """The file's bytes, a range of them, or 304; with ``hand_over``, another server sends them."""
    request = dav.request
    freshness = fresh(request, request.path) if fresh is not None else []
    entry = dav.place.entry(request.path)
    if entry.is_folder:
        raise MethodNotAllowed("A folder has no content of its own.", "PROPFIND, OPTIONS")
    if request.has_trailing_slash:
        raise NotFound(request.path)
    content, entry = dav.place.open(request.path)
    try:
        headers = [*validators(entry), *safe_headers(entry.path), *freshness]
        unchanged = dav.conditions.not_modified(entry)
        if request.header("Want-Repr-Digest") and not unchanged:
            known = dav.share.files.sha256(entry)
            headers += digests.told(request, content, entry.size, known)
        wanted = asked_range(request) if if_range_holds(request, entry) else ""
    except BaseException:
        content.close()
        raise
    if unchanged:
        content.close()
        return Response(304, b"", headers)
    if hand_over is not None and entry.size and not paths.view_of(entry.path):
        content.close()
        return hand_over.response(entry.path, headers)
    return file_response(content, entry.size, headers, wanted)


def validators(entry: Entry) -> Headers:
    """ETag and time of change (RFC 9110, 8.8)."""
    changed = http_date(entry.modified_ns // 1_000_000_000)
    return [("ETag", entry.etag), ("Last-Modified", changed)]

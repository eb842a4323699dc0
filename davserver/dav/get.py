"""GET and HEAD of a file (RFC 9110, 9.3)."""

from email.utils import formatdate

from davserver.content import file_response, safe_headers
from davserver.dav.conditions import if_range_holds
from davserver.dav.room import DavRequest
from davserver.errors import MethodNotAllowed, NotFound
from davserver.model import Entry
from davserver.web import Headers, Response


def get_file(dav: DavRequest) -> Response:
    """The file's bytes, a range of them, or 304."""
    request = dav.request
    entry = dav.place.entry(request.path)
    if entry.is_folder:
        raise MethodNotAllowed("A folder has no content of its own.", "PROPFIND, OPTIONS")
    if request.has_trailing_slash:
        raise NotFound(request.path)
    content, entry = dav.place.open(request.path)
    try:
        headers = [*validators(entry), *safe_headers(entry.path)]
        unchanged = dav.conditions.not_modified(entry)
        # A Range on anything but GET has to be ignored (RFC 9110, 14.2).
        ranged = request.method == "GET" and if_range_holds(request, entry)
    except BaseException:
        content.close()
        raise
    if unchanged:
        content.close()
        return Response(304, b"", headers)
    return file_response(content, entry.size, headers, request.header("Range") if ranged else "")


def validators(entry: Entry) -> Headers:
    """ETag and time of change (RFC 9110, 8.8)."""
    changed = formatdate(entry.modified_ns // 1_000_000_000, usegmt=True)
    return [("ETag", entry.etag), ("Last-Modified", changed)]

"""MKCOL, DELETE, COPY and MOVE (RFC 4918, 9.3 and 9.6 to 9.9)."""

from davserver.dav.destination import destination
from davserver.dav.room import DavRequest
from davserver.errors import BadRequest, UnsupportedMediaType
from davserver.web import Request, Response


def make_collection(dav: DavRequest) -> Response:
    """MKCOL: a new empty folder."""
    if dav.request.content_length != 0:
        raise UnsupportedMediaType("MKCOL takes no body here.")
    dav.share.trees.make_folder(dav.request.path, dav.writer, dav.conditions.hold)
    return Response(201)


def delete(dav: DavRequest) -> Response:
    """DELETE: the file, or the folder with all that is in it, goes to the trash."""
    dav.depth("infinity", "infinity")
    dav.share.trees.delete(dav.request.path, dav.writer, dav.conditions.hold)
    return Response(204)


def copy(dav: DavRequest) -> Response:
    """COPY: 201 if nothing was at the destination, else 204."""
    created = dav.share.trees.copy(
        dav.request.path,
        destination(dav.request),
        dav.writer,
        overwrite=_overwrite(dav.request),
        deep=dav.depth("infinity", "0", "infinity") == "infinity",
        condition=dav.conditions.hold,
    )
    return Response(201 if created else 204)


def move(dav: DavRequest) -> Response:
    """MOVE: 201 if nothing was at the destination, else 204."""
    dav.depth("infinity", "infinity")
    created = dav.share.trees.move(
        dav.request.path,
        destination(dav.request),
        dav.writer,
        overwrite=_overwrite(dav.request),
        condition=dav.conditions.hold,
    )
    return Response(201 if created else 204)


def _overwrite(request: Request) -> bool:
    """RFC 4918, 10.6: T if the header is missing."""
    value = request.header("Overwrite").strip().upper() or "T"
    if value not in {"T", "F"}:
        raise BadRequest("Overwrite must be T or F.")
    return value == "T"

"""MKCOL, DELETE, COPY and MOVE (RFC 4918, 9.3 and 9.6 to 9.9; RFC 5689)."""

from lxml import etree

from davserver import paths
from davserver.dav.destination import destination
from davserver.dav.proppatch import Changes, Refusal, parse_changes, parted, refusals, told
from davserver.dav.room import DavRequest
from davserver.dav.xml import DAV, read_body
from davserver.errors import BadRequest, UnsupportedMediaType
from davserver.model import Right
from davserver.web import Request, Response, xml

_TYPE = DAV + "resourcetype"


def make_collection(dav: DavRequest) -> Response:
    """MKCOL: a new empty folder, with the properties of the body if it has one (RFC 5689)."""
    body = _mkcol(dav.request)
    given = {} if body is None else parse_changes(body, "mkcol")
    refused = {} if body is None else _refused(body, given)
    if refused:
        status, _ = next(iter(refused.values()))
        content = told(refused, given)
        answer = f'<D:mkcol-response xmlns:D="DAV:">{content}</D:mkcol-response>'
        return xml(int(status[:3]), answer)
    properties, modified_ns, created = parted(_but_type(given))
    dav.share.trees.make_folder(
        dav.request.path,
        dav.writer,
        dav.conditions.hold,
        properties=properties,
        modified_ns=modified_ns,
        created=created,
    )
    return Response(201)


def delete(dav: DavRequest) -> Response:
    """DELETE: the file, or the folder with all that is in it, goes to the trash."""
    dav.depth("infinity", "infinity")
    dav.share.access.check_tree(dav.request.principal, dav.request.path, Right.DELETE)
    dav.share.trees.delete(dav.request.path, dav.writer, dav.conditions.hold)
    return Response(204)


def copy(dav: DavRequest) -> Response:
    """COPY: 201 if nothing was at the destination, else 204."""
    _check_departure(dav, Right.READ, Right.DOWNLOAD)
    created = dav.share.trees.copy(
        dav.request.path,
        _destination(dav),
        dav.writer,
        overwrite=_overwrite(dav.request),
        deep=dav.depth("infinity", "0", "infinity") == "infinity",
        condition=dav.conditions.hold,
        place=dav.place,
    )
    return Response(201 if created else 204)


def move(dav: DavRequest) -> Response:
    """MOVE: 201 if nothing was at the destination, else 204. Out of the trash, it restores."""
    dav.depth("infinity", "infinity")
    _check_departure(dav, Right.READ, Right.DOWNLOAD, Right.DELETE)
    trees = dav.share.trees
    carry = trees.take_out if paths.view_of(dav.request.path) else trees.move
    created = carry(
        dav.place.origin(dav.request.path),
        _destination(dav),
        dav.writer,
        overwrite=_overwrite(dav.request),
        condition=dav.conditions.hold,
    )
    return Response(201 if created else 204)


def _check_departure(dav: DavRequest, *needed: Right) -> None:
    """Raise unless who asks has these rights on the source, and all that is below it.

    Also a move may take something where more can be done with it, so it needs what a copy needs.
    """
    if paths.view_of(dav.request.path):
        dav.check(*needed)
    else:
        dav.share.access.check_tree(dav.request.principal, dav.request.path, *needed)


def _destination(dav: DavRequest) -> str:
    """Where Destination leads. Raises unless who asks may put something there."""
    path = dav.share.files.as_stored(destination(dav.request))
    there = dav.share.files.find(path)
    principal = dav.request.principal
    if there is None:
        dav.share.access.check(principal, path, Right.CREATE)
    elif there.is_folder:
        dav.share.access.check_tree(principal, path, Right.DELETE, Right.CREATE)
    else:
        dav.share.access.check(principal, path, Right.EDIT)
    return path


def _overwrite(request: Request) -> bool:
    """RFC 4918, 10.6: T if the header is missing."""
    value = request.header("Overwrite").strip().upper() or "T"
    if value not in {"T", "F"}:
        raise BadRequest("Overwrite must be T or F.")
    return value == "T"


def _mkcol(request: Request) -> etree._Element | None:
    """The body of an extended MKCOL; None for a plain one. Raises UnsupportedMediaType."""
    if request.content_length == 0:
        return None
    if request.media_type not in {"application/xml", "text/xml"}:
        raise UnsupportedMediaType("The body of MKCOL is XML, or there is none.")
    body = read_body(request)
    if body is not None and body.tag != DAV + "mkcol":
        raise UnsupportedMediaType("The body of MKCOL must be a DAV:mkcol.")
    return body


def _refused(body: etree._Element, given: Changes) -> dict[str, Refusal]:
    """What stands against the folder: another type than a folder's, and what clients cannot set."""
    kinds = {kind.tag for kind in body.iterfind(f"{DAV}set/{DAV}prop/{_TYPE}/*")}
    is_other = _TYPE in given and kinds != {DAV + "collection"}
    refused = {_TYPE: ("403 Forbidden", "valid-resourcetype")} if is_other else {}
    return refused | refusals(_but_type(given))


def _but_type(given: Changes) -> Changes:
    """A folder has its type already; to say so changes nothing."""
    return {name: value for name, value in given.items() if name != _TYPE}

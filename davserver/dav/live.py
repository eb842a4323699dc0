"""Live properties: what the server itself knows about a resource, as elements ready to send.

Each is a function from an entry, and what the catalog knows, to the whole element; empty where the
resource has no such property. What is the same for a whole request is made once, by ``live``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from davserver import media, paths
from davserver.dates import http_date, internet_date
from davserver.dav.lock import SUPPORTED, discovery
from davserver.dav.principals import principal_href
from davserver.dav.xml import DAV, printable
from davserver.model import NO_RIGHTS, EditSession, Entry, Principal, Right, Rights, called
from davserver.providers.annotations import Annotations
from davserver.providers.quotas import Allotments
from davserver.web import Addresses

WINDOWS = "{urn:schemas-microsoft-com:}Win32"
OURS = "urn:davserver:"
EDITING = f"{{{OURS}}}editing"
"""Who edits a file in the browser at this moment, and since when; missing where nobody does."""

TIMES_OF_CHANGE = frozenset(
    {DAV + "getlastmodified", DAV + "lastmodified", WINDOWS + "LastModifiedTime"}
)
"""What clients set to keep a file's own time, Cyberduck and Windows each by a name of theirs."""
TIME_OF_CREATION = WINDOWS + "CreationTime"
SETTABLE = frozenset({DAV + "displayname", TIME_OF_CREATION, *TIMES_OF_CHANGE})
"""Live properties that PROPPATCH may set; all others are protected (RFC 4918, 15)."""

SYNC_TOKEN = DAV + "sync-token"
SPACE = (DAV + "quota-used-bytes", DAV + "quota-available-bytes")
# Names from a draft that Finder sends. From macOS 15.4 on it waits 90 seconds for nobody knows what
# if it gets those of the RFC beside.
OLD_SPACE = frozenset({DAV + "quota", DAV + "quotaused"})

_SECOND = 1_000_000_000
_REPORTS = (
    "<D:supported-report-set><D:supported-report><D:report><D:sync-collection/></D:report>"
    "</D:supported-report></D:supported-report-set>"
)
_WINDOWS_ELEMENT = '<Z:Win32{0}Time xmlns:Z="urn:schemas-microsoft-com:">{1}</Z:Win32{0}Time>'

Live = Callable[[Entry, Annotations], str]
SessionsIn = Callable[[str], Mapping[str, EditSession]]
"""The live editing sessions of the files in a folder, by path."""

_PRIVILEGES = {
    "read": Right.READ,
    "read-current-user-privilege-set": Right.SEE,
    "write-properties": Right.EDIT,
    "write-content": Right.EDIT,
    "bind": Right.CREATE,
    "unbind": Right.DELETE,
    "unlock": Right.EDIT,
}
"""The privileges of RFC 3744, 3 and the rights that they are."""
_WRITE = frozenset({Right.EDIT, Right.CREATE, Right.DELETE})
PRIVILEGE_SET = DAV + "current-user-privilege-set"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Of one request: where things and people have addresses, who asks, and what folders tell of.

    That is space and the ``sync_token`` of this moment, and editing sessions (``sessions_in``),
    where they are asked for. ``rights`` are
    those on every path; where they differ, and are asked for, ``rights_on`` tells. ``in_view`` says
    that it is about a view (``providers.places``), where nobody writes.
    """

    addresses: Addresses
    site: str
    principal: Principal
    rights: Rights | None = None
    rights_on: Callable[[str], Rights] | None = None
    in_view: bool = False
    allotments: Allotments | None = None
    sync_token: str = ""
    sessions_in: SessionsIn | None = None

    @property
    def are_of_this_moment(self) -> bool:
        """Whether answers tell of this moment alone: space, the sync token, who edits."""
        told = self.allotments is not None or self.sessions_in is not None
        return told or bool(self.sync_token)


def live(about: Circumstances) -> dict[str, Live]:
    """Every live property by its name."""
    site = about.site
    href = f"<D:href>{site}{principal_href(about.principal.name)}</D:href>"
    who = "<D:unauthenticated/>" if about.principal.is_anonymous else href
    user = f"<D:current-user-principal>{who}</D:current-user-principal>"
    same = _privileges(about.rights or NO_RIGHTS, in_view=about.in_view)

    def privileges(entry: Entry, _: Annotations) -> str:
        if about.rights_on is None:
            return same
        return _privileges(about.rights_on(entry.path), in_view=about.in_view)

    def locks(entry: Entry, known: Annotations) -> str:
        content = discovery(known.locks_on(entry.path), about.addresses)
        return f"<D:lockdiscovery>{content}</D:lockdiscovery>"

    def owner(entry: Entry, known: Annotations) -> str:
        # Who comes by a link is not told who has an account.
        name = "" if about.principal.link else known.owners.get(entry.path)
        return f"<D:owner><D:href>{site}{principal_href(name)}</D:href></D:owner>" if name else ""

    return {
        **_OF_EVERY_REQUEST,
        **_NAMED_ONLY,
        DAV + "lockdiscovery": locks,
        DAV + "supportedlock": _no_locks if about.in_view else _every_lock,
        **_space(about.allotments),
        **_sync(about),
        EDITING: _editing(about.sessions_in),
        DAV + "owner": owner,
        DAV + "current-user-principal": lambda entry, known: user,
        PRIVILEGE_SET: privileges,
    }


def _privileges(rights: Rights, *, in_view: bool) -> str:
    if in_view:
        rights &= {Right.READ, Right.SEE}
    names = [name for name, right in _PRIVILEGES.items() if right in rights]
    if rights >= _WRITE:
        names.append("write")
    each = "".join(f"<D:privilege><D:{name}/></D:privilege>" for name in names)
    return f"<D:current-user-privilege-set>{each}</D:current-user-privilege-set>"


def _space(allotments: Allotments | None) -> dict[str, Live]:
    """RFC 4331, for folders."""

    def used(entry: Entry, _: Annotations) -> str:
        if allotments is None or not entry.is_folder:
            return ""
        return f"<D:quota-used-bytes>{allotments.of(entry.path)[0]}</D:quota-used-bytes>"

    def left(entry: Entry, _: Annotations) -> str:
        if allotments is None or not entry.is_folder:
            return ""
        return f"<D:quota-available-bytes>{allotments.of(entry.path)[1]}</D:quota-available-bytes>"

    return dict(zip(SPACE, (used, left), strict=True))


def _editing(sessions_in: SessionsIn | None) -> Live:
    """One question for each folder: answers come folder by folder."""
    asked: dict[str, Mapping[str, EditSession]] = {}

    def editing(entry: Entry, _: Annotations) -> str:
        if sessions_in is None or entry.is_folder:
            return ""
        folder = paths.parent(entry.path)
        if folder not in asked:
            asked.clear()
            asked[folder] = sessions_in(folder)
        session = asked[folder].get(entry.path)
        if session is None:
            return ""
        names = [printable(called(name) or "Somebody") for name in session.editors]
        editors = "".join(f"<O:editor>{name}</O:editor>" for name in names)
        since = internet_date(int(session.opened.timestamp()))
        return f'<O:editing xmlns:O="{OURS}"><O:since>{since}</O:since>{editors}</O:editing>'

    return editing


def _sync(about: Circumstances) -> dict[str, Live]:
    """RFC 3253, 3.1.5 and RFC 6578, 4, for folders; nothing changes in a view."""
    token = f"<D:sync-token>{about.sync_token}</D:sync-token>" if about.sync_token else ""

    def reports(entry: Entry, _: Annotations) -> str:
        return _REPORTS if entry.is_folder and not about.in_view else ""

    def sync_token(entry: Entry, _: Annotations) -> str:
        return token if entry.is_folder and not about.in_view else ""

    return {DAV + "supported-report-set": reports, SYNC_TOKEN: sync_token}


def _created(entry: Entry, known: Annotations) -> str:
    return f"<D:creationdate>{internet_date(_born(entry, known))}</D:creationdate>"


def _born(entry: Entry, known: Annotations) -> int:
    """The time of birth if the catalog knows it; else that of change, the best the disk tells."""
    born = known.created.get(entry.path)
    return entry.modified_ns // _SECOND if born is None else int(born)


def _modified(entry: Entry, _: Annotations) -> str:
    return f"<D:getlastmodified>{http_date(entry.modified_ns // _SECOND)}</D:getlastmodified>"


def _modified_for_cyberduck(entry: Entry, _: Annotations) -> str:
    return f"<D:lastmodified>{http_date(entry.modified_ns // _SECOND)}</D:lastmodified>"


def _modified_for_windows(entry: Entry, _: Annotations) -> str:
    return _WINDOWS_ELEMENT.format("LastModified", http_date(entry.modified_ns // _SECOND))


def _created_for_windows(entry: Entry, known: Annotations) -> str:
    return _WINDOWS_ELEMENT.format("Creation", http_date(_born(entry, known)))


def _length(entry: Entry, _: Annotations) -> str:
    if entry.is_folder:
        return ""
    return f"<D:getcontentlength>{entry.size}</D:getcontentlength>"


def _type(entry: Entry, _: Annotations) -> str:
    if entry.is_folder:
        return ""
    return f"<D:getcontenttype>{media.content_type(entry.path)}</D:getcontenttype>"


def _etag(entry: Entry, _: Annotations) -> str:
    return f"<D:getetag>{entry.etag}</D:getetag>" if entry.etag else ""


def _kind(entry: Entry, _: Annotations) -> str:
    if entry.is_folder:
        return "<D:resourcetype><D:collection/></D:resourcetype>"
    return "<D:resourcetype></D:resourcetype>"


def _display_name(entry: Entry, _: Annotations) -> str:
    shown = entry.name
    if not shown.isascii():
        shown = shown.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return f"<D:displayname>{printable(shown)}</D:displayname>"


def _every_lock(_: Entry, __: Annotations) -> str:
    return f"<D:supportedlock>{SUPPORTED}</D:supportedlock>"


def _no_locks(_: Entry, __: Annotations) -> str:
    """In a view: LibreOffice opens for reading what cannot be locked."""
    return "<D:supportedlock></D:supportedlock>"


_OF_EVERY_REQUEST: dict[str, Live] = {
    DAV + "creationdate": _created,
    DAV + "displayname": _display_name,
    DAV + "getcontentlength": _length,
    DAV + "getcontenttype": _type,
    DAV + "getetag": _etag,
    DAV + "getlastmodified": _modified,
    DAV + "resourcetype": _kind,
}

ALLPROP = frozenset({*_OF_EVERY_REQUEST, DAV + "lockdiscovery", DAV + "supportedlock"})
"""The live properties of RFC 4918, 15: what allprop answers, beside the dead ones."""

_NAMED_ONLY: dict[str, Live] = {
    DAV + "lastmodified": _modified_for_cyberduck,
    WINDOWS + "LastModifiedTime": _modified_for_windows,
    TIME_OF_CREATION: _created_for_windows,
}

NAMES = frozenset(live(Circumstances(Addresses(), "", Principal(""))))
"""Every one of them."""

FROM_DISK = NAMES - {
    DAV + "creationdate",
    DAV + "displayname",
    DAV + "lockdiscovery",
    DAV + "owner",
    TIME_OF_CREATION,
}
"""Those that no row of the catalog changes: asked alone, they cost no statement."""

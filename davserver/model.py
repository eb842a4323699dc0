"""The values that the rooms hand to each other. Knows no disk, no database, no HTTP."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from davserver import paths
from davserver.words import say

_EMAIL = re.compile(
    r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@([a-z0-9-]{1,63}\.)*[a-z0-9-]{1,63}", re.ASCII | re.IGNORECASE
)
_DOCUMENT_KEY = re.compile(r"[0-9A-Za-z._=-]{1,128}")
# Basic authentication ends the name at the first colon (RFC 7617, 2); the rest keeps names
# printable.
_USER_NAME = re.compile(r"[^\s:/\\\x00-\x1f\x7f][^:/\\\x00-\x1f\x7f]{0,63}")
_NO_LIMIT = 1 << 62


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or folder as it is now: ``size`` in bytes, ``modified_ns`` since 1970.

    The quoted ``etag`` is strong (RFC 9110, 8.8.3): the store gives every state of a file its own.
    Folders have none.
    """

    path: str
    is_folder: bool
    size: int
    modified_ns: int
    etag: str

    @property
    def name(self) -> str:
        """The last segment of the path."""
        return paths.name(self.path)

    @property
    def href(self) -> str:
        """The percent-encoded path; a folder's ends with a slash."""
        return paths.href(self.path, folder=self.is_folder)

    @property
    def modified(self) -> datetime:
        """The time of the last change, in UTC."""
        return datetime.fromtimestamp(self.modified_ns / 1e9, UTC)


class Origin(StrEnum):
    """Where a state of a file came from."""

    DAV = "dav"
    BROWSER = "browser"
    EDITOR = "editor"
    RESTORE = "restore"
    OUTSIDE = "outside"  # another program wrote into the folder


@dataclass(frozen=True, slots=True)
class Version:
    """One state of a file: the one it has (``is_current``), or an earlier one whose bytes are kept.

    ``number`` counts from 1 for each file. ``sha256`` is empty for a state that another program
    wrote. ``name`` and ``note`` are what people wrote about it; with a name it is never pruned.
    """

    number: int
    size: int
    sha256: str
    etag: str
    modified_ns: int
    created: datetime
    author: str
    origin: Origin
    is_current: bool
    name: str = ""
    note: str = ""

    @property
    def saved(self) -> datetime:
        """When this state came to be; for one from outside, what the disk tells."""
        if self.origin is Origin.OUTSIDE:
            return datetime.fromtimestamp(self.modified_ns / 1e9, UTC)
        return self.created


@dataclass(frozen=True, slots=True)
class Writer:
    """Who changes something: a lock owner's name, the lock tokens sent, and whom history names.

    What they create belongs to ``owner``, and counts in that user's quota: to them, if it is None.
    """

    name: str
    tokens: frozenset[str] = frozenset()
    author: str = ""
    origin: Origin = Origin.DAV
    host: str | None = None

    @property
    def credited(self) -> str:
        """The name that a version shows as its author."""
        return self.author or self.name

    @property
    def owner(self) -> str:
        """The user to whom belongs what they create."""
        return self.name if self.host is None else self.host


class Right(StrEnum):
    """One thing that somebody may do with a file or folder."""

    SEE = "see"  # that it is there, and its properties
    READ = "read"  # open it; list a folder
    DOWNLOAD = "download"
    PRINT = "print"
    COPY = "copy"  # to the clipboard, in the editor
    COMMENT = "comment"
    REVIEW = "review"
    FILL = "fill"  # the fields of a form
    EDIT = "edit"
    FILTER = "filter"  # for everybody who looks at the table
    CHAT = "chat"
    PROTECT = "protect"  # restrict what others may change in the document
    CREATE = "create"  # something new in a folder
    DELETE = "delete"  # or move away
    SHARE = "share"  # give rights on it to others


Rights = frozenset[Right]

ALL_RIGHTS: Rights = frozenset(Right)
NO_RIGHTS: Rights = frozenset()
TAKING_AWAY: Rights = frozenset({Right.DOWNLOAD, Right.PRINT, Right.COPY})
"""What a grant may leave out of its role, each for itself."""


class Role(StrEnum):
    """Rights under one name, as they are given. docs/security.md has the table."""

    NONE = "none"
    UPLOADER = "uploader"
    VIEWER = "viewer"
    FORM_FILLER = "form filler"
    COMMENTER = "commenter"
    REVIEWER = "reviewer"
    EDITOR = "editor"
    MANAGER = "manager"

    @property
    def rights(self) -> Rights:
        """What it may do."""
        return _OF_ROLE[self]


_VIEWING = frozenset({Right.SEE, Right.READ, *TAKING_AWAY})
_OF_ROLE: dict[Role, Rights] = {
    Role.NONE: NO_RIGHTS,
    Role.UPLOADER: frozenset({Right.CREATE}),
    Role.VIEWER: _VIEWING,
    Role.FORM_FILLER: _VIEWING | {Right.FILL, Right.CHAT},
    Role.COMMENTER: _VIEWING | {Right.COMMENT, Right.CHAT},
    Role.REVIEWER: _VIEWING | {Right.COMMENT, Right.REVIEW, Right.CHAT},
    Role.EDITOR: ALL_RIGHTS - {Right.SHARE},
    Role.MANAGER: ALL_RIGHTS,
}


@dataclass(frozen=True, slots=True)
class Grant:
    """A role that ``subject`` has on ``path`` and below: a user, a group, or everybody.

    Subjects are written ``user:ann``, ``group:staff`` and ``everyone``. ``without`` is left out of
    the role's rights.
    """

    path: str
    subject: str
    role: Role
    without: Rights = NO_RIGHTS

    def __post_init__(self) -> None:
        if not is_subject(self.subject):
            raise ValueError(f"not a subject: {self.subject!r}")
        if not self.without <= TAKING_AWAY:
            raise ValueError(f"cannot be left out: {set(self.without - TAKING_AWAY)}")

    @property
    def rights(self) -> Rights:
        """What it gives."""
        return self.role.rights - self.without


class GuestNames(StrEnum):
    """How those who come by a link are asked what they are called."""

    ASK = "ask"  # by the editor, when it opens
    OPTIONAL = "optional"  # not at all; they may say it
    REQUIRED = "required"  # by our page, before anything else


LINK_ROLES = (
    Role.VIEWER,
    Role.COMMENTER,
    Role.REVIEWER,
    Role.FORM_FILLER,
    Role.EDITOR,
    Role.UPLOADER,
)
_NOT_BY_LINK = frozenset({Right.CHAT, Right.PROTECT, Right.SHARE})


@dataclass(frozen=True, slots=True)
class Link:
    """Lets whoever has its address do with ``path`` what ``role`` may, ``without`` some of it.

    It acts for ``made_by``, and never with more rights than that user has. ``label`` is for those
    who share, ``watermark`` is shown over documents.
    """

    id: str
    path: str
    is_folder: bool
    made_by: str
    made: datetime
    role: Role
    without: Rights = NO_RIGHTS
    password_hash: str = ""
    expires: datetime | None = None
    max_downloads: int | None = None
    downloads: int = 0
    label: str = ""
    guest_names: GuestNames = GuestNames.ASK
    watermark: str = ""

    def __post_init__(self) -> None:
        if self.role not in LINK_ROLES:
            raise ValueError(f"not a role for a link: {self.role!r}")
        if not self.without <= TAKING_AWAY:
            raise ValueError(f"cannot be left out: {set(self.without - TAKING_AWAY)}")

    @property
    def rights(self) -> Rights:
        """What it gives."""
        return self.role.rights - self.without - _NOT_BY_LINK

    @property
    def asks_nothing(self) -> bool:
        """Whether it opens to its guests without a password or a name."""
        return not self.password_hash and self.guest_names is not GuestNames.REQUIRED

    @property
    def has_ended(self) -> bool:
        """Whether its time is over."""
        return self.expires is not None and self.expires <= datetime.now(UTC)

    @property
    def downloads_left(self) -> int | None:
        """How often something may still be downloaded; None: as often as one likes."""
        return None if self.max_downloads is None else max(0, self.max_downloads - self.downloads)


EVERYONE = "everyone"
GUEST = "guest:"
"""Begins what locks and sessions know a guest by; no user can have that name."""
MAX_GUEST_NAME = 36


def of_user(name: str) -> str:
    """The subject that is one user."""
    return f"user:{name}"


def of_group(name: str) -> str:
    """The subject that is everybody in a group."""
    return f"group:{name}"


def is_subject(text: str) -> bool:
    """Whether ``text`` is a subject as Grant has them."""
    kind, _, name = text.partition(":")
    return text == EVERYONE or (kind in {"user", "group"} and is_user_name(name))


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who asks. The anonymous one has an empty name.

    Nothing exists for them outside the folder or file ``scope``, and they have at most the rights
    ``ceiling``. Who comes by a ``link`` has the rights of its ``sharer`` in these bounds, and calls
    themselves ``label``; ``guest`` tells one of them from another. ``device`` is the identity of
    the app password that they signed in with; empty for another way.
    """

    name: str
    groups: frozenset[str] = frozenset()
    is_administrator: bool = False
    scope: str = "/"
    ceiling: Rights = ALL_RIGHTS
    link: str = ""
    label: str = ""
    sharer: "Principal | None" = None
    guest: str = ""
    device: str = ""

    def __post_init__(self) -> None:
        if self.name and not is_user_name(self.name):
            raise ValueError(f"not a user name: {self.name!r}")

    @property
    def is_anonymous(self) -> bool:
        """Whether nobody signed in."""
        return not self.name

    @property
    def actor(self) -> str:
        """What locks, sessions and uploads know them by: ``guest:<link>.<guest>:<label>``."""
        if self.name or not self.link:
            return self.name
        return f"{GUEST}{self.link}.{self.guest}:{self.label}"

    @property
    def shown(self) -> str:
        """What others are told that they are called."""
        return called(self.actor)

    def writer(self, origin: Origin, tokens: frozenset[str] = frozenset()) -> Writer:
        """They, as somebody who changes something."""
        host = self.sharer.name if self.sharer else None
        return Writer(self.actor, tokens, self.shown if self.link else "", origin, host)

    @property
    def subjects(self) -> frozenset[str]:
        """The subjects of grants that concern them."""
        own = {of_user(self.name)} if self.name else set()
        return frozenset({EVERYONE, *own, *map(of_group, self.groups)})


def called(actor: str) -> str:
    """How people are told of somebody whom locks and sessions know as ``actor``."""
    if not actor.startswith(GUEST):
        return actor
    name = actor[len(GUEST) :].partition(":")[2] or say("Somebody")
    return say("{name} (guest)", name=name)


def link_of(actor: str) -> str:
    """The id of the link by which a guest came whom locks and sessions know as ``actor``."""
    return actor[len(GUEST) :].partition(".")[0] if actor.startswith(GUEST) else ""


def is_user_name(text: str) -> bool:
    """Whether ``text`` may name a user or a group: 1 to 64 characters, no colon, slash or control.

    Nor a dot segment: a home folder is called like its owner.
    """
    return (
        _USER_NAME.fullmatch(text) is not None and text == text.strip() and text not in {".", ".."}
    )


def is_email(text: str) -> bool:
    """Whether ``text`` can be written to: one address, without a name (RFC 5321, 4.1.2).

    Quoted local parts are left out; nobody has one.
    """
    return len(text) <= 254 and _EMAIL.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Outside:
    """What a source outside of the catalog says about somebody who proved who they are.

    ``subject`` is set where the source may give the name to another person later.
    ``is_administrator`` is None where the source does not say.
    """

    name: str
    groups: frozenset[str] = frozenset()
    is_administrator: bool | None = None
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Quota:
    """Bytes allotted to a folder with all in it (``subject`` is its path), or to a user by name.

    ``limit`` is None where nothing is; ``used`` is what is booked.
    """

    number: int
    subject: str
    limit: int | None
    used: int

    @property
    def left(self) -> int:
        """Bytes that may be added."""
        return _NO_LIMIT if self.limit is None else max(0, self.limit - self.used)


class Scope(StrEnum):
    """How a lock stands to others (RFC 4918, 6.1)."""

    EXCLUSIVE = "exclusive"
    SHARED = "shared"


@dataclass(frozen=True, slots=True)
class Lock:
    """A write lock on ``root`` and, if ``deep``, on everything below it (RFC 4918, 6 and 7).

    ``owner_xml`` is the owner element's content as the client sent it; ``principal`` the name it
    belongs to. ``document_key`` is set for the lock of an editing session.
    """

    token: str
    root: str
    principal: str
    owner_xml: str
    scope: Scope
    deep: bool
    expires: datetime
    document_key: str = ""

    def covers(self, path: str) -> bool:
        """Whether ``path`` is protected by this lock."""
        return path == self.root or (self.deep and paths.is_within(path, self.root))


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that arrives in several requests; ``offset`` of its ``length`` bytes are durable.

    One that comes ``in_parts`` has no length before it is put together. ``metadata`` is what the
    client said about it. ``etag`` is set once it has become the file at ``path``.
    """

    id: str
    owner: str
    name: str
    in_parts: bool
    path: str
    length: int
    offset: int
    metadata: dict[str, str]
    expires: datetime
    etag: str = ""

    @property
    def is_finished(self) -> bool:
        """Whether it has become a file."""
        return bool(self.etag)

    @property
    def is_whole(self) -> bool:
        """Whether every announced byte has arrived."""
        return not self.in_parts and self.offset == self.length


@dataclass(frozen=True, slots=True)
class DocumentKey:
    """Names one version of one file to the Document Server: 1 to 128 of ``[0-9A-Za-z._=-]``.

    Source: ONLYOFFICE Docs API, config/document, "key".
    """

    value: str

    def __post_init__(self) -> None:
        if not _DOCUMENT_KEY.fullmatch(self.value):
            raise ValueError(f"not a document key: {self.value!r}")

    def __str__(self) -> str:
        return self.value


class ChangeKind(StrEnum):
    """What happened to a name."""

    CREATED = "created"  # a folder with everything in it
    CHANGED = "changed"
    DELETED = "deleted"  # a folder with everything in it
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Change:
    """One change made through us; ``number`` grows. ``source`` is where a moved thing was."""

    number: int
    kind: ChangeKind
    path: str
    source: str
    is_folder: bool


@dataclass(frozen=True, slots=True)
class Trashed:
    """Something in the trash: ``path`` is where it was, ``entry`` what it is now.

    ``guard`` is the folder whose grants count for it, where that is now; None if none had any, and
    empty if that folder is gone for good.
    """

    id: str
    path: str
    deleted: datetime
    deleted_by: str
    entry: Entry
    guard: str | None = None

    @property
    def name(self) -> str:
        """The name that it had."""
        return paths.name(self.path)


class SessionState(StrEnum):
    """Where an editing session stands."""

    OPEN = "open"
    CLOSED = "closed"  # nothing was changed since its key was made: the key may be opened again
    RETIRED = "retired"  # its last save is stored: the Document Server never opens its key again
    ENDED = "ended"  # by somebody who may: what it saves after that goes beside, its key is used up


OVER = frozenset({SessionState.RETIRED, SessionState.ENDED})
"""A session in one of these never goes on, and nobody opens its key again."""


@dataclass(frozen=True, slots=True)
class EditSession:
    """People who edit one file together. ``etag`` is the content that the session started from.

    ``server`` is the public address of the Document Server that has it. ``filler`` is who fills a
    form in, in a session of their own; empty for one that is everybody's.
    """

    key: DocumentKey
    resource_id: str
    path: str
    etag: str
    state: SessionState
    lock_token: str
    opened: datetime
    lease_until: datetime
    editors: tuple[str, ...] = field(default=())
    server: str = ""
    filler: str = ""

    @property
    def is_live(self) -> bool:
        """Whether people are in it, or about to be."""
        return self.state is SessionState.OPEN and self.lease_until > datetime.now(UTC)

    @property
    def is_lapsed(self) -> bool:
        """Whether its lease ran out before anything told of its end."""
        return self.state is SessionState.OPEN and not self.is_live


class Action(StrEnum):
    """What a person can do with a file in the browser."""

    EDIT = "edit"
    VIEW = "view"
    EDIT_TEXT = "text"
    CONVERT = "convert"


class Click(StrEnum):
    """What a click on a file's name in the listing does."""

    OPEN = "open"  # the best action there is
    VIEW = "view"  # the editor, for reading
    DOWNLOAD = "download"
    DESKTOP = "desktop"  # a program on the person's own machine


@dataclass(frozen=True, slots=True)
class Offer:
    """How the listing offers a file.

    ``program`` stands before the file's absolute address where a program on the desktop can open
    it, ``microsoft`` is the scheme of Microsoft's one. ``is_lossy`` says that editing drops what
    the format cannot hold, ``is_template`` that a document can be made from it,
    ``becomes_form`` that a PDF form can.
    """

    click: Click = Click.OPEN
    program: str = ""
    microsoft: str = ""
    is_lossy: bool = False
    is_template: bool = False
    becomes_form: bool = False

"""Every failure as a named fact with its HTTP status. Knows no HTTP message, no room.

Facts are raised anywhere and turned into responses at one edge, ``web.errors_as_responses``. The
text of an error is shown to the person who caused it: it says what happened and what to do, in
words.
"""

from collections.abc import Mapping

from davserver.words import Words, say, say_many


class DavserverError(Exception):
    """A failure with the status that tells a client about it.

    ``condition`` names the precondition element for a ``DAV:error`` body (RFC 4918, 16), where
    there is one.
    """

    status = 500
    condition: str | None = None

    def headers(self) -> list[tuple[str, str]]:
        """Response headers that belong to this failure."""
        return []


class BadRequest(DavserverError):
    """The request is not well formed (RFC 9110, 15.5.1)."""

    status = 400


class BodyTooShort(BadRequest):
    """Fewer bytes arrived than the client announced; nothing was stored (RFC 9112, 8)."""

    def __init__(self, received: int, announced: int | None = None) -> None:
        if announced is None:
            message = say(
                "The upload broke off after {received} bytes, before its end. Nothing was changed.",
                received=received,
            )
        else:
            message = say(
                "The upload broke off after {received} bytes, before {announced} bytes. Nothing "
                "was changed.",
                received=received,
                announced=announced,
            )
        super().__init__(message)


class BodyTooSlow(DavserverError):
    """The client sends so slowly that it was given up; nothing was stored (RFC 9110, 15.5.9)."""

    status = 408

    def __init__(self) -> None:
        super().__init__(say("The upload was too slow and was given up. Nothing was changed."))


class SignInNeeded(DavserverError):
    """Nobody is signed in, or what was sent does not prove who it is (RFC 9110, 15.5.2)."""

    status = 401


class Forbidden(DavserverError):
    """The server understood and refuses (RFC 9110, 15.5.4)."""

    status = 403

    def __init__(self, message: str, condition: str | None = None) -> None:
        super().__init__(message)
        self.condition = condition


class NameNotAllowed(Forbidden):
    """A file or folder cannot carry this name."""


class NotFound(DavserverError):
    """Nothing is at this path (RFC 9110, 15.5.5)."""

    status = 404

    def __init__(self, path: str) -> None:
        named = path if isinstance(path, Words) else printable(path)
        super().__init__(say("There is nothing at {path}.", path=named))
        self.path = path


class NoSuchVersion(NotFound):
    """The file has no version of this number."""

    def __init__(self, path: str, number: int) -> None:
        super().__init__(say("version {number} of {path}", number=number, path=printable(path)))


class NoSuchAccount(DavserverError):
    """No user or group has this name."""

    status = 404


class LastAdministrator(Forbidden):
    """Somebody has to be left who can look after users."""

    def __init__(self, name: str) -> None:
        super().__init__(say("{name} is the last administrator.", name=name))


class MethodNotAllowed(DavserverError):
    """The resource exists and does not take this method (RFC 9110, 15.5.6)."""

    status = 405

    def __init__(self, message: str, allow: str) -> None:
        super().__init__(message)
        self.allow = allow

    def headers(self) -> list[tuple[str, str]]:
        return [("Allow", self.allow)]


class Conflict(DavserverError):
    """The state of the folder does not permit the request (RFC 9110, 15.5.10)."""

    status = 409


class StillEdited(Conflict):
    """Something in the trash is open in an editor: the last save is still to come."""

    def __init__(self, name: str) -> None:
        super().__init__(
            say(
                "{name} is still open in an editor; it can be removed once that is over.", name=name
            )
        )


class ParentMissing(Conflict):
    """The folder that should hold the new resource does not exist (RFC 4918, 9.3.1 and 9.7.1)."""

    def __init__(self, path: str) -> None:
        super().__init__(
            say("The folder that should hold {path} does not exist.", path=printable(path))
        )


class Gone(DavserverError):
    """What the link named is no longer there (RFC 9110, 15.5.11)."""

    status = 410


class NoDocumentServer(Gone):
    """What was asked for needs a Document Server."""

    def __init__(self) -> None:
        super().__init__(say("No Document Server is configured here."))


class LinkEnded(DavserverError):
    """The address of a link leads nowhere, or no longer (RFC 9110, 15.5.5)."""

    status = 404

    def __init__(self) -> None:
        super().__init__(
            say("This link leads nowhere, or no longer. Whoever sent it can make a new one.")
        )


class PreconditionFailed(DavserverError):
    """A condition that the client sent does not hold (RFC 9110, 15.5.13)."""

    status = 412


class BodyTooLarge(DavserverError):
    """The body is larger than this server or this route takes (RFC 9110, 15.5.14)."""

    status = 413

    def __init__(self, limit: int) -> None:
        super().__init__(say("At most {limit} bytes are taken here.", limit=limit))


class UploadBusy(DavserverError):
    """Another request is sending bytes of this upload (RFC 4918, 11.3)."""

    status = 423

    def __init__(self) -> None:
        super().__init__(say("Another request is sending to this upload; try again in a moment."))

    def headers(self) -> list[tuple[str, str]]:
        return [("Retry-After", "1")]


class WrongOffset(Conflict):
    """A part does not begin where the upload stands (tus 1.0, PATCH)."""

    def __init__(self, offset: int) -> None:
        super().__init__(
            say("The upload stands at {offset} bytes; go on from there.", offset=offset)
        )
        self.offset = offset

    def headers(self) -> list[tuple[str, str]]:
        return [("Upload-Offset", str(self.offset))]


class ChecksumMismatch(DavserverError):
    """The bytes of a part are not those that were sent; they are dropped (tus 1.0, Checksum)."""

    status = 460

    def __init__(self) -> None:
        super().__init__(say("The bytes that arrived have another checksum; send them again."))


class NameTooLong(DavserverError):
    """A name or path exceeds what the file system takes (RFC 9110, 15.5.15)."""

    status = 414


class UnsupportedMediaType(DavserverError):
    """The body has a type that this method does not take (RFC 9110, 15.5.16).

    ``taken`` are the types that PATCH takes (RFC 5789, 2.2).
    """

    status = 415

    def __init__(self, message: str, taken: str = "") -> None:
        super().__init__(message)
        self.taken = taken

    def headers(self) -> list[tuple[str, str]]:
        return [("Accept-Patch", self.taken)] if self.taken else []


class RangeNotSatisfiable(DavserverError):
    """No requested range overlaps the content (RFC 9110, 15.5.17)."""

    status = 416

    def __init__(self, size: int) -> None:
        super().__init__(
            say("The file has {size} bytes; the requested range lies outside.", size=size)
        )
        self.size = size

    def headers(self) -> list[tuple[str, str]]:
        return [("Content-Range", f"bytes */{self.size}")]


class Unprocessable(DavserverError):
    """The body is well formed and asks for something that is not known here (RFC 9110, 15.5.21)."""

    status = 422


class FileLocked(DavserverError):
    """Somebody holds a lock and its token was not submitted (RFC 4918, 11.3).

    ``path`` is the root of the lock, ``holder`` the words that its owner wants others to see.
    """

    status = 423
    condition = "lock-token-submitted"

    def __init__(self, path: str, holder: str, condition: str | None = None) -> None:
        super().__init__(say("{path} is locked by {holder}.", path=printable(path), holder=holder))
        self.path = path
        self.holder = holder
        self.condition = condition or FileLocked.condition


class MembersRefused(DavserverError):
    """A folder was left untouched because of some of its members (RFC 4918, 9.6.1 and 13).

    ``members`` maps each member's path to the failure that it caused.
    """

    status = 207

    def __init__(self, members: Mapping[str, DavserverError]) -> None:
        first = next(iter(members.values()))
        reason, more = str(first), len(members) - 1
        message = say("Nothing was changed. {reason}", reason=reason)
        if more:
            message = say_many(
                "Nothing was changed. {reason} And {count} more.",
                "Nothing was changed. {reason} And {count} more.",
                more,
                reason=reason,
            )
        super().__init__(message)
        self.members = members


class TooManyAttempts(DavserverError):
    """Sign-in is slowed down after failures (RFC 6585, 4); ``seconds`` until the next try."""

    status = 429

    def __init__(self, seconds: int) -> None:
        super().__init__(
            say_many(
                "Too many failed sign-ins. Try again in {count} second.",
                "Too many failed sign-ins. Try again in {count} seconds.",
                seconds,
            )
        )
        self.seconds = seconds

    def headers(self) -> list[tuple[str, str]]:
        return [("Retry-After", str(self.seconds))]


class TooManyNotices(DavserverError):
    """Somebody mentioned more people within an hour than is good for them (RFC 6585, 4)."""

    status = 429

    def __init__(self) -> None:
        super().__init__(say("You mentioned many people within an hour. Try again later."))


class BadGateway(DavserverError):
    """Another server is named where only this one can serve (RFC 4918, 9.8.5)."""

    status = 502


class Unavailable(DavserverError):
    """A passing fault of ours: the same request may succeed later (RFC 9110, 15.6.4)."""

    status = 503

    def headers(self) -> list[tuple[str, str]]:
        return [("Retry-After", "2")]


class StorageFull(DavserverError):
    """No space or quota is left on the disk (RFC 4918, 11.5)."""

    status = 507
    condition = "sufficient-disk-space"

    def __init__(self) -> None:
        super().__init__(say("The disk of the server is full. Nothing was changed."))


class QuotaExceeded(DavserverError):
    """More would be kept than is allotted (RFC 4331, 6)."""

    status = 507
    condition = "quota-not-exceeded"


class SettingsWrong(DavserverError):
    """A setting is unknown, malformed or contradicts another; the message names it and the cure."""


def printable(path: str) -> str:
    """``path`` as a person may read it; bytes that are not UTF-8 become U+FFFD."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")

"""What every method gets: the request, its conditions, its writer, and the share."""

from functools import cached_property

from davserver.dav.conditions import Conditions
from davserver.errors import BadRequest
from davserver.model import Origin, Right, Writer
from davserver.providers.share import Share
from davserver.providers.stores import Place
from davserver.web import Request


class DavRequest:
    """A request to the folder."""

    def __init__(self, request: Request, share: Share) -> None:
        self.request = request
        self.share = share
        if request.method != "OPTIONS":
            # An address that names nothing here is refused before anything else is looked at, and
            # a condition that cannot be read whatever the method would make of it.
            request.path = share.files.as_stored(request.path)
            _ = self.conditions

    @classmethod
    def about(cls, path: str, request: Request, share: Share) -> "DavRequest":
        """The request as one about the file at ``path``: its conditions and tokens mean that.

        For requests whose own address is that of an upload.
        """
        request.path = path
        return cls(request, share)

    @cached_property
    def conditions(self) -> Conditions:
        """The request's conditions. Raises BadRequest for a header that is malformed."""
        return Conditions(self.request, self._state_of)

    @cached_property
    def place(self) -> Place:
        """Where the request's path is read: the folder itself, or a view."""
        return self.place_of(self.request.path)

    def place_of(self, path: str) -> Place:
        """Where another path is read, as far as who asks may see it."""
        return self.share.access.seen_by(self.request.principal, self.share.places.at(path))

    @cached_property
    def sync_instance(self) -> str:
        """What a sync token is good for: this installation, seen as who asks may see it now.

        Whose rights change begins again, and is told of what came into sight or went out of it.
        """
        sight = self.share.access.sight(self.request.principal)
        return self.share.catalog.instance_id() + sight

    def check(self, *needed: Right) -> None:
        """Raise unless who asks has these rights on what the request is about.

        Raises NotFound, SignInNeeded, Forbidden.
        """
        levels = self.place.levels(self.request.path)
        self.share.access.check_levels(self.request.principal, levels, *needed)

    def check_writing(self, path: str) -> None:
        """Raise unless who asks may write the file at ``path``, there or new."""
        there = self.share.files.find(path) is not None
        right = Right.EDIT if there else Right.CREATE
        self.share.access.check(self.request.principal, path, right)

    @cached_property
    def writer(self) -> Writer:
        """Who writes, with the lock tokens that the request submits."""
        by_browser = bool(self.request.header("Sec-Fetch-Mode"))
        origin = Origin.BROWSER if by_browser else Origin.DAV
        return self.request.principal.writer(origin, self.conditions.tokens)

    @cached_property
    def _preferences(self) -> frozenset[str]:
        """The preferences as ``name`` or ``name=value``, in lower case (RFC 7240, 2)."""
        parts = self.request.header("Prefer").lower().replace('"', "").split(",")
        pairs = (part.partition(";")[0].partition("=") for part in parts)
        return frozenset(
            f"{name.strip()}={value.strip()}" if value.strip() else name.strip()
            for name, _, value in pairs
        )

    def prefers(self, preference: str) -> bool:
        """Whether the client asks for ``preference``, like ``return=minimal`` (RFC 8144)."""
        return preference in self._preferences

    def depth(self, default: str, *allowed: str) -> str:
        """The Depth header in lower case (RFC 4918, 10.2). Raises BadRequest for others."""
        value = self.request.header("Depth").strip().lower() or default
        if value not in allowed:
            raise BadRequest(f"Depth must be {' or '.join(allowed)} here.")
        return value

    def _state_of(self, path: str) -> tuple[str, frozenset[str]]:
        path = self.share.files.as_stored(path)
        entry = self.place_of(path).find(path)
        tokens = frozenset(lock.token for lock in self.share.locks.on(path))
        return entry.etag if entry else "", tokens

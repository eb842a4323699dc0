"""Conditional requests: If-Match and its kin (RFC 9110, 13), If with tokens (RFC 4918, 10.4)."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

from davserver.dav.destination import path_of_url
from davserver.dav.if_header import ENTITY_TAG, StateCondition, parse_if, submitted_tokens
from davserver.errors import BadRequest, DavserverError, PreconditionFailed
from davserver.model import Entry
from davserver.web import Request

# RFC 9110, 5.6.1: a list may have empty elements, and those are not counted.
_ETAGS = re.compile(rf"[ \t,]*(?:{ENTITY_TAG}[ \t]*(?:,[ \t,]*|$))*")
_ETAG = re.compile(ENTITY_TAG)
# RFC 9110, 5.6.7: the form in use, and the two obsolete ones that have to be understood.
_DATES = ("%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

State = tuple[str, frozenset[str]]
StateLookup = Callable[[str], State]
"""Tells a path's present ETag, empty if none, and the tokens of the locks that cover it."""


class Conditions:
    """The conditions of one request, parsed once and asked as often as needed."""

    def __init__(self, request: Request, lookup: StateLookup) -> None:
        self._request = request
        self._lookup = lookup
        self._lists = parse_if(request.header("If")) if request.has_header("If") else []
        self._match = _etags(request, "If-Match")
        self._none_match = _etags(request, "If-None-Match")

    @property
    def tokens(self) -> frozenset[str]:
        """The lock tokens that the request submits."""
        return submitted_tokens(self._lists)

    def hold(self, entry: Entry | None) -> None:
        """Raise PreconditionFailed unless every condition for changing ``entry`` holds."""
        self._check_match(entry)
        if self._none_match is not None and _any_matches(self._none_match, entry, strong=False):
            raise PreconditionFailed("The resource is there already, or has this state already.")
        self.check_if()

    def not_modified(self, entry: Entry) -> bool:
        """For GET and HEAD: whether 304 is the answer. Raises PreconditionFailed."""
        self._check_match(entry)
        self.check_if()
        if self._none_match is not None:
            return _any_matches(self._none_match, entry, strong=False)
        since = _date(self._request.header("If-Modified-Since"))
        return since is not None and _seconds(entry) <= since

    def check_if(self) -> None:
        """Raise PreconditionFailed unless a list of the If header holds."""
        states: dict[str, State] = {}
        for one in self._lists:
            if one.resource not in states:
                states[one.resource] = self._state_of(one.resource)
            if all(_holds(condition, states[one.resource]) for condition in one.conditions):
                return
        if self._lists:
            raise PreconditionFailed("None of the conditions in the If header holds.")

    def _check_match(self, entry: Entry | None) -> None:
        if self._match is not None:
            if not _any_matches(self._match, entry, strong=True):
                raise PreconditionFailed("The resource has changed since you read it.")
            return
        since = _date(self._request.header("If-Unmodified-Since"))
        if since is not None and entry is not None and _seconds(entry) > since:
            raise PreconditionFailed("The resource has changed since that time.")

    def _state_of(self, resource: str) -> State:
        try:
            path = path_of_url(self._request, resource) if resource else self._request.path
        except DavserverError:
            # On another server, or nothing that could exist here: nothing is known about it.
            return "", frozenset()
        return self._lookup(path)


def _holds(condition: StateCondition, state: State) -> bool:
    """Tags are compared weakly, which RFC 4918, 10.4.4 permits: a proxy may have weakened ours."""
    etag, tokens = state
    if condition.token:
        return (condition.token in tokens) is not condition.negated
    return (bool(etag) and condition.etag.removeprefix("W/") == etag) is not condition.negated


def if_range_holds(request: Request, entry: Entry) -> bool:
    """Whether a Range applies: no If-Range, or one that names this state (RFC 9110, 13.1.5)."""
    value = request.header("If-Range").strip()
    if not value:
        return True
    if value.startswith(('"', "W/")):
        return value == entry.etag
    since = _date(value)
    return since is not None and _seconds(entry) == since


def _etags(request: Request, name: str) -> list[str] | None:
    """The entity tags of a header, ["*"], or None if it was not sent. Raises BadRequest."""
    if not request.has_header(name):
        return None
    value = request.header(name).strip(" \t")
    if value == "*":
        return ["*"]
    if not _ETAGS.fullmatch(value):
        raise BadRequest(f"{name} is not a list of entity tags (RFC 9110, 8.8.3).")
    return _ETAG.findall(value)


def _any_matches(tags: list[str], entry: Entry | None, *, strong: bool) -> bool:
    """RFC 9110, 8.8.3.2: a weak tag never matches strongly; weakly, only the opaque part counts."""
    if entry is None:
        return False
    if tags == ["*"]:
        return True
    if not entry.etag:
        return False
    return any((tag if strong else tag.removeprefix("W/")) == entry.etag for tag in tags)


def _date(text: str) -> int | None:
    """An HTTP date in seconds; None for one that is not valid, which has to be ignored."""
    for form in _DATES if text else ():
        try:
            moment = datetime.strptime(text.strip(), form)
        except ValueError:
            continue
        return int((moment.replace(tzinfo=UTC) - _EPOCH).total_seconds())
    return None


def _seconds(entry: Entry) -> int:
    return entry.modified_ns // 1_000_000_000

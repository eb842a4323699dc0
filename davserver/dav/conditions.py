"""Conditional requests: If-Match and its kin (RFC 9110, 13), If with tokens (RFC 4918, 10.4)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from davserver.dav.destination import path_of_url
from davserver.errors import BadRequest, DavserverError, PreconditionFailed
from davserver.model import Entry
from davserver.web import Request

_ETAGS = re.compile(r'\s*(?:,\s*)*((?:W/)?"[\x21\x23-\x7e\x80-\xff]*")\s*(?=,|$)')
_IF_PART = re.compile(
    r"\s*(?:(?P<open>\()|(?P<close>\))|(?P<negated>Not\b)|<(?P<uri>[^<>]+)>"
    r'|\[(?P<etag>(?:W/)?"[^"]*")\])',
    re.IGNORECASE,
)
MAX_IF_PARTS = 500


@dataclass(frozen=True, slots=True)
class StateCondition:
    """One condition of an If list: a lock token or an ETag, that must hold or must not."""

    token: str
    etag: str
    negated: bool


@dataclass(frozen=True, slots=True)
class StateList:
    """Conditions that must all hold, about ``resource`` (a URL; empty: the request's own)."""

    resource: str
    conditions: tuple[StateCondition, ...]


StateLookup = Callable[[str], tuple[str, frozenset[str]]]
"""Tells a path's present ETag, empty if none, and the tokens of the locks that cover it."""


def parse_if(text: str) -> list[StateList]:
    """The lists of an If header. Raises BadRequest for anything that is not one."""
    lists: list[StateList] = []
    conditions: list[StateCondition] | None = None
    resource = ""
    negated = False
    position = count = 0
    text = text.strip()
    while position < len(text):
        part = _IF_PART.match(text, position)
        count += 1
        if part is None or count > MAX_IF_PARTS:
            raise BadRequest("The If header is not well formed (RFC 4918, 10.4.2).")
        position = part.end()
        if conditions is None:
            if part["open"]:
                conditions = []
            elif part["uri"]:
                resource = part["uri"]
                continue
            else:
                raise BadRequest("The If header has a condition outside of a list.")
        elif part["negated"] and not negated:
            negated = True
        elif part["uri"] or part["etag"]:
            conditions.append(StateCondition(part["uri"] or "", part["etag"] or "", negated))
            negated = False
        elif part["close"] and conditions and not negated:
            lists.append(StateList(resource, tuple(conditions)))
            conditions = None
        else:
            raise BadRequest("The If header has a list that is not well formed.")
    if conditions is not None or not lists:
        raise BadRequest("The If header ends within a list.")
    return lists


def submitted_tokens(lists: list[StateList]) -> frozenset[str]:
    """Every lock token in an If header: being there submits it (RFC 4918, 10.4.1)."""
    return frozenset(one.token for group in lists for one in group.conditions if one.token)


class Conditions:
    """The conditions of one request, parsed once and asked as often as needed."""

    def __init__(self, request: Request, lookup: StateLookup) -> None:
        self._request = request
        self._lookup = lookup
        header = request.header("If")
        self._lists = parse_if(header) if header else []
        self._match = _etags(request.header("If-Match"))
        self._none_match = _etags(request.header("If-None-Match"))

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
        if self._lists and not any(self._list_holds(one) for one in self._lists):
            raise PreconditionFailed("None of the conditions in the If header holds.")

    def _check_match(self, entry: Entry | None) -> None:
        if self._match is not None:
            if not _any_matches(self._match, entry, strong=True):
                raise PreconditionFailed("The resource has changed since you read it.")
            return
        since = _date(self._request.header("If-Unmodified-Since"))
        if since is not None and entry is not None and _seconds(entry) > since:
            raise PreconditionFailed("The resource has changed since that time.")

    def _list_holds(self, one: StateList) -> bool:
        try:
            path = path_of_url(self._request, one.resource) if one.resource else self._request.path
        except DavserverError:
            # A resource of another server, or none that could exist here: nothing holds about it.
            etag, tokens = "", frozenset[str]()
        else:
            etag, tokens = self._lookup(path)
        return all(
            ((one.token in tokens) if one.token else (bool(etag) and one.etag == etag))
            is not one.negated
            for one in one.conditions
        )


def if_range_holds(request: Request, entry: Entry) -> bool:
    """Whether a Range applies: no If-Range, or one that names this state (RFC 9110, 13.1.5)."""
    value = request.header("If-Range").strip()
    if not value:
        return True
    if value.startswith(('"', "W/")):
        return value == entry.etag
    since = _date(value)
    return since is not None and _seconds(entry) == since


def _etags(header: str) -> list[str] | None:
    """The entity tags of a header, ["*"], or None if it was not sent. Raises BadRequest."""
    header = header.strip()
    if not header:
        return None
    if header == "*":
        return ["*"]
    found, position = [], 0
    while position < len(header):
        part = _ETAGS.match(header, position)
        if part is None:
            raise BadRequest("An entity tag is not well formed (RFC 9110, 8.8.3).")
        found.append(part[1])
        position = part.end()
    return found


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
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())


def _seconds(entry: Entry) -> int:
    return entry.modified_ns // 1_000_000_000

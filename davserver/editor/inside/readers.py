"""GET /-/api/people: who can be mentioned in a document or restricted in it; their pictures."""

import base64
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from html import escape
from json import dumps
from typing import Any

from davserver.errors import BadRequest
from davserver.model import Principal, Right, called
from davserver.providers.access import Access
from davserver.web import Request, Response, json, whole_number
from davserver.words import say

MAX_SHOWN = 100
MAX_IDS = 200
_OPERATIONS = frozenset({"mention", "protect", "info"})
# Their initials are white on these: at least 4.5:1 (WCAG 2.2, 1.4.3).
_COLOURS = ("#2461d0", "#14703f", "#8a3ab9", "#a8481b", "#b42532", "#0e6b78", "#5a5f00", "#7a4d00")
_NOWHERE = "davserver.invalid"
"""Addresses here reach nobody (RFC 2606, 2): the editor names people by an address alone."""


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who has a name here. ``email`` may be empty."""

    principal: Principal
    email: str

    @property
    def name(self) -> str:
        """What they are called."""
        return self.principal.name

    @property
    def address(self) -> str:
        """What the editor calls them by in a mention; made up for who gave no address."""
        if self.email:
            return self.email
        return f"user-{hashlib.sha256(self.name.encode()).hexdigest()[:20]}@{_NOWHERE}"


class Readers:
    """Who can read a document is told to those who can, if they have a name here themselves."""

    def __init__(self, access: Access, everybody: Callable[[], Iterable[Member]]) -> None:
        self._access = access
        self._everybody = everybody

    def of(self, path: str) -> list[Member]:
        """The users who may read what is at ``path``, by name."""
        return [
            one
            for one in self._everybody()
            if Right.READ in self._access.rights(one.principal, path)
        ]

    def __call__(self, request: Request) -> Response:
        """The argument of setUsers (Docs API, "onRequestUsers"), a page of it for long lists.

        ``path`` is the document, ``c`` what for, ``from`` and ``count`` the page, ``search`` a part
        of a name or address, ``ids`` (a line each) those whose picture is wanted. Guests are told
        of nobody.
        """
        operation = request.query.get("c", "")
        if operation not in _OPERATIONS:
            raise BadRequest("c is mention, protect or info.")
        path = request.resource(request.query.get("path", ""))
        self._access.check(request.principal, path, Right.READ)
        if operation == "protect" and request.principal.name:
            self._access.check(request.principal, path, Right.PROTECT)
        members = self.of(path) if request.principal.name else []
        if operation == "info":
            ids = request.query.get("ids", "").split("\n")[:MAX_IDS]
            return json(dumps({"c": "info", "users": list(_pictures(ids, members))}))
        wanted = request.query.get("search", "").casefold()
        found = [
            one
            for one in members
            if one.name != request.principal.name
            and (wanted in one.name.casefold() or wanted in one.email.casefold())
        ]
        first, count = _number(request, "from", 0), _number(request, "count", MAX_SHOWN)
        told = {
            "c": operation,
            "users": [_told(one) for one in found[first : first + min(count, MAX_SHOWN)]],
            "total": len(found),
            "isPaginated": True,
        }
        return json(dumps(told))


def _told(member: Member) -> dict[str, str]:
    name = member.name
    return {"id": name, "name": name, "email": member.address, "image": picture(name)}


def _pictures(ids: Iterable[str], members: Iterable[Member]) -> Iterable[dict[str, Any]]:
    """For those who can be known: readers, and the guests whose names the session shows anyway."""
    names = {one.name for one in members}
    for one in ids:
        if one in names or called(one) != one:
            yield {"id": one, "name": called(one), "image": picture(called(one))}


def picture(name: str) -> str:
    """The initials of ``name`` on a colour of its own, as a data URL of an SVG."""
    words = [word for word in name.replace(".", " ").replace("-", " ").split() if word[0].isalnum()]
    initials = "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "?"
    colour = _COLOURS[hashlib.sha256(name.encode()).digest()[0] % len(_COLOURS)]
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64" viewBox="0 0 64 64">'
        f'<rect width="64" height="64" fill="{colour}"/><text x="32" y="33" fill="#fff" '
        'font-family="sans-serif" font-size="28" text-anchor="middle" '
        f'dominant-baseline="central">{escape(initials)}</text></svg>'
    )
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def _number(request: Request, name: str, default: int) -> int:
    number = whole_number(request.query.get(name) or str(default), digits=6)
    if number is None:
        raise BadRequest(say("{name} is a number.", name=name))
    return number

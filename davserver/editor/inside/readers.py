"""GET /-/api/people: who can be mentioned in a document or restricted in it; their pictures."""

import hashlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from json import dumps

from davserver.errors import BadRequest
from davserver.initials import data_url, initials
from davserver.model import Principal, Right, called
from davserver.providers.access import Access
from davserver.providers.pictures import PICTURE_TYPE, Pictures
from davserver.web import Request, Response, json, whole_number
from davserver.words import say

MAX_SHOWN = 100
MAX_IDS = 200
_OPERATIONS = frozenset({"mention", "protect", "info"})
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
    """Who can read a document is told to those who can, if they have a name here themselves.

    ``everybody`` is asked at each request, and may be thousands.
    """

    def __init__(
        self, access: Access, pictures: Pictures, everybody: Callable[[], Iterable[Member]]
    ) -> None:
        self._access = access
        self._pictures = pictures
        self._everybody = everybody

    def of(self, path: str, wanted: Callable[[Member], bool] = lambda _: True) -> list[Member]:
        """The users who may read what is at ``path``, by name; of those who are ``wanted``."""
        members = {one.name: one for one in self._everybody() if wanted(one)}
        principals = (one.principal for one in members.values())
        return [
            members[reader.name] for reader in self._access.holders(principals, path, Right.READ)
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
        if operation == "info":
            ids = request.query.get("ids", "").split("\n")[:MAX_IDS]
            return json(dumps({"c": "info", "users": self._known(request, path, ids)}))
        found = self._found(request, path)
        first, count = _number(request, "from", 0), _number(request, "count", MAX_SHOWN)
        page = found[first : first + min(count, MAX_SHOWN)]
        images = self._images([one.name for one in page])
        told = {
            "c": operation,
            "users": [_told(one, images[one.name]) for one in page],
            "total": len(found),
            "isPaginated": True,
        }
        return json(dumps(told))

    def _found(self, request: Request, path: str) -> list[Member]:
        """The other readers whom a search is about."""
        if not request.principal.name:
            return []
        own, wanted = request.principal.name, request.query.get("search", "").casefold()
        return self.of(
            path,
            lambda one: (
                one.name != own
                and (wanted in one.name.casefold() or wanted in one.email.casefold())
            ),
        )

    def _known(self, request: Request, path: str, ids: list[str]) -> list[dict[str, str]]:
        """Of ``ids`` who can be known: readers, and the guests whose names the session shows."""
        readers: set[str] = set()
        if request.principal.name:
            asked = frozenset(ids)
            readers = {one.name for one in self.of(path, lambda one: one.name in asked)}
        images = self._images(readers)
        return [
            {"id": one, "name": called(one), "image": images.get(one) or initials(called(one))}
            for one in ids
            if one in readers or called(one) != one
        ]

    def _images(self, names: Collection[str]) -> dict[str, str]:
        """The picture of each user, or their initials, as a data URL."""
        given = self._pictures.of(names)
        return {
            name: data_url(PICTURE_TYPE, given[name]) if name in given else initials(name)
            for name in names
        }


def _told(member: Member, image: str) -> dict[str, str]:
    return {"id": member.name, "name": member.name, "email": member.address, "image": image}


def _number(request: Request, name: str, default: int) -> int:
    number = whole_number(request.query.get(name) or str(default), digits=6)
    if number is None:
        raise BadRequest(say("{name} is a number.", name=name))
    return number

"""The If header as it is written (RFC 4918, 10.4.2): its grammar, and the values it is made of.

Knows no request and no resource; ``conditions`` asks whether the lists hold.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from davserver.errors import BadRequest

ENTITY_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
"""RFC 9110, 8.8.3: anything but a quote may stand between the quotes, brackets included."""

MAX_LISTS = 100
"""Each may name another resource, which somebody has to look at then."""

# An absolute URI (RFC 3986, 4.3) is a state token or a resource tag, a path only the latter.
_URL = r"(?:[A-Za-z][A-Za-z0-9+.-]*:|/)[\x21\x23-\x3b\x3d\x3f-\x7e\x80-\xff]*"
_PART = re.compile(
    rf"""[ \t]* (?:
        (?P<mark>[()])
      | (?P<negation>(?i:not))
      | < [ \t]* (?P<url>{_URL}) [ \t]* >
      | \[ [ \t]* (?P<etag>{ENTITY_TAG}) [ \t]* \]
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class StateCondition:
    """One condition of a list: a state token or an entity tag, that must hold or must not."""

    token: str
    etag: str
    negated: bool


@dataclass(frozen=True, slots=True)
class StateList:
    """Conditions that must all hold, about ``resource`` (a URL; empty: the request's own)."""

    resource: str
    conditions: tuple[StateCondition, ...]


def parse_if(text: str) -> list[StateList]:
    """The lists of an If header. Raises BadRequest for anything that is not one."""
    lists: list[StateList] = []
    resource, complete = "", False
    parts = _parts(text)
    for part in parts:
        if part["mark"] == "(":
            lists.append(StateList(resource, _conditions(parts)))
            complete = True
        elif part["url"] and complete is bool(resource):
            # At the beginning, or after a list that has a tag of its own.
            resource, complete = part["url"], False
        else:
            raise BadRequest("The If header has a condition or a resource in the wrong place.")
        if len(lists) > MAX_LISTS:
            raise BadRequest(f"The If header has more than {MAX_LISTS} lists.")
    if not complete:
        raise BadRequest("The If header ends where a list should be.")
    return lists


def submitted_tokens(lists: list[StateList]) -> frozenset[str]:
    """Every state token in an If header: being there submits it (RFC 4918, 10.4.1)."""
    return frozenset(one.token for group in lists for one in group.conditions if one.token)


def _conditions(parts: Iterator[re.Match[str]]) -> tuple[StateCondition, ...]:
    """What stands in a list, up to the bracket that ends it."""
    found: list[StateCondition] = []
    negated = False
    for part in parts:
        if part["negation"] and not negated:
            negated = True
        elif part["etag"] or (part["url"] and not part["url"].startswith("/")):
            found.append(StateCondition(part["url"] or "", part["etag"] or "", negated))
            negated = False
        elif part["mark"] == ")" and found and not negated:
            return tuple(found)
        else:
            raise BadRequest("The If header has a list that is not well formed.")
    raise BadRequest("The If header ends within a list.")


def _parts(text: str) -> Iterator[re.Match[str]]:
    position, text = 0, text.strip(" \t")
    while position < len(text):
        part = _PART.match(text, position)
        if part is None:
            raise BadRequest("The If header is not well formed (RFC 4918, 10.4.2).")
        position = part.end()
        yield part

"""What is said to people: English text that remembers its message, so that it can be said again.

``say`` makes it wherever something is told; the edge (``web``, ``pages``) says it in the reader's
language (``translations``). Logs, commands and DAV bodies take it as the string that it is.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

_PLACE = re.compile(r"\{(\w+)\}")


class Words(str):
    """English text, made from ``message`` and ``values``; of a plural form, ``many`` is the other.

    ``str()`` of it and of an exception that has it as its only argument stays Words; what is made
    with it (f-strings, ``+``) is plain text, which nobody can translate any more.
    """

    message: str
    many: str
    number: int
    values: Mapping[str, object]

    def __new__(
        cls, message: str, values: Mapping[str, object], many: str = "", count: int = 1
    ) -> "Words":
        english = message if count == 1 or not many else many
        words = super().__new__(cls, filled(english, values, _in_english))
        words.message, words.many, words.number, words.values = message, many, count, values
        return words

    def __str__(self) -> str:
        return self

    def __getnewargs__(self) -> tuple[Any, ...]:
        """For copies, as ``dataclasses.asdict`` makes them, and for pickle."""
        return self.message, self.values, self.many, self.number

    def changed(self, change: Callable[[str], str]) -> "Words":
        """The same with every value that is text changed, also in a list."""
        values = {name: _changed(value, change) for name, value in self.values.items()}
        return Words(self.message, values, self.many, self.number)


def say(message: str, /, **values: object) -> Words:
    """``message`` with the ``{name}`` of each value in it. ``make words`` finds the literal here.

    A value may be Words itself; of a list or tuple, each value may, and they come with commas. A
    float is written with one decimal, as the language does.
    """
    return Words(message, values)


def say_many(one: str, many: str, count: int, /, **values: object) -> Words:
    """``one`` or ``many``, as ``count`` is; ``{count}`` stands for it in both."""
    return Words(one, {"count": count, **values}, many, count)


def filled(
    message: str, values: Mapping[str, object], written: Callable[[object], str] = str
) -> str:
    """``message`` with its values; a name in braces that has none stays, also in a translation."""
    if not values:
        return message
    return _PLACE.sub(
        lambda found: written(values[found[1]]) if found[1] in values else found[0], message
    )


def _changed(value: object, change: Callable[[str], str]) -> object:
    if isinstance(value, (list, tuple)):
        return [_changed(one, change) for one in value]
    return change(value) if isinstance(value, str) else value


def _in_english(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_in_english, value))
    return f"{value:,.1f}" if isinstance(value, float) else str(value)

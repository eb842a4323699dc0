"""Answers of the catalog, remembered until anything in it changes: right in every process."""

from collections.abc import Callable
from typing import Generic, TypeVar

from davserver.providers.catalog import Catalog

_AT_MOST = 4096
_T = TypeVar("_T")


class Remembered(Generic[_T]):
    """Answers by key, for questions that every request asks. Safe for threads."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._answers: dict[str, tuple[int, _T]] = {}

    def get(self, key: str, ask: Callable[[str], _T]) -> _T:
        """What ``ask(key)`` answers now; it is only called if the catalog changed since."""
        # Looked at before asking: what changes in between is asked again next time. Each answer has
        # its own mark, so that a thread which was slow leaves no old answer under a new one.
        mark = self._catalog.changes()
        found = self._answers.get(key)
        if found is not None and found[0] == mark:
            return found[1]
        answer = ask(key)
        if len(self._answers) >= _AT_MOST:
            self._answers.clear()
        self._answers[key] = (mark, answer)
        return answer

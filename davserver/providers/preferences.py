"""How people want to work, in the catalog: new documents, clicks, the editor's look."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from json import dumps, loads
from typing import Any

from sqlalchemy import bindparam, delete, insert, select

from davserver.model import Principal
from davserver.providers.catalog import Catalog
from davserver.providers.remembered import Remembered
from davserver.providers.tables import preferences

_FIND = select(preferences).where(preferences.c.user_name == bindparam("name"))
_AS_JSON = ("clicks", "look")


@dataclass(frozen=True, slots=True)
class Preferences:
    """Each empty where somebody has no wish: a language like "de-DE", "a4" or "letter", "ooxml" or
    "odf", documents in the "same" or a new "tab"; ``pages_language`` is one of our own pages.

    ``clicks`` has what a click does (``model.Click``) by the kind of a file, as
    ``media.symbol_of`` calls it; ``look`` what the editor is like, by the keys of ``wishes``.
    """

    language: str = ""
    paper: str = ""
    family: str = ""
    open_in: str = ""
    clicks: Mapping[str, str] = field(default_factory=dict)
    look: Mapping[str, Any] = field(default_factory=dict)
    pages_language: str = ""


_NO_WISH = Preferences()


class PreferenceRows:
    """The table of preferences."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._remembered: Remembered[Preferences] = Remembered(catalog)

    def of(self, name: str) -> Preferences:
        """Those of the user called ``name``."""
        return self._remembered.get(name, self._find)

    def of_principal(self, who: Principal) -> Preferences:
        """Those of who asks; who comes by a link, or without a name, has none."""
        return _NO_WISH if who.link or not who.name else self.of(who.name)

    def keep(self, name: str, wanted: Preferences) -> None:
        """Make these the preferences of the user, who has a row among the users."""
        with self._catalog.writing() as connection:
            connection.execute(delete(preferences).where(preferences.c.user_name == name))
            if wanted != _NO_WISH:
                values = asdict(wanted)
                values |= {column: dumps(values[column]) for column in _AS_JSON}
                connection.execute(insert(preferences).values(user_name=name, **values))

    def _find(self, name: str) -> Preferences:
        with self._catalog.reading() as connection:
            row = connection.execute(_FIND, {"name": name}).one_or_none()
        if row is None:
            return _NO_WISH
        return Preferences(
            row.language,
            row.paper,
            row.family,
            row.open_in,
            loads(row.clicks),
            loads(row.look),
            row.pages_language,
        )

"""What people want new documents to be like, in the catalog."""

from dataclasses import asdict, dataclass

from sqlalchemy import bindparam, delete, insert, select

from davserver.providers.catalog import Catalog
from davserver.providers.tables import preferences

_FIND = select(preferences).where(preferences.c.user_name == bindparam("name"))


@dataclass(frozen=True, slots=True)
class Preferences:
    """Each empty where somebody has no wish: a language like "de-DE", "a4" or "letter", "ooxml" or
    "odf".
    """

    language: str = ""
    paper: str = ""
    family: str = ""


class PreferenceRows:
    """The table of preferences."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def of(self, name: str) -> Preferences:
        """Those of the user called ``name``."""
        with self._catalog.reading() as connection:
            row = connection.execute(_FIND, {"name": name}).one_or_none()
        return Preferences(row.language, row.paper, row.family) if row else Preferences()

    def keep(self, name: str, wanted: Preferences) -> None:
        """Make these the preferences of the user, who has a row among the users."""
        with self._catalog.writing() as connection:
            connection.execute(delete(preferences).where(preferences.c.user_name == name))
            if wanted != Preferences():
                connection.execute(insert(preferences).values(user_name=name, **asdict(wanted)))

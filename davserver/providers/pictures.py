"""Pictures of people, in the catalog. Stores bytes; ``accounts.portraits`` makes them."""

import hashlib
from collections.abc import Collection

from sqlalchemy import bindparam, delete, insert, select

from davserver.providers.catalog import Catalog
from davserver.providers.remembered import Remembered
from davserver.providers.tables import pictures

MAX_BYTES = 64 << 10
PICTURE_TYPE = "image/jpeg"
"""The media type of every picture that is kept."""
_ALL = select(pictures.c.user_name, pictures.c.sha256)
_CONTENT = select(pictures.c.content).where(pictures.c.sha256 == bindparam("sha256")).limit(1)


class Pictures:
    """The table of pictures."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._hashes: Remembered[dict[str, str]] = Remembered(catalog)

    def hash_of(self, name: str) -> str:
        """The SHA-256 of a user's picture, in hex; empty for who has none."""
        return self._hashes.get("", lambda _: self._all()).get(name, "")

    def content(self, sha256: str) -> bytes | None:
        """The picture with this hash, if somebody has it."""
        with self._catalog.reading() as connection:
            content: bytes | None = connection.scalar(_CONTENT, {"sha256": sha256})
        return content

    def of(self, names: Collection[str]) -> dict[str, bytes]:
        """The pictures of those who have one, by name."""
        have = [name for name in names if self.hash_of(name)]
        if not have:
            return {}
        sought = select(pictures.c.user_name, pictures.c.content)
        with self._catalog.reading() as connection:
            rows = connection.execute(sought.where(pictures.c.user_name.in_(have)))
            return {row.user_name: row.content for row in rows}

    def keep(self, name: str, content: bytes) -> None:
        """Make this the picture of the user, who has a row among the users."""
        if len(content) > MAX_BYTES:
            raise ValueError(f"a picture is kept with at most {MAX_BYTES} bytes")
        sha256 = hashlib.sha256(content).hexdigest()
        with self._catalog.writing() as connection:
            connection.execute(delete(pictures).where(pictures.c.user_name == name))
            connection.execute(
                insert(pictures).values(user_name=name, sha256=sha256, content=content)
            )

    def remove(self, name: str) -> None:
        """Take a user's picture away, if there is one."""
        with self._catalog.writing() as connection:
            connection.execute(delete(pictures).where(pictures.c.user_name == name))

    def _all(self) -> dict[str, str]:
        with self._catalog.reading() as connection:
            return {row.user_name: row.sha256 for row in connection.execute(_ALL)}

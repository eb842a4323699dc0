"""Users and failed sign-ins in the catalog. Stores hashes; knows no password."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select, update

from davserver.providers.catalog import Catalog
from davserver.providers.tables import sign_in_failures, sign_ins, users


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may sign in. ``password_hash`` is argon2id in its encoded form."""

    name: str
    password_hash: str
    is_administrator: bool


class Users:
    """The table of users."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def find(self, name: str) -> User | None:
        """The user called ``name``."""
        with self._catalog.reading() as connection:
            row = connection.execute(select(users).where(users.c.name == name)).first()
            return User(row.name, row.password_hash, row.is_administrator) if row else None

    def all(self) -> list[User]:
        """Every user, by name."""
        with self._catalog.reading() as connection:
            rows = connection.execute(select(users).order_by(users.c.name)).all()
            return [User(row.name, row.password_hash, row.is_administrator) for row in rows]

    def add(self, user: User) -> bool:
        """Add a user; False if the name is taken."""
        with self._catalog.writing() as connection:
            taken = select(func.count()).select_from(users).where(users.c.name == user.name)
            if connection.scalar(taken):
                return False
            connection.execute(
                insert(users).values(
                    name=user.name,
                    password_hash=user.password_hash,
                    is_administrator=user.is_administrator,
                    created=time.time(),
                )
            )
            return True

    def set_password_hash(self, name: str, password_hash: str) -> bool:
        """Change a user's hash, which signs them out everywhere; False if there is no such user."""
        with self._catalog.writing() as connection:
            connection.execute(delete(sign_ins).where(sign_ins.c.user == name))
            changed = connection.execute(
                update(users).where(users.c.name == name).values(password_hash=password_hash)
            )
            return changed.rowcount > 0

    def renew_password_hash(self, name: str, old: str, new: str) -> None:
        """Replace the hash by a better one of the same password: nobody is signed out.

        A password that was changed meanwhile stays.
        """
        with self._catalog.writing() as connection:
            this = (users.c.name == name) & (users.c.password_hash == old)
            connection.execute(update(users).where(this).values(password_hash=new))

    def remove(self, name: str) -> bool:
        """Remove a user; False if there is none. What they wrote stays."""
        with self._catalog.writing() as connection:
            return connection.execute(delete(users).where(users.c.name == name)).rowcount > 0

    def failures(self, key: str) -> tuple[int, float]:
        """How often sign-in failed for ``key``, and when last (seconds since 1970)."""
        with self._catalog.reading() as connection:
            row = connection.execute(
                select(sign_in_failures).where(sign_in_failures.c.key == key)
            ).first()
            return (row.failures, row.last) if row else (0, 0.0)

    def note_failure(self, key: str) -> None:
        """Count a failed sign-in."""
        this = sign_in_failures.c.key == key
        with self._catalog.writing() as connection:
            counted = connection.execute(
                update(sign_in_failures)
                .where(this)
                .values(failures=sign_in_failures.c.failures + 1, last=time.time())
            )
            if not counted.rowcount:
                connection.execute(
                    insert(sign_in_failures).values(key=key, failures=1, last=time.time())
                )

    def try_again(self, key: str, wait_after: Callable[[int], float]) -> float:
        """Count a try as failed until it is forgotten; or seconds to wait, if it comes too early.

        Counted before the try, so that tries at the same time are tries one after another.
        ``wait_after`` tells the wait after so many failures.
        """
        now = time.time()
        this = sign_in_failures.c.key == key
        with self._catalog.writing() as connection:
            row = connection.execute(select(sign_in_failures).where(this)).first()
            wait = row.last + wait_after(row.failures) - now if row else 0.0
            if wait > 0:
                return wait
            count = 1 + (row.failures if row else 0)
            connection.execute(delete(sign_in_failures).where(this))
            connection.execute(insert(sign_in_failures).values(key=key, failures=count, last=now))
            return 0.0

    def forget_failures(self, key: str) -> None:
        """Forget the failures of ``key``: somebody proved who they are."""
        with self._catalog.writing() as connection:
            connection.execute(delete(sign_in_failures).where(sign_in_failures.c.key == key))

    def forget_failures_older_than(self, seconds: float) -> None:
        """Forget failures of so long ago."""
        before = time.time() - seconds
        with self._catalog.writing() as connection:
            connection.execute(delete(sign_in_failures).where(sign_in_failures.c.last < before))

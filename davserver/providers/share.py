"""A served folder with everything that belongs to it, put together."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from davserver.providers import departures
from davserver.providers.access import Access
from davserver.providers.amendments import Amendments
from davserver.providers.catalog import Catalog
from davserver.providers.changes import Changes
from davserver.providers.exclusion import Exclusion
from davserver.providers.files import VersionedFiles
from davserver.providers.filesystem import DiskFiles, SyncPolicy
from davserver.providers.highlights import Highlights
from davserver.providers.journal import Journal
from davserver.providers.links import Links
from davserver.providers.locks import Locks
from davserver.providers.places import Places, TrashView, VersionsView
from davserver.providers.quotas import Quotas
from davserver.providers.retention import Retention
from davserver.providers.trash import Trash
from davserver.providers.trees import Trees
from davserver.providers.uploads import Uploads
from davserver.rights import Rules

DAY = 24 * 3600


@dataclass(frozen=True, slots=True)
class Share:
    """The folder's store, its catalog, and the ways to read and change it."""

    store: DiskFiles
    catalog: Catalog
    journal: Journal
    files: VersionedFiles
    highlights: Highlights
    retention: Retention
    trees: Trees
    locks: Locks
    properties: Amendments
    quotas: Quotas
    trash: Trash
    places: Places
    changes: Changes
    uploads: Uploads
    access: Access
    links: Links

    def close(self) -> None:
        """Let go of files and connections."""
        self.catalog.close()
        self.store.close()

    def prepare(self) -> None:
        """At start: bring the catalog to its newest form, repair what a crash left undone."""
        self.catalog.migrate()
        self.repair()

    def repair(self) -> int:
        """Finish what a crash left undone, remove what it left lying; tell how many intents."""
        repaired = self.journal.repair()
        self.store.sweep()
        return repaired

    def tidy(self, trash_days: int) -> None:
        """Remove what expired: locks, uploads, spools, changes, trash older than ``trash_days``.

        0 days keep the trash.
        """
        self.repair()
        self.locks.purge()
        self.uploads.purge()
        self.changes.prune()
        with self.catalog.writing() as connection:
            departures.purge(connection)
        if trash_days:
            self.trash.purge_older_than(time.time() - trash_days * DAY)


def open_share(
    root: Path,
    state: Path,
    sync: SyncPolicy = "on-close",
    *,
    connections: int = 25,
    user_quota: int = 0,
    rules: Rules | None = None,
    saved: Callable[[str], None] = lambda _: None,
) -> Share:
    """Open the folder ``root`` with its state in ``state``; both exist or are made as needed.

    ``user_quota`` is what users have who have no quota of their own, in bytes; 0: no limit.
    ``rules`` say who may do what where no grant does. ``saved`` hears of every state of a file that
    is stored, by its origin.
    """
    store = DiskFiles(root, state, sync)
    catalog = Catalog(state, sync, connections)
    quotas = Quotas(store, catalog, user_quota)
    journal = Journal(store, catalog, quotas)
    files = VersionedFiles(store, catalog, journal, quotas, saved)
    trees = Trees(store, catalog, journal, files)
    trash = Trash(store, catalog, trees)
    return Share(
        store,
        catalog,
        journal,
        files,
        Highlights(store, catalog),
        Retention(store, catalog),
        trees,
        Locks(store, catalog),
        Amendments(store, catalog, journal),
        quotas,
        trash,
        Places(files, VersionsView(store, files), TrashView(store, trash)),
        Changes(catalog),
        Uploads(store, catalog, journal, files, Exclusion(state / "exclusion" / "uploads")),
        Access(store, catalog, rules or Rules()),
        Links(store, catalog),
    )

"""A served folder with everything that belongs to it, put together."""

import time
from dataclasses import dataclass
from pathlib import Path

from davserver.providers import departures
from davserver.providers.catalog import Catalog
from davserver.providers.exclusion import Exclusion
from davserver.providers.files import VersionedFiles
from davserver.providers.filesystem import DiskFiles, SyncPolicy
from davserver.providers.journal import Journal
from davserver.providers.locks import Locks
from davserver.providers.properties import Properties
from davserver.providers.trees import Trees
from davserver.providers.uploads import Uploads

DAY = 24 * 3600


@dataclass(frozen=True, slots=True)
class Share:
    """The folder's store, its catalog, and the ways to read and change it."""

    store: DiskFiles
    catalog: Catalog
    journal: Journal
    files: VersionedFiles
    trees: Trees
    locks: Locks
    properties: Properties
    uploads: Uploads

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
        """Remove what expired: locks, uploads, dead spools, trash older than ``trash_days``.

        0 days keep the trash.
        """
        self.repair()
        self.locks.purge()
        self.uploads.purge()
        with self.catalog.writing() as connection:
            departures.purge(connection)
        if trash_days:
            self.trees.purge_trash(time.time() - trash_days * DAY)


def open_share(
    root: Path, state: Path, sync: SyncPolicy = "on-close", *, connections: int = 25
) -> Share:
    """Open the folder ``root`` with its state in ``state``; both exist or are made as needed."""
    store = DiskFiles(root, state, sync)
    catalog = Catalog(state, sync, connections)
    journal = Journal(store, catalog)
    files = VersionedFiles(store, catalog, journal)
    trees = Trees(store, catalog, journal, files)
    exclusion = Exclusion(state / "exclusion" / "uploads")
    return Share(
        store,
        catalog,
        journal,
        files,
        trees,
        Locks(store, catalog),
        Properties(store, catalog),
        Uploads(store, catalog, journal, files, exclusion),
    )

"""The folder, and the names in it. What keeps it is examined with the catalog."""

import os
from collections.abc import Iterator
from pathlib import Path

from davserver import paths
from davserver.doctor.finding import Finding, fault, good
from davserver.errors import DavserverError
from davserver.providers.share import Share


def folder(root: Path) -> Finding:
    """Whether this user can work in the served folder."""
    if _may_use(root):
        return good("folder", "can be read and written")
    cure = f"Change its owner or its rights: chown or chmod {root}"
    return fault("folder", "cannot be written by this user", cure)


def hidden_names(root: Path) -> Iterator[Finding]:
    """Files of the folder that no address reaches, because a view of ours has their name."""
    for view in (paths.VERSIONS_VIEW, paths.TRASH_VIEW):
        if os.path.lexists(root / view[1:]):
            words = f"{view[1:]} in the folder is not reached: {view} is an address of davserver"
            yield fault("names", words, f"Give it another name: mv {root / view[1:]} ...")


def catalog(share: Share) -> Finding:
    """Whether the catalog can be brought up to date; interrupted changes are repaired."""
    try:
        share.catalog.migrate()
        repaired = share.repair()
    except DavserverError as broken:
        return fault("catalog", str(broken), "Free the disk, or end the other process.")
    done = f"; {repaired} interrupted changes were repaired" if repaired else ""
    return good("catalog", f"in order{done}")


def _may_use(root: Path) -> bool:
    return os.access(root, os.R_OK | os.W_OK | os.X_OK)

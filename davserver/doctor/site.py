"""The folder, and the names in it. What keeps it is examined with the catalog."""

import os
from collections.abc import Iterator
from pathlib import Path

from davserver import paths
from davserver.doctor.finding import Finding, fault, good
from davserver.errors import DavserverError
from davserver.providers.share import Share
from davserver.words import say, say_many


def folder(root: Path) -> Finding:
    """Whether this user can work in the served folder."""
    if _may_use(root):
        return good(say("folder"), say("can be read and written"))
    cure = say("Change its owner or its rights: chown or chmod {root}", root=root)
    return fault(say("folder"), say("cannot be written by this user"), cure)


def hidden_names(root: Path) -> Iterator[Finding]:
    """Files of the folder that no address reaches, because a view of ours has their name."""
    for view in (paths.VERSIONS_VIEW, paths.TRASH_VIEW):
        if os.path.lexists(root / view[1:]):
            words = say(
                "{view} in the folder is not reached: {view2} is an address of davserver",
                view=view[1:],
                view2=view,
            )
            yield fault(
                say("names"),
                words,
                say("Give it another name: mv {path} ...", path=root / view[1:]),
            )


def catalog(share: Share) -> Finding:
    """Whether the catalog can be brought up to date; interrupted changes are repaired."""
    try:
        share.catalog.migrate()
        repaired = share.repair()
    except DavserverError as broken:
        return fault(say("catalog"), str(broken), say("Free the disk, or end the other process."))
    if not repaired:
        return good(say("catalog"), say("in order"))
    words = say_many(
        "in order; {count} interrupted change was repaired",
        "in order; {count} interrupted changes were repaired",
        repaired,
    )
    return good(say("catalog"), words)


def _may_use(root: Path) -> bool:
    return os.access(root, os.R_OK | os.W_OK | os.X_OK)

"""``davserver trash``."""

import time
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from davserver import paths
from davserver.cli.common import WRONG_USE, administered, fail, place_options, root_option
from davserver.errors import printable
from davserver.model import Origin, Trashed, Writer
from davserver.pages import readable_size
from davserver.providers.share import DAY, Share


@click.group()
def trash() -> None:
    """What was deleted."""


@trash.command("list")
@root_option
@place_options
def trash_list(config: Path | None, **options: Any) -> None:
    """List what lies in the trash, what was deleted last first."""
    table = Table("id", "was", "deleted", "by", "size", box=None)
    with administered(config, options) as share:
        for one in share.trash.all():
            size = "folder" if one.entry.is_folder else readable_size(one.entry.size)
            deleted = f"{one.deleted.astimezone():%Y-%m-%d %H:%M:%S}"
            table.add_row(one.id[:12], printable(one.path), deleted, one.deleted_by or "-", size)
    Console(highlight=False, soft_wrap=True).print(table)


@trash.command("restore")
@click.argument("identity", metavar="ID")
@root_option
@place_options
def trash_restore(identity: str, config: Path | None, **options: Any) -> None:
    """Put back what has this ID in the list, or an ID that begins so."""
    with administered(config, options) as share:
        one = _trashed(share, identity)
        writer = Writer("", author="administrator", origin=Origin.RESTORE)
        path = share.trash.restore(one.id, writer)
    click.echo(f"Restored as {printable(path)}.")
    if paths.name(path) != one.name:
        click.echo("Its old name is taken by something else now.")


@trash.command("purge")
@click.argument("identities", metavar="[ID]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Everything in the trash.")
@click.option("--older-than", type=click.IntRange(min=0), metavar="DAYS", help="What lies longer.")
@root_option
@place_options
def trash_purge(
    identities: tuple[str, ...],
    everything: bool,
    older_than: int | None,
    config: Path | None,
    **options: Any,
) -> None:
    """Delete for good, with all earlier versions: by ID, by age, or everything."""
    if sum((bool(identities), everything, older_than is not None)) != 1:
        fail("Say what: one or more IDs, --older-than DAYS, or --all.", WRONG_USE)
    with administered(config, options) as share:
        if identities:
            for one in [_trashed(share, identity) for identity in identities]:
                share.trash.purge(one.id)
            count = len(identities)
        else:
            count = share.trash.purge_older_than(time.time() - (older_than or 0) * DAY)
    click.echo(f"{count} deleted for good.")


def _trashed(share: Share, identity: str) -> Trashed:
    """The one thing in the trash whose id begins so."""
    found = [one for one in share.trash.all() if identity and one.id.startswith(identity)]
    if len(found) != 1:
        what = "Nothing" if not found else "More than one thing"
        fail(f"{what} in the trash has an id that begins with {identity}: davserver trash list")
    return found[0]

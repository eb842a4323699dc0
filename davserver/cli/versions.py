"""``davserver versions``."""

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from davserver import paths
from davserver.cli.common import (
    WRONG_USE,
    administered,
    fail,
    place_options,
    root_option,
    settings_from,
)
from davserver.errors import printable
from davserver.model import Origin, Writer
from davserver.pages import readable_size
from davserver.retention import Policy


@click.group()
def versions() -> None:
    """Earlier states of files."""


@versions.command("list")
@click.argument("path")
@root_option
@place_options
def versions_list(path: str, config: Path | None, **options: Any) -> None:
    """List the states that the file PATH had (a path as in the address, like /docs/a.docx)."""
    with administered(config, options) as share:
        found = share.files.versions(paths.typed(path))
    table = Table("version", "saved", "by", "from", "size", "name", box=None)
    for one in reversed(found):
        saved = f"{one.saved.astimezone():%Y-%m-%d %H:%M:%S}"
        name = f"{one.number} (current)" if one.is_current else str(one.number)
        size = readable_size(one.size)
        table.add_row(name, saved, one.author or "-", one.origin.value, size, one.name)
    Console(highlight=False).print(table)


@versions.command("prune")
@click.argument("path", default="/")
@click.option("--keep", type=click.IntRange(min=0), help="Versions of each file.")
@click.option("--days", type=click.IntRange(min=0), help="Days since they were replaced.")
@click.option("--all-days", type=click.IntRange(min=0), help="Then the last of each day.")
@click.option("--mib", type=click.IntRange(min=0), help="MiB of all together.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be removed.")
@root_option
@place_options
def versions_prune(
    path: str,
    keep: int | None,
    days: int | None,
    all_days: int | None,
    mib: int | None,
    dry_run: bool,
    config: Path | None,
    **options: Any,
) -> None:
    """Remove earlier versions of what is within PATH; never the present one, nor one with a name.

    Without options, what the settings say (keep_versions and its kin). 0 is no limit.
    """
    given = (keep, days, all_days, None if mib is None else mib << 20)
    policy = Policy(*(value or 0 for value in given))
    if all(value is None for value in given):
        policy = settings_from(config, **options).kept_versions
    if policy.keeps_all:
        fail("Nothing says what to keep: --keep, --days, --all-days or --mib.", WRONG_USE)
    with administered(config, options) as share:
        pruned = share.retention.prune(policy, paths.typed(path), dry_run=dry_run)
    for one in pruned:
        click.echo(f"{printable(one.path)}\tversion {one.number}\t{readable_size(one.size)}")
    size = readable_size(sum(one.size for one in pruned))
    click.echo(f"{len(pruned)} {'would be' if dry_run else 'were'} removed: {size}.")


@versions.command("restore")
@click.argument("path")
@click.argument("number", type=int)
@root_option
@place_options
def versions_restore(path: str, number: int, config: Path | None, **options: Any) -> None:
    """Make version NUMBER of PATH the content again; the present one stays as a version."""
    with administered(config, options) as share:
        writer = Writer("", author="administrator", origin=Origin.RESTORE)
        share.files.restore(paths.typed(path), number, writer)
    click.echo(f"{path} is as it was in version {number}.")

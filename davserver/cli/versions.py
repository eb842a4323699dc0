"""``davserver versions``."""

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from davserver import paths
from davserver.cli.common import administered, place_options, root_option
from davserver.model import Origin, Writer
from davserver.pages import readable_size


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
    table = Table("version", "saved", "by", "from", "size", box=None)
    for one in reversed(found):
        saved = f"{one.saved.astimezone():%Y-%m-%d %H:%M:%S}"
        name = f"{one.number} (current)" if one.is_current else str(one.number)
        table.add_row(name, saved, one.author or "-", one.origin.value, readable_size(one.size))
    Console(highlight=False).print(table)


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

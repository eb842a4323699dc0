"""``davserver group``."""

from pathlib import Path
from typing import Any

import click

from davserver import paths
from davserver.accounts.people import People
from davserver.cli.common import administered, fail, place_options, root_option


@click.group()
def group() -> None:
    """Groups of users, who are given rights together."""


@group.command("add")
@click.argument("name")
@click.option(
    "--folder", help="A folder, made if need be, in which the group is editor: /Groups/staff."
)
@root_option
@place_options
def group_add(name: str, folder: str | None, config: Path | None, **options: Any) -> None:
    """Add the group NAME."""
    with administered(config, options) as share:
        People(share).add_group(name, paths.typed(folder) if folder else "")
    click.echo(f"People may join {name} now: davserver group join {name} USER")


@group.command("remove")
@click.argument("name")
@root_option
@place_options
def group_remove(name: str, config: Path | None, **options: Any) -> None:
    """Remove the group NAME. Its members and its files stay."""
    with administered(config, options) as share:
        People(share).remove_group(name)
    click.echo(f"There is no group {name} any more.")


@group.command("list")
@click.argument("name", required=False)
@root_option
@place_options
def group_list(name: str | None, config: Path | None, **options: Any) -> None:
    """List the groups with their members, or just NAME."""
    with administered(config, options) as share:
        found = [one for one in People(share).groups() if name in (None, one.name)]
    if name and not found:
        fail(f"There is no group {name}.")
    for one in found:
        click.echo(f"{one.name}\t{', '.join(one.members)}")


@group.command("join")
@click.argument("name")
@click.argument("users", nargs=-1, required=True)
@root_option
@place_options
def group_join(name: str, users: tuple[str, ...], config: Path | None, **options: Any) -> None:
    """Put USERS into the group NAME, until they leave it."""
    with administered(config, options) as share:
        for one in users:
            joined = People(share).join(name, one)
            click.echo(f"{one} is in {name} {'now' if joined else 'already'}.")


@group.command("leave")
@click.argument("name")
@click.argument("users", nargs=-1, required=True)
@root_option
@place_options
def group_leave(name: str, users: tuple[str, ...], config: Path | None, **options: Any) -> None:
    """Take USERS out of the group NAME."""
    with administered(config, options) as share:
        for one in users:
            People(share).leave(name, one)
            click.echo(f"{one} is not in {name} any more.")

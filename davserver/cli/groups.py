"""``davserver group``."""

from pathlib import Path
from typing import Any

import click

from davserver.cli.common import administered, fail, place_options, resource, root_option
from davserver.model import Grant, Role, Writer, is_user_name, of_group
from davserver.providers.groups import Groups


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
    if not is_user_name(name):
        fail("A name has 1 to 64 characters, none of them : / \\ or a control character.")
    with administered(config, options) as share:
        groups = Groups(share.catalog)
        if groups.find(name) is not None:
            fail(f"There is a group {name} already.")
        if folder:
            share.trees.make_folders(resource(folder), Writer(""))
        groups.add(name)
        if folder:
            share.access.give(Grant(resource(folder), of_group(name), Role.EDITOR), by="")
    click.echo(f"People may join {name} now: davserver group join {name} USER")


@group.command("remove")
@click.argument("name")
@root_option
@place_options
def group_remove(name: str, config: Path | None, **options: Any) -> None:
    """Remove the group NAME. Its members and its files stay."""
    with administered(config, options) as share:
        if not Groups(share.catalog).remove(name):
            fail(f"There is no group {name}.")
    click.echo(f"There is no group {name} any more.")


@group.command("list")
@click.argument("name", required=False)
@root_option
@place_options
def group_list(name: str | None, config: Path | None, **options: Any) -> None:
    """List the groups with their members, or just NAME."""
    with administered(config, options) as share:
        found = [one for one in Groups(share.catalog).all() if name in (None, one.name)]
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
            joined = Groups(share.catalog).join(name, one)
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
            if not Groups(share.catalog).leave(name, one):
                fail(f"{one} is not in {name}.")
            click.echo(f"{one} is not in {name} any more.")

"""``davserver user``."""

import sys
from pathlib import Path
from typing import Any

import click

from davserver.accounts.people import People
from davserver.cli.common import administered, fail, place_options, root_option
from davserver.providers.users import Users


@click.group()
def user() -> None:
    """People who may sign in."""


@user.command("add")
@click.argument("name")
@click.option("--administrator", is_flag=True, help="May administer the server.")
@click.option("--group", "groups", multiple=True, help="A group to join; more than once for more.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@root_option
@place_options
def user_add(
    name: str,
    administrator: bool,
    groups: tuple[str, ...],
    password_stdin: bool,
    config: Path | None,
    **options: Any,
) -> None:
    """Add the user NAME."""
    with administered(config, options) as share:
        people = People(share)
        people.check_new(name, groups)
        secret = _password(password_stdin)
        people.add(name, secret, is_administrator=administrator, groups=groups)
    click.echo(f"{name} may sign in now.")


@user.command("passwd")
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@root_option
@place_options
def user_passwd(name: str, password_stdin: bool, config: Path | None, **options: Any) -> None:
    """Change the password of NAME; signs NAME out everywhere."""
    with administered(config, options) as share:
        people = People(share)
        people.check_password_is_ours(name)
        people.set_password(name, _password(password_stdin))
    click.echo(f"The password of {name} is changed.")


@user.command("email")
@click.argument("name")
@click.argument("address", default="")
@root_option
@place_options
def user_email(name: str, address: str, config: Path | None, **options: Any) -> None:
    """Say where NAME gets mail; without ADDRESS, nowhere."""
    with administered(config, options) as share:
        People(share).set_email(name, address)
    click.echo(f"{name} gets mail at {address}." if address else f"{name} gets no mail.")


@user.command("remove")
@click.argument("name")
@root_option
@place_options
def user_remove(name: str, config: Path | None, **options: Any) -> None:
    """Remove the user NAME, from every group too. The files stay.

    Who comes from outside is let in again as long as the source does.
    """
    with administered(config, options) as share:
        People(share).remove(name)
    click.echo(f"{name} can no longer sign in.")


@user.command("list")
@click.argument("name", required=False)
@root_option
@place_options
def user_list(name: str | None, config: Path | None, **options: Any) -> None:
    """List the users, or just NAME: with their groups and the source that they come from."""
    with administered(config, options) as share:
        found = [one for one in Users(share.catalog).all() if name in (None, one.name)]
    if name and not found:
        fail(f"There is no user {name}.")
    for one in found:
        role = "administrator" if one.is_administrator else "user"
        groups = ", ".join(sorted(one.groups))
        click.echo(f"{one.name}\t{role}\t{groups}\t{one.source or 'catalog'}")


def _password(from_stdin: bool) -> str:
    if from_stdin:
        secret = sys.stdin.readline().rstrip("\n")
    else:
        secret = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return str(secret)

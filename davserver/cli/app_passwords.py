"""``davserver user app-password`` and ``davserver user second-factor``."""

from pathlib import Path
from typing import Any

import click

from davserver import paths
from davserver.accounts.app_passwords import DevicePasswords
from davserver.cli.common import (
    administered,
    fail,
    place_options,
    root_option,
    settings_from,
)
from davserver.errors import printable
from davserver.providers.app_passwords import AppPasswords
from davserver.providers.second_factors import SecondFactors
from davserver.providers.share import Share
from davserver.providers.users import Users
from davserver.tokens import server_secret


@click.group("app-password")
def app_password() -> None:
    """Passwords for devices and programs, each of which can be taken away by itself."""


@app_password.command("add")
@click.argument("user")
@click.argument("name")
@click.option("--folder", default="/", help="Reach nothing outside this folder.")
@click.option("--read-only", is_flag=True, help="Change nothing.")
@root_option
@place_options
def app_password_add(
    user: str, name: str, folder: str, read_only: bool, config: Path | None, **options: Any
) -> None:
    """Make an app password for USER, for the device called NAME, and print it once."""
    with administered(config, options) as share:
        _check_user(share, user)
        scope = paths.typed(folder)
        if not share.files.entry(scope).is_folder:
            fail(f"{folder} is not a folder.")
        settings = settings_from(config, **options)
        devices = DevicePasswords(
            AppPasswords(share.catalog), server_secret(settings.state), settings.digest_algorithms
        )
        click.echo(devices.make(user, name, scope, read_only=read_only))


@app_password.command("list")
@click.argument("user")
@root_option
@place_options
def app_password_list(user: str, config: Path | None, **options: Any) -> None:
    """List the app passwords of USER: device, folder, rights, last use."""
    with administered(config, options) as share:
        _check_user(share, user)
        for one in AppPasswords(share.catalog).of(user):
            rights = "read only" if one.read_only else "read and write"
            used = f"used {one.last_used:%Y-%m-%d %H:%M}" if one.last_used else "never used"
            click.echo("\t".join((one.name, printable(one.scope), rights, used)))


@app_password.command("revoke")
@click.argument("user")
@click.argument("name")
@root_option
@place_options
def app_password_revoke(user: str, name: str, config: Path | None, **options: Any) -> None:
    """Take the app password of USER for the device NAME away, at once."""
    with administered(config, options) as share:
        if not AppPasswords(share.catalog).revoke(user, name):
            fail(f"{user} has no app password called {name}.")
    click.echo(f"{name} can no longer sign in as {user}.")


@click.group("second-factor")
def second_factor() -> None:
    """Codes and passkeys of people who lost them."""


@second_factor.command("remove")
@click.argument("user")
@root_option
@place_options
def second_factor_remove(user: str, config: Path | None, **options: Any) -> None:
    """Remove all second factors of USER, passkeys too: the password is enough again."""
    with administered(config, options) as share:
        _check_user(share, user)
        if not SecondFactors(share.catalog).remove_all(user):
            fail(f"{user} has no second factor.")
    click.echo(f"{user} signs in with the password alone now.")


def _check_user(share: Share, user: str) -> None:
    if Users(share.catalog).find(user) is None:
        fail(f"There is no user {user}.")

"""``davserver link``."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from davserver import paths
from davserver.accounts import passwords
from davserver.accounts.credentials import principal_of
from davserver.browser.sharing import link_address
from davserver.cli.common import (
    administered,
    fail,
    place_options,
    root_option,
    settings_from,
)
from davserver.errors import printable
from davserver.model import LINK_ROLES, TAKING_AWAY, GuestNames, Link, Right, Role
from davserver.providers.users import Users
from davserver.tokens import LinkTokens, server_secret

_ROLES = click.Choice([role.value for role in LINK_ROLES])
_WITHOUT = click.Choice([right.value for right in sorted(TAKING_AWAY)])
_NAMES = click.Choice([one.value for one in GuestNames])


@click.group()
def link() -> None:
    """Links for people without an account."""


@link.command("create")
@click.argument("path")
@click.option("--role", type=_ROLES, default=Role.VIEWER.value, show_default=True)
@click.option("--without", multiple=True, type=_WITHOUT, help="Leave this out; may be repeated.")
@click.option("--by", metavar="USER", help="For whom it acts; default: admin_name.")
@click.option("--days", type=click.IntRange(1, 36500), help="It ends after so many days.")
@click.option("--downloads", type=click.IntRange(1), help="At most so many downloads.")
@click.option("--ask-password", is_flag=True, help="Ask for a password of the link.")
@click.option("--names", type=_NAMES, default=GuestNames.ASK.value, show_default=True)
@click.option("--label", default="", help="Words to find it by.")
@click.option("--watermark", default="", help="Shown over documents; {name} is the guest's name.")
@root_option
@place_options
def link_create(
    path: str,
    role: str,
    without: tuple[str, ...],
    by: str | None,
    days: int | None,
    downloads: int | None,
    ask_password: bool,
    names: str,
    label: str,
    watermark: str,
    config: Path | None,
    **options: Any,
) -> None:
    """Make a link to a file or folder, and print its id and its address.

    Without public_url the address is printed without the server's name.
    """
    settings = settings_from(config, **options)
    password = (
        click.prompt("Password of the link", hide_input=True, confirmation_prompt=True)
        if ask_password
        else ""
    )
    maker = by or settings.admin_name
    with administered(config, options) as share:
        user = Users(share.catalog).find(maker)
        if user is None:
            fail(f"There is no user {maker}; name one with --by.")
        shared = share.files.as_stored(paths.typed(path))
        if Right.SHARE not in share.access.rights(principal_of(user), shared):
            fail(f"{maker} may not share this, so the link would lead nowhere; see: davserver why")
        wanted = Link(
            "",
            shared,
            False,
            made_by=maker,
            made=datetime.now(UTC),
            role=Role(role),
            without=frozenset(map(Right, without)),
            password_hash=passwords.hashed(password) if password else "",
            expires=datetime.now(UTC) + timedelta(days=days) if days else None,
            max_downloads=downloads,
            label=label,
            guest_names=GuestNames(names),
            watermark=watermark,
        )
        made = share.links.make(wanted)
    addresses = LinkTokens(server_secret(settings.state))
    click.echo(f"{made.id}\t{link_address(settings.public_url, addresses, made)}")


@link.command("list")
@root_option
@place_options
def link_list(config: Path | None, **options: Any) -> None:
    """List every link: id, path, role, who made it, and what bounds it."""
    with administered(config, options) as share:
        found = share.links.all()
    for one in found:
        click.echo(
            "\t".join([one.id, printable(one.path), one.role.value, one.made_by, *_bounds(one)])
        )


@link.command("revoke")
@click.argument("identity", metavar="ID")
@root_option
@place_options
def link_revoke(identity: str, config: Path | None, **options: Any) -> None:
    """Revoke the link ID: its address leads nowhere from now on."""
    with administered(config, options) as share:
        if not share.links.revoke(identity):
            fail(f"There is no link {identity}: davserver link list")
    click.echo(f"The link {identity} leads nowhere now.")


def _bounds(one: Link) -> list[str]:
    bounds = [f"without {', '.join(sorted(one.without))}"] if one.without else []
    if one.password_hash:
        bounds.append("password")
    if one.expires:
        bounds.append(f"until {one.expires:%Y-%m-%d %H:%M} UTC")
    if one.max_downloads is not None:
        bounds.append(f"{one.downloads} of {one.max_downloads} downloads")
    return [*bounds, *([one.label] if one.label else [])]

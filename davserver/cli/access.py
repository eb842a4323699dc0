"""``davserver access`` and ``davserver why``."""

from pathlib import Path
from typing import Any

import click

from davserver import paths
from davserver.accounts.credentials import principal_of
from davserver.cli.common import (
    WRONG_USE,
    administered,
    fail,
    place_options,
    root_option,
)
from davserver.errors import printable
from davserver.model import (
    EVERYONE,
    TAKING_AWAY,
    Grant,
    Principal,
    Right,
    Role,
    is_subject,
)
from davserver.providers.share import Share
from davserver.providers.users import Users
from davserver.rights import Decision

_ROLES = click.Choice([role.value for role in Role])
_WITHOUT = click.Choice([right.value for right in sorted(TAKING_AWAY)])


@click.group()
def access() -> None:
    """Who may do what with a folder and all that is in it."""


@access.command("give")
@click.argument("subject")
@click.argument("role", type=_ROLES)
@click.argument("path")
@click.option("--without", multiple=True, type=_WITHOUT, help="Leave this out; may be repeated.")
@root_option
@place_options
def access_give(
    subject: str,
    role: str,
    path: str,
    without: tuple[str, ...],
    config: Path | None,
    **options: Any,
) -> None:
    """Give SUBJECT the ROLE on PATH and below, instead of what it had there.

    SUBJECT is user:NAME, group:NAME or everyone. The role nearest to a file counts; on one folder a
    user's own counts before those of groups, and these before that of everyone.
    """
    _check_subject(subject)
    with administered(config, options) as share:
        at = share.files.as_stored(paths.typed(path))
        grant = Grant(at, subject, Role(role), frozenset(map(Right, without)))
        share.access.give(grant, by="administrator")
    click.echo(_line(grant))


@access.command("take")
@click.argument("subject")
@click.argument("path")
@root_option
@place_options
def access_take(subject: str, path: str, config: Path | None, **options: Any) -> None:
    """Take away what SUBJECT was given on PATH; what counts above it counts again."""
    _check_subject(subject)
    with administered(config, options) as share:
        if not share.access.take(share.files.as_stored(paths.typed(path)), subject):
            fail(f"{subject} has nothing on {path}: davserver access list")
    click.echo(f"{subject} has no role of its own on {path} any more.")


@access.command("list")
@click.argument("path", default="/")
@root_option
@place_options
def access_list(path: str, config: Path | None, **options: Any) -> None:
    """List who was given what on PATH and below."""
    with administered(config, options) as share:
        top = share.files.as_stored(paths.typed(path))
        found = [one for one in share.access.all() if paths.is_within(one.path, top)]
    for one in found:
        click.echo(_line(one))


@click.command()
@click.argument("user")
@click.argument("path")
@root_option
@place_options
def why(user: str, path: str, config: Path | None, **options: Any) -> None:
    """Tell what USER may do with PATH, and what decided it; - as USER is who did not sign in."""
    with administered(config, options) as share:
        at = share.files.as_stored(paths.typed(path))
        decision = share.access.why(_principal(share, user), paths.lineage(at))
    may = ", ".join(right.value for right in Right if right in decision.rights)
    click.echo(f"{user} may {may or 'not even see that it is there'}.")
    click.echo(_reason(share, user, decision))


def _reason(share: Share, user: str, decision: Decision) -> str:
    found = Users(share.catalog).find(user)
    if found and found.is_administrator:
        return f"{user} is an administrator."
    if not decision.grants:
        return "Nothing is set on the way up to the root: the setting default_role counts."
    lines = "\n".join(_line(grant) for grant in decision.grants)
    return f"Decided by what is nearest, on {printable(decision.at)}:\n{lines}"


def _principal(share: Share, name: str) -> Principal:
    if name == "-":
        return Principal("")
    user = Users(share.catalog).find(name)
    if user is None:
        fail(f"There is no user {name}.")
    return principal_of(user)


def _check_subject(subject: str) -> None:
    if not is_subject(subject):
        fail(f"{subject} is neither user:NAME, group:NAME nor {EVERYONE}.", WRONG_USE)


def _line(grant: Grant) -> str:
    without = f"\twithout {', '.join(sorted(grant.without))}" if grant.without else ""
    return f"{printable(grant.path)}\t{grant.subject}\t{grant.role.value}{without}"

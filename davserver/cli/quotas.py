"""``davserver quota``."""

from pathlib import Path
from typing import Any

import click

from davserver import paths
from davserver.cli.common import WRONG_USE, administered, fail, place_options, root_option
from davserver.errors import printable
from davserver.model import Quota
from davserver.pages import parsed_size, readable_size
from davserver.providers.users import Users


@click.group()
def quota() -> None:
    """How many bytes folders and users may have."""


@quota.command("set")
@click.argument("subject", metavar="FOLDER_OR_USER")
@click.argument("size")
@root_option
@place_options
def quota_set(subject: str, size: str, config: Path | None, **options: Any) -> None:
    """Allot SIZE (like 500M or 20G) to a folder, as in /docs, or to a user, as in ann.

    A folder's quota counts everything in it, a user's the files that the user created; earlier
    versions and the trash are not counted. Writers wait until everything is counted.
    """
    limit = parsed_size(size)
    if limit is None:
        fail(f"{size} is no size; write it like 500M or 20G.", WRONG_USE)
    with administered(config, options) as share:
        if not subject.startswith("/") and Users(share.catalog).find(subject) is None:
            fail(f"There is no user {subject}. A folder is written like /docs.")
        _print_quota(share.quotas.set(_subject(subject), limit))


@quota.command("show")
@click.argument("subject", metavar="[FOLDER_OR_USER]", required=False)
@root_option
@place_options
def quota_show(subject: str | None, config: Path | None, **options: Any) -> None:
    """Show every quota with what is in use, or that of one folder or user."""
    with administered(config, options) as share:
        found = share.quotas.all()
    if subject:
        found = [one for one in found if one.subject == _subject(subject)]
        if not found:
            fail(f"{subject} has no quota.")
    for one in found:
        _print_quota(one)


@quota.command("clear")
@click.argument("subject", metavar="FOLDER_OR_USER")
@root_option
@place_options
def quota_clear(subject: str, config: Path | None, **options: Any) -> None:
    """Take the quota of a folder or user away."""
    with administered(config, options) as share:
        if not share.quotas.clear(_subject(subject)):
            fail(f"{subject} has no quota.")
    click.echo(f"{subject} has no quota any more.")


@quota.command("check")
@root_option
@place_options
def quota_check(config: Path | None, **options: Any) -> None:
    """Count all files anew and set right what is booked; other programs change it unseen."""
    with administered(config, options) as share:
        wrong = share.quotas.check()
    for one, used in wrong:
        click.echo(f"{printable(one.subject)}: {one.used} bytes were booked, {used} are in use.")
    click.echo("Everything is booked right now." if wrong else "Everything was booked right.")


def _subject(text: str) -> str:
    """Whose quota is meant: a folder's path, or a user's name."""
    return paths.typed(text) if text.startswith("/") else text


def _print_quota(one: Quota) -> None:
    limit = "no limit" if one.limit is None else f"of {readable_size(one.limit)}"
    click.echo(f"{printable(one.subject)}\t{readable_size(one.used)} in use\t{limit}")

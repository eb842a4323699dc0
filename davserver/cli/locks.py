"""``davserver lock``."""

from pathlib import Path
from typing import Any

import click

from davserver import paths
from davserver.cli.common import administered, place_options, root_option
from davserver.errors import printable
from davserver.providers.locks import holder


@click.group()
def lock() -> None:
    """Locks that clients and editing sessions hold."""


@lock.command("list")
@click.argument("path", default="/")
@root_option
@place_options
def lock_list(path: str, config: Path | None, **options: Any) -> None:
    """List the locks on PATH and below it; without PATH, all."""
    with administered(config, options) as share:
        found = share.locks.within(paths.typed(path))
    for one in found:
        until = f"until {one.expires.astimezone():%Y-%m-%d %H:%M:%S}"
        reach = "with all below" if one.deep else "alone"
        words = (printable(one.root), holder(one), one.scope.value, reach, until, one.token)
        click.echo("\t".join(words))


@lock.command("break")
@click.argument("target", metavar="PATH_OR_TOKEN")
@root_option
@place_options
def lock_break(target: str, config: Path | None, **options: Any) -> None:
    """Take away the lock with a token, or all locks on a path; also those of editing sessions.

    Whoever held one can no longer save with it, and is told so by the program. An editing session's
    later save still arrives: beside the file, if somebody wrote it meanwhile.
    """
    with administered(config, options) as share:
        by_token = target.startswith("urn:")
        for one in share.locks.break_up(target if by_token else paths.typed(target)):
            click.echo(f"{printable(one.root)} is no longer locked by {holder(one)}.")

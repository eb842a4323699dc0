"""``davserver rescue``."""

from pathlib import Path
from typing import Any

import click

from davserver import logs
from davserver.app import create_app
from davserver.cli.common import (
    administered,
    fail,
    place_options,
    root_option,
    server_options,
    settings_from,
)
from davserver.errors import printable


@click.command()
@root_option
@place_options
@server_options
def rescue(config: Path | None, **options: Any) -> None:
    """Fetch saves that the Document Server keeps because nobody took them.

    A running server does this by itself, every five minutes. Documents in which somebody is, and
    those of other installations at the same Document Server, are left alone.
    """
    settings = settings_from(config, **options)
    logs.configure(settings.log_format, settings.log_level)
    with administered(config, options):
        app = create_app(settings)
        try:
            if app.rescue is None:
                fail("No Document Server is configured.")
            found = app.rescue()
        finally:
            app.close()
    for one in found:
        click.echo(f"{printable(one.path)}\tsaved by {one.author or 'somebody'}")
    click.echo(f"Saves that were fetched: {len(found)}.")

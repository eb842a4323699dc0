"""``davserver doctor`` and ``davserver samples``."""

import sys
from pathlib import Path
from typing import Any

import click

from davserver.cli.common import (
    UNHEALTHY,
    fail,
    place_options,
    server_options,
    settings_from,
    words_for_errors,
)
from davserver.doctor import Finding, examine
from davserver.editor.blank import BlankDocuments
from davserver.resources import resource_dir
from davserver.samples import make_samples


@click.command()
@click.argument("root", type=click.Path(path_type=Path))
def samples(root: Path) -> None:
    """Make the folder ROOT with a few documents to try things out."""
    if root.exists():
        fail(f"{root} exists already; nothing was changed.")
    with words_for_errors():
        make_samples(root, BlankDocuments(resource_dir("templates")))
    click.echo(f"{root} holds a few documents.")


@click.command()
@click.argument("root", required=False, type=click.Path(path_type=Path))
@place_options
@server_options
def doctor(config: Path | None, **options: Any) -> None:
    """Examine settings, folder, catalog and Document Server, and say what to do."""
    settings = settings_from(config, **options)
    healthy = True
    for finding in examine(settings):
        healthy &= finding.is_good
        _print_finding(finding)
    if not healthy:
        sys.exit(UNHEALTHY)


def _print_finding(finding: Finding) -> None:
    mark = click.style("ok  ", fg="green") if finding.is_good else click.style("BAD ", fg="red")
    click.echo(f"{mark}{finding.subject}: {finding.words}")
    if finding.cure:
        click.echo(f"      {finding.cure}")

"""``davserver doctor`` and ``davserver samples``."""

import json
import sys
from dataclasses import asdict
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
from davserver.doctor import Finding, Verdict, examine, worst
from davserver.editor.creating.blank import BlankDocuments
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
@click.option("--json", "as_json", is_flag=True, help="As JSON, for monitoring.")
def doctor(config: Path | None, as_json: bool, **options: Any) -> None:
    """Examine settings, folder, catalog and Document Servers, and say what to do.

    The exit code is 0 if everything works, 3 if something is broken. With davserver running, the
    Document Server is asked to convert a small file of ours.
    """
    settings = settings_from(config, **options)
    findings = []
    for finding in examine(settings):
        findings.append(finding)
        if not as_json:
            _print_finding(finding)
    verdict = worst(findings)
    if as_json:
        told = {"verdict": verdict, "findings": [asdict(finding) for finding in findings]}
        click.echo(json.dumps(told, indent=2))
    if verdict is Verdict.FAULT:
        sys.exit(UNHEALTHY)


_MARKS = {
    Verdict.GOOD: click.style("ok  ", fg="green"),
    Verdict.ADVICE: click.style("hint", fg="yellow"),
    Verdict.FAULT: click.style("BAD ", fg="red"),
}


def _print_finding(finding: Finding) -> None:
    about = f" ({finding.server})" if finding.server else ""
    click.echo(f"{_MARKS[finding.verdict]} {finding.subject}{about}: {finding.words}")
    if finding.cure:
        click.echo(f"      {finding.cure}")

"""``davserver audit``."""

import json
import re
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from davserver.app import audit_of
from davserver.audit import Audit, Event, Wanted
from davserver.cli.common import WRONG_USE, fail, place_options, root_option, settings_from

_AGO = re.compile(r"(\d{1,6})([mhd])")
_SECONDS = {"m": 60, "h": 3600, "d": 24 * 3600}


def _filters(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that say which lines are wanted."""
    for option in (
        click.option("--path", help="What was done to this, or below it."),
        click.option(
            "--event", type=click.Choice([event.value for event in Event]), help="What happened."
        ),
        click.option("--user", help="Who did it."),
        click.option("--since", metavar="WHEN", help="30m, 12h or 7d ago, or a day: 2026-01-31."),
    ):
        command = option(command)
    return command


@click.group()
def audit() -> None:
    """Who did what, when and from where."""


@audit.command("show")
@_filters
@click.option("--json", "as_json", is_flag=True, help="The lines as they are kept.")
@click.option("--last", type=click.IntRange(1), default=200, help="How many at most.  [200]")
@root_option
@place_options
def audit_show(as_json: bool, last: int, config: Path | None, **options: Any) -> None:
    """Show the last events, the newest at the end."""
    log, wanted = _opened(config, options)
    found = [line for line, _ in zip(log.newest(wanted), range(last), strict=False)][::-1]
    if as_json:
        for line in found:
            click.echo(json.dumps(line))
        return
    table = Table("time", "event", "user", "address", "what", "outcome", box=None)
    for line in found:
        what = " → ".join(str(line[key]) for key in ("path", "target", "command") if key in line)
        shown = (line.get("event"), line.get("user"), line.get("address"), what)
        moment = str(line.get("time", ""))[:19].replace("T", " ")
        table.add_row(moment, *map(_readable, shown), str(line.get("outcome", "")))
    Console(highlight=False, soft_wrap=True, markup=False).print(table)


@audit.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@_filters
@root_option
@place_options
def audit_export(file: Path, config: Path | None, **options: Any) -> None:
    """Write events as JSON lines into the new FILE, or to standard output as -, oldest first."""
    log, wanted = _opened(config, options)
    if str(file) == "-":
        for line in log.oldest(wanted):
            click.echo(json.dumps(line))
        return
    count = 0
    try:
        with file.open("x", encoding="ascii") as writing:
            for line in log.oldest(wanted):
                writing.write(json.dumps(line) + "\n")
                count += 1
    except OSError as fault:
        fail(f"{file}: {fault.strerror}")
    click.echo(f"{count} events are in {file}.", file=sys.stderr)


def _opened(config: Path | None, options: dict[str, Any]) -> tuple[Audit, Wanted]:
    wanted = Wanted(
        since=_moment(options.pop("since") or ""),
        user=options.pop("user") or "",
        event=options.pop("event") or "",
        path=options.pop("path") or "",
    )
    log = audit_of(settings_from(config, **options))
    if log is None:
        fail("No audit log is kept: the setting audit is false.")
    return log, wanted


def _moment(text: str) -> float:
    """The time that ``--since`` means, in seconds since 1970; 0 for none."""
    if not text:
        return 0.0
    ago = _AGO.fullmatch(text)
    if ago:
        return time.time() - int(ago[1]) * _SECONDS[ago[2]]
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        fail(f"{text} is no time; write it like 12h, 7d or 2026-01-31.", WRONG_USE)


def _readable(value: object) -> str:
    """A value on a terminal, which control characters would command."""
    text = str(value or "-")
    return "".join(char if char.isprintable() else "\ufffd" for char in text)

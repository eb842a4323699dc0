"""``davserver sessions`` and ``davserver flush``."""

from pathlib import Path
from typing import Any

import click

from davserver import paths
from davserver.cli.common import (
    administered,
    fail,
    place_options,
    root_option,
    server_options,
    settings_from,
)
from davserver.editor.saving.forced_saves import Outcome
from davserver.errors import printable
from davserver.model import EditSession, called
from davserver.office import open_sessions
from davserver.providers.timeline import Timeline

_NO_SERVER = "No Document Server is configured: --document-server, --jwt-secret-file, or --config."


@click.group()
def sessions() -> None:
    """Documents that are being edited."""


@sessions.command("list")
@root_option
@place_options
def sessions_list(config: Path | None, **options: Any) -> None:
    """List what is being edited: path, by whom, since when, and until when that is certain."""
    settings = settings_from(config, **options)
    with administered(config, options) as share:
        for one in sorted(open_sessions(settings, share).all.live(), key=lambda one: one.path):
            since, until = one.opened.astimezone(), one.lease_until.astimezone()
            words = [_words(one), f"since {since:%Y-%m-%d %H:%M}", f"until {until:%H:%M:%S}"]
            click.echo("\t".join(words))


@sessions.command("show")
@click.argument("which")
@root_option
@place_options
def sessions_show(which: str, config: Path | None, **options: Any) -> None:
    """Tell what happened in a session: WHICH is a path that is edited, or a session's key."""
    settings = settings_from(config, **options)
    with administered(config, options) as share:
        key = which
        if which.startswith("/"):
            session = open_sessions(settings, share).all.of_file(
                share.files.as_stored(paths.typed(which))
            )
            key = session.key.value if session else ""
        moments = Timeline(share.catalog).of_key(key)
        if not moments:
            fail(f"Nothing is known of {which}.")
        for one in moments:
            words = [f"{one.when.astimezone():%Y-%m-%d %H:%M:%S}", one.what, one.words, one.who]
            click.echo("\t".join(map(printable, words)))


@sessions.command("end")
@click.argument("path")
@root_option
@place_options
@server_options
def sessions_end(path: str, config: Path | None, **options: Any) -> None:
    """End the session of the file at PATH: what was typed is stored, those who edit look on.

    What the Document Server sends after that is put beside the file.
    """
    settings = settings_from(config, **options)
    with administered(config, options) as share:
        ending = open_sessions(settings, share).ending
        if ending is None:
            fail(_NO_SERVER)
        session, outcome = ending.end(share.files.as_stored(paths.typed(path)))
    click.echo(f"{printable(session.path)} is no longer edited.")
    if outcome is Outcome.LATE:
        fail("What was typed last was not stored in time; it will be put beside the file.")


@click.command()
@click.argument("path", default="")
@click.option("--all", "everything", is_flag=True, help="Of all files, as without PATH.")
@click.option(
    "--seconds", type=click.IntRange(1, 3600), default=60, show_default=True, help="Wait so long."
)
@root_option
@place_options
@server_options
def flush(path: str, everything: bool, seconds: int, config: Path | None, **options: Any) -> None:
    """Have what people are typing stored: of the file PATH or all below it; without PATH, of all.

    For backups, and before the server is shut down: it fails unless everything was stored.
    """
    if path and everything:
        raise click.UsageError("Name a PATH, or say --all.")
    settings = settings_from(config, **options)
    late = 0
    with administered(config, options) as share:
        opened = open_sessions(settings, share)
        if opened.forced_saves is None:
            fail(_NO_SERVER)
        top = share.files.as_stored(paths.typed(path or "/"))
        found = [one for one in opened.all.live() if paths.is_within(one.path, top)]
        outcomes = opened.forced_saves.flush(found, seconds)
        for session, outcome in zip(found, outcomes, strict=True):
            click.echo(f"{_words(session)}\t{outcome}")
            late += outcome is Outcome.LATE
    if late:
        fail(f"{late} of {len(found)} could not be stored in {seconds} seconds.")


def _words(session: EditSession) -> str:
    editors = ", ".join(called(name) or "a guest" for name in session.editors)
    return f"{printable(session.path)}\t{editors or 'nobody'}"

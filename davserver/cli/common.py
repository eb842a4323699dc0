"""What the commands share: options that name the folder, and how they fail."""

import getpass
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from davserver.app import audit_of
from davserver.audit import Event
from davserver.errors import DavserverError, SettingsWrong
from davserver.providers.share import Share, open_share
from davserver.setting_sources import read_settings
from davserver.settings import Settings

FAILED, WRONG_USE, UNHEALTHY = 1, 2, 3

# Commands that change nothing are not written down.
_ONLY_LOOK = frozenset({"list", "show", "export", "why"})
_EVENTS = {
    "lock break": Event.LOCK_BROKEN,
    "trash purge": Event.PURGED,
    "trash restore": Event.RESTORED,
    "versions restore": Event.VERSION_RESTORED,
}

_F = TypeVar("_F", bound=Callable[..., Any])


def place_options(command: _F) -> _F:
    """Options that say which folder is meant."""
    for option in (
        click.option("--state-dir", type=click.Path(path_type=Path), help="Where our state is."),
        click.option("--config", type=click.Path(path_type=Path), help="A davserver.toml."),
    ):
        command = option(command)
    return command


def server_options(command: _F) -> _F:
    """Options about the Document Server."""
    for option in (
        click.option(
            "--jwt-secret-file",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="A file with the secret shared with the Document Server.",
        ),
        click.option("--document-server", metavar="URL", help="The Document Server's address."),
    ):
        command = option(command)
    return command


root_option = click.option("--root", type=click.Path(path_type=Path), help="The served folder.")


def settings_from(config: Path | None, **options: Any) -> Settings:
    try:
        return read_settings(config, **options)
    except SettingsWrong as wrong:
        fail(str(wrong), WRONG_USE)


@contextmanager
def administered(config: Path | None, options: dict[str, Any]) -> Iterator[Share]:
    """The share for an administrator's command, which may run beside the server."""
    settings = settings_from(config, **options)
    with words_for_errors():
        share = open_share(
            settings.root,
            settings.state,
            settings.sync,
            connections=2,
            user_quota=settings.user_quota_bytes,
            rules=settings.rules,
        )
        try:
            share.prepare()
            with _written_down(settings):
                yield share
        finally:
            share.close()


@contextmanager
def _written_down(settings: Settings) -> Iterator[None]:
    """Tell the audit log about a command that changes something, and whether it did."""
    context = click.get_current_context()
    command = context.command_path.partition(" ")[2]
    audit = audit_of(settings)
    if audit is None or command.rpartition(" ")[2] in _ONLY_LOOK:
        yield
        return
    arguments = [str(context.params[name]) for name in _words_of(context)]
    outcome = "failed"
    try:
        yield
        outcome = "done"
    finally:
        audit.note(
            _EVENTS.get(command, Event.ADMINISTERED),
            user=getpass.getuser(),
            client="command line",
            command=" ".join([command, *arguments]),
            outcome=outcome,
        )
        audit.close()


def _words_of(context: click.Context) -> list[str]:
    """The names of a command's arguments that were given; options may be secret."""
    arguments = (one.name for one in context.command.params if isinstance(one, click.Argument))
    return [name for name in arguments if name and context.params.get(name)]


@contextmanager
def words_for_errors() -> Iterator[None]:
    try:
        yield
    except SettingsWrong as wrong:
        fail(str(wrong), WRONG_USE)
    except (DavserverError, OSError) as fault:
        fail(str(fault))


def fail(message: str, code: int = FAILED) -> NoReturn:
    click.secho(message, fg="red", err=True)
    sys.exit(code)

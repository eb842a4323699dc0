"""The ``davserver`` command: parse and call, no logic. Exit codes are in docs/configure.md.

0 done · 1 something failed · 2 the command line or a setting is wrong · 3 doctor found a fault
"""

import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
from rich.console import Console
from rich.table import Table

from davserver import __version__, logs, paths
from davserver.accounts import passwords
from davserver.app import create_app, prepare
from davserver.doctor import Finding, examine
from davserver.editor.blank import BlankDocuments
from davserver.errors import DavserverError, SettingsWrong, printable
from davserver.model import Origin, Quota, Trashed, Writer, is_user_name
from davserver.pages import parsed_size, readable_size
from davserver.providers.locks import holder
from davserver.providers.share import DAY, Share, open_share
from davserver.providers.users import User, Users
from davserver.resources import resource_dir
from davserver.samples import make_samples
from davserver.server.listening import inherited_socket, listening_socket, unix_socket
from davserver.server.workers import Listeners, Serving
from davserver.server.workers import serve as serve_app
from davserver.settings import Settings, read_settings

FAILED, WRONG_USE, UNHEALTHY = 1, 2, 3

_F = TypeVar("_F", bound=Callable[..., Any])


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="davserver")
def main() -> None:
    """A WebDAV server with built-in ONLYOFFICE editing."""


def _place_options(command: _F) -> _F:
    """Options that say which folder is meant."""
    for option in (
        click.option("--state-dir", type=click.Path(path_type=Path), help="Where our state is."),
        click.option("--config", type=click.Path(path_type=Path), help="A davserver.toml."),
    ):
        command = option(command)
    return command


def _server_options(command: _F) -> _F:
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


_root_option = click.option("--root", type=click.Path(path_type=Path), help="The served folder.")


@main.command()
@click.argument("root", required=False, type=click.Path(path_type=Path))
@click.option("--host", help="The address to listen on.  [127.0.0.1]")
@click.option("--port", type=int, help="The port to listen on; 0 takes a free one.  [8080]")
@_place_options
@_server_options
@click.option(
    "--anonymous",
    type=click.Choice(["none", "read", "write"]),
    help="What people may do without signing in.  [none]",
)
@click.option("--workers", type=int, help="Processes that serve.  [1]")
@click.option("--i-know", is_flag=True, default=None, help="Yes, let strangers write.")
def serve(config: Path | None, **options: Any) -> None:
    """Serve the folder ROOT, or that of the settings, else the present one."""
    settings = _settings(config, **options)
    logs.configure(settings.log_format, settings.log_level)
    with _words_for_errors():
        listeners = _listeners(settings)
        password = prepare(settings)
        _greet(settings, listeners.main, password)

        def again() -> Serving:
            # Root and sockets stay: they are in use.
            return _serving(read_settings(config, **{**options, "root": settings.root}))

        try:
            serve_app(listeners, _serving(settings), again)
        finally:
            if settings.unix_socket:
                settings.unix_socket.unlink(missing_ok=True)


@main.group()
def user() -> None:
    """People who may sign in."""


@user.command("add")
@click.argument("name")
@click.option("--administrator", is_flag=True, help="May administer the server.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@_root_option
@_place_options
def user_add(
    name: str, administrator: bool, password_stdin: bool, config: Path | None, **options: Any
) -> None:
    """Add the user NAME."""
    if not is_user_name(name):
        _fail("A name has 1 to 64 characters, none of them : / \\ or a control character.")
    with _share(config, options) as share:
        secret = _password(password_stdin)
        if not Users(share.catalog).add(User(name, passwords.hashed(secret), administrator)):
            _fail(f"There is a user {name} already. Change the password with: user passwd {name}")
    click.echo(f"{name} may sign in now.")


@user.command("passwd")
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@_root_option
@_place_options
def user_passwd(name: str, password_stdin: bool, config: Path | None, **options: Any) -> None:
    """Change the password of NAME; signs NAME out everywhere."""
    with _share(config, options) as share:
        users = Users(share.catalog)
        if users.find(name) is None:
            _fail(f"There is no user {name}.")
        users.set_password_hash(name, passwords.hashed(_password(password_stdin)))
    click.echo(f"The password of {name} is changed.")


@user.command("remove")
@click.argument("name")
@_root_option
@_place_options
def user_remove(name: str, config: Path | None, **options: Any) -> None:
    """Remove the user NAME. The files stay."""
    with _share(config, options) as share:
        if not Users(share.catalog).remove(name):
            _fail(f"There is no user {name}.")
    click.echo(f"{name} can no longer sign in.")


@user.command("list")
@click.argument("name", required=False)
@_root_option
@_place_options
def user_list(name: str | None, config: Path | None, **options: Any) -> None:
    """List the users, or just NAME."""
    with _share(config, options) as share:
        found = [one for one in Users(share.catalog).all() if name in (None, one.name)]
    if name and not found:
        _fail(f"There is no user {name}.")
    for one in found:
        role = "administrator" if one.is_administrator else "user"
        click.echo(f"{one.name}\t{role}")


@main.group()
def versions() -> None:
    """Earlier states of files."""


@versions.command("list")
@click.argument("path")
@_root_option
@_place_options
def versions_list(path: str, config: Path | None, **options: Any) -> None:
    """List the states that the file PATH had (a path as in the address, like /docs/a.docx)."""
    with _share(config, options) as share:
        found = share.files.versions(_resource(path))
    table = Table("version", "saved", "by", "from", "size", box=None)
    for one in reversed(found):
        saved = f"{one.saved.astimezone():%Y-%m-%d %H:%M:%S}"
        name = f"{one.number} (current)" if one.is_current else str(one.number)
        table.add_row(name, saved, one.author or "-", one.origin.value, readable_size(one.size))
    Console(highlight=False).print(table)


@versions.command("restore")
@click.argument("path")
@click.argument("number", type=int)
@_root_option
@_place_options
def versions_restore(path: str, number: int, config: Path | None, **options: Any) -> None:
    """Make version NUMBER of PATH the content again; the present one stays as a version."""
    with _share(config, options) as share:
        writer = Writer("", author="administrator", origin=Origin.RESTORE)
        share.files.restore(_resource(path), number, writer)
    click.echo(f"{path} is as it was in version {number}.")


@main.group()
def trash() -> None:
    """What was deleted."""


@trash.command("list")
@_root_option
@_place_options
def trash_list(config: Path | None, **options: Any) -> None:
    """List what lies in the trash, what was deleted last first."""
    table = Table("id", "was", "deleted", "by", "size", box=None)
    with _share(config, options) as share:
        for one in share.trash.all():
            size = "folder" if one.entry.is_folder else readable_size(one.entry.size)
            deleted = f"{one.deleted.astimezone():%Y-%m-%d %H:%M:%S}"
            table.add_row(one.id[:12], printable(one.path), deleted, one.deleted_by or "-", size)
    Console(highlight=False, soft_wrap=True).print(table)


@trash.command("restore")
@click.argument("identity", metavar="ID")
@_root_option
@_place_options
def trash_restore(identity: str, config: Path | None, **options: Any) -> None:
    """Put back what has this ID in the list, or an ID that begins so."""
    with _share(config, options) as share:
        one = _trashed(share, identity)
        writer = Writer("", author="administrator", origin=Origin.RESTORE)
        path = share.trash.restore(one.id, writer)
    click.echo(f"Restored as {printable(path)}.")
    if paths.name(path) != one.name:
        click.echo("Its old name is taken by something else now.")


@trash.command("purge")
@click.argument("identities", metavar="[ID]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Everything in the trash.")
@click.option("--older-than", type=click.IntRange(min=0), metavar="DAYS", help="What lies longer.")
@_root_option
@_place_options
def trash_purge(
    identities: tuple[str, ...],
    everything: bool,
    older_than: int | None,
    config: Path | None,
    **options: Any,
) -> None:
    """Delete for good, with all earlier versions: by ID, by age, or everything."""
    if sum((bool(identities), everything, older_than is not None)) != 1:
        _fail("Say what: one or more IDs, --older-than DAYS, or --all.", WRONG_USE)
    with _share(config, options) as share:
        if identities:
            for one in [_trashed(share, identity) for identity in identities]:
                share.trash.purge(one.id)
            count = len(identities)
        else:
            count = share.trash.purge_older_than(time.time() - (older_than or 0) * DAY)
    click.echo(f"{count} deleted for good.")


@main.group()
def lock() -> None:
    """Locks that clients and editing sessions hold."""


@lock.command("list")
@click.argument("path", default="/")
@_root_option
@_place_options
def lock_list(path: str, config: Path | None, **options: Any) -> None:
    """List the locks on PATH and below it; without PATH, all."""
    with _share(config, options) as share:
        found = share.locks.within(_resource(path))
    for one in found:
        until = f"until {one.expires.astimezone():%Y-%m-%d %H:%M:%S}"
        reach = "with all below" if one.deep else "alone"
        words = (printable(one.root), holder(one), one.scope.value, reach, until, one.token)
        click.echo("\t".join(words))


@lock.command("break")
@click.argument("target", metavar="PATH_OR_TOKEN")
@_root_option
@_place_options
def lock_break(target: str, config: Path | None, **options: Any) -> None:
    """Take away the lock with a token, or all locks on a path; also those of editing sessions.

    Whoever held one can no longer save with it, and is told so by the program. An editing session's
    later save still arrives: beside the file, if somebody wrote it meanwhile.
    """
    with _share(config, options) as share:
        by_token = target.startswith("urn:")
        for one in share.locks.break_up(target if by_token else _resource(target)):
            click.echo(f"{printable(one.root)} is no longer locked by {holder(one)}.")


@main.group()
def quota() -> None:
    """How many bytes folders and users may have."""


@quota.command("set")
@click.argument("subject", metavar="FOLDER_OR_USER")
@click.argument("size")
@_root_option
@_place_options
def quota_set(subject: str, size: str, config: Path | None, **options: Any) -> None:
    """Allot SIZE (like 500M or 20G) to a folder, as in /docs, or to a user, as in ann.

    A folder's quota counts everything in it, a user's the files that the user created; earlier
    versions and the trash are not counted. Writers wait until everything is counted.
    """
    limit = parsed_size(size)
    if limit is None:
        _fail(f"{size} is no size; write it like 500M or 20G.", WRONG_USE)
    with _share(config, options) as share:
        if not subject.startswith("/") and Users(share.catalog).find(subject) is None:
            _fail(f"There is no user {subject}. A folder is written like /docs.")
        _print_quota(share.quotas.set(_subject(subject), limit))


@quota.command("show")
@click.argument("subject", metavar="[FOLDER_OR_USER]", required=False)
@_root_option
@_place_options
def quota_show(subject: str | None, config: Path | None, **options: Any) -> None:
    """Show every quota with what is in use, or that of one folder or user."""
    with _share(config, options) as share:
        found = share.quotas.all()
    if subject:
        found = [one for one in found if one.subject == _subject(subject)]
        if not found:
            _fail(f"{subject} has no quota.")
    for one in found:
        _print_quota(one)


@quota.command("clear")
@click.argument("subject", metavar="FOLDER_OR_USER")
@_root_option
@_place_options
def quota_clear(subject: str, config: Path | None, **options: Any) -> None:
    """Take the quota of a folder or user away."""
    with _share(config, options) as share:
        if not share.quotas.clear(_subject(subject)):
            _fail(f"{subject} has no quota.")
    click.echo(f"{subject} has no quota any more.")


@quota.command("check")
@_root_option
@_place_options
def quota_check(config: Path | None, **options: Any) -> None:
    """Count all files anew and set right what is booked; other programs change it unseen."""
    with _share(config, options) as share:
        wrong = share.quotas.check()
    for one, used in wrong:
        click.echo(f"{printable(one.subject)}: {one.used} bytes were booked, {used} are in use.")
    click.echo("Everything is booked right now." if wrong else "Everything was booked right.")


@main.command()
@click.argument("root", type=click.Path(path_type=Path))
def samples(root: Path) -> None:
    """Make the folder ROOT with a few documents to try things out."""
    if root.exists():
        _fail(f"{root} exists already; nothing was changed.")
    with _words_for_errors():
        make_samples(root, BlankDocuments(resource_dir("templates")))
    click.echo(f"{root} holds a few documents.")


@main.command()
@click.argument("root", required=False, type=click.Path(path_type=Path))
@_place_options
@_server_options
def doctor(config: Path | None, **options: Any) -> None:
    """Examine settings, folder, catalog and Document Server, and say what to do."""
    settings = _settings(config, **options)
    healthy = True
    for finding in examine(settings):
        healthy &= finding.is_good
        _print_finding(finding)
    if not healthy:
        sys.exit(UNHEALTHY)


def _settings(config: Path | None, **options: Any) -> Settings:
    try:
        return read_settings(config, **options)
    except SettingsWrong as wrong:
        _fail(str(wrong), WRONG_USE)


@contextmanager
def _share(config: Path | None, options: dict[str, Any]) -> Iterator[Share]:
    """The share for an administrator's command, which may run beside the server."""
    settings = _settings(config, **options)
    with _words_for_errors():
        share = open_share(
            settings.root,
            settings.state,
            settings.sync,
            connections=2,
            user_quota=settings.user_quota_bytes,
        )
        try:
            share.prepare()
            yield share
        finally:
            share.close()


@contextmanager
def _words_for_errors() -> Iterator[None]:
    try:
        yield
    except SettingsWrong as wrong:
        _fail(str(wrong), WRONG_USE)
    except (DavserverError, OSError) as fault:
        _fail(str(fault))


def _fail(message: str, code: int = FAILED) -> NoReturn:
    click.secho(message, fg="red", err=True)
    sys.exit(code)


def _serving(settings: Settings) -> Serving:
    return Serving(
        lambda: create_app(settings),
        settings.workers,
        settings.threads,
        settings.tls_certificate,
        settings.tls_key,
        settings.proxy_protocol,
        settings.stop_seconds,
    )


def _listeners(settings: Settings) -> Listeners:
    """The sockets to serve on: systemd's if it hands one over, else our own."""
    main = inherited_socket()
    if main is None and settings.unix_socket:
        main = unix_socket(settings.unix_socket, int(settings.unix_socket_mode, 8))
    if main is None:
        main = _bound(settings.host, settings.port, "port")
    redirect = None
    if settings.redirect_port:
        redirect = _bound(settings.host, settings.redirect_port, "redirect-port")
    return Listeners(main, redirect)


def _bound(host: str, port: int, option: str) -> socket.socket:
    try:
        return listening_socket(host, port)
    except OSError as fault:
        reason = fault.strerror or str(fault)
        _fail(
            f"Cannot listen on {host} port {port}: {reason}. "
            f"Choose another one with host and {option}."
        )


def _greet(settings: Settings, listener: socket.socket, password: str | None) -> None:
    """Say where the server is and who may sign in."""
    click.echo(f"davserver {__version__} serves {settings.root}")
    click.echo(f"  Address:        {settings.public_url or _address(settings, listener)}/")
    if settings.anonymous != "none":
        click.echo(f"  Without a name: may {settings.anonymous}")
    click.echo(f"  Administrator:  {settings.admin_name}")
    if password:
        click.echo(f"  Password:       {password}   (shown this once; keep it)")
    server = settings.document_server or "none; documents open once --document-server names one"
    click.echo(f"  ONLYOFFICE:     {server}")
    sys.stdout.flush()


def _address(settings: Settings, listener: socket.socket) -> str:
    """The address of a listening socket, for people."""
    bound = listener.getsockname()
    if not isinstance(bound, tuple):
        return f"unix:{bound}"
    host = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
    return f"{'https' if settings.tls_certificate else 'http'}://{host}:{bound[1]}"


def _password(from_stdin: bool) -> str:
    if from_stdin:
        secret = sys.stdin.readline().rstrip("\n")
    else:
        secret = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    if len(secret) < passwords.MIN_LENGTH:
        _fail(f"A password has at least {passwords.MIN_LENGTH} characters.")
    return str(secret)


def _resource(path: str) -> str:
    return paths.resource_path(paths.href("/" + path.strip("/")))


def _trashed(share: Share, identity: str) -> Trashed:
    """The one thing in the trash whose id begins so."""
    found = [one for one in share.trash.all() if identity and one.id.startswith(identity)]
    if len(found) != 1:
        what = "Nothing" if not found else "More than one thing"
        _fail(f"{what} in the trash has an id that begins with {identity}: davserver trash list")
    return found[0]


def _subject(text: str) -> str:
    """Whose quota is meant: a folder's path, or a user's name."""
    return _resource(text) if text.startswith("/") else text


def _print_quota(one: Quota) -> None:
    limit = "no limit" if one.limit is None else f"of {readable_size(one.limit)}"
    click.echo(f"{printable(one.subject)}\t{readable_size(one.used)} in use\t{limit}")


def _print_finding(finding: Finding) -> None:
    mark = click.style("ok  ", fg="green") if finding.is_good else click.style("BAD ", fg="red")
    click.echo(f"{mark}{finding.subject}: {finding.words}")
    if finding.cure:
        click.echo(f"      {finding.cure}")

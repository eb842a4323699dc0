"""``davserver serve``."""

import socket
import sys
from pathlib import Path
from typing import Any

import click

from davserver import __version__, logs
from davserver.app import create_app, prepare, warn_of
from davserver.cli.common import (
    fail,
    place_options,
    server_options,
    settings_from,
    words_for_errors,
)
from davserver.server.listening import inherited_socket, listening_socket, unix_socket
from davserver.server.workers import Listeners, Serving
from davserver.server.workers import serve as serve_app
from davserver.settings import Settings


@click.command()
@click.argument("root", required=False, type=click.Path(path_type=Path))
@click.option("--host", help="The address to listen on.  [127.0.0.1]")
@click.option("--port", type=int, help="The port to listen on; 0 takes a free one.  [8080]")
@place_options
@server_options
@click.option(
    "--anonymous",
    type=click.Choice(["none", "read", "write"]),
    help="What people may do without signing in.  [none]",
)
@click.option("--workers", type=int, help="Processes that serve.  [1]")
@click.option("--i-know", is_flag=True, default=None, help="Yes, let strangers write.")
def serve(config: Path | None, **options: Any) -> None:
    """Serve the folder ROOT, or that of the settings, else the present one."""
    # Root and sockets stay: they are in use.
    root = settings_from(config, **options).root
    settings = settings_from(config, **{**options, "root": root})
    logs.configure(settings.log_format, settings.log_level)
    with words_for_errors():
        listeners = _listeners(settings)
        password = prepare(settings)
        _greet(settings, listeners.main, password)

        def again() -> Serving:
            new = settings.sources.read()
            warn_of(new)
            return _serving(new)

        try:
            serve_app(listeners, _serving(settings), again)
        finally:
            if settings.unix_socket:
                settings.unix_socket.unlink(missing_ok=True)


def _serving(settings: Settings) -> Serving:
    return Serving(
        lambda renew: create_app(settings, renew),
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
        fail(
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

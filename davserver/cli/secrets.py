"""``davserver secret``: makes what both servers sign with."""

import os
import secrets
from pathlib import Path

import click

from davserver.cli.common import fail
from davserver.document_servers import MIN_SECRET_BYTES


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
def secret(file: Path) -> None:
    """Make a secret for the Document Server and write it into FILE, which only you can read.

    Name the file with jwt_secret_file, and give the Document Server the same secret.
    """
    made = secrets.token_hex(MIN_SECRET_BYTES)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        fail(f"{file} exists already; nothing was changed.")
    except OSError as fault:
        fail(f"{file}: {fault.strerror}")
    with os.fdopen(descriptor, "w") as written:
        os.fchmod(descriptor, 0o600)
        written.write(made + "\n")
    click.echo(f"{file} holds a new secret of {MIN_SECRET_BYTES} bytes.")
    click.echo(f'davserver:       jwt_secret_file = "{file.resolve()}"')
    click.echo(f"Document Server: JWT_SECRET=$(cat {file.resolve()})  (Docker), or local.json")

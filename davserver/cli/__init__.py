"""The ``davserver`` command: parse and call, no logic. Exit codes are in docs/configure.md.

0 done · 1 something failed · 2 the command line or a setting is wrong · 3 doctor found a fault
"""

import click

from davserver import __version__
from davserver.cli.access import access, why
from davserver.cli.app_passwords import app_password, second_factor
from davserver.cli.audit import audit
from davserver.cli.checks import doctor, samples
from davserver.cli.groups import group
from davserver.cli.links import link
from davserver.cli.locks import lock
from davserver.cli.quotas import quota
from davserver.cli.rescue import rescue
from davserver.cli.secrets import secret
from davserver.cli.serving import serve
from davserver.cli.sessions import flush, sessions
from davserver.cli.trash import trash
from davserver.cli.users import user
from davserver.cli.versions import versions


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="davserver")
def main() -> None:
    """A WebDAV server with built-in ONLYOFFICE editing."""


_COMMANDS = (
    serve,
    user,
    group,
    access,
    link,
    why,
    versions,
    trash,
    lock,
    sessions,
    flush,
    quota,
    audit,
    rescue,
    doctor,
    secret,
    samples,
)

user.add_command(app_password)
user.add_command(second_factor)
for _command in _COMMANDS:
    main.add_command(_command)

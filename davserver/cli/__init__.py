"""The ``davserver`` command: parse and call, no logic. Exit codes are in docs/configure.md.

0 done · 1 something failed · 2 the command line or a setting is wrong · 3 doctor found a fault
"""

import click

from davserver import __version__
from davserver.cli.access import access, why
from davserver.cli.audit import audit
from davserver.cli.checks import doctor, samples
from davserver.cli.locks import lock
from davserver.cli.quotas import quota
from davserver.cli.serving import serve
from davserver.cli.trash import trash
from davserver.cli.users import user
from davserver.cli.versions import versions


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="davserver")
def main() -> None:
    """A WebDAV server with built-in ONLYOFFICE editing."""


for _command in (serve, user, versions, trash, lock, quota, access, why, audit, doctor, samples):
    main.add_command(_command)

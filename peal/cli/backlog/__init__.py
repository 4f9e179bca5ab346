"""`peal backlog`: the commands on items; one file for each."""

import click

from peal.cli.lazy_group import LazyGroup

_COMMANDS = (
    "init",
    "add",
    "list",
    "show",
    "edit",
    "advance",
    "block",
    "unblock",
    "close",
    "triage",
    "run",
    "status",
    "import",
    "export",
)
"""In the order they are listed in."""


@click.group(cls=LazyGroup, package="peal.cli.backlog", names=_COMMANDS)
def backlog() -> None:
    """Wishes kept in the repository as files, each of which goes through a pipeline of phases."""

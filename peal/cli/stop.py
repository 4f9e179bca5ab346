"""`peal stop`: ends the run that goes on."""

import os
import signal
import time
from pathlib import Path

import click

from peal.cli.options import repo_paths_of, repository
from peal.errors import PealError
from peal.record import lock

_STOP_WITHIN = 30.0


@click.command()
@repository
def stop(repo: Path) -> int:
    """End the run that goes on in this repository, as Ctrl-C would."""
    repo_paths = repo_paths_of(repo)
    holder = lock.owner(repo_paths)
    if holder is None or not holder.is_alive:
        click.echo(f"nothing runs in `{repo_paths.repo}`")
        return 0
    try:
        os.kill(holder.pid, signal.SIGINT)
    except OSError as error:
        raise PealError(
            f"cannot stop process {holder.pid}: {error.strerror}; it belongs to somebody else"
        ) from None
    until = time.monotonic() + _STOP_WITHIN
    while holder.is_alive:
        if time.monotonic() > until:
            raise PealError(
                f"process {holder.pid} has not ended after {_STOP_WITHIN:.0f} seconds; `peal stop` again"
            )
        time.sleep(0.05)
    click.echo("stopped\nnext: `peal resume` to go on where it stopped")
    return 0

"""`peal machine`: the far end of a pipe, on a machine where attempts run."""

import os
from pathlib import Path
from uuid import uuid4

import click

from peal.machines.protocol import SILENCE
from peal.machines.rpc import Peer
from peal.machines.site import Site
from peal.system.scratch import watched
from peal.system.signals import Stopped, listening


@click.command()
@click.option(
    "--home",
    type=click.Path(path_type=Path),
    help="Where stores and trees are kept; by default `peal/machines` in the user's cache.",
)
def machine(home: Path | None) -> int:
    """
    Carry out attempts for a peal elsewhere, which starts this by ssh or the like and speaks with it through its standard
    streams.

    It ends with them, and with all that it has started.
    """
    place = home or _cache() / "peal" / "machines"
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    read, write = _streams()
    life = uuid4().hex
    with listening() as hearing, watched(life, lambda text: click.echo(text, err=True)) as scratch:
        site = Site(place, scratch, life)
        try:
            site.peer = Peer(read, write, site.methods(), SILENCE)
            code, why = 0, site.peer.serve()
        except Stopped as stopped:
            code, why = stopped.code, str(stopped)
        finally:
            hearing.end()
            site.end()
    click.echo(f"ended: {why}", err=True)
    return code


def _streams() -> tuple[int, int]:
    """Standard input and output for the other end alone: nothing else may be read or printed there."""
    read, write = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.close(null)
    return read, write


def _cache() -> Path:
    """See the XDG Base Directory Specification."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")

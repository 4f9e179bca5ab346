"""`peal init`: a settings file that lists every key."""

from pathlib import Path

import click

from peal import settings
from peal.cli.options import repository
from peal.errors import PealError
from peal.settings.page import new_file
from peal.system import git


@click.command()
@repository
def init(repo: Path) -> int:
    """Write a peal.toml that lists every key with its meaning and its default, all commented out."""
    path = git.top_level(repo) / settings.FILE
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(new_file())
    except FileExistsError:
        raise PealError(
            f"`{path}` is already there; change it with `peal config KEY VALUE`, or take it away for a new one"
        ) from None
    except OSError as error:
        raise PealError(f"cannot write `{path}`: {error.strerror}; make its folder writable") from None
    click.echo(f"written to `{path}`\nnext: edit it, or `peal config KEY VALUE`")
    return 0

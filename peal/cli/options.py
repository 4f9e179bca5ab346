"""What several commands need: the repository, settings as flags, what is not to be shown."""

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

import click

from peal import settings
from peal.errors import PealError
from peal.record import batch_file
from peal.record.batch import Batch
from peal.settings.secret_values import secrets_of
from peal.system import git
from peal.system.layout import RepoPaths
from peal.text.redaction import redactor, secrets

F = TypeVar("F", bound=Callable[..., Any])


def repository(function: F) -> F:
    """`--repo DIR`."""
    return click.option(
        "--repo",
        type=click.Path(path_type=Path),
        default=Path(),
        help="The repository; default: the one you are in.",
    )(function)


def plan_option(function: F) -> F:
    """`--plan FILE`."""
    return click.option(
        "--plan", type=click.Path(path_type=Path), help="The plan; default: the latest run's."
    )(function)


def format_option(function: F) -> F:
    """`--format NAME`."""
    return click.option(
        "--format",
        "format_name",
        metavar="NAME",
        help="Read the plan in this format, not in the one that `peal check` tells; docs/formats.md has them all.",
    )(function)


def as_json(function: F) -> F:
    """`--json`."""
    return click.option("--json", "json_", is_flag=True, help="Print JSON.")(function)


def settings_beside_flags(function: F) -> F:
    """`--config FILE` and `--set KEY=VALUE`."""
    config = click.option("--config", type=click.Path(path_type=Path), help="Instead of peal.toml.")
    sets = click.option(
        "--set", "sets", multiple=True, metavar="KEY=VALUE", help="Any key: phases.plan.model=opus."
    )
    return config(sets(function))


def some_setting_flags(*names: str) -> Callable[[F], F]:
    """The flags for these keys of the settings; None where one was not given."""
    keys = {key.name: key for key in settings.scalars()}

    def with_flags(function: F) -> F:
        for name in reversed(names):
            function = _flag(keys[name])(function)
        return function

    return with_flags


def setting_flags(function: F) -> F:
    """A flag for every scalar key of the settings, and for other names of them; None where it was not given."""
    keys = {key.name: key for key in settings.scalars()}
    for other, first in settings.OTHER_NAMES.items():
        about = f"Another name for --{settings.flag_of(keys[first])}."
        function = _option(other, other.replace("_", "-"), keys[first].type, about)(function)
    for key in reversed(keys.values()):
        function = _flag(key)(function)
    return function


def _flag(key: Any) -> Callable[[F], F]:
    about = key.metadata["help"]
    about = about[0].upper() + about[1:] + "."
    return _option(key.name, settings.flag_of(key), key.type, about)


def _option(name: str, flag: str, of: Any, about: str) -> Callable[[F], F]:
    kind = _plain_type(of)
    if kind is bool:
        return click.option(f"--{flag}/--no-{flag}", name, default=None, help=about)
    if get_origin(kind) is Literal:
        return click.option(f"--{flag}", name, type=click.Choice(list(get_args(kind))), help=about)
    plain = {int: click.INT, float: click.FLOAT}.get(kind, click.STRING)
    return click.option(f"--{flag}", name, type=plain, help=about)


def _plain_type(kind: Any) -> Any:
    return (
        next((part for part in get_args(kind) if part is not type(None)), kind)
        if not isinstance(kind, type) and get_origin(kind) is not Literal
        else kind
    )


def check_new(output: Path) -> None:
    """PealError if there is a file already, or there can be none: better before something is done for it."""
    if os.path.lexists(output):
        raise _taken(output)
    above = next(folder for folder in output.absolute().parents if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        why = os.strerror(errno.EACCES if above.is_dir() else errno.ENOTDIR)
        raise PealError(f"cannot write `{output}`: {why}; name another file")


def write_new(output: Path, raw: bytes) -> None:
    """Write a file that is not there yet, and tell where; PealError if it is, or cannot be written."""
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with output.open("xb") as file:
            file.write(raw)
    except FileExistsError:
        raise _taken(output) from None
    except OSError as error:
        raise PealError(f"cannot write `{output}`: {error.strerror}; name another file") from None
    click.echo(f"written to `{output}`")


def _taken(output: Path) -> PealError:
    return PealError(f"`{output}` is already there; name another file or take it away")


def standard_input(at_most: int = -1) -> bytes:
    """All that comes on standard input, or so many bytes of it; PealError if there is none, or it cannot be read."""
    if sys.stdin is None:  # peal was started with `<&-`
        raise PealError(
            "standard input is closed; put something into it: `COMMAND | peal …`, or `peal … <FILE`"
        )
    try:
        return sys.stdin.buffer.read(at_most)
    except OSError as error:
        raise PealError(
            f"standard input cannot be read: {error.strerror}; put something into it: `peal … <FILE`"
        ) from None


def hidden(repo: Path) -> Callable[[str], str]:
    """Takes secrets out of what is shown; settings that cannot be read name none of their own."""
    try:
        return redactor(secrets_of(settings.load(repo, {})))
    except PealError:
        return redactor(secrets(os.environ.items()))


def repo_paths_of(repo: Path) -> RepoPaths:
    """Where peal's memory of the repository around `repo` lies; PealError if it cannot lie there."""
    repo_paths = RepoPaths(git.top_level(repo))
    repo_paths.check()
    return repo_paths


def readable_batch(repo_paths: RepoPaths) -> Batch | None:
    """The unfinished batch of a repository; None if there is none, or, with a word on stderr, if its file cannot be read."""
    try:
        return batch_file.read(repo_paths.batch)
    except PealError as error:
        click.echo(f"note: {error}", err=True)
        return None

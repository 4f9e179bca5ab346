"""`peal draft`: a plan for a wish, written by an agent."""

import os
import shlex
from pathlib import Path
from typing import Any

import click

from peal.cli import check
from peal.cli.options import (
    check_new,
    repo_paths_of,
    repository,
    settings_beside_flags,
    some_setting_flags,
    standard_input,
    write_new,
)
from peal.cli.prompt import instructions
from peal.errors import PealError
from peal.jobs.plan_files import read_plan
from peal.jobs.resolve import reader_of
from peal.run.draft import Draft, drafted
from peal.run.session import session_when_needed
from peal.run.written_plan import EndedError, WrittenPlan
from peal.settings import load
from peal.system.layout import RepoPaths
from peal.system.signals import Stopped, listening
from peal.text.display import decoded
from peal.text.names import first_words

_FOLDER = "plans"
"""Where plans are put whose place nobody names."""


@click.command()
@click.argument("wish")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="The new file for the plan; default: in the repository's plans/, named by the first words.",
)
@repository
@some_setting_flags("agent", "model", "max_cost", "max_tokens", "normalize_retry_count", "phase_timeout_sec")
@settings_beside_flags
def draft(wish: str, output: Path | None, repo: Path, **options: Any) -> int:
    """
    Have an agent write a plan for WISH, such as "rate limits for the public API"; `-` reads it from standard input.

    The agent of `plan` reads the repository and changes nothing. Its answer is checked, handed back while it has problems,
    written to a new file and shown; nothing of it is carried out.

    Exit codes: 0 written, 1 no plan came of it, 5 another peal is at work, 130 interrupted.
    """
    with listening() as hearing:
        try:
            text = _read(wish)
            repo_paths = repo_paths_of(repo)
            path = output or _default(repo_paths, text)
            check_new(path)
            found = _drafted(text, path, repo_paths, options)
            hearing.end()  # from here on there is a plan
        except Stopped as stopped:
            raise EndedError(stopped.number, "before there was a plan; nothing was written") from None
        _write(path, found)
        for line in check.lines(read_plan(path, repo_paths)):  # as a run is going to read it
            click.echo(line)
        elsewhere = f" --repo {shlex.quote(str(repo))}" if repo != Path() else ""
        click.echo(f"next: `peal run {shlex.quote(str(path))}{elsewhere}` to carry it out")
    return 0


def _read(wish: str) -> str:
    """The wish itself; PealError if it is empty or cannot be read."""
    try:
        text = decoded(standard_input()) if wish == "-" else wish
    except ValueError as error:
        raise PealError(f"the wish on standard input cannot be read: {error}") from None
    if not text.strip():
        raise PealError(
            'the wish is empty; say what you want, such as `peal draft "a page that lists users"`'
        )
    return text


def _default(repo_paths: RepoPaths, wish: str) -> Path:
    path = repo_paths.repo / _FOLDER / f"{first_words(wish)}.md"
    return Path(os.path.relpath(path))


def _drafted(wish: str, path: Path, repo_paths: RepoPaths, options: dict[str, Any]) -> WrittenPlan:
    sets, config = options.pop("sets"), options.pop("config")
    flags = {name: value for name, value in options.items() if value is not None}
    roster = reader_of(repo_paths, load(repo_paths.repo, flags, sets, config))
    with session_when_needed(repo_paths) as open_session:
        return drafted(Draft(wish, instructions(), path, roster, open_session, _tell))


def _tell(text: str) -> None:
    """On stderr: the plan alone is for stdout."""
    click.echo(text, err=True)


def _write(path: Path, found: WrittenPlan) -> None:
    try:
        write_new(path, f"{found.text.rstrip()}\n".encode("utf-8", "replace"))
    except PealError as error:
        raise PealError(f"{error}; the plan is kept in `{found.transcript / 'reply.md'}`") from None

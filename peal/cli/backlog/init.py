"""`peal backlog init`: where items are, and what their ids begin with."""

import os
from pathlib import Path

import click

from peal import settings
from peal.backlog.changing import foreign_told
from peal.backlog.place import Place
from peal.backlog.store import ARCHIVE
from peal.cli.options import repo_paths_of, repository
from peal.cli.settings_file import SettingsFile
from peal.errors import PealError
from peal.settings import BacklogSettings
from peal.settings.editing import with_value
from peal.settings.page import new_file
from peal.text.display import harmless


@click.command()
@click.option("--prefix", metavar="WORD", help="What ids begin with; default: WRK.")
@click.option("--folder", metavar="DIR", help="Where the items are, in the repository; default: backlog.")
@repository
def init(prefix: str | None, folder: str | None, repo: Path) -> int:
    """Make the folders of a backlog and set them in peal.toml. What is there already stays."""
    repo_paths = repo_paths_of(repo)
    known = settings.load(repo_paths.repo, {})
    given = {"folder": folder or known.backlog.folder, "prefix": prefix or known.backlog.prefix}
    wanted, wrong = settings.structured(given, BacklogSettings)
    if wrong:
        raise PealError("\n".join(f"`--{key}` {harmless(problem)}" for key, problem in wrong))
    place = Place.of(repo_paths, wanted)
    relative = place.folder.relative_to(repo_paths.repo).as_posix()
    is_new = known.origins.get("backlog.folder") is None or relative != os.path.normpath(known.backlog.folder)
    if is_new and (names := place.read().foreign()):
        raise PealError(foreign_told(place.folder, names))
    _make(place.folder / ARCHIVE)
    _write(repo_paths.repo / settings.FILE, {"backlog.folder": relative, "backlog.prefix": wanted.prefix})
    click.echo(f"items are in `{harmless(relative)}`, and their ids begin with `{wanted.prefix}-`")
    click.echo("next: `peal backlog add TITLE`")
    return 0


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PealError(f"cannot make `{folder}`: {error.strerror}; choose another with --folder") from None


def _write(path: Path, values: dict[str, str]) -> None:
    """Put the values into the settings file where it does not say so already; a new one lists every key."""
    file = SettingsFile.of(path, settings.FILE)
    text = file.text or new_file()
    tree = settings.checked(text)[0].get("backlog", {})
    for key, value in values.items():
        if tree.get(key.partition(".")[2]) != value:
            try:
                text = with_value(text, key, value)
            except ValueError as error:
                raise PealError(f"{error}; `{settings.FILE}` is as it was") from None
    if text != file.text:
        file.write(text)
        click.echo(f"written to `{path}`")

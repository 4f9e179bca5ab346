"""The files by which the next run, or the person's git, would be told what to execute: nobody changes them unseen."""

import os
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

from peal.classes import frozen
from peal.settings import FILE, Settings
from peal.settings.pipelines import item_phases, pipelines, workflow_files
from peal.system import git
from peal.system.process import arguments

_INTERPRETERS = re.compile(
    r"(env|nice|time|sh|bash|dash|zsh|ksh|fish|python[\d.]*|node|deno|bun|ruby|perl|php|lua|Rscript)"
)
_PROGRAMS = re.compile(
    r"filter\..*\.(clean|smudge|process)|merge\..*\.driver|diff\..*\.(command|textconv)", re.IGNORECASE
)
"""Settings of git's that name a command; see gitattributes(5)."""


@frozen
class Guarded:
    """Paths relative to the repository's root; a folder stands for all that is in it."""

    files: frozenset[str]
    folders: tuple[str, ...] = ()

    def among(self, paths: Iterable[str]) -> list[str]:
        """Those of some paths that are guarded."""
        return [path for path in paths if path in self.files or path.startswith(self.folders)]


def guarded(repo: Path, settings: Settings, config: Path | None, hooks: Path) -> Guarded:
    """
    The settings file itself, the programs that it names and what it has agents told, as far as they lie in the repository, and
    git's the same; `hooks` is the folder of the person's.

    A program is the first word of a command, what an interpreter among its words is to run, and what is executable.
    """
    files = {FILE, *_programs(repo, _commands(settings)), *_of_git(repo)}
    folders = [str(hooks), *([settings.prompts] if settings.prompts else [])]
    for path in (config, settings.normalize_prompt_path, *workflow_files(pipelines(settings))):
        files |= _inside(repo, [str(path)] if path else [])
    inside = (f"{path.rstrip('/')}/" for path in _inside(repo, folders) if path not in ("", "."))
    return Guarded(frozenset(files), tuple(inside))


def _commands(settings: Settings) -> Iterator[Sequence[str]]:
    lines = [
        settings.worktree_setup,
        settings.stet_path,
        *settings.post_run_commands,
        *settings.stet_commands,
    ]
    reviewers = (reviewer.command for reviewer in settings.reviewers)
    for line in (*lines, *reviewers, *(phase.command for phase in item_phases(pipelines(settings)))):
        if line:
            yield arguments(line)
    yield settings.notify.command
    for agent in settings.agents.values():
        yield from (agent.command, agent.plan, agent.execute, agent.address)


def _programs(repo: Path, commands: Iterable[Sequence[str]]) -> set[str]:
    return {path for words in commands for path in _inside(repo, _run_by(repo, list(words)))}


def _run_by(repo: Path, words: list[str]) -> Iterator[str]:
    """The words of a command that name a program, seen from the repository's root."""
    if words and "/" in words[0]:
        yield words[0]
    is_interpreted = False
    for before, word in pairwise(["", *words]):
        if before == "-c":
            yield from _run_by(repo, _split(word))
        elif before == "-m":
            yield from (f"{word.replace('.', '/')}{end}" for end in (".py", "/__main__.py", "/__init__.py"))
        elif (repo / word).is_file() and (is_interpreted or os.access(repo / word, os.X_OK)):
            yield word
            is_interpreted = False
        is_interpreted = is_interpreted or _INTERPRETERS.fullmatch(Path(word).name) is not None


def _split(script: str) -> list[str]:
    """The words of a shell's script; as they stand between blanks where its quotes do not fit."""
    try:
        return shlex.split(script.replace(";", " ").replace("&", " ").replace("|", " "))
    except ValueError:
        return script.split()


def _inside(repo: Path, names: Iterable[str]) -> set[str]:
    """Names as paths from the root, with what links among them lead to; those that lead out of it left out."""
    places = [Path(os.path.normpath(repo / Path(name).expanduser())) for name in names]
    real = [Path(os.path.realpath(place)) for place in places]
    return {str(place.relative_to(repo)) for place in (*places, *real) if place.is_relative_to(repo)}


def _of_git(repo: Path) -> set[str]:
    """Files of the tree that the person's git takes settings from or runs."""
    common = git.common_folder(repo)
    included = [
        str(common / path)
        for name, path in git.configured(repo)
        if name.endswith("include.path") or name.startswith("includeif.")
    ]
    commands = [_split(command) for name, command in git.configured(repo) if _PROGRAMS.fullmatch(name)]
    words = [word for command in commands for word in command if (repo / word).is_file()]
    return _inside(repo, [*included, *words])


@cache
def own_programs(repo: Path) -> dict[str, str]:
    """
    Variables by which git runs the person's copies of those filters and drivers that are files of the tree.

    By the person's settings it would run the file in the folder that it works in, which is what an agent has left there.
    """
    found = [
        (name, changed)
        for name, command in git.configured(repo)
        if _PROGRAMS.fullmatch(name) and (changed := _from_root(repo, command)) != command
    ]
    return git.settings(*found)


def _from_root(repo: Path, command: str) -> str:
    """A command with each word that is a file of the tree replaced by its full path."""

    def replaced(word: re.Match[str]) -> str:
        name = word[0].strip("'\"")
        is_file = bool(name) and not name.startswith("/") and (repo / name).is_file()
        return shlex.quote(os.path.normpath(repo / name)) if is_file else word[0]

    return re.sub(r"\S+", replaced, command)

"""Environments that lead from a worktree back into the person's tree, so that what runs there tests the wrong code."""

import json
import os
import re
import shlex
import shutil
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from urllib.parse import unquote, urlsplit

from peal.text.display import some

_PART = re.compile(r"""[^\s'"&|;<>()]+""")
_SHOWN = 3
_LONGEST = 1_000_000
"""Bytes of a file that are read."""


def leading_back(repo: Path, commands: Iterable[str], active: str, is_set_up: bool) -> list[str]:
    """
    A line on each environment that these commands use, or that is active, and that loads the person's code.

    Where worktrees are set up, a relative path names what was made there.
    """
    said = []
    for home in dict.fromkeys(
        [*_environments(repo, commands, is_set_up), *([Path(active)] if active else [])]
    ):
        if sources := sorted(set(_sources(home, repo))):
            name = os.path.relpath(home, repo) if home.is_relative_to(repo) else str(home)
            said.append(
                f"environment `{name}` has {some(sources, _SHOWN)} of this tree installed as editable, so what runs in it may "
                "test your tree and not the task's work; let `worktree_setup` make one in each worktree"
            )
    if not is_set_up and (linked := _linked(repo / "node_modules", repo)):
        said.append(
            f"`node_modules` links to {some(linked, _SHOWN)} of this tree, and node finds it from worktrees too, so what runs "
            "there may test your tree and not the task's work; set `worktree_setup` to what installs it (`npm ci`)"
        )
    return said


def _environments(repo: Path, commands: Iterable[str], is_set_up: bool) -> Iterator[Path]:
    """The Python environments whose programs commands name."""
    for name in chain.from_iterable(map(_programs, commands)):
        is_relative = "/" in name and not name.startswith("/")
        found = repo / name if "/" in name else Path(shutil.which(name) or "/")
        home = Path(os.path.normpath(found.parent.parent))
        if (home / "pyvenv.cfg").is_file() and not (is_relative and is_set_up):
            yield home


def _programs(command: str) -> Iterator[str]:
    """What in a command may name a program: its first word, and absolute paths, also inside of a script for a shell."""
    first, *others = shlex.split(command) or [""]
    yield first
    yield from (part for word in others for part in (word, *_PART.findall(word)) if part.startswith("/"))


def _sources(home: Path, repo: Path) -> Iterator[str]:
    """The folders of the person's tree from which an environment loads what is installed in it."""
    for packages in home.glob("lib*/python*/site-packages"):
        named = [
            *(_editable(path) for path in packages.glob("*.dist-info/direct_url.json")),
            *(line for path in packages.glob("*.egg-link") for line in _text(path).splitlines()[:1]),
            *(line for path in packages.glob("*.pth") for line in _text(path).splitlines()),
        ]
        for name in filter(None, map(str.strip, named)):
            path = Path(os.path.realpath(packages / name)) if not name.startswith("import ") else None
            if path and path.is_relative_to(repo) and not path.is_relative_to(os.path.realpath(home)):
                yield _shown(path, repo)


def _editable(path: Path) -> str:
    """The folder of an editable install; see PEP 610. Empty if it is none."""
    try:
        found = json.loads(_text(path))
        is_editable = bool(found["dir_info"]["editable"])
        return unquote(urlsplit(found["url"]).path) if is_editable else ""
    except (ValueError, KeyError, TypeError):
        return ""


def _linked(modules: Path, repo: Path) -> list[str]:
    """The folders of the person's tree that packages there are links to, as workspaces of a monorepo are."""
    entries = [*modules.glob("*"), *modules.glob("@*/*")]
    targets = (Path(os.path.realpath(entry)) for entry in entries if entry.is_symlink())
    inside = (path for path in targets if path.is_relative_to(repo) and not path.is_relative_to(modules))
    return sorted({_shown(path, repo) for path in inside})


def _shown(path: Path, repo: Path) -> str:
    return path.relative_to(repo).as_posix()


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST).decode("utf-8", "replace")
    except OSError:
        return ""

"""All refs of a repository, read where git keeps a file for each; see gitrepository-layout(5) and git-pack-refs(1)."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from peal.system import git

_DEEPEST = 5
"""How many names may point to one another before that is taken for a circle; git has the same bound."""
_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_PLAIN = re.compile(r"refs(/(?!\.)(?:(?!\.\.|@\{)[^\x00-\x20\x7f/~^:?*\[\\])+(?<!\.lock)(?<!\.))+")
"""A name that is certainly one; see git-check-ref-format(1)."""


def all_refs(folder: Path, has_files: bool, but_for: str) -> dict[str, str]:
    """
    Each ref with what it points to, by the git folder that worktrees share, in git's order; those in a folder may be left out.

    git itself is asked if it keeps them otherwise than in files, or where a name or a file is of an unusual kind.
    """
    found = _read(folder, but_for) if has_files else None
    listed = _asked(folder) if found is None else found
    return {name: id_ for name, id_ in listed.items() if not name.startswith(but_for)}


def _asked(folder: Path) -> dict[str, str]:
    words = ("for-each-ref", "--format=%(objectname) %(refname)")
    lines = git.output(folder, *words, env=git.steered(folder, folder)).splitlines()
    return {name: id_ for id_, _, name in (line.partition(" ") for line in lines)}


def _read(folder: Path, but_for: str) -> dict[str, str] | None:
    """None where git has to be asked. Packed ones are read last: what is packed in between is in one of both."""
    try:
        loose = _loose(folder, but_for)
        packed = _packed(folder / "packed-refs")
    except (OSError, ValueError):
        return None
    texts = packed | loose
    if not all(map(_PLAIN.fullmatch, texts)):
        return None
    resolved = {name: _resolved(text, texts) for name, text in texts.items()}
    return {name: resolved[name] for name in sorted(resolved, key=os.fsencode) if resolved[name]}


def _loose(folder: Path, but_for: str) -> dict[str, str]:
    """What each file holds, but for those in a folder; ValueError where one of them is a link."""
    found: dict[str, str] = {}
    todo = ["refs"]
    while todo:
        at = todo.pop()
        with os.scandir(folder / at) as entries:
            for entry in entries:
                if entry.is_symlink():
                    raise ValueError
                name = f"{at}/{entry.name}"
                if f"{name}/" == but_for:
                    continue
                if entry.is_dir():
                    todo.append(name)
                elif not (entry.name.startswith(".") or entry.name.endswith(".lock")):
                    found[name] = _text(folder / name).rstrip()
    return {name: text for name, text in found.items() if text}


def _text(path: Path) -> str:
    """What a file holds; of one that has just been deleted nothing, for it may be packed."""
    try:
        return os.fsdecode(path.read_bytes())
    except FileNotFoundError:
        return ""


def _packed(file: Path) -> dict[str, str]:
    lines = (line for line in _text(file).splitlines() if line and not line.startswith(("#", "^")))
    return {name: id_ for id_, _, name in (line.partition(" ") for line in lines)}


def _resolved(text: str, texts: Mapping[str, str]) -> str:
    """The id that a ref's text means, by way of other refs; empty if it means none."""
    for _ in range(_DEEPEST):
        if not text.startswith("ref: "):
            break
        text = texts.get(text.removeprefix("ref: ").strip(), "")
    return text if _ID.fullmatch(text) else ""

"""Settings of git's as the text of a file, and which of them lead to other repositories or let somebody in there."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from uuid import uuid4

from peal.system import git
from peal.system.files import replace

_WAYS_OUT = re.compile(
    r"(remote|url|credential|sendemail|imap)\..*|branch\..*\.(remote|pushremote|merge)|http\.(.*\.)?(extraheader|cookiefile|sslkey)",
    re.IGNORECASE,
)
_WITH_PASSWORD = re.compile(r"://[^/\s@]*:[^/\s@]+@")
"""An address that lets in whoever has it."""
Entry = tuple[str, str, str]
"""The name of a setting, a line end if there is a value, and that."""


def is_way_out(name: str, value: str) -> bool:
    """Whether a setting names another repository, or holds what lets somebody in there; proxies stay."""
    if _WAYS_OUT.fullmatch(name):
        return True
    return bool(_WITH_PASSWORD.search(value)) and not name.lower().endswith("proxy")


def setting(name: str, value: str | None) -> str:
    """One setting with its section, as git-config(1), "Syntax", has it; None for one that is only named."""
    section, _, rest = name.partition(".")
    subsection, _, key = rest.rpartition(".")
    quoted = subsection.replace("\\", "\\\\").replace('"', '\\"')
    head = f'[{section} "{quoted}"]' if subsection else f"[{section}]"
    return f"{head}\n\t{key}\n" if value is None else f'{head}\n\t{key} = "{_escaped(value)}"\n'


def _escaped(value: str) -> str:
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\b": "\\b"}
    return "".join(escapes.get(letter, letter) for letter in value)


def entries(listed: str) -> list[Entry]:
    """What `git config --list -z` has printed."""
    return [entry.partition("\n") for entry in listed.split("\0") if entry]


def without_ways_out(repo: Path) -> dict[str, str]:
    """The files that hold such settings among those that hold in a repository, each with its text without them."""
    words = git.output(repo, "config", "--list", "--show-origin", "--includes", "-z").split("\0")
    found: dict[str, list[Entry]] = {}
    for origin, entry in zip(words[::2], words[1::2], strict=False):
        kind, _, path = origin.partition(":")
        if kind == "file":
            found.setdefault(str(repo / path), []).extend(entries(entry))
    for file in _of_submodules(git.common_folder(repo) / "modules"):
        found[str(file)] = entries(git.output(repo, "config", "--file", str(file), "--list", "-z"))
    return {path: _text(several) for path, several in found.items() if any(map(_is_out, several))}


def copies_without_ways_out(repo: Path, folder: Path) -> tuple[tuple[str, str], ...]:
    """The same files, each with a copy in a folder that does not lead elsewhere."""
    found = without_ways_out(repo)
    shown = [(path, folder / f"settings-{uuid4().hex[:8]}") for path in found]
    for path, copy in shown:
        replace(copy, found[path].encode("utf-8", "surrogateescape"))
    return tuple((path, str(copy)) for path, copy in shown)


def _of_submodules(folder: Path) -> Iterator[Path]:
    """The settings of those that the person has filled, however deep; their names may have several parts."""
    if (folder / "HEAD").is_file():
        yield folder / "config"
        yield from _of_submodules(folder / "modules")
    elif folder.is_dir() and not folder.is_symlink():
        for inner in folder.iterdir():
            yield from _of_submodules(inner)


def _is_out(entry: Entry) -> bool:
    return is_way_out(entry[0], entry[2])


def _text(several: Iterable[Entry]) -> str:
    kept = (entry for entry in several if not _is_out(entry))
    return "".join(setting(name, value if equals else None) for name, equals, value in kept)

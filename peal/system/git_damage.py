"""What is broken about a repository that git refuses to work with, and the command that heals it."""

import os
import re
import shlex
from collections.abc import Callable
from pathlib import Path

from peal.classes import frozen
from peal.text.display import harmless, some

_Meaning = Callable[[re.Match[str], Path], str]
_INDEX = re.compile(
    r"index file corrupt|bad signature 0x|index file smaller than expected|bad index version|bad index file"
)
_PARTS = ("HEAD", "objects", "refs")
"""What makes a folder a repository for git; see gitrepository-layout(5)."""


def found(folder: Path, words: str) -> str:
    """What `words` of git's mean in `folder`, and what is to be done; empty where that is not known."""
    inner = folder_of_git(folder)
    for pattern, meaning in _MEANINGS.items():
        if match := re.search(pattern, words):
            return meaning(match, inner or folder / ".git")
    if inner and "must be run in a work tree" in words:
        return _bare(inner)
    return _torn(inner) if inner and "not a git repository" in words else ""


def of_a_checkout(folder: Path, root: Path) -> str:
    """What is wrong where git takes `root` for the checkout around `folder`; empty if it is."""
    if not Path(os.path.realpath(folder)).is_relative_to(root):
        return _elsewhere(folder, root)
    place = place_of(folder)
    is_passed_over = place is not None and place != root and place.is_relative_to(root)
    return found(folder, "not a git repository") if is_passed_over else ""


def folder_of_git(folder: Path) -> Path | None:
    """The innermost folder of git's around `folder`, whole or not; None if there is none."""
    place = place_of(folder)
    if place is None or not (place / ".git").is_file():
        return place / ".git" if place else None
    named = (place / ".git").read_text("utf-8", "surrogateescape").removeprefix("gitdir: ").rstrip("\n")
    return Path(os.path.normpath(place / named))


@frozen
class Cure:
    """A setting of a repository's own that makes git take it for another one, and the command that puts it right."""

    config: Path
    argv: tuple[str, ...]
    """`git`, and its words."""


def cure(folder: Path, told: str) -> Cure | None:
    """What the damage that was `told` of around `folder` can be healed by without a loss; None where a person has to look."""
    inner = folder_of_git(folder)
    commands = {"core.bare": _not_bare, "core.worktree": _at_its_place}
    found = [command for name, command in commands.items() if told.startswith(f"`{name}`")]
    return Cure(inner / "config", found[0](inner / "config")) if inner and found else None


def _not_bare(config: Path) -> tuple[str, ...]:
    return ("git", "config", "--file", str(config), "--replace-all", "core.bare", "false")


def _at_its_place(config: Path) -> tuple[str, ...]:
    return ("git", "config", "--file", str(config), "--unset-all", "core.worktree")


def place_of(folder: Path) -> Path | None:
    """Where around a folder a `.git` lies that looks like git's; None for nowhere."""
    here = Path(os.path.realpath(folder))
    return next((place for place in (here, *here.parents) if _looks_like_git(place / ".git")), None)


def _looks_like_git(entry: Path) -> bool:
    return entry.is_file() or any((entry / part).exists() for part in (*_PARTS, "config"))


def _bare(inner: Path) -> str:
    """A checkout that its configuration calls bare: one has an index, and a bare repository has none."""
    config = inner / "config"
    try:
        is_bare = re.search(
            r"^\s*bare\s*(=\s*(true|yes|on|1)\s*)?$", config.read_text("utf-8", "replace"), re.M | re.I
        )
    except OSError:
        return ""
    if not is_bare or not (inner / "index").exists():
        return ""
    command = shlex.join(_not_bare(config))
    return f"`core.bare` is set in `{config}`, so git takes this checkout for a repository without files; `{command}` heals it"


def _elsewhere(folder: Path, root: Path) -> str:
    """What to say of a repository around `folder` whose files git looks for in `root`."""
    inner = folder_of_git(folder)
    config = inner / "config" if inner else folder / ".git/config"
    command = shlex.join(_at_its_place(config))
    return (
        f"`core.worktree` in `{config}` has git look for the files of this checkout in `{harmless(str(root))}`; "
        f"`{command}` heals it, or name that folder with --repo"
    )


def _torn(inner: Path) -> str:
    """A folder of git's that git does not know as one."""
    if not inner.is_dir():
        return f"its `.git` names `{harmless(str(inner))}`, which is not there; `git worktree repair` or `git clone` anew"
    lacking = [part for part in _PARTS[1:] if not (inner / part).is_dir()]
    if lacking:
        return f"`{inner}` has no {some(lacking, 2)} any more; bring that back from a backup, or clone anew"
    if _names_something(inner / "HEAD"):
        return ""
    branch = latest_branch(inner) or "main"
    return (
        f"`{inner / 'HEAD'}` is damaged, so git does not see a repository there; "
        f"`echo 'ref: refs/heads/{branch}' > {shlex.quote(str(inner / 'HEAD'))}` heals it"
    )


def _names_something(head: Path) -> bool:
    try:
        return bool(re.match(r"ref: refs/|[0-9a-f]{40}", head.read_text("utf-8", "replace")))
    except OSError:
        return False


def latest_branch(inner: Path) -> str:
    """The branch that was checked out last, by what HEAD's log tells; empty if it does not."""
    try:
        told = (inner / "logs/HEAD").read_text("utf-8", "replace")
    except OSError:
        return ""
    names = re.findall(
        r"\tcheckout: moving from \S+ to (\S+)$|renamed refs/heads/\S+ to refs/heads/(\S+)$", told, re.M
    )
    return next((moved or renamed for moved, renamed in reversed(names)), "")


def of_a_branch(inner: Path) -> str:
    """What to say where HEAD names a branch that is there and means no commit; empty for any other reason."""
    try:
        name = (inner / "HEAD").read_text("utf-8", "surrogateescape").removeprefix("ref: ").rstrip("\n")
        shared = (
            inner / (inner / "commondir").read_text("utf-8").strip()
            if (inner / "commondir").exists()
            else inner
        )
        ref = shared / name
        if not name.startswith("refs/heads/") or not ref.is_file():
            return ""
        before = (shared / "logs" / name).read_text("utf-8", "replace").splitlines()[-1].split(" ")[1]
    except (OSError, IndexError):
        return ""
    heal = f"`git update-ref {name} {before}`"
    return f"`{ref}` is damaged: it names no commit that is there; `rm {shlex.quote(str(ref))}` and {heal} heal it"


def _unreadable(match: re.Match[str], inner: Path) -> str:
    return f"git cannot read line {match[1]} of `{_beside(inner, match[2])}`; mend it with an editor"


def _beside(inner: Path, name: str) -> Path:
    """A file that git names as seen from the checkout."""
    return inner.parent / name


def _unknown(match: re.Match[str], inner: Path) -> str:
    names = ", ".join(f"`extensions.{name}`" for name in match[1].split())
    return f"{names} in `{inner / 'config'}` needs another git than the one here; install that, or take it out there"


def _too_new(match: re.Match[str], inner: Path) -> str:
    return (
        f"`core.repositoryFormatVersion` in `{inner / 'config'}` is {match[1]}, which needs a newer git; install one, "
        "or mend the file"
    )


def _foreign(match: re.Match[str], inner: Path) -> str:  # noqa: ARG001
    command = shlex.join(["git", "config", "--global", "--add", "safe.directory", match[1]])
    return f"`{match[1]}` belongs to another user; if you trust what is in it, `{command}`"


def _index(match: re.Match[str], inner: Path) -> str:  # noqa: ARG001
    return (
        f"`{inner / 'index'}` is damaged; `rm {shlex.quote(str(inner / 'index'))}` and `git reset` make it anew: files "
        "stay as they are, and what was staged is to be staged again"
    )


def _full(match: re.Match[str], inner: Path) -> str:  # noqa: ARG001
    return "there may be no room left on the disk, or none for a file so large (`ulimit -f`)"


_MEANINGS: dict[str, _Meaning] = {
    r"bad config (?:line|variable .+ at line) (\d+) in file (.+)": _unreadable,
    r"unknown repository extensions? found:\s*((?:\n?\t?\S+)+)": _unknown,
    r"Expected git repo version <= \d+, found (\d+)": _too_new,
    r"dubious ownership in repository at '(.+?)'": _foreign,
    _INDEX.pattern: _index,
    r"unable to write file ": _full,
}
"""What git says, and what that means."""

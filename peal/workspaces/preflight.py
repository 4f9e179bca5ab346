"""What has to be so before a worktree is made, and what a person should know once they are used."""

import fnmatch
import os
import re
from collections.abc import Mapping
from pathlib import Path

from peal.classes import frozen
from peal.errors import PealError
from peal.landing.fast_forward import give_up
from peal.settings import Settings
from peal.system import git, git_damage
from peal.system.git_objects import objects_of
from peal.text.display import some

_SHOWN = 3
_IDENTITY = re.compile(r"(.*?) ?<(.*)> (\d+ [-+]\d{4})", re.DOTALL)
"""What `git var GIT_AUTHOR_IDENT` prints."""
_PLAIN = re.compile(r"\w([^<>\n]*\w)?")
"""A name or address of which git takes nothing away."""
_NEEDS = {
    "node_modules": 'worktree_setup = "npm ci"',
    ".venv": 'worktree_setup = "…", with the command that makes it',
    "venv": 'worktree_setup = "…", with the command that makes it',
    "vendor": 'worktree_setup = "…", with the command that fills it',
    ".env*": 'worktree_include = ["{name}"]',
}
"""Ignored things that work rarely goes without, and the setting that brings them into a worktree."""
_LOCK_FILES = {
    "pnpm-lock.yaml": "pnpm install --frozen-lockfile",
    "yarn.lock": "yarn install --frozen-lockfile",
}


def lands(settings: Settings) -> bool:
    """Whether tasks work in worktrees and land; PealError if the keys contradict each other."""
    given = settings.origins
    if settings.isolation == "none" and settings.commit and "commit" in given:
        raise PealError(
            "`isolation = none` and `commit = true` exclude each other: peal commits from worktrees only; "
            "take one of them out"
        )
    if settings.isolation == "worktree" and not settings.commit:
        raise PealError(
            "`isolation = worktree` needs `commit`: what is done in a worktree gets to you as a commit; "
            "take one of them out"
        )
    lands = settings.commit and settings.isolation != "none"
    if settings.branch and not lands:
        raise PealError(
            "`branch` needs worktrees: without them all is done in your tree, and nothing lands; take it out, or let "
            "`commit` and `isolation` be as they are by default"
        )
    if settings.address == "as-ready" and not lands:
        raise PealError(
            "`address = as-ready` needs worktrees: in a shared tree nobody may write while reviewers look; "
            "take it out, or let `commit` and `isolation` be as they are by default"
        )
    return lands


def check_free(repo: Path) -> None:
    """PealError with the way out if the person has begun a merge or the like and not finished it."""
    if busy := git.UNDER_WAY.get(git.work_under_way(git.own_folder(repo))):
        raise PealError(
            f"a {busy} is under way in `{repo}`; finish it, or {give_up(busy)}, or pass --no-commit"
        )


def landing_branch(repo: Path, prefix: str) -> str:
    """The branch that is checked out, fit to land in; PealError with the way out if it is not."""
    folder = git.own_folder(repo)
    branch, objects = git.branch(repo), objects_of(repo)
    commit = objects.commit_id(f"refs/heads/{branch}") if branch else git.commit_id(repo, "HEAD")
    if not (branch and commit) and (told := git_damage.of_a_branch(folder)):
        raise PealError(told)
    if not branch:
        raise PealError(
            f"`{repo}` is on no branch (detached HEAD), so results have nowhere to land; `git switch -c NAME` first, "
            "or pass --no-commit"
        )
    if not commit:
        raise PealError(
            f"`{repo}` has no commit yet, and worktrees need one to start from; make a first one "
            "(`git commit --allow-empty -m start`), or pass --no-commit"
        )
    has_room(repo, prefix, "set another `branch_prefix`, or pass --no-commit")
    return branch


def has_room(repo: Path, prefix: str, instead: str) -> None:
    """PealError if a branch is named like a folder that peal's branches are to lie in; `instead` of renaming it something else helps."""
    parts = prefix.split("/")
    for name in ("/".join(parts[: at + 1]) for at in range(len(parts))):
        if objects_of(repo).commit_id(f"refs/heads/{name}"):
            raise PealError(
                f"a branch is named `{name}`, which keeps git from making branches below `{name}/`; rename it "
                f"(`git branch -m {name} NAME`), {instead}"
            )


def identity(repo: Path) -> dict[str, str]:
    """Who commits, as variables for git: whatever an agent sets later, peal's commits are by who began the run."""
    return _plain_identity(dict(git.configured(repo))) or _identity_by_git(repo)


def _plain_identity(configured: Mapping[str, str]) -> dict[str, str]:
    """Who commits if nothing but `user.name` and `user.email` says so, and git leaves both as they are; else nothing."""
    values = (configured.get("user.name", ""), configured.get("user.email", ""))
    is_told_elsewhere = any(name.startswith(("author.", "committer.")) for name in configured) or any(
        name.startswith(("GIT_AUTHOR_", "GIT_COMMITTER_")) for name in os.environ
    )
    if is_told_elsewhere or not all(map(_PLAIN.fullmatch, values)):
        return {}
    return {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in zip(("NAME", "EMAIL"), values, strict=True)
    }


def _identity_by_git(repo: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for role in ("AUTHOR", "COMMITTER"):
        asked = git.run(repo, "var", f"GIT_{role}_IDENT")
        told = _IDENTITY.fullmatch(os.fsdecode(asked.stdout).strip())
        if asked.returncode != 0 or told is None:
            raise PealError(
                "git does not know who commits; `git config user.name NAME` and `git config user.email ADDRESS`, "
                "or pass --no-commit"
            )
        found |= {f"GIT_{role}_NAME": told[1], f"GIT_{role}_EMAIL": told[2]}
        if os.environ.get(f"GIT_{role}_DATE"):
            found[f"GIT_{role}_DATE"] = f"@{told[3]}"
    return found


def included(repo: Path, patterns: tuple[str, ...]) -> tuple[Path, ...]:
    """The untracked files that the patterns of `worktree_include` name, relative to the repository's root."""
    found: set[Path] = set()
    for pattern in patterns:
        paths = [path for path in repo.glob(pattern) if _is_inside(path, repo)]
        if not paths:
            raise PealError(
                f"`worktree_include`: there is no `{pattern}` in `{repo}`; make it, or mend the setting"
            )
        for path in paths:
            inside = path.rglob("*") if path.is_dir() and not path.is_symlink() else [path]
            found.update(one.relative_to(repo) for one in inside if one.is_symlink() or one.is_file())
    names = sorted(path.as_posix() for path in found)
    listed = git.output(repo, "--literal-pathspecs", "ls-files", "-z", "--", *names) if names else ""
    tracked = set(listed.split("\0"))
    return tuple(Path(name) for name in names if name not in tracked)


def _is_inside(path: Path, repo: Path) -> bool:
    """A file or folder of the person's, not of git's or peal's."""
    first = path.relative_to(repo).parts[:1]
    return first not in ((), (".git",), (".peal",)) and path.resolve().is_relative_to(repo)


@frozen
class Standing:
    """What a person's tree holds that worktrees do not."""

    changed: tuple[str, ...]
    """Modified, staged or untracked paths."""
    ignored: tuple[str, ...]
    """Ignored files and folders at any depth, folders that are ignored as a whole once."""
    submodules: tuple[str, ...]
    """Those that the person has not filled."""


def standing(repo: Path) -> Standing:
    """
    A look at the person's tree; changes nothing. Where git cannot look there is nothing to tell.

    PealError with the way out if that is for a damage which would keep results from landing.
    """
    looked = git.run(repo, "status", "--porcelain", "-z", "--ignored=matching", "--untracked-files=normal")
    if looked.returncode and (told := git_damage.found(repo, looked.stderr.decode(errors="replace"))):
        raise PealError(told)
    listed = os.fsdecode(looked.stdout) if looked.returncode == 0 else ""
    changed, ignored, entries = [], [], iter(listed.split("\0"))
    for entry in entries:
        if entry[:1] in ("R", "C"):
            next(entries, None)  # the name it had before
        if entry.startswith("!! "):
            ignored.append(entry[3:])
        elif entry:
            changed.append(entry[3:])
    return Standing(tuple(changed), tuple(ignored), _empty_submodules(repo))


def _empty_submodules(repo: Path) -> tuple[str, ...]:
    if not (repo / ".gitmodules").is_file():
        return ()
    words = ("config", "--file", ".gitmodules", "-z", "--get-regexp", r"^submodule\..*\.path$")
    listed = os.fsdecode(git.run(repo, *words).stdout).split("\0")
    paths = (entry.partition("\n")[2] for entry in listed if entry)
    return tuple(path for path in paths if not (repo / path / ".git").exists())


def unseen(found: Standing, repo: Path, besides: frozenset[str]) -> str:
    """One line about the person's own changes, which agents do not see; what only peal needs does not count."""
    changed = [path for path in found.changed if path not in besides and not _holds_only(repo, path, besides)]
    if not changed:
        return ""
    return f"agents do not see what is not committed, and it stays as it is: {some(changed, _SHOWN)}"


def _holds_only(repo: Path, folder: str, besides: frozenset[str]) -> bool:
    """Whether a folder, of which git names the whole if none of it is tracked, holds nothing but these files."""
    if not folder.endswith("/") or not any(name.startswith(folder) for name in besides):
        return False
    listed = git.output(
        repo, "--literal-pathspecs", "ls-files", "-z", "--others", "--exclude-standard", "--", folder
    )
    return besides.issuperset(filter(None, listed.split("\0")))


def lacking(found: Standing, repo: Path) -> list[str]:
    """What worktrees will lack and which setting brings it, a line each."""
    lines = []
    for pattern, setting in _NEEDS.items():
        names = [name.rstrip("/") for name in found.ignored]
        fitting = [name for name in names if fnmatch.fnmatch(Path(name).name, pattern)]
        if fitting:
            lock = next((_LOCK_FILES[name] for name in _LOCK_FILES if (repo / name).is_file()), "")
            hint = setting.format(name=fitting[0])
            hint = hint.replace("npm ci", lock) if lock else hint
            lines.append(
                f"worktrees lack {some(fitting, _SHOWN)}, which git ignores; if tasks need it, set {hint}"
            )
    if found.submodules:
        lines.append(
            f"submodules that you have not filled are empty in worktrees too: {some(found.submodules, _SHOWN)}; "
            'if tasks need them, set worktree_setup = "git submodule update --init --recursive"'
        )
    return lines

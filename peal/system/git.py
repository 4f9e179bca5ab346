"""The only door to git: how it is run, and what it says of a repository."""

import hashlib
import os
import re
import signal
import stat
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from peal.classes import frozen
from peal.errors import PealError
from peal.system import git_damage, git_refusals, layout, process
from peal.system.files import FULL, age

_READ_WHOLE = 1_000_000
_QUIET = (
    "-c", "gc.auto=0",
    "-c", "maintenance.auto=false",
    "-c", "commit.gpgSign=false",
    "-c", "merge.autoStash=false",
    "-c", "merge.conflictStyle=diff3",
    "-c", "rerere.enabled=false",
    "-c", "core.quotePath=false",
    "-c", "log.showSignature=false",
    "-c", "submodule.recurse=false",
    "-c", "i18n.commitEncoding=UTF-8",
    "-c", "i18n.logOutputEncoding=UTF-8",
    "-c", f"diff.orderFile={os.devnull}",
    "-c", "advice.detachedHead=false",
    "-c", f"core.hooksPath={os.devnull}",
    "-c", "core.fsmonitor=false",
)  # fmt: skip
"""
What a person's own configuration must not change in peal's calls: no clean-up in the background, no signature that
waits for a passphrase, no stash of the person's changes, conflicts with all three sides and mended by nobody, no program that checks
signatures, texts that are what they are called, no list of files that only the person's tree may have, and no hook or
monitor, which may be files of the tree: `peal.workspaces.hooks` finds the person's own.
"""
_NO_TREE = "must be run in a work tree"
OF_PEAL = "PEAL_GIT_OF"
"""Marks peal's own git calls with the peal that made them: the next one waits for what a killed one left at work."""
UNDER_WAY = {
    "MERGE_HEAD": "merge",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "BISECT_LOG": "bisect",
}
"""Files in a repository's own folder that tell of something a person has begun; see gitrepository-layout(5)."""
STEERING = frozenset(
    (
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_PREFIX",
        "GIT_COMMON_DIR",
        "GIT_OBJECT_DIRECTORY",
        "GIT_NAMESPACE",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_QUARANTINE_PATH",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_GRAFT_FILE",
        "GIT_REPLACE_REF_BASE",
        "GIT_SHALLOW_FILE",
        "GIT_LITERAL_PATHSPECS",
        "GIT_GLOB_PATHSPECS",
        "GIT_NOGLOB_PATHSPECS",
        "GIT_ICASE_PATHSPECS",
        "GIT_EXTERNAL_DIFF",
    )
)
"""Variables by which a hook, or an outer git, would steer every git that is started below it."""
_LEFT_OUT = frozenset(map(os.fsencode, (*STEERING, process.RUN_MARKER, process.ATTEMPT_MARKER)))


def environment(more: Mapping[str, str] | None = None) -> dict[bytes, bytes]:
    """
    The environment of peal's own git calls, as the operating system has it, with `more` variables.

    Without the run's markers, so that no clean-up cuts git short; never asking anybody; without the index refresh
    that would take the lock agents need; and not steered by a hook or an outer git that peal was started from.
    """
    kept = {name: value for name, value in os.environb.items() if name not in _LEFT_OUT}
    return {
        **kept,
        OF_PEAL.encode(): b"%d" % os.getpid(),
        b"GIT_OPTIONAL_LOCKS": b"0",
        b"GIT_TERMINAL_PROMPT": b"0",
        b"GIT_EDITOR": b"true",
        b"LC_ALL": b"C",
        **{os.fsencode(name): os.fsencode(value) for name, value in (more or {}).items()},
    }


Done = subprocess.CompletedProcess[bytes]
"""A git that has ended, with what it printed."""
Coprocess = subprocess.Popen[bytes]
"""A git that goes on, and answers by pipes."""
_GRACE = 2.0
"""Seconds for a git whose input is closed."""
_NOT_HERE = "`git` is not installed or not on PATH; install it"


class GitError(PealError):
    """git refused; the message holds its own words."""

    @property
    def no_room(self) -> str:
        """What it says of a disk, or a quota, that is full; empty if that is not why. It is run without a language of its own."""
        return next((words for words in map(os.strerror, FULL) if words in str(self)), "")


def run(folder: Path, *words: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> Done:
    """Run git in `folder` and wait; its exit status is the caller's to judge."""
    try:
        return subprocess.run(
            _argv(folder, words),
            env=environment(env),
            input=stdin,
            capture_output=True,
            check=False,
            start_new_session=True,
        )
    except FileNotFoundError:
        raise PealError(_NOT_HERE) from None


def into_file(folder: Path, path: Path, *words: str, stdin: bytes = b"") -> None:
    """Have what git prints in a file, however long it is; `GitError` if git fails."""
    with path.open("wb") as file:
        _piped(folder, words, input=stdin, stdout=file)


def from_file(folder: Path, path: Path, *words: str) -> None:
    """Have git read a file, however long it is; `GitError` if git fails."""
    with path.open("rb") as file:
        _piped(folder, words, stdin=file, stdout=subprocess.DEVNULL)


def _piped(folder: Path, words: Sequence[str], **files: Any) -> None:
    argv = _argv(folder, words)
    done = subprocess.run(
        argv, env=environment(), stderr=subprocess.PIPE, check=False, start_new_session=True, **files
    )
    if done.returncode != 0:
        told = Done(argv, done.returncode, b"", done.stderr)
        raise GitError(f"`git {' '.join(words)[:120]}` failed in `{folder}`: {why(told, folder)}")


def start(git_folder: Path, *words: str, takes_locks: bool = False) -> Coprocess:
    """
    Start a git that answers by pipes until its input is closed, as it is when peal dies; its complaints are lost.

    It works in no folder of the person's. Only one that takes locks carries peal's mark: after a crash the next peal
    waits for it before it clears locks away.
    """
    env = environment({"GIT_DIR": str(git_folder)})
    if not takes_locks:
        del env[OF_PEAL.encode()]
    try:
        return subprocess.Popen(
            _argv(Path("/"), words),
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except FileNotFoundError:
        raise PealError(_NOT_HERE) from None


def end(coprocess: Coprocess) -> None:
    """Let it go; it is through with everything that it has answered."""
    try:
        coprocess.communicate(timeout=_GRACE)
    except subprocess.TimeoutExpired:
        coprocess.kill()
        coprocess.communicate()


def _argv(folder: Path, words: Sequence[str]) -> list[str]:
    return ["git", *_QUIET, "-C", os.fspath(folder), *words]


def plain(folder: Path, *words: str) -> list[str]:
    """What starts a git that is the person's own: by their settings, with their hooks."""
    return ["git", "-C", os.fspath(folder), *words]


def output(folder: Path, *words: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> str:
    """What git prints, without the last line end; `GitError` if it fails."""
    return printed(run(folder, *words, stdin=stdin, env=env), folder, words)


def object_format(folder: Path) -> str:
    """What names of objects are there: `sha1` or `sha256`."""
    return output(folder, "rev-parse", "--show-object-format")


def succeeds(folder: Path, *words: str) -> bool:
    """Whether git ends with 0."""
    return run(folder, *words).returncode == 0


def said(done: Done) -> str:
    """Why git failed, in its own words, on one line: a quotation that no instruction can follow from."""
    ended = f"ended by {signal.Signals(-done.returncode).name}" if done.returncode < 0 else ""
    words = git_refusals.quoted(_words(done))
    return ", ".join(filter(None, (ended, words))) or f"status {done.returncode}"


def why(done: Done, folder: Path) -> str:
    """Why git failed: its own words, and what is to be done about it where that is known."""
    lock = git_refusals.lock_named(_words(done), folder)
    way = story_of(lock, folder) if lock else git_damage.found(folder, _words(done))
    return f"{said(done)}; {way}" if way else said(done)


def _words(done: Done) -> str:
    return (done.stderr or done.stdout).decode(errors="replace")


def at_work(repo: Path) -> list[str]:
    """The gits that are at work in a repository; what agents do in worktrees of peal's does not count."""
    return process.at_work("git", repo, besides=layout.RepoPaths(repo).worktrees)


def story_of(lock: Path, repo: Path) -> str:
    """Whether the git that made a lock file still works, and what to do about it."""
    return (
        git_refusals.locked(lock, age(lock), at_work(repo))
        if lock.exists()
        else "it is free again; try once more"
    )


def work_under_way(git_folder: Path) -> str:
    """The file that tells of something begun and not finished there, a key of `UNDER_WAY`; empty for nothing."""
    return next((name for name in UNDER_WAY if (git_folder / name).exists()), "")


def printed(done: Done, folder: Path, words: Sequence[str]) -> str:
    """What a git that has ended printed, without the last line end; `GitError` if it failed."""
    if done.returncode != 0:
        raise GitError(f"`git {' '.join(words)[:120]}` failed in `{folder}`: {why(done, folder)}")
    return os.fsdecode(done.stdout).removesuffix("\n")


def version() -> tuple[int, ...]:
    """The numbers of the git that is here; none if it tells them in no way that is known."""
    found = re.match(r"git version (\d+(?:\.\d+)*)", os.fsdecode(run(Path("/"), "version").stdout))
    return tuple(map(int, found[1].split("."))) if found else ()


def is_ancestor(folder: Path, older: str, newer: str) -> bool:
    """Whether `newer` contains `older`; a commit contains itself. A commit that is not there contains nothing."""
    return succeeds(folder, "merge-base", "--is-ancestor", older, newer)


def contains(folder: Path, newer: str, older: Iterable[str]) -> bool:
    """Whether `newer` contains all of these commits, by one call however many they are."""
    asked = "".join(f"{commit}\n" for commit in older) + f"^{newer}\n"
    found = run(folder, "rev-list", "--max-count=1", "--stdin", stdin=asked.encode())
    return found.returncode == 0 and not found.stdout


def commit_id(folder: Path, name: str) -> str:
    """The full id of the commit that `name` means; empty if there is none."""
    found = run(folder, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    return os.fsdecode(found.stdout.strip()) if found.returncode == 0 else ""


def branch(folder: Path) -> str:
    """The branch that is checked out; empty for a detached HEAD."""
    found = run(folder, "symbolic-ref", "--quiet", "HEAD")
    name = os.fsdecode(found.stdout).strip()
    return name.removeprefix("refs/heads/") if name.startswith("refs/heads/") else ""


def parents(folder: Path, commit: str) -> list[str]:
    """The parents of a commit, the first first."""
    return output(folder, "rev-list", "--parents", "--max-count=1", commit).split()[1:]


@cache
def own_folder(repo: Path) -> Path:
    """
    Where git keeps what belongs to this checkout alone: HEAD, the index, what is under way.

    Nearly always that is `.git`, and then git need not be asked; see gitrepository-layout(5).
    """
    usual = repo / ".git"
    if (usual / "HEAD").is_file():
        return usual.resolve()
    return Path(output(repo, "rev-parse", "--absolute-git-dir"))


@cache
def common_folder(repo: Path) -> Path:
    """Where git keeps what all worktrees of this repository share: objects, branches, settings."""
    own = own_folder(repo)
    if not (own / "commondir").exists():  # a linked worktree's has one; see gitrepository-layout(5)
        return own
    return Path(output(repo, "rev-parse", "--path-format=absolute", "--git-common-dir"))


@cache
def configured(repo: Path) -> tuple[tuple[str, str], ...]:
    """All settings that hold in a repository, each name with its value, as they were first asked for; the last counts."""
    listed = output(repo, "config", "--list", "--includes", "-z")
    entries = (entry.partition("\n") for entry in listed.split("\0") if entry)
    return tuple((name, value) for name, _, value in entries)


def steered(folder: Path, tree: Path) -> dict[str, str]:
    """Variables that tell git its folder and its tree, so that it asks neither the folder it is started in nor settings."""
    return {"GIT_DIR": str(folder), "GIT_WORK_TREE": str(tree)}


def settings(*pairs: tuple[str, str]) -> dict[str, str]:
    """Variables that set these for git and for what it starts, beside those that are set so already; see git-config(1)."""
    first = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
    found = {"GIT_CONFIG_COUNT": str(first + len(pairs))} if pairs else {}
    for number, (name, value) in enumerate(pairs, first):
        found |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return found


def quoted(path: str) -> str:
    """A path as an entry of a list of folders with objects: quoted as in C where it holds what ends one."""
    if not any(mark in path for mark in ':\n"'):
        return path
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def top_level(folder: Path) -> Path:
    """The root of the repository that holds `folder`; PealError with the way out if git cannot work there."""
    if not folder.is_dir():
        raise PealError(f"repository `{folder}` is not a folder; name one with --repo")
    found = run(folder, "rev-parse", "--show-toplevel")
    words = _words(found) if found.returncode else ""
    root = Path(os.fsdecode(found.stdout.removesuffix(b"\n"))).resolve() if found.stdout.strip() else None
    if (
        told := git_damage.of_a_checkout(folder, root)
        if root
        else git_damage.found(folder, words or _NO_TREE)
    ):
        raise PealError(told)
    if root:
        return root
    if not words or _NO_TREE in words:
        raise PealError(f"repository `{folder}` has no working tree; name a checkout with --repo")
    if "not a git repository" in words:
        raise PealError(
            f"`{folder}` is not inside a git repository; run `git init` there or name one with --repo"
        )
    raise PealError(f"git cannot use `{folder}`: {said(found)}")


@frozen
class Version:
    """A file as a commit or an index holds it."""

    mode: str
    """`100644`, `100755`, `120000` for a link, `160000` for a submodule; see git-fast-import(1)."""
    blob: str

    @property
    def kind(self) -> str:
        """The same for all modes that a file may be switched between."""
        return self.mode[:3]


@frozen
class Change:
    """How a path differs between two commits; None where it is not."""

    before: Version | None
    after: Version | None


RAW = ("--raw", "--no-abbrev", "--no-renames", "--ignore-submodules=dirty", "-z")
"""For a difference that is read here; with submodules that have moved, whatever `.gitmodules` has git pass over."""


def changes(folder: Path, before: str, after: str) -> dict[str, Change]:
    """Each path that differs between two commits; a rename is two of them. See git-diff-tree(1), "Raw output format"."""
    fields = output(folder, "diff-tree", "-r", *RAW, before, after).split("\0")
    found = {}
    for head, path in zip(fields[::2], fields[1::2], strict=False):
        mode_before, mode_after, blob_before, blob_after, _ = head.removeprefix(":").split(" ")
        found[path] = Change(_version(mode_before, blob_before), _version(mode_after, blob_after))
    return found


def _version(mode: str, blob: str) -> Version | None:
    return Version(mode, blob) if mode.strip("0") else None


@frozen
class TreeState:
    """The state of a working tree at one moment; two that are equal saw no change between them."""

    head: str
    changed: tuple[tuple[str, str], ...]
    """Each path that differs from HEAD, with its status and what tells its content."""


def tree_state(folder: Path) -> TreeState:
    """What a later look can be compared with; ignored files do not count."""
    status = output(folder, "status", "--porcelain=v2", "--branch", "-z", "--untracked-files=all")
    head, changed = "", []
    for entry in status.split("\0"):
        if entry.startswith("# branch.oid "):
            head = entry
        elif entry and not entry.startswith("# "):
            changed.append((entry, _content(folder / _path_of(entry))))
    return TreeState(head, tuple(changed))


def differing(before: TreeState, now: TreeState) -> tuple[str, ...]:
    """What has changed between two looks: paths, and HEAD if it has moved."""
    entries = {entry for entry, _ in set(before.changed) ^ set(now.changed)}
    moved = ("HEAD",) if before.head != now.head else ()
    return (*moved, *sorted({_path_of(entry) for entry in entries}))


def _path_of(entry: str) -> str:
    """The path in one record of porcelain v2; see `git help status`, "Porcelain Format Version 2"."""
    fields_before_the_path = {"1": 8, "2": 9, "u": 10, "?": 1, "!": 1}
    before = fields_before_the_path.get(entry[0], 0)
    return entry.split(" ", before)[-1]


def _content(path: Path) -> str:
    """Tells whether a file is still the same; of a large one by size and time of change, to stay quick."""
    try:
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            return f"{found.st_mode} {path.readlink()}"
        if not stat.S_ISREG(found.st_mode):
            return f"{found.st_mode}"
        if found.st_size > _READ_WHOLE:
            return f"{found.st_mode} {found.st_size} {found.st_mtime_ns}"
        return f"{found.st_mode} {hashlib.sha256(path.read_bytes()).hexdigest()}"
    except OSError:
        return ""

"""The person's hooks: where they lie, which of them look at what is to land, and how peal starts one."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from peal.classes import frozen
from peal.model.agent import Command
from peal.system import git
from peal.text.display import some
from peal.worktrees.worktree import Worktree

OF_THE_TREE = ("pre-merge-commit", "pre-commit")
"""They judge what is to be committed."""
OF_THE_MESSAGE = ("prepare-commit-msg", "commit-msg")
"""They judge what the commit says, which is no agent's to mend."""
OF_THE_BRANCH = "reference-transaction"
"""It judges whether a branch may move."""
_ALL = (*OF_THE_TREE, *OF_THE_MESSAGE, OF_THE_BRANCH)
_OF_HOOKS = re.compile(r"core\.hookspath|hook\..*\.event", re.DOTALL)
_AS_GIT_DOES = 'PATH="$(git --exec-path):$PATH"; exec "$0" "$@"'
"""With git's own scripts on PATH; a shell, for a hook may lack its first line."""
_ASK = (
    'said=0; printf "%s\\n" "$1" | "$0" prepared || said=$?; printf "%s\\n" "$1" | "$0" aborted; exit $said'
)
"""A transaction that is prepared and given up: peal moves the branch later, and not by way of the hook."""


@frozen
class Hooks:
    """What the person's own git would ask in their own tree, resolved once: no file of a worktree is ever one."""

    repo: Path
    folder: Path = Path(os.devnull)
    """Absolute; `core.hooksPath` of the person may be relative to the top of their tree."""
    names: tuple[str, ...] = ()
    """Those that look, in the order they are asked in."""
    notices: tuple[str, ...] = ()
    """What a person should know before a run: hooks that they have, or think they have, and that will not look."""

    @classmethod
    def of(cls, repo: Path) -> "Hooks":
        """A look at the person's settings and folder; PealError if git cannot tell where that is."""
        set_to, others = _configured(repo)
        folder = _shared_folder(repo) if set_to is None else repo / (set_to or "/")
        here = [name for name in _ALL if os.path.lexists(folder / name)]
        names = tuple(name for name in here if _can_run(folder / name))
        return cls(repo, folder, names, tuple(_amiss(folder, here, names, set_to, others)))

    @property
    def of_commits(self) -> tuple[str, ...]:
        """Those that are asked before something is committed."""
        return tuple(name for name in self.names if name != OF_THE_BRANCH)

    def command(self, name: str, env: dict[str, str], *words: str) -> Command:
        """What starts a hook in a worktree, whose environment `env` is, as git would there."""
        return Command(("sh", "-c", _AS_GIT_DOES, str(self.folder / name), *words), env=env)

    def question(self, env: dict[str, str], update: str) -> Command:
        """What asks whether a branch may move; `update` is a line as reference-transaction hooks are told."""
        return Command(("sh", "-c", _ASK, str(self.folder / OF_THE_BRANCH), update), env=env)

    def environment(self, worktree: Worktree) -> dict[str, str]:
        """
        As of a hook that git runs, in the git folder that programs use: what a hook breaks or leaves there is nobody's.

        git below it finds the same hooks, not what a worktree has in their place.
        """
        own = self.repo / "node_modules" / ".bin"
        path = os.pathsep.join([os.environ.get("PATH", os.defpath), *([str(own)] if own.is_dir() else [])])
        return {
            **git.steered(worktree.agent_git.folder, worktree.path),
            "GIT_INDEX_FILE": str(worktree.agent_git.index),
            "GIT_PREFIX": "",
            "GIT_EDITOR": ":",
            **git.settings(("core.hooksPath", str(self.folder))),
            "PATH": path,  # lefthook looks for itself there, and passes without a look where it is not found
        }


def _configured(repo: Path) -> tuple[str | None, list[str]]:
    """Where the person has set their hooks to be, None if nowhere; and which ones are set up by git's settings alone."""
    names = [name for name, _ in git.configured(repo) if _OF_HOOKS.fullmatch(name)]
    if names == ["core.hookspath"]:  # peal's own
        return None, []
    found = git.output(
        repo, "config", "-z", "--type=path", "--get-regexp", r"^(core\.hookspath|hook\..*\.event)$"
    )
    entries = [entry.partition("\n") for entry in found.split("\0") if entry]
    folders = [value for name, _, value in entries if name == "core.hookspath"]
    events = [value for name, _, value in entries if name != "core.hookspath" and value in _ALL]
    return (folders[-2] if len(folders) > 1 else None), events  # the last one is peal's own, which is none


def _shared_folder(repo: Path) -> Path:
    return git.common_folder(repo) / "hooks"


def _can_run(path: Path) -> bool:
    return shutil.which(path) is not None


def _amiss(
    folder: Path, here: list[str], names: tuple[str, ...], set_to: str | None, others: list[str]
) -> Iterator[str]:
    """What will not look though it seems to be there."""
    if set_to not in (None, "", os.devnull) and not os.access(folder, os.X_OK):
        yield (
            f"`core.hooksPath` names `{folder}`, which is not there or cannot be read, so none of your hooks looks at "
            "what lands; make it (with husky: `npm install`), or `git config --unset core.hooksPath`"
        )
    for name in here:
        if os.access(folder / name, os.F_OK) and name not in names:
            yield f"hook `{name}` is passed over, by git too: it cannot be executed; `chmod +x '{folder / name}'`"
        elif name not in names:
            yield f"hook `{name}` is passed over, by git too: `{folder / name}` links to what is not there"
    if others:
        yield (
            f"{some(others, len(others))} set up as `hook.NAME.command` will not look at what lands; put a script that "
            f"runs it into `{folder}`"
        )

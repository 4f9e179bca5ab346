"""The plan's own file in the repository: ticked as its tasks land, and never in conflict over ticks."""

import tempfile
from pathlib import Path, PurePosixPath

from attrs import evolve, frozen

from peal.model.plan import Task
from peal.system import git
from peal.worktrees.worktree import Worktree

_FILE, _FOLDER = "100", "040"


@frozen
class PlanFile:
    """A plan that may be committed; or a folder that is one, and then each task's own file."""

    repo: Path
    path: str
    """In the repository, as git names it."""
    format: str
    is_ticked: bool
    """Whether tasks are marked as done in it when they land."""

    def of(self, task: Task) -> "PlanFile":
        """Where the task stands: in a folder of files that are one task each, its own."""
        return evolve(self, path=str(PurePosixPath(self.path, task.file))) if task.file else self

    def is_edited_in(self, tree: Path | None) -> bool:
        """Whether the person has changes in it that are not committed, in the tree where they would be."""
        return tree is not None and bool(
            git.output(tree, "status", "--porcelain", "-z", "--", f":(literal){self.path}")
        )

    def with_tick(self, commit: str, task: Task) -> str:
        """The tree of a commit with the task marked as done in the plan; empty if nothing is to be marked."""
        from peal.formats import ticked  # only here, and below: reading markdown takes long to load

        version = self.version(commit)
        after = ticked(self._content(version[1]), self.format, task, self.path) if version else None
        if version is None or after is None:
            return ""
        return self._tree(commit, version[0], after)

    def united(self, tree: str, stages: dict[int, str]) -> str:
        """The tree with the conflict over this file resolved, given the blobs of its three sides; empty if it is a real one."""
        from peal.formats.ticking import with_ticks

        contents = {stage: self._content(blob) for stage, blob in stages.items()}
        version = self.version(tree)
        after = with_ticks(contents[1], contents[3], contents[2]) if contents.keys() == {1, 2, 3} else None
        return self._tree(tree, version[0], after) if version and after is not None else ""

    def united_in(self, worktree: Worktree) -> bool:
        """Whether the conflict over this file in a worktree could be resolved, in its index and in the file."""
        from peal.formats.ticking import with_ticks

        listed = worktree.output("ls-files", "--unmerged", "-z", "--", f":(top,literal){self.path}")
        entries = [entry.split("\t")[0].split() for entry in listed.split("\0") if entry]
        modes = {mode for mode, _, _ in entries}
        if len(modes) != 1 or not (mode := modes.pop()).startswith(_FILE):
            return False
        stages = {int(stage): self._content(blob) for _, blob, stage in entries}
        if stages.keys() != {1, 2, 3} or (after := with_ticks(stages[1], stages[3], stages[2])) is None:
            return False
        # git itself writes the file: it follows no link, and writes what the person's filters make of it.
        worktree.output("update-index", "--cacheinfo", f"{mode},{self._blob(after)},{self.path}")
        worktree.output("checkout-index", "--force", "--", self.path)
        return True

    def is_in(self, tree: str) -> bool:
        """Whether the file, or the folder, is in a tree."""
        return self._entry(tree).startswith((_FILE, _FOLDER))

    def version(self, tree: str) -> tuple[str, str] | None:
        """Mode and blob of the file in a tree; None if no plain file is there."""
        mode, _, rest = self._entry(tree).partition(" ")
        return (mode, rest.split()[1]) if mode.startswith(_FILE) else None

    def _entry(self, tree: str) -> str:
        return git.output(self.repo, "ls-tree", "-z", "--full-tree", tree, "--", self.path)

    def _content(self, blob: str) -> bytes:
        done = git.run(self.repo, "cat-file", "blob", blob)
        git.printed(done, self.repo, ("cat-file",))
        return done.stdout

    def _blob(self, content: bytes) -> str:
        return git.output(self.repo, "hash-object", "-w", "--stdin", stdin=content)

    def _tree(self, tree: str, mode: str, content: bytes) -> str:
        """A tree with other content in the place of this file."""
        blob = self._blob(content)
        with tempfile.TemporaryDirectory(prefix="peal-index-") as folder:
            env = {"GIT_INDEX_FILE": f"{folder}/index"}
            git.output(self.repo, "read-tree", tree, env=env)
            git.output(self.repo, "update-index", "--cacheinfo", f"{mode},{blob},{self.path}", env=env)
            return git.output(self.repo, "write-tree", env=env)

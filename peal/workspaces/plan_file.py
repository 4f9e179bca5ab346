"""The plan's own file in the repository: ticked as its tasks land, and never in conflict over ticks."""

from pathlib import Path, PurePosixPath

from attrs import evolve

from peal.classes import frozen
from peal.model.plan import Task
from peal.model.work import Order
from peal.system import git
from peal.system.git_objects import Objects, objects_of
from peal.text.display import harmless
from peal.workspaces.additions import CommittedFiles, Edit, Files
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

    def plan_of(self, task: Task) -> "PlanFile":  # noqa: ARG002
        """All tasks stand in it."""
        return self

    land_alone = False

    def message(self, order: Order) -> str:  # noqa: ARG002
        """A tick is part of what the task does."""
        return ""

    def edits(self, order: Order, files: Files) -> tuple[Edit, ...]:
        """The task's own file with the task marked as done, where that is wanted and not so yet."""
        if not self.is_ticked:
            return ()
        from peal.formats import ticked  # only here, and below: reading markdown takes long to load

        path = self.of(order.task).path
        before = files.content(path)
        after = None if before is None else ticked(before, self.format, order.task, path)
        if after is None:
            return ()
        return (
            Edit(path, after, f"`{harmless(path)}` has changes of yours, so the task is not ticked there"),
        )

    def united(self, tree: str, stages: dict[int, str]) -> str:
        """The tree with the conflict over this file resolved, given the blobs of its three sides; empty if it is a real one."""
        from peal.formats.ticking import with_ticks

        contents = {stage: self._objects.content(blob) for stage, blob in stages.items()}
        is_plain = CommittedFiles(self._objects, tree).content(self.path) is not None
        after = with_ticks(contents[1], contents[3], contents[2]) if contents.keys() == {1, 2, 3} else None
        return self._objects.edited(tree, {self.path: after}) if is_plain and after is not None else ""

    def united_in(self, worktree: Worktree) -> bool:
        """Whether the conflict over this file in a worktree could be resolved, in its index and in the file."""
        from peal.formats.ticking import with_ticks

        listed = worktree.output("ls-files", "--unmerged", "-z", "--", f":(top,literal){self.path}")
        entries = [entry.split("\t")[0].split() for entry in listed.split("\0") if entry]
        modes = {mode for mode, _, _ in entries}
        if len(modes) != 1 or not (mode := modes.pop()).startswith(_FILE):
            return False
        stages = {int(stage): self._objects.content(blob) for _, blob, stage in entries}
        if stages.keys() != {1, 2, 3} or (after := with_ticks(stages[1], stages[3], stages[2])) is None:
            return False
        # git itself writes the file: it follows no link, and writes what the person's filters make of it.
        worktree.output("update-index", "--cacheinfo", f"{mode},{self._blob(after)},{self.path}")
        worktree.output("checkout-index", "--force", "--", self.path)
        return True

    def is_in(self, tree: str) -> bool:
        """Whether the file, or the folder, is in a tree."""
        return self._entry(tree).startswith((_FILE, _FOLDER))

    def _entry(self, tree: str) -> str:
        return git.output(self.repo, "ls-tree", "-z", "--full-tree", tree, "--", self.path)

    def _blob(self, content: bytes) -> str:
        return git.output(self.repo, "hash-object", "-w", "--stdin", stdin=content)

    @property
    def _objects(self) -> Objects:
        return objects_of(self.repo)

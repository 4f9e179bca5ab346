"""Where peal keeps what in a repository."""

import hashlib
import os
import re
from pathlib import Path

from peal.classes import frozen
from peal.errors import PealError
from peal.system.files import content, replace
from peal.text.display import harmless
from peal.text.names import file_name, marked, slug, whole_number

FOLDER = ".peal"
WORKTREES = "worktrees"
"""In there: the worktrees that tasks work in, each under its place's name."""
PAGE = "report.html"
"""In there: the page about what was run last, where no other file is named for it."""
PATCH = "changes.patch"
"""In an attempt's folder: what it changed, if it did not pass."""
OUTCOME = "outcome.json"
"""In an attempt's folder: how it ended, once it has."""
VERDICT = "verdict.json"
"""In an attempt's folder: how it ends if its change can be committed."""
NORMALIZED = "-normalized.md"
"""Ends the name of what an agent has made of a file."""
_SET_ASIDE = re.compile(r"-[0-9a-f]{8}\.before-\d{8}-\d{6}(-\d+)?$")


@frozen
class PlanPaths:
    """The memory of one plan."""

    folder: Path

    @property
    def journal(self) -> Path:
        """One event a line; the truth."""
        return self.folder / "journal.jsonl"

    @property
    def state(self) -> Path:
        """The short form for people and scripts."""
        return self.folder / "state.json"

    @property
    def log(self) -> Path:
        """What happened, as JSON lines."""
        return self.folder / "peal.log"

    @property
    def summary(self) -> Path:
        """What became of the latest run, for scripts."""
        return self.folder / "run_summary.json"

    @property
    def normalized(self) -> Path:
        """The plan that an agent made of a file that was none; beside the folder, so that starting over keeps it."""
        return self.folder.with_name(f"{self.folder.name}{NORMALIZED}")

    @property
    def worklog_left_out(self) -> Path:
        """Of a backlog: entries that could not be written into the worklog yet."""
        return self.folder / "worklog-left-out.json"

    @property
    def attempts(self) -> Path:
        """What attempts were told and have left, each in a folder of its own."""
        return self.folder / "attempts"

    def attempt(self, task: str, phase: str, number: int) -> Path:
        """The folder of one attempt at a phase of a task."""
        return self.attempts / f"{attempts_begin(task)}-{phase}-{number}"


def attempts_begin(task: str) -> str:
    """How the names of the folders of a task's attempts begin; those of numbers are in their order for `ls`."""
    number = whole_number(task)
    if number is not None:
        return f"{number:03}"
    return marked(task) if task.isdecimal() else file_name(task)  # `007` is not task 7


@frozen
class RepoPaths:
    """The memory of a repository."""

    repo: Path

    @property
    def root(self) -> Path:
        """Everything of peal's lies here."""
        return self.repo / FOLDER

    @property
    def lock(self) -> Path:
        """Held while a run goes on."""
        return self.root / "lock"

    @property
    def owner(self) -> Path:
        """Who holds the lock; informs, decides nothing."""
        return self.root / "owner.json"

    @property
    def worktrees(self) -> Path:
        """The pool of worktrees that tasks work in."""
        return self.root / "worktrees"

    @property
    def landing(self) -> Path:
        """What git is about to change in the person's tree; there only while it does, or where that was cut off."""
        return self.root / "landing.json"

    @property
    def landing_index(self) -> Path:
        """The person's index as it was before that."""
        return self.root / "landing.index"

    @property
    def landing_lock(self) -> Path:
        """Held while the branch is moved, or the backlog changed."""
        return self.root / "landing.lock"

    @property
    def caches(self) -> Path:
        """What package managers have fetched for programs in a sandbox."""
        return self.root / "cache"

    @property
    def backlog_cache(self) -> Path:
        """The items of the backlog as they were parsed; may be deleted at any time."""
        return self.root / "backlog-cache.json"

    @property
    def backlog_writes(self) -> Path:
        """What commands write into items while a phase works in the person's tree; gone when that is over."""
        return self.root / "backlog-writes.jsonl"

    @property
    def drafts(self) -> Path:
        """Items that a person edits, until they are taken."""
        return self.root / "drafts"

    @property
    def batch(self) -> Path:
        """How far the batch of several plans is; gone when nothing of it is left."""
        return self.root / "batch-progress.json"

    def branch(self, path: Path) -> str:
        """
        Between prefix and task's name, that of the branch that keeps a commit until it has landed.

        Linked worktrees of one repository share their branches, so the name tells the checkout too.
        """
        key = self.plan_key(path)
        mark = hashlib.sha256(f"{self.repo}\0{key}".encode("utf-8", "surrogateescape")).hexdigest()[:8]
        return f"{re.sub(r'[.]+', '.', slug(Path(key).stem))}-{mark}"

    def plan(self, path: Path) -> PlanPaths:
        """The memory of the plan at `path`, told apart by its place relative to the repository's root."""
        key = self.plan_key(path)
        mark = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:8]
        return PlanPaths(self.root / f"{slug(Path(key).stem)}-{mark}")

    @property
    def machines(self) -> Path:
        """What machines that are processes of this one keep, and which machines were used."""
        return self.root / "machines"

    @property
    def used_machines(self) -> Path:
        """The names of machines that runs have used, one on a line."""
        return self.machines / "used"

    def plan_key(self, path: Path) -> str:
        """The plan's path relative to the repository, absolute if it lies outside."""
        absolute = Path(os.path.realpath(path))
        return str(absolute.relative_to(self.repo)) if absolute.is_relative_to(self.repo) else str(absolute)

    def plan_file(self, key: str) -> Path:
        """The file that `plan_key` named."""
        return self.repo / key

    def known_plans(self) -> list[PlanPaths]:
        """Every plan this repository remembers; memories set aside by `--fresh` do not count."""
        if not self.root.is_dir():
            return []
        folders = sorted(
            folder for folder in self.root.iterdir() if folder.is_dir() and not _SET_ASIDE.search(folder.name)
        )
        places = [PlanPaths(folder) for folder in folders]
        return [place for place in places if place.journal.exists() or place.state.exists()]

    def check(self) -> None:
        """PealError if something else is where peal's folders belong; a link to a folder of its own will do."""
        for folder in (self.root, self.worktrees):
            if not os.path.lexists(folder) or folder.is_dir():
                continue
            if not folder.is_symlink():
                raise PealError(f"`{folder}` is no folder, and peal keeps its memory there; move it away")
            target = str(folder.readlink())
            raise PealError(
                f"`{folder}` is a link to `{harmless(target)}`, and there is no folder; make one there (a disk may not be "
                "mounted), or take the link away"
            )
        if other := self._other_user():
            raise PealError(
                f"`{self.root}` leads to where `{harmless(str(other))}` keeps its memory; give each repository a folder of its own"
            )

    @property
    def _user(self) -> Path:
        """Names the repository whose link leads here."""
        return self.root / "repository"

    def _other_user(self) -> Path | None:
        """Another repository that keeps its memory in the folder that a link leads to; None if there is none."""
        if not self.root.is_symlink():
            return None
        target = Path(os.path.realpath(self.root))
        named = os.fsdecode(content(self._user) or b"")
        others = {target.parent, Path(named)} if named else {target.parent}
        found = [one for one in others - {self.repo} if os.path.realpath(one / FOLDER) == str(target)]
        return found[0] if found else None

    def prepare(self) -> None:
        """Make the folder and keep it out of every commit; OSError if that cannot be written."""
        self.root.mkdir(exist_ok=True)
        ignore = self.root / ".gitignore"
        if not ignore.exists() or not ignore.stat().st_size:
            replace(ignore, "*\n")
        if self.root.is_symlink() and content(self._user) != os.fsencode(self.repo):
            replace(self._user, str(self.repo))

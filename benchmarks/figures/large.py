"""Many agents that use git themselves, at once, in a large repository: nothing fails, all lands, and what it costs."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from attrs import evolve, frozen

from benchmarks.ground import Broken, Ground, Missing, Repository, alternate, file_system
from benchmarks.plans import SHARED, one_liners
from benchmarks.rows import Bound, Judged, Row

_AT_MOST = 3
"""Repetitions: each makes hundreds of thousands of files."""
_A_FOLDER = 100
"""Files in each folder."""
_FILE = 6_000
"""Bytes a small file takes on a disk, with its inode."""
_SCRIPT = r"""
try() {
  git "$@" >"$TMPDIR/said" 2>&1 && return
  echo "task $PEAL_TASK: git $*: $(cat "$TMPDIR/said")" >>"$FAILURES"
  exit 1
}
slot=
while [ "${SLOTS-}" ] && [ -z "$slot" ]; do
  for free in "$SLOTS"/*[0-9]; do
    mkdir "$free.taken" 2>/dev/null && cd "$free" && slot=$free && break
  done
done
mkdir -p out
echo "$PEAL_TASK" >"out/$PEAL_TASK"
try add --all
try commit --quiet -m "a step of task $PEAL_TASK"
for name in $FILES; do echo more >>"$((PEAL_TASK % FOLDERS))/$((PEAL_TASK / FOLDERS * 3 + name))"; done
try status
try add --all
try commit --quiet -m "another step of task $PEAL_TASK"
echo "not committed" >>"out/$PEAL_TASK"
[ -z "$slot" ] || rmdir "$slot.taken"
"""
"""What an agent does: in its worktree, or in one of those in SLOTS."""
_EDITS = "0 1 2"


@frozen
class Size:
    """A repository of so many files."""

    files: int
    most: float
    """Seconds of peal's git for each task."""

    @property
    def folders(self) -> int:
        """How many there are."""
        return max(self.files // _A_FOLDER, 1)


@frozen
class Large:
    """
    One parallel segment; each agent edits files and commits twice in its worktree.

    What peal's git costs is the difference of two wall times: of this run, and of one where the same agents do the
    same in worktrees that were made before, and peal makes, commits, merges and lands nothing.
    """

    tasks: int = 64
    places: int = 16
    sizes: tuple[Size, ...] = (Size(100, 0.15), Size(20_000, 0.5))
    name: str = "large"

    def rows(self, ground: Ground) -> Iterator[Row]:
        """A row for each size, if no git failed, of peal or of an agent, nothing was tried again and all has landed."""
        self._find_room(ground)
        for size in self.sizes:
            yield self._row(ground, size)

    def _row(self, ground: Ground, size: Size) -> Row:
        whole, without = alternate(
            min(ground.repeat, _AT_MOST),
            lambda: self._run(ground, size, "", {}),
            lambda: self._run(ground, size, SHARED, {"SLOTS": str(ground.fresh())}),
        )
        ours = tuple((one - other) / self.tasks for one, other in zip(whole, without, strict=True))
        theirs = tuple(other / self.tasks for other in without)
        what = f"peal's git, each of {self.tasks} tasks, {self.places} at once, {size.files} files"
        bound = Bound(size.most, Judged.OURS)
        return Row(self.name, what, ours, "the tasks themselves", theirs, "s", bound)

    def _find_room(self, ground: Ground) -> None:
        runs = min(ground.repeat, _AT_MOST) * 2
        files = sum(size.files for size in self.sizes) * (self.places + 2) * runs
        found = os.statvfs(ground.folder)
        if found.f_bavail * found.f_frsize < files * _FILE or 0 < found.f_ffree < files:
            raise Missing(f"needs {files * _FILE / 1e9:.0f} GB and {files} files of disk")

    def _run(self, ground: Ground, size: Size, settings: str, env: dict[str, str]) -> float:
        files = {f"{n % size.folders}/{n // size.folders}": f"file {n}\n" for n in range(size.files)}
        agent = f'[agents.committer]\ncommand = ["true"]\nexecute = {json.dumps(["sh", "-c", _SCRIPT])}\n'
        repository = ground.project(one_liners(self.tasks), settings + agent, files)
        failures = repository.path.parent / "failures"
        steered = {**env, "FAILURES": str(failures), "FOLDERS": str(size.folders), "FILES": _EDITS}
        for number in range(self.places if env else 0):
            repository.git("worktree", "add", "--quiet", "--detach", f"{env['SLOTS']}/{number}")
        repository = evolve(repository, env={**repository.env, **steered})
        words = ("run", "plan.md", "--agent", "committer", "--max-parallel", str(self.places))
        try:
            took = repository.peal(*words)
        except Broken as broken:
            if failures.exists():
                told = failures.read_text(encoding="utf-8").splitlines()
                raise Broken(f"{len(told)} lines of git failing in agents: {told[0]}") from broken
            raise
        if not env:
            repository.expect_landed(self.tasks)
            self._expect_one_attempt_each(repository)
        if file_system(ground.folder) == "tmpfs":  # costs memory, and nothing is made slow by a removal
            for path in (repository.path.parent, *map(Path, env.values())):
                shutil.rmtree(path)
        return took

    def _expect_one_attempt_each(self, repository: Repository) -> None:
        """Nothing had to be tried again."""
        again = list(repository.path.glob(".peal/*/attempts/*-2"))
        if again:
            raise Broken(f"tried again: {again[0].name} and {len(again) - 1} more")

    def small(self) -> "Large":
        """A few in a repository of a few files."""
        return evolve(self, tasks=4, places=2, sizes=(Size(20, 0.15),))

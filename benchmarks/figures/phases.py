"""What a phase of an item costs: an agent that only answers, with landing and without, against the same done by hand."""

from collections.abc import Iterator

from attrs import evolve, frozen

from benchmarks.backlogs import AGENT, ANSWER, backlog, expect_done, items, settings
from benchmarks.ground import PYTHON, Ground, Repository, alternate, run
from benchmarks.peers import phases_by_hand
from benchmarks.rows import Bound, Judged, Row

_PHASES = ("prd", "design", "build", "review")
_PLACES = 4


@frozen
class Phases:
    """Ten items through four phases, start and end of the run included."""

    items: int = 10
    name: str = "phases"

    def rows(self, ground: Ground) -> Iterator[Row]:
        """A row with landing, four at once, and one for `commit = false`, where phases go one at a time."""
        for commits, most, peer in (
            (True, 100, "a script: worktree, fields, worklog, commit, merge"),
            (False, 50, "a script: fields, worklog"),
        ):
            ours, theirs = self._both(ground, commits)
            way = "worktrees, landed" if commits else "one tree, `commit = false`"
            what = f"each of {self.items * len(_PHASES)} phases that only answer, {way}"
            yield Row(self.name, what, ours, peer, theirs, "ms", Bound(most, Judged.OURS))

    def _both(self, ground: Ground, commits: bool) -> list[tuple[float, ...]]:
        share = 1000 / (self.items * len(_PHASES))
        return alternate(
            ground.repeat,
            lambda: self._run(ground, commits) * share,
            lambda: self._by_hand(ground, commits) * share,
        )

    def _run(self, ground: Ground, commits: bool) -> float:
        repository = self._repository(ground, "" if commits else "commit = false\n")
        took = repository.peal("backlog", "run")
        expect_done(repository, self.items, _PHASES, commits=commits)
        return took

    def _by_hand(self, ground: Ground, commits: bool) -> float:
        repository = self._repository(ground)
        places = str(_PLACES if commits else 1)
        argv = [PYTHON, str(phases_by_hand.__file__), places, "commit" if commits else "", AGENT, *_PHASES]
        took = run(argv, repository.path, repository.env)
        expect_done(repository, self.items, _PHASES, commits=commits)
        return took

    def _repository(self, ground: Ground, first: str = "") -> Repository:
        toml = settings(_PHASES, max_wip=self.items, max_concurrent=_PLACES)
        return backlog(ground, items(self.items, status="ready"), first + toml, ANSWER)

    def small(self) -> "Phases":
        """Two items."""
        return evolve(self, items=2)

"""Phases that have to be alone in a backlog: three items whose second phase is destructive, against what that takes at least."""

from collections.abc import Iterator
from typing import Literal

from attrs import evolve, frozen

from benchmarks.backlogs import ANSWER, backlog, expect_done, items, settings
from benchmarks.ground import Ground, alternate
from benchmarks.rows import Bound, Row

_PHASES = ("prd", "build", "review")


@frozen
class LookAhead:
    """
    Three items at once, three in progress; each is triaged first, and its `build` is destructive.

    All builds wait until the longest `prd` is over. So alone they take triage, that, three builds and a review; each isolated in
    a worktree, no item waits for another.
    """

    triage: float = 0.3
    prd: tuple[float, float, float] = (0.4, 0.8, 1.2)
    build: float = 0.5
    review: float = 0.4
    name: str = "look-ahead"

    def rows(self, ground: Ground) -> Iterator[Row]:
        """A row for each way to go on beside a destructive phase."""
        alone, isolated = alternate(
            ground.repeat, lambda: self._run(ground, "alone"), lambda: self._run(ground, "isolated")
        )
        around = self.triage + max(self.prd) + self.review
        what = "3 items, 3 at once, destructive phases"
        # Isolated there is less to wait for, so that the start of the run counts for more.
        yield Row(
            self.name, f"{what} alone", alone, "the ideal", (around + 3 * self.build,), "s", Bound(1.25)
        )
        yield Row(self.name, f"{what} isolated", isolated, "the same, alone", alone, "s", Bound(0.8))

    def _run(self, ground: Ground, destructive: Literal["alone", "isolated"]) -> float:
        first, second, third = self.prd
        script = f"""case $PEAL_PHASE in
  triage) sleep {self.triage} ;;
  prd) case $PEAL_ITEM in *1) sleep {first} ;; *2) sleep {second} ;; *) sleep {third} ;; esac ;;
  build) sleep {self.build} ;;
  review) sleep {self.review} ;;
esac
mkdir -p out
echo done >"out/$PEAL_ITEM-$PEAL_PHASE"
{ANSWER}"""
        toml = settings(_PHASES, ["build"], max_wip=3, max_concurrent=3, destructive=destructive)
        repository = backlog(ground, items(3, status="new"), toml, script)
        took = repository.peal("backlog", "run")
        expect_done(repository, 3, ("triage", *_PHASES))
        return took

    def small(self) -> "LookAhead":
        """The same order, much shorter."""
        return evolve(self, triage=0.01, prd=(0.01, 0.02, 0.03), build=0.01, review=0.01)

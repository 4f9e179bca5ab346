"""Phases that have to be alone in a backlog: three items whose second phase is destructive, against their agents alone."""

from collections.abc import Iterator
from typing import Literal

from attrs import evolve, frozen

from benchmarks.backlogs import AGENT, ANSWER, backlog, expect_done, item_id, items, settings
from benchmarks.ground import Ground, Repository, alternate, run
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
        alone, isolated, agents = alternate(
            ground.repeat,
            lambda: self._run(ground, "alone"),
            lambda: self._run(ground, "isolated"),
            lambda: self._agents(ground),
        )
        what = "3 items, 3 at once, destructive phases"
        # Isolated there is less to wait for, so that the start of the run counts for more.
        yield Row(self.name, f"{what} alone", alone, "their agents in that order", agents, "s", Bound(1.25))
        yield Row(self.name, f"{what} isolated", isolated, "the same, alone", alone, "s", Bound(0.8))

    def _run(self, ground: Ground, destructive: Literal["alone", "isolated"]) -> float:
        toml = settings(_PHASES, ["build"], max_wip=3, max_concurrent=3, destructive=destructive)
        repository = self._repository(ground, toml)
        took = repository.peal("backlog", "run")
        expect_done(repository, 3, ("triage", *_PHASES))
        return took

    def _agents(self, ground: Ground) -> float:
        """What the agents need at least: those of a phase at once and the builds one after another, with nothing in between."""
        repository = self._repository(ground, "")

        def started(phase: str, number: int) -> str:
            return f"PEAL_PHASE={phase} PEAL_ITEM={item_id(number)} PEAL_RESULT=answer-{number} sh {AGENT}"

        def together(phase: str) -> list[str]:
            return [*(f"{started(phase, number)} &" for number in (1, 2, 3)), "wait"]

        builds = [started("build", number) for number in (1, 2, 3)]
        lines = [*together("triage"), *together("prd"), *builds, *together("review")]
        return run(["sh", "-ec", "\n".join(lines)], repository.path, repository.env)

    def _repository(self, ground: Ground, toml: str) -> Repository:
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
        return backlog(ground, items(3, status="new"), toml, script)

    def small(self) -> "LookAhead":
        """The same order, much shorter."""
        return evolve(self, triage=0.01, prd=(0.01, 0.02, 0.03), build=0.01, review=0.01)

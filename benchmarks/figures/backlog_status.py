"""What looking at a backlog costs: `peal backlog status` on many open items, and on as many as a plan has tasks."""

import shutil
from collections.abc import Iterator

from attrs import evolve, frozen

from benchmarks.backlogs import backlog, items, settings
from benchmarks.ground import Ground, Repository, alternate
from benchmarks.plans import NOOP, remember_as_done, written_out
from benchmarks.rows import Bound, Judged, Row

_WORDS = ("backlog", "status")


@frozen
class BacklogStatus:
    """Open items, and a plan that has been carried out beside the smaller backlog."""

    many: int = 1000
    few: int = 100
    name: str = "backlog-status"

    def rows(self, ground: Ground) -> Iterator[Row]:
        """Many items when they were looked at before, beside the first look; and a few beside `peal status`."""
        large, small = self._repository(ground, self.many), self._repository(ground, self.few)
        plan = ground.repository(written_out(self.few), NOOP)
        remember_as_done(plan.path)
        cold, warm, few, theirs = alternate(
            ground.repeat,
            lambda: self._cold(large),
            lambda: self._warm(large),
            lambda: self._warm(small),
            lambda: plan.peal("status"),
        )
        what = f"`peal backlog status`, {self.many} open items"
        yield Row(self.name, what, warm, "the same, for the first time", cold, "s", Bound(0.5, Judged.OURS))
        what = f"`peal backlog status`, {self.few} open items"
        peer = f"`peal status`, {self.few} tasks"
        yield Row(self.name, what, few, peer, theirs, "s", Bound(2))

    def _repository(self, ground: Ground, count: int) -> Repository:
        return backlog(ground, items(count, status="new"), settings(("prd", "build")))

    def _cold(self, repository: Repository) -> float:
        shutil.rmtree(repository.path / ".peal", ignore_errors=True)
        return repository.peal(*_WORDS)

    def _warm(self, repository: Repository) -> float:
        repository.peal(*_WORDS)
        return repository.peal(*_WORDS)

    def small(self) -> "BacklogStatus":
        """A handful of each."""
        return evolve(self, many=5, few=3)

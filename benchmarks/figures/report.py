"""What a run costs more for what is told of it: the page, its time and size, and words to a person."""

import resource
import time
from collections.abc import Iterator

from attrs import evolve, frozen

from benchmarks.ground import Ground, Repository, alternate, run
from benchmarks.plans import scripts
from benchmarks.rows import Bound, Judged, Row
from peal.model.decision import Decision
from peal.model.notification import Cause
from peal.notify.notifier import Notifier
from peal.notify.sending import Sending
from peal.record import journal
from peal.record.history import History

_PAGE = ".peal/report.html"
_EDIT = "mkdir -p out; printf 'a line\\nand another\\n' >out/{number}; echo 'said {number}'"
_WORK = "i=0; while [ $i -lt {turns} ]; do i=$((i+1)); done; "


@frozen
class Report:
    """A long plan whose agents do next to nothing, and one whose agents work."""

    tasks: int = 1000
    at_work: int = 100
    turns: int = 250_000
    """Of a loop of the shell, which takes half a second or so."""
    name: str = "report"

    def rows(self, ground: Ground) -> Iterator[Row]:
        """A row each for time, size, and part of a run's processor time."""
        long, used = self._carried_out(ground, self.tasks, "")
        (followed,) = alternate(ground.repeat, lambda: _following(long))
        what = f"processor time of following {self.tasks} tasks for words to a person"
        yield Row(self.name, what, followed, "all of their run", (used,), "s", Bound(0.01))
        ours, theirs = alternate(
            ground.repeat,
            lambda: long.peal("report", "--html", _PAGE),
            lambda: run(["git", "log", "--patch", "--first-parent"], long.path, long.env),
        )
        what = f"the page about {self.tasks} tasks"
        yield Row(self.name, what, ours, "`git log --patch`", theirs, "s", Bound(5, Judged.OURS))
        left = sum(path.stat().st_size for path in (long.path / ".peal").rglob("attempts/*/*")) / 1e6
        size = (long.path / _PAGE).stat().st_size / 1e6
        yield Row(
            self.name, f"{what}, bytes", (size,), "what attempts left", (left,), "MB", Bound(10, Judged.OURS)
        )
        working, used = self._carried_out(ground, self.at_work, _WORK.format(turns=self.turns))
        (ours,) = alternate(ground.repeat, lambda: _processor_time(working, "report", "--html", _PAGE))
        what = f"processor time of the page about {self.at_work} tasks"
        yield Row(self.name, what, ours, "all of their run", (used,), "s", Bound(0.01))

    def _carried_out(self, ground: Ground, tasks: int, work: str) -> tuple[Repository, float]:
        """A plan that is done, and the processor time that took."""
        bodies = (work + _EDIT.format(number=number) for number in range(1, tasks + 1))
        repository = ground.project(scripts(*bodies), 'agent = "shell"\n')
        took = _processor_time(repository, "run", "plan.md", "--parallel", "--max-parallel", "4")
        repository.expect_landed(tasks)
        return repository, took

    def small(self) -> "Report":
        """Short plans."""
        return evolve(self, tasks=3, at_work=2, turns=10)


def _processor_time(repository: Repository, *words: str) -> float:
    """Seconds of a command of peal's and of all that it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    repository.peal(*words)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _following(repository: Repository) -> float:
    """Seconds that a run would take more where a person wants to be told: for all that happened, up to the words at its end."""
    (path,) = repository.path.glob(".peal/plan-*/journal.jsonl")
    events = journal.load(path).events
    notifier = Notifier(frozenset(Cause), str(repository.path), _nobody, print, None)
    follower, history, decision, spent = notifier.of("plan.md"), History(), Decision(), 0.0
    for event in events:
        history.apply(event)
        began = time.thread_time()
        follower.show([event], history)
        follower.decided(decision)
        spent += time.thread_time() - began
    return spent


def _nobody() -> Sending:
    raise AssertionError("nothing has happened that is told before the end")

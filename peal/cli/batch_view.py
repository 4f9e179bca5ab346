"""How a batch is shown: how far it is, then each of its plans, then what became of all."""

import time
from collections.abc import Callable

from attrs import field

from peal.classes import define
from peal.cli.followers import Followers
from peal.cli.screens import Screens
from peal.jobs.job import Job
from peal.model.decision import Halt
from peal.record.batch import Batch
from peal.record.batch_file import record_of
from peal.run.after_run import afterwards_told
from peal.run.start import End
from peal.text.display import harmless
from peal.views.batch import headline, place_of, report
from peal.views.screens import Screen
from peal.views.screens.lines import JsonLines, safe


@define
class BatchView:
    """A batch in sight of a person, or of a program that reads JSON."""

    screens: Screens
    report_of: Callable[[Job, End, float], list[str]]
    """What is said at the end of a plan's run that took so many seconds."""
    typed: Callable[[str], str]
    """How a person names a plan of the batch where they are."""
    followers: Followers | None
    """Who follows the runs of its plans; None where these are only rehearsed."""
    _at_work: frozenset[str] = frozenset()
    _batch: Batch | None = None
    _later: list[tuple[Job, End, Screen]] = field(factory=list)
    """Plans whose commands after the run are for the end, for they would hold the others up."""

    def say(self, text: str) -> None:
        """One line that stays."""
        if self.screens.show.json:
            JsonLines(self.screens.output).say(text)
        elif self.screens.board:
            self.screens.board.say(text)
        else:
            self.screens.output.put(safe(text))

    def moved(self, batch: Batch) -> None:
        """How far it is, and which plans have been begun."""
        self._batch = batch
        if self.screens.board:
            self.screens.board.headline = headline(batch)
        if self.screens.show.json:
            JsonLines(self.screens.output).tell({"event": "BatchMoved", "batch": record_of(batch)})
        at_work = frozenset(one.plan for one in batch.running)
        for plan in (
            at_work - self._at_work if not (self.screens.show.json or self.screens.show.quiet) else ()
        ):
            self.say(place_of(batch, plan))
        self._at_work = at_work

    @property
    def _several_at_once(self) -> bool:
        return self._batch is not None and self._batch.parallel > 1

    def screen(self, job: Job) -> Screen:
        """For a plan of the batch."""
        label = f"{harmless(job.key)}: " if self._several_at_once else ""
        screen = self.screens.screen(job, job.key, label)
        return self.followers.the_screen(screen, job, self.say) if self.followers else screen

    def over(self, job: Job, end: End, screen: Screen, began: float) -> None:
        """Its report, and what is to be run after it; later, if others are at work."""
        if not self.screens.show.json:
            first, *rest = self.report_of(job, end, time.time() - began)
            for line in (f"{harmless(job.key)}: {first}", *rest):
                self.say(line)
        if self._several_at_once:
            self._later.append((job, end, screen))
        else:
            self._run_commands(job, end, screen)

    def _run_commands(self, job: Job, end: End, screen: Screen) -> None:
        for line in afterwards_told(job, end, screen, not self.screens.show.json):
            self.say(line)

    def finish(self, batch: Batch, halt: Halt, seconds: float) -> None:
        """What became of all."""
        for job, end, screen in self._later:
            self._run_commands(job, end, screen)
        if not self.screens.show.json:
            for line in ("", *report(batch, halt, seconds, self.typed)):
                self.say(line)

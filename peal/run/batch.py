"""A batch: a queue of plans that are carried out in one session, with progress that survives."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from functools import partial
from typing import Protocol

from attrs import evolve, field

from peal.classes import define
from peal.errors import Busy, Interrupted, Paused, PealError
from peal.executors import Happened
from peal.executors.threads import Threads
from peal.jobs.job import Job
from peal.model.decision import Budget, Halt
from peal.record import batch_file, journal, store
from peal.record.batch import Batch
from peal.record.history import fold
from peal.run import report_file
from peal.run.after_run import (
    begin_log_file,
    check_report_file,
    sum_up,
    sum_up_broken_off,
    write_report,
    write_summary,
)
from peal.run.loop import PlanRun, take_turn
from peal.run.session import Opener, Session
from peal.run.start import End, begun, refuse_to_repeat, stop_asked
from peal.run.unfinished_batch import BatchRequest, agreed, memory_of, unfinished
from peal.schedule import batches
from peal.system.layout import RepoPaths
from peal.system.signals import Hearing
from peal.text.display import harmless
from peal.views.batch import gone_on_with, moved_on, summary
from peal.views.screens import Screen
from peal.workspaces import named_branch


class JobOf(Protocol):
    """What is to be done of a plan of the batch, by the flags of the batch; PealError if it is not fit."""

    def __call__(self, plan: str, *, fresh: bool, resumed: bool) -> Job:
        """The plan is named as in its memory."""


class View(Protocol):
    """Where a person, or a program, sees a batch."""

    def say(self, text: str) -> None:
        """One line that stays."""

    def moved(self, batch: Batch) -> None:
        """The batch has come further."""

    def screen(self, job: Job) -> Screen:
        """Shows the run of one of its plans."""

    def over(self, job: Job, end: End, screen: Screen, began: float) -> None:
        """A plan has come to its end: what belongs to that is told and done."""


def carry_out(
    repo_paths: RepoPaths,
    request: BatchRequest,
    view: View,
    job_of: JobOf,
    hearing: Hearing,
    open_session: Opener,
) -> tuple[Batch, Halt]:
    """
    Carry a batch out, or on, and how far it has come by its end.

    `Busy` if another peal is at work here; PealError if the batch is not fit, or its memory cannot be read or written.
    """
    batch = agreed(repo_paths, request, "")
    if batches.next_plan(batch, request.only) is None:
        open_session(view.say)  # nobody else may be at work on it
        if batch.is_clean:
            batch_file.remove(repo_paths.batch)
        return batch, batches.halt_of(batch)
    first, job = first_job(batch, request, job_of)
    settings = job.roster.settings
    places = max(job.rules.max_parallel, settings.max_parallel if settings.jobs > 1 else 1, 1)
    check_report_file(job)
    session = open_session(view.say)
    with closing(Threads(session.inbox, places)) as executor:
        return _BatchRun(
            repo_paths=repo_paths,
            session=session,
            view=view,
            job_of=job_of,
            batch=evolve(agreed(repo_paths, request, session.name), parallel=settings.jobs, flags=job.flags),
            only=request.only,
            executor=executor,
            hearing=hearing,
            places=places if settings.jobs > 1 else None,
            auto_advance=settings.auto_advance,
            summary_name=settings.run_summary_path,
            first=job,
            ready={first: job},
        ).carried_out(request)


def first_job(batch: Batch, request: BatchRequest, job_of: JobOf) -> tuple[str, Job]:
    """
    The plan that is carried out first, and what is to be done of it.

    PealError for what it is refused for, but for the batch that goes on behind plans that fail, if one that comes later is fit;
    and for what keeps the plans from being carried out in one batch.
    """
    refused: PealError | None = None
    while (plan := batches.next_plan(batch, request.only)) is not None:
        try:
            job = job_of(plan, fresh=plan in batch.afresh, resumed=plan in batch.begun)
            _check_has_worktrees(job)
        except (Busy, Interrupted):
            raise
        except PealError as error:
            refused, batch = refused or error, batch.ended_failed(plan, str(error))
            continue
        if refused and not job.roster.settings.auto_advance:
            raise type(refused)(f"{refused}; `--auto-advance` goes on with the next, {harmless(plan)}")
        named_branch.check_are_apart(job.roster.settings.branch or "", batch.plans)
        return plan, job
    assert refused is not None, "there is a plan to begin with"
    raise refused


def _check_has_worktrees(job: Job) -> None:
    """PealError if several plans are to be at work at once, and not each of them in worktrees."""
    if job.roster.settings.jobs > 1 and job.pool is None:
        raise PealError(
            "`jobs` above 1 needs worktrees: in one tree reviewers of a plan would look while another one's agents write; "
            "take it out, or let `commit` and `isolation` be as they are by default"
        )


@define
class _UnderWay:
    """A plan at work."""

    plan: str
    job: Job
    screen: Screen
    began: float
    run: PlanRun
    stack: ExitStack
    """Gives back what it works with."""


@define
class _BatchRun:
    """One batch under way; every change of it is on disk before anything is done about it."""

    repo_paths: RepoPaths
    session: Session
    view: View
    job_of: JobOf
    batch: Batch
    only: tuple[str, ...] | None
    executor: Threads
    hearing: Hearing
    places: int | None
    """For the steps of all plans together; None where there is one plan at a time."""
    auto_advance: bool
    summary_name: str | None
    first: Job
    """By whose settings it is told what came of the batch."""
    ready: dict[str, Job]
    """Jobs that have been made already."""
    stopped: Halt | None = None
    """Somebody has stopped it."""
    is_stuck: bool = False
    """A plan has failed or is held, and no other one is begun."""
    under_way: list[_UnderWay] = field(factory=list)

    def carried_out(self, request: BatchRequest) -> tuple[Batch, Halt]:
        """To its end, and how far it has come by then."""
        self._set_out(request)
        settings, folder = self.first.roster.settings, self.first.plan_paths.folder
        try:
            with report_file.written_again(settings, self.repo_paths, [], folder) as why_not:
                self._carry_out()
        except BaseException as error:
            self._break_off(error)
            raise
        self.hearing.end()
        halt = batches.halt_of(self.batch)
        if self.batch.is_clean:
            batch_file.remove(self.repo_paths.batch)
        elif self.stopped:
            halt = self.stopped
        self._sum_up(halt)
        if told := why_not():
            self.view.say(told)
        return self.batch, halt

    def _carry_out(self) -> None:
        while self._begin_more():
            take_turn([one.run for one in self.under_way], self.executor, self.places)
            for one in [one for one in self.under_way if one.run.halt is not None]:
                self.under_way.remove(one)
                self._finish(one)

    def _sum_up(self, halt: Halt) -> None:
        """Write the summary of the batch, where one was asked for; each of its plans has its own."""
        if self.summary_name:
            record = summary(self.batch, halt, time.time())
            write_summary(
                self.repo_paths.repo / self.summary_name, record, self.first.roster.hide, self.view.say
            )
        self._write_report()

    def _write_report(self) -> None:
        """The page about all plans that were begun, where one is wanted."""
        begun = [plan for plan in self.batch.plans if plan not in self.batch.queued]
        write_report([memory_of(self.repo_paths, plan) for plan in begun], self.first, self.view.say)

    def _set_out(self, request: BatchRequest) -> None:
        """Say what is gone on with, leave aside what is not, and count what was spent before."""
        path = self.repo_paths.batch
        if request.fresh:
            with self._writing():
                kept = batch_file.set_aside(path)
            if kept:
                self.view.say(f"starting over; how far the batch before was is kept in `{kept}`")
        elif before := unfinished(self.repo_paths):
            for line in gone_on_with(before, self.batch, time.time()):
                self.view.say(line)
        self._change(self.batch)
        if any(job.rules.budget != Budget() for job in self.ready.values()):
            self._count_what_was_spent()

    def _count_what_was_spent(self) -> None:
        """The budget is the batch's, so what its plans have used in earlier sessions counts."""
        providers = self.session.providers
        providers.session = self.session.name  # it goes on, whichever plan is opened first
        for plan in self.batch.begun:
            if plan not in self.batch.queued:  # what is gone on with counts when its turn comes
                recording = journal.load(memory_of(self.repo_paths, plan).journal)
                providers.take_in(fold(recording.events).providers, spent=True)

    def _change(self, batch: Batch) -> None:
        with self._writing():
            self.batch = batch_file.write(self.repo_paths.batch, batch)
        self.view.moved(self.batch)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            path = self.repo_paths.batch
            raise PealError(
                f"cannot write `{path}`: {error.strerror or error}; make room or make it writable, then `peal resume`"
            ) from None

    def _begin_more(self) -> bool:
        """Begin as many plans as may be at work; whether any is."""
        while len(self.under_way) < self.batch.parallel and not (self.stopped or self.is_stuck):
            if (plan := batches.next_plan(self.batch, self.only)) is None:
                break
            self._begin(plan)
        return bool(self.under_way)

    def _begin(self, plan: str) -> None:
        began, stack = time.time(), ExitStack()
        fresh, resumed = plan in self.batch.afresh, plan in self.batch.begun
        self._change(self.batch.started(plan, began))
        try:
            job = self.ready.pop(plan, None) or self.job_of(plan, fresh=fresh, resumed=resumed)
            _check_has_worktrees(job)
            screen = stack.enter_context(closing(self.view.screen(job)))
            run = stack.enter_context(self._opened(job, screen))
        except Interrupted as error:
            stack.close()
            self.stopped = Halt(error.exit_code, str(error))
            return
        except PealError as error:
            stack.close()
            self.view.say(f"error: {error}")
            ended = self.batch.ended_held if isinstance(error, Paused) else self.batch.ended_failed
            self._leave(plan, ended(plan, str(error)))
            return
        except BaseException:
            stack.close()
            raise
        if isinstance(run, End):
            stack.close()
            self._end(plan, job, run, screen, began)
            return
        self.under_way.append(_UnderWay(plan, job, screen, began, run, stack))
        self._change(self.batch.opened(plan))
        if self.stopped:
            run.record(stop_asked(self.stopped.code - 128))

    def _opened(self, job: Job, screen: Screen) -> AbstractContextManager[PlanRun | End]:
        begin_log_file(job)
        reading = store.reading_of(job.repo_paths, job.plan_file, job.plan)
        refuse_to_repeat(job, reading)
        return begun(
            job, reading, screen, self.session, self.executor, partial(self.hearing.hand_to, self._hear)
        )

    def _hear(self, number: int) -> None:
        """A signal is for all plans at work; once more, and they end at once."""
        asked = stop_asked(number)
        self.stopped = self.stopped or Halt(asked.code, asked.why)
        if self.under_way:
            self.session.inbox.put(Happened(asked))

    def _finish(self, one: _UnderWay) -> None:
        end = End.of(one.run)
        sum_up(one.job, one.screen, end, one.began, one.job.plan_paths.summary)
        one.stack.close()
        self._end(one.plan, one.job, end, one.screen, one.began)

    def _end(self, plan: str, job: Job, end: End, screen: Screen, began: float) -> None:
        after = batches.after(self.batch, plan, end.halt, end.history)
        if plan not in after.skipped:
            self.view.over(job, end, screen, began)
        if batches.is_stopped(end.halt, end.history):
            self.stopped = self.stopped or end.halt
        self._leave(plan, after)

    def _leave(self, plan: str, after: Batch) -> None:
        """The batch without a plan that was at work; whether it goes on."""
        self._change(after)
        if self.stopped or plan in after.done:
            return
        self.is_stuck = self.is_stuck or not self.auto_advance
        self.view.say(moved_on(after, plan, None if self.is_stuck else batches.next_plan(after, self.only)))

    def _break_off(self, error: BaseException) -> None:
        """An error has ended it: end what runs, and say in each plan's summary how it ended."""
        self.hearing.end()
        for one in self.under_way:
            self.executor.cancel(one.plan, hard=True)
        for one in self.under_way:
            one.stack.close()
            sum_up_broken_off(one.job, one.screen, error, one.began, one.job.plan_paths.summary)
        self._write_report()

"""A run, from taking its plan's memory in hand to its end."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from peal.classes import frozen
from peal.errors import PealError
from peal.executors import Happened
from peal.executors.threads import Threads
from peal.jobs.job import Job
from peal.model.decision import Halt
from peal.model.pipeline import Kind
from peal.phases import prompts
from peal.record import journal, store
from peal.record.events import (
    Event,
    PlanRead,
    RunClosed,
    RunOpened,
    StopAsked,
    TasksForgotten,
)
from peal.record.history import History
from peal.record.log import Log
from peal.run.loop import PlanRun, carry_out, honest_halt
from peal.run.session import Opener, Session
from peal.schedule.halts import finished, is_complete
from peal.schedule.work import Work
from peal.system import process, signals
from peal.text.names import ranges
from peal.views.screens import Screen
from peal.work import Worker
from peal.workspaces import Pool, reconcile

if TYPE_CHECKING:
    from peal.run.sandbox import Chosen


@frozen
class End:
    """How a run ended, and what is remembered then."""

    halt: Halt
    history: History

    @classmethod
    def of(cls, run: PlanRun) -> "End":
        """That of a run which has come to its end."""
        assert run.halt is not None, "the run goes on"
        return cls(run.halt, run.memory.history)


def run(job: Job, screen: Screen, hearing: signals.Hearing, open_session: Opener) -> End:
    """
    Carry a plan out, from wherever its memory says it stands.

    `Busy` if another peal is at work here; PealError if the memory cannot be read or written; `Stopped` by a signal
    before there was a run.
    """
    reading = store.reading_of(job.repo_paths, job.plan_file, job.plan)
    refuse_to_repeat(job, reading)
    open_now = open_session(screen.say)
    take_over = partial(hearing.hand_to, lambda number: open_now.inbox.put(Happened(stop_asked(number))))
    with (
        closing(Threads(open_now.inbox, max(job.rules.max_parallel, 1))) as executor,
        begun(job, reading, screen, open_now, executor, take_over) as under_way,
    ):
        if isinstance(under_way, End):
            hearing.end()
            return under_way
        carry_out([under_way], executor)
        return End.of(under_way)


@contextmanager
def begun(
    job: Job,
    reading: PlanRead,
    screen: Screen,
    open_now: Session,
    executor: Threads,
    take_over: Callable[[], None],
) -> Iterator[PlanRun | End]:
    """
    A plan whose memory is in hand and whose run is open; or its end, where nothing is left to do.

    `take_over` is called when signals are not to raise `Stopped` any more: what is begun has to be brought to an end.
    """
    with ExitStack() as stack:
        held = stack.enter_context(open_now.plan(reading, job.fresh, goes_on=job.resumed))
        if job.rewritten:
            with store.writing(job.plan_paths):
                held.append(job.rewritten)
        _make_ready(job, held, screen, open_now)
        if halt := job.source.over(held.history):
            with store.writing(job.plan_paths):
                held.append(*_left_open(job, held.history))
            yield End(honest_halt(halt, job, held.history), held.history)
            return
        log = stack.enter_context(closing(_log(job, open_now.name)))
        try:
            sandbox = _sandbox(job, held.history, screen, open_now)
            if job.pool:
                job.pool.is_alone = bool(sandbox and sandbox.here)
            _prepare(job, screen, open_now, executor, stack, sandbox)
            take_over()
        except signals.Stopped as stopped:
            halt = _stopped_at_once(job, held, open_now.name, stopped)
            yield End(halt, held.history)
            return
        under_way = PlanRun(job, held, executor, screen, log)
        kind = sandbox.here.kind if sandbox and sandbox.here else ()
        under_way.open(opening_of(job, open_now.name, kind))
        yield under_way


def _sandbox(job: Job, history: History, screen: Screen, open_now: Session) -> "Chosen | None":
    """The sandbox that programs are started in, if there is to be one."""
    settings, before = job.roster.settings, history.opened.sandbox if history.opened else ()
    is_asked_for = settings.sandbox != ("none",) or bool(settings.pipelines or settings.sandbox_hidden)
    if not (before or is_asked_for or any(one.network == "off" for one in settings.reviewers)):
        return None
    from peal.run import sandbox  # only here: who has none pays nothing

    found = sandbox.chosen(job, sandbox.kind_of(job, history), open_now)
    for text in open_now.news(found.told):
        screen.say(text)
    return found


def _prepare(
    job: Job,
    screen: Screen,
    open_now: Session,
    executor: Threads,
    stack: ExitStack,
    sandbox: "Chosen | None",
) -> None:
    """Where the attempts work, and who carries them out; `stack` gives all of it back."""
    phases = [phase for pipeline in job.pipelines.values() for phase in pipeline.phases if phase.asks_agent]
    contracts = dict.fromkeys(phase.contract_name for phase in phases)
    executor.beside(partial(prompts.load, job.roster.templates, contracts))  # while git readies the worktrees
    if job.pool:
        reviews = bool(job.roster.reviewers or job.roster.checks) or job.rules.as_ready
        for text in open_now.news(job.pool.prepare(job.width, reviews)):
            screen.say(text)
        stack.callback(job.pool.leave)
    for reviewer in job.roster.reviewers:
        stack.callback(reviewer.leave)
    confinement = sandbox.here if sandbox else None
    programs = open_now.programs(job.key, job.roster.workspaces.fence, confinement)
    away = None
    if job.roster.settings.run_on:
        from peal.run.machines import door_to_machines  # only here: who names none pays nothing

        wanted = sandbox.wanted if sandbox else None
        away = door_to_machines(job, programs, screen, open_now, stack, wanted)
    worker = Worker(job.roster, programs, away)
    stack.enter_context(executor.performing(job.key, worker))


def _make_ready(job: Job, held: journal.Journal, screen: Screen, open_now: Session) -> None:
    """Bring branch, memory and what the person asks for together, and say what is to be known before the run starts."""
    reconcile.check(held.history, job.pipeline.lands)
    if job.pool:
        if not job.retarget:
            reconcile.check_branch(job.pool.repo, job.pool.target, job.pool.begins_at, held.history)
        reconcile.check_tree(job.pool, held.history)
        with store.writing(job.plan_paths):
            held.append(*reconcile.taken_over(job.pool, job.plan_paths, held.history))
            held.append(*reconcile.forgotten(job.pool, held.history))
        if job.fresh:
            job.pool.set_branches_aside()
        reconcile.keep(job.pool, held.history)
    if job.retry_failed and (
        left := held.history.in_order(held.history.with_findings.intersection(job.work.tasks))
    ):
        with store.writing(job.plan_paths):
            held.append(TasksForgotten(time.time(), tuple(left), _review(job), "peal run --retry-failed"))
    for text in open_now.news(_notices(job, held.history)):
        screen.say(text)


def _left_open(job: Job, history: History) -> Iterator[Event]:
    """
    The end of the latest run, if it was cut off before it could tell of it, or what it had failed at is done by now.

    It ended when something was last heard of it, however much later that is told.
    """
    if history.opened is None:
        return
    selected = history.opened.selected
    work = Work.of(job.plan.tasks, selected)
    if is_complete(work, history):
        halt = honest_halt(finished(work, history), job, history)
        if history.closed is None or history.closed.code != halt.code:
            yield RunClosed(history.heard_at, halt.code, halt.why)


def _stopped_at_once(job: Job, held: journal.Journal, name: str, stopped: signals.Stopped) -> Halt:
    """A run that a signal has ended while its worktrees were made is remembered as one that did nothing."""
    asked, before = stop_asked(stopped.number), held.history.opened
    with store.writing(job.plan_paths):
        held.append(
            opening_of(job, name, before.sandbox if before else ()),
            asked,
            RunClosed(time.time(), asked.code, asked.why),
        )
    return Halt(asked.code, asked.why)


def refuse_to_repeat(job: Job, reading: PlanRead) -> None:
    """PealError if nothing is remembered of the plan, and commits of peal's say that tasks of it have landed."""
    if job.fresh or store.knows(job.repo_paths, reading):
        return
    known = store.commits_of(job.repo_paths)
    branch = job.pool.tip() if job.pool else "HEAD"
    made = reconcile.made_by_peal(job.repo_paths.repo, branch)
    if landed := reconcile.landed_unremembered(job.repo_paths.repo, made, job.key, job.plan.tasks, known):
        raise PealError(reconcile.told_unremembered(str(job.plan_file), landed))


def _log(job: Job, name: str) -> Log:
    settings = job.roster.settings
    also = job.repo_paths.repo / settings.log_file if settings.log_file else None
    return Log(job.plan_paths.log, settings.log_level, job.verbose, {"run": name}, also)


def _notices(job: Job, history: History) -> Iterator[str]:
    """What a person should know before the run starts, and could not be told without the history."""
    yield from job.notices
    if history.opened is None and (clis := job.roster.unguarded):
        yield (
            f'{" and ".join(clis)} may do everything that you may do on this machine: `sandbox = "auto"` keeps them to their '
            "work, or work in a container or a throwaway clone, or pass --permissions limited"
        )
    if job.pool:
        yield from _on_base(job, job.pool, history)
        yield from reconcile.notices(job.pool, history, job.key)
        yield from _on_pull_request(job, job.pool)
    # A person who names a task wants it done: say why it is not done again.
    named = job.selected or frozenset() if "task" in job.flags else frozenset()
    if again := [task for task in history.in_order(named) if history.states[task].is_complete]:
        listed = " ".join(again)
        yield f"task {ranges(again)} is complete already; `peal redo {listed}` makes it run again"
    shares = not job.pipeline.lands and job.rules.max_parallel > 1
    if shares and any(len(part.tasks) > 1 for part in job.work.segments):
        yield (
            "tasks that run side by side share your tree and can overwrite each other's work; with `commit = true` "
            "each gets a worktree of its own"
        )
        writes = job.pipeline.first(Kind.WRITE)
        agent = job.roster.agents[writes.agents[0]] if writes else None
        if agent and agent.require_change:
            # Tasks that share a tree at the same time cannot be told apart by what changed in it.
            yield f"`require_change` of agent `{agent.name}` is not checked for tasks that run side by side in one tree"


def _on_pull_request(job: Job, pool: Pool) -> Iterator[str]:
    """Better now than when all is done."""
    if job.roster.settings.pr:
        from peal.run import pull_request  # only here: most runs have none

        if told := pull_request.foreseen(job.repo_paths, pool.branch, pool.begins_at):
            yield job.roster.hide(told)


def _on_base(job: Job, pool: Pool, history: History) -> Iterator[str]:
    """A word where a base was given and is not used; a resume takes it along, so once for each."""
    base = job.roster.settings.base
    before = history.opened.flags.get("base") if history.opened else None
    is_new = pool.branch not in history.begun_at or job.flags.get("base") not in (None, before)
    if base and not pool.begins_at and is_new:
        is_named = pool.target.is_named
        yield f"`base` is not used: {f'there is a branch `{pool.branch}`' if is_named else 'no `branch` is set'}"


def _review(job: Job) -> str:
    phase = job.pipeline.first(Kind.REVIEW)
    return phase.name if phase else job.pipeline.phases[-1].name


def opening_of(job: Job, name: str, sandbox: tuple[str, ...] = ()) -> RunOpened:
    pid = os.getpid()
    selected = job.selected if job.selected is None else job.work.tasks
    return RunOpened(
        at=time.time(),
        run=name,
        plan=job.key,
        repo=str(job.repo_paths.repo),
        pid=pid,
        birth=process.birth(pid) or "",
        command=job.command,
        flags=job.flags,
        rules=job.rules,
        pipelines=dict(job.pipelines),
        selected=selected,
        branch=job.roster.workspaces.branch,
        branch_at=job.pool.tip() if job.pool else "",
        branch_is_named=bool(job.pool and job.pool.target.is_named),
        resumed=job.resumed,
        try_now=job.try_now,
        session=name,
        format=job.plan.format,
        is_open_ended=job.source.is_open_ended,
        sandbox=sandbox,
    )


def stop_asked(number: int) -> StopAsked:
    """Ctrl-C and its kin are facts like others."""
    return StopAsked(time.time(), 128 + number, signals.NAMES[number])

"""The items of a backlog as the tasks of a run: looked at before each decision, for whatever has become of them by then."""

import hashlib
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping

from attrs import define, evolve, field, frozen

from peal.backlog import halts
from peal.backlog.agenda import LATE, ItemAgenda
from peal.backlog.breaker import Breaker
from peal.backlog.endings import Endings
from peal.backlog.filters import Filter
from peal.backlog.item import FINAL, Item
from peal.backlog.items_of_branch import Items
from peal.backlog.landing import ItemLandings
from peal.backlog.pipelines import ItemStep, next_step, pipeline_of, usual
from peal.backlog.plan_phase import PlanPhase, PlanReader
from peal.backlog.prompts import CHANGES, body_of, folder_of, triage_body_of
from peal.backlog.readying import Readying
from peal.backlog.selection import Limits, Selection, View, select
from peal.backlog.store import Backlog, Kept
from peal.backlog.tally import Tally
from peal.backlog.targets import Targets, turn
from peal.errors import PealError
from peal.model.decision import Halt
from peal.model.phase_result import TRIAGE, PhaseResult
from peal.model.pipeline import Kind
from peal.model.plan import ItemPhase, Task, TaskId
from peal.model.work import Order, Outcome, Result
from peal.record.events import Event, TaskRead, TasksAdded, TasksForgotten
from peal.record.history import History
from peal.record.task_state import TaskState
from peal.schedule.agenda import Stage, stage_of
from peal.schedule.waits import no_agent
from peal.settings import ItemPhaseSettings
from peal.text.display import stamp
from peal.text.names import ranges


@frozen
class Request:
    """What a person asked for of a backlog."""

    limits: Limits
    cap: int
    """How many phases may begin."""
    breaker: Breaker = field(factory=Breaker)
    only: Filter = field(factory=Filter)
    targets: Targets | None = None
    max_subphases: int = 5
    """How often a phase may go on with a further part without changing anything."""
    is_triage: bool = False
    """New items are triaged, and nothing else is done."""


def task_of(item: str, phase: str) -> TaskId:
    """The task that a phase of an item is."""
    return TaskId(f"{item}/{phase}")


def pipeline_name(pipeline: str, phase: str) -> str:
    """What the pipeline of such tasks is called."""
    return TRIAGE if phase == TRIAGE else f"{pipeline}/{phase}"


@define
class ItemTasks:
    """Where the tasks of a backlog's run come from."""

    request: Request
    items: Items
    landings: ItemLandings
    readying: Readying
    endings: Endings
    reader: PlanReader
    workflow: Callable[[str], str]
    """The text of a workflow's file; PealError if it cannot be read."""
    said: list[str]
    """What a person should know and was not told yet."""
    last_kind: Kind = Kind.LAND
    """Of the phase at whose end an item goes on."""
    is_open_ended = True
    tasks: dict[TaskId, Task] = field(factory=dict)
    _tally: Tally = field(init=False)
    _targets: Targets | None = field(init=False)
    _agenda: ItemAgenda | None = None
    _backlog: Backlog | None = None
    _selection: Selection = field(factory=Selection)
    _plans: dict[TaskId, PlanPhase] = field(factory=dict)
    """Those that are carried out in this run, by the tasks that their phases would be."""
    _followed: dict[TaskId, None] = field(factory=dict)
    """Those of them whose tasks are on the agenda."""
    _begun: dict[TaskId, None] = field(factory=dict)
    """Tasks that are under way: begun in this run, or so far that they are not chosen anew, and not over."""
    _held: dict[str, str] = field(factory=dict)
    """Items that would begin, and what keeps them from it."""
    _unwritten: dict[str, str] = field(factory=dict)
    """Items whose ends could not be written, and why."""
    _marked: set[TaskId] = field(factory=set)
    """Tasks that have failed, whose items are marked so, or cannot be."""
    _matched: set[str] = field(factory=set)
    """Items that the filter has matched in this run; they stay in."""
    _passes: int = 0
    """How many phases have begun since a destructive one has been waiting."""
    _is_capped: bool = False
    _halted: str = ""
    """The target whose block ends the run."""
    _told: set[str] = field(factory=set)
    _seen: tuple[object, ...] = ()
    """What the latest choice was made from: the same again needs no other."""

    @_tally.default
    def _nothing_yet(self) -> Tally:
        return Tally(self.request.breaker)

    @_targets.default
    def _targets_asked_for(self) -> Targets | None:
        return self.request.targets

    def agenda(self, history: History) -> ItemAgenda:
        """Of what is chosen here before each decision."""
        self._begun = {
            task: None
            for task, state in history.states.items()
            if state.has_begun and (_is_of_plan(task) or stage_of(state, history) in LATE)
        }
        self._agenda = ItemAgenda(history, self._ended, self._changed)
        return self._agenda

    def over(self, history: History) -> Halt | None:  # noqa: ARG002
        """What there is to do is looked for when the run is open."""
        return None

    def told(self) -> Iterator[str]:
        """What a person should know of what was found since the last time, each thing once."""
        said = [*self.said, *self.landings.told]
        self.said.clear()
        self.landings.told = {}
        for text in said:
            if text not in self._told:
                self._told.add(text)
                yield text

    def news(self, history: History) -> Iterable[Event]:
        """Look at the backlog, mark what has failed, choose what may begin."""
        backlog = self._looked()
        if self._mark_ends(history, backlog) or self._open_plans(backlog):
            backlog = self._looked()
        seen = (
            backlog,
            tuple((one.path, one.raw) for one in self.items.new()),
            tuple(self._begun),
            self._tally.begun,
            self._tally.breaker,
            frozenset(history.failed),
            frozenset(history.held),
        )
        if seen == self._seen:
            return ()
        chosen, meant = self._chosen(history, backlog)
        assert self._agenda is not None, "a run is open before it is looked at"
        self._agenda.offer(chosen, meant, self._selection.reasons)
        self._seen = seen if self._backlog is backlog and not self._held else ()
        events = tuple(self._events(history, chosen, meant))
        if not events and any(self._over_plans(history)):
            return self.news(history)
        return events

    def _looked(self) -> Backlog:
        """The backlog as it is now; what is new in it is counted and told."""
        before, now = self._backlog, self.items.read()
        if now is before:
            return now
        self._backlog = now
        self.said += now.problems
        if before is not None:
            self._tally.looked(before.by_id, now.by_id, self.landings.merged)
        return now

    def _mark_ends(self, history: History, backlog: Backlog) -> bool:
        """Write what has become of items whose tasks have failed for good, or whose plans are over; whether there were any."""
        marked = False
        for task in history.failed - self._marked:
            self._marked.add(task)
            phase = _phase_of(task)
            if task == task_of(phase.item, phase.phase) and _is_open(backlog, phase.item):
                self._note(phase, self.endings.failed(phase, history.states[task]))
                marked = True
        for task, plan in tuple(self._over_plans(history)):
            self._end_plan(task, plan, history)
            marked = True
        return marked

    def _over_plans(self, history: History) -> Iterator[tuple[TaskId, PlanPhase]]:
        """Plans of which nothing is left to do in this run, and nothing waits for a person."""
        for task, plan in self._plans.items():
            is_held = any(one in history.held for one in plan.tasks)
            if self._agenda and self._agenda.is_over(task) and not is_held:
                yield task, plan

    def _end_plan(self, task: TaskId, plan: PlanPhase, history: History) -> None:
        if answer := plan.answer(history):
            self._note(plan.phase, self.endings.plan_done(plan.phase, answer))
        else:
            self._note(plan.phase, self.endings.plan_failed(plan.phase, plan.failure(history)))
        self._tally.plan_ended(is_done=answer is not None)
        del self._plans[task], self._followed[task]
        if self._agenda:
            self._agenda.leave(task)

    def _note(self, phase: ItemPhase, why: str) -> None:
        """An item whose end could not be written is not begun anew in this run."""
        if why:
            self._unwritten[phase.item] = why

    def _chosen(
        self, history: History, backlog: Backlog
    ) -> tuple[tuple[TaskId, ...], Mapping[TaskId, tuple[Item, ItemStep]]]:
        """The tasks that may begin, the best first; and all that items are at, as far as they matter now."""
        held = {**self._unwritten, **self._held_at_the_branch(history)}
        while True:
            new = self.items.new()
            view = self._view(backlog, new, {**held, **backlog.twice})
            ready = self._selected(view, history)
            for id_ in ready:
                kept = next(one for one in (*backlog.kept, *new) if one.item.id == id_)
                if why := self._hindrance(kept, view, history, is_new=kept in new):
                    held[id_] = why
                    self.said.append(f"{id_} is not begun: {why}")
                if why or self.items.read() is not backlog:
                    break
            else:
                break
            backlog = self._looked()
        self._held = held
        steps = {id_: next_step(view.items[id_], view.pipelines) for id_ in ready}
        chosen = {task_of(id_, step.phase): (view.items[id_], step) for id_, step in steps.items()}
        meant = {**self._landed_unrecorded(history, view.items), **self._under_way(view.items), **chosen}
        return tuple(chosen), meant

    def _held_at_the_branch(self, history: History) -> dict[str, str]:
        """Items whose phases are done and wait for a person to make way, and why."""
        found = {task: history.states[task].held or "" for task in history.held if task in self._begun}
        return {_phase_of(task).item: why for task, why in found.items()}

    def _hindrance(self, kept: Kept, view: View, history: History, is_new: bool) -> str:
        """Why an item cannot begin its next phase; empty if it can, or if it is another item now."""
        step, at = next_step(kept.item, view.pipelines), stamp(time.time())
        phase = None if step.phase == TRIAGE else self._phase(kept.item, step.phase)
        if why := self.readying.hindrance(kept, phase, is_new, at):
            return why
        task = task_of(kept.item.id, step.phase)
        state = history.states.get(task)
        if state and (why := self._why_stalled(kept.item, state)):
            return self.readying.block(kept.item.id, "failure", why, at)
        if phase and phase.kind == "plan" and self.items.read() is self._backlog:
            return self._read_plan(task, kept.item, phase)
        return ""

    def _read_plan(self, task: TaskId, item: Item, phase: ItemPhaseSettings) -> str:
        """Read the plan of a phase, or block its item; why that cannot be."""
        pipeline = pipeline_of(item, self.landings.pipelines)
        folder = folder_of(item, self.items.folders(CHANGES))
        name = pipeline_name(item.pipeline or usual(self.landings.pipelines), phase.name)
        context = body_of(item, phase.name, pipeline, folder)
        try:
            plan = self.reader.read(ItemPhase(item.id, phase.name), folder, phase.plan or "", name, context)
        except PealError as error:
            return self.readying.block(item.id, "failure", str(error), stamp(time.time()))
        self._plans[task] = plan
        return ""

    def _open_plans(self, backlog: Backlog) -> bool:
        """Read the plans of phases that earlier runs have begun; whether an item was blocked for one that cannot be read."""
        for task, (item, step) in self._under_way(backlog.by_id).items():
            phase = None if step.phase == TRIAGE else self._phase(item, step.phase)
            is_plan = phase is not None and phase.kind == "plan"
            if phase and is_plan and task not in self._plans and item.id not in self._unwritten:
                self._read_plan(task, item, phase)
        return self.items.read() is not backlog

    def _why_stalled(self, item: Item, state: TaskState) -> str:
        """Why a phase that goes on part by part gets nowhere; empty if it may, or if somebody has looked at it since."""
        last = state.last()
        if last is None or last.ended is None or _has_changed_since(item, last.ended):
            return ""
        idle = 0
        for past in reversed(state.attempts):
            if past.outcome is None or past.outcome.answer is None:
                continue
            if past.outcome.answer.result != "subphase_complete" or past.outcome.commit or not past.base:
                break
            idle += 1
        if idle < self.request.max_subphases:
            return ""
        return f"`{_phase_of(state.task.id).phase}` has told {idle} times in a row that a part is done, and changed nothing"

    def _view(self, backlog: Backlog, new: Iterable[Kept], held: Mapping[str, str]) -> View:
        """What is known of the backlog, with what is asked for of it as a mask."""
        items = {**{one.item.id: one.item for one in new}, **backlog.by_id}
        under_way = {item.id: step.phase for item, step in self._under_way(items).values()}
        self.landings.running = frozenset(under_way)
        running = {id_: phase for id_, phase in under_way.items() if id_ not in held}
        view = View(
            items, self.landings.pipelines, self.request.limits, running, None, dict(held), self._passes
        )
        return evolve(view, mask=self._mask(view))

    def _mask(self, view: View) -> frozenset[str] | None:
        if self.request.is_triage:
            return frozenset(id_ for id_, item in view.items.items() if item.status == "new")
        if self._targets is not None:
            found = turn(self._targets, view, self._tally.blocked)
            self._targets, self._halted = found.targets, found.halted or self._halted
            self.said += found.told
            if found.has_advanced:
                self._tally.advanced()
            return frozenset(filter(None, [found.targets.current]))
        if self.request.only.criteria:
            self._matched |= {id_ for id_, item in view.items.items() if self.request.only.matches(item)}
            return frozenset(self._matched)
        return None

    def _selected(self, view: View, history: History) -> list[str]:
        """The items whose next phase may begin, no more than there can be places for."""
        self._selection = select(view)
        left = max(self.request.cap - self._tally.begun, 0)
        self._is_capped = bool(self._selection.ready) and not left
        if self._halted or self._tally.breaker.tripped:
            return []
        return list(self._selection.ready[: min(left, max(history.rules.max_parallel, 1))])

    def _under_way(self, items: Mapping[str, Item]) -> dict[TaskId, tuple[Item, ItemStep]]:
        """The tasks that were begun and that their items are still at."""
        found = {}
        for phase in dict.fromkeys(map(_phase_of, (*self._begun, *self._followed))):
            item = items.get(phase.item)
            if item is None or item.status in ("blocked", *FINAL):
                continue
            try:
                step = next_step(item, self.landings.pipelines)
            except PealError:
                continue
            if step.phase == phase.phase:
                found[task_of(item.id, step.phase)] = item, step
        return found

    def _landed_unrecorded(
        self, history: History, items: Mapping[str, Item]
    ) -> dict[TaskId, tuple[Item, ItemStep]]:
        """Tasks that had landed when a run was cut off: to land again does nothing, and is recorded."""
        found = {}
        for task in self._begun:
            state, item = history.states[task], items.get(_phase_of(task).item)
            if item is None or _is_of_plan(task) or stage_of(state, history) is not Stage.LAND:
                continue
            name = _phase_of(task).phase
            if self._has_phase(item, name) and self.readying.in_history(state.change.verified):
                found[task] = item, ItemStep(name)
        return found

    def _events(
        self, history: History, chosen: Container[TaskId], meant: Mapping[TaskId, tuple[Item, ItemStep]]
    ) -> Iterator[Event]:
        """What the history is to know of these tasks; those that may begin are described as their items are now."""
        added, again = [], []
        for task, (item, step) in meant.items():
            if task in self._plans:
                readings = tuple(self._followed_plan(task, history))
            else:
                if task in chosen or task not in self.tasks:
                    self.tasks[task] = self._task(task, item, step)
                name = pipeline_name(item.pipeline or usual(self.landings.pipelines), step.phase)
                readings = (_read(task, item.title, name),)
            for one in readings:
                state = history.states.get(one.id)
                if state is None or state.task != one:
                    added.append(one)
                if (
                    state
                    and one.id not in history.running
                    and _is_to_be_done_again(state, one, task in self._plans)
                ):
                    again.append(one.id)
        now = time.time()
        if added:
            yield TasksAdded(now, tuple(added))
        self._marked.difference_update(again)
        for task in again:
            first = history.pipeline(history.states[task].task.pipeline).phases[0].name
            yield TasksForgotten(now, (task,), first, "its item is at this phase again")

    def _followed_plan(self, task: TaskId, history: History) -> Iterator[TaskRead]:
        """The tasks of a plan that is now carried out; nothing for one that is already."""
        if task in self._followed or self._agenda is None:
            return
        plan = self._plans[task]
        self._followed[task] = None
        self._agenda.follow(task, plan.work)
        self.tasks.update(plan.tasks)
        self.landings.plans |= dict.fromkeys(plan.tasks, plan)
        is_begun = any(one in history.states and history.states[one].has_begun for one in plan.tasks)
        if not is_begun:
            self._count_begun()
        yield from plan.readings()

    def _task(self, task: TaskId, item: Item, step: ItemStep) -> Task:
        """The phase of an item as a task, with all that an agent has to know of it."""
        assert self._backlog is not None, "items are looked at first"
        phase = ItemPhase(item.id, step.phase)
        if step.phase == TRIAGE:
            others = (one.item for one in self._backlog.kept if not one.is_archived)
            body = triage_body_of(item, others, self.landings.pipelines)
            return Task(task, item.title, body, item_phase=phase)
        pipeline, settings = pipeline_of(item, self.landings.pipelines), self._phase(item, step.phase)
        workflows = [(name, self.workflow(name)) for name in settings.workflows]
        folder = folder_of(item, self.items.folders(CHANGES))
        body = body_of(item, step.phase, pipeline, folder, workflows, settings.instructions or "")
        return Task(task, item.title, body, item_phase=phase)

    def _has_phase(self, item: Item, name: str) -> bool:
        try:
            pipeline = pipeline_of(item, self.landings.pipelines)
        except PealError:
            return False
        return name in (TRIAGE, *(one.name for one in (*pipeline.pre_phases, *pipeline.phases)))

    def _phase(self, item: Item, name: str) -> ItemPhaseSettings:
        pipeline = pipeline_of(item, self.landings.pipelines)
        return next(one for one in (*pipeline.pre_phases, *pipeline.phases) if one.name == name)

    def _changed(self, before: TaskState | None, now: TaskState) -> None:
        task = now.task.id
        if now.running:
            self._begun[task] = None
        elif now.is_complete or now.failed is not None:
            self._begun.pop(task, None)
        if _is_of_plan(task):
            return
        if self._tally.changed(before, now):
            self._count_begun()

    def _count_begun(self) -> None:
        self._tally.begun += 1
        self._passes = self._selection.passes_after(self._passes, 1)

    def _end(self, history: History, now: float) -> halts.End:
        """What has come of the run."""
        assert self._backlog is not None, "items are looked at first"
        items = self._backlog.by_id
        held = [task for task in history.held if task in self.tasks]
        paused = f"{ranges(held)} held: {history.states[held[0]].held}" if held else no_agent(history, now)
        mask = self._targets.ids if self._targets else self._matched if self.request.only.criteria else items
        still_open = halts.still_open(items, [one for one in mask if self._is_asked_for(items.get(one))])
        return self._tally.end(
            open=still_open,
            held=tuple(one for one in still_open if one in self._held and items[one].status != "blocked"),
            is_targeted=self._targets is not None,
            is_triage=self.request.is_triage,
            halted_target=self._halted,
            only=str(self.request.only) if self.request.only.criteria else "",
            has_matched=bool(self._matched),
            cap=self.request.cap if self._is_capped else None,
            paused=paused,
        )

    def _is_asked_for(self, item: Item | None) -> bool:
        return item is not None and (not self.request.is_triage or item.status == "new")

    def rehearsed(self, order: Order) -> Outcome:
        """It is answered as complete; at the end of its last phase its item goes on, wherever items are kept meanwhile."""
        phase = order.task.item_phase
        if phase and order.phase.kind is Kind.WRITE:
            answer = PhaseResult(phase.item, phase.phase, "phase_complete", "rehearsed")
            return Outcome(Result.PASSED, "rehearsed", answer=answer)
        if order.phase.kind is self.last_kind:
            self.items.put(lambda files: self.landings.edits(order, files), "")
        return Outcome(Result.PASSED, "rehearsed")

    def summary(self) -> Iterable[str]:
        """How much of each kind, and which items."""
        return halts.summary(self._end(self._agenda.history, time.time())) if self._agenda else ()

    def _ended(self, now: float) -> Halt:
        assert self._agenda is not None, "a run is open before it ends"
        return halts.halt_of(self._end(self._agenda.history, now))


def _has_changed_since(item: Item, at: float) -> bool:
    """Whether somebody has changed an item after a moment."""
    return bool(item.updated) and item.updated > stamp(at)


def _phase_of(task: TaskId) -> ItemPhase:
    """The phase that a task is, or that the plan is in which it stands."""
    item, phase, *_ = task.split("/", 2)
    return ItemPhase(item, phase)


def _is_of_plan(task: TaskId) -> bool:
    return task.count("/") > 1


def _is_to_be_done_again(state: TaskState, now: TaskRead, is_of_plan: bool) -> bool:
    """Whether what was done for a task counts no more: its item has come to it anew, or its text is another one."""
    if state.failed is not None:
        return True
    if is_of_plan:
        return state.has_begun and state.task.digest != now.digest
    return state.is_complete


def _is_open(backlog: Backlog, id_: str) -> bool:
    """Whether an item is there, and neither blocked nor over."""
    item = backlog.by_id.get(id_)
    return item is not None and item.status not in ("blocked", *FINAL)


def _read(task: TaskId, title: str, pipeline: str) -> TaskRead:
    """A task is told from others by its id alone: what is written about its item changes as it goes on."""
    digest = hashlib.sha256(task.encode()).hexdigest()[:16]
    return TaskRead(task, title, digest, parallel=True, done=False, pipeline=pipeline)

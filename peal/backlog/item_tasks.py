"""The items of a backlog as the tasks of a run: looked at before each decision, for whatever has become of them by then."""

import hashlib
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping

from attrs import field

from peal.backlog import halts, standing
from peal.backlog.advice import advice
from peal.backlog.agenda import LATE, ItemAgenda
from peal.backlog.briefs import Briefs
from peal.backlog.choice import Choice
from peal.backlog.item import Item
from peal.backlog.items_of_branch import Items
from peal.backlog.landing import ItemLandings
from peal.backlog.open_plans import OpenPlans
from peal.backlog.phase_ends import PhaseEnds
from peal.backlog.pipelines import ItemStep, next_step, phase_named
from peal.backlog.readying import Readying
from peal.backlog.selection import View
from peal.backlog.store import Backlog, Kept
from peal.backlog.tally import Tally
from peal.backlog.task_names import is_of_plan, phase_of, pipeline_name_of, task_of
from peal.classes import define
from peal.errors import PealError
from peal.model.decision import Halt
from peal.model.phase_result import TRIAGE, PhaseResult
from peal.model.pipeline import Kind
from peal.model.plan import Task, TaskId
from peal.model.work import Order, Outcome, Result
from peal.phases import has_prompt
from peal.record.events import Event, TaskRead, TasksAdded, TasksForgotten
from peal.record.history import History
from peal.record.task_state import TaskState
from peal.schedule.agenda import stage_of
from peal.schedule.waits import no_agent
from peal.settings import ItemPhaseSettings, PipelineSettings

_SHORT = 10
"""Letters of a commit's id that are shown."""
_ARCHIVED = "its file is in the archive, where nobody works on it; move that out"
_Meant = Mapping[TaskId, tuple[Item, ItemStep]]
"""Tasks with the items and the steps that they are."""


@define
class ItemTasks:
    """Where the tasks of a backlog's run come from."""

    items: Items
    choice: Choice
    briefs: Briefs
    plans: OpenPlans
    readying: Readying
    landings: ItemLandings
    ends: PhaseEnds
    said: deque[str]
    """What a person should know and was not told yet; whatever lands adds to it in its own thread."""
    last_kind: Kind = Kind.LAND
    """Of the phase at whose end an item goes on."""
    is_open_ended = True
    tasks: dict[TaskId, Task] = field(factory=dict)
    _agenda: ItemAgenda = field(init=False)
    _backlog: Backlog | None = None
    _begun: dict[TaskId, None] = field(factory=dict)
    """Tasks that are under way: begun in this run, or so far that they are not chosen anew, and not over."""
    _unfinished: dict[TaskId, None] = field(factory=dict)
    """Tasks that any run has begun and that are not complete."""
    _held: dict[str, str] = field(factory=dict)
    """Items that would begin, and what keeps them from it."""
    _offered: tuple[Kept, ...] = ()
    """Items that may begin when there is a place."""
    _told: set[str] = field(factory=set)
    _seen: tuple[object, ...] = ()
    """What the latest choice was made from: the same again needs no other."""

    @_agenda.default
    def _agenda_of_nothing(self) -> ItemAgenda:
        return ItemAgenda(History(), self._ended, self._changed)

    @property
    def _tally(self) -> Tally:
        return self.choice.tally

    @property
    def _pipelines(self) -> Mapping[str, PipelineSettings]:
        return self.landings.pipelines

    def agenda(self, history: History) -> ItemAgenda:
        """Of what is chosen here before each decision."""
        begun = {task: state for task, state in history.states.items() if state.has_begun}
        self._unfinished = {task: None for task, state in begun.items() if not state.is_complete}
        # A plan goes on when its item is chosen again, as its other tasks are begun with it.
        self._begun = {
            task: None
            for task, state in begun.items()
            if not is_of_plan(task) and stage_of(state, history) in LATE
        }
        self._agenda = ItemAgenda(history, self._ended, self._changed)
        return self._agenda

    def over(self, history: History) -> Halt | None:  # noqa: ARG002
        """What there is to do is looked for when the run is open."""
        return None

    def told(self) -> Iterator[str]:
        """What a person should know of what was found since the last time, each thing once."""
        while self.said:
            text = self.said.popleft()
            if text not in self._told:
                self._told.add(text)
                yield text

    def news(self, history: History) -> Iterable[Event]:
        """Look at the backlog, mark what has failed, choose what may begin."""
        backlog = self._looked()
        self._leave_plans(backlog)
        if self.ends.mark(history, backlog, self._agenda):
            backlog = self._looked()
        new = self.items.new()
        seen = self._what_counts(history, backlog, new)
        if seen == self._seen:
            return ()
        chosen, meant = self._chosen(history, backlog, new)
        self._agenda.offer(chosen, meant, self.choice.selection.reasons)
        ids = {meant[task][0].id for task in chosen}
        self._offered = tuple(one for one in (self._backlog or backlog).kept if one.item.id in ids)
        self._seen = seen if self._backlog is backlog and not self._held else ()
        events = (*self.ends.put_away(), *self._given_up(history, backlog), *self._events(history, meant))
        if not events and any(self.plans.over(history, self._agenda)):
            return self.news(history)
        return events

    def _what_counts(self, history: History, backlog: Backlog, new: Iterable[Kept]) -> tuple[object, ...]:
        """All that a choice depends on."""
        files = tuple((one.path, one.raw) for one in new)
        tally, failed = self._tally, frozenset(history.failed)
        held = frozenset(history.held), tuple(self.ends.unwritten)
        begun = tuple((task, task in history.running) for task in self._begun)
        edited = frozenset(one.item.id for one in self._offered if self.items.unsaved(one))
        return backlog, files, begun, tally.begun, tally.breaker, failed, held, edited

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

    def _leave_plans(self, backlog: Backlog) -> None:
        """Nothing more is begun of plans whose items are not at that phase any more."""
        here = self._under_way(backlog.by_id)
        for task in [one for one in self.plans.followed if one not in here]:
            now = standing.told(backlog.by_id.get(phase_of(task).item))
            self.said.append(f"{task}: nothing more of its plan is begun, for its item is {now}")
            self.plans.leave(task, self._agenda)

    def _given_up(self, history: History, backlog: Backlog) -> Iterator[Event]:
        """Tasks whose work is done and never lands, because their items are elsewhere by now: they hold nothing up."""
        for task in tuple(self._unfinished):
            state, phase = history.states[task], phase_of(task)
            item = backlog.by_id.get(phase.item)
            first = self._first_phase(state, history)
            if state.running or state.next == first or standing.may_be_at(item, phase.phase, self._pipelines):
                continue
            why = f"its item is {standing.told(item)}"
            if made := state.change.brings:
                self.said.append(
                    f"{task}: {why}, so what was made for it does not land; commit {made[:_SHORT]} has it"
                )
            yield TasksForgotten(time.time(), (task,), first, why)

    def _read_plan(self, item: Item, phase: ItemPhaseSettings) -> str:
        """Read the plan of a phase, or block its item; why that cannot be."""
        try:
            told = self.plans.read(item, phase)
        except PealError as error:
            return self.readying.block(item, phase.name, "failure", str(error))
        self.said += filter(None, [told])
        return ""

    def _chosen(
        self, history: History, backlog: Backlog, new: tuple[Kept, ...]
    ) -> tuple[tuple[TaskId, ...], _Meant]:
        """The tasks that may begin, the best first; and all that items are at, as far as they matter now."""
        held = {**self.ends.unwritten, **self._held_at_the_branch(history)}
        while True:
            view = self._view(backlog, new, {**held, **backlog.twice})
            ready = self.choice.made(view, history.rules.max_parallel)
            for id_ in ready:
                kept = next(one for one in (*backlog.kept, *new) if one.item.id == id_)
                if why := self._prepare(kept, history, is_new=kept in new):
                    held[id_] = why
                    self.said.append(f"{id_} is not begun: {why}")
                if why or self.items.read() is not backlog:
                    break
            else:
                break
            backlog, new = self._looked(), self.items.new()
        self._held = held
        steps = {id_: next_step(view.items[id_], view.pipelines) for id_ in ready}
        chosen = {task_of(id_, step.phase): (view.items[id_], step) for id_, step in steps.items()}
        return tuple(chosen), {**self._under_way(view.items), **chosen}

    def _held_at_the_branch(self, history: History) -> dict[str, str]:
        """Items whose phases are done and wait for a person to make way, and why."""
        found = {task: history.states[task].held or "" for task in history.held if task in self._begun}
        return {phase_of(task).item: why for task, why in found.items()}

    def _prepare(self, kept: Kept, history: History, is_new: bool) -> str:
        """Why an item cannot begin its next phase; empty if it can, or if it is another item now."""
        step = next_step(kept.item, self._pipelines)
        phase = self._settings_of(kept.item, step)
        before = history.states.get(task_of(kept.item.id, step.phase))
        why = self.readying.prepare(kept, phase, before, is_new)
        if why or self._backlog is None or self.items.read() is not self._backlog:
            return why
        if phase and phase.kind == "plan":
            return self._read_plan(kept.item, phase)
        return self._describe(kept.item, step.phase, self._backlog)

    def _describe(self, item: Item, phase: str, backlog: Backlog) -> str:
        """Put down what whoever works on a phase is told; why that cannot be, empty if it could."""
        try:
            self.tasks[task_of(item.id, phase)] = self.briefs.task(item, phase, backlog)
        except PealError as error:
            return str(error)
        return ""

    def _settings_of(self, item: Item, step: ItemStep) -> ItemPhaseSettings | None:
        """What the settings say of a step; None for triage."""
        return None if step.phase == TRIAGE else phase_named(item, step.phase, self._pipelines)

    def _view(self, backlog: Backlog, new: Iterable[Kept], held: Mapping[str, str]) -> View:
        """What is known of the backlog."""
        items = {**{one.item.id: one.item for one in new}, **backlog.by_id}
        under_way = {item.id: step.phase for item, step in self._under_way(items).values()}
        for phase in map(phase_of, self._agenda.history.running):  # even where its item is elsewhere by now
            under_way[phase.item] = phase.phase
        self.landings.running = frozenset(under_way)
        running = {id_: phase for id_, phase in under_way.items() if id_ not in held}
        limits = self.choice.request.limits
        archived = dict.fromkeys(backlog.open_in_archive, _ARCHIVED)
        return View(items, self._pipelines, limits, running, held={**archived, **held})

    def _under_way(self, items: Mapping[str, Item]) -> dict[TaskId, tuple[Item, ItemStep]]:
        """The tasks that were begun and that their items are still at."""
        begun = (task for task in self._begun if not is_of_plan(task))
        return standing.steps_at(map(phase_of, (*begun, *self.plans.followed)), items, self._pipelines)

    def _events(self, history: History, meant: _Meant) -> Iterator[Event]:
        """What the history is to know of these tasks."""
        added, again = [], []
        for task, (item, step) in meant.items():
            for one in self._readings(task, item, step):
                state = history.states.get(one.id)
                if state is None or state.task != one:
                    added.append(one)
                is_idle = state is not None and one.id not in history.running
                if state and is_idle and standing.is_to_be_done_again(state, one, item):
                    again.append(one.id)
        now = time.time()
        if added:
            yield TasksAdded(now, tuple(added))
        self.ends.done_again(again)
        for task in again:
            first = self._first_phase(history.states[task], history)
            yield TasksForgotten(now, (task,), first, "its item is at this phase again")

    def _first_phase(self, state: TaskState, history: History) -> str:
        return history.pipeline(state.task.pipeline).phases[0].name

    def _readings(self, task: TaskId, item: Item, step: ItemStep) -> tuple[TaskRead, ...]:
        """A task as it is to be remembered, or those of the plan that it is; nothing for a plan that is known."""
        if task in self.plans:
            readings = self.plans.follow(task, self._agenda, self.tasks)
            if readings:
                self.choice.begun()
            return readings
        if task not in self.tasks:
            self.tasks[task] = self.briefs.late(item, step.phase)
        # A task is told from others by its id alone: what is written about its item changes as it goes on.
        digest = hashlib.sha256(task.encode()).hexdigest()[:16]
        name = pipeline_name_of(item, step.phase, self._pipelines)
        return (TaskRead(task, item.title, digest, parallel=True, done=False, pipeline=name),)

    def _changed(self, before: TaskState | None, now: TaskState) -> None:
        task = now.task.id
        if now.running:
            self._begun[task] = self._unfinished[task] = None
        elif now.is_complete or now.failed is not None or not now.has_begun:
            self._begun.pop(task, None)
        if now.is_complete or not now.has_begun:
            self._unfinished.pop(task, None)
        if is_of_plan(task):
            self._tally.changed_in_plan(before, now)
            return
        work = self._agenda.history.pipeline(now.task.pipeline).phases[0]
        if self._tally.changed(before, now, is_agent=has_prompt(work.contract_name)):
            self.choice.begun()

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
        """How much of each kind, which items, and what lets those go on that stopped."""
        if self._backlog is None:
            return ()
        return halts.summary(self._end(time.time()), halts.ways_out(self._backlog.by_id, self._held))

    def advice(self, history: History) -> tuple[str, ...]:
        """As far as the items say what is to be done now."""
        items = self._backlog.by_id if self._backlog else {}
        blocked = [id_ for id_, item in items.items() if item.status == "blocked"]
        return advice(history, is_alive=False, blocked=blocked)

    def _ended(self, now: float) -> Halt:
        return halts.halt_of(self._end(now))

    def _end(self, now: float) -> halts.End:
        """What has come of the run."""
        assert self._backlog is not None, "items are looked at first"
        history = self._agenda.history
        items = {**{one.item.id: one.item for one in self.items.new()}, **self._backlog.by_id}
        held = [task for task in history.in_order(history.held) if task in self.tasks]
        paused = halts.waits_to_land((task, history.states[task].held or "") for task in held)
        still_open = halts.still_open(items, self.choice.asked_for(items))
        return self._tally.end(
            open=still_open,
            held=tuple(one for one in still_open if one in self._held and items[one].status != "blocked"),
            paused=paused or no_agent(history, now),
            **self.choice.known(),
        )

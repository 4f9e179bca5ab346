"""The items of a backlog as the tasks of a run: looked at before each decision, for whatever has become of them by then."""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping

from attrs import define, evolve, field, frozen

from peal.backlog import halts
from peal.backlog.agenda import ItemAgenda
from peal.backlog.breaker import Breaker
from peal.backlog.filters import Filter
from peal.backlog.item import FINAL, Item
from peal.backlog.items_of_branch import Items
from peal.backlog.landing import ItemLandings
from peal.backlog.outcomes import Finished
from peal.backlog.pipelines import ItemStep, next_step, pipeline_of, usual
from peal.backlog.prompts import CHANGES, body_of, folder_of, triage_body_of
from peal.backlog.readying import Readying, save
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
from peal.schedule.waits import no_agent
from peal.settings import ItemPhaseSettings
from peal.text.display import stamp
from peal.text.names import ranges
from peal.workspaces import Edit, Files


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
    _begun: dict[TaskId, None] = field(factory=dict)
    """Tasks that something was done for and that are not complete, of earlier runs too."""
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

    @_tally.default
    def _nothing_yet(self) -> Tally:
        return Tally(self.request.breaker)

    @_targets.default
    def _targets_asked_for(self) -> Targets | None:
        return self.request.targets

    def agenda(self, history: History) -> ItemAgenda:
        """Of what is chosen here before each decision."""
        self._begun = {
            task: None for task, state in history.states.items() if state.has_begun and not state.is_complete
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
        if self._mark_failures(history, backlog):
            backlog = self._looked()
        chosen, meant = self._chosen(history, backlog)
        assert self._agenda is not None, "a run is open before it is looked at"
        self._agenda.offer(chosen, meant)
        return tuple(self._events(history, meant))

    def _looked(self) -> Backlog:
        """The backlog as it is now; what is new in it is counted and told."""
        before, now = self._backlog, self.items.read()
        if now is before:
            return now
        self._backlog = now
        self.said += now.problems
        if before is not None:
            self._tally.looked(_by_id(before), _by_id(now), self.landings.merged)
        return now

    def _mark_failures(self, history: History, backlog: Backlog) -> bool:
        """Block the items of tasks that have failed for good; whether there were any."""
        marked = False
        for task in history.failed - self._marked:
            phase = _phase_of(task)
            kept = _find(backlog, phase.item)
            self._marked.add(task)
            if kept and not kept.item.blocked and kept.item.status not in FINAL:
                self._mark_failure(phase, history.states[task])
                marked = True
        return marked

    def _mark_failure(self, phase: ItemPhase, state: TaskState) -> None:
        last = state.last()
        if last is None or last.outcome is None:
            return
        outcomes = (past.outcome for past in reversed(state.attempts) if past.outcome)
        answer = next((one.answer for one in outcomes if one.answer), None)
        done = Finished.by(last.outcome, phase.phase, stamp(last.ended or time.time()), answer)

        def edits(files: Files) -> Iterable[Edit]:
            there = self.items.read_from(files)
            changes = self.landings.changes(there, phase.item, done)
            self.said += changes.told
            return tuple(self.landings.written(changes, there, files))

        try:
            text = self.landings.changes(self.items.read(), phase.item, done).message
            save(self.items, phase.item, edits, text, self.said.append)
        except PealError as error:
            self.said.append(f"{phase.item} could not be marked as blocked: {error}")

    def _chosen(
        self, history: History, backlog: Backlog
    ) -> tuple[tuple[TaskId, ...], Mapping[TaskId, tuple[Item, ItemStep]]]:
        """The tasks that may begin, the best first; and all that items are at, as far as they matter now."""
        held: dict[str, str] = {}
        while True:
            new = self.items.new()
            view = self._view(backlog, new, held)
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
        steps = {id_: next_step(view.items[id_], view.pipelines) for id_ in ready}
        chosen = {task_of(id_, step.phase): (view.items[id_], step) for id_, step in steps.items()}
        return tuple(chosen), {**self._under_way(view.items), **chosen}

    def _hindrance(self, kept: Kept, view: View, history: History, is_new: bool) -> str:
        step = next_step(kept.item, view.pipelines)
        phase = None if step.phase == TRIAGE else self._phase(kept.item, step.phase)
        state = history.states.get(task_of(kept.item.id, step.phase))
        if state and (why := self._why_stalled(kept.item, state)):
            return self.readying.block(kept.item.id, "failure", why, stamp(time.time()))
        return self.readying.hindrance(kept, phase, is_new, stamp(time.time()))

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
        items = {**{one.item.id: one.item for one in new}, **_by_id(backlog)}
        running = {item.id: step.phase for item, step in self._under_way(items).values()}
        self.landings.running = frozenset(running)
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
        for task in self._begun:
            phase = _phase_of(task)
            item = items.get(phase.item)
            if item is None or item.status in ("blocked", *FINAL):
                continue
            try:
                step = next_step(item, self.landings.pipelines)
            except PealError:
                continue
            if step.phase == phase.phase:
                found[task] = item, step
        return found

    def _events(self, history: History, meant: Mapping[TaskId, tuple[Item, ItemStep]]) -> Iterator[Event]:
        """What the history is to know of these tasks, which are described anew as their items are now."""
        added, again = [], []
        for task, (item, step) in meant.items():
            self.tasks[task] = self._task(task, item, step)
            name = pipeline_name(item.pipeline or usual(self.landings.pipelines), step.phase)
            state = history.states.get(task)
            if state is None or state.task.pipeline != name:
                added.append(_read(task, item.title, name))
            elif state.is_complete or (state.failed is not None and task not in history.running):
                again.append(task)
        now = time.time()
        if added:
            yield TasksAdded(now, tuple(added))
        self._marked.difference_update(again)
        for task in again:
            yield TasksForgotten(now, (task,), _phase_of(task).phase, "its item is at this phase again")

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
        body = body_of(item, step.phase, pipeline, folder_of(item, self.items.folders(CHANGES)), workflows)
        return Task(task, item.title, body, item_phase=phase)

    def _phase(self, item: Item, name: str) -> ItemPhaseSettings:
        pipeline = pipeline_of(item, self.landings.pipelines)
        return next(one for one in (*pipeline.pre_phases, *pipeline.phases) if one.name == name)

    def _changed(self, before: TaskState | None, now: TaskState) -> None:
        task = now.task.id
        if now.has_begun and not now.is_complete:
            self._begun[task] = None
        else:
            self._begun.pop(task, None)
        if self._tally.changed(before, now):
            self._passes = self._selection.passes_after(self._passes, 1)

    def _end(self, history: History, now: float) -> halts.End:
        """What has come of the run."""
        assert self._backlog is not None, "items are looked at first"
        items = _by_id(self._backlog)
        held = [task for task in history.held if task in self.tasks]
        paused = f"{ranges(held)} held: {history.states[held[0]].held}" if held else no_agent(history, now)
        mask = self._targets.ids if self._targets else self._matched if self.request.only.criteria else items
        return self._tally.end(
            open=halts.still_open(items, [one for one in mask if self._is_asked_for(items.get(one))]),
            is_targeted=self._targets is not None,
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
    item, _, phase = task.partition("/")
    return ItemPhase(item, phase)


def _by_id(backlog: Backlog) -> dict[str, Item]:
    return {one.item.id: one.item for one in backlog.kept}


def _find(backlog: Backlog, id_: str) -> Kept | None:
    return next((one for one in backlog.kept if one.item.id == id_), None)


def _read(task: TaskId, title: str, pipeline: str) -> TaskRead:
    """A task is told from others by its id alone: what is written about its item changes as it goes on."""
    digest = hashlib.sha256(task.encode()).hexdigest()[:16]
    return TaskRead(task, title, digest, parallel=True, done=False, pipeline=pipeline)

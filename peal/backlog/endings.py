"""What becomes of an item whose phase ends without a landing of its own: written into its file by a commit of its own."""

import time
from collections.abc import Callable, Iterable

from attrs import evolve

from peal.backlog.item import Item
from peal.backlog.items_of_branch import Items, Make
from peal.backlog.landing import ItemLandings
from peal.backlog.outcomes import Finished, is_learned
from peal.classes import frozen
from peal.errors import PealError
from peal.model.phase_result import PhaseResult
from peal.model.plan import ItemPhase
from peal.record.task_state import TaskState
from peal.record.transcripts import folder_of, prompt_of
from peal.system.layout import PlanPaths
from peal.text.display import stamp
from peal.workspaces import Edit, Files


@frozen
class Endings:
    """Writes ends of phases; each time it is told why that cannot be, nothing if it could."""

    items: Items
    landings: ItemLandings
    plan_paths: PlanPaths
    say: Callable[[str], None]

    def failed(self, phase: ItemPhase, state: TaskState) -> str:
        """A task has failed for good; what it was answered with before counts."""
        last = state.last()
        if last is None or last.outcome is None:
            return ""
        at = stamp(last.ended or time.time())
        answer = _answer(state, self.items.read().by_id.get(phase.item))
        done = Finished.by(last.outcome, phase.phase, at, answer)
        return self.put(phase, evolve(done, prompts=self._prompts(phase, [state])))

    def plan_done(self, phase: ItemPhase, answer: PhaseResult, states: Iterable[TaskState]) -> str:
        """All tasks of a plan are, which are in these states."""
        done = Finished(phase.phase, stamp(time.time()), answer, prompts=self._prompts(phase, states))
        return self.put(phase, done)

    def plan_failed(self, phase: ItemPhase, why: str, states: Iterable[TaskState]) -> str:
        """Nothing more can be done of a plan, whose tasks are in these states."""
        done = Finished(phase.phase, stamp(time.time()), failure=why, prompts=self._prompts(phase, states))
        return self.put(phase, done)

    def _prompts(self, phase: ItemPhase, states: Iterable[TaskState]) -> tuple[str, ...]:
        """What whoever worked on tasks was told, since they were begun anew if they were; not read where that is no matter."""
        item = self.items.read().by_id.get(phase.item)
        if item is None or not item.notes:
            return ()
        latest = (past for state in states for past in state.attempts[state.earlier :])
        return tuple(prompt_of(folder_of(self.plan_paths, past)) for past in latest)

    def put(self, phase: ItemPhase, done: Finished) -> str:
        """Write what becomes of the backlog; why that cannot be, which is told, empty if it is."""

        def edits(files: Files) -> Iterable[Edit]:
            return self.landings.ended(self.items.read_from(files), phase.item, done, files)

        try:
            text = self.landings.changes(self.items.read(), phase.item, done).message
            return save(self.items, phase.item, edits, text, self.say)
        except PealError as error:
            self.say(f"what became of {phase.item} could not be written: {error}")
            return str(error)


def _answer(state: TaskState, item: Item | None) -> PhaseResult | None:
    """The latest answer to a phase, but for what its item knows from an earlier end of it."""
    for number, past in reversed(list(enumerate(state.attempts))):
        is_earlier = number < state.earlier
        if item and is_earlier and is_learned(item, stamp(past.ended or past.started)):
            return None
        if past.outcome and past.outcome.answer:
            return past.outcome.answer
    return None


def save(items: Items, id_: str, edits: Make, text: str, say: Callable[[str], None]) -> str:
    """Write what becomes of an item in a commit; why that cannot be, which is told, empty if it is."""
    why, notes = items.put(edits, text)
    for note in notes:
        say(note)
    if why:
        say(f"what became of {id_} could not be written: {why}")
    return why

"""An item made ready for its next phase, or marked with why a person has to look at it first."""

import time
from collections.abc import Callable, Iterable

from peal.backlog.endings import save
from peal.backlog.guardrails import objection
from peal.backlog.item import BlockType, Item
from peal.backlog.items_of_branch import Items
from peal.backlog.landing import ItemLandings
from peal.backlog.outcomes import kept_from
from peal.backlog.staleness import is_asked_of, staleness
from peal.backlog.standing import is_open
from peal.backlog.store import Kept
from peal.backlog.task_names import phase_of
from peal.classes import frozen
from peal.record.task_state import TaskState
from peal.settings import ItemPhaseSettings
from peal.text.display import harmless, stamp
from peal.workspaces import Edit, Files


@frozen
class Readying:
    """What is looked at before a phase of an item begins."""

    items: Items
    landings: ItemLandings
    in_history: Callable[[str], bool | None]
    """Whether a commit is in the history of the branch; None for one that is not known."""
    max_subphases: int
    """How often a phase may go on with a further part without changing anything."""
    say: Callable[[str], None]

    def prepare(
        self, kept: Kept, phase: ItemPhaseSettings | None, before: TaskState | None, is_new: bool
    ) -> str:
        """
        Make an item ready for a phase; why that cannot begin now, empty if it can. `phase` is None for triage.

        `before` is how far the phase is as a task, if it was ever begun.

        A new file is committed, an item that a person has to look at is blocked: then the backlog is another one.
        """
        if is_new:
            return self.items.save_new(kept)
        if self.items.unsaved(kept):
            return f"its file `{harmless(kept.path.name)}` has changes that are not committed; commit them"
        return self._judged(kept.item, phase, before) if phase else ""

    def _judged(self, item: Item, phase: ItemPhaseSettings, before: TaskState | None) -> str:
        """The item is blocked if a person has to look at it first; why that cannot be."""
        if item.status in ("ready", "in_progress") and (why := objection(item, self.landings.guardrails)):
            return self.block(item, phase.name, "decision", why)
        if before and (why := why_stalled(item, before, self.max_subphases)):
            return self.block(item, phase.name, "failure", why)
        if not is_asked_of(phase) or not (commit := item.last_phase_commit):
            return ""
        found = staleness(commit, self.in_history(commit), phase.staleness)
        if found.action == "block":
            return self.block(item, phase.name, "conflict", f"stale: {found.why}")
        if found.action == "warn":
            self.say(f"{item.id}/{phase.name}: {found.why}")
        return ""

    def block(self, item: Item, phase: str, type_: BlockType, why: str) -> str:
        """Mark an item as blocked before a phase, in a commit of its own; why that cannot be, empty if it is."""
        at = stamp(time.time())
        changes = kept_from(item, phase, type_, why, at)

        def edits(files: Files) -> Iterable[Edit]:
            there = self.items.read_from(files)
            now = there.by_id.get(item.id)
            if now is None or not is_open(now):
                return ()
            return tuple(self.landings.written(kept_from(now, phase, type_, why, at), there, files))

        failed = save(self.items, item.id, edits, changes.message, self.say)
        for text in () if failed else changes.told:
            self.say(text)
        return failed


def why_stalled(item: Item, state: TaskState, most: int) -> str:
    """Why a phase that goes on part by part gets nowhere; empty if it may, or if somebody has changed its item since."""
    last = state.last()
    if last is None or last.ended is None or item.updated > stamp(last.ended):
        return ""
    idle = 0
    for past in reversed(state.attempts):
        if past.outcome is None or past.outcome.answer is None:
            continue
        is_idle = not past.outcome.commit if past.base else past.outcome.is_idle
        if past.outcome.answer.result != "subphase_complete" or not is_idle:
            break
        idle += 1
    if idle < most:
        return ""
    name = phase_of(state.task.id).phase
    return f"`{name}` has told {idle} times in a row that a part is done, and changed nothing"

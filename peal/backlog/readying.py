"""An item made ready for its next phase, or marked with why a person has to look at it first."""

from collections.abc import Callable, Iterable

from attrs import frozen

from peal.backlog.committing import message_of
from peal.backlog.endings import save
from peal.backlog.guardrails import objection
from peal.backlog.item import BlockType
from peal.backlog.items_of_branch import Items
from peal.backlog.landing import ItemLandings
from peal.backlog.lifecycle import blocked
from peal.backlog.outcomes import Changes
from peal.backlog.staleness import is_asked_of, staleness
from peal.backlog.store import Kept
from peal.backlog.worklog import Entry
from peal.settings import ItemPhaseSettings
from peal.text.display import harmless
from peal.workspaces import Edit, Files


@frozen
class Readying:
    """What is looked at before a phase of an item begins."""

    items: Items
    landings: ItemLandings
    in_history: Callable[[str], bool | None]
    """Whether a commit is in the history of the branch; None for one that is not known."""
    say: Callable[[str], None]

    def hindrance(self, kept: Kept, phase: ItemPhaseSettings | None, is_new: bool, at: str) -> str:
        """
        Why a phase of an item cannot begin now, empty if it can; `phase` is None for triage.

        A new file is committed, an item that a person has to look at is blocked: then the backlog is another one.
        """
        if is_new:
            return self.items.save_new(kept)
        if self.items.unsaved(kept):
            return f"its file `{harmless(kept.path.name)}` has changes that are not committed; commit them"
        if phase is None:
            return ""
        if kept.item.status in ("ready", "in_progress") and (
            why := objection(kept.item, self.landings.guardrails)
        ):
            return self.block(kept.item.id, "decision", why, at)
        if is_asked_of(phase) and kept.item.last_phase_commit:
            commit = kept.item.last_phase_commit
            found = staleness(commit, self.in_history(commit), phase.staleness)
            if found.action == "block":
                return self.block(kept.item.id, "conflict", f"stale: {found.why}", at)
            if found.action == "warn":
                self.say(f"{kept.item.id}/{phase.name}: {found.why}")
        return ""

    def block(self, id_: str, type_: BlockType, why: str, at: str) -> str:
        """Mark an item as blocked in a commit of its own; why that cannot be, empty if it is."""

        def edits(files: Files) -> Iterable[Edit]:
            there = self.items.read_from(files)
            kept = next((one for one in there.kept if one.item.id == id_), None)
            if kept is None or kept.item.blocked:
                return ()
            entry = Entry(at, id_, kept.item.title, (("Outcome", "Blocked"), ("Summary", why)))
            changes = Changes(blocked(kept.item, type_, why, at), "", entries=(entry,))
            return tuple(self.landings.written(changes, there, files))

        failed = save(self.items, id_, edits, message_of(id_, f"blocked: {why}"), self.say)
        if not failed:
            self.say(f"{id_}: blocked ({type_}): {harmless(why)}")
        return failed

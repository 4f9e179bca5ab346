"""What lands with a phase of an item: what becomes of the item, of others and of new ones, and the worklog's entry."""

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path

from attrs import evolve, field

from peal.backlog import item_file, standing, worklog
from peal.backlog.item import Item
from peal.backlog.items_of_branch import Items
from peal.backlog.left_out import LeftOut
from peal.backlog.outcomes import Changes, Finished, Surroundings, after
from peal.backlog.pipelines import pipeline_of
from peal.backlog.plan_phase import PlanPhase
from peal.backlog.store import Backlog, Kept
from peal.backlog.taken_back import taken_back
from peal.backlog.worklog import Entry
from peal.classes import define
from peal.errors import Paused, PealError
from peal.model.plan import ItemPhase, Task, TaskId
from peal.model.work import Answered, Order
from peal.record.transcripts import prompt_of
from peal.settings import GuardrailSettings, PipelineSettings
from peal.system import git
from peal.text.display import harmless, stamp
from peal.workspaces import Edit, Files, PlanFile
from peal.workspaces.additions import ChangedFiles

_COMMIT = re.compile("[0-9a-f]{7,64}")


@define
class ItemLandings:
    """What belongs to the landings of a run's items."""

    items: Items
    repo: Path
    prefix: str
    pipelines: Mapping[str, PipelineSettings]
    guardrails: GuardrailSettings
    max_follow_ups: int
    left_out: LeftOut
    say: Callable[[str], None]
    """Tells what a person should know; it is called in whatever thread something lands."""
    running: frozenset[str] = frozenset()
    """The items that are being worked on."""
    plans: dict[TaskId, PlanPhase] = field(factory=dict)
    """The plan of each task that stands in one."""
    merged: set[str] = field(factory=set)
    """Duplicates that are part of others now, or were about to be."""
    land_alone = True

    def edits(self, order: Order, files: Files) -> tuple[Edit, ...]:
        """All that is to be written for a phase that is done; `Paused` if its item has become another thing meanwhile."""
        back = tuple(self._taken_back(order, files))
        put_right = ChangedFiles(files, {edit.path: edit.content for edit in back}) if back else files
        return (*back, *self._own_edits(order, put_right))

    def _taken_back(self, order: Order, files: Files) -> Iterator[Edit]:
        """What whoever worked on the task has written into items, where only peal writes."""
        if files.before is None:
            return
        for one in taken_back(files.before, files, self._relative(self.items.read().folder)):
            self.say(f"{order.task.id}: {one.told}")
            yield one.edit

    def plan_of(self, task: Task) -> PlanFile | None:
        """The plan of its phase, for a task that stands in one."""
        plan = self.plans.get(task.id)
        return plan.file if plan else None

    def _own_edits(self, order: Order, files: Files) -> tuple[Edit, ...]:
        phase = order.task.item_phase
        if plan := self.plans.get(order.task.id):
            self._check_is_at(plan.phase, self.items.read_from(files))
            return plan.file.edits(evolve(order, task=plan.written[order.task.id]), files)
        if phase is None or order.answered is None:
            return ()
        done = _finished(order.answered, phase)
        backlog = self.items.read_from(files)
        if any(one.item.id == phase.item and one.item.updated == done.at for one in backlog.kept):
            return ()  # they are in a merge that was made before a run was cut off
        try:
            return self.ended(backlog, phase.item, done, files)
        except PealError as error:
            raise Paused(str(error)) from None

    def _check_is_at(self, phase: ItemPhase, backlog: Backlog) -> None:
        """`Paused` if an item is not at the phase whose plan a task stands in."""
        if not standing.steps_at([phase], backlog.by_id, self.pipelines):
            now = standing.told(backlog.by_id.get(phase.item))
            raise Paused(f"item {phase.item} is {now}; `peal backlog list --all` shows it")

    def ended(self, backlog: Backlog, item: str, done: Finished, files: Files) -> tuple[Edit, ...]:
        """The edits that the end of a phase comes to; what a person should know of it is told. PealError as in `changes`."""
        changes = self.changes(backlog, item, done)
        for text in changes.told:
            self.say(text)
        self.merged.update(one.id for one in (changes.item, *changes.others) if one.status == "cancelled")
        return tuple(self.written(changes, backlog, files))

    def message(self, order: Order) -> str:
        """`[ID][phase] summary`; `Paused` if its item has become another thing meanwhile."""
        phase = order.task.item_phase
        if phase is None or order.answered is None:
            return ""
        try:
            return self.changes(self.items.read(), phase.item, _finished(order.answered, phase)).message
        except PealError as error:
            raise Paused(str(error)) from None

    def changes(self, backlog: Backlog, item: str, done: Finished) -> Changes:
        """What becomes of the backlog; PealError if the item is not where that phase could end."""
        if twice := backlog.twice.get(item):
            raise PealError(twice)
        kept = next((one for one in backlog.kept if one.item.id == item), None)
        if kept is None:
            raise PealError(
                f"item {item} is not in the backlog any more; see `git log -- {backlog.folder.name}`"
            )
        others = {one.item.id: one.item for one in backlog.kept if one is not kept}
        around = Surroundings(
            pipeline_of(kept.item, self.pipelines),
            self.pipelines,
            self.guardrails,
            others,
            self.running - {item},
            self._new_ids(backlog, done),
            self._rests_on(done),
        )
        return after(kept.item, done, around)

    def _new_ids(self, backlog: Backlog, done: Finished) -> tuple[str, ...]:
        """Ids for follow-ups, none of which a person has given to an item that is not committed yet."""
        if done.answer is None or not done.answer.follow_ups:
            return ()
        ids = backlog.free_ids(self.prefix, self.items.uncommitted())
        return tuple(islice(ids, self.max_follow_ups))

    def _rests_on(self, done: Finished) -> str:
        """The commit by its full id that an answer names; empty where git knows none of that id."""
        said = done.answer.based_on_commit.strip() if done.answer else ""
        return git.commit_id(self.repo, said) if _COMMIT.fullmatch(said) else ""

    def written(self, changes: Changes, backlog: Backlog, files: Files) -> Iterator[Edit]:
        """
        The edits that changes come to.

        The item itself comes last: where edits are made one after another and peal is killed, its phase ends once more, and
        what was written before is not written again.
        """
        there = {one.item.id: one for one in backlog.kept}
        given: list[Path] = []
        yield from self._worklog(changes, files)
        for item in changes.new:
            given.append(backlog.path_of(item, given))
            yield Edit(self._relative(given[-1]), item_file.written(item))
        for item in (*changes.others, changes.item):
            kept = there[item.id]
            given.append(backlog.place_of(kept, item, given))
            yield from self._item(kept, item, given[-1])

    def _item(self, kept: Kept, item: Item, path: Path) -> Iterator[Edit]:
        yield Edit(self._relative(path), item_file.changed(kept.raw, item))
        if path != kept.path:
            yield Edit(self._relative(kept.path), None, moved_to=self._relative(path))

    def _worklog(self, changes: Changes, files: Files) -> Iterator[Edit]:
        """
        The entries, with those that were left out before; a page that the person is at work on gets none.

        What was left out stays noted until it is seen in the page, for this landing may yet come to nothing.
        """
        before_this = self.left_out.read()
        entries: dict[str, list[Entry]] = {}
        for entry in (*before_this, *changes.entries):
            entries.setdefault(worklog.path_of(entry.at), []).append(entry)
        written, left = list[Entry](), list[Entry]()
        for path, own in entries.items():
            before = content = files.content(path)
            for entry in own:
                content = worklog.with_entry(content, entry)
            written += [one for one in own if worklog.with_entry(before, one) == before]
            if content == before:
                continue
            told = f"`{harmless(path)}` has changes of yours; the entry comes with a later landing"
            if self.items.is_edited(path, before):
                self.say(told)
                left += own
            else:
                yield Edit(path, content, told)
        self.left_out.change(written, left)

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.repo).as_posix()


def _finished(answered: Answered, phase: ItemPhase) -> Finished:
    return Finished(
        phase.phase,
        stamp(answered.at),
        answered.result,
        commit=answered.base,
        is_earlier=answered.is_earlier,
        prompts=(prompt_of(answered.folder),) if answered.folder else (),
    )

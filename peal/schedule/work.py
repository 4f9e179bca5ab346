"""What was asked for of a plan, and what has to be over before what."""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from functools import cached_property

from attrs import field

from peal.classes import frozen
from peal.model.plan import Ordered, Segment, TaskId, segments_of


@frozen(slots=False)
class Work:
    """What was asked for of a plan, and what has to be over before what."""

    segments: tuple[Segment, ...]
    after: Mapping[TaskId, tuple[TaskId, ...]] = field(factory=dict)
    """Tasks that wait for exactly these to be complete, instead of for the segments before them."""

    @classmethod
    def of(cls, tasks: Iterable[Ordered], selected: Container[TaskId] | None = None) -> "Work":
        """Of tasks in their order, cut down to the selected ones where there is a selection; what is not asked for is not waited for."""
        listed = tuple(tasks)
        asked = frozenset(task.id for task in listed if selected is None or task.id in selected)
        segments = segments_of(listed)
        cut = (tuple(task for task in segment.tasks if task in asked) for segment in segments)
        return cls(
            tuple(Segment(kept) for kept in cut if kept),
            {
                task.id: tuple(one for one in task.after if one in asked)
                for task in listed
                if task.after and task.id in asked
            },
        )

    @cached_property
    def tasks(self) -> tuple[TaskId, ...]:
        """Every task asked for, in order."""
        return tuple(task for segment in self.segments for task in segment.tasks)

    @cached_property
    def places(self) -> Mapping[TaskId, int]:
        """Where each of them stands in that order."""
        return {task: place for place, task in enumerate(self.tasks)}

    def in_order(self, tasks: Iterable[TaskId]) -> list[TaskId]:
        """These of them in that order."""
        return sorted(tasks, key=self.places.__getitem__)

    @cached_property
    def dependents(self) -> Mapping[TaskId, tuple[TaskId, ...]]:
        """Of each task that others name in their `after`, those others."""
        found: dict[TaskId, list[TaskId]] = defaultdict(list)
        for task, needed in self.after.items():
            for one in needed:
                found[one].append(task)
        return {task: tuple(others) for task, others in found.items()}

    @cached_property
    def eager(self) -> frozenset[TaskId]:
        """Tasks that are reviewed as soon as they are made: those that wait for others by name, and those that are waited for so."""
        return frozenset((*self.after, *self.dependents))

    def not_reached(self, failed: Iterable[TaskId]) -> frozenset[TaskId]:
        """The tasks that wait for one of these, or for one that does, by name."""
        found: set[TaskId] = set()
        waiting = list(failed)
        while waiting:
            new = found.symmetric_difference((*found, *self.dependents.get(waiting.pop(), ())))
            found |= new
            waiting += new
        return frozenset(found)

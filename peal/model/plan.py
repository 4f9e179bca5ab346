"""A plan as read: its tasks, their order, what is wrong with it."""

import hashlib
import re
from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter

from attrs import frozen

_TICK = re.compile(r"\[[xX]\]")


@frozen
class Task:
    """One piece of work of a plan."""

    index: int
    title: str
    body: str
    parallel: bool = False
    done: bool = False
    """Ticked off in the plan itself: never run."""
    after: tuple[int, ...] = ()
    """What has to have landed before it begins; none where the order of the plan says so."""
    is_planned: bool = True
    """An agent makes a plan for it first, where that is on."""
    agent: str = ""
    """Who works on it, instead of who is set for each phase."""
    model: str = ""
    """That agent's model, instead of what is set."""
    line: int = 0
    """Where the task begins in its file, counted from 1."""

    @property
    def id(self) -> str:
        """The task's name towards people and scripts."""
        return str(self.index)

    @property
    def digest(self) -> str:
        """Tells whether the text is still the same; does not depend on number, place or marks, ticked steps included."""
        text = _TICK.sub("[ ]", f"{self.title}\0{self.body}")
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@frozen
class Segment:
    """What the plan's order allows at once: one task, or neighbours that are all marked `(parallel)`."""

    tasks: tuple[int, ...]

    @property
    def kind(self) -> str:
        """`sequential` or `parallel`; a parallel run of one is sequential."""
        return "parallel" if len(self.tasks) > 1 else "sequential"


@frozen
class Problem:
    """Something in a plan file that a person should look at."""

    line: int
    message: str


@frozen
class Plan:
    """A plan as read; fit to run only without `problems`."""

    path: str
    format: str
    tasks: tuple[Task, ...]
    context: str = ""
    """What stands outside all tasks; agents get it beside their task."""
    problems: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Maximal runs of neighbouring parallel tasks, and every other task by itself."""
        return segments_of((task.index, task.parallel) for task in self.tasks)


def segments_of(marks: Iterable[tuple[int, bool]]) -> tuple[Segment, ...]:
    """The segments of tasks given in order as their number and whether they are marked `(parallel)`."""
    found: list[Segment] = []
    for parallel, run in groupby(marks, key=itemgetter(1)):
        indices = tuple(index for index, _ in run)
        found += [Segment(indices)] if parallel else [Segment((index,)) for index in indices]
    return tuple(found)

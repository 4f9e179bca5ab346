"""A plan as read: its tasks, their order, what is wrong with it."""

import hashlib
import re
from collections.abc import Container, Iterable
from itertools import groupby
from operator import itemgetter
from typing import NewType

from attrs import frozen

from peal.text.names import whole_number

TaskId = NewType("TaskId", str)
"""A task's name as its plan writes it: one word without commas, that no other task of the plan has, not even in other case."""

_TICK = re.compile(r"\[[xX]\]")


@frozen
class Task:
    """One piece of work of a plan."""

    id: TaskId
    title: str
    body: str
    parallel: bool = False
    done: bool = False
    """Ticked off in the plan itself: never run."""
    after: tuple[TaskId, ...] = ()
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
    def index(self) -> int | str:
        """The id by the name, and as the number, that it was when all were numbers: people's own templates use it."""
        return id_as_json(self.id)

    @property
    def digest(self) -> str:
        """Tells whether the text is still the same; does not depend on number, place or marks, ticked steps included."""
        text = _TICK.sub("[ ]", f"{self.title}\0{self.body}")
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def id_from_json(value: object) -> TaskId:
    """The id that was written so; TypeError for what is no id."""
    if type(value) not in (int, str):
        raise TypeError(f"{value!r} is no task's id")
    return TaskId(str(value))


def id_as_json(task: TaskId) -> int | str:
    """A task's id as it is written down and told to scripts: one that is a whole number as that, any other as it is."""
    number = whole_number(task)
    return task if number is None else number


def find(text: str, tasks: Container[TaskId]) -> TaskId | None:
    """The task that a person means: the one of that id, or of that number with zeros in front; None if it is not there."""
    for name in (text, text.lstrip("0") or "0") if text.isascii() and text.isdecimal() else (text,):
        if (task := TaskId(name)) in tasks:
            return task
    return None


@frozen
class Segment:
    """What the plan's order allows at once: one task, or neighbours that are all marked `(parallel)`."""

    tasks: tuple[TaskId, ...]

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
    """In their order: what stands first is done first."""
    context: str = ""
    """What stands outside all tasks; agents get it beside their task."""
    problems: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Maximal runs of neighbouring parallel tasks, and every other task by itself."""
        return segments_of((task.id, task.parallel) for task in self.tasks)


def segments_of(marks: Iterable[tuple[TaskId, bool]]) -> tuple[Segment, ...]:
    """The segments of tasks given in order as their id and whether they are marked `(parallel)`."""
    found: list[Segment] = []
    for parallel, run in groupby(marks, key=itemgetter(1)):
        tasks = tuple(task for task, _ in run)
        found += [Segment(tasks)] if parallel else [Segment((task,)) for task in tasks]
    return tuple(found)

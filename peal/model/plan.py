"""A plan as read: its tasks, their order, what is wrong with it."""

import hashlib
import re
from collections.abc import Container, Iterable
from itertools import groupby
from typing import NewType, Protocol

from peal.classes import frozen
from peal.text.names import whole_number, without_zeros

TaskId = NewType("TaskId", str)
"""A task's name as its plan writes it: one word without commas, that no other task of the plan has, not even in other case."""

_BULLET = re.compile(r"\A(?:[-*+>]\s+|#+\s+|\d+[.)]\s+|\[.\]\s+)+")
_TICK = re.compile(r"\[[xX]\]")


GRAPH = -1
"""The part of a plan whose tasks wait for nothing but what they name."""


@frozen
class ItemPhase:
    """One phase of an item of the backlog: what a task stands for that is no part of a plan."""

    item: str
    phase: str


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
    section: int = 0
    """
    The part of the file that it stands in, where parts come one after another: neighbours of two parts are never side by side.
    In part `GRAPH` all are, but for what they wait for by name.
    """
    is_optional: bool = False
    """The plan says that it can be left out: worked on only where optional tasks are asked for."""
    by_person: str = ""
    """What a person has to do for it, which no agent can; empty for work of agents."""
    way_on: str = ""
    """What they do when that is done; empty where it is `peal done` and `peal resume`."""
    checks: tuple[str, ...] = ()
    """Commands of a shell by which the plan says that the task is verified."""
    manual_checks: tuple[str, ...] = ()
    """What the plan says a person should look at once it is done."""
    files: tuple[str, ...] = ()
    """Paths that the plan says it changes."""
    line: int = 0
    """Where the task begins in its file, counted from 1."""
    file: str = ""
    """Where the plan is a folder, the name of the task's own file in it."""
    context: str = ""
    """What an agent is told beside it, instead of what the run's plan says outside its tasks."""
    item_phase: ItemPhase | None = None
    """The phase of an item that it is; None for a task of a plan."""

    @property
    def index(self) -> int | str:
        """The id by the name, and as the number, that it was when all were numbers: people's own templates use it."""
        return id_as_json(self.id)

    @property
    def shown_title(self) -> str:
        """The title, or the first words of the text of a task that has none; empty where that begins with code."""
        if self.title:
            return self.title
        first = next((line.strip() for line in self.body.splitlines() if line.strip()), "")
        words = "" if first.startswith(("```", "~~~", "<!--")) else _BULLET.sub("", first)
        return f"{words[:57].rstrip()}…" if len(words) > 58 else words

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
    for name in (text, without_zeros(text)):
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
class Parent:
    """An entry that only holds others: what it says is context, and it is done when they are."""

    id: str
    title: str
    done: bool
    """Ticked off in the plan itself; that says nothing of the tasks in it."""
    line: int


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
    evidence: str = ""
    """By what the file was taken for that format; empty where it was told."""
    parents: tuple[Parent, ...] = ()
    """In file order."""
    problems: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Maximal runs of neighbouring parallel tasks of one section, and every other task by itself."""
        return segments_of(self.tasks)


class Ordered(Protocol):
    """A task as far as its order goes."""

    @property
    def id(self) -> TaskId:
        """Its name."""

    @property
    def parallel(self) -> bool:
        """It may run beside its neighbours that are marked so too."""

    @property
    def section(self) -> int:
        """Neighbours of two sections are never side by side."""

    @property
    def after(self) -> tuple[TaskId, ...]:
        """What has to have landed before it."""


_PATH = re.compile(r"(?<![\w/.@-])[\w.@-]+(?:/[\w.@-]+)+\.\w{1,8}(?![\w/])")


def paths_of(task: Task) -> frozenset[str]:
    """The files that a task says it changes, or that its title names with their folder."""
    return frozenset(task.files) or frozenset(_PATH.findall(task.title))


@frozen
class Overlap:
    """Two tasks that may be worked on side by side and name the same file."""

    first: TaskId
    second: TaskId
    path: str


def overlaps(plan: Plan, among: Container[TaskId] | None = None) -> tuple[Overlap, ...]:
    """The first two of each segment for each file that more than one of its tasks names; of those in `among` only, if given."""
    tasks = {task.id: task for task in plan.tasks if not task.done and (among is None or task.id in among)}
    found = []
    for segment in plan.segments:
        first: dict[str, TaskId] = {}
        seen: set[str] = set()
        for name in segment.tasks if len(segment.tasks) > 1 else ():
            for path in sorted(paths_of(tasks[name])) if name in tasks else ():
                if path in first and path not in seen and first[path] not in tasks[name].after:
                    found.append(Overlap(first[path], name, path))
                    seen.add(path)
                first.setdefault(path, name)
    return tuple(found)


def segments_of(tasks: Iterable[Ordered]) -> tuple[Segment, ...]:
    """The segments of tasks that are given in their order."""
    found: list[Segment] = []
    for (is_side_by_side, _), run in groupby(
        tasks, key=lambda task: (task.parallel or task.section == GRAPH, task.section)
    ):
        ids = tuple(task.id for task in run)
        found += [Segment(ids)] if is_side_by_side else [Segment((task,)) for task in ids]
    return tuple(found)


@frozen
class Word:
    """What a person says of tasks of which nobody else can tell which they are, by their new ids."""

    done: frozenset[TaskId] = frozenset()
    """These are the complete ones; others with the same words are not."""
    undone: frozenset[TaskId] = frozenset()
    """These are not complete, nor begun; others with the same words are, as far as that is not clear by itself."""


NO_WORD = Word()
"""Nobody says which task is which."""

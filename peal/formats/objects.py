"""Tasks that are objects of JSON: the fields that most tools call alike, and everything else as text."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import evolve

from peal.classes import frozen
from peal.formats import statuses
from peal.formats.json_text import JsonText
from peal.formats.marks import one_line
from peal.formats.protocol import Reading
from peal.formats.source import whole_letters
from peal.formats.statuses import Status
from peal.formats.task_order import in_order
from peal.formats.ticking import Edit
from peal.model.plan import GRAPH, Problem, Task, TaskId

_TITLE = ("title", "name")
_TICK = ("passes", "passing", "done", "completed")
"""Fields that say with true or false whether it is done."""
_AFTER = ("dependsOn", "depends_on", "dependencies", "blockedBy", "blocked_by")
_TOLD = {"id", "status", "priority", *_TITLE, *_TICK, *_AFTER}
_WORDS = re.compile(r"[_\s-]+|(?<=[a-z0-9])(?=[A-Z])")


@frozen
class Found:
    """One object that is a task."""

    fields: Mapping[str, Any]
    line: int
    number: int
    """Its place, counted from 1."""


@frozen
class _Read:
    task: Task
    problems: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()


def found(text: JsonText, at: int, what: str) -> tuple[list[Found], list[Problem]]:
    """The objects in the list that begins there; anything else in it is a problem."""
    tasks, problems = [], []
    for number, (value, place) in enumerate(text.elements(at), 1):
        if isinstance(value, dict):
            tasks.append(Found(value, text.line(place), number))
        else:
            problems.append(
                Problem(text.line(place), f"{what} {number} is no object with `id` and `title`; make it one")
            )
    if not tasks and not problems:
        problems.append(
            Problem(text.line(at), f"this list has no {what} in it; write one with `id` and `title`")
        )
    return tasks, problems


def reading(
    tasks: Sequence[Found],
    context: str = "",
    problems: Iterable[Problem] = (),
    notes: Iterable[Problem] = (),
) -> Reading:
    """The tasks that objects are, in their order but for what they wait for; where some name that, nothing else counts."""
    read = [_read(one) for one in tasks]
    ordered = in_order([one.task for one in read])
    is_graph = any(task.after for task in ordered)
    dependency = next((key for one in tasks for key in _AFTER if one.fields.get(key)), _AFTER[0])
    return Reading(
        tasks=tuple(evolve(task, section=GRAPH) for task in ordered) if is_graph else ordered,
        context=context,
        problems=(*problems, *(problem for one in read for problem in one.problems)),
        notes=(*notes, *(note for one in read for note in one.notes)),
        dependency=dependency,
        is_markdown=False,
    )


def _read(one: Found) -> _Read:
    problems = []
    if not (name := _word(one.fields.get("id"))):
        problems.append(Problem(one.line, f"this task ({one.number} in its list) has no `id`; give it one"))
    after, problem = _after(one.fields)
    status = _status(one.fields)
    problems += [Problem(one.line, f"of task `{name}` {told}") for told in (problem, status.problem) if told]
    task = Task(
        id=TaskId(name or str(one.number)),
        title=one_line(title_of(one.fields)),
        body=as_text({key: value for key, value in one.fields.items() if key not in _TOLD}),
        done=status.done,
        is_optional=status.is_optional,
        after=after,
        line=one.line,
    )
    notes = [Problem(one.line, f"of task `{name}` the {status.note}")] if status.note else []
    return _Read(task, tuple(problems), tuple(notes))


def title_of(fields: Mapping[str, Any]) -> str:
    """The title of an object; empty if it has none."""
    return whole_letters(next((fields[key] for key in _TITLE if isinstance(fields.get(key), str)), ""))


def _status(fields: Mapping[str, Any]) -> Status:
    ticks = {fields[key] for key in _TICK if isinstance(fields.get(key), bool)}
    if odd := [key for key in _TICK if not isinstance(fields.get(key), bool | None)]:
        return Status(problem=f"`{odd[0]}` is neither `true` nor `false`; write one of them")
    told = fields.get("status")
    if told is not None and not isinstance(told, str):
        return Status(problem="`status` is no word; write `pending`, or `done` if it is")
    status = statuses.read(told) if told is not None else Status()
    if len(ticks) > 1 or (ticks and told and status.done not in ticks and not status.problem):
        return Status(problem="the fields do not agree on whether it is done; correct them")
    return evolve(status, done=status.done or True in ticks)


def _after(fields: Mapping[str, Any]) -> tuple[tuple[TaskId, ...], str]:
    named: dict[TaskId, None] = {}
    for key in _AFTER:
        value = fields.get(key)
        listed = value if isinstance(value, list) else [] if value in (None, "") else [value]
        if not all(map(_word, listed)):
            return (), f"`{key}` is no list of ids; make it one"
        named |= dict.fromkeys(TaskId(_word(one)) for one in listed)
    return tuple(named), ""


def place_of(text: JsonText, at: int, task: Task) -> int | None:
    """Where the object that is this task begins, of those in the list that begins there; one without an id is named by its place."""
    for number, (value, place) in enumerate(text.elements(at), 1):
        if isinstance(value, dict) and (_word(value.get("id")) or str(number)) == task.id:
            return place
    return None


def marked(text: JsonText, at: int, task: Task, usual: str) -> list[Edit]:
    """
    What has a task of the list that begins there say that it is done, in the fields that it has for that.

    One that has none of them gets the usual one.
    """
    place = place_of(text, at, task)
    if place is None:
        return []
    if edits := list(said_done(text, place, done_word(text, at))):
        return edits
    first = next((value for _, value in text.members(place)), None)
    return [] if first is None else [_edit(text, text.end(first), text.end(first), f", {usual}")]


def done_word(text: JsonText, at: int) -> str:
    """The status that the list's tasks have when they are done."""
    told = (value.get("status") for value, _ in text.elements(at) if isinstance(value, dict))
    return next((word for word in told if isinstance(word, str) and statuses.read(word).done), "done")


def said_done(text: JsonText, at: int, word: str) -> Iterator[Edit]:
    """What has the fields of an object say that it is done which say that it is not."""
    for key, place in text.members(at):
        value = text.value(place)
        if key in _TICK and not value:
            yield _edit(text, place, text.end(place), "true")
        if key == "status" and not statuses.read(str(value or "")).done:
            yield _edit(text, place, text.end(place), json.dumps(word))


def _edit(text: JsonText, begin: int, end: int, instead: str) -> Edit:
    column = text.column(begin)
    return Edit(text.line(begin), column, column + end - begin, instead)


def _word(value: Any) -> str:
    return whole_letters(value.strip()) if isinstance(value, str) else ""


def as_text(fields: Mapping[str, Any]) -> str:
    """What an object says, for an agent: its description, then each field under its name."""
    description = fields.get("description")
    parts = [description.strip()] if isinstance(description, str) else []
    parts += [
        _field(key, value)
        for key, value in fields.items()
        if value not in (None, "", [], {}) and not (key == "description" and parts)
    ]
    return whole_letters("\n\n".join(filter(None, parts)))


def _field(key: str, value: Any) -> str:
    label = " ".join(_WORDS.split(key)).capitalize()
    if isinstance(value, str):
        told = value.strip()
        return f"{label}:\n{told}" if "\n" in told or len(told) > 100 else f"{label}: {told}"
    if isinstance(value, list):
        return "\n".join((f"{label}:", *(f"- {_shown(one)}" for one in value)))
    return f"{label}: {_shown(value)}"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

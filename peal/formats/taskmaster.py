"""task-master's `tasks.json`: under each tag a list of tasks with their dependencies; subtasks are steps of their task."""

from collections.abc import Mapping, Sequence
from typing import Any

from peal.classes import frozen
from peal.formats import objects, statuses
from peal.formats.document import Document
from peal.formats.json_text import JsonText
from peal.formats.objects import Found, as_text, found, reading
from peal.formats.protocol import Evidence, Reading, quoted
from peal.formats.ticking import Edit
from peal.model.plan import Problem, Task
from peal.text.display import some

name = "taskmaster"

_TELL_TALE = ("dependencies", "subtasks", "testStrategy", "details")
_DEFAULT = "master"


@frozen
class _Tag:
    """A list of tasks of a name; of none in files from before there were tags."""

    name: str
    at: int
    metadata: Mapping[str, Any]


def evidence(document: Document) -> Evidence | None:
    """JSON with a list of `tasks` under a name, or of ones with dependencies at the top."""
    text = JsonText.of(document)
    tags = _tags(text) if text else []
    return Evidence(text.line(tags[0].at), f'`"tasks"` {_of(tags[0])}'.rstrip()) if text and tags else None


def read(document: Document) -> Reading:
    """The tasks of the tag `master`, or of the only one."""
    text = JsonText.of(document)
    tags = _tags(text) if text else []
    if not text or not tags:
        return Reading(problems=(Problem(1, "there is no list of `tasks` in this file; write one"),))
    if problem := text.problem():
        return Reading(problems=(problem,))
    chosen = _chosen(text, tags)
    if len(chosen) > 1:
        names = some([tag.name for tag in chosen], 3)
        message = f"this file has several lists of tasks, under {names}; leave one, or name one `master`"
        return Reading(problems=(Problem(text.line(chosen[1].at), message),))
    tasks, problems = found(text, chosen[0].at, "task")
    others = [tag for tag in tags if tag is not chosen[0]]
    return reading(
        [_with_steps(one) for one in tasks],
        as_text(chosen[0].metadata),
        problems,
        [_other(text, tag, chosen[0]) for tag in others if _is_open(text, tag)],
    )


def marked(document: Document, task: Task) -> list[Edit]:
    """A task is done by its status, and so are its subtasks then."""
    text = JsonText.of(document)
    tags = _chosen(text, _tags(text)) if text else []
    place = objects.place_of(text, tags[0].at, task) if text and tags else None
    if not text or place is None:
        return []
    edits, word = (
        objects.marked(text, tags[0].at, task, '"status": "done"'),
        objects.done_word(text, tags[0].at),
    )
    for step, at in text.elements(dict(text.members(place)).get("subtasks", place)):
        if isinstance(step, dict) and not statuses.read(str(step.get("status", ""))).is_optional:
            edits += objects.said_done(text, at, word)
    return edits


def _chosen(text: JsonText, tags: Sequence[_Tag]) -> Sequence[_Tag]:
    """Those with the name that counts, or else with tasks in them."""
    filled = [tag for tag in tags if any(text.elements(tag.at))] or tags[:1]
    return [tag for tag in tags if tag.name == _DEFAULT] or filled


def _tags(text: JsonText) -> list[_Tag]:
    tags = []
    for key, at in text.members(text.begin):
        if key == "tasks" and text.is_list(at) and _is_told(text, at):
            metadata = {one: text.value(place) for one, place in text.members(text.begin) if one != key}
            return [_Tag("", at, metadata)]
        inner = dict(text.members(at))
        if "tasks" in inner and text.is_list(inner["tasks"]):
            metadata = text.value(inner["metadata"]) if "metadata" in inner else {}
            tags.append(_Tag(key, inner["tasks"], metadata if isinstance(metadata, dict) else {}))
    return tags


def _is_told(text: JsonText, at: int) -> bool:
    """Whether tasks that stand at the top are task-master's, for others have a list of that name too."""
    first = next(text.elements(at), (None, 0))[0]
    return (
        isinstance(first, dict)
        and {"id", "title", "status"} <= first.keys()
        and any(key in first for key in _TELL_TALE)
    )


def _is_open(text: JsonText, tag: _Tag) -> bool:
    tasks = (one for one, _ in text.elements(tag.at) if isinstance(one, dict))
    return any(not statuses.read(str(one.get("status", ""))).done for one in tasks)


def _other(text: JsonText, tag: _Tag, chosen: _Tag) -> Problem:
    return Problem(
        text.line(tag.at),
        f"the tag {quoted(tag.name)} has open tasks too; only {quoted(chosen.name)} is carried out",
    )


def _of(tag: _Tag) -> str:
    return f"under {quoted(tag.name)}" if tag.name else ""


def _with_steps(one: Found) -> Found:
    """A task whose subtasks are a list with boxes, and that waits for whole tasks: `3.2` is done when 3 is."""
    fields = dict(one.fields)
    if isinstance(fields.get("dependencies"), list):
        fields["dependencies"] = [_task_of(needed) for needed in fields["dependencies"]]
    steps = fields.pop("subtasks", None)
    if isinstance(steps, list) and steps:
        fields["subtasks"] = [_step(step, str(fields.get("id", ""))) for step in steps]
    return Found(fields, one.line, one.number)


def _task_of(needed: Any) -> Any:
    return needed.split(".")[0] if isinstance(needed, str) else needed


def _step(step: Any, task: str) -> Any:
    if not isinstance(step, dict):
        return step
    mark = "x" if statuses.read(str(step.get("status", ""))).done else " "
    told = {key: value for key, value in step.items() if key not in ("id", "title", "status", "parentId")}
    text = as_text(told).replace("\n\n", "\n").replace("\n", "\n  ")
    head = f"[{mark}] {task}.{step.get('id', '')} {step.get('title', '')}".rstrip()
    return f"{head}\n  {text}" if text else head

"""What became of a run, for scripts: one JSON object, whatever the end was."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from attrs import asdict

from peal.model.agent import Usage
from peal.model.decision import Halt
from peal.model.plan import TaskId, id_as_json
from peal.record.history import History
from peal.system.files import replace
from peal.text.display import stamp
from peal.views.status import TaskStatus, overview


def summary(
    history: History, halt: Halt, began: float, ended: float, ways_on: Sequence[str]
) -> dict[str, Any]:
    """
    The whole plan as it stands at the end of a run that went from `began` to `ended` (wall-clock seconds).

    The first seven fields are those of the Rust peal's file; a task with findings left is not among the completed. `ways_on` is
    what a person may want to type next.
    """
    seen = overview(history, ended, False, {}, lambda _: "")
    return {
        "tasks_completed": _ids(history.completed - history.with_findings, history),
        "tasks_failed": _ids(history.failed - history.blocked, history),
        "tasks_with_remaining_findings": _ids(history.with_findings, history),
        "exit_code": halt.code,
        "plan_path": history.plan,
        "repo_path": history.repo,
        "completed_at": stamp(ended),
        "why": halt.why,
        "run": seen.run,
        "started_at": stamp(began),
        "seconds": round(ended - began, 3),
        "blocked": {
            str(task): history.states[task].failed or "" for task in history.in_order(history.blocked)
        },
        "held": {str(task): history.states[task].held or "" for task in history.in_order(history.held)},
        "tasks": [_task(task, history) for task in seen.tasks],
        "usage": _usage(seen.used),
        "usage_by_model": {used.model: _usage(used) for used in seen.used_by_model},
        "usage_by_phase": {str(phase): _usage(used) for phase, used in seen.used_by_phase.items()},
        "next": list(ways_on),
    }


def _ids(tasks: set[TaskId], history: History) -> list[int | str]:
    return [id_as_json(task) for task in history.in_order(tasks)]


def _task(task: TaskStatus, history: History) -> dict[str, Any]:
    """One task; attempts and seconds are those of all runs."""
    return {
        "id": task.id,
        "index": id_as_json(task.id),
        "title": task.title,
        "state": task.state,
        "reason": task.reason,
        "attempts": len(history.states[task.id].attempts),
        "seconds": round(task.seconds or 0.0, 3),
        "commit": task.commit,
        "findings": task.findings,
        "notes": list(task.notes),
        "usage": _usage(task.used),
    }


def _usage(used: Usage) -> dict[str, Any]:
    counts = asdict(used)
    del counts["model"]
    return {**counts, "tokens": used.tokens}


def write(path: Path, found: dict[str, Any], hide: Callable[[str], str]) -> None:
    """Put a summary into a file in one step, without what `hide` takes out; OSError if that cannot be."""
    text = _written(_each_text(found, hide))
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() and not target.is_file():  # a device or a pipe stays what it is
        target.write_text(text, encoding="utf-8", errors="surrogateescape")
    else:
        replace(target, text)


def _written(found: dict[str, Any]) -> str:
    """A line for each thing, and for each of several; indenting all of it would take ten times as long."""
    lines = (
        f"  {_LINE(name)}: {_several(value) if isinstance(value, list) else _LINE(value)}"
        for name, value in found.items()
    )
    joined = ",\n".join(lines)
    return f"{{\n{joined}\n}}\n"


def _several(values: list[Any]) -> str:
    listed = ",\n".join(f"    {_LINE(value)}" for value in values)
    return f"[\n{listed}\n  ]" if values else "[]"


_LINE = json.JSONEncoder(ensure_ascii=False).encode


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    match value:
        case str():
            return change(value)
        case dict():
            return {name: _each_text(inner, change) for name, inner in value.items()}
        case list():
            return [_each_text(inner, change) for inner in value]
    return value

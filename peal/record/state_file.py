"""`state.json`: a plan's progress in short, for people, scripts and resume."""

import json
from pathlib import Path
from typing import Any

from attrs import field

from peal.classes import frozen
from peal.errors import Damaged
from peal.model.plan import TaskId, id_as_json, id_from_json
from peal.record.events import as_json
from peal.record.history import History
from peal.system.files import replace
from peal.text.display import stamp

SCHEMA = 1
BY_ITSELF = (0, 1, 2, 3)
"""Exit codes of runs that ended because nothing more was to be begun."""


@frozen
class State:
    """What the file holds. Files of the Rust peal have the three fields `plan_path` to `completed_task_indices` only."""

    plan_path: str
    repo_path: str
    completed_task_indices: tuple[TaskId, ...]
    """In the order of the plan; whole numbers are written as such, other ids as texts."""
    schema_version: int = 0
    run_id: str = ""
    owner: int | None = None
    started_at: str | None = None
    updated_at: str = ""
    total_tasks: int = 0
    failed: dict[str, str] = field(factory=dict)
    remaining_findings: dict[str, int] = field(factory=dict)
    running: dict[str, str] = field(factory=dict)
    exit_code: int | None = None
    """How the latest run ended; None while it goes on and when it was cut off."""
    is_open_ended: bool = False
    """Tasks come while a run goes on: it is over when it says so, whatever is left of them."""
    journal_offset: int = 0
    """A completion in the journal before this place and not in `completed_task_indices` was deleted by a person."""

    @property
    def is_finished(self) -> bool:
        """Every task of the plan is complete and the run said so; or it has come to an end that nobody has cut short."""
        if self.is_open_ended:
            return self.exit_code in BY_ITSELF
        return self.exit_code is not None and len(self.completed_task_indices) >= self.total_tasks

    @property
    def is_done(self) -> bool:
        """Every task of the plan is complete, by a run or by a person's word, and nothing is left to be mended."""
        is_complete = 0 < self.total_tasks <= len(self.completed_task_indices)
        return is_complete and not self.remaining_findings


def state_of(history: History, offset: int) -> State:
    """The short form of a history whose journal is `offset` bytes long."""
    opened, closed = history.opened, history.closed
    states = history.states
    return State(
        plan_path=history.plan,
        repo_path=history.repo,
        completed_task_indices=tuple(history.in_order(history.completed)),
        schema_version=SCHEMA,
        run_id=opened.run if opened else "",
        owner=opened.pid if opened and closed is None else None,
        started_at=stamp(opened.at) if opened else None,
        updated_at=stamp(history.last_at),
        total_tasks=len(states),
        failed={str(task): states[task].failed or "" for task in history.in_order(history.failed)},
        remaining_findings={
            str(task): len(states[task].findings) for task in history.in_order(history.with_findings)
        },
        running={str(task): state.running.phase for task, state in history.running.items() if state.running},
        exit_code=closed.code if closed else None,
        is_open_ended=opened is not None and opened.is_open_ended,
        journal_offset=offset,
    )


def write(path: Path, state: State) -> None:
    """Replace the file in one step: a line for each field, which a person can edit; indenting lists would be dear."""
    fields = {name: getattr(state, name) for name in State.__annotations__}
    fields["completed_task_indices"] = [id_as_json(task) for task in state.completed_task_indices]
    lines = ",\n".join(f"  {as_json(name)}: {as_json(value)}" for name, value in fields.items())
    replace(path, f"{{\n{lines}\n}}\n")


def read(path: Path) -> State | None:
    """The file's content; None if there is none; `Damaged` if it cannot be understood."""
    try:
        return _structured(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise Damaged(f"`{path}` cannot be understood") from None


def _structured(record: dict[str, Any]) -> State:
    known = {name: record[name] for name in State.__annotations__ if name in record}
    listed = known["completed_task_indices"]
    if type(listed) is not list:
        raise TypeError("completed tasks are a list")
    completed = dict.fromkeys(map(id_from_json, listed))
    for name in ("schema_version", "total_tasks", "journal_offset"):
        if type(known.get(name, 0)) is not int:
            raise TypeError(f"{name} is a whole number")
    for name in ("plan_path", "repo_path", "run_id", "updated_at"):
        if type(known.get(name, "")) is not str:
            raise TypeError(f"{name} is a text")
    return State(**{**known, "completed_task_indices": tuple(completed)})

"""`state.json`: a plan's progress in short, for people, scripts and resume."""

import json
from pathlib import Path
from typing import Any

from attrs import field, frozen

from peal.errors import Damaged
from peal.record.events import as_json
from peal.record.history import History
from peal.system.files import replace
from peal.text.display import stamp

SCHEMA = 1


@frozen
class State:
    """What the file holds. Files of the Rust peal have the three fields `plan_path` to `completed_task_indices` only."""

    plan_path: str
    repo_path: str
    completed_task_indices: tuple[int, ...]
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
    journal_offset: int = 0
    """A completion in the journal before this place and not in `completed_task_indices` was deleted by a person."""

    @property
    def is_finished(self) -> bool:
        """Every task of the plan is complete and the run said so."""
        return self.exit_code is not None and len(self.completed_task_indices) >= self.total_tasks


def state_of(history: History, offset: int) -> State:
    """The short form of a history whose journal is `offset` bytes long."""
    opened, closed = history.opened, history.closed
    states = history.states
    return State(
        plan_path=history.plan,
        repo_path=history.repo,
        completed_task_indices=tuple(sorted(history.completed)),
        schema_version=SCHEMA,
        run_id=opened.run if opened else "",
        owner=opened.pid if opened and closed is None else None,
        started_at=stamp(opened.at) if opened else None,
        updated_at=stamp(history.last_at),
        total_tasks=len(states),
        failed={
            str(index): states[index].failed or "" for index in sorted(history.failed) if index in states
        },
        remaining_findings={
            str(index): len(states[index].findings) for index in sorted(history.with_findings)
        },
        running={
            str(index): state.running.phase for index, state in history.running.items() if state.running
        },
        exit_code=closed.code if closed else None,
        journal_offset=offset,
    )


def write(path: Path, state: State) -> None:
    """Replace the file in one step: a line for each field, which a person can edit; indenting lists would be dear."""
    lines = ",\n".join(
        f"  {as_json(name)}: {as_json(getattr(state, name))}" for name in State.__annotations__
    )
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
    completed = known["completed_task_indices"]
    if not all(type(index) is int for index in completed):
        raise TypeError("task numbers are whole numbers")
    for name in ("schema_version", "total_tasks", "journal_offset"):
        if type(known.get(name, 0)) is not int:
            raise TypeError(f"{name} is a whole number")
    for name in ("plan_path", "repo_path", "run_id", "updated_at"):
        if type(known.get(name, "")) is not str:
            raise TypeError(f"{name} is a text")
    return State(**{**known, "completed_task_indices": tuple(sorted(set(completed)))})

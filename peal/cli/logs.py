"""`peal logs`: what an attempt printed, once or for as long as it does."""

import codecs
import json
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import click
from attrs import field

from peal.agents.event_text import Reading
from peal.classes import define
from peal.cli.options import as_json, plan_option, repo_paths_of, repository
from peal.errors import PealError
from peal.jobs.known_plans import plan_or_latest, plan_paths_of, state_of
from peal.record import journal, transcripts
from peal.record.events import converter
from peal.record.history import History, fold
from peal.record.lock import live_run
from peal.record.task_state import Attempt, TaskState
from peal.system.files import size_of
from peal.system.layout import PlanPaths, RepoPaths
from peal.text.display import harmless
from peal.views.status import to_show

_CHUNK = 64 * 1024

_LONGEST_EVENT = 8 * 1024 * 1024
"""Characters of a line that are kept until its end comes: an event can hold all that a tool printed."""


def _is_alive(repo_paths: RepoPaths, history: History) -> bool:
    return bool(history.opened and history.opened.run == live_run(repo_paths))


@click.command()
@click.argument("task")
@click.argument("phase", type=str, required=False)
@plan_option
@click.option("--attempt", type=int, metavar="N", help="Which attempt of the phase.")
@click.option("--follow", "-f", is_flag=True, help="Go on until the attempt ends.")
@click.option("--raw", is_flag=True, help="Print an agent's events as they are, not what they say.")
@as_json
@repository
def logs(
    *,
    task: str,
    phase: str | None,
    plan: Path | None,
    attempt: int | None,
    follow: bool,
    raw: bool,
    json_: bool,
    repo: Path,
) -> int:
    """What an attempt at TASK printed: the one that failed, else the latest of an agent's, or the one asked for."""
    repo_paths = repo_paths_of(repo)
    plan_paths = plan_paths_of(repo_paths, plan_or_latest(plan, repo_paths))
    history = fold(journal.load(plan_paths.journal).events)
    state = state_of(task, history, phase)
    one = _wanted(state, phase, attempt)
    folder = transcripts.folder_of(plan_paths, one)
    if json_:
        click.echo(json.dumps(_as_json(one, folder), ensure_ascii=False))
    elif follow and one.ended is None and _is_alive(repo_paths, history):
        _follow(repo_paths, plan_paths, one, folder, raw)
    else:
        _print_all(state, one, folder, raw)
    return 0


def _wanted(state: TaskState, phase: str | None, attempt: int | None) -> Attempt:
    tries = [*state.attempts, *([state.running] if state.running else [])]
    found = [one for one in tries if phase in (None, one.phase) and attempt in (None, one.number)]
    if not found:
        which = f" at `{phase}`" * bool(phase) + f" with number {attempt}" * (attempt is not None)
        raise PealError(
            f"task {state.task.id} has had no attempt{which}; `peal status` shows where it stands"
        )
    return to_show(state, found)


def _heading(one: Attempt, folder: Path) -> str:
    outcome = f"{one.outcome.name}: {one.outcome.reason}" if one.outcome else "running or cut off"
    by = f" by {one.agent}" if one.agent else ""
    where = f" in {folder}" if folder.exists() else ""
    return f"== task {one.task} {one.phase}, attempt {one.number}{by} ({outcome.removesuffix(': ')}){where}"


def _nothing(state: TaskState, one: Attempt) -> str:
    """What to say of an attempt in which nothing was printed: the latest one of an agent before it may tell more."""
    before = [past for past in state.attempts if past.agent and past.started < one.started]
    if not before:
        return "nothing was printed"
    last = before[-1]
    which = f"{last.phase} --attempt {last.number}" if last.phase == one.phase else last.phase
    return f"nothing was printed; `peal logs {state.task.id} {which}` shows what was done before"


def _conflicts(one: Attempt) -> Iterator[str]:
    """What could not be merged: no program printed that."""
    from peal.worktrees.conflicts import REVIEWER  # only here: the status is quick without it

    for finding in one.outcome.findings if one.outcome else ():
        if finding.reviewer == REVIEWER:
            yield f"-- {REVIEWER}"
            yield from finding.message.splitlines()


def _as_json(one: Attempt, folder: Path) -> dict[str, Any]:
    texts = {
        name.split(".")[0]: (folder / name).read_text(encoding="utf-8", errors="replace")
        for name in transcripts.TEXTS
        if (folder / name).exists()
    }
    printed = {
        path.name: path.read_text(encoding="utf-8", errors="replace")
        for path in transcripts.outputs_of(folder)
    }
    return {**converter().unstructure(one), "folder": str(folder), **texts, "printed": printed}


def _print_all(state: TaskState, one: Attempt, folder: Path, raw: bool) -> None:
    """What is known of an attempt, each file under its name."""
    click.echo(_heading(one, folder))
    _print_lines(f"note: {note}" for note in (one.outcome.notes if one.outcome else ()))
    conflicts = list(_conflicts(one))
    _print_lines(conflicts)
    printed = [path for path in transcripts.outputs_of(folder) if path.stat().st_size]
    for path in printed:
        _print_file(path, raw)
    if not printed and not conflicts:
        click.echo(_nothing(state, one))


def _print_file(path: Path, raw: bool) -> None:
    click.echo(f"-- {path.name}")
    with path.open("rb") as file:
        _print_lines(_growing(path, file, raw).shown(is_over=True))


def _print_lines(lines: Iterable[str]) -> None:
    """A terminal gets them harmless, a file or pipe as they are."""
    is_terminal = sys.stdout.isatty()
    for line in lines:
        click.echo(harmless(line) if is_terminal else line)


def _follow(repo_paths: RepoPaths, plan_paths: PlanPaths, one: Attempt, folder: Path, raw: bool) -> None:
    """Print what comes until the attempt has ended."""
    click.echo(_heading(one, folder))
    with ExitStack() as files:
        seen: dict[Path, _Growing] = {}
        is_over, size = False, -1
        while True:
            for path in transcripts.outputs_of(folder):
                if path not in seen:
                    seen[path] = _growing(path, files.enter_context(path.open("rb")), raw)
                _print_lines(_under_its_name(path, seen[path].shown(is_over)))
            if is_over:
                return
            is_alive, grown = live_run(repo_paths) is not None, size_of(plan_paths.journal)
            if grown != size or not is_alive:
                state = fold(journal.load(plan_paths.journal).events).states.get(one.task)
                is_over, size = state is None or state.running != one or not is_alive, grown
            time.sleep(0.2)


def _under_its_name(path: Path, lines: Iterator[str]) -> Iterator[str]:
    """New lines, below the file's name if they are not the attempt's own agent's."""
    for number, line in enumerate(lines):
        if not number and path.name not in ("stdout", "stderr"):
            yield f"-- {path.name}"
        yield line


def _growing(path: Path, file: BinaryIO, raw: bool) -> "_Growing":
    """Agents write events to stdout; what another helper printed is never one of theirs."""
    return _Growing(file, None if raw or not transcripts.is_of_agent(path) else Reading())


@define
class _Growing:
    """A file that is being written, read line by line as far as it has come."""

    file: BinaryIO
    reading: Reading | None = None
    """How the lines are turned into what they say; None to show them as they are."""
    _decoder: codecs.IncrementalDecoder = field(
        factory=lambda: codecs.getincrementaldecoder("utf-8")("replace")
    )
    _rest: str = ""

    def shown(self, is_over: bool) -> Iterator[str]:
        """What is new, as it is to be shown."""
        for line in self._lines(is_over):
            yield from self.reading.of(line) if self.reading else (line,)

    def _lines(self, is_over: bool) -> Iterator[str]:
        """What is new; a line without an end only when nothing more comes, or when it is very long."""
        longest = _LONGEST_EVENT if self.reading else _CHUNK
        while chunk := self.file.read(_CHUNK):
            *lines, self._rest = (self._rest + self._decoder.decode(chunk)).split("\n")
            yield from lines
            if len(self._rest) > longest:
                yield self._rest
                self._rest = ""
        if is_over and self._rest:
            yield self._rest
            self._rest = ""

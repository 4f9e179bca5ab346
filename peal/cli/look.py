"""`peal status`, `peal runs`, `peal logs`: read commands; they take no lock and change nothing."""

import codecs
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import click
from attrs import asdict, define, field

from peal.agents.event_text import Reading
from peal.cli.options import as_json, hidden, repo_paths_of, repository
from peal.errors import PealError
from peal.model.pipeline import Phase
from peal.model.plan import segments_of
from peal.record import journal, lock, store, transcripts
from peal.record.events import Event, RunOpened, converter
from peal.record.events import as_json as to_json
from peal.record.history import History, Line, Try, fold
from peal.record.spending import amount
from peal.run.known_plans import plan_or_latest, plan_paths_of
from peal.run.plan_files import read_plan
from peal.schedule.plan import Work, decide
from peal.system.layout import PlanPaths, RepoPaths
from peal.text.display import duration, harmless
from peal.views.screens import Output
from peal.views.screens.lines import Lines
from peal.views.status import RunStatus, noted_lines, overview, to_show

_WATCH_EVERY = 0.5
_CHUNK = 64 * 1024
_LONGEST_EVENT = 8 * 1024 * 1024
"""Characters of a line that are kept until its end comes: an event can hold all that a tool printed."""


@click.command()
@click.argument("plan", type=click.Path(path_type=Path), required=False)
@click.option("--watch", is_flag=True, help="Go on showing it until the run is over.")
@as_json
@repository
def status(plan: Path | None, watch: bool, json_: bool, repo: Path) -> int:
    """What of PLAN is done, running, failed or waiting and why; default: the latest run."""
    repo_paths = repo_paths_of(repo)
    plan = plan_or_latest(plan, repo_paths)
    if watch and json_:
        return _watched_as_json(repo_paths, plan)
    if watch:
        return _watched(repo_paths, plan)
    found = _status(repo_paths, plan)
    click.echo(json.dumps(converter().unstructure(found), ensure_ascii=False) if json_ else _text(found))
    return 0


def _watched(repo_paths: RepoPaths, plan: Path) -> int:
    found = _status(repo_paths, plan)
    if found.state == "running":
        if Output.standard().can_redraw(os.environ):
            _as_table(repo_paths, plan_paths_of(repo_paths, plan))
        else:
            click.echo(_headline(found))
            _as_lines(repo_paths, plan_paths_of(repo_paths, plan))
        found = _status(repo_paths, plan)
    click.echo(_text(found))
    return 0


def _watched_as_json(repo_paths: RepoPaths, plan: Path) -> int:
    """The status as a line of JSON, again whenever something was recorded."""
    for _ in _news(repo_paths, plan_paths_of(repo_paths, plan)):
        click.echo(to_json(converter().unstructure(_status(repo_paths, plan))))
    return 0


def _as_table(repo_paths: RepoPaths, plan_paths: PlanPaths) -> None:
    """The table that the run itself shows, until the run is over."""
    from peal.views.screens.live import Area
    from peal.views.screens.table import Scene, render

    area, history, hide = Area(Output.standard()), History(), hidden(repo_paths.repo)
    for news in _news(repo_paths, plan_paths):
        for event in news:
            history.apply(event)
        if not area.out.is_heard:
            return
        if history.is_open:
            work = _work(history)
            scene = Scene(
                history,
                work.segments,
                decide(work, history, time.time()),
                lambda one: hide(transcripts.last_output(plan_paths, one)),
            )
            area.draw(render(scene, time.time(), *area.room))
    area.clear()


def _as_lines(repo_paths: RepoPaths, plan_paths: PlanPaths) -> None:
    """A plain line for each event from now on, until the run is over."""
    screen, history = Lines(Output.standard()), History()
    for number, news in enumerate(_news(repo_paths, plan_paths)):
        for event in news:
            history.apply(event)
            if number:
                screen.show((event,), history)
        if not screen.out.is_heard:
            return


def _news(repo_paths: RepoPaths, plan_paths: PlanPaths) -> Iterator[tuple[Event, ...]]:
    """What was recorded since the last look, twice a second, until the run is over; at first everything."""
    seen, size, run, is_over = 0, -1, "", False
    while not is_over:
        alive = _live_run(repo_paths)  # Asked first: what a run that is over by now recorded is read below.
        grown = _size(plan_paths.journal)
        events = journal.load(plan_paths.journal).events[seen:] if grown != size else ()
        seen, size = seen + len(events), grown
        run = next((event.run for event in reversed(events) if isinstance(event, RunOpened)), run)
        yield events
        is_over = run != alive
        if not is_over:
            time.sleep(_WATCH_EVERY)


def _status(repo_paths: RepoPaths, plan: Path) -> RunStatus:
    plan_paths = plan_paths_of(repo_paths, plan)
    live = _live_run(repo_paths)  # Asked first: what a run that is over by now recorded is read below.
    history = fold(journal.load(plan_paths.journal).events)
    if not history.lines:
        history = fold([store.reading_of(repo_paths, plan, read_plan(plan, repo_paths))])
    alive = bool(history.opened and history.opened.run == live)
    hide = hidden(repo_paths.repo)
    return overview(
        history,
        time.time(),
        alive,
        _reasons(history) if alive else {},
        lambda one: hide(transcripts.last_output(plan_paths, one)),
    )


def _is_alive(repo_paths: RepoPaths, history: History) -> bool:
    return bool(history.opened and history.opened.run == _live_run(repo_paths))


def _live_run(repo_paths: RepoPaths) -> str | None:
    """The run that goes on in this repository."""
    holder = lock.owner(repo_paths)
    return holder.run if holder and holder.is_alive else None


def _work(history: History) -> Work:
    """What the latest run was asked to do."""
    assert history.opened is not None
    selected = history.opened.selected
    segments = segments_of((index, line.task.parallel) for index, line in history.lines.items())
    return Work.of(segments, None if selected is None else frozenset(selected))


def _reasons(history: History) -> dict[int, str]:
    """What each task waits for, by the same decision the run takes."""
    work = _work(history)
    decision = decide(work, history, time.time())
    told = {task: reason.text.removeprefix("waits: ") for reason in decision.reasons for task in reason.tasks}
    later = [task for segment in work.segments[decision.segment + 1 :] for task in segment.tasks]
    return {**dict.fromkeys(later, "earlier tasks come first"), **told}


def _text(found: RunStatus) -> str:
    """The status as lines."""
    rows = [_row(task) for task in found.tasks]
    notes = noted_lines((task.index, task.notes) for task in found.tasks)
    steps = [f"next: {step}" for step in found.next]
    return "\n".join([_headline(found), *_used(found), *rows, *notes, *steps])


def _used(found: RunStatus) -> list[str]:
    """What was used, in all, by phase and by model."""
    if not found.used.tokens:
        return []
    phases = ", ".join(f"{phase} {amount(used)}" for phase, used in found.used_by_phase.items())
    models = ", ".join(f"{harmless(used.model)} {amount(used)}" for used in found.used_by_model)
    return [f"used: {amount(found.used)}", f"  {phases}", f"  {models}"]


def _headline(found: RunStatus) -> str:
    counts = ", ".join(f"{number} {name}" for name, number in found.counts.items() if number)
    took = f" for {duration(found.seconds)}" if found.seconds is not None else ""
    code = f", exit code {found.exit_code}: {found.why}" if found.exit_code is not None else ""
    return f"{harmless(found.plan) or 'plan'}: {found.state}{took}{code}\n{counts or 'no tasks'}"


def _row(task: Any) -> str:
    where = f" {task.phase}" if task.phase and task.state not in ("not begun", "done") else ""
    attempt = f" #{task.attempt}" if task.attempt > 1 else ""
    took = f" {duration(task.seconds)}" if task.seconds is not None else ""
    title = f"  {harmless(task.title)}" if task.title else ""
    why = "; ".join(
        filter(None, [harmless(task.reason), f"{task.findings} findings left" * bool(task.findings)])
    )
    said = f"  | {task.last_output}" if task.last_output else ""
    took += f" {amount(task.used)}" if task.used.tokens else ""
    return f"  {task.index:>4}  {task.state}{where}{attempt}{took}{title}{'  (' + why + ')' if why else ''}{said}"


@click.command()
@as_json
@repository
def runs(json_: bool, repo: Path) -> int:
    """The plans this repository knows, the latest first."""
    repo_paths = repo_paths_of(repo)
    found = store.known_runs(repo_paths)
    holder = lock.owner(repo_paths)
    if json_:
        click.echo(json.dumps({"runs": [asdict(known) for known in found]}, ensure_ascii=False))
        return 0
    if not found:
        click.echo(f"no plan has been run in `{repo_paths.repo}` yet; start with `peal run PLAN`")
    for known in found:
        alive = bool(holder and holder.is_alive and holder.run == known.run_id)
        how = "running" if alive else "cut off" if known.exit_code is None else f"exit code {known.exit_code}"
        done = f"{len(known.completed_task_indices)} of {known.total_tasks} complete"
        click.echo(f"{known.updated_at[:19].replace('T', ' ')}  {harmless(known.plan_path)}  {done}, {how}")
    return 0


@click.command()
@click.argument("task", type=int)
@click.argument("phase", type=click.Choice([str(phase) for phase in Phase]), required=False)
@click.option("--plan", type=click.Path(path_type=Path), help="The plan; default: the latest run's.")
@click.option("--attempt", type=int, metavar="N", help="Which attempt of the phase.")
@click.option("--follow", "-f", is_flag=True, help="Go on until the attempt ends.")
@click.option("--raw", is_flag=True, help="Print an agent's events as they are, not what they say.")
@as_json
@repository
def logs(
    *,
    task: int,
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
    one = _wanted(history, task, phase, attempt)
    folder = transcripts.folder_of(plan_paths, one)
    if json_:
        click.echo(json.dumps(_as_json(one, folder), ensure_ascii=False))
    elif follow and one.ended is None and _is_alive(repo_paths, history):
        _follow(repo_paths, plan_paths, one, folder, raw)
    else:
        _print_all(history.lines[task], one, folder, raw)
    return 0


def _wanted(history: History, task: int, phase: str | None, attempt: int | None) -> Try:
    line = history.lines.get(task)
    if line is None:
        raise PealError(f"task {task} is not in the plan; `peal status` lists its tasks")
    tries = [*line.tries, *([line.running] if line.running else [])]
    found = [one for one in tries if phase in (None, one.phase) and attempt in (None, one.number)]
    if not found:
        which = f" at `{phase}`" * bool(phase) + f" with number {attempt}" * (attempt is not None)
        raise PealError(f"task {task} has had no attempt{which}; `peal status` shows where it stands")
    return to_show(line, found)


def _heading(one: Try, folder: Path) -> str:
    outcome = f"{one.outcome.result}: {one.outcome.reason}" if one.outcome else "running or cut off"
    by = f" by {one.agent}" if one.agent else ""
    where = f" in {folder}" if folder.exists() else ""
    return f"== task {one.task} {one.phase}, attempt {one.number}{by} ({outcome.removesuffix(': ')}){where}"


def _nothing(line: Line, one: Try) -> str:
    """What to say of an attempt in which nothing was printed: the latest one of an agent before it may tell more."""
    before = [past for past in line.tries if past.agent and past.started < one.started]
    more = f"; `peal logs {line.task.index} {before[-1].phase}` shows what was done before" if before else ""
    return f"nothing was printed{more}"


def _conflicts(one: Try) -> Iterator[str]:
    """What could not be merged: no program printed that."""
    from peal.worktrees.conflicts import REVIEWER  # only here: the status is quick without it

    for finding in one.outcome.findings if one.outcome else ():
        if finding.reviewer == REVIEWER:
            yield f"-- {REVIEWER}"
            yield from finding.message.splitlines()


def _as_json(one: Try, folder: Path) -> dict[str, Any]:
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


def _print_all(line: Line, one: Try, folder: Path, raw: bool) -> None:
    """What is known of an attempt, each file under its name."""
    click.echo(_heading(one, folder))
    _print_lines(f"note: {note}" for note in (one.outcome.notes if one.outcome else ()))
    conflicts = list(_conflicts(one))
    _print_lines(conflicts)
    printed = [path for path in transcripts.outputs_of(folder) if path.stat().st_size]
    for path in printed:
        _print_file(path, raw)
    if not printed and not conflicts:
        click.echo(_nothing(line, one))


def _print_file(path: Path, raw: bool) -> None:
    click.echo(f"-- {path.name}")
    with path.open("rb") as file:
        _print_lines(_growing(path, file, raw).shown(is_over=True))


def _print_lines(lines: Iterable[str]) -> None:
    """A terminal gets them harmless, a file or pipe as they are."""
    is_terminal = sys.stdout.isatty()
    for line in lines:
        click.echo(harmless(line) if is_terminal else line)


def _follow(repo_paths: RepoPaths, plan_paths: PlanPaths, one: Try, folder: Path, raw: bool) -> None:
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
            is_alive, grown = _live_run(repo_paths) is not None, _size(plan_paths.journal)
            if grown != size or not is_alive:
                line = fold(journal.load(plan_paths.journal).events).lines.get(one.task)
                is_over, size = line is None or line.running != one or not is_alive, grown
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


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


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

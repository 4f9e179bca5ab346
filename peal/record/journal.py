"""A plan's memory on disk: one file, one writer, append-only, each line an event with a checksum."""

import fcntl
import filecmp
import json
import os
import re
import shutil
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from attrs import evolve, field

from peal.classes import define, frozen
from peal.errors import Damaged
from peal.model.pipeline import PIPELINE
from peal.model.plan import NO_WORD, TaskId, Word
from peal.record import state_file
from peal.record.events import (
    Event,
    PlanRead,
    RunOpened,
    TasksForgotten,
    TasksMarkedDone,
    as_json,
    read,
    written,
)
from peal.record.history import History
from peal.record.rereading import Reread, reread
from peal.record.task_state import TaskState
from peal.system.files import write_all
from peal.system.layout import PlanPaths, attempts_begin
from peal.text.names import ranges

VERSION = 1
_HEAD = b'{"crc":"'
_BODY_AT = len(_HEAD) + len('12345678",')
_WAY_OUT = "move the file away to go on from state.json, or start over with `peal run PLAN --fresh`"
_OPENED = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
_AT_ONCE = 500
"""Lines that are taken for events together: of a long journal only so much is in memory as plain values."""
STATE_EVERY = 0.25
"""Seconds between two writings of state.json at the least."""


def line_of(event: Event) -> bytes:
    """An event as one line; the checksum covers everything behind it."""
    body = as_json({"v": VERSION, **written(event)})[1:].encode()
    return b'%s%08x",%s\n' % (_HEAD, zlib.crc32(body), body)


def _is_whole(line: bytes) -> bool:
    return line.endswith(b"}") and line[:_BODY_AT] == b'%s%08x",' % (_HEAD, zlib.crc32(line[_BODY_AT:]))


class NewerFormat(Damaged):
    """Nothing is wrong with a journal but that it takes a newer peal to read it."""


@frozen
class Recording:
    """What a journal file holds, as far as it can be trusted."""

    events: tuple[Event, ...]
    ends: tuple[int, ...]
    """Where each event's line ends, in bytes from the start."""
    torn: int = 0
    """Bytes behind the last whole line: a record that was being written when everything stopped."""

    @property
    def length(self) -> int:
        """Bytes up to the end of the last whole line."""
        return self.ends[-1] if self.ends else 0


def load(path: Path, begin: int = 0) -> Recording:
    """
    Read a journal without changing it, from the line on that begins at this byte; a missing one is empty.

    `Damaged` if a line before the last is not what was written, or was written by a newer peal.
    """
    try:
        with path.open("rb") as file:
            file.seek(begin)
            raw = file.read()
    except FileNotFoundError:
        return Recording((), ())
    lines = raw.split(b"\n")
    rest = lines.pop()
    bodies: list[bytes] = []
    ends: list[int] = []
    at = begin
    for number, line in enumerate(lines, 1):
        if not _is_whole(line):
            if number == len(lines) and not rest:
                return Recording(_events(bodies, path), tuple(ends), begin + len(raw) - at)
            place = number + path.read_bytes()[:begin].count(b"\n")
            raise Damaged(f"journal `{path}` line {place} is damaged; {_WAY_OUT}")
        at += len(line) + 1
        bodies.append(line)
        ends.append(at)
    return Recording(_events(bodies, path), tuple(ends), len(rest))


def _events(lines: list[bytes], path: Path) -> tuple[Event, ...]:
    parts = (lines[first : first + _AT_ONCE] for first in range(0, len(lines), _AT_ONCE))
    return tuple(event for part in parts for event in _events_of(part, path))


def _events_of(lines: list[bytes], path: Path) -> tuple[Event, ...]:
    records = json.loads(b"[%s]" % b",".join(lines))
    newer = next((record["v"] for record in records if record["v"] > VERSION), None)
    if newer is not None:
        raise NewerFormat(
            f"journal `{path}` was written by a newer peal (format {newer}); use that one, or {_WAY_OUT}"
        )
    try:
        return tuple(map(read, records))
    except Exception as error:  # cattrs tells what it does not understand in many ways
        raise Damaged(
            f"journal `{path}` holds a record this peal does not understand ({type(error).__name__}: {error}); {_WAY_OUT}"
        ) from None


def latest_opening(path: Path) -> tuple[RunOpened | None, frozenset[TaskId]]:
    """The last run that a journal tells of and the tasks forgotten since, without reading what came before."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None, frozenset()
    # A quote inside a text is escaped, so this can be nothing but the kind of a record.
    latest = max(raw.rfind(b'"event":"RunOpened"'), 0)
    places = [found.start() for found in re.finditer(b'"event":"(RunOpened|TasksForgotten)"', raw[latest:])]
    lines = (_line_around(raw, latest + plan_paths) for plan_paths in places)
    wanted = [line for line in lines if _is_whole(line)]
    events = _events(wanted, path)
    opened = next((event for event in events if isinstance(event, RunOpened)), None)
    forgotten = (event.tasks for event in events if isinstance(event, TasksForgotten))
    return opened, frozenset(task for tasks in forgotten for task in tasks)


def _line_around(raw: bytes, plan_paths: int) -> bytes:
    end = raw.find(b"\n", plan_paths)
    return raw[raw.rfind(b"\n", 0, plan_paths) + 1 : end if end >= 0 else len(raw)]


@define
class Journal:
    """The open journal of a plan. Append from one thread only, with the repository's lock in hand."""

    plan_paths: PlanPaths
    history: History
    said: list[str] = field(factory=list)
    """What opening had to put right, for the person."""
    _file: int = -1
    _length: int = 0
    _state_at: float = 0.0
    _state_is_behind: bool = True
    """Until it is written once: a kill may have come between the journal's last record and the file."""
    _is_settled: bool = True
    renew: Callable[[], None] = lambda: None
    """Makes the folder around the plan's again, with all that belongs there, if it was deleted meanwhile."""

    @property
    def length(self) -> int:
        """Bytes written so far."""
        return self._length

    def append(self, *events: Event) -> None:
        """
        Record facts; when this returns they survive a power cut, and the history knows them.

        OSError if they cannot be written: then none of them is recorded.
        """
        self._record(events, lasting=True)

    def note(self, *events: Event) -> None:
        """As `append`, but they survive a kill only, until `settle` or the next `append`."""
        self._record(events, lasting=False)

    def settle(self) -> None:
        """What was noted survives a power cut too, and state.json is not far behind; OSError if that fails."""
        if not self._is_settled:
            _sync(self._file)
            self._is_settled = True
        if not os.fstat(self._file).st_nlink:
            self._put_back()
        self.update_state()

    def _put_back(self) -> None:
        """The file is open, so what an agent's `git clean -fdx` took away is not lost yet."""
        self.renew()
        self.plan_paths.folder.mkdir(parents=True, exist_ok=True)
        file = os.open(self.plan_paths.journal, _OPENED, 0o644)
        write_all(file, os.pread(self._file, self._length, 0))
        _sync(file)
        os.close(self._file)
        self._file, self._state_is_behind = file, True

    def _record(self, events: tuple[Event, ...], lasting: bool) -> None:
        if not events:
            return
        data = b"".join(map(line_of, events))
        try:
            write_all(self._file, data)
            if lasting:
                _sync(self._file)
        except OSError:
            os.ftruncate(self._file, self._length)
            raise
        self._length += len(data)
        self._is_settled = lasting
        for event in events:
            self.history.apply(event)
        self._state_is_behind = True

    def update_state(self, force: bool = False) -> None:
        """Bring state.json up to date, unless that was done a moment ago."""
        now = time.monotonic()
        if self._state_is_behind and (force or now - self._state_at >= STATE_EVERY):
            state_file.write(self.plan_paths.state, state_file.state_of(self.history, self._length))
            self._state_at, self._state_is_behind = now, False

    def close(self) -> None:
        """Leave both files complete; a state.json that cannot be written is rebuilt at the next start."""
        try:
            self.settle()
            self.update_state(force=True)
        except OSError:
            pass
        finally:
            os.close(self._file)


def _sync(file: int) -> None:
    """To the disk itself; where there is F_FULLFSYNC (macOS), fsync alone stops at the disk's own memory."""
    if hasattr(fcntl, "F_FULLFSYNC"):
        fcntl.fcntl(file, fcntl.F_FULLFSYNC)
    else:
        os.fdatasync(file)


def open_journal(
    plan_paths: PlanPaths, reading: PlanRead, rust_state: state_file.State | None = None, word: Word = NO_WORD
) -> Journal:
    """
    Open a plan's memory for writing and bring it together with state.json and the plan as it reads now.

    A torn last line is cut off; what a person deleted from state.json is forgotten; of two files of which one is
    lost the other is believed. `Damaged` if neither may be touched: a copy is kept and the way out named. PealError, and
    nothing recorded, if it cannot be told which of its tasks are done; a person's `word` decides that.
    """
    plan_paths.folder.mkdir(parents=True, exist_ok=True)
    said: list[str] = []
    recording = trusted(plan_paths)
    known = _known_state(plan_paths, said)
    if known is None and recording.events and not said:
        said.append("state.json was missing: made again from the journal")
    history, forgotten = _replayed(recording, known)
    _leave_old_folders(plan_paths, history, reading)
    again = reread(history, reading, forgotten, word)
    adopted = _adopted(recording, known, rust_state)
    if known and known.journal_offset > recording.length and recording.events and not adopted:
        # Before the cut: records to come must not look older than a state.json that does not know them.
        _write_state(plan_paths, recording, history, forgotten)
    said += _without_torn_end(plan_paths, recording)
    journal = _opened(plan_paths, history, said, recording)
    try:
        journal.append(*_reconciled(again, history, forgotten, adopted, said))
    except OSError:
        os.close(journal._file)
        raise
    return journal


def _opened(plan_paths: PlanPaths, history: History, said: list[str], recording: Recording) -> Journal:
    """The journal that was read, for writing."""
    file = os.open(plan_paths.journal, _OPENED, 0o644)
    _sync_folder(plan_paths.folder)
    return Journal(plan_paths, history, said, file, recording.length)


def _write_state(
    plan_paths: PlanPaths, recording: Recording, history: History, forgotten: Container[TaskId]
) -> None:
    """Make state.json anew from the journal, without the completions that a person has deleted from it."""
    state = state_file.state_of(history, recording.length)
    kept = tuple(task for task in state.completed_task_indices if task not in forgotten)
    state_file.write(plan_paths.state, evolve(state, completed_task_indices=kept))


def _without_torn_end(plan_paths: PlanPaths, recording: Recording) -> Iterator[str]:
    """Cut off a record that was being written when everything stopped; a line on it."""
    if recording.torn:
        os.truncate(plan_paths.journal, recording.length)
        yield f"cut off {recording.torn} bytes of an unfinished record at the end of the journal"


def mend(plan_paths: PlanPaths, *events: Event) -> list[str]:
    """
    Do for a plan's files what opening its memory does, without the plan: cut off a torn end, make state.json fit the journal.

    Then record `events`. Tells what was done. What is lost of the journal is left to whoever opens the plan; `Damaged` if it
    cannot be trusted. The repository's lock has to be held.
    """
    said: list[str] = []
    recording = trusted(plan_paths)
    known = _known_state(plan_paths, said)
    if not recording.events or _adopted(recording, known, None):
        return [*said, *_without_torn_end(plan_paths, recording)]
    history, forgotten = _replayed(recording, known)
    _write_state(plan_paths, recording, history, forgotten)
    said += _without_torn_end(plan_paths, recording)
    journal = _opened(plan_paths, history, said, recording)
    try:
        journal.append(*_forgetting(history, forgotten, said), *events)
    finally:
        journal.close()
    return said


def catch_up(plan_paths: PlanPaths) -> None:
    """
    Bring the state.json of a plan whose run is dead up to its journal; OSError if it cannot be written.

    What is damaged, missing or changed by a person is left to whoever opens the plan, and tells of it.
    """
    with suppress(Damaged):
        recording, known = load(plan_paths.journal), state_file.read(plan_paths.state)
        if known is None or known.journal_offset >= recording.length:
            return
        history, forgotten = _replayed(recording, known)
        if not forgotten:
            state_file.write(plan_paths.state, state_file.state_of(history, recording.length))


def trusted(plan_paths: PlanPaths) -> Recording:
    """What the plan's journal holds; `Damaged` if it cannot be trusted, and then a copy of it is kept."""
    try:
        return load(plan_paths.journal)
    except Damaged as error:
        raise Damaged(f"{error}; a copy is kept in `{_copied(plan_paths.journal)}`") from None


def _copied(path: Path) -> Path:
    """A copy beside the file; the one that is there already, if it is the same."""
    for copy in path.parent.glob(f"{path.name}.damaged-*"):
        if filecmp.cmp(path, copy, shallow=False):
            return copy
    copy = _aside(path)
    shutil.copy2(path, copy)
    return copy


def _aside(path: Path) -> Path:
    """A free name beside `path` for what must not be overwritten."""
    number = 1
    while (copy := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    return copy


def _known_state(plan_paths: PlanPaths, said: list[str]) -> state_file.State | None:
    try:
        return state_file.read(plan_paths.state)
    except Damaged:
        copy = _aside(plan_paths.state)
        plan_paths.state.rename(copy)
        said.append(f"state.json could not be understood: kept as `{copy.name}`, made again from the journal")
        return None


def _replayed(recording: Recording, known: state_file.State | None) -> tuple[History, set[TaskId]]:
    """The history, and the completions that a person has deleted from state.json since it was written."""
    history = History()
    offset = known.journal_offset if known else 0
    told = sum(end <= offset for end in recording.ends)
    for event in recording.events[:told]:
        history.apply(event)
    missing: list[TaskState] = []
    if known and offset <= recording.length + recording.torn:
        deleted = history.completed - set(known.completed_task_indices)
        missing = [history.states[task] for task in deleted]
    for event in recording.events[told:]:
        history.apply(event)
    return history, set(_still_complete(missing, history))


def _still_complete(before: Iterable[TaskState], history: History) -> Iterator[TaskId]:
    """The tasks, wherever they have moved, whose completion is the same as it was, and that no tick makes complete."""
    known = {(state.task.digest, state.completed_at) for state in before}
    for task, state in history.states.items() if known else ():
        is_known = (state.task.digest, state.completed_at) in known
        if is_known and state.next is None and not state.task.done:
            yield task


def _leave_old_folders(plan_paths: PlanPaths, history: History, reading: PlanRead) -> None:
    """Attempts that a lost or cut journal no longer knows keep their folders: the next get higher numbers."""
    tasks: dict[str, set[TaskId]] = defaultdict(set)
    for task in (*history.states, *(task.id for task in reading.tasks)):
        tasks[attempts_begin(task)].add(task)
    for folder in plan_paths.attempts.iterdir() if plan_paths.attempts.is_dir() else ():
        step, _, number = folder.name.rpartition("-")
        for dash in (found.start() for found in re.finditer("-", step) if number.isdecimal()):
            for task in tasks.get(step[:dash], ()):
                known = task, step[dash + 1 :]
                history.counts[known] = max(history.counts[known], int(number))


def _adopted(
    recording: Recording, known: state_file.State | None, rust_state: state_file.State | None
) -> state_file.State | None:
    """Whose completions to take over where the journal is lost or new: it holds at most a reading of the plan."""
    if not all(isinstance(event, PlanRead) for event in recording.events):
        return None
    if known is None:
        return rust_state
    return known if known.journal_offset > recording.length or not recording.events else None


def _reconciled(
    again: Reread,
    history: History,
    forgotten: set[TaskId],
    adopted: state_file.State | None,
    said: list[str],
) -> Iterable[Event]:
    """The events that make the memory agree with what a person did to its files and to the plan."""
    now, reading = time.time(), again.reading
    said += again.said
    yield from _forgetting(history, forgotten, said)
    known = tuple(state.task for state in history.states.values())
    if (known, history.plan, history.repo) != (reading.tasks, reading.plan, reading.repo):
        yield reading
    if adopted and adopted.completed_task_indices:
        open_tasks = {task.id for task in reading.tasks if not task.done}
        done = tuple(task for task in adopted.completed_task_indices if task in open_tasks)
        said.append("the journal was missing: went on from state.json")
        yield TasksMarkedDone(now, done, "from state.json")


def _forgetting(history: History, forgotten: set[TaskId], said: list[str]) -> Iterator[Event]:
    """What a person has deleted from state.json is to be done again."""
    if forgotten:
        tasks = tuple(history.in_order(forgotten))
        said.append(f"task {ranges(tasks)} deleted from state.json: to be done again")
        first = history.pipeline(PIPELINE).phases[0].name
        yield TasksForgotten(time.time(), tasks, first, "deleted from state.json")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def set_aside(plan_paths: PlanPaths) -> Path | None:
    """Move a plan's memory out of the way, to start over; where it went, None if there was none."""
    if not plan_paths.folder.exists():
        return None
    stamp = time.strftime("%Y%m%d-%H%M%S")
    number = 0
    while (
        target := plan_paths.folder.with_name(
            f"{plan_paths.folder.name}.before-{stamp}{f'-{number}' * bool(number)}"
        )
    ).exists():
        number += 1
    plan_paths.folder.rename(target)
    return target

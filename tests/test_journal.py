"""A plan's memory on disk: nothing recorded is lost, nothing damaged is believed, nothing unreadable is overwritten."""

import json
import os
import time
import zlib
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from conftest import examples, is_thorough
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stories import FINDING, PHASES, Limits, Remembered, opened, play, tasks_of

from peal.errors import Damaged
from peal.model.agent import Usage
from peal.model.decision import Budget, Rules
from peal.model.pipeline import PIPELINE
from peal.model.plan import Task
from peal.model.review import Finding
from peal.model.work import Outcome, Result
from peal.record import events as facts
from peal.record import journal, state_file
from peal.record.events import (
    KINDS,
    Event,
    PlanRead,
    PlanRewritten,
    ProcessStarted,
    RunClosed,
    RunOpened,
    StepEnded,
    StepStarted,
    StopAsked,
    TaskRead,
    TasksAdded,
    TasksForgotten,
    TasksMarkedDone,
    WorkspaceReady,
)
from peal.record.history import History, fold
from peal.record.journal import Journal, line_of, load, open_journal, set_aside
from peal.system.layout import PlanPaths

PAIR = tasks_of("1p 2p")
FROZEN = Path(__file__).parent / "data" / "journal-v1.jsonl"
LATER_KINDS = {"WorkspaceReady", "PlanRewritten", "TasksAdded"}
"""Kinds of events that the first peal did not have."""

one_file = settings(
    max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def plan_paths(tmp_path: Path) -> PlanPaths:
    return PlanPaths(tmp_path / "a-12345678")


@pytest.fixture
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the disk has really taken it is not asked, thousands of times."""
    for name in ("fsync", "fdatasync"):
        if hasattr(os, name):
            monkeypatch.setattr(os, name, lambda _: None)


def _put(plan_paths: PlanPaths, raw: bytes, known: bytes | None = None) -> None:
    """The plan's folder holds this journal and this state.json."""
    plan_paths.folder.mkdir(parents=True, exist_ok=True)
    plan_paths.journal.write_bytes(raw)
    if known is None:
        plan_paths.state.unlink(missing_ok=True)
    else:
        plan_paths.state.write_bytes(known)


def _reading(tasks: tuple[TaskRead, ...]) -> PlanRead:
    return PlanRead(0.0, tasks, "plans/a.md", "/repo")


def _raw(*events: Event) -> bytes:
    return b"".join(map(line_of, events))


def _record(plan_paths: PlanPaths, tasks: tuple[TaskRead, ...], *events: Event) -> None:
    """What was recorded in one sitting."""
    memory = open_journal(plan_paths, _reading(tasks))
    memory.append(*events)
    memory.close()


def _opened_again(plan_paths: PlanPaths, tasks: tuple[TaskRead, ...] = PAIR, **how: Any) -> Journal:
    memory = open_journal(plan_paths, _reading(tasks), **how)
    memory.close()
    return memory


def _events(plan_paths: PlanPaths) -> tuple[Event, ...]:
    return load(plan_paths.journal).events


def _edit_state(plan_paths: PlanPaths, **changes: Any) -> None:
    """A person edits state.json."""
    plan_paths.state.write_text(json.dumps({**json.loads(plan_paths.state.read_bytes()), **changes}))


def _done(at: float, *tasks: str) -> TasksMarkedDone:
    return TasksMarkedDone(at, tasks, "peal done")


# Written and read


words = st.text(max_size=8)
numbers = st.integers(0, 2**40)
ids = numbers.map(str) | words
times = st.floats(0, 1e11)
tuples: Callable[[Any], Any] = lambda each: st.lists(each, max_size=3).map(tuple)  # noqa: E731
jsons = st.recursive(st.none() | st.booleans() | numbers | times | words, st.lists, max_leaves=4)
outcomes = st.builds(
    Outcome, st.sampled_from(Result), words, tuples(st.builds(Finding, reviewer=words, message=words)), words
)
budgets = st.builds(Budget, st.none() | times, st.none() | numbers)
rules_of = st.builds(
    Rules, numbers, st.booleans(), st.none() | st.integers(1, 9), st.booleans(), numbers, numbers, st.booleans(),
    st.booleans(), budgets,
)  # fmt: skip
pipelines_of = st.dictionaries(
    words, st.sampled_from([Limits(lands=lands).pipelines[PIPELINE] for lands in (True, False)])
)
task_reads = st.builds(TaskRead, ids, words, words, st.booleans(), st.booleans())
step = (times, ids, st.sampled_from(PHASES), numbers)
KINDS_OF_EVENTS: dict[str, st.SearchStrategy[Event]] = {
    "RunOpened": st.builds(
        RunOpened, times, words, words, words, numbers, words, tuples(words),
        st.dictionaries(words, jsons, max_size=3), rules_of, pipelines_of, st.none() | tuples(ids), words,
    ),
    "PlanRead": st.builds(PlanRead, times, tuples(task_reads), words, words),
    "TasksAdded": st.builds(TasksAdded, times, tuples(task_reads)),
    "PlanRewritten": st.builds(PlanRewritten, times, words, tuples(st.builds(Usage, words, numbers, numbers))),
    "StepStarted": st.builds(StepStarted, *step, words),
    "WorkspaceReady": st.builds(WorkspaceReady, *step, words, words),
    "ProcessStarted": st.builds(ProcessStarted, *step, numbers, words),
    "StepEnded": st.builds(StepEnded, *step, outcomes),
    "TasksForgotten": st.builds(TasksForgotten, times, tuples(ids), st.sampled_from(PHASES), words),
    "TasksMarkedDone": st.builds(TasksMarkedDone, times, tuples(ids), words),
    "StopAsked": st.builds(StopAsked, times, numbers, words),
    "RunClosed": st.builds(RunClosed, times, numbers, words),
}  # fmt: skip
any_event = st.one_of(list(KINDS_OF_EVENTS.values()))


def test_no_kind_of_event_is_left_out_here() -> None:
    assert set(KINDS_OF_EVENTS) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS_OF_EVENTS)
def test_what_is_written_is_read_back(kind: str, tmp_path: Path) -> None:
    """Each event is one line of ASCII, whatever its texts hold, and comes back equal."""

    @one_file
    @given(event=KINDS_OF_EVENTS[kind])
    def holds(event: Event) -> None:
        line = line_of(event)
        (tmp_path / "journal").write_bytes(line)

        recording = load(tmp_path / "journal")

        assert (line.count(b"\n"), line[-1:], line.isascii()) == (1, b"\n", True)
        assert (recording.events, recording.length, recording.torn) == ((event,), len(line), 0)

    holds()


@one_file
@given(events=st.lists(any_event, max_size=6))
def test_events_are_read_in_the_order_they_were_written(events: list[Event], tmp_path: Path) -> None:
    raw = _raw(*events)
    (tmp_path / "journal").write_bytes(raw)

    recording = load(tmp_path / "journal")

    assert recording.events == tuple(events)
    assert recording.ends == tuple(len(_raw(*events[:at])) for at in range(1, len(events) + 1))


def test_a_journal_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert load(tmp_path / "journal") == journal.Recording((), ())


def test_a_path_that_is_no_utf_8_survives_in_both_files(plan_paths: PlanPaths) -> None:
    repo = os.fsdecode(b"/home/ann/caf\xe9")

    _record(plan_paths, PAIR, evolve(opened(1.0), repo=repo))

    assert fold(_events(plan_paths)).opened.repo == repo
    assert state_file.read(plan_paths.state).repo_path == repo
    assert plan_paths.state.read_bytes().decode("utf-8")


# The checksum


def test_the_checksum_covers_all_that_is_said(tmp_path: Path) -> None:
    """A changed record is refused though it is good JSON."""
    raw = _raw(_done(1.0, "1"), _done(2.0, "2")).replace(b'"tasks":[1]', b'"tasks":[2]')
    (tmp_path / "journal").write_bytes(raw)

    with pytest.raises(Damaged, match="line 1 is damaged"):
        load(tmp_path / "journal")


def test_no_flipped_bit_is_taken_for_a_different_record(tmp_path: Path) -> None:
    """Each bit of a small journal: the journal is refused, or read up to the damage and no further."""
    events = (
        StopAsked(1.0, 130, "interrupted"),
        StepEnded(2.0, "1", "plan", 1, Outcome(Result.PASSED)),
        _done(3.0, "1"),
    )
    raw = _raw(*events)
    path = tmp_path / "journal"
    for bit in range(len(raw) * 8):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)

        try:
            found = load(path).events
        except Damaged:
            continue

        assert found == events[: len(found)]
        assert len(found) < len(events)


@one_file
@given(data=st.data())
def test_no_damage_anywhere_is_taken_for_a_different_record(data: st.DataObject, tmp_path: Path) -> None:
    """A stretch of the frozen journal is overwritten with anything at all."""
    raw = FROZEN.read_bytes()
    at = data.draw(st.integers(0, len(raw) - 1))
    noise = data.draw(st.binary(min_size=1, max_size=20))
    (tmp_path / "journal").write_bytes(raw[:at] + noise + raw[at + len(noise) :])
    whole = load(FROZEN).events

    try:
        found = load(tmp_path / "journal").events
    except Damaged:
        return

    assert found == whole[: len(found)]


# A torn end


def _pair_story(plan_paths: PlanPaths) -> tuple[bytes, bytes]:
    """A run of two tasks with a failure and a mending on the way; the bytes of both files."""
    memory = open_journal(plan_paths, _reading(PAIR))
    play(memory, PAIR, {"1 plan": "fails", "2 address": "is mended"}, Limits(2, 1))
    memory.close()
    return plan_paths.journal.read_bytes(), plan_paths.state.read_bytes()


@pytest.mark.usefixtures("unsynced")
@pytest.mark.parametrize("keep_state", [True, False], ids=["state.json ahead", "state.json lost"])
def test_a_journal_cut_at_any_byte_goes_on_to_the_same_end(
    plan_paths: PlanPaths, keep_state: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    All whole records count, and a run from there completes the same tasks as if nothing had happened. Of bytes that are in the
    middle of a record, every fifth is enough for a test that has to be quick.

    It is played once for each number of whole records: what is remembered the same goes on the same.
    """
    raw, known = _pair_story(plan_paths)
    whole = load(plan_paths.journal)
    told = [fold(whole.events[:kept]) for kept in range(len(whole.events) + 1)]
    assert told[-1].completed == {"1", "2"}
    monkeypatch.setattr(time, "time", lambda: 99.0)  # what state.json adds is as old as the look at it
    remembered: dict[int, History] = {}
    edges = {end + near for end in (0, *whole.ends) for near in (-2, -1, 0, 1, 2)}
    step = 1 if is_thorough() else 5
    for cut in sorted({*range(0, len(raw) + 1, step), *(edges & set(range(len(raw) + 1)))}):
        _put(plan_paths, raw[:cut], known if keep_state else None)
        kept = sum(end <= cut for end in whole.ends)

        memory = open_journal(plan_paths, _reading(PAIR))

        assert plan_paths.journal.read_bytes().startswith(raw[: [0, *whole.ends][kept]])
        if kept > 1:
            assert memory.history == told[kept]
        if kept in remembered:
            assert memory.history == remembered[kept]
        else:
            remembered[kept] = deepcopy(memory.history)
            play(memory, PAIR, limits=Limits(2))
            assert _events(plan_paths)[:kept] == whole.events[:kept]
            assert fold(_events(plan_paths)).completed == {"1", "2"}
        memory.close()
    assert len(remembered) == len(told)


def test_what_is_recorded_after_a_torn_end_is_not_lost(plan_paths: PlanPaths) -> None:
    """The torn bytes are gone before the next record is written, or it would stand in their line."""
    _record(plan_paths, PAIR, opened(1.0), _done(2.0, "1"))
    raw = plan_paths.journal.read_bytes()
    _put(plan_paths, raw[:-20])

    memory = open_journal(plan_paths, _reading(PAIR))
    memory.append(_done(3.0, "2"))
    memory.close()

    assert _events(plan_paths)[-2:] == (opened(1.0), _done(3.0, "2"))
    assert any(said.startswith("cut off ") and "unfinished record" in said for said in memory.said)


@pytest.mark.parametrize("tail", [b"\0" * 100, b'{"crc":"', b"\xff\xfe", b'{"crc":"00000000","v":1}\n'])
def test_whatever_a_crash_leaves_behind_the_last_record_is_cut_off(
    plan_paths: PlanPaths, tail: bytes
) -> None:
    _record(plan_paths, PAIR, opened(1.0))
    raw = plan_paths.journal.read_bytes()
    plan_paths.journal.write_bytes(raw + tail)

    memory = _opened_again(plan_paths)

    assert plan_paths.journal.read_bytes() == raw
    assert memory.said == [f"cut off {len(tail)} bytes of an unfinished record at the end of the journal"]


def test_looking_at_a_torn_journal_changes_nothing(plan_paths: PlanPaths) -> None:
    """`peal status` may look while a record is being written."""
    raw = _raw(opened(1.0), _done(2.0, "1"))[:-5]
    _put(plan_paths, raw)

    recording = load(plan_paths.journal)

    assert recording.events == (opened(1.0),)
    assert recording.torn == len(raw) - recording.length
    assert plan_paths.journal.read_bytes() == raw


def test_who_follows_a_journal_reads_each_event_once(plan_paths: PlanPaths) -> None:
    """Also one that was torn when it was looked at first; and nothing of what came before."""
    recorded = opened(1.0), _done(2.0, "1"), _done(3.0, "2")
    raw = _raw(*recorded)
    _put(plan_paths, raw[:-5])

    first = load(plan_paths.journal)
    nothing = load(plan_paths.journal, first.length)
    plan_paths.journal.write_bytes(b"?" * first.length + raw[first.length :])
    rest = load(plan_paths.journal, first.length)

    assert (first.events, nothing.events, rest.events) == (recorded[:2], (), recorded[2:])
    assert (nothing.torn, rest.torn, rest.length) == (first.torn, 0, len(raw))


# Damage


def _damaged(plan_paths: PlanPaths) -> bytes:
    _record(plan_paths, PAIR, opened(1.0), _done(2.0, "1"), _done(3.0, "2"))
    lines = plan_paths.journal.read_bytes().splitlines(keepends=True)
    raw = b"".join([*lines[:2], b"what is this\n", *lines[3:]])
    plan_paths.journal.write_bytes(raw)
    return raw


def test_a_damaged_line_in_the_middle_is_refused_with_a_copy_and_a_way_out(plan_paths: PlanPaths) -> None:
    raw = _damaged(plan_paths)

    with pytest.raises(Damaged) as caught:
        open_journal(plan_paths, _reading(PAIR))

    copy = plan_paths.folder / "journal.jsonl.damaged-1"
    message = str(caught.value)
    assert message.startswith(f"journal `{plan_paths.journal}` line 3 is damaged; ")
    assert f"a copy is kept in `{copy}`" in message
    assert "to go on from state.json, or start over with `peal run PLAN --fresh`" in message
    assert plan_paths.journal.read_bytes() == copy.read_bytes() == raw


def test_a_damaged_line_before_a_torn_one_is_refused(plan_paths: PlanPaths) -> None:
    """Only one record can be torn: what comes before it was written and synced."""
    raw = _raw(PlanRead(0.0, PAIR), opened(1.0)) + b"what is this\n" + _raw(_done(2.0, "1"))[:-5]
    _put(plan_paths, raw)

    with pytest.raises(Damaged, match="line 3 is damaged"):
        open_journal(plan_paths, _reading(PAIR))
    with pytest.raises(Damaged, match="line 3 is damaged"):
        load(plan_paths.journal, len(_raw(PlanRead(0.0, PAIR), opened(1.0))))

    assert plan_paths.journal.read_bytes() == raw


def test_a_damaged_journal_is_copied_once_however_often_it_is_refused(plan_paths: PlanPaths) -> None:
    _damaged(plan_paths)

    for _ in range(3):
        with pytest.raises(Damaged):
            open_journal(plan_paths, _reading(PAIR))

    assert len(list(plan_paths.folder.glob("*.damaged-*"))) == 1


def test_the_way_out_of_a_damaged_journal_leads_out(plan_paths: PlanPaths) -> None:
    """Once it is moved away peal goes on from state.json."""
    _damaged(plan_paths)
    plan_paths.journal.rename(plan_paths.folder / "moved-away")

    memory = _opened_again(plan_paths)

    assert memory.history.completed == {"1", "2"}
    assert memory.said == ["the journal was missing: went on from state.json"]


def test_a_journal_of_a_newer_peal_is_refused(plan_paths: PlanPaths) -> None:
    """Also when only its last line is newer: that is not a torn line."""
    body = b'"v":2,"event":"SomethingNew","at":1.0}'
    raw = _raw(PlanRead(0.0, PAIR)) + b'{"crc":"%08x",%s\n' % (zlib.crc32(body), body)
    _put(plan_paths, raw)

    with pytest.raises(Damaged, match=r"was written by a newer peal \(format 2\)"):
        open_journal(plan_paths, _reading(PAIR))

    assert plan_paths.journal.read_bytes() == raw


def test_the_frozen_journal_of_version_1_loads_for_ever() -> None:
    """Every event kind as the first peal wrote it; what was left out because it was a default is as it was then."""
    limits = Limits(
        max_parallel=2,
        plan_retry_count=1,
        execute_retry_count=0,
        address_retry_count=2,
        continue_with_remaining_tasks=True,
        max_consecutive_task_failures=3,
    )
    plain = Limits(
        max_parallel=1,
        plan_retry_count=0,
        execute_retry_count=0,
        address_retry_count=0,
        continue_with_remaining_tasks=False,
        max_consecutive_task_failures=None,
    )
    at = 1764000000.0
    remaining = (Finding("tests", "test_cart fails"),)
    tasks = (
        TaskRead("1", "Write the parser", "b37775d9fd9413d8", True, False),
        TaskRead("2", "Räume auf 🧹", "a6ffe8571464c3f8", True, False),
        TaskRead("3", "Old news", "5dd91053f0aa424c", False, True),
        TaskRead("4", "Release", "daa2ac123c801b73", False, False),
    )

    recording = load(FROZEN)

    assert recording.torn == 0
    assert {type(event).__name__ for event in recording.events} == set(KINDS) - LATER_KINDS
    assert recording.events == (
        PlanRead(at, tasks, "", ""),
        RunOpened(
            at + 0.25,
            "a1b2c3d4e5f6",
            "plans/release.md",
            "/home/ann/shop",
            4711,
            "1764000000.11",
            ("peal", "run", "plans/release.md", "--parallel"),
            {"parallel": True, "max_parallel": 2, "task": ["1-4"]},
            limits.rules,
            limits.pipelines,
            ("1", "2", "3", "4"),
        ),
        StepStarted(at + 0.5, "1", "plan", 1, "claude"),
        StepStarted(at + 0.5, "2", "plan", 1, "claude"),
        ProcessStarted(at + 0.75, "1", "plan", 1, 4720, "1764000000.62"),
        StepEnded(at + 9.5, "1", "plan", 1, Outcome(Result.PASSED, "", ())),
        StepStarted(at + 9.5, "1", "execute", 1, "claude"),
        StepEnded(at + 12, "2", "plan", 1, Outcome(Result.FAILED, "exit status 1: `quota`\nsecond line", ())),
        StepEnded(at + 30, "1", "execute", 1, Outcome(Result.PASSED, "3 files changed", ())),
        StepStarted(at + 30, "1", "address", 1, "claude"),
        StepEnded(at + 40, "1", "address", 1, Outcome(Result.MENDED, "", ())),
        StepStarted(at + 40, "1", "address", 2, "claude"),
        StepEnded(at + 50, "1", "address", 2, Outcome(Result.PASSED, "findings remain", remaining)),
        StopAsked(at + 51, 130, "interrupted"),
        RunClosed(at + 51.5, 130, "interrupted"),
        PlanRead(at + 100, tasks, "plans/release.md", "/home/ann/shop"),
        TasksMarkedDone(at + 100, ("2", "4"), "peal done"),
        TasksForgotten(at + 110, ("4",), "execute", "peal redo"),
        RunOpened(
            at + 120,
            "b1b2c3d4e5f6",
            "plans/release.md",
            "/home/ann/shop",
            4800,
            "1764000119.5",
            ("peal", "resume"),
            {},
            plain.rules,
            plain.pipelines,
            None,
        ),
        StepStarted(at + 121, "4", "execute", 1, ""),
        StepEnded(at + 122, "4", "execute", 1, Outcome(Result.REJECTED, "nothing to run", ())),
    )


def test_the_frozen_journal_means_what_it_meant() -> None:
    history = fold(load(FROZEN).events)

    assert (history.completed, history.with_findings, history.failed) == ({"1", "2", "3"}, {"1"}, {"4"})
    assert (history.is_open, history.stop) == (True, None)
    assert history.states["1"].findings == (Finding("tests", "test_cart fails"),)
    assert (history.states["4"].next, history.states["4"].failed) == ("execute", "nothing to run")


def test_a_tasks_digest_stays_the_same_for_ever() -> None:
    """Or every task of every plan would run again after an upgrade."""
    assert Task("1", "Write the parser", "").digest == "b37775d9fd9413d8"
    assert (
        Task("7", "Räume auf 🧹", "Alles.\n", parallel=True, done=True, line=3).digest == "ce9338ccc4cb8962"
    )


# Opening


def test_a_plan_seen_for_the_first_time_is_read_into_an_empty_journal(plan_paths: PlanPaths) -> None:
    memory = _opened_again(plan_paths)

    (event,) = _events(plan_paths)
    assert isinstance(event, PlanRead)
    assert event.tasks == PAIR
    assert memory.said == []


def test_a_plan_that_reads_the_same_is_not_recorded_again(plan_paths: PlanPaths) -> None:
    _opened_again(plan_paths)

    _opened_again(plan_paths)

    assert len(_events(plan_paths)) == 1


def test_a_plan_that_changed_is_recorded(plan_paths: PlanPaths) -> None:
    _record(plan_paths, PAIR, _done(1.0, "1"))

    memory = _opened_again(plan_paths, tasks_of("1p=new 2p=task 3=task"))

    assert isinstance(_events(plan_paths)[-1], PlanRead)
    assert memory.history.completed == set()


def test_a_moved_task_stays_complete_from_one_opening_to_the_next(plan_paths: PlanPaths) -> None:
    """state.json still has the old ids then; that is not a deletion."""
    _record(plan_paths, tasks_of("1=a 2=b"), _done(1.0, "1"))

    first = _opened_again(plan_paths, tasks_of("1=b 2=a"))
    second = _opened_again(plan_paths, tasks_of("1=b 2=a"))

    assert first.history.completed == second.history.completed == {"2"}
    assert state_file.read(plan_paths.state).completed_task_indices == ("2",)


# state.json


def test_state_json_tells_how_far_the_plan_is(plan_paths: PlanPaths) -> None:
    tasks = tasks_of("1p 2p 3p 4x 5")
    memory = open_journal(plan_paths, _reading(tasks))
    world = {"1 address": "passes with findings", "2 plan": "fails"}
    play(memory, tasks, world, Limits(3, 0, 0, 0, True), selected=["1", "2"])
    memory.append(opened(0.0), StepStarted(1.5, "3", "plan", 1, "shell"))

    memory.update_state(force=True)

    assert json.loads(plan_paths.state.read_bytes()) == {
        "plan_path": "plans/a.md",
        "repo_path": "/repo",
        "completed_task_indices": [1, 4],
        "schema_version": 1,
        "run_id": "run-0",
        "owner": 4711,
        "started_at": "1970-01-01T00:00:00.000+00:00",
        "updated_at": "1970-01-01T00:00:01.500+00:00",
        "total_tasks": 5,
        "failed": {},
        "remaining_findings": {"1": 1},
        "running": {"3": "plan"},
        "exit_code": None,
        "is_open_ended": False,
        "journal_offset": plan_paths.journal.stat().st_size,
    }
    memory.close()


def test_state_json_of_a_finished_run_has_its_exit_code_and_no_owner(plan_paths: PlanPaths) -> None:
    memory = open_journal(plan_paths, _reading(PAIR))
    play(memory, PAIR, {"2 plan": "fails"})
    memory.close()

    known = state_file.read(plan_paths.state)

    assert (known.owner, known.exit_code, known.failed) == (None, 1, {"2": "it went wrong"})
    assert not known.is_finished


def test_an_id_deleted_from_state_json_is_forgotten_with_all_its_phases(plan_paths: PlanPaths) -> None:
    _record(plan_paths, PAIR, opened(1.0), _done(2.0, "1", "2"))
    _edit_state(plan_paths, completed_task_indices=[2])

    memory = _opened_again(plan_paths)

    event = _events(plan_paths)[-1]
    assert isinstance(event, TasksForgotten)
    assert (event.tasks, event.phase) == (("1",), "plan")
    assert memory.said == ["task 1 deleted from state.json: to be done again"]
    assert memory.history.states["1"].next == "plan"


def test_a_deletion_is_forgotten_once(plan_paths: PlanPaths) -> None:
    """Done again and opened again, the task stays complete."""
    _record(plan_paths, PAIR, _done(1.0, "1", "2"))
    _edit_state(plan_paths, completed_task_indices=[2])
    _record(plan_paths, PAIR, _done(3.0, "1"))

    memory = _opened_again(plan_paths)

    assert memory.history.completed == {"1", "2"}
    assert memory.said == []


def test_a_deletion_counts_once_also_when_state_json_was_not_written_since(plan_paths: PlanPaths) -> None:
    """Cut off after task 1 was forgotten and done again, state.json still is what the person left."""
    _record(plan_paths, PAIR, _done(1.0, "1", "2"))
    _edit_state(plan_paths, completed_task_indices=[2])
    edited = plan_paths.state.read_bytes()
    _record(plan_paths, PAIR, _done(3.0, "1"))
    plan_paths.state.write_bytes(edited)

    memory = _opened_again(plan_paths)

    assert memory.history.completed == {"1", "2"}


def test_a_deletion_hits_the_task_that_had_the_id_when_state_json_was_written(
    plan_paths: PlanPaths,
) -> None:
    """Task 2 was deleted and a task put in front; cut off after that was recorded, task 1 is not hit as well."""
    moved = tasks_of("1=new 2=a 3=b")
    _record(plan_paths, tasks_of("1=a 2=b"), _done(1.0, "1", "2"))
    _edit_state(plan_paths, completed_task_indices=[1])
    edited = plan_paths.state.read_bytes()
    _opened_again(plan_paths, moved)
    plan_paths.state.write_bytes(edited)

    memory = _opened_again(plan_paths, moved)

    assert memory.history.completed == {"2"}


def test_what_was_completed_after_state_json_was_written_is_not_taken_for_deleted(
    plan_paths: PlanPaths,
) -> None:
    _record(plan_paths, PAIR, opened(1.0), _done(2.0, "1"))
    known = plan_paths.state.read_bytes()
    _record(plan_paths, PAIR, _done(3.0, "2"))
    plan_paths.state.write_bytes(known)

    memory = _opened_again(plan_paths)

    assert memory.history.completed == {"1", "2"}
    assert memory.said == []


@pytest.mark.usefixtures("unsynced")
def test_a_state_json_of_any_moment_forgets_nothing(plan_paths: PlanPaths) -> None:
    """It is written now and then only: wherever that was, with the whole journal nothing is taken for deleted."""
    raw, _ = _pair_story(plan_paths)
    recording = load(plan_paths.journal)
    for at in range(len(recording.events) + 1):
        offset = recording.ends[at - 1] if at else 0
        _put(plan_paths, raw)
        state_file.write(plan_paths.state, state_file.state_of(fold(recording.events[:at]), offset))

        memory = _opened_again(plan_paths)

        assert memory.history.completed == {"1", "2"}
        assert plan_paths.journal.read_bytes() == raw


def test_a_state_json_ahead_of_a_cut_journal_is_brought_back_first(plan_paths: PlanPaths) -> None:
    """Or what is recorded from now on would look as old as what that state.json had seen."""
    _record(plan_paths, PAIR, opened(1.0), _done(2.0, "1"), _done(3.0, "2"))
    raw = plan_paths.journal.read_bytes()
    plan_paths.journal.write_bytes(raw[: load(plan_paths.journal).ends[2] + 7])

    memory = open_journal(plan_paths, _reading(PAIR))
    known = state_file.read(plan_paths.state)
    memory.close()

    assert known.completed_task_indices == ("1",)
    assert known.journal_offset == load(plan_paths.journal).length
    assert memory.history.completed == {"1"}


def test_a_state_json_ahead_of_a_cut_journal_deletes_nothing(plan_paths: PlanPaths) -> None:
    """Task 1 was complete, then to be done again; where the cut took the second away the first holds."""
    _record(plan_paths, PAIR, _done(1.0, "1"), TasksForgotten(2.0, ("1",), "plan", "peal redo"))
    raw = plan_paths.journal.read_bytes()
    plan_paths.journal.write_bytes(raw[: load(plan_paths.journal).ends[1] + 7])

    memory = _opened_again(plan_paths)

    assert memory.history.completed == {"1"}
    assert memory.said == ["cut off 7 bytes of an unfinished record at the end of the journal"]


def test_a_ticked_task_missing_from_state_json_was_not_deleted(plan_paths: PlanPaths) -> None:
    """What the plan says is not for state.json to change."""
    tasks = tasks_of("1x 2")
    _record(plan_paths, tasks, opened(1.0))
    _edit_state(plan_paths, completed_task_indices=[])

    memory = _opened_again(plan_paths, tasks)

    assert memory.history.completed == {"1"}
    assert memory.said == []


def test_an_id_added_to_state_json_completes_nothing(plan_paths: PlanPaths) -> None:
    """The journal says what is complete; `peal done` is the way to say so."""
    _record(plan_paths, PAIR, opened(1.0), _done(2.0, "1"))
    _edit_state(plan_paths, completed_task_indices=[1, 2])

    memory = _opened_again(plan_paths)

    assert memory.history.completed == {"1"}


def test_state_json_is_written_at_most_four_times_a_second_and_at_the_end(
    plan_paths: PlanPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    memory = open_journal(plan_paths, _reading(PAIR))
    seen = []
    for at in range(8):
        now[0] += 0.125
        memory.append(_done(float(at), "1"))
        memory.update_state()
        seen.append(json.loads(plan_paths.state.read_bytes())["journal_offset"])

    memory.close()

    assert len(set(seen)) == 4
    assert json.loads(plan_paths.state.read_bytes())["journal_offset"] == memory.length > seen[-1]


def test_nothing_new_is_not_written_again(plan_paths: PlanPaths) -> None:
    memory = open_journal(plan_paths, _reading(PAIR))
    memory.update_state()
    plan_paths.state.unlink()

    memory.update_state(force=True)
    memory.close()

    assert not plan_paths.state.exists()


# Lost and unreadable files


def test_a_lost_state_json_is_made_again_from_the_journal(plan_paths: PlanPaths) -> None:
    _record(plan_paths, PAIR, opened(1.0), _done(2.0, "2"))
    known = state_file.read(plan_paths.state)
    plan_paths.state.unlink()

    memory = open_journal(plan_paths, _reading(PAIR))
    memory.append(RunClosed(3.0, 0, "done"))
    memory.close()

    assert memory.history.completed == {"2"}
    assert memory.said == ["state.json was missing: made again from the journal"]
    assert state_file.read(plan_paths.state).completed_task_indices == known.completed_task_indices


def test_after_a_lost_journal_peal_goes_on_from_state_json(plan_paths: PlanPaths) -> None:
    _record(plan_paths, PAIR, opened(1.0), _done(2.0, "2"))
    plan_paths.journal.unlink()

    memory = _opened_again(plan_paths)

    assert memory.history.completed == {"2"}
    assert memory.said == ["the journal was missing: went on from state.json"]
    assert fold(_events(plan_paths)).completed == {"2"}


def test_a_ticked_task_in_state_json_is_not_marked_done_by_hand(plan_paths: PlanPaths) -> None:
    """Or it would stay complete after it is unticked."""
    _record(plan_paths, tasks_of("1x 2"), _done(1.0, "2"))
    plan_paths.journal.unlink()
    _opened_again(plan_paths, tasks_of("1x 2"))

    memory = _opened_again(plan_paths, tasks_of("1 2"))

    assert memory.history.completed == {"2"}


def test_attempts_whose_record_is_lost_keep_their_folders(plan_paths: PlanPaths) -> None:
    """New attempts get higher numbers: a folder is never used twice."""
    _record(plan_paths, PAIR, opened(1.0))
    for number in (1, 2, 10):
        plan_paths.attempt("2", "execute", number).mkdir(parents=True)
    (plan_paths.folder / "attempts" / "notes-of-mine-1").mkdir()
    plan_paths.journal.unlink()

    memory = _opened_again(plan_paths)

    assert memory.history.counts == {("2", "execute"): 10}


@pytest.mark.usefixtures("unsynced")
@pytest.mark.parametrize("source", ["state.json", "the Rust peal"])
def test_going_on_from_state_json_survives_a_crash_at_any_byte(plan_paths: PlanPaths, source: str) -> None:
    """Until the completions are in the journal they are taken over again on the next opening."""
    _record(plan_paths, PAIR, opened(1.0), _done(2.0, "1", "2"))
    known = plan_paths.state.read_bytes() if source == "state.json" else None
    rust = state_file.State("plans/a.md", "/repo", ("1", "2")) if known is None else None
    _put(plan_paths, b"", known)
    _opened_again(plan_paths, rust_state=rust)
    raw = plan_paths.journal.read_bytes()
    for cut in range(len(raw) + 1):
        _put(plan_paths, raw[:cut], known)

        memory = _opened_again(plan_paths, rust_state=rust)

        assert memory.history.completed == {"1", "2"}
        assert fold(_events(plan_paths)).completed == {"1", "2"}


@one_file
@given(raw=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_an_unreadable_state_json_is_kept_aside_and_never_overwritten(raw: bytes, tmp_path: Path) -> None:
    plan_paths = PlanPaths(tmp_path / "plan")
    plan_paths.folder.mkdir(exist_ok=True)
    for copy in plan_paths.folder.iterdir():
        copy.unlink()
    _put(plan_paths, _raw(PlanRead(0.0, PAIR), opened(1.0), _done(2.0, "1")), raw)

    memory = _opened_again(plan_paths)

    assert memory.history.completed == {"1"}
    assert (plan_paths.folder / "state.json.damaged-1").read_bytes() == raw
    assert memory.said[0] == (
        "state.json could not be understood: kept as `state.json.damaged-1`, made again from the journal"
    )


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "null",
        "3",
        "{}",
        '{"plan_path": "a", "repo_path": "b"}',
        '{"plan_path": "a", "repo_path": "b", "completed_task_indices": 3}',
        '{"plan_path": "a", "repo_path": "b", "completed_task_indices": [1.5]}',
        '{"plan_path": "a", "repo_path": "b", "completed_task_indices": [null]}',
        '{"plan_path": "a", "repo_path": "b", "completed_task_indices": [[1]]}',
        '{"plan_path": "a", "repo_path": "b", "completed_task_indices": [true]}',
        '{"plan_path": "a", "repo_path": "b", "completed_task_indices": [1], "journal_offset": "2"}',
        '{"completed_task_indices": [1]}',
    ],
)
def test_json_that_is_no_state_is_unreadable_too(plan_paths: PlanPaths, content: str) -> None:
    _put(plan_paths, _raw(PlanRead(0.0, PAIR)), content.encode())

    with pytest.raises(Damaged, match="cannot be understood"):
        state_file.read(plan_paths.state)


@pytest.mark.parametrize("completed", ["[1, 2]", '["1", "2"]', '[1, "2", "1"]'])
def test_an_id_in_state_json_is_the_same_as_a_number_and_as_a_text(
    plan_paths: PlanPaths, completed: str
) -> None:
    content = f'{{"plan_path": "a", "repo_path": "b", "completed_task_indices": {completed}}}'
    _put(plan_paths, b"", content.encode())

    assert state_file.read(plan_paths.state) == state_file.State("a", "b", ("1", "2"))


def test_every_unreadable_file_gets_a_name_of_its_own(plan_paths: PlanPaths) -> None:
    for content in (b"first", b"second"):
        _put(plan_paths, _raw(PlanRead(0.0, PAIR)), content)
        _opened_again(plan_paths)

    kept = {path.name: path.read_bytes() for path in plan_paths.folder.glob("*.damaged-*")}

    assert kept == {"state.json.damaged-1": b"first", "state.json.damaged-2": b"second"}


def test_starting_over_moves_the_memory_aside(plan_paths: PlanPaths) -> None:
    """Twice in one second too; nothing is lost."""
    assert set_aside(plan_paths) is None
    kept = []
    for task in ("1", "2"):
        _record(plan_paths, PAIR, _done(1.0, task))
        kept.append(set_aside(plan_paths))

    assert not plan_paths.folder.exists()
    assert [fold(_events(PlanPaths(folder))).completed for folder in kept] == [{"1"}, {"2"}]


# The Rust peal


def _rust_file(tmp_path: Path, *completed: int) -> state_file.State:
    path = tmp_path / "rust.json"
    path.write_text(
        json.dumps({"plan_path": "plans/a.md", "repo_path": "/repo", "completed_task_indices": completed})
    )
    found = state_file.read(path)
    assert found is not None
    return found


def test_the_rust_peals_state_json_is_understood(tmp_path: Path) -> None:
    assert _rust_file(tmp_path, 2, 1) == state_file.State("plans/a.md", "/repo", ("2", "1"))
    assert _rust_file(tmp_path).schema_version == 0


def test_what_the_rust_peal_has_done_is_done(plan_paths: PlanPaths, tmp_path: Path) -> None:
    """Ids that the plan does not have are passed over."""
    memory = _opened_again(plan_paths, rust_state=_rust_file(tmp_path, 2, 9))

    assert memory.history.completed == {"2"}
    assert fold(_events(plan_paths)).completed == {"2"}


def test_the_rust_peals_progress_is_taken_over_once(plan_paths: PlanPaths, tmp_path: Path) -> None:
    """What a person wants done again later is not undone by the old file."""
    rust = _rust_file(tmp_path, 1, 2)
    _opened_again(plan_paths, rust_state=rust)
    _record(plan_paths, PAIR, TasksForgotten(1.0, ("1",), "plan", "peal redo"))

    memory = _opened_again(plan_paths, rust_state=rust)

    assert memory.history.completed == {"2"}


def test_peals_own_memory_beats_the_rust_peals(plan_paths: PlanPaths, tmp_path: Path) -> None:
    _record(plan_paths, PAIR, opened(1.0))
    plan_paths.state.unlink()

    memory = _opened_again(plan_paths, rust_state=_rust_file(tmp_path, 1, 2))

    assert memory.history.completed == set()


# Recording


class Calls:
    """What the operating system was asked to do."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[tuple[str, int]] = []
        write = os.write

        def counted(file: int, data: Any) -> int:
            self.made.append(("write", len(data)))
            return write(file, data)

        monkeypatch.setattr(os, "write", counted)
        for name in ("fsync", "fdatasync"):
            if hasattr(os, name):
                monkeypatch.setattr(os, name, lambda _: self.made.append(("sync", 0)))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[Calls]:
    return Calls(monkeypatch)


def test_a_completion_costs_the_same_after_10_000_as_after_10(tmp_path: Path, calls: Calls) -> None:
    """Bytes and calls, counted."""

    def cost(done: int) -> list[tuple[str, int]]:
        tasks = tasks_of(" ".join(map(str, range(10_001, 10_001 + done + 2))))
        memory = open_journal(PlanPaths(tmp_path / f"after-{done}"), _reading(tasks))
        memory.append(_done(1.0, *map(str, range(10_002, 10_002 + done))), opened(1.0))
        memory.update_state(force=True)
        memory.append(StepStarted(2.0, "10001", "address", 1, "shell"))
        calls.made.clear()
        memory.append(StepEnded(3.0, "10001", "address", 1, Outcome(Result.PASSED)))
        memory.update_state()
        made = list(calls.made)
        memory.close()
        assert len(memory.history.completed) == done + 1
        return made

    assert cost(done=10_000) == cost(done=10)
    assert len(cost(done=11)) == 2


def test_events_recorded_together_are_written_once_and_synced_once(
    plan_paths: PlanPaths, calls: Calls
) -> None:
    memory = open_journal(plan_paths, _reading(PAIR))
    events = (opened(1.0), _done(2.0, "1"), _done(3.0, "2"))
    calls.made.clear()

    memory.append(*events)
    memory.append()

    assert calls.made == [("write", len(_raw(*events))), ("sync", 0)]
    memory.close()


def test_nothing_is_known_that_is_not_on_disk(plan_paths: PlanPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    """The history hears of an event after it is written and synced."""
    memory = open_journal(plan_paths, _reading(PAIR))
    seen: list[tuple[int, set[str]]] = []
    monkeypatch.setattr(
        journal, "_sync", lambda _: seen.append((len(_events(plan_paths)), set(memory.history.completed)))
    )

    memory.append(_done(1.0, "1"))
    memory.close()

    assert seen == [(2, set())]
    assert memory.history.completed == {"1"}


@pytest.mark.parametrize("fails_in", ["write_all", "_sync"])
def test_a_record_that_cannot_be_written_leaves_nothing_behind(
    plan_paths: PlanPaths, monkeypatch: pytest.MonkeyPatch, fails_in: str
) -> None:
    """The disk is full in the middle of a line: the next record, once there is room, stands in a line of its own."""
    memory = open_journal(plan_paths, _reading(PAIR))
    before = plan_paths.journal.read_bytes()
    with monkeypatch.context() as full:

        def fail(file: int, data: bytes = b"") -> None:
            os.write(file, data[:10])
            raise OSError(28, "No space left on device")

        full.setattr(journal, fails_in, fail)
        with pytest.raises(OSError, match="No space left"):
            memory.append(_done(1.0, "1"))
    assert plan_paths.journal.read_bytes() == before
    assert memory.history.completed == set()

    memory.append(_done(2.0, "2"))
    memory.close()

    assert _events(plan_paths)[1:] == (_done(2.0, "2"),)


def test_a_write_that_takes_only_a_part_goes_on_with_the_rest(
    plan_paths: PlanPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = open_journal(plan_paths, _reading(PAIR))
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:7]))

    memory.append(_done(1.0, "1"))
    memory.close()

    assert _events(plan_paths)[1:] == (_done(1.0, "1"),)


def test_a_state_json_that_cannot_be_written_at_the_end_spoils_nothing(
    plan_paths: PlanPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is made again at the next start."""
    memory = open_journal(plan_paths, _reading(PAIR))
    memory.append(_done(1.0, "1"))

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(state_file, "write", fail)
        memory.close()

    assert _opened_again(plan_paths).history.completed == {"1"}


def test_a_journal_gives_back_the_run_that_was_played(plan_paths: PlanPaths) -> None:
    """A run recorded on disk adds up to the same as one that was only remembered."""
    world = {"1 address": "passes with findings", "2 plan": "fails", "3 execute": "is cut short"}
    tasks = tasks_of("1p 2p 3p")
    remembered = Remembered()
    play(remembered, tasks, world, Limits(2, 1))
    memory = open_journal(plan_paths, _reading(tasks))
    play(memory, tasks, world, Limits(2, 1))
    memory.close()

    history = fold(_events(plan_paths))

    assert history == memory.history
    assert history.states["1"].findings == (FINDING,)
    assert (history.completed, history.closed.code) == (
        remembered.history.completed,
        remembered.history.closed.code,
    )


def test_a_journal_gives_back_a_run_that_landed(plan_paths: PlanPaths) -> None:
    """Commits, worktrees, conflicts and holds too."""
    world = {"1 address": "conflicts, is mended, passes with findings", "2 land": "is outdated, is held"}
    memory = open_journal(plan_paths, _reading(PAIR))
    play(memory, PAIR, world, Limits(2, lands=True))
    memory.close()

    history = fold(_events(plan_paths))

    assert history == memory.history
    assert (history.completed, history.held, history.closed.code) == ({"1"}, {"2"}, 4)
    assert (history.states["1"].change.verified, history.states["2"].change.brings) == ("1a3", "2e1")


def test_a_journal_written_before_there_was_landing_goes_on_without(plan_paths: PlanPaths) -> None:
    """What is not said is as it was: `address` is the last phase and nothing is committed."""
    plan_paths.folder.mkdir(parents=True)
    plan_paths.journal.write_bytes(FROZEN.read_bytes())
    history = fold(_events(plan_paths))

    assert (history.lands, history.rules.as_ready, history.opened.branch) == (False, False, "")
    assert {
        (state.change.own, state.change.mended, state.change.verified, state.held)
        for state in history.states.values()
    } == {("", "", "", None)}
    assert all(
        past.workspace == past.base == "" for state in history.states.values() for past in state.attempts
    )


def test_an_unknown_kind_of_record_is_not_read_as_another(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        facts.read({"event": "SomethingNew", "at": 1.0})

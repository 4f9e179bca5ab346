"""What a run looks like: the table at a given second and size, lines, JSON, and all of it on a real terminal."""

import fcntl
import io
import json
import os
import pty
import re
import select
import shlex
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from attrs import define, evolve, field, frozen
from conftest import Repo, eventually, later, shell_plan
from forkserver import Process, popen
from rich.cells import cell_len
from stories import PHASES, Limits

from peal.model.agent import Usage
from peal.model.decision import Decision, Reason
from peal.model.phase_result import PhaseResult
from peal.model.pipeline import AGENT_PHASES, Pipeline
from peal.model.plan import Segment
from peal.model.review import Finding
from peal.model.work import Outcome, Result
from peal.record.events import (
    Event,
    PlanRead,
    ProcessStarted,
    RunOpened,
    StepEnded,
    StepStarted,
    StopAsked,
    TaskRead,
)
from peal.record.history import History, fold
from peal.record.task_state import Attempt
from peal.views.screens import Output
from peal.views.screens import live as live_module
from peal.views.screens.area import Area, rows_above
from peal.views.screens.keys import NO_MORE, OF_RUN, UNTOUCHED, Extent, View, turned
from peal.views.screens.lines import JsonLines, Lines
from peal.views.screens.live import Board, Live, next_drawing
from peal.views.screens.scene import Scene
from peal.views.screens.spans import Span, fit, plain
from peal.views.screens.table import render

PLAN, EXECUTE, ADDRESS, LAND = PHASES
PASSED, FAILED = Outcome(Result.PASSED), Outcome(Result.FAILED, "exit status 3: boom")
HELD = Outcome(Result.HELD, "`a.txt` is changed in your tree")
DEAR = Outcome(Result.PASSED, usage=(Usage("opus", 600, 300, 0, 100, 5.0),))
START = 1000.0


def titles(*texts: str, parallel: bool = True) -> PlanRead:
    """A plan of tasks with these titles."""
    numbered = enumerate(texts, 1)
    return PlanRead(
        START, tuple(TaskRead(str(number), title, title, parallel, False) for number, title in numbered)
    )


def opened(**limits: int) -> RunOpened:
    """A run was asked for at the start."""
    chosen = Limits(**{"max_parallel": 4, **limits})
    return RunOpened(
        at=START, run="r", plan="plans/machine.md", repo="/repo", pid=1, birth="", command=(), flags={},
        rules=chosen.rules, pipelines=chosen.pipelines,
    )  # fmt: skip


def started(at: float, task: str, phase: str, attempt: int = 1) -> StepStarted:
    """A step began so many seconds after the start."""
    return StepStarted(START + at, task, phase, attempt, "shell")


def ended(at: float, task: str, phase: str, outcome: Outcome = PASSED, attempt: int = 1) -> StepEnded:
    """A step ended so many seconds after the start."""
    return StepEnded(START + at, task, phase, attempt, outcome)


def complete(at: float, task: str, findings: tuple[Finding, ...] = ()) -> list[Event]:
    """A task went through the phases of a run that does not land, a second each."""
    ends = (PASSED, PASSED, Outcome(Result.PASSED, "", findings))
    steps = enumerate(zip(AGENT_PHASES, ends, strict=True))
    return [
        event
        for number, (phase, end) in steps
        for event in (started(at + number, task, phase), ended(at + number + 1, task, phase, end))
    ]


def scene(*events: Event, waits: str = "", said: str = "step 2 of 5") -> Scene:
    """One parallel segment with all tasks; what has not begun waits for the same."""
    history = fold(events)
    tasks = tuple(history.states)
    idle = tuple(task for task in tasks if task not in history.running)
    reasons = (Reason(idle, waits, is_wait=True),) if waits else ()
    return Scene(history, (Segment(tasks),), Decision(reasons=reasons), lambda one: f"{said} ({one.task})")


def shown(what: Scene, now: float, width: int, height: int, view: View = UNTOUCHED) -> str:
    """The screen as plain text, so many seconds after the start."""
    return "\n".join(plain(row) for row in render(what, START + now, width, height, view).rows)


def text(expected: str) -> str:
    """A block of expected lines without its indentation."""
    return dedent(expected).strip("\n")


def machine() -> Scene:
    """A run in full swing: everything that can be said of a task is said of one."""
    findings = (Finding("tests", "one fails"),)
    return scene(
        titles("Foundations", "Build part number two of the machine", "日本語の長い題名を持つ仕事 🎉", "Polish", "Paint", "Ship it"),
        opened(continue_with_remaining_tasks=1, plan_retry_count=1),
        *complete(0, "1", findings),
        started(0, "2", PLAN), ended(2, "2", PLAN, DEAR), started(2, "2", EXECUTE),
        started(1, "3", PLAN), ended(2, "3", PLAN, FAILED), started(3, "3", PLAN, attempt=2),
        started(2, "4", PLAN), ended(3, "4", PLAN), started(3, "4", EXECUTE), ended(8, "4", EXECUTE, FAILED),
        started(3, "5", PLAN), ended(4, "5", PLAN),
        waits="all 4 places are taken",
    )  # fmt: skip


def test_a_wide_screen_shows_everything_about_every_task() -> None:
    """Totals, progress over all phases, and a row for each task with what it says or waits for."""
    screen = shown(machine(), 65, 100, 20)

    assert screen == text("""
        plans/machine.md  1m05s  1 of 6 done, 2 running, 1 failed, 2 waiting, $5.00
        ━━━━━━━━━━━━━━━━━━━━━━━━━━×××××××××××××××─────────────────────────────────────────────────────  27 %
         1  done               3.0s  Foundations                          1 finding left
         2  running  execute  1m03s  Build part number two of the machi…  step 2 of 5 (2)
         3  running  plan #2  1m02s  日本語の長い題名を持つ仕事 🎉        step 2 of 5 (3)
         4  failed   execute   6.0s  Polish                               exit status 3: boom
         5  waiting  execute   1.0s  Paint                                all 4 places are taken
         6  waiting  plan            Ship it                              all 4 places are taken
    """)


def landing() -> Scene:
    """A run that lands: one task is held, one lands, one is to be done anew after a conflict, one is to be begun."""
    conflict = Outcome(Result.CONFLICTED, "`b.txt` clashes with task 9")
    through = [
        event
        for task in ("1", "2")
        for phase in AGENT_PHASES
        for event in (started(1, task, phase), ended(2, task, phase))
    ]
    return scene(
        titles("Held", "Lands", "Clashes", "Comes"), opened(lands=True), *through,
        started(3, "1", LAND), ended(4, "1", LAND, HELD), started(4, "2", LAND),
        started(1, "3", PLAN), ended(2, "3", PLAN), started(2, "3", EXECUTE), ended(3, "3", EXECUTE),
        started(4, "3", ADDRESS), ended(6, "3", ADDRESS, conflict),
        waits="others land first", said="merging",
    )  # fmt: skip


def test_a_held_task_says_what_is_in_the_way_and_keeps_its_part_of_the_bar() -> None:
    """Where tasks land each has four phases, and one that is held has only the last before it."""
    assert shown(landing(), 7, 80, 10) == text("""
        plans/machine.md  7.0s  0 of 4 done, 1 running, 1 held, 2 waiting
        ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━──────────────────────────────────────────  43 %
        waiting: 1 for you, for 3.0s
         1  held     land      4.0s  Held     for 3.0s: `a.txt` is changed in your tree
         2  running  land      3.0s  Lands    merging (2)
         3  waiting  execute   4.0s  Clashes  others land first
         4  waiting  plan            Comes    others land first
    """)


def test_a_held_task_comes_right_after_those_that_run_where_rows_are_few() -> None:
    """A person has to do something about it."""
    assert shown(landing(), 7, 30, 4).splitlines()[1:] == [
        " 2 run   3.0s Lands",
        " 1 held  4.0s Held",
        "… and 2 more",
    ]


def test_where_tasks_land_the_bar_is_full_only_when_all_have_landed() -> None:
    """A task that has passed `address` has a quarter left."""
    verified = [titles("a"), opened(lands=True), *complete(0, "1")]
    landed = [*verified, started(4, "1", LAND), ended(5, "1", LAND)]

    assert shown(scene(*verified), 6, 30, 6).splitlines()[1] == "━━━━━━━━━━━━━━━━━━──────  75 %"
    assert shown(scene(*landed), 6, 30, 6).splitlines()[1] == "━━━━━━━━━━━━━━━━━━━━━━━━ 100 %"


def test_rows_that_do_not_fit_are_counted_and_what_moves_comes_first() -> None:
    """Running, failed, begun, not begun, done: the first of them that fit."""
    screen = shown(machine(), 65, 80, 7)

    assert screen == text("""
        plans/machine.md  1m05s  1 of 6 done, 2 running, 1 failed, 2 waiting, $5.00
        ━━━━━━━━━━━━━━━━━━━━××××××××××××──────────────────────────────────────────  27 %
         2  running  execute  1m03s  Build part number two of…  step 2 of 5 (2)
         3  running  plan #2  1m02s  日本語の長い題名を持つ仕…  step 2 of 5 (3)
         4  failed   execute   6.0s  Polish                     exit status 3: boom
         5  waiting  execute   1.0s  Paint                      all 4 places are taken
        … and 2 more
    """)


def test_sixty_columns_do_without_the_last_output() -> None:
    """The totals become short before the plan's name goes."""
    screen = shown(machine(), 65, 60, 10)

    assert screen == text("""
        plans/machine.md  1m05s  1/6 2 run 1 fail $5.00
        ━━━━━━━━━━━━━━━×××××××××──────────────────────────────  27 %
         1 done             3.0s Foundations
         2 running execute 1m03s Build part number two of the machi…
         3 running plan #2 1m02s 日本語の長い題名を持つ仕事 🎉
         4 failed  execute  6.0s Polish
         5 waiting execute  1.0s Paint
         6 waiting plan          Ship it
    """)


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (
            30,
            6,
            """
            1m05s  1/6 2 run 1 fail
            ━━━━━━××××──────────────  27 %
             2 run  1m03s Build part numb…
             3 run  1m02s 日本語の長い題…
             4 fail  6.0s Polish
            … and 3 more
            """,
        ),
        (
            20,
            5,
            """
            1/6 2 run 1 fail
             2 run  Build part…
             3 run  日本語の長…
             4 fail Polish
            … and 3 more
            """,
        ),
        (5, 2, "1/6 …\n 2 r…"),
    ],
)
def test_tiny_screens_keep_what_matters_most(width: int, height: int, expected: str) -> None:
    """First the totals, then who runs, in whatever room there is."""
    assert shown(machine(), 65, width, height) == text(expected)


@pytest.mark.parametrize("width", [1, 2, 7, 19, 20, 29, 30, 39, 40, 63, 64, 79, 80, 200])
def test_no_screen_is_larger_than_its_terminal(width: int) -> None:
    """Neither in cells nor in rows, however small it is."""
    screens = {height: render(machine(), START + 65, width, height).rows for height in (*range(12), 400)}

    assert [height for height, rows in screens.items() if len(rows) > height] == []
    assert [plain(row) for rows in screens.values() for row in rows if cell_len(plain(row)) > width] == []


def test_hundreds_of_tasks_read_as_few_outputs_as_rows_are_shown() -> None:
    """300 tasks on ten rows: five of the seven that run are shown and looked at, the others only counted."""
    looked: list[str] = []
    everything = scene(
        titles(*(f"task {number}" for number in range(1, 301))),
        opened(max_parallel=7),
        *(started(1, task, PLAN) for task in map(str, range(101, 108))),
    )
    watched = Scene(
        everything.history, everything.segments, Decision(), lambda one: looked.append(one.task) or "works"
    )

    screen = shown(watched, 3, 80, 8)

    assert screen == text("""
        plans/machine.md  3.0s  0 of 300 done, 7 running, 293 waiting
        ──────────────────────────────────────────────────────────────────────────   0 %
        101  running  plan   2.0s  task 101  works
        102  running  plan   2.0s  task 102  works
        103  running  plan   2.0s  task 103  works
        104  running  plan   2.0s  task 104  works
        105  running  plan   2.0s  task 105  works
        … and 295 more
    """).replace("plan   ", "plan      ")
    assert looked == ["101", "102", "103", "104", "105"]


def test_narrow_screens_do_not_look_at_outputs() -> None:
    """What is not shown is not read."""

    def must_not(one: Attempt) -> str:
        raise AssertionError(one)

    calm = machine()

    assert shown(Scene(calm.history, calm.segments, calm.decision, must_not), 65, 60, 20)


HOSTILE = (
    "\x1b]0;evil\x07clean",
    "\x1b[31mred\x1b[0m \x1b[2Jand away",
    "tab\there, line\nand\r\nreturn",
    "\u202eright to left\u202c\u2066isolate\u2069",
    "[bold]no markup[/] :smile:",
    "\x9b31m \x7f \x00nul \ufeffmark",
    "a" * 5000,
    "😀" * 5000,
)


def test_titles_and_output_cannot_reach_the_terminal() -> None:
    """Escape sequences, directions, line ends and markup are shown as harmless text or not at all."""
    one_line = scene(titles(*HOSTILE), opened(), waits="\x1b]0;evil\x07\n\u202e")

    screen = shown(one_line, 1, 60, 20)

    assert screen == text("""
        plans/machine.md  1.0s  0 of 8 done, 0 running, 8 waiting
        ──────────────────────────────────────────────────────   0 %
         1 waiting plan    clean
         2 waiting plan    red and away
         3 waiting plan    tab here, line and return
         4 waiting plan    right to left isolate
         5 waiting plan    [bold]no markup[/] :smile:
         6 waiting plan    31m    nul  mark
         7 waiting plan    aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…
         8 waiting plan    😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀…
    """)


def test_the_bar_is_full_only_when_everything_is_done() -> None:
    """A failed task keeps its part of the bar empty of progress for ever."""
    some = scene(
        titles("a", "b"), opened(), *complete(0, "1"), started(3, "2", PLAN), ended(4, "2", PLAN, FAILED)
    )
    whole = scene(titles("a", "b"), opened(), *complete(0, "1"), *complete(3, "2"))

    assert shown(some, 5, 30, 6).splitlines()[1] == "━━━━━━━━━━━━××××××××××××  50 %"
    assert shown(whole, 5, 30, 6).splitlines()[1] == "━━━━━━━━━━━━━━━━━━━━━━━━ 100 %"


def test_totals_and_rows_are_about_what_was_asked_for() -> None:
    """Of tasks 1 to 4 only 2 and 4 were asked for."""
    history = fold(
        [titles("a", "b", "c", "d", parallel=False), opened(), *complete(0, "2"), started(3, "4", PLAN)]
    )
    half = Scene(history, (Segment(("2",)), Segment(("4",))), Decision(front=("4",)), lambda _: "reads")

    assert shown(half, 5, 80, 6).splitlines() == [
        "plans/machine.md  5.0s  1 of 2 done, 1 running, 0 waiting",
        "━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━─────────────────────────────────────  50 %",
        " 2  done               3.0s  b",
        " 4  running  plan      2.0s  d  reads",
    ]


def test_a_plan_without_tasks_still_has_a_screen() -> None:
    """Nothing to show is no reason to fall over."""
    nothing = Scene(fold([titles(), opened()]), (), Decision(), lambda _: "")

    assert shown(nothing, 1, 80, 3) == "plans/machine.md  1.0s  0 of 0 done, 0 running, 0 waiting"


@pytest.mark.parametrize(
    ("given", "width", "expected"),
    [
        ("short", 8, "short   "),
        ("exactly8", 8, "exactly8"),
        ("longer than that", 8, "longer…"),
        ("日本語", 6, "日本語"),
        ("日本語", 5, "日本…"),
        ("日本語", 4, "日… "),
        ("anything", 1, "…"),
        ("anything", 0, ""),
        ("", 3, "   "),
    ],
)
def test_text_is_cut_by_the_cells_it_takes(given: str, width: int, expected: str) -> None:
    """A letter of two cells is never cut in half."""
    assert fit(given, width).rstrip() == expected.rstrip()
    assert cell_len(fit(given, width)) == width


@pytest.mark.parametrize(
    ("drawn", "changed", "is_running", "expected"),
    [
        (10.0, None, False, None),
        (10.0, None, True, 11.0),
        (10.0, 10.1, True, 10.5),
        (10.0, 12.0, True, 12.05),
        (float("-inf"), 12.0, False, 12.05),
    ],
)
def test_the_screen_is_drawn_at_most_twice_a_second(
    drawn: float, changed: float | None, is_running: bool, expected: float | None
) -> None:
    """Soon after a change, not sooner than half a second after the last time; once a second while work goes on."""
    assert next_drawing(drawn, changed, is_running) == expected


def test_what_a_narrower_terminal_wraps_is_counted() -> None:
    """Lines of 100, 0 and 40 cells take three, one and one rows of 40."""
    assert rows_above([100, 0, 40], 40) == 5


@define
class Terminal:
    """What a person sees of a stream of output: a terminal of so many columns, as far as the screen uses one."""

    columns: int
    lines: list[str] = field(factory=lambda: [""])
    row: int = 0
    column: int = 0
    wraps: bool = True

    def read(self, output: str) -> "Terminal":
        """Take in what was written; title and bell are beside the lines."""
        output = re.sub(r"\x1b\]2;[^\x07]*\x07|\x1b\[2[23];2t|\x07", "", output)
        for escape, letter in re.findall(r"(\x1b\[[?0-9;]*[A-Za-z])|(.|\n)", output):
            self._obey(escape) if escape else self._write(letter)
        return self

    def _obey(self, escape: str) -> None:
        match escape[-1], escape[2:-1]:
            case "A", count:
                self.row = max(self.row - int(count), 0)
            case "K", "":
                self.lines[self.row] = self.lines[self.row][: self.column]
            case "J", "":
                self.lines[self.row] = self.lines[self.row][: self.column]
                del self.lines[self.row + 1 :]
            case "G", column:
                self.column = int(column) - 1
            case "h" | "l" as switch, "?7":
                self.wraps = switch == "h"
            case "m", _:
                pass
            case _:
                raise AssertionError(f"{escape!r} is not in use")

    def _write(self, letter: str) -> None:
        if letter == "\r":
            self.column = 0
        elif letter == "\n" or (self.column == self.columns and self.wraps):
            self.row, self.column = self.row + 1, 0
            self.lines += [""] * (self.row == len(self.lines))
        if letter not in "\r\n":
            line = self.lines[self.row].ljust(self.column)
            self.lines[self.row] = line[: self.column] + letter + line[self.column + 1 :]
            self.column = min(self.column + 1, self.columns)

    @property
    def seen(self) -> list[str]:
        """The lines above the cursor; there must be nothing below."""
        assert "".join(self.lines[self.row :]) == ""
        return [line.rstrip() for line in self.lines[: self.row]]


def rows(*texts: str) -> list[tuple[Span, ...]]:
    """Rows of plain text."""
    return [(Span(one, "bold"),) for one in texts]


def test_lines_that_stay_push_the_table_down_and_clearing_leaves_them() -> None:
    """What is drawn is drawn over; what is said remains, also when it takes more than one row."""
    stream = io.StringIO()
    area = Area(Output(stream))

    area.draw(rows("one", "two", "three"))
    area.draw(rows("eins", "zwei"))
    area.say(*rows("x" * 100))
    area.draw(rows("uno"))
    before = Terminal(80).read(stream.getvalue()).seen
    area.clear()
    after = Terminal(80).read(stream.getvalue()).seen

    assert before == ["x" * 80, "x" * 20, "uno"]
    assert after == ["x" * 80, "x" * 20]


def test_a_table_that_fills_the_terminal_is_not_erased_as_a_whole() -> None:
    """Line by line: tmux would keep what it erases from the first row on as if it had scrolled away."""
    stream = io.StringIO()
    area = Area(Output(stream))
    area.draw(rows(*map(str, range(23))))
    drawn = len(stream.getvalue())

    area.clear()

    assert stream.getvalue()[drawn:] == "\r\x1b[23A" + "\x1b[K\n" * 23 + "\r\x1b[23A"


@define
class Clock:
    """A clock that stands still until it is told otherwise."""

    now: float = START

    def time(self) -> float:
        """The time of day."""
        return self.now

    def monotonic(self) -> float:
        """The time since some time."""
        return self.now - 500


@define
class Stage:
    """The live screen on a terminal of 80 columns, with a clock of its own."""

    clock: Clock
    stream: io.StringIO = field(factory=io.StringIO)
    history: History = field(factory=History)
    screen: Live = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.screen = Board(Area(Output(self.stream))).table((Segment(("1", "2")),), lambda _: "prints")

    def record(self, *events: Event) -> None:
        """These events have happened by now."""
        for event in events:
            self.history.apply(event)
        self.screen.show(events, self.history)

    @property
    def seen(self) -> list[str]:
        """What stands on the terminal."""
        return Terminal(80).read(self.stream.getvalue()).seen


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A run that has just been opened."""
    clock = Clock()
    monkeypatch.setattr(live_module.time, "time", clock.time)
    monkeypatch.setattr(live_module.time, "monotonic", clock.monotonic)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    made = Stage(clock)
    made.record(titles("a", "b"), opened())
    return made


def test_what_follows_from_an_event_is_drawn_with_it(stage: Stage) -> None:
    """Nothing is drawn at once, everything a moment later, and then once a second."""
    stage.record(started(0, "1", PLAN))
    at_once = stage.seen
    first_due = stage.screen.due()
    stage.clock.now += 0.06
    stage.record()

    assert (at_once, first_due) == ([], START + 0.05)
    assert stage.seen[2] == " 1  running    plan      0.1s  a  prints"
    assert stage.screen.due() == pytest.approx(START + 1.06)


def test_a_storm_of_events_is_drawn_twice_a_second(stage: Stage) -> None:
    """Events do not draw; the clock does."""
    drawings = 0
    for _ in range(100):
        stage.clock.now += 0.02
        before = len(stage.stream.getvalue())
        stage.record(started(0, "1", PLAN), ended(0, "1", PLAN, Outcome(Result.INTERRUPTED)))
        drawings += len(stage.stream.getvalue()) > before

    assert drawings == 4


def test_news_of_a_process_is_no_reason_to_draw(stage: Stage) -> None:
    """It changes nothing that is shown."""
    stage.record(started(0, "1", PLAN))
    stage.clock.now += 0.1
    stage.record()
    due = stage.screen.due()

    stage.record(ProcessStarted(START, "1", PLAN, 1, 4711, "x"))

    assert stage.screen.due() == due == pytest.approx(START + 1.1)


def test_nothing_is_due_while_nothing_runs(stage: Stage) -> None:
    """A run that waits costs nothing."""
    stage.clock.now += 0.1
    stage.record()

    assert stage.screen.due() is None


def test_failures_and_a_stop_stay_above_the_table(stage: Stage) -> None:
    """A person who looks away finds them later; the table itself goes when the run is over."""
    stage.record(started(0, "1", PLAN), started(0, "2", PLAN))
    stage.clock.now += 1
    stage.record()
    stage.record(ended(1, "1", PLAN, FAILED), StopAsked(START + 1, 130, "interrupted"))
    stage.record(StopAsked(START + 2, 130, "interrupted"))
    stage.screen.say("  a word with its indent\x1b[2J")
    with_table = stage.seen
    stage.screen.close()
    stage.screen.say("the report")

    said = [
        "00:16:41 task 1 plan FAILED in 1.0s: exit status 3: boom",
        "00:16:41 interrupted: ending what runs; once more to end it at once",
        "00:16:42 interrupted: ending what runs at once",
        "  a word with its indent",
    ]
    assert with_table[:4] == said
    assert with_table[4].startswith("plans/machine.md")
    assert stage.seen == [*said, "the report"]


NOTED = Outcome(Result.PASSED, notes=("`lib/a.py` is ignored by git",))


def test_what_is_noted_stays_above_the_table(stage: Stage) -> None:
    """Also of an attempt that passed, which leaves no line otherwise."""
    stage.record(started(0, "1", PLAN), ended(1, "1", PLAN, NOTED))
    stage.screen.close()

    assert stage.seen == ["00:16:41 task 1: `lib/a.py` is ignored by git"]


def _both(stage: Stage, height: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a terminal of so many rows shows of two plans of six tasks, all of which run."""
    monkeypatch.setattr(live_module.os, "get_terminal_size", lambda _: os.terminal_size((80, height)))
    monkeypatch.setattr(stage.stream, "fileno", lambda: 1)
    board = Board(Area(Output(stage.stream)), headline="batch: 0 of 2 plans done, 2 running")
    tasks = tuple(str(number) for number in range(1, 7))
    for _ in range(2):
        history = History()
        for event in (titles(*"abcdef"), opened(), *(started(0, task, PLAN) for task in tasks)):
            history.apply(event)
        table = board.table((Segment(tasks),), lambda _: "", "one.md: ")
        table.history = history
    board.draw()
    return stage.seen


@pytest.mark.parametrize("height", [1, 2, 3, 5, 8, 12, 16, 40])
def test_plans_at_work_share_the_terminal(stage: Stage, height: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The batch above, then each plan with its tasks, as far as there is room; never more rows than there are."""
    seen = _both(stage, height, monkeypatch)

    assert seen[0] == "batch: 0 of 2 plans done, 2 running"
    assert len(seen) <= max(height - 1, 1)
    if height > 3:
        assert sum(line.startswith("plans/machine.md") for line in seen) == 2
    if height == 40:
        assert sum(bool(re.match(r" \d  running ", line)) for line in seen) == 12


def test_lines_of_plans_at_work_tell_which_plan_it_is(stage: Stage) -> None:
    table = Board(Area(Output(stage.stream))).table((Segment(("1", "2")),), lambda _: "", "one.md: ")
    history = History()
    for event in (titles("a", "b"), opened(), started(0, "1", PLAN), ended(1, "1", PLAN, FAILED)):
        history.apply(event)

    table.show((ended(1, "1", PLAN, FAILED),), history)
    table.close()

    assert stage.seen == ["00:16:41 one.md: task 1 plan FAILED in 1.0s: exit status 3: boom"]


class Gone(io.StringIO):
    """A terminal that was closed."""

    def write(self, _: str) -> int:
        """Fails as a hung-up terminal does."""
        raise OSError(5, "Input/output error")


@pytest.mark.parametrize(
    "screen_on",
    [Lines, JsonLines, lambda out: Board(Area(out)).table((Segment(("1", "2")),), lambda _: "")],
    ids=["lines", "json", "live"],
)
def test_a_terminal_that_goes_away_does_not_end_the_run(screen_on: Callable[[Output], Live]) -> None:
    """The first failure is the last attempt to write, and nothing is due any more."""
    out = Output(Gone())
    screen = screen_on(out)
    history = fold([titles("a", "b"), opened(), started(0, "1", PLAN)])

    screen.say("hello")
    screen.show([started(0, "1", PLAN)], history)
    screen.close()

    assert not out.is_heard
    assert screen.due() is None


def test_letters_that_a_terminal_does_not_have_are_replaced() -> None:
    """Output goes on in an old locale."""
    raw = io.BytesIO()
    out = Output(io.TextIOWrapper(raw, encoding="latin-1"))

    out.put("Übung ━━── 日本 … ×")
    out.put("more")

    assert raw.getvalue().decode("latin-1") == "Übung ##-- ?? ~ x\nmore\n"


@pytest.mark.parametrize(
    ("is_terminal", "environ", "expected"),
    [
        (True, {"TERM": "xterm"}, True),
        (True, {"TERM": "xterm", "CI": ""}, True),
        (True, {"TERM": "xterm", "CI": "false"}, True),
        (True, {"TERM": "xterm", "CI": "0"}, True),
        (True, {"TERM": "xterm", "CI": "true"}, False),
        (True, {"TERM": "xterm", "CI": "woodpecker"}, False),
        (True, {"TERM": "dumb"}, False),
        (True, {}, False),
        (False, {"TERM": "xterm"}, False),
    ],
)
def test_a_table_needs_a_terminal_and_a_person(
    is_terminal: bool, environ: dict[str, str], expected: bool
) -> None:
    """Not in CI, not in a file, not on a terminal that can only print."""
    stream = io.StringIO()
    stream.isatty = lambda: is_terminal  # type: ignore[method-assign]

    assert Output(stream).can_redraw(environ) is expected


def printed(screen: Callable[[Output], Lines | JsonLines], *events: Event) -> list[str]:
    """What a screen prints of a run."""
    stream = io.StringIO()
    made, history = screen(Output(stream)), History()
    for event in events:
        history.apply(event)
        made.show([event], history)
    made.say("  the\x1b[2J end")
    return stream.getvalue().splitlines()


def run_of_two() -> list[Event]:
    """A task that passes its first step at the second try, with a hostile title."""
    return [
        titles("evil \x1b]0;x\x07title", "b"), opened(plan_retry_count=1),
        started(1, "1", PLAN), ended(3, "1", PLAN, FAILED), started(4, "1", PLAN, 2), ended(5, "1", PLAN, attempt=2),
    ]  # fmt: skip


def test_lines_are_one_per_event_with_the_time_of_day(stage: Stage) -> None:
    """What started, what ended, how long it took and why it failed."""
    assert printed(Lines, *run_of_two()) == [
        "00:16:41 task 1 plan started: evil title",
        "00:16:43 task 1 plan FAILED in 2.0s: exit status 3: boom",
        "00:16:44 task 1 plan started (attempt 2): evil title",
        "00:16:45 task 1 plan passed in 1.0s",
        "  the end",
    ]


def test_what_is_noted_is_a_line_once_however_many_attempts_note_it(stage: Stage) -> None:
    """Four worktrees with the same flaw are one piece of news."""
    told = printed(
        Lines,
        *run_of_two()[:3],
        ended(2, "1", PLAN, NOTED),
        started(2, "2", PLAN),
        ended(3, "2", PLAN, NOTED),
    )

    assert told == [
        "00:16:41 task 1 plan started: evil title",
        "00:16:42 task 1 plan passed in 1.0s",
        "00:16:42 task 1: `lib/a.py` is ignored by git",
        "00:16:42 task 2 plan started: b",
        "00:16:43 task 2 plan passed in 1.0s",
        "  the end",
    ]


def test_quiet_prints_only_what_is_said() -> None:
    """The events stay silent."""
    assert printed(lambda out: Lines(out, quiet=True), *run_of_two()) == ["  the end"]


def test_json_lines_are_the_events_and_what_is_said() -> None:
    """Every line is an object; the journal's own words."""
    records = [json.loads(line) for line in printed(JsonLines, *run_of_two())]

    assert [record["event"] for record in records] == [
        "PlanRead", "RunOpened", "StepStarted", "StepEnded", "StepStarted", "StepEnded", "Said",
    ]  # fmt: skip
    assert records[3]["outcome"] == {"result": "failed", "reason": "exit status 3: boom"}


def test_reasons_are_printed_when_they_are_news() -> None:
    """Asked to explain, each new reason is a line; one that still holds is not told again."""
    stream = io.StringIO()
    screen = Lines(Output(stream), explaining=True)
    first, second = (
        Reason(("1",), "task 1 plan: its turn has come"),
        Reason(("2", "3"), "all places are taken", is_wait=True),
    )

    screen.decided(Decision(reasons=(first, second)))
    screen.decided(Decision(reasons=(second,)))

    assert stream.getvalue().splitlines() == [
        "  because task 1 plan: its turn has come",
        "  because tasks 2-3: waits: all places are taken",
    ]


@frozen
class OnTerminal:
    """A command on a terminal of its own, and what it has written there."""

    process: Process
    terminal: int
    _read: list[bytes] = field(factory=list)

    @property
    def output(self) -> str:
        """All that was written so far."""
        while select.select([self.terminal], [], [], 0)[0]:
            try:
                found = os.read(self.terminal, 65536)
            except OSError:
                break
            if not found:
                break
            self._read.append(found)
        return b"".join(self._read).decode().replace("\r\n", "\n")

    @property
    def has_line_modes(self) -> bool:
        """Whether what is typed is shown and comes line by line, as a shell leaves a terminal to a program."""
        local = termios.tcgetattr(self.terminal)[3]
        return local & (termios.ICANON | termios.ECHO) == termios.ICANON | termios.ECHO

    def type(self, keys: str) -> int:
        """As a person would, all at once; where the output was by then."""
        before = len(self.output)
        os.write(self.terminal, keys.encode())
        return before

    def resize(self, rows: int, columns: int) -> int:
        """As by a hand at the window's corner; where the output was by then."""
        before = len(self.output)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        return before

    def shows(self, pattern: str, since: int = 0) -> bool:
        """Whether it comes to write something like this."""
        eventually(lambda: re.search(pattern, self.output[since:]))
        return True

    def end(self) -> int:
        """Wait for it; what it writes meanwhile is read, so that it can."""
        eventually(lambda: (self.output, self.process.poll())[1] is not None)
        return self.process.returncode


@pytest.fixture
def terminals() -> Iterator[Callable[..., OnTerminal]]:
    """Has a command started on a terminal of 30 rows, given what starts it there."""
    made: list[OnTerminal] = []

    def put(start: Callable[[int], Process], columns: int = 100) -> OnTerminal:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
        made.append(OnTerminal(start(theirs), ours))
        os.close(theirs)
        return made[-1]

    yield put
    for one in made:
        one.process.kill()
        one.process.wait()
        os.close(one.terminal)


@pytest.fixture
def on_terminal(repo: Repo, terminals: Callable[..., OnTerminal]) -> Callable[..., OnTerminal]:
    """Starts `peal` on a terminal of 100 columns and 30 rows."""

    def start(
        *words: str, columns: int = 100, cold: bool = False, stdin: int | None = None, **more: str
    ) -> OnTerminal:
        env = {**repo.env, "TERM": "xterm-256color", **more}
        return terminals(
            lambda end: popen(
                ("peal", *words), repo.path, env, stdin=end if stdin is None else stdin, stdout=end, stderr=end,
                start_new_session=True, cold=cold,
            ),
            columns,
        )  # fmt: skip

    return start


@pytest.fixture
def shell(repo: Repo, terminals: Callable[..., OnTerminal]) -> OnTerminal:
    """A shell with job control; most that are `sh` leave the modes of the terminal as the job left them."""

    def start(end: int) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["sh", "-i"], cwd=repo.path, env={**repo.env, "TERM": "xterm-256color", "PS1": "$ ", "ENV": ""},
            stdin=end, stdout=end, stderr=end, start_new_session=True, text=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - no other thread is at work here
        )  # fmt: skip

    return terminals(start)


RUN = ("run", "plan.md", "--agent", "shell", "--max-parallel", "4")
WAITING = "echo it goes on; until [ -e go ]; do sleep 0.05; done"


def test_on_a_terminal_there_is_a_table_and_then_the_report(
    repo: Repo, on_terminal: Callable[..., OnTerminal]
) -> None:
    """Rows with their last output while it runs; afterwards only what stays: the failure and the report."""
    repo.write("plan.md", shell_plan(f"(parallel) {WAITING}", "(parallel) echo boom >&2; exit 3"))

    run = on_terminal(*RUN)
    eventually(lambda: "it goes on" in run.output)
    table = run.output
    repo.write("go", "")
    code = run.end()

    assert code == 1
    assert re.search(r"running.*execute.*number 1.*it goes on", table)
    assert "plan.md" in table
    assert "\x1b[3" in table
    seen = Terminal(100).read(run.output).seen
    said = "".join(seen[:2])  # the note about a shared tree is longer than a row
    assert said.startswith("tasks that run side by side share your tree")
    assert re.fullmatch(r"..:..:.. task 2 execute FAILED in .*: exit status 3: boom", seen[2])
    assert seen[3].startswith("task 2 failed: 1 of 2 tasks complete")
    assert not any("running" in line or "━" in line for line in seen)


@pytest.mark.parametrize("more", [{"CI": "true"}, {"TERM": "dumb"}])
def test_in_ci_a_terminal_gets_plain_lines(
    more: dict[str, str], repo: Repo, on_terminal: Callable[..., OnTerminal]
) -> None:
    """No escape sequence at all, one line per event."""
    repo.write("plan.md", shell_plan("true"))

    run = on_terminal(*RUN, **more)

    assert run.end() == 0
    assert "\x1b" not in run.output
    assert re.search(r"^..:..:.. task 1 execute started: number 1$", run.output, re.MULTILINE)


@pytest.mark.parametrize(("words", "more"), [(("--no-color",), {}), *later(((), {"NO_COLOR": "1"}))])
def test_without_colour_the_table_has_none(
    words: tuple[str, ...], more: dict[str, str], repo: Repo, on_terminal: Callable[..., OnTerminal]
) -> None:
    """Bold and dim may stay; colours go."""
    repo.write("plan.md", shell_plan(f"{WAITING}; exit 3"))

    run = on_terminal(*RUN, *words, **more)
    eventually(lambda: "it goes on" in run.output)
    repo.write("go", "")
    run.end()

    assert re.search(r"\x1b\[[\d;]*\b([34][0-7]|38|48|9[0-7])\b[\d;]*m", run.output) is None


@pytest.mark.parametrize(
    "words", [(), *later((("--no-color",),)), ("--explain",), ("--json",), *later((("--quiet",),))]
)
def test_a_pipe_gets_no_escape_sequences(words: tuple[str, ...], repo: Repo) -> None:
    """Whatever is asked for, and though the output is hostile."""
    repo.write("plan.md", shell_plan("printf '\\033]0;evil\\007 boom\\n' >&2; exit 3"))

    done = repo.peal(*RUN, *words, code=1)

    assert "\x1b" not in done.stdout + done.stderr


def test_a_reader_who_leaves_does_not_end_the_run(repo: Repo) -> None:
    """`peal run plan.md | head -1` still carries the plan out, and tells how it ended."""
    repo.write("plan.md", shell_plan(WAITING, "touch done"))

    run = repo.start(*RUN)
    assert run.stdout is not None
    while "execute started" not in run.stdout.readline():
        pass
    run.stdout.close()
    repo.write("go", "")

    assert run.wait(30) == 0
    assert (repo.path / "done").exists()


def test_a_terminal_that_hangs_up_does_not_end_a_run_under_nohup(
    repo: Repo, on_terminal: Callable[..., OnTerminal]
) -> None:
    """The terminal is gone, the plan is carried out."""
    repo.write("plan.md", shell_plan(WAITING, "touch done"))
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        run = on_terminal(*RUN, cold=True)
    finally:
        signal.signal(signal.SIGHUP, before)
    eventually(lambda: "it goes on" in run.output)

    closed, theirs = pty.openpty()
    os.dup2(closed, run.terminal)
    repo.write("go", "")
    os.close(closed)
    os.close(theirs)

    assert run.process.wait(30) == 0
    assert (repo.path / "done").exists()


def test_a_stopped_terminal_does_not_stop_the_run(repo: Repo, on_terminal: Callable[..., OnTerminal]) -> None:
    """After Ctrl-S nothing is drawn, but steps still start and end."""
    repo.write("plan.md", shell_plan(WAITING, "touch done"))
    run = on_terminal(*RUN)
    eventually(lambda: "it goes on" in run.output and run.output.endswith("\x1b[J"))

    os.write(run.terminal, b"\x13")
    repo.write("go", "")
    eventually((repo.path / "done").exists)
    while_stopped = run.output
    os.write(run.terminal, b"\x11")

    assert run.end() == 0
    assert not re.search(r"running.*number 2", while_stopped)
    assert "everything asked for is done" in run.output


def test_the_table_follows_the_size_of_the_terminal(
    repo: Repo, on_terminal: Callable[..., OnTerminal]
) -> None:
    """Made narrow while the run goes on, the next drawing is narrow."""
    repo.write("plan.md", shell_plan(WAITING))
    run = on_terminal(*RUN)
    eventually(lambda: "it goes on" in run.output)

    fcntl.ioctl(run.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 32, 0, 0))
    eventually(lambda: re.search(r"1.*run .*number 1", run.output.rpartition("\x1b[?7l")[2]))
    last = run.output.rpartition("\x1b[?7l")[2]
    repo.write("go", "")

    assert run.end() == 0
    assert max(map(len, Terminal(200).read(last).seen)) <= 31


STUBBORN = "trap '' TERM; echo it goes on; touch begun; while :; do sleep 0.05; done"


def test_keys_scroll_help_and_stop(repo: Repo, on_terminal: Callable[..., OnTerminal]) -> None:
    """From `?` to the second `q`, which ends at once what does not end; text that nobody read is left for who comes next."""
    repo.write("plan.md", shell_plan(f"(parallel) {STUBBORN}", *["(parallel) true"] * 59))
    run = on_terminal("run", "plan.md", "--agent", "shell", "--max-parallel", "1")
    assert run.shows("it goes on")
    assert run.shows("and 34 more   j k to scroll, . for help, q to stop")
    assert not run.has_line_modes

    helped = run.type("?")
    assert run.shows("once more to end it at once; `peal resume` goes on later", helped)
    back = run.type("q")
    assert run.shows("q to stop", back)
    paged = run.type("\x1b[F")
    assert run.shows(r"35-60 of 60 tasks", paged)
    assert "number 60" in run.output[paged:]
    up = run.type("\x1bOA")
    assert run.shows(r"34-59 of 60 tasks", up)
    run.type("git commit --quiet\n" + "f")
    narrow = run.resize(12, 40)
    assert run.shows(r"run .*number 1.*\n(.*\n){7}.*and 52 more", narrow)
    assert "interrupted" not in run.output
    asked = run.type("q")
    assert run.shows("interrupted: ending what runs; once more to end it at once", asked)
    began = time.monotonic()
    run.type("q")

    assert run.end() == 130
    assert time.monotonic() - began < 4, "the second one waits for no grace"
    assert "interrupted: 0 of 60 tasks complete" in run.output
    assert run.has_line_modes


def test_keys_are_for_whoever_reads_them(repo: Repo, on_terminal: Callable[..., OnTerminal]) -> None:
    """Where standard input is something else, the terminal it writes to keeps its modes, and a new size is drawn all the same."""
    repo.write("plan.md", shell_plan(WAITING))
    run = on_terminal(*RUN, stdin=subprocess.DEVNULL)
    assert run.shows("it goes on")

    narrow = run.resize(20, 30)
    assert run.shows(r"1.*run .*number 1", narrow)
    was_left_alone = run.has_line_modes
    repo.write("go", "")

    assert run.end() == 0
    assert was_left_alone
    assert "for help" not in run.output


def test_a_shell_gets_its_terminal_back_whenever_it_is_its_turn(repo: Repo, shell: OnTerminal) -> None:
    """In the background peal is not stopped for the terminal, after Ctrl-Z it is as it was, after `fg` keys are heard again."""
    repo.write("plan.md", shell_plan(WAITING, *["true"] * 20))
    peal = shlex.join([sys.executable, "-m", "peal", *RUN])
    modes = "stty -a | grep -ow -e '-*icanon' -e '-*echo'"

    shell.type(f"{peal} &\n")
    assert shell.shows("it goes on")
    background = shell.type(f"{modes}; jobs; echo ASKED\n")
    assert shell.shows(r"(?m)^icanon\necho$[^@]*Running.*peal run[^@]*^ASKED", background)
    foreground = shell.type("fg\n")
    assert shell.shows("j k to scroll, . for help, q to stop", foreground)
    helped = shell.type("?")
    assert shell.shows("this help", helped)
    stopped = shell.type("\x1a")
    assert shell.shows("Stopped", stopped)
    asked = shell.type(f"{modes}; echo ASKED\n")
    assert shell.shows(r"(?m)^icanon\necho$[^@]*^ASKED", asked)
    again = shell.type("fg\n")
    assert shell.shows("this help", again)
    eventually(lambda: not shell.has_line_modes)
    scrolled = shell.type("xG")
    assert shell.shows("number 21", scrolled)
    over = len(shell.output)
    repo.write("go", "")
    assert shell.shows("everything asked for is done", over)
    told = shell.type(f"echo OVER; {modes}; exit 7\n")

    assert shell.end() == 7
    assert re.search(r"OVER\nicanon\necho\n", shell.output[told:])


def test_a_closed_standard_output_is_no_obstacle(repo: Repo) -> None:
    """`peal run plan.md >&-` has nowhere to print and still does its work."""
    repo.write("plan.md", shell_plan("touch done"))
    command = f"{shlex.join([sys.executable, '-m', 'peal', *RUN])} >&-"

    done = subprocess.run(["sh", "-c", command], cwd=repo.path, env=repo.env, check=False, timeout=60)

    assert done.returncode == 0
    assert (repo.path / "done").exists()


def test_watching_shows_the_same_table_and_ends_with_the_run(
    repo: Repo, on_terminal: Callable[..., OnTerminal]
) -> None:
    """Somebody else's terminal: the table while the run goes on, the status when it is over."""
    repo.write("plan.md", shell_plan(f"(parallel) {WAITING}", "(parallel) true"))
    run = repo.start(*RUN)

    eventually(lambda: "it goes on" in repo.peal("status", code=None).stdout)
    watch = on_terminal("status", "--watch")
    eventually(lambda: "it goes on" in watch.output)
    repo.write("go", "")

    assert watch.end() == 0
    assert run.wait(30) == 0
    seen = Terminal(100).read(watch.output).seen
    assert seen[0].startswith("plan.md: finished")
    assert seen[1] == "2 done"


def test_leaving_the_watch_does_not_touch_the_run(repo: Repo, on_terminal: Callable[..., OnTerminal]) -> None:
    """Ctrl-C, `q` or a signal ends the looking on, quietly, and gives the terminal back as it was."""
    repo.write("plan.md", shell_plan(WAITING))
    run = repo.start(*RUN)
    eventually(lambda: "it goes on" in repo.peal("status", code=None).stdout)
    watches = [on_terminal("status", "--watch") for _ in range(3)]
    by_signal, by_key, by_term = watches
    for watch in watches:
        assert watch.shows("it goes on")
        eventually(lambda watch=watch: not watch.has_line_modes)

    by_key.type("?")
    assert by_key.shows("leave this view, as Ctrl-C does; the run goes on")
    assert by_key.shows("it goes on", by_key.type("q"))
    by_key.type("q")
    by_term.process.send_signal(signal.SIGTERM)
    by_signal.process.send_signal(signal.SIGINT)

    assert [watch.end() for watch in watches] == [130, 130, -signal.SIGTERM]
    assert all(watch.has_line_modes for watch in watches)
    assert "Traceback" not in by_signal.output + by_key.output
    assert run.poll() is None
    repo.write("go", "")
    assert run.wait(30) == 0


def test_watching_without_a_terminal_prints_a_line_per_event(repo: Repo) -> None:
    """Where it stands, then what happens, then how it ended."""
    repo.write("plan.md", shell_plan(WAITING, "true"))
    run = repo.start(*RUN)
    eventually(lambda: "it goes on" in repo.peal("status", code=None).stdout)
    watch = repo.start("status", "--watch")
    assert watch.stdout is not None
    first = [watch.stdout.readline() for _ in range(2)]
    repo.write("go", "")

    rest, _ = watch.communicate(timeout=30)

    assert run.wait(30) == 0
    assert first[0].startswith("plan.md: running for")
    assert first[1] == "1 running, 1 waiting\n"
    assert re.search(r"^..:..:.. task 1 execute passed in .*$", rest, re.MULTILINE)
    assert re.search(r"^plan.md: finished .*exit code 0", rest, re.MULTILINE)


def test_the_table_is_not_loaded_without_a_terminal(repo: Repo) -> None:
    """It would cost every run in a pipe a tenth of a second."""
    repo.write("plan.md", shell_plan("true"))
    source = (
        f"import sys; sys.argv = ['peal', *{RUN!r}]\n"
        "from peal.cli import main\n"
        "main()\nprint('peal.views.screens.live' in sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", source],
        cwd=repo.path,
        env=repo.env,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.splitlines()[-1] == "False"


def test_paths_in_what_is_said_keep_their_place(tmp_path: Path) -> None:
    """A line that is said keeps its words; only what a terminal would obey goes."""
    stream = io.StringIO()

    Lines(Output(stream)).say(f"    | ünder {tmp_path} [/bold]")

    assert stream.getvalue() == f"    | ünder {tmp_path} [/bold]\n"


def test_a_question_of_a_phase_is_no_failure() -> None:
    answer = PhaseResult("WRK-001", "execute", "blocked", "Which?")
    question = Outcome(Result.REJECTED, "Which?", answer=answer)
    seen = scene(
        titles("One", "Two"),
        evolve(opened(), is_open_ended=True),
        started(0, "1", EXECUTE),
        ended(1, "1", EXECUTE, question),
    )
    seen = evolve(seen, begun=frozenset({"1"}))

    wide, narrow = shown(seen, 2, 80, 6), shown(seen, 2, 38, 6)

    assert "0 done, 0 running, 1 blocked" in wide
    assert "fail" not in wide + narrow
    assert "1 ask" in narrow
    assert live_module.told(ended(1, "1", EXECUTE, question)) == "bold yellow"
    assert live_module.told(ended(1, "1", EXECUTE, FAILED)) == "red"


def standing_still() -> Scene:
    """Nothing runs: a usage limit, a provider, a branch that others are at, and a person are waited for."""
    limited = Outcome(Result.LIMITED, "limit", until=START + 3600, agent="claude")
    set_back = Outcome(Result.TRANSIENT, "status 529", until=START + 90)
    run = opened(lands=True)
    phases = tuple(evolve(phase, agents=("claude",)) for phase in run.pipelines["plan"].phases[:2])
    other = Pipeline((*phases, *run.pipelines["plan"].phases[2:]))
    tasks = titles("Waits for claude", "Not begun", "Set back", "Reviewed later", "Held").tasks
    by_claude = (evolve(task, pipeline="by claude") if task.id in "12" else task for task in tasks)
    item = Reason(("BEL-001",), "waits for BEL-002", is_wait=True)
    made = scene(
        PlanRead(START, tuple(by_claude)), evolve(run, pipelines={**run.pipelines, "by claude": other}),
        *complete(0, "5"), started(4, "5", LAND), ended(5, "5", LAND, HELD),
        started(0, "4", PLAN), ended(1, "4", PLAN), started(1, "4", EXECUTE), ended(10, "4", EXECUTE),
        started(10, "3", PLAN), ended(30, "3", PLAN, set_back),
        started(10, "1", PLAN), ended(40, "1", PLAN, limited),
        waits="it waits",
    )  # fmt: skip
    return evolve(made, decision=Decision(reasons=(*made.decision.reasons, item)))


_WAITS = (
    "waiting: 2 at the usage limit of `claude` until 01:16, for 20s; 1 for the provider (asked again at 00:18:10), for 30s; "
    "1 for the branch, for 50s; 1 for you, for 55s"
)


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (170, _WAITS),
        (72, "2 limit till 01:16, 1 provider till 00:18:10, 1 branch, 1 you"),
        (39, "2 limit till 01:16, 1 provider till 00…"),
    ],
)
def test_what_is_waited_for_is_told_with_its_time(stage: Stage, width: int, expected: str) -> None:
    """Also of a task that nobody has begun, which waits as long as those that met the limit; not of an item that has no task yet."""
    screen = shown(standing_still(), 60, width, 12).splitlines()

    assert screen[2] == expected
    if width == 170:
        assert [line.partition("for ")[2] for line in screen[3:]] == [
            "claude  for 20s: it waits", "", "30s: it waits", "50s: it waits", "55s: `a.txt` is changed in your tree",
        ]  # fmt: skip


ESTIMATED = {"per_hour": 41.2, "ends_at": START + 7265}


@pytest.mark.parametrize(
    ("told", "width", "expected"),
    [
        (ESTIMATED, 100, "41 tasks an hour, ends about 02:18 if the rest takes as long"),
        (ESTIMATED, 39, "41/h, ends about 02:18"),
        (ESTIMATED, 20, "ends about 02:18"),
        ({"per_hour": 1.24}, 100, "1.2 tasks an hour"),
        ({"ends_at": START + 141}, 100, "ends about 00:19:00 if the rest takes as long"),
        ({"ends_at": START - 100}, 39, "ends about 00:16:40"),
    ],
)
def test_when_the_run_ends_is_told_as_an_estimate(
    stage: Stage, told: dict[str, float], width: int, expected: str
) -> None:
    """As exactly as it can be known, and never in the past."""
    screen = shown(evolve(machine(), **told), 2, width, 20)

    assert screen.splitlines()[2] == expected


@pytest.mark.parametrize(
    ("cost", "width", "expected"),
    [
        (1.5, 80, "plans/machine.md  2.0s  0 of 1 done, 0 running, 1 waiting, $1.50"),
        (None, 80, "plans/machine.md  2.0s  0 of 1 done, 0 running, 1 waiting, 1.2k tokens"),
        (1.5, 39, "plans/machine.md  2.0s  0/1 0 run $1.50"),
        (1.5, 20, "2.0s  0/1 0 run"),
    ],
)
def test_what_was_used_so_far_is_told_where_there_is_room(
    cost: float | None, width: int, expected: str
) -> None:
    """Money where anybody told, and else tokens."""
    dear = Outcome(Result.PASSED, usage=(Usage("opus", 1000, 0, 0, 200, cost),))
    spent = scene(titles("a"), opened(), started(0, "1", PLAN), ended(1, "1", PLAN, dear))

    assert shown(spent, 2, width, 8).splitlines()[0] == expected


def test_nothing_is_told_of_an_end_that_nobody_can_tell() -> None:
    assert "hour" not in shown(machine(), 2, 100, 20)
    assert "ends" not in shown(machine(), 2, 100, 20)


def many() -> Scene:
    """300 tasks one after another, the twentieth of which is at work; the third has failed and the fifth is held."""
    through = [event for number in (1, 2, 4, *range(6, 20)) for event in landed(str(number))]
    made = scene(
        titles(*(f"task {number}" for number in range(1, 301)), parallel=False),
        opened(lands=True, continue_with_remaining_tasks=1), *through,
        started(1, "3", PLAN), ended(2, "3", PLAN, FAILED),
        *complete(3, "5"), started(6, "5", LAND), ended(7, "5", LAND, HELD),
        started(20, "20", PLAN),
    )  # fmt: skip
    segments = tuple(Segment((task,)) for task in made.history.states)
    return evolve(made, segments=segments, decision=Decision(front=("20",)))


def landed(task: str) -> list[Event]:
    """A task went through all phases of a run that lands."""
    return [*complete(0, task), started(3, task, LAND), ended(4, task, LAND)]


def test_of_300_tasks_those_that_matter_are_seen_and_the_rest_is_counted() -> None:
    """What has failed or is held, what runs, and what comes next, wherever they stand; also where it is narrow."""
    ids = [line.split()[0] for line in shown(many(), 21, 39, 30).splitlines()[3:]]

    assert ids == ["3", "5", "20", "21", "22", "23", "24", "25", "…"]
    assert shown(many(), 21, 39, 7) == text("""
        plans/machi…  21s  17/300 1 run 1 fail
        ━────────────────────────────────   5 %
        20 run   1.0s task 20
         3 fail  1.0s task 3
         5 held  4.0s task 5
        21 wait       task 21
        … and 296 more
    """)


HEARD = View(keys=OF_RUN)


def test_a_list_of_all_tasks_can_be_scrolled() -> None:
    """It opens where the work is; its end says which part is seen."""
    seen = render(many(), START + 21, 80, 12, HEARD)
    down = turned(HEARD, "down", seen.extent)

    assert plain(seen.rows[-1]) == "… and 292 more   j k to scroll, ? for help, q to stop"
    assert seen.extent == Extent(here=19, page=8, last=292)
    screen = shown(many(), 21, 80, 12, down).splitlines()
    assert [line.split()[0] for line in screen[3:-1]] == ["21", "22", "23", "24", "25", "26", "27", "28"]
    assert screen[-1] == "21-28 of 300 tasks   f for what matters   j k to scroll, ? for help, q to stop"


@pytest.mark.parametrize(
    ("top", "key", "expected"),
    [
        (None, "j", 20),
        (None, "k", 18),
        (None, "page down", 26),
        (None, "home", 0),
        (0, "up", 0),
        (5, "page up", 0),
        (291, " ", 292),
        (7, "G", 292),
        (7, "f", None),
        (7, "x", 7),
        (7, "", 7),
    ],
)
def test_keys_scroll_no_further_than_there_is_something(
    top: int | None, key: str, expected: int | None
) -> None:
    assert turned(View(top), key, Extent(here=19, page=8, last=292)).top == expected


def test_where_all_tasks_are_seen_there_is_nothing_to_scroll() -> None:
    seen = render(machine(), START + 65, 80, 20, HEARD)

    assert turned(HEARD, "j", seen.extent) == HEARD
    assert plain(seen.rows[-1]) == "j k to scroll, ? for help, q to stop"


@pytest.mark.parametrize(("width", "height"), [(100, 30), (39, 20), (39, 11), (19, 40), (30, 3), (10, 6)])
def test_help_fits_into_what_there_is(width: int, height: int) -> None:
    """Every key with what it does, or as many as have room, from what matters most on; any key leads back."""
    asked = turned(HEARD, "?", NO_MORE)
    seen = [plain(row) for row in render(many(), START + 21, width, height, asked).rows]

    assert len(seen) <= height
    assert max(map(cell_len, seen)) <= width
    if width >= 39:
        words = " ".join(" ".join(line[12:] for line in seen[1:]).split())
        assert "end the run as Ctrl-C does" in words
        assert "`peal resume` goes on later" in words
        assert "any key goes back" in words
    assert turned(asked, "q", NO_MORE) == turned(asked, "?", NO_MORE) == HEARD


def test_no_letter_shifts_the_column_behind_it() -> None:
    """Terminals differ in how wide a family is; what comes next begins at its own column in all of them."""
    stream = io.StringIO()
    area = Area(Output(stream))
    families = scene(
        titles("👨‍👩‍👧 family", "日本語", "plain"), opened(), started(0, "1", PLAN), waits="it waits"
    )

    area.draw(render(families, START + 1, 100, 8).rows)

    drawn = Terminal(100).read(stream.getvalue()).seen
    columns = [line.index("it waits") for line in drawn if "it waits" in line]
    assert len(columns) == 2
    assert columns[0] == columns[1] == drawn[2].index("step 2")

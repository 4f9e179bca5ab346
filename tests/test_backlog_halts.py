"""Targets one after another, the circuit breaker, and every way in which a run of the backlog ends."""

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from peal.backlog.breaker import Breaker, Event
from peal.backlog.halts import ROWS, End, halt_of, row_of, still_open, summary
from peal.backlog.item import Blocked, Item
from peal.backlog.selection import View
from peal.backlog.targets import Targets, Turn, targets_of, turn
from peal.errors import PealError
from peal.settings import ItemPhaseSettings, PipelineSettings

PIPELINES = {"feature": PipelineSettings(phases=(ItemPhaseSettings("build"),))}


def _item(id_: str, status: str = "ready", **more: Any) -> Item:
    held = Blocked("ready", "decision", "why", "2026-01-01") if status == "blocked" else None
    return Item(id_, id_, status, blocked=held, **more)  # type: ignore[arg-type]


class Run:
    """A run of targets, told as what becomes of each item that is worked on."""

    def __init__(self, targets: str, *items: Item, auto_advance: bool = False, **becomes: str) -> None:
        self.items = {one.id: one for one in items}
        self.becomes = becomes
        self.targets = targets_of(targets.split(), auto_advance)
        self.blocked: list[str] = []
        self.worked_on: list[str] = []
        self.told: list[str] = []
        self.halted = ""
        while self.work():
            pass

    def work(self) -> bool:
        found = self.turn()
        if found.targets.current:
            now = found.targets.current
            status = self.becomes.get(now, "done")
            self.worked_on.append(now)
            self.items[now] = _item(now, status)
            if status == "blocked":
                self.blocked.append(now)
        return bool(found.targets.current)

    def turn(self) -> Turn:
        found = turn(self.targets, View(self.items, PIPELINES), self.blocked)
        self.targets, self.halted = found.targets, found.halted
        self.told += found.told
        return found

    @property
    def end(self) -> End:
        done = [id_ for id_ in self.worked_on if self.items[id_].status == "done"]
        left = still_open(self.items, self.targets.ids)
        return End(tuple(done), tuple(self.blocked), left, is_targeted=True, halted_target=self.halted)

    @property
    def code(self) -> int:
        return halt_of(self.end).code


def _items(names: str, **more: Any) -> list[Item]:
    return [_item(name, **more) for name in names.split()]


# Targets


def test_multi_target_processes_in_order() -> None:
    run = Run("C A B", *_items("A B C D"))

    assert run.worked_on == ["C", "A", "B"]
    assert run.told == [
        "[target] C completed (1/3).",
        "[target] Next: A (2/3).",
        "[target] A completed (2/3).",
        "[target] Next: B (3/3).",
        "[target] B completed (3/3).",
    ]
    assert (run.code, halt_of(run.end).why) == (0, "everything asked for is done")


def test_multi_target_halts_on_block() -> None:
    """Also `test_auto_advance_backward_compat`: without the flag the second target is not worked on."""
    run = Run("A B", *_items("A B"), A="blocked")

    assert run.worked_on == ["A"]
    assert run.told == ["[target] A blocked (1/2). Halting."]
    assert (run.code, halt_of(run.end).why) == (1, "target A is blocked; no item is completed")


def test_a_block_after_a_completed_target_halts_with_0() -> None:
    run = Run("A B C", *_items("A B C"), B="blocked")

    assert run.worked_on == ["A", "B"]
    assert (run.code, halt_of(run.end).why) == (0, "target B is blocked; item `A` is completed")


def test_auto_advance_skips_blocked_target() -> None:
    run = Run("A B", *_items("A B"), auto_advance=True, A="blocked")

    assert run.worked_on == ["A", "B"]
    assert run.told[:2] == ["[target] A blocked (1/2). Auto-advancing.", "[target] Next: B (2/2)."]
    assert run.code == 0
    assert summary(run.end) == ("0 phases, 1 completed, 1 blocked", "completed: B", "blocked: A")


@pytest.mark.parametrize("targets", ["A", "A B"])
def test_auto_advance_all_targets_blocked(targets: str) -> None:
    """One target is enough: `test_auto_advance_single_target_blocked`."""
    run = Run(targets, *_items("A B"), auto_advance=True, A="blocked", B="blocked")

    assert (" ".join(run.worked_on), run.halted, run.code) == (targets, "", 1)


def test_the_turn_tells_when_a_blocked_target_is_left_behind() -> None:
    """By then the count of exhausted items starts afresh, and its state has to be kept."""
    view = View({"A": _item("A", "blocked"), "B": _item("B")}, PIPELINES)

    assert turn(targets_of(["A", "B"], auto_advance=True), view, ["A"]).has_advanced
    assert not turn(targets_of(["A", "B"], auto_advance=True), view, []).has_advanced


@pytest.mark.parametrize("auto_advance", [True, False])
def test_advance_mixed_states(auto_advance: bool) -> None:
    """What cannot be worked on is skipped with a word, with and without the flag."""
    items = (_item("A", "done"), _item("B", "blocked"), _item("D", "cancelled"), _item("E"))
    run = Run("A B C D E", *items, auto_advance=auto_advance)

    assert run.worked_on == ["E"]
    assert run.told == [
        "[target] A already done. Skipping (1/5).",
        "[target] B already blocked. Skipping (2/5).",
        "[target] C not found (archived?). Skipping (3/5).",
        "[target] D already cancelled. Skipping (4/5).",
        "[target] Next: E (5/5).",
        "[target] E completed (5/5).",
    ]
    assert run.code == 0


def test_multi_target_all_done_at_startup() -> None:
    run = Run("A B", _item("A", "done"), _item("B", "done"))

    assert (run.code, halt_of(run.end).why) == (0, "nothing is open")


def test_w16_targets_that_were_all_blocked_before_are_no_success() -> None:
    """phase-golem ended with 0 and nothing done."""
    run = Run("A B", _item("A", "blocked"), _item("B", "blocked"), auto_advance=True)

    assert (run.worked_on, run.code) == ([], 1)
    assert "none of 2 open items can be worked on" in halt_of(run.end).why


@pytest.mark.parametrize("auto_advance", [True, False])
def test_w16_a_target_that_waits_for_a_later_one_is_taken_up_again(auto_advance: bool) -> None:
    """phase-golem ended at once, with 0 and nothing done."""
    run = Run("B A C", _item("B", depends=("A",)), *_items("A C"), auto_advance=auto_advance)

    assert run.worked_on == ["A", "B", "C"]
    assert run.told[:4] == [
        "[target] B depends on A, which is ready. Passing over (1/3).",
        "[target] Next: A (2/3).",
        "[target] A completed (2/3).",
        "[target] Next: B (1/3).",
    ]
    assert run.code == 0


def test_w16_a_target_that_waits_for_something_else_ends_the_run_with_1() -> None:
    run = Run("A", _item("A", depends=("B",)), _item("B"))

    assert run.told == ["[target] A depends on B, which is ready. Passing over (1/1)."]
    assert (run.worked_on, run.code) == ([], 1)


def test_what_a_target_waits_for_is_said_once() -> None:
    run = Run("A", _item("A", depends=("B",)), _item("B"))

    assert run.turn().told == ()
    run.items["B"] = _item("B", "cancelled")
    assert run.turn().told == ("[target] A depends on B, which is cancelled. Passing over (1/1).",)


def test_a_target_stays_the_current_one_between_its_phases() -> None:
    """Also when one that was passed over could go on by then."""
    items = {"A": _item("A", depends=("X",)), "B": _item("B"), "X": _item("X")}
    first = turn(targets_of(["A", "B"]), View(items, PIPELINES), ()).targets

    items["X"] = _item("X", "done")
    running = turn(first, View(items, PIPELINES, running={"B": "build"}, held={"B": "is edited"}), ())
    between = turn(first, View(items, PIPELINES), ())

    assert (first.current, running.targets, between.targets.current) == ("B", first, "B")


def test_a_target_whose_file_is_edited_is_passed_over() -> None:
    view = View({one: _item(one) for one in "AB"}, PIPELINES, held={"A": "has uncommitted edits"})
    found = turn(targets_of(["A", "B"]), view, ())

    assert found.targets.current == "B"
    assert found.told[0] == "[target] A has uncommitted edits. Passing over (1/2)."


def test_a_target_that_is_given_twice_is_refused() -> None:
    with pytest.raises(PealError, match="more than one `--target` means `B`, `A`; give each once"):
        targets_of(["B", "A", "B", "A", "C"])


def test_advance_empty_targets() -> None:
    assert turn(targets_of([]), View({}, PIPELINES), ()) == Turn(Targets(()))


# The circuit breaker


@pytest.mark.parametrize(
    ("events", "tripped"),
    [
        ("exhausted exhausted", "the retries of 2 items in a row are used up"),
        ("exhausted succeeded exhausted", ""),  # W17: a success in between is no row
        ("exhausted blocked exhausted", ""),
        ("exhausted auto_advanced exhausted", ""),  # test_auto_advance_circuit_breaker_not_tripped
        ("system_failure system_failure", "2 failures in a row to get an answer from an agent"),
        ("system_failure succeeded system_failure", ""),
        # W17: a broken machine does not burn every target
        ("system_failure auto_advanced system_failure", "2 failures in a row to get an answer from an agent"),
        ("system_failure exhausted system_failure", "2 failures in a row to get an answer from an agent"),
        ("exhausted system_failure", ""),
    ],
)
def test_w17_what_trips_the_circuit_breaker(events: str, tripped: str) -> None:
    breaker = Breaker()
    for event in events.split():
        breaker = breaker.after(event)  # type: ignore[arg-type]

    assert breaker.tripped == tripped


@pytest.mark.parametrize("event", ["exhausted", "system_failure"])
def test_each_count_has_its_own_limit(event: Event) -> None:
    breaker = Breaker(max_system_failures=1, max_exhausted=3).after(event)

    assert bool(breaker.tripped) is (event == "system_failure")


# How runs end

_STUCK = End(open=("A", "B"))
_ENDS = {
    "circuit breaker": (End(("A",), breaker="2 failures in a row"), "2 failures in a row"),
    "paused": (End(("A",), paused="`claude` is at its limit"), "paused: `claude` is at its limit"),
    "target blocked, others completed": (
        End(("A",), ("B",), ("B",), is_targeted=True, halted_target="B"),
        "target B is blocked; item `A` is completed",
    ),
    "triaged": (
        evolve(_STUCK, is_triage=True, passed=2, blocked=("B",), cap=3),
        "2 items triaged; item `B` is blocked; 3 phases begun, as many as the cap allows",
    ),
    "target blocked": (
        End((), ("B",), ("B",), is_targeted=True, halted_target="B"),
        "target B is blocked; no item is completed",
    ),
    "cap reached, only blocked": (
        evolve(_STUCK, blocked=("B",), cap=3, passed=2),
        "3 phases begun, as many as the cap allows; item `B` is blocked and no item is completed",
    ),
    "cap reached": (
        evolve(_STUCK, cap=3),
        "3 phases begun, as many as the cap allows; `peal backlog run` goes on",
    ),
    "all completed": (End(("A",)), "everything asked for is done"),
    "some completed": (
        End(("A", "C"), ("B",), ("B",), held=("B",)),
        "items `A`, `C` are completed; 1 other item cannot go on now",
    ),
    "all blocked": (
        End((), ("B", "A"), ("A", "B"), passed=3),
        "items `A`, `B` are blocked and no item is completed",
    ),
    "no matching items": (End(only="tag=x", has_matched=False), "no item matches tag=x"),
    "nothing open": (End(only="tag=x"), "nothing is open"),
    "held": (
        evolve(_STUCK, held=("A",), passed=1),
        "item `A` is held for what was told above; mend that, and run again",
    ),
    "nothing more to begin": (
        evolve(_STUCK, passed=4),
        "4 phases passed; 2 other items cannot go on now",
    ),
    "nothing can be worked on": (
        evolve(_STUCK, passed=4, is_targeted=True),
        "none of 2 open items can be worked on; `peal backlog run --dry-run --explain` says why",
    ),
}
_CODES = {
    "circuit breaker": 3,
    "paused": 4,
    "held": 4,
    "target blocked": 1,
    "cap reached, only blocked": 1,
    "all blocked": 1,
    "nothing can be worked on": 1,
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_row_of_the_table_is_an_end(row: Any) -> None:
    end, why = _ENDS[row.name]

    assert row_of(end) is row
    assert (halt_of(end).code, halt_of(end).why) == (_CODES.get(row.name, 0), why)


@pytest.mark.parametrize(
    ("completed", "blocked", "code"),
    [(("A",), (), 0), (("A",), ("B",), 0), ((), ("B",), 1), ((), (), 0)],
)
@pytest.mark.parametrize("cap", [None, 5])
def test_the_exit_table_of_phase_golem_holds(
    completed: tuple[str, ...], blocked: tuple[str, ...], code: int, cap: int | None
) -> None:
    assert halt_of(End(completed, blocked, blocked, cap=cap)).code == code


def test_nothing_open_is_0_and_nothing_that_can_be_worked_on_is_1() -> None:
    assert halt_of(End()).code == 0
    assert halt_of(_STUCK).code == 1


def test_an_item_that_was_blocked_and_completed_after_all_is_completed() -> None:
    """Each is listed once: `test_build_summary_deduplicates_items_blocked`."""
    end = End(
        ("A-10", "A-9"), ("A-2", "A-9", "A-2"), ("A-2",), begun=12, follow_ups=("A-11",), merged=("A-3",), only="tag=x"
    )  # fmt: skip

    assert summary(end) == (
        "12 phases, 2 completed, 1 blocked, 1 follow-up, 1 merged",
        "completed: A-9, A-10",
        "blocked: A-2",
        "follow-ups: A-11",
        "merged: A-3",
        "only: tag=x",
    )
    assert halt_of(End(("A",), ("A",))).why == "everything asked for is done"


def test_the_page_of_the_backlog_has_the_table() -> None:
    pages = Path(__file__).parents[1].glob("docs/*backlog*")
    text = "".join(page.read_text(encoding="utf-8") for page in pages)

    assert [row.name for row in ROWS if f"| {row.name} | {row.when} | {row.code} |" not in text] == []

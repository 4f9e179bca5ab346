"""What of a backlog begins next: first as stories, then as laws that hold in every backlog, then what it costs."""

import heapq
import random
import time
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import pytest
from attrs import define, evolve, field
from hypothesis import given, settings
from hypothesis import strategies as st

from peal.backlog.item import Blocked, Item
from peal.backlog.pipelines import next_step, pipeline_of, usual
from peal.backlog.selection import Limits, Selection, View, hindrance, select
from peal.errors import PealError
from peal.model.phase_result import TRIAGE
from peal.settings import ItemPhaseSettings, PipelineSettings


def _phase(name: str) -> ItemPhaseSettings:
    """A phase; one whose name ends in `!` is destructive."""
    return ItemPhaseSettings(name.rstrip("!"), is_destructive=name.endswith("!"))


def _pipeline(phases: str, pre: str = "") -> PipelineSettings:
    return PipelineSettings(tuple(map(_phase, pre.split())), tuple(map(_phase, phases.split())))


FEATURE = {"feature": _pipeline("prd build! review", pre="research scope")}


def _item(id_: str, status: str = "new", phase: str = "", **more: Any) -> Item:
    if status == "blocked":
        more.setdefault("blocked", Blocked("in_progress", "decision", "which colour?", "2026-01-01"))
    more.setdefault("created", "2026-01-01")
    return Item(id_, f"item {id_}", status, phase, **more)  # type: ignore[arg-type]


def _view(*items: Item, pipelines: Mapping[str, PipelineSettings] = FEATURE, **more: Any) -> View:
    """A view of these items; what is not of the view is a limit of it."""
    limits = {key: more.pop(key) for key in list(more) if hasattr(Limits(), key)}
    return View({one.id: one for one in items}, pipelines, Limits(**limits), **more)


def _ready(*items: Item, **more: Any) -> list[str]:
    return list(select(_view(*items, **more)).ready)


def _why(selection: Selection) -> dict[str, str]:
    return {item: reason.text for reason in selection.reasons for item in reason.tasks}


# Which phase comes next


@pytest.mark.parametrize(
    ("status", "phase", "expected"),
    [
        ("new", "", (TRIAGE, -1)),
        ("scoping", "", ("research", 0)),
        ("scoping", "scope", ("scope", 1)),
        ("ready", "", ("prd", 2)),
        ("ready", "scope", ("prd", 2)),
        ("in_progress", "", ("prd", 2)),
        ("in_progress", "review", ("review", 4)),
    ],
)
def test_an_item_has_one_next_phase(status: str, phase: str, expected: tuple[str, int]) -> None:
    step = next_step(_item("A-1", status, phase), FEATURE)

    assert (step.phase, step.index) == expected


@pytest.mark.parametrize("status", ["scoping", "in_progress"])
def test_a_phase_that_is_not_in_the_pipeline_is_told(status: str) -> None:
    """Silence would leave the item lying for ever."""
    found = select(_view(_item("A-1", status, "nowhere")))

    assert found.ready == ()
    assert "`nowhere` is not among them; `peal backlog advance A-1 --to PHASE`" in _why(found)["A-1"]


def test_a_phase_of_the_other_pool_is_not_the_next_one() -> None:
    assert (
        "`research` is not among them" in _why(select(_view(_item("A-1", "in_progress", "research"))))["A-1"]
    )


def test_an_item_that_is_scoped_by_a_pipeline_without_pre_phases_is_told() -> None:
    found = select(_view(_item("A-1", "scoping"), pipelines={"feature": _pipeline("build")}))

    assert "the `pre_phases` of its pipeline are none: it needs one" in _why(found)["A-1"]


def test_an_unknown_pipeline_is_told_and_holds_no_other_item() -> None:
    found = select(_view(_item("A-1", "scoping", pipeline="fast"), _item("A-2", "scoping")))

    assert found.ready == ("A-2",)
    assert _why(found) == {"A-1": "there is no pipeline `fast` for item A-1; the settings have `feature`"}


def test_an_item_that_names_no_pipeline_has_the_usual_one() -> None:
    one, two = _pipeline("a"), _pipeline("b")

    assert usual({"fast": one}) == "fast"
    assert usual({"fast": one, "feature": two}) == "feature"
    assert pipeline_of(_item("A-1"), {"fast": one, "feature": two}) is two
    assert pipeline_of(_item("A-1", pipeline="fast"), {"fast": one, "feature": two}) is one
    with pytest.raises(PealError, match=r"write `\[pipelines.feature\]` into `peal.toml`"):
        pipeline_of(_item("A-1"), {})
    with pytest.raises(PealError, match="the settings have `a`, `b`"):
        pipeline_of(_item("A-1"), {"a": one, "b": two})


# The scenarios of phase-golem's select_actions, under their names


def test_select_actions_empty_backlog_returns_empty() -> None:
    assert select(_view()) == Selection()


def test_select_actions_all_done_returns_empty() -> None:
    """What is over needs no reason."""
    assert select(_view(_item("A-1", "done"), _item("A-2", "cancelled"))) == Selection()


def test_select_actions_all_blocked_returns_empty() -> None:
    found = select(_view(_item("A-1", "blocked")))

    assert found.ready == ()
    assert _why(found) == {
        "A-1": "blocked by decision: which colour?; `peal backlog unblock A-1` lets it go on"
    }


def test_select_actions_promotes_ready_items_when_under_max_wip() -> None:
    assert _ready(_item("A-1", "ready"), _item("A-2", "ready"), max_wip=2) == ["A-1", "A-2"]


def test_select_actions_respects_max_wip_limit() -> None:
    found = select(
        _view(_item("A-1", "in_progress", "prd"), _item("A-2", "ready"), _item("A-3", "ready"), max_wip=2)
    )

    assert found.ready == ("A-1", "A-2")
    assert _why(found) == {"A-3": "at most 2 items may be in progress"}


def test_a_ready_item_whose_first_phase_runs_counts_as_in_progress() -> None:
    assert _ready(_item("A-1", "ready"), _item("A-2", "ready"), running={"A-1": "prd"}) == []


def test_an_item_whose_phase_is_in_no_pipeline_does_not_count_as_in_progress() -> None:
    """It goes on when a person has put it right; till then the others do."""
    assert _ready(_item("A-1", "in_progress", "nowhere"), _item("A-2", "ready"), max_wip=1) == ["A-2"]


def test_blocked_items_do_not_count_as_in_progress() -> None:
    assert _ready(_item("A-1", "blocked"), _item("A-2", "ready")) == ["A-2"]


def test_without_a_limit_every_ready_item_may_begin() -> None:
    """For items that a person asks for by name."""
    items = (_item("A-1", "in_progress", "prd"), _item("A-2", "ready"))

    assert _ready(*items, max_wip=None, mask={"A-2"}) == ["A-2"]


def test_select_actions_in_progress_advance_furthest_first() -> None:
    items = (_item("A-1", "in_progress", "prd"), _item("A-2", "in_progress", "review"))

    assert _ready(*items) == ["A-2", "A-1"]


def test_select_actions_in_progress_before_scoping_and_triage_after_phases() -> None:
    items = (
        _item("A-1"),
        _item("A-2", "scoping"),
        _item("A-3", "scoping", "scope"),
        _item("A-4", "in_progress"),
    )

    assert _ready(*items) == ["A-4", "A-3", "A-2", "A-1"]


def test_a_ready_item_stands_where_its_first_phase_is() -> None:
    """It is promoted together with that phase, so it is no further than one that is in it."""
    items = (_item("A-1", "ready"), _item("A-2", "in_progress", "review"), _item("A-3", "in_progress", "prd"))

    assert _ready(*items, max_wip=3) == ["A-2", "A-1", "A-3"]


def test_select_actions_skips_already_running_items() -> None:
    found = select(_view(_item("A-1"), _item("A-2"), running={"A-1": TRIAGE}))

    assert found == Selection(("A-2",))


def test_select_actions_promotion_tiebreaks_by_impact() -> None:
    items = [
        _item(f"A-{at}", "ready", impact=impact) for at, impact in enumerate((None, "low", "high", "medium"))
    ]

    assert _ready(*items, max_wip=4) == ["A-2", "A-3", "A-1", "A-0"]


def test_priority_then_impact_then_age_then_id_decide() -> None:
    items = (
        _item("A-10"),
        _item("A-9"),
        _item("A-8", created=""),
        _item("A-7", created="2025-12-31"),
        _item("A-6", impact="low"),
        _item("A-5", priority=1),
        _item("A-4", priority=-1, impact="high"),
    )

    assert _ready(*items) == ["A-5", "A-6", "A-7", "A-9", "A-10", "A-8", "A-4"]


# Destructive phases


def test_select_actions_destructive_phase_is_exclusive() -> None:
    found = select(_view(_item("A-1", "in_progress", "build"), _item("A-2", "in_progress", "prd")))

    assert found.ready == ("A-1",)
    assert _why(found) == {"A-2": "A-1/build comes first and runs alone"}


def test_select_actions_destructive_running_blocks_all() -> None:
    items = (_item("A-1", "in_progress", "build"), _item("A-2", "in_progress", "prd"), _item("A-3"))
    found = select(_view(*items, running={"A-1": "build"}))

    assert found.ready == ()
    assert _why(found) == {"A-2": "A-1/build runs alone", "A-3": "A-1/build runs alone"}


def test_select_actions_no_destructive_when_non_destructive_running() -> None:
    items = (_item("A-1", "in_progress", "build"), _item("A-2", "in_progress", "prd"))
    found = select(_view(*items, running={"A-2": "prd"}, passes=3))

    assert (found.ready, found.waiting) == ((), "A-1")
    assert _why(found) == {
        "A-1": "build is destructive and begins when nothing else runs (passed 3 of 8 times)"
    }


def test_a_phase_whose_item_is_gone_may_be_destructive() -> None:
    assert _ready(_item("A-1", "in_progress", "build"), running={"A-9": "build"}) == []
    assert _ready(_item("A-1"), running={"A-9": "build"}) == []
    assert _ready(_item("A-1"), running={"A-9": TRIAGE}) == ["A-1"]


def test_isolated_destructive_phases_run_side_by_side() -> None:
    items = (_item("A-1", "in_progress", "build"), _item("A-2", "in_progress", "build"), _item("A-3"))

    assert _ready(*items, destructive="isolated", running={"A-1": "build"}) == ["A-2", "A-3"]


def test_w23_others_pass_a_waiting_destructive_phase_a_bounded_number_of_times() -> None:
    """No place is left empty while it waits, and it is not put off for ever."""
    items = (
        _item("A-1", "in_progress", "build"),
        _item("A-2", "in_progress", "prd"),
        _item("A-3"),
        _item("A-4"),
    )
    running = {"A-2": "prd"}

    first = select(_view(*items, running=running, max_passes=3, places=3))
    later = select(_view(*items, running=running, max_passes=3, places=3, passes=2))
    last = select(_view(*items, running=running, max_passes=3, places=3, passes=3))
    drained = select(_view(*items, max_passes=3, places=3, passes=3))

    assert [found.ready for found in (first, later, last)] == [("A-3", "A-4"), ("A-3",), ()]
    assert _why(last)["A-3"] == "A-1/build comes first and runs alone"
    assert drained.ready == ("A-1",)
    assert (first.passes_after(1), drained.passes_after(3)) == (2, 0)


def test_w23_a_destructive_phase_goes_ahead_of_what_would_leave_places_empty() -> None:
    """What is further waits for company: three reviews at once take as long as one."""
    items = (_item("A-1", "in_progress", "review"), _item("A-2", "in_progress", "build"))

    assert _ready(*items, places=1) == ["A-1"]
    assert _ready(*items, places=2) == ["A-2"]
    assert _ready(*items, _item("A-3"), places=2) == ["A-1", "A-3"]


# Dependencies, over the whole backlog


@pytest.mark.parametrize("status", ["new", "scoping", "ready", "in_progress"])
@pytest.mark.parametrize(
    ("needed", "why"),
    [
        (_item("A-9", "done"), ""),
        (_item("A-9", "cancelled"), "depends on A-9, which is cancelled"),
        (_item("A-9", "blocked"), "depends on A-9, which is blocked"),
        (_item("A-9", "in_progress", "prd"), "depends on A-9, which is in progress"),
        (_item("A-8", "done"), "depends on A-9, which is not in the backlog"),
    ],
)
def test_an_item_begins_when_all_it_depends_on_is_done(status: str, needed: Item, why: str) -> None:
    """`test_*_with_unmet_dep_*`, `test_*_with_met_dep_*`; one that is missing is not met, unlike there."""
    item = _item("A-1", status, depends=("A-9",))
    found = select(_view(item, needed, mask={"A-1"}, max_wip=2))

    assert found.ready == (() if why else ("A-1",))
    assert _why(found) == ({"A-1": why} if why else {})


def test_ready_item_with_partial_deps_not_promoted() -> None:
    item = _item("A-1", "ready", depends=("A-2", "x-0f", "A-3"))
    found = select(_view(item, _item("A-2", "done"), _item("x-0f"), mask={"A-1"}))

    assert _why(found) == {
        "A-1": "depends on x-0f, which is new; depends on A-3, which is not in the backlog"
    }


def test_unmet_dep_does_not_consume_wip_slot() -> None:
    items = (_item("A-1", "ready", priority=9, depends=("A-3",)), _item("A-2", "ready"), _item("A-3"))

    assert _ready(*items) == ["A-2", "A-3"]


def test_an_item_in_progress_does_not_keep_the_place_that_what_it_waits_for_needs() -> None:
    assert _ready(_item("A-1", "in_progress", "prd", depends=("A-2",)), _item("A-2", "ready")) == ["A-2"]


def test_w16_dependencies_outside_what_is_asked_for_are_seen() -> None:
    """phase-golem ran a tagged item before its unfinished dependency."""
    found = select(_view(_item("A-1"), _item("A-2", depends=("A-1",)), mask={"A-2"}))

    assert found.ready == ()
    assert _why(found) == {"A-2": "depends on A-1, which is new"}


def test_w16_items_in_progress_outside_what_is_asked_for_count() -> None:
    assert _ready(_item("A-1", "in_progress", "prd"), _item("A-2", "ready"), mask={"A-2"}) == []


def test_what_is_held_does_not_begin_and_is_told() -> None:
    found = select(_view(_item("A-1"), _item("A-2"), held={"A-1": "its file has uncommitted edits"}))

    assert found.ready == ("A-2",)
    assert _why(found) == {"A-1": "its file has uncommitted edits"}


def test_items_with_the_same_reason_are_told_together_in_order_of_their_ids() -> None:
    items = [_item(f"A-{at}", "ready") for at in (10, 9, 1)]
    found = select(_view(*items, running={"A-1": "prd"}))

    assert [reason.tasks for reason in found.reasons] == [("A-9", "A-10")]
    assert str(found.reasons[0]) == "waits: at most 1 item may be in progress"


def test_what_is_over_is_kept_from_nothing() -> None:
    assert hindrance(_item("A-1", "done", depends=("A-9",)), _view(held={"A-1": "held"})) == ""


# A backlog played to its end


@define
class Play:
    """Plays a backlog under `select`, with phases that take their time; keeps what the laws are about."""

    view: View
    takes: Callable[[str, str], float]
    now: float = 0.0
    passes: int = 0
    ends: list[tuple[float, int, str]] = field(factory=list)
    order: list[str] = field(factory=list)
    number: Any = field(factory=count)
    watch: Callable[["Play", Selection], None] = lambda *_: None

    def to_the_end(self) -> "Play":
        while True:
            self.begin()
            if not self.ends:
                return self
            self.now, _, item = heapq.heappop(self.ends)
            self.end(item)

    def begin(self) -> None:
        found = select(self.view)
        self.watch(self, found)
        begun = found.ready[: self.view.limits.places - len(self.view.running)]
        for item in begun:
            phase = next_step(self.view.items[item], self.view.pipelines).phase
            passes = found.passes_after(self.view.passes)
            self.view = evolve(self.view, running={**self.view.running, item: phase}, passes=passes)
            heapq.heappush(self.ends, (self.now + self.takes(item, phase), next(self.number), item))
            self.order.append(f"{item}/{phase}")

    def end(self, id_: str) -> None:
        item = self.view.items[id_]
        running = {other: phase for other, phase in self.view.running.items() if other != id_}
        items = {**self.view.items, id_: self.after(item, self.view.running[id_])}
        self.view = evolve(self.view, items=items, running=running)

    def after(self, item: Item, phase: str) -> Item:
        """The item with its next phase, as a landing would leave it."""
        pipeline = pipeline_of(item, self.view.pipelines)
        if item.status == "new":
            return evolve(item, status="scoping" if pipeline.pre_phases else "ready")
        is_pre = item.status == "scoping"
        names = [one.name for one in (pipeline.pre_phases if is_pre else pipeline.phases)]
        later = names[names.index(phase) + 1 :]
        if later:
            return evolve(item, status="scoping" if is_pre else "in_progress", phase=later[0])
        return evolve(item, status="ready" if is_pre else "done", phase="")


@pytest.mark.parametrize(("destructive", "bound"), [("alone", 3.4), ("isolated", 2.4)])
def test_e20_three_items_take_no_longer_than_they_have_to(destructive: str, bound: float) -> None:
    """The bounds: what is not destructive of the longest item, and every build after another or that item's own alone."""
    takes = {TRIAGE: 0.3, "build": 0.5, "review": 0.4}
    prd = {"A-1": 0.4, "A-2": 0.8, "A-3": 1.2}
    view = _view(
        *map(_item, prd), pipelines={"feature": _pipeline("prd build! review")},
        max_wip=3, places=3, destructive=destructive,
    )  # fmt: skip

    played = Play(view, lambda item, phase: takes.get(phase, prd[item])).to_the_end()

    assert all(item.status == "done" for item in played.view.items.values())
    assert played.now == pytest.approx(bound)


def test_with_one_place_one_item_after_another_is_brought_to_its_end() -> None:
    played = Play(
        _view(_item("A-1"), _item("A-2"), pipelines={"feature": _pipeline("build! review")}), lambda *_: 1.0
    )

    assert played.to_the_end().order == [
        "A-1/triage", "A-1/build", "A-1/review", "A-2/triage", "A-2/build", "A-2/review",
    ]  # fmt: skip


# Laws

PIPELINES = {
    "feature": _pipeline("prd build! review", pre="research"),
    "fast": _pipeline("build!"),
    "long": _pipeline("a b! c d! e", pre="x y"),
    "safe": _pipeline("a b"),
}


@st.composite
def _views(draw: st.DrawFn) -> View:
    items: list[Item] = []
    for at in range(draw(st.integers(1, 9))):
        pipeline = draw(st.sampled_from(sorted(PIPELINES)))
        phases = PIPELINES[pipeline]
        status = draw(
            st.sampled_from(["new", "new", "scoping", "ready", "in_progress", "blocked", "done", "cancelled"])
        )
        if status == "scoping" and not phases.pre_phases:
            status = "ready"
        there = {"scoping": phases.pre_phases, "in_progress": phases.phases}.get(status, ())
        phase = draw(st.sampled_from(["", *(one.name for one in there)]))
        depends = draw(st.lists(st.sampled_from([one.id for one in items]), max_size=2)) if items else []
        items.append(
            _item(
                f"A-{at}", status, phase, pipeline=pipeline, depends=tuple(depends),
                priority=draw(st.integers(-1, 1)), impact=draw(st.sampled_from([None, "low", "high"])),
                created=draw(st.sampled_from(["", "2026-01-01", "2026-01-02"])),
            )
        )  # fmt: skip
    names = [one.id for one in items]
    return _view(
        *draw(st.permutations(items)),
        pipelines=PIPELINES,
        max_wip=draw(st.integers(1, 4)),
        destructive=draw(st.sampled_from(["alone", "isolated"])),
        max_passes=draw(st.integers(0, 4)),
        places=draw(st.integers(1, 4)),
        mask=draw(st.none() | st.sets(st.sampled_from(names))),
        held=dict.fromkeys(draw(st.sets(st.sampled_from(names), max_size=1)), "held"),
    )


def _destructive(view: View, item: str) -> bool:
    return next_step(view.items[item], view.pipelines).is_destructive


def _keeps_the_laws(play: Play, found: Selection) -> None:
    view = play.view
    begin = found.ready[: view.limits.places - len(view.running)]
    told = [item for reason in found.reasons for item in reason.tasks]
    meant = {id_ for id_ in view.items if view.mask is None or id_ in view.mask}
    is_open = {id_ for id_ in meant if view.items[id_].status not in ("done", "cancelled")}

    # each open item begins, runs, or is told why not
    assert sorted([*found.ready, *told, *(is_open & view.running.keys())]) == sorted(is_open)
    # dependencies
    assert all(
        view.items[needed].status == "done" for id_ in found.ready for needed in view.items[id_].depends
    )
    # one destructive phase, and nothing beside it
    under_way = [*view.running, *begin]
    if view.limits.destructive == "alone" and any(_destructive(view, id_) for id_ in under_way):
        assert len(under_way) == 1
    # work in progress
    promoted = [id_ for id_ in found.ready if view.items[id_].status == "ready"]
    active = [
        one for one in view.items.values()
        if (one.id in view.running and one.status in ("ready", "in_progress"))
        or (
            one.status == "in_progress"
            and one.id not in view.held
            and all(view.items[id_].status == "done" for id_ in one.depends)
        )
    ]  # fmt: skip
    assert not promoted or len(active) + len(promoted) <= (view.limits.max_wip or 0)
    # no starvation
    assert view.passes + (len(begin) if found.waiting else 0) <= view.limits.max_passes
    # places are full as long as anything may begin
    free = [id_ for id_ in is_open - view.running.keys() if not hindrance(view.items[id_], view)]
    late = [id_ for id_, why in _why(found).items() if why.startswith("at most ")]
    waiting_for_wip = [id_ for id_ in free if view.items[id_].status == "ready"]
    assert len(late) == max(len(waiting_for_wip) - max((view.limits.max_wip or 0) - len(active), 0), 0)
    begins = set(free) - set(late)
    shared = {id_ for id_ in begins if not _destructive(view, id_)}
    if view.limits.destructive == "isolated":
        assert set(found.ready) == begins
    elif not view.running:
        assert bool(found.ready) == bool(begins)
    elif not any(_destructive(view, id_) for id_ in view.running):
        assert len(found.ready) == min(
            len(shared), view.limits.max_passes - view.passes if shared != begins else 99
        )
    # the order of what comes in has no say
    shuffled = list(view.items.items())
    random.Random(1).shuffle(shuffled)
    assert select(evolve(view, items=dict(shuffled))) == found


@settings(deadline=None)
@given(view=_views(), lengths=st.randoms(use_true_random=False))
def test_the_laws_hold_at_every_moment_of_every_backlog(view: View, lengths: random.Random) -> None:
    """And at its end every item that was meant is over, or cannot go on by itself or for the limit of items in progress."""
    played = Play(view, lambda *_: lengths.choice([0.5, 1.0, 3.0]), watch=_keeps_the_laws).to_the_end()

    last = select(played.view)
    assert last.ready == ()
    for item, why in _why(last).items():
        assert hindrance(played.view.items[item], played.view) == why or why.startswith("at most ")


# What it costs


def test_a_selection_from_a_thousand_items_takes_a_few_milliseconds() -> None:
    chance = random.Random(7)
    statuses = ["new", "scoping", "ready", "in_progress", "done"]
    items = [
        _item(f"WRK-{at:03}", chance.choice(statuses), depends=tuple(f"WRK-{chance.randrange(at):03}" for _ in range(at and 2)))
        for at in range(1000)
    ]  # fmt: skip
    view = _view(*items, max_wip=5, places=4)
    took = []
    for _ in range(5):
        begin = time.process_time()
        select(view)
        took.append(time.process_time() - begin)

    assert min(took) < 0.05
    print(f"{min(took) * 1000:.1f} ms")

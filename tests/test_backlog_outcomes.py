"""What becomes of the backlog when a phase of an item is over: the scenarios of phase-golem, and the laws they keep."""

from pathlib import Path
from typing import Any, get_args

import pytest
from attrs import evolve
from conftest import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from peal.backlog import item_file
from peal.backlog.follow_ups import brought
from peal.backlog.guardrails import objection
from peal.backlog.item import Blocked, Item, Status
from peal.backlog.lifecycle import TRANSITIONS, blocked, unblocked
from peal.backlog.merges import merged
from peal.backlog.messages import message
from peal.backlog.outcomes import Changes, Finished, Surroundings, after
from peal.backlog.prompts import body_of, folder_of, triage_body_of
from peal.backlog.staleness import Staleness, is_asked_of, staleness
from peal.backlog.worklog import Entry, path_of, with_entry
from peal.errors import PealError
from peal.model.phase_result import (
    Assessments,
    Description,
    FollowUp,
    Level,
    PhaseEnd,
    PhaseResult,
    Size,
)
from peal.model.plan import ItemPhase, Task
from peal.model.work import Outcome, Result
from peal.phases.prompts import Briefing, render
from peal.settings import GuardrailSettings, ItemPhaseSettings, PipelineSettings

without_clock = settings(deadline=None, max_examples=examples(200))
AT = "2026-11-29T12:00:00+00:00"


def phases(*names: str) -> tuple[ItemPhaseSettings, ...]:
    return tuple(ItemPhaseSettings(name) for name in names)


FEATURE = PipelineSettings(phases("research", "plan"), phases("prd", "build", "review"))
DIRECT = PipelineSettings((), phases("build"))
PIPELINES = {"feature": FEATURE, "direct": DIRECT}


def around(*others: Item, pipeline: PipelineSettings = FEATURE, **more: Any) -> Surroundings:
    usual: dict[str, Any] = {"new_ids": ("WRK-901", "WRK-902", "WRK-903"), "guardrails": GuardrailSettings()}
    return Surroundings(pipeline, PIPELINES, others={one.id: one for one in others}, **{**usual, **more})


def item(status: Status, phase: str = "", **more: Any) -> Item:
    """WRK-005 in this state."""
    pool = {"scoping": "pre", "in_progress": "main"}.get(status) if phase else None
    return Item(
        **{"id": "WRK-005", "title": "Build it", "status": status, "phase": phase, "pool": pool, **more}
    )


def answered(phase: str, result: PhaseEnd = "phase_complete", **more: Any) -> Finished:
    """A phase of WRK-005 that was answered so."""
    return Finished(phase, AT, PhaseResult("WRK-005", phase, result, **{"summary": "It went so.", **more}))


def state(changes: Changes) -> tuple[str, str, str | None]:
    return changes.item.status, changes.item.phase, changes.item.pool


def block(changes: Changes) -> tuple[str, str, str]:
    """From where, of which type and why an item is blocked."""
    found = changes.item.blocked
    assert changes.item.status == "blocked"
    assert found is not None
    return found.before, found.type, found.reason


# --- resolve_transition, as phase-golem's executor_test has it


@pytest.mark.parametrize(
    ("before", "done", "then"),
    [
        pytest.param(item("scoping", "plan"), answered("plan"), ("ready", "", None), id="last_pre_phase_passes_guardrails_promotes_to_ready"),
        pytest.param(item("scoping", "research"), answered("research"), ("scoping", "plan", "pre"), id="mid_pre_phases_advances"),
        pytest.param(item("scoping"), answered("research"), ("scoping", "plan", "pre"), id="scoping_without_a_phase_is_in_its_first"),
        pytest.param(item("in_progress", "review"), answered("review"), ("done", "", None), id="last_main_phase_transitions_to_done"),
        pytest.param(item("in_progress", "prd"), answered("prd"), ("in_progress", "build", "main"), id="mid_pipeline_advances_to_next_phase"),
        pytest.param(item("in_progress", "build"), answered("build"), ("in_progress", "review", "main"), id="mid_main_pipeline_advances_build_to_review"),
        pytest.param(item("in_progress", "prd", pool=None), answered("prd"), ("in_progress", "build", "main"), id="no_phase_pool_treats_as_main"),
        pytest.param(item("ready"), answered("prd"), ("in_progress", "build", "main"), id="promotion_comes_with_the_first_main_phase"),
        pytest.param(item("in_progress", "build"), answered("build", "subphase_complete"), ("in_progress", "build", "main"), id="subphase_complete_stays"),
        pytest.param(item("scoping", "plan"), answered("plan", "subphase_complete"), ("scoping", "plan", "pre"), id="subphase_complete_stays_in_a_pre_phase"),
        pytest.param(item("ready"), answered("prd", "subphase_complete"), ("in_progress", "prd", "main"), id="subphase_complete_of_the_first_main_phase_has_begun_it"),
    ],
)  # fmt: skip
def test_resolve_transition(before: Item, done: Finished, then: tuple[str, str, str | None]) -> None:
    """Where an item goes from a phase that went well."""
    assert state(after(before, done, around())) == then


def test_a_pipeline_of_one_phase_goes_from_ready_to_done() -> None:
    """Both transitions come with the end of that phase."""
    assert state(after(item("ready"), answered("build"), around(pipeline=DIRECT))) == ("done", "", None)


@pytest.mark.parametrize(
    ("before", "done", "then"),
    [
        pytest.param(item("in_progress", "prd"), answered("prd", "blocked", context="which one?"), ("in_progress", "clarification", "which one?"), id="blocked_result_uses_context"),
        pytest.param(item("in_progress", "prd"), answered("prd", "blocked"), ("in_progress", "clarification", "It went so."), id="blocked_without_context_uses_summary"),
        pytest.param(item("in_progress", "prd"), answered("prd", "blocked", block_type="decision"), ("in_progress", "decision", "It went so."), id="W8_the_agent_says_for_what"),
        pytest.param(item("in_progress", "prd"), answered("prd", "failed", context="tests are red"), ("in_progress", "failure", "tests are red"), id="failed_result_blocks_with_reason"),
        pytest.param(item("in_progress", "prd"), Finished("prd", AT, failure="timed out after 30m"), ("in_progress", "failure", "timed out after 30m"), id="failure_without_a_result"),
        pytest.param(item("scoping", "research"), answered("research", "blocked"), ("scoping", "clarification", "It went so."), id="scoping_item_blocks"),
        pytest.param(item("ready"), answered("prd", "blocked"), ("in_progress", "clarification", "It went so."), id="first_main_phase_has_begun"),
        pytest.param(item("in_progress", "prd"), evolve(answered("prd"), failure="cannot be merged", failure_type="conflict"), ("in_progress", "conflict", "cannot be merged"), id="a_landing_that_failed_after_the_answer"),
        pytest.param(item("new"), answered("triage", "blocked", context="not needed"), ("new", "clarification", "not needed"), id="triage_blocked_result_blocks_item"),
        pytest.param(item("new"), answered("triage", "failed"), ("new", "failure", "It went so."), id="W11_triage_that_failed_for_good_blocks_that_item"),
        pytest.param(item("new"), Finished("triage", AT, failure="exit status 1"), ("new", "failure", "exit status 1"), id="W11_triage_that_crashed"),
    ],
)  # fmt: skip
def test_an_item_is_blocked_with_from_where_why_and_for_what(
    before: Item, done: Finished, then: tuple[str, str, str]
) -> None:
    changes = after(before, done, around())

    assert block(changes) == then
    assert changes.item.blocked is not None
    assert changes.item.blocked.phase == (done.phase if done.phase != "triage" else "")


def test_a_phase_that_is_not_in_the_pipeline_any_more_blocks() -> None:
    """The settings have changed while it was worked on."""
    before, kind, reason = block(after(item("in_progress", "design"), answered("design"), around()))

    assert (before, kind) == ("in_progress", "decision")
    assert "`design` is not among the main phases" in reason


@pytest.mark.parametrize(
    "before",
    [
        item("new"),
        item("done"),
        item("cancelled"),
        item("in_progress", "build"),
        item("scoping", "prd2"),
        item("in_progress"),
        item("blocked", "prd", blocked=Blocked("in_progress", "decision", "x", AT, "prd")),
        item("ready", "prd"),
        item("ready", "build"),
    ],
)
def test_w20_an_item_that_was_changed_meanwhile_is_told_and_left(before: Item) -> None:
    """The phase that is over does not belong to the state it is in."""
    done = answered("build") if before == item("in_progress") else answered("prd")

    with pytest.raises(PealError, match="somebody has changed it meanwhile"):
        after(before, done, around())


@pytest.mark.parametrize(("name", "phase"), [("WRK-006", "prd"), ("WRK-005", "build")])
def test_validate_result_identity(name: str, phase: str) -> None:
    """W10: what was answered for something else does nothing."""
    done = Finished("prd", AT, PhaseResult(name, phase, "phase_complete", "x"))

    with pytest.raises(PealError, match=f"is for {name}/{phase}"):
        after(item("in_progress", "prd"), done, around())


def test_w10_triage_only_ends_what_is_new() -> None:
    for before in (item("in_progress", "prd"), item("in_progress", "triage"), item("scoping")):
        with pytest.raises(PealError):
            after(before, answered("triage"), around())


# --- guardrails


@pytest.mark.parametrize(
    ("more", "passes"),
    [
        pytest.param({"size": "medium", "complexity": "low", "risk": "low"}, True, id="all_within_limits"),
        pytest.param({}, True, id="missing_dimensions_pass"),
        pytest.param({"size": "large"}, False, id="size_exceeds"),
        pytest.param({"risk": "medium"}, False, id="risk_exceeds"),
        pytest.param({"complexity": "high"}, False, id="complexity_exceeds"),
        pytest.param({"size": "medium", "complexity": "medium", "risk": "low"}, True, id="at_exact_limit"),
        pytest.param({"impact": "high"}, True, id="impact_is_no_matter"),
        pytest.param({"requires_human_review": True}, False, id="review"),
        pytest.param({"risk": "high", "guardrails_overridden": True}, True, id="overridden"),
        pytest.param({"requires_human_review": True, "guardrails_overridden": True}, False, id="review_all_the_same"),
    ],
)  # fmt: skip
def test_passes_guardrails(more: dict[str, Any], passes: bool) -> None:
    assert (objection(item("ready", **more), GuardrailSettings()) == "") is passes


def test_an_objection_tells_all_that_is_beyond_and_the_way_out() -> None:
    found = objection(item("ready", size="large", risk="high"), GuardrailSettings())

    assert found == (
        "it is beyond the guardrails: `size` is large, and `guardrails.max_size` is medium, `risk` is high, and "
        "`guardrails.max_risk` is low; `peal backlog unblock WRK-005 --override-guardrails` lets it go on"
    )


HIGH = Assessments(size="large", risk="high")


@pytest.mark.parametrize(
    ("before", "done", "then"),
    [
        pytest.param(item("scoping", "plan", risk="high"), answered("plan"), ("ready", ""), id="last_pre_phase_fails_guardrails_blocks"),
        pytest.param(item("scoping", "plan"), answered("plan", updated_assessments=HIGH), ("ready", ""), id="assessed_by_the_last_pre_phase"),
        pytest.param(item("scoping", "plan", requires_human_review=True), answered("plan"), ("ready", ""), id="last_pre_phase_requires_human_review_blocks"),
        pytest.param(item("new", complexity="high"), answered("triage", updated_assessments=Assessments(size="small", risk="low")), ("ready", ""), id="W7_small_and_low_risk_does_not_pass_by_complexity"),
        pytest.param(item("new"), answered("triage", updated_assessments=HIGH, pipeline_type="direct"), ("ready", ""), id="W7_without_pre_phases"),
        pytest.param(item("new"), answered("triage", requires_human_review=True, pipeline_type="direct"), ("ready", ""), id="W8_a_review_asked_for_by_triage"),
        pytest.param(item("in_progress", "prd"), answered("prd", updated_assessments=HIGH), ("in_progress", "build"), id="W7_raised_in_a_main_phase"),
        pytest.param(item("ready"), answered("prd", updated_assessments=HIGH), ("in_progress", "build"), id="W7_raised_in_the_first_main_phase"),
        pytest.param(item("in_progress", "build"), answered("build", "subphase_complete", updated_assessments=HIGH), ("in_progress", "build"), id="W7_raised_in_a_part_of_one"),
        pytest.param(item("in_progress", "prd"), answered("prd", requires_human_review=True), ("in_progress", "build"), id="W8_a_review_asked_for_by_a_main_phase"),
    ],
)  # fmt: skip
def test_guardrails_hold_at_every_step_into_more_autonomy(
    before: Item, done: Finished, then: tuple[str, str]
) -> None:
    """W9: the item goes on where it would have gone, once a person has let it."""
    changes = after(before, done, around())
    assert block(changes)[1] == "decision"

    released = unblocked(evolve(changes.item, guardrails_overridden=True), "go on", AT)

    assert (released.status, released.phase) == then
    assert objection(released, GuardrailSettings()) == ""


def test_w8_a_persons_word_is_the_review() -> None:
    """It is asked for once, and again only if an agent asks again."""
    changes = after(item("scoping", "plan", requires_human_review=True), answered("plan"), around())
    released = unblocked(changes.item, "fine", AT)

    again = after(released, answered("prd"), around())
    asked = after(released, answered("prd", requires_human_review=True), around())

    assert state(again) == ("in_progress", "build", "main")
    assert asked.item.status == "blocked"


@pytest.mark.parametrize(
    ("before", "done", "then"),
    [
        (item("scoping", "research"), answered("research", updated_assessments=HIGH), "scoping"),
        (item("new"), answered("triage", updated_assessments=HIGH), "scoping"),
        (item("in_progress", "review"), answered("review", updated_assessments=HIGH), "done"),
    ],
)
def test_finding_out_and_what_is_over_need_nobodys_word(before: Item, done: Finished, then: str) -> None:
    """Scoping assesses; after the last phase there is nothing left to begin."""
    assert after(before, done, around()).item.status == then


def test_a_review_that_the_last_phase_asks_for_is_told() -> None:
    changes = after(item("in_progress", "review"), answered("review", requires_human_review=True), around())

    assert changes.told == ("WRK-005: done, and whoever did it asks for a person's review",)


# --- triage, as phase-golem's scheduler_test has it


@pytest.mark.parametrize(
    ("more", "then"),
    [
        pytest.param({"updated_assessments": Assessments("small", "low", "low")}, ("ready", "", None), id="triage_small_low_risk_promotes_to_ready"),
        pytest.param({"updated_assessments": Assessments("small")}, ("ready", "", None), id="triage_small_unknown_risk"),
        pytest.param({"updated_assessments": Assessments("large", risk="high")}, ("scoping", "research", "pre"), id="triage_large_item_goes_to_scoping_with_pre_phase"),
        pytest.param({"updated_assessments": Assessments("small", risk="medium")}, ("scoping", "research", "pre"), id="triage_small_medium_risk"),
        pytest.param({}, ("scoping", "research", "pre"), id="triage_unassessed"),
        pytest.param({"pipeline_type": "direct"}, ("ready", "", None), id="triage_pipeline_without_pre_phases"),
    ],
)  # fmt: skip
def test_triage_routes(more: dict[str, Any], then: tuple[str, str, str | None]) -> None:
    changes = after(item("new"), answered("triage", **more), around())

    assert state(changes) == then
    assert changes.item.pipeline == more.get("pipeline_type", "")


def test_triage_with_invalid_pipeline_type_blocks() -> None:
    """With what there is to choose from."""
    changes = after(item("new"), answered("triage", pipeline_type="mega"), around())

    before, kind, reason = block(changes)
    assert (before, kind) == ("new", "decision")
    assert "`mega`, and there is `direct`, `feature`" in reason
    assert changes.item.pipeline == ""


@pytest.mark.parametrize(
    ("given", "then"),
    [
        pytest.param(Description("c", "p", "s", "i", "z"), Description("c", "p", "s", "i", "z"), id="triage_applies_description_when_present"),
        pytest.param(Description(), Description("old"), id="triage_does_not_apply_empty_description"),
        pytest.param(Description(problem=" p "), Description("old", "p"), id="triage_applies_partial_description"),
    ],
)  # fmt: skip
def test_a_description_is_taken_as_far_as_it_goes(given: Description, then: Description) -> None:
    before = item("new", description=Description("old"))

    assert after(before, answered("triage", description=given), around()).item.description == then


# --- what is kept


@pytest.mark.parametrize(
    ("before", "phase"), [(item("new"), "triage"), (item("scoping", "plan"), "plan"), (item("ready"), "prd")]
)
@pytest.mark.parametrize("result", ["phase_complete", "failed", "blocked"])
@pytest.mark.parametrize("failure", ["", "the hook refused it"])
def test_w19_what_was_learned_is_kept_however_it_ended(
    before: Item, phase: str, result: PhaseEnd, failure: str
) -> None:
    """Assessments, description, summary and follow-ups."""
    done = answered(
        phase,
        result,
        updated_assessments=Assessments(impact="high"),
        follow_ups=(FollowUp("Test it"),),
        description=Description(problem="none"),
    )

    changes = after(before, evolve(done, failure=failure), around(rests_on="abc1234"))

    assert changes.item.impact == "high"
    assert changes.item.description.problem == "none"
    assert changes.item.summary == "It went so."
    assert changes.item.last_phase_commit == "abc1234"
    assert [(one.id, one.title, one.status) for one in changes.new] == [("WRK-901", "Test it", "new")]


def test_w19_what_a_person_said_is_told_once() -> None:
    """It reaches the phase after the unblocking, and not the one after that."""
    before = item("in_progress", "prd", notes="the blue one")
    prompt = f"Do it.\n\n{body_of(before, 'prd', FEATURE, 'changes/x')}\n\nThat is all."

    for result in ("phase_complete", "subphase_complete", "blocked", "failed"):
        told = evolve(answered("prd", result), prompts=("", prompt))
        assert after(before, told, around()).item.notes == ""
        assert after(before, answered("prd", result), around()).item.notes == "the blue one"


@given(
    st.lists(st.text(st.sampled_from("ab \n-"), min_size=1).filter(str.strip), max_size=4), st.integers(0, 4)
)
def test_w19_of_what_a_person_said_the_later_is_left_for_a_later_phase(said: list[str], at: int) -> None:
    """Whatever is said, and however often."""
    told, later = said[:at], said[at:]
    before = item("in_progress", "prd")
    for words in told:
        before = unblocked(blocked(before, "decision", "which?", AT), words.strip(), AT)
    prompt = body_of(before, "prd", FEATURE, "changes/x")
    now = before
    for words in later:
        now = unblocked(blocked(now, "decision", "which?", AT), words.strip(), AT)

    left = after(now, evolve(answered("prd"), prompts=(prompt,)), around()).item.notes

    assert left == ("\n\n".join(words.strip() for words in later) if told else now.notes)


def test_an_item_that_is_done_before_a_person_was_heard_says_so() -> None:
    changes = after(item("in_progress", "review", notes="the blue\none"), answered("review"), around())

    assert changes.item.status == "done"
    assert "WRK-005: done, and no phase was told what you had to say: the blue one" in changes.told


@pytest.mark.parametrize(
    ("commit", "named", "then"),
    [
        pytest.param("", "abc1234", "abc1234", id="mid_pipeline_with_commit_sets_last_phase_commit"),
        ("def5678", "abc1234", "abc1234"),
        ("def5678", "", "def5678"),
        ("", "", "old"),
    ],
)
def test_what_a_phase_rested_on_is_kept(commit: str, named: str, then: str) -> None:
    """What an agent says comes before what peal thinks."""
    before = item("in_progress", "prd", last_phase_commit="old")

    changes = after(before, evolve(answered("prd"), commit=commit), around(rests_on=named))

    assert changes.item.last_phase_commit == then


def test_words_of_agents_are_harmless_and_not_endless() -> None:
    changes = after(
        item("in_progress", "prd"), answered("prd", "blocked", context="a\x1b[31mb\nc" + "d" * 5000), around()
    )

    assert block(changes)[2] == f"ab\nc{'d' * 1996}…"


# --- follow-ups


def test_follow_ups_become_items_with_their_origin() -> None:
    wanted = (FollowUp("  Test\nit ", "there is none", "small", "low"),)

    found = after(item("in_progress", "prd"), answered("prd", follow_ups=wanted), around())

    assert found.new == (
        Item("WRK-901", "Test it", size="small", risk="low", origin="WRK-005/prd", created=AT, updated=AT, description=Description("there is none")),
    )  # fmt: skip


def test_w18_follow_ups_are_not_made_twice() -> None:
    """Not from another phase, nor when the first is archived, nor twice in one answer; another item's are another matter."""
    known = (
        Item("WRK-010", "Test it!", origin="WRK-005/prd"),
        Item("WRK-011", "TIDY  up", "done", origin="WRK-005/build"),
        Item("WRK-012", "Name it", origin="WRK-050/prd"),
    )
    wanted = [FollowUp(one) for one in ("test it", "Tidy up.", "Name it", "name it", "ß?", "SS")]

    found = brought(item("in_progress", "prd"), "review", wanted, known, ("WRK-020", "WRK-021"), AT)

    assert [(one.id, one.title) for one in found.items] == [("WRK-020", "Name it"), ("WRK-021", "ß?")]
    assert found.told == (
        "follow-up `test it` is there already, as WRK-010",
        "follow-up `Tidy up.` is there already, as WRK-011",
    )


def test_w18_a_phase_brings_no_more_than_it_may() -> None:
    """What is left out is told."""
    wanted = tuple(FollowUp(f"Part {number}") for number in range(5))

    found = after(item("in_progress", "prd"), answered("prd", follow_ups=wanted), around())

    assert len(found.new) == 3
    assert found.told == (
        "WRK-005: 2 more of its follow-ups are left out, for a phase brings at most 3 (`execution.max_follow_ups`): `Part 3`, `Part 4`",
    )


def test_a_title_that_is_a_story_is_cut_and_kept_in_full_below() -> None:
    (made,) = brought(item("ready"), "prd", [FollowUp("x" * 300, "y")], (), ("WRK-1",), AT).items

    assert made.title == "x" * 199 + "…"
    assert made.description.context == "x" * 300 + "\n\ny"


# --- duplicates


def test_w18_a_duplicate_goes_into_the_earlier_item_with_all_that_waits_for_it() -> None:
    """C waited for B, which is a part of A now: C waits for A."""
    a = Item("WRK-001", "Login", depends=("WRK-000",), description=Description("by mail"))
    c = Item("WRK-007", "Logout", depends=("WRK-005", "WRK-001", "WRK-003"))
    b = item("new", depends=("WRK-002",), origin="WRK-000/prd")
    done = answered("triage", duplicates=("WRK-001",), description=Description(problem="no login"))

    changes = after(b, done, around(a, c))

    found = {one.id: one for one in changes.others}
    assert state(changes) == ("cancelled", "", None)
    assert changes.item.summary == "merged into WRK-001"
    assert found["WRK-001"].depends == ("WRK-000", "WRK-002")
    assert found["WRK-007"].depends == ("WRK-001", "WRK-003")
    assert found["WRK-001"].description.context == (
        "by mail\n\n[Merged from WRK-005] Title: Build it\nProblem: no login\nOrigin: WRK-000/prd"
    )
    assert [dict(entry.facts)["Outcome"] for entry in changes.entries] == ["Complete", "Merged"]


def test_w18_a_later_item_goes_into_the_one_that_is_triaged() -> None:
    """WRK-10 is later than WRK-5 however they are written; the triaged one goes on."""
    late = Item(
        "WRK-10", "Log in", "scoping", "plan", "pre", depends=("WRK-005",), text="Please.\n", notes="By mail."
    )

    changes = after(item("new"), answered("triage", duplicates=("wrk-10 ",)), around(late))

    (other,) = changes.others
    assert state(changes) == ("scoping", "research", "pre")
    assert changes.item.depends == ()
    assert (
        changes.item.description.context
        == "[Merged from WRK-10] Title: Log in\nText: Please.\nNotes: By mail."
    )
    assert (other.id, other.status, other.summary) == ("WRK-10", "cancelled", "merged into WRK-005")


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (Item("WRK-001", "a", "done"), "duplicate `WRK-001` is done and left as it is"),
        (Item("WRK-001", "a", "cancelled"), "duplicate `WRK-001` is cancelled and left as it is"),
        (Item("WRK-003", "a"), "duplicate `WRK-003` is being worked on and left as it is"),
        (Item("WRK-004", "a"), "duplicate `WRK-001` is no item"),
        (item("new"), "duplicate `WRK-005` is the item itself"),
    ],
)
def test_what_cannot_be_merged_is_told_and_left(other: Item, told: str) -> None:
    """What is over, missing or worked on; the triage counts all the same."""
    names = ("WRK-001",) if other.id == "WRK-004" else (other.id,)
    others = () if other.id == "WRK-005" else (other,)

    changes = after(
        item("new"), answered("triage", duplicates=names), around(*others, running=frozenset({"WRK-003"}))
    )

    assert changes.told == (f"WRK-005: {told}",)
    assert changes.others == ()
    assert changes.item.status == "scoping"


def test_a_merge_makes_no_circle_and_tells_what_is_waited_for_no_longer() -> None:
    """WRK-1 waited for WRK-2, and that for WRK-3, which is a part of WRK-1 now."""
    one, two = Item("WRK-1", "a", depends=("WRK-2", "WRK-9")), Item("WRK-2", "b", depends=("WRK-3",))
    three, nine = Item("WRK-3", "c", depends=("WRK-1",)), Item("WRK-9", "d", "done", depends=("WRK-3",))

    found = merged(three, ["WRK-1"], {one.id: one, two.id: two, nine.id: nine}, frozenset(), AT)

    by_id = {other.id: other for other in found.others}
    assert by_id["WRK-1"].depends == ("WRK-9",)
    assert by_id["WRK-2"].depends == ("WRK-1",)
    assert found.told == ("WRK-1 no longer waits for WRK-2, which waits for it",)


def test_several_duplicates_become_one() -> None:
    """The earliest of all is left."""
    others = {name: Item(name, name) for name in ("WRK-2", "WRK-8", "WRK-11")}

    found = merged(Item("WRK-9", "x"), ["WRK-11", "WRK-2", "WRK-8", "WRK-2"], others, frozenset(), AT)

    assert (found.target, found.sources) == ("WRK-2", ("WRK-8", "WRK-9", "WRK-11"))
    assert [one.status for one in found.others] == ["new", "cancelled", "cancelled"]
    assert found.item.status == "cancelled"


def test_a_triage_that_failed_has_found_no_duplicates() -> None:
    changes = after(
        item("new"), answered("triage", "failed", duplicates=("WRK-1",)), around(Item("WRK-1", "a"))
    )

    assert changes.others == ()


@pytest.mark.parametrize(("result", "failure"), [("blocked", ""), ("phase_complete", "a hook refused it")])
def test_a_triage_that_is_not_complete_merges_nothing(result: PhaseEnd, failure: str) -> None:
    done = evolve(answered("triage", result, duplicates=("WRK-1",)), failure=failure)

    changes = after(item("new"), done, around(Item("WRK-1", "a")))

    assert (state(changes)[0], changes.others) == ("blocked", ())
    assert "WRK-005: duplicate `WRK-1` is left as it is until triage is complete" in changes.told


def test_only_triage_finds_duplicates() -> None:
    """An item that is worked on does not vanish; that it was said is told."""
    done = answered("prd", duplicates=("WRK-1",), pipeline_type="direct")

    changes = after(item("in_progress", "prd"), done, around(Item("WRK-1", "a")))

    assert (changes.others, changes.item.pipeline) == ((), "")
    assert changes.told == (
        "WRK-005: only triage can name duplicates and choose a pipeline; both are left as they are",
    )


# --- by outcomes


@pytest.mark.parametrize(
    ("outcome", "then"),
    [
        (Outcome(Result.PASSED), ("", "failure")),
        (Outcome(Result.FAILED, "no result"), ("no result", "failure")),
        (Outcome(Result.REJECTED, "declined"), ("declined", "failure")),
        (Outcome(Result.CONFLICTED, "both changed a.txt"), ("both changed a.txt", "conflict")),
        (Outcome(Result.HUNG), ("hung", "failure")),
    ],
)
def test_a_phase_is_over_by_the_outcome_of_its_task(outcome: Outcome, then: tuple[str, str]) -> None:
    """The answer of an earlier attempt stays where a review or a landing fails later."""
    answer = answered("prd").answer

    found = Finished.by(outcome, "prd", AT, answer)

    assert found == Finished("prd", AT, answer, *then)


def test_what_an_agent_blocks_is_no_failure() -> None:
    answer = answered("prd", "blocked").answer

    assert Finished.by(Outcome(Result.REJECTED, "x", answer=answer), "prd", AT) == Finished("prd", AT, answer)


# --- messages and the worklog


@pytest.mark.parametrize(
    ("summaries", "then"),
    [
        (("Add a login page",), "[WRK-1][prd] Add a login page"),
        (("[WRK-1][prd] Add a login page",), "[WRK-1][prd] Add a login page"),
        (("[wrk-1][PRD] [WRK-1][prd]: Add it",), "[WRK-1][prd] Add it"),
        (("", "Add it.\nAnd more."), "[WRK-1][prd] Add it. And more."),
        (("[WRK-1][prd]", " \n"), "[WRK-1][prd] phase output"),
        ((), "[WRK-1][prd] phase output"),
        (("x" * 59,), f"[WRK-1][prd] {'x' * 59}"),
        (("x" * 60,), f"[WRK-1][prd] {'x' * 58}…\n\n{'x' * 60}\n"),
    ],
)
def test_a_commit_is_called_after_item_and_phase(summaries: tuple[str, ...], then: str) -> None:
    """In 72 letters; nothing of a longer summary is lost."""
    found = message("WRK-1", "prd", *summaries)

    assert found == then
    assert len(found.partition("\n")[0]) <= 72


@pytest.mark.parametrize(
    ("done", "then"),
    [
        (answered("prd", commit_summary="Write the PRD"), "[WRK-005][prd] Write the PRD"),
        (answered("prd"), "[WRK-005][prd] It went so."),
        (answered("prd", "blocked", context="which?"), "[WRK-005][prd] blocked: which?"),
        (answered("prd", "failed", context="red"), "[WRK-005][prd] failed: red"),
        (Finished("prd", AT, failure="timed out"), "[WRK-005][prd] failed: timed out"),
    ],
)
def test_a_commit_tells_how_the_phase_ended(done: Finished, then: str) -> None:
    assert after(item("in_progress", "prd"), done, around()).message == then


def test_the_worklog_has_an_entry_for_a_phase() -> None:
    done = answered("prd", summary="Wrote it.\n## Not a heading", follow_ups=(FollowUp("Test it"),))

    (entry,) = after(item("in_progress", "prd"), done, around()).entries

    assert str(entry) == (
        f"## {AT} — WRK-005 (Build it)\n\n- **Phase:** prd\n- **Outcome:** Complete\n"
        "- **Summary:** Wrote it. ## Not a heading\n- **Follow-ups:** WRK-901 Test it\n\n---\n"
    )


@pytest.mark.parametrize(
    ("done", "facts"),
    [
        (answered("prd", "subphase_complete"), {"Outcome": "Subphase Complete", "Summary": "It went so."}),
        (answered("prd", "failed", context="red"), {"Outcome": "Failed", "Summary": "red"}),
        (answered("prd", "blocked", context="which?"), {"Outcome": "Blocked", "Summary": "which?"}),
        (Finished("prd", AT, failure="timed out"), {"Outcome": "Failed", "Summary": "timed out"}),
        (evolve(answered("prd"), failure="refused"), {"Outcome": "Failed", "Summary": "refused"}),
    ],
)
def test_the_worklog_tells_how_the_phase_ended(done: Finished, facts: dict[str, str]) -> None:
    (entry,) = after(item("in_progress", "prd"), done, around()).entries

    assert facts.items() <= dict(entry.facts).items()


def test_the_worklog_tells_why_an_item_stops_although_its_phase_is_complete() -> None:
    (entry,) = after(item("in_progress", "prd", risk="high"), answered("prd"), around()).entries

    assert dict(entry.facts)["Outcome"] == "Complete"
    assert dict(entry.facts)["Blocked"].startswith("it is beyond the guardrails")


def entry(at: str = AT) -> Entry:
    return Entry(at, "WRK-1", "Äpfel", (("Phase", "prd"), ("Outcome", "")))


def test_a_worklog_grows_at_its_end() -> None:
    """A new file has a heading; an entry is there once; line ends stay as they are."""
    first = with_entry(None, entry())
    second = with_entry(first, entry("2026-11-30T00:00:00+00:00"))

    assert path_of(AT) == "_worklog/2026-11.md"
    assert first.decode() == f"# Worklog 2026-11\n\n## {AT} — WRK-1 (Äpfel)\n\n- **Phase:** prd\n\n---\n"
    assert second.startswith(first + b"\n## 2026-11-30")
    assert with_entry(second, entry()) == second
    assert with_entry(b"", entry()).startswith(b"## ")
    assert with_entry(b"no line end", entry()).startswith(b"no line end\n\n## ")
    assert with_entry(b"\xff", entry()).startswith(b"\xff\n\n## ")
    windows = with_entry(b"a\r\n", entry())
    assert windows.count(b"\r\n") == windows.count(b"\n")
    assert with_entry(windows, entry()) == windows


# --- staleness, as phase-golem's executor_test has it


@pytest.mark.parametrize(
    ("commit", "is_in_history", "setting", "action"),
    [
        pytest.param("", None, "block", "go on", id="no_prior_commit_proceeds"),
        pytest.param("abc", True, "block", "go on", id="ancestor_commit_proceeds"),
        pytest.param("abc", False, "warn", "warn", id="not_ancestor_with_warn_config_warns"),
        pytest.param("abc", False, "block", "block", id="not_ancestor_with_block_config_blocks"),
        pytest.param("abc", False, "ignore", "go on", id="not_ancestor_with_ignore_config_proceeds"),
        pytest.param("abc", None, "ignore", "block", id="unknown_commit_blocks_regardless_of_config"),
        pytest.param("abc", None, "warn", "block", id="unknown_commit_blocks_with_warn_too"),
    ],
)
def test_check_staleness(commit: str, is_in_history: bool | None, setting: Any, action: str) -> None:
    found = staleness(commit, is_in_history, setting)

    assert found.action == action
    assert bool(found.why) == (action != "go on")
    assert "abc" in found.why or found == Staleness("go on")


@pytest.mark.parametrize(
    ("phase", "is_asked"),
    [
        (ItemPhaseSettings("a"), False),
        (ItemPhaseSettings("a", is_destructive=True), True),
        (ItemPhaseSettings("a", staleness="warn"), True),
    ],
)
def test_staleness_is_asked_of_what_is_destructive_or_says_so(
    phase: ItemPhaseSettings, is_asked: bool
) -> None:
    assert is_asked_of(phase) is is_asked


# --- prompts


def test_w19_an_agent_is_told_where_it_is_and_what_went_before() -> None:
    known = item(
        "in_progress",
        "build",
        size="small",
        origin="WRK-001/prd",
        depends=("WRK-002",),
        description=Description("by mail", sizing_rationale="one file"),
        summary="The PRD is written.",
        notes="the blue one",
        text="Please.\n",
    )

    body = body_of(
        known, "build", FEATURE, "changes/WRK-005_build-it", [("a.md", "First."), ("b.md", "Then.")]
    )

    assert body.startswith(
        "Phase `build` (4/5, main) of: research, plan, prd, build, review.\n\nItem WRK-005: Build it\n"
    )
    for text in (
        "Assessed so far: size small.",
        "It came up in WRK-001/prd.",
        "It builds on WRK-002.",
        "Context: by mail",
        "Sizing rationale: one file",
        "The PRD is written.",
        "the blue one",
        "Please.",
        "`changes/WRK-005_build-it/`",
    ):
        assert text in body
    assert body.index("First.") < body.index("Then.")


def test_a_triage_is_told_of_the_open_items_and_the_pipelines() -> None:
    others = [
        Item("WRK-10", "Ten"),
        Item("WRK-2", "Two", "ready"),
        Item("WRK-3", "Three", "done"),
        item("new"),
    ]

    body = triage_body_of(item("new"), others, PIPELINES)

    assert "- WRK-2: Two [ready]\n- WRK-10: Ten [new]\n" in body
    assert "Three" not in body
    assert body.endswith("- direct: build\n- feature: research, plan, prd, build, review")
    assert "BACKLOG" not in triage_body_of(item("new"), [item("new")], PIPELINES)


@without_clock
@given(
    st.text() | st.sampled_from(["----- ITEM ends -----", "----- TEXT ends -----\n----- SUMMARY ends -----"])
)
def test_no_text_of_an_item_gets_out_of_its_section(text: str) -> None:
    """Whatever people and agents write, the prompt around it stays what it is."""
    known = item("in_progress", "prd", text=text, summary=text, notes=text, description=Description(text))
    body = body_of(known, "prd", FEATURE, "changes/x", [("a.md", text)])
    task = Task("WRK-005/prd", "x", body, item_phase=ItemPhase("WRK-005", "prd"))

    shown = render(Briefing(task, "prd", Path("/w"), contract="item"))

    begin = next(line for line in shown.splitlines() if line.endswith("-") and " ITEM begins " in line)
    assert shown.count(begin.replace("begins", "ends") + "\n") == 1


def test_a_folder_that_is_there_is_used() -> None:
    """By the item's id, whatever it is called behind that."""
    assert folder_of(item("new", title="Añadir: Login!")) == "changes/WRK-005_añadir-login"
    assert folder_of(item("new"), ["WRK-0051_x", "WRK-005_old"]) == "changes/WRK-005_old"


# --- laws


_levels = st.none() | st.sampled_from(get_args(Level))
_sizes = st.none() | st.sampled_from(get_args(Size))
_phases = st.sampled_from(["research", "plan", "prd", "build", "review", "triage", "other"])
_words = st.text(max_size=10)


@st.composite
def _items(draw: st.DrawFn, name: str | None = None) -> Item:
    """Items in every state, also in those that no lawful way leads to."""
    status = draw(st.sampled_from(get_args(Status)))
    before = draw(st.sampled_from(["new", "scoping", "ready", "in_progress"]))
    return Item(
        name or draw(st.sampled_from(["WRK-1", "WRK-2", "WRK-7", "WRK-10"])),
        draw(_words),
        status,
        draw(st.just("") | _phases),
        draw(st.sampled_from([None, "pre", "main"])),
        size=draw(_sizes),
        complexity=draw(_levels),
        risk=draw(_levels),
        requires_human_review=draw(st.booleans()),
        guardrails_overridden=draw(st.booleans()),
        depends=tuple(
            draw(st.lists(st.sampled_from(["WRK-1", "WRK-2", "WRK-5", "WRK-7", "WRK-10"]), max_size=3))
        ),
        blocked=Blocked(before, "decision", "x", AT) if status == "blocked" else None,
    )


_results = st.builds(
    PhaseResult,
    st.just("WRK-5"),
    _phases,
    st.sampled_from(get_args(PhaseEnd)),
    _words,
    _words,
    st.builds(Assessments, _sizes, _levels, _levels, _levels),
    st.lists(st.builds(FollowUp, _words), max_size=5).map(tuple),
    pipeline_type=st.sampled_from(["", "feature", "direct", "other"]),
    duplicates=st.lists(st.sampled_from(["WRK-1", "WRK-2", "WRK-5", "WRK-7", "x"]), max_size=4).map(tuple),
    block_type=st.sampled_from([None, "clarification", "decision"]),
    requires_human_review=st.sampled_from([None, True, False]),
)


_LAWFUL = [
    (item("new", id="WRK-5"), "triage"),
    *((item("scoping", name, id="WRK-5"), name) for name in ("research", "plan")),
    (item("ready", id="WRK-5"), "prd"),
    *((item("in_progress", name, id="WRK-5"), name) for name in ("prd", "build", "review")),
]


@st.composite
def _ends(draw: st.DrawFn) -> tuple[Item, PhaseResult]:
    """An item and what is answered, three times of four for the phase that it is in."""
    some, result = draw(_items("WRK-5")), draw(_results)
    if draw(st.integers(0, 3)) == 0:
        return some, result
    begun, phase = draw(st.sampled_from(_LAWFUL))
    state = {"status": begun.status, "phase": begun.phase, "pool": begun.pool, "blocked": None}
    return evolve(some, **state), evolve(result, phase=phase)


def _leads(start: str, to: str) -> bool:
    """Whether the table has a way from one status to another without a stop at `blocked`."""
    seen, left = {start}, [start]
    while left:
        for one in TRANSITIONS[left.pop()]:
            if one not in seen and one != "blocked":
                seen.add(one)
                left.append(one)
    return to in seen


def _circles(items: dict[str, Item]) -> set[str]:
    """The open items that wait for themselves."""

    def reaches(start: str) -> bool:
        seen: set[str] = set()
        left = [start]
        while left:
            one = items.get(left.pop())
            for name in one.depends if one and one.status not in ("done", "cancelled") else ():
                if name == start:
                    return True
                if name not in seen:
                    seen.add(name)
                    left.append(name)
        return False

    return {name for name in items if reaches(name)}


@without_clock
@given(
    _ends(),
    st.sampled_from(["", "timed out"]),
    st.lists(_items(), unique_by=lambda one: one.id),
    st.frozensets(st.sampled_from(["WRK-1", "WRK-2"])),
    st.sampled_from([FEATURE, DIRECT]),
)
def test_whatever_is_answered_leads_to_a_lawful_change_or_is_refused(
    end: tuple[Item, PhaseResult],
    failure: str,
    others: list[Item],
    running: frozenset[str],
    pipeline: PipelineSettings,
) -> None:
    """Never another status than the table allows, never more autonomy than the guardrails, never an edge lost or a circle made."""
    before, result = end
    known = around(*others, pipeline=pipeline, running=running)
    try:
        changes = after(before, Finished(result.phase, AT, result, failure), known)
    except PealError:
        return

    now, was = changes.item, {one.id: one for one in others}
    assert _leads(before.status, now.blocked.before if now.blocked else now.status)
    assert (now.status == "blocked") == (now.blocked is not None)
    if now.status == "cancelled":
        assert (before.status, result.phase) == ("new", "triage")
    if now.status in ("ready", "in_progress"):
        assert not failure
        assert objection(now, known.guardrails) == ""
    if now.status in ("scoping", "in_progress"):
        chosen = PIPELINES.get(result.pipeline_type, pipeline) if result.phase == "triage" else pipeline
        listed = chosen.pre_phases if now.status == "scoping" else chosen.phases
        assert now.phase in {one.name for one in listed}
    for other in changes.others:
        assert other.status in (was[other.id].status, "cancelled")
        assert was[other.id].status not in ("done", "cancelled")
    left = {**was, before.id: before} | {one.id: one for one in (*changes.others, now)}
    gone = {one.id for one in left.values() if one.summary.startswith("merged into")}
    still_open = [one for one in left.values() if one.status not in ("done", "cancelled")]
    assert all(not gone.intersection(one.depends) for one in still_open)
    if not _circles({**was, before.id: before}):
        assert not _circles(left)
    assert len(changes.new) <= len(known.new_ids)
    assert len(changes.message.partition("\n")[0]) <= 72


@without_clock
@given(_ends())
def test_what_becomes_of_an_item_can_be_written_and_read_again(end: tuple[Item, PhaseResult]) -> None:
    """Its file says the same."""
    before, result = end
    try:
        changes = after(evolve(before, title="x"), Finished(result.phase, AT, result), around())
    except PealError:
        return

    assert item_file.read(item_file.written(changes.item)) == changes.item

"""The result of an item's phase: what is read of it, what an agent is told of a bad one, and the verdict by it."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

import pytest
from attrs import asdict
from hypothesis import given
from hypothesis import strategies as st

from peal.errors import PealError
from peal.model.agent import Fault, Reply, Trouble
from peal.model.phase_result import (
    Assessments,
    Description,
    FollowUp,
    Level,
    PhaseEnd,
    PhaseResult,
    Size,
    reworded,
)
from peal.model.pipeline import Kind, Phase
from peal.model.plan import ItemPhase, Task
from peal.model.process import Ended, Ending
from peal.model.review import Finding
from peal.model.work import Outcome, Result
from peal.phases import Evidence, check, prompts, verdict
from peal.phases.item_results import MOST_BYTES, NoResult, from_reply, read
from peal.phases.prompts import Briefing, render
from peal.record import events
from peal.text.redaction import redactor
from peal.work.attempt_context import shown

MEANT = ItemPhase("WRK-001", "prd")
TRIAGED = ItemPhase("WRK-001", "triage")
CLEAN = Ending(Ended.EXITED, 0, 1.0)


def said(**more: Any) -> dict[str, Any]:
    """A result in JSON, with these keys instead of the usual ones."""
    usual = {"item_id": "WRK-001", "phase": "prd", "result": "phase_complete", "summary": "Written."}
    return {key: value for key, value in {**usual, **more}.items() if value != "gone"}


def raw(**more: Any) -> bytes:
    return json.dumps(said(**more)).encode()


def result(**more: Any) -> PhaseResult:
    usual: dict[str, Any] = {
        "item_id": "WRK-001",
        "phase": "prd",
        "result": "phase_complete",
        "summary": "Written.",
    }
    return PhaseResult(**{**usual, **more})


# --- reading


def test_every_key_of_a_result_is_read() -> None:
    """A follow-up may be a text alone."""
    given = raw(
        context="because",
        updated_assessments={"size": "small", "risk": "low"},
        follow_ups=["Tidy up", {"title": "Test it", "context": "there is none", "suggested_size": "large"}],
        based_on_commit="abc1234",
        pipeline_type="feature",
        commit_summary="Write it down",
        duplicates=["WRK-002"],
        description={"problem": "none"},
        block_type="decision",
        requires_human_review=True,
    )

    assert read(given, MEANT) == result(
        context="because",
        updated_assessments=Assessments(size="small", risk="low"),
        follow_ups=(FollowUp("Tidy up"), FollowUp("Test it", "there is none", "large")),
        based_on_commit="abc1234",
        pipeline_type="feature",
        commit_summary="Write it down",
        duplicates=("WRK-002",),
        description=Description(problem="none"),
        block_type="decision",
        requires_human_review=True,
    )


@pytest.mark.parametrize(
    "given",
    [
        raw(),
        b"\xef\xbb\xbf" + raw(),
        b"\n  " + raw() + b"\r\n\r\n",
        b"```json\n" + raw() + b"\n```\n",
        b"```\r\n" + raw() + b"\r\n```",
        raw(result="PHASE_COMPLETE "),
        raw(mood="good", confidence=0.9),
        raw(context=None, follow_ups=None, updated_assessments={"size": None}, description=None),
        json.dumps(said(), indent=4).encode(),
    ],
)
def test_what_is_meant_is_taken(given: bytes) -> None:
    """A byte order mark, a fence, capitals, keys nobody knows and keys without a value are no reason to ask again."""
    assert read(given, MEANT) == result()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (b"", "it is empty; write one JSON object"),
        (b" \n", "it is empty; write one JSON object"),
        (b"{", "it is no JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1); write one JSON object and nothing else"),
        (b"Done!", "it is no JSON: Expecting value: line 1 column 1 (char 0); write one JSON object and nothing else"),
        (b"\xff\xfe{\0}\0", "it is UTF-16; save it as UTF-8"),
        (b'{"summary": "\xe4"}', "it is not UTF-8; save it as UTF-8"),
        (b"[]", "it is `[]`; it must be one JSON object"),
        (b"null", "it is `null`; it must be one JSON object"),
        (json.dumps(said(x=0)).encode().replace(b"0}", b"[" * 1500 + b"]" * 1500 + b"}"), "it is nested too deep; write one JSON object as asked"),
        (b"[" * 200_000, "it is nested too deep; write one JSON object as asked"),
        (b" " * (MOST_BYTES + 1), "it has more than 1.0 MB, and a result has at most that; write less"),
        (raw(result="done"), "`result` is `\"done\"`; it must be `phase_complete` or `subphase_complete` or `failed` or `blocked`"),
        (raw(result=1), "`result` is `1`; it must be `phase_complete` or `subphase_complete` or `failed` or `blocked`"),
        (raw(result=["blocked"]), "`result` is `[\"blocked\"]`; it must be `phase_complete` or `subphase_complete` or `failed` or `blocked`"),
        (raw(summary="gone"), "`summary` is missing; add it"),
        (raw(summary=None), "`summary` is missing; add it"),
        (raw(summary=" "), "`summary` is empty; say in a sentence or two what was done"),
        (raw(summary=3), "`summary` is `3`; it must be a text"),
        (raw(summary="a\0"), "`summary` holds NUL or half of a letter; write it as plain text"),
        (raw(summary="\ud800"), "`summary` holds NUL or half of a letter; write it as plain text"),
        (raw(item_id="WRK-002"), "`item_id` is `\"WRK-002\"`; it must be `WRK-001`"),
        (raw(phase="build"), "`phase` is `\"build\"`; it must be `prd`"),
        (raw(follow_ups="Test it"), "`follow_ups` is `\"Test it\"`; it must be a list"),
        (raw(follow_ups=[{"context": "x"}]), "`follow_ups[0].title` is missing; add it"),
        (raw(follow_ups=["a", 3]), "`follow_ups[1]` is `3`; it must be a text or an object"),
        (raw(follow_ups=["a", " "]), "`follow_ups[1].title` is empty; name the work in one line"),
        (raw(follow_ups=[{"title": "a", "suggested_size": "huge"}]), "`follow_ups[0].suggested_size` is `\"huge\"`; it must be `small` or `medium` or `large`"),
        (raw(duplicates="WRK-2"), "`duplicates` is `\"WRK-2\"`; it must be a list"),
        (raw(duplicates=[2]), "`duplicates[0]` is `2`; it must be a text"),
        (raw(description="text"), "`description` is `\"text\"`; it must be an object"),
        (raw(updated_assessments={"risk": "small"}), "`updated_assessments.risk` is `\"small\"`; it must be `low` or `medium` or `high`"),
        (raw(requires_human_review="yes"), "`requires_human_review` is `\"yes\"`; it must be true or false"),
        (raw(block_type="conflict"), "`block_type` is `\"conflict\"`; it must be `clarification` or `decision`"),
    ],
)  # fmt: skip
def test_a_bad_result_is_told_with_its_place(given: bytes, told: str) -> None:
    """In words that are enough to write a better one."""
    with pytest.raises(NoResult) as refused:
        read(given, MEANT)

    assert str(refused.value) == told


def test_all_problems_are_told_at_once() -> None:
    """Whose result it is, too: an agent is asked once more, not once for each."""
    with pytest.raises(NoResult) as refused:
        read(raw(item_id="WRK-9", phase="x", result="ok", summary=1, duplicates=[1]), MEANT)

    told = str(refused.value).splitlines()
    assert [line.split()[0] for line in told] == [
        "`item_id`",
        "`phase`",
        "`result`",
        "`summary`",
        "`duplicates[0]`",
    ]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"phase": "review"}, '`phase` is `"review"`; it must be `triage`'),
        ({"phase": "prd"}, '`phase` is `"prd"`; it must be `triage`'),
        (
            {"phase": "triage", "result": "subphase_complete"},
            "`result` is `subphase_complete`; triage has no parts, so say `phase_complete`",
        ),
    ],
)
def test_w10_a_triage_that_answers_for_another_phase_is_asked_again(more: dict[str, Any], told: str) -> None:
    """It neither completes the item nor is it triaged for ever."""
    outcome = verdict("triage", Evidence(CLEAN, Reply(""), item_phase=TRIAGED, answer=raw(**more)))

    assert outcome == Outcome(Result.FAILED, f"its result cannot be used: {told}")
    assert not outcome.is_system_failure


@given(st.binary() | st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*said(), "follow_ups", "description", "title", "duplicates"]) | st.text(), inner)).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_whatever_a_file_holds_is_a_result_or_told(given: bytes) -> None:
    """No other error."""
    with suppress(NoResult):
        found = read(given, MEANT)
        assert (found.item_id, found.phase) == ("WRK-001", "prd")


_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
_filled = st.builds("x{}".format, _texts)
_results = st.builds(
    PhaseResult,
    st.just("WRK-001"),
    st.just("prd"),
    st.sampled_from(get_args(PhaseEnd)),
    _filled,
    _texts,
    st.builds(Assessments, *[st.none() | st.sampled_from(get_args(kind)) for kind in (Size, *[Level] * 3)]),
    st.lists(st.builds(FollowUp, _filled, _texts, st.none() | st.sampled_from(get_args(Size)))).map(tuple),
    _texts,
    _texts,
    _texts,
    st.lists(_texts).map(tuple),
    st.builds(Description, *[_texts] * 5),
    st.sampled_from([None, "clarification", "decision"]),
    st.none() | st.booleans(),
)


@given(_results)
def test_a_result_is_the_same_from_its_file_and_from_the_journal(found: PhaseResult) -> None:
    """Nothing of it is lost on the way."""
    ended = events.StepEnded(1.0, "WRK-001/prd", "prd", 1, Outcome(Result.PASSED, answer=found))

    assert read(json.dumps(asdict(found)).encode(), MEANT) == found
    assert events.read(json.loads(events.as_json(events.written(ended)))) == ended


def test_an_outcome_without_an_answer_is_written_as_ever() -> None:
    """Journals of plans do not grow."""
    assert events.converter().unstructure(Outcome(Result.FAILED, "x")) == {"result": "failed", "reason": "x"}


def test_what_an_agent_has_put_into_words_can_be_changed() -> None:
    """Secrets are taken out of each text."""
    found = result(
        context="b",
        commit_summary="b",
        follow_ups=(FollowUp("b", "b"),),
        description=Description("b", "b", "b", "b", "b"),
        summary="b",
    )

    changed = reworded(found, lambda text: text.replace("b", "[hidden]"))

    assert asdict(changed) == json.loads(
        json.dumps(asdict(found)).replace('"b"', '"[hidden]"'), object_hook=lambda one: one
    ) | {"follow_ups": (asdict(FollowUp("[hidden]", "[hidden]")),), "duplicates": ()}


def test_no_secret_is_kept_in_an_answer() -> None:
    """What lands with an item is as free of them as what is shown."""
    outcome = Outcome(Result.PASSED, answer=result(summary="the key is hunter22"))

    told = shown(outcome, redactor(("hunter22",)))

    assert told.answer == result(summary="the key is [hidden]")
    assert shown(Outcome(Result.PASSED), redactor(("x",))) == Outcome(Result.PASSED)


# --- from a reply


@pytest.mark.parametrize(
    "reply",
    [
        json.dumps(said()),
        f"I have done it.\n\n```json\n{json.dumps(said(), indent=2)}\n```\nThat is all.",
        f'First {{"result": "failed"}}, and then {json.dumps(said())}',
        json.dumps(said(follow_ups=[{"title": "a"}], description={"context": "{"})),
    ],
)
def test_a_reply_that_ends_with_a_result_needs_no_file(reply: str) -> None:
    """Fenced or not; the last one counts."""
    found = from_reply(reply, MEANT)

    assert found is not None
    assert (found.result, found.summary) == ("phase_complete", "Written.")


def test_a_reply_without_a_result_has_none() -> None:
    """Other JSON is nobody's result."""
    assert from_reply('Look at {"name": "peal"}.', MEANT) is None
    assert from_reply("", MEANT) is None


# --- verdicts


def attempt(
    answer: bytes | None = None, reply: str = "", ending: Ending | None = CLEAN, **more: Any
) -> Outcome:
    known = Evidence(ending, Reply(reply, **more), item_phase=MEANT, answer=answer)
    return verdict("item", known)


@pytest.mark.parametrize(
    ("word", "outcome", "reason"),
    [
        ("phase_complete", Result.PASSED, ""),
        ("subphase_complete", Result.PASSED, ""),
        ("failed", Result.FAILED, "the tests are red"),
        ("blocked", Result.REJECTED, "the tests are red"),
    ],
)
def test_the_result_says_how_the_phase_ended(word: str, outcome: Result, reason: str) -> None:
    """And is kept with what was found out, however it ended."""
    found = attempt(raw(result=word, context="the tests are red", follow_ups=["a"]))

    assert (found.result, found.reason) == (outcome, reason)
    assert found.answer is not None
    assert found.answer.follow_ups == (FollowUp("a"),)
    assert not found.is_system_failure


def test_the_summary_is_the_reason_where_there_is_no_context() -> None:
    """As for `blocked` in phase-golem."""
    assert attempt(raw(result="blocked")).reason == "Written."


def test_the_file_wins_over_the_reply() -> None:
    """Also where it is the worse of the two."""
    reply = json.dumps(said(summary="From the reply."))

    both, bad = attempt(raw(), reply), attempt(b"{", reply)

    assert both.answer == result()
    assert bad.result is Result.FAILED
    assert bad.answer is None


@pytest.mark.parametrize(
    ("outcome", "is_system_failure"),
    [
        (attempt(), True),
        (attempt(reply="I am done."), True),
        (attempt(ending=Ending(Ended.EXITED, 127, 1.0)), True),
        (attempt(trouble=Trouble(Fault.UNAUTHENTICATED, "log in first")), True),
        (attempt(trouble=Trouble(Fault.FAILED, "internal error")), True),
        (attempt(b"{"), False),
        (attempt(b""), False),
        (attempt(raw(), ending=Ending(Ended.EXITED, 1, 1.0)), False),
        (attempt(raw(result="failed")), False),
        (attempt(ending=Ending(Ended.TIMED_OUT, -15, 1.0)), False),
        (attempt(ending=Ending(Ended.IDLE, -15, 1.0)), False),
        (attempt(trouble=Trouble(Fault.TOO_LONG, "prompt too long")), False),
        (attempt(trouble=Trouble(Fault.LIMITED, "until 13:00")), False),
        (Outcome(Result.REJECTED, "declined"), False),
    ],
)
def test_the_machine_is_told_from_the_item(outcome: Outcome, is_system_failure: bool) -> None:
    """What would fail any item alike: no result at all, no login, a program that does not start."""
    assert outcome.result is not Result.PASSED
    assert outcome.is_system_failure is is_system_failure


def test_w19_what_a_failed_attempt_found_out_is_kept() -> None:
    """A result that could be read stands beside the reason why the attempt failed."""
    found = attempt(raw(), ending=Ending(Ended.EXITED, 1, 1.0))

    assert (found.result, found.reason) == (Result.FAILED, "exit status 1")
    assert found.answer == result()


@pytest.mark.parametrize(
    ("reply", "ending", "outcome"),
    [
        ("one\ntwo\n\n", CLEAN, Outcome(Result.PASSED, answer=result(summary="two"))),
        ("", CLEAN, Outcome(Result.PASSED, answer=result(summary="the command ended well"))),
        ("one", Ending(Ended.EXITED, 2, 1.0), Outcome(Result.FAILED, "exit status 2")),
    ],
)
def test_a_command_is_judged_by_its_exit_status(reply: str, ending: Ending, outcome: Outcome) -> None:
    """Its last line is the summary; that it fails is the item's own failure."""
    found = verdict("command", Evidence(ending, Reply(reply), item_phase=MEANT))

    assert found == outcome
    assert not found.is_system_failure


# --- prompts


def briefing(phase: str = "prd", **more: Any) -> Briefing:
    contract = "triage" if phase == "triage" else "item"
    task = Task("WRK-001/x", "Build it", "All of it.", item_phase=ItemPhase("WRK-001", phase))
    return Briefing(task, phase, Path("/work/tree"), contract=contract, **more)


def skeleton(prompt: str) -> dict[str, Any]:
    """The JSON that a prompt shows."""
    begin = prompt.index('{"item_id"')
    found: dict[str, Any] = json.JSONDecoder().raw_decode(prompt, begin)[0]
    return found


@pytest.mark.parametrize("phase", ["prd", "triage"])
def test_the_form_that_is_shown_is_read_once_it_is_filled_in(phase: str) -> None:
    """Every key of it is one that is known, and says for whom the result is."""
    shown = skeleton(render(briefing(phase)))
    levels = {key: text.split(" | ")[0] for key, text in shown["updated_assessments"].items()}
    filled = {**shown, "result": "blocked", "block_type": "decision", "updated_assessments": levels}

    found = read(json.dumps(filled).encode(), ItemPhase("WRK-001", phase))

    assert set(shown) <= {*asdict(found)}
    assert found.requires_human_review is False


def test_the_form_that_is_shown_is_no_result() -> None:
    """An agent that says it again has not answered."""
    with pytest.raises(NoResult):
        from_reply(render(briefing()), MEANT)


@pytest.mark.parametrize("phase", ["prd", "triage"])
def test_an_agent_is_told_where_its_result_belongs(phase: str) -> None:
    """In a file where there is one, else at the end of its reply."""
    with_file = render(briefing(phase, result_file=Path("/runs/result.json")))
    without = render(briefing(phase))

    assert "\n    /runs/result.json\n" in with_file
    assert "end your reply with your result" in without
    assert "end your reply" not in with_file


def test_an_agent_is_told_of_what_went_before() -> None:
    """The attempt, why the last one failed, its patch, how it clashed with what landed."""
    shown = render(
        briefing(
            attempt=3,
            failed_before="the tests are red",
            patch=Path("/runs/changes.patch"),
            is_clean=True,
            findings=(Finding("merge", "both changed a.txt"),),
        )
    )

    assert "this is attempt 3" in shown
    for text in ("the tests are red", "/runs/changes.patch", "both changed a.txt", "All of it."):
        assert text in shown


def test_a_phase_of_any_name_has_the_prompt_and_verdict_of_its_contract() -> None:
    """Its own name is the contract where nothing else is said."""
    phase = Phase("tech-research", Kind.WRITE, contract="item")

    check([phase.contract_name, Phase("plan", Kind.READ).contract_name])
    with pytest.raises(PealError):
        check([Phase("tech-research", Kind.WRITE).contract_name])


@pytest.mark.parametrize("name", ["item", "triage"])
def test_a_template_of_ones_own_for_items_is_looked_at_before_a_run(name: str, tmp_path: Path) -> None:
    """As those for plans are."""
    (tmp_path / f"{name}.md.j2").write_text("{{ task.item_phase.item }} {{ result_file }}", encoding="utf-8")
    prompts.check(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    (other / f"{name}.md.j2").write_text("{{ nothing }}", encoding="utf-8")

    with pytest.raises(PealError, match="nothing"):
        prompts.check(other)

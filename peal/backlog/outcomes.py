"""What becomes of the backlog when a phase of an item is over; pure."""

from collections.abc import Iterator, Mapping, Sequence

from attrs import asdict, evolve

from peal.backlog.follow_ups import Brought, brought
from peal.backlog.guardrails import guarded
from peal.backlog.item import FINAL, BlockType, Item, Pool, rank
from peal.backlog.lifecycle import blocked, moved
from peal.backlog.merges import Merged, merged
from peal.backlog.messages import message
from peal.backlog.prompts import untold
from peal.backlog.worklog import Entry
from peal.classes import frozen
from peal.errors import PealError
from peal.model.phase_result import TRIAGE, PhaseResult
from peal.model.work import Outcome, Result
from peal.settings import GuardrailSettings, PipelineSettings
from peal.text.display import harmless, some
from peal.views.report import reason_of

_LONGEST = 2000
"""Letters of what is kept of an agent's words in an item; the attempt's folder has all of them."""
_LONGEST_NAME = 64
_SHOWN = 5


@frozen
class Finished:
    """A phase of an item that is over: it was answered, or nobody tries it again."""

    phase: str
    at: str
    """In ISO 8601 and UTC, as all of an item's."""
    answer: PhaseResult | None = None
    """What was answered, however it ended."""
    failure: str = ""
    """Why it failed for good; empty where the answer says how it ended."""
    failure_type: BlockType = "failure"
    commit: str = ""
    """What it rested on by what peal knows; empty where that is not known."""
    is_earlier: bool = False
    """The phase has failed for good since it was answered so: its item may know the answer."""
    prompts: tuple[str, ...] = ()
    """What whoever worked on it was told."""

    @classmethod
    def by(cls, outcome: Outcome, phase: str, at: str, answer: PhaseResult | None = None) -> "Finished":
        """A phase by the last outcome of its task, and by the answer before that if it was given earlier than the end."""
        answer = outcome.answer or answer
        is_answered = answer is not None and answer.result == "blocked" and outcome.result is Result.REJECTED
        if outcome.result is Result.PASSED or is_answered:
            return cls(phase, at, answer)
        is_conflict = outcome.result is Result.CONFLICTED
        return cls(phase, at, answer, reason_of(outcome), "conflict" if is_conflict else "failure")


@frozen
class Surroundings:
    """What an item's phase ends among."""

    pipeline: PipelineSettings
    """The item's own."""
    pipelines: Mapping[str, PipelineSettings]
    guardrails: GuardrailSettings
    others: Mapping[str, Item]
    """All other items by their ids, also those that are over."""
    running: frozenset[str] = frozenset()
    """Those of them that are being worked on."""
    new_ids: tuple[str, ...] = ()
    """Ids for new items: as many as one phase may bring."""
    rests_on: str = ""
    """The commit that the answer names as what the work rests on; empty where it names none that is there."""


@frozen
class Changes:
    """What is to be written when a phase is over, all of it in one commit."""

    item: Item
    message: str
    """Of the commit."""
    others: tuple[Item, ...] = ()
    """Other items that have changed."""
    new: tuple[Item, ...] = ()
    entries: tuple[Entry, ...] = ()
    """For the worklog."""
    told: tuple[str, ...] = ()
    """What a person should know of it at once."""


def after(item: Item, done: Finished, around: Surroundings) -> Changes:
    """
    What becomes of an item and of the others; PealError if the item is in no state in which that phase could end.

    What was learned is kept however the phase ended.
    """
    is_known = done.is_earlier and is_learned(item, done.at)
    learned = _learned(_begun(item, done, around.pipeline), done, around, is_known)
    merging = _merged(learned, done, around)
    follow_ups = Brought() if is_known else _brought(item, done, around)
    is_gone = merging.item.status in FINAL
    became = merging.item if is_gone else _became(merging.item, done, around)
    return Changes(
        became,
        _message(became, done),
        merging.others,
        follow_ups.items,
        tuple(_entries(became, done, merging, follow_ups, around)),
        tuple(
            f"{item.id}: {line}" for line in _told(became, done, around, (*merging.told, *follow_ups.told))
        ),
    )


def kept_from(item: Item, phase: str, why: BlockType, reason: str, at: str) -> Changes:
    """What becomes of an item whose phase is not begun before a person has looked; PealError if it is over, or waits already."""
    became = _stopped(item, why, reason, at)
    facts = (("Phase", phase), ("Outcome", _SAID["blocked"]), ("Summary", _prose(reason)))
    return Changes(
        became,
        message(item.id, phase, f"blocked: {reason}"),
        entries=(Entry(at, item.id, item.title, facts),),
        told=tuple(f"{item.id}: {line}" for line in _block_told(became)),
    )


def is_learned(item: Item, answered: str) -> bool:
    """Whether an item knows what was answered at that time, for the phase has failed since and that was written."""
    return answered <= item.updated


def _begun(item: Item, done: Finished, pipeline: PipelineSettings) -> Item:
    """The item in the phase that is over: with its first main phase it is in progress."""
    answer = done.answer
    if answer and (answer.item_id, answer.phase) != (item.id, done.phase):
        raise PealError(f"what was answered to {item.id}/{done.phase} is for {answer.item_id}/{answer.phase}")
    if done.phase == TRIAGE and item.status == "new":
        return item
    names = _names(item, pipeline) if done.phase != TRIAGE else []
    is_first = not item.phase and names[:1] == [done.phase]
    if names and (is_first or (item.phase == done.phase and item.status != "ready")):
        begun = moved(item, "in_progress", done.at) if item.status == "ready" else item
        return evolve(begun, phase=done.phase, pool=_pool(item))
    where = f" in phase `{item.phase}`" if item.phase else ""
    raise PealError(
        f"phase `{done.phase}` of item {item.id} is over, but the item is {item.status}{where} now; "
        f"somebody has changed it meanwhile, see `peal backlog show {item.id}`"
    )


def _names(item: Item, pipeline: PipelineSettings) -> list[str]:
    """The phases, by their names, of which an item in this state is in one; none where it is in no phase."""
    if item.status not in ("scoping", "ready", "in_progress"):
        return []
    phases = pipeline.pre_phases if _pool(item) == "pre" else pipeline.phases
    return [one.name for one in phases]


def _pool(item: Item) -> Pool:
    return "pre" if item.status == "scoping" else "main"


def _learned(item: Item, done: Finished, around: Surroundings, is_known: bool) -> Item:
    """The item with what was found out, unless it knows that already; what a person has said, and the phase was told, is gone."""
    commit = around.rests_on or done.commit or item.last_phase_commit
    known = evolve(item, notes=untold(item.notes, done.prompts), last_phase_commit=commit, updated=done.at)
    if done.answer is None or is_known:
        return known
    levels = {name: level for name, level in asdict(done.answer.updated_assessments).items() if level}
    words = {name: text.strip() for name, text in asdict(done.answer.description).items() if text.strip()}
    return evolve(
        known,
        **levels,
        summary=_prose(done.answer.summary),
        requires_human_review=item.requires_human_review or done.answer.requires_human_review is True,
        description=evolve(item.description, **words),
    )


def _merged(item: Item, done: Finished, around: Surroundings) -> Merged:
    """The item made one with its duplicates, which a triage has found that is complete."""
    answer = done.answer
    if answer is None or done.phase != TRIAGE:
        return Merged(item)
    if not done.failure and answer.result == "phase_complete":
        return merged(item, answer.duplicates, around.others, around.running, done.at)
    named = dict.fromkeys(harmless(name)[:_LONGEST_NAME] for name in answer.duplicates)
    return Merged(
        item,
        told=tuple(f"duplicate `{name}` is left as it is until triage is complete" for name in named),
    )


def _brought(item: Item, done: Finished, around: Surroundings) -> Brought:
    wanted = done.answer.follow_ups if done.answer else ()
    return brought(item, done.phase, wanted, around.others.values(), around.new_ids, done.at)


def _became(item: Item, done: Finished, around: Surroundings) -> Item:
    """The item, which is in the phase that is over, as it is from now on."""
    answer, at = done.answer, done.at
    if done.failure:
        return _stopped(item, done.failure_type, done.failure, at)
    if answer is None:
        raise PealError(f"phase `{done.phase}` of item {item.id} is over without an answer")
    if answer.result == "failed":
        return _stopped(item, "failure", answer.why, at)
    if answer.result == "blocked":
        return _stopped(item, answer.block_type or "clarification", answer.why, at)
    if done.phase == TRIAGE:
        return _triaged(item, answer, around, at)
    return _further(item, answer, around, at)


def _stopped(item: Item, why: BlockType, reason: str, at: str) -> Item:
    return blocked(item, why, _prose(reason) or "no reason was given", at)


def _triaged(item: Item, answer: PhaseResult, around: Surroundings, at: str) -> Item:
    """A new item on its way: what is small and not risky, or needs no scoping, is ready at once."""
    name = answer.pipeline_type.strip()
    if answer.result != "phase_complete":
        raise PealError(f"triage of item {item.id} cannot end as {answer.result}")
    if name and name not in around.pipelines:
        why = (
            f"triage has chosen pipeline `{harmless(name)}`, and there is {some(sorted(around.pipelines), _SHOWN)}; "
            f"`peal backlog edit {item.id} --pipeline NAME` sets one, then unblock it"
        )
        return blocked(item, "decision", why, at)
    pipeline = around.pipelines[name] if name else around.pipeline
    scoping = moved(evolve(item, pipeline=name or item.pipeline), "scoping", at)
    is_easy = item.size == "small" and rank(item.risk) <= rank("low")
    if pipeline.pre_phases and not is_easy:
        return evolve(scoping, phase=pipeline.pre_phases[0].name, pool="pre")
    return guarded(moved(scoping, "ready", at), around.guardrails, at)


def _further(item: Item, answer: PhaseResult, around: Surroundings, at: str) -> Item:
    """An item at the end of a phase, or of a part of it: guardrails hold wherever the work itself would go on."""
    names, pool = _names(item, around.pipeline), _pool(item)
    if item.phase not in names:
        why = f"its phase `{item.phase}` is not among the {pool} phases of its pipeline; `peal backlog advance {item.id} --to PHASE`"
        return blocked(item, "decision", why, at)
    if answer.result == "subphase_complete":
        return guarded(item, around.guardrails, at) if pool == "main" else item
    following = names[names.index(item.phase) + 1 :]
    if pool == "pre":
        if following:
            return evolve(item, phase=following[0])
        return guarded(evolve(moved(item, "ready", at), phase="", pool=None), around.guardrails, at)
    if following:
        return guarded(evolve(item, phase=following[0]), around.guardrails, at)
    return moved(item, "done", at)


def _message(became: Item, done: Finished) -> str:
    answer = done.answer
    if done.failure or (answer and answer.result == "failed"):
        return message(became.id, done.phase, f"failed: {done.failure or (answer.why if answer else '')}")
    if answer and answer.result == "blocked":
        return message(became.id, done.phase, f"blocked: {answer.why}")
    return message(became.id, done.phase, *((answer.commit_summary, answer.summary) if answer else ()))


_SAID = {
    "phase_complete": "Complete",
    "subphase_complete": "Subphase Complete",
    "failed": "Failed",
    "blocked": "Blocked",
}


def _entries(
    became: Item, done: Finished, merging: Merged, follow_ups: Brought, around: Surroundings
) -> Iterator[Entry]:
    """The worklog's words on the phase, and on each item that is part of another one now."""
    answer = done.answer
    outcome = _SAID["failed" if done.failure or answer is None else answer.result]
    is_told = outcome in ("Failed", "Blocked")
    summary = _prose(done.failure or (answer.why if is_told else answer.summary) if answer else done.failure)
    facts = (
        ("Phase", done.phase),
        ("Outcome", outcome),
        ("Summary", summary),
        ("Blocked", became.blocked.reason if became.blocked and not is_told else ""),
        ("Follow-ups", ", ".join(f"{one.id} {one.title}" for one in follow_ups.items)),
        ("Left out", "; ".join(follow_ups.told)),
    )
    yield Entry(done.at, became.id, became.title, facts)
    for name in merging.sources:
        title = became.title if name == became.id else around.others[name].title
        merge = (
            ("Phase", done.phase),
            ("Outcome", "Merged"),
            ("Summary", f"Merged into {merging.target}"),
        )
        yield Entry(done.at, name, title, merge)


def _told(became: Item, done: Finished, around: Surroundings, found: Sequence[str]) -> Iterator[str]:
    """What a person should know of the phase."""
    answer = done.answer
    yield from found
    if answer and (said := answer.based_on_commit.strip()) and not around.rests_on:
        yield f"`{harmless(said)[:_LONGEST_NAME]}`, which it is said to rest on, is no commit here; that is left out"
    is_answered = answer is not None and answer.result == "blocked" and not done.failure
    if not is_answered:  # what was answered is told as the end of the attempt
        yield from _block_told(became)
    if answer and done.phase != TRIAGE and (answer.duplicates or answer.pipeline_type):
        yield "only triage can name duplicates and choose a pipeline; both are left as they are"
    if became.status == "done" and became.notes:
        yield f"done, and no phase was told what you had to say: {harmless(became.notes)}"
    if became.status == "done" and became.requires_human_review:
        yield "done, and whoever did it asks for a person's review"


def _block_told(item: Item) -> Iterator[str]:
    """That an item waits for a person, if it does."""
    if item.blocked:
        yield f"blocked ({item.blocked.type}): {harmless(item.blocked.reason)}"


def _prose(text: str) -> str:
    """Words of an agent that no terminal obeys, of a length that an item's file has room for."""
    said = "\n".join(map(harmless, text.strip().splitlines()))
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]}…"

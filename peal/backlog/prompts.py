"""What an agent is told of an item, in the body of the task that one of its phases is; pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import asdict

from peal.backlog.item import BETWEEN_NOTES, FINAL, Item
from peal.settings import PipelineSettings
from peal.text.display import fenced, harmless
from peal.text.names import first_words, natural

CHANGES = "changes"
_LEVELS = ("size", "complexity", "risk", "impact")


def folder_of(item: Item, existing: Iterable[str] = ()) -> str:
    """The folder for what an item's phases write down, in the repository: the first that is there for its id, or a new one."""
    there = sorted(name for name in existing if name.startswith(f"{item.id}_"))
    return f"{CHANGES}/{there[0] if there else f'{item.id}_{first_words(item.title)}'}"


def body_of(
    item: Item,
    phase: str,
    pipeline: PipelineSettings,
    folder: str,
    workflows: Sequence[tuple[str, str]] = (),
    instructions: str = "",
) -> str:
    """
    All that is known of an item and of its phase.

    `folder` is where its phases write things down; `instructions` say what the phase is to do, and `workflows` are the texts
    that say how, each with its file.
    """
    return "\n\n".join(
        (
            _position(phase, pipeline),
            *_facts(item),
            f"What its phases write down for one another belongs in the folder `{folder}/`.",
            *([f"What this phase is to do: {instructions.strip()}"] if instructions else []),
            *_workflows(workflows),
        )
    )


def triage_body_of(item: Item, others: Iterable[Item], pipelines: Mapping[str, PipelineSettings]) -> str:
    """All that is known of a new item, with the other open items and the pipelines to choose from."""
    still_open = sorted(
        (one for one in others if one.status not in FINAL and one.id != item.id),
        key=lambda one: natural(one.id),
    )
    listed = "\n".join(f"- {one.id}: {harmless(one.title)} [{one.status}]" for one in still_open)
    choices = "\n".join(f"- {name}: {_route(pipelines[name])}" for name in sorted(pipelines))
    return "\n\n".join(
        (
            *_facts(item),
            *([f"The other open items:\n\n{fenced(listed, 'BACKLOG')}"] if listed else []),
            f"The pipelines to choose from, with their phases:\n\n{choices}",
        )
    )


def _position(phase: str, pipeline: PipelineSettings) -> str:
    """`Phase `design` (4/6, main)`, and what comes before and after it."""
    names = [*(one.name for one in pipeline.pre_phases), *(one.name for one in pipeline.phases)]
    place = names.index(phase) if phase in names else 0
    pool = "pre" if place < len(pipeline.pre_phases) else "main"
    return f"Phase `{phase}` ({place + 1}/{len(names)}, {pool}) of: {_route(pipeline)}."


def _route(pipeline: PipelineSettings) -> str:
    return ", ".join(one.name for one in (*pipeline.pre_phases, *pipeline.phases))


def _facts(item: Item) -> Iterator[str]:
    """What is known of an item; texts of people and agents stand in a fence each."""
    yield f"Item {item.id}: {harmless(item.title)}"
    if assessed := ", ".join(f"{name} {getattr(item, name)}" for name in _LEVELS if getattr(item, name)):
        yield f"Assessed so far: {assessed}."
    if item.origin:
        yield f"It came up in {harmless(item.origin)}."
    if item.depends:
        yield f"It builds on {', '.join(map(harmless, item.depends))}."
    parts = {name: text for name, text in asdict(item.description).items() if text.strip()}
    if parts:
        told = "\n\n".join(
            f"{name.replace('_', ' ').capitalize()}: {text.strip()}" for name, text in parts.items()
        )
        yield fenced(told, "DESCRIPTION")
    if item.text.strip():
        yield fenced(item.text.strip("\n"), "TEXT")
    if item.summary:
        yield f"What was said at the end of the latest phase:\n\n{fenced(item.summary, 'SUMMARY')}"
    if item.notes:
        yield _said(item.notes)


def _said(notes: str) -> str:
    return f"It waited for a person, who said when it was let go on:\n\n{fenced(notes, 'ANSWER')}"


def untold(notes: str, prompts: Iterable[str]) -> str:
    """What of a person's notes none of these prompts has told: each that comes later stands below those before."""
    parts, all_told = notes.split(BETWEEN_NOTES), "".join(prompts)
    told = (n for n in range(len(parts), 0, -1) if _said(BETWEEN_NOTES.join(parts[:n])) in all_told)
    return BETWEEN_NOTES.join(parts[next(told, 0) :])


def _workflows(workflows: Sequence[tuple[str, str]]) -> Iterator[str]:
    if workflows:
        yield "How this phase is done" + (":" if len(workflows) == 1 else ", one after another:")
    for path, text in workflows:
        yield f"`{harmless(path)}`\n\n{fenced(text, 'WORKFLOW')}"

"""What the items of a backlog go through: the pipelines in force, and what is wrong with any."""

from collections.abc import Iterator, Mapping
from typing import Any

from peal.settings.schema import ExecutionSettings, ItemPhaseSettings, PipelineSettings, Settings
from peal.settings.validation import joined, structured

_POOLS = ("pre_phases", "phases")

USUAL_NAME = "feature"
"""The pipeline of items that name none, where there are several."""
USUAL = {
    USUAL_NAME: PipelineSettings(
        pre_phases=(
            ItemPhaseSettings(
                "research",
                instructions="Find out what this takes: what is there already, what has to change, how large that is and what "
                "could break. Write down what you found.",
            ),
        ),
        phases=(
            ItemPhaseSettings(
                "prd",
                instructions="Write down what is wanted, for whom and why, and how one can tell that it is there.",
            ),
            ItemPhaseSettings(
                "tech-research",
                instructions="Compare the ways to do it, in this code and with its libraries. Write down which is best, and why.",
            ),
            ItemPhaseSettings(
                "design",
                instructions="Write down how it is to be built: what is new, what changes, and what could go wrong.",
            ),
            ItemPhaseSettings(
                "spec",
                instructions="Write a plan of small tasks, each of which can be done and checked by itself.",
            ),
            ItemPhaseSettings(
                "build",
                instructions="Carry out the plan that was written for this, with tests. Where it is long, do the next part of it "
                "and say that more is to come.",
                is_destructive=True,
            ),
            ItemPhaseSettings(
                "review",
                instructions="Compare what was built with what was wanted. Mend what is wrong; what is left is a follow-up.",
            ),
        ),
    )
}
"""Where the settings have no pipelines at all; its phases are called as phase-golem's."""


def pipelines(settings: Settings) -> Mapping[str, PipelineSettings]:
    """The pipelines in force, by name."""
    return settings.pipelines or USUAL


def item_phases(of: Mapping[str, PipelineSettings]) -> Iterator[ItemPhaseSettings]:
    """Every phase of every pipeline."""
    for pipeline in of.values():
        yield from (*pipeline.pre_phases, *pipeline.phases)


def workflow_files(of: Mapping[str, PipelineSettings]) -> dict[str, str]:
    """Each file that tells an agent what to do, with the path in the settings of the first phase that names it."""
    found: dict[str, str] = {}
    for name, pipeline in of.items():
        for pool, phases in zip(_POOLS, (pipeline.pre_phases, pipeline.phases), strict=True):
            for at, phase in enumerate(phases):
                for file in phase.workflows:
                    found.setdefault(file, f"pipelines.{name}.{pool}[{at}]")
    return found


def gaps(tree: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with pipelines whose keys are right by themselves: paths and problems."""
    tables = tree.get("pipelines")
    execution = structured(tree.get("execution", {}), ExecutionSettings)[0] or ExecutionSettings()
    for name, table in (tables if isinstance(tables, dict) else {}).items():
        if isinstance(table, dict):
            yield from _pipeline_gaps(joined("pipelines", name), table, execution.max_wip)


def _pipeline_gaps(path: str, table: Mapping[str, Any], max_wip: int) -> Iterator[tuple[str, str]]:
    if not table.get("phases", ()):
        yield path, f"has no `phases`; write at least one, as `[[{path}.phases]]`"
    first: dict[str, str] = {}
    for pool, at, phase in _phases(table):
        here = f"{path}.{pool}[{at}]"
        if first.setdefault(phase.name, here) != here:
            yield here, f"is called `{phase.name}`, as `{first[phase.name]}` is; give it another name"
        yield from ((here, gap) for gap in _phase_gaps(phase, pool == "pre_phases", max_wip))


def _phases(table: Mapping[str, Any]) -> Iterator[tuple[str, int, ItemPhaseSettings]]:
    """The phases that can be read, each with its list and its place there."""
    for pool in _POOLS:
        listed = table.get(pool)
        for at, one in enumerate(listed if isinstance(listed, list | tuple) else ()):
            phase = structured(one, ItemPhaseSettings)[0]
            if phase is not None:
                yield pool, at, phase


def _phase_gaps(phase: ItemPhaseSettings, is_pre: bool, max_wip: int) -> Iterator[str]:
    if is_pre and phase.is_destructive:
        yield "is destructive, which only main phases may be; move it to `phases`, or take `is_destructive` out"
    if phase.staleness == "block" and max_wip > 1:
        yield (
            f"has `staleness` `block`, which does not go with `execution.max_wip` {max_wip}; "
            "set that to 1, or `staleness` to `warn`"
        )
    for kind, value in (("command", phase.command), ("plan", phase.plan)):
        if phase.kind == kind and not value:
            yield f"is of kind `{kind}` and has no `{kind}`; write it"
        if phase.kind != kind and value:
            yield f'has a `{kind}` and is of kind `{phase.kind}`; write `kind = "{kind}"`, or take it out'
    if phase.kind != "agent" and (phase.workflows or phase.instructions):
        told = "workflows" if phase.workflows else "instructions"
        yield f"is of kind `{phase.kind}`, where `{told}` tells nobody anything; take it out"
    if phase.kind == "command" and (phase.agent or phase.model):
        told = "agent" if phase.agent else "model"
        yield f"is of kind `command`, where no agent works; take `{told}` out"
    if phase.kind != "command" and phase.network == "off":
        yield f'has `network` `off` and is of kind `{phase.kind}`, whose agents need it; write `kind = "command"`, or take it out'

"""The one place where prompts are built: templates of this package, each replaceable by the user's own."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from itertools import compress, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve, field

from peal.classes import frozen
from peal.errors import PealError
from peal.model.pipeline import AGENT_PHASES
from peal.model.plan import ItemPhase, Task, TaskId
from peal.model.review import Finding
from peal.text.display import fenced

if TYPE_CHECKING:
    from jinja2 import Environment


ITEM_CONTRACTS = ("item", "triage")
"""The templates for phases of items, which no plan needs."""


@frozen
class Briefing:
    """What a prompt is made from; the names are the templates' variables."""

    task: Task
    phase: str
    workspace: Path
    contract: str = ""
    """Which template it is; the one of the phase's own name where empty."""
    attempt: int = 1
    """Which attempt at this phase it is."""
    result_file: Path | None = None
    """Where the result of an item's phase is to be written; None where the reply is to end with it."""
    context: str = ""
    """What the plan says outside its tasks."""
    replies: Mapping[str, str] = field(factory=dict)
    """What was answered in each earlier phase that only reads, by the phase's name."""
    findings: tuple[Finding, ...] = ()
    findings_file: Path | None = None
    """Where all findings are, if there are more than `most_findings`."""
    most_findings: int = 100
    """How many findings the prompt shows."""
    failed_before: str = ""
    """What went wrong with the attempt before this one."""
    asked_before: str = ""
    """What the attempt before this one had to ask a person."""
    interrupted_before: bool = False
    """The attempt before this one was cut short: partial changes may be there."""
    patch: Path | None = None
    """What the attempt before this one had changed, if that was taken out of the workspace again."""
    is_clean: bool = False
    """The workspace holds nothing of any attempt before."""
    notes: tuple[str, ...] = ()
    """What was noted of the attempts before, and of the workspace."""


@cache
def _environment(folder: Path | None) -> "Environment":
    from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined

    ours = PackageLoader("peal.phases")
    loader = ChoiceLoader([FileSystemLoader(folder), ours]) if folder else ours
    made = Environment(
        loader=loader,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
        autoescape=False,
    )
    made.filters["fenced"] = fenced
    made.filters["told"] = told
    return made


def told(finding: Finding, number: int) -> str:
    """A finding as an agent gets it: its number, who reports what and where, and how they would mend it."""
    where = f"{finding.path}:{finding.line}" if finding.line else finding.path
    head = " ".join(filter(None, (where, finding.severity if finding.path else "", finding.rule)))
    line = f"{number}. [{finding.reviewer}] {head + ': ' if head else ''}{finding.message}"
    context = f"\nthe line: {finding.context}" if finding.context else ""
    suggestion = f"\nsuggestion: {finding.suggestion}" if finding.suggestion else ""
    dismiss = "\n(may be dismissed)" if finding.may_dismiss else ""
    return f"{line}{context}{suggestion}{dismiss}"


def render(briefing: Briefing, folder: Path | None = None) -> str:
    """The prompt of one attempt; `folder` holds the user's own templates, if there are any."""
    name = f"{briefing.contract or briefing.phase}.md.j2"
    values = {name: getattr(briefing, name) for name in Briefing.__annotations__}
    values["plan"] = briefing.replies.get("plan", "")
    try:
        return _environment(folder).get_template(name).render(values)
    except Exception as error:
        if folder is None:
            raise
        raise PealError(f"template `{folder / name}`: {error}; mend it or take it away") from None


def load(folder: Path | None, names: Iterable[str]) -> None:
    """Have the templates of these names ready before a prompt is wanted; what is wrong with one is told then."""
    made = _environment(folder)
    for name in names:
        with suppress(Exception):
            made.get_template(f"{name}.md.j2")


def check(folder: Path | None) -> None:
    """PealError if the user's templates cannot be used: better before the run than in its middle."""
    if folder is None:
        return
    if not folder.is_dir():
        raise PealError(f"`prompts` is `{folder}`, which is no folder; mend the setting or make it")
    filled: dict[str, Any] = {
        "task": Task(TaskId("1"), "title", "body", item_phase=ItemPhase("WRK-1", "prd")),
        "context": "context",
        "replies": {"plan": "plan"},
        "findings": (Finding("tests", "message"),),
        "failed_before": "exit status 1",
        "asked_before": "Which?",
        "interrupted_before": True,
        "patch": Path("changes.patch"),
        "is_clean": True,
        "notes": ("note",),
    }
    ours = Task(TaskId("1"), "", "body", item_phase=ItemPhase("WRK-1", "prd"))
    own = (name for name in ITEM_CONTRACTS if (folder / f"{name}.md.j2").exists())
    for name in (*AGENT_PHASES, *own):
        bare = Briefing(ours, name, folder, result_file=folder / "result.json")
        for chosen in product((False, True), repeat=len(filled)):
            render(evolve(bare, **dict(compress(filled.items(), chosen))), folder)

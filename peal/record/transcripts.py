"""What attempts left in their folders, read back."""

from pathlib import Path

from peal.agents.output_tail import FAR, is_events, last_words, said_lines
from peal.record.task_state import Attempt
from peal.system.files import content, end_of
from peal.system.layout import PlanPaths
from peal.text.display import tail

_TAIL = 8192
_SETUP = ("setup.stderr", "setup.stdout")
_PROMPT = "prompt.md"
TEXTS = (_PROMPT, "stdout", "stderr", "reply.md")


def folder_of(plan_paths: PlanPaths, one: Attempt) -> Path:
    """The attempt's folder; not every attempt needed one."""
    return plan_paths.attempt(one.task, one.phase, one.number)


def prompt_of(folder: Path) -> str:
    """What whoever worked on an attempt was told; empty if that is nothing, or gone."""
    return (content(folder / _PROMPT) or b"").decode("utf-8", "replace")


def outputs_of(folder: Path) -> list[Path]:
    """The files in which an attempt's processes printed, the agent's last, in the order they ran."""
    helpers = [
        path for kind in ("setup.std*", "hooks.*std*", "review-*.std*") for path in sorted(folder.glob(kind))
    ]
    return [path for path in (*helpers, folder / "stdout", folder / "stderr") if path.exists()]


def is_of_agent(path: Path) -> bool:
    """Whether an output is an agent's, who may print events: who is asked has a prompt beside it."""
    prefix = path.name.removesuffix("stdout")
    return prefix != path.name and (not prefix or path.with_name(f"{prefix}{_PROMPT}").exists())


def last_output(plan_paths: PlanPaths, one: Attempt) -> str:
    """The last thing an attempt said so far, on one line."""
    folder = folder_of(plan_paths, one)
    latest = max(
        (path for path in outputs_of(folder) if path.stat().st_size),
        key=lambda path: path.stat().st_mtime,
        default=None,
    )
    return last_words(latest) if latest else ""


def last_outputs(plan_paths: PlanPaths, one: Attempt, lines: int, far: int = FAR) -> list[str]:
    """
    The last lines an attempt printed, as far as they stand in the last `far` bytes: what went to stderr if there is any, else stdout; with events what they say.

    Of an attempt that has got no further, those of what readies its worktree; what hooks and reviewers print is told as findings.
    """
    folder = folder_of(plan_paths, one)
    if not (folder / "stdout").exists():
        return next((said for name in _SETUP if (said := tail(end_of(folder / name), lines))), [])
    complaints, raw = tail(end_of(folder / "stderr"), lines), end_of(folder / "stdout", far)
    if not is_events(raw):
        return complaints or tail(raw[-_TAIL:], lines)
    said = said_lines(raw, is_cut=len(raw) == far)
    return [*said, *complaints[-max(lines // 2, 1) :]][-lines:]

"""What attempts left in their folders, read back."""

import sys
from collections.abc import Callable
from pathlib import Path

from peal.agents.output_tail import FAR, is_events, last_words, said_lines
from peal.record.task_state import Attempt
from peal.system.files import content, end_of
from peal.system.layout import PlanPaths
from peal.text.display import tail
from peal.text.redaction import BEYOND

_TAIL = 8192
_EVENTS = 8
"""So many times what is shown of events is read: most of them are not for people."""
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


def last_outputs(plan_paths: PlanPaths, one: Attempt, lines: int, hide: Callable[[str], str]) -> list[str]:
    """
    The last lines an attempt printed, without secrets: what went to stderr if there is any, else stdout; with events what they say.

    Of an attempt that has got no further, those of what readies its worktree; what hooks and reviewers print is told as findings.
    """
    folder = folder_of(plan_paths, one)
    if not (folder / "stdout").exists():
        return _setup(folder, hide)[0][-lines:]
    complaints, _ = _end(folder / "stderr", hide)
    raw = end_of(folder / "stdout", FAR)
    if not is_events(raw):
        return (complaints or _end(folder / "stdout", hide)[0])[-lines:]
    said = map(hide, said_lines(raw, is_cut=len(raw) == FAR))
    return [*said, *complaints[-max(lines // 2, 1) :]][-lines:]


def all_output(
    plan_paths: PlanPaths, one: Attempt, most: int, hide: Callable[[str], str]
) -> tuple[list[str], bool]:
    """Lines an attempt printed, stdout first, without secrets: at least the last `most` bytes of each; and whether they are all."""
    folder = folder_of(plan_paths, one)
    if not (folder / "stdout").exists():
        return _setup(folder, hide)
    raw = end_of(folder / "stdout", most * _EVENTS)
    if is_events(raw):
        is_cut = len(raw) == most * _EVENTS
        said, is_whole = [hide(line) for line in said_lines(raw, is_cut)], not is_cut
    else:
        said, is_whole = _end(folder / "stdout", hide, most)
    complaints, are_all = _end(folder / "stderr", hide, most)
    return [*said, *complaints], is_whole and are_all


def _setup(folder: Path, hide: Callable[[str], str]) -> tuple[list[str], bool]:
    found = (_end(folder / name, hide) for name in _SETUP)
    return next((one for one in found if one[0]), ([], True))


def _end(path: Path, hide: Callable[[str], str], far: int = _TAIL) -> tuple[list[str], bool]:
    """The lines at the end of an output, without secrets; and whether they are all of it."""
    raw = end_of(path, far + BEYOND)
    text, is_whole = hide(raw.decode("utf-8", "replace")), len(raw) < far + BEYOND
    if not is_whole:  # it begins anywhere, also within a secret
        text = text[BEYOND:]
        text = text.partition("\n")[2] or text
    return tail(text.encode("utf-8", "replace"), sys.maxsize), is_whole

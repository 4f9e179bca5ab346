"""A plan's file: read as it is, or as an agent has rewritten it; whether it is fit to run, and which of its tasks are meant."""

import hashlib
import re
from pathlib import Path

from attrs import evolve

from peal.errors import PealError
from peal.model.plan import Plan, Problem
from peal.system.files import replace
from peal.system.layout import NORMALIZED, PlanPaths, RepoPaths
from peal.text.display import decoded, ranges

_MARK = re.compile(r"<!-- made of a file with the SHA-256 (?P<digest>[0-9a-f]{64}) -->\n")


def read_plan(path: Path, repo_paths: RepoPaths | None) -> Plan:
    """
    The plan in a file as it is, or as an agent has rewritten it, problems and all; PealError if there is no file to read.

    Without `repo_paths` there is nowhere to look for what an agent has made of it.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise PealError(f"plan `{path}` cannot be read: {error.strerror}; name a plan file") from None
    from peal import formats  # only here: reading markdown takes long to load

    plan = formats.parse(raw, str(path))
    if repo_paths is None or not can_be_rewritten(plan):
        return plan
    return _rewritten(repo_paths.plan(path), raw, str(path)) or plan


def fit_plan(path: Path, repo_paths: RepoPaths) -> Plan:
    """The plan in a file, as `read_plan` finds it; PealError with every problem if it has one."""
    return fit(read_plan(path, repo_paths))


def fit(plan: Plan) -> Plan:
    """The plan; PealError with every problem if it has one."""
    problems = [f"plan `{plan.path}` line {found.line}: {found.message}" for found in plan.problems]
    if problems and can_be_rewritten(plan):
        problems[-1] += "; or pass --normalize to `peal run`, which lets an agent rewrite it"
    if problems:
        raise PealError("\n".join(problems))
    return plan


def chosen(texts: tuple[str, ...], plan: Plan) -> tuple[int, ...]:
    """
    The plan's tasks that `2,5-7` and the like name.

    A range may have gaps; a number by itself has to be there. PealError if it is not, or for anything else.
    """
    there = {task.index for task in plan.tasks}
    found: set[int] = set()
    for text in texts:
        for part in text.split(","):
            span = re.fullmatch(r"\s*(\d+)(?:\s*-\s*(\d+))?\s*", part)
            if not span:
                raise PealError(f"`{part or text}` names no task; write numbers and ranges: 2,5-7")
            low, high = int(span[1]), int(span[2] or span[1])
            if high < low or high - low > 1_000_000:
                raise PealError(f"`{part}` is no range of tasks; write the lower number first: 5-7")
            named = there.intersection(range(low, high + 1))
            if not named:
                raise PealError(_not_found(part.strip(), there, plan))
            found |= named
    return tuple(sorted(found))


def _not_found(part: str, there: set[int], plan: Plan) -> str:
    return f"task {part} not found in plan `{plan.path}`; it has {ranges(there)}"


def can_be_rewritten(plan: Plan) -> bool:
    """Whether a file holds something, in no form that peal reads; mistakes in a plan are for its author to mend."""
    return plan.format in ("unknown", "foreign")


def _rewritten(plan_paths: PlanPaths, raw: bytes, path: str) -> Plan | None:
    """What an agent has made of a file with these bytes, if that is kept: under its own name, or another it had."""
    others = (
        sorted(plan_paths.normalized.parent.glob(f"*{NORMALIZED}"))
        if not plan_paths.normalized.exists()
        else []
    )
    for kept_in in (plan_paths.normalized, *others):
        if (text := _made_of(raw, kept_in)) is not None:
            from peal import formats

            plan = formats.parse(text.encode(), path)
            told = f"an agent has rewritten this file; what is carried out is kept in `{kept_in}`"
            return evolve(plan, notes=(Problem(1, told), *plan.notes))
    return None


def _made_of(raw: bytes, kept_in: Path) -> str | None:
    try:
        text = decoded(kept_in.read_bytes())
    except (OSError, ValueError):
        return None
    found = _MARK.match(text)
    return text[found.end() :] if found and found["digest"] == _digest(raw) else None


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def keep(plan_paths: PlanPaths, raw: bytes, text: str) -> None:
    """Let the plan in `text` stand for a file with these bytes from now on; OSError if that cannot be written."""
    replace(plan_paths.normalized, f"<!-- made of a file with the SHA-256 {_digest(raw)} -->\n{text}")

"""A plan's file: read as it is, or as an agent has rewritten it, and whether it is fit to run."""

import hashlib
import re
from pathlib import Path

from attrs import evolve

from peal.errors import PealError
from peal.jobs.backlog_paths import refuse_backlog
from peal.model.plan import Plan, Problem
from peal.settings import Settings
from peal.system.files import markdown_in, replace
from peal.system.layout import NORMALIZED, PlanPaths, RepoPaths
from peal.text.display import decoded

_MARK = re.compile(r"<!-- made of a file with the SHA-256 (?P<digest>[0-9a-f]{64}) -->\n")

_FIRST_FORMATS = ("peal", "foreign", "checklist")
"""What peal read when a run did not yet say in which format it had read its plan."""
_FIRST_OF_LISTS = "checklist"
"""What it then took files of most other formats for."""


def read_plan(
    path: Path, repo_paths: RepoPaths | None, format_name: str = "", is_fresh: bool = False
) -> Plan:
    """
    The plan in a file as it is, or as an agent has rewritten it, problems and all; PealError if there is nothing to read.

    A folder is a plan where its files are one task each. A plan that was begun is read in the format that it was begun in, unless
    another is named, it does not fit any more, or the run starts over (`is_fresh`). Without `repo_paths` nothing is known of
    such a beginning, nor of what an agent has made of the file, nor of a backlog: otherwise its items are refused as such.
    """
    from peal import formats  # only here: reading markdown takes long to load

    refuse_backlog(path, repo_paths)
    _check_is_known(format_name)
    try:
        if path.is_dir():
            if format_name:
                raise PealError(
                    f"`{path}` is a folder, which is read by what its files are; leave --format out"
                )
            return formats.parse_folder(markdown_in(path), str(path))
        raw = path.read_bytes()
    except OSError as error:
        raise PealError(f"plan `{path}` cannot be read: {error.strerror}; name a plan file") from None
    plan = formats.parse(raw, str(path), format_name)
    if repo_paths is None:
        return plan
    if can_be_rewritten(plan):
        return _rewritten(repo_paths.plan(path), raw, str(path)) or plan
    return plan if format_name or is_fresh else _as_begun(repo_paths.plan(path), raw, plan)


def _as_begun(plan_paths: PlanPaths, raw: bytes, plan: Plan) -> Plan:
    """The plan in the format that it was begun in, with a word on that if it would be taken for another now."""
    if not plan_paths.journal.exists():
        return plan
    from peal import formats
    from peal.record import journal

    opened, _ = journal.latest_opening(plan_paths.journal)
    if not opened:
        return plan
    before = opened.format or (plan.format if plan.format in _FIRST_FORMATS else _FIRST_OF_LISTS)
    if before not in formats.NAMES or before == plan.format:
        return plan
    begun = formats.parse(raw, plan.path, before)
    if begun.problems:
        return plan
    told = f"read as `{begun.format}`, as it was begun; `--fresh` or `--format {plan.format}` reads it as what it seems now"
    return evolve(begun, notes=(Problem(1, told), *begun.notes))


def _check_is_known(format_name: str) -> None:
    from peal import formats

    if format_name and format_name not in formats.NAMES:
        raise PealError(f"there is no format `{format_name}`; there are {', '.join(formats.NAMES)}")


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


def can_be_rewritten(plan: Plan) -> bool:
    """Whether a file holds something, in no form that peal reads; mistakes in a plan are for its author to mend."""
    return plan.format in ("unknown", "foreign", "trackers")


def is_to_be_rewritten(plan: Plan, settings: Settings) -> bool:
    """Whether an agent is to make a plan of this file."""
    return settings.normalize_plan and bool(plan.problems) and can_be_rewritten(plan)


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

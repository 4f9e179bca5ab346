"""A run that does not begin tells everything for which it would not, and not only what it met first."""

from functools import partial
from pathlib import Path
from typing import Any

from peal.doctor.checks import refusals
from peal.doctor.look import Asked, Look, PlanFiles
from peal.errors import Busy, Interrupted, Paused, PealError
from peal.jobs.known_plans import where_it_is
from peal.jobs.plan_files import fit, is_to_be_rewritten, read_plan
from peal.model.plan import Plan
from peal.system.layout import RepoPaths


def with_all_others(
    first: PealError, repo_paths: RepoPaths, plan_file: Path, flags: dict[str, Any], is_fresh: bool
) -> PealError:
    """The refusal that was met first, and on lines of their own what `peal doctor` finds of the kind."""
    if isinstance(first, (Busy, Interrupted, Paused)):
        return first

    def read(path: Path) -> Plan:
        plan = read_plan(path, repo_paths, flags.get("format_name", ""), is_fresh)
        return plan if is_to_be_rewritten(plan, look.readable.settings) else fit(plan)

    files = PlanFiles(read, lambda path: where_it_is(repo_paths, path))
    look = Look(repo_paths, None, files, Asked(flags, plan_file, is_fresh))
    return _with(first, look)


def with_all_others_of_backlog(first: PealError, repo_paths: RepoPaths, flags: dict[str, Any]) -> PealError:
    """The same of a run of the backlog."""
    if isinstance(first, (Busy, Interrupted, Paused)):
        return first
    folder = (
        repo_paths.repo / Look(repo_paths, None, _NO_PLANS, Asked(flags)).readable.settings.backlog.folder
    )
    return _with(first, Look(repo_paths, None, _NO_PLANS, Asked(flags, folder, is_backlog=True)))


_NO_PLANS = PlanFiles(partial(read_plan, repo_paths=None), lambda path: path)
"""For who looks at none."""


def _with(first: PealError, look: Look) -> PealError:
    lines = str(first).splitlines()
    others = [line for line in refusals(look) if line not in lines]
    return PealError("\n".join([*lines, *others])) if others else first

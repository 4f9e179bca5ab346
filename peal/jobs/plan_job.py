"""From flags, settings and a plan to a job that can run."""

import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import evolve

from peal.agents.needed import chain_of
from peal.errors import PealError
from peal.jobs.job import Job
from peal.jobs.known_plans import where_it_is
from peal.jobs.plan_files import fit, is_to_be_rewritten, read_plan
from peal.jobs.resolve import check_who_is_told, notices_on, roster_of
from peal.jobs.selection import chosen, named
from peal.jobs.source import PlanTasks
from peal.model.decision import Budget, Rules
from peal.model.pipeline import PIPELINE, PLAN_PHASES, Kind, Phase, Pipeline, pipeline_name, pipeline_of
from peal.model.plan import Plan, TaskId, overlaps
from peal.record import moved_plans
from peal.record.events import PlanRewritten
from peal.settings import NO_KEYS, Settings, load
from peal.settings.pipelines import item_phases, pipelines
from peal.system import process
from peal.system.layout import RepoPaths
from peal.text.display import count, harmless
from peal.text.names import ranges
from peal.text.redaction import HIDDEN
from peal.work import Roster
from peal.workspaces import (
    Hooks,
    Messages,
    PlanFile,
    Pool,
    SharedTree,
    Slots,
    environments,
    filters,
    named_branch,
    preflight,
)
from peal.workspaces.additions import NO_ADDITIONS
from peal.worktrees.guarded import guarded

Rewrite = Callable[[Path, Roster, Budget], tuple[Plan, PlanRewritten]]
"""Has somebody make a plan of a file that is none, within a budget; PealError if that fails."""


def job_of(
    repo_paths: RepoPaths,
    plan_file: Path,
    flags: dict[str, Any],
    rewrite: Rewrite,
    slots: Slots,
    accept_settings: tuple[str, ...],
    **how: bool,
) -> Job:
    """
    Everything that was asked for, checked and resolved; `how` is what `Job` takes so. PealError with all that is not fit.

    A file that is no plan is given to `rewrite`, if that was asked for. `slots` are shared with all plans that are carried out
    at once. `accept_settings` names the tasks whose changes to settings and programs may land.
    """
    with _all_refusals(repo_paths, plan_file, flags, how.get("fresh", False)):
        config = Path(flags["config"]) if flags.get("config") else None
        settings = settings_of(repo_paths, flags, config)
        check_who_is_told(settings)
        _check_is_here(repo_paths, plan_file)
        plan = read_plan(
            plan_file, repo_paths, flags.get("format_name", ""), is_fresh=how.get("fresh", False)
        )
        if not is_to_be_rewritten(plan, settings):
            fit(plan)
        pool = pool_of(repo_paths, plan_file, settings, config, slots)
        spaces = pool or SharedTree(repo_paths.repo)
        roster, rewritten = roster_of(repo_paths, plan, settings, spaces), None
        if is_to_be_rewritten(plan, settings):
            plan, rewritten = rewrite(plan_file, roster, rules_of(settings).budget)
            roster = roster_of(repo_paths, plan, settings, spaces)
        file = _file_of(repo_paths, plan, settings)
        if pool:
            pool.additions = file or NO_ADDITIONS
        elif settings.parallel and settings.max_parallel > 1 and not settings.share_files:
            _refuse_to_share_files(plan, _selected(plan, flags, settings.optional))
        if pool and accept_settings:
            pool.accepted = frozenset(chosen(accept_settings, plan))
        selected = _selected(plan, flags, settings.optional)
        return Job(
            repo_paths=repo_paths,
            plan_file=plan_file,
            plan=plan,
            source=PlanTasks.of(plan, selected),
            roster=roster,
            rules=rules_of(settings),
            pipelines=_pipelines(plan, settings, roster.chains),
            flags=storable(flags, roster.hide),
            command=tuple(map(roster.hide, ("peal", *sys.argv[1:]))),
            selected=selected,
            notices=(*notices_on(roster), *_notices_on(plan, settings), *_not_ticked(pool, file, settings)),
            rewritten=rewritten,
            pool=pool,
            **how,
        )


@contextmanager
def _all_refusals(
    repo_paths: RepoPaths, plan_file: Path, flags: dict[str, Any], is_fresh: bool
) -> Iterator[None]:
    """What refuses the job in here tells everything else for which it would be refused too."""
    try:
        yield
    except PealError as first:
        from peal.jobs.refusals import with_all_others  # only here: most runs begin

        raise with_all_others(first, repo_paths, plan_file, flags, is_fresh) from None


def settings_of(repo_paths: RepoPaths, flags: dict[str, Any], config: Path | None) -> Settings:
    """The settings in force; PealError if a flag was remembered without the secret that was in it."""
    sets = flags.get("sets", ())
    given = [f"--set {text}" for text in sets] + [
        f"--{name.replace('_', '-')} {flags[name]}" for name in flags
    ]
    if hidden := [text for text in given if HIDDEN in text]:
        raise PealError(
            f"{hidden[0]} was given with a secret, which is not written down; give it again, or keep it in a variable"
        )
    known = {name: value for name, value in flags.items() if name not in NO_KEYS}
    return load(repo_paths.repo, known, sets, config)


def storable(flags: dict[str, Any], hide: Callable[[str], str]) -> dict[str, Any]:
    """The flags as the journal may remember them."""
    texts = {name: hide(text) for name, text in flags.items() if isinstance(text, str) and name != "config"}
    lists = {"sets": [hide(text) for text in flags["sets"]]} if "sets" in flags else {}
    return {**flags, **texts, **lists}


def _check_is_here(repo_paths: RepoPaths, plan_file: Path) -> None:
    """PealError if a plan that was run here is not where it was, with where it is now."""
    if (found := where_it_is(repo_paths, plan_file)) != plan_file:
        raise PealError(moved_plans.told_moved(plan_file, found))


def _selected(plan: Plan, flags: dict[str, Any], with_optional: bool) -> frozenset[TaskId] | None:
    """The tasks asked for; None for all. One that is named is worked on whatever it is; others only if they are not optional."""
    if flags.get("task") and flags.get("from_task") is not None:
        raise PealError("--task and --from-task exclude each other; give one of them")
    left_out = frozenset(
        task.id for task in plan.tasks if task.is_optional and not task.done and not with_optional
    )
    if flags.get("task"):
        return frozenset(chosen(tuple(flags["task"]), plan))
    if flags.get("from_task") is not None:
        ids = [task.id for task in plan.tasks]
        return frozenset(ids[ids.index(named(str(flags["from_task"]), plan)) :]) - left_out
    return frozenset(task.id for task in plan.tasks) - left_out if left_out else None


def _notices_on(plan: Plan, settings: Settings) -> list[str]:
    """What a person should know of the plan itself before it is carried out."""
    found = []
    commands = sum(len(task.checks) for task in plan.tasks if not task.done)
    if commands and not settings.verify_from_plan:
        which = f"{count(commands, 'command')} to verify its tasks"
        found.append(f"the plan names {which}; `--verify-from-plan` has them run in reviews")
    optional = [task.id for task in plan.tasks if task.is_optional and not task.done]
    if optional and not settings.optional:
        which = f"task {ranges(optional)} is" if len(optional) == 1 else f"tasks {ranges(optional)} are"
        found.append(f"{which} optional and left out; `--optional` works on such tasks too")
    return found


def _refuse_to_share_files(plan: Plan, selected: frozenset[TaskId] | None) -> None:
    """PealError if tasks may run side by side that name the same file, where there is one tree for all."""
    if found := overlaps(plan, selected):
        first = found[0]
        raise PealError(
            f"tasks {first.first} and {first.second} of plan `{plan.path}` both name `{first.path}`, and side by side in one "
            "tree each could undo what the other does; let each work in a worktree (`commit = true`), take one's mark "
            "out, or pass --share-files"
        )


def _file_of(repo_paths: RepoPaths, plan: Plan, settings: Settings) -> PlanFile | None:
    """The plan's file as git knows it; None if it does not lie in the repository."""
    key = repo_paths.plan_key(Path(plan.path))
    is_inside = not Path(key).is_absolute() and not key.startswith("../")
    return PlanFile(repo_paths.repo, key, plan.format, settings.tick) if is_inside else None


def _not_ticked(pool: Pool | None, file: PlanFile | None, settings: Settings) -> list[str]:
    """A word where nothing can be ticked though that was asked for."""
    if not settings.tick:
        return []
    from peal.formats import has_marks  # only here: it takes long to load

    if pool is None:
        return ["`tick` does nothing here: tasks are ticked in the commits that land, and there are none"]
    if file is None or not file.is_in(pool.tip()):
        return [f"`tick` does nothing here: the plan is not committed in `{harmless(pool.branch)}`"]
    if not has_marks(file.format):
        return [f"`tick` does nothing here: a plan of `{file.format}` has no marks for what is done"]
    return []


def pool_of(
    repo_paths: RepoPaths, plan_file: Path, settings: Settings, config: Path | None, slots: Slots
) -> Pool | None:
    """The worktrees for a plan's tasks; None where they work in the person's tree."""
    repo = repo_paths.repo
    if not preflight.lands(settings):
        return None
    target, begins_at = named_branch.target_of(repo_paths, plan_file, settings)
    hooks = Hooks.of(repo) if settings.hooks else Hooks(repo)
    commands, own_environment = _commands(settings), os.environ.get("VIRTUAL_ENV", "")
    return Pool(
        slots,
        target,
        begins_at=begins_at,
        prefix=f"{settings.branch_prefix}/{repo_paths.branch(plan_file)}",
        messages=Messages(
            repo_paths.plan_key(plan_file), target.branch, settings.commit_message, settings.merge_message
        ),
        hooks=hooks,
        setup=tuple(process.arguments(settings.worktree_setup)) if settings.worktree_setup else (),
        included=preflight.included(repo, settings.worktree_include),
        identity=preflight.identity(repo),
        committed=settings.commit_ignored,
        guarded=guarded(repo, settings, config, hooks.folder),
        notices=(*hooks.notices, *filters.check(repo)),
        hints=tuple(
            environments.leading_back(repo, commands, own_environment, bool(settings.worktree_setup))
        ),
    )


def _commands(settings: Settings) -> list[str]:
    """What is run in worktrees by the settings."""
    agents = settings.agents.values()
    own = [words for agent in agents for words in (agent.command, agent.plan, agent.execute, agent.address)]
    reviewers = [table.command for table in settings.reviewers if table.command]
    phases = [phase.command for phase in item_phases(pipelines(settings)) if phase.command]
    return [*reviewers, *phases, *settings.stet_commands, *map(shlex.join, own)]


def rules_of(settings: Settings) -> Rules:
    return Rules(
        max_parallel=max(settings.max_parallel, 1) if settings.parallel else 1,
        continue_with_remaining_tasks=settings.continue_with_remaining_tasks,
        max_consecutive_task_failures=settings.max_consecutive_task_failures,
        as_ready=settings.address == "as-ready",
        conflict_retry=settings.conflict_retry,
        transient_retry_count=settings.transient_retry_count,
        wait=settings.wait,
        continue_session=settings.continue_session,
        budget=Budget(settings.max_cost, settings.max_tokens),
    )


def _pipelines(plan: Plan, settings: Settings, chains: Mapping[str, tuple[str, ...]]) -> dict[str, Pipeline]:
    """The pipelines of the plan's tasks, by their names."""
    try:
        usual = _usual(settings, chains)
        named = {pipeline_name(task): task for task in plan.tasks}
        own = {name: pipeline_of(task, usual, chain_of(task, settings)) for name, task in named.items()}
    except ValueError as error:
        raise PealError(f"the plan's tasks cannot be carried out: {error}") from None
    return {**own, PIPELINE: usual}


def _usual(settings: Settings, chains: Mapping[str, tuple[str, ...]]) -> Pipeline:
    """The phases that are on, each with who works in it and how often it is tried again."""
    phases = [phase for phase in PLAN_PHASES if phase.kind is not Kind.LAND or preflight.lands(settings)]
    if off := [phase for phase in phases if not settings.phase(phase.name).enabled]:
        if wrong := [phase for phase in off if phase.kind is not Kind.READ]:
            raise PealError(
                f"`[phases.{wrong[0]}] enabled = false` cannot be: without `{wrong[0]}` there is no result; only a phase that "
                "reads can be left out"
            )
        phases = [phase for phase in phases if phase not in off]
    set_up = (
        evolve(phase, retries=retries_of(settings, phase), agents=chains.get(phase.name, ()))
        for phase in phases
    )
    return Pipeline(tuple(set_up))


def retries_of(settings: Settings, phase: Phase) -> int:
    """Landing is tried again as often as a review."""
    at_branch = (
        [one.name for one in PLAN_PHASES if one.kind is Kind.REVIEW] if phase.is_at_branch else [phase.name]
    )
    own = settings.phase(at_branch[0]).retry_count
    if own is None and phase.is_at_branch:
        own = settings.phase_3_retry_count
    return settings.phase_retry_count if own is None else own

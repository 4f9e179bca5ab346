"""From flags, settings and a backlog to a job that can run."""

import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import evolve

from peal import reviewers
from peal.backlog.accepted import accepted
from peal.backlog.advice import command_again
from peal.backlog.breaker import Breaker
from peal.backlog.briefs import Briefs
from peal.backlog.checks import preflight, present
from peal.backlog.choice import Choice, Request
from peal.backlog.endings import Endings
from peal.backlog.filters import parse
from peal.backlog.item_tasks import ItemTasks
from peal.backlog.items_of_branch import BlobItems, Items, ItemsOfBranch, ItemsOfFolder, RehearsedItems
from peal.backlog.landing import ItemLandings
from peal.backlog.left_out import LeftOut
from peal.backlog.open_plans import OpenPlans
from peal.backlog.phase_ends import PhaseEnds
from peal.backlog.place import Place
from peal.backlog.plan_phase import PlanReader
from peal.backlog.readying import Readying
from peal.backlog.selection import Limits
from peal.backlog.store import Backlog, Kept
from peal.backlog.tally import Tally
from peal.backlog.targets import targets_of
from peal.errors import PealError
from peal.jobs.item_phases import ItemPhases
from peal.jobs.job import Job
from peal.jobs.plan_job import pool_of, rules_of, settings_of, storable
from peal.jobs.resolve import check_who_is_told, notices_on
from peal.jobs.source import BACKLOG
from peal.model.decision import Rules
from peal.model.pipeline import Kind
from peal.model.plan import Plan
from peal.phases import prompts
from peal.settings import Settings
from peal.settings.backlog_run import for_backlog
from peal.settings.pipelines import pipelines
from peal.settings.secret_values import secrets_of
from peal.system import git
from peal.system.git_objects import blob_id, objects_of
from peal.system.layout import RepoPaths
from peal.text.display import decoded, harmless
from peal.text.redaction import redactor
from peal.work import Roster
from peal.workspaces import NoGuard, Pool, SharedTree, Slots
from peal.workspaces.additions import FolderFiles


def backlog_job_of(
    repo_paths: RepoPaths,
    flags: dict[str, Any],
    slots: Slots,
    accept_settings: tuple[str, ...],
    *,
    rehearses: bool,
    explains: bool,
    **how: Any,
) -> Job:
    """
    Everything that was asked for of a backlog, checked and resolved; `how` is what `Job` takes so. PealError with all that is
    not fit. `accept_settings` names the items, or phases of them, whose changes to settings and programs may land; it `explains`
    where a person is told anyway why items wait.
    """
    try:
        return _made(repo_paths, flags, slots, accept_settings, rehearses=rehearses, explains=explains, **how)
    except PealError as first:
        from peal.jobs.refusals import with_all_others_of_backlog  # only here: most runs begin

        raise with_all_others_of_backlog(first, repo_paths, flags) from None


def _made(
    repo_paths: RepoPaths,
    flags: dict[str, Any],
    slots: Slots,
    accept_settings: tuple[str, ...],
    *,
    rehearses: bool,
    explains: bool,
    **how: Any,
) -> Job:
    config = Path(flags["config"]) if flags.get("config") else None
    settings, told = for_backlog(settings_of(repo_paths, flags, config))
    check_who_is_told(settings)
    place = Place.of(repo_paths, settings.backlog)
    backlog = place.read(keeps=not rehearses)
    if not backlog.folder.is_dir():
        raise PealError(
            f"there is no backlog in `{harmless(str(place.folder))}`; `peal backlog init` makes one"
        )
    warnings = _checked(backlog.kept, repo_paths.repo, settings)
    pool = pool_of(repo_paths, place.folder, settings, config, slots)
    work = ItemPhases.of(settings, repo_paths.repo, lands=bool(pool))
    items = _items(place, backlog, pool, settings, rehearses)
    guard = items.guard if isinstance(items, ItemsOfFolder) else NoGuard()
    spaces: Pool | SharedTree = pool or SharedTree(repo_paths.repo, guard=guard)
    if pool:
        pool.accepted = accepted(accept_settings, backlog, pipelines(settings))
        _check_committed(items, backlog.kept, pool, settings)
    left_out = LeftOut(repo_paths.plan(place.folder).worklog_left_out, not rehearses)
    rules = _rules(settings, is_shared=pool is None)
    request = _request(flags, settings, backlog, rules.max_parallel, _elsewhere(pool), explains=explains)
    source = _source(request, place, items, pool, settings, left_out)
    spaces.additions = source.landings
    hide = redactor(secrets_of(settings))
    templates = repo_paths.repo / settings.prompts if settings.prompts else None
    prompts.check(templates)
    looking = reviewers.all_of(settings, repo_paths.repo, spaces.tree_of, lands=bool(spaces.branch))
    roster = Roster(settings, work.agents, {}, looking, spaces, "", templates, hide=hide)
    return Job(
        repo_paths=repo_paths,
        plan_file=place.folder,
        plan=Plan(str(place.folder), BACKLOG, ()),
        source=source,
        roster=roster,
        rules=rules,
        pipelines=work.pipelines,
        flags=storable(flags, hide),
        command=tuple(map(hide, ("peal", *sys.argv[1:]))),
        notices=(*notices_on(roster), *told, *warnings, *_one_by_one(settings, is_shared=pool is None)),
        pool=pool,
        **how,
    )


def _source(
    request: Request, place: Place, items: Items, pool: Pool | None, settings: Settings, left_out: LeftOut
) -> ItemTasks:
    """Where the tasks come from, with all that is needed to write what becomes of their items."""
    repo, in_force, said = place.repo_paths.repo, pipelines(settings), deque[str]()
    most, guardrails = settings.execution.max_follow_ups, settings.guardrails
    landings = ItemLandings(items, repo, place.prefix, in_force, guardrails, most, left_out, said.append)
    briefs = Briefs(items, in_force, lambda file: _text(repo, file))
    reader = PlanReader(repo, lambda: pool.files if pool else FolderFiles(repo), bool(pool and settings.tick))
    endings = Endings(items, landings, place.repo_paths.plan(place.folder), said.append)
    tally, plans = Tally(request.breaker), OpenPlans(reader, briefs, landings)
    parts = settings.execution.max_subphases
    return ItemTasks(
        items,
        Choice(request, tally, said.append),
        briefs,
        plans,
        Readying(items, landings, _in_history(repo, pool), parts, said.append),
        landings,
        PhaseEnds(endings, plans, tally),
        said,
        Kind.LAND if pool else Kind.REVIEW,
    )


def _rules(settings: Settings, is_shared: bool) -> Rules:
    """Items have nothing to do with one another; in one tree there is one phase at a time."""
    usual = rules_of(settings)
    return evolve(
        usual,
        max_parallel=1 if is_shared else usual.max_parallel,
        max_consecutive_task_failures=None,
        as_ready=True,
    )


def _one_by_one(settings: Settings, is_shared: bool) -> list[str]:
    """A word where more was asked for than there can be."""
    if not is_shared or rules_of(settings).max_parallel == 1:
        return []
    return [
        "phases share your tree and so come one after another; with `commit = true` each gets a worktree of its own"
    ]


def _checked(kept: Sequence[Kept], repo: Path, settings: Settings) -> list[str]:
    """What is told of the backlog; PealError with everything for which no work is begun."""
    found = _problems(kept, repo, settings)
    if wrong := [line for line, is_error in found.items() if is_error]:
        raise PealError("\n".join(wrong))
    return list(found)


def _check_committed(items: Items, seen: Sequence[Kept], pool: Pool, settings: Settings) -> None:
    """PealError if the branch has what no work is begun for, and the person's tree has not."""
    committed = items.read().kept
    if {one.path: one.raw for one in committed} == {one.path: one.raw for one in seen}:
        return
    found = _problems(committed, pool.repo, settings)
    if wrong := [line for line, is_error in found.items() if is_error]:
        raise PealError("\n".join(f"as `{pool.branch}` has it, {line}, and commit that" for line in wrong))


def _problems(kept: Sequence[Kept], repo: Path, settings: Settings) -> dict[str, bool]:
    """A line for each thing that is wrong, and whether no work is begun for it."""
    in_force = pipelines(settings)
    found = preflight(repo, kept, in_force, present(repo, in_force))
    return {f"`{one.where}`: {one.found}; {one.by_hand}": one.is_error for one in found}


def _items(place: Place, backlog: Backlog, pool: Pool | None, settings: Settings, rehearses: bool) -> Items:
    repo = place.repo_paths.repo
    files = BlobItems(place.folder, place.folder.relative_to(repo).as_posix())
    tip = pool.tip() if pool else ""
    files.remember(backlog.kept, lambda raw: blob_id(raw, tip) if tip else raw)
    items: Items = (
        ItemsOfBranch(pool, place.repo_paths, files, settings.hooks, place.parsed)
        if pool
        else ItemsOfFolder(repo, place.folder, place.parsed)
    )
    return RehearsedItems.of(items, files, pool.files if pool else FolderFiles(repo)) if rehearses else items


def _elsewhere(pool: Pool | None) -> str:
    """The branch in which items are worked on, if it is not the one that is checked out."""
    return pool.branch if pool and pool.branch != git.branch(pool.repo) else ""


def _request(
    flags: Mapping[str, Any],
    settings: Settings,
    backlog: Backlog,
    places: int,
    branch: str,
    *,
    explains: bool,
) -> Request:
    execution = settings.execution
    ids = [backlog.find(text).item.id for text in flags.get("target") or ()]
    cap = flags.get("cap")
    return Request(
        Limits(None if ids else execution.max_wip, execution.destructive, execution.max_passes, places),
        execution.default_phase_cap if cap is None else cap,
        Breaker(execution.max_system_failures, execution.max_exhausted),
        parse(tuple(flags.get("only") or ())),
        targets_of(ids, settings.auto_advance) if ids else None,
        bool(flags.get("triage")),
        branch,
        command_again(flags),
        explains,
    )


def _text(repo: Path, file: str) -> str:
    try:
        return decoded((repo / file).read_bytes())
    except (OSError, ValueError) as error:
        reason = f"{error.strerror}; mend it" if isinstance(error, OSError) else error
        raise PealError(f"workflow `{harmless(file)}` cannot be read: {reason}") from None


def _in_history(repo: Path, pool: Pool | None) -> Callable[[str], bool | None]:
    def answer(commit: str) -> bool | None:
        if objects_of(repo).contains(pool.tip() if pool else "HEAD", commit):
            return True
        return False if git.commit_id(repo, commit) else None

    return answer

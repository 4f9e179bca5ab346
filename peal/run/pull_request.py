"""The branch that plans have landed in is offered for merging, with what came of them as the text."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from attrs import evolve

from peal.classes import frozen
from peal.errors import Damaged, PealError
from peal.record import journal
from peal.record.events import Event, RunOpened
from peal.record.lock import live_run
from peal.reports import markdown
from peal.reports.evidence import Reported, reported
from peal.requests.ownership import Own, own_of
from peal.requests.programs import programs
from peal.requests.prospect import Asked, Prospect, check, foresee, look
from peal.requests.submission import Submission
from peal.requests.wording import Wording, title_of
from peal.system import git
from peal.system.layout import PlanPaths, RepoPaths
from peal.text.display import harmless


@frozen
class Wish:
    """How a person wants it."""

    is_draft: bool = False
    tells_costs: bool = False
    branch: str = ""
    """Instead of the one that the plan has landed in."""
    base: str = ""
    """The branch that the request is for; empty for the one that the run began on by its name, or else the remote's own."""
    usual_base: str = ""
    """What settings say that branches begin on."""
    remote: str = ""
    seconds: float = 1800.0
    """How long a push may take, with the person's hook."""
    is_rehearsed: bool = False


@frozen
class Landed:
    """A plan that has landed in a branch."""

    plan_paths: PlanPaths
    plan: str
    branch: str
    began: float
    own: Own
    base: str = ""
    """What `--base` was in its latest run."""
    is_branch_named: bool = False
    """The branch was named for it; else it is what was checked out."""


def offer(
    repo_paths: RepoPaths,
    plan_paths: PlanPaths,
    wish: Wish,
    say: Callable[[str], None],
    hide: Callable[[str], str],
) -> None:
    """
    Push the branch of a plan, and open the request for it or bring that up to date; PealError with the way out where that cannot be.

    `say` is told what is done. The text is about all plans whose commits the request brings.
    """

    def tell(line: str) -> None:
        say(hide(harmless(line)))

    plan = _landed(plan_paths)
    others = (one for one in _landed_in(repo_paths, plan.branch) if one.plan_paths != plan_paths)
    plans = [plan, *others]
    base = wish.base or plan.base or wish.usual_base
    branch, is_named = wish.branch or plan.branch, bool(wish.branch) or plan.is_branch_named
    asked = Asked(branch, base, bool(wish.base), wish.remote, is_named)
    with programs(tell) as running:
        prospect = look(repo_paths.repo, asked, running)
        check(prospect, [one.own for one in plans])
        told = _brought(prospect, plans)
        submission = Submission(repo_paths.repo, prospect, running, tell, wish.seconds, wish.is_rehearsed)
        submission.carry_out(
            lambda room: _wording(repo_paths, told, wish.tells_costs, room, hide), wish.is_draft
        )


def foreseen(repo_paths: RepoPaths, branch: str, begins_at: str) -> str:
    """
    Why the branch that a run lands in could not be offered at its end as things stand; empty if nothing is known of that.

    `begins_at` is the commit at which it is to be made; empty if it is there.
    """
    try:
        foresee(repo_paths.repo, branch, begins_at, [one.own for one in _landed_in(repo_paths, branch)])
    except PealError as error:
        return f"as things stand there will be no pull request: {error}"
    return ""


def branch_of(plan_paths: PlanPaths) -> str:
    """The branch that a plan has landed in; PealError if there is none that could be offered."""
    opened, _ = journal.latest_opening(plan_paths.journal)
    if opened is None:
        raise PealError("the plan was never run; `peal runs` lists what was")
    if opened.is_open_ended:
        raise PealError(
            f"`{harmless(opened.plan)}` is a backlog, whose branch is not offered; `git push` and `peal report --markdown` do it by hand"
        )
    if not opened.branch:
        raise PealError(
            "the plan worked in your own tree and landed nowhere; commit what it has changed to a branch and push that"
        )
    return opened.branch


def _landed(plan_paths: PlanPaths) -> Landed:
    branch, events = branch_of(plan_paths), journal.load(plan_paths.journal).events
    runs = [event for event in events if isinstance(event, RunOpened)]
    own = own_of(events)
    for earlier in _set_aside(plan_paths):
        before = own_of(earlier)
        own = evolve(own, commits=own.commits | before.commits, plans=own.plans | before.plans)
    base = str(runs[-1].flags.get("base") or "")
    return Landed(plan_paths, runs[-1].plan, branch, runs[0].at, own, base, runs[-1].branch_is_named)


def _set_aside(plan_paths: PlanPaths) -> Iterator[Sequence[Event]]:
    """The journals of the same plan before it was begun anew."""
    for path in sorted(plan_paths.folder.parent.glob(f"{plan_paths.folder.name}.before-*/journal.jsonl")):
        with suppress(Damaged):
            yield journal.load(path).events


def _landed_in(repo_paths: RepoPaths, branch: str) -> Iterator[Landed]:
    """The plans that land in a branch."""
    for plan_paths in repo_paths.known_plans():
        with suppress(PealError):
            if branch_of(plan_paths) == branch:
                yield _landed(plan_paths)


def _brought(prospect: Prospect, plans: Sequence[Landed]) -> list[Landed]:
    """Those whose commits the request brings, in the order in which they were begun; at least the first."""
    first, *others = plans
    there = [one for one in others if any(map(one.own.has, prospect.bringing))]
    return sorted([first, *there], key=lambda one: one.began)


def _wording(
    repo_paths: RepoPaths, plans: Sequence[Landed], tells_costs: bool, room: int, hide: Callable[[str], str]
) -> Wording:
    live = live_run(repo_paths) or ""
    found = (reported(one.plan_paths, hide, _from(repo_paths.repo), live) for one in plans)
    several: list[Reported] = [one for one in found if one]
    title = title_of([hide(harmless(_title(repo_paths, one))) for one in plans])
    text = markdown.document(several, tells_costs, min(markdown.LARGEST, max(room, 0)))
    return Wording(title, hide(text))


def _from(repo: Path) -> Callable[[Path], str]:
    """How a file is called in the repository."""
    return lambda path: os.path.relpath(path, repo)


def _title(repo_paths: RepoPaths, one: Landed) -> str:
    """As the plan's file has it, here or else in the branch, or the file's name."""
    from peal.formats.title import title  # only here: reading markdown takes long to load

    return title(_file(repo_paths, one), one.plan) or one.plan


def _file(repo_paths: RepoPaths, one: Landed) -> bytes:
    """The bytes of a plan's file; none if it is nowhere."""
    path = repo_paths.plan_file(one.plan)
    with suppress(OSError):
        if path.is_file():
            return path.read_bytes()
    return git.run(repo_paths.repo, "cat-file", "blob", f"refs/heads/{one.branch}:{one.plan}").stdout

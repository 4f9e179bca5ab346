"""`peal pr`: a plan's branch is pushed, and a pull request opened for it or brought up to date."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from peal import settings
from peal.cli.options import hidden, repo_paths_of, repository
from peal.errors import Interrupted, PealError
from peal.jobs.known_plans import plan_paths_of, run_together
from peal.run import pull_request
from peal.run.pull_request import Wish
from peal.system.layout import PlanPaths, RepoPaths


@click.command()
@click.argument("plan", required=False, metavar="[PLAN]", type=click.Path(path_type=Path))
@click.option(
    "--draft/--no-draft",
    default=None,
    help="Open it as a draft; default: as `pr` says. One that is open stays what it is.",
)
@click.option(
    "--base", metavar="REV", default="", help="The branch of the remote to merge into; default: its own."
)
@click.option(
    "--branch", metavar="NAME", default="", help="Not the branch that the plan landed in, but this."
)
@click.option(
    "--remote", metavar="NAME", default="", help="Where to push; default: as git's settings say, or `origin`."
)
@click.option(
    "--costs/--no-costs", default=None, help="Tell tokens and dollars in it; default: as `pr_costs` says."
)
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@repository
def pr(plan: Path | None, repo: Path, **options: Any) -> int:
    """
    Push the branch that PLAN has landed in, and open a pull request for it, or bring the one there is up to date.

    Without PLAN what was run last, which may have been several. By `gh` or `glab`, whichever the remote needs. Nothing is forced,
    and nothing pushed that is not the plan's.
    """
    repo_paths = repo_paths_of(repo)
    wish = _wish(settings.load(repo_paths.repo, {}), options)
    return _offer_each(repo_paths, _one_of_each_branch(repo_paths, plan, wish.branch), wish)


def _wish(found: settings.Settings, options: Mapping[str, Any]) -> Wish:
    """What the options say, and else the settings."""
    draft, costs = options["draft"], options["costs"]
    return Wish(
        is_draft=found.pr == "draft" if draft is None else draft,
        tells_costs=found.pr_costs if costs is None else costs,
        branch=options["branch"],
        base=options["base"],
        usual_base=found.base or "",
        remote=options["remote"],
        seconds=found.phase_timeout_sec,
        is_rehearsed=options["dry_run"],
    )


def _one_of_each_branch(repo_paths: RepoPaths, plan: Path | None, branch: str) -> Sequence[PlanPaths]:
    plans = [plan_paths_of(repo_paths, one) for one in ((plan,) if plan else run_together(repo_paths))]
    if len(plans) == 1 or branch:
        return plans[:1]
    return list({pull_request.branch_of(one): one for one in reversed(plans)}.values())[::-1]


def _offer_each(repo_paths: RepoPaths, plans: Sequence[PlanPaths], wish: Wish) -> int:
    """One that cannot be offered keeps no other one from it."""
    hide, wrong = hidden(repo_paths.repo), list[str]()
    for plan in plans:
        try:
            pull_request.offer(repo_paths, plan, wish, click.echo, hide)
        except Interrupted:
            raise
        except PealError as error:
            wrong.append(hide(str(error)))
    if wrong:
        raise PealError("\n".join(wrong))
    return 0

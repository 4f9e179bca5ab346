"""What surrounds a run: what is written about it, and what is done when it is over."""

import os
import shlex
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any

from peal.errors import Busy, Interrupted, PealError
from peal.jobs.job import Job
from peal.model.decision import Halt
from peal.record import journal, store
from peal.record.history import History, fold
from peal.record.rereading import reread
from peal.run import report_file, start
from peal.run.session import Opener
from peal.run.start import End
from peal.system import git
from peal.system.layout import PlanPaths
from peal.system.process import Clocks
from peal.system.signals import Hearing, Stopped, listening
from peal.text.display import harmless
from peal.views import summary
from peal.views.screens import Screen

_BY_ITSELF = (0, 2)
"""Exit codes of runs that have come to the end of the plan."""
_DRAFT = "--draft"


def hears_signals(command: Callable[..., int]) -> Callable[..., int]:
    """A command for which signals are heard from its beginning to its end, with the `hearing` to take them over."""

    @wraps(command)
    def hearing_command(*words: Any, **options: Any) -> int:
        with listening() as hearing:
            try:
                return command(*words, hearing=hearing, **options)
            except Stopped as stopped:
                told = f"{stopped} before the run began; give the same command again to begin"
                raise Interrupted(stopped.number, told) from None

    return hearing_command


def check_report_file(job: Job) -> None:
    """PealError if a page that is written again and again would be taken for what agents have changed in the person's tree."""
    settings = job.roster.settings
    path = report_file.path_of(settings, job.repo_paths)
    if path and settings.report_every_sec and _is_in_tree(path, job):
        raise PealError(
            f"`report_path` is `{path}`, where a page written every {settings.report_every_sec} seconds would count as a change "
            "of the tasks; name one outside of the repository, let git ignore it, or take `report_every_sec` out"
        )


def begin_log_file(job: Job) -> None:
    """Better than to find out afterwards that nothing was logged."""
    if (name := job.roster.settings.log_file) is None:
        return
    path = job.repo_paths.repo / name
    if job.pool is None and _is_in_tree(path, job):
        raise PealError(
            f"`log_file` is `{path}`, in the tree that tasks work in without worktrees, where it would count as a change of "
            "theirs; name one outside, or let git ignore it"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("a", encoding="utf-8").close()
    except OSError as error:
        raise PealError(
            f"`log_file` is `{path}`, which cannot be written: {error.strerror}; name another"
        ) from None


def _is_in_tree(path: Path, job: Job) -> bool:
    """Whether a file is one that git would see in the person's tree."""
    repo, target = job.repo_paths.repo, Path(os.path.realpath(path))
    is_inside = target.is_relative_to(repo) and not target.is_relative_to(job.repo_paths.root)
    return is_inside and not git.succeeds(repo, "check-ignore", "--quiet", str(target))


def summed_up(job: Job, screen: Screen, began: float, hearing: Hearing, open_session: Opener) -> End:
    """The end of the run, with its summary written; also where it ends with an error, if a run it was."""
    settings = job.roster.settings
    try:
        with report_file.written_again(
            settings, job.repo_paths, [str(job.plan_file)], job.plan_paths.folder
        ) as why_not:
            end = start.run(job, screen, hearing, open_session)
    except (Busy, Stopped):
        raise
    except BaseException as error:
        hearing.end()
        sum_up_broken_off(job, screen, error, began)
        write_report([job.plan_paths], job, screen.say)
        raise
    sum_up(job, screen, end, began)
    if told := why_not():
        screen.say(told)
    write_report([job.plan_paths], job, screen.say)
    return end


def write_report(plans: Sequence[PlanPaths], job: Job, say: Callable[[str], None]) -> None:
    """Write the page about what was run, where one is wanted; one that cannot be written is told, and changes nothing."""
    if path := report_file.path_of(job.roster.settings, job.repo_paths):
        from peal.reports.evidence import reported  # only here: most runs have no page

        found = (reported(one, job.roster.hide, shown) for one in plans)
        if told := report_file.told(path, found, job.repo_paths.repo):
            say(told)


def sum_up(job: Job, screen: Screen, end: End, began: float, path: Path | None = None) -> None:
    """Write the summary of a run to `path`, or where the settings say; one that cannot be written is told, and changes nothing."""
    _sum_up(job, screen, end.history, end.halt, began, path)


def sum_up_broken_off(
    job: Job, screen: Screen, error: BaseException, began: float, path: Path | None = None
) -> None:
    """Write the summary of a run that an error has ended."""
    with suppress(PealError, OSError):
        history = fold(journal.load(job.plan_paths.journal).events)
        with suppress(PealError):  # the run may have ended because its tasks cannot be told apart
            history.apply(reread(history, store.reading_of(job.repo_paths, job.plan_file, job.plan)).reading)
        _sum_up(job, screen, history, broken_off(error), began, path)


def broken_off(error: BaseException) -> Halt:
    """The end of a run that an error has ended."""
    if isinstance(error, PealError):
        return Halt(error.exit_code, str(error))
    return Halt(130, "interrupted") if isinstance(error, KeyboardInterrupt) else Halt(70, "a bug in peal")


def _sum_up(job: Job, screen: Screen, history: History, halt: Halt, began: float, path: Path | None) -> None:
    name = job.roster.settings.run_summary_path
    path = path or (job.repo_paths.repo / name if name else job.plan_paths.summary)
    write_summary(
        path,
        summary.summary(history, halt, began, time.time(), job.source.advice(history)),
        job.roster.hide,
        screen.say,
    )


def write_summary(
    path: Path, record: dict[str, Any], hide: Callable[[str], str], say: Callable[[str], None]
) -> None:
    """Write a summary without secrets; one that cannot be written is told, and changes nothing."""
    try:
        summary.write(path, record, hide)
    except OSError as error:
        say(f"the summary cannot be written to `{path}`: {error.strerror or error}")


def afterwards_told(job: Job, end: End, screen: Screen, is_read_by_people: bool) -> list[str]:
    """
    Run what is to be run after the run, if that has come to its end; what to report of it.

    In a workflow of GitHub Actions first annotate that, where `is_read_by_people` what is said; before commands run, the branch is
    offered for merging, if it is to be.
    """
    annotated = _annotated(job, screen) if is_read_by_people else []
    _offer_branch(job, end, screen.say)
    return [*annotated, *_commands_told(job, end, screen)]


def is_in_workflow() -> bool:
    """Whether GitHub Actions reads what is printed."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def _annotated(job: Job, screen: Screen) -> list[str]:
    """Tell GitHub Actions what came of the run, where it looks on and is to be told; what to report of that."""
    if not (job.roster.settings.github and is_in_workflow()):
        return []
    # Only here: most runs are in no workflow.
    from peal.reports import github
    from peal.reports.evidence import reported

    try:
        if found := reported(job.plan_paths, job.roster.hide, shown):
            github.publish([found], screen.say, os.environ)
    except (PealError, OSError) as error:
        return [f"GitHub is not told of the run: {error}"]
    return []


def _offer_branch(job: Job, end: End, say: Callable[[str], None]) -> None:
    """Open a pull request for the run's branch, or bring it up to date, if that is wanted of a run that ended so; why it cannot be is told."""
    if not (command := request_after(job, end)):
        return
    from peal.run import pull_request  # only here: most runs have none

    settings, hide = job.roster.settings, job.roster.hide
    wish = pull_request.Wish(
        is_draft=_DRAFT in command,
        tells_costs=settings.pr_costs,
        usual_base=settings.base or "",
        seconds=settings.phase_timeout_sec,
    )
    try:
        pull_request.offer(job.repo_paths, job.plan_paths, wish, say, hide)
    except (PealError, OSError) as error:
        say(hide(harmless(f"no pull request: {error}; then `{shlex.join(command)}`")))


def _commands_told(job: Job, end: End, screen: Screen) -> list[str]:
    settings, name = job.roster.settings, uuid.uuid4().hex[:12]
    if not (commands := commands_after(job, end)):
        return []
    from peal.run import post_run  # only here: most runs have none

    clocks = Clocks(
        settings.post_run_timeout_sec or settings.phase_timeout_sec, None, settings.max_output_mb * 1_000_000
    )
    at = post_run.Place(name, job.repo_paths.repo, job.plan_paths.folder, clocks)
    try:
        done = post_run.carry_out(commands, at, lambda line: screen.say(job.roster.hide(line)))
    except (PealError, OSError) as error:
        return [f"the post-run commands cannot be run: {error}"]
    return [job.roster.hide(line) for line in post_run.told(done, shown)]


def request_after(job: Job, end: End) -> tuple[str, ...]:
    """The command that opens the pull request which is wanted after a run that ended so; empty if none is."""
    settings = job.roster.settings
    if not settings.pr or end.halt.code not in _BY_ITSELF:
        return ()
    path = shown(job.plan_file)
    plan = f"./{path}" if path.startswith("-") else path
    is_draft = settings.pr == "draft" or end.halt.code != 0
    costs = ("--costs",) if settings.pr_costs else ()
    return ("peal", "pr", plan, _DRAFT if is_draft else "--no-draft", *costs)


def commands_after(job: Job, end: End) -> tuple[str, ...]:
    """What is to be run after a run that ended so."""
    return job.roster.settings.post_run_commands if end.halt.code in _BY_ITSELF else ()


def shown(path: Path) -> str:
    """A path as short as it can be told from here, if here is still there."""
    try:
        return os.path.relpath(path)
    except OSError:
        return str(path)

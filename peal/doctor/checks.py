"""Every check there is, in the order in which findings are told; to add one, write its function and name it here."""

from collections.abc import Callable, Iterable, Iterator

from peal.classes import frozen
from peal.doctor import (
    backlog,
    batch,
    branches,
    machine,
    machines,
    memory,
    plans,
    programs,
    repository,
    runs,
    worktrees,
)
from peal.doctor.finding import Finding, Severity, Symptom
from peal.doctor.look import Look
from peal.errors import PealError

_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO


@frozen
class Check:
    """One thing that may be wrong."""

    code: str
    """Scripts know it by that: it stays."""
    severity: Severity
    look_at: Callable[[Look], Iterator[Symptom]]
    stops_run: bool = False
    """A run that does not begin tells this too, whatever it was refused for."""
    needs_git: bool = True
    """Only where git works can anything be said."""


CHECKS = (
    Check("GIT_TOO_OLD", _ERROR, machine.git_too_old, needs_git=False),
    Check("DISK_LOW", _WARNING, machine.disk_low, needs_git=False),
    Check("GIT_CONFIG_DAMAGED", _ERROR, repository.config_damaged, stops_run=True, needs_git=False),
    Check("GIT_IDENTITY_MISSING", _ERROR, repository.identity_missing, stops_run=True),
    Check("REPOSITORY_BUSY", _ERROR, repository.busy, stops_run=True),
    Check("BRANCH_UNFIT", _ERROR, repository.branch_unfit, stops_run=True),
    Check("FILTER_MISSING", _ERROR, repository.filter_missing, stops_run=True),
    Check("HOOKS_UNSEEN", _WARNING, repository.hooks_unseen),
    Check("IGNORE_MISSING", _WARNING, repository.ignore_missing),
    Check("SETTINGS_INVALID", _ERROR, programs.settings_invalid, stops_run=True, needs_git=False),
    Check("AGENT_MISSING", _ERROR, programs.agent_missing, stops_run=True, needs_git=False),
    Check("AGENT_UNKNOWN_VERSION", _INFO, programs.version_unknown, needs_git=False),
    Check("REVIEWER_MISSING", _ERROR, programs.reviewer_missing, stops_run=True),
    Check("SANDBOX_UNUSABLE", _ERROR, programs.sandbox_unusable),
    Check("MEMORY_UNUSABLE", _ERROR, memory.unusable, stops_run=True, needs_git=False),
    Check("STALE_LOCK", _WARNING, runs.stale_lock, needs_git=False),
    Check("ORPHAN_PROCESSES", _WARNING, runs.orphan_processes, needs_git=False),
    Check("LANDING_CUT_OFF", _WARNING, runs.landing_cut_off),
    Check("JOURNAL_CORRUPT", _ERROR, memory.journal_corrupt, stops_run=True, needs_git=False),
    Check("JOURNAL_TORN", _WARNING, memory.journal_torn, needs_git=False),
    Check("STATE_CORRUPT", _WARNING, memory.state_corrupt, needs_git=False),
    Check("STATE_JOURNAL_MISMATCH", _WARNING, memory.state_journal_mismatch, needs_git=False),
    Check("BATCH_PROGRESS_CORRUPT", _ERROR, batch.corrupt, needs_git=False),
    Check("STALE_BATCH_PROGRESS", _WARNING, batch.stale, needs_git=False),
    Check("PLAN_UNREADABLE", _ERROR, plans.unreadable, stops_run=True),
    Check("PLAN_MOVED", _WARNING, plans.moved, stops_run=True),
    Check("PLAN_CHANGED_SINCE_RUN", _INFO, plans.changed),
    Check("STUCK_WORKTREE", _WARNING, worktrees.stuck),
    Check("ORPHAN_WORKTREE", _WARNING, worktrees.orphan),
    Check("LANDED_BUT_UNRECORDED", _WARNING, branches.landed_unrecorded),
    Check("RECORDED_BUT_NOT_LANDED", _WARNING, branches.recorded_not_landed),
    Check("UNLANDED_BRANCH", _WARNING, branches.unlanded),
    Check("BRANCH_SWITCHED", _INFO, branches.switched),
    Check("MACHINE_UNREACHABLE", _WARNING, machines.unreachable),
    Check("MACHINE_STORE_DAMAGED", _WARNING, machines.store_damaged),
    Check("MACHINE_STORE_LEFT", _INFO, machines.store_left),
    Check("ITEM_UNREADABLE", _WARNING, backlog.unreadable),
    Check("WORKFLOW_MISSING", _ERROR, backlog.problems("WORKFLOW_MISSING"), stops_run=True),
    Check("DUPLICATE_ID", _ERROR, backlog.problems("DUPLICATE_ID"), stops_run=True),
    Check("ARCHIVED_BUT_OPEN", _WARNING, backlog.problems("ARCHIVED_BUT_OPEN")),
    Check("OVER_BUT_NOT_ARCHIVED", _INFO, backlog.not_archived),
    Check("PIPELINE_UNKNOWN", _ERROR, backlog.problems("PIPELINE_UNKNOWN"), stops_run=True),
    Check("PHASE_MISSING", _ERROR, backlog.problems("PHASE_MISSING"), stops_run=True),
    Check("PHASE_UNKNOWN", _ERROR, backlog.problems("PHASE_UNKNOWN"), stops_run=True),
    Check("PHASE_IN_WRONG_POOL", _ERROR, backlog.problems("PHASE_IN_WRONG_POOL"), stops_run=True),
    Check("DEPENDS_ON_ITSELF", _ERROR, backlog.problems("DEPENDS_ON_ITSELF"), stops_run=True),
    Check("DEPENDENCY_MISSING", _ERROR, backlog.problems("DEPENDENCY_MISSING"), stops_run=True),
    Check("DEPENDENCY_CANCELLED", _WARNING, backlog.problems("DEPENDENCY_CANCELLED")),
    Check("DEPENDENCY_CYCLE", _ERROR, backlog.problems("DEPENDENCY_CYCLE"), stops_run=True),
    Check("WORKLOG_LEFT_OUT", _INFO, backlog.left_out),
    Check("BACKLOG_CACHE_CORRUPT", _INFO, backlog.cache_corrupt, needs_git=False),
)


def examine(look: Look, checks: Iterable[Check] = CHECKS) -> list[Finding]:
    """What the checks find, each thing once."""
    found, failed = _looked(look, checks)
    is_explained = any(
        finding.is_error for finding in found
    )  # what keeps from looking has a check of its own
    return [*found, *([] if is_explained else failed)]


def refusals(look: Look) -> Iterator[str]:
    """Everything for which the run that is asked for would not begin, in its words."""
    found, _ = _looked(look, (check for check in CHECKS if check.stops_run))
    least = (Severity.WARNING, Severity.INFO)
    yield from dict.fromkeys(one.symptom.refusal for one in found if one.symptom.severity not in least)


def _looked(look: Look, checks: Iterable[Check]) -> tuple[list[Finding], list[Finding]]:
    """What is found, and where looking failed, each thing once."""
    found: dict[Finding, None] = {}
    failed: list[Finding] = []
    for check in checks:
        if look.damage and check.needs_git:
            continue
        try:
            for symptom in check.look_at(look):
                found[Finding(check.code, symptom.severity or check.severity, symptom)] = None
        except (PealError, OSError) as error:
            told = Symptom("this could not be looked at", str(error))
            failed.append(Finding(check.code, Severity.WARNING, told))
    return list(found), failed

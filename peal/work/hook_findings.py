"""The person's hooks look at a merge: what they refuse is for an agent where they can judge it, else for the person."""

from attrs import evolve

from peal.classes import frozen
from peal.model.process import Ended, Ending
from peal.model.review import Finding
from peal.model.work import Outcome, Result
from peal.reviewers import finding_of
from peal.text.display import harmless, last_line
from peal.work.attempt_context import AttemptContext
from peal.workspaces import OF_THE_BRANCH, OF_THE_TREE, Change

_REVIEW = 64 * 1024
"""Bytes of the end of a hook's output that make a finding."""
_CANNOT_RUN = (126, 127)
"""Exit statuses by which a shell says that a program cannot be run or is not there."""
_LEAVE_OUT = "leave hooks out with --no-hooks, then `peal resume`"


@frozen
class HookFindings:
    """What the hooks say of a merge."""

    findings: tuple[Finding, ...] = ()
    """For an agent to mend."""
    beyond: tuple[Finding, ...] = ()
    """Nothing that an agent could mend, and let through, for that is how the person wants it."""


def run_hooks(context: AttemptContext, change: Change) -> HookFindings | Outcome:
    """Commit the merge if the hooks let it pass; held where only the person can mend what they refuse."""
    for hook in change.begin_commit():
        ending = _asked(context, change, hook)
        if context.programs.cancel.is_set:
            return Outcome(Result.INTERRUPTED, "the run was ended")
        if not ending.is_clean:
            return _refused(context, change, hook, ending)
    change.commit()
    return HookFindings()


def _asked(context: AttemptContext, change: Change, hook: str) -> Ending:
    """Once more where a hook, as formatters do, changed files and refused."""
    ending = _heeded(context, change, hook)
    may_take_up = hook in OF_THE_TREE and not context.programs.cancel.is_set
    return (
        _heeded(context, change, hook) if not ending.is_clean and may_take_up and change.take_up() else ending
    )


def _heeded(context: AttemptContext, change: Change, hook: str) -> Ending:
    ending = _run(context, change, hook)
    change.take_over()
    return ending


def _run(context: AttemptContext, change: Change, hook: str, when: str = "") -> Ending:
    return context.help_by(change.hook(hook), f"hooks.{hook}{when}.", f"hook `{hook}`")


def _refused(context: AttemptContext, change: Change, hook: str, ending: Ending) -> HookFindings | Outcome:
    found = finding_of(f"hook {hook}", ending, *context.said(f"hooks.{hook}.", _REVIEW))
    if "\n" not in found.message:
        found = evolve(found, message=f"{found.message}, and it printed nothing")
    why = _beyond_agents(context, change, hook, ending)
    if not why:
        return HookFindings((found,))
    if context.roster.settings.on_findings_remaining == "warn":
        return HookFindings(beyond=(found,))
    return Outcome(Result.HELD, f"hook `{hook}` {why}, or {_LEAVE_OUT}")


def _beyond_agents(context: AttemptContext, change: Change, hook: str, ending: Ending) -> str:
    """Why no agent could make the hook pass, and what the person can do; empty if one could."""
    said = _in_short(context, hook, ending)
    ready = "ready worktrees for it with `worktree_setup`, mend it"
    if ending.how is Ended.EXITED and ending.exit_code in _CANNOT_RUN:
        return f"cannot run in a worktree ({said}); {ready}"
    if hook not in OF_THE_TREE:
        subject = harmless(change.message.partition("\n")[0])
        return (
            f"refuses the message `{subject}` ({said}); set `{_setting(change)}` to one that passes, {ready}"
        )
    if ending.how is Ended.EXITED and not _can_judge(context, change, hook):
        return f"refuses in a worktree what your branch holds already, too ({said}); {ready}"
    return ""


def _setting(change: Change) -> str:
    """What sets the message."""
    return "merge_message" if change.is_merge else "commit_message"


def _can_judge(context: AttemptContext, change: Change, hook: str) -> bool:
    """Whether the hook lets pass, in the same place, what the branch holds: with nothing to commit, or its newest commit."""
    try:
        return any(
            change.show_branch(is_change) and _run(context, change, hook, "-on-branch").is_clean
            for is_change in (False, True)
        )
    finally:
        change.show_again()


def held_back(context: AttemptContext, change: Change) -> Outcome | None:
    """Held if the person's own hook would not let the branch move to the merge; None if it may."""
    question = change.question()
    if question is None:
        return None
    ending = context.help_by(question, f"hooks.{OF_THE_BRANCH}.", f"hook `{OF_THE_BRANCH}`")
    if ending.is_clean:
        return None
    if context.programs.cancel.is_set:
        return Outcome(Result.INTERRUPTED, "the run was ended")
    said = _in_short(context, OF_THE_BRANCH, ending)
    branch = context.roster.workspaces.branch
    return Outcome(
        Result.HELD, f"hook `{OF_THE_BRANCH}` does not let `{branch}` move ({said}); mend it, or {_LEAVE_OUT}"
    )


def _in_short(context: AttemptContext, hook: str, ending: Ending) -> str:
    """How a hook ended, with its last words."""
    stdout, stderr = context.said(f"hooks.{hook}.", _REVIEW)
    words = last_line(stderr) or last_line(stdout) or "it printed nothing"
    return f"{finding_of('', ending).message}: {words}"

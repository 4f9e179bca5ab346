"""One round of `address`: the change is merged, hooks and reviewers look at it, the agent mends what they find."""

from attrs import evolve

from peal.model import Finding, Outcome, Result
from peal.phases import address
from peal.reviewers import finding_of
from peal.text import slug
from peal.work.desk import Desk, with_rescue
from peal.workspaces import Change

_REVIEW = 64 * 1024
"""Bytes of the end of a helper's output that make a finding."""


def one_round(desk: Desk, change: Change) -> Outcome:
    """Look, and let the agent mend what is found; whether that helped is for the next round to say."""
    attempt, settings = desk.attempt, desk.crew.settings
    change.ready()
    conflicts = change.conflicts()
    found = conflicts or (*_hooked(desk, change), *_reviewed(desk, change))
    if desk.programs.cancel.is_set:
        return Outcome(Result.INTERRUPTED, "the run was ended")
    findings = tuple(finding for finding in found if finding.mark not in attempt.charged)
    if not findings:
        why = "what was found stands against another task" * bool(found)
        return Outcome(Result.PASSED, why, commit=change.verified())
    rounds = settings.max_address_rounds
    if attempt.round >= rounds:
        outcome = Outcome(Result.REJECTED, f"`max_address_rounds` is {rounds}", findings)
    else:
        change.clean()
        outcome = desk.ask(findings)
    match outcome.result:
        case Result.MENDED:
            commit = change.mended()
            left = "; conflicts remain" if conflicts and not commit else ""
            return evolve(outcome, commit=commit, reason=outcome.reason + left)
        case Result.REJECTED if conflicts:
            return address.clashed(conflicts, outcome.reason)
        case Result.REJECTED:
            ended = address.remaining(findings, settings.on_findings_remaining, outcome.reason)
            return evolve(ended, commit=change.verified()) if ended.result is Result.PASSED else ended
        case _:
            return with_rescue(outcome, change)


def _hooked(desk: Desk, change: Change) -> tuple[Finding, ...]:
    """Commit the merge under the person's hooks; again where they, as formatters do, changed files and refused."""
    command = change.commit_command()
    if not command:
        return ()
    ending = desk.help(command, "hooks.", "`git commit`")
    if not ending.is_clean and not desk.programs.cancel.is_set and change.take_up():
        ending = desk.help(command, "hooks.", "`git commit`")
    if ending.is_clean:
        change.committed()
        return ()
    return (finding_of("git hooks", ending, *desk.said("hooks.", _REVIEW)),)


def _reviewed(desk: Desk, change: Change) -> tuple[Finding, ...]:
    found: list[Finding] = []
    for number, reviewer in enumerate(desk.crew.reviewers, 1):
        prefix = f"review-{number}-{slug(reviewer.name)}."
        ending = desk.help(reviewer.command(change.path), prefix, f"reviewer `{reviewer.name}`")
        found += reviewer.findings(ending, *desk.said(prefix, _REVIEW))
    return tuple(found)

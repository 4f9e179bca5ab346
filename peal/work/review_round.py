"""One round of `address`: the change is merged, hooks and reviewers look at it, the agent mends what they find."""

from attrs import evolve

from peal.model.review import Finding, Round
from peal.model.work import Outcome, Result
from peal.phases import address
from peal.work.attempt_context import AttemptContext, with_rescue
from peal.work.hook_findings import HookFindings, held_back, run_hooks
from peal.work.review import ReviewedChange, capped, reviewed, sifted, tell_reviewers
from peal.workspaces import Change


def review_round(context: AttemptContext, change: Change) -> Outcome:
    """Look, and let the agent mend what is found; whether that helped is for the next round to say."""
    outcome = _round(context, change)
    if outcome.result is Result.PASSED:
        outcome = held_back(context, change) or outcome
    return evolve(outcome, findings=capped(outcome.findings), usage=(*outcome.usage, *context.used))


def _round(context: AttemptContext, change: Change) -> Outcome:
    review = ReviewedChange(context, change)
    change.check_out()
    conflicts = change.conflicts()
    said = HookFindings() if conflicts else run_hooks(context, change)
    if isinstance(said, Outcome):
        return said
    found = conflicts or _found(review, said)
    if context.programs.cancel.is_set:
        return Outcome(Result.INTERRUPTED, "the run was ended")
    if isinstance(found, Outcome):
        return found
    seen = sifted(context, found)
    if not seen.standing:
        told = [text for reviewer in context.reviewers for text in reviewer.told]
        why = "; ".join(filter(None, (address.passed_over(seen.others, len(seen.dismissed)), *told)))
        if said.beyond:
            why = address.remaining(said.beyond, "warn", "no agent can mend that").reason
        return Outcome(
            Result.PASSED, why, said.beyond, dismissed=seen.dismissed, commit=change.commit_verified()
        )
    outcome = evolve(_mended(review, seen.standing), round=Round.of(seen.standing))
    tell_reviewers(review, outcome.dismissed)
    outcome = evolve(outcome, dismissed=(*seen.dismissed, *outcome.dismissed))
    return _ended(outcome, change, seen.standing, conflicts, context.roster.settings.on_findings_remaining)


def _found(review: ReviewedChange, said: HookFindings) -> tuple[Finding, ...] | Outcome:
    found = reviewed(review)
    return found if isinstance(found, Outcome) else (*said.findings, *found)


def _mended(review: ReviewedChange, findings: tuple[Finding, ...]) -> Outcome:
    """What the agent makes of the findings, unless the rounds are over."""
    context, settings = review.context, review.context.roster.settings
    seen = (*context.order.review.seen, Round.of(findings))
    if why := address.why_over(seen, settings.max_address_rounds, settings.patience):
        return Outcome(Result.REJECTED, why, findings)
    review.change.clean()
    return context.ask(findings)


def _ended(
    outcome: Outcome,
    change: Change,
    findings: tuple[Finding, ...],
    conflicts: tuple[Finding, ...],
    policy: str,
) -> Outcome:
    match outcome.result:
        case Result.MENDED:
            commit = change.commit_mended()
            left = "; conflicts remain" if conflicts and not commit else ""
            return evolve(outcome, commit=commit, reason=outcome.reason + left)
        case Result.REJECTED if conflicts:
            return address.clashed(conflicts, outcome.reason)
        case Result.REJECTED:
            ended = evolve(
                address.remaining(findings, policy, outcome.reason),
                dismissed=outcome.dismissed,
                round=outcome.round,
            )
            return evolve(ended, commit=change.commit_verified()) if ended.result is Result.PASSED else ended
        case _:
            return with_rescue(outcome, change)

"""`address`: reviewers look, the agent mends what they find, until they find nothing."""

from peal.model import Finding, Outcome, Result
from peal.phases.verdict import Evidence, unfit
from peal.text import count


def verdict(evidence: Evidence) -> Outcome:
    """A round of mending that ended well; whether it helped is for the reviewers to say."""
    return unfit(evidence) or Outcome(
        Result.MENDED,
        f"worked on {_found(evidence.findings)} ({_reviewers(evidence.findings)})",
        evidence.findings,
    )


def remaining(findings: tuple[Finding, ...], policy: str, why: str) -> Outcome:
    """The end of a task whose findings nobody can mend any more, by `on_findings_remaining`."""
    result = Result.PASSED if policy == "warn" else Result.REJECTED
    return Outcome(result, f"{_found(findings)} left ({_reviewers(findings)}): {why}", findings)


def clashed(conflicts: tuple[Finding, ...], why: str) -> Outcome:
    """The end of the rounds on a change that cannot be merged."""
    first, *others = (finding.message.partition("\n")[0] for finding in conflicts)
    more = f" and {len(others)} more" if others else ""
    return Outcome(Result.CONFLICTED, f"{first}{more}; {why}", conflicts)


def _found(findings: tuple[Finding, ...]) -> str:
    return count(len(findings), "finding")


def _reviewers(findings: tuple[Finding, ...]) -> str:
    return ", ".join(dict.fromkeys(finding.reviewer for finding in findings))

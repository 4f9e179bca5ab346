"""`address`: reviewers look, the agent mends what they find, until they find nothing."""

from peal.model import Finding, Outcome, Result
from peal.phases.verdict import Evidence, unfinished
from peal.text import count


def verdict(evidence: Evidence) -> Outcome:
    """A round of mending that ended well; whether it helped is for the reviewers to say."""
    return unfinished(evidence) or Outcome(
        Result.MENDED,
        f"worked on {_found(evidence.findings)} ({_reviewers(evidence.findings)})",
        evidence.findings,
    )


def remaining(findings: tuple[Finding, ...], policy: str, why: str) -> Outcome:
    """The end of a task whose findings nobody can mend any more, by `on_findings_remaining`."""
    result = Result.PASSED if policy == "warn" else Result.REJECTED
    return Outcome(result, f"{_found(findings)} left ({_reviewers(findings)}): {why}", findings)


def _found(findings: tuple[Finding, ...]) -> str:
    return count(len(findings), "finding")


def _reviewers(findings: tuple[Finding, ...]) -> str:
    return ", ".join(dict.fromkeys(finding.reviewer for finding in findings))

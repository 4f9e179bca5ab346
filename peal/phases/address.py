"""`address`: reviewers look, the agent mends what they find, until they find nothing."""

from collections.abc import Sequence

from attrs import evolve

from peal.model.review import DISMISSALS, Finding, Round
from peal.model.work import Outcome, Result
from peal.phases.verdict import Evidence, unfit
from peal.text.display import count
from peal.text.json_replies import answer_with


def verdict(evidence: Evidence) -> Outcome:
    """A round of mending that ended well; whether it helped is for the reviewers to say."""
    return unfit(evidence) or Outcome(
        Result.MENDED,
        f"worked on {_found(evidence.findings)} ({_reviewers(evidence.findings)})",
        evidence.findings,
        dismissed=dismissed(evidence.reply.text, evidence.findings),
    )


def dismissed(reply: str, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """
    The findings that the agent dismisses, by the JSON object with `verdicts` that it was asked to end with.

    Nothing else that it says counts, and nothing but one of the four reasons; a reviewer whose findings cannot be
    dismissed is not passed over.
    """
    answer = answer_with("verdicts", reply)
    listed = answer["verdicts"] if answer else None
    by_number, found = dict(enumerate(findings, 1)), {}
    for verdict in listed if isinstance(listed, list) else ():
        if not isinstance(verdict, dict) or verdict.get("verdict") != "dismiss":
            continue
        number, reason, why = (verdict.get(key) for key in ("finding", "reason", "why"))
        named = by_number.get(number) if type(number) is int else None
        if named and named.may_dismiss and reason in DISMISSALS:
            words = f": {why.strip()}" if isinstance(why, str) and why.strip() else ""
            found[number] = evolve(named, dismissed=f"{reason}{words}")
    return tuple(found.values())


def why_over(seen: Sequence[Round], rounds: int, patience: int) -> str:
    """
    Why there is no point in mending once more; empty if there is. `seen` are all rounds of this task, this one last.

    The rounds are over when they are used up, when the same findings come back that were gone in between, or when for
    `patience` rounds (0: for ever) there have not been fewer.
    """
    *before, now = seen
    if len(before) >= rounds:
        return f"`max_address_rounds` is {rounds}"
    if before and now != before[-1] and now in before:
        return f"the same {count(now.count, 'finding')} came back"
    fewest = min(range(len(seen)), key=lambda number: seen[number].count)
    if patience and len(before) - fewest >= patience:
        return f"no fewer findings for {count(patience, 'round')} (`patience`)"
    return ""


def passed_over(others: int, own: int) -> str:
    """What is said of a change that passed although something was found."""
    parts = [f"{count(others, 'finding')} passed over: against another task, or dismissed"] * bool(others)
    return "; ".join([*parts, *[f"{count(own, 'finding')} dismissed"] * bool(own)])


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

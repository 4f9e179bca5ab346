"""What reviewers find."""

import hashlib
import re
from collections.abc import Iterable
from enum import StrEnum

from peal.classes import frozen


class Severity(StrEnum):
    """How much a finding weighs, the most first."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    def weighs_as_much_as(self, other: "Severity") -> bool:
        """Whether it weighs no less than `other`."""
        weights = list(Severity)
        return weights.index(self) <= weights.index(other)


@frozen
class Finding:
    """One thing a reviewer reports."""

    reviewer: str
    message: str
    path: str = ""
    """The file it is about, relative to the change's folder; empty if it is about no file."""
    line: int = 0
    """The line it is about, counted from 1; 0 if it is about none."""
    rule: str = ""
    """What the reviewer calls this kind of finding."""
    severity: Severity = Severity.ERROR
    context: str = ""
    """The text of that line, without blanks around it."""
    suggestion: str = ""
    """How the reviewer would mend it."""
    id: str = ""
    """What the reviewer calls this very finding."""
    may_dismiss: bool = False
    """Whether an agent's word is enough to pass over it."""
    dismissed: str = ""
    """Why it is passed over: one of `DISMISSALS`, with the agent's own words behind it; empty if it stands."""

    @property
    def fingerprint(self) -> str:
        """Equal for the same finding seen again: lines, and numbers in what is said, may have moved."""
        said = re.sub(r"\d+", "0", self.message)
        parts = (self.reviewer, self.path, self.rule, said, self.context)
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


DISMISSALS = ("false_positive", "already_correct", "wrong_suggestion", "out_of_scope")
"""Why a finding may be passed over."""


@frozen
class Round:
    """What reviewers found in one look, in short: ten thousand findings need not be remembered to tell progress."""

    count: int
    digest: str
    """Equal for the same findings, in whatever order."""

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> "Round":
        """The round in which these were found."""
        marks = sorted(finding.fingerprint for finding in findings)
        return cls(len(marks), hashlib.sha256("\n".join(marks).encode()).hexdigest()[:16])
